//! `mixminus record`: a room's mix into a file.

mod assembler;
mod meter;
mod recording;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use audio::FRAME_TIME;
use clap::Args;
use signaling::RoomName;
use signaling::client::{Listener, State};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use self::assembler::{Arrived, Assembler, REORDER};
use self::meter::Meter;
use self::recording::Recording;
use crate::sound_card::Speaker;
use crate::{cli::Global, failure::Usage, output, parse, stop};

/// Samples per channel of a second; a recording is whole frames of 20 ms.
const FRAMES_PER_SECOND: f64 = 50.0;

/// Record what is heard in a room
///
/// The file grows while it is recorded and opens at any moment, whatever becomes of the recorder. It
/// ends after --duration, or on Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "With --json: one line with the figures of the recording when it has ended.")]
pub struct Record {
    /// The file: .wav (16 bit PCM) or .ogg (Opus, as the room sends it)
    #[arg(value_name = "OUT", value_parser = out)]
    out: PathBuf,
    /// The room; it is made if it is not there
    #[arg(long)]
    room: RoomName,
    /// How long: seconds, or 1:30 [default: until Ctrl-C]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = duration)]
    duration: Option<Duration>,
    /// Replace OUT if it is there
    #[arg(long)]
    force: bool,
    /// Hear it on the speaker as well
    #[arg(long)]
    listen: bool,
}

impl Record {
    /// Joins as a listener and writes until the time is over or the connection is.
    pub async fn run(self, global: &Global) -> anyhow::Result<()> {
        let stop = stop::on_signal();
        self.refuse_to_overwrite()?;
        let speaker = if self.listen { Some(Speaker::open()?) } else { None };
        let client = global.client();
        let join = async { client.listen(&self.room).await.with_context(|| format!("room {}", self.room)) };
        let mut listener = stop::or_join(&stop, join).await?;
        // Made only now, so that a server that is not there leaves no empty file behind.
        let recorded = match Recording::create(&self.out, self.limit()) {
            Ok(recording) => self.record(&mut listener, recording, speaker, &stop).await,
            Err(error) => Err(error),
        };
        let ended = listener.state().borrow().clone();
        listener.close().await;
        let summary = recorded?;
        if global.json {
            output::json(&summary)?
        } else {
            output::line(&summary.to_string())?
        }
        if let State::Ended(reason) = ended {
            bail!("the recording ended early: {reason}; {} holds what came", self.out.display());
        }
        Ok(())
    }

    async fn record(
        &self,
        listener: &mut Listener,
        mut recording: Recording,
        mut speaker: Option<Speaker>,
        stop: &CancellationToken,
    ) -> anyhow::Result<recording::Summary> {
        let mut play = move |frame: &audio::Frame| {
            if let Some(speaker) = &mut speaker {
                speaker.play(frame);
            }
        };
        let mut assembler = Assembler::default();
        let mut pieces = Vec::new();
        let mut meter = Meter::new(self.duration);
        let mut ticks = interval(FRAME_TIME);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let began = Instant::now();
        // What was sent before the end may come a little after it.
        let last_wait = self.duration.map(|duration| duration + REORDER);
        while !recording.is_full() && last_wait.is_none_or(|end| began.elapsed() < end) {
            tokio::select! {
                packet = listener.next() => {
                    let Some(packet) = packet else { break };
                    let now = packet.arrival.saturating_duration_since(began);
                    let arrived = Arrived {
                        ssrc: packet.ssrc,
                        sequence: packet.sequence,
                        timestamp: packet.timestamp,
                        payload: packet.payload,
                    };
                    assembler.insert(arrived, now, &mut pieces);
                }
                _ = ticks.tick() => {
                    assembler.advance(began.elapsed(), &mut pieces);
                    meter.show(&mut recording, assembler.counts());
                }
                () = stop.cancelled() => break,
            }
            recording.take(&mut pieces, &mut play)?;
        }
        let whole = self.duration.is_some_and(|duration| began.elapsed() >= duration);
        let least = if whole { self.limit() } else { None };
        assembler.finish(began.elapsed(), least.unwrap_or(0), &mut pieces);
        recording.take(&mut pieces, &mut play)?;
        meter.done();
        recording.finish(assembler.counts())
    }

    /// Samples per channel that --duration asks for, in whole frames.
    fn limit(&self) -> Option<u64> {
        let frames = |duration: Duration| (duration.as_secs_f64() * FRAMES_PER_SECOND).ceil() as u64;
        self.duration.map(|duration| frames(duration) * audio::FRAME_SAMPLES as u64)
    }

    fn refuse_to_overwrite(&self) -> anyhow::Result<()> {
        if self.out.is_dir() {
            bail!("{} is a folder", self.out.display());
        }
        // An empty file has nothing to lose: mktemp makes such.
        if self.out.metadata().is_ok_and(|file| file.len() > 0) && !self.force {
            bail!("{} is there already; --force replaces it", self.out.display());
        }
        Ok(())
    }
}

fn is_wav(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"))
}

fn out(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let ogg = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("ogg"));
    if is_wav(&path) || ogg { Ok(path) } else { Err("OUT must end in .wav or .ogg, which says what is written".into()) }
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = parse::time(text)?;
    if duration.is_zero() { Err(Usage("a duration is more than 0 seconds".into()).to_string()) } else { Ok(duration) }
}
