//! The loudness of the master against the signals of EBU Tech 3341, table 1.

use audio::{Frame, LoudnessMeter};

/// Seconds of a 1 kHz sine in both channels at a peak level in dBFS.
fn hear(meter: &mut LoudnessMeter, seconds: usize, dbfs: f64) {
    let amplitude = 10.0_f64.powf(dbfs / 20.0);
    let mut frame = Frame::SILENCE;
    for (at, pair) in frame.samples_mut().chunks_exact_mut(2).enumerate() {
        pair.fill((amplitude * (std::f64::consts::TAU * at as f64 / 48.0).sin()) as f32);
    }
    for _ in 0..seconds * 50 {
        meter.add(&frame);
    }
}

fn assert_near(lufs: f32, wanted: f32) {
    assert!((lufs - wanted).abs() <= 0.1, "{lufs} LUFS, not {wanted}");
}

#[test]
fn cases_1_and_2_a_steady_tone_reads_its_level_in_all_three_figures() {
    for dbfs in [-23.0, -33.0] {
        let mut meter = LoudnessMeter::new();
        hear(&mut meter, 20, dbfs);
        assert_near(meter.momentary_lufs(), dbfs as f32);
        assert_near(meter.short_term_lufs(), dbfs as f32);
        assert_near(meter.integrated_lufs(), dbfs as f32);
    }
}

#[test]
fn cases_3_4_and_5_what_is_soft_is_gated() {
    let three: &[(usize, f64)] = &[(10, -36.0), (60, -23.0), (10, -36.0)];
    let four: &[(usize, f64)] = &[(10, -72.0), (10, -36.0), (60, -23.0), (10, -36.0), (10, -72.0)];
    let five: &[(usize, f64)] = &[(20, -26.0), (20, -20.0), (20, -26.0)];
    for case in [three, four, five] {
        let mut meter = LoudnessMeter::new();
        for &(seconds, dbfs) in case {
            hear(&mut meter, seconds, dbfs);
        }
        assert_near(meter.integrated_lufs(), -23.0);
    }
}

#[test]
fn the_windows_are_400_ms_and_3_s_long() {
    let mut meter = LoudnessMeter::new();
    hear(&mut meter, 10, -23.0);
    hear(&mut meter, 1, -43.0);
    assert_near(meter.momentary_lufs(), -43.0);
    // Two of three seconds at -23: -1.76 LU, and a trace of the third.
    assert_near(meter.short_term_lufs(), -24.74);
}

#[test]
fn silence_and_a_fresh_start_read_the_floor() {
    let mut meter = LoudnessMeter::new();
    let figures = |meter: &LoudnessMeter| [meter.momentary_lufs(), meter.short_term_lufs(), meter.integrated_lufs()];
    assert_eq!(figures(&meter), [-127.0; 3]);
    for _ in 0..500 {
        meter.add(&Frame::SILENCE);
    }
    assert_eq!(figures(&meter), [-127.0; 3]);
    hear(&mut meter, 5, -23.0);
    assert!(figures(&meter).iter().all(|lufs| *lufs > -24.0));
    meter.reset();
    assert_eq!(figures(&meter), [-127.0; 3]);
    hear(&mut meter, 5, -33.0);
    assert_near(meter.integrated_lufs(), -33.0);
}
