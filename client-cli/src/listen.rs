//! `mixminus listen`: a room on the speaker.

use anyhow::{Context, bail};
use clap::Args;
use signaling::RoomName;
use signaling::client::State;

use crate::{
    cli::Global,
    sound_card::{self, Speaker},
    stop,
};

/// Hear a room on the speaker (needs the feature live-audio)
#[derive(Debug, Args)]
pub struct Listen {
    /// The room; it is made if it is not there
    #[arg(long)]
    room: RoomName,
}

impl Listen {
    /// Plays the mix until Ctrl-C.
    pub async fn run(self, global: &Global) -> anyhow::Result<()> {
        let stop = stop::on_signal();
        let mut speaker = Speaker::open()?;
        let mut listener = global.client().listen(&self.room).await.with_context(|| format!("room {}", self.room))?;
        sound_card::hear(&mut listener, &mut speaker, &stop).await;
        let ended = listener.state().borrow().clone();
        listener.close().await;
        if let State::Ended(reason) = ended {
            bail!("the connection has ended: {reason}");
        }
        Ok(())
    }
}
