//! `mixminus push`: sound files into a room, each as a track.

mod progress;
mod source;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, bail};
use audio::{FRAME_SAMPLES, FRAME_TIME};
use clap::Args;
use serde::Serialize;
use signaling::client::{Client, Publish, Publisher};
use signaling::{Bus, Kind, RoomName, TrackId, check_track_name};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use self::progress::{Progress, Row};
use self::source::Source;
use crate::floor::{self, Floor, Word};
use crate::{cli::Global, failure::Usage, output, parse, stop};

/// The last packets are still on their way through the server's jitter buffer and mixer when the
/// last one is sent.
const DRAIN: Duration = Duration::from_millis(200);

/// Play sound files into a room, each as a track of its own
///
/// WAV, FLAC, MP3, Ogg Vorbis, Ogg Opus and AAC (M4A), of any rate and channels. All start together,
/// in the same 20 ms. It ends when the files end, or on Ctrl-C. In a room that talks by floor a voice
/// waits until it has the floor, and gives it back at its end; programs and announcements need none.
#[derive(Debug, Args)]
#[command(
    after_help = "--name, --gain, --pan and --bus are given once for all files, or once for each file in their order.
With --json: one line for each file when it has ended."
)]
pub struct Push {
    /// The sound files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The room; it is made if it is not there
    #[arg(long)]
    room: RoomName,
    /// What people read on the strip [default: the file's name]
    #[arg(long, value_name = "NAME", value_parser = parse::track_name)]
    name: Vec<String>,
    /// The strip's gain in dB, -60 (silence) to 20
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = parse::gain)]
    gain: Vec<f32>,
    /// The strip's pan, -1 (left) to 1 (right)
    #[arg(long, allow_hyphen_values = true, value_parser = parse::pan)]
    pan: Vec<f32>,
    /// What it is to the others: `voice`, `program` (pushed down by every voice) or `announcement`
    /// (pushes all others down) [default: voice]
    #[arg(long, value_enum)]
    bus: Vec<parse::OnBus>,
    /// Bring the voices to one level with all others, slowly
    #[arg(long)]
    auto_gain: bool,
    /// Take out of them what is no voice
    #[arg(long)]
    denoise: bool,
    /// What each track is sent with, bits a second, 6000 to 510000; from 256000 on in studio quality [default: 96000]
    #[arg(long, value_name = "BPS", value_parser = clap::value_parser!(u32).range(6_000..=510_000))]
    bitrate: Option<u32>,
    /// Let each packet describe so much of what came before it (DRED), in ms: voices survive long bursts of loss
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u16).range(10..=1000))]
    dred: Option<u16>,
    /// The priority with which a voice asks for the floor, 0 to 255
    #[arg(long, value_name = "N")]
    priority: Option<u8>,
    /// Begin again at the end, without a gap
    #[arg(long = "loop")]
    again: bool,
    /// Begin at this place in the files: seconds, or 1:30
    #[arg(long, value_name = "TIME", default_value = "0", allow_hyphen_values = true, value_parser = parse::time)]
    start: Duration,
}

/// One file on its way.
struct Track {
    name: String,
    id: TrackId,
    is_voice: bool,
    source: Source,
    publisher: Publisher,
}

/// What became of one file; the JSON of `--json`.
#[derive(Debug, Serialize)]
struct Pushed {
    name: String,
    track: String,
    seconds: f64,
    sent: u64,
    lost: u32,
    round_trip_ms: Option<f64>,
}

impl Push {
    /// Opens every file, joins once for each, and plays them.
    pub async fn run(self, global: &Global) -> anyhow::Result<()> {
        let stop = stop::on_signal();
        // Every file is opened before anything is heard of any.
        let sources = self.sources()?;
        let client = global.client();
        let mut tracks = Vec::new();
        for (source, publish) in sources {
            let name = publish.name.clone().unwrap_or_default();
            tracks.push(join(&client, &self.room, name, source, publish));
        }
        let tracks = stop::or_join(&stop, one_after_the_other(tracks)).await?;
        let floor = tokio::select! {
            floor = self.take_floor(&client, &tracks) => floor,
            () = stop.cancelled() => return hang_up(tracks).await,
        };
        let floor = match floor {
            Ok(floor) => floor,
            Err(error) => return hang_up(tracks).await.and(Err(error)),
        };

        let progress = Progress::new(tracks.len());
        let start = Instant::now() + FRAME_TIME;
        // A failing file ends the others too, but only after they have hung up.
        let failed = CancellationToken::new();
        let voices: Vec<_> = tracks.iter().filter(|track| track.is_voice).map(Voice::new).collect();
        let plays = tracks.into_iter().map(|track| {
            let row = progress.row(&track.name, &track.source);
            let (stop, failed, client, voices, room) = (stop.clone(), failed.clone(), &client, &voices, &self.room);
            async move {
                let voice = voices.iter().find(|voice| voice.id == track.id);
                let played = track.play(start, row, &stop, &failed, voice.map(|voice| (voice, client, room))).await;
                if played.is_err() {
                    failed.cancel();
                }
                played
            }
        });
        let mut plays = std::pin::pin!(futures_util::future::join_all(plays));
        let mut lost = None;
        let played = tokio::select! {
            played = &mut plays => played,
            error = watch(floor, &voices) => {
                failed.cancel();
                lost = Some(error);
                plays.await
            }
        };
        for pushed in played {
            let pushed = pushed?;
            if global.json {
                output::json(&pushed)?;
            }
        }
        lost.map_or(Ok(()), Err)
    }

    /// Waits until all voices may talk, and says how that goes. None if nothing that is pushed is a voice.
    async fn take_floor(&self, client: &Client, tracks: &[Track]) -> anyhow::Result<Option<Floor>> {
        let voices: Vec<_> = tracks.iter().filter(|track| track.is_voice).collect();
        if voices.is_empty() {
            return Ok(None);
        }
        let ids = voices.iter().map(|track| track.id.clone()).collect();
        let mut floor = Floor::follow(client, &self.room, self.priority, ids).await?;
        if let Some(places) = floor.places().filter(|places| *places < voices.len()) {
            bail!(
                "room {} lets {places} talk at once, and {} voices are pushed: push them as --bus program, one after the other, or let more talk with `mixminus mix {} --set floor_holders={}`",
                self.room,
                voices.len(),
                self.room,
                voices.len(),
            );
        }
        if floor.is_needed() {
            for which in 0..voices.len() {
                floor.ask(which).await?;
            }
        }
        while !floor.is_ours() {
            let (which, word) = floor.next().await;
            let said = format!("{} {}", voices[which].name, word.sentence());
            match word {
                Word::Denied(_) | Word::Revoked(_) => bail!(said),
                Word::Needed => floor.ask(which).await?,
                _ => output::note(&said),
            }
        }
        Ok(Some(floor))
    }

    fn sources(&self) -> anyhow::Result<Vec<(Source, Publish)>> {
        let count = self.files.len();
        let (names, gains, pans) =
            (each("--name", &self.name, count)?, each("--gain", &self.gain, count)?, each("--pan", &self.pan, count)?);
        let buses = each("--bus", &self.bus, count)?;
        let mut sources = Vec::new();
        for (at, file) in self.files.iter().enumerate() {
            let publish = Publish {
                name: Some(names[at].clone().unwrap_or_else(|| name_of(file))),
                kind: Some(Kind::File),
                gain_db: gains[at],
                pan: pans[at],
                bus: buses[at].map(Bus::from),
                auto_gain: self.auto_gain,
                denoise: self.denoise,
            };
            sources.push((
                Source::open(file, self.start, self.again, source::settings(self.bitrate, self.dred))?,
                publish,
            ));
        }
        Ok(sources)
    }
}

/// So that the strips stand on the desk in the order of the files.
async fn one_after_the_other(joins: Vec<impl Future<Output = anyhow::Result<Track>>>) -> anyhow::Result<Vec<Track>> {
    let mut tracks = Vec::new();
    for join in joins {
        tracks.push(join.await?);
    }
    Ok(tracks)
}

async fn join(
    client: &Client,
    room: &RoomName,
    name: String,
    source: Source,
    publish: Publish,
) -> anyhow::Result<Track> {
    let publisher = client.publish(room, &publish).await.with_context(|| format!("room {room}"))?;
    let id = publisher.id().parse().context("the server gave the track an id that is none")?;
    let is_voice = publish.bus.unwrap_or_default() == Bus::Voice;
    Ok(Track { name, id, is_voice, source, publisher })
}

/// So that nothing is left of what is not to be heard.
async fn hang_up(tracks: Vec<Track>) -> anyhow::Result<()> {
    for track in tracks {
        track.publisher.close().await;
    }
    Ok(())
}

/// A voice and whether it has said all.
struct Voice {
    name: String,
    id: TrackId,
    has_ended: AtomicBool,
}

impl Voice {
    fn new(track: &Track) -> Self {
        Self { name: track.name.clone(), id: track.id.clone(), has_ended: AtomicBool::new(false) }
    }
}

/// Says what the floor says while the voices talk; comes back when one of them is not heard any more.
async fn watch(floor: Option<Floor>, voices: &[Voice]) -> anyhow::Error {
    let Some(mut floor) = floor else { return std::future::pending().await };
    loop {
        let (which, word) = floor.next().await;
        let voice = &voices[which];
        let said = format!("{} {}", voice.name, word.sentence());
        match word {
            _ if voice.has_ended.load(Relaxed) => {}
            Word::Denied(_) | Word::Revoked(_) | Word::Queued(_) => return anyhow::anyhow!(said),
            Word::Needed => {
                if let Err(error) = floor.ask(which).await {
                    return error;
                }
            }
            Word::Granted(_) | Word::Warned(_) | Word::Revoking(_) => output::note(&said),
        }
    }
}

impl Track {
    /// Sends a packet every 20 ms from `start` on, until the file ends, and hangs up in any case.
    async fn play(
        mut self,
        start: Instant,
        mut row: Row,
        stop: &CancellationToken,
        failed: &CancellationToken,
        voice: Option<(&Voice, &Client, &RoomName)>,
    ) -> anyhow::Result<Pushed> {
        let result = tokio::select! {
            result = self.send_all(start, &mut row) => result,
            () = stop.cancelled() => Ok(()),
            () = failed.cancelled() => Ok(()),
        };
        if let Some((voice, client, room)) = voice {
            voice.has_ended.store(true, Relaxed);
            // The server plays what is under way to its end.
            floor::release(client, room, &voice.id).await;
        }
        if result.is_ok() && !failed.is_cancelled() {
            sleep(DRAIN).await;
        }
        row.done();
        let stats = self.publisher.stats();
        let pushed = Pushed {
            name: self.name,
            track: self.publisher.id().to_owned(),
            seconds: stats.sent as f64 * FRAME_TIME.as_secs_f64(),
            sent: stats.sent,
            lost: stats.lost,
            round_trip_ms: stats.round_trip.map(|time| time.as_secs_f64() * 1_000.0),
        };
        self.publisher.close().await;
        result.map(|()| pushed)
    }

    async fn send_all(&mut self, start: Instant, row: &mut Row) -> anyhow::Result<()> {
        // Deadlines are start + n × 20 ms, and one that was missed is made up for: no drift.
        let mut ticks = interval_at(start, FRAME_TIME);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        while let Some(packet) = self.source.next().await {
            let packet = packet?;
            ticks.tick().await;
            self.publisher
                .send(packet.payload, FRAME_SAMPLES as u32)
                .await
                .with_context(|| format!("track {:?}", self.name))?;
            row.sent(packet.level_dbfs, self.publisher.stats());
        }
        Ok(())
    }
}

/// The values of an option for each of `count` files: none, one for all, or one each.
fn each<T: Clone>(option: &str, values: &[T], count: usize) -> Result<Vec<Option<T>>, Usage> {
    match values {
        [] => Ok(vec![None; count]),
        [one] => Ok(vec![Some(one.clone()); count]),
        _ if values.len() == count => Ok(values.iter().cloned().map(Some).collect()),
        _ => Err(Usage(format!(
            "{option} is given once for all files or once for each: {} times for {}",
            values.len(),
            output::counted(count, "file"),
        ))),
    }
}

/// A file's name without its ending, as far as a strip can show it.
fn name_of(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name: String = stem.chars().filter(|c| !c.is_control()).take(64).collect();
    if check_track_name(&name).is_ok() { name } else { "file".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_for_all_files_or_for_each() {
        assert_eq!(each::<f32>("--gain", &[], 2).unwrap(), [None, None]);
        assert_eq!(each("--gain", &[-3.0], 3).unwrap(), [Some(-3.0); 3]);
        assert_eq!(each("--gain", &[-3.0, 1.0], 2).unwrap(), [Some(-3.0), Some(1.0)]);
        let error = each("--gain", &[-3.0, 1.0], 3).unwrap_err().to_string();
        assert!(error.contains("--gain") && error.contains("2 times for 3 files"), "{error}");
    }

    #[test]
    fn a_strip_is_called_like_its_file() {
        assert_eq!(name_of(Path::new("/a/b/Bass line.flac")), "Bass line");
        assert_eq!(name_of(Path::new("/dev/null")), "null");
        assert_eq!(name_of(&PathBuf::from(format!("{}.wav", "x".repeat(200)))), "x".repeat(64));
        assert_eq!(name_of(Path::new(" .wav")), "file");
    }
}
