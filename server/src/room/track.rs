//! One talker: what it sends, its strip of the desk, and the mix that leaves it out.
//!
//! [`Track::play`] runs for every talker in every tick: nothing in it allocates, waits or logs. A
//! muted talker's packets pass by undecoded.

use std::{sync::Arc, time::Duration};

use audio::{Arrival, Frame, Packet, Played, Playout, PlayoutSettings, Strip, Talking, level_dbfs};
use signaling::{Kind, LEVEL_FLOOR_DBFS, TrackId, TrackPatch, TrackState};

use super::{Counters, Event, Rtp, mixing::Mix};

/// Below this a frame is as good as silence and does not enter the sum, dBFS.
const SOUND_DBFS: f32 = -100.0;

/// What a member sends into the room.
pub(super) struct Track {
    pub id: TrackId,
    pub name: Arc<str>,
    pub kind: Kind,
    pub gain_db: f32,
    pub pan: f32,
    pub muted: bool,
    pub talking: bool,
    /// The last frame before the fader.
    pub level_dbfs: f32,
    pub joined_at: u64,
    /// This tick's frame after the fader; of use only if [`Track::sounds`].
    pub post: Frame,
    /// The mix of all others, with its own encoder; made when the talker first sounds.
    pub own: Option<Box<Mix>>,
    strip: Strip,
    detector: Talking,
    stream: Option<Stream>,
    last_packet: Duration,
    last_sound: Option<u64>,
}

/// The receive side, from the first packet until nothing has come for long.
struct Stream {
    ssrc: u32,
    playout: Playout,
}

/// The desk's part of a track, which outlives it when its client joins again.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub name: Option<Arc<str>>,
    pub gain_db: f32,
    pub pan: f32,
    pub muted: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { name: None, gain_db: 0.0, pan: 0.0, muted: false }
    }
}

impl Settings {
    /// These, with what the patch says in their place; a value out of its range says nothing.
    pub fn patched(mut self, patch: &TrackPatch) -> Self {
        if patch.check().is_ok() {
            self.gain_db = patch.gain_db.unwrap_or(self.gain_db);
            self.pan = patch.pan.unwrap_or(self.pan);
            self.muted = patch.muted.unwrap_or(self.muted);
            self.name = patch.name.as_deref().map(Arc::from).or(self.name);
        }
        self
    }
}

impl Track {
    pub fn new(id: TrackId, kind: Kind, joined_at: u64, settings: Settings, now: Duration) -> Self {
        Self {
            id,
            name: settings.name.unwrap_or_else(|| "guest".into()),
            kind,
            gain_db: settings.gain_db,
            pan: settings.pan,
            muted: settings.muted,
            talking: false,
            level_dbfs: LEVEL_FLOOR_DBFS,
            joined_at,
            post: Frame::SILENCE,
            own: None,
            strip: Strip::new(settings.gain_db, settings.pan, settings.muted),
            detector: Talking::default(),
            stream: None,
            last_packet: now,
            last_sound: None,
        }
    }

    pub fn settings(&self) -> Settings {
        Settings { name: Some(self.name.clone()), gain_db: self.gain_db, pan: self.pan, muted: self.muted }
    }

    pub fn state(&self) -> TrackState {
        TrackState {
            id: self.id.clone(),
            name: self.name.to_string(),
            kind: self.kind,
            gain_db: self.gain_db,
            pan: self.pan,
            muted: self.muted,
            talking: self.talking,
            level_dbfs: self.level_dbfs,
            joined_at: self.joined_at,
        }
    }

    /// Moves the strip; gives back what is not as it was. The caller has checked the ranges.
    pub fn set(&mut self, patch: &TrackPatch) -> TrackPatch {
        let mut changed = TrackPatch::default();
        if let Some(gain_db) = patch.gain_db.filter(|g| *g != self.gain_db) {
            self.gain_db = gain_db;
            self.strip.set_gain_db(gain_db);
            changed.gain_db = Some(gain_db);
        }
        if let Some(pan) = patch.pan.filter(|p| *p != self.pan) {
            self.pan = pan;
            self.strip.set_pan(pan);
            changed.pan = Some(pan);
        }
        if let Some(muted) = patch.muted.filter(|m| *m != self.muted) {
            self.muted = muted;
            self.strip.set_muted(muted);
            changed.muted = Some(muted);
        }
        if let Some(name) = patch.name.as_deref().filter(|n| *n != &*self.name) {
            self.name = name.into();
            changed.name = Some(name.to_owned());
        }
        if !self.is_playing() {
            self.strip.settle();
        }
        changed
    }

    /// Takes a packet in; says what of it belongs into the event log.
    pub fn receive(&mut self, rtp: Rtp<'_>, now: Duration, settings: PlayoutSettings) -> Option<Event> {
        self.last_packet = now;
        let stream = self.stream.get_or_insert_with(|| Stream { ssrc: rtp.ssrc, playout: Playout::new(settings) });
        if stream.ssrc != rtp.ssrc {
            stream.ssrc = rtp.ssrc;
            stream.playout.reset();
        }
        let sequence = rtp.sequence;
        let packet = Packet { sequence, timestamp: rtp.timestamp, payload: rtp.payload };
        match stream.playout.insert(packet, now) {
            Arrival::First => Some(Event::NewStream { name: self.name.clone() }),
            Arrival::InOrder => None,
            Arrival::Missing(count) => Some(Event::MissingPackets { count }),
            Arrival::OutOfOrder => Some(Event::OutOfOrderPacket { sequence }),
            Arrival::Repeated => Some(Event::RepeatedPacket { sequence }),
            Arrival::Late => Some(Event::LatePacket { sequence }),
            Arrival::Malformed => Some(Event::MalformedPacket { sequence }),
            Arrival::Overflow => Some(Event::Overflow { sequence }),
        }
    }

    /// Plays the next 20 ms through the strip into `self.post`; says whether `talking` changed.
    /// `input` is scratch.
    pub fn play(&mut self, tick: u64, now: Duration, input: &mut Frame, counters: &mut Counters) -> bool {
        self.level_dbfs = LEVEL_FLOOR_DBFS;
        match &mut self.stream {
            Some(stream) if stream.playout.is_idle() => {}
            Some(stream) if self.strip.is_silent() => stream.playout.pass(now),
            Some(stream) => match stream.playout.next(input, now) {
                Played::Silence => self.strip.settle(),
                Played::Voice | Played::Concealed => {
                    counters.decodes += 1;
                    self.level_dbfs = level_dbfs(input);
                    self.strip.apply(input, &mut self.post);
                    if self.level_dbfs > SOUND_DBFS {
                        self.last_sound = Some(tick);
                    }
                }
            },
            None => {}
        }
        let talking = self.detector.update(self.level_dbfs);
        std::mem::replace(&mut self.talking, talking) != talking
    }

    /// Whether `self.post` belongs into the sum of this tick.
    pub fn sounds(&self, tick: u64) -> bool {
        self.last_sound == Some(tick)
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
        self.own = None;
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
        self.strip.set_muted(true);
        self.is_playing() && !self.strip.is_silent()
    }

    fn is_playing(&self) -> bool {
        self.stream.as_ref().is_some_and(|s| !s.playout.is_idle())
    }
}
