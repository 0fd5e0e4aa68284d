//! SRTP with AES in Galois counter mode (RFC 7714) for what we send: the packet is encrypted where it lies, by the `ring` that
//! webrtc-rs has under it. webrtc-rs does the same in memory that it takes for each packet, behind two look-ups by
//! SSRC; its context stays for what comes, for RTCP, and for the older profiles.

use std::fmt::Display;

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rtc_crypto::{BlockCipherAlgorithm, CryptoError, RTCCrypto};
use rtc_shared::error::Error;
use rtc_srtp::protection_profile::ProtectionProfile;

/// RFC 7714 §8.1.
const IV_BYTES: usize = 12;
/// RFC 3711 §4.3.1.
const LABEL_KEY: u8 = 0;
const LABEL_SALT: u8 = 2;

/// One stream to one peer.
pub struct Seal {
    key: LessSafeKey,
    salt: [u8; IV_BYTES],
    /// Of the last packet: its sequence number with the rollovers before it (RFC 3711 §3.3.1).
    index: Option<u64>,
}

impl Seal {
    /// From the master key and salt of our side; none for a profile without Galois counter mode.
    pub fn new(
        profile: ProtectionProfile,
        (key, salt): (&[u8], &[u8]),
        crypto: &dyn RTCCrypto,
    ) -> Result<Option<Self>, Error> {
        let (aead, block) = match profile {
            ProtectionProfile::AeadAes128Gcm => (&AES_128_GCM, BlockCipherAlgorithm::Aes128),
            ProtectionProfile::AeadAes256Gcm => (&AES_256_GCM, BlockCipherAlgorithm::Aes256),
            _ => return Ok(None),
        };
        let derive = |label, out: &mut [u8]| derive(crypto, block, (key, salt), label, out).map_err(failed);
        let (mut session_key, mut session_salt) = (vec![0; key.len()], [0; IV_BYTES]);
        derive(LABEL_KEY, &mut session_key)?;
        derive(LABEL_SALT, &mut session_salt)?;
        let key = UnboundKey::new(aead, &session_key).map_err(failed)?;
        Ok(Some(Self { key: LessSafeKey::new(key), salt: session_salt, index: None }))
    }

    /// See [`super::Peer::approach`].
    pub fn approach(&self) -> u64 {
        self.index.unwrap_or_default() + self.key.algorithm().key_len() as u64
    }

    /// Encrypts the packet after its first `header` bytes and appends the tag. An error leaves it useless: a number that is
    /// not after the last one is refused, because one key stream for two packets would give both away (RFC 7714 §8.4).
    pub fn seal(&mut self, ssrc: u32, sequence: u16, header: usize, packet: &mut Vec<u8>) -> Result<(), Error> {
        let index = match self.index {
            None => u64::from(sequence),
            Some(last) => {
                let ahead = sequence.wrapping_sub(last as u16);
                if ahead == 0 || ahead > u16::MAX / 2 {
                    return Err(Error::SrtpSsrcDuplicated(ssrc, sequence));
                }
                last + u64::from(ahead)
            }
        };
        if index >> 48 != 0 {
            return Err(Error::ErrExceededMaxPackets);
        }
        self.index = Some(index);
        let mut iv = [0; IV_BYTES];
        iv[2..6].copy_from_slice(&ssrc.to_be_bytes());
        iv[6..].copy_from_slice(&index.to_be_bytes()[2..]);
        iv.iter_mut().zip(self.salt).for_each(|(byte, salt)| *byte ^= salt);
        let (associated, payload) = packet.split_at_mut_checked(header).ok_or(Error::ErrTooShortRtp)?;
        let (nonce, associated) = (Nonce::assume_unique_for_key(iv), Aad::from(associated));
        let tag = self.key.seal_in_place_separate_tag(nonce, associated, payload).map_err(failed)?;
        packet.extend_from_slice(tag.as_ref());
        Ok(())
    }
}

/// A session key or salt (RFC 3711 §4.3.3, RFC 7714 §11): AES in counter mode over the salt with the label in it.
fn derive(
    crypto: &dyn RTCCrypto,
    block: BlockCipherAlgorithm,
    (key, salt): (&[u8], &[u8]),
    label: u8,
    out: &mut [u8],
) -> Result<(), CryptoError> {
    let mut start = [0; 16];
    start.iter_mut().zip(salt).for_each(|(byte, salt)| *byte = *salt);
    start[7] ^= label;
    for (counter, part) in (0_u8..).zip(out.chunks_mut(start.len())) {
        let mut bytes = start;
        bytes[15] = counter;
        crypto.block_encrypt(block, key, &mut bytes)?;
        part.copy_from_slice(&bytes[..part.len()]);
    }
    Ok(())
}

fn failed(error: impl Display) -> Error {
    Error::Crypto(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc_srtp::context::Context;

    /// A packet with one contributor, of that number.
    fn packet(sequence: u16) -> Vec<u8> {
        let mut packet = vec![0x81, 111];
        packet.extend(sequence.to_be_bytes());
        packet.extend([0, 0, 3, 192, 0, 0, 0, 7, 0, 0, 0, 9]);
        packet.extend([0xFC, 1, 2, 3, 4]);
        packet
    }

    const HEADER: usize = 16;

    #[test]
    fn webrtc_rs_reads_what_is_sealed_over_rollovers_and_gaps() {
        let provider = rtc_crypto::default_provider().expect("there is one");
        for profile in [ProtectionProfile::AeadAes128Gcm, ProtectionProfile::AeadAes256Gcm] {
            let key: Vec<u8> = (1..=profile.key_len() as u8).collect();
            let salt: Vec<u8> = (100..100 + profile.salt_len() as u8).collect();
            let mut seal = Seal::new(profile, (&key, &salt), provider.crypto()).unwrap().expect("it has that mode");
            let mut reader = Context::new(&key, &salt, profile, None, None, provider.crypto()).unwrap();
            let mut sequence = 65_000_u16;
            for n in 0..140_000_u32 {
                let mut sealed = packet(sequence);
                seal.seal(7, sequence, HEADER, &mut sealed).expect("it goes on");
                assert_eq!(sealed.len(), packet(sequence).len() + 16);
                if n % 997 == 0 {
                    assert_eq!(reader.decrypt_rtp(&sealed).expect("it can be read")[..], packet(sequence)[..], "{n}");
                }
                sequence = sequence.wrapping_add(if n % 1_000 == 0 { 20 } else { 1 });
            }
        }
    }

    #[test]
    fn no_number_is_used_twice() {
        let provider = rtc_crypto::default_provider().expect("there is one");
        let (profile, key, salt) = (ProtectionProfile::AeadAes128Gcm, [1; 16], [2; 12]);
        let mut seal = Seal::new(profile, (&key, &salt), provider.crypto()).unwrap().expect("it has that mode");
        let mut is_sealed = |sequence| seal.seal(7, sequence, HEADER, &mut packet(sequence)).is_ok();
        assert_eq!([65_535, 0, 0, 65_535, 40_000, 1].map(&mut is_sealed), [true, true, false, false, false, true]);
        assert!(seal.seal(7, 2, HEADER, &mut vec![0; 3]).is_err(), "shorter than its header");
    }

    #[test]
    fn older_profiles_are_left_to_webrtc_rs() {
        let provider = rtc_crypto::default_provider().expect("there is one");
        let profile = ProtectionProfile::Aes128CmHmacSha1_80;
        assert!(Seal::new(profile, (&[1; 16], &[2; 14]), provider.crypto()).unwrap().is_none());
    }
}
