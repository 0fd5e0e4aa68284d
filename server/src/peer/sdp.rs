//! SDP as text: what an offer must have, said clearly when it has not, and the answer to it.

use std::fmt::Write as _;
use std::io::Cursor;
use std::net::SocketAddr;

use rtc_sdp::description::session::SessionDescription;

use super::ice::{Credentials, PRIORITY};
use super::{OfferError, Side};

/// How loud each contributor is (RFC 6465 §3).
const LEVELS_URI: &str = "urn:ietf:params:rtp-hdrext:csrc-audio-level";

/// What our decoder and encoder want of the other side (RFC 7587 §6.1): stereo both ways, FEC, and
/// nothing sent while nobody speaks.
fn opus_parameters(bitrate_bps: u32) -> String {
    format!("minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1;maxaveragebitrate={bitrate_bps};usedtx=1")
}

/// What of an offer the connection and the answer are made of.
pub struct Admitted {
    /// The other side's ICE credentials.
    pub remote: Credentials,
    /// SHA-256 of its certificate; more than one where it has not decided yet.
    pub fingerprints: Vec<String>,
    /// We begin the DTLS handshake: unless it says that it will (RFC 5763 §5).
    pub begins: bool,
    /// Of Opus, as it numbers it.
    pub payload_type: u8,
    /// Of redundant audio made of that Opus, if it has it (RFC 2198 §5).
    pub red_type: Option<u8>,
    /// By which id it wants the levels of contributors (RFC 6465).
    pub levels_id: Option<u8>,
    /// Of the answer.
    direction: &'static str,
    /// The first line and the mid of each section, in order.
    sections: Vec<(String, Option<String>)>,
    /// Which of them is ours.
    ours: usize,
    is_bundled: bool,
    has_reduced_rtcp: bool,
}

/// Our part of an answer.
pub struct Ours<'a> {
    /// Where the peer sends to.
    pub media: SocketAddr,
    /// Our ICE credentials.
    pub credentials: &'a Credentials,
    /// SHA-256 of our certificate.
    pub fingerprint: &'a str,
    /// Of the stream that we send.
    pub ssrc: u32,
    /// What the peer's encoder is asked for.
    pub bitrate_bps: u32,
    /// How often the session was described before (RFC 8866 §5.2).
    pub version: u32,
}

/// Checks an offer. Its candidates are not looked at: we are ICE-lite, their checks find us, and a name that nobody here
/// can resolve costs nothing.
pub fn admit(offer: &str, side: Side) -> Result<Admitted, OfferError> {
    let bad = |detail: &str| Err(OfferError::BadSdp(detail.to_owned()));
    if !offer.starts_with("v=0") {
        return bad("an SDP must start with v=0 (RFC 8866 §5)");
    }
    let (session, media) = sections(offer);
    let ours = media
        .iter()
        .position(|section| section[0].starts_with("m=audio ") && !section[0].starts_with("m=audio 0 "))
        .ok_or_else(|| {
            OfferError::NoAudio("the offer needs one audio section (m=audio), with a port that is not 0".into())
        })?;
    let audio = &media[ours];
    let either = |name: &str| value(audio, name).or_else(|| value(&session, name));
    let Some(ufrag) = either("ice-ufrag") else {
        return bad("the offer's audio section has no ice-ufrag (RFC 8839 §5.4)");
    };
    let Some(pwd) = either("ice-pwd") else {
        return bad("the offer's audio section has no ice-pwd (RFC 8839 §5.4)");
    };
    let mut fingerprints = fingerprints(audio);
    if fingerprints.is_empty() {
        fingerprints = self::fingerprints(&session);
    }
    if fingerprints.is_empty() {
        return bad(
            "the offer's audio section has no DTLS fingerprint that we can check: a=fingerprint:sha-256 and 32 bytes (RFC 8122 §5)",
        );
    }
    let Some(mid) = value(audio, "mid") else {
        return bad("the offer's audio section has no a=mid (RFC 9143 §8)");
    };
    let payload_type = payload_type(audio, "opus/48000")
        .ok_or_else(|| OfferError::NoAudio("the offer's audio section must have opus/48000/2 (RFC 7587 §7)".into()))?;
    let theirs = direction(audio).or_else(|| direction(&session)).unwrap_or("sendrecv");
    let direction = match (side, theirs) {
        (_, "inactive") | (Side::Whip, "recvonly") | (Side::Whep | Side::ListenOnly, "sendonly") => {
            return Err(OfferError::NoAudio(format!(
                "the offer's audio section is {theirs}: it must be {}",
                side.wanted_direction()
            )));
        }
        (Side::Whip, _) | (Side::Both, "sendonly") => "recvonly",
        (Side::Whep | Side::ListenOnly, _) | (Side::Both, "recvonly") => "sendonly",
        (Side::Both, _) => "sendrecv",
    };
    // What no reader of SDP takes is not answered, even where the lines above are fine.
    SessionDescription::unmarshal(&mut Cursor::new(offer))
        .map_err(|error| OfferError::BadSdp(format!("the offer cannot be answered: {error}")))?;
    let is_bundled = session.iter().filter_map(|line| line.strip_prefix("a=group:BUNDLE ")).any(|mids| {
        // A section that others are bundled with has their transport too.
        mids.split_whitespace().any(|bundled| bundled == mid)
    });
    Ok(Admitted {
        remote: Credentials { ufrag: ufrag.to_owned(), pwd: pwd.to_owned() },
        fingerprints,
        begins: either("setup") != Some("active"),
        payload_type,
        red_type: red_type(audio, payload_type),
        levels_id: levels_id(audio),
        direction,
        sections: media.iter().map(|lines| (lines[0].to_owned(), value(lines, "mid").map(str::to_owned))).collect(),
        ours,
        is_bundled,
        has_reduced_rtcp: audio.contains(&"a=rtcp-rsize"),
    })
}

impl Admitted {
    /// The whole answer, our one candidate included. Sections other than ours are refused (RFC 3264 §6).
    pub fn answer(&self, ours: &Ours<'_>) -> String {
        let mut sdp = String::with_capacity(1024);
        self.write(&mut sdp, ours).expect("writing to a String never fails");
        sdp
    }

    fn write(&self, sdp: &mut String, ours: &Ours<'_>) -> std::fmt::Result {
        let family = if ours.media.is_ipv4() { "IP4 0.0.0.0" } else { "IP6 ::" };
        // The session's number is any that does not come twice: that of our stream.
        write!(sdp, "v=0\r\no=mixminus {} {} IN {family}\r\ns=-\r\nt=0 0\r\n", ours.ssrc, ours.version)?;
        if let (true, Some(mid)) = (self.is_bundled, &self.sections[self.ours].1) {
            write!(sdp, "a=group:BUNDLE {mid}\r\n")?;
        }
        write!(sdp, "a=ice-lite\r\na=msid-semantic:WMS *\r\n")?;
        for (index, (line, mid)) in self.sections.iter().enumerate() {
            let mut parts = line.trim_start_matches("m=").split(' ');
            let (kind, protocol) = (parts.next().unwrap_or("audio"), parts.nth(1).unwrap_or("UDP/TLS/RTP/SAVPF"));
            if index == self.ours {
                write!(sdp, "m={kind} 9 {protocol} {}", self.payload_type)?;
                self.red_type.map_or(Ok(()), |red| write!(sdp, " {red}"))?;
            } else {
                write!(sdp, "m={kind} 0 {protocol} {}", parts.next().unwrap_or("0"))?;
            }
            write!(sdp, "\r\nc=IN {family}\r\n")?;
            mid.as_ref().map_or(Ok(()), |mid| write!(sdp, "a=mid:{mid}\r\n"))?;
            if index == self.ours { self.write_ours(sdp, ours)? } else { write!(sdp, "a=inactive\r\n")? }
        }
        Ok(())
    }

    fn write_ours(&self, sdp: &mut String, ours: &Ours<'_>) -> std::fmt::Result {
        let Credentials { ufrag, pwd } = ours.credentials;
        write!(sdp, "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=ice-options:trickle\r\n")?;
        write!(sdp, "a=fingerprint:sha-256 {}\r\n", ours.fingerprint)?;
        write!(
            sdp,
            "a=setup:{}\r\na={}\r\na=rtcp-mux\r\n",
            if self.begins { "active" } else { "passive" },
            self.direction
        )?;
        if self.has_reduced_rtcp {
            write!(sdp, "a=rtcp-rsize\r\n")?;
        }
        let opus = self.payload_type;
        write!(sdp, "a=rtpmap:{opus} opus/48000/2\r\na=fmtp:{opus} {}\r\n", opus_parameters(ours.bitrate_bps))?;
        if let Some(red) = self.red_type {
            write!(sdp, "a=rtpmap:{red} red/48000/2\r\na=fmtp:{red} {opus}/{opus}\r\n")?;
        }
        if self.direction != "recvonly" {
            if let Some(id) = self.levels_id {
                write!(sdp, "a=extmap:{id} {LEVELS_URI}\r\n")?;
            }
            write!(
                sdp,
                "a=msid:mixminus mix\r\na=ssrc:{0} cname:mixminus\r\na=ssrc:{0} msid:mixminus mix\r\n",
                ours.ssrc
            )?;
        }
        let (ip, port) = (ours.media.ip(), ours.media.port());
        write!(sdp, "a=candidate:1 1 udp {PRIORITY} {ip} {port} typ host\r\na=end-of-candidates\r\n")
    }
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

/// The first `a=NAME:VALUE` of these lines.
fn value<'a>(lines: &[&'a str], name: &str) -> Option<&'a str> {
    lines.iter().find_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The first format of this section that is such a codec.
fn payload_type(section: &[&str], codec: &str) -> Option<u8> {
    section.iter().find_map(|line| {
        let (payload_type, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        let is_listed = section[0].split(' ').skip(3).any(|listed| listed == payload_type);
        let is_it = is_listed && name.to_ascii_lowercase().starts_with(codec);
        is_it.then(|| payload_type.parse().ok()).flatten()
    })
}

/// The payload type of redundant audio made of this one, if there is one.
fn red_type(section: &[&str], payload_type: u8) -> Option<u8> {
    let red = self::payload_type(section, "red/48000")?;
    let number = red.to_string();
    let made_of =
        section.iter().find_map(|line| line.strip_prefix("a=fmtp:")?.strip_prefix(&number)?.strip_prefix(' '));
    let is_ours = made_of.is_none_or(|types| types.split('/').all(|part| part.parse() == Ok(payload_type)));
    is_ours.then_some(red)
}

/// By which id the levels of contributors were offered (RFC 8285 §5); one byte of header takes 1 to 14.
fn levels_id(section: &[&str]) -> Option<u8> {
    let mut extensions = section.iter().filter_map(|line| line.strip_prefix("a=extmap:")?.trim().split_once(' '));
    let (id, _) = extensions.find(|(_, name)| name.split(' ').next() == Some(LEVELS_URI))?;
    id.split('/').next()?.parse().ok().filter(|id| (1..=14).contains(id))
}

fn fingerprints(lines: &[&str]) -> Vec<String> {
    let usable = lines.iter().filter(|line| is_usable_fingerprint(line));
    usable.filter_map(|line| Some(line.trim().split_once(' ')?.1.to_owned())).collect()
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
