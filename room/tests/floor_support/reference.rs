//! The floor as its rules say it, written to be read and not to be fast: people in a bag, sorted anew for each
//! question, and a clock that walks.

use std::{cmp::Reverse, collections::BTreeMap};

use room::{
    MemberId,
    floor::{Cause, Denial, Happened, SILENCE, Settings},
};

use super::floor_support::ms;

/// All times are multiples of this, in ms.
pub const STEP: u64 = 20;

/// What is known of one who talks or waits.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    pub priority: u8,
    asked: u64,
    /// The order of those who asked, or were granted, at the same time.
    turn: u64,
    pub talk: Option<Talk>,
}

#[derive(Clone, Copy, Debug)]
pub struct Talk {
    pub since: u64,
    heard: u64,
    warned: bool,
    pub grace: Option<u64>,
}

/// The rules, straight.
pub struct Reference {
    pub settings: Settings,
    pub people: BTreeMap<u64, Person>,
    pub now: u64,
    turns: u64,
    /// The last change of settings: no timer counts as over before it.
    changed: u64,
    pub happened: Vec<Happened>,
}

impl Reference {
    pub fn new(settings: Settings) -> Self {
        let mut reference =
            Self { settings, people: BTreeMap::new(), now: 0, turns: 0, changed: 0, happened: Vec::new() };
        reference.limit();
        reference
    }

    fn limit(&mut self) {
        self.settings.holders = self.settings.holders.clamp(1, 16);
        self.settings.queue = self.settings.queue.clamp(0, 64);
    }

    fn turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }

    pub fn holders(&self) -> Vec<u64> {
        let mut all: Vec<_> = self.people.iter().filter(|(_, p)| p.talk.is_some()).collect();
        all.sort_by_key(|(_, p)| p.turn);
        all.into_iter().map(|(who, _)| *who).collect()
    }

    pub fn queue(&self) -> Vec<u64> {
        let mut all: Vec<_> = self.people.iter().filter(|(_, p)| p.talk.is_none()).collect();
        all.sort_by_key(|(_, p)| (Reverse(p.priority), p.asked, p.turn));
        all.into_iter().map(|(who, _)| *who).collect()
    }

    /// The holder to give way: the lowest, then the one that has talked longest.
    fn weakest(&self) -> Option<u64> {
        self.holders().into_iter().min_by_key(|who| (self.people[who].priority, self.people[who].turn))
    }

    fn promote(&mut self, who: u64) {
        let (turn, now) = (self.turn(), self.now);
        let person = self.people.get_mut(&who).expect("who is promoted waits");
        person.turn = turn;
        person.talk = Some(Talk { since: now, heard: now, warned: false, grace: None });
        self.happened.push(Happened::Granted { who: MemberId(who) });
    }

    fn lose(&mut self, who: u64, cause: Cause) {
        self.people.remove(&who);
        self.happened.push(Happened::Revoked { who: MemberId(who), cause });
    }

    /// Makes holders and queue what they have to be.
    fn settle(&mut self) {
        while let Some(first) = self.queue().first().copied() {
            if self.holders().len() >= self.settings.holders {
                let weakest = self.weakest().expect("there is at least one place");
                if !self.settings.preemption || self.people[&weakest].priority >= self.people[&first].priority {
                    break;
                }
                self.lose(weakest, Cause::Preempted { by: MemberId(first) });
            }
            self.promote(first);
        }
    }

    fn overflow(&mut self, mut reason: impl FnMut(u64) -> Denial) {
        while self.queue().len() > self.settings.queue {
            let last = self.queue().pop().expect("more than none wait");
            self.people.remove(&last);
            self.happened.push(Happened::Denied { who: MemberId(last), reason: reason(last) });
        }
    }

    fn idle_if(&mut self, somebody_held: bool) {
        if somebody_held && self.holders().is_empty() {
            self.happened.push(Happened::Idle);
        }
    }

    /// What one holder's timers bring now, the first of them.
    fn timer(&self, talk: Talk) -> Option<Timer> {
        if let Some(grace) = talk.grace {
            return (self.now >= grace).then_some(Timer::Lost(Cause::TalkedTooLong));
        }
        if self.now - talk.heard >= SILENCE.as_millis() as u64 {
            return Some(Timer::Lost(Cause::Silent));
        }
        let [limit, warning, grace] =
            [self.settings.talk, self.settings.warning, self.settings.grace].map(|span| span.as_millis() as u64);
        if limit == 0 {
            return None;
        }
        let end = (talk.since + limit).max(self.changed.max(talk.since));
        if self.now >= end {
            return Some(if grace == 0 { Timer::Lost(Cause::TalkedTooLong) } else { Timer::Stop(self.now + grace) });
        }
        let warns = warning > 0 && warning < limit && !talk.warned && self.now + warning >= end;
        warns.then_some(Timer::Warn(end - self.now))
    }

    fn do_timers(&mut self) {
        while let Some((who, timer)) = self
            .holders()
            .into_iter()
            .find_map(|who| Some((who, self.timer(self.people[&who].talk.expect("a holder talks"))?)))
        {
            let talk = self.people.get_mut(&who).and_then(|person| person.talk.as_mut()).expect("a holder talks");
            match timer {
                Timer::Warn(left) => {
                    talk.warned = true;
                    self.happened.push(Happened::Warned { who: MemberId(who), left: ms(left) });
                }
                Timer::Stop(until) => {
                    talk.grace = Some(until);
                    self.happened.push(Happened::Revoking { who: MemberId(who), cause: Cause::TalkedTooLong });
                }
                Timer::Lost(cause) => {
                    self.lose(who, cause);
                    self.settle();
                    self.idle_if(true);
                }
            }
        }
    }

    /// Walks; gives when the first thing happened.
    pub fn wait(&mut self, span: u64) -> Option<u64> {
        let mut first = None;
        for _ in 0..span / STEP {
            self.now += STEP;
            let before = self.happened.len();
            self.do_timers();
            if self.happened.len() > before {
                first = first.or(Some(self.now));
            }
        }
        first
    }

    pub fn request(&mut self, who: u64, priority: u8) {
        let (now, turn) = (self.now, self.turn());
        let known = self.people.get(&who).copied();
        match known {
            Some(Person { talk: Some(Talk { grace: Some(_), .. }), .. }) => {
                return self.happened.push(Happened::Denied { who: MemberId(who), reason: Denial::Revoked });
            }
            Some(person @ Person { talk: Some(_), .. }) => {
                self.people.insert(who, Person { priority: priority.max(person.priority), ..person });
                return;
            }
            Some(person) if person.priority == priority => return,
            _ => {}
        }
        let asked = known.map_or(now, |person| person.asked);
        self.people.insert(who, Person { priority, asked, turn, talk: None });
        self.settle();
        let none_may_wait = self.settings.queue == 0;
        self.overflow(|last| match (last == who, none_may_wait) {
            (true, true) => Denial::Taken,
            (true, false) => Denial::QueueFull,
            (false, _) => Denial::Displaced,
        });
        if let Some(index) = self.queue().iter().position(|other| *other == who) {
            self.happened.push(Happened::Queued { who: MemberId(who), position: index + 1 });
        }
    }

    pub fn end(&mut self, who: u64, held: Happened, waited: Happened) {
        if let Some(person) = self.people.remove(&who) {
            self.happened.push(if person.talk.is_some() { held } else { waited });
            self.settle();
            self.idle_if(person.talk.is_some());
        }
    }

    pub fn grant(&mut self, who: u64, priority: u8) {
        let own = self.people.remove(&who).map_or(0, |person| person.priority);
        let waiting = self.queue().first().map_or(0, |first| self.people[first].priority);
        if self.holders().len() == self.settings.holders {
            let weakest = self.weakest().expect("there is at least one place");
            self.lose(weakest, Cause::Revoked);
        }
        let priority = priority.max(own).max(waiting);
        self.people.insert(who, Person { priority, asked: self.now, turn: 0, talk: None });
        self.promote(who);
    }

    pub fn set(&mut self, settings: Settings) {
        self.settings = settings;
        self.limit();
        self.changed = self.now;
        while self.holders().len() > self.settings.holders {
            let newest = self.holders().pop().expect("more than one talks");
            self.lose(newest, Cause::FewerHolders);
        }
        self.settle();
        self.overflow(|_| Denial::QueueFull);
        self.do_timers();
    }

    pub fn clear(&mut self) {
        let (holders, queue) = (self.holders(), self.queue());
        self.happened.extend(queue.into_iter().map(|who| Happened::Unqueued { who: MemberId(who) }));
        self.people.retain(|_, person| person.talk.is_some());
        holders.iter().for_each(|who| self.lose(*who, Cause::ModeChanged));
        self.idle_if(!holders.is_empty());
    }

    pub fn media(&mut self, who: u64) {
        let now = self.now;
        if let Some(talk) = self.people.get_mut(&who).and_then(|person| person.talk.as_mut()) {
            talk.heard = now;
        }
    }
}

enum Timer {
    Warn(u64),
    Stop(u64),
    Lost(Cause),
}
