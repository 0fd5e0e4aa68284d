//! The tick: every talker's next frame, their sum, and each distinct mix encoded once.
//!
//! With K talkers sounding and G different personal wishes there are K + 1 + G mixes: the sum of all, for
//! each talker the sum without it, and for each wish the sum put right. Nothing here allocates (once
//! buffers have grown), locks, logs or waits; the work is K decodes and K + 1 + G encodes however many
//! hear, and none for a mix that nobody hears.

use std::time::Duration;

use audio::{Bus, DuckSettings, Ducker, EncoderSettings, Frame, FrameLength, Master};
use signaling::{Bus as Role, Change, PersonalMix, RoomSettings, TrackId};

use super::{
    Counters, Effects, Member, MemberId,
    contributors::Loudest,
    forward::Forward,
    hearer::{Hearer, Source},
    meters::Meters,
    mix::{Hearers, Mix},
    personal::{Group, GroupId},
    shed::Shed,
    ticks::Step,
    track::Track,
};

/// A talker keeps its own encoder for so long after it fell silent, since talkers go on soon; and so does a
/// personal mix.
const OWN_TIME: Duration = Duration::from_secs(1);
/// Ticks follow the packets of one who was heard within so long: who answers in turns is not followed to and fro.
const FOLLOWED: Duration = Duration::from_secs(10);
/// One of so many meters goes out when they are shed.
const SHED_METERS: u64 = 10;
/// What was not used for so long gives its memory back: encoders, decoders, frames.
pub(super) const REST: Duration = Duration::from_secs(5);
/// Announcements come in and go out in this time, ms.
const DIM_ATTACK_MS: u32 = 80;
const DIM_HOLD_MS: u32 = 500;
const DIM_RELEASE_MS: u32 = 700;

/// The sum and all mixes of a room.
pub(super) struct Desk {
    bus: Bus,
    pub(super) master: Master,
    /// Where the master is to move when nobody is forwarded any more.
    next_master: Option<f32>,
    /// By how many samples what is heard of a mix lies behind what is played: the same for all, once one was made.
    pub(super) delay: Option<u32>,
    pub(super) common: Option<Box<Mix>>,
    /// By their ids.
    groups: Vec<Group>,
    next_group: u32,
    /// Groups may have become equal.
    pub(super) is_regrouping: bool,
    /// Programs under voices, and all under announcements.
    pub(super) duck: Ducker,
    pub(super) dim: Ducker,
    pub(super) encoder: EncoderSettings,
    pub(super) scratch: Frame,
    meters: Meters,
    pub(super) forward: Forward,
    /// In the last tick nothing was mixed.
    is_unmixed: bool,
    /// Who is in the sum.
    loudest: Loudest,
    shed: Shed,
    /// By how many samples the last tick could have come earlier for all who are heard of late, in samples at 48 kHz.
    slack: Option<i64>,
    /// The last tick, and how long it was.
    pub(super) last: u64,
    pub(super) length: FrameLength,
}

/// What one step works on.
pub(super) struct Tick<'a> {
    pub step: Step,
    pub length: FrameLength,
    pub now: Duration,
    pub members: &'a mut [Member],
    /// Tracks that have left and ramp to silence in this step.
    pub leaving: &'a mut Vec<Box<Track>>,
    /// Somebody looks at the meters.
    pub watched: bool,
    /// Somebody has just asked for the levels.
    pub is_looked_at: bool,
    pub counters: &'a mut Counters,
}

impl Desk {
    pub fn new(settings: &RoomSettings, encoder: EncoderSettings) -> Self {
        let (duck, dim) = duckings(settings);
        Self {
            bus: Bus::default(),
            master: Master::new(settings.master_gain_db),
            next_master: None,
            delay: None,
            common: None,
            groups: Vec::new(),
            next_group: 0,
            is_regrouping: false,
            duck: Ducker::new(duck),
            dim: Ducker::new(dim),
            encoder,
            scratch: Frame::SILENCE,
            meters: Meters::default(),
            forward: Forward::default(),
            is_unmixed: false,
            loudest: Loudest::default(),
            shed: Shed::default(),
            slack: None,
            last: 0,
            length: FrameLength::default(),
        }
    }

    /// Moves the fader over all mixes: with a ramp in the next tick, at once if there is none to come.
    pub fn set_master_gain_db(&mut self, gain_db: f32, is_active: bool) {
        if self.forward.is_on() {
            self.next_master = Some(gain_db);
            return;
        }
        self.master.set_gain_db(gain_db);
        if !is_active {
            self.master.advance();
        }
    }

    /// How far, and how fast, voices and announcements push others down.
    pub fn set_ducking(&mut self, settings: &RoomSettings) {
        let (duck, dim) = duckings(settings);
        self.duck.set(duck);
        self.dim.set(dim);
    }

    /// Whether the master leaves all mixes as they are, and is to stay there.
    pub(super) fn is_master_unity(&self) -> bool {
        self.master.is_unity() && self.next_master.is_none()
    }

    /// The master moves to where it was set while somebody was forwarded.
    pub(super) fn move_master(&mut self) {
        if let Some(gain_db) = self.next_master.take() {
            self.master.set_gain_db(gain_db);
        }
    }

    /// Whether a hearer is to hear this track otherwise than the desk says.
    pub(super) fn differs_for(&self, hearer: &Hearer, track: &Track) -> bool {
        hearer.group.and_then(|id| find(&self.groups, id)).is_some_and(|group| group.differs_for(track))
    }

    /// Whether this is left out now.
    pub fn sheds(&self, what: Shed) -> bool {
        self.shed >= what
    }

    /// What is left out from the next tick on. Personal mixes move to what the desk says, and back.
    pub fn shed(&mut self, shed: Shed) {
        let had = self.sheds(Shed::Personal);
        self.shed = shed;
        let has = self.sheds(Shed::Personal);
        if has != had {
            self.groups.iter_mut().for_each(|group| group.shed(has, self.last + 1));
        }
    }

    /// Lets go of the mixes, and of what talkers need, that have not been used for [`REST`].
    pub fn rest(&mut self, members: &mut [Member], now: Duration) {
        let (number, ticks) = (self.last, self.length.count(REST));
        let is_unused = |mix: &mut Box<Mix>| mix.is_unused(number, ticks);
        self.common.take_if(|mix| is_unused(mix));
        self.groups.iter_mut().for_each(|group| _ = group.mix.take_if(|mix| is_unused(mix)));
        for track in members.iter_mut().filter_map(|m| m.track.as_deref_mut()) {
            track.own.take_if(|mix| is_unused(mix));
            if now.saturating_sub(track.last_packet()) >= REST {
                track.release();
            }
        }
    }

    /// Lets go of every mix: nobody has been heard for [`REST`].
    pub fn fall_asleep(&mut self, members: &mut [Member]) {
        self.common = None;
        self.groups.iter_mut().for_each(|group| group.mix = None);
        for track in members.iter_mut().filter_map(|m| m.track.as_deref_mut()) {
            track.own = None;
            track.release();
        }
    }

    /// Lets go of what an empty room does not need.
    pub fn release(&mut self) {
        self.forward = Forward::default();
        self.move_master();
        self.common = None;
        self.groups.clear();
    }

    /// How many mixes have an encoder.
    pub fn mixes(&self, members: &[Member]) -> usize {
        let own = members.iter().filter(|m| m.track.as_ref().is_some_and(|t| t.own.is_some())).count();
        let personal = self.groups.iter().filter(|group| group.mix.is_some()).count();
        own + personal + usize::from(self.common.is_some())
    }

    /// What a hearer hears otherwise than the desk says.
    pub fn personal(&self, hearer: &Hearer) -> PersonalMix {
        hearer.group.and_then(|id| find(&self.groups, id)).map(|group| group.wish.clone()).unwrap_or_default()
    }

    /// A hearer wants to hear otherwise from now on.
    pub fn set_personal(&mut self, hearer: &mut Hearer, wish: PersonalMix) {
        let tick = self.last + 1;
        let (id, is_shed) = (GroupId(self.next_group), self.sheds(Shed::Personal));
        match hearer.group.and_then(|id| find_mut(&mut self.groups, id)) {
            Some(group) if group.wish == wish => return,
            Some(group) if group.hearers == 1 => group.set(wish, tick),
            Some(group) => {
                group.hearers -= 1;
                let group = group.split(id, wish, tick);
                self.enter(hearer, group);
            }
            None if wish.is_plain() => return,
            None => self.enter(hearer, Group::new(id, wish, tick, is_shed)),
        }
        self.is_regrouping = true;
    }

    fn enter(&mut self, hearer: &mut Hearer, mut group: Group) {
        group.hearers = 1;
        hearer.group = Some(group.id);
        self.groups.push(group);
        self.next_group += 1;
    }

    /// A hearer is gone.
    pub fn leave_group(&mut self, hearer: &Hearer) {
        if let Some(group) = hearer.group.and_then(|id| find_mut(&mut self.groups, id)) {
            group.hearers -= 1;
        }
    }

    /// A track is gone; `successor` is the same client's next one.
    pub fn forget_track(&mut self, member: MemberId, id: &TrackId, successor: Option<&TrackId>) {
        for group in &mut self.groups {
            group.forget(member);
            group.rename(id, successor, self.last + 1);
        }
        self.is_regrouping |= !self.groups.is_empty();
    }

    /// Who is forwarded, if nobody hears anything else.
    pub fn only_forwards(&self) -> Option<MemberId> {
        self.forward.lasting().filter(|_| self.is_unmixed)
    }

    /// Whether anybody's packets go on as they come.
    pub fn forwards(&self) -> bool {
        self.forward.talker().is_some()
    }

    /// By how many samples the last step could have come earlier, for all who are heard; below zero it should have come
    /// later. None if that is not known.
    pub fn slack(&self) -> Option<i64> {
        self.slack
    }

    /// Takes one step. Changes of `talking` are added to `changes`. Says whether there is
    /// anything left for the next tick.
    pub fn tick(&mut self, tick: Tick<'_>, changes: &mut Vec<Change>, effects: &mut Effects) -> bool {
        let Tick { step, length, now, members, leaving, watched, is_looked_at, counters } = tick;
        let number = step.number;
        (self.last, self.length) = (number, length);
        let phase = self.forward_before(number, now, members, watched || is_looked_at, counters);
        self.is_unmixed = phase.talker.is_some() && !phase.needs_pcm && !phase.is_waiting;
        self.slack = None;
        let heard_ticks = length.count(FOLLOWED);
        let (mut is_busy, mut is_voice, mut is_announcement) = (phase.talker.is_some(), false, false);
        for member in members.iter_mut() {
            let Some(track) = member.track.as_deref_mut() else { continue };
            let changed = match phase.talker {
                Some(talker) if talker == member.id => {
                    if phase.needs_pcm {
                        track.play(number, length, now, counters)
                    } else {
                        track.rest(length, now)
                    }
                }
                // What it has is heard together with what is held back of the others.
                Some(_) if phase.is_waiting => false,
                None if track.is_held => false,
                _ => track.play(number, length, now, counters),
            };
            if changed {
                changes.push(Change::Talking { id: track.id.clone(), talking: track.talking });
            }
            is_voice |= track.bus == Role::Voice && track.is_heard_talking();
            is_announcement |= track.bus == Role::Announcement && track.is_heard_talking();
            if track.unhushed_within(number, heard_ticks)
                && let Some(slack) = track.slack()
            {
                self.slack = Some(self.slack.map_or(slack, |least| least.min(slack)));
            }
            is_busy |= track.is_busy();
        }
        leaving.iter_mut().for_each(|track| _ = track.play(number, length, now, counters));
        self.forward_listen(&phase, number, now, members);
        self.duck.step(is_voice, length);
        self.dim.step(is_announcement, length);
        self.bus.clear();
        let heard = members.iter_mut().filter(|m| phase.talker.is_none_or(|talker| talker == m.id));
        let sounding = heard.filter_map(|m| m.track.as_deref_mut());
        for track in sounding.chain(leaving.iter_mut().map(|track| &mut **track)) {
            track.enter(number);
            track.mix(number, &self.duck, &self.dim);
            if track.sounds(number) {
                self.bus.add(track.post());
            }
        }
        let is_anyone_leaving = !leaving.is_empty();
        leaving.clear();
        if self.is_regrouping && phase.talker.is_none() {
            self.regroup(number, members);
        }
        self.groups.iter_mut().for_each(|group| group.prepare(number, members));
        let is_common_wanted = self.hand_over(number, members, watched, phase.needs_pcm);
        is_busy |= self.send(step, is_common_wanted, members, counters, effects);
        self.master.advance();
        if phase.talker.is_none() || phase.needs_pcm {
            self.groups.iter_mut().for_each(Group::advance);
        }
        if !phase.is_waiting && !is_anyone_leaving {
            is_busy |= self.forward_after(step, now, members, counters, effects);
        }
        self.groups.retain(|group| group.hearers > 0);
        let mixes = if watched { self.mixes(members) } else { 0 };
        let figures = (mixes, self.forward.talker());
        let common = self.common.as_deref().filter(|common| common.is_made_in(number));
        let every = if self.sheds(Shed::Meters) { SHED_METERS } else { 1 };
        is_busy | self.meters.tick(watched, (number, length, every), members, common, figures, effects)
    }

    /// Who wants the same, or nothing any more, and hears it already, needs no mix of his own.
    fn regroup(&mut self, number: u64, members: &mut [Member]) {
        self.is_regrouping = self.groups.iter().any(|group| !group.is_settled(number));
        for at in 0..self.groups.len() {
            let group = &self.groups[at];
            if !group.is_settled(number) || group.hearers == 0 {
                continue;
            }
            let twin = self.groups[..at].iter().find(|g| g.hearers > 0 && g.is_settled(number) && g.wish == group.wish);
            let twin = twin.map(|twin| twin.id);
            if twin.is_none() && !group.wish.is_plain() {
                continue;
            }
            let (id, hearers) = (group.id, group.hearers);
            self.groups[at].hearers = 0;
            if let Some(twin) = twin.and_then(|id| find_mut(&mut self.groups, id)) {
                twin.hearers += hearers;
            }
            let moved = members.iter_mut().filter_map(|m| m.hearer.as_mut()).filter(|h| h.group == Some(id));
            moved.for_each(|hearer| hearer.group = twin);
        }
    }

    /// Finds which mix each hears, and lets each mix that begins now go on from the one that its hearer heard until
    /// now. Says whether the common mix is heard or watched.
    fn hand_over(&mut self, number: u64, members: &mut [Member], watched: bool, needs_pcm: bool) -> bool {
        let mut is_common_wanted = watched || needs_pcm;
        let talker = self.forward.talker();
        for member in members.iter_mut() {
            let Some(hearer) = &mut member.hearer else { continue };
            hearer.align(number, self.length.samples());
            hearer.wanted = match talker {
                Some(talker) if hearer.is_relayed || talker == member.id => Source::Common,
                Some(_) => hearer.group.map_or(Source::Common, Source::Personal),
                None => source(hearer, member.track.as_deref(), &self.groups, number, self.length.count(OWN_TIME)),
            };
            match hearer.wanted {
                Source::Common if talker.is_some() => {}
                Source::Common => is_common_wanted = true,
                Source::Own => {}
                Source::Personal(id) => {
                    if let Some(group) = find_mut(&mut self.groups, id) {
                        group.is_wanted = true;
                        group.heard_by.add(hearer.coding(), hearer.is_new());
                    }
                }
            }
        }
        self.begin_common(number, members, is_common_wanted);
        for at in 0..self.groups.len() {
            self.begin_group(at, number, members);
        }
        for member in members.iter_mut() {
            let Some(hearer) = member.hearer.as_ref().filter(|h| h.wanted == Source::Own) else { continue };
            let Some(track) = member.track.as_deref_mut() else { continue };
            if track.own.is_none() {
                track.own = Mix::new(self.encoder);
            }
            if let Some(own) = track.own.as_deref_mut().filter(|own| !own.follows(number)) {
                let before = match hearer.heard() {
                    // It goes on after a pause.
                    Some(Source::Own) => None,
                    Some(Source::Personal(id)) => find(&self.groups, id).and_then(|group| group.mix.as_deref()),
                    _ => self.common.as_deref(),
                };
                own.begin(number, before.filter(|before| before.follows(number)));
            }
        }
        is_common_wanted
    }

    fn begin_common(&mut self, number: u64, members: &[Member], is_wanted: bool) {
        if is_wanted && self.common.is_none() {
            self.common = Mix::new(self.encoder);
        }
        if let Some(common) = self.common.as_deref_mut().filter(|common| is_wanted && !common.follows(number)) {
            let mut came = members.iter().filter(|m| m.hearer.as_ref().is_some_and(|h| h.wanted == Source::Common));
            let before = came.find_map(|m| heard_before(m, number, &self.groups));
            common.begin(number, before);
        }
    }

    fn begin_group(&mut self, at: usize, number: u64, members: &[Member]) {
        let (earlier, rest) = self.groups.split_at_mut(at);
        let Some((group, later)) = rest.split_first_mut() else { return };
        if !group.is_wanted {
            return;
        }
        if group.mix.is_none() {
            group.mix = Mix::new(self.encoder);
        }
        let Some(mix) = group.mix.as_deref_mut().filter(|mix| !mix.follows(number)) else { return };
        let wanted = Source::Personal(group.id);
        let mut came = members.iter().filter(|m| m.hearer.as_ref().is_some_and(|h| h.wanted == wanted));
        let common = self.common.as_deref().filter(|common| common.follows(number));
        let before = came.find_map(|member| match member.hearer.as_ref().and_then(|h| h.heard()) {
            Some(Source::Common) => common,
            _ => heard_before(member, number, earlier).or_else(|| heard_before(member, number, later)),
        });
        mix.begin(number, before);
    }

    /// Makes and encodes each mix that somebody hears, and gives it to all who hear it. Says whether
    /// a mix goes on.
    fn send(
        &mut self,
        step: Step,
        is_common_wanted: bool,
        members: &mut [Member],
        counters: &mut Counters,
        effects: &mut Effects,
    ) -> bool {
        let number = step.number;
        let tick = (number, self.length);
        let mut goes_on = false;
        self.loudest.gather(number, members, !self.sheds(Shed::Levels));
        let talker = self.forward.talker();
        let is_sent = |id, hearer: &Hearer| talker.is_none_or(|talker| talker != id && hearer.is_mixed());
        let Self { bus, master, common, groups, duck, dim, scratch, loudest, .. } = self;
        let (bytes, csrcs) = (&mut effects.bytes, &mut effects.contributors);
        if let Some(mix) = common.as_deref_mut().filter(|_| is_common_wanted) {
            let is_made = mix.make(tick, bus.tracks(), &[master], |frame| bus.copy(frame));
            goes_on |= mix.goes_on();
            if is_made {
                let mut hearers = Hearers::default();
                let who = members.iter().filter_map(|m| Some((m.id, m.hearer.as_ref()?)));
                let who = who.filter(|(id, hearer)| hearer.wanted == Source::Common && is_sent(*id, hearer));
                who.for_each(|(_, hearer)| hearers.add(hearer.coding(), hearer.is_new()));
                mix.encode(number, hearers, bytes, counters);
                mix.contributors = loudest.list(|_| true, bytes, csrcs);
            }
        }
        for group in groups.iter_mut().filter(|group| group.is_wanted) {
            let Some(mut mix) = group.mix.take() else { continue };
            let voices = group.voices(bus.tracks(), None);
            let is_made = mix.make(tick, voices, &[master, group.volume()], |frame| {
                bus.copy(frame);
                group.put_right(frame, scratch, (duck, dim), members, None);
            });
            goes_on |= mix.goes_on();
            if is_made {
                mix.encode(number, group.heard_by, bytes, counters);
                mix.contributors = loudest.list(|id| !group.leaves_out(id), bytes, csrcs);
            }
            group.mix = Some(mix);
        }
        for at in 0..members.len() {
            let (id, hearer) = (members[at].id, members[at].hearer.as_ref());
            let Some(hearer) = hearer.filter(|hearer| is_sent(id, hearer)) else { continue };
            let group = hearer.group.and_then(|id| find(groups, id));
            let (wanted, coding, is_new) = (hearer.wanted, hearer.coding(), hearer.is_new());
            let payload = match wanted {
                Source::Common => common.as_deref().and_then(|mix| mix.payload(number, coding)),
                Source::Personal(id) => {
                    find(groups, id).and_then(|group| group.mix.as_deref()?.payload(number, coding))
                }
                Source::Own => {
                    let Some(mut mix) = members[at].track.as_deref_mut().and_then(|t| t.own.take()) else { continue };
                    let own = members[at].track.as_deref().filter(|track| track.sounds(number));
                    let voices = bus.tracks() - usize::from(own.is_some());
                    let fill = |frame: &mut Frame| match own {
                        Some(own) => bus.minus(own.post(), frame),
                        None => bus.copy(frame),
                    };
                    let is_made = match group {
                        None => mix.make(tick, voices, &[master], fill),
                        Some(group) => {
                            let voices = group.voices(voices, Some(id));
                            mix.make(tick, voices, &[master, group.volume()], |frame| {
                                fill(frame);
                                group.put_right(frame, scratch, (duck, dim), members, Some(id));
                            })
                        }
                    };
                    goes_on |= mix.goes_on();
                    if is_made {
                        let mut hearers = Hearers::default();
                        hearers.add(coding, is_new);
                        mix.encode(number, hearers, bytes, counters);
                        let is_in = |other| other != id && group.is_none_or(|group| !group.leaves_out(other));
                        mix.contributors = loudest.list(is_in, bytes, csrcs);
                    }
                    let payload = mix.payload(number, coding);
                    if let Some(track) = members[at].track.as_deref_mut() {
                        track.own = Some(mix);
                    }
                    payload
                }
            };
            let member = &mut members[at];
            if let (Some(payload), Some(hearer)) = (payload, &mut member.hearer) {
                effects.media.push(hearer.next(member.id, step, tick.1.samples(), wanted, payload));
                counters.sent += 1;
            }
        }
        goes_on
    }
}

/// Which mix a hearer hears in this tick: its own while it sounds and a little longer, else that of its group while
/// that differs from the common one.
fn source(hearer: &Hearer, track: Option<&Track>, groups: &[Group], number: u64, own_ticks: u64) -> Source {
    if track.is_some_and(|track| track.sounded_within(number, own_ticks)) {
        return Source::Own;
    }
    match hearer.group {
        Some(id) if find(groups, id).is_some_and(|group| group.differed_within(number, own_ticks)) => {
            Source::Personal(id)
        }
        _ => Source::Common,
    }
}

/// The mix that a member's last packet came from, if it goes on until now and is not the common one.
fn heard_before<'a>(member: &'a Member, number: u64, groups: &'a [Group]) -> Option<&'a Mix> {
    let mix = match member.hearer.as_ref()?.heard()? {
        Source::Common => None,
        Source::Own => member.track.as_ref()?.own.as_deref(),
        Source::Personal(id) => find(groups, id)?.mix.as_deref(),
    };
    mix.filter(|mix| mix.follows(number))
}

fn find(groups: &[Group], id: GroupId) -> Option<&Group> {
    groups.binary_search_by_key(&id, |group| group.id).ok().map(|at| &groups[at])
}

fn find_mut(groups: &mut [Group], id: GroupId) -> Option<&mut Group> {
    groups.binary_search_by_key(&id, |group| group.id).ok().map(|at| &mut groups[at])
}

/// How voices push programs down, and announcements all others.
fn duckings(settings: &RoomSettings) -> (DuckSettings, DuckSettings) {
    let ms = |ms: u32| Duration::from_millis(u64::from(ms));
    let duck = DuckSettings {
        depth_db: settings.duck_db,
        attack: ms(settings.duck_attack_ms),
        hold: ms(settings.duck_hold_ms),
        release: ms(settings.duck_release_ms),
    };
    let dim = DuckSettings {
        depth_db: settings.dim_db,
        attack: ms(DIM_ATTACK_MS),
        hold: ms(DIM_HOLD_MS),
        release: ms(DIM_RELEASE_MS),
    };
    (duck, dim)
}
