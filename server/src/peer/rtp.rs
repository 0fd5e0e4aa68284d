//! The header of an RTP packet that we send.

use super::Outgoing;

/// RFC 3550 §5.1.
const VERSION: u8 = 2 << 6;
const EXTENDED: u8 = 1 << 4;
const MARKER: u8 = 1 << 7;
/// Extensions with one byte of header each (RFC 8285 §4.2).
const ONE_BYTE_FORM: u16 = 0xBEDE;
/// How many contributors four bits count.
const MOST_CONTRIBUTORS: usize = 15;

/// Writes a header behind `out`; `levels` are the id, 1 to 14, and how loud each contributor is, left out where there
/// are none.
pub fn header(ssrc: u32, payload_type: u8, packet: &Outgoing<'_>, levels: Option<(u8, &[u8])>, out: &mut Vec<u8>) {
    let csrcs = &packet.csrcs[..packet.csrcs.len().min(MOST_CONTRIBUTORS)];
    let levels = levels.map(|(id, levels)| (id, &levels[..levels.len().min(MOST_CONTRIBUTORS)]));
    let levels = levels.filter(|(_, levels)| !levels.is_empty());
    out.push(VERSION | if levels.is_some() { EXTENDED } else { 0 } | csrcs.len() as u8);
    out.push(payload_type | if packet.marker { MARKER } else { 0 });
    out.extend_from_slice(&packet.sequence.to_be_bytes());
    out.extend_from_slice(&packet.timestamp.to_be_bytes());
    out.extend_from_slice(&ssrc.to_be_bytes());
    for csrc in csrcs {
        out.extend_from_slice(&csrc.to_be_bytes());
    }
    let Some((id, levels)) = levels else { return };
    let words = (1 + levels.len()).div_ceil(4);
    out.extend_from_slice(&ONE_BYTE_FORM.to_be_bytes());
    out.extend_from_slice(&(words as u16).to_be_bytes());
    let end = out.len() + 4 * words;
    out.push(id << 4 | (levels.len() - 1) as u8);
    out.extend_from_slice(levels);
    out.resize(end, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc_rtp::header::Header;
    use rtc_shared::marshal::{MarshalSize, Unmarshal};

    #[test]
    fn webrtc_rs_reads_each_header() {
        let (csrcs, levels): (Vec<u32>, Vec<u8>) = (1..=20).map(|n| (n * 0x0101_0101, n as u8)).unzip();
        for count in 0..=20 {
            for id in [None, Some(1), Some(14)] {
                let packet = Outgoing {
                    sequence: 65_535,
                    timestamp: 0x8765_4321,
                    marker: count % 2 == 0,
                    payload: &[],
                    csrcs: &csrcs[..count],
                    levels: &levels[..count],
                    is_guarded: false,
                };
                let mut bytes = b"what was there".to_vec();
                header(0xABCD_EF01, 111, &packet, id.map(|id| (id, packet.levels)), &mut bytes);
                let mut rest = &bytes[14..];
                let read = Header::unmarshal(&mut rest).expect("it can be read");
                assert_eq!((rest.len(), read.marshal_size()), (0, bytes.len() - 14), "{count} and {id:?}");
                let most = count.min(15);
                assert_eq!((read.version, read.marker, read.payload_type), (2, packet.marker, 111));
                assert_eq!((read.sequence_number, read.timestamp, read.ssrc), (65_535, 0x8765_4321, 0xABCD_EF01));
                assert_eq!(read.csrc, csrcs[..most]);
                let heard = id.and_then(|id| read.get_extension(id));
                let wanted = id.filter(|_| most > 0).map(|_| &levels[..most]);
                assert_eq!(heard.as_deref(), wanted, "{count} and {id:?}");
            }
        }
    }
}
