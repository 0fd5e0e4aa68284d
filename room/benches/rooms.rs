//! What a room costs: a tick that mixes, a packet that is forwarded, a member that comes and goes. No socket, no
//! encryption: time is simulated, and all packets are encoded before any is measured.
//!
//! `cargo bench -p mixminus-room`, or one group of it: `cargo bench -p mixminus-room -- listeners`

#[path = "../tests/room_support/mod.rs"]
mod room_support;

use std::{cell::RefCell, f64::consts::TAU, time::Duration};

use audio::SAMPLE_RATE;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use room::{Effects, MemberId, Room, Rtp};
use room_support::{Part, Sim, Source, ms, settings};
use signaling::TrackPatch;

/// The packets of one talker: five seconds, sent over and over.
type Ring = Vec<Vec<u8>>;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1_500))
        .sample_size(30)
        .nresamples(10_000)
        .configure_from_args();
    let talkers: Vec<Ring> = (1..=10).map(ring).collect();
    mix_of(&mut criterion, &talkers);
    listeners(&mut criterion, &talkers[..3]);
    forward_to(&mut criterion, &talkers[..1]);
    join(&mut criterion, &talkers[..3]);
    criterion.final_summary();
}

/// A step of 20 ms in which so many talk and 50 listen; throughput is mixes, one for each talker and one for the rest.
fn mix_of(criterion: &mut Criterion, talkers: &[Ring]) {
    let mut group = criterion.benchmark_group("mix_of");
    for count in [2, 3, 10] {
        let mut hall = Hall::new(&talkers[..count], 50);
        group.throughput(Throughput::Elements(count as u64 + 1));
        group.bench_function(BenchmarkId::from_parameter(count), |b| b.iter(|| hall.step()));
    }
    group.finish();
}

/// A step of 20 ms in which three talk and so many listen: what is not the same in all is what listeners cost.
fn listeners(criterion: &mut Criterion, talkers: &[Ring]) {
    let mut group = criterion.benchmark_group("listeners");
    for listeners in [10, 100, 1_000] {
        let mut hall = Hall::new(talkers, listeners);
        group.throughput(Throughput::Elements(listeners));
        group.bench_function(BenchmarkId::from_parameter(listeners), |b| b.iter(|| hall.step()));
    }
    group.finish();
}

/// One packet of a lone talker to so many hearers, without the ticks between packets.
fn forward_to(criterion: &mut Criterion, talkers: &[Ring]) {
    let mut group = criterion.benchmark_group("forward_to");
    for hearers in [10, 100, 1_000] {
        // What is measured and what goes before it both change the room.
        let hall = RefCell::new(Hall::new(talkers, hearers));
        group.throughput(Throughput::Elements(hearers));
        group.bench_function(BenchmarkId::from_parameter(hearers), |b| {
            b.iter_batched(|| hall.borrow_mut().tick(), |()| hall.borrow_mut().packets(), BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// One more who talks and hears comes into a conversation of three in a room of so many, and goes again.
fn join(criterion: &mut Criterion, talkers: &[Ring]) {
    let mut group = criterion.benchmark_group("join");
    for members in [10, 1_000] {
        let mut hall = Hall::new(talkers, members - talkers.len() as u64);
        let mut newest = members;
        let mut newcomer = || {
            newest += 1;
            room_support::join(newest, Part::Both, TrackPatch::default())
        };
        group.bench_function(BenchmarkId::from_parameter(members), |b| {
            b.iter_batched(
                &mut newcomer,
                |newcomer| {
                    let member = newcomer.member;
                    hall.effects.clear();
                    hall.room.join(newcomer, hall.now, &mut hall.effects);
                    hall.room.leave(member, "hung up", hall.now, &mut hall.effects);
                },
                BatchSize::SmallInput,
            );
        });
        assert_eq!(hall.room.members() as u64, members);
    }
    group.finish();
}

/// A room in which somebody, or some, talk without a pause.
struct Hall<'a> {
    room: Room,
    effects: Effects,
    talkers: &'a [Ring],
    number: u32,
    now: Duration,
}

impl<'a> Hall<'a> {
    /// Members 1 and up talk and hear, the others only hear. It has been on for four seconds.
    fn new(talkers: &'a [Ring], listeners: u64) -> Self {
        let now = ms(0);
        let room = Room::new("hall".parse().expect("a room may be called so"), settings(), now);
        let mut hall = Self { room, effects: Effects::new(), talkers, number: 0, now };
        let count = talkers.len() as u64;
        for member in 1..=count + listeners {
            let part = if member <= count { Part::Both } else { Part::Hears };
            hall.room.join(room_support::join(member, part, TrackPatch::default()), now, &mut hall.effects);
        }
        for _ in 0..200 {
            hall.step();
        }
        hall.check(listeners);
        hall
    }

    fn step(&mut self) {
        self.packets();
        self.tick();
    }

    /// One packet of each talker comes.
    fn packets(&mut self) {
        self.effects.clear();
        let timestamp = self.number.wrapping_mul(960);
        for (ring, member) in self.talkers.iter().zip(1..) {
            let payload = &ring[self.number as usize % ring.len()];
            let rtp = Rtp { ssrc: 1, sequence: self.number as u16, timestamp, payload, is_copy: false };
            self.room.packet(MemberId(member), rtp, self.now + ms(7), &mut self.effects);
        }
        self.number += 1;
    }

    fn tick(&mut self) {
        self.now += ms(20);
        self.room.tick(self.now, &mut self.effects);
    }

    /// A step costs what the name of the benchmark says: each talker a decode and all a mix, or a lone one neither.
    fn check(&mut self, listeners: u64) {
        let before = self.room.counters();
        self.step();
        let after = self.room.counters();
        let done = (after.decodes - before.decodes, after.encodes - before.encodes, after.sent - before.sent);
        let expected = match self.talkers.len() as u64 {
            1 => (0, 0, listeners),
            count => (count, count + 1, count + listeners),
        };
        assert_eq!(done, expected, "decodes, encodes and packets of a step");
    }
}

fn ring(member: u64) -> Ring {
    let mut sim = Sim::new();
    sim.talk(member, voice(member));
    (0..250).map(|_| sim.sender(member).packet()).collect()
}

/// A buzz of its own pitch that swells and never pauses: no step is cheaper because somebody is silent.
fn voice(member: u64) -> Source {
    let hz = 97.0 + 13.0 * member as f64;
    Box::new(move |n| {
        let t = n as f64 / f64::from(SAMPLE_RATE);
        let swell = 0.6 + 0.4 * (TAU * (3.0 * t + 0.1 * member as f64)).sin();
        let buzz: f64 = (1..=12).map(|k| (TAU * hz * t * f64::from(k)).sin() / f64::from(k)).sum();
        [(0.06 * swell * buzz) as f32; 2]
    })
}
