//! Shortening sound unheard: where to cut a piece out, and how to join the ends.

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
