//! The edit list of an MP4 file: how much of the decoded audio is the encoder's priming and padding (ISO/IEC 14496-12 §8.6.6).
//!
//! Symphonia reads the atom and does not apply it; and it passes over media that the file says is longer than the file.

use std::io::{self, SeekFrom};

use super::read::Source;

/// What of one track is to be heard, in units of `1 / scale` seconds (the scale is nearly always the sample rate).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edit {
    pub(super) track: u32,
    pub(super) scale: u64,
    pub(super) skip: u64,
    pub(super) length: Option<u64>,
}

/// How deep atoms nest on the way to an edit list: moov, trak, edts or mdia, and the leaf.
const DEEPEST: usize = 4;
/// More atoms than this are no honest file.
const MOST_ATOMS: usize = 10_000;
/// An edit list that cuts priming and padding has one or two entries.
const MOST_ENTRIES: u32 = 16;

/// What symphonia must be told about an MP4 file.
pub(super) struct Layout {
    /// The edits of the audio tracks that have one.
    pub(super) edits: Vec<Edit>,
    /// The file ends inside an atom.
    pub(super) cut: bool,
}

/// Reads the outline of an MP4 file, `None` when it is not one. Leaves the position anywhere.
pub(super) fn layout(source: &mut dyn Source, length: u64) -> io::Result<Option<Layout>> {
    source.seek(SeekFrom::Start(0))?;
    let mut head = [0; 8];
    if length < 8 {
        return Ok(None);
    }
    source.read_exact(&mut head)?;
    if &head[4..] != b"ftyp" {
        return Ok(None);
    }
    let mut walk = Walk::default();
    walk.atoms(source, 0, length, 1)?;
    let edits = walk.tracks.iter().filter_map(|track| track.edit(walk.movie_scale)).collect();
    Ok(Some(Layout { edits, cut: walk.cut }))
}

#[derive(Default)]
struct Walk {
    cut: bool,
    movie_scale: u64,
    tracks: Vec<Track>,
    seen: usize,
}

#[derive(Default)]
struct Track {
    id: u32,
    scale: u64,
    is_audio: bool,
    /// (length in the movie's scale, start in the track's scale; −1 is a pause)
    entries: Vec<(u64, i64)>,
}

impl Track {
    fn edit(&self, movie_scale: u64) -> Option<Edit> {
        let mut played = self.entries.iter().filter(|entry| entry.1 >= 0);
        // One stretch is priming and padding; several are somebody's cut, which is not followed.
        let (&(length, start), None) = (played.next()?, played.next()) else { return None };
        if !self.is_audio || movie_scale == 0 || self.scale == 0 {
            return None;
        }
        let length = u128::from(length) * u128::from(self.scale) / u128::from(movie_scale);
        let length = u64::try_from(length).ok().filter(|&length| length > 0);
        Some(Edit { track: self.id, scale: self.scale, skip: start.unsigned_abs(), length })
    }
}

impl Walk {
    fn atoms(&mut self, source: &mut dyn Source, start: u64, end: u64, depth: usize) -> io::Result<()> {
        let mut at = start;
        while at + 8 <= end && self.seen < MOST_ATOMS {
            self.seen += 1;
            let mut head = [0; 16];
            source.seek(SeekFrom::Start(at))?;
            source.read_exact(&mut head[..8])?;
            let (size, body) = match be32(&head[0..4]) {
                0 => (end - at, at + 8),
                1 if at + 16 <= end => {
                    source.read_exact(&mut head[8..])?;
                    (be64(&head[8..]), at + 16)
                }
                size => (u64::from(size), at + 8),
            };
            let Some(next) = at.checked_add(size).filter(|&next| next >= body) else { return Ok(()) };
            self.cut |= depth == 1 && next > end;
            self.atom(source, &head[4..8], body, next.min(end), depth)?;
            at = next;
        }
        Ok(())
    }

    fn atom(&mut self, source: &mut dyn Source, name: &[u8], body: u64, end: u64, depth: usize) -> io::Result<()> {
        match name {
            b"moov" | b"trak" | b"edts" | b"mdia" if depth >= DEEPEST => return Ok(()),
            b"moov" | b"edts" | b"mdia" => return self.atoms(source, body, end, depth + 1),
            b"trak" => {
                self.tracks.push(Track::default());
                return self.atoms(source, body, end, depth + 1);
            }
            b"mvhd" | b"tkhd" | b"mdhd" | b"hdlr" | b"elst" => {}
            _ => return Ok(()),
        }
        let mut bytes = vec![0; (end - body).min(1_024) as usize];
        source.seek(SeekFrom::Start(body))?;
        source.read_exact(&mut bytes)?;
        let Some(&version) = bytes.first() else { return Ok(()) };
        // Version 1 has times of 64 bits in place of 32.
        let wide = version == 1;
        let word = |at: usize| bytes.get(at..at + 4).map(be32);
        let scale = word(if wide { 20 } else { 12 }).unwrap_or(0);
        if name == b"mvhd" {
            self.movie_scale = u64::from(scale);
        }
        let Some(track) = self.tracks.last_mut() else { return Ok(()) };
        match name {
            b"tkhd" => track.id = scale,
            b"mdhd" => track.scale = u64::from(scale),
            b"hdlr" => track.is_audio = bytes.get(8..12) == Some(b"soun"),
            b"elst" => {
                let size = if wide { 20 } else { 12 };
                for entry in bytes
                    .get(8..)
                    .unwrap_or(&[])
                    .chunks_exact(size)
                    .take(MOST_ENTRIES.min(word(4).unwrap_or(0)) as usize)
                {
                    track.entries.push(if wide {
                        (be64(&entry[..8]), be64(&entry[8..16]) as i64)
                    } else {
                        (u64::from(be32(&entry[..4])), i64::from(be32(&entry[4..8]) as i32))
                    });
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("four bytes"))
}

fn be64(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().expect("eight bytes"))
}
