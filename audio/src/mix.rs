//! Mix-minus by subtraction: one sum, and for each talker the sum without its own part. A frame of
//! a track that does not sound is never touched.

use crate::Frame;

/// The sum of the frames of one tick, each after its strip.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    sum: Frame,
    tracks: usize,
}

impl Bus {
    /// An empty bus: silence.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts the next tick with silence.
    pub fn clear(&mut self) {
        if self.tracks > 0 {
            self.sum.clear();
            self.tracks = 0;
        }
    }

    /// Adds one track, after its strip.
    pub fn add(&mut self, frame: &Frame) {
        if self.tracks == 0 {
            self.sum.copy_from(frame);
        } else {
            self.sum.add(frame);
        }
        self.tracks += 1;
    }

    /// How many tracks are in the sum.
    pub fn tracks(&self) -> usize {
        self.tracks
    }

    /// Writes the sum of all tracks but one. `own` is the very frame that was added.
    pub fn minus(&self, own: &Frame, out: &mut Frame) {
        if self.tracks <= 1 {
            // Nothing else sounds: exact zeros, not a rest of rounding.
            out.set_length(own.length());
            out.clear();
            return;
        }
        out.copy_from(&self.sum);
        out.subtract(own);
    }

    /// Writes the sum of all tracks.
    pub fn copy(&self, out: &mut Frame) {
        out.copy_from(&self.sum);
    }

    /// The sum of all tracks.
    pub fn sum(&self) -> &Frame {
        &self.sum
    }
}
