//! Ogg Opus out (RFC 7845), from packets as they were received or from frames, complete at every page. A page is
//! written after at most 0.5 s of audio, whole; what a `kill -9` leaves behind lacks only the mark of its end.
//!
//! Time is what counts here: whatever was not received is put in as silence or as loss, so that sample n of the decoded
//! file is always sample n of the recording.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use ::ogg::{PacketWriteEndInfo, PacketWriter};

use crate::opus::{self, Encoder};
use crate::{CHANNELS, FRAME_SAMPLES, Frame, SAMPLE_RATE};

/// A page is closed when it holds this much. With the longest packet (120 ms) on top it is 0.5 s.
const PAGE_SAMPLES: u64 = 380 * 48;
/// libopus's look-ahead for music at 48 kHz, 6.5 ms: what decoders drop from the start.
const PRE_SKIP: u16 = 312;
/// The one stream in the file.
const SERIAL: u32 = u32::from_le_bytes(*b"mix-");
/// The shortest Opus frame, 2.5 ms, in samples.
const SHORTEST: u64 = 120;
/// Digital silence in CELT, stereo, after the byte that says how long: 2.5, 5, 10 or 20 ms.
const SILENCE: [(u64, [u8; 3]); 4] =
    [(960, [0xFC, 0xFF, 0xFE]), (480, [0xF4, 0xFF, 0xFE]), (240, [0xEC, 0xFF, 0xFE]), (120, [0xE4, 0xFF, 0xFE])];

/// Why something was not written to an Ogg Opus file.
#[derive(Debug, thiserror::Error)]
pub enum OggError {
    /// The disk: nothing more can be written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The packet is not Opus. Nothing was written; the next may be right.
    #[error("{0}")]
    Opus(#[from] opus::OpusError),
}

/// Writes one stereo stream of Opus.
pub struct OggOpusWriter<W: Write> {
    pages: PacketWriter<'static, Page<W>>,
    settings: opus::Settings,
    encoder: Option<Encoder>,
    /// Samples per channel in packets. This is the granule position.
    packed: u64,
    /// Samples per channel of packets since the last page.
    in_page: u64,
    /// Samples per channel asked for as silence and too short for a packet.
    owed: u64,
    /// First byte of the last packet: what a lost one is taken to have been.
    shape: u8,
}

impl OggOpusWriter<File> {
    /// Makes or replaces a file; frames are encoded with 96 kbit/s.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, OggError> {
        Self::new(File::create(path)?, FILE_SETTINGS)
    }
}

/// A file is decoded without loss, so no bits go to FEC.
pub const FILE_SETTINGS: opus::Settings =
    opus::Settings { bitrate_bps: 96_000, complexity: 8, expected_loss_percent: 0, fec: false, dred: Duration::ZERO };

impl<W: Write> OggOpusWriter<W> {
    /// Writes to an empty sink. `settings` are for frames; packets are written as they come.
    pub fn new(sink: W, settings: opus::Settings) -> Result<Self, OggError> {
        let mut writer = Self {
            pages: PacketWriter::new(Page { sink, bytes: Vec::new() }),
            settings,
            encoder: None,
            packed: 0,
            in_page: 0,
            owed: 0,
            shape: SILENCE[0].1[0],
        };
        writer.pages.write_packet(head(), SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        writer.pages.write_packet(tags(), SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        writer.pages.inner_mut().send()?;
        Ok(writer)
    }

    /// Samples per channel written so far: where the next packet or frame will be heard.
    pub fn position(&self) -> u64 {
        self.packed + self.owed
    }

    /// Appends a packet as it was received, of 2.5 to 120 ms.
    pub fn packet(&mut self, payload: &[u8]) -> Result<(), OggError> {
        let samples = opus::packet_samples(payload)? as u64;
        self.push(payload.to_vec(), samples)
    }

    /// Encodes and appends a frame.
    pub fn write(&mut self, frame: &Frame) -> Result<(), OggError> {
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            empty => empty.insert(Encoder::new(self.settings)?),
        };
        let mut payload = vec![0; opus::MAX_ENCODED];
        let length = encoder.encode(frame, &mut payload)?;
        payload.truncate(length);
        self.push(payload, FRAME_SAMPLES as u64)
    }

    /// Appends `samples` per channel of silence. What is too short for a packet (2.5 ms) is owed to the next silence.
    pub fn silence(&mut self, samples: u64) -> Result<(), OggError> {
        self.owed += samples;
        // While frames are encoded, whole frames of silence go through the encoder: what it still holds is heard.
        while self.encoder.is_some() && self.owed >= FRAME_SAMPLES as u64 {
            self.owed -= FRAME_SAMPLES as u64;
            self.write(&Frame::SILENCE)?;
        }
        for (length, payload) in SILENCE {
            while self.owed >= length {
                self.owed -= length;
                self.push(payload.to_vec(), length)?;
            }
        }
        Ok(())
    }

    /// Appends `samples` per channel that were lost on the way: decoders conceal them as they would have live
    /// (RFC 7845 §4.1). For gaps of up to about 100 ms; longer ones are better silence.
    pub fn lost(&mut self, samples: u64) -> Result<(), OggError> {
        // A packet with no frame inside, of the shape of the last one.
        let payload = [self.shape & !0x03];
        let length = opus::packet_samples(&payload)? as u64;
        self.owed += samples;
        while self.owed >= length {
            self.owed -= length;
            self.push(payload.to_vec(), length)?;
        }
        if self.owed >= SHORTEST { self.silence(0) } else { Ok(()) }
    }

    /// Writes what is not yet in a page, marks the end and hands the sink back. The file then decodes to [`Self::position`]
    /// samples per channel.
    pub fn finish(mut self) -> Result<W, OggError> {
        // The encoder is behind by its look-ahead: one more frame brings out the rest.
        let mut rest = SILENCE[0].1.to_vec();
        if let Some(encoder) = &mut self.encoder {
            rest.resize(opus::MAX_ENCODED, 0);
            let length = encoder.encode(&Frame::SILENCE, &mut rest)?;
            rest.truncate(length);
        }
        let granule = u64::from(PRE_SKIP) + self.position();
        self.pages.write_packet(rest, SERIAL, PacketWriteEndInfo::EndStream, granule)?;
        self.pages.inner_mut().send()?;
        Ok(self.pages.into_inner().sink)
    }

    fn push(&mut self, payload: Vec<u8>, samples: u64) -> Result<(), OggError> {
        self.shape = payload[0];
        self.packed += samples;
        self.in_page += samples;
        let full = self.in_page >= PAGE_SAMPLES;
        let end = if full { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
        self.pages.write_packet(payload, SERIAL, end, self.packed)?;
        self.pages.inner_mut().send()?;
        if full {
            self.in_page = 0;
        }
        Ok(())
    }
}

/// Gathers a page, which `ogg` writes in pieces, and writes it in one.
struct Page<W> {
    sink: W,
    bytes: Vec<u8>,
}

impl<W: Write> Page<W> {
    fn send(&mut self) -> io::Result<()> {
        if !self.bytes.is_empty() {
            self.sink.write_all(&self.bytes)?;
            self.sink.flush()?;
            self.bytes.clear();
        }
        Ok(())
    }
}

impl<W> Write for Page<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// RFC 7845 §5.1: version 1, stereo, no output gain, mapping family 0.
fn head() -> Vec<u8> {
    let mut head = b"OpusHead".to_vec();
    head.extend([1, CHANNELS as u8]);
    head.extend(PRE_SKIP.to_le_bytes());
    head.extend(SAMPLE_RATE.to_le_bytes());
    head.extend(0_i16.to_le_bytes());
    head.push(0);
    head
}

/// RFC 7845 §5.2: who wrote it, and no comments.
fn tags() -> Vec<u8> {
    let vendor = concat!("mixminus ", env!("CARGO_PKG_VERSION"));
    let mut tags = b"OpusTags".to_vec();
    tags.extend((vendor.len() as u32).to_le_bytes());
    tags.extend(vendor.as_bytes());
    tags.extend(0_u32.to_le_bytes());
    tags
}
