//! A room in full swing allocates nothing. Alone in its binary, because it counts all allocations.
#![allow(unsafe_code, reason = "an allocator that counts")]

mod room_support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicU64, Ordering},
};

use room::{Effects, MemberId, Room, Rtp};
use room_support::*;
use signaling::TrackPatch;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn a_thousand_ticks_of_20_talkers_and_200_listeners_allocate_nothing() {
    const TALKERS: u64 = 20;
    let mut sim = Sim::new();
    let packets: Vec<Vec<Vec<u8>>> = (1..=TALKERS)
        .map(|member| {
            sim.talk(member, tone(250.0 * member as f64, 0.05));
            (0..50).map(|_| sim.sender(member).packet()).collect()
        })
        .collect();
    let mut now = ms(0);
    let mut room = Room::new("steady".parse().unwrap(), settings(), now);
    let mut effects = Effects::new();
    for member in 1..=TALKERS + 200 {
        let part = if member <= TALKERS { Part::Both } else { Part::Hears };
        room.join(join(member, part, TrackPatch::default()), now, &mut effects);
    }
    let mut sequence = 0u16;
    let mut allocated = 0;
    let mut media = 0;
    for step in 0..1_200u32 {
        if step == 200 {
            allocated = ALLOCATIONS.load(Ordering::Relaxed);
            media = 0;
        }
        for (packets, member) in packets.iter().zip(1..) {
            let payload = &packets[step as usize % packets.len()];
            let rtp = Rtp { ssrc: 1, sequence, timestamp: step * 960, payload, is_copy: false };
            room.packet(MemberId(member), rtp, now + ms(7), &mut effects);
        }
        sequence = sequence.wrapping_add(1);
        now += ms(20);
        room.tick(now, &mut effects);
        media += effects.media.len();
        effects.clear();
    }
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - allocated, 0, "allocations in 1000 ticks");
    assert_eq!(media, 1_000 * (TALKERS as usize + 200));
}
