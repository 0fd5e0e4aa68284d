//! Just enough of STUN (RFC 8489) to find whom a datagram is for, before anything is checked.

/// What kind of datagram arrived, by its first byte (RFC 7983 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram {
    /// 0 to 3.
    Stun,
    /// 20 to 63.
    Dtls,
    /// 128 to 191: RTP and RTCP.
    Media,
    /// Anything else, and anything too short to be one of these.
    Unknown,
}

/// Tells the protocols on one socket apart.
pub fn classify(datagram: &[u8]) -> Datagram {
    match datagram {
        [0..=3, ..] if datagram.len() >= HEADER => Datagram::Stun,
        [20..=63, ..] if datagram.len() >= 13 => Datagram::Dtls,
        [128..=191, ..] if datagram.len() >= 12 => Datagram::Media,
        _ => Datagram::Unknown,
    }
}

/// Whether this datagram of RTP or RTCP is the latter (RFC 5761 §4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram.get(1), Some(192..=223))
}

const HEADER: usize = 20;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const USERNAME: u16 = 0x0006;

/// Our ICE user fragment in a binding request: USERNAME is `ours:theirs` (RFC 8445 §7.2.2). None for
/// every other message and for a broken one. Nothing is verified here: ICE checks the integrity.
pub fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    let username = attribute(datagram, USERNAME)?;
    std::str::from_utf8(username).ok()?.split(':').next().filter(|ours| !ours.is_empty())
}

/// The value of the first attribute of this type in a binding request.
fn attribute(datagram: &[u8], wanted: u16) -> Option<&[u8]> {
    if datagram.get(..2)? != BINDING_REQUEST || datagram.get(4..8)? != COOKIE {
        return None;
    }
    let mut attributes = datagram.get(HEADER..)?;
    while let [t0, t1, l0, l1, rest @ ..] = attributes {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = rest.get(..length)?;
        if u16::from_be_bytes([*t0, *t1]) == wanted {
            return Some(value);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// Whether this is the success response that follows a verified check.
pub fn is_binding_success(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER && datagram[..2] == BINDING_SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut message = vec![0, 1, 0, 0];
        message.extend(COOKIE);
        message.extend([7; 12]);
        for (kind, value) in attributes {
            message.extend(kind.to_be_bytes());
            message.extend((value.len() as u16).to_be_bytes());
            message.extend(*value);
            message.extend(vec![0; value.len().next_multiple_of(4) - value.len()]);
        }
        message
    }

    #[test]
    fn our_half_of_the_username_is_found_behind_other_attributes() {
        let message = request(&[(0x0024, &[1, 2, 3, 4]), (0x8022, b"abc"), (USERNAME, b"ours:theirs")]);
        assert_eq!(classify(&message), Datagram::Stun);
        assert_eq!(local_ufrag(&message), Some("ours"));
    }

    #[test]
    fn broken_messages_name_nobody() {
        let whole = request(&[(USERNAME, b"ours:theirs")]);
        for end in 0..whole.len() - 1 {
            assert_eq!(local_ufrag(&whole[..end]), None, "cut at {end}");
        }
        assert_eq!(local_ufrag(&request(&[(USERNAME, b":theirs")])), None);
        assert_eq!(local_ufrag(&request(&[(USERNAME, &[0xff, b':'])])), None);
        let mut lying = request(&[(USERNAME, b"ours:theirs")]);
        lying[22..24].copy_from_slice(&u16::MAX.to_be_bytes());
        assert_eq!(local_ufrag(&lying), None);
    }

    #[test]
    fn datagrams_are_told_apart_by_their_first_byte() {
        assert_eq!(classify(&[]), Datagram::Unknown);
        assert_eq!(classify(&[0; 19]), Datagram::Unknown);
        assert_eq!(classify(&[22; 13]), Datagram::Dtls);
        assert_eq!(classify(&[128; 12]), Datagram::Media);
        assert_eq!(classify(&[64; 100]), Datagram::Unknown);
    }
}
