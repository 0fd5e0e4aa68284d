//! A track whose packets are handed on as they came, or are about to be: where its sound stands, and how it is taken up again.

use std::time::Duration;

use audio::{CHANNELS, Frame, FrameLength, MAX_SLEW, Relay, level_dbfs};

use super::{Sound, Track};
use crate::{Counters, mix::frames_before};

impl Track {
    /// Its last packets.
    pub fn relay(&self) -> Option<&Relay> {
        self.stream.as_ref().map(|stream| &stream.relay)
    }

    /// What waits to be played.
    pub fn delay(&self) -> Duration {
        self.stats().map(|stats| stats.delay).unwrap_or_default()
    }

    /// The RTP time of the sample that is heard next; none while nothing plays or what plays moves.
    pub fn next_timestamp(&self) -> Option<u32> {
        let stream = self.stream.as_ref()?;
        Some(stream.playout.next_timestamp()?.wrapping_sub(stream.slew.settled()? as u32))
    }

    /// Moves what is heard later by so many samples, or by a whole shortest frame less.
    pub fn slew(&mut self, later: usize) {
        if let Some(slew) = self.stream.as_mut().map(|stream| &mut stream.slew)
            && let Some(at) = slew.settled()
        {
            let later = at + later;
            slew.move_to(if later >= MAX_SLEW { later - MAX_SLEW } else { later });
        }
    }

    /// Writes what is heard next, `samples` of it, which is heard again; false if it has not all come.
    pub fn peek(&mut self, samples: usize, out: &mut Frame) -> bool {
        out.set_length(self.pre().length());
        let Some(stream) = &mut self.stream else { return false };
        let Some(ahead) = stream.playout.peek(samples) else { return false };
        out.clear();
        out.samples_mut()[..samples * CHANNELS].copy_from_slice(ahead);
        stream.slew.clone().apply(out);
        true
    }

    /// Its sound is taken up again at the RTP time `start`, undecoded until now: what comes before the tick `number`
    /// in these frames, then what [`Self::play`] gives.
    pub fn rejoin(
        &mut self,
        start: u32,
        number: u64,
        length: FrameLength,
        counters: &mut Counters,
    ) -> impl Iterator<Item = Frame> {
        let frames = frames_before(length);
        let before = start.wrapping_sub((frames * length.samples()) as u32);
        if let Some(stream) = &mut self.stream {
            counters.decodes += stream.playout.rejoin(&stream.relay, before) as u64;
            stream.slew.reset();
        }
        self.sounds_since = number.saturating_sub(frames as u64);
        self.last_sound = number.checked_sub(1);
        (0..frames).map(move |_| {
            let mut frame = Frame::silence(length);
            if let Some(stream) = &mut self.stream {
                stream.playout.preroll(&mut frame);
            }
            frame
        })
    }

    /// After [`Self::rejoin`]: what is heard of it in this tick is its end.
    pub fn farewell(&mut self) {
        let (Some(stream), Some(Sound { pre, .. })) = (&mut self.stream, self.sound.as_deref_mut()) else { return };
        stream.playout.preroll(pre);
        stream.playout.quit();
        let samples = pre.samples_mut();
        let length = samples.len();
        for (n, sample) in samples.iter_mut().enumerate() {
            *sample *= 1.0 - n as f32 / length as f32;
        }
        self.level_dbfs = level_dbfs(pre);
        (self.has_frame, self.is_held) = (true, true);
    }

    /// It is heard by the mix again, and moves to where the desk has it.
    pub fn unrelay(&mut self) {
        self.is_relayed = false;
        self.move_strip();
    }
}
