//! Sound files in: whatever the format, rate and channels, 20 ms frames of 48 kHz stereo come out.
//!
//! A file is decoded as it is read; no more than a few packets are in memory. A frame is decoded in the call that asks
//! for it, so this belongs on a thread that may wait for a disk.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::decode::{Decoder, Fault};
use super::resample::{RATES, Resampler};
use crate::{CHANNELS, FRAME_SAMPLES, Frame, SAMPLE_RATE};

/// The formats that are read, for messages and help texts.
pub const FORMATS: &str = "WAV, FLAC, MP3, Ogg Vorbis, Ogg Opus and AAC (M4A)";

/// Bytes that can be read from anywhere: a file, or a `Cursor` over memory.
pub trait Source: Read + Seek + Send + Sync {}

impl<T: Read + Seek + Send + Sync> Source for T {}

/// Why a sound file could not be read. One line, for the person who named the file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or its disk fails. A retry may help.
    #[error("{file}: {}", in_words(.error))]
    Io {
        /// The file's name as it was given.
        file: String,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// The path is a folder.
    #[error("{file}: is a folder, not a sound file")]
    Folder {
        /// The path as it was given.
        file: String,
    },
    /// The file has no bytes.
    #[error("{file}: is empty")]
    Empty {
        /// The file's name as it was given.
        file: String,
    },
    /// The bytes are not those of a sound file, or broken from the start.
    #[error("{file}: not audio: {why} ({FORMATS})")]
    NotAudio {
        /// The file's name as it was given.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// A sound file of a kind that is not read here.
    #[error("{file}: cannot be read: {why}")]
    Unsupported {
        /// The file's name as it was given.
        file: String,
        /// What of it is unknown.
        why: String,
    },
}

/// A sound file being read. Iterate over it for frames; the last is filled up with silence.
///
/// A broken packet becomes as much silence as it lasts (see [`Reader::broken_packets`]); a file that is cut short ends
/// at the cut. Mono is the same in both channels; more than two channels are mixed down after ITU-R BS.775.
pub struct Reader {
    file: String,
    /// `None` when the file has its headers and no sound yet.
    decoder: Option<Decoder>,
    resampler: Option<Resampler>,
    /// Interleaved stereo at the file's rate, of one packet.
    decoded: Vec<f32>,
    /// Interleaved stereo at 48 kHz, from `used` on not yet handed out.
    ready: Vec<f32>,
    used: usize,
    position: u64,
    ended: bool,
}

impl Reader {
    /// Opens a file and decodes its first packet, so that what is not audio is refused here.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let failed = |error| ReadError::Io { file: path.display().to_string(), error };
        if path.metadata().map_err(failed)?.is_dir() {
            return Err(ReadError::Folder { file: name });
        }
        Self::new(File::open(path).map_err(failed)?, name)
    }

    /// Reads from a source; `name` is for messages.
    pub fn new(mut source: impl Source + 'static, name: impl Into<String>) -> Result<Self, ReadError> {
        let file = name.into();
        match source.seek(io::SeekFrom::End(0)) {
            Ok(0) => return Err(ReadError::Empty { file }),
            Ok(_) => {}
            Err(error) => return Err(ReadError::Io { file, error }),
        }
        let decoder = Decoder::open(Box::new(source)).map_err(|fault| named(&file, fault))?;
        let mut reader = Self {
            file,
            decoder,
            resampler: None,
            decoded: Vec::new(),
            ready: Vec::new(),
            used: 0,
            position: 0,
            ended: false,
        };
        reader.fill(1)?;
        Ok(reader)
    }

    /// The file's name as it was given.
    pub fn name(&self) -> &str {
        &self.file
    }

    /// How long the file says it is. `None` when it does not say.
    pub fn duration(&self) -> Option<Duration> {
        self.decoder.as_ref().map_or(Some(Duration::ZERO), |decoder| decoder.duration)
    }

    /// True when the file has one channel; both channels of every frame are then the same.
    pub fn is_mono(&self) -> bool {
        self.decoder.as_ref().is_some_and(|decoder| decoder.channels == 1)
    }

    /// How much has been handed out.
    pub fn position(&self) -> Duration {
        Duration::from_nanos(self.position * 1_000_000_000 / u64::from(SAMPLE_RATE))
    }

    /// Packets that could not be decoded and were replaced by silence.
    pub fn broken_packets(&self) -> u64 {
        self.decoder.as_ref().map_or(0, Decoder::broken)
    }

    /// Fills `out` from sample `from` (per channel) on, and the rest of it with silence.
    ///
    /// Returns how many samples per channel came from the file: fewer than asked for only at its end. After an error
    /// the file counts as ended.
    pub fn read(&mut self, out: &mut Frame, from: usize) -> Result<usize, ReadError> {
        let out = &mut out.samples_mut()[from.min(FRAME_SAMPLES) * CHANNELS..];
        self.fill(out.len())?;
        let ready = &self.ready[self.used..];
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        out[count..].fill(0.0);
        self.used += count;
        self.position += (count / CHANNELS) as u64;
        Ok(count / CHANNELS)
    }

    /// Decodes until `wanted` values are ready or the file ends.
    fn fill(&mut self, wanted: usize) -> Result<(), ReadError> {
        while !self.ended && self.ready.len() - self.used < wanted {
            self.ready.drain(..self.used);
            self.used = 0;
            self.decoded.clear();
            let Some(decoder) = &mut self.decoder else {
                self.ended = true;
                break;
            };
            match decoder.next(&mut self.decoded) {
                Ok(Some(rate)) => {
                    if self.resampler.as_ref().is_none_or(|resampler| resampler.rate() != rate) {
                        self.retune(rate)?;
                    }
                    if let Some(resampler) = &mut self.resampler {
                        resampler.push(&self.decoded, &mut self.ready);
                    }
                }
                Ok(None) => self.end(),
                Err(fault) => {
                    self.end();
                    return Err(named(&self.file, fault));
                }
            }
        }
        Ok(())
    }

    fn retune(&mut self, rate: u32) -> Result<(), ReadError> {
        let next = Resampler::new(rate);
        self.end();
        self.ended = next.is_none();
        self.resampler = next;
        if self.ended {
            let why = format!("its sample rate is {rate} Hz, outside {} to {} Hz", RATES.start(), RATES.end());
            return Err(ReadError::Unsupported { file: self.file.clone(), why });
        }
        Ok(())
    }

    fn end(&mut self) {
        if let Some(resampler) = self.resampler.take() {
            resampler.finish(&mut self.ready);
        }
        self.ended = true;
    }
}

impl Iterator for Reader {
    type Item = Result<Frame, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut frame = Frame::SILENCE;
        match self.read(&mut frame, 0) {
            Ok(0) => None,
            Ok(_) => Some(Ok(frame)),
            Err(error) => Some(Err(error)),
        }
    }
}

/// A file again and again without a gap: a new round begins in the middle of a frame if it must.
pub struct Loop {
    path: PathBuf,
    reader: Reader,
    rounds: u64,
}

impl Loop {
    /// Goes on from wherever `reader` is; later rounds open `path` anew.
    pub fn new(path: impl Into<PathBuf>, reader: Reader) -> Self {
        Self { path: path.into(), reader, rounds: 0 }
    }

    /// The round that is being read.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Rounds that have ended.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }
}

impl Iterator for Loop {
    type Item = Result<Frame, ReadError>;

    /// Ends only when a whole round holds nothing.
    fn next(&mut self) -> Option<Self::Item> {
        let mut frame = Frame::SILENCE;
        let mut filled = 0;
        while filled < FRAME_SAMPLES {
            filled += match self.reader.read(&mut frame, filled) {
                Ok(count) => count,
                Err(error) => return Some(Err(error)),
            };
            if filled < FRAME_SAMPLES {
                if self.reader.position == 0 {
                    return (filled > 0).then_some(Ok(frame));
                }
                match Reader::open(&self.path) {
                    Ok(reader) => self.reader = reader,
                    Err(error) => return Some(Err(error)),
                }
                self.rounds += 1;
            }
        }
        Some(Ok(frame))
    }
}

fn named(file: &str, fault: Fault) -> ReadError {
    let file = file.to_owned();
    match fault {
        Fault::NotAudio(why) => ReadError::NotAudio { file, why },
        Fault::Unsupported(why) => ReadError::Unsupported { file, why },
        Fault::Io(error) => ReadError::Io { file, error },
    }
}

/// What the operating system says, without its number.
pub(super) fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::AlreadyExists => "exists already".into(),
        io::ErrorKind::StorageFull => "the disk is full".into(),
        _ => error.to_string(),
    }
}
