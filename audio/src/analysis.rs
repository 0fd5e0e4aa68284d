//! What is in a piece of sound, in figures: for tests, the demo and the command line. Samples are
//! one channel at 48 kHz, as [`channel`] takes them out of interleaved stereo.

use std::f64::consts::TAU;

use realfft::RealFftPlanner;

use crate::meter::{FLOOR_DBFS, to_dbfs};
use crate::{CHANNELS, SAMPLE_RATE};

/// One channel (0 left, 1 right) of interleaved stereo.
pub fn channel(interleaved: &[f32], channel: usize) -> Vec<f32> {
    interleaved.chunks_exact(CHANNELS).map(|pair| pair[channel]).collect()
}

/// A line of a spectrum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tone {
    /// In hertz, interpolated between the lines of the transform.
    pub frequency_hz: f32,
    /// Of the sine: full scale is 0 dBFS.
    pub level_dbfs: f32,
}

/// The level in dBFS of the sine of this frequency over all of `samples`: a full-scale sine reads 0.
/// Tones four lines away (4 / duration; 4 Hz in a second) read −93 dB or less, far tones nothing.
pub fn tone_dbfs(samples: &[f32], frequency_hz: f32) -> f32 {
    to_dbfs(Windowed::new(samples).amplitude(f64::from(frequency_hz)) as f32)
}

/// The same for each whole window of so many samples: shows whether a tone is steady.
pub fn tone_levels_dbfs(samples: &[f32], frequency_hz: f32, window: usize) -> Vec<f32> {
    samples.chunks_exact(window.max(1)).map(|piece| tone_dbfs(piece, frequency_hz)).collect()
}

/// The tones in `samples` at or above a level, loudest first.
pub fn peaks(samples: &[f32], at_least_dbfs: f32) -> Vec<Tone> {
    let spectrum = spectrum_dbfs(samples);
    let line_hz = SAMPLE_RATE as f32 / samples.len().max(1) as f32;
    let mut tones: Vec<Tone> = spectrum
        .windows(3)
        .enumerate()
        .filter(|(_, near)| near[1] >= at_least_dbfs && near[1] > near[0] && near[1] >= near[2])
        .map(|(index, near)| {
            // The logarithm of the window's main lobe is nearly a parabola.
            let bend = near[0] - 2.0 * near[1] + near[2];
            let offset = if bend < 0.0 { 0.5 * (near[0] - near[2]) / bend } else { 0.0 };
            Tone {
                frequency_hz: (index as f32 + 1.0 + offset) * line_hz,
                level_dbfs: near[1] - 0.25 * (near[0] - near[2]) * offset,
            }
        })
        .collect();
    tones.sort_by(|a, b| b.level_dbfs.total_cmp(&a.level_dbfs));
    tones
}

/// The level in dBFS of every line, 0 Hz first, 48 000 / `samples.len()` Hz apart.
pub fn spectrum_dbfs(samples: &[f32]) -> Vec<f32> {
    if samples.len() < 2 {
        return Vec::new();
    }
    let transform = RealFftPlanner::<f64>::new().plan_fft_forward(samples.len());
    let Windowed { samples: mut input, weight } = Windowed::new(samples);
    let mut output = transform.make_output_vec();
    transform.process(&mut input, &mut output).expect("both buffers have the length of the plan");
    output.iter().map(|line| to_dbfs((2.0 * line.norm() / weight) as f32)).collect()
}

/// The frequency in hertz of the strongest tone within a semitone of `near_hz`, to a hundredth of
/// a cent for a steady tone of a second; `None` where there is only silence.
pub fn pitch_hz(samples: &[f32], near_hz: f32) -> Option<f64> {
    let windowed = Windowed::new(samples);
    let near = f64::from(near_hz);
    let (low, high) = (near * 2_f64.powf(-1.0 / 12.0), near * 2_f64.powf(1.0 / 12.0));
    let line = f64::from(SAMPLE_RATE) / samples.len().max(1) as f64;
    let steps = ((high - low) / line).ceil().max(1.0) as usize;
    let (best, level) = (0..=steps)
        .map(|step| low + (high - low) * step as f64 / steps as f64)
        .map(|frequency| (frequency, windowed.amplitude(frequency)))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    if to_dbfs(level as f32) <= FLOOR_DBFS {
        return None;
    }
    // Inside the main lobe there is one top: thirds close in on it.
    let (mut from, mut to) = (best - line, best + line);
    while to - from > near * 1e-7 {
        let third = (to - from) / 3.0;
        if windowed.amplitude(from + third) < windowed.amplitude(to - third) {
            from += third;
        } else {
            to -= third;
        }
    }
    Some((from + to) / 2.0)
}

/// How far `heard` is from `wanted`, in cents: a hundredth of a semitone.
pub fn cents(heard_hz: f64, wanted_hz: f64) -> f64 {
    1200.0 * (heard_hz / wanted_hz).log2()
}

/// The largest difference between neighbours: a click shows here.
pub fn largest_step(samples: &[f32]) -> f32 {
    samples.windows(2).fold(0.0, |most, pair| most.max((pair[1] - pair[0]).abs()))
}

/// Where one sound lies in another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// `heard[lag + n]` is `reference[n]`. In samples.
    pub lag: isize,
    /// Correlation over the part that overlaps: 1 is the same up to gain, 0 nothing alike.
    pub likeness: f32,
}

/// Finds `reference` in `heard`, anywhere that at least half of the shorter one overlaps. `None`
/// where either is silent.
pub fn find(reference: &[f32], heard: &[f32]) -> Option<Match> {
    let length = (reference.len() + heard.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f64>::new();
    let (forward, inverse) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
    let transformed = |samples: &[f32]| {
        let mut padded = vec![0.0; length];
        padded.iter_mut().zip(samples).for_each(|(to, &from)| *to = f64::from(from));
        let mut lines = forward.make_output_vec();
        forward.process(&mut padded, &mut lines).expect("both buffers have the length of the plan");
        lines
    };
    let mut lines = transformed(heard);
    for (line, other) in lines.iter_mut().zip(transformed(reference)) {
        *line *= other.conj();
    }
    // Rounding leaves a trace of an imaginary part where a real signal has none.
    lines[0].im = 0.0;
    lines[length / 2].im = 0.0;
    let mut correlation = vec![0.0; length];
    inverse.process(&mut lines, &mut correlation).expect("both buffers have the length of the plan");

    let overlap = |lag: isize| {
        let from = lag.max(0);
        let to = (lag + reference.len() as isize).min(heard.len() as isize);
        (from, to)
    };
    let shortest = reference.len().min(heard.len()) as isize / 2;
    let lag = (-(reference.len() as isize)..heard.len() as isize)
        .filter(|&lag| {
            let (from, to) = overlap(lag);
            to - from >= shortest.max(1)
        })
        .max_by(|&a, &b| {
            let at = |lag: isize| correlation[lag.rem_euclid(length as isize) as usize];
            at(a).total_cmp(&at(b))
        })?;
    let (from, to) = overlap(lag);
    let (mut product, mut here, mut there) = (0.0_f64, 0.0_f64, 0.0_f64);
    for at in from..to {
        let (a, b) = (f64::from(heard[at as usize]), f64::from(reference[(at - lag) as usize]));
        product += a * b;
        here += a * a;
        there += b * b;
    }
    let power = (here * there).sqrt();
    (power > 0.0).then(|| Match { lag, likeness: (product / power) as f32 })
}

/// Samples under a window, for as many lines as are asked for.
struct Windowed {
    samples: Vec<f64>,
    weight: f64,
}

impl Windowed {
    fn new(samples: &[f32]) -> Self {
        let length = samples.len();
        Self {
            samples: samples.iter().enumerate().map(|(at, &sample)| f64::from(sample) * window(at, length)).collect(),
            weight: (0..length).map(|at| window(at, length)).sum(),
        }
    }

    /// The amplitude of the sine of this frequency: one line of a transform, at any frequency.
    fn amplitude(&self, frequency_hz: f64) -> f64 {
        let step = TAU * frequency_hz / f64::from(SAMPLE_RATE);
        let (turn_sin, turn_cos) = step.sin_cos();
        let (mut sin, mut cos) = (0.0_f64, 1.0_f64);
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (at, sample) in self.samples.iter().enumerate() {
            // The recurrence drifts; an exact value now and then keeps it on its circle.
            if at % 1024 == 0 {
                (sin, cos) = (step * at as f64).sin_cos();
            }
            real += sample * cos;
            imaginary -= sample * sin;
            (sin, cos) = (sin * turn_cos + cos * turn_sin, cos * turn_cos - sin * turn_sin);
        }
        if self.weight > 0.0 { 2.0 * real.hypot(imaginary) / self.weight } else { 0.0 }
    }
}

/// Nuttall's window with four terms and a continuous slope: side lobes at −93 dB, falling by 18 dB
/// an octave.
fn window(at: usize, length: usize) -> f64 {
    let phase = TAU * (at as f64 + 0.5) / length as f64;
    0.355768 - 0.487396 * phase.cos() + 0.144232 * (2.0 * phase).cos() - 0.012604 * (3.0 * phase).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frequency: f64, amplitude: f64, length: usize) -> Vec<f32> {
        (0..length).map(|n| (amplitude * (TAU * frequency * n as f64 / 48_000.0).sin()) as f32).collect()
    }

    #[test]
    fn a_tone_reads_its_level_and_nothing_else_does() {
        let samples = sine(997.3, 0.5, 48_000);
        assert!((tone_dbfs(&samples, 997.3) - -6.02).abs() < 0.01);
        assert!(tone_dbfs(&samples, 1010.0) < -90.0);
        assert!(tone_dbfs(&samples, 1500.0) < -120.0);
        assert!(tone_dbfs(&[], 1500.0) == FLOOR_DBFS);
        let levels = tone_levels_dbfs(&samples, 997.3, 4_800);
        assert!(levels.len() == 10 && levels.iter().all(|level| (level + 6.02).abs() < 0.01), "{levels:?}");
    }

    #[test]
    fn peaks_are_found_between_the_lines() {
        let samples: Vec<f32> =
            sine(440.37, 0.5, 48_000).iter().zip(sine(1760.2, 0.05, 48_000)).map(|(a, b)| a + b).collect();
        let found = peaks(&samples, -60.0);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!((found[0].frequency_hz - 440.37).abs() < 0.05 && (found[0].level_dbfs + 6.02).abs() < 0.1, "{found:?}");
        assert!((found[1].frequency_hz - 1760.2).abs() < 0.05 && (found[1].level_dbfs + 26.02).abs() < 0.1);
    }

    #[test]
    fn pitch_is_right_to_a_hundredth_of_a_cent() {
        for frequency in [110.13, 441.7, 4186.0] {
            let heard = pitch_hz(&sine(frequency, 0.3, 48_000), frequency as f32 * 1.02).unwrap();
            assert!(cents(heard, frequency).abs() < 0.01, "{heard} for {frequency}");
        }
        assert_eq!(pitch_hz(&[0.0; 4800], 440.0), None);
        assert!((cents(880.0, 440.0) - 1200.0).abs() < 1e-9);
    }

    #[test]
    fn one_sound_is_found_in_another() {
        let mut state = 1_u32;
        let noise: Vec<f32> = (0..20_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect();
        let found = find(&noise[3_000..8_000], &noise).unwrap();
        assert!(found.lag == 3_000 && found.likeness > 0.999, "{found:?}");
        let found = find(&noise, &noise[3_000..]).unwrap();
        assert!(found.lag == -3_000 && found.likeness > 0.999, "{found:?}");
        assert!(find(&noise[..5_000], &noise[10_000..]).unwrap().likeness < 0.1);
        assert_eq!(find(&noise, &[0.0; 20_000]), None);
    }
}
