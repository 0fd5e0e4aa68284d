//! What a worker leaves out when it has more to do than it may: first what is only seen, then what few wish, then new
//! peers; the sound of those who are in, never. [`Shedding`] is pure: loads and the time go in, levels come out.

use std::fmt;
use std::time::Duration;

use room::Shed;

use super::counters::Counters;
use super::{Worker, load};

/// What is left out; each also what the levels before it leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    #[default]
    Nothing,
    /// Nine of ten meters.
    Meters,
    /// All meters and levels.
    Levels,
    /// Personal mixes: who wished one hears what the desk says.
    Personal,
    /// New peers: they get 503.
    Joins,
}

impl Level {
    const ALL: [Self; 5] = [Self::Nothing, Self::Meters, Self::Levels, Self::Personal, Self::Joins];

    fn next(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }

    fn before(self) -> Option<Self> {
        Self::ALL.get((self as usize).checked_sub(1)?).copied()
    }

    /// What it means in a room.
    fn in_room(self) -> Shed {
        match self {
            Self::Nothing => Shed::Nothing,
            Self::Meters => Shed::Meters,
            Self::Levels => Shed::Levels,
            Self::Personal | Self::Joins => Shed::Personal,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing",
            Self::Meters => "most meters",
            Self::Levels => "all meters and levels",
            Self::Personal => "personal mixes",
            Self::Joins => "new peers",
        })
    }
}

/// What has just begun or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// This is left out too from now on.
    Begins(Level),
    /// This is not left out any more.
    Ends(Level),
}

/// So much of its budget a worker may use to get back what was left out: else it would be over it again at once.
const CALM: f32 = 0.9;
/// For so long it must have used no more.
const PATIENCE: Duration = Duration::from_secs(2);
/// Where what came back was too much within [`RELAPSE`], twice as long the next time, up to this.
const MOST_PATIENCE: Duration = Duration::from_secs(32);
const RELAPSE: Duration = Duration::from_secs(10);

/// How far a worker is.
#[derive(Debug)]
pub struct Shedding {
    /// Share of a core that it may use.
    budget: f32,
    level: Level,
    calm_since: Option<Duration>,
    patience: Duration,
    /// When something last came back.
    eased: Option<Duration>,
}

impl Shedding {
    /// Nothing is left out.
    pub fn new(budget: f32) -> Self {
        Self { budget, level: Level::Nothing, calm_since: None, patience: PATIENCE, eased: None }
    }

    /// What is left out.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The worker has used so much of a core in the window that ends now: one step on or back, at most.
    pub fn measured(&mut self, load: f32, now: Duration) -> Option<Change> {
        if load > self.budget * CALM {
            self.calm_since = None;
            let next = self.level.next().filter(|_| load > self.budget)?;
            let is_relapse = self.eased.take().is_some_and(|at| now.saturating_sub(at) < RELAPSE);
            if is_relapse {
                self.patience = (self.patience * 2).min(MOST_PATIENCE);
            } else if self.level == Level::Nothing {
                self.patience = PATIENCE;
            }
            self.level = next;
            return Some(Change::Begins(next));
        }
        let since = *self.calm_since.get_or_insert(now);
        let before = self.level.before().filter(|_| now.saturating_sub(since) >= self.patience)?;
        let ended = std::mem::replace(&mut self.level, before);
        (self.calm_since, self.eased) = (Some(now), Some(now));
        Some(Change::Ends(ended))
    }
}

impl Worker {
    /// Measures how much it does, if that is due, and leaves out what is too much.
    pub(super) fn measure_load(&mut self) {
        let now = self.now();
        let Some(load) = self.load.measure(now, load::cpu_time) else { return };
        self.counters.set_load(load, now);
        let Some(change) = self.shedding.measured(load, now) else { return };
        let level = self.shedding.level();
        Counters::set(&self.counters.shedding, level as u64);
        self.rooms.shed(level.in_room());
        let (index, percent, budget) = (self.index, load * 100.0, self.settings.budget * 100.0);
        let used = format!("it used {percent:.0} % of a core, and may use {budget:.0} %");
        self.settings.log.record(
            now,
            "server",
            match change {
                Change::Begins(level) => format!("Worker {index} sheds {level}: {used}"),
                Change::Ends(level) => format!("Worker {index} sheds {level} no more: {used}"),
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of half a second from `from` on, all of this load; what changed, and when.
    fn run(shedding: &mut Shedding, load: f32, from: u64, windows: u64) -> Vec<(u64, Change)> {
        let measured = |n| {
            let at = from + n * 500;
            Some((at, shedding.measured(load, Duration::from_millis(at))?))
        };
        (0..windows).filter_map(measured).collect()
    }

    fn until_change(shedding: &mut Shedding, load: f32, from: u64) -> u64 {
        let mut windows = (0..1_000).map(|n| from + n * 500);
        windows.find(|at| shedding.measured(load, Duration::from_millis(*at)).is_some()).unwrap()
    }

    #[test]
    fn what_is_only_seen_goes_first_and_new_peers_last_and_all_comes_back_in_the_other_order() {
        let mut shedding = Shedding::new(0.5);
        assert_eq!(run(&mut shedding, 0.5, 0, 100), [], "as much as it may");
        let begins = [Level::Meters, Level::Levels, Level::Personal, Level::Joins].map(Change::Begins);
        let went = run(&mut shedding, 0.51, 100_000, 10);
        assert_eq!(went.iter().map(|(_, change)| *change).collect::<Vec<_>>(), begins);
        assert_eq!(went.last().map(|(at, _)| *at), Some(101_500), "new peers go after two seconds");
        assert_eq!(run(&mut shedding, 0.46, 110_000, 100), [], "it is not over, and would be");
        let ends = [Level::Joins, Level::Personal, Level::Levels, Level::Meters].map(Change::Ends);
        let came = run(&mut shedding, 0.44, 200_000, 30);
        assert_eq!(came.iter().map(|(_, change)| *change).collect::<Vec<_>>(), ends);
        assert_eq!(came.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [202_000, 204_000, 206_000, 208_000]);
        assert_eq!(shedding.level(), Level::Nothing);
    }

    #[test]
    fn what_comes_back_too_early_comes_later_the_next_time() {
        let mut shedding = Shedding::new(0.8);
        let (mut waits, mut at) = (Vec::new(), 0);
        for _ in 0..6 {
            run(&mut shedding, 0.9, at, 1);
            let back = until_change(&mut shedding, 0.3, at + 500);
            waits.push(back - at - 500);
            at = back + 500;
        }
        assert_eq!(waits, [2_000, 4_000, 8_000, 16_000, 32_000, 32_000]);
        run(&mut shedding, 0.9, at + 60_000, 1);
        assert_eq!(until_change(&mut shedding, 0.3, at + 60_500), at + 62_500, "that was another time");
    }
}
