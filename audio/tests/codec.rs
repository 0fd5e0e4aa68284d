//! Opus there and back: levels, a decoder that comes in late, and errors that name the fault.
#![allow(clippy::unwrap_used)] // In the helpers of tests as in the tests.

mod support;

use audio::{Decoder, Encoder, EncoderSettings, Frame, MAX_DECODED, MAX_ENCODED, OpusError, analysis, packet_samples};
use support::*;

fn frame(number: usize, signal: &dyn Fn(usize) -> [f32; 2]) -> Frame {
    let mut frame = Frame::SILENCE;
    for (at, pair) in frame.samples_mut().chunks_exact_mut(2).enumerate() {
        pair.copy_from_slice(&signal(number * 960 + at));
    }
    frame
}

#[test]
fn levels_survive_the_codec() {
    for bitrate_bps in [64_000, 96_000, 128_000] {
        for frequency in [220.0, 997.0, 3000.0] {
            for [left_amplitude, right_amplitude] in [[0.5, 0.5], [0.7, 0.05], [0.01, 0.02]] {
                let mut encoder = Encoder::new(EncoderSettings { bitrate_bps, ..EncoderSettings::default() }).unwrap();
                let mut decoder = Decoder::new().unwrap();
                let (mut packet, mut pcm, mut all) = ([0; MAX_ENCODED], vec![0.0; MAX_DECODED], Vec::new());
                for number in 0..50 {
                    let signal =
                        |at: usize| [tone(frequency, left_amplitude)(at)[0], tone(frequency, right_amplitude)(at)[0]];
                    let length = encoder.encode(&frame(number, &signal), &mut packet).unwrap();
                    assert_eq!(packet_samples(&packet[..length]), Ok(960));
                    assert_eq!(decoder.decode(&packet[..length], &mut pcm), Ok(960));
                    all.extend_from_slice(&pcm[..1920]);
                }
                for (ear, amplitude) in [left_amplitude, right_amplitude].into_iter().enumerate() {
                    let level = analysis::tone_dbfs(&analysis::channel(&all[19_200..], ear), frequency as f32);
                    let wanted = 20.0 * amplitude.log10();
                    assert!(
                        (f64::from(level) - wanted).abs() < 0.3,
                        "{bitrate_bps} bit/s, {frequency} Hz, ear {ear}: {level} for {wanted}"
                    );
                }
            }
        }
    }
}

/// What a decoder hears of a sound after an encoder as a room has it where nothing is configured, and its packets.
fn heard(frames: usize, signal: &dyn Fn(usize) -> [f32; 2]) -> (Vec<f32>, Vec<Vec<u8>>) {
    let settings = EncoderSettings { bitrate_bps: 128_000, complexity: 1, ..EncoderSettings::default() };
    let (mut encoder, mut decoder) = (Encoder::new(settings).unwrap(), Decoder::new().unwrap());
    let (mut packet, mut pcm, mut all, mut packets) = ([0; MAX_ENCODED], vec![0.0; MAX_DECODED], vec![], vec![]);
    for number in 0..frames {
        let length = encoder.encode(&frame(number, signal), &mut packet).unwrap();
        decoder.decode(&packet[..length], &mut pcm).unwrap();
        all.extend_from_slice(&pcm[..1920]);
        packets.push(packet[..length].to_vec());
    }
    (all.split_off(encoder.lookahead().unwrap() * 2), packets)
}

#[test]
fn where_nothing_sounds_the_codec_stays_under_60_dbfs() {
    const TONES: [f64; 5] = [500.0, 750.0, 1100.0, 1500.0, 2100.0];
    let chord = |at: usize| {
        let mut sum = [0.0; 2];
        for (n, hz) in TONES.into_iter().enumerate() {
            let [left, right] = tone(hz, 0.1)(at);
            sum = [sum[0] + left * (1.0 + 0.1 * n as f32), sum[1] + right * (1.4 - 0.2 * n as f32)];
        }
        sum
    };
    let (all, _) = heard(200, &chord);
    for (ear, hz) in [(0, 2900.0), (1, 2900.0), (0, 1300.0), (1, 1300.0), (0, 400.0), (1, 400.0)] {
        let level = analysis::tone_dbfs(&analysis::channel(&all[19_200..], ear), hz);
        assert!(level < -63.0, "{level} dBFS at {hz} Hz, ear {ear}");
    }
}

#[test]
fn an_s_is_heard_whole_after_sound_without_highs() {
    // From 1.01 s on, in the midst of a frame, for 200 ms: by then the upper band was left out.
    const S: std::ops::Range<usize> = 48_480..58_080;
    let hiss = |at: usize| tone(11_000.0, if S.contains(&at) { 0.01 } else { 0.0 })(at)[0];
    let (all, packets) = heard(200, &|at| tone(300.0, 0.1)(at).map(|low| low + hiss(at)));
    // RFC 6716 §3.1: configurations 23 and 31 are wideband and fullband frames of 20 ms.
    let bands: Vec<u8> = packets.iter().map(|packet| packet[0] >> 3).collect();
    assert_eq!((bands[40], bands[52], bands[90], bands[150]), (23, 31, 31, 23));
    for ear in 0..2 {
        let ear = analysis::channel(&all, ear);
        for ms in [1_015, 1_050, 1_150] {
            let level = analysis::tone_dbfs(&ear[ms * 48..(ms + 40) * 48], 11_000.0);
            assert!((level + 40.0).abs() < 1.0, "{level} dBFS at {ms} ms");
        }
        // The low tone's own step is 0.0039, the high one's 0.013.
        let (before, after) = (analysis::largest_step(&ear[..47_000]), analysis::largest_step(&ear[60_000..]));
        assert!(before < 0.0045 && after < 0.0045, "steps of {before} and {after}");
    }
}

#[test]
fn where_no_speech_mode_is_needed_it_is_4_ms_quicker_and_sounds_the_same() {
    let usual = EncoderSettings { complexity: 1, ..EncoderSettings::default() };
    let guarded = EncoderSettings { expected_loss_percent: 10, ..usual };
    let few_bits = EncoderSettings { bitrate_bps: 48_000, ..usual };
    let lookahead = |settings| Encoder::quick(settings).unwrap().lookahead().unwrap();
    assert_eq!([usual, guarded, few_bits].map(lookahead), [120, 312, 312]);

    // How far what is decoded is from what was said so much before, dB below it.
    let sound = |at: usize| [voice(at)[0] + tone(3_100.0, 0.05)(at)[0], voice(at)[1]];
    let distance_db = |mut encoder: Encoder| {
        let (mut decoder, mut packet, mut pcm) = (Decoder::new().unwrap(), [0; MAX_ENCODED], vec![0.0; MAX_DECODED]);
        let lookahead = encoder.lookahead().unwrap();
        let (mut power, mut rest) = (0.0_f64, 0.0_f64);
        for number in 0..200 {
            let length = encoder.encode(&frame(number, &sound), &mut packet).unwrap();
            decoder.decode(&packet[..length], &mut pcm).unwrap();
            for (n, heard) in pcm[..1920].chunks_exact(2).enumerate().filter(|_| number >= 50) {
                let said = f64::from(sound(number * 960 + n - lookahead)[0]);
                power += said * said;
                rest += (f64::from(heard[0]) - said).powi(2);
            }
        }
        10.0 * (rest / power).log10()
    };
    let (new, quick) = (distance_db(Encoder::new(usual).unwrap()), distance_db(Encoder::quick(usual).unwrap()));
    println!("new {new:.2} dB, quick {quick:.2} dB");
    assert!(quick < -10.0 && (quick - new).abs() < 0.5, "new {new:.2} dB, quick {quick:.2} dB");
}

/// Encodes music on one encoder while a decoder follows another; at `switch` the decoder changes over.
fn switch_over(independent: bool) -> (Vec<f32>, Vec<f32>) {
    let new = || Encoder::new(EncoderSettings { bitrate_bps: 96_000, ..EncoderSettings::default() }).unwrap();
    let (mut first, mut second) = (new(), new());
    let (mut follows, mut always) = (Decoder::new().unwrap(), Decoder::new().unwrap());
    let mut packet = [0; MAX_ENCODED];
    let mut pcm = vec![0.0; MAX_DECODED];
    let (mut heard, mut wanted) = (Vec::new(), Vec::new());
    let loud = |at: usize| [tone(180.0, 0.4)(at)[0] + tone(2750.0, 0.3)(at)[0], tone(7000.0, 0.3)(at)[0]];
    for number in 0..100 {
        let music = frame(number, &voice);
        if number < 50 {
            let length = first.encode(&frame(number, &loud), &mut packet).unwrap();
            follows.decode(&packet[..length], &mut pcm).unwrap();
            heard.extend_from_slice(&pcm[..1920]);
        }
        let length = if number == 50 && independent {
            second.encode_independent(&music, &mut packet).unwrap()
        } else {
            second.encode(&music, &mut packet).unwrap()
        };
        always.decode(&packet[..length], &mut pcm).unwrap();
        wanted.extend_from_slice(&pcm[..1920]);
        if number >= 50 {
            follows.decode(&packet[..length], &mut pcm).unwrap();
            heard.extend_from_slice(&pcm[..1920]);
        }
    }
    (heard, wanted)
}

#[test]
fn a_decoder_with_another_history_follows_from_an_independent_frame_on() {
    let error = |(heard, wanted): (Vec<f32>, Vec<f32>), ms: std::ops::Range<usize>| {
        let range = ms.start * 96..ms.end * 96;
        let power = |samples: &[f32]| samples.iter().map(|sample| f64::from(sample * sample)).sum::<f64>();
        let difference: Vec<f32> =
            heard[range.clone()].iter().zip(&wanted[range.clone()]).map(|(a, b)| a - b).collect();
        10.0 * ((power(&difference) + 1e-12) / (power(&wanted[range]) + 1e-12)).log10()
    };
    // From the second frame on both decoders agree.
    let with = error(switch_over(true), 1020..1200);
    let without = error(switch_over(false), 1020..1200);
    assert!(with < -30.0, "{with} dB of error");
    assert!(without > with + 10.0, "or the flag does nothing: {without} against {with}");
    // And in the first only its beginning, 5 ms, is a cross-fade with the old.
    let first = error(switch_over(true), 1005..1020);
    assert!(first < -20.0, "{first} dB of error");
}

#[test]
fn errors_name_the_fault() {
    let mut decoder = Decoder::new().unwrap();
    let mut pcm = vec![0.0; MAX_DECODED];
    assert!(matches!(decoder.decode(&[], &mut pcm), Err(OpusError::Malformed(_))));
    assert!(matches!(decoder.decode(&[0xFC, 1, 2], &mut pcm[..100]), Err(OpusError::Codec { .. })));
    assert!(matches!(decoder.conceal(&mut pcm[..100]), Err(OpusError::Codec { .. })), "not a multiple of 2.5 ms");
    assert_eq!(decoder.conceal(&mut pcm[..240]), Ok(120));
    assert_eq!(packet_samples(&[]).unwrap_err().to_string(), "malformed Opus packet: it is empty");
    let mut encoder = Encoder::new(EncoderSettings::default()).unwrap();
    assert!(encoder.encode(&Frame::SILENCE, &mut []).is_err());
    assert!((100..=400).contains(&encoder.lookahead().unwrap()));
    encoder.reset().unwrap();
    decoder.reset().unwrap();
}

#[test]
fn a_decoder_survives_random_bytes_and_stays_finite() {
    let mut decoder = Decoder::new().unwrap();
    let mut pcm = vec![0.0; MAX_DECODED];
    let mut dice = Dice(21);
    for _ in 0..3000 {
        let length = dice.roll(120) as usize + 1;
        let payload: Vec<u8> = (0..length).map(|_| dice.roll(256) as u8).collect();
        let made = match dice.roll(3) {
            0 => decoder.decode_fec(&payload, &mut pcm[..1920]),
            _ => decoder.decode(&payload, &mut pcm),
        };
        if let Ok(samples) = made {
            assert!(pcm[..samples * 2].iter().all(|sample| sample.abs() <= 8.0));
        }
    }
}
