//! WAV as it is found: RF64 beyond 4 GiB, sizes that a crash or a pipe left unset, files cut short.
//!
//! Symphonia reads RIFF with right sizes, in whole packets. [`repair`] looks at the chunks first and, where they are
//! not so, puts a [`Repaired`] view in between that is.

use std::io::{self, Read, Seek, SeekFrom};

use super::read::Source;

/// Symphonia reads PCM in packets of this many samples per channel and drops a last one that is cut.
const PACKET: u64 = 1_152;

/// What is wrong with the sizes of a WAV file, and what is right.
pub(super) struct Repair {
    data_start: u64,
    /// Samples per channel that are there.
    pub(super) samples: u64,
    /// Bytes, filled up with silence to a whole packet.
    virtual_end: u64,
    real_end: u64,
}

/// Reads the chunks up to the audio. `None` when this is not WAV, or WAV that needs no repair. Leaves the position anywhere.
pub(super) fn repair(source: &mut dyn Source, length: u64) -> io::Result<Option<Repair>> {
    source.seek(SeekFrom::Start(0))?;
    let mut head = [0; 12];
    if length < 12 {
        return Ok(None);
    }
    source.read_exact(&mut head)?;
    let large = matches!(&head[..4], b"RF64" | b"BW64");
    if !(large || &head[..4] == b"RIFF") || &head[8..] != b"WAVE" {
        return Ok(None);
    }
    let riff_size = u64::from(le32(&head[4..8]));

    let mut at = 12;
    let mut data_size_64 = None;
    let mut block = None;
    while at + 8 <= length {
        let mut chunk = [0; 8];
        source.seek(SeekFrom::Start(at))?;
        source.read_exact(&mut chunk)?;
        let size = u64::from(le32(&chunk[4..]));
        at += 8;
        match &chunk[..4] {
            b"ds64" if large && size >= 24 && at + 24 <= length => {
                let mut sizes = [0; 24];
                source.read_exact(&mut sizes)?;
                data_size_64 = Some(u64::from_le_bytes(sizes[8..16].try_into().expect("eight bytes")));
            }
            b"fmt " if size >= 16 && at + 16 <= length => {
                let mut format = [0; 16];
                source.read_exact(&mut format)?;
                let tag = u16::from_le_bytes([format[0], format[1]]);
                let bytes = u64::from(u16::from_le_bytes([format[12], format[13]]));
                // PCM, float, A-law, µ-law, extensible: one block is one sample per channel. ADPCM is not so.
                block = (matches!(tag, 1 | 3 | 6 | 7 | 0xFFFE) && bytes > 0).then_some(bytes);
            }
            b"data" => {
                let Some(block) = block else { return Ok(None) };
                // A header that was never completed says that the file ends before its audio begins.
                let unset = size == u64::from(u32::MAX) || (size == 0 && riff_size + 8 < at);
                let stated = if large { data_size_64 } else { (!unset).then_some(size) };
                let there = length - at;
                let bytes = stated.unwrap_or(there).min(there) / block * block;
                if !large && stated.is_some_and(|stated| stated <= there) {
                    return Ok(None);
                }
                let packet = PACKET * block;
                return Ok(Some(Repair {
                    data_start: at,
                    samples: bytes / block,
                    virtual_end: at + bytes.div_ceil(packet) * packet,
                    real_end: at + bytes,
                }));
            }
            _ => {}
        }
        at = at.saturating_add(size + (size & 1));
    }
    Ok(None)
}

/// A WAV file seen as RIFF of unknown length, its audio filled up with zeros to a whole packet.
pub(super) struct Repaired {
    inner: Box<dyn Source>,
    repair: Repair,
    position: u64,
}

impl Repaired {
    pub(super) fn new(inner: Box<dyn Source>, repair: Repair) -> Self {
        Self { inner, repair, position: 0 }
    }

    pub(super) fn length(&self) -> u64 {
        self.repair.virtual_end
    }
}

impl Read for Repaired {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.repair.virtual_end.saturating_sub(self.position);
        let wanted = (out.len() as u64).min(left) as usize;
        let out = &mut out[..wanted];
        let real = self.repair.real_end.saturating_sub(self.position).min(wanted as u64) as usize;
        let count = if real == 0 {
            out.fill(0);
            wanted
        } else {
            self.inner.seek(SeekFrom::Start(self.position))?;
            match self.inner.read(&mut out[..real])? {
                // The file has become shorter since it was looked at.
                0 => return Ok(0),
                count => count,
            }
        };
        for (byte, at) in out[..count].iter_mut().zip(self.position..) {
            match at {
                0..4 => *byte = b"RIFF"[at as usize],
                4..8 => *byte = 0xFF,
                _ if (self.repair.data_start - 4..self.repair.data_start).contains(&at) => *byte = 0xFF,
                _ => {}
            }
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Repaired {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.repair.virtual_end.checked_add_signed(offset),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

fn le32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("four bytes"))
}
