//! A lost packet of a voice with known sound on both sides of it: the guess is brought nearer to what
//! is heard after it, band by band, and what comes after it to what it would be with no loss before.
//!
//! The decoder's guess is right in pitch and off in level, up to 10 dB in some bands; and what it decodes
//! after one is off by what it guessed. What decodes with no guess before it is off by something else
//! (the second opinion), so between the two lies more of the truth than in either. Pure arithmetic, of no
//! CPU's own kind: the same sound comes out on every machine.

use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlannerScalar};

use crate::CHANNELS;
use crate::opus::LOUDEST;

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

/// No band is changed by more than this, in decibels …
const MOST_DB: f32 = 14.0;

/// … and no second opinion differs by more.
const MOST_DOUBT_DB: f32 = 9.0;

/// So much of the sound after the gap is that of its middle, 32 ms after the start of the gap; the rest that of 28 ms.
const LATER: f32 = 0.23;

/// So far it is then moved to the second opinion of it.
const TO_OPINION: f32 = 0.45;

/// Samples in a millisecond.
const MS: usize = 48;

/// By how much of each difference, in decibels, a frame is changed.
#[derive(Clone, Copy, Debug)]
struct Pull {
    /// … from it to the sound after the gap,
    after: f32,
    /// … from it to the sound before,
    before: f32,
    /// … from the sound after to the second opinion of it;
    doubt: f32,
    /// and by so much besides.
    raise: f32,
}

const fn pull(after: f32, before: f32, doubt: f32, raise: f32) -> Pull {
    Pull { after, before, doubt, raise }
}

/// One packet is lost. Fitted to recorded voices.
const SINGLE: [Pull; FRAMES] = [
    pull(0.06, 0.29, 0.00, 0.0),
    pull(0.34, 0.15, 0.08, 0.0),
    pull(0.50, 0.10, 0.15, 0.0),
    pull(0.34, 0.00, -0.28, 0.0),
    pull(-0.21, 0.00, 0.78, 0.0),
];

/// It is the last of several: the guess has been one for longer.
const LAST: [Pull; FRAMES] = [
    pull(0.49, 0.18, 0.00, 1.5),
    pull(0.54, 0.18, 0.08, 1.5),
    pull(0.81, 0.18, 0.15, 1.5),
    pull(0.47, 0.18, -0.28, 0.0),
    pull(-0.17, 0.00, 0.78, 0.0),
];

type Line = Complex<f32>;
type Levels = [f32; BANDS];

/// Corrects gaps; holds all the memory that takes.
pub(super) struct Bridge {
    /// What the packet after the gap decodes to with no guess before it: interleaved stereo.
    pub opinion: Vec<f32>,
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
        let (opinion, change) = (vec![0.0; GAP * CHANNELS], vec![Line::default(); 2 * GAP]);
        Self { opinion, spectrum: Spectrum::new(), change, taper, last, onset }
    }

    /// Corrects a gap: `sound` is [`BEFORE`] samples that were heard, [`GAP`] that are guessed, and as many after them,
    /// interleaved stereo. `is_run` says that what was before them is guessed too.
    pub fn correct(&mut self, sound: &mut [f32], is_run: bool) {
        if sound.len() != (BEFORE + 2 * GAP) * CHANNELS {
            return;
        }
        let Self { spectrum, taper, .. } = self;
        let mut around =
            |sound: &[f32], ms: usize| spectrum.levels(&sound[(ms * MS - HOP) * CHANNELS..], |at| taper[at]);
        const START: usize = BEFORE / MS;
        let before = around(sound, START - 8);
        let (near, middle, far) = (around(sound, START + 28), around(sound, START + 30), around(sound, START + 32));
        let opinion = around(&self.opinion, 10);
        let mut doubt = [0.0; BANDS];
        let mut after = [0.0; BANDS];
        for band in 0..BANDS {
            doubt[band] = (opinion[band] - middle[band]).clamp(-MOST_DOUBT_DB, MOST_DOUBT_DB);
            after[band] = near[band] + LATER * (far[band] - near[band]) + TO_OPINION * doubt[band];
        }

        self.change.fill(Line::default());
        for (frame, pull) in if is_run { LAST } else { SINGLE }.iter().enumerate() {
            let (there, back) = match frame {
                0 => (&self.taper, &self.onset),
                _ if frame + 1 == FRAMES => (&self.last, &self.last),
                _ => (&self.taper, &self.taper),
            };
            let piece = &sound[(BEFORE + FIRST + frame * HOP - HOP) * CHANNELS..];
            let mut gains = self.spectrum.levels(piece, |at| there[at]);
            for (band, gain) in gains.iter_mut().enumerate() {
                let db = pull.after * (after[band] - *gain)
                    + pull.before * (before[band] - *gain)
                    + pull.doubt * doubt[band]
                    + pull.raise;
                *gain = db.clamp(-MOST_DB, MOST_DB);
            }
            let changed = self.spectrum.change(piece, |at| there[at], &gains);
            for (at, (line, taper)) in changed.iter().zip(back).enumerate() {
                if let Some(to) = (FIRST + frame * HOP + at).checked_sub(HOP).and_then(|at| self.change.get_mut(at)) {
                    *to += line * *taper;
                }
            }
        }
        for (pair, change) in sound[BEFORE * CHANNELS..].chunks_exact_mut(CHANNELS).zip(&self.change) {
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
        for (at, (line, pair)) in self.lines.iter_mut().zip(sound.chunks_exact(CHANNELS)).enumerate() {
            *line = Line::new(pair[0], pair[1]) * taper(at);
        }
        self.there.process_with_scratch(&mut self.lines, &mut self.scratch);
    }

    /// How loud each band is at the start of `sound`, in decibels; it is tapered twice.
    fn levels(&mut self, sound: &[f32], taper: impl Fn(usize) -> f32) -> Levels {
        self.transform(sound, |at| taper(at) * taper(at));
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
    fn change(&mut self, sound: &[f32], taper: impl Fn(usize) -> f32, gains_db: &Levels) -> &[Line] {
        self.transform(sound, taper);
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
        bridge.opinion = buzz(GAP, |_| 1.0);
        bridge.correct(&mut heard, is_run);
        (said, heard)
    }

    #[test]
    fn a_guess_is_drawn_to_the_sound_around_it_and_a_good_one_stays() {
        for (off, least, most) in [(0.4, 3.0, 7.0), (2.5, -7.0, -2.0), (1.0, -0.5, 0.5)] {
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
    fn the_last_guess_of_several_is_raised_and_drawn_farther() {
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
