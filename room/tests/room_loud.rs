//! The loudest and the plainest that a room is asked to carry, as its hearers decode it.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]
#![allow(clippy::print_stdout, reason = "the figures are read from the output")]

mod room_support;

use audio::loudness::Loudness;
use audio::{CHANNELS, Decoder, Encoder, EncoderSettings, Frame, MAX_DECODED, MAX_ENCODED, STUDIO_BPS};
use room::{COMPLEXITY, Settings};
use room_support::*;
use signaling::TrackPatch;

/// dBTP after ITU-R BS.1770 of what an ear has heard.
fn true_peak_dbtp(pcm: &[f32]) -> f64 {
    let mut meter = Loudness::new();
    let mut frame = Frame::SILENCE;
    for piece in pcm.chunks_exact(frame.samples().len()) {
        frame.samples_mut().copy_from_slice(piece);
        meter.add(&frame);
    }
    meter.figures().true_peak
}

fn noise(seed: u64) -> Source {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    Box::new(move |_| {
        [(); 2].map(|()| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        })
    })
}

/// Full scale and flat on top, as an overdriven microphone is.
fn square(hz: f64) -> Source {
    Box::new(move |n| [if (hz * n as f64 / 48_000.0).fract() < 0.5 { 1.0 } else { -1.0 }; 2])
}

#[test]
fn what_is_heard_of_32_full_scale_talkers_stays_under_minus_one_dbtp() {
    type Crowd = (&'static str, fn(u64) -> Source);
    let crowds: [Crowd; 4] = [
        ("noise", noise),
        ("tones", |n| tone(180.0 * 1.12_f64.powi(n as i32), 1.0)),
        ("all the same", |_| tone(440.0, 1.0)),
        ("squares", |n| square(90.0 * 1.09_f64.powi(n as i32))),
    ];
    for (name, source) in crowds {
        let mut sim = Sim::new();
        for member in 1..=32 {
            sim.join(member, Part::Talks, TrackPatch::default());
            sim.talk(member, source(member));
        }
        sim.join(33, Part::Hears, TrackPatch::default());
        sim.run(ms(2_500));
        // The first packet of the first is forwarded, before anybody knows that others talk too.
        let peak = true_peak_dbtp(sim.ear(33).last(2.0, 0.0));
        println!("32 full-scale talkers, {name}: {peak:.2} dBTP");
        assert!(peak <= -1.0, "{name}: {peak:.2} dBTP");
        assert!(peak > -6.0, "{name}: no quieter than it must be, {peak:.2} dBTP");
    }
}

#[test]
fn one_talker_at_minus_20_dbfs_comes_out_as_he_went_in() {
    for hz in [311.0, 997.0, 3_001.0] {
        let mut sim = Sim::new();
        sim.join(1, Part::Talks, TrackPatch::default());
        sim.join(2, Part::Hears, TrackPatch::default());
        sim.talk_with(1, tone(hz, 0.1), EncoderSettings::default());
        sim.run(ms(4_000));
        let pcm = sim.ear(2).last(2.0, 0.1);
        let opus = twice_through_opus(tone(hz, 0.1));
        for channel in 0..CHANNELS {
            let level = tone_dbfs(pcm, channel, hz);
            assert!((level + 20.0).abs() < 0.1, "{hz} Hz: {level:.3} dBFS");
            let rest = residue_dbfs(pcm, channel, hz);
            assert!(rest <= -60.0, "{hz} Hz: THD+N {rest:.1} dBFS");
            let alone = residue_dbfs(&opus, channel, hz);
            assert!(rest < alone + 1.0, "{hz} Hz: {rest:.1} dBFS, and {alone:.1} of Opus without a room");
        }
    }
}

#[test]
fn in_studio_quality_what_is_added_stays_60_db_under_the_tone() {
    for hz in [220.0, 440.0, 997.0, 3_001.0, 6_000.0] {
        let studio = EncoderSettings { bitrate_bps: STUDIO_BPS, ..EncoderSettings::default() };
        let encoder = EncoderSettings { complexity: COMPLEXITY, ..studio };
        let mut sim = Sim::with(Settings { encoder, ..settings() });
        // A fader off its place by next to nothing: he is decoded, mixed and encoded, and not forwarded.
        sim.join(1, Part::Talks, strip(-0.01, 0.0));
        sim.join(2, Part::Hears, TrackPatch::default());
        sim.talk_with(1, tone(hz, 0.1), studio);
        sim.run(ms(4_000));
        assert_eq!(sim.room.counters().forwarded, 0);
        let pcm = sim.ear(2).last(2.0, 0.1);
        for channel in 0..CHANNELS {
            let level = tone_dbfs(pcm, channel, hz);
            assert!((level + 20.0).abs() < 0.1, "{hz} Hz: {level:.3} dBFS");
            let rest = residue_dbfs(pcm, channel, hz) - level;
            println!("{hz} Hz, channel {channel}: {level:.3} dBFS, THD+N {rest:.1} dB");
            assert!(rest <= -60.0, "{hz} Hz: THD+N {rest:.1} dB");
        }
    }
}

/// Two seconds of what the talker's and the room's encoder make of it without a room: what Opus itself adds, 44 to 50 dB
/// under a tone in 128 kbit/s.
fn twice_through_opus(mut source: Source) -> Vec<f32> {
    let mut coders = [(); 2].map(|()| (Encoder::new(EncoderSettings::default()).unwrap(), Decoder::new().unwrap()));
    let mut frame = Frame::SILENCE;
    let (mut packet, mut out) = ([0; MAX_ENCODED], vec![0.0; MAX_DECODED]);
    let mut heard = Vec::new();
    for number in 0..150 {
        for (at, pair) in frame.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
            pair.copy_from_slice(&source(number * 960 + at as u64));
        }
        for (encoder, decoder) in &mut coders {
            let length = encoder.encode(&frame, &mut packet).unwrap();
            let samples = decoder.decode(&packet[..length], &mut out).unwrap();
            frame.samples_mut().copy_from_slice(&out[..samples * CHANNELS]);
        }
        heard.extend_from_slice(frame.samples());
    }
    heard.split_off(heard.len() - 192_000)
}

/// What is left of a whole number of periods when the sine at `hz` is taken out, dBFS as a full-scale sine reads 0.
fn residue_dbfs(pcm: &[f32], channel: usize, hz: f64) -> f64 {
    let samples: Vec<f64> = pcm.chunks_exact(CHANNELS).map(|pair| f64::from(pair[channel])).collect();
    let angle = |n: usize| (hz * n as f64 / 48_000.0).fract() * std::f64::consts::TAU;
    let scale = 2.0 / samples.len() as f64;
    let cosine: f64 = samples.iter().enumerate().map(|(n, s)| s * angle(n).cos()).sum::<f64>() * scale;
    let sine: f64 = samples.iter().enumerate().map(|(n, s)| s * angle(n).sin()).sum::<f64>() * scale;
    let power: f64 = samples
        .iter()
        .enumerate()
        .map(|(n, s)| (s - cosine * angle(n).cos() - sine * angle(n).sin()).powi(2))
        .sum::<f64>()
        / samples.len() as f64;
    10.0 * (2.0 * power).log10()
}
