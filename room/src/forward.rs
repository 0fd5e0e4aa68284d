//! A lone talker is forwarded: while nobody else sounds and the desk leaves him as he is, all others get his packets as
//! they came, in the call that took them, and nothing is encoded. Nothing is decoded either, unless somebody looks at
//! the meters, has a personal mix, or a network that does not carry his packets: he gets a mix, alone.
//!
//! Neither change is heard. From the packets to the mix: his sound goes on in the mix at the very sample where his
//! last packet ended; who came in waits for that, a moment, with his first frame. From the mix to the packets: pieces of
//! 2.5 ms and more fill what is left until the next of his packets begins, and what is shorter than that he is moved by
//! in advance, so slowly that it is not heard.

mod packets;
mod parting;

use std::time::Duration;

use audio::{Arrival, packet_samples};

use super::{
    Counters, Effects, Member, MemberId, Rtp,
    hearer::{Hearer, Numbers, Source},
    mix::{MAX_PACKET_BYTES, Mix},
    mixing::Desk,
    ticks::Step,
    track::{Received, Track, is_pause},
};
use packets::{Leaving, next_packet, send};
use parting::{is_mixed, is_ready};

/// So long one is the only one heard before he is forwarded.
const LONE: Duration = Duration::from_millis(1_200);
/// So long after one forward has ended the next begins, unless all were silent.
const MIXED: Duration = Duration::from_secs(3);
/// So long all are silent before the next voice is forwarded from its first packet.
const SILENT: Duration = Duration::from_millis(200);
/// A talker whose packets stay away for so long has stopped.
const STALLED: Duration = Duration::from_millis(200);
/// And one whose encoder has gone quiet, and sends but now and then (each 400 ms), after so long.
const PAUSED: Duration = Duration::from_millis(1_000);
/// So long after a packet that says so, and no other since, he is known to be silent.
const QUIET: Duration = Duration::from_millis(150);
/// What the mix waits for may come so much later than expected.
const LATE: Duration = Duration::from_millis(60);
/// For so long a decoder hears music mode before it gets packets.
const READY: Duration = Duration::from_millis(60);
/// The shortest frame of Opus.
const PIECE: usize = 120;

/// Who is forwarded.
#[derive(Debug, Default)]
pub(super) struct Forward {
    state: State,
    /// The tick in which the last one ended.
    ended: Option<u64>,
    /// The last tick in which the desk changed the sound of the only one heard.
    touched: Option<u64>,
    /// The last tick, if only the next packet of the only one heard is waited for.
    waits: Option<Step>,
}

#[derive(Debug, Default)]
enum State {
    /// All hear the mix.
    #[default]
    Off,
    /// All get his packets.
    On(Talker),
    /// They got his packets until `end`, and the mix is about to go on from there.
    Ending { talker: Talker, until: u64 },
}

#[derive(Clone, Copy, Debug)]
struct Talker {
    id: MemberId,
    /// RTP time after the last packet that was forwarded.
    end: u32,
    /// When that was.
    at: Duration,
    /// It said that a pause begins.
    is_pausing: bool,
}

impl Talker {
    fn has_stopped(&self, now: Duration) -> bool {
        now.saturating_sub(self.at) > if self.is_pausing { PAUSED } else { STALLED }
    }

    /// Nothing of him is to be heard now.
    fn is_silent(&self, now: Duration) -> bool {
        now.saturating_sub(self.at) > if self.is_pausing { QUIET } else { STALLED }
    }
}

impl Forward {
    /// Whether somebody is forwarded, or was until a moment ago.
    pub fn is_on(&self) -> bool {
        self.talker().is_some()
    }

    /// Who is forwarded, and is to be in the next tick.
    pub fn lasting(&self) -> Option<MemberId> {
        match &self.state {
            State::On(talker) => Some(talker.id),
            State::Off | State::Ending { .. } => None,
        }
    }

    /// Who that is.
    pub fn talker(&self) -> Option<MemberId> {
        match &self.state {
            State::Off => None,
            State::On(talker) | State::Ending { talker, .. } => Some(talker.id),
        }
    }
}

/// What a tick has to know of it.
pub(super) struct Phase {
    /// Who is forwarded.
    pub talker: Option<MemberId>,
    /// Somebody needs his sound all the same.
    pub needs_pcm: bool,
    /// A mix is about to begin: the others are held back.
    pub is_waiting: bool,
}

/// A packet that has come, and when.
pub(super) struct Came<'a> {
    pub place: usize,
    pub rtp: Rtp<'a>,
    pub received: Received,
    pub now: Duration,
    /// Samples since the room began.
    pub media_time: u32,
    /// The next tick.
    pub number: u64,
}

impl Desk {
    /// Forwards a packet at once if its talker is, or from now on can be, the only one heard.
    pub fn came(&mut self, came: &Came<'_>, members: &mut [Member], counters: &mut Counters, effects: &mut Effects) {
        if !matches!(came.received.arrival, None | Some(Arrival::Malformed | Arrival::Repeated)) {
            self.came_new(came, members, counters, effects);
        }
    }

    fn came_new(&mut self, came: &Came<'_>, members: &mut [Member], counters: &mut Counters, effects: &mut Effects) {
        let Came { place, rtp, received, now, .. } = came;
        let id = members[*place].id;
        let is_fit = rtp.payload.len() <= MAX_PACKET_BYTES && self.may_forward(*place, members, *now);
        match self.forward.state {
            State::On(talker) if talker.id == id => {
                if !is_fit {
                    return self.end_forward(came.number, *now, members);
                }
                if received.arrival == Some(Arrival::First) {
                    members.iter_mut().filter_map(|m| m.hearer.as_mut()).for_each(Hearer::forget_map);
                    self.forward.state = State::On(Talker { end: rtp.timestamp, ..talker });
                }
                self.pass_on(came, members, counters, effects);
                self.forward_waiting(came, members, counters, effects);
            }
            State::On(talker) if received.was_idle && is_fit => {
                let is_over = talker.is_silent(*now)
                    || members.iter().filter(|m| m.id == talker.id).filter_map(|m| m.track.as_deref()).all(|track| {
                        track.level_dbfs > -127.0 && track.is_silent_for(self.length.count(SILENT) as u32)
                    });
                if is_over && self.all_silent(came.number, &[id, talker.id], members) {
                    self.let_go(members, came.number, None);
                    self.begin_from_silence(came, members, counters, effects);
                }
            }
            // It was overtaken by one that was forwarded, and has its place before it.
            State::Ending { talker, .. } if talker.id == id && is_before(rtp.timestamp, talker.end) => {
                self.pass_on(came, members, counters, effects);
            }
            State::Off if received.was_idle && is_fit && self.all_silent(came.number, &[id], members) => {
                self.begin_from_silence(came, members, counters, effects);
            }
            State::Off => self.forward_waiting(came, members, counters, effects),
            _ => {}
        }
    }

    /// The packet has come that was missing when the last tick ended.
    fn forward_waiting(
        &mut self,
        came: &Came<'_>,
        members: &mut [Member],
        counters: &mut Counters,
        effects: &mut Effects,
    ) {
        if let Some(step) = self.forward.waits.take_if(|step| step.number + 1 == came.number) {
            self.forward_after(step, came.now, members, counters, effects);
        }
    }

    /// Whether the desk leaves this talker as he is.
    fn may_forward(&self, place: usize, members: &[Member], now: Duration) -> bool {
        let is_untouched = |track: &Track| track.is_untouched(now, &self.duck, &self.dim);
        self.is_master_unity() && !self.is_regrouping && members[place].track.as_deref().is_some_and(is_untouched)
    }

    /// Whether nobody but `without` sounds, or has just sounded.
    fn all_silent(&self, number: u64, without: &[MemberId], members: &[Member]) -> bool {
        let others = members.iter().filter(|m| !without.contains(&m.id)).filter_map(|m| m.track.as_deref());
        let is_silent = |track: &Track| {
            !track.loud_within(number, self.length.count(SILENT))
                && track.is_silent_for(self.length.count(SILENT) as u32)
        };
        others.into_iter().all(is_silent)
    }

    fn begin_from_silence(
        &mut self,
        came: &Came<'_>,
        members: &mut [Member],
        counters: &mut Counters,
        effects: &mut Effects,
    ) {
        self.relay_to_all(came.place, members, |_| Some(None));
        let talker = Talker { id: members[came.place].id, end: came.rtp.timestamp, at: came.now, is_pausing: false };
        self.forward.state = State::On(talker);
        self.pass_on(came, members, counters, effects);
    }

    /// All who can get the talker's packets get them from now on. `goes_on` says who still does not, and with which
    /// packet it goes on for whom.
    fn relay_to_all(&self, place: usize, members: &mut [Member], goes_on: impl Fn(&Hearer) -> Option<Option<Numbers>>) {
        for at in 0..members.len() {
            let can_be_relayed = self.can_be_relayed(at, place, members);
            let Some(hearer) = &mut members[at].hearer else { continue };
            if at == place {
                // He hears nothing, and the mix of the others when it begins.
                hearer.source = Some((Source::Own, None));
            } else if can_be_relayed && let Some(numbers) = goes_on(hearer) {
                hearer.relay(numbers);
            }
        }
        if let Some(track) = members[place].track.as_deref_mut() {
            track.is_relayed = true;
        }
    }

    /// Whether one hears the talker as the desk has him, and has a network that carries his packets, but gets a mix.
    pub(super) fn can_be_relayed(&self, at: usize, place: usize, members: &[Member]) -> bool {
        let (hearer, track) = (members[at].hearer.as_ref(), members[place].track.as_deref());
        let is_plain =
            |hearer: &&Hearer| track.is_some_and(|track| !self.differs_for(hearer, track)) && !hearer.is_relayed;
        at != place && hearer.filter(is_plain).is_some_and(|hearer| hearer.reports.class().carries_packets())
    }

    /// Sends a packet as it came to all who get this talker's.
    fn pass_on(&mut self, came: &Came<'_>, members: &mut [Member], counters: &mut Counters, effects: &mut Effects) {
        let samples = packet_samples(came.rtp.payload).unwrap_or_default() as u32;
        let numbers = Numbers { sequence: came.rtp.sequence, timestamp: came.rtp.timestamp, samples };
        if let State::On(talker) = &mut self.forward.state {
            let end = numbers.timestamp.wrapping_add(samples);
            if is_before(talker.end, end) {
                talker.end = end;
                talker.is_pausing = is_pause(came.rtp.payload);
            }
            talker.at = came.now;
        }
        let csrc = members[came.place].track.as_deref().map(|track| track.csrc);
        send((numbers, csrc), came.rtp.payload, came.media_time, members, |_| true, counters, effects);
    }

    /// Begins a tick: ends a forward that is over, and says what the tick is to do.
    pub(super) fn forward_before(
        &mut self,
        number: u64,
        now: Duration,
        members: &mut [Member],
        watched: bool,
        counters: &mut Counters,
    ) -> Phase {
        if let State::On(talker) = self.forward.state {
            let place = members.iter().position(|member| member.id == talker.id);
            if talker.has_stopped(now) {
                self.stop(number, members);
            } else if !place.is_some_and(|place| self.may_forward(place, members, now)) {
                self.end_forward(number, now, members);
            }
            // Who has come meanwhile gets the packets too.
            for member in members.iter_mut().filter(|m| m.id != talker.id) {
                if let Some(hearer) = member.hearer.as_mut().filter(|h| self.forward.is_on() && !h.is_mixed())
                    && !hearer.is_relayed
                {
                    hearer.relay(None);
                }
            }
        }
        if self.forward.is_on() {
            self.part(number, members, counters);
        }
        if let State::Ending { talker, until } = self.forward.state {
            let place = members.iter().position(|member| member.id == talker.id);
            let delay = self.delay();
            let track = place.and_then(|place| members[place].track.as_deref());
            let ahead = track.and_then(Track::next_timestamp).map(|next| to_go(next, talker.end.wrapping_add(delay)));
            let is_mixed = is_mixed(talker.id, members);
            if is_ready(ahead, is_mixed) || number >= until {
                match place {
                    Some(place) => {
                        let shift = self.shift_of(ahead, members);
                        let track = members[place].track.take();
                        if let Some(mut track) = track {
                            self.take_back(&mut track, number, is_mixed.then_some(shift), members, counters);
                            members[place].track = Some(track);
                        }
                    }
                    None => self.let_go(members, number, None),
                }
            }
        }
        let talker = self.forward.talker();
        Phase {
            talker,
            needs_pcm: talker.is_some_and(|id| watched || is_mixed(id, members)),
            is_waiting: matches!(self.forward.state, State::Ending { .. }),
        }
    }

    /// When what was sent has been played at the latest.
    fn latest(&mut self, number: u64, track: Option<&Track>) -> u64 {
        let waits = track.map_or(Duration::ZERO, Track::delay).as_millis() as u64 * 48 + u64::from(self.delay());
        number + waits / self.length.samples() as u64 + self.length.count(LATE)
    }

    /// After all have been played: a second voice begins the mix.
    pub(super) fn forward_listen(&mut self, phase: &Phase, number: u64, now: Duration, members: &mut [Member]) {
        let Some(talker) = phase.talker.filter(|_| !phase.is_waiting) else { return };
        let others = |m: &&mut Member| m.id != talker;
        let is_loud = members.iter().filter(|m| m.id != talker).filter_map(|m| m.track.as_deref());
        if !is_loud.into_iter().any(|track| track.loud_within(number, 0)) {
            return;
        }
        members.iter_mut().filter(others).filter_map(|m| m.track.as_deref_mut()).for_each(Track::hold_frame);
        self.end_forward(number, now, members);
        if !self.forward.is_on() {
            // Nothing is to be waited for, and this tick is forwarded still: the next one plays what is held.
            self.forward.ended = Some(number);
        }
    }

    /// From now on the mix is to be heard again, as soon as it can go on where his last packet ended.
    fn end_forward(&mut self, number: u64, now: Duration, members: &mut [Member]) {
        let State::On(talker) = self.forward.state else { return };
        if talker.is_silent(now) {
            return self.let_go(members, number, None);
        }
        let track = members.iter().find(|m| m.id == talker.id).and_then(|m| m.track.as_deref());
        // Nothing of what comes is to be heard: there is nothing to wait for.
        let is_over = track.is_none_or(Track::is_held_back);
        let until = if is_over { number } else { self.latest(number, track) };
        self.forward.state = State::Ending { talker, until };
    }

    /// His packets have stopped: silence is sent for a while.
    fn stop(&mut self, number: u64, members: &mut [Member]) {
        self.let_go(members, number, None);
        if let Some(common) = self.ensure_common() {
            common.fall_silent(number);
        }
    }

    /// Nobody is forwarded any more. `goes_on`: the tick that goes on where the last packet ended, and by how many samples
    /// before its frame.
    fn let_go(&mut self, members: &mut [Member], number: u64, goes_on: Option<(u64, usize)>) {
        let talker = self.forward.talker();
        for member in members.iter_mut() {
            if let Some(hearer) = member.hearer.as_mut().filter(|hearer| hearer.is_relayed) {
                hearer.mix_again(goes_on);
            }
            if let Some(track) = member.track.as_deref_mut().filter(|_| Some(member.id) == talker) {
                track.unrelay();
            }
        }
        self.forward = Forward { ended: Some(number), ..Forward::default() };
        self.move_master();
    }

    /// A member who goes now is forwarded: his last sound is to end in the mix.
    pub fn talker_leaves(
        &mut self,
        id: MemberId,
        track: &mut Track,
        now: Duration,
        members: &mut [Member],
        counters: &mut Counters,
    ) {
        let number = self.last + 1;
        match self.forward.state {
            State::On(talker) if talker.id == id && talker.is_silent(now) => self.let_go(members, number, None),
            State::On(talker) | State::Ending { talker, .. } if talker.id == id => {
                self.take_back(track, number, None, members, counters);
            }
            _ => {}
        }
    }

    /// The mix goes on where his last packet ended. `shift`: he has been played all the time, and this tick's frame
    /// lies by so much too late.
    fn take_back(
        &mut self,
        track: &mut Track,
        number: u64,
        shift: Option<usize>,
        members: &mut [Member],
        counters: &mut Counters,
    ) {
        let (State::On(talker) | State::Ending { talker, .. }) = self.forward.state else { return };
        let shift = self.take_up(talker.end, track, number, shift, counters);
        self.let_go(members, number, Some((number, shift)));
        track.unrelay();
    }

    /// After a tick of the mix, or when the packet comes that was missing then: if one has been the only one heard for
    /// long enough, his packets go out from where the mix has come to; and if somebody is forwarded, also to those whose
    /// network has become good enough. True if anybody began to get packets.
    pub(super) fn forward_after(
        &mut self,
        step: Step,
        now: Duration,
        members: &mut [Member],
        counters: &mut Counters,
        effects: &mut Effects,
    ) -> bool {
        let number = step.number;
        self.forward.waits = None;
        let place = match self.forward.state {
            State::Off => self.next_talker(number, now, members),
            State::On(talker) => members.iter().position(|member| member.id == talker.id),
            State::Ending { .. } => None,
        };
        let Some(place) = place else {
            members.iter_mut().filter_map(|m| m.hearer.as_mut()).for_each(Hearer::stay);
            return false;
        };
        let Some(delay) = self.heard_delay(number, place, members) else { return false };
        self.forward.waits = Some(step);
        let Some(track) = members[place].track.as_deref_mut() else { return false };
        let Some(heard) = track.next_timestamp().map(|next| next.wrapping_sub(delay)) else { return false };
        let Some((first, is_speech)) = next_packet(track, heard) else { return false };
        if is_speech && !track.is_in_pause() {
            return false;
        }
        let rest = first.wrapping_sub(heard) as usize;
        if rest >= self.length.samples() {
            return false;
        }
        if !rest.is_multiple_of(PIECE) {
            track.slew(PIECE - rest % PIECE);
            return false;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let is_here = rest == 0 || track.peek(rest, &mut scratch);
        let leaving = Leaving { step, place, delay, first };
        if is_here {
            self.send_rest(&leaving, rest, &scratch, members, counters, effects);
        }
        self.scratch = scratch;
        if is_here {
            self.begin_behind_mix(&leaving, now, members, counters, effects);
        }
        is_here
    }

    /// Who is the only one heard, and has been for long enough, as the desk leaves him.
    fn next_talker(&mut self, number: u64, now: Duration, members: &[Member]) -> Option<usize> {
        let place = self.lone(number, members)?;
        if !self.may_forward(place, members, now) {
            self.forward.touched = Some(number);
        }
        // What was changed in the tick before is still on its way through limiter and encoder.
        let is_touched = self.forward.touched.is_some_and(|touched| number - touched < 3);
        let is_too_soon = self.forward.ended.is_some_and(|ended| number - ended < self.length.count(MIXED));
        (!is_touched && !is_too_soon).then_some(place)
    }

    /// Who is the only one heard, and has been for long enough.
    fn lone(&self, number: u64, members: &[Member]) -> Option<usize> {
        let only = |is: &dyn Fn(&Track) -> bool| {
            let mut places = (0..members.len()).filter(|place| members[*place].track.as_deref().is_some_and(is));
            places.next().map(|place| (place, places.next().is_none()))
        };
        let heard = only(&|track| track.unhushed_within(number, self.length.count(LONE)));
        let (place, is_only) = heard.or_else(|| only(&|track| !track.is_silent_for(u32::MAX)))?;
        is_only.then_some(place)
    }

    /// By how many samples what is heard lies behind what is played, for those who are to get packets: where it is not
    /// the same for all, for the first, and the others come later. None if the limiter is at work, or all have packets.
    fn heard_delay(&self, number: u64, place: usize, members: &mut [Member]) -> Option<u32> {
        let is_on = self.forward.is_on();
        let mut delay = None;
        let mut is_ready = true;
        for at in 0..members.len() {
            if !self.can_be_relayed(at, place, members) {
                continue;
            }
            let Member { hearer: Some(hearer), track, .. } = &mut members[at] else { continue };
            if !hearer.heard_in(number) {
                continue;
            }
            let mix = match hearer.heard() {
                Some(Source::Common) => self.common.as_deref(),
                Some(Source::Own) => track.as_deref().and_then(|track| track.own.as_deref()),
                // He hears his own mix until the next change.
                _ if is_on => continue,
                _ => None,
            };
            is_ready &= hearer.prepare_to_leave(number, self.length.count(READY));
            let mix = mix.filter(|mix| mix.is_unlimited(number, self.length.count(LONE)))?;
            delay.get_or_insert(mix.delay() + hearer.coding().shift);
            is_ready &= mix.is_encoded_in(number, hearer.coding());
        }
        if !is_ready {
            return None;
        }
        // Nobody hears it: any packet may be the first.
        delay.or((!is_on).then_some(0)).map(|delay| delay as u32)
    }

    /// By how many samples what is heard of a mix lies behind what is played.
    pub(super) fn delay(&mut self) -> u32 {
        if self.delay.is_none() {
            self.delay = self.ensure_common().map(|common| common.delay() as u32);
        }
        self.delay.unwrap_or_default()
    }

    fn ensure_common(&mut self) -> Option<&mut Mix> {
        if self.common.is_none() {
            self.common = Mix::new(self.encoder);
        }
        self.common.as_deref_mut()
    }
}

fn is_before(a: u32, b: u32) -> bool {
    to_go(a, b) > 0
}

/// How far RTP time `to` lies after `from`, in samples.
fn to_go(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from) as i32
}
