//! A bus goes down while its key is active and comes back after it, at the pace that is set.

use std::time::Duration;

use audio::{CHANNELS, DuckSettings, Ducker, Frame, FrameLength};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const SETTINGS: DuckSettings = DuckSettings {
    depth_db: 20.0,
    attack: Duration::from_millis(100),
    hold: Duration::from_millis(300),
    release: Duration::from_millis(500),
};

/// A tick of a bus that carries full scale, and the left channel that comes out.
fn tick(ducker: &mut Ducker, is_keyed: bool) -> Vec<f32> {
    let mut frame = Frame::SILENCE;
    frame.samples_mut().fill(1.0);
    ducker.step(is_keyed, FrameLength::Ms20);
    ducker.apply(&mut frame);
    assert!(frame.samples().chunks_exact(CHANNELS).all(|pair| pair[0] == pair[1]));
    frame.left().collect()
}

/// The gain after each tick, as heard, in decibels.
fn levels(ducker: &mut Ducker, keys: impl IntoIterator<Item = bool>) -> Vec<f32> {
    keys.into_iter()
        .map(|is_keyed| {
            let last = 20.0 * tick(ducker, is_keyed)[959].log10();
            assert!((last - ducker.gain_db()).abs() < 0.01 || ducker.gain_db() == -60.0);
            last
        })
        .collect()
}

#[track_caller]
fn assert_near(levels: &[f32], wanted: &[f32]) {
    assert_eq!(levels.len(), wanted.len());
    assert!(
        levels.iter().zip(wanted).all(|(level, wanted)| (level - wanted).abs() < 0.02),
        "{levels:?}, not {wanted:?}"
    );
}

#[test]
fn it_goes_down_in_the_attack_stays_for_the_hold_and_is_back_after_the_release() {
    let mut ducker = Ducker::new(SETTINGS);
    assert_near(&levels(&mut ducker, [false; 3]), &[0.0; 3]);
    assert!(ducker.is_unity());
    assert_near(&levels(&mut ducker, [true; 7]), &[-4.0, -8.0, -12.0, -16.0, -20.0, -20.0, -20.0]);
    assert_near(&levels(&mut ducker, [false; 15]), &[-20.0; 15]);
    let back: Vec<f32> = (1..=25).map(|tick| -20.0 + 0.8 * tick as f32).collect();
    assert_near(&levels(&mut ducker, [false; 25]), &back);
    assert!(!ducker.is_unity(), "this tick still ramped");
    assert_near(&levels(&mut ducker, [false]), &[0.0]);
    assert!(ducker.is_unity() && ducker.gain_db().to_bits() == 0);
}

#[test]
fn a_key_that_returns_within_the_hold_keeps_it_down_and_in_the_release_turns_it_back() {
    let mut ducker = Ducker::new(SETTINGS);
    levels(&mut ducker, [true; 10]);
    for _ in 0..5 {
        assert_near(&levels(&mut ducker, [false; 14]), &[-20.0; 14]);
        assert_near(&levels(&mut ducker, [true]), &[-20.0]);
    }
    levels(&mut ducker, [false; 25]);
    assert_near(&levels(&mut ducker, [true; 3]), &[-16.0, -20.0, -20.0]);
}

#[test]
fn at_unity_it_leaves_every_bit_alone() {
    let mut ducker = Ducker::new(SETTINGS);
    let mut frame = Frame::SILENCE;
    for (at, sample) in frame.samples_mut().iter_mut().enumerate() {
        *sample = (at as f32 * 0.37).sin();
    }
    let before = frame.clone();
    ducker.apply(&mut frame);
    ducker.step(false, FrameLength::Ms20);
    ducker.apply(&mut frame);
    assert!(frame == before);
}

#[test]
fn sixty_decibels_are_silence_exactly() {
    let mut ducker = Ducker::new(DuckSettings { depth_db: 60.0, ..SETTINGS });
    levels(&mut ducker, [true; 5]);
    assert_eq!(ducker.gain_db(), -60.0);
    assert!(tick(&mut ducker, true).iter().all(|&sample| sample == 0.0));
    // And back from there to all of it.
    levels(&mut ducker, [false; 40]);
    assert!(ducker.is_unity() || tick(&mut ducker, false).iter().all(|&sample| sample == 1.0));
}

#[test]
fn no_setting_and_no_change_of_settings_clicks() {
    let mut ducker = Ducker::new(SETTINGS);
    let mut heard = vec![1.0];
    let all = [
        SETTINGS,
        DuckSettings { depth_db: 60.0, attack: ms(0), hold: ms(0), release: ms(0) },
        DuckSettings { depth_db: 3.0, attack: ms(0), hold: ms(0), release: ms(0) },
        DuckSettings { depth_db: 0.0, ..SETTINGS },
        DuckSettings { depth_db: f32::NAN, ..SETTINGS },
        DuckSettings { depth_db: f32::INFINITY, attack: Duration::MAX, hold: Duration::MAX, release: Duration::MAX },
    ];
    for round in 0..120_usize {
        ducker.set(all[round * 7 % all.len()]);
        for number in 0..round % 9 {
            heard.extend(tick(&mut ducker, (round + number / 3) % 2 == 0));
        }
    }
    // The steepest there is, all of it within one tick, is a thousandth each sample.
    let steepest = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest < 1.1 / 960.0, "{steepest}");
    assert!(heard.iter().all(|sample| (0.0..=1.0).contains(sample)));
}

#[test]
fn new_settings_are_moved_to_also_while_it_is_down() {
    let mut ducker = Ducker::new(SETTINGS);
    levels(&mut ducker, [true; 10]);
    ducker.set(DuckSettings { depth_db: 10.0, ..SETTINGS });
    let at = levels(&mut ducker, [true; 30]);
    assert_near(&at[..3], &[-19.2, -18.4, -17.6]);
    assert_near(&at[15..], &[-10.0; 15]);
    ducker.set(DuckSettings { depth_db: 30.0, ..SETTINGS });
    assert_near(&levels(&mut ducker, [true; 5]), &[-16.0, -22.0, -28.0, -30.0, -30.0]);
    // A depth of nothing while it is down: it comes back, though a release from 0 dB has no pace.
    ducker.set(DuckSettings { depth_db: 0.0, ..SETTINGS });
    assert_near(&levels(&mut ducker, [true; 26])[24..], &[0.0, 0.0]);
    assert_eq!(ducker.settings().depth_db, 0.0);
}
