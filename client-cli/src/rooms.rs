//! `mixminus rooms`: what rooms there are.

use anyhow::Context;
use clap::Args;
use signaling::RoomName;

use crate::{cli::Global, output};

/// List the rooms and who is in them, or show one: its strips, and who has its floor
#[derive(Debug, Args)]
#[command(after_help = "With --json: the array of GET /api/rooms, of one room GET /api/rooms/{room}.")]
pub struct Rooms {
    /// The room to show [default: all, a line each]
    room: Option<RoomName>,
}

impl Rooms {
    /// Asks for the list and prints it.
    pub async fn run(self, global: &Global) -> anyhow::Result<()> {
        if let Some(room) = &self.room {
            let room = global.client().room(room).await.with_context(|| format!("room {room}"))?;
            if global.json {
                output::json(&room)?;
            } else {
                output::line(&output::strips(&room))?;
            }
            return Ok(());
        }
        let rooms = global.client().rooms().await?;
        if global.json {
            output::json(&rooms)?;
        } else if rooms.is_empty() {
            output::line("no rooms")?;
        }
        for room in rooms.iter().filter(|_| !global.json) {
            let names: Vec<_> = room.tracks.iter().map(|track| track.name.as_str()).collect();
            output::line(&format!(
                "{}  {}, {}{}{}",
                room.room,
                output::counted(room.tracks.len(), "track"),
                output::counted(room.listeners as usize, "listener"),
                if names.is_empty() { "" } else { ": " },
                names.join(", "),
            ))?;
        }
        Ok(())
    }
}
