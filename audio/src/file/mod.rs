//! Sound files: reading whatever people have, writing WAV and Ogg Opus as it goes.
//!
//! ```no_run
//! let mut out = audio::file::Writer::create("out.ogg")?;
//! for frame in audio::file::Reader::open("in.mp3")? {
//!     out.write(&frame?)?;
//! }
//! out.finish()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decode;
mod m4a;
mod ogg;
mod read;
mod resample;
mod riff;
mod wav;

use std::fs::File;
use std::io;
use std::path::Path;

pub use self::ogg::{FILE_SETTINGS, OggError, OggOpusWriter};
pub use self::read::{FORMATS, Loop, ReadError, Reader, Source};
pub use self::resample::{RATES, Resampler};
pub use self::wav::{Depth, WavWriter};
use crate::Frame;

/// A file being written, of the format that its name asks for. Whatever happens to the process, what is in the file
/// opens and lacks at most the last 0.5 s.
pub struct Writer {
    file: String,
    format: Format,
}

enum Format {
    Wav(WavWriter<File>),
    Ogg(Box<OggOpusWriter<File>>),
}

/// Why a file could not be written. One line, for the person who named the file.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The name ends in nothing that is written here.
    #[error("{file}: {} (.wav or .ogg)", unknown(.extension))]
    Extension {
        /// The file's name as it was given.
        file: String,
        /// What it ends in, without the dot.
        extension: Option<String>,
    },
    /// The file cannot be made, or its disk fails or is full.
    #[error("{file}: {}", read::in_words(.error))]
    Io {
        /// The file's name as it was given.
        file: String,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// libopus refused its work.
    #[error("{file}: {error}")]
    Opus {
        /// The file's name as it was given.
        file: String,
        /// What it said.
        #[source]
        error: crate::OpusError,
    },
}

impl Writer {
    /// Makes or replaces a file: `.wav` is 16 bit PCM, `.ogg` (and `.opus`) Opus with 96 kbit/s.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, WriteError> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
        let format = match extension.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("wav") => WavWriter::create(path).map(Format::Wav).map_err(OggError::Io),
            Some("ogg" | "opus") => OggOpusWriter::create(path).map(|writer| Format::Ogg(Box::new(writer))),
            _ => return Err(WriteError::Extension { file, extension }),
        };
        match format {
            Ok(format) => Ok(Self { file, format }),
            Err(error) => Err(named(file, error)),
        }
    }

    /// Samples per channel written so far: where the next frame will be heard.
    pub fn position(&self) -> u64 {
        match &self.format {
            Format::Wav(writer) => writer.position(),
            Format::Ogg(writer) => writer.position(),
        }
    }

    /// Appends a frame.
    pub fn write(&mut self, frame: &Frame) -> Result<(), WriteError> {
        let written = match &mut self.format {
            Format::Wav(writer) => writer.write(frame).map_err(OggError::Io),
            Format::Ogg(writer) => writer.write(frame),
        };
        written.map_err(|error| named(self.file.clone(), error))
    }

    /// Fills up with silence to `position`, in samples per channel since the start; nothing when it has passed.
    pub fn silence_until(&mut self, position: u64) -> Result<(), WriteError> {
        let samples = position.saturating_sub(self.position());
        let written = match &mut self.format {
            Format::Wav(writer) => writer.silence(samples).map_err(OggError::Io),
            Format::Ogg(writer) => writer.silence(samples),
        };
        written.map_err(|error| named(self.file.clone(), error))
    }

    /// Completes the file. Dropping it instead leaves what a kill would.
    pub fn finish(self) -> Result<(), WriteError> {
        let written = match self.format {
            Format::Wav(writer) => writer.finish().map(drop).map_err(OggError::Io),
            Format::Ogg(writer) => writer.finish().map(drop),
        };
        written.map_err(|error| named(self.file, error))
    }
}

fn named(file: String, error: OggError) -> WriteError {
    match error {
        OggError::Io(error) => WriteError::Io { file, error },
        OggError::Opus(error) => WriteError::Opus { file, error },
    }
}

fn unknown(extension: &Option<String>) -> String {
    match extension {
        Some(extension) => format!("files that end in .{extension} are not written here"),
        None => "its ending must say which format to write".into(),
    }
}
