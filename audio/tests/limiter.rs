//! No sum, however loud, leaves the limiter over its ceiling; below it nothing is touched.

mod support;

use audio::limiter::DEFAULT_CEILING_DBTP;
use audio::{Bus, Decoder, Encoder, EncoderSettings, Frame, Limiter, MAX_DECODED, MAX_ENCODED, analysis, db_to_gain};
use support::*;

fn frames(count: usize, signal: impl Fn(usize) -> [f32; 2]) -> Vec<Frame> {
    (0..count)
        .map(|number| {
            let mut frame = Frame::SILENCE;
            for (at, pair) in frame.samples_mut().chunks_exact_mut(2).enumerate() {
                pair.copy_from_slice(&signal(number * 960 + at));
            }
            frame
        })
        .collect()
}

fn limited(limiter: &mut Limiter, frames: &[Frame]) -> (Vec<f32>, Vec<f32>) {
    let mut all = Vec::new();
    let mut reductions = Vec::new();
    for frame in frames {
        let mut frame = frame.clone();
        reductions.push(limiter.process(&mut frame));
        all.extend_from_slice(frame.samples());
    }
    (all, reductions)
}

const DELAY: usize = Limiter::DELAY_SAMPLES;

/// Sixteen tones a listener can tell apart, none a harmonic of another.
fn pitch(talker: usize) -> f64 {
    220.0 * 2_f64.powf(talker as f64 * 0.29) + 1.7
}

#[test]
fn sixteen_full_scale_talkers_stay_under_the_ceiling_and_are_told_apart() {
    let ceiling = db_to_gain(DEFAULT_CEILING_DBTP);
    let talkers: Vec<Vec<Frame>> = (0..16).map(|talker| frames(100, tone(pitch(talker), 1.0))).collect();
    let mut limiter = Limiter::default();
    let mut encoder = Encoder::new(EncoderSettings { bitrate_bps: 128_000, ..EncoderSettings::default() }).unwrap();
    let mut decoder = Decoder::new().unwrap();
    let mut bus = Bus::new();
    let (mut frame, mut packet, mut pcm) = (Frame::SILENCE, [0; MAX_ENCODED], vec![0.0; MAX_DECODED]);
    let (mut before, mut after, mut decoded, mut most) = (Vec::new(), Vec::new(), Vec::new(), 0.0_f32);
    for number in 0..100 {
        bus.clear();
        talkers.iter().for_each(|talker| bus.add(&talker[number]));
        bus.copy(&mut frame);
        before.extend_from_slice(frame.samples());
        most = most.max(limiter.process(&mut frame));
        after.extend_from_slice(frame.samples());
        let length = encoder.encode(&frame, &mut packet).unwrap();
        let samples = decoder.decode(&packet[..length], &mut pcm).unwrap();
        decoded.extend_from_slice(&pcm[..samples * 2]);
    }
    assert!(before.iter().any(|sample| sample.abs() > 8.0), "the sum is far over full scale");
    assert!(most > 15.0, "{most} dB");
    assert!(after.iter().all(|sample| sample.abs() <= ceiling));
    assert!(decoded.iter().all(|sample| sample.abs() <= 1.0), "nor over full scale after the codec");
    for (name, samples, spread) in [("limited", after, 1.0), ("decoded", decoded, 2.0)] {
        // A wrap would turn the spectrum into noise; here the sixteen loudest lines are the sixteen tones.
        let left = analysis::channel(&samples[48_000..], 0);
        let levels: Vec<f32> = (0..16).map(|talker| analysis::tone_dbfs(&left, pitch(talker) as f32)).collect();
        let loudest = levels.iter().fold(f32::MIN, |most, level| most.max(*level));
        assert!(levels.iter().all(|level| loudest - level < spread && *level > -35.0), "{name}: {levels:?}");
        let mut peaks = analysis::peaks(&left, -50.0);
        peaks.truncate(16);
        for talker in 0..16 {
            let found = peaks.iter().any(|peak| (f64::from(peak.frequency_hz) - pitch(talker)).abs() < 2.0);
            assert!(found, "{name}: tone {talker} at {} Hz is among {peaks:?}", pitch(talker));
        }
    }
}

#[test]
fn below_the_ceiling_only_the_delay_is_there() {
    let input = frames(50, |at| sweep(at).map(|sample| sample * 1.6));
    let (output, reductions) = limited(&mut Limiter::default(), &input);
    let wanted: Vec<f32> = input.iter().flat_map(|frame| frame.samples().to_vec()).collect();
    assert!(output[DELAY * 2..] == wanted[..wanted.len() - DELAY * 2]);
    assert!(output[..DELAY * 2].iter().all(|&sample| sample == 0.0));
    assert!(reductions.iter().all(|&reduction| reduction == 0.0));
}

#[test]
fn after_a_peak_the_sound_is_untouched_again() {
    let loud = |at: usize| if (4_800..4_900).contains(&at) { 3.0 } else { 1.0 };
    let input = frames(200, |at| sweep(at).map(|sample| sample * 1.2 * loud(at)));
    let (output, reductions) = limited(&mut Limiter::default(), &input);
    let wanted: Vec<f32> = input.iter().flat_map(|frame| frame.samples().to_vec()).collect();
    assert!(reductions[5] > 5.0 && reductions[20] < reductions[6], "{:?}", &reductions[..20]);
    let quiet = reductions.iter().rposition(|&reduction| reduction > 0.0).unwrap() + 1;
    assert!(quiet < 120, "released within two seconds: {quiet}");
    assert!(output[quiet * 1920..] == wanted[quiet * 1920 - DELAY * 2..wanted.len() - DELAY * 2]);
    // The gain comes down within the look-ahead and not at once: no click.
    let ratio: Vec<f32> = (4_500..5_200)
        .map(|at| (output[(at + DELAY) * 2], wanted[at * 2]))
        .filter(|(_, before)| before.abs() > 0.05)
        .map(|(after, before)| after / before)
        .collect();
    assert!(ratio.iter().all(|gain| *gain > 0.2 && *gain < 1.0001));
    assert!(ratio[0] > 0.999, "nothing happens before the look-ahead");
}

#[test]
fn the_gain_comes_down_smoothly_before_the_peak() {
    let input = frames(2, |at| if at < 1000 { [0.5; 2] } else { [4.0; 2] });
    let (output, _) = limited(&mut Limiter::default(), &input);
    let left = analysis::channel(&output, 0);
    // What was 0.5 sinks over the whole look-ahead to what 4.0 needs, and the step itself is at its end.
    let before = &left[500..1000 + DELAY];
    assert!(before[0] == 0.5 && before[before.len() - 1] < 0.12);
    assert!(analysis::largest_step(before) < 0.006, "{}", analysis::largest_step(before));
}

#[test]
fn both_channels_get_the_same_gain() {
    let (output, _) =
        limited(&mut Limiter::default(), &frames(20, |at| [tone(300.0, 4.0)(at)[0], tone(300.0, 0.4)(at)[0]]));
    assert!(output.chunks(2).all(|pair| (pair[0] - 10.0 * pair[1]).abs() < 1e-4), "the image stays in place");
}

#[test]
fn whatever_goes_in_the_ceiling_holds() {
    let ceiling = db_to_gain(DEFAULT_CEILING_DBTP);
    let mut limiter = Limiter::default();
    let mut dice = Dice(11);
    for round in 0..400 {
        let mut frame = Frame::SILENCE;
        let scale = [0.1, 1.0, 30.0, 1e6, f32::MAX][round % 5];
        for sample in frame.samples_mut() {
            *sample = match dice.roll(1000) {
                0 => f32::NAN,
                1 => f32::INFINITY,
                2 => f32::MAX,
                value => (value as f32 / 500.0 - 1.0) * if dice.roll(50) == 0 { scale } else { 0.3 },
            };
        }
        let reduction = limiter.process(&mut frame);
        assert!(reduction >= 0.0 && !reduction.is_nan());
        assert!(frame.samples().iter().all(|sample| sample.abs() <= ceiling));
    }
}

#[test]
fn it_is_quiet_when_its_tail_is_out() {
    let mut limiter = Limiter::default();
    assert!(limiter.is_quiet());
    let mut frame = frames(1, tone(300.0, 2.0)).remove(0);
    limiter.process(&mut frame);
    assert!(!limiter.is_quiet());
    frame.clear();
    limiter.process(&mut frame);
    assert!(limiter.is_quiet());
    assert!(frame.samples()[..DELAY * 2].iter().any(|&sample| sample != 0.0), "the tail comes out");
    frame.clear();
    limiter.process(&mut frame);
    assert!(frame.is_silent());
}
