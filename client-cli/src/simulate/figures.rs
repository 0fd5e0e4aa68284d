//! What a listener would say of it, in figures: what came too late or not at all, and how late the rest is. Measured on
//! the sound itself, against what was said.

use audio::CHANNELS;
use serde::Serialize;

/// So many samples of 48 kHz are one at the rate at which delays are searched, 4 kHz.
const COARSE: usize = 12;
/// The sound that is searched for: half a second …
const WINDOW: usize = 24_000;
/// … every quarter of one …
const HOP: usize = 12_000;
/// … among what came up to so much later, in samples: 1.5 s.
const SEARCH: usize = 72_000;
/// Less alike than this it is not the same sound.
const ALIKE: f64 = 0.5;
/// A gap is 10 ms that are so much softer than they should be, as a factor of power: 20 dB.
const GAP: f64 = 0.01;
const GAP_WINDOW: usize = 480;
/// Below −50 dBFS nobody misses anything.
const AUDIBLE: f64 = 1e-5;

/// How late, and how whole.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// From the speaker's mouth to the listener's ear, ms, every quarter of a second; null where nobody speaks.
    pub delay_ms: Vec<Option<f64>>,
    /// Half of the time it is at most so much.
    pub delay_p50_ms: f64,
    /// 95 % of the time it is at most so much.
    pub delay_p95_ms: f64,
    /// Silence where there should be sound, in ms.
    pub gaps_ms: u64,
    /// The longest of it.
    pub longest_gap_ms: u64,
}

/// Compares what was heard with what was said at the same times.
pub fn compare(heard: &[f32], said: &[f32]) -> Figures {
    let (heard, said) = (mono(heard), mono(said));
    let (coarse_heard, coarse_said) = (coarse(&heard), coarse(&said));
    let mut figures = Figures::default();
    let mut run = 0;
    for start in (0..said.len().saturating_sub(WINDOW)).step_by(HOP) {
        let late = late_by(&coarse_said, &coarse_heard, start / COARSE).map(|late| refine(&said, &heard, start, late));
        figures.delay_ms.push(late.map(|late| tenth(late as f64 / 48.0)));
        // Where nothing alike is found, the delay is what it was before.
        let late = late.or_else(|| Some((last(&figures.delay_ms)? * 48.0) as usize)).unwrap_or(0);
        for at in (start..start + HOP).step_by(GAP_WINDOW) {
            let wanted = power(&said, at);
            let is_gap = wanted > AUDIBLE && power(&heard, at + late) < wanted * GAP;
            run = if is_gap { run + 10 } else { 0 };
            figures.gaps_ms += 10 * u64::from(is_gap);
            figures.longest_gap_ms = figures.longest_gap_ms.max(run);
        }
    }
    let mut known: Vec<f64> = figures.delay_ms.iter().copied().flatten().collect();
    known.sort_by(f64::total_cmp);
    let share = |share: f64| known.get(((known.len() as f64 * share) as usize).min(known.len().saturating_sub(1)));
    figures.delay_p50_ms = share(0.5).copied().unwrap_or(0.0);
    figures.delay_p95_ms = share(0.95).copied().unwrap_or(0.0);
    figures
}

fn last(delays: &[Option<f64>]) -> Option<f64> {
    delays.iter().rev().flatten().next().copied()
}

fn mono(samples: &[f32]) -> Vec<f32> {
    samples.chunks_exact(CHANNELS).map(|pair| (pair[0] + pair[1]) / 2.0).collect()
}

/// Means of neighbours: what speech is known by is far below 2 kHz.
fn coarse(samples: &[f32]) -> Vec<f32> {
    samples.chunks(COARSE).map(|part| part.iter().sum::<f32>() / COARSE as f32).collect()
}

fn power(samples: &[f32], at: usize) -> f64 {
    let end = (at + GAP_WINDOW).min(samples.len());
    let part = samples.get(at..end).unwrap_or_default();
    part.iter().map(|s| f64::from(s * s)).sum::<f64>() / GAP_WINDOW as f64
}

/// By how many samples a window comes later; none where it is silent or nothing is like it.
fn late_by(said: &[f32], heard: &[f32], start: usize) -> Option<usize> {
    let window = said.get(start..start + WINDOW / COARSE)?;
    let loudness: f64 = window.iter().map(|s| f64::from(s * s)).sum();
    if loudness / (window.len() as f64) < AUDIBLE {
        return None;
    }
    let (mut best, mut late) = (ALIKE, None);
    for lag in 0..SEARCH / COARSE {
        let Some(other) = heard.get(start + lag..start + lag + window.len()) else { break };
        let (mut product, mut energy) = (0.0_f32, 1e-9_f32);
        for (a, b) in window.iter().zip(other) {
            product += a * b;
            energy += b * b;
        }
        let alike = f64::from(product) / (loudness * f64::from(energy)).sqrt();
        if alike > best {
            (best, late) = (alike, Some(lag * COARSE));
        }
    }
    late
}

/// The same to the sample.
fn refine(said: &[f32], heard: &[f32], start: usize, late: usize) -> usize {
    let window = &said[start..start + WINDOW];
    let around = late.saturating_sub(COARSE)..late + COARSE;
    let product = |lag: usize| -> f32 {
        let other = heard.get(start + lag..).unwrap_or_default();
        window.iter().zip(other).map(|(a, b)| a * b).sum()
    };
    around.max_by(|a, b| product(*a).total_cmp(&product(*b))).unwrap_or(late)
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The delays as a chart of so many columns and rows, with a scale.
pub fn chart(delays: &[Option<f64>], columns: usize, rows: usize) -> Vec<String> {
    let per = delays.len().div_ceil(columns).max(1);
    let columns: Vec<Option<f64>> =
        delays.chunks(per).map(|part| part.iter().flatten().copied().reduce(f64::max)).collect();
    let most = columns.iter().flatten().copied().fold(0.0, f64::max);
    let top = [50.0, 100.0, 200.0, 500.0, 1_000.0].into_iter().find(|top| most <= *top).unwrap_or(2_000.0);
    let blocks = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    (0..rows)
        .map(|row| {
            let floor = (rows - 1 - row) as f64;
            let scale = if row == 0 {
                format!("{top:>5} ms")
            } else if row == rows - 1 {
                "    0 ms".into()
            } else {
                " ".repeat(8)
            };
            let line: String = columns
                .iter()
                .map(|delay| {
                    let height = delay.unwrap_or(0.0) / top * rows as f64 - floor;
                    blocks[(height.clamp(0.0, 1.0) * 8.0).round() as usize]
                })
                .collect();
            format!("{scale} │{line}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speech(samples: usize) -> Vec<f32> {
        let mut turns = 0.0;
        (0..samples)
            .flat_map(|n| {
                let time = n as f64 / 48_000.0;
                turns += (130.0 + 40.0 * (time * 2.3).sin()) / 48_000.0;
                let voice: f64 =
                    (1..20).map(|k| (f64::from(k) * turns * std::f64::consts::TAU).sin() / f64::from(k)).sum();
                [(0.1 * voice * (1.0 + (time * 9.0).sin())) as f32; 2]
            })
            .collect()
    }

    #[test]
    fn a_delay_that_rises_and_a_gap_are_found() {
        let ideal = speech(480_000);
        // 30 ms late, from the fifth second on 130 ms; 50 ms are missing.
        let mut heard = vec![0.0; 1_440 * CHANNELS];
        heard.extend_from_slice(&ideal[..240_000 * CHANNELS]);
        heard.extend(std::iter::repeat_n(0.0, 4_800 * CHANNELS));
        heard.extend_from_slice(&ideal[240_000 * CHANNELS..]);
        heard[100_000 * CHANNELS..102_400 * CHANNELS].fill(0.0);
        let figures = compare(&heard, &ideal);
        let known: Vec<f64> = figures.delay_ms.iter().copied().flatten().collect();
        assert!((known[2] - 30.0).abs() < 0.2 && (known[known.len() - 1] - 130.0).abs() < 0.2, "{known:?}");
        assert!((90..=110).contains(&figures.longest_gap_ms), "{figures:?}");
        assert!((130..=160).contains(&figures.gaps_ms), "{figures:?}");
        assert!((figures.delay_p95_ms - 130.0).abs() < 0.2);
        let lines = chart(&figures.delay_ms, 20, 4);
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0].trim_end(), "  200 ms │");
        assert!(lines[1].ends_with('▅') && lines[2].ends_with('█') && lines[3].contains("│▅▅▅"), "{lines:?}");
    }
}
