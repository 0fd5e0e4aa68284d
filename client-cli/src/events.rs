//! `mixminus events`: what happens in a room, as it happens.

use anyhow::Context;
use clap::Args;
use signaling::{RoomName, ServerMessage};

use crate::{cli::Global, output, stop};

/// Follow what happens in a room
///
/// One line each: `[milliseconds since the server started] [address] event`.
#[derive(Debug, Args)]
#[command(after_help = "With --json: every message of the room's WebSocket, one in a line.")]
pub struct Follow {
    /// The room
    room: RoomName,
}

impl Follow {
    /// Prints events until the room closes or Ctrl-C.
    pub async fn run(self, global: &Global) -> anyhow::Result<()> {
        let stop = stop::on_signal();
        let mut events = global.client().events(&self.room).await.with_context(|| format!("room {}", self.room))?;
        loop {
            let message = tokio::select! {
                message = events.next() => message,
                () = stop.cancelled() => break,
            };
            let Some(message) = message else { break };
            let (message, raw) = message?;
            match &message {
                _ if global.json => output::line(&raw)?,
                ServerMessage::Event { at, address, event } => output::line(&format!("[{at}] [{address}] {event}"))?,
                _ => {}
            }
            if let ServerMessage::Closed { reason } = message {
                output::note(&format!("mixminus: {}: {reason}", self.room));
                return Ok(());
            }
        }
        events.close().await;
        Ok(())
    }
}
