//! Which worker takes whom, and whether any does. Pure: what the workers measured and the time go in.

use std::collections::VecDeque;
use std::time::Duration;

/// How workers are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// A room on the worker that has the least to do, and its peers there too, unless that one has much to do and another one
    /// markedly less.
    #[default]
    ByLoad,
    /// Everybody on the worker with the fewest peers, wherever the room is.
    Even,
}

/// What is known of a worker.
#[derive(Clone, Copy, Debug, Default)]
pub struct Busy {
    /// Share of a core that it used of late.
    pub load: f32,
    /// Peers on it.
    pub peers: u64,
    /// Rooms on it.
    pub rooms: u64,
    /// It takes no new peers.
    pub is_shedding_joins: bool,
}

/// No worker takes another peer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overloaded;

/// What a peer costs, as a share of a core, while too few are there to have measured it.
const FIRST_COST: f32 = 0.001;
/// What is measured is held within these: peers that are all silent say little about the next one.
const COSTS: (f32, f32) = (0.0002, 0.02);
/// Peers that make a mean.
const ENOUGH: u64 = 10;
/// A join counts with what is expected of it for so long; then it has been measured.
const EXPECTED: Duration = Duration::from_secs(1);
/// ICE and DTLS of one join, 1 ms, as a share of that time (measured: 0.8 ms, the answer of HTTP included).
const HANDSHAKE: f32 = 0.001;
/// What a peer costs at least when somebody talks, 50 packets a second: those who hear nothing now may then.
const POTENTIAL: f32 = 0.0003;
/// So much more of its budget a room's worker has to do than another one before its peers go there.
const MARKEDLY: f32 = 0.05;
/// And so much of it at least: two workers woken for each packet cost half as much again as one (100 listeners).
const MUCH: f32 = 0.25;

/// Takes peers in, or not.
pub struct Admission {
    policy: Placement,
    /// Share of a core that each worker may use.
    budget: f32,
    /// When peers were let in that have not been measured yet, for each worker.
    expected: Vec<VecDeque<Duration>>,
}

impl Admission {
    /// Nobody is there yet.
    pub fn new(policy: Placement, budget: f32, workers: usize) -> Self {
        Self { policy, budget, expected: vec![VecDeque::new(); workers] }
    }

    /// Where a new room goes.
    pub fn place_room(&mut self, workers: &[Busy], now: Duration) -> usize {
        self.forget(now);
        match self.policy {
            Placement::Even => least(workers.iter().map(|worker| (worker.peers + worker.rooms) as f32)),
            Placement::ByLoad => {
                let cost = self.mean_cost(workers);
                least((0..workers.len()).map(|at| self.load(at, workers, cost) + workers[at].rooms as f32 * POTENTIAL))
            }
        }
    }

    /// Where a peer goes whose room is on the worker `home`; what it will cost counts from now on.
    pub fn admit(&mut self, home: usize, workers: &[Busy], now: Duration) -> Result<usize, Overloaded> {
        self.forget(now);
        let cost = self.mean_cost(workers);
        let next = cost + HANDSHAKE;
        let chosen = match self.policy {
            Placement::Even => least(workers.iter().map(|worker| worker.peers as f32)),
            Placement::ByLoad => {
                let least = least((0..workers.len()).map(|at| self.load(at, workers, cost)));
                let [has, other_has] = [home, least].map(|worker| self.lasting(worker, workers));
                let is_marked = has > MUCH * self.budget && has > other_has + MARKEDLY * self.budget;
                let is_full = self.load(home, workers, cost) + next > self.budget;
                if is_marked || is_full { least } else { home }
            }
        };
        // Each mix of the room is made on its own worker.
        let is_shed = workers[home].is_shedding_joins || workers[chosen].is_shedding_joins;
        if is_shed || self.load(chosen, workers, cost) + next > self.budget {
            return Err(Overloaded);
        }
        self.expected[chosen].push_back(now);
        Ok(chosen)
    }

    /// What it does, or what those on it may come to make it do, and what is expected of those just let in. Their
    /// handshakes may have been measured or not.
    fn load(&self, worker: usize, workers: &[Busy], cost: f32) -> f32 {
        let (Busy { load, peers, .. }, expected) = (workers[worker], self.expected[worker].len() as f32);
        load.max(peers as f32 * POTENTIAL).max(expected * HANDSHAKE) + expected * cost
    }

    /// The same without handshakes, which say nothing of how long those who come now are to stay together.
    fn lasting(&self, worker: usize, workers: &[Busy]) -> f32 {
        let (Busy { load, peers, .. }, expected) = (workers[worker], self.expected[worker].len() as f32);
        (load - expected * HANDSHAKE).max(expected.max(peers as f32) * POTENTIAL)
    }

    /// What a peer costs here once it is in.
    fn mean_cost(&self, workers: &[Busy]) -> f32 {
        let peers: u64 = workers.iter().map(|worker| worker.peers).sum();
        let joins: usize = self.expected.iter().map(VecDeque::len).sum();
        // Those who have just come are on no measurement yet.
        if peers.saturating_sub(joins as u64) < ENOUGH {
            return FIRST_COST;
        }
        let load: f32 = workers.iter().map(|worker| worker.load).sum();
        ((load - joins as f32 * HANDSHAKE) / peers as f32).clamp(COSTS.0, COSTS.1)
    }

    fn forget(&mut self, now: Duration) {
        for expected in &mut self.expected {
            while expected.front().is_some_and(|at| now.saturating_sub(*at) >= EXPECTED) {
                expected.pop_front();
            }
        }
    }
}

/// The first of the least.
fn least(weights: impl Iterator<Item = f32>) -> usize {
    weights.enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(worker, _)| worker)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(budget: f32) -> Admission {
        Admission::new(Placement::ByLoad, budget, 2)
    }

    fn busy(load: f32, peers: u64) -> Busy {
        Busy { load, peers, ..Busy::default() }
    }

    const NOW: Duration = Duration::from_secs(9);

    #[test]
    fn peers_stay_with_their_room_until_it_has_much_to_do_and_another_worker_markedly_less() {
        let mut admission = admission(0.8);
        assert_eq!(admission.admit(1, &[busy(0.0, 0), busy(0.15, 400)], NOW), Ok(1), "one worker is woken, not two");
        assert_eq!(admission.admit(1, &[busy(0.30, 50), busy(0.32, 50)], NOW), Ok(1));
        assert_eq!(admission.admit(1, &[busy(0.30, 50), busy(0.40, 50)], NOW), Ok(0));
        assert_eq!(admission.admit(1, &[busy(0.0, 0), busy(0.0, 800)], NOW), Ok(0), "all of them may begin to hear");
        let place = |workers: &[Busy], admission: &mut Admission| admission.place_room(workers, NOW);
        assert_eq!(
            place(&[busy(0.4, 0), busy(0.3, 99)], &mut admission),
            1,
            "few that talk are more than many that do not"
        );
    }

    #[test]
    fn a_room_that_fills_at_once_is_not_spread_for_its_handshakes() {
        let mut admission = admission(0.8);
        let taken: Vec<_> = (0..100).map(|peers| admission.admit(0, &[busy(0.1, peers), busy(0.0, 0)], NOW)).collect();
        assert!(taken.iter().all(|taken| *taken == Ok(0)), "{taken:?}");
    }

    #[test]
    fn who_comes_between_two_measurements_counts_already() {
        let mut admission = admission(0.1001);
        let workers = [busy(0.0, 0); 2];
        let taken: Vec<_> = (0..200).map(|_| admission.admit(0, &workers, NOW)).collect();
        let counts = [0, 1].map(|worker| taken.iter().filter(|taken| **taken == Ok(worker)).count());
        assert_eq!(counts, [50, 50], "each 0.1 at 0.002 a join");
        assert_eq!(admission.admit(0, &workers, NOW + EXPECTED), Ok(0), "what they cost has been measured by now");
        let silent = [busy(0.0, 400); 2];
        assert_eq!(admission.admit(0, &silent, NOW + EXPECTED * 2), Err(Overloaded), "somebody will talk");
    }

    #[test]
    fn those_of_a_burst_do_not_make_each_other_cheap_before_they_are_measured() {
        let mut admission = Admission::new(Placement::ByLoad, 0.05, 1);
        let mut taken = 0;
        for n in 0..60 {
            let now = NOW + Duration::from_millis(10) * n;
            taken += u64::from(admission.admit(0, &[busy(0.001, 2 + taken)], now).is_ok());
        }
        assert_eq!(taken, 25, "0.05 at 0.002 a join, though the worker has seen next to nothing yet");
    }

    #[test]
    fn what_peers_cost_is_learned_from_those_who_are_there() {
        let mut admission = admission(0.8);
        let workers = [busy(0.6, 60), busy(0.6, 60)];
        let taken = (0..100).filter(|_| admission.admit(0, &workers, NOW).is_ok()).count();
        assert!((34..=42).contains(&taken), "0.2 left on each, at 0.01 a peer: {taken}");
    }

    #[test]
    fn many_may_come_and_go_where_their_handshakes_are_all_that_they_cost() {
        let mut admission = admission(0.8);
        // 300 a second on each worker, which have measured that.
        for n in 0..1_200 {
            let workers = [busy(0.45, 300); 2];
            let now = NOW + Duration::from_micros(1_666) * n;
            assert!(admission.admit(n as usize % 2, &workers, now).is_ok(), "{n}");
        }
    }

    #[test]
    fn nobody_comes_in_where_joins_are_shed() {
        let mut admission = admission(0.8);
        let shed = Busy { is_shedding_joins: true, ..busy(0.7, 9) };
        assert_eq!(admission.admit(0, &[shed, busy(0.0, 0)], NOW), Err(Overloaded), "its room would have more to do");
        assert_eq!(admission.admit(1, &[shed, busy(0.0, 0)], NOW), Ok(1));
    }
}
