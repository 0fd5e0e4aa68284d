//! Who may talk: floor control after 3GPP TS 24.380 §6.3, the floor control server. It is pure: requests, packets
//! and the time go in, [`Happened`] comes out.
//!
//! The rules:
//! - Who is neither a holder nor in the queue is nobody, and leaves no trace. A message that has no rule where its
//!   sender stands is discarded (§6.3.4.1); a request is always answered.
//! - The queue goes by priority, the highest first, then by the time of asking. A free place is never kept from it.
//! - With pre-emption a request of strictly higher priority than the weakest holder's takes its place at once and
//!   without grace: who comes with priority has something urgent. The weakest has the lowest priority, and among
//!   those has talked longest. Who is pre-empted is not queued. Without pre-emption priority only orders the queue.
//! - In a full queue a request of strictly higher priority than the last one's takes its place.
//! - Who talks for too long (T2) is told to stop and keeps its place for the grace (T3); a higher priority does not
//!   wait for the end of that. It goes on only by asking again, after those of its priority who wait.
//! - Who sends no media for [`SILENCE`] (T1), or is gone, loses the floor at once.
//! - What the desk gives it gives now, and nobody who waits takes it back by priority.
//!
//! Every call is O(holders + queue), at most 80, for each change that is due, and allocates nothing once grown. Time
//! is `now` as in [`Room`](super::Room); each call first does what was due before it, at the time when it was due, so
//! that a late [`Floor::tick`] gives the same result as one in time.

mod happened;

use std::time::Duration;

pub use happened::{Answer, Cause, Denial, Happened};

use super::MemberId;

/// T1: a holder of whom no media comes for so long does not talk (end of RTP media, TS 24.380 §11.1).
pub const SILENCE: Duration = Duration::from_secs(4);

/// How a room talks by floor. Values out of their range count as the nearest in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// So many may talk at once, 1 to 16.
    pub holders: usize,
    /// So many may wait, 0 to 64.
    pub queue: usize,
    /// T2: so long one may talk; zero: without limit.
    pub talk: Duration,
    /// So long before the end of `talk` a holder is warned; not at all if zero, or not shorter than `talk`.
    pub warning: Duration,
    /// T3: for so long media of who talked too long still passes.
    pub grace: Duration,
    /// Whether a higher priority takes the floor, or only leads the queue.
    pub preemption: bool,
}

impl Default for Settings {
    /// One talks, 16 wait; 30 s with a warning at 25 s, and 1 s of grace.
    fn default() -> Self {
        Self {
            holders: 1,
            queue: 16,
            talk: Duration::from_secs(30),
            warning: Duration::from_secs(5),
            grace: Duration::from_secs(1),
            preemption: true,
        }
    }
}

impl Settings {
    fn in_range(self) -> Self {
        Self { holders: self.holders.clamp(1, 16), queue: self.queue.min(64), ..self }
    }
}

/// One who may talk, as [`Floor::holders`] shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub who: MemberId,
    /// 0 is the lowest.
    pub priority: u8,
    /// When it was granted.
    pub since: Duration,
    /// For so long its media still passes: what is left of its time, or of its grace; none: without limit.
    pub left: Option<Duration>,
    /// It talked too long and its grace runs.
    pub revoking: bool,
}

/// One who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Who.
    pub who: MemberId,
    /// 0 is the lowest.
    pub priority: u8,
    /// When it asked first.
    pub since: Duration,
}

/// One who may talk, with its timers.
#[derive(Clone, Copy)]
struct Place {
    who: MemberId,
    priority: u8,
    since: Duration,
    /// The last packet, or the grant.
    media: Duration,
    /// When T2 ends.
    ends: Option<Duration>,
    /// When it is to be warned, if it was not.
    warns: Option<Duration>,
    warned: bool,
    /// When T3 ends, once it runs.
    grace: Option<Duration>,
}

/// What a timer of a holder brings. Of those due at once the first counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// T3.
    Grace,
    /// T1.
    Silence,
    /// T2.
    Talk,
    Warning,
}

impl Place {
    fn new(who: MemberId, priority: u8, settings: &Settings, now: Duration) -> Self {
        let mut place =
            Self { who, priority, since: now, media: now, ends: None, warns: None, warned: false, grace: None };
        place.set_timers(settings, now);
        place
    }

    /// T2 counts from the grant, but what would be past is due now.
    fn set_timers(&mut self, settings: &Settings, now: Duration) {
        let Settings { talk, warning, .. } = *settings;
        self.ends = (!talk.is_zero()).then(|| self.since.saturating_add(talk).max(now));
        self.warns = self
            .ends
            .filter(|_| !warning.is_zero() && warning < talk)
            .map(|ends| ends.saturating_sub(warning).max(now));
    }

    /// The next timer.
    fn due(&self) -> (Duration, Timer) {
        if let Some(end) = self.grace {
            return (end, Timer::Grace);
        }
        let silence = (self.media.saturating_add(SILENCE), Timer::Silence);
        let talk = self.ends.map(|at| (at, Timer::Talk));
        let warning = self.warns.filter(|_| !self.warned).map(|at| (at, Timer::Warning));
        [talk, warning].into_iter().flatten().fold(silence, std::cmp::min)
    }
}

/// The floor of one room.
pub struct Floor {
    settings: Settings,
    /// By the time of their grant.
    holders: Vec<Place>,
    /// In their order.
    queue: Vec<Waiting>,
}

impl Floor {
    /// Nobody holds it and nobody waits.
    pub fn new(settings: Settings) -> Self {
        Self { settings: settings.in_range(), holders: Vec::new(), queue: Vec::new() }
    }

    /// What holds now, each value in its range.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// `who` presses. A holder is granted again with what is left; its priority may rise by that but not fall. One
    /// in its grace is denied. One who waits stays, with the time of its first request and this priority.
    pub fn request(&mut self, who: MemberId, priority: u8, now: Duration, happened: &mut Vec<Happened>) -> Answer {
        self.tick(now, happened);
        if let Some(place) = self.holders.iter_mut().find(|place| place.who == who) {
            if place.grace.is_some() {
                return deny(who, Denial::Revoked, happened);
            }
            place.priority = place.priority.max(priority);
            return Answer::Granted { left: place.ends.map(|end| end.saturating_sub(now)) };
        }
        let mut asks = Waiting { who, priority, since: now };
        if let Some(index) = self.waits(who) {
            if self.queue[index].priority == priority {
                return Answer::Queued { position: index + 1 };
            }
            asks.since = self.queue.remove(index).since;
        }
        if self.holders.len() < self.settings.holders {
            return self.give(who, priority, now, happened);
        }
        if self.settings.preemption && self.weakest().is_some_and(|index| self.holders[index].priority < priority) {
            return self.preempt(who, priority, now, happened);
        }
        match self.queue.last() {
            _ if self.queue.len() < self.settings.queue => {}
            Some(last) if last.priority < priority => {
                deny(last.who, Denial::Displaced, happened);
                self.queue.pop();
            }
            Some(_) => return deny(who, Denial::QueueFull, happened),
            None => return deny(who, Denial::Taken, happened),
        }
        let index = self.queue.partition_point(|other| {
            other.priority > priority || (other.priority == priority && other.since <= asks.since)
        });
        self.queue.insert(index, asks);
        happened.push(Happened::Queued { who, position: index + 1 });
        Answer::Queued { position: index + 1 }
    }

    /// `who` lets go: of the floor, which goes to the next, or of its place in the queue.
    pub fn release(&mut self, who: MemberId, now: Duration, happened: &mut Vec<Happened>) {
        self.tick(now, happened);
        self.end(who, Happened::Released { who }, Happened::Unqueued { who }, now, happened);
    }

    /// `who` is gone from the room.
    pub fn leave(&mut self, who: MemberId, now: Duration, happened: &mut Vec<Happened>) {
        self.tick(now, happened);
        self.end(who, Happened::Revoked { who, cause: Cause::Left }, Happened::Unqueued { who }, now, happened);
    }

    /// The desk gives the floor to `who` now, whoever waits; if all places are taken the weakest holder loses its own
    /// at once. To a holder, also in its grace, it gives the whole time anew.
    ///
    /// `who` holds it with the highest of `priority`, the one it had, and that of the first who waits.
    pub fn grant(&mut self, who: MemberId, priority: u8, now: Duration, happened: &mut Vec<Happened>) {
        self.tick(now, happened);
        let mut priority = priority;
        if let Some(index) = self.waits(who) {
            priority = priority.max(self.queue.remove(index).priority);
        }
        if let Some(index) = self.holders.iter().position(|place| place.who == who) {
            priority = priority.max(self.holders.remove(index).priority);
        }
        priority = self.queue.first().map_or(priority, |first| priority.max(first.priority));
        if self.holders.len() >= self.settings.holders {
            self.take_weakest(Cause::Revoked, happened);
        }
        self.give(who, priority, now, happened);
    }

    /// The desk takes the floor from `who` at once, or takes it out of the queue.
    pub fn revoke(&mut self, who: MemberId, now: Duration, happened: &mut Vec<Happened>) {
        self.tick(now, happened);
        let revoked = Happened::Revoked { who, cause: Cause::Revoked };
        self.end(who, revoked, Happened::Denied { who, reason: Denial::Removed }, now, happened);
    }

    /// From now on it goes by `settings`, also for those who talk and wait.
    ///
    /// If fewer may talk the newest lose the floor at once; if more, the queue moves up. What a shorter queue has no
    /// room for is denied, from its end. A new `talk` counts from the grant; a grace that runs stays as it is.
    pub fn set(&mut self, settings: Settings, now: Duration, happened: &mut Vec<Happened>) {
        self.tick(now, happened);
        self.settings = settings.in_range();
        while self.holders.len() > self.settings.holders {
            if let Some(Place { who, .. }) = self.holders.pop() {
                happened.push(Happened::Revoked { who, cause: Cause::FewerHolders });
            }
        }
        for place in &mut self.holders {
            place.set_timers(&self.settings, now);
        }
        self.pass_on(now, happened);
        while let (true, Some(first), Some(weakest)) =
            (self.settings.preemption, self.queue.first().copied(), self.weakest())
        {
            if self.holders[weakest].priority >= first.priority {
                break;
            }
            self.queue.remove(0);
            self.preempt(first.who, first.priority, now, happened);
        }
        while self.queue.len() > self.settings.queue {
            if let Some(Waiting { who, .. }) = self.queue.pop() {
                deny(who, Denial::QueueFull, happened);
            }
        }
        self.tick(now, happened);
    }

    /// A packet of `who` came; it matters if it holds the floor. One that comes after T1 is too late, also before the
    /// tick that is due.
    pub fn media(&mut self, who: MemberId, now: Duration) {
        if let Some(place) = self.holders.iter_mut().find(|place| place.who == who)
            && now < place.media.saturating_add(SILENCE)
        {
            place.media = now;
        }
    }

    /// Does what is due at `now`.
    pub fn tick(&mut self, now: Duration, happened: &mut Vec<Happened>) {
        while let Some((at, timer, index)) = self.next().filter(|(at, ..)| *at <= now) {
            let place = &mut self.holders[index];
            let who = place.who;
            let cause = match timer {
                Timer::Warning => {
                    place.warned = true;
                    happened.push(Happened::Warned { who, left: place.ends.unwrap_or(at).saturating_sub(at) });
                    continue;
                }
                Timer::Talk if !self.settings.grace.is_zero() => {
                    place.grace = Some(at.saturating_add(self.settings.grace));
                    happened.push(Happened::Revoking { who, cause: Cause::TalkedTooLong });
                    continue;
                }
                Timer::Talk | Timer::Grace => Cause::TalkedTooLong,
                Timer::Silence => Cause::Silent,
            };
            self.holders.remove(index);
            happened.push(Happened::Revoked { who, cause });
            self.pass_on(at, happened);
            self.say_if_idle(happened);
        }
    }

    /// When [`Self::tick`] has something to do, if nothing else comes.
    pub fn due(&self) -> Option<Duration> {
        self.next().map(|(at, ..)| at)
    }

    /// Whether media of `who` passes: it holds the floor, or its grace runs.
    pub fn may_talk(&self, who: MemberId) -> bool {
        self.holders.iter().any(|place| place.who == who)
    }

    /// Who may talk, by the time of their grant.
    pub fn holders(&self, now: Duration) -> impl ExactSizeIterator<Item = Holder> + '_ {
        self.holders.iter().map(move |place| Holder {
            who: place.who,
            priority: place.priority,
            since: place.since,
            left: place.grace.or(place.ends).map(|end| end.saturating_sub(now)),
            revoking: place.grace.is_some(),
        })
    }

    /// Who waits; the first is next.
    pub fn queue(&self) -> impl ExactSizeIterator<Item = Waiting> + '_ {
        self.queue.iter().copied()
    }

    /// The room has no floor any more: nobody holds it and nobody waits.
    pub fn clear(&mut self, now: Duration, happened: &mut Vec<Happened>) {
        self.tick(now, happened);
        happened.extend(self.queue.drain(..).map(|Waiting { who, .. }| Happened::Unqueued { who }));
        if self.holders.is_empty() {
            return;
        }
        let revoked = |Place { who, .. }| Happened::Revoked { who, cause: Cause::ModeChanged };
        happened.extend(self.holders.drain(..).map(revoked));
        self.say_if_idle(happened);
    }

    /// The next timer of all, and its holder; of equals that of the first.
    fn next(&self) -> Option<(Duration, Timer, usize)> {
        let timers = self.holders.iter().enumerate().map(|(index, place)| (place.due(), index));
        timers.min_by_key(|((at, _), _)| *at).map(|((at, timer), index)| (at, timer, index))
    }

    fn waits(&self, who: MemberId) -> Option<usize> {
        self.queue.iter().position(|waiting| waiting.who == who)
    }

    /// The holder of the lowest priority, and among those the one that has talked longest.
    fn weakest(&self) -> Option<usize> {
        (0..self.holders.len()).min_by_key(|index| self.holders[*index].priority)
    }

    fn take_weakest(&mut self, cause: Cause, happened: &mut Vec<Happened>) {
        if let Some(index) = self.weakest() {
            happened.push(Happened::Revoked { who: self.holders.remove(index).who, cause });
        }
    }

    fn preempt(&mut self, who: MemberId, priority: u8, now: Duration, happened: &mut Vec<Happened>) -> Answer {
        self.take_weakest(Cause::Preempted { by: who }, happened);
        self.give(who, priority, now, happened)
    }

    fn give(&mut self, who: MemberId, priority: u8, now: Duration, happened: &mut Vec<Happened>) -> Answer {
        let place = Place::new(who, priority, &self.settings, now);
        self.holders.push(place);
        happened.push(Happened::Granted { who });
        Answer::Granted { left: place.ends.map(|end| end.saturating_sub(now)) }
    }

    /// Takes `who` out of where it is, and says what that was to it.
    fn end(&mut self, who: MemberId, held: Happened, waited: Happened, now: Duration, happened: &mut Vec<Happened>) {
        if let Some(index) = self.waits(who) {
            self.queue.remove(index);
            happened.push(waited);
        } else if let Some(index) = self.holders.iter().position(|place| place.who == who) {
            self.holders.remove(index);
            happened.push(held);
            self.pass_on(now, happened);
            self.say_if_idle(happened);
        }
    }

    /// Gives free places to who waits.
    fn pass_on(&mut self, now: Duration, happened: &mut Vec<Happened>) {
        while self.holders.len() < self.settings.holders && !self.queue.is_empty() {
            let Waiting { who, priority, .. } = self.queue.remove(0);
            self.give(who, priority, now, happened);
        }
    }

    fn say_if_idle(&self, happened: &mut Vec<Happened>) {
        if self.holders.is_empty() {
            happened.push(Happened::Idle);
        }
    }
}

fn deny(who: MemberId, reason: Denial, happened: &mut Vec<Happened>) -> Answer {
    happened.push(Happened::Denied { who, reason });
    Answer::Denied(reason)
}
