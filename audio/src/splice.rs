//! Shortening and lengthening sound unheard: where to cut a piece out or to say one twice, and how
//! to join the ends. All samples are interleaved stereo; lengths and places are per channel.

use crate::CHANNELS;

/// The join: 5 ms, in samples per channel.
pub(crate) const JOIN: usize = 240;

/// The shortest piece worth cutting out, 5 ms, and with it the highest pitch that is respected.
pub(crate) const MIN_CUT: usize = 240;

/// The longest piece cut out at once, 20 ms: a period of the deepest voice, and no syllable.
pub(crate) const MAX_CUT: usize = 960;

/// Below this peak a piece is quiet (−50 dBFS), and no ear finds the join.
const QUIET: f32 = 0.003;

/// Whether nothing in it is louder than −50 dBFS.
pub(crate) fn is_quiet(samples: &[f32]) -> bool {
    samples.iter().all(|sample| sample.abs() < QUIET)
}

/// How many samples per channel at the start are quiet (interleaved stereo).
pub(crate) fn quiet_lead(samples: &[f32]) -> usize {
    let loud = samples.iter().position(|sample| sample.abs() >= QUIET);
    loud.unwrap_or(samples.len()) / CHANNELS
}

/// Whether a sound begins in it: 5 ms that are 12 dB louder than all before them.
pub(crate) fn has_onset(samples: &[f32]) -> bool {
    const RISE: f32 = 16.0;
    let mut before = QUIET * QUIET;
    samples.chunks_exact(JOIN * CHANNELS).enumerate().any(|(at, block)| {
        let power = block.iter().map(|sample| sample * sample).sum::<f32>() / block.len() as f32;
        let rises = at > 0 && power > RISE * before;
        before = before.max(power);
        rises
    })
}

/// The length of the piece at the start of `samples` (interleaved stereo) whose removal joins what
/// is most alike, and how alike, −1 to 1. It is a whole number of periods where there is a pitch.
/// `samples` holds at least `longest` + [`JOIN`] per channel, and `longest` is at least [`MIN_CUT`].
pub(crate) fn best_cut(samples: &[f32], longest: usize) -> (usize, f32) {
    const STEP: usize = 2;
    let mono = |at: usize| samples[at * CHANNELS] + samples[at * CHANNELS + 1];
    let likeness = |cut: usize| {
        let (mut product, mut here, mut there) = (1e-12_f32, 1e-12_f32, 1e-12_f32);
        for at in (0..JOIN).step_by(STEP) {
            let (a, b) = (mono(at), mono(at + cut));
            product += a * b;
            here += a * a;
            there += b * b;
        }
        product / (here * there).sqrt()
    };
    let mut best = (longest, -1.0);
    for cut in (MIN_CUT..=longest).rev().step_by(STEP) {
        let alike = likeness(cut);
        // Going down from the longest, a shorter cut must be clearly better to win.
        if alike > best.1 + 0.02 {
            best = (cut, alike);
        }
    }
    best
}

/// Joins the start of `samples` to what lies `cut` later, in place: afterwards the first `cut`
/// samples per channel are to be dropped.
pub(crate) fn join(samples: &mut [f32], cut: usize) {
    for at in 0..JOIN {
        let way = (at + 1) as f32 / JOIN as f32;
        for channel in 0..CHANNELS {
            let from = samples[at * CHANNELS + channel];
            let to = &mut samples[(at + cut) * CHANNELS + channel];
            *to = from + (*to - from) * way;
        }
    }
}

/// The length of the piece right before `at` that may best be heard again after itself, within
/// `shortest` and `longest`, and how alike what follows it is to itself. `samples` holds at least
/// `longest` before `at`, and [`JOIN`] after it.
pub(crate) fn best_repeat(samples: &[f32], at: usize, shortest: usize, longest: usize) -> (usize, f32) {
    best_lag(samples, at, JOIN, shortest, longest)
}

/// Puts the piece of `length` before `at` once more after itself, in place: from `at - length` on
/// lies what is heard next.
pub(crate) fn repeat(samples: &mut [f32], at: usize, length: usize) {
    for step in 0..JOIN {
        let way = (step + 1) as f32 / JOIN as f32;
        for channel in 0..CHANNELS {
            let from = samples[(at + step) * CHANNELS + channel];
            let to = &mut samples[(at - length + step) * CHANNELS + channel];
            *to = from + (*to - from) * way;
        }
    }
}

/// How much of the end of `samples` is to be repeated to say it on, and how alike it is to what it
/// repeats: a whole number of periods of 10 to 30 ms together. Nothing where too little is known.
pub(crate) fn best_period(samples: &[f32]) -> (usize, f32) {
    let known = samples.len() / CHANNELS;
    let compared = MATCH.min(known / 3);
    let longest = MAX_PERIOD.min(known.saturating_sub(compared + 1));
    if longest < MIN_PERIOD {
        return (0, 0.0);
    }
    let (lag, alike) = best_lag(samples, known - compared, compared, MIN_PERIOD, longest);
    // Noise repeats the least the longer it is.
    if alike < 0.3 { (longest, alike) } else { (lag, alike) }
}

/// By what the last `lag` samples are to be multiplied to be as loud as the last 10 ms of them, where
/// these are clearly softer: a word that has ended must not be heard again.
pub(crate) fn fall(samples: &[f32], lag: usize) -> f32 {
    let power = |length: usize| {
        let piece = &samples[samples.len().saturating_sub(length * CHANNELS)..];
        piece.iter().map(|sample| sample * sample).sum::<f32>() / piece.len().max(1) as f32
    };
    let ratio = (power(MIN_PERIOD.min(lag)) / power(lag).max(1e-12)).sqrt();
    if ratio < 0.75 { ratio } else { 1.0 }
}

const MIN_PERIOD: usize = 480;
const MAX_PERIOD: usize = 1440;
const MATCH: usize = 480;

/// How far back from `at` the sound is most like the `length` after it, within the bounds, and how
/// like, −1 to 1. Coarsely first, then to the sample.
fn best_lag(samples: &[f32], at: usize, length: usize, shortest: usize, longest: usize) -> (usize, f32) {
    let mono = |at: usize| samples[at * CHANNELS] + samples[at * CHANNELS + 1];
    let likeness = |lag: usize, step: usize| {
        let (mut product, mut here, mut there) = (1e-12_f32, 1e-12_f32, 1e-12_f32);
        for place in (at..at + length).step_by(step) {
            let (a, b) = (mono(place), mono(place - lag));
            product += a * b;
            here += a * a;
            there += b * b;
        }
        product / (here * there).sqrt()
    };
    let mut best = (shortest, f32::MIN);
    for lag in (shortest..=longest).step_by(2) {
        let alike = likeness(lag, 4);
        if alike > best.1 {
            best = (lag, alike);
        }
    }
    let fine = best.0.saturating_sub(2).max(shortest)..=(best.0 + 2).min(longest);
    fine.map(|lag| (lag, likeness(lag, 1)))
        .fold((best.0, f32::MIN), |best, now| if now.1 > best.1 { now } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_takes_whole_periods() {
        // 110 Hz: a period is 436.4 samples, two are 872.7.
        let tone: Vec<f32> =
            (0..1400).flat_map(|n| [0.5 * (n as f32 * 110.0 / 48_000.0 * std::f32::consts::TAU).sin(); 2]).collect();
        let (cut, alike) = best_cut(&tone, 960);
        assert!(alike > 0.97, "{alike}");
        let periods = cut as f32 / 436.36;
        assert!((periods - periods.round()).abs() < 0.05, "{cut}");

        let mut joined = tone.clone();
        join(&mut joined, cut);
        let step = |samples: &[f32]| {
            samples.chunks(2).zip(samples.chunks(2).skip(1)).fold(0.0_f32, |most, (a, b)| most.max((b[0] - a[0]).abs()))
        };
        assert!(step(&joined[cut * 2..]) < 1.2 * step(&tone));
        assert!((joined[cut * 2] - tone[0]).abs() < 0.01, "it goes on where the sound before it ended");
    }
}
