//! ICE as the lite agent (RFC 8445 §2.5): it answers checks, sends to where the other side nominated, and knows whether
//! that side is still there. It has one candidate, never looks for a way itself, and has no timer while it hears something.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc_crypto::RTCCryptoProvider;
use rtc_shared::error::Error;
use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLED, ATTR_MESSAGE_INTEGRITY, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME,
};
use rtc_stun::error_code::{CODE_ROLE_CONFLICT, ErrorCodeAttribute};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, CLASS_INDICATION, Message, Setter, TransactionId,
};
use rtc_stun::textattrs::TextAttribute;
use rtc_stun::xoraddr::XorMappedAddress;

/// After so long without a sign of life we ask for one (RFC 7675 has checks every 5 s; most clients send more).
const ASK_AFTER: Duration = Duration::from_secs(4);
/// And again.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Who is not heard for so long is gone. RFC 7675 §5.1 allows 30 s; a ghost on the air for so long is what people
/// complain of.
const GONE_AFTER: Duration = Duration::from_secs(8);
/// Of a host candidate, of which there is one (RFC 8445 §5.1.2.1).
pub const PRIORITY: u32 = 126 << 24 | 65_535 << 8 | 255;

/// One side's user fragment and password (RFC 8839 §5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// By which a check finds its session.
    pub ufrag: String,
    /// Keys the integrity of every message.
    pub pwd: String,
}

impl Credentials {
    /// New ones: 64 bits that tell sessions apart, 192 that nobody guesses. Fails only when the crypto library does.
    pub fn random(provider: &dyn RTCCryptoProvider) -> Result<Self, Error> {
        let mut bytes = [0; 32];
        provider.random().fill(&mut bytes).map_err(|error| Error::Crypto(error.to_string()))?;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let (ufrag, pwd) = hex.split_at(16);
        Ok(Self { ufrag: ufrag.to_owned(), pwd: pwd.to_owned() })
    }
}

/// Whether the other side is there.
#[derive(Debug, PartialEq, Eq)]
pub enum Life {
    /// It is, or may be.
    Here,
    /// It has not been heard for a while: this is to be sent to it.
    Ask(Vec<u8>),
    /// It has not been heard for too long.
    Gone,
}

/// One ICE session.
pub struct Ice {
    provider: Arc<dyn RTCCryptoProvider>,
    local: Credentials,
    remote: Credentials,
    selected: Option<SocketAddr>,
    heard: Instant,
    asked: Option<(Instant, TransactionId)>,
}

impl Ice {
    /// Waits for checks, with new credentials of ours. Fails only when the crypto library does.
    pub fn new(provider: Arc<dyn RTCCryptoProvider>, remote: Credentials, now: Instant) -> Result<Self, Error> {
        let local = Credentials::random(&*provider)?;
        Ok(Self { provider, local, remote, selected: None, heard: now, asked: None })
    }

    /// Our credentials.
    pub fn local(&self) -> &Credentials {
        &self.local
    }

    /// Theirs.
    pub fn remote(&self) -> &Credentials {
        &self.remote
    }

    /// Where to send: the newest nomination. None before the first.
    pub fn selected(&self) -> Option<SocketAddr> {
        self.selected
    }

    /// Something came that only the other side can have sent.
    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.asked = None;
    }

    /// New credentials on both sides: theirs are given. Until a check with them nominates a pair, media goes where it went (RFC 8445 §9).
    pub fn restart(&mut self, remote: Credentials) -> Result<(), Error> {
        (self.local, self.remote, self.asked) = (Credentials::random(&*self.provider)?, remote, None);
        Ok(())
    }

    /// Takes a STUN message; gives the answer to it, and what else is to be sent there: as long as nothing is nominated
    /// a check of ours, by which some full agents (webrtc-rs) nominate at once and not after their next 200 ms. An error
    /// is a message that is broken or not from the other side.
    pub fn read(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let mut message = Message::new();
        message.unmarshal_binary(datagram)?;
        if message.typ == BINDING_REQUEST {
            let mut answers = vec![self.check(now, from, message)?];
            if self.selected.is_none() {
                answers.push(self.ask(now)?);
            }
            return Ok(answers);
        }
        if message.typ == BINDING_SUCCESS && self.asked.is_some_and(|(_, id)| id == message.transaction_id) {
            self.verify(&mut message, &self.remote)?;
            self.heard(now);
            return Ok(Vec::new());
        }
        // Keep-alives are not to be answered (RFC 8445 §11).
        if message.typ.class == CLASS_INDICATION { Ok(Vec::new()) } else { Err(Error::ErrUnhandledStunpacket) }
    }

    fn check(&mut self, now: Instant, from: SocketAddr, mut check: Message) -> Result<Vec<u8>, Error> {
        let username = TextAttribute::get_from_as(&check, ATTR_USERNAME)?.text;
        if username.split(':').next() != Some(&self.local.ufrag) {
            return Err(Error::ErrMismatchUsername);
        }
        self.verify(&mut check, &self.local)?;
        self.heard(now);
        let id: &dyn Setter = &check;
        if check.contains(ATTR_ICE_CONTROLLED) {
            // A lite agent is always the controlled one (RFC 8445 §6.1.1).
            let conflict = ErrorCodeAttribute { code: CODE_ROLE_CONFLICT, reason: b"Role Conflict".to_vec() };
            return self.sign(&[id, &BINDING_ERROR, &conflict], &self.local);
        }
        if check.contains(ATTR_USE_CANDIDATE) {
            self.selected = Some(from);
        }
        let mapped = XorMappedAddress { ip: from.ip(), port: from.port() };
        self.sign(&[id, &BINDING_SUCCESS, &mapped], &self.local)
    }

    /// When [`Ice::handle_timeout`] is due.
    pub fn due(&self) -> Instant {
        match self.asked {
            None => self.heard + ASK_AFTER,
            Some((at, _)) => (at + ASK_EVERY).min(self.heard + GONE_AFTER),
        }
    }

    /// Whether the other side is still there.
    pub fn handle_timeout(&mut self, now: Instant) -> Life {
        if now < self.due() {
            return Life::Here;
        }
        if now >= self.heard + GONE_AFTER {
            return Life::Gone;
        }
        // It fails only if the library does; then the silence goes on and ends by itself.
        self.ask(now).map_or(Life::Here, Life::Ask)
    }

    fn ask(&mut self, now: Instant) -> Result<Vec<u8>, Error> {
        let id = TransactionId::new();
        self.asked = Some((now, id));
        let username = format!("{}:{}", self.remote.ufrag, self.local.ufrag);
        self.sign(
            &[
                &id,
                &BINDING_REQUEST,
                &TextAttribute::new(ATTR_USERNAME, username),
                &Number(ATTR_PRIORITY, &PRIORITY.to_be_bytes()),
                &Number(ATTR_ICE_CONTROLLED, &id.0[..8]),
            ],
            &self.remote,
        )
    }

    fn verify(&self, message: &mut Message, by: &Credentials) -> Result<(), Error> {
        if !message.contains(ATTR_MESSAGE_INTEGRITY) {
            return Err(Error::ErrIntegrityMismatch);
        }
        MessageIntegrity::check(message, by.pwd.as_bytes(), self.provider.crypto())
    }

    fn sign(&self, parts: &[&dyn Setter], by: &Credentials) -> Result<Vec<u8>, Error> {
        let mut message = Message::new();
        message.write_header();
        let integrity =
            MessageIntegrity::new_short_term_integrity_with_provider(by.pwd.clone(), self.provider.crypto());
        let end: [&dyn Setter; 2] = [&integrity, &FINGERPRINT];
        for part in parts.iter().chain(&end) {
            part.add_to(&mut message)?;
        }
        message.marshal_binary()
    }
}

/// An attribute by its bytes.
struct Number<'a>(rtc_stun::attributes::AttrType, &'a [u8]);

impl Setter for Number<'_> {
    fn add_to(&self, message: &mut Message) -> Result<(), Error> {
        message.add(self.0, self.1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "192.0.2.7:5000";

    fn credentials(ufrag: &str, pwd: &str) -> Credentials {
        Credentials { ufrag: ufrag.into(), pwd: pwd.into() }
    }

    /// Both ends; the other one has its own idea of the names.
    fn session(now: Instant) -> (Ice, Ice) {
        let provider = rtc_crypto::default_provider().expect("there is one");
        let (ours, theirs) = (credentials("ours", "our-password"), credentials("theirs", "their-password"));
        let end = |local, remote| {
            let end = Ice::new(Arc::clone(&provider), remote, now).expect("there is chance enough");
            Ice { local, ..end }
        };
        (end(ours.clone(), theirs.clone()), end(theirs, ours))
    }

    fn check(other: &Ice, extra: &[&dyn Setter]) -> Vec<u8> {
        let username = format!("{}:{}", other.remote.ufrag, other.local.ufrag);
        let username = TextAttribute::new(ATTR_USERNAME, username);
        let mut parts: Vec<&dyn Setter> = vec![&TransactionId([7; 12]), &BINDING_REQUEST, &username];
        parts.extend(extra);
        other.sign(&parts, &other.remote).expect("it can be signed")
    }

    fn now() -> Instant {
        crate::clock::Clock::start().instant(Duration::ZERO)
    }

    fn kind(message: &[u8]) -> rtc_stun::message::MessageType {
        let mut read = Message::new();
        read.unmarshal_binary(message).expect("it is STUN");
        read.typ
    }

    #[test]
    fn a_check_is_answered_and_a_nomination_says_where_to_send() {
        let (mut ice, other) = session(now());
        let from: SocketAddr = FROM.parse().unwrap();
        let answers = ice.read(now(), from, &check(&other, &[])).unwrap();
        let kinds: Vec<_> = answers.iter().map(|answer| kind(answer)).collect();
        assert_eq!((kinds, ice.selected()), (vec![BINDING_SUCCESS, BINDING_REQUEST], None));
        let mut read = Message::new();
        read.unmarshal_binary(&answers[0]).unwrap();
        other.verify(&mut read, &other.remote).expect("signed with our password");
        let answers = ice.read(now(), from, &check(&other, &[&Number(ATTR_USE_CANDIDATE, &[])])).unwrap();
        assert_eq!((answers.len(), ice.selected()), (1, Some(from)));
        let conflict = ice.read(now(), from, &check(&other, &[&Number(ATTR_ICE_CONTROLLED, &[0; 8])])).unwrap();
        assert_eq!(kind(&conflict[0]), BINDING_ERROR);
    }

    #[test]
    fn who_does_not_know_the_password_changes_nothing() {
        let (mut ice, mut other) = session(now());
        let from: SocketAddr = FROM.parse().unwrap();
        let nomination = Number(ATTR_USE_CANDIDATE, &[]);
        let good = check(&other, &[&nomination]);
        other.remote.pwd = "another-password".into();
        let wrong = check(&other, &[&nomination]);
        let mut garbled = good.clone();
        garbled[30] ^= 1;
        for bad in [&wrong, &garbled, &good[..20].to_vec(), &good[..good.len() - 32].to_vec()] {
            assert!(ice.read(now(), from, bad).is_err(), "{bad:02x?}");
        }
        assert_eq!(ice.selected(), None);
        other.remote.ufrag = "nobody".into();
        assert!(ice.read(now(), from, &check(&other, &[])).is_err());
    }

    #[test]
    fn who_is_silent_is_asked_and_then_gone_and_who_answers_stays() {
        let start = now();
        let at = |s: u64| start + Duration::from_secs(s);
        let (mut ice, other) = session(start);
        assert_eq!(ice.handle_timeout(at(3)), Life::Here);
        let Life::Ask(ask) = ice.handle_timeout(at(4)) else { panic!("it is asked") };
        // The other end is a full agent: it does not mind that we are controlled.
        let mut read = Message::new();
        read.unmarshal_binary(&ask).unwrap();
        other.verify(&mut read, &other.local).expect("signed with their password");
        let answer = other.sign(&[&read, &BINDING_SUCCESS], &other.local).unwrap();
        assert!(ice.read(at(5), FROM.parse().unwrap(), &answer).unwrap().is_empty());
        assert_eq!(ice.due(), at(9));
        assert!(ice.read(at(6), FROM.parse().unwrap(), &answer).is_err(), "an answer counts once");
        for second in 9..13 {
            assert!(matches!(ice.handle_timeout(at(second)), Life::Ask(_)), "{second}");
        }
        assert_eq!(ice.handle_timeout(at(13)), Life::Gone);
    }

    #[test]
    fn whatever_comes_nothing_panics() {
        let (mut ice, other) = session(now());
        let good = check(&other, &[&Number(ATTR_USE_CANDIDATE, &[])]);
        for seed in 0..20_000_usize {
            let mut message = good.clone();
            let mixed = seed.wrapping_mul(2_654_435_761);
            let at = mixed % message.len();
            message[at] ^= (mixed >> 16) as u8 | 1;
            message.truncate(message.len() - (mixed >> 24) % 3 * ((mixed >> 8) % 40));
            _ = ice.read(now(), FROM.parse().unwrap(), &message);
        }
    }
}
