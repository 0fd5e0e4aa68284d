//! Delay grows when the network needs it, returns when it does not, and never grows without end.

mod support;

use std::time::Duration;

use audio::{Arrival, Frame, Packet, Played, Playout, PlayoutSettings, analysis};
use support::*;

fn playout() -> Playout {
    Playout::new(PlayoutSettings::default())
}

/// A stall: what is sent in `from..to` arrives all at once when it ends.
fn stalled<'a>(sent: &'a [Sent], from: Duration, to: Duration) -> Vec<(Duration, Packet<'a>)> {
    let held = |at: Duration| if at >= from && at < to { to } else { at };
    sent.iter().map(|sent| (held(sent.at) + ms(5), sent.packet())).collect()
}

#[test]
fn after_a_stall_everything_is_played_later_and_delay_returns_within_five_seconds() {
    for (name, signal) in
        [("voice", voice as fn(usize) -> [f32; 2]), ("tone", |at| tone(233.1, 0.3)(at)), ("noise", noise)]
    {
        for stall in [100, 200, 340] {
            let sent = Talker::default().send(&[960; 600], signal);
            let arrivals = stalled(&sent, ms(2000), ms(2000 + stall));
            let mut playout = playout();
            let heard = listen(&mut playout, &arrivals, ms(4), ms(12_025));
            let stats = playout.stats();
            assert_eq!((stats.missing, stats.late, stats.discarded), (0, 0, 0), "nothing is dropped: {name} {stall}");
            let most = *heard.delays[100..].iter().max().unwrap();
            assert!(most >= ms(stall) - ms(20) && most <= ms(stall) + ms(60), "{name} {stall}: {most:?}");
            let over = (2000 + stall as usize) / 20;
            assert!(heard.delays[over + 1..over + 90].iter().all(|&delay| delay > ms(60)), "it waits two seconds");
            let back = &heard.delays[over + 250..599];
            assert!(back.iter().all(|&delay| delay <= ms(60)), "{name} {stall}: {:?}", back.iter().max());
            let lost = heard.count(Played::Silence) - heard.start();
            assert!(lost <= stall as usize / 20, "{name} {stall}: {lost} frames of silence");
            let left = analysis::channel(&heard.samples, 0);
            assert!(left.iter().all(|sample| sample.abs() < 1.0));
        }
    }
}

fn noise(at: usize) -> [f32; 2] {
    let mixed = (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66;
    [(Dice(mixed | 1).roll(2001) as f32 / 1000.0 - 1.0) * 0.1; 2]
}

#[test]
fn bringing_delay_down_leaves_a_tone_a_tone() {
    let sent = Talker::default().send(&[960; 500], tone(233.1, 0.3));
    let mut playout = playout();
    let heard = listen(&mut playout, &stalled(&sent, ms(2000), ms(2300)), ms(4), ms(10_000));
    assert!(playout.stats().skipped > ms(200));
    // From the end of the stall on: no step a tone does not have, no dip in any 20 ms.
    let left = analysis::channel(&heard.samples[120 * 1920..490 * 1920], 0);
    let own = 0.3 * std::f32::consts::TAU * 233.1 / 48_000.0;
    assert!(analysis::largest_step(&left) < 1.5 * own, "{} of {own}", analysis::largest_step(&left));
    let levels = analysis::tone_levels_dbfs(&left, 233.1, 9_600);
    assert!(levels.iter().all(|level| (level + 10.46).abs() < 1.0), "{levels:?}");
}

#[test]
fn delay_is_cut_where_it_is_quiet_if_it_is_quiet() {
    let pauses = |at: usize| if at % 48_000 < 16_800 { voice(at) } else { [0.0; 2] };
    let sent = Talker::default().send(&[960; 500], pauses);
    let mut playout = playout();
    // The excess is noticed in a pause, and a pause has room for all of it.
    let heard = listen(&mut playout, &stalled(&sent, ms(2540), ms(2740)), ms(4), ms(10_000));
    assert!(playout.stats().skipped > ms(150));
    let wanted = analysis::channel(&decoded(&sent), 0);
    let left = analysis::channel(&heard.samples, 0);
    for second in 3..9 {
        let word = &wanted[second * 48_000..][..16_800];
        let found = analysis::find(word, &left).unwrap();
        assert!(found.likeness > 0.97, "the word of second {second} is whole: {}", found.likeness);
    }
    assert!(heard.delays[480] <= ms(60));
}

#[test]
fn over_the_maximum_it_skips_forward_at_once_without_a_click() {
    let sent = Talker::default().send(&[960; 450], tone(233.1, 0.3));
    let mut playout = playout();
    let heard = listen(&mut playout, &stalled(&sent, ms(2000), ms(2900)), ms(4), ms(9000));
    assert!(heard.delays.iter().all(|&delay| delay <= ms(400) + ms(240)), "{:?}", heard.delays.iter().max());
    assert!(heard.delays[147..].iter().all(|&delay| delay <= ms(520)), "{:?}", heard.delays[147..].iter().max());
    assert!(heard.delays[395..].iter().all(|&delay| delay <= ms(60)), "{:?}", &heard.delays[395..400]);
    let stats = playout.stats();
    assert_eq!(stats.missing, 0);
    assert!((20..50).contains(&stats.discarded), "{}", stats.discarded);
    assert!(heard.arrivals.contains(&Arrival::Overflow));
    assert!(analysis::largest_step(&analysis::channel(&heard.samples, 0)) < 0.03);
}

#[test]
fn a_new_target_is_followed() {
    let sent = Talker::default().send(&[960; 800], voice);
    let arrivals = delayed(&sent, |_| ms(5));
    let mut playout = Playout::new(PlayoutSettings { min: ms(200), ..PlayoutSettings::default() });
    let before = listen(&mut playout, &arrivals[..400], ms(4), ms(8000));
    assert!(before.delays[20..].iter().all(|delay| (ms(200)..=ms(240)).contains(delay)));
    playout.set_min(ms(60));
    let mut frame = Frame::SILENCE;
    for (number, (at, packet)) in arrivals[399..].iter().enumerate() {
        playout.insert(*packet, *at);
        playout.next(&mut frame, ms(8004 + 20 * number as u64));
    }
    assert!(playout.stats().delay <= ms(105), "{:?}", playout.stats().delay);
}

/// A talker whose clock is off by so many parts in a million, for an hour. It sends Opus' frame of
/// silence, which decodes fastest, for the hour is about time and not about sound.
fn an_hour(parts_per_million: i64) -> (Vec<Duration>, audio::Stats) {
    let mut playout = playout();
    let mut dice = Dice(7);
    let mut frame = Frame::SILENCE;
    let mut delays = Vec::with_capacity(180_000);
    let (mut number, mut jitter) = (0_u64, 0);
    for tick in 0..180_000_u64 {
        let now = Duration::from_micros(tick * 20_000 + 4_000);
        loop {
            let period_ns = (20_000_000 - 20 * parts_per_million) as u64;
            let at = Duration::from_nanos(number * period_ns) + Duration::from_micros(jitter);
            if at > now {
                break;
            }
            let packet =
                Packet { sequence: number as u16, timestamp: (number * 960) as u32, payload: &[0xF8, 0xFF, 0xFE] };
            playout.insert(packet, at);
            number += 1;
            jitter = dice.roll(5_000);
        }
        playout.next(&mut frame, now);
        delays.push(playout.stats().delay);
    }
    (delays, playout.stats())
}

#[test]
fn an_hour_of_a_fast_clock_stays_bounded() {
    let (delays, stats) = an_hour(200);
    assert!(delays[20..].iter().all(|&delay| delay <= ms(100)), "{:?}", delays.iter().max());
    assert_eq!((stats.missing, stats.discarded, stats.late), (0, 0, 0));
    // 200 ppm of an hour is 720 ms.
    assert!((ms(600)..ms(800)).contains(&stats.skipped), "{:?}", stats.skipped);
    assert!(stats.concealed <= ms(40), "{:?}", stats.concealed);
}

#[test]
fn an_hour_of_a_slow_clock_stays_bounded() {
    let (delays, stats) = an_hour(-200);
    assert!(delays[20..].iter().all(|&delay| delay <= ms(80)), "{:?}", delays.iter().max());
    assert_eq!((stats.missing, stats.discarded, stats.late), (0, 0, 0));
    assert!((ms(600)..ms(900)).contains(&stats.stretched), "{:?}", stats.stretched);
    assert!(stats.concealed <= ms(40), "{:?}", stats.concealed);
    assert!(stats.skipped < ms(100), "{:?}", stats.skipped);
}

#[test]
fn a_network_that_gets_worse_and_better_for_ten_minutes_stays_bounded() {
    let talker = Talker { channels: opus::Channels::Mono, bitrate: 16_000, ..Talker::default() };
    let second = talker.send(&[960; 50], voice);
    let sent: Vec<Sent> = (0..30_000)
        .map(|number| Sent {
            at: ms(20 * number),
            sequence: number as u16,
            timestamp: number as u32 * 960,
            ..second[number as usize % 50].clone()
        })
        .collect();
    let mut dice = Dice(3);
    let mut delay = 0_i64;
    let waits: Vec<u64> = (0..sent.len())
        .map(|_| {
            delay = (delay + dice.roll(41) as i64 - 20).clamp(0, 300);
            delay as u64
        })
        .collect();
    let mut playout = playout();
    let heard = listen(&mut playout, &delayed(&sent, |number| ms(waits[number])), ms(4), ms(600_000));
    assert!(heard.delays.iter().all(|&delay| delay <= ms(640)), "{:?}", heard.delays.iter().max());
    let mut sorted = heard.delays.clone();
    sorted.sort();
    assert!(sorted[sorted.len() / 2] < ms(300), "{:?}", sorted[sorted.len() / 2]);
}
