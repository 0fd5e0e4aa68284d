//! The file being written and what is measured of it on the way.

use std::fmt;
use std::fs::File;
use std::path::Path;

use anyhow::Context;
use audio::file::{OggOpusWriter, WavWriter};
use audio::loudness::Loudness;
use audio::meter::{FLOOR_DBFS, to_dbfs};
use audio::{CHANNELS, Decoder, FRAME_SAMPLES, Frame, MAX_DECODED, OpusError, SAMPLE_RATE, level_dbfs};
use serde::Serialize;

use super::assembler::{Counts, Piece};

/// Deep redundancy describes multiples of 10 ms.
const DRED_UNIT: usize = 480;

/// One recording: pieces go in, a file and figures come out. What is written is decided by the
/// pieces alone, so nothing is heard twice or left out here.
pub struct Recording {
    name: String,
    file: Format,
    decoder: Decoder,
    decoded: Vec<f32>,
    frame: Frame,
    /// Samples per channel in `frame`.
    filled: usize,
    heard: Heard,
    /// Samples per channel after which nothing more is taken.
    limit: u64,
    taken: u64,
}

enum Format {
    Wav(WavWriter<File>),
    /// Packets are written as they came, so the file holds what the room sent, bit for bit.
    Ogg(Box<OggOpusWriter<File>>),
}

/// What was heard so far.
struct Heard {
    loudness: Loudness,
    power: [f64; CHANNELS],
    samples: u64,
    level_dbfs: f32,
    concealed: u64,
}

/// What a recording holds; the JSON of `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    file: String,
    seconds: f64,
    level_dbfs: f32,
    lufs: Option<f64>,
    true_peak_db: f64,
    packets: u64,
    lost: u64,
    late: u64,
    repeated: u64,
    malformed: u64,
    concealed_ms: u64,
    concealed_percent: f64,
}

impl Recording {
    /// Makes or replaces the file; takes at most `limit` samples per channel.
    pub fn create(path: &Path, limit: Option<u64>) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let file = if super::is_wav(path) {
            Format::Wav(WavWriter::create(path).with_context(|| name.clone())?)
        } else {
            Format::Ogg(Box::new(OggOpusWriter::create(path).with_context(|| name.clone())?))
        };
        Ok(Self {
            name,
            file,
            decoder: Decoder::new()?,
            decoded: vec![0.0; MAX_DECODED],
            frame: Frame::SILENCE,
            filled: 0,
            heard: Heard {
                loudness: Loudness::new(),
                power: [0.0; CHANNELS],
                samples: 0,
                level_dbfs: FLOOR_DBFS,
                concealed: 0,
            },
            limit: limit.unwrap_or(u64::MAX),
            taken: 0,
        })
    }

    /// Appends pieces; each 20 ms that is complete is shown to `listen`.
    pub fn take(&mut self, pieces: &mut Vec<Piece>, listen: &mut impl FnMut(&Frame)) -> anyhow::Result<()> {
        for piece in pieces.drain(..) {
            self.piece(piece, listen).with_context(|| self.name.clone())?;
        }
        Ok(())
    }

    fn piece(&mut self, piece: Piece, listen: &mut impl FnMut(&Frame)) -> anyhow::Result<()> {
        let left = self.limit - self.taken;
        match piece {
            _ if left == 0 => Ok(()),
            Piece::Packet(payload, samples) => {
                if let Format::Ogg(ogg) = &mut self.file {
                    ogg.packet(&payload)?;
                }
                // A payload that only looks like Opus is silence of its length.
                if self.decoder.decode(&payload, &mut self.decoded).is_err() {
                    self.decoded[..samples as usize * CHANNELS].fill(0.0);
                }
                self.sound(samples.min(left), listen)
            }
            Piece::Lost(samples, next) => {
                if let Format::Ogg(ogg) = &mut self.file {
                    ogg.lost(samples)?;
                }
                let hole = &mut self.decoded[..samples as usize * CHANNELS];
                let filled = match &next {
                    Some(payload) => restore(&mut self.decoder, payload, hole),
                    None => self.decoder.conceal(hole),
                };
                if filled.is_err() {
                    hole.fill(0.0);
                }
                self.heard.concealed += samples.min(left);
                self.sound(samples.min(left), listen)
            }
            Piece::Silence(samples) => {
                let samples = samples.min(left);
                if let Format::Ogg(ogg) = &mut self.file {
                    ogg.silence(samples)?;
                }
                let mut rest = samples;
                while rest > 0 {
                    let part = rest.min(FRAME_SAMPLES as u64);
                    self.decoded[..part as usize * CHANNELS].fill(0.0);
                    self.sound(part, listen)?;
                    rest -= part;
                }
                Ok(())
            }
        }
    }

    /// Takes the first `samples` per channel of `decoded` in.
    fn sound(&mut self, samples: u64, listen: &mut impl FnMut(&Frame)) -> anyhow::Result<()> {
        self.taken += samples;
        let mut from = 0;
        let end = samples as usize * CHANNELS;
        while from < end {
            let part = (end - from).min((FRAME_SAMPLES - self.filled) * CHANNELS);
            let at = self.filled * CHANNELS;
            self.frame.samples_mut()[at..at + part].copy_from_slice(&self.decoded[from..from + part]);
            self.filled += part / CHANNELS;
            from += part;
            if self.filled == FRAME_SAMPLES {
                self.filled = 0;
                self.complete(listen)?;
            }
        }
        Ok(())
    }

    fn complete(&mut self, listen: &mut impl FnMut(&Frame)) -> anyhow::Result<()> {
        if let Format::Wav(wav) = &mut self.file {
            wav.write(&self.frame)?;
        }
        self.heard.add(&self.frame);
        listen(&self.frame);
        Ok(())
    }

    /// Whether it holds all that it shall.
    pub fn is_full(&self) -> bool {
        self.taken >= self.limit
    }

    /// Seconds taken.
    pub fn seconds(&self) -> f64 {
        self.taken as f64 / f64::from(SAMPLE_RATE)
    }

    /// The loudest frame since the last call.
    pub fn recent_level_dbfs(&mut self) -> f32 {
        std::mem::replace(&mut self.heard.level_dbfs, FLOOR_DBFS)
    }

    /// Loudness of the last 3 s.
    pub fn short_term_lufs(&self) -> Option<f64> {
        self.heard.loudness.figures().short_term
    }

    /// Milliseconds that were concealed.
    pub fn concealed_ms(&self) -> u64 {
        self.heard.concealed * 1_000 / u64::from(SAMPLE_RATE)
    }

    /// Completes the file, the last frame filled up with silence.
    pub fn finish(mut self, counts: Counts) -> anyhow::Result<Summary> {
        let name = self.name.clone();
        if self.filled > 0 {
            self.frame.samples_mut()[self.filled * CHANNELS..].fill(0.0);
            self.complete(&mut |_| {}).with_context(|| name.clone())?;
        }
        let summary = self.summary(counts);
        match self.file {
            Format::Wav(wav) => wav.finish().map(drop).with_context(|| name)?,
            Format::Ogg(ogg) => ogg.finish().map(drop).with_context(|| name)?,
        }
        Ok(summary)
    }

    fn summary(&self, counts: Counts) -> Summary {
        let power = self.heard.power.iter().fold(0.0_f64, |most, power| most.max(*power));
        let figures = self.heard.loudness.figures();
        Summary {
            file: self.name.clone(),
            seconds: self.seconds(),
            // RMS of the louder channel, and 0 dBFS for a full-scale sine (AES17).
            level_dbfs: to_dbfs((2.0 * power / self.heard.samples.max(1) as f64).sqrt() as f32),
            lufs: figures.integrated,
            true_peak_db: figures.true_peak.max(f64::from(FLOOR_DBFS)),
            packets: counts.packets,
            lost: counts.lost,
            late: counts.late,
            repeated: counts.repeated,
            malformed: counts.malformed,
            concealed_ms: self.concealed_ms(),
            concealed_percent: 100.0 * self.heard.concealed as f64 / self.taken.max(1) as f64,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:.2} s, {:.1} dBFS", self.file, self.seconds, self.level_dbfs)?;
        match self.lufs {
            Some(lufs) => write!(f, ", {lufs:.1} LUFS")?,
            None => f.write_str(", no loudness")?,
        }
        write!(f, ", peak {:.1} dBTP; ", self.true_peak_db)?;
        write!(f, "{} of {} packets lost", self.lost, self.packets + self.lost)?;
        write!(f, ", {} ms concealed ({:.2} %)", self.concealed_ms, self.concealed_percent)
    }
}

impl Heard {
    fn add(&mut self, frame: &Frame) {
        self.loudness.add(frame);
        for pair in frame.samples().chunks_exact(CHANNELS) {
            for (power, sample) in self.power.iter_mut().zip(pair) {
                *power += f64::from(*sample).powi(2);
            }
        }
        self.samples += FRAME_SAMPLES as u64;
        self.level_dbfs = self.level_dbfs.max(level_dbfs(frame));
    }
}

/// Fills a hole with what the packet after it says of it: a description (DRED), which reaches far, or a copy (in-band FEC)
/// of its last part; what neither reaches is guessed.
fn restore(decoder: &mut Decoder, payload: &[u8], hole: &mut [f32]) -> Result<usize, OpusError> {
    let samples = hole.len() / CHANNELS;
    let reach = decoder.read_dred(payload, samples) / DRED_UNIT * DRED_UNIT;
    if reach <= FRAME_SAMPLES && reach < samples {
        return decoder.decode_fec(payload, hole);
    }
    let (guessed, described) = hole.split_at_mut((samples - reach) * CHANNELS);
    if !guessed.is_empty() {
        decoder.conceal(guessed)?;
    }
    let mut before = reach;
    for piece in described.chunks_mut(FRAME_SAMPLES * CHANNELS) {
        decoder.decode_dred(before, piece)?;
        before -= piece.len() / CHANNELS;
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use audio::analysis::tone_dbfs;
    use audio::file::Reader;
    use audio::{Encoder, EncoderSettings, MAX_ENCODED};
    use bytes::Bytes;

    use super::*;

    /// A second of a tone of 1 kHz at −20 dBFS as packets.
    fn tone() -> Vec<Piece> {
        let mut encoder = Encoder::new(EncoderSettings { bitrate_bps: 128_000, ..Default::default() }).unwrap();
        let mut out = [0; MAX_ENCODED];
        let packet = |frame: usize| {
            let mut samples = Frame::SILENCE;
            for (at, pair) in samples.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
                let seconds = (frame * FRAME_SAMPLES + at) as f64 / 48_000.0;
                pair.fill((0.1 * (std::f64::consts::TAU * 1_000.0 * seconds).sin()) as f32);
            }
            let length = encoder.encode(&samples, &mut out).unwrap();
            Piece::Packet(Bytes::copy_from_slice(&out[..length]), FRAME_SAMPLES as u64)
        };
        (0..50).map(packet).collect()
    }

    fn record(name: &str, limit: Option<u64>, mut pieces: Vec<Piece>) -> (Summary, Vec<f32>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let mut recording = Recording::create(&path, limit).unwrap();
        let mut shown = 0;
        recording.take(&mut pieces, &mut |_| shown += 1).unwrap();
        let summary = recording.finish(Counts::default()).unwrap();
        let frames = Reader::open(&path).unwrap().map(|frame| frame.unwrap());
        let left: Vec<f32> = frames.flat_map(|frame| frame.left().collect::<Vec<_>>()).collect();
        assert_eq!(shown, left.len() / FRAME_SAMPLES, "every frame is shown to the speaker");
        (summary, left)
    }

    #[test]
    fn both_formats_hold_each_piece_at_its_place() {
        for name in ["a.wav", "a.ogg"] {
            let mut pieces = vec![Piece::Silence(48_000)];
            pieces.extend(tone());
            pieces.push(Piece::Silence(48_000));
            pieces.extend(tone());
            let (summary, left) = record(name, None, pieces);
            assert_eq!(left.len(), 4 * 48_000, "{name}");
            assert_eq!((summary.seconds, summary.concealed_ms), (4.0, 0));
            for (second, level) in [(0, -127.0), (1, -20.0), (2, -127.0), (3, -20.0)] {
                // The encoder is 6.5 ms late, and its end rings into the silence.
                let middle = &left[second * 48_000 + 4_800..][..38_400];
                let heard = tone_dbfs(middle, 1_000.0);
                assert!((heard - level).abs() < 0.5 || heard.max(level) < -90.0, "{name}, {second} s: {heard} dBFS");
            }
            // Half of it is silence, so 3 dB less than the tone.
            assert!((summary.level_dbfs + 23.0).abs() < 0.5, "{name}: {} dBFS", summary.level_dbfs);
        }
    }

    #[test]
    fn a_lost_packet_is_concealed_and_counted_and_keeps_its_time() {
        for name in ["a.wav", "a.ogg"] {
            let mut pieces = tone();
            let Piece::Packet(after, _) = pieces[26].clone() else { unreachable!() };
            pieces[25] = Piece::Lost(FRAME_SAMPLES as u64, Some(after));
            let (summary, left) = record(name, None, pieces);
            assert_eq!((left.len(), summary.concealed_ms, summary.concealed_percent), (48_000, 20, 2.0), "{name}");
            let hole = tone_dbfs(&left[25 * 960..27 * 960], 1_000.0);
            assert!(hole > -26.0, "{name}: {hole} dBFS in the hole");
        }
    }

    #[test]
    fn nothing_is_taken_beyond_the_limit() {
        for name in ["a.wav", "a.ogg"] {
            for pieces in [tone(), vec![Piece::Silence(480_000)], [vec![Piece::Silence(9_600)], tone()].concat()] {
                let (summary, left) = record(name, Some(24_000), pieces);
                assert_eq!((left.len(), summary.seconds), (24_000, 0.5), "{name}");
            }
        }
    }
}
