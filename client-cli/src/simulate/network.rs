//! A network that loses, delays, reorders and repeats packets by a seed: the same seed, the same fate.

use std::time::Duration;

use clap::ValueEnum;

/// Networks that people know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Named {
    /// A cable: nothing is lost, 5 ms away.
    Clean,
    /// A full flat: 1 % lost in pairs, 8 ms of jitter, 60 ms without a packet every 7 s.
    Wifi,
    /// A phone on the move: 2 % lost in threes, 25 ms of jitter, 150 ms without a packet every 10 s.
    #[value(name = "4g")]
    Mobile,
    /// A bad day: 8 % lost in threes, 40 ms of jitter, some reordered.
    Bad,
    /// Nobody would call on it: 20 % lost in fours, 80 ms of jitter, reordered and repeated, 300 ms without a packet every 5 s.
    Awful,
}

/// What happens to packets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Network {
    /// How long a packet takes at least.
    pub delay: Duration,
    /// And how much longer at most, evenly spread.
    pub jitter: Duration,
    /// Share lost, 0 to 1.
    pub loss: f64,
    /// How many are lost in a row, on average, at least 1.
    pub burst: f64,
    /// Share that comes 30 ms later than those around it.
    pub reorder: f64,
    /// Share that comes twice.
    pub repeat: f64,
    /// Every so often nothing comes for so long, and then all at once.
    pub stall: Option<(Duration, Duration)>,
}

impl Named {
    /// What it does to packets.
    pub fn network(self) -> Network {
        let ms = Duration::from_millis;
        let clean = Network { delay: ms(5), burst: 1.0, ..Network::default() };
        match self {
            Self::Clean => clean,
            Self::Wifi => Network { jitter: ms(8), loss: 0.01, burst: 2.0, stall: Some((ms(7_000), ms(60))), ..clean },
            Self::Mobile => Network {
                delay: ms(30),
                jitter: ms(25),
                loss: 0.02,
                burst: 3.0,
                stall: Some((ms(10_000), ms(150))),
                ..clean
            },
            Self::Bad => Network { delay: ms(40), jitter: ms(40), loss: 0.08, burst: 3.0, reorder: 0.02, ..clean },
            Self::Awful => Network {
                delay: ms(60),
                jitter: ms(80),
                loss: 0.20,
                burst: 4.0,
                reorder: 0.05,
                repeat: 0.02,
                stall: Some((ms(5_000), ms(300))),
            },
        }
    }
}

/// One direction of a network.
#[derive(Clone, Debug)]
pub struct Path {
    network: Network,
    chance: Chance,
    is_losing: bool,
    /// Packets that are neither reordered nor repeated come in order.
    latest: Duration,
    /// What was sent, and what of it was lost.
    pub sent: u64,
    pub lost: u64,
}

impl Path {
    /// A path whose fate is this seed's.
    pub fn new(network: Network, seed: u64) -> Self {
        Self { network, chance: Chance(seed), is_losing: false, latest: Duration::ZERO, sent: 0, lost: 0 }
    }

    /// When a packet that leaves `now` arrives: never, once or twice.
    pub fn send(&mut self, now: Duration) -> [Option<Duration>; 2] {
        let Self { network, chance, .. } = self;
        self.sent += 1;
        // Each packet draws the same number of times, so that one setting does not move the fate of another.
        let [lose, late, reorder, repeat] = [(); 4].map(|()| chance.next());
        // Gilbert's model: a burst ends with a chance of one in its mean length, and begins so that the share holds.
        let stays = 1.0 - 1.0 / network.burst.max(1.0);
        let begins = network.loss * (1.0 - stays) / (1.0 - network.loss).max(1e-9);
        self.is_losing = lose < if self.is_losing { stays.max(0.0) } else { begins };
        if network.burst <= 1.0 {
            self.is_losing = lose < network.loss;
        }
        if self.is_losing {
            self.lost += 1;
            return [None, None];
        }
        let mut at = now + network.delay + network.jitter.mul_f64(late);
        if let Some((every, length)) = network.stall {
            let since = Duration::from_nanos((now.as_nanos() % every.as_nanos()) as u64);
            if every - length <= since {
                at = at.max(now - since + every + network.delay);
            }
        }
        if reorder < network.reorder {
            at += Duration::from_millis(30);
        } else {
            // A queue keeps its order.
            at = at.max(self.latest);
            self.latest = at;
        }
        [Some(at), (repeat < network.repeat).then(|| at + Duration::from_millis(5))]
    }
}

/// Steele, Lea and Flood's SplitMix64.
#[derive(Clone, Debug)]
struct Chance(u64);

impl Chance {
    /// 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(network: Network) -> Vec<[Option<Duration>; 2]> {
        let mut path = Path::new(network, 7);
        (0..100_000).map(|n| path.send(Duration::from_millis(20 * n))).collect()
    }

    #[test]
    fn shares_are_as_they_are_set() {
        for (loss, burst) in [(0.05, 1.0), (0.10, 3.0), (0.20, 4.0)] {
            let fates = run(Network { loss, burst, ..Network::default() });
            let lost = fates.iter().filter(|fate| fate[0].is_none()).count();
            let bursts = fates.windows(2).filter(|pair| pair[0][0].is_some() && pair[1][0].is_none()).count();
            assert!((lost as f64 / 1e5 - loss).abs() < 0.01, "{lost} of 100000 at {loss}");
            let mean = lost as f64 / bursts as f64;
            let wanted = if burst > 1.0 { burst } else { 1.0 / (1.0 - loss) };
            assert!((mean / wanted - 1.0).abs() < 0.1, "bursts of {mean}, not {wanted}");
        }
        let fates = run(Network { reorder: 0.05, repeat: 0.03, ..Network::default() });
        let arrivals: Vec<_> = fates.iter().filter_map(|fate| fate[0]).collect();
        let overtaken = arrivals.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!((4_000..5_500).contains(&overtaken), "{overtaken}");
        assert!((2_700..3_300).contains(&fates.iter().filter(|fate| fate[1].is_some()).count()));
    }

    #[test]
    fn a_stall_ends_for_all_at_once_and_the_same_seed_is_the_same_network() {
        let network = Named::Awful.network();
        assert_eq!(run(network), run(network));
        let ms = Duration::from_millis;
        let mut path = Path::new(Network { stall: Some((ms(1_000), ms(200))), ..Network::default() }, 1);
        let at = |path: &mut Path, t| path.send(ms(t))[0].unwrap();
        assert_eq!([780, 820, 980, 1_000].map(|t| at(&mut path, t)), [ms(780), ms(1_000), ms(1_000), ms(1_000)]);
    }
}
