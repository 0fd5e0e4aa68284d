//! WAV out, complete at every moment: the sizes in the header are made true again every 0.4 s of audio, so what a
//! `kill -9` leaves behind opens as it is. Beyond 4 GiB the same header becomes RF64 (EBU Tech 3306).

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use crate::{CHANNELS, FRAME_SAMPLES, Frame, SAMPLE_RATE};

/// Frames between two updates of the header: 0.4 s.
const UPDATE_FRAMES: u64 = 20;
/// RIFF, a reserved place for the sizes of RF64, the format, the head of the data.
const HEADER: u64 = 80;
/// The most data that RIFF can state.
const MOST_IN_RIFF: u64 = u32::MAX as u64 - HEADER;

/// How a sample is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Signed 16 bit.
    #[default]
    Bits16,
    /// Signed 24 bit.
    Bits24,
}

impl Depth {
    fn bytes(self) -> usize {
        match self {
            Depth::Bits16 => 2,
            Depth::Bits24 => 3,
        }
    }
}

/// Writes 48 kHz stereo PCM, a frame at a time. Samples are rounded, and held at full scale beyond it; they never wrap.
pub struct WavWriter<W> {
    sink: W,
    depth: Depth,
    /// Data bytes beyond which the header is RF64.
    most_in_riff: u64,
    samples: u64,
    stated: u64,
    bytes: Vec<u8>,
}

impl WavWriter<File> {
    /// Makes or replaces a file of 16 bit.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::new(File::create(path)?, Depth::Bits16)
    }
}

impl<W: Write + Seek> WavWriter<W> {
    /// Writes to the start of an empty sink.
    pub fn new(sink: W, depth: Depth) -> io::Result<Self> {
        Self::with_riff_limit(sink, depth, MOST_IN_RIFF)
    }

    /// The same, turning to RF64 beyond `most_in_riff` bytes of data in place of 4 GiB.
    pub fn with_riff_limit(sink: W, depth: Depth, most_in_riff: u64) -> io::Result<Self> {
        let most_in_riff = most_in_riff.min(MOST_IN_RIFF);
        let mut writer = Self { sink, depth, most_in_riff, samples: 0, stated: 0, bytes: Vec::new() };
        writer.sink.write_all(&writer.header())?;
        writer.sink.flush()?;
        Ok(writer)
    }

    /// Samples per channel written so far.
    pub fn position(&self) -> u64 {
        self.samples
    }

    /// Appends a frame.
    pub fn write(&mut self, frame: &Frame) -> io::Result<()> {
        self.bytes.clear();
        for &sample in frame.samples() {
            // A cast from float to integer saturates, and NaN becomes zero.
            match self.depth {
                Depth::Bits16 => self.bytes.extend(((sample * 32_768.0).round() as i16).to_le_bytes()),
                Depth::Bits24 => {
                    let value = ((sample * 8_388_608.0).round() as i32).clamp(-8_388_608, 8_388_607);
                    self.bytes.extend(&value.to_le_bytes()[..3]);
                }
            }
        }
        self.send(FRAME_SAMPLES as u64)
    }

    /// Appends `samples` per channel of silence.
    pub fn silence(&mut self, mut samples: u64) -> io::Result<()> {
        self.bytes.clear();
        self.bytes.resize(FRAME_SAMPLES * self.block(), 0);
        while samples > 0 {
            let count = samples.min(FRAME_SAMPLES as u64);
            self.bytes.truncate(count as usize * self.block());
            self.send(count)?;
            samples -= count;
        }
        Ok(())
    }

    /// Makes the header true and hands the sink back.
    pub fn finish(mut self) -> io::Result<W> {
        self.update()?;
        Ok(self.sink)
    }

    /// Writes the bytes of `samples` per channel that were made ready.
    fn send(&mut self, samples: u64) -> io::Result<()> {
        self.sink.write_all(&self.bytes)?;
        self.samples += samples;
        if self.samples - self.stated >= UPDATE_FRAMES * FRAME_SAMPLES as u64 {
            self.update()?;
        }
        Ok(())
    }

    /// Writes the header anew, after the data that it states, and in one piece.
    fn update(&mut self) -> io::Result<()> {
        self.sink.flush()?;
        self.sink.seek(SeekFrom::Start(0))?;
        self.sink.write_all(&self.header())?;
        self.sink.flush()?;
        self.sink.seek(SeekFrom::Start(HEADER + self.data_bytes()))?;
        self.stated = self.samples;
        Ok(())
    }

    fn data_bytes(&self) -> u64 {
        self.samples * self.block() as u64
    }

    /// Bytes of one sample of both channels.
    fn block(&self) -> usize {
        CHANNELS * self.depth.bytes()
    }

    fn header(&self) -> [u8; HEADER as usize] {
        let data = self.data_bytes();
        let riff = HEADER - 8 + data;
        let large = data > self.most_in_riff;
        let stated = |size: u64| if large { u32::MAX } else { size as u32 }.to_le_bytes();
        let block = self.block() as u16;

        let mut header = [0; HEADER as usize];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            header[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(if large { b"RF64" } else { b"RIFF" });
        put(&stated(riff));
        put(b"WAVE");
        put(if large { b"ds64" } else { b"JUNK" });
        put(&28_u32.to_le_bytes());
        put(&if large { riff } else { 0 }.to_le_bytes());
        put(&if large { data } else { 0 }.to_le_bytes());
        put(&if large { self.samples } else { 0 }.to_le_bytes());
        put(&0_u32.to_le_bytes());
        put(b"fmt ");
        put(&16_u32.to_le_bytes());
        put(&1_u16.to_le_bytes());
        put(&(CHANNELS as u16).to_le_bytes());
        put(&SAMPLE_RATE.to_le_bytes());
        put(&(SAMPLE_RATE * u32::from(block)).to_le_bytes());
        put(&block.to_le_bytes());
        put(&(8 * self.depth.bytes() as u16).to_le_bytes());
        put(b"data");
        put(&stated(data));
        header
    }
}
