//! `GET /api/rooms/{room}/ws`: a snapshot, then every change; commands the other way.
//!
//! A socket that does not read is waited for by its own task alone: what it misses is dropped by the
//! room's broadcast and made good by a new snapshot.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{
    CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code, rejection::WebSocketUpgradeRejection,
};
use axum::http::{StatusCode, header};
use axum::response::Response;
use signaling::{ClientMessage, Command, FloorAnswer, Refused, Right, RoomName, ServerMessage, TrackId};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Api;
use super::auth::Bearer;
use super::input::{Caller, InRoom};
use super::problems::Problem;
use crate::rooms::Subscription;

/// The longest message that is taken for a command.
const MESSAGE_BYTES: usize = 16 * 1024;
/// A longer one than this is not even read: the socket closes.
const FRAME_BYTES: usize = 64 * 1024;
const PING_EVERY: Duration = Duration::from_secs(20);
/// Three pings unanswered: nobody is there.
const SILENT_FOR: Duration = Duration::from_secs(61);
/// Who does not read for so long is let go.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// Commands: a fader dragged by hand makes 60 a second.
const COMMANDS_PER_S: f64 = 200.0;
const COMMANDS_AT_ONCE: f64 = 400.0;
/// Messages refused for being too many, with no calm between them, after which the socket closes.
const FLOOD: u32 = 2000;

/// Follow a room and move its desk
///
/// A WebSocket: first a `snapshot`, then a `patch` for each change with consecutive versions, `meters` at 25 Hz while
/// somebody is heard, and `event`s. It takes the same commands as REST, as `ClientMessage`s. Needs the right `listen`,
/// for commands those of REST; the token may come as `?access_token=`.
#[utoipa::path(get, path = "/api/rooms/{room}/ws", tag = "rooms", params(
    ("room" = RoomName, Path),
    ("access_token" = Option<String>, Query, description = "The token, for browsers, which can send no Authorization here"),
), responses(
    (status = 101, description = "`ServerMessage`s as text from here on"),
    (status = 404, body = signaling::Problem, content_type = "application/problem+json"),
    (status = 426, description = "Not a WebSocket handshake", body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn follow(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    InRoom(room): InRoom,
    Caller(address): Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    bearer.may(&room, Right::Listen)?;
    let upgrade = upgrade.map_err(|error| {
        let detail = format!("this is a WebSocket (RFC 6455): {}", error.body_text());
        Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade", "Upgrade required", detail)
            .with(header::UPGRADE, "websocket")
            .with(header::CONNECTION, "upgrade")
    })?;
    let subscription = api.rooms.subscribe(&room).await?;
    let upgrade = upgrade.max_message_size(FRAME_BYTES).max_frame_size(FRAME_BYTES);
    Ok(upgrade.on_upgrade(async move |socket| {
        let sockets = api.sockets.clone();
        let budget = Budget::new(api.clock.now());
        sockets
            .track_future(
                Session { api, room, bearer, address, socket, budget, refused: 0, peer: None }.run(subscription),
            )
            .await;
    }))
}

/// One open socket.
struct Session {
    api: Arc<Api>,
    room: RoomName,
    bearer: Bearer,
    /// Who moves the desk, as events say it.
    address: String,
    socket: WebSocket,
    budget: Budget,
    /// Messages refused for being too many since it was last calm.
    refused: u32,
    /// The peer that it speaks for, if it has said so.
    peer: Option<TrackId>,
}

/// Why a socket ends.
enum End {
    /// The client has gone, or does not read.
    Gone,
    /// We say why and close.
    Close(u16, &'static str),
}

impl Session {
    async fn run(mut self, subscription: Subscription) {
        let _open = self.api.metrics.socket();
        let Err(end) = self.serve(subscription).await;
        if let End::Close(code, reason) = end {
            let frame = CloseFrame { code, reason: reason.into() };
            let _ = timeout(SEND_WITHIN, self.socket.send(Message::Close(Some(frame)))).await;
            // The client answers with its own close; what it sent before is of no use any more.
            let _ =
                timeout(Duration::from_secs(1), async { while let Some(Ok(_)) = self.socket.recv().await {} }).await;
        }
    }

    /// Runs until an end.
    async fn serve(&mut self, mut subscription: Subscription) -> Result<std::convert::Infallible, End> {
        self.send_snapshot(&subscription).await?;
        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.tick().await;
        let mut heard = self.api.clock.now();
        let closing = self.api.closing.clone();
        loop {
            tokio::select! {
                update = subscription.updates.recv() => match update {
                    Ok(update) if update.to.is_some() && update.to != self.peer => {}
                    Ok(update) => {
                        self.send(&update.text).await?;
                        if is_closed(&update.text) {
                            return Err(self.closed());
                        }
                    }
                    Err(RecvError::Lagged(_)) => {
                        let again = self.api.rooms.subscribe(&self.room).await;
                        subscription = match again {
                            Ok(subscription) => subscription,
                            Err(_) => return Err(self.say_closed().await),
                        };
                        self.send_snapshot(&subscription).await?;
                    }
                    Err(RecvError::Closed) => return Err(self.say_closed().await),
                },
                message = self.socket.recv() => {
                    heard = self.api.clock.now();
                    match message {
                        Some(Ok(message)) => self.take(message).await?,
                        Some(Err(error)) => return Err(unreadable(&error)),
                        None => return Err(End::Gone),
                    }
                }
                _ = ping.tick() => {
                    if self.api.clock.now().saturating_sub(heard) > SILENT_FOR {
                        return Err(End::Gone);
                    }
                    self.send_message(Message::Ping(Default::default())).await?;
                }
                () = closing.cancelled() => return Err(self.say_closed().await),
            }
        }
    }

    async fn take(&mut self, message: Message) -> Result<(), End> {
        match message {
            Message::Text(text) => self.command(text.as_str()).await,
            Message::Binary(_) => {
                self.api.metrics.command(false);
                let problem = Problem::malformed(
                    "malformed-command",
                    "Not a command",
                    "a command is JSON in a text message, not binary",
                );
                self.reply(None, Err(problem)).await
            }
            // axum answers both.
            Message::Ping(_) | Message::Close(_) => Ok(()),
            Message::Pong(_) => Ok(()),
        }
    }

    async fn command(&mut self, text: &str) -> Result<(), End> {
        let (reference, done) = self.carry_out(text).await;
        self.api.metrics.command(done.is_ok());
        if done.is_err() || reference.is_some() {
            self.reply(reference, done).await?;
        }
        if self.refused >= FLOOD { Err(End::Close(close_code::POLICY, "too many commands")) } else { Ok(()) }
    }

    async fn carry_out(&mut self, text: &str) -> (Option<u64>, Result<Option<FloorAnswer>, Problem>) {
        if text.len() > MESSAGE_BYTES {
            let detail = format!("a message has at most {MESSAGE_BYTES} bytes, got {}", text.len());
            return (None, Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail)));
        }
        let parsed = ClientMessage::parse(text);
        if !self.budget.take(self.api.clock.now()) {
            self.refused += 1;
            let detail = format!("at most {COMMANDS_PER_S} commands a second");
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-commands", "Too many commands", detail);
            return (parsed.map_or_else(|refused| refused.reference, |message| message.reference), Err(problem));
        }
        if self.budget.is_calm() {
            self.refused = 0;
        }
        let message = match parsed {
            Ok(message) => message,
            Err(Refused { reference, detail }) if is_json(text) => return (reference, Err(Problem::invalid(detail))),
            Err(Refused { reference, detail }) => {
                return (reference, Err(Problem::malformed("malformed-json", "Malformed JSON", detail)));
            }
        };
        let done = super::floor::carry_out(&self.api, &self.bearer, &self.room, message.command.clone(), &self.address);
        let done = done.await;
        if let (Command::Identify { id }, Ok(_)) = (message.command, &done) {
            self.peer = Some(id);
        }
        (message.reference, done)
    }

    async fn reply(&mut self, reference: Option<u64>, done: Result<Option<FloorAnswer>, Problem>) -> Result<(), End> {
        let (floor, problem) = match done {
            Ok(floor) => (floor, None),
            Err(problem) => (None, Some(problem.into_body())),
        };
        self.send_own(&ServerMessage::Reply { reference, problem, floor }).await
    }

    async fn send_snapshot(&mut self, subscription: &Subscription) -> Result<(), End> {
        self.api.metrics.snapshot();
        self.send(&subscription.snapshot).await
    }

    async fn send_own(&mut self, message: &ServerMessage) -> Result<(), End> {
        self.send(&serde_json::to_string(message).expect("replies have string keys")).await
    }

    async fn send(&mut self, text: &str) -> Result<(), End> {
        self.send_message(Message::text(text)).await
    }

    async fn send_message(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_WITHIN, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// For a room that went without a word, or a server that goes.
    async fn say_closed(&mut self) -> End {
        let reason = if self.is_server_going() { "server is shutting down" } else { "room closed" };
        match self.send_own(&ServerMessage::Closed { reason: reason.to_owned() }).await {
            Ok(()) => self.closed(),
            Err(end) => end,
        }
    }

    fn closed(&self) -> End {
        match self.is_server_going() {
            true => End::Close(close_code::AWAY, "server is shutting down"),
            false => End::Close(close_code::NORMAL, "room closed"),
        }
    }

    fn is_server_going(&self) -> bool {
        self.api.rooms.is_draining() || self.api.closing.is_cancelled()
    }
}

fn is_closed(update: &str) -> bool {
    update.starts_with(r#"{"type":"closed""#)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The WebSocket library tells what it met in words only.
fn unreadable(error: &axum::Error) -> End {
    if error.to_string().contains("too long") {
        End::Close(close_code::SIZE, "the message is too long")
    } else {
        End::Close(close_code::PROTOCOL, "not a WebSocket message")
    }
}

/// A bucket of commands that fills at a steady rate.
struct Budget {
    left: f64,
    at: Duration,
}

impl Budget {
    fn new(now: Duration) -> Self {
        Self { left: COMMANDS_AT_ONCE, at: now }
    }

    /// Whether it is at least half full.
    fn is_calm(&self) -> bool {
        self.left >= COMMANDS_AT_ONCE / 2.0
    }

    /// Whether there is one more command in it.
    fn take(&mut self, now: Duration) -> bool {
        let since = now.saturating_sub(self.at).as_secs_f64();
        self.at = now;
        self.left = (self.left + since * COMMANDS_PER_S).min(COMMANDS_AT_ONCE);
        let some = self.left >= 1.0;
        if some {
            self.left -= 1.0;
        }
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_200_a_second() {
        let mut budget = Budget::new(Duration::ZERO);
        let burst = (0..1000).filter(|_| budget.take(Duration::ZERO)).count();
        assert_eq!(burst, 400);
        let next_second = (1..=1000).filter(|ms| budget.take(Duration::from_millis(*ms))).count();
        assert!((199..=200).contains(&next_second), "{next_second}");
        let much_later = (0..1000).filter(|_| budget.take(Duration::from_secs(3600))).count();
        assert_eq!(much_later, 400);
    }

    #[test]
    fn the_room_is_closed_by_its_own_words_only() {
        let closed = ServerMessage::Closed { reason: "room closed".into() };
        assert!(is_closed(&serde_json::to_string(&closed).unwrap()));
        let event = ServerMessage::Event { at: 1, address: "desk".into(), event: r#"{"type":"closed""#.into() };
        assert!(!is_closed(&serde_json::to_string(&event).unwrap()));
    }
}
