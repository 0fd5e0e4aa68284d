//! The strip of the desk: gains and pans to the hundredth of a decibel, and changes that do not click.

mod support;

use audio::{FRAME_SAMPLES, Frame, Master, Strip, analysis, db_to_gain};

fn constant(left: f32, right: f32) -> Frame {
    let mut frame = Frame::SILENCE;
    for pair in frame.samples_mut().chunks_exact_mut(2) {
        pair.copy_from_slice(&[left, right]);
    }
    frame
}

fn through(strip: &mut Strip, input: &Frame) -> Frame {
    let mut output = Frame::SILENCE;
    strip.apply(input, &mut output);
    output
}

fn db(factor: f32) -> f64 {
    20.0 * f64::from(factor).log10()
}

#[test]
fn pan_follows_the_law_of_constant_power() {
    for step in -100..=100 {
        let pan = step as f32 / 100.0;
        let output = through(&mut Strip::new(0.0, pan, false), &constant(0.5, 0.5));
        let (left, right) = (output.samples()[0] / 0.5, output.samples()[1] / 0.5);
        let angle = (f64::from(pan) + 1.0) * std::f64::consts::FRAC_PI_4;
        let wanted = [angle.cos() * 2_f64.sqrt(), angle.sin() * 2_f64.sqrt()];
        for (heard, wanted) in [(left, wanted[0]), (right, wanted[1])] {
            if wanted > 1e-6 {
                assert!((db(heard) - 20.0 * wanted.log10()).abs() < 0.01, "pan {pan}: {heard} for {wanted}");
            } else {
                assert_eq!(heard, 0.0, "pan {pan}");
            }
        }
        assert!((f64::from(left).powi(2) + f64::from(right).powi(2) - 2.0).abs() < 1e-5, "constant power");
    }
}

#[test]
fn the_centre_at_unity_changes_no_bit_and_the_sides_are_three_decibels_up() {
    let input = constant(0.3, -0.7);
    assert_eq!(through(&mut Strip::new(0.0, 0.0, false), &input), input);
    let left = through(&mut Strip::new(0.0, -1.0, false), &input);
    assert!((db(left.samples()[0] / 0.3) - 3.0103).abs() < 0.001);
    assert_eq!(left.samples()[1], 0.0);
}

#[test]
fn gain_is_exact_and_sixty_below_is_silence() {
    for tenths in -599..=200 {
        let gain_db = tenths as f32 / 10.0;
        let output = through(&mut Strip::new(gain_db, 0.0, false), &constant(0.1, 0.1));
        assert!((db(output.samples()[0] / 0.1) - f64::from(gain_db)).abs() < 0.01, "{gain_db}");
    }
    assert_eq!(db_to_gain(-60.0), 0.0);
    assert_eq!(db_to_gain(f32::NEG_INFINITY), 0.0);
    assert_eq!(db_to_gain(f32::NAN), 0.0);
    assert_eq!(db_to_gain(0.0), 1.0);
    let mut strip = Strip::new(-60.0, 0.3, false);
    assert!(strip.is_silent() && through(&mut strip, &constant(1.0, 1.0)).is_silent());
}

#[test]
fn changes_ramp_over_one_frame_and_do_not_step() {
    type Change = fn(&mut Strip);
    let changes: [(&str, Change); 6] = [
        ("mute", |strip| strip.set_muted(true)),
        ("unmute", |strip| strip.set_muted(false)),
        ("gain down", |strip| strip.set_gain_db(-40.0)),
        ("gain up", |strip| strip.set_gain_db(20.0)),
        ("pan left", |strip| strip.set_pan(-1.0)),
        ("pan right", |strip| strip.set_pan(1.0)),
    ];
    let input = constant(1.0, 1.0);
    let mut strip = Strip::new(0.0, 0.0, false);
    for (name, change) in changes {
        let before = through(&mut strip, &input);
        change(&mut strip);
        let during = through(&mut strip, &input);
        let after = through(&mut strip, &input);
        for channel in 0..2 {
            let from = before.samples()[channel];
            let to = after.samples()[channel];
            let all: Vec<f32> = [&before, &during, &after]
                .iter()
                .flat_map(|frame| analysis::channel(frame.samples(), channel))
                .collect();
            let allowed = (to - from).abs() / FRAME_SAMPLES as f32 * 1.01 + 1e-6;
            assert!(analysis::largest_step(&all) <= allowed, "{name}: {} > {allowed}", analysis::largest_step(&all));
            assert!(after.samples().chunks(2).all(|pair| pair[channel] == to), "{name}: done after one frame");
        }
    }
}

#[test]
fn mute_is_silent_when_its_ramp_is_done() {
    let mut strip = Strip::new(6.0, 0.5, false);
    let input = constant(0.5, 0.5);
    strip.set_muted(true);
    assert!(!strip.is_silent(), "the ramp is still to be heard");
    through(&mut strip, &input);
    assert!(strip.is_silent());
    assert!(through(&mut strip, &input).is_silent());
    strip.set_muted(false);
    assert!(!strip.is_silent());
    through(&mut strip, &input);
    assert!((db(through(&mut strip, &input).samples()[1] / 0.5) - 6.0 - 2.32).abs() < 0.01);
}

#[test]
fn nonsense_is_refused() {
    let mut strip = Strip::new(f32::NAN, f32::NAN, false);
    assert_eq!((strip.gain_db(), strip.pan()), (0.0, 0.0));
    strip.set_gain_db(-12.0);
    strip.set_pan(0.25);
    strip.set_gain_db(f32::NAN);
    strip.set_pan(f32::NAN);
    assert_eq!((strip.gain_db(), strip.pan()), (-12.0, 0.25));
    strip.set_gain_db(f32::INFINITY);
    strip.set_pan(-7.0);
    assert_eq!((strip.gain_db(), strip.pan()), (20.0, -1.0));
    strip.set_gain_db(-1000.0);
    assert_eq!(strip.gain_db(), -60.0);
    let output = through(&mut strip, &constant(1.0, 1.0));
    assert!(output.samples().iter().all(|sample| sample.is_finite()));
}

#[test]
fn the_master_ramps_every_mix_of_a_tick_alike() {
    let mut master = Master::new(0.0);
    master.set_gain_db(-6.0);
    let (mut one, mut other) = (constant(1.0, 0.5), constant(1.0, 0.5));
    master.apply(&mut one);
    master.apply(&mut other);
    assert_eq!(one, other);
    master.advance();
    let mut next = constant(1.0, 0.5);
    master.apply(&mut next);
    assert!((db(next.samples()[0]) + 6.0).abs() < 0.01);
    let all: Vec<f32> = [&one, &next].iter().flat_map(|frame| analysis::channel(frame.samples(), 0)).collect();
    assert!(analysis::largest_step(&all) < 0.5 / FRAME_SAMPLES as f32 * 1.01);
    master.set_gain_db(f32::NAN);
    assert_eq!(master.gain_db(), -6.0);
    master.set_gain_db(-60.0);
    master.advance();
    assert!(master.is_silent());
}
