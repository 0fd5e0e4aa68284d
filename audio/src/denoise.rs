//! Noise suppression of one track by a small recurrent network (RNNoise, as `nnnoiseless`): it takes
//! away what is no voice, music included. Frames allocate nothing; all memory is taken by
//! [`Denoiser::new`], also what the transforms keep for each thread, so that it must be called on the
//! thread that will process.

use nnnoiseless::DenoiseState;

use crate::{CHANNELS, Frame};

/// Samples that the network works on at once: 10 ms.
const BLOCK: usize = DenoiseState::FRAME_SIZE;
/// The network knows samples as 16-bit numbers.
const SCALE: f32 = 32_768.0;
/// The right channel's network sleeps from the third block on that is mono: what comes out came in a block ago, and
/// over the one before the sound goes from its own to the left one's.
const ASLEEP: u8 = 3;
const FALLS_ASLEEP: u8 = 2;
/// Louder than this, +12 dBFS, it need not understand.
const LOUDEST: f32 = 4.0;

/// Takes noise out of one track. A mono voice, whatever the packets say, costs half of stereo.
pub struct Denoiser {
    sides: [Side; CHANNELS],
    /// So many blocks in a row, up to [`ASLEEP`], had the same in both channels.
    mono: u8,
    /// How much of the output is the suppressor's: 0 and 1 are the ends of a crossfade.
    wet: f32,
    is_on: bool,
    /// Nothing of what it remembers is of now.
    is_fresh: bool,
    /// What is in its memory has yet to come out.
    sounding: bool,
}

struct Side {
    state: Box<DenoiseState<'static>>,
    /// This block, and the last one, as the network wants them.
    input: [f32; BLOCK],
    output: [f32; BLOCK],
}

impl Denoiser {
    /// Samples per channel by which the sound comes later: 10 ms.
    pub const DELAY_SAMPLES: usize = BLOCK;

    /// One that is on: it listens for 10 ms, and fades in over the next.
    pub fn new() -> Self {
        let mut sides = [Side::new(), Side::new()];
        for side in &mut sides {
            // The first transforms of a thread make their plans; a hum makes the network work too.
            side.input.iter_mut().enumerate().for_each(|(at, sample)| *sample = (at % 120) as f32 * 100.0);
            side.process();
            *side = Side::new();
        }
        Self { sides, mono: ASLEEP, wet: 0.0, is_on: true, is_fresh: true, sounding: false }
    }

    /// Switches it. Off, it fades out over the next 10 ms; on, it begins as a new one does.
    pub fn set(&mut self, is_on: bool) {
        self.is_fresh |= is_on && self.is_idle();
        self.is_on = is_on;
    }

    /// Whether frames pass untouched.
    pub fn is_idle(&self) -> bool {
        !self.is_on && self.wet == 0.0
    }

    /// Whether silence in gives sound out.
    pub fn is_sounding(&self) -> bool {
        self.sounding && !self.is_idle()
    }

    /// Works on a frame of whole blocks of 10 ms in place; its sound comes [`Self::DELAY_SAMPLES`] later. What is
    /// not finite becomes zero.
    pub fn apply(&mut self, frame: &mut Frame) {
        if self.is_idle() {
            self.sounding = false;
            return;
        }
        self.sounding = !frame.is_silent();
        for block in frame.samples_mut().chunks_exact_mut(BLOCK * CHANNELS) {
            self.block(block);
        }
    }

    fn block(&mut self, block: &mut [f32]) {
        for sample in &mut *block {
            *sample = if sample.is_finite() { sample.clamp(-LOUDEST, LOUDEST) } else { 0.0 };
        }
        let is_mono = block.chunks_exact(CHANNELS).all(|pair| pair[0] == pair[1]);
        let wakes = !is_mono && self.mono == ASLEEP;
        if wakes && !self.is_fresh {
            // The block before, the same in both, brings it up to now.
            let (left, right) = self.sides.split_at_mut(1);
            right[0].input = left[0].input;
            right[0].process();
        }
        self.mono = if is_mono { (self.mono + 1).min(ASLEEP) } else { 0 };
        let is_one = self.mono == ASLEEP;
        for (channel, side) in self.sides.iter_mut().enumerate().take(if is_one { 1 } else { CHANNELS }) {
            for (sample, pair) in side.input.iter_mut().zip(block.chunks_exact(CHANNELS)) {
                *sample = pair[channel] * SCALE;
            }
            side.process();
        }
        if std::mem::replace(&mut self.is_fresh, false) {
            return;
        }
        let (from, to) = (self.wet, if self.is_on { 1.0 } else { 0.0 });
        self.wet = to;
        for (at, pair) in block.chunks_exact_mut(CHANNELS).enumerate() {
            let wet = from + (to - from) * (at + 1) as f32 / BLOCK as f32;
            for (channel, sample) in pair.iter_mut().enumerate() {
                let way = (at + 1) as f32 / BLOCK as f32;
                // Two networks do not do quite the same, and so the right ear changes over slowly.
                let own = match (channel, self.mono) {
                    (0, _) | (_, ASLEEP) => 0.0,
                    (_, FALLS_ASLEEP) => 1.0 - way,
                    _ if wakes => way,
                    _ => 1.0,
                };
                let both = self.sides[0].output[at];
                let clean = (both + (self.sides[channel].output[at] - both) * own) / SCALE;
                *sample = if wet == 1.0 { clean } else { *sample + (clean - *sample) * wet };
            }
        }
    }
}

impl Default for Denoiser {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Denoiser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Denoiser").field("is_on", &self.is_on).field("wet", &self.wet).finish_non_exhaustive()
    }
}

impl Side {
    fn new() -> Self {
        Self { state: DenoiseState::new(), input: [0.0; BLOCK], output: [0.0; BLOCK] }
    }

    fn process(&mut self) {
        self.state.process_frame(&mut self.output, &self.input);
    }
}
