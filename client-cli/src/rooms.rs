//! `mixminus rooms`: what rooms there are.

use clap::Args;

use crate::{cli::Global, output};

/// List the rooms and who is in them
#[derive(Debug, Args)]
#[command(after_help = "With --json: the array of GET /api/rooms.")]
pub struct Rooms {}

impl Rooms {
    /// Asks for the list and prints it.
    pub async fn run(self, global: &Global) -> anyhow::Result<()> {
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
