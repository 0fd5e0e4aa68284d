//! The tick: every talker's next 20 ms, their sum, and each distinct mix encoded once.
//!
//! With K talkers sounding there are K + 1 mixes: the sum of all, and for each talker the sum without
//! it. Nothing here allocates (once buffers have grown), locks, logs or waits; the work is K decodes
//! and K + 1 encodes however many hear, and none for a mix that nobody hears.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use audio::{Bus, Encoder, EncoderSettings, Frame, Limiter, Master, level_dbfs};
use signaling::{Change, LEVEL_FLOOR_DBFS};

use super::{Counters, Effect, Effects, Member, hearer::Source, track::Track};

/// After its last voice a mix goes on for 200 ms, so that decoders end in true silence.
const TAIL_TICKS: u8 = 10;
/// A talker keeps its own encoder for 1 s after it fell silent, since talkers go on soon.
const OWN_TICKS: u64 = 50;
/// Meters go out every 40 ms.
const METER_TICKS: u64 = 2;
/// At 64 kbit/s Opus adds up to 1.8 dB to the peaks of 16 tones: measured, and held by a test.
const CEILING_DBFS: f32 = -2.0;
/// So many frames a mix remembers: with two before its first a new encoder has come to where the one
/// before it was, and the change is not heard.
const HISTORY: usize = 3;
/// The largest Opus packet: with all headers it fits into 1280 bytes, which every IPv6 path takes.
const MAX_PACKET_BYTES: usize = 1_180;

/// The sum and all mixes of a room.
pub(super) struct Desk {
    bus: Bus,
    master: Master,
    common: Option<Box<Mix>>,
    encoder: EncoderSettings,
    input: Frame,
    metered: bool,
}

/// One distinct mix: its limiter, its encoder and what it gave last.
pub(super) struct Mix {
    limiter: Limiter,
    encoder: Encoder,
    /// The last frames made, a ring.
    frames: [Frame; HISTORY],
    /// Which of `frames` is the last one made; the next is the oldest.
    current: usize,
    /// For how many ticks nobody was in it.
    quiet_ticks: u8,
    /// The last tick in which it was made, and in which it was encoded.
    made: Option<u64>,
    encoded: Option<u64>,
    /// The frame before the last one was heard, or could have been.
    is_continued: bool,
}

impl Desk {
    pub fn new(master_gain_db: f32, encoder: EncoderSettings) -> Self {
        let master = Master::new(master_gain_db);
        Self { bus: Bus::default(), master, common: None, encoder, input: Frame::SILENCE, metered: false }
    }

    /// Moves the fader over all mixes: with a ramp in the next tick, at once if there is none to come.
    pub fn set_master_gain_db(&mut self, gain_db: f32, is_active: bool) {
        self.master.set_gain_db(gain_db);
        if !is_active {
            self.master.advance();
        }
    }

    /// Lets go of what an empty room does not need.
    pub fn release(&mut self) {
        self.common = None;
    }

    /// How many mixes have an encoder.
    pub fn mixes(&self, members: &[Member]) -> usize {
        let own = members.iter().filter(|m| m.track.as_ref().is_some_and(|t| t.own.is_some())).count();
        own + usize::from(self.common.is_some())
    }

    /// Takes one 20 ms step. Changes of `talking` are added to `changes`. Says whether there is
    /// anything left for the next tick.
    pub fn tick(&mut self, tick: Tick<'_>, changes: &mut Vec<Change>, effects: &mut Effects) -> bool {
        let Tick { number, now, members, leaving, watched, counters } = tick;
        let mut is_busy = false;
        self.bus.clear();
        for track in members.iter_mut().filter_map(|m| m.track.as_deref_mut()) {
            if track.play(number, now, &mut self.input, counters) {
                changes.push(Change::Talking { id: track.id.clone(), talking: track.talking });
            }
            if track.sounds(number) {
                self.bus.add(&track.post);
            }
            is_busy |= track.is_busy();
        }
        for mut track in leaving.drain(..) {
            track.play(number, now, &mut self.input, counters);
            if track.sounds(number) {
                self.bus.add(&track.post);
            }
        }
        let is_common_wanted = self.hand_over(number, members, watched);
        is_busy |= self.send(number, is_common_wanted, members, counters, effects);
        self.master.advance();
        if watched {
            self.meter(number, members, effects);
            is_busy |= self.metered;
        } else {
            self.metered = false;
        }
        is_busy
    }

    /// Lets each mix that begins now go on from the one that its hearer heard until now. Says whether
    /// the common mix is heard or watched.
    fn hand_over(&mut self, number: u64, members: &mut [Member], watched: bool) -> bool {
        let is_common_wanted = watched || members.iter().any(|m| m.source(number) == Some(Source::Common));
        if is_common_wanted && self.common.is_none() {
            self.common = Mix::new(self.encoder);
        }
        if let Some(common) = self.common.as_deref_mut().filter(|c| is_common_wanted && !c.follows(number)) {
            // Who falls back to the common mix has been silent for long: its own mix was the same.
            let mut came_back = members.iter().filter(|m| m.source(number) == Some(Source::Common));
            let before = came_back.find_map(|m| m.track.as_ref()?.own.as_deref().filter(|own| own.follows(number)));
            common.begin(number, before);
        }
        for member in members.iter_mut().filter(|m| m.source(number) == Some(Source::Own)) {
            let Some(track) = member.track.as_deref_mut() else { continue };
            if track.own.is_none() {
                track.own = Mix::new(self.encoder);
            }
            if let Some(own) = track.own.as_deref_mut().filter(|own| !own.follows(number)) {
                own.begin(number, self.common.as_deref().filter(|c| c.follows(number)));
            }
        }
        is_common_wanted
    }

    /// Makes and encodes each mix that somebody hears, and gives it to all who hear it. Says whether
    /// a mix goes on.
    fn send(
        &mut self,
        number: u64,
        is_common_wanted: bool,
        members: &mut [Member],
        counters: &mut Counters,
        effects: &mut Effects,
    ) -> bool {
        let Self { bus, master, common, .. } = self;
        let mut goes_on = false;
        let mut shared = None;
        if let Some(mix) = common.as_deref_mut().filter(|_| is_common_wanted) {
            let is_made = mix.make(number, bus.tracks(), master, |frame| bus.copy(frame));
            goes_on |= mix.goes_on();
            let hearers =
                || members.iter().filter(|m| m.source(number) == Some(Source::Common)).flat_map(|m| &m.hearer);
            if is_made && hearers().next().is_some() {
                let is_new_to_one = hearers().any(|h| h.source != Some(Source::Common));
                shared = mix.encode(number, is_new_to_one, &mut effects.bytes, counters);
            }
        }
        for member in members {
            let Some(source) = member.source(number) else { continue };
            let Some(hearer) = &mut member.hearer else { continue };
            let payload = match (source, &mut member.track) {
                (Source::Common, _) => shared.clone(),
                (Source::Own, None) => None,
                (Source::Own, Some(track)) => {
                    let sounds = track.sounds(number);
                    let Some(mix) = track.own.as_deref_mut() else { continue };
                    let is_made = mix.make(number, bus.tracks() - usize::from(sounds), master, |frame| {
                        if sounds { bus.minus(&track.post, frame) } else { bus.copy(frame) }
                    });
                    goes_on |= mix.goes_on();
                    let is_new = hearer.source != Some(Source::Own);
                    if is_made { mix.encode(number, is_new, &mut effects.bytes, counters) } else { None }
                }
            };
            if let Some(payload) = payload {
                effects.media.push(hearer.next(member.id, number, source, payload));
                counters.sent += 1;
            }
        }
        goes_on
    }

    /// Shows the levels, and once that all is silent.
    fn meter(&mut self, number: u64, members: &[Member], effects: &mut Effects) {
        if !number.is_multiple_of(METER_TICKS) {
            return;
        }
        let tracks = members.iter().filter_map(|m| m.track.as_deref());
        let levels: BTreeMap<_, _> =
            tracks.filter(|t| t.level_dbfs > LEVEL_FLOOR_DBFS).map(|t| (t.id.clone(), t.level_dbfs)).collect();
        let master_dbfs = match &self.common {
            Some(common) if common.is_made_in(number) => level_dbfs(common.frame()),
            _ => LEVEL_FLOOR_DBFS,
        };
        let is_heard = !levels.is_empty() || master_dbfs > LEVEL_FLOOR_DBFS;
        if is_heard || self.metered {
            effects.control.push(Effect::Meters { levels, master_dbfs });
        }
        self.metered = is_heard;
    }
}

/// What one step works on.
pub(super) struct Tick<'a> {
    /// Counts 20 ms since the room began.
    pub number: u64,
    pub now: Duration,
    pub members: &'a mut [Member],
    /// Tracks that have left and ramp to silence in this step.
    pub leaving: &'a mut Vec<Box<Track>>,
    /// Somebody looks at the meters.
    pub watched: bool,
    pub counters: &'a mut Counters,
}

impl Member {
    /// Which mix this member hears in this tick, if it hears: its own while it sounds and a little longer.
    fn source(&self, number: u64) -> Option<Source> {
        self.hearer.as_ref()?;
        let sounds = self.track.as_ref().is_some_and(|t| t.sounded_within(number, OWN_TICKS));
        Some(if sounds { Source::Own } else { Source::Common })
    }
}

impl Mix {
    /// None if there is no memory for an encoder.
    fn new(encoder: EncoderSettings) -> Option<Box<Self>> {
        Some(Box::new(Self {
            limiter: Limiter::new(CEILING_DBFS),
            encoder: Encoder::new(encoder).ok()?,
            frames: [Frame::SILENCE; HISTORY],
            current: 0,
            quiet_ticks: TAIL_TICKS,
            made: None,
            encoded: None,
            is_continued: false,
        }))
    }

    /// Whether the frame before this tick's was made.
    fn follows(&self, number: u64) -> bool {
        number > 0 && self.made == Some(number - 1)
    }

    fn is_made_in(&self, number: u64) -> bool {
        self.made == Some(number) && self.quiet_ticks <= TAIL_TICKS
    }

    fn goes_on(&self) -> bool {
        self.quiet_ticks < TAIL_TICKS
    }

    fn frame(&self) -> &Frame {
        &self.frames[self.current]
    }

    /// Stands as if it had been made until now, with the sound of `before`, or of silence.
    fn begin(&mut self, number: u64, before: Option<&Self>) {
        match before {
            Some(before) => {
                self.limiter.clone_from(&before.limiter);
                for (mine, theirs) in self.frames.iter_mut().zip(&before.frames) {
                    mine.copy_from(theirs);
                }
                self.current = before.current;
                self.quiet_ticks = before.quiet_ticks;
            }
            None => {
                self.limiter = Limiter::new(CEILING_DBFS);
                self.frames.iter_mut().for_each(Frame::clear);
                self.quiet_ticks = TAIL_TICKS;
            }
        }
        self.made = number.checked_sub(1);
    }

    /// Makes this tick's frame of `voices` voices; false when it has been silent for long enough.
    fn make(&mut self, number: u64, voices: usize, master: &Master, fill: impl FnOnce(&mut Frame)) -> bool {
        self.is_continued = self.goes_on();
        self.made = Some(number);
        self.quiet_ticks = if voices > 0 { 0 } else { self.quiet_ticks.saturating_add(1) };
        if self.quiet_ticks > TAIL_TICKS {
            return false;
        }
        self.current = (self.current + 1) % HISTORY;
        let frame = &mut self.frames[self.current];
        if voices > 0 {
            fill(frame)
        } else {
            frame.clear()
        }
        master.apply(frame);
        self.limiter.process(frame);
        true
    }

    /// Encodes the frame just made, behind `bytes`; says where. An encoder that has not had the frame
    /// before gets it first, so that its packet begins where the last one heard has ended, and then
    /// gives a packet that needs no packet before.
    fn encode(
        &mut self,
        number: u64,
        is_new_to_one: bool,
        bytes: &mut Vec<u8>,
        counters: &mut Counters,
    ) -> Option<Range<usize>> {
        let start = bytes.len();
        bytes.resize(start + MAX_PACKET_BYTES, 0);
        let out = &mut bytes[start..];
        let goes_on = number > 0 && self.encoded == Some(number - 1);
        if !goes_on {
            // Should libopus refuse, it refuses the frame below too.
            _ = self.encoder.reset();
            if self.is_continued {
                for n in 1..HISTORY {
                    counters.encodes += 1;
                    _ = self.encoder.encode(&self.frames[(self.current + n) % HISTORY], out);
                }
            }
        }
        counters.encodes += 1;
        let frame = &self.frames[self.current];
        let encoded = if goes_on && !is_new_to_one {
            self.encoder.encode(frame, out)
        } else {
            self.encoder.encode_independent(frame, out)
        };
        bytes.truncate(start + encoded.as_ref().copied().unwrap_or(0));
        match encoded {
            Ok(length) => {
                self.encoded = Some(number);
                Some(start..start + length)
            }
            Err(_) => {
                counters.failed_encodes += 1;
                None
            }
        }
    }
}
