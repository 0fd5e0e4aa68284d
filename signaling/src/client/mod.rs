//! The client for programs: REST, WebSocket, and joining a room over WebRTC.
//!
//! [`Client`] speaks HTTP; [`Client::publish`] gives a [`Publisher`] (WHIP), [`Client::listen`] a
//! [`Listener`] (WHEP), [`Client::join`] both on one connection (`/api/offer`), and
//! [`Client::events`] the room's WebSocket. Who needs thousands of connections drives [`LeanPeer`]s himself. It deals in Opus packets: it neither encodes nor
//! decodes.

mod connection;
mod events;
mod feedback;
mod join;
mod lean;
mod listener;
mod publisher;
mod rest;

use std::{sync::Once, time::Duration};

use reqwest::Url;

pub use connection::{Direction, State};
pub use events::{Events, EventsError};
pub use feedback::SendStats;
pub use join::{Duplex, JoinError, Publish};
pub use lean::{AdmitError, Admitted, Identity, LeanPeer, Progress};
pub use listener::{Listener, Packet};
pub use publisher::{Publisher, SendError};
pub use rest::RequestError;

/// How long a server may take to accept a TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one HTTP request may take in all.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// One server, with the token that its calls carry. Cheap to clone: clones share the connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    server: Url,
    token: Option<String>,
}

/// The address is not one of a server: the caller's fault, a retry does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server must be an address such as http://127.0.0.1:8080, got {got:?}")]
pub struct InvalidServer {
    got: String,
}

impl Client {
    /// A client of the server at `server` (`http://` or `https://`); connects to nothing yet.
    pub fn new(server: &str, token: Option<String>) -> Result<Self, InvalidServer> {
        install_crypto();
        let invalid = || InvalidServer { got: server.to_owned() };
        let mut url = Url::parse(server).map_err(|_| invalid())?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(invalid());
        }
        // Paths are joined to it, and a join replaces what stands after the last slash.
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .user_agent(concat!("mixminus/", env!("CARGO_PKG_VERSION")))
            .build()
            .expect("the settings above are valid and a crypto provider is installed");
        Ok(Self { http, server: url, token })
    }

    /// The server's address, without a slash at its end.
    pub fn server(&self) -> &str {
        self.server.as_str().trim_end_matches('/')
    }

    fn url(&self, path: &str) -> Url {
        self.server.join(path).expect("paths are made of checked names")
    }
}

/// The tree has one crypto provider, and rustls wants it named once a process.
fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An Err says that the program has installed one before us, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_no_server_is_refused_with_an_example() {
        for bad in ["", "localhost:8080", "ftp://a", "http://", "8080"] {
            let error = Client::new(bad, None).expect_err(bad).to_string();
            assert!(error.contains("http://127.0.0.1:8080"), "{error}");
        }
    }

    #[test]
    fn a_server_under_a_path_keeps_its_path() {
        let client = Client::new("https://example.org/audio", None).unwrap();
        assert_eq!(client.url("api/rooms").as_str(), "https://example.org/audio/api/rooms");
        assert_eq!(client.server(), "https://example.org/audio");
    }
}
