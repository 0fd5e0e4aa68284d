//! What a member takes of memory, that of libopus included: little while it is silent, and what one who talks takes is
//! given back when he has been silent for some seconds. Alone in its binary, because it counts all that is allocated.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(unsafe_code, reason = "libopus allocates by malloc, which alone knows how much that is")]

mod room_support;

use room::{Effects, MemberId, Room, Rtp};
use room_support::*;
use signaling::TrackPatch;

/// `struct mallinfo2` of glibc.
#[repr(C)]
struct Mallinfo {
    before: [usize; 4],
    /// Bytes in blocks with a mapping of their own.
    mapped: usize,
    between: [usize; 2],
    /// Bytes in all other blocks.
    in_use: usize,
    after: [usize; 2],
}

unsafe extern "C" {
    fn mallinfo2() -> Mallinfo;
}

/// Bytes that are allocated now.
fn live() -> usize {
    // SAFETY: it takes nothing, and gives ten numbers.
    let info = unsafe { mallinfo2() };
    info.mapped + info.in_use
}

const PEERS: u64 = 100;
const TALKERS: usize = 3;

/// A room and what its talkers send.
struct Desk {
    room: Room,
    effects: Effects,
    packets: Vec<Vec<Vec<u8>>>,
    step: u32,
}

impl Desk {
    fn new(packets: Vec<Vec<Vec<u8>>>) -> Self {
        let room = Room::new("memory".parse().expect("a name"), settings(), ms(0));
        Self { room, effects: Effects::new(), packets, step: 0 }
    }

    /// Runs for so many seconds; the talkers talk, or nobody does.
    fn run(&mut self, seconds: u32, is_talking: bool) {
        for _ in 0..seconds * 50 {
            let now = ms(20 * u64::from(self.step));
            for (packets, member) in self.packets.iter().zip(1..).filter(|_| is_talking) {
                let payload = &packets[self.step as usize % packets.len()];
                let (sequence, timestamp) = (self.step as u16, self.step * 960);
                let rtp = Rtp { ssrc: 1, sequence, timestamp, payload, is_copy: false };
                self.room.packet(MemberId(member), rtp, now + ms(7), &mut self.effects);
            }
            self.room.tick(now + ms(20), &mut self.effects);
            self.effects.clear();
            self.step += 1;
        }
    }
}

#[test]
fn who_is_silent_takes_next_to_nothing_and_who_talks_gives_back_what_he_took() {
    let mut sim = Sim::new();
    let packets: Vec<Vec<Vec<u8>>> = (1..=TALKERS as u64)
        .map(|member| {
            sim.talk(member, tone(311.0 * member as f64, 0.1));
            (0..50).map(|_| sim.sender(member).packet()).collect()
        })
        .collect();
    let mut desk = Desk::new(packets);
    let empty = live();
    for member in 1..=PEERS {
        desk.room.join(join(member, Part::Both, TrackPatch::default()), ms(0), &mut desk.effects);
    }
    desk.effects.clear();
    let silent = live() - empty;
    println!("{} bytes for each of {PEERS} who are silent", silent / PEERS as usize);
    assert!(silent / (PEERS as usize) < 8_192, "{silent} bytes for {PEERS} who are silent");

    desk.run(4, true);
    let talking = live() - empty - silent;
    println!("{} bytes for each of {TALKERS} who talk, with a share of the mix of all", talking / TALKERS);
    assert_eq!(desk.room.mixes(), TALKERS + 1);
    // Of that, libopus' states are some 260 kB: with the quality extension they are larger by 40.
    assert!(talking / TALKERS < 460_000, "{talking} bytes for {TALKERS} who talk");

    let asleep = |desk: &Desk| live() - empty - silent < 64 * 1024 && desk.room.mixes() == 0;
    desk.run(2, false);
    assert!(desk.room.mixes() > 0, "who is about to talk on finds his encoder");
    desk.run(5, false);
    assert!(asleep(&desk), "{} bytes are left of it", live() - empty - silent);
    assert!(
        desk.room.wake_at().is_some_and(|at| at > ms(20_000)),
        "nothing but the time-out of the streams is to come"
    );

    let sent = desk.room.counters().sent;
    desk.run(2, true);
    assert!(desk.room.counters().sent - sent > 90 * PEERS, "all hear them again");
    // One talks on for long: what the others took comes back all the same.
    desk.packets.truncate(1);
    desk.run(12, true);
    let alone = live() - empty - silent;
    println!("{alone} bytes for one who is forwarded");
    assert_eq!(desk.room.mixes(), 0);
    assert!(alone < 300_000, "{alone} bytes for one who is forwarded");
}
