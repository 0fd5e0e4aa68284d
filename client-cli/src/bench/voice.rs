//! What talkers say: Opus packets that are made once and sent again and again.

use audio::{CHANNELS, Encoder, EncoderSettings, FRAME_SAMPLES, Frame, MAX_ENCODED, SAMPLE_RATE};
use bytes::Bytes;

/// Different ones; more talkers share them, each at another place.
pub const VOICES: usize = 8;
/// 2 s, then from the start.
const PACKETS: usize = 100;
/// Of the sum of its harmonics, before its syllables.
const AMPLITUDE: f64 = 0.05;

/// Of its breath, beside [`AMPLITUDE`].
const BREATH: f64 = 0.05;

/// A voice without end: harmonics of a pitch that moves, in syllables which never become silent, with breath in all of
/// the band, stereo. A server that leaves out who is silent finds nobody to leave out, and one that codes no wider than
/// a sound is has all of the band to code.
pub fn packets(voice: usize) -> anyhow::Result<Vec<Bytes>> {
    let mut encoder = Encoder::new(EncoderSettings { bitrate_bps: 64_000, ..EncoderSettings::default() })?;
    let mut out = [0; MAX_ENCODED];
    let mut turns = 0.0_f64;
    // Knuth's generator: any noise will do, the same each time.
    let mut noise = voice as u64;
    let mut breath = move || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        BREATH * ((noise >> 33) as f64 / f64::from(1_u32 << 30) - 1.0)
    };
    let mut packet = |n: usize| -> anyhow::Result<Bytes> {
        let mut frame = Frame::SILENCE;
        for (at, pair) in frame.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
            let time = (n * FRAME_SAMPLES + at) as f64 / f64::from(SAMPLE_RATE);
            let wave = |hz: f64| (time * hz * std::f64::consts::TAU).sin();
            turns += (110.0 + 17.0 * voice as f64 + 20.0 * wave(1.5)) / f64::from(SAMPLE_RATE);
            let harmonics: f64 =
                (1..20).map(|k| (f64::from(k) * turns * std::f64::consts::TAU).sin() / f64::from(k)).sum();
            let sound = AMPLITUDE * (harmonics + breath()) * (1.0 + 0.7 * wave(4.0));
            // A little of each side only in it, so that the stereo is worth its bits.
            pair[0] = (sound * (1.0 + 0.3 * wave(0.5))) as f32;
            pair[1] = (sound * (1.0 - 0.3 * wave(0.5))) as f32;
        }
        let length = encoder.encode(&frame, &mut out)?;
        Ok(Bytes::copy_from_slice(&out[..length]))
    };
    (0..PACKETS).map(&mut packet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_heard_in_every_packet_and_another_is_another() {
        let voices = [packets(0).unwrap(), packets(1).unwrap()];
        assert_ne!(voices[0], voices[1]);
        let mut decoder = audio::Decoder::new().unwrap();
        let mut samples = vec![0.0; audio::MAX_DECODED];
        for (n, packet) in voices[0].iter().enumerate() {
            let length = decoder.decode(packet, &mut samples).unwrap();
            assert_eq!(length, FRAME_SAMPLES);
            let power: f32 =
                samples[..length * CHANNELS].iter().map(|s| s * s).sum::<f32>() / (length * CHANNELS) as f32;
            let dbfs = 10.0 * power.log10();
            // RFC 6716 §3.1: configuration 31 is 20 ms of the whole band in music mode.
            assert_eq!(packet[0] >> 3, 31, "packet {n}");
            assert!(n == 0 || (-50.0..-10.0).contains(&dbfs), "{dbfs} dBFS in packet {n}");
        }
    }
}
