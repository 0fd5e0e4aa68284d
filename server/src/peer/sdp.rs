//! SDP as text: what an offer must have, said clearly when it has not, and the few lines of ours that
//! differ from what webrtc-rs writes.

use std::fmt::Write as _;

use super::{OfferError, Side};

/// What our decoder and encoder want of the other side (RFC 7587 §6.1): stereo both ways, FEC, and
/// nothing sent while nobody speaks.
fn opus_parameters(bitrate_bps: u32) -> String {
    format!("minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1;maxaveragebitrate={bitrate_bps};usedtx=1")
}

/// Checks an offer and makes it into the one that the peer connection is to answer: without candidates
/// (we are ICE-lite: their checks find us, and a name that nobody here can resolve costs nothing), and
/// with the direction that the side allows, so that the answer follows from it.
pub fn admit(offer: &str, side: Side) -> Result<String, OfferError> {
    if !offer.starts_with("v=0") {
        return Err(OfferError::BadSdp("an SDP must start with v=0 (RFC 8866 §5)".into()));
    }
    let (session, media) = sections(offer);
    let audio = media
        .iter()
        .find(|section| section[0].starts_with("m=audio ") && !section[0].starts_with("m=audio 0 "))
        .ok_or_else(|| {
            OfferError::NoAudio("the offer needs one audio section (m=audio), with a port that is not 0".into())
        })?;
    let has = |prefix: &str| audio.iter().chain(&session).any(|line| line.starts_with(prefix));
    for (prefix, what) in [("a=ice-ufrag:", "ice-ufrag (RFC 8839 §5.4)"), ("a=ice-pwd:", "ice-pwd (RFC 8839 §5.4)")] {
        if !has(prefix) {
            return Err(OfferError::BadSdp(format!("the offer's audio section has no {what}")));
        }
    }
    if !audio.iter().chain(&session).any(|line| is_usable_fingerprint(line)) {
        return Err(OfferError::BadSdp(
            "the offer's audio section has no DTLS fingerprint that we can check: a=fingerprint:sha-256 and 32 bytes (RFC 8122 §5)"
                .into(),
        ));
    }
    if !audio.iter().any(|line| line.starts_with("a=mid:")) {
        return Err(OfferError::BadSdp("the offer's audio section has no a=mid (RFC 9143 §8)".into()));
    }
    if opus_payload_type(audio).is_none() {
        return Err(OfferError::NoAudio("the offer's audio section must have opus/48000/2 (RFC 7587 §7)".into()));
    }
    let theirs = direction(audio).or_else(|| direction(&session)).unwrap_or("sendrecv");
    let wanted = match (side, theirs) {
        (_, "inactive") | (Side::Whip, "recvonly") | (Side::Whep | Side::ListenOnly, "sendonly") => {
            return Err(OfferError::NoAudio(format!(
                "the offer's audio section is {theirs}: it must be {}",
                side.wanted_direction()
            )));
        }
        (Side::Whip, _) => "sendonly",
        (Side::Whep | Side::ListenOnly, _) => "recvonly",
        (Side::Both, theirs) => theirs,
    };
    let mut admitted = String::with_capacity(offer.len());
    let mut ours = false;
    let mut seen = false;
    for line in offer.lines() {
        if line.starts_with("m=") {
            ours = !seen && line == audio[0];
            seen |= ours;
        }
        if line.starts_with("a=candidate:") || line == "a=end-of-candidates" {
            continue;
        }
        // webrtc-rs looks at the first one only.
        if line.starts_with("a=fingerprint:") && !is_usable_fingerprint(line) {
            continue;
        }
        let line = if ours && is_direction(line) { format!("a={wanted}") } else { line.to_owned() };
        write!(admitted, "{line}\r\n").expect("writing to a String never fails");
        if ours && line.starts_with("a=mid:") && direction(audio).is_none() {
            write!(admitted, "a={wanted}\r\n").expect("writing to a String never fails");
        }
    }
    Ok(admitted)
}

/// Our Opus parameters in place of the echo of theirs, and our one candidate only once.
pub fn finish_answer(answer: &str, bitrate_bps: u32) -> Result<(String, u8), OfferError> {
    let (_, media) = sections(answer);
    let payload_type = media
        .iter()
        .filter(|section| section[0].starts_with("m=audio ") && !section[0].starts_with("m=audio 0 "))
        .find_map(|section| opus_payload_type(section))
        .ok_or_else(|| OfferError::NoAudio("no Opus format in the offer that fits ours: opus/48000/2".into()))?;
    let fmtp = format!("a=fmtp:{payload_type} ");
    let rtpmap = format!("a=rtpmap:{payload_type} ");
    let mut finished = String::with_capacity(answer.len() + 128);
    for line in answer.lines() {
        // RTCP is multiplexed on component 1 (RFC 5761), so a candidate for component 2 only costs checks.
        if line.starts_with(&fmtp) || (line.starts_with("a=candidate:") && line.split(' ').nth(1) == Some("2")) {
            continue;
        }
        write!(finished, "{line}\r\n").expect("writing to a String never fails");
        if line.starts_with(&rtpmap) {
            write!(finished, "{fmtp}{}\r\n", opus_parameters(bitrate_bps)).expect("writing to a String never fails");
        }
    }
    Ok((finished, payload_type))
}

/// The value of the first `a=NAME:` line.
pub fn attribute<'a>(sdp: &'a str, name: &str) -> Option<&'a str> {
    sdp.lines().find_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The payload type of redundant audio made of this one (RFC 2198 §5), if both sides have it.
pub fn red_payload_type(sdp: &str, payload_type: u8) -> Option<u8> {
    let (_, media) = sections(sdp);
    let section = media.iter().find(|section| section[0].starts_with("m=audio "))?;
    let types = section.iter().filter_map(|line| line.strip_prefix("a=rtpmap:")?.split_once(' '));
    let (red, _) = types.into_iter().find(|(_, codec)| codec.to_ascii_lowercase().starts_with("red/48000"))?;
    let made_of = section.iter().find_map(|line| line.strip_prefix("a=fmtp:")?.strip_prefix(red)?.strip_prefix(' '));
    let is_ours = made_of.is_none_or(|types| types.split('/').all(|part| part.parse() == Ok(payload_type)));
    red.parse().ok().filter(|_| is_ours)
}

/// The id by which a header extension was agreed on (RFC 8285 §5); one byte of header takes 1 to 14.
pub fn extension_id(sdp: &str, uri: &str) -> Option<u8> {
    let mut extensions = sdp.lines().filter_map(|line| line.strip_prefix("a=extmap:")?.trim().split_once(' '));
    let (id, _) = extensions.find(|(_, name)| name.split(' ').next() == Some(uri))?;
    id.split('/').next()?.parse().ok().filter(|id| (1..=14).contains(id))
}

/// The same description with other ICE credentials: what a peer offers when it restarts ICE
/// (RFC 8839 §4.4.1.1.1).
pub fn with_credentials(sdp: &str, ufrag: &str, pwd: &str) -> String {
    let mut renewed = String::with_capacity(sdp.len());
    for line in sdp.lines() {
        let line = if line.starts_with("a=ice-ufrag:") {
            format!("a=ice-ufrag:{ufrag}")
        } else if line.starts_with("a=ice-pwd:") {
            format!("a=ice-pwd:{pwd}")
        } else {
            line.to_owned()
        };
        write!(renewed, "{line}\r\n").expect("writing to a String never fails");
    }
    renewed
}

/// A fragment as `application/trickle-ice-sdpfrag` has it (RFC 8840 §9).
#[derive(Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// The sender's credentials: those of the session, or new ones to restart ICE.
    pub credentials: Option<(&'a str, &'a str)>,
}

impl<'a> Fragment<'a> {
    /// Reads a fragment. Its candidates are checked for their form only: we are ICE-lite, the peer's
    /// checks tell where it is.
    pub fn parse(text: &'a str) -> Result<Self, String> {
        let (mut ufrag, mut pwd, mut useful) = (None, None, false);
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            let Some((kind, value)) = line.split_once('=').filter(|(kind, _)| kind.len() == 1) else {
                return Err(format!("not a line of SDP: {:?}", shorten(line)));
            };
            match (kind, value.split_once(':').map_or((value, None), |(name, rest)| (name, Some(rest)))) {
                ("a", ("ice-ufrag", Some(value))) if (4..=256).contains(&value.len()) => ufrag = Some(value),
                ("a", ("ice-pwd", Some(value))) if (22..=256).contains(&value.len()) => pwd = Some(value),
                ("a", ("ice-ufrag" | "ice-pwd", _)) => {
                    return Err(format!(
                        "ice-ufrag has 4 to 256 and ice-pwd 22 to 256 characters (RFC 8839 §5.4), got {:?}",
                        shorten(line)
                    ));
                }
                ("a", ("candidate", Some(value))) => {
                    let parts: Vec<&str> = value.split(' ').collect();
                    let port = parts.get(5).and_then(|port| port.parse::<u16>().ok());
                    if parts.len() < 8 || parts[6] != "typ" || port.is_none() {
                        return Err(format!("not a candidate (RFC 8839 §5.1): {:?}", shorten(line)));
                    }
                    useful = true;
                }
                ("a", ("end-of-candidates", None)) => useful = true,
                ("a" | "m" | "c" | "v" | "o" | "s" | "t", _) => {}
                _ => return Err(format!("a fragment has a= and m= lines only (RFC 8840 §9), got {:?}", shorten(line))),
            }
        }
        match (ufrag, pwd) {
            (Some(ufrag), Some(pwd)) => Ok(Self { credentials: Some((ufrag, pwd)) }),
            (None, None) if useful => Ok(Self { credentials: None }),
            (None, None) => Err("the fragment has neither a candidate nor ICE credentials".into()),
            _ => Err("ice-ufrag and ice-pwd come together (RFC 8840 §4.4)".into()),
        }
    }
}

/// The fragment that answers a restart: our new credentials and our candidate (RFC 9725 §4.3.2).
pub fn restart_fragment(answer: &str) -> String {
    let mut fragment = String::new();
    let mut in_media = false;
    for line in answer.lines() {
        let wanted = line.starts_with("a=ice-lite")
            || line.starts_with("a=ice-options:")
            || line.starts_with("a=ice-ufrag:")
            || line.starts_with("a=ice-pwd:")
            || line.starts_with("a=group:BUNDLE")
            || (in_media
                && (line.starts_with("a=mid:") || line.starts_with("a=candidate:") || line == "a=end-of-candidates"));
        if line.starts_with("m=") {
            if in_media {
                break;
            }
            in_media = true;
            let media = line.trim_start_matches("m=").split(' ').next().unwrap_or("audio");
            write!(fragment, "m={media} 9 UDP/TLS/RTP/SAVPF 0\r\n").expect("writing to a String never fails");
        } else if wanted {
            write!(fragment, "{line}\r\n").expect("writing to a String never fails");
        }
    }
    fragment
}

fn shorten(line: &str) -> String {
    line.chars().take(80).collect()
}

/// The lines before the first `m=`, and the lines of each section.
fn sections(sdp: &str) -> (Vec<&str>, Vec<Vec<&str>>) {
    let (mut session, mut media): (Vec<&str>, Vec<Vec<&str>>) = (Vec::new(), Vec::new());
    for line in sdp.lines().map(str::trim_end) {
        if line.starts_with("m=") {
            media.push(vec![line]);
        } else if let Some(section) = media.last_mut() {
            section.push(line);
        } else {
            session.push(line);
        }
    }
    (session, media)
}

fn opus_payload_type(section: &[&str]) -> Option<u8> {
    section.iter().find_map(|line| {
        let (payload_type, codec) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        codec.to_ascii_lowercase().starts_with("opus/48000").then(|| payload_type.parse().ok()).flatten()
    })
}

/// `a=fingerprint:sha-256 XX:XX:…`, 32 bytes. Every WebRTC client has one (RFC 8827 §6.5).
fn is_usable_fingerprint(line: &str) -> bool {
    let Some((hash, value)) = line.strip_prefix("a=fingerprint:").and_then(|rest| rest.trim().split_once(' ')) else {
        return false;
    };
    let is_byte = |pair: &str| pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
    hash.eq_ignore_ascii_case("sha-256") && value.split(':').count() == 32 && value.split(':').all(is_byte)
}

fn is_direction(line: &str) -> bool {
    matches!(line.trim_end(), "a=sendrecv" | "a=sendonly" | "a=recvonly" | "a=inactive")
}

fn direction<'a>(section: &[&'a str]) -> Option<&'a str> {
    section.iter().find(|line| is_direction(line)).map(|line| line.trim_end().trim_start_matches("a="))
}
