//! A server on a free port, and an HTTP client that sends exactly what it is told.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::Value;
use server::{Running, config::Config};
use signaling::{Claims, Right};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub const BROWSER: &str = include_str!("../offers/browser.sdp");
pub const KEY: &str = "a key of more than thirty-two bytes, for tests";
/// Nothing here takes long; what does has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn start() -> Running {
    start_with(|_| {}).await
}

pub async fn start_with(change: impl FnOnce(&mut Config)) -> Running {
    let mut config = Config { listen: "127.0.0.1:0".parse().unwrap(), workers: 1, ..Config::default() };
    change(&mut config);
    server::start(config).await.unwrap()
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// That it is a problem as RFC 9457 has it, and its detail.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: signaling::Problem = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.status, status, "{self:?}");
        assert!(problem.kind.starts_with("/problems/") && !problem.title.is_empty(), "{self:?}");
        assert!(problem.detail.len() > 5, "{self:?}");
        problem.detail
    }
}

/// One request on a connection of its own.
pub async fn send(
    server: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Answer {
    let body = body.as_ref();
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    send_raw(server, &[(head + "\r\n").as_bytes(), body].concat()).await
}

/// Sends these bytes and reads until the server closes.
pub async fn send_raw(server: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server answers and closes").unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer:?}"));
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

pub async fn get(server: SocketAddr, path: &str) -> Answer {
    send(server, "GET", path, &[], "").await
}

pub async fn send_json(server: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    send(server, method, path, &[("Content-Type", "application/json")], body).await
}

pub async fn make_room(server: SocketAddr, room: &str) {
    assert_eq!(send(server, "PUT", &format!("/api/rooms/{room}"), &[], "").await.status, 201);
}

/// Joins by WHIP and hands back the Location and the ETag. Its audio never comes, which HTTP does not mind.
pub async fn publish(server: SocketAddr, room: &str) -> (String, String) {
    let answer =
        send(server, "POST", &format!("/whip/{room}?name=tone"), &[("Content-Type", "application/sdp")], BROWSER).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    (answer.header("location").unwrap().to_owned(), answer.header("etag").unwrap().to_owned())
}

/// A token for a room, good for so many seconds from now.
pub fn token(room: &str, can: &[Right], seconds: i64) -> String {
    sign(room, can, seconds, KEY)
}

pub fn sign(room: &str, can: &[Right], seconds: i64, key: &str) -> String {
    let exp = (server::clock::wall_clock_ms() / 1000).saturating_add_signed(seconds);
    let claims = Claims { room: room.to_owned(), can: can.to_vec(), exp, priority: 0 };
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(key.as_bytes())).unwrap()
}

/// A WebSocket of a test.
pub struct Socket(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn open(server: SocketAddr, path: &str) -> Self {
        Self(connect_async(format!("ws://{server}{path}")).await.unwrap_or_else(|error| panic!("{path}: {error}")).0)
    }

    /// Opens the room's socket and takes its snapshot; also gives the snapshot's version.
    pub async fn follow(server: SocketAddr, room: &str) -> (Self, u64) {
        let mut socket = Self::open(server, &format!("/api/rooms/{room}/ws")).await;
        let snapshot = socket.next().await;
        assert_eq!(snapshot["type"], "snapshot", "{snapshot}");
        let version = snapshot["version"].as_u64().unwrap();
        (socket, version)
    }

    pub async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message that is JSON.
    pub async fn next(&mut self) -> Value {
        match self.next_message().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("the socket ended: {other:?}"),
        }
    }

    /// The next message of this type; others are passed over.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Everything up to the close, and the close.
    pub async fn until_closed(&mut self) -> (Vec<Value>, Option<CloseFrame>) {
        let mut messages = Vec::new();
        loop {
            match self.next_message().await {
                Some(Message::Text(text)) => messages.push(serde_json::from_str(&text).unwrap()),
                Some(Message::Close(frame)) => return (messages, frame),
                _ => return (messages, None),
            }
        }
    }

    async fn next_message(&mut self) -> Option<Message> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("the server says something") {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }
}
