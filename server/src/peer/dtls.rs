//! DTLS for the keys of SRTP (RFC 5764), and nothing else: what is sent in it is dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_crypto::{HashAlgorithm, RTCCryptoProvider, default_provider};
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_dtls::state::State;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;
use rtc_srtp::config::{Config, LABEL_EXTRACTOR_DTLS_SRTP};
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use super::seal::Seal;

/// The library keeps connections by address; ours has one, which may move.
const OTHER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
/// Packets that may come so much out of order (RFC 3711 §3.3.2 asks for at least 64).
const REPLAY_WINDOW: usize = 64;
/// Records likewise (RFC 6347 §4.1.2.6).
const RECORD_WINDOW: usize = 64;
/// What was not answered is said again after so long: for real time a second is long (RFC 6347 §4.2.4.1).
const SAY_AGAIN: Duration = Duration::from_millis(400);
/// In the order of our liking.
const PROFILES: [(SrtpProtectionProfile, ProtectionProfile); 4] = [
    (SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm, ProtectionProfile::AeadAes128Gcm),
    (SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm, ProtectionProfile::AeadAes256Gcm),
    (SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80, ProtectionProfile::Aes128CmHmacSha1_80),
    (SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_32, ProtectionProfile::Aes128CmHmacSha1_32),
];

/// The certificate that every peer of this process shows.
#[derive(Clone)]
pub struct Identity {
    pub(super) provider: Arc<dyn RTCCryptoProvider>,
    certificate: Certificate,
    /// SHA-256 of the certificate as SDP has it (RFC 8122 §5).
    pub(super) fingerprint: Arc<str>,
}

impl Identity {
    /// Makes a new self-signed certificate. Fails only when the crypto library does.
    pub fn generate() -> anyhow::Result<Self> {
        let provider = default_provider()?;
        let certificate = Certificate::generate_self_signed(vec!["mixminus".to_owned()], provider.crypto())?;
        let fingerprint = fingerprint(&*provider, &certificate.certificate[0])?.into();
        Ok(Self { provider, certificate, fingerprint })
    }
}

fn fingerprint(provider: &dyn RTCCryptoProvider, certificate: &[u8]) -> Result<String, Error> {
    let hash = provider.crypto().hash(HashAlgorithm::Sha256, certificate);
    let hash = hash.map_err(|error| Error::Crypto(error.to_string()))?;
    Ok(hash.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":"))
}

/// The two directions of SRTP.
pub struct Srtp {
    /// For RTP that we send, where the profile has Galois counter mode.
    pub seal: Option<Seal>,
    /// For what else we send.
    pub local: Context,
    /// For what comes.
    pub remote: Context,
}

/// What a datagram brought about.
pub enum Event {
    /// Both sides have the keys.
    Connected(Box<Srtp>),
    /// The other side said goodbye.
    Closed,
}

/// One DTLS connection.
pub struct Dtls {
    endpoint: Endpoint,
    provider: Arc<dyn RTCCryptoProvider>,
    /// Where we begin the handshake, until we do.
    begins: Option<Arc<HandshakeConfig>>,
}

impl Dtls {
    /// `begins`: we are the client (RFC 5763 §5). `fingerprints`: SHA-256 of the other side's certificate, one of them.
    pub fn new(identity: &Identity, begins: bool, fingerprints: Vec<String>) -> Result<Self, Error> {
        let provider = Arc::clone(&identity.provider);
        let verify = move |chain: &[Vec<u8>], _: &[_]| {
            let certificate = chain.first().ok_or(Error::ErrNonCertificate)?;
            let shown = fingerprint(&*provider, certificate)?;
            let is_known = fingerprints.iter().any(|known| known.eq_ignore_ascii_case(&shown));
            if is_known { Ok(()) } else { Err(Error::ErrNoMatchingCertificateFingerprint) }
        };
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&identity.provider))
            .with_certificates(vec![identity.certificate.clone()])
            .with_srtp_protection_profiles(PROFILES.iter().map(|(profile, _)| *profile).collect())
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            // No authority vouches for a peer: its fingerprint in the offer does (RFC 5763 §5).
            .with_insecure_skip_verify(true)
            .with_verify_peer_certificate(Some(Arc::new(verify)))
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_replay_protection_window(RECORD_WINDOW)
            .with_flight_interval(SAY_AGAIN)
            .build(begins, None)?;
        let config = Arc::new(config);
        let (waits, begins) = if begins { (None, Some(config)) } else { (Some(config), None) };
        let endpoint = Endpoint::new(OTHER, TransportProtocol::UDP, waits);
        Ok(Self { endpoint, provider: Arc::clone(&identity.provider), begins })
    }

    /// There is a way to the other side now: whoever begins may begin.
    pub fn begin(&mut self, now: Instant) -> Result<(), Error> {
        self.begins.take().map_or(Ok(()), |config| self.endpoint.connect(now, OTHER, config, None))
    }

    /// Takes a datagram. An error is one that is broken or forged; the connection goes on without it.
    pub fn read(&mut self, now: Instant, datagram: &[u8]) -> Result<Option<Event>, Error> {
        let mut event = None;
        for read in self.endpoint.read(now, OTHER, None, BytesMut::from(datagram))? {
            match read {
                EndpointEvent::HandshakeComplete => {
                    let state = self.endpoint.get_connection_state(OTHER).ok_or(Error::HandshakeInProgress)?;
                    event = Some(Event::Connected(Box::new(keys(state, &*self.provider)?)));
                }
                EndpointEvent::PeerClosed => event = Some(Event::Closed),
                _ => {}
            }
        }
        Ok(event)
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<BytesMut> {
        self.endpoint.poll_transmit().map(|transmit| transmit.message)
    }

    /// When [`Dtls::handle_timeout`] is due, if it is.
    pub fn due(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&OTHER)
    }

    /// Says again what was not answered.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        if self.due().is_some_and(|due| due <= now) { self.endpoint.handle_timeout(OTHER, now) } else { Ok(()) }
    }

    /// Says goodbye (close_notify).
    pub fn close(&mut self, now: Instant) -> Result<(), Error> {
        self.endpoint.close(now)
    }
}

fn keys(state: &State, provider: &dyn RTCCryptoProvider) -> Result<Srtp, Error> {
    let agreed = state.srtp_protection_profile();
    let (_, profile) = PROFILES.iter().find(|(profile, _)| *profile == agreed).ok_or(Error::ErrNoSuchSrtpProfile)?;
    let mut config = Config { profile: *profile, ..Config::default() };
    let material = state.export_keying_material(LABEL_EXTRACTOR_DTLS_SRTP, &[], config.keying_material_len())?;
    config.set_session_keys_from_keying_material(material.as_ref(), state.is_client())?;
    let (keys, crypto) = (&config.keys, provider.crypto());
    Ok(Srtp {
        seal: Seal::new(*profile, (&keys.local_master_key, &keys.local_master_salt), crypto)?,
        local: Context::new(&keys.local_master_key, &keys.local_master_salt, *profile, None, None, crypto)?,
        remote: Context::new(
            &keys.remote_master_key,
            &keys.remote_master_salt,
            *profile,
            Some(srtp_replay_protection(REPLAY_WINDOW)),
            Some(srtcp_replay_protection(REPLAY_WINDOW)),
            crypto,
        )?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a handshake takes where such datagrams are lost: of those who begin (0) or wait (1), the how manieth.
    fn handshake(lost: impl Fn(usize, usize) -> bool) -> Option<Duration> {
        let identity = Identity::generate().expect("there is chance enough");
        let end =
            |begins| Dtls::new(&identity, begins, vec![identity.fingerprint.to_string()]).expect("it can be made");
        let mut ends = [end(true), end(false)];
        let start = crate::clock::Clock::start().instant(Duration::ZERO);
        let (mut now, mut sent, mut connected) = (start, [0; 2], [false; 2]);
        ends[0].begin(now).expect("it begins");
        while now < start + Duration::from_secs(5) {
            for from in [0, 1, 0, 1, 0, 1] {
                while let Some(datagram) = ends[from].poll_transmit() {
                    sent[from] += 1;
                    if !lost(from, sent[from] - 1) {
                        let event = ends[1 - from].read(now, &datagram);
                        connected[1 - from] |= matches!(event, Ok(Some(Event::Connected(_))));
                    }
                }
            }
            if connected == [true; 2] {
                return Some(now - start);
            }
            now += Duration::from_millis(50);
            // What the library gives up shows in that the handshake never ends.
            ends.iter_mut().for_each(|end| _ = end.handle_timeout(now));
        }
        None
    }

    #[test]
    fn a_handshake_of_which_something_is_lost_is_late_and_no_more() {
        assert_eq!(handshake(|_, _| false), Some(Duration::ZERO));
        for end in [0, 1] {
            for n in 0..3 {
                let took = handshake(|from, nth| (from, nth) == (end, n));
                assert_eq!(took, Some(SAY_AGAIN), "{n} of {end}");
            }
        }
        // The library's waiting end does not get over the loss of both 2 and 3, the flight with the certificate.
        for (first, second) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)] {
            let took = handshake(|from, nth| from == 0 && (nth == first || nth == second));
            assert_eq!(took, Some(2 * SAY_AGAIN), "{first} and {second}");
        }
    }

    #[test]
    fn who_shows_another_certificate_is_not_let_in() {
        let [ours, theirs] = [(), ()].map(|()| Identity::generate().expect("there is chance enough"));
        let mut begins = Dtls::new(&ours, true, vec![ours.fingerprint.to_string()]).expect("it can be made");
        let mut waits = Dtls::new(&theirs, false, vec![ours.fingerprint.to_string()]).expect("it can be made");
        let now = crate::clock::Clock::start().instant(Duration::ZERO);
        begins.begin(now).expect("it begins");
        for _ in 0..4 {
            while let Some(datagram) = begins.poll_transmit() {
                assert!(!matches!(waits.read(now, &datagram), Ok(Some(Event::Connected(_)))));
            }
            while let Some(datagram) = waits.poll_transmit() {
                assert!(!matches!(begins.read(now, &datagram), Ok(Some(Event::Connected(_)))));
            }
        }
    }
}
