//! What a client reads in our answer.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::time::Instant;

use server::clock::Clock;
use server::peer::{Answer, Fragment, Identity, OfferError, Peer, Side};

const BROWSER: &str = include_str!("offers/browser.sdp");
const ENCODER: &str = include_str!("offers/encoder.sdp");

fn now() -> Instant {
    let clock = Clock::start();
    clock.instant(clock.now())
}

fn answer(offer: &str, side: Side) -> Result<(Peer, Answer), OfferError> {
    let identity = Identity::generate().unwrap();
    Peer::answer(&identity, "127.0.0.1:5000".parse().unwrap(), side, 64_000, offer, 7, now())
}

fn sdp(offer: &str, side: Side) -> String {
    answer(offer, side).unwrap_or_else(|error| panic!("{side:?}: {error}")).1.sdp
}

fn refused(offer: &str, side: Side) -> String {
    match answer(offer, side) {
        Err(error) => error.to_string(),
        Ok((_, answer)) => panic!("answered: {}", answer.sdp),
    }
}

#[test]
fn a_browser_gets_one_candidate_our_opus_settings_and_ice_lite() {
    let sdp = sdp(BROWSER, Side::Both);
    assert_eq!(sdp.matches("a=candidate:").count(), 1, "{sdp}");
    assert!(sdp.contains(" 127.0.0.1 5000 typ host"), "{sdp}");
    assert!(sdp.contains("a=end-of-candidates"), "{sdp}");
    assert!(sdp.contains("a=ice-lite"), "{sdp}");
    assert!(sdp.contains("a=sendrecv"), "{sdp}");
    assert!(sdp.contains("a=rtpmap:111 opus/48000/2"), "{sdp}");
    let fmtp: Vec<&str> = sdp.lines().filter(|line| line.starts_with("a=fmtp:111 ")).collect();
    assert_eq!(fmtp.len(), 1, "{sdp}");
    for parameter in ["stereo=1", "sprop-stereo=1", "useinbandfec=1", "usedtx=1", "maxaveragebitrate=64000"] {
        assert!(fmtp[0].contains(parameter), "{}", fmtp[0]);
    }
    assert!(!sdp.contains("PCMU"), "{sdp}");
}

#[test]
fn redundant_audio_is_taken_where_it_is_offered_and_never_preferred() {
    let sdp = sdp(BROWSER, Side::Both);
    assert!(sdp.contains("a=rtpmap:63 red/48000/2") && sdp.contains("a=fmtp:63 111/111"), "{sdp}");
    assert!(sdp.contains("m=audio 9 UDP/TLS/RTP/SAVPF 111 63"), "{sdp}");
    let without = BROWSER.replace("a=rtpmap:63 red/48000/2\n", "").replace(" 63 ", " ");
    assert!(!self::sdp(&without, Side::Both).contains("red/"));
}

#[test]
fn the_direction_of_the_answer_is_what_the_endpoint_promises() {
    for (side, direction) in [
        (Side::Both, "a=sendrecv"),
        (Side::ListenOnly, "a=sendonly"),
        (Side::Whip, "a=recvonly"),
        (Side::Whep, "a=sendonly"),
    ] {
        assert!(sdp(BROWSER, side).contains(direction), "{side:?}: {}", sdp(BROWSER, side));
    }
    let recvonly = BROWSER.replace("a=sendrecv", "a=recvonly");
    assert!(sdp(&recvonly, Side::Whep).contains("a=sendonly"));
    assert!(sdp(&recvonly, Side::Both).contains("a=sendonly"), "who only wants to hear may");
    let sendonly = BROWSER.replace("a=sendrecv", "a=sendonly");
    assert!(sdp(&sendonly, Side::Whip).contains("a=recvonly"));
    let unsaid = BROWSER.replace("a=sendrecv\n", "");
    assert!(sdp(&unsaid, Side::Whip).contains("a=recvonly"), "no direction means sendrecv (RFC 8866 §6.7)");
}

#[test]
fn an_encoder_that_offers_video_too_is_heard_and_its_video_refused() {
    let sdp = sdp(ENCODER, Side::Whip);
    assert!(sdp.contains("a=rtpmap:97 opus/48000/2"), "{sdp}");
    let video = sdp.lines().find(|line| line.starts_with("m=video")).expect("every section is answered (RFC 3264 §6)");
    assert!(video.starts_with("m=video 0 "), "{sdp}");
    assert!(sdp.contains("a=group:BUNDLE 0\r\n"), "{sdp}");
}

#[test]
fn an_offer_that_cannot_be_answered_is_refused_with_what_it_lacks() {
    for (offer, side, names) in [
        ("", Side::Both, "v=0"),
        ("{\"type\":\"offer\"}", Side::Both, "v=0"),
        ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", Side::Both, "audio section"),
        (&BROWSER.replace("m=audio 9", "m=audio 0"), Side::Both, "audio section"),
        (&BROWSER.replace("m=audio", "m=video"), Side::Both, "audio section"),
        (&BROWSER.replace("opus/48000/2", "speex/16000"), Side::Both, "opus/48000/2"),
        (&BROWSER.replace("a=ice-ufrag", "a=x-ufrag"), Side::Both, "ice-ufrag"),
        (&BROWSER.replace("a=ice-pwd", "a=x-pwd"), Side::Both, "ice-pwd"),
        (&BROWSER.replace("a=fingerprint", "a=x-print"), Side::Both, "fingerprint"),
        (&BROWSER.replace("a=fingerprint:sha-256", "a=fingerprint:sha-1024"), Side::Both, "fingerprint"),
        (&BROWSER.replace("a=fingerprint:sha-256 00:11", "a=fingerprint:sha-256 0g:11"), Side::Both, "fingerprint"),
        (&BROWSER.replace("a=fingerprint:sha-256 00:", "a=fingerprint:sha-256 "), Side::Both, "fingerprint"),
        (&BROWSER.replace("a=mid:0", "a=x:0"), Side::Both, "mid"),
        (&BROWSER.replace("a=sendrecv", "a=inactive"), Side::Both, "inactive"),
        (&BROWSER.replace("a=sendrecv", "a=recvonly"), Side::Whip, "sendonly"),
        (&BROWSER.replace("a=sendrecv", "a=sendonly"), Side::Whep, "recvonly"),
        (&BROWSER.replace("o=- 4611731400430051336 2", "o=bad"), Side::Both, "cannot be answered"),
    ] {
        let error = refused(offer, side);
        assert!(error.contains(names), "{names}: {error}");
    }
}

#[test]
fn cut_and_garbled_offers_never_panic() {
    for end in (0..BROWSER.len()).step_by(7) {
        let _ = answer(&BROWSER[..end], Side::Both);
        let mut garbled = BROWSER.as_bytes().to_vec();
        garbled[end] = garbled[end].wrapping_add(13);
        let _ = answer(&String::from_utf8_lossy(&garbled), Side::Both);
    }
}

const CANDIDATE: &str = "a=candidate:1 1 udp 2113937151 192.0.2.7 54321 typ host\r\n";

#[test]
fn other_credentials_restart_ice_and_candidates_do_not() {
    let (mut peer, answer) = answer(BROWSER, Side::Both).unwrap();
    let same = format!(
        "a=ice-ufrag:Ab3d\r\na=ice-pwd:0123456789abcdefghijklmn\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n{CANDIDATE}"
    );
    assert_eq!(peer.patch(&Fragment::parse(&same).unwrap()).unwrap(), None);
    assert_eq!(peer.patch(&Fragment::parse(CANDIDATE).unwrap()).unwrap(), None);
    assert_eq!(peer.etag(), answer.etag);

    for round in 0..3 {
        let before = peer.etag();
        let other = format!("a=ice-ufrag:new{round}\r\na=ice-pwd:{}\r\n", "p".repeat(22));
        let fragment = peer.patch(&Fragment::parse(&other).unwrap()).unwrap().expect("a restart has an answer");
        assert_ne!(peer.etag(), before, "a new session has a new tag");
        assert!(fragment.contains(&format!("a=ice-ufrag:{}\r\n", peer.ufrag())), "{fragment}");
        assert!(fragment.contains("a=ice-pwd:"), "{fragment}");
        assert_eq!(fragment.matches("a=candidate:").count(), 1, "{fragment}");
        assert!(fragment.contains("m=audio") && fragment.contains("a=mid:0"), "{fragment}");
    }
}

#[test]
fn fragments_that_say_nothing_or_nonsense_are_refused_by_what_is_wrong() {
    for (fragment, names) in [
        ("", "neither"),
        ("hello", "not a line"),
        ("a=mid:0\r\n", "neither"),
        ("a=ice-ufrag:abcd\r\n", "together"),
        ("a=ice-ufrag:a\r\na=ice-pwd:0123456789abcdefghijklmn\r\n", "4 to 256"),
        ("a=ice-ufrag:abcd\r\na=ice-pwd:short\r\n", "22 to 256"),
        ("a=candidate:nonsense\r\n", "not a candidate"),
        ("a=candidate:1 1 udp 1 192.0.2.7 99999 typ host\r\n", "not a candidate"),
        ("{\"candidate\":\"\"}", "not a line"),
    ] {
        let error = Fragment::parse(fragment).expect_err(fragment);
        assert!(error.contains(names), "{fragment:?}: {error}");
    }
}
