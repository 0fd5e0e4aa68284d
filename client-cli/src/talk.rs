//! `mixminus talk`: microphone and speaker in a room.

use std::time::Duration;

use anyhow::Context;
use audio::{Encoder, EncoderSettings, FRAME_SAMPLES, Frame, MAX_ENCODED};
use clap::Args;
use signaling::client::{Client, Publisher};
use signaling::{RoomName, TrackId, TrackPatch};
use tokio::sync::mpsc;

use crate::{
    cli::Global,
    floor::{Floor, Word},
    output, parse,
    sound_card::{self, Microphone, Speaker},
    stop,
};

/// A voice, on a network that loses some packets: more expected loss would cost music its mode.
const SETTINGS: EncoderSettings =
    EncoderSettings { bitrate_bps: 48_000, complexity: 8, expected_loss_percent: 5, fec: true, dred: Duration::ZERO };

/// Talk in a room by the microphone and hear it on the speaker (needs the feature live-audio)
///
/// In a room that talks by floor it asks for the floor at once and says how that goes; Enter gives it
/// back, and asks again.
#[derive(Debug, Args)]
pub struct Talk {
    /// The room; it is made if it is not there
    #[arg(long)]
    room: RoomName,
    /// What people read on the strip
    #[arg(long, value_parser = parse::track_name)]
    name: Option<String>,
    /// The strip's gain in dB, -60 (silence) to 20
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = parse::gain)]
    gain: Option<f32>,
    /// The strip's pan, -1 (left) to 1 (right)
    #[arg(long, allow_hyphen_values = true, value_parser = parse::pan)]
    pan: Option<f32>,
    /// Bring the voice to one level with all others, slowly
    #[arg(long)]
    auto_gain: bool,
    /// Take out of it what is no voice
    #[arg(long)]
    denoise: bool,
    /// The priority with which it asks for the floor, 0 to 255
    #[arg(long, value_name = "N")]
    priority: Option<u8>,
}

impl Talk {
    /// Talks and hears until Ctrl-C.
    pub async fn run(self, global: &Global) -> anyhow::Result<()> {
        let stop = stop::on_signal();
        let mut speaker = Speaker::open()?;
        let (_microphone, heard) = Microphone::open()?;
        let strip = TrackPatch {
            gain_db: self.gain,
            pan: self.pan,
            auto_gain: self.auto_gain.then_some(true),
            denoise: self.denoise.then_some(true),
            ..Default::default()
        };
        let client = global.client();
        let mut duplex = client
            .join(&self.room, self.name.clone(), None, &strip)
            .await
            .with_context(|| format!("room {}", self.room))?;
        let id = duplex.publisher.id().parse();
        let result = tokio::select! {
            result = say(&mut duplex.publisher, heard) => result,
            result = self.ask(&client, id) => result,
            () = sound_card::hear(&mut duplex.listener, &mut speaker, &stop) => Ok(()),
        };
        // Closing one half closes both.
        duplex.publisher.close().await;
        result
    }

    /// Asks for the floor where one has to, and says what it says.
    async fn ask(&self, client: &Client, id: Result<TrackId, signaling::InvalidName>) -> anyhow::Result<()> {
        let mut floor = Floor::follow(client, &self.room, self.priority, vec![id?]).await?;
        if floor.is_needed() {
            floor.ask(0).await?;
        }
        let mut enter = presses_of_enter();
        loop {
            tokio::select! {
                (_, word) = floor.next() => {
                    output::note(&format!("{} {}", self.name.as_deref().unwrap_or("guest"), word.sentence()));
                    if word == Word::Needed {
                        floor.ask(0).await?;
                    }
                }
                Some(()) = enter.recv() => {
                    if floor.stands_outside(0) { floor.ask(0).await? } else { floor.release(0).await }
                }
            }
        }
    }
}

/// The standard input has a thread of its own, as nobody can wait for a terminal and end as well.
fn presses_of_enter() -> mpsc::Receiver<()> {
    let (presses, pressed) = mpsc::channel(1);
    std::thread::spawn(move || {
        let is_heard = |line: std::io::Result<String>| line.is_ok() && presses.blocking_send(()).is_ok();
        std::io::stdin().lines().all(is_heard)
    });
    pressed
}

async fn say(publisher: &mut Publisher, mut heard: mpsc::Receiver<Frame>) -> anyhow::Result<()> {
    let mut encoder = Encoder::new(SETTINGS)?;
    let mut out = [0; MAX_ENCODED];
    while let Some(frame) = heard.recv().await {
        let length = encoder.encode(&frame, &mut out)?;
        publisher.send(bytes::Bytes::copy_from_slice(&out[..length]), FRAME_SAMPLES as u32).await?;
    }
    Ok(())
}
