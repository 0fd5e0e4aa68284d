//! What a bad network does to a stream is counted rightly and heard as little as can be.

mod support;

use std::time::Duration;

use audio::{Arrival, Packet, Played, Playout, PlayoutSettings, analysis};
use support::*;

fn playout() -> Playout {
    Playout::new(PlayoutSettings::default())
}

fn without<'a>(sent: &'a [Sent], lost: &[usize]) -> Vec<(Duration, Packet<'a>)> {
    let all = delayed(sent, |_| ms(5)).into_iter().enumerate();
    all.filter(|(number, _)| !lost.contains(number)).map(|(_, arrival)| arrival).collect()
}

#[test]
fn reordering_within_the_target_is_put_right() {
    let sent = Talker::default().send(&[960; 300], sweep);
    // Each third packet comes 25 ms later than it should: after the next.
    let arrivals = delayed(&sent, |number| if number % 3 == 2 { ms(30) } else { ms(5) });
    let mut playout = Playout::new(PlayoutSettings { min: ms(30), ..PlayoutSettings::default() });
    let heard = listen(&mut playout, &arrivals, ms(11), ms(6035));
    let wanted = decoded(&sent);
    let start = heard.start() * 1920;
    assert!(heard.samples[start + 480..] == wanted[480..heard.samples.len() - start]);
    let stats = playout.stats();
    assert_eq!((stats.received, stats.out_of_order, stats.missing, stats.late), (300, 99, 0, 0));
    assert_eq!(
        heard.arrivals[..6],
        [
            Arrival::First,
            Arrival::InOrder,
            Arrival::Missing(1),
            Arrival::OutOfOrder,
            Arrival::InOrder,
            Arrival::Missing(1)
        ]
    );
}

#[test]
fn repeated_packets_are_dropped_and_counted() {
    let sent = Talker::default().send(&[960; 300], sweep);
    let mut arrivals = delayed(&sent, |_| ms(5));
    arrivals.extend(delayed(&sent, |_| ms(15)));
    arrivals.extend(delayed(&sent, |_| ms(95)));
    let mut playout = playout();
    let heard = listen(&mut playout, &arrivals, ms(4), ms(6110));
    assert_eq!(playout.stats().repeated, 600);
    assert_eq!(playout.stats().missing + playout.stats().late, 0);
    let wanted = decoded(&sent);
    let start = heard.start() * 1920;
    assert!(heard.samples[start + 480..][..300_000] == wanted[480..][..300_000]);
}

#[test]
fn single_losses_are_guessed_and_counted() {
    let sent = Talker::default().send(&[960; 500], tone(440.0, 0.5));
    let lost: Vec<usize> = (20..500).step_by(20).collect();
    let mut playout = playout();
    let heard = listen(&mut playout, &without(&sent, &lost), ms(4), ms(10_025));
    let stats = playout.stats();
    assert_eq!((stats.received, stats.missing, stats.recovered_by_fec), (476, 24, 0));
    assert_eq!(stats.concealed, ms(20) * 24);
    assert_eq!(heard.count(Played::Concealed), 24);
    assert!(heard.arrivals.iter().filter(|&&arrival| arrival == Arrival::Missing(1)).count() == 24);
    // A guess goes on with a tone, and its length is right: what follows is in step.
    let left = analysis::channel(&heard.samples[heard.start() * 1920 + 480..], 0);
    assert!((analysis::tone_dbfs(&left[..9 * 48_000], 440.0) + 6.02).abs() < 0.3);
    assert!(analysis::largest_step(&left) < 0.1, "{}", analysis::largest_step(&left));
    assert!(heard.delays[5..].iter().all(|&delay| delay <= ms(60)));
}

#[test]
fn fec_brings_lost_packets_back() {
    for (samples, lose_two) in [(960, false), (960, true), (2880, false), (480, false)] {
        let talker = Talker { fec: Some(25), bitrate: 20_000, channels: opus::Channels::Mono, ..Talker::default() };
        let sent = talker.send(&vec![samples; 480_000 / samples], voice);
        let mut lost: Vec<usize> = (20..sent.len() - 5).step_by(10).collect();
        let last = |first: &usize| if lose_two { first + 1 } else { *first };
        let copies = lost.iter().filter(|first| sent[last(first) + 1].payload[1] & fec_flag(&sent[0].payload) != 0);
        let copies = copies.count() as u64;
        assert!(copies as usize > lost.len() / 2, "an encoder copies what is voice");
        if lose_two {
            lost.extend((21..sent.len() - 5).step_by(10));
        }
        let settings = PlayoutSettings { min: ms(160), ..PlayoutSettings::default() };
        let play = |arrivals: &[(Duration, Packet<'_>)]| {
            let mut playout = Playout::new(settings);
            let heard = listen(&mut playout, arrivals, ms(4), ms(10_300));
            (playout.stats(), heard)
        };
        let (stats, heard) = play(&without(&sent, &lost));
        assert_eq!(stats.recovered_by_fec, copies, "{samples}");
        assert_eq!(stats.missing, lost.len() as u64);

        // The copies must be heard to be better than the best guess.
        let plain = Talker { fec: Some(0), ..talker }.send(&vec![samples; 480_000 / samples], voice);
        let (no_fec, guessed) = play(&without(&plain, &lost));
        assert_eq!(no_fec.recovered_by_fec, 0);
        let likeness = |sent: &[Sent], heard: &Heard| {
            let wanted = analysis::channel(&decoded(sent), 0);
            let heard = analysis::channel(&heard.samples, 0);
            let start = analysis::find(&wanted[..48_000], &heard).unwrap().lag as usize;
            let heard = &heard[start..];
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
            dot(&wanted, heard) / (dot(&wanted, &wanted) * dot(heard, heard)).sqrt()
        };
        let (with, without) = (likeness(&sent, &heard), likeness(&plain, &guessed));
        assert!(with > without && with > 0.93, "{samples} {lose_two}: {with} against {without}");
    }
}

/// Where a mono packet of one frame has its flag of in-band FEC.
fn fec_flag(payload: &[u8]) -> u8 {
    let frames = match payload[0] >> 3 {
        3 | 7 | 11 => 3,
        2 | 6 | 10 => 2,
        _ => 1,
    };
    1 << (7 - frames)
}

#[test]
fn a_guess_fades_and_the_voice_comes_back_without_a_click() {
    let sent = Talker::default().send(&[960; 200], tone(300.0, 0.5));
    let lost: Vec<usize> = (50..100).collect();
    let mut playout = playout();
    let heard = listen(&mut playout, &without(&sent, &lost), ms(4), ms(4025));
    let stats = playout.stats();
    assert_eq!((stats.missing, stats.received), (50, 150));
    assert_eq!(stats.concealed, ms(60));
    assert_eq!(heard.arrivals[50], Arrival::Missing(50));
    let left = analysis::channel(&heard.samples, 0);
    let level = |frame: usize| left[frame * 960..][..960].iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let first = heard.played.iter().position(|&played| played == Played::Concealed).unwrap();
    assert!(level(first) > 0.3 && level(first + 1) < 1.01 * level(first) && level(first + 2) < 0.7 * level(first + 1));
    assert!(heard.played[first + 3..first + 40].iter().all(|&played| played == Played::Silence));
    assert!(left[(first + 3) * 960..(first + 40) * 960].iter().all(|&sample| sample == 0.0));
    assert!(analysis::largest_step(&left) < 0.04, "{}", analysis::largest_step(&left));
    assert!((analysis::tone_dbfs(&left[120 * 960..][..48_000], 300.0) + 6.02).abs() < 0.1);
}

#[test]
fn what_comes_after_its_place_was_played_is_late() {
    let sent = Talker::default().send(&[960; 100], sweep);
    let arrivals = delayed(&sent, |number| if number == 50 { ms(85) } else { ms(5) });
    let mut playout = playout();
    let heard = listen(&mut playout, &arrivals, ms(4), ms(2025));
    let stats = playout.stats();
    assert_eq!((stats.late, stats.missing, stats.out_of_order), (1, 0, 0));
    assert_eq!(stats.concealed, ms(20));
    assert!(heard.arrivals.contains(&Arrival::Late));
}

#[test]
fn a_fifth_lost_at_random_is_heard_in_step() {
    let sent = Talker::default().send(&[960; 1500], voice);
    let mut dice = Dice(4);
    let lost: Vec<usize> = (5..1495).filter(|_| dice.roll(5) == 0).collect();
    let mut playout = playout();
    let heard = listen(&mut playout, &without(&sent, &lost), ms(4), ms(30_000));
    assert_eq!(playout.stats().missing, lost.len() as u64);
    let late: Vec<_> = heard.delays[5..].iter().filter(|&&delay| delay > ms(80)).collect();
    assert!(late.is_empty(), "{late:?}");
    let left = analysis::channel(&heard.samples, 0);
    assert!(left.iter().all(|sample| sample.abs() < 1.5));
}
