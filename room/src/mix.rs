//! One distinct mix: its limiter, its encoder and what it gave last.

use std::ops::Range;

use audio::{CHANNELS, Encoder, EncoderSettings, FRAME_SAMPLES, Frame, FrameLength, Limiter, Master};

use super::{
    Contributors, Counters,
    class::{CLASSES, Coding},
};

/// After its last voice a mix goes on for 200 ms, so that decoders end in true silence.
const TAIL_SAMPLES: usize = 9_600;
/// What is heard stays under −1 dBTP in the room's usual 128 kbit/s: there Opus adds up to 3.5 dB to the peaks of
/// full-band noise, 1.0 dB to a crowd of squares and 0.6 dB to one of tones, measured with 32 at full scale.
/// Noise in 64 kbit/s and less may go a little over.
const CEILING_DBTP: f32 = -4.5;
/// So many samples before its first bring a new encoder to where the one before it was, and the change
/// is not heard: 40 ms.
const LEARN_SAMPLES: usize = 2 * FRAME_SAMPLES;
/// So many frames of a length a mix remembers: the last one, those before it to learn from, and one more for what lies
/// between two.
const fn history(length: FrameLength) -> usize {
    2 + LEARN_SAMPLES / length.samples()
}
/// Frames that libopus encodes, in samples: 20, 10, 5 and 2.5 ms.
const PIECE_SAMPLES: [usize; 4] = [960, 480, 240, 120];
/// 20 ms less 2.5 ms are so many of them.
const PIECES: usize = 3;
/// The largest Opus packet: with all headers it fits into 1280 bytes, which every IPv6 path takes.
pub(super) const MAX_PACKET_BYTES: usize = 1_100;

/// So many frames of a length make a mix that begins as good as one that went on.
pub(super) fn frames_before(length: FrameLength) -> usize {
    1 + LEARN_SAMPLES / length.samples()
}

/// Pieces of a mix between two ticks: how many samples each has, and where its packet is.
pub(super) type Pieces = [Option<(usize, Range<usize>)>; PIECES];

/// In so many phases at most the packets of the hearers of one room lie: on the frames of the mix, or before them.
pub(super) const PHASES: usize = 4;
/// So many encodings of one mix there are at most.
const CODINGS: usize = CLASSES * PHASES;

/// One encoding of a mix.
struct Coder {
    coding: Coding,
    encoder: Encoder,
    /// The last tick in which it was used.
    encoded: Option<u64>,
    /// What it gave then.
    payload: Option<Range<usize>>,
}

impl Coder {
    fn new(settings: EncoderSettings, coding: Coding) -> Option<Self> {
        let encoder = Encoder::quick(coding.class.encoder(settings)).ok()?;
        Some(Self { coding, encoder, encoded: None, payload: None })
    }

    /// Whether it goes on with what it encoded last, or has done so.
    fn is_in_use(&self, number: u64) -> bool {
        self.encoded.is_some_and(|last| last + 1 >= number)
    }
}

/// Which encodings those who hear a mix in a tick need, and where one of them did not hear it before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hearers([Option<(Coding, IsNew)>; CODINGS]);

type IsNew = bool;

impl Hearers {
    /// One more, who hears it for the first time or not.
    pub fn add(&mut self, coding: Coding, is_new: bool) {
        let among = self.0.iter_mut().find(|among| among.is_none_or(|(known, _)| known == coding));
        if let Some(among) = among {
            *among = Some((coding, is_new || *among == Some((coding, true))));
        }
    }

    /// Nobody.
    pub fn clear(&mut self) {
        self.0 = Default::default();
    }
}

/// What some hear together, and nobody else.
pub(super) struct Mix {
    limiter: Limiter,
    settings: EncoderSettings,
    /// Who is in what was last encoded.
    pub contributors: Contributors,
    /// One for each encoding in use.
    coders: Vec<Coder>,
    /// The last frames made, a ring.
    frames: Vec<Frame>,
    /// Which of `frames` is the last one made; the next is the oldest.
    current: usize,
    /// For how many samples nobody was in it.
    quiet: usize,
    /// The last tick in which it was made.
    made: Option<u64>,
    /// The frame before the last one was heard, or could have been.
    is_continued: bool,
    /// How far the limiter pulled the last frame down, dB, 0 or more.
    reduction_db: f32,
    /// The last tick in which it did.
    reduced: Option<u64>,
    /// Of use where packets do not lie on the frames.
    shifted: Option<Box<Frame>>,
    /// By so many samples its decoded sound comes later than its input.
    delay: usize,
}

impl Mix {
    /// None if there is no memory for an encoder.
    pub fn new(settings: EncoderSettings) -> Option<Box<Self>> {
        let mut mix = Box::new(Self {
            limiter: Limiter::new(CEILING_DBTP),
            settings,
            contributors: Contributors::default(),
            coders: Vec::with_capacity(CODINGS),
            frames: vec![Frame::SILENCE; history(FrameLength::default())],
            current: 0,
            quiet: TAIL_SAMPLES,
            made: None,
            is_continued: false,
            reduction_db: 0.0,
            reduced: None,
            shifted: None,
            delay: Limiter::DELAY_SAMPLES,
        });
        let mut coder = Coder::new(settings, Coding::default())?;
        mix.delay += coder.encoder.lookahead().ok()?;
        mix.coders.push(coder);
        Some(mix)
    }

    /// Whether the frame before this tick's was made.
    pub fn follows(&self, number: u64) -> bool {
        number > 0 && self.made == Some(number - 1)
    }

    /// Whether it is heard, or could be, in this tick.
    pub fn is_made_in(&self, number: u64) -> bool {
        self.made == Some(number) && self.quiet <= TAIL_SAMPLES
    }

    /// Whether the next tick has anything to do here.
    pub fn goes_on(&self) -> bool {
        self.quiet < TAIL_SAMPLES
    }

    /// How far the limiter pulled the last frame down, dB.
    pub fn reduction_db(&self) -> f32 {
        self.reduction_db
    }

    /// Whether the limiter left the last `ticks` alone.
    pub fn is_unlimited(&self, number: u64, ticks: u64) -> bool {
        self.reduced.is_none_or(|last| number - last > ticks)
    }

    /// By how many samples what is heard of it lies before its input, where packets lie on its frames.
    pub fn delay(&self) -> usize {
        self.delay
    }

    /// Whether the tick's frame was encoded so.
    pub fn is_encoded_in(&self, number: u64, coding: Coding) -> bool {
        self.payload(number, coding).is_some()
    }

    /// Stands as if it had been made before the tick `number`, from these frames.
    pub fn preroll(&mut self, number: u64, frames: impl Iterator<Item = Frame>) {
        self.begin(number, None);
        for frame in frames {
            if self.frame().length() != frame.length() {
                self.recut(frame.length());
            }
            self.current = (self.current + 1) % self.frames.len();
            self.frames[self.current].copy_from(&frame);
            self.limiter.process(&mut self.frames[self.current]);
        }
        self.quiet = 0;
        self.coders.iter_mut().for_each(|coder| coder.encoded = None);
    }

    /// Silence begins: 200 ms of it are heard.
    pub fn fall_silent(&mut self, number: u64) {
        if !self.follows(number) {
            self.begin(number, None);
        }
        self.quiet = 0;
    }

    /// The last frame made.
    pub fn frame(&self) -> &Frame {
        &self.frames[self.current]
    }

    /// Stands as if it had been made until now, with the sound of `before`, or of silence.
    pub fn begin(&mut self, number: u64, before: Option<&Self>) {
        match before {
            Some(before) => {
                self.limiter.clone_from(&before.limiter);
                self.frames.clone_from(&before.frames);
                self.current = before.current;
                self.quiet = before.quiet;
                self.reduced = before.reduced;
            }
            None => {
                self.limiter = Limiter::new(CEILING_DBTP);
                self.frames.iter_mut().for_each(Frame::clear);
                self.quiet = TAIL_SAMPLES;
            }
        }
        self.made = number.checked_sub(1);
    }

    /// Makes this tick's frame of `voices` voices, under each of `masters`; false when it has been silent for long
    /// enough.
    pub fn make(
        &mut self,
        (number, length): (u64, FrameLength),
        voices: usize,
        masters: &[&Master],
        fill: impl FnOnce(&mut Frame),
    ) -> bool {
        self.is_continued = self.goes_on();
        self.made = Some(number);
        self.quiet = if voices > 0 { 0 } else { self.quiet.saturating_add(length.samples()) };
        if self.quiet > TAIL_SAMPLES {
            return false;
        }
        if self.frame().length() != length {
            self.recut(length);
        }
        self.current = (self.current + 1) % self.frames.len();
        let frame = &mut self.frames[self.current];
        frame.set_length(length);
        if voices > 0 {
            fill(frame)
        } else {
            frame.clear()
        }
        for master in masters {
            master.apply(frame);
        }
        self.reduction_db = self.limiter.process(frame);
        if self.reduction_db > 0.0 {
            self.reduced = Some(number);
        }
        true
    }

    /// Cuts what it remembers into frames of another length. libopus loses 5 dB in the first frame after
    /// such a change; an encoder that learns from frames of the new length does not.
    fn recut(&mut self, length: FrameLength) {
        let mut sound = [0.0; LEARN_SAMPLES * CHANNELS];
        let frames = LEARN_SAMPLES / self.frame().length().samples();
        for (n, part) in sound.chunks_exact_mut(self.frame().length().samples() * CHANNELS).enumerate() {
            let frame = &self.frames[(self.current + self.frames.len() + 1 + n - frames) % self.frames.len()];
            // Of another length only where nothing was made yet.
            if frame.samples().len() == part.len() {
                part.copy_from_slice(frame.samples());
            }
        }
        self.frames.resize(history(length), Frame::SILENCE);
        for (n, part) in sound.chunks_exact(length.samples() * CHANNELS).enumerate() {
            self.current = n;
            self.frames[n].set_length(length);
            self.frames[n].samples_mut().copy_from_slice(part);
        }
        self.coders.iter_mut().for_each(|coder| coder.encoded = None);
    }

    /// Encodes the frame just made, behind `bytes`, once for each way that its hearers need: see [`Mix::payload`].
    pub fn encode(&mut self, number: u64, hearers: Hearers, bytes: &mut Vec<u8>, counters: &mut Counters) {
        for (coding, is_new) in hearers.0.into_iter().flatten() {
            if let Some(at) = self.coder(number, coding) {
                self.encode_for(at, number, is_new, bytes, counters);
            }
        }
    }

    /// The coder for an encoding: that which did it last, one of the class that is free, or a new one.
    fn coder(&mut self, number: u64, coding: Coding) -> Option<usize> {
        let known = self.coders.iter().position(|coder| coder.coding == coding);
        if known.is_some() {
            return known;
        }
        let is_free = |coder: &Coder| coder.coding.class == coding.class && !coder.is_in_use(number);
        if let Some(at) = self.coders.iter().position(is_free) {
            self.coders[at].coding = coding;
            return Some(at);
        }
        self.coders.push(Coder::new(self.settings, coding)?);
        Some(self.coders.len() - 1)
    }

    /// This tick's packet so encoded, and who is in it; none if libopus refused the frame, or nobody hears it so.
    pub fn payload(&self, number: u64, coding: Coding) -> Option<(Range<usize>, Contributors)> {
        let coder = self.coders.iter().find(|coder| coder.coding == coding && coder.encoded == Some(number))?;
        Some((coder.payload.clone()?, self.contributors.clone()))
    }

    /// An encoder that has not had the frame before gets it first, so that its packet begins where the
    /// last one heard has ended, and then gives a packet that needs no packet before.
    fn encode_for(
        &mut self,
        at: usize,
        number: u64,
        is_new_to_one: bool,
        bytes: &mut Vec<u8>,
        counters: &mut Counters,
    ) {
        let Coder { coding: Coding { shift, .. }, encoder, encoded, payload } = &mut self.coders[at];
        let shift = *shift;
        let start = bytes.len();
        bytes.resize(start + MAX_PACKET_BYTES, 0);
        let out = &mut bytes[start..];
        let length = self.frames[self.current].length().samples();
        let goes_on = number > 0 && *encoded == Some(number - 1);
        if !goes_on {
            // Should libopus refuse, it refuses the frame below too.
            _ = encoder.reset();
            if self.is_continued {
                for back in (1..=LEARN_SAMPLES / length).rev() {
                    counters.encodes += 1;
                    let frame =
                        shifted(&self.frames, self.current + self.frames.len() - back, shift, &mut self.shifted);
                    _ = encoder.encode(frame, out);
                }
            }
        }
        counters.encodes += 1;
        let frame = shifted(&self.frames, self.current + self.frames.len(), shift, &mut self.shifted);
        let written =
            if goes_on && !is_new_to_one { encoder.encode(frame, out) } else { encoder.encode_independent(frame, out) };
        bytes.truncate(start + written.as_ref().copied().unwrap_or(0));
        *encoded = written.is_ok().then_some(number);
        *payload = written.ok().map(|length| start..start + length);
        counters.failed_encodes += u64::from(payload.is_none());
    }

    /// What comes after its last frame: through the limiter, to be encoded in pieces.
    pub fn limit_rest(&self, frame: &mut Frame) {
        self.limiter.clone().process(frame);
    }

    /// Whether it was not made in this tick or any of the `ticks` before.
    pub fn is_unused(&self, number: u64, ticks: u64) -> bool {
        self.made.is_none_or(|made| number.saturating_sub(made) > ticks)
    }

    /// Nobody hears it any more: who comes back to it does not go on from here.
    pub fn end(&mut self) {
        self.made = None;
    }

    /// The next `samples` of an encoding, less than 20 ms and a whole number of 2.5: what is left of the last frame, and
    /// then `frame`; behind `bytes`.
    pub fn encode_rest(
        &mut self,
        coding: Coding,
        frame: &Frame,
        samples: usize,
        bytes: &mut Vec<u8>,
        counters: &mut Counters,
    ) -> Pieces {
        let mut pieces = [const { None }; PIECES];
        let Some(coder) = self.coders.iter_mut().find(|coder| coder.coding == coding) else { return pieces };
        coder.encoded = None;
        let last = self.frames[self.current].samples();
        let early = &last[last.len() - coding.shift * CHANNELS..];
        let mut sound = [0.0; FRAME_SAMPLES * CHANNELS];
        for (to, from) in sound.iter_mut().zip(early.iter().chain(frame.samples())) {
            *to = *from;
        }
        let mut done = 0;
        for piece in &mut pieces {
            let Some(length) = PIECE_SAMPLES.into_iter().find(|length| *length <= samples - done) else { break };
            let start = bytes.len();
            bytes.resize(start + MAX_PACKET_BYTES, 0);
            let part = &sound[done * CHANNELS..(done + length) * CHANNELS];
            counters.encodes += 1;
            let written = coder.encoder.encode_part(part, &mut bytes[start..]);
            counters.failed_encodes += u64::from(written.is_err());
            bytes.truncate(start + written.unwrap_or(0));
            *piece = Some((length, start..bytes.len()));
            done += length;
        }
        pieces
    }
}

/// What lies so many samples before a frame of the ring, and is as long.
fn shifted<'a>(frames: &'a [Frame], at: usize, shift: usize, scratch: &'a mut Option<Box<Frame>>) -> &'a Frame {
    let frame = &frames[at % frames.len()];
    if shift == 0 {
        return frame;
    }
    let before = &frames[(at + frames.len() - 1) % frames.len()];
    let scratch = scratch.get_or_insert_with(|| Box::new(Frame::SILENCE));
    scratch.set_length(frame.length());
    let (early, late) = scratch.samples_mut().split_at_mut(shift * CHANNELS);
    early.copy_from_slice(&before.samples()[before.samples().len() - early.len()..]);
    late.copy_from_slice(&frame.samples()[..late.len()]);
    scratch
}
