//! Redundant audio (RFC 2198): a packet that also carries packets before it.

use bytes::{BufMut, Bytes, BytesMut};

/// A copy is at most so much older, in samples: the offset has 14 bits.
const MAX_OFFSET: u32 = (1 << 14) - 1;
/// And at most so long, in bytes: the length has 10 bits.
const MAX_LENGTH: usize = (1 << 10) - 1;

/// One packet of those in a redundant packet.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// How much older it is than the packet, in samples; 0 for the packet itself, which is the last.
    pub offset: u32,
    /// As it would have come alone.
    pub payload: Bytes,
}

/// Takes a redundant packet apart, the oldest block first; blocks of other payload types are left out.
/// None where the lengths do not fit (RFC 2198 §3).
pub fn parse(packet: &Bytes, payload_type: u8) -> Option<impl Iterator<Item = Block> + use<>> {
    let mut headers = 0;
    let mut in_copies = 0;
    while packet.get(headers)? & 0x80 != 0 {
        let header = packet.get(headers..headers + 4)?;
        in_copies += usize::from(header[2] & 3) << 8 | usize::from(header[3]);
        headers += 4;
    }
    let mut at = headers + 1;
    // The last block's length is not said: it is what is left.
    let primary = packet.len().checked_sub(at + in_copies)?;
    let packet = packet.clone();
    let blocks = (0..=headers).step_by(4).map(move |header| {
        let is_last = header == headers;
        let (offset, length) = if is_last {
            (0, primary)
        } else {
            let word = u32::from_be_bytes([packet[header], packet[header + 1], packet[header + 2], packet[header + 3]]);
            (word >> 10 & MAX_OFFSET, (word & MAX_LENGTH as u32) as usize)
        };
        let payload = packet.slice(at..at + length);
        at += length;
        (packet[header] & 0x7F, Block { offset, payload })
    });
    Some(
        blocks
            .filter(move |(block_type, block)| *block_type == payload_type && !block.payload.is_empty())
            .map(|(_, block)| block),
    )
}

/// Puts a packet and the one before it, `offset` samples older, into one; none where that one is too old or too long.
pub fn pair(payload_type: u8, offset: u32, before: &[u8], payload: &[u8]) -> Option<Bytes> {
    if offset == 0 || offset > MAX_OFFSET || before.is_empty() || before.len() > MAX_LENGTH {
        return None;
    }
    let mut packet = BytesMut::with_capacity(5 + before.len() + payload.len());
    packet.put_u32(u32::from(0x80 | payload_type) << 24 | offset << 10 | before.len() as u32);
    packet.put_u8(payload_type);
    packet.extend_from_slice(before);
    packet.extend_from_slice(payload);
    Some(packet.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(packet: &[u8]) -> Option<Vec<(u32, Vec<u8>)>> {
        let blocks = parse(&Bytes::copy_from_slice(packet), 111)?;
        Some(blocks.map(|block| (block.offset, block.payload.to_vec())).collect())
    }

    #[test]
    fn a_pair_comes_apart_as_it_was_put_together() {
        let packet = pair(111, 960, b"before", b"now").unwrap();
        assert_eq!(blocks(&packet), Some(vec![(960, b"before".to_vec()), (0, b"now".to_vec())]));
        assert_eq!(blocks(&[111, 1, 2, 3]), Some(vec![(0, vec![1, 2, 3])]), "with no copy at all");
        assert_eq!(pair(111, 16_384, b"before", b"now"), None, "too old to be said");
        assert_eq!(pair(111, 960, &[0; 1024], b"now"), None, "too long to be said");
    }

    #[test]
    fn blocks_of_other_types_are_left_out_and_lengths_that_lie_are_refused() {
        let two = [0x80 | 13, 15, 0, 1, 0x80 | 111, 7, 0x80, 2, 111, 9, 1, 2, 3];
        assert_eq!(blocks(&two), Some(vec![(480, vec![1, 2]), (0, vec![3])]));
        for broken in [&[][..], &[0x80 | 111], &[0x80 | 111, 0, 0, 9], &[0x80 | 111, 0, 0, 9, 111, 1, 2]] {
            assert_eq!(blocks(broken), None, "{broken:?}");
        }
        // Whatever comes, nothing panics.
        for seed in 0..100_000_u32 {
            let bytes: Vec<u8> = (0..seed % 24).map(|n| (seed.wrapping_mul(2_654_435_761) >> (n % 24)) as u8).collect();
            _ = blocks(&bytes);
        }
    }
}
