//! How many until the server can no more.

use clap::ValueEnum;
use serde::Serialize;

use super::load::{Row, Setting, Shape};

/// What is raised; the rest stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Raised {
    /// Peers of each room who do not talk
    Listeners,
    /// Peers of each room who talk
    Talkers,
    /// Rooms, each with its peers
    Rooms,
}

/// Where it ends.
pub struct Limits {
    /// Of what is raised.
    pub max: usize,
    /// Of 99.9 % of the ticks.
    pub tick_ms: f64,
    /// Of the packets.
    pub loss_percent: f64,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Found {
    search: Raised,
    /// So many it can carry.
    most: usize,
    /// So many it cannot, and why; none where the search ended before.
    #[serde(skip_serializing_if = "Option::is_none")]
    too_many: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
}

impl Found {
    /// For people.
    pub fn sentence(&self) -> String {
        let what = format!("{:?}", self.search).to_lowercase();
        match (&self.too_many, &self.because) {
            (Some(too_many), Some(because)) => format!("{} {what}; with {too_many} {because}", self.most),
            _ => format!("{} {what}, where the search ends; more may be possible", self.most),
        }
    }
}

impl Raised {
    fn of(self, shape: Shape) -> usize {
        match self {
            Self::Listeners => shape.peers - shape.talkers,
            Self::Talkers => shape.talkers,
            Self::Rooms => shape.rooms,
        }
    }

    fn to(self, shape: Shape, count: usize) -> Shape {
        match self {
            Self::Listeners => Shape { peers: shape.talkers + count, ..shape },
            Self::Talkers => Shape { peers: shape.peers - shape.talkers + count, talkers: count, ..shape },
            Self::Rooms => Shape { rooms: count, ..shape },
        }
    }
}

/// Measures, doubling until it is too much, then halves what lies between until that is a tenth. What is too much is
/// measured again before it is believed: a machine has other things to do now and then.
pub async fn search(
    setting: &Setting,
    raised: Raised,
    shape: Shape,
    limits: &Limits,
    done: &mut impl FnMut(Row) -> anyhow::Result<()>,
) -> anyhow::Result<Found> {
    let mut steps = Steps::new(raised.of(shape), limits.max);
    let mut because = None;
    while let Some(count) = steps.next() {
        let mut exceeded = None;
        for _ in 0..2 {
            exceeded = match setting.measure(raised.to(shape, count)).await {
                Ok(row) => {
                    let because = row.exceeds(limits.tick_ms, limits.loss_percent);
                    let late = because.as_ref().map(|_| row.sent_late).filter(|late| *late > 0);
                    done(row)?;
                    let late = late.map(|late| format!("; this program sent {late} packets late itself"));
                    because.map(|because| because + &late.unwrap_or_default())
                }
                // Where fewer could join, it is the number.
                Err(error) if steps.good > 0 => Some(error.to_string()),
                Err(error) => return Err(error),
            };
            if exceeded.is_none() {
                break;
            }
        }
        steps.tried(count, exceeded.is_none());
        because = exceeded.or(because);
    }
    Ok(Found { search: raised, most: steps.good, too_many: steps.bad, because })
}

/// Which number to try: pure.
struct Steps {
    start: usize,
    max: usize,
    good: usize,
    bad: Option<usize>,
}

impl Steps {
    fn new(start: usize, max: usize) -> Self {
        Self { start: start.clamp(1, max), max, good: 0, bad: None }
    }

    fn next(&self) -> Option<usize> {
        match self.bad {
            None if self.good == 0 => Some(self.start),
            None if self.good < self.max => Some((self.good * 2).min(self.max)),
            None => None,
            Some(bad) if bad - self.good > (bad / 10).max(1) => Some(self.good.midpoint(bad)),
            Some(_) => None,
        }
    }

    fn tried(&mut self, count: usize, is_good: bool) {
        if is_good { self.good = count } else { self.bad = Some(count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(start: usize, max: usize, most: usize) -> (usize, Option<usize>, usize) {
        let mut steps = Steps::new(start, max);
        let mut tries = 0;
        while let Some(count) = steps.next() {
            steps.tried(count, count <= most);
            tries += 1;
        }
        (steps.good, steps.bad, tries)
    }

    #[test]
    fn the_number_is_found_to_a_tenth_in_few_steps() {
        for most in [1, 3, 10, 77, 640, 1_999] {
            let (good, bad, tries) = found(10, 2_000, most);
            let bad = bad.expect("it is found");
            assert!(good <= most && most < bad && bad - good <= (bad / 10).max(1), "{most}: {good} to {bad}");
            assert!(tries <= 14, "{tries} steps");
        }
        assert_eq!(found(10, 100, 1_000), (100, None, 5));
        assert_eq!(found(10, 100, 0), (0, Some(1), 4));
    }

    #[test]
    fn only_what_is_raised_changes() {
        let shape = Shape { rooms: 2, peers: 10, talkers: 3 };
        assert_eq!(Raised::Listeners.to(shape, 20), Shape { peers: 23, ..shape });
        assert_eq!(Raised::Talkers.to(shape, 5), Shape { peers: 12, talkers: 5, ..shape });
        assert_eq!(Raised::Rooms.to(shape, 5), Shape { rooms: 5, ..shape });
        assert_eq!([Raised::Listeners, Raised::Talkers, Raised::Rooms].map(|raised| raised.of(shape)), [7, 3, 2]);
    }
}
