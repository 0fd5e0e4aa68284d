//! A room's WebSocket.

use futures_util::{SinkExt, StreamExt};
use reqwest::StatusCode;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Error, Message, client::IntoClientRequest, http::header},
};

use super::{Client, RequestError, rest};
use crate::{ClientMessage, RoomName, ServerMessage};

/// Why a room cannot be followed (any more).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EventsError {
    /// The server was not reached or said no.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The connection broke: subscribe again, the snapshot brings what was missed.
    #[error("the connection to the room broke: {0}")]
    Broken(String),
}

impl EventsError {
    /// Whether subscribing again may succeed.
    pub fn retry_helps(&self) -> bool {
        match self {
            Self::Request(error) => error.retry_helps(),
            Self::Broken(_) => true,
        }
    }
}

/// A subscription to one room: first a snapshot, then every change.
#[derive(Debug)]
pub struct Events {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// Follows a room by `GET /api/rooms/{room}/ws`.
    pub async fn events(&self, room: &RoomName) -> Result<Events, EventsError> {
        let mut url = self.url(&format!("api/rooms/{room}/ws"));
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        url.set_scheme(scheme).expect("both are special schemes");
        let mut request = url.as_str().into_client_request().map_err(|e| self.unreachable(&e))?;
        if let Some(token) = &self.token {
            let bearer = format!("Bearer {token}")
                .parse()
                .map_err(|_| EventsError::Broken("the token holds characters that no token has".into()))?;
            request.headers_mut().insert(header::AUTHORIZATION, bearer);
        }
        let connect = tokio_tungstenite::connect_async(request);
        match tokio::time::timeout(super::REQUEST_TIMEOUT, connect).await {
            Ok(Ok((socket, _))) => Ok(Events { socket }),
            Ok(Err(Error::Http(response))) => {
                let body = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
                Err(rest::refusal(url.to_string(), status, &body).into())
            }
            Ok(Err(error)) => Err(self.unreachable(&error).into()),
            Err(late) => Err(self.unreachable(&late).into()),
        }
    }
}

impl Events {
    /// The next message and its JSON as it came; none once the server has closed the room or the
    /// subscription. A type that this version does not know is passed over.
    pub async fn next(&mut self) -> Option<Result<(ServerMessage, String), EventsError>> {
        loop {
            match self.socket.next().await? {
                Ok(Message::Text(text)) => {
                    if let Ok(message) = serde_json::from_str(&text) {
                        return Some(Ok((message, text.to_string())));
                    }
                }
                Ok(Message::Close(_)) => return None,
                // Pings are answered by the socket itself while it is read.
                Ok(_) => {}
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => return None,
                Err(error) => return Some(Err(EventsError::Broken(error.to_string()))),
            }
        }
    }

    /// Sends a command; its reply, if it has a `ref`, comes by [`Events::next`].
    pub async fn send(&mut self, message: &ClientMessage) -> Result<(), EventsError> {
        let text = serde_json::to_string(message).expect("a message has no map with keys that are not text");
        self.socket.send(Message::text(text)).await.map_err(|e| EventsError::Broken(e.to_string()))
    }

    /// Says goodbye. Dropping the subscription does as well, less politely.
    pub async fn close(mut self) {
        let _ = self.socket.close(None).await;
    }
}
