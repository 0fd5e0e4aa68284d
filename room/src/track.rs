//! One talker: what it sends, its strip of the desk, and the mix that leaves it out.
//!
//! [`Track::play`] runs for every talker in every tick: nothing in it allocates, waits or logs. A
//! muted talker's packets pass by undecoded.

mod loudness;
mod relayed;
mod settings;

use std::{sync::Arc, time::Duration};

use audio::{
    Arrival, AutoGain, Denoiser, Ducker, Frame, FrameLength, Packet, Played, Playout, PlayoutSettings, Relay, Slew,
    Strip, Talking, level_dbfs, packet_samples,
};
use signaling::{Bus, Kind, LEVEL_FLOOR_DBFS, TrackId, TrackPatch, TrackState};

use super::{Counters, Event, Rtp, mix::Mix, stats::Watched};
pub(super) use settings::Settings;
use settings::group_named;

/// Below this a frame is as good as silence and does not enter the sum, dBFS.
const SOUND_DBFS: f32 = -100.0;
/// What a voice that nobody decodes counts as, dBFS.
const UNDECODED_DBFS: f32 = -20.0;
/// A voice whose packets are not decoded goes on for so long after one of them.
const UNDECODED_FOR: Duration = Duration::from_millis(60);
/// So long before its request sound of a talker is kept: media may overtake the request by that much.
const LEAD: Duration = Duration::from_millis(100);
/// So long after its release a talker's media is still taken: the request may overtake it.
const TAIL: Duration = Duration::from_millis(250);

/// What a member sends into the room.
pub(super) struct Track {
    pub id: TrackId,
    pub name: Arc<str>,
    pub kind: Kind,
    pub gain_db: f32,
    pub pan: f32,
    pub muted: bool,
    pub bus: Bus,
    pub group: Option<Arc<str>>,
    pub auto_gain: bool,
    pub denoise: bool,
    pub talking: bool,
    /// The last frame before the fader.
    pub level_dbfs: f32,
    pub joined_at: u64,
    /// Its number among contributors.
    pub csrc: u32,
    /// From its first packet until it has been silent for long.
    sound: Option<Box<Sound>>,
    /// What the desk shows besides the strip.
    pub watched: Watched,
    /// The mix of all others, with its own encoder; made when the talker first sounds.
    pub own: Option<Box<Mix>>,
    strip: Strip,
    leveller: AutoGain,
    /// From when it is first switched on.
    denoiser: Option<Box<Denoiser>>,
    detector: Talking,
    stream: Option<Stream>,
    gate: Gate,
    /// When it asked for the floor that it does not have yet.
    asked: Option<Duration>,
    last_packet: Duration,
    last_sound: Option<u64>,
    /// The tick since which it has sounded in every one.
    sounds_since: u64,
    /// The strip has this tick's frame to work on.
    has_frame: bool,
    /// Its packets go to all as they came: what the desk moves waits until they do not.
    pub is_relayed: bool,
    /// It played a frame that is to be heard in a later tick.
    pub is_held: bool,
    /// The last tick with its frame in the sum.
    entered: Option<u64>,
    /// The last ticks in which it was heard, or more than hushed.
    loud: Option<u64>,
    unhushed: Option<u64>,
    /// For so many ticks it was decoded, and silent.
    hushed_ticks: u32,
    /// The level of late.
    lately_dbfs: f32,
    /// The last packet that was more than a pause, as far as its outside says.
    undecoded_voice: Option<Duration>,
}

/// What became of a packet.
pub(super) struct Received {
    /// What belongs into the event log.
    pub event: Option<Event>,
    /// None: nobody is to hear it.
    pub arrival: Option<Arrival>,
    /// Nothing of this track was to be played.
    pub was_idle: bool,
}

/// Whether what a track sends is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    /// It gave the floor back: its last word may still be on the way.
    Tail {
        until: Duration,
    },
    /// What it sends is held for a moment and then dropped, undecoded.
    Closed,
}

/// What is heard of it in a tick.
struct Sound {
    /// Before the fader, and after it.
    pre: Frame,
    post: Frame,
}

impl Default for Sound {
    fn default() -> Self {
        Self { pre: Frame::SILENCE, post: Frame::SILENCE }
    }
}

static SILENCE: Frame = Frame::SILENCE;

/// The receive side, from the first packet until nothing has come for long.
struct Stream {
    ssrc: u32,
    playout: Playout,
    /// Its last packets.
    relay: Relay,
    /// Moves its sound to where its packets begin.
    slew: Slew,
}

impl Track {
    pub fn new(id: TrackId, kind: Kind, joined_at: u64, csrc: u32, settings: Settings, now: Duration) -> Self {
        let mut leveller = AutoGain::new();
        leveller.set(settings.auto_gain);
        Self {
            id,
            name: settings.name.unwrap_or_else(|| "guest".into()),
            kind,
            gain_db: settings.gain_db,
            pan: settings.pan,
            muted: settings.muted,
            bus: settings.bus,
            group: settings.group,
            auto_gain: settings.auto_gain,
            denoise: settings.denoise,
            talking: false,
            level_dbfs: LEVEL_FLOOR_DBFS,
            joined_at,
            csrc,
            sound: None,
            watched: Watched::default(),
            own: None,
            strip: Strip::new(settings.gain_db, settings.pan, settings.muted),
            leveller,
            denoiser: settings.denoise.then(Box::default),
            detector: Talking::default(),
            stream: None,
            gate: Gate::Open,
            asked: None,
            last_packet: now,
            last_sound: None,
            sounds_since: 0,
            has_frame: false,
            is_relayed: false,
            is_held: false,
            entered: None,
            loud: None,
            unhushed: None,
            hushed_ticks: 0,
            lately_dbfs: LEVEL_FLOOR_DBFS,
            undecoded_voice: None,
        }
    }

    pub fn settings(&self) -> Settings {
        Settings {
            name: Some(self.name.clone()),
            gain_db: self.gain_db,
            pan: self.pan,
            muted: self.muted,
            bus: self.bus,
            group: self.group.clone(),
            auto_gain: self.auto_gain,
            denoise: self.denoise,
        }
    }

    pub fn state(&self) -> TrackState {
        TrackState {
            id: self.id.clone(),
            name: self.name.to_string(),
            kind: self.kind,
            gain_db: self.gain_db,
            pan: self.pan,
            muted: self.muted,
            bus: self.bus,
            group: self.group.as_deref().map(str::to_owned),
            auto_gain: self.auto_gain,
            denoise: self.denoise,
            talking: self.talking,
            level_dbfs: self.level_dbfs,
            csrc: self.csrc,
            joined_at: self.joined_at,
        }
    }

    /// Moves the strip; gives back what is not as it was. The caller has checked the ranges.
    pub fn set(&mut self, patch: &TrackPatch) -> TrackPatch {
        let mut changed = TrackPatch::default();
        if let Some(gain_db) = patch.gain_db.filter(|g| *g != self.gain_db) {
            self.gain_db = gain_db;
            changed.gain_db = Some(gain_db);
        }
        if let Some(pan) = patch.pan.filter(|p| *p != self.pan) {
            self.pan = pan;
            changed.pan = Some(pan);
        }
        if let Some(muted) = patch.muted.filter(|m| *m != self.muted) {
            self.muted = muted;
            changed.muted = Some(muted);
        }
        if let Some(name) = patch.name.as_deref().filter(|n| *n != &*self.name) {
            self.name = name.into();
            changed.name = Some(name.to_owned());
        }
        if let Some(bus) = patch.bus.filter(|b| *b != self.bus) {
            self.bus = bus;
            changed.bus = Some(bus);
        }
        if let Some(group) = patch.group.as_deref().filter(|g| *g != self.group.as_deref().unwrap_or_default()) {
            self.group = group_named(group);
            changed.group = Some(group.to_owned());
        }
        if let Some(auto_gain) = patch.auto_gain.filter(|a| *a != self.auto_gain) {
            self.auto_gain = auto_gain;
            self.leveller.set(auto_gain);
            changed.auto_gain = Some(auto_gain);
        }
        if let Some(denoise) = patch.denoise.filter(|d| *d != self.denoise) {
            self.denoise = denoise;
            match &mut self.denoiser {
                Some(denoiser) => denoiser.set(denoise),
                None => self.denoiser = Some(Box::default()),
            }
            changed.denoise = Some(denoise);
        }
        if !self.is_relayed {
            self.move_strip();
        }
        changed
    }

    /// Brings the strip to where the desk has it.
    fn move_strip(&mut self) {
        self.strip.set_gain_db(self.gain_db);
        self.strip.set_pan(self.pan);
        self.strip.set_muted(self.muted);
        if !self.is_playing() {
            self.strip.settle();
        }
    }

    /// Takes a packet in.
    pub fn receive(&mut self, rtp: Rtp<'_>, now: Duration, settings: PlayoutSettings) -> Received {
        if rtp.is_copy {
            self.receive_copy(rtp, now);
            return Received { event: None, arrival: None, was_idle: false };
        }
        self.last_packet = now;
        self.sound.get_or_insert_default();
        if matches!(self.gate, Gate::Tail { until } if until <= now) {
            self.gate = Gate::Closed;
        }
        let is_closed = self.gate == Gate::Closed;
        let stream = self.stream.get_or_insert_with(|| Stream {
            ssrc: rtp.ssrc,
            playout: Playout::new(PlayoutSettings { is_followed: true, ..settings }),
            relay: Relay::default(),
            slew: Slew::default(),
        });
        let was_idle = stream.playout.is_idle();
        if is_closed && !stream.playout.is_held() && !stream.playout.is_idle() {
            // Its last word still plays, and nothing that came after may follow it.
            return Received { event: None, arrival: None, was_idle };
        }
        if stream.ssrc != rtp.ssrc {
            stream.ssrc = rtp.ssrc;
            stream.playout.reset();
        }
        let sequence = rtp.sequence;
        let packet = Packet { sequence, timestamp: rtp.timestamp, payload: rtp.payload };
        let arrival = stream.playout.insert(packet, now);
        match arrival {
            Arrival::Malformed | Arrival::Repeated => {}
            _ => {
                stream.relay.keep(packet, arrival == Arrival::First);
                if !is_pause(rtp.payload) {
                    self.undecoded_voice = Some(now);
                }
            }
        }
        if is_closed {
            stream.playout.hold(self.asked.map_or(LEAD, |at| now.saturating_sub(at) + LEAD), now);
        }
        let event = match arrival {
            Arrival::First => Some(Event::NewStream { name: self.name.clone() }),
            Arrival::InOrder => None,
            Arrival::Missing(count) => Some(Event::MissingPackets { count }),
            Arrival::OutOfOrder => Some(Event::OutOfOrderPacket { sequence }),
            Arrival::Repeated => Some(Event::RepeatedPacket { sequence }),
            Arrival::Late => Some(Event::LatePacket { sequence }),
            Arrival::Malformed => Some(Event::MalformedPacket { sequence }),
            Arrival::Overflow => Some(Event::Overflow { sequence }),
        };
        Received { event, arrival: (!is_closed).then_some(arrival), was_idle }
    }

    /// The packet that brought it came just before. Without a stream, or of another one, a copy says nothing.
    fn receive_copy(&mut self, rtp: Rtp<'_>, now: Duration) {
        if let Some(stream) = self.stream.as_mut().filter(|stream| stream.ssrc == rtp.ssrc) {
            let packet = Packet { sequence: rtp.sequence, timestamp: rtp.timestamp, payload: rtp.payload };
            stream.playout.insert_redundant(packet, now);
        }
    }

    /// It asks for the floor: from now on what it sends is kept for the grant.
    pub fn ask(&mut self, now: Duration) {
        self.asked.get_or_insert(now);
    }

    /// It neither has the floor nor asks for it any more.
    pub fn give_up(&mut self) {
        self.asked = None;
    }

    /// It may talk: what came since it asked is played, whole.
    pub fn open(&mut self, now: Duration) {
        let since = self.asked.take().map_or(now, |at| at.saturating_sub(LEAD));
        if let Some(stream) = self.stream.as_mut().filter(|s| s.playout.is_held()) {
            stream.playout.grant(since, now);
            self.sound.get_or_insert_default();
        }
        self.gate = Gate::Open;
    }

    /// It gave the floor back: what it has said is heard to its end.
    pub fn close_after_tail(&mut self, now: Duration) {
        self.asked = None;
        self.gate = Gate::Tail { until: now + TAIL };
    }

    /// It may not talk, from now on.
    pub fn close(&mut self, now: Duration) {
        self.gate = Gate::Closed;
        if let Some(stream) = &mut self.stream {
            stream.playout.hold(LEAD, now);
        }
    }

    /// This tick's frame before the fader; of use only if [`Track::sounds`].
    pub fn pre(&self) -> &Frame {
        self.sound.as_ref().map_or(&SILENCE, |sound| &sound.pre)
    }

    /// The same after the fader.
    pub fn post(&self) -> &Frame {
        self.sound.as_ref().map_or(&SILENCE, |sound| &sound.post)
    }

    /// Plays the next frame into `self.pre()`; says whether `talking` changed.
    pub fn play(&mut self, tick: u64, length: FrameLength, now: Duration, counters: &mut Counters) -> bool {
        self.level_dbfs = LEVEL_FLOOR_DBFS;
        self.has_frame = false;
        self.is_held = false;
        if let Some(sound) = &mut self.sound {
            sound.pre.set_length(length);
        }
        match (&mut self.stream, self.sound.as_deref_mut()) {
            (Some(stream), _) if stream.playout.is_idle() => stream.slew.reset(),
            (Some(stream), _) if self.strip.is_silent() => stream.playout.pass(length, now),
            (Some(stream), Some(Sound { pre, .. })) => match stream.playout.next(pre, now) {
                Played::Silence if !self.is_relayed => self.strip.settle(),
                Played::Silence => {}
                Played::Voice | Played::Concealed => {
                    counters.decodes += 1;
                    counters.waits.add(stream.playout.stats().wait);
                    stream.slew.apply(pre);
                    self.has_frame = true;
                }
            },
            _ => {}
        }
        let voice_dbfs = self.treat();
        self.weigh(tick);
        let talking = self.detector.update(voice_dbfs, length);
        std::mem::replace(&mut self.talking, talking) != talking
    }

    /// Takes noise out of this tick's frame, if there is one, and brings its voice to one level with the others.
    /// Gives the level of the voice as it is said: what is only amplified is no talk.
    fn treat(&mut self) -> f32 {
        let Some(Sound { pre, .. }) = self.sound.as_deref_mut() else { return LEVEL_FLOOR_DBFS };
        if let Some(denoiser) = self.denoiser.as_deref_mut().filter(|d| self.has_frame || d.is_sounding()) {
            if !self.has_frame {
                // What it holds back of the last word.
                pre.clear();
                self.has_frame = true;
            }
            denoiser.apply(pre);
        }
        if !self.has_frame {
            return LEVEL_FLOOR_DBFS;
        }
        let voice_dbfs = level_dbfs(pre);
        self.level_dbfs = voice_dbfs;
        if !self.leveller.is_idle() {
            self.leveller.apply(pre, voice_dbfs);
            self.level_dbfs = level_dbfs(pre);
        }
        voice_dbfs
    }

    /// What the automatic gain adds just now, dB; none if it is off.
    pub fn auto_gain_db(&self) -> Option<f32> {
        self.auto_gain.then(|| self.leveller.gain_db())
    }

    /// What was played, in this tick or, if it was held, in one before, is heard in this one.
    pub fn enter(&mut self, tick: u64) {
        self.is_held = false;
        if !self.has_frame {
            return;
        }
        self.entered = Some(tick);
        if self.level_dbfs > SOUND_DBFS {
            if self.last_sound.is_none_or(|last| last + 1 != tick) {
                self.sounds_since = tick;
            }
            self.last_sound = Some(tick);
        }
    }

    /// What was just played is to be heard in a later tick.
    pub fn hold_frame(&mut self) {
        self.is_held = self.has_frame;
    }

    /// Lets a tick pass without decoding what all get as it came; says whether `talking` changed. Its packets alone
    /// say whether it talks.
    pub fn rest(&mut self, length: FrameLength, now: Duration) -> bool {
        self.level_dbfs = LEVEL_FLOOR_DBFS;
        self.has_frame = false;
        if let Some(stream) = self.stream.as_mut().filter(|stream| !stream.playout.is_idle()) {
            stream.playout.pass(length, now);
        }
        let is_voice = self.undecoded_voice.is_some_and(|at| now.saturating_sub(at) <= UNDECODED_FOR);
        let talking = self.detector.update(if is_voice { UNDECODED_DBFS } else { LEVEL_FLOOR_DBFS }, length);
        std::mem::replace(&mut self.talking, talking) != talking
    }

    /// Takes what was played through the strip and the buses into `self.post()`.
    pub fn mix(&mut self, tick: u64, duck: &Ducker, dim: &Ducker) {
        if self.entered != Some(tick) {
            return;
        }
        let Some(Sound { pre, post }) = self.sound.as_deref_mut() else { return };
        self.strip.apply(pre, post);
        push_down(self.bus, duck, dim, post);
    }

    /// Whether its voice pushes others down now.
    pub fn is_heard_talking(&self) -> bool {
        self.talking && !self.strip.is_silent()
    }

    /// Whether the desk leaves it as it came, and nothing else is done to it.
    pub fn is_untouched(&self, now: Duration, duck: &Ducker, dim: &Ducker) -> bool {
        let is_unmoved = self.gain_db == 0.0 && self.pan == 0.0 && !self.muted && self.strip.is_unity();
        let is_let_through = match self.bus {
            Bus::Announcement => true,
            Bus::Voice => dim.is_unity(),
            Bus::Program => duck.is_unity() && dim.is_unity(),
        };
        let is_open = match self.gate {
            Gate::Open => true,
            Gate::Tail { until } => now < until,
            Gate::Closed => false,
        };
        let plays = |stream: &Stream| !stream.playout.is_held() && !stream.playout.is_catching_up();
        let is_untreated = self.leveller.is_idle() && self.denoiser.as_ref().is_none_or(|denoiser| denoiser.is_idle());
        is_unmoved && is_let_through && is_untreated && is_open && self.stream.as_ref().is_some_and(plays)
    }

    /// Whether what it sends is held back: it lost the floor.
    pub fn is_held_back(&self) -> bool {
        self.stream.as_ref().is_none_or(|stream| stream.playout.is_held())
    }

    /// Whether `self.post()` belongs into the sum of this tick.
    pub fn sounds(&self, tick: u64) -> bool {
        self.last_sound == Some(tick)
    }

    /// Whether it sounded in the tick before, too.
    pub fn sounded_before(&self, tick: u64) -> bool {
        self.sounds_since < tick
    }

    /// Whether this track sounded in this tick or one of the `ticks` before.
    pub fn sounded_within(&self, tick: u64, ticks: u64) -> bool {
        self.last_sound.is_some_and(|last| tick - last <= ticks)
    }

    /// Whether the next tick has anything to do here.
    pub fn is_busy(&self) -> bool {
        self.is_playing() || self.talking
    }

    /// Whether packets have come since the stream began or was dropped.
    pub fn has_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// When the last packet came, or the track joined.
    pub fn last_packet(&self) -> Duration {
        self.last_packet
    }

    /// Lets go of the receive side and of the encoder. Counts are added to `counters`.
    pub fn drop_stream(&mut self, counters: &mut Counters) {
        self.count(counters);
        self.stream = None;
        self.sound = None;
        self.own = None;
    }

    /// Lets go of what only one who talks needs, if nothing is to be played.
    pub fn release(&mut self) {
        if self.is_busy() {
            return;
        }
        self.sound = None;
        if let Some(stream) = &mut self.stream {
            stream.playout.release();
            stream.relay.release();
        }
    }

    /// By how many samples this tick could have come earlier for it; none if it was not played in it, or nothing says so.
    pub fn slack(&self) -> Option<i64> {
        self.stream.as_ref().filter(|_| self.has_frame).and_then(|stream| stream.playout.slack())
    }

    /// What the receive side has counted so far; none without a stream.
    pub fn stats(&self) -> Option<audio::Stats> {
        self.stream.as_ref().map(|stream| stream.playout.stats())
    }

    /// Adds what the receive side has counted so far.
    pub fn count(&self, counters: &mut Counters) {
        if let Some(stream) = &self.stream {
            super::add_stats(&mut counters.receive, &stream.playout.stats());
        }
    }

    /// Ends with a ramp to silence over the next frame; false if there is nothing to ramp.
    pub fn fade_out(&mut self) -> bool {
        self.own = None;
        self.muted = true;
        self.strip.set_muted(true);
        self.is_playing() && !self.strip.is_silent()
    }

    fn is_playing(&self) -> bool {
        self.stream.as_ref().is_some_and(|s| !s.playout.is_idle())
    }
}

/// Pushes a frame down as its bus asks for.
pub(super) fn push_down(bus: Bus, duck: &Ducker, dim: &Ducker, frame: &mut Frame) {
    if bus == Bus::Program {
        duck.apply(frame);
    }
    if bus != Bus::Announcement {
        dim.apply(frame);
    }
}

/// Whether the outside of a packet says that nobody talks: DTX, or the true silence that an encoder has a code for.
pub(super) fn is_pause(payload: &[u8]) -> bool {
    const PAUSE_BYTES: usize = 3;
    // Bytes of 20 ms: one for the mode, two at most of content.
    let frames = packet_samples(payload).map_or(1, |samples| samples.div_ceil(audio::FRAME_SAMPLES));
    payload.len() <= PAUSE_BYTES * frames
}
