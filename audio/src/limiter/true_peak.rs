//! How high a signal goes between its samples (ITU-R BS.1770-5 annex 2): three points more between
//! each two samples, by an interpolating low-pass in polyphase form. Plain loops over arrays of a
//! fixed width, which the compiler turns into vectors; nothing here allocates.

/// Samples that one point between two others is made of, half of them on either side.
pub(super) const TAPS: usize = 16;

/// No point between samples exceeds the largest of the samples it is made of by more than this: the
/// sum of the magnitudes of the filter in the middle. Below, nothing needs to be looked for.
pub(super) const MOST: f32 = 2.18;

/// A sinc under a Kaiser window (β 4), a quarter of the way from one sample to the next: within
/// 0.13 dB up to 20 kHz, where Opus ends. Three quarters is the same backwards.
const QUARTER: [f32; TAPS] = [
    -0.005_102_525,
    0.010_482_265,
    -0.018_833_394,
    0.031_572_326,
    -0.051_661_508,
    0.087_265_3,
    -0.172_996_34,
    0.900_904_6,
    0.296_268_87,
    -0.118_593_91,
    0.066_546_515,
    -0.040_392_769,
    0.024_525_66,
    -0.014_217_483,
    0.007_482_058,
    -0.003_249_66,
];

/// The same in the middle.
const HALF: [f32; TAPS] = [
    -0.005_825_492,
    0.012_595_005,
    -0.023_220_457,
    0.039_432_255,
    -0.064_636_538,
    0.107_531_91,
    -0.200_264_29,
    0.634_387_6,
    0.634_387_6,
    -0.200_264_29,
    0.107_531_91,
    -0.064_636_538,
    0.039_432_255,
    -0.023_220_457,
    0.012_595_005,
    -0.005_825_492,
];

/// As many peaks as one pass of the loops makes.
const LANES: usize = 8;

/// Raises each of `peaks` to the highest magnitude from a sample on, until just before the next, of
/// one channel. `samples` begin [`TAPS`] / 2 − 1 before the sample of the first peak, and end as many
/// after that of the last, and one; so they are `TAPS − 1` more.
pub(super) fn raise(peaks: &mut [f32], samples: &[f32]) {
    debug_assert_eq!(samples.len(), peaks.len() + TAPS - 1);
    let mut first = 0;
    while first + LANES <= peaks.len() {
        let window: &[f32; LANES + TAPS - 1] =
            samples[first..].first_chunk().expect("there are so many more samples than peaks");
        let peaks: &mut [f32; LANES] = peaks[first..].first_chunk_mut().expect("as the loop asks");
        lanes(peaks, window);
        first += LANES;
    }
    for (at, peak) in peaks.iter_mut().enumerate().skip(first) {
        let window = &samples[at..][..TAPS];
        let sum = |taps: &mut dyn Iterator<Item = &f32>| window.iter().zip(taps).map(|(s, t)| s * t).sum::<f32>().abs();
        let between = sum(&mut QUARTER.iter()).max(sum(&mut HALF.iter())).max(sum(&mut QUARTER.iter().rev()));
        *peak = peak.max(between).max(window[TAPS / 2 - 1].abs());
    }
}

fn lanes(peaks: &mut [f32; LANES], window: &[f32; LANES + TAPS - 1]) {
    let (mut quarter, mut half, mut last) = ([0.0_f32; LANES], [0.0_f32; LANES], [0.0_f32; LANES]);
    for tap in 0..TAPS {
        for lane in 0..LANES {
            let sample = window[tap + lane];
            quarter[lane] += QUARTER[tap] * sample;
            half[lane] += HALF[tap] * sample;
            last[lane] += QUARTER[TAPS - 1 - tap] * sample;
        }
    }
    for lane in 0..LANES {
        let between = quarter[lane].abs().max(half[lane].abs()).max(last[lane].abs());
        peaks[lane] = peaks[lane].max(between).max(window[lane + TAPS / 2 - 1].abs());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_taps_are_a_sinc_under_a_window() {
        let bessel = |x: f64| (1..40).rev().fold(1.0, |sum, k| 1.0 + sum * (x / 2.0 / f64::from(k)).powi(2));
        for (taps, way) in [(QUARTER, 0.25), (HALF, 0.5)] {
            let wanted: Vec<f64> = (0..TAPS)
                .map(|tap| {
                    let t = tap as f64 - (TAPS / 2 - 1) as f64 - way;
                    let window = bessel(4.0 * (1.0 - (t / (TAPS / 2) as f64).powi(2)).max(0.0).sqrt());
                    (std::f64::consts::PI * t).sin() / t * window
                })
                .collect();
            let sum: f64 = wanted.iter().sum();
            for (tap, wanted) in taps.iter().zip(wanted) {
                assert!((f64::from(*tap) - wanted / sum).abs() < 1e-7, "{tap} and not {}", wanted / sum);
            }
            assert!(taps.iter().map(|tap| tap.abs()).sum::<f32>() < MOST);
        }
    }

    #[test]
    fn a_peak_between_samples_is_seen_wherever_it_lies() {
        // A quarter of the sampling rate, whose samples are all 3 dB under its peak.
        let samples: Vec<f32> =
            (0..100).map(|n| (std::f64::consts::FRAC_PI_2 * (f64::from(n) + 0.5)).sin() as f32).collect();
        for count in [1, 7, 8, 85] {
            let mut peaks = vec![0.0; count];
            raise(&mut peaks, &samples[..count + TAPS - 1]);
            // Two samples of one sign have the peak between them, two of either sign a zero.
            let wanted = |at: usize| {
                if samples[TAPS / 2 - 1 + at] * samples[TAPS / 2 + at] > 0.0 { 1.0 } else { 0.5_f32.sqrt() }
            };
            assert!(peaks.iter().enumerate().all(|(at, peak)| (peak - wanted(at)).abs() < 0.01), "{peaks:?}");
        }
    }
}
