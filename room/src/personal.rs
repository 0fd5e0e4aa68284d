//! Personal mixes: who wants to hear otherwise than the desk says is in a group with all who want the
//! same, and each group costs one mix. What differs from the desk is put right in the sum: out goes
//! the track as all hear it, in comes the track as the group wants it.
//!
//! Every change is ramped over one frame, also for who changes his wish: he keeps his group if he is
//! alone in it, else he gets a copy; groups of equal wishes become one when they sound the same.

use audio::{Ducker, Frame, Master, Strip};
use signaling::{PersonalMix, TrackId};

use super::{
    Member, MemberId,
    mix::{Hearers, Mix},
    track,
    track::Track,
};

/// Which group. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupId(pub u32);

/// All who want to hear the same.
pub(super) struct Group {
    pub id: GroupId,
    pub wish: PersonalMix,
    /// The wish waits: it sounds as the desk says.
    is_shed: bool,
    /// Members in it.
    pub hearers: usize,
    pub mix: Option<Box<Mix>>,
    /// Somebody hears it in this tick.
    pub is_wanted: bool,
    /// Who, but for those whose own track sounds.
    pub heard_by: Hearers,
    has_solo: bool,
    volume: Master,
    others: Vec<Other>,
    /// The last tick in which it sounded otherwise than the desk.
    differed: Option<u64>,
    /// The tick in which a strip or the volume last began to move.
    moved: u64,
}

/// A track that sounds otherwise here than at the desk.
#[derive(Clone)]
struct Other {
    member: MemberId,
    strip: Strip,
    /// Where the member stands in this tick, if it sounds.
    place: Option<usize>,
}

impl Group {
    /// Begins as the desk sounds and moves to the wish.
    pub fn new(id: GroupId, wish: PersonalMix, tick: u64, is_shed: bool) -> Self {
        let mut group = Self {
            id,
            wish: PersonalMix::default(),
            is_shed,
            hearers: 0,
            mix: None,
            is_wanted: false,
            heard_by: Hearers::default(),
            has_solo: false,
            volume: Master::new(0.0),
            others: Vec::new(),
            differed: None,
            moved: tick,
        };
        group.set(wish, tick);
        group
    }

    /// Another one that sounds the same now and moves to another wish.
    pub fn split(&self, id: GroupId, wish: PersonalMix, tick: u64) -> Self {
        let mut group = Self::new(id, self.wish.clone(), tick, self.is_shed);
        group.volume = self.volume.clone();
        group.others = self.others.clone();
        group.differed = self.differed;
        group.set(wish, tick);
        group
    }

    /// Moves to another wish.
    pub fn set(&mut self, wish: PersonalMix, tick: u64) {
        self.has_solo = wish.tracks.values().any(|wish| wish.solo);
        self.wish = wish;
        self.moved = tick;
        self.volume.set_gain_db(self.volume_db());
    }

    /// Moves to what the desk says, or back to the wish.
    pub fn shed(&mut self, is_shed: bool, tick: u64) {
        (self.is_shed, self.moved) = (is_shed, tick);
        self.volume.set_gain_db(self.volume_db());
    }

    fn volume_db(&self) -> f32 {
        if self.is_shed { 0.0 } else { self.wish.volume_db }
    }

    /// A track is gone, or has another id from now on.
    pub fn rename(&mut self, old: &TrackId, new: Option<&TrackId>, tick: u64) {
        if let Some(wish) = self.wish.tracks.remove(old) {
            if let Some(new) = new {
                self.wish.tracks.insert(new.clone(), wish);
            }
            let wish = std::mem::take(&mut self.wish);
            self.set(wish, tick);
        }
    }

    /// A member is gone.
    pub fn forget(&mut self, member: MemberId) {
        self.others.retain(|other| other.member != member);
    }

    /// Whether nothing moves: then who wants the same hears the same.
    pub fn is_settled(&self, tick: u64) -> bool {
        tick > self.moved + 1
    }

    /// Whether it sounded otherwise than the desk within so many ticks.
    pub fn differed_within(&self, tick: u64, ticks: u64) -> bool {
        self.differed.is_some_and(|last| tick - last <= ticks)
    }

    /// Begins a tick, when all tracks have been played: finds which of those that sound are to sound otherwise.
    pub fn prepare(&mut self, tick: u64, members: &[Member]) {
        self.is_wanted = false;
        self.heard_by.clear();
        self.others.iter_mut().for_each(|other| other.place = None);
        let mut sounding = 0;
        for (place, member) in members.iter().enumerate() {
            let Some(track) = member.track.as_deref().filter(|track| track.sounds(tick)) else { continue };
            sounding += 1;
            let (gain_db, pan, muted) = self.wanted(track);
            let is_plain = (gain_db, pan, muted) == (track.gain_db, track.pan, track.muted);
            let known = self.others.iter().position(|other| other.member == member.id);
            let index = match known {
                None if is_plain => continue,
                None => {
                    let strip = Strip::new(track.gain_db, track.pan, track.muted);
                    self.others.push(Other { member: member.id, strip, place: None });
                    self.others.len() - 1
                }
                Some(index) => index,
            };
            let strip = &mut self.others[index].strip;
            let has_moved = (strip.gain_db(), strip.pan(), strip.muted()) != (gain_db, pan, muted);
            if has_moved {
                strip.set_gain_db(gain_db);
                strip.set_pan(pan);
                strip.set_muted(muted);
                self.moved = tick;
            }
            if !track.sounded_before(tick) {
                strip.settle();
            }
            if is_plain && !has_moved {
                // It has come back to where the desk has it.
                self.others.swap_remove(index);
                continue;
            }
            self.others[index].place = Some(place);
            self.differed = Some(tick);
        }
        if sounding > 0 && (self.volume_db() != 0.0 || self.moved + 1 >= tick) {
            self.differed = Some(tick);
        }
    }

    /// Whether this track alone would sound otherwise here than at the desk, now or soon.
    pub fn differs_for(&self, track: &Track) -> bool {
        self.volume_db() != 0.0 || self.wanted(track) != (track.gain_db, track.pan, track.muted)
    }

    /// Whether a member's track is not in this mix, though it is in the sum of all.
    pub fn leaves_out(&self, member: MemberId) -> bool {
        let silent = |other: &Other| other.member == member && other.place.is_some() && other.strip.is_silent();
        self.others.iter().any(silent)
    }

    /// How many of `voices` voices are left in this mix, for one whose own track is `without`.
    pub fn voices(&self, voices: usize, without: Option<MemberId>) -> usize {
        let silent = |other: &&Other| other.place.is_some() && other.strip.is_silent() && Some(other.member) != without;
        voices - self.others.iter().filter(silent).count().min(voices)
    }

    /// Puts right in `frame`, the sum of all or of all but `without`, what is to sound otherwise.
    pub fn put_right(
        &self,
        frame: &mut Frame,
        scratch: &mut Frame,
        (duck, dim): (&Ducker, &Ducker),
        members: &[Member],
        without: Option<MemberId>,
    ) {
        for other in self.others.iter().filter(|other| Some(other.member) != without) {
            let Some(track) = other.place.and_then(|place| members[place].track.as_deref()) else { continue };
            frame.subtract(track.post());
            if !other.strip.is_silent() {
                // A copy: the same ramp belongs into every mix of this tick.
                other.strip.clone().apply(track.pre(), scratch);
                track::push_down(track.bus, duck, dim, scratch);
                frame.add(scratch);
            }
        }
    }

    /// Over the whole mix.
    pub fn volume(&self) -> &Master {
        &self.volume
    }

    /// Ends a tick: what it ramped to is where the next begins.
    pub fn advance(&mut self) {
        self.volume.advance();
        self.others.iter_mut().filter(|other| other.place.is_some()).for_each(|other| other.strip.settle());
    }

    /// Gain, pan and mute of a track here.
    fn wanted(&self, track: &Track) -> (f32, f32, bool) {
        if self.is_shed {
            return (track.gain_db, track.pan, track.muted);
        }
        let wish = self.wish.tracks.get(&track.id).copied().unwrap_or_default();
        let is_off = track.gain_db <= audio::strip::MIN_GAIN_DB || wish.gain_db <= audio::strip::MIN_GAIN_DB;
        let gain_db = if is_off { audio::strip::MIN_GAIN_DB } else { track.gain_db + wish.gain_db };
        let gain_db = gain_db.clamp(audio::strip::MIN_GAIN_DB, audio::strip::MAX_GAIN_DB);
        let is_hidden = self.has_solo && !wish.solo;
        (gain_db, wish.pan.unwrap_or(track.pan), track.muted || wish.muted || is_hidden)
    }
}
