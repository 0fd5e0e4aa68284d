//! A tick allocates nothing once a stream runs: not the playout, nor the desk, the limiter, the codec.
#![allow(unsafe_code)] // A counting allocator cannot be written without.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use audio::{
    Bus, Encoder, EncoderSettings, Frame, Limiter, MAX_ENCODED, Master, Playout, PlayoutSettings, Strip, Talking,
    level_dbfs,
};
use support::*;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; the counter is a plain cell of this thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_tick_of_a_running_room_allocates_nothing() {
    for samples in [120, 960, 5760] {
        let sent = Talker::default().send(&vec![samples; 480_000 / samples], voice);
        // Loss, reordering, repeats and a stall are all part of a running stream.
        let mut dice = Dice(5);
        let mut arrivals: Vec<_> = delayed(&sent, |number| if number % 50 == 20 { ms(45) } else { ms(5) })
            .into_iter()
            .filter(|_| dice.roll(50) > 0)
            .map(|(at, packet)| (if (ms(3000)..ms(3200)).contains(&at) { ms(3200) } else { at }, packet))
            .collect();
        arrivals.extend(delayed(&sent, |_| ms(150)).into_iter().step_by(40));
        arrivals.sort_by_key(|arrival| arrival.0);
        let mut arrivals = arrivals.into_iter().peekable();

        let mut playout = Playout::new(PlayoutSettings::default());
        let mut encoder = Encoder::new(EncoderSettings::default()).unwrap();
        let (mut strip, mut master, mut bus) = (Strip::new(-3.0, 0.2, false), Master::new(0.0), Bus::new());
        let (mut limiter, mut talking) = (Limiter::default(), Talking::default());
        let (mut input, mut own, mut mix) = (Frame::SILENCE, Frame::SILENCE, Frame::SILENCE);
        let mut packet = [0; MAX_ENCODED];
        let mut before = 0;
        for tick in 0..500 {
            if tick == 250 {
                before = ALLOCATIONS.get();
            }
            let now = ms(4 + 20 * tick);
            while let Some((at, packet)) = arrivals.next_if(|arrival| arrival.0 <= now) {
                playout.insert(packet, at);
            }
            playout.next(&mut input, now);
            talking.update(level_dbfs(&input));
            strip.set_pan((tick % 20) as f32 / 20.0);
            strip.apply(&input, &mut own);
            bus.clear();
            bus.add(&own);
            bus.add(&input);
            bus.minus(&own, &mut mix);
            master.apply(&mut mix);
            master.advance();
            limiter.process(&mut mix);
            encoder.encode(&mix, &mut packet).unwrap();
        }
        assert!(playout.stats().received as usize > sent.len() / 2);
        assert_eq!(ALLOCATIONS.get() - before, 0, "packets of {samples}");
    }
}
