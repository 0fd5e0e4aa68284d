//! 100 000 random operations on the floor for each seed, in simulated time, against a reference that is written from
//! the rules: a bag of people with what is known of each, sorted anew for every question, and a clock that walks
//! step by step instead of jumping to what is due.

#![allow(clippy::print_stdout, reason = "what was seen")]

mod floor_support;
#[path = "floor_support/reference.rs"]
mod reference;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
    thread,
};

use floor_support::{Random, ms};
use reference::{Reference, STEP};
use room::{
    MemberId,
    floor::{Answer, Cause, Denial, Floor, Happened, Settings},
};

const OPERATIONS: usize = 100_000;
const PEOPLE: u64 = 24;

#[derive(Clone, Debug)]
enum Operation {
    Request(u64, u8),
    Release(u64),
    Leave(u64),
    Grant(u64, u8),
    Revoke(u64),
    Set(Settings),
    /// A packet of each of these.
    Media(Vec<u64>),
    /// So many ms pass; with ticks when they are due, or one at the end.
    Wait(u64, bool),
    Clear,
}

impl Operation {
    fn random(random: &mut Random) -> Self {
        let who = random.below(PEOPLE);
        let priority = random.one_of(&[0, 0, 0, 0, 1, 1, 2, 3, 255]);
        match random.below(1_000) {
            0..280 => Self::Request(who, priority),
            280..400 => Self::Release(who),
            400..430 => Self::Leave(who),
            430..450 => Self::Grant(who, priority),
            450..475 => Self::Revoke(who),
            475..495 => Self::Set(random_settings(random)),
            495..730 => Self::Media((0..PEOPLE).filter(|_| random.below(8) != 0).collect()),
            730..998 => {
                let longest = random.one_of(&[2, 5, 10, 20, 40, 40, 100, 500]);
                Self::Wait(random.below(longest) * STEP, random.below(2) == 0)
            }
            _ => Self::Clear,
        }
    }
}

fn random_settings(random: &mut Random) -> Settings {
    Settings {
        holders: random.one_of(&[0, 1, 1, 1, 2, 3, 4, 7, 99]),
        queue: random.one_of(&[0, 1, 2, 3, 5, 16, 99]),
        talk: ms(random.one_of(&[0, 1_000, 3_000, 3_000, 5_000, 10_000, 30_000])),
        warning: ms(random.one_of(&[0, 500, 1_000, 5_000])),
        grace: ms(random.one_of(&[0, 20, 1_000, 1_000, 6_000])),
        preemption: random.below(2) == 0,
    }
}

/// Where somebody stands for one who knows only what happened.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stand {
    Holds { warned: bool, revoking: bool },
    Waits,
}

/// One who knows only what happened: from that alone it has to know holders and queue, and each event has to fit.
#[derive(Default)]
struct Watcher {
    holders: Vec<u64>,
    queue: Vec<u64>,
    stands: BTreeMap<u64, Stand>,
    /// As each asked last.
    priorities: BTreeMap<u64, u8>,
    /// The last holder went, and nothing was said about it yet.
    owes_idle: bool,
}

impl Watcher {
    fn asked(&mut self, operation: &Operation, reference: &Reference) {
        if let Operation::Request(who, priority) | Operation::Grant(who, priority) = *operation {
            self.priorities.insert(who, reference.people.get(&who).map_or(priority, |person| person.priority));
        }
    }

    fn see(&mut self, happened: Happened, operation: &Operation) {
        use Happened::*;
        let before = match happened {
            Granted { who }
            | Queued { who, .. }
            | Denied { who, .. }
            | Released { who }
            | Revoking { who, .. }
            | Revoked { who, .. }
            | Unqueued { who }
            | Warned { who, .. } => Some(who.0),
            Idle => None,
        }
        .and_then(|who| self.stands.get(&who).copied());
        let holds = matches!(before, Some(Stand::Holds { .. }));
        let desk = |who: MemberId| matches!(operation, Operation::Grant(granted, _) if *granted == who.0);
        match happened {
            Granted { who } => {
                assert!(!holds || desk(who), "only the desk grants a holder again");
                if !desk(who) {
                    let highest = self.queue.iter().map(|other| self.priorities[other]).max();
                    assert!(highest <= Some(self.priorities[&who.0]) || highest.is_none(), "a higher priority waits");
                }
                self.remove(who.0);
                self.owes_idle = false;
                self.holders.push(who.0);
                self.stands.insert(who.0, Stand::Holds { warned: false, revoking: false });
            }
            Queued { who, position } => {
                assert!(!holds, "a holder waits");
                self.remove(who.0);
                self.queue.insert(position - 1, who.0);
                self.stands.insert(who.0, Stand::Waits);
            }
            Denied { reason: Denial::Revoked, .. } => {
                assert!(matches!(before, Some(Stand::Holds { revoking: true, .. })), "{happened:?} of {before:?}");
            }
            Denied { who, .. } => {
                let asks = matches!(operation, Operation::Request(asks, _) if *asks == who.0);
                assert!(before == Some(Stand::Waits) || (before.is_none() && asks), "{happened:?} of {before:?}");
                self.remove(who.0);
            }
            Unqueued { who } => {
                assert_eq!(before, Some(Stand::Waits), "{happened:?}");
                self.remove(who.0);
            }
            Released { who } | Revoked { who, .. } => {
                assert!(holds, "{happened:?} of {before:?}");
                self.remove(who.0);
                self.owes_idle = self.holders.is_empty();
            }
            Warned { who, left } => {
                assert_eq!(before, Some(Stand::Holds { warned: false, revoking: false }), "{happened:?}");
                assert!(left > ms(0), "warned when it is too late");
                self.stands.insert(who.0, Stand::Holds { warned: true, revoking: false });
            }
            Revoking { who, .. } => {
                assert!(matches!(before, Some(Stand::Holds { revoking: false, .. })), "{happened:?} of {before:?}");
                self.stands.insert(who.0, Stand::Holds { warned: true, revoking: true });
            }
            Idle => {
                assert!(self.owes_idle && self.queue.is_empty(), "idle, but not just now");
                self.owes_idle = false;
            }
        }
    }

    fn remove(&mut self, who: u64) {
        self.holders.retain(|other| *other != who);
        self.queue.retain(|other| *other != who);
        self.stands.remove(&who);
    }
}

/// The floor beside its reference and its watcher; prints the last operations if a test fails.
struct Run {
    seed: u64,
    last: VecDeque<(usize, u64, Operation)>,
    floor: Floor,
    reference: Reference,
    watcher: Watcher,
    happened: Vec<Happened>,
    seen: BTreeMap<&'static str, usize>,
}

impl Drop for Run {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("seed {}; the last operations, each with its number and the time in ms:", self.seed);
            self.last.iter().for_each(|(number, at, operation)| eprintln!("{number:6} {at:9} {operation:?}"));
        }
    }
}

impl Run {
    fn new(seed: u64, settings: Settings) -> Self {
        Self {
            seed,
            last: VecDeque::new(),
            floor: Floor::new(settings),
            reference: Reference::new(settings),
            watcher: Watcher::default(),
            happened: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    fn apply(&mut self, operation: &Operation) {
        let (now, happened) = (ms(self.reference.now), &mut self.happened);
        let (floor, reference) = (&mut self.floor, &mut self.reference);
        match operation.clone() {
            Operation::Request(who, priority) => {
                let pending = reference.happened.len();
                let known = reference.people.get(&who).copied();
                let answer = floor.request(MemberId(who), priority, now, happened);
                reference.request(who, priority);
                *self.seen.entry(answer_name(answer)).or_default() += 1;
                let repeated = known.is_some_and(|person| match person.talk {
                    Some(talk) => talk.grace.is_none(),
                    None => person.priority == priority,
                });
                self.check_answer(who, answer, pending, repeated);
            }
            Operation::Release(who) => {
                floor.release(MemberId(who), now, happened);
                let who_ = MemberId(who);
                reference.end(who, Happened::Released { who: who_ }, Happened::Unqueued { who: who_ });
                assert!(!floor.may_talk(who_) && floor.queue().all(|waiting| waiting.who != who_));
            }
            Operation::Leave(who) => {
                let member = MemberId(who);
                floor.leave(member, now, happened);
                let held = Happened::Revoked { who: member, cause: Cause::Left };
                reference.end(who, held, Happened::Unqueued { who: member });
                assert!(!floor.may_talk(member) && floor.queue().all(|waiting| waiting.who != member), "left a trace");
            }
            Operation::Grant(who, priority) => {
                floor.grant(MemberId(who), priority, now, happened);
                reference.grant(who, priority);
                assert!(floor.may_talk(MemberId(who)), "the desk gives it now");
            }
            Operation::Revoke(who) => {
                let member = MemberId(who);
                floor.revoke(member, now, happened);
                let held = Happened::Revoked { who: member, cause: Cause::Revoked };
                reference.end(who, held, Happened::Denied { who: member, reason: Denial::Removed });
                assert!(!floor.may_talk(member), "the desk takes it at once");
            }
            Operation::Set(settings) => {
                floor.set(settings, now, happened);
                reference.set(settings);
                assert_eq!(floor.settings(), reference.settings);
            }
            Operation::Media(who) => {
                // Before a late tick those who hold the floor, or think so; after it also those whom it grants.
                let hold = |who: &&u64| floor.may_talk(MemberId(**who));
                let holders: Vec<u64> = who.iter().filter(hold).copied().collect();
                holders.iter().for_each(|who| floor.media(MemberId(*who), now));
                floor.tick(now, happened);
                who.iter().for_each(|who| floor.media(MemberId(*who), now));
                who.iter().for_each(|who| reference.media(*who));
            }
            Operation::Wait(span, in_time) => {
                let end = now + ms(span);
                // Everything before counts, or the next thing due would be in the past.
                floor.tick(now, happened);
                let due = floor.due();
                let first = reference.wait(span);
                assert_eq!(first.map(ms), due.filter(|due| *due <= end), "due when something happens, and then only");
                while let Some(due) = floor.due().filter(|due| in_time && *due <= end) {
                    let before = happened.len();
                    floor.tick(due, happened);
                    assert!(happened.len() > before, "nothing was due");
                }
                if in_time {
                    floor.tick(end, happened);
                }
            }
            Operation::Clear => {
                floor.clear(now, happened);
                reference.clear();
            }
        }
    }

    /// Who asked got one answer, and it is true. The first `pending` that happened were due before.
    fn check_answer(&self, who: u64, answer: Answer, pending: usize, repeated: bool) {
        let own = |happened: &&Happened| {
            matches!(happened, Happened::Granted { who: w } | Happened::Queued { who: w, .. }
                | Happened::Denied { who: w, .. } if w.0 == who)
        };
        let answers = self.happened[pending..].iter().filter(own).count();
        assert_eq!(answers, usize::from(!repeated), "everyone who asks is answered, once");
        let now = ms(self.reference.now);
        let holder = self.floor.holders(now).find(|holder| holder.who.0 == who);
        let place = self.floor.queue().position(|waiting| waiting.who.0 == who);
        assert_eq!(
            match answer {
                Answer::Granted { left } => Some((Some(left), None)),
                Answer::Queued { position } => Some((None, Some(position - 1))),
                Answer::Denied(Denial::Revoked) => Some((holder.filter(|h| h.revoking).map(|h| h.left), None)),
                Answer::Denied(_) => Some((None, None)),
            },
            Some((holder.map(|holder| holder.left), place)),
            "{answer:?} is not what {who} got"
        );
    }

    /// `pending` as in [`Self::check_answer`].
    fn check(&mut self, operation: &Operation, pending: usize) {
        let now = ms(self.reference.now);
        if matches!(operation, Operation::Wait(_, false)) {
            // The late tick is that of the next operation; the reference has done everything already.
            return;
        }
        assert!(self.floor.due().is_none_or(|due| due > now), "due in the past");
        assert_eq!(self.happened, self.reference.happened, "what happened");
        for (index, happened) in self.happened.drain(..).enumerate() {
            if index == pending {
                self.watcher.asked(operation, &self.reference);
            }
            *self.seen.entry(happened_name(happened)).or_default() += 1;
            let context = if index < pending { &Operation::Wait(0, false) } else { operation };
            self.watcher.see(happened, context);
        }
        self.watcher.asked(operation, &self.reference);
        self.reference.happened.clear();
        assert!(!self.watcher.owes_idle, "nobody said that the floor is idle");

        let holders: Vec<_> = self.floor.holders(now).collect();
        let queue: Vec<_> = self.floor.queue().collect();
        let names: Vec<_> = holders.iter().map(|holder| holder.who.0).collect();
        let waiting: Vec<_> = queue.iter().map(|waiting| waiting.who.0).collect();
        assert_eq!((&names, &waiting), (&self.reference.holders(), &self.reference.queue()), "who talks, who waits");
        assert_eq!((&names, &waiting), (&self.watcher.holders, &self.watcher.queue), "replayed");
        for holder in &holders {
            let person = self.reference.people[&holder.who.0];
            let talk = person.talk.expect("a holder talks");
            assert_eq!((holder.priority, holder.since), (person.priority, ms(talk.since)));
            assert_eq!(holder.revoking, talk.grace.is_some());
            assert!(self.floor.may_talk(holder.who));
        }
        assert!(queue.iter().all(|waiting| !self.floor.may_talk(waiting.who)), "who waits does not talk");

        let Settings { holders: places, queue: length, preemption, .. } = self.floor.settings();
        assert!(holders.len() <= places, "more holders than allowed");
        assert!(queue.len() <= length, "more wait than may");
        assert!(queue.is_empty() || holders.len() == places, "somebody waits beside a free place");
        assert!(queue.is_sorted_by_key(|waiting| (Reverse(waiting.priority), waiting.since)), "the order of the queue");
        let mut all: Vec<_> = names.iter().chain(&waiting).collect();
        all.sort();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "somebody is there twice");
        if let (true, Some(first), Some(weakest)) =
            (preemption, queue.first(), holders.iter().map(|holder| holder.priority).min())
        {
            assert!(first.priority <= weakest, "a higher priority waits");
        }
    }

    fn run(mut self) -> BTreeMap<&'static str, usize> {
        let mut random = Random(self.seed);
        for number in 0..OPERATIONS {
            let operation = Operation::random(&mut random);
            if self.last.len() == 30 {
                self.last.pop_front();
            }
            self.last.push_back((number, self.reference.now, operation.clone()));
            let pending = self.reference.happened.len();
            self.apply(&operation);
            self.check(&operation, pending);
        }
        std::mem::take(&mut self.seen)
    }
}

fn answer_name(answer: Answer) -> &'static str {
    match answer {
        Answer::Granted { .. } => "answer granted",
        Answer::Queued { .. } => "answer queued",
        Answer::Denied(_) => "answer denied",
    }
}

fn happened_name(happened: Happened) -> &'static str {
    match happened {
        Happened::Granted { .. } => "granted",
        Happened::Queued { .. } => "queued",
        Happened::Denied { reason, .. } => match reason {
            Denial::Taken => "denied: taken",
            Denial::QueueFull => "denied: queue full",
            Denial::Displaced => "denied: displaced",
            Denial::Revoked => "denied: revoked",
            Denial::Removed => "denied: removed",
        },
        Happened::Released { .. } => "released",
        Happened::Revoking { .. } => "revoking",
        Happened::Revoked { cause, .. } => match cause {
            Cause::TalkedTooLong => "revoked: talked too long",
            Cause::Preempted { .. } => "revoked: preempted",
            Cause::Revoked => "revoked: desk",
            Cause::Silent => "revoked: silent",
            Cause::Left => "revoked: left",
            Cause::FewerHolders => "revoked: fewer holders",
            Cause::ModeChanged => "revoked: mode changed",
        },
        Happened::Unqueued { .. } => "unqueued",
        Happened::Warned { .. } => "warned",
        Happened::Idle => "idle",
    }
}

fn runs(seeds: std::ops::Range<u64>, settings: impl Fn(u64) -> Settings) {
    for seed in seeds {
        let seen = Run::new(seed, settings(seed)).run();
        println!("seed {seed}: {seen:?}");
        // Three answers, and every kind of event with every reason.
        assert_eq!(seen.len(), 3 + 19, "a kind of event never came: {seen:?}");
    }
}

#[test]
fn the_floor_does_as_its_reference() {
    runs(1..9, |_| Settings::default());
}

#[test]
fn the_floor_does_as_its_reference_whatever_it_began_with() {
    runs(100..108, |seed| random_settings(&mut Random(seed)));
}
