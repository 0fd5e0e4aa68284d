//! Whether a sound has anything above 8 kHz: where it has not, Opus need not spend bits and time on it.
//!
//! Nothing is allocated per frame. Only every 13th sample of a filter's output is computed: the power of what passes is
//! as well known from those, at a thirteenth of the work.

use crate::{CHANNELS, SAMPLE_RATE};

/// The filter's length: from its stop band to its pass band is 1.1 kHz.
const TAPS: usize = 192;
/// Half passes here: what lies under 7.9 kHz, as all that telephones carry, is 70 dB down; what lies over 9 kHz passes whole.
const CUTOFF_HZ: f64 = 8_450.0;
/// Kaiser's shape for a stop band of 70 dB.
const KAISER_BETA: f64 = 6.76;
/// From one output to the next that is computed; odd, so that no tone is always met at its zero.
const HOP: usize = 13;
/// What is softer than −80 dBFS up there is under the threshold of hearing where a voice is as loud as in a room.
const FAINT: f32 = 1e-8;
/// The same where the sound is loud: 65 dB under all of it.
const FAINT_SHARE: f32 = 3.2e-7;
/// So many frames after the last of it the upper band stays open: a voice has an s in most seconds.
const HOLD_FRAMES: u32 = 50;
/// For so many of them nobody looks again.
const SURE_FRAMES: u32 = 8;
/// What is shorter says too little.
const LEAST_SAMPLES: usize = 480;
const LANES: usize = 8;

/// Follows one sound from frame to frame.
#[derive(Clone, Debug)]
pub(crate) struct UpperBand {
    /// Of each tap two, for the two channels.
    taps: [f32; TAPS * CHANNELS],
    /// For so many frames it stays open, whatever they hold.
    hold: u32,
    is_open: bool,
}

impl UpperBand {
    pub fn new() -> Self {
        let mut taps = [0.0; TAPS * CHANNELS];
        for (at, pair) in taps.chunks_exact_mut(CHANNELS).enumerate() {
            pair.fill(high_pass(at) as f32);
        }
        Self { taps, hold: 0, is_open: true }
    }

    /// Looks at the next frame of the sound, interleaved stereo; says whether the upper band is needed from it on, where
    /// that changes: at once when there is something in it, and no more a second after. It begins needed. A frame under 10 ms
    /// changes nothing.
    pub fn follow(&mut self, samples: &[f32]) -> Option<bool> {
        if samples.len() < LEAST_SAMPLES * CHANNELS {
            return None;
        }
        self.hold = self.hold.saturating_sub(1);
        if self.hold <= HOLD_FRAMES - SURE_FRAMES && self.is_filled(samples) {
            self.hold = HOLD_FRAMES;
        }
        let is_needed = self.hold > 0;
        (std::mem::replace(&mut self.is_open, is_needed) != is_needed).then_some(is_needed)
    }

    fn is_filled(&self, samples: &[f32]) -> bool {
        let mut above = 0.0_f32;
        let mut outputs = 0;
        for window in samples.windows(TAPS * CHANNELS).step_by(HOP * CHANNELS) {
            let mut lanes = [0.0_f32; LANES];
            for (part, taps) in window.chunks_exact(LANES).zip(self.taps.chunks_exact(LANES)) {
                for lane in 0..LANES {
                    lanes[lane] += part[lane] * taps[lane];
                }
            }
            let left: f32 = lanes.iter().step_by(CHANNELS).sum();
            let right: f32 = lanes.iter().skip(1).step_by(CHANNELS).sum();
            above += left * left + right * right;
            outputs += 1;
        }
        let all: f32 = samples.iter().map(|sample| sample * sample).sum();
        let least = FAINT.max(FAINT_SHARE * all / (samples.len() / CHANNELS) as f32);
        above > least * outputs as f32
    }
}

/// A tap of the filter: a high pass as Kaiser's window cuts it out.
fn high_pass(at: usize) -> f64 {
    let half = TAPS as f64 / 2.0;
    // An even length has no middle tap; half a sample aside a delay, which power does not tell.
    let time = at as f64 + 0.5 - half;
    let low = 2.0 * CUTOFF_HZ / f64::from(SAMPLE_RATE);
    let sinc = |turns: f64| (turns * std::f64::consts::PI).sin() / (time * std::f64::consts::PI);
    let window = bessel_0(KAISER_BETA * (1.0 - (time / half).powi(2)).sqrt()) / bessel_0(KAISER_BETA);
    (sinc(time) - sinc(low * time)) * window
}

/// The modified Bessel function of order 0, by its series.
fn bessel_0(x: f64) -> f64 {
    let mut term = 1.0;
    (1..30).fold(1.0, |sum, k| {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum + term
    })
}
