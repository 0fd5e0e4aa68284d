//! A sound file as Opus packets of 20 ms, decoded and encoded on a thread of its own: a slow disk
//! delays no other file, as long as the packets made ahead last.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use audio::file::{Loop, ReadError, Reader};
use audio::{Encoder, EncoderSettings, FRAME_SAMPLES, Frame, MAX_ENCODED, SAMPLE_RATE, level_dbfs};
use tokio::sync::mpsc;

use crate::output;

/// Packets made ahead: 0.5 s.
const AHEAD: usize = 25;
/// A file may be music: as good as Opus needs to be for it, and FEC as far as the encoder likes.
const SETTINGS: EncoderSettings =
    EncoderSettings { bitrate_bps: 96_000, complexity: 8, expected_loss_percent: 0, fec: true, dred: Duration::ZERO };

/// The same, with other bits, and with so many milliseconds of what came before described in each packet: libopus spends
/// bits on that where it expects loss.
pub fn settings(bitrate_bps: Option<u32>, dred_ms: Option<u16>) -> EncoderSettings {
    let settings = EncoderSettings { bitrate_bps: bitrate_bps.unwrap_or(SETTINGS.bitrate_bps), ..SETTINGS };
    match dred_ms {
        Some(ms) => EncoderSettings { expected_loss_percent: 15, dred: Duration::from_millis(ms.into()), ..settings },
        None => settings,
    }
}

/// 20 ms of a file.
pub struct Packet {
    /// Opus.
    pub payload: bytes::Bytes,
    /// RMS of the louder channel.
    pub level_dbfs: f32,
}

/// One file, being made into packets.
pub struct Source {
    packets: mpsc::Receiver<anyhow::Result<Packet>>,
    /// How long the file says it is.
    pub duration: Option<Duration>,
    /// Where in it we began.
    pub start: Duration,
    /// It begins again at its end.
    pub again: bool,
}

type Frames = Box<dyn Iterator<Item = Result<Frame, ReadError>> + Send>;

impl Source {
    /// Opens a file at `start`; with `again` it has no end.
    pub fn open(file: &Path, start: Duration, again: bool, settings: EncoderSettings) -> anyhow::Result<Self> {
        let mut reader = Reader::open(file)?;
        skip(&mut reader, start)?;
        let duration = reader.duration();
        let frames: Frames = if again {
            Box::new(Loop::new(file, reader))
        } else {
            // One frame of silence brings out what the encoder still holds, 6.5 ms.
            Box::new(reader.chain(std::iter::once(Ok(Frame::SILENCE))))
        };
        let (sender, packets) = mpsc::channel(AHEAD);
        std::thread::Builder::new().name("reader".into()).spawn(move || make_packets(frames, settings, &sender))?;
        Ok(Self { packets, duration, start, again })
    }

    /// The next packet; none at the end of the file.
    pub async fn next(&mut self) -> Option<anyhow::Result<Packet>> {
        self.packets.recv().await
    }
}

fn make_packets(frames: Frames, settings: EncoderSettings, packets: &mpsc::Sender<anyhow::Result<Packet>>) {
    let mut encoder = match Encoder::new(settings) {
        Ok(encoder) => encoder,
        Err(error) => return drop(packets.blocking_send(Err(error.into()))),
    };
    let mut out = [0; MAX_ENCODED];
    for frame in frames {
        let packet = frame.map_err(anyhow::Error::from).and_then(|frame| {
            let length = encoder.encode(&frame, &mut out)?;
            Ok(Packet { payload: bytes::Bytes::copy_from_slice(&out[..length]), level_dbfs: level_dbfs(&frame) })
        });
        let failed = packet.is_err();
        // An Err here says that nobody wants more.
        if packets.blocking_send(packet).is_err() || failed {
            return;
        }
    }
}

/// Moves on by `time`, to the sample.
fn skip(reader: &mut Reader, time: Duration) -> anyhow::Result<()> {
    let mut left = (time.as_secs_f64() * f64::from(SAMPLE_RATE)).round() as usize;
    let mut dropped = Frame::SILENCE;
    while left > 0 {
        let wanted = (left - 1) % FRAME_SAMPLES + 1;
        let read = reader.read(&mut dropped, FRAME_SAMPLES - wanted)?;
        if read < wanted {
            bail!(
                "{}: --start {} lies behind its end at {}",
                reader.name(),
                output::clock(time.as_secs_f64()),
                output::clock(Reader::position(reader).as_secs_f64()),
            );
        }
        left -= wanted;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use audio::file::Writer;

    use super::*;

    /// A file whose samples count up, so that each says where it stands.
    fn ramp(folder: &Path, frames: usize) -> std::path::PathBuf {
        let path = folder.join("ramp.wav");
        let mut writer = Writer::create(&path).unwrap();
        for frame in 0..frames {
            let mut samples = Frame::SILENCE;
            for (at, pair) in samples.samples_mut().chunks_exact_mut(2).enumerate() {
                pair.fill((frame * FRAME_SAMPLES + at) as f32 / 32_768.0);
            }
            writer.write(&samples).unwrap();
        }
        writer.finish().unwrap();
        path
    }

    #[test]
    fn start_is_exact_to_the_sample() {
        let folder = tempfile::tempdir().unwrap();
        let path = ramp(folder.path(), 10);
        for start in [0, 1, 959, 960, 961, 5_000] {
            let mut reader = Reader::open(&path).unwrap();
            skip(&mut reader, Duration::from_secs_f64(f64::from(start) / 48_000.0)).unwrap();
            let first = reader.next().unwrap().unwrap().samples()[0] * 32_768.0;
            assert_eq!(first.round() as i32, start);
        }
    }

    #[test]
    fn a_start_behind_the_end_names_the_file_and_both_times() {
        let folder = tempfile::tempdir().unwrap();
        let path = ramp(folder.path(), 10);
        let error = Source::open(&path, Duration::from_secs(5), false, SETTINGS).err().unwrap().to_string();
        assert!(error.contains("ramp.wav") && error.contains("0:05.0") && error.contains("0:00.2"), "{error}");
    }

    #[tokio::test]
    async fn a_file_of_ten_frames_is_ten_packets_and_one_that_brings_out_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = ramp(folder.path(), 10);
        let mut source = Source::open(&path, Duration::ZERO, false, SETTINGS).unwrap();
        let mut count = 0;
        while let Some(packet) = source.next().await {
            assert_eq!(audio::packet_samples(&packet.unwrap().payload), Ok(FRAME_SAMPLES));
            count += 1;
        }
        assert_eq!(count, 11);
        let mut again = Source::open(&path, Duration::ZERO, true, SETTINGS).unwrap();
        for _ in 0..100 {
            again.next().await.expect("a loop has no end").unwrap();
        }
    }
}
