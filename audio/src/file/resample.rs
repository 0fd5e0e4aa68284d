//! Any sample rate to 48 kHz, in stereo, with the resampler's own delay taken out.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

use crate::{CHANNELS, SAMPLE_RATE};

/// The sample rates that are read, in Hz.
pub const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Wanted length of an FFT block in samples per channel: long enough for a pass band up to 20 kHz at 44.1 kHz.
const BLOCK: usize = 2_048;

/// Turns interleaved stereo at one rate into interleaved stereo at 48 kHz.
///
/// What comes out starts where the input starts and is `ceil(n · 48000 / rate)` samples per channel long for n that
/// went in, once [`Resampler::finish`] has been called. At 48 kHz samples pass untouched.
pub struct Resampler {
    rate: u32,
    stage: Option<Stage>,
}

struct Stage {
    fft: Fft<f32>,
    block_in: usize,
    block_out: usize,
    pending: Vec<f32>,
    rendered: Vec<f32>,
    /// Samples per channel of the start that are the resampler's delay and not yet dropped.
    delay: usize,
    taken: u64,
    given: u64,
}

impl Resampler {
    /// A resampler from `rate` Hz; `None` when the rate is outside [`RATES`].
    pub fn new(rate: u32) -> Option<Self> {
        if !RATES.contains(&rate) {
            return None;
        }
        if rate == SAMPLE_RATE {
            return Some(Self { rate, stage: None });
        }
        let fft = Fft::new_custom(
            rate as usize,
            SAMPLE_RATE as usize,
            BLOCK,
            1,
            CHANNELS,
            rubato::WindowFunction::BlackmanHarris2,
            FixedSync::Both,
        )
        .expect("rates and block are above zero");
        let (block_in, block_out) = (fft.input_frames_next(), fft.output_frames_next());
        let stage = Stage {
            delay: fft.output_delay(),
            fft,
            block_in,
            block_out,
            pending: Vec::with_capacity(2 * block_in * CHANNELS),
            rendered: vec![0.0; block_out * CHANNELS],
            taken: 0,
            given: 0,
        };
        Some(Self { rate, stage: Some(stage) })
    }

    /// The rate of the input, in Hz.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes interleaved stereo of any length and appends to `out` what is ready.
    pub fn push(&mut self, stereo: &[f32], out: &mut Vec<f32>) {
        let Some(stage) = &mut self.stage else {
            out.extend_from_slice(stereo);
            return;
        };
        stage.taken += (stereo.len() / CHANNELS) as u64;
        stage.pending.extend_from_slice(stereo);
        stage.render(u64::MAX, out);
    }

    /// Appends the rest to `out`. Afterwards the resampler is done.
    pub fn finish(mut self, out: &mut Vec<f32>) {
        let Some(stage) = &mut self.stage else { return };
        let end = (stage.taken * u64::from(SAMPLE_RATE)).div_ceil(u64::from(self.rate));
        while stage.given < end {
            let whole = (stage.pending.len() / CHANNELS / stage.block_in + 1) * stage.block_in;
            stage.pending.resize(whole * CHANNELS, 0.0);
            stage.render(end, out);
        }
    }
}

impl Stage {
    /// Renders every whole block that is pending, up to `end` samples per channel in all.
    fn render(&mut self, end: u64, out: &mut Vec<f32>) {
        let block = self.block_in * CHANNELS;
        let mut used = 0;
        while self.pending.len() - used >= block {
            let input = InterleavedSlice::new(&self.pending[used..used + block], CHANNELS, self.block_in)
                .expect("the slice is one block");
            let mut output = InterleavedSlice::new_mut(&mut self.rendered, CHANNELS, self.block_out)
                .expect("the buffer is one block");
            self.fft.process_into_buffer(&input, &mut output, None).expect("both buffers are one block");
            used += block;

            let start = self.delay.min(self.block_out);
            self.delay -= start;
            let count = ((self.block_out - start) as u64).min(end - self.given) as usize;
            self.given += count as u64;
            out.extend_from_slice(&self.rendered[start * CHANNELS..(start + count) * CHANNELS]);
        }
        self.pending.drain(..used);
    }
}
