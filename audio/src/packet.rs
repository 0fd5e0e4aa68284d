//! The outside of an Opus packet, as RFC 6716 §3 lays it out: how long it sounds, where its first
//! frame lies, whether it carries in-band FEC. Reads hostile bytes, allocates nothing.

use crate::OpusError;

/// The longest packet: 120 ms, in samples per channel at 48 kHz.
pub(crate) const MAX_PACKET_SAMPLES: usize = 5760;

/// The longest single frame in bytes (RFC 6716 §3.4, R2).
const MAX_FRAME_BYTES: usize = 1275;

/// What the outside of a well-formed packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Samples per channel at 48 kHz of the whole packet, 120 to 5760.
    pub samples: usize,
    /// Samples per channel at 48 kHz of each of its frames, 120 to 2880.
    pub frame_samples: usize,
    /// Whether it carries a low-bitrate copy of the frame before it (in-band FEC).
    pub has_fec: bool,
    /// Whether it is of a speech mode (SILK or hybrid), the only ones with FEC.
    pub is_speech: bool,
}

/// Checks a packet against all the rules of RFC 6716 §3.4.
pub(crate) fn parse(payload: &[u8]) -> Result<Shape, OpusError> {
    let (&toc, rest) = payload.split_first().ok_or(OpusError::Malformed("it is empty"))?;
    let frame_samples = frame_samples(toc);
    let (frames, first) = match toc & 0x03 {
        0 => (1, sized(rest)?),
        1 if rest.len() % 2 == 0 => (2, sized(&rest[..rest.len() / 2])?),
        1 => return Err(OpusError::Malformed("two equal frames in an odd number of bytes")),
        2 => {
            let (length, rest) = frame_length(rest)?;
            let (first, second) = rest.split_at_checked(length).ok_or(TOO_SHORT)?;
            sized(second)?;
            (2, first)
        }
        _ => many(rest, frame_samples)?,
    };
    let samples = frames * frame_samples;
    Ok(Shape { samples, frame_samples, has_fec: has_fec(toc, frame_samples, first), is_speech: toc & 0x80 == 0 })
}

/// Whether a packet has padding at all: extensions, DRED among them, lie there.
pub(crate) fn may_have_dred(payload: &[u8]) -> bool {
    matches!(payload, [toc, count, ..] if toc & 0x03 == 3 && count & 0x40 != 0)
}

const TOO_SHORT: OpusError = OpusError::Malformed("it ends inside a frame");

/// Samples per channel of one frame (RFC 6716 §3.1, table 2).
fn frame_samples(toc: u8) -> usize {
    let size = usize::from((toc >> 3) & 0x03);
    match toc >> 3 {
        16.. => 120 << size,
        12..16 => 480 << (size & 1),
        _ if size == 3 => 2880,
        _ => 480 << size,
    }
}

/// A packet of code 3: a count, optional padding, then frames of equal or of given lengths.
fn many(rest: &[u8], frame_samples: usize) -> Result<(usize, &[u8]), OpusError> {
    let (&head, mut rest) = rest.split_first().ok_or(OpusError::Malformed("its frame count is missing"))?;
    let frames = usize::from(head & 0x3F);
    if frames == 0 || frames * frame_samples > MAX_PACKET_SAMPLES {
        return Err(OpusError::Malformed("it holds no frame, or more than 120 ms"));
    }
    if head & 0x40 != 0 {
        let mut padding = 0;
        loop {
            let (&byte, after) = rest.split_first().ok_or(TOO_SHORT)?;
            rest = after;
            padding += usize::from(byte.min(254));
            if byte != 255 {
                break;
            }
        }
        let length = rest.len().checked_sub(padding).ok_or(OpusError::Malformed("it is all padding"))?;
        rest = &rest[..length];
    }
    if head & 0x80 == 0 {
        if !rest.len().is_multiple_of(frames) {
            return Err(OpusError::Malformed("its equal frames do not divide its length"));
        }
        return Ok((frames, sized(&rest[..rest.len() / frames])?));
    }
    let mut total = 0;
    let mut first_length = None;
    for _ in 1..frames {
        let (length, after) = frame_length(rest)?;
        rest = after;
        total += length;
        first_length.get_or_insert(length);
    }
    let last = rest.len().checked_sub(total).ok_or(TOO_SHORT)?;
    sized(&rest[total..])?;
    Ok((frames, &rest[..first_length.unwrap_or(last)]))
}

/// The length of one frame, in one or two bytes (RFC 6716 §3.2.1).
fn frame_length(rest: &[u8]) -> Result<(usize, &[u8]), OpusError> {
    match rest {
        [short @ 0..=251, rest @ ..] => Ok((usize::from(*short), rest)),
        [low, high, rest @ ..] => Ok((usize::from(*low) + 4 * usize::from(*high), rest)),
        _ => Err(TOO_SHORT),
    }
}

fn sized(frame: &[u8]) -> Result<&[u8], OpusError> {
    if frame.len() > MAX_FRAME_BYTES { Err(OpusError::Malformed("a frame is over 1275 bytes")) } else { Ok(frame) }
}

/// The LBRR flags lead the SILK part of a frame, after one voice-activity bit for each 20 ms
/// (RFC 6716 §4.2.3), once for each channel.
fn has_fec(toc: u8, frame_samples: usize, first: &[u8]) -> bool {
    let Some(&head) = first.first() else { return false };
    if toc & 0x80 != 0 || first.len() < 2 {
        return false;
    }
    let silk_frames = (frame_samples / 960).max(1);
    let middle = head >> (7 - silk_frames) & 1;
    let side = if toc & 0x04 != 0 { head >> (6 - 2 * silk_frames) & 1 } else { 0 };
    middle | side != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_as_long_as_its_first_byte_says() {
        for (toc, samples) in [(0x80, 120), (0x88, 240), (0x90, 480), (0x98, 960), (0x60, 480), (0x68, 960)] {
            assert_eq!(parse(&[toc, 1, 2]).unwrap().samples, samples, "{toc:#x}");
        }
        for (toc, samples) in [(0x00, 480), (0x08, 960), (0x10, 1920), (0x18, 2880)] {
            assert_eq!(parse(&[toc, 1, 2]).unwrap().samples, samples, "{toc:#x}");
        }
        assert_eq!(parse(&[0x9B, 6, 1, 2, 3, 4, 5, 6]).unwrap().samples, 5760);
        assert_eq!(parse(&[0x19, 1, 2]).unwrap().samples, 5760);
    }

    #[test]
    fn padding_is_counted_as_rfc_6716_does() {
        // Two equal frames, padding 254 + 1: what is left must be even.
        for (frames, whole) in [(20, true), (21, false)] {
            let mut payload = vec![0x9B, 0x42, 255, 1];
            payload.resize(4 + frames + 255, 0);
            assert_eq!(parse(&payload).is_ok(), whole, "{frames} bytes of frames");
        }
    }

    #[test]
    fn malformed_packets_are_refused() {
        let long = [0x98; 1277];
        let bad: [&[u8]; 9] = [
            &[],
            &[0x99, 1],
            &[0x9A],
            &[0x9A, 9, 1],
            &[0x9B],
            &[0x9B, 0],
            &[0x9B, 7, 0, 0, 0, 0, 0, 0, 0],
            &[0x9B, 0x42, 255, 255],
            &long,
        ];
        for payload in bad {
            assert!(parse(payload).is_err(), "{:?}", &payload[..payload.len().min(8)]);
        }
    }
}
