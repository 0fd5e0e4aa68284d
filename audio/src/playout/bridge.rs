//! A lost packet of a voice with known sound on both sides of it: the guess is brought nearer to what
//! is heard after it, band by band, and what comes after it to what it would be with no loss before.
//!
//! The decoder's guess is right in pitch and off in level, up to 10 dB in some bands; and what it decodes
//! after one is off by what it guessed. What the next packet decodes to with no guess before it, and once more
//! after itself, is off by something else (the second and the third opinion), so between them lies more of the truth
//! than in any. Pure arithmetic, of no CPU's own kind: the same sound comes out on every machine.

use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlannerScalar};

use crate::CHANNELS;
use crate::opus::{LOUDEST, MAX_ENCODED};

/// Sound lost, and sound known after it, 20 ms each: a packet of the usual length.
pub(super) const GAP: usize = 960;

/// Spectra are taken over 16 ms …
const SPAN: usize = 768;

/// … every 8 ms of what is corrected.
const HOP: usize = SPAN / 2;

/// So much of what was heard before it is looked at.
pub(super) const BEFORE: usize = SPAN;

/// The middle of the first frame, counted from the start of the gap: 2 ms.
const FIRST: usize = 96;
const FRAMES: usize = 5;

/// What was heard already cannot be corrected: the first frame comes in within 2 ms.
const ONSET: usize = 96;

/// What comes after the packet after the gap is not known: the last frame ends there.
const END: usize = 2 * GAP - (FIRST + (FRAMES - 1) * HOP);

/// Where the bands end, in hertz: those of hearing. What lies above them follows the last one.
const EDGES_HZ: [f32; BANDS + 1] = [
    100., 200., 300., 400., 510., 630., 770., 920., 1080., 1270., 1480., 1720., 2000., 2320., 2700., 3150., 3700.,
    4400., 5300., 6400., 7600., 9500., 12000.,
];
const BANDS: usize = 22;

/// From one line of a spectrum to the next, in hertz.
const LINE_HZ: f32 = 48_000.0 / SPAN as f32;

/// The lines below the end of the last band.
const LINES: usize = 193;

/// No band is changed by more than this, in decibels.
const MOST_DB: f32 = 14.0;

/// The middle of the first frame after the gap, counted from its end: 6 ms. There opinions are asked.
const SAID: usize = FIRST + 3 * HOP - GAP;

/// So much of what was heard before an opinion is looked at.
pub(super) const BEFORE_OPINION: usize = HOP - SAID;

/// By how much of each difference, in decibels, a frame is changed.
#[derive(Clone, Copy, Debug)]
struct Pull {
    /// … from it to the sound where the gap begins,
    before: f32,
    /// … from it to the second opinion of what comes after the gap,
    second: f32,
    /// … from it to the third,
    third: f32,
    /// … from it to what is decoded there.
    after: f32,
}

const fn pull(before: f32, second: f32, third: f32, after: f32) -> Pull {
    Pull { before, second, third, after }
}

/// Fitted to recorded voices, 36 times 20 s that are none of those the figures in docs/ are measured on.
const PULLS: [Pull; FRAMES] = [
    pull(1.00, 0.10, 0.00, 0.00),
    pull(0.43, 0.12, 0.10, 0.16),
    pull(0.19, 0.22, 0.24, 0.12),
    pull(0.00, 0.16, 0.49, 0.00),
    pull(0.00, 0.28, 0.34, 0.09),
];

/// All is raised by so much besides, in decibels …
const RAISE: f32 = 0.4;

/// … and by so much where the packet before was lost, too: the guess has been one for longer. Fitted likewise.
const IN_A_RUN: f32 = 1.3;

type Line = Complex<f32>;
type Levels = [f32; BANDS];

/// Corrects gaps; holds all the memory that takes.
pub(super) struct Bridge {
    /// What the packet after the gap decodes to with no guess before it, and once more after itself; each after the
    /// [`BEFORE_OPINION`] samples that it follows. Interleaved stereo.
    pub second: Vec<f32>,
    pub third: Vec<f32>,
    /// That packet: one of 20 ms fits without growing.
    pub payload: Vec<u8>,
    spectrum: Spectrum,
    /// By how much each sample is to change.
    change: Vec<Line>,
    /// The root of a Hann window, its like for the last frame, and what the first ends with.
    taper: Vec<f32>,
    last: Vec<f32>,
    onset: Vec<f32>,
}

/// Left and right of 16 ms as one complex sound, or its spectrum.
struct Spectrum {
    there: Arc<dyn Fft<f32>>,
    back: Arc<dyn Fft<f32>>,
    scratch: Vec<Line>,
    lines: Vec<Line>,
}

impl Bridge {
    pub fn new() -> Self {
        let taper: Vec<f32> = (0..SPAN).map(|at| wave(at as f64, HOP)).collect();
        let last = |at: usize| if at < HOP { taper[at] } else { wave((at - HOP + END).min(2 * END) as f64, END) };
        let onset = |at: usize| match at.checked_sub(HOP - FIRST) {
            None => 0.0,
            Some(since) if since < ONSET => wave(since as f64 + 0.5, ONSET).powi(2) / taper[at],
            _ => taper[at],
        };
        let (last, onset) = ((0..SPAN).map(last).collect(), (0..SPAN).map(onset).collect());
        let opinion = vec![0.0; (BEFORE_OPINION + GAP) * CHANNELS];
        let (second, third, change) = (opinion.clone(), opinion, vec![Line::default(); 2 * GAP]);
        Self {
            second,
            third,
            payload: Vec::with_capacity(MAX_ENCODED),
            spectrum: Spectrum::new(),
            change,
            taper,
            last,
            onset,
        }
    }

    /// Corrects a gap: `sound` is [`BEFORE`] samples that were heard, [`GAP`] that are guessed, and as many after them,
    /// interleaved stereo. `is_run` says that what was before them is guessed too.
    pub fn correct(&mut self, sound: &mut [f32], is_run: bool) {
        if sound.len() != (BEFORE + 2 * GAP) * CHANNELS {
            return;
        }
        let Self { second, third, spectrum, change, taper, last, onset, .. } = self;
        let before = spectrum.levels(&sound[(BEFORE - HOP) * CHANNELS..], taper);
        let after = spectrum.levels(&sound[(BEFORE + GAP + SAID - HOP) * CHANNELS..], taper);
        let opinions = [&*second, &*third].map(|opinion| spectrum.levels(opinion, taper));
        let at_last = [&*second, &*third].map(|opinion| spectrum.levels(&opinion[HOP * CHANNELS..], last));
        let raise = if is_run { IN_A_RUN } else { RAISE };

        change.fill(Line::default());
        for (frame, pull) in PULLS.iter().enumerate() {
            let (there, back, [second, third]) = match frame {
                0 => (&*taper, &*onset, &opinions),
                _ if frame + 1 == FRAMES => (&*last, &*last, &at_last),
                _ => (&*taper, &*taper, &opinions),
            };
            let piece = &sound[(BEFORE + FIRST + frame * HOP - HOP) * CHANNELS..];
            let mut gains = spectrum.levels(piece, there);
            for (band, gain) in gains.iter_mut().enumerate() {
                let db = pull.before * (before[band] - *gain)
                    + pull.second * (second[band] - *gain)
                    + pull.third * (third[band] - *gain)
                    + pull.after * (after[band] - *gain)
                    + raise;
                *gain = db.clamp(-MOST_DB, MOST_DB);
            }
            let changed = spectrum.change(piece, there, &gains);
            for (at, (line, taper)) in changed.iter().zip(back).enumerate() {
                if let Some(to) = (FIRST + frame * HOP + at).checked_sub(HOP).and_then(|at| change.get_mut(at)) {
                    *to += line * *taper;
                }
            }
        }
        for (pair, change) in sound[BEFORE * CHANNELS..].chunks_exact_mut(CHANNELS).zip(change) {
            pair[0] = (pair[0] + change.re).clamp(-LOUDEST, LOUDEST);
            pair[1] = (pair[1] + change.im).clamp(-LOUDEST, LOUDEST);
        }
    }
}

impl Spectrum {
    fn new() -> Self {
        // The plain planner: the other takes what the CPU has, and rounds otherwise on each.
        let mut planner = FftPlannerScalar::new();
        let (there, back) = (planner.plan_fft_forward(SPAN), planner.plan_fft_inverse(SPAN));
        let scratch = there.get_inplace_scratch_len().max(back.get_inplace_scratch_len());
        Self { there, back, scratch: vec![Line::default(); scratch], lines: vec![Line::default(); SPAN] }
    }

    fn transform(&mut self, sound: &[f32], taper: impl Fn(usize) -> f32) {
        // Silence follows where it ends.
        self.lines.fill(Line::default());
        for (at, (line, pair)) in self.lines.iter_mut().zip(sound.chunks_exact(CHANNELS)).enumerate() {
            *line = Line::new(pair[0], pair[1]) * taper(at);
        }
        self.there.process_with_scratch(&mut self.lines, &mut self.scratch);
    }

    /// How loud each band is at the start of `sound`, in decibels; it is tapered twice.
    fn levels(&mut self, sound: &[f32], taper: &[f32]) -> Levels {
        self.transform(sound, |at| taper[at] * taper[at]);
        let mut levels = [0.0; BANDS];
        for (level, ends) in levels.iter_mut().zip(EDGES_HZ.windows(2)) {
            let (low, high) = (ends[0] / LINE_HZ, ends[1] / LINE_HZ);
            let mut power = 0.0;
            for line in low.round() as usize..=high.round() as usize {
                // A line is as wide as it is far to the next.
                let share = (high.min(line as f32 + 0.5) - low.max(line as f32 - 0.5)).max(0.0);
                power += share * (self.lines[line].norm_sqr() + self.lines[SPAN - line].norm_sqr());
            }
            // In f64, so that the last bit, in which libraries differ, is rounded away.
            *level = (10.0 * f64::from(power / (4 * SPAN) as f32 + 1e-7).log10()) as f32;
        }
        levels
    }

    /// By how much the start of `sound`, tapered, changes if its bands are so much louder.
    fn change(&mut self, sound: &[f32], taper: &[f32], gains_db: &Levels) -> &[Line] {
        self.transform(sound, |at| taper[at]);
        let middle = |band: usize| 0.5 * (EDGES_HZ[band] + EDGES_HZ[band + 1]) / LINE_HZ;
        let (mut band, mut factor) = (0, 0.0);
        for line in 0..=SPAN / 2 {
            if line < LINES {
                while band + 2 < BANDS && middle(band + 1) <= line as f32 {
                    band += 1;
                }
                let way = ((line as f32 - middle(band)) / (middle(band + 1) - middle(band))).clamp(0.0, 1.0);
                let db = gains_db[band] + way * (gains_db[band + 1] - gains_db[band]);
                factor = (10_f64.powf(f64::from(db) / 20.0) - 1.0) as f32 / SPAN as f32;
            }
            self.lines[line] *= factor;
            if line > 0 && line < SPAN / 2 {
                self.lines[SPAN - line] *= factor;
            }
        }
        self.back.process_with_scratch(&mut self.lines, &mut self.scratch);
        &self.lines
    }
}

impl std::fmt::Debug for Bridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bridge").finish_non_exhaustive()
    }
}

/// A sine that rises for so many samples and falls for as many.
fn wave(at: f64, rise: usize) -> f32 {
    (std::f64::consts::FRAC_PI_2 * at / rise as f64).sin() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A buzz of 125 Hz, as loud as `level` says at each sample.
    fn buzz(samples: usize, level: impl Fn(usize) -> f32) -> Vec<f32> {
        let voice = |at: usize| {
            (1..=40).map(|n| (std::f32::consts::TAU * (at * n % 384) as f32 / 384.0).sin() / n as f32).sum::<f32>()
        };
        (0..samples).flat_map(|at| [0.1 * level(at) * voice(at); CHANNELS]).collect()
    }

    fn rms_db(samples: &[f32]) -> f32 {
        10.0 * (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32 + 1e-12).log10()
    }

    /// What is corrected of a buzz whose guess is off by a factor, and the packet after it by another.
    fn corrected(guess: f32, known: f32, is_run: bool) -> (Vec<f32>, Vec<f32>) {
        let level = |at| match at {
            ..BEFORE => 1.0,
            _ if at < BEFORE + GAP => guess,
            _ => known,
        };
        let said = buzz(BEFORE + 2 * GAP, level);
        let mut heard = said.clone();
        let mut bridge = Bridge::new();
        let right = buzz(BEFORE + 2 * GAP, |_| 1.0);
        for opinion in [&mut bridge.second, &mut bridge.third] {
            *opinion = right[right.len() - opinion.len()..].to_vec();
        }
        bridge.correct(&mut heard, is_run);
        (said, heard)
    }

    #[test]
    fn a_guess_is_drawn_to_the_sound_around_it_and_a_good_one_stays() {
        for (off, least, most) in [(0.4, 3.0, 7.0), (2.5, -7.0, -2.0), (1.0, -0.1, 0.9)] {
            let (said, heard) = corrected(off, 1.0, false);
            let middle = (BEFORE + GAP / 4) * CHANNELS..(BEFORE + GAP) * CHANNELS;
            let change = rms_db(&heard[middle.clone()]) - rms_db(&said[middle]);
            assert!((least..most).contains(&change), "{off}: {change} dB");
        }
    }

    #[test]
    fn what_comes_after_it_is_drawn_to_what_it_would_be_without_a_loss() {
        let (said, heard) = corrected(0.5, 0.5, false);
        let middle = (BEFORE + GAP + 200) * CHANNELS..(BEFORE + GAP + 600) * CHANNELS;
        let change = rms_db(&heard[middle.clone()]) - rms_db(&said[middle]);
        assert!(change > 1.0, "{change} dB");
    }

    #[test]
    fn the_last_guess_of_several_is_raised() {
        let change = |is_run| {
            let (said, heard) = corrected(0.4, 1.0, is_run);
            let middle = (BEFORE + 240) * CHANNELS..(BEFORE + GAP) * CHANNELS;
            rms_db(&heard[middle.clone()]) - rms_db(&said[middle])
        };
        assert!(change(true) > change(false) + 0.5, "{} {}", change(true), change(false));
    }

    #[test]
    fn what_was_heard_stays_and_nothing_jumps_at_the_ends() {
        let (said, heard) = corrected(0.3, 1.0, true);
        let changes: Vec<f32> = said.iter().zip(&heard).map(|(said, heard)| heard - said).collect();
        assert!(changes[..BEFORE * CHANNELS].iter().all(|&change| change == 0.0));
        assert!(changes.last().is_some_and(|change| change.abs() < 1e-3));
        let jump = changes.chunks_exact(CHANNELS).map(|pair| pair[0]).collect::<Vec<_>>();
        let own = crate::analysis::largest_step(&crate::analysis::channel(&buzz(GAP, |_| 1.0), 0));
        assert!(crate::analysis::largest_step(&jump) < 1.2 * own);
    }

    #[test]
    fn a_voice_gets_no_noise_at_the_end() {
        let (said, heard) = corrected(0.5, 0.5, false);
        let end = (BEFORE + 2 * GAP - 480) * CHANNELS..(BEFORE + 2 * GAP - 240) * CHANNELS;
        let (said, heard) = (&said[end.clone()], &heard[end]);
        let by = said.iter().zip(heard).map(|(said, heard)| said * heard).sum::<f32>()
            / said.iter().map(|said| said * said).sum::<f32>();
        let noise: Vec<f32> = said.iter().zip(heard).map(|(said, heard)| heard - by * said).collect();
        assert!(by > 1.05, "{by}");
        assert!(rms_db(&noise) < rms_db(said) - 20.0, "{} dB", rms_db(&noise) - rms_db(said));
    }

    #[test]
    fn silence_stays_silence_and_a_short_piece_is_left_alone() {
        let mut bridge = Bridge::new();
        let mut silence = vec![0.0; (BEFORE + 2 * GAP) * CHANNELS];
        bridge.correct(&mut silence, true);
        assert!(silence.iter().all(|&sample| sample == 0.0));
        let mut short = vec![0.5; (BEFORE + GAP) * CHANNELS];
        bridge.correct(&mut short, false);
        assert!(short.iter().all(|&sample| sample == 0.5));
    }
}
