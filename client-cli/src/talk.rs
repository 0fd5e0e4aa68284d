//! `mixminus talk`: microphone and speaker in a room.

use anyhow::Context;
use audio::{Encoder, EncoderSettings, FRAME_SAMPLES, Frame, MAX_ENCODED};
use clap::Args;
use signaling::client::Publisher;
use signaling::{RoomName, TrackPatch, check_track_name};
use tokio::sync::mpsc;

use crate::{
    cli::Global,
    parse,
    sound_card::{self, Microphone, Speaker},
    stop,
};

/// A voice, on a network that loses some packets: more expected loss would cost music its mode.
const SETTINGS: EncoderSettings =
    EncoderSettings { bitrate_bps: 48_000, complexity: 8, expected_loss_percent: 5, fec: true };

/// Talk in a room by the microphone and hear it on the speaker (needs the feature live-audio)
#[derive(Debug, Args)]
pub struct Talk {
    /// The room; it is made if it is not there
    #[arg(long)]
    room: RoomName,
    /// What people read on the strip
    #[arg(long, value_parser = track_name)]
    name: Option<String>,
    /// The strip's gain in dB, -60 (silence) to 20
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = parse::gain)]
    gain: Option<f32>,
    /// The strip's pan, -1 (left) to 1 (right)
    #[arg(long, allow_hyphen_values = true, value_parser = parse::pan)]
    pan: Option<f32>,
}

impl Talk {
    /// Talks and hears until Ctrl-C.
    pub async fn run(self, global: &Global) -> anyhow::Result<()> {
        let stop = stop::on_signal();
        let mut speaker = Speaker::open()?;
        let (_microphone, heard) = Microphone::open()?;
        let strip = TrackPatch { gain_db: self.gain, pan: self.pan, ..Default::default() };
        let mut duplex = global
            .client()
            .join(&self.room, self.name.clone(), None, &strip)
            .await
            .with_context(|| format!("room {}", self.room))?;
        let result = tokio::select! {
            result = say(&mut duplex.publisher, heard) => result,
            () = sound_card::hear(&mut duplex.listener, &mut speaker, &stop) => Ok(()),
        };
        // Closing one half closes both.
        duplex.publisher.close().await;
        result
    }
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

fn track_name(text: &str) -> Result<String, String> {
    check_track_name(text).map(|()| text.to_owned())
}
