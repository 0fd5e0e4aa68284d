//! A tick allocates nothing once a stream runs: not the playout, nor the desk, the limiter, the codec.
#![allow(unsafe_code)] // A counting allocator cannot be written without.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use audio::{
    AutoGain, Bus, Denoiser, DuckSettings, Ducker, Encoder, EncoderSettings, Frame, FrameLength, Limiter,
    LoudnessMeter, MAX_ENCODED, Master, Packet, Playout, PlayoutSettings, Strip, Talking, level_dbfs,
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
    let speech = Talker { bitrate: 32_000, fec: Some(0), ..Talker::default() };
    for (talker, samples) in
        [(Talker::default(), 120), (Talker::default(), 960), (Talker::default(), 5760), (speech, 960)]
    {
        let sent = talker.send(&vec![samples; 480_000 / samples], voice);
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
            talking.update(level_dbfs(&input), FrameLength::Ms20);
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

#[test]
fn a_talker_who_is_held_for_three_hours_takes_no_memory_and_is_still_heard() {
    let sent = Talker::default().send(&[960; 500], voice);
    let mut playout = Playout::new(PlayoutSettings::default());
    let mut frame = Frame::SILENCE;
    let mut number = 0_u64;
    let mut next = |playout: &mut Playout| {
        let now = ms(20 * number);
        let payload = &sent[number as usize % 500].payload;
        playout.insert(Packet { sequence: number as u16, timestamp: (number * 960) as u32, payload }, now);
        number += 1;
        now
    };
    let mut before = 0;
    for packet in 0..540_000 {
        if packet == 1_000 {
            before = ALLOCATIONS.get();
        }
        let now = next(&mut playout);
        playout.hold(ms(500), now);
        assert!(playout.is_idle());
    }
    assert_eq!(ALLOCATIONS.get() - before, 0, "held");
    for grant in 0..3 {
        // Memory for what a grant decodes at once is taken once.
        before = ALLOCATIONS.get();
        for tick in 0..200 {
            let now = next(&mut playout);
            if tick < 30 {
                playout.hold(ms(500), now);
            } else if tick == 30 {
                playout.grant(now - ms(500), now);
            }
            if !playout.is_idle() {
                playout.next(&mut frame, now + ms(4));
            }
            assert!(tick < 35 || !frame.is_silent());
        }
        assert!(grant == 0 || ALLOCATIONS.get() == before, "granted");
    }
    assert_eq!(playout.stats().discarded, 0);
}

#[test]
fn a_desk_that_ducks_and_measures_loudness_allocates_nothing() {
    let mut meter = LoudnessMeter::new();
    let mut ducker = Ducker::new(DuckSettings::default());
    let mut frame = Frame::SILENCE;
    let mut before = 0;
    for tick in 0..1_000 {
        if tick == 250 {
            before = ALLOCATIONS.get();
        }
        for (at, pair) in frame.samples_mut().chunks_exact_mut(2).enumerate() {
            pair.copy_from_slice(&voice(tick * 960 + at));
        }
        ducker.step(tick / 50 % 2 == 0, FrameLength::Ms20);
        ducker.apply(&mut frame);
        meter.add(&frame);
        assert!(
            meter.momentary_lufs() >= -127.0 && meter.short_term_lufs() >= -127.0 && meter.integrated_lufs() >= -127.0
        );
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}

#[test]
fn a_track_with_automatic_gain_and_without_noise_allocates_nothing() {
    let (mut denoiser, mut auto_gain) = (Denoiser::new(), AutoGain::new());
    auto_gain.set(true);
    let mut frame = Frame::SILENCE;
    // Switching on takes memory, the first frame takes none.
    let before = ALLOCATIONS.get();
    for tick in 0..500 {
        for (at, pair) in frame.samples_mut().chunks_exact_mut(2).enumerate() {
            let [left, right] = voice(tick * 960 + at);
            pair.copy_from_slice(&[left, if tick % 100 < 50 { right } else { 0.5 * right }]);
        }
        denoiser.set(tick % 150 < 120);
        denoiser.apply(&mut frame);
        let level = level_dbfs(&frame);
        auto_gain.apply(&mut frame, level);
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
