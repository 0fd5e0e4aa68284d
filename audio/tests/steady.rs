//! A stream over a decent network is played sample for sample: nothing is lost, doubled or guessed.

mod support;

use std::time::Duration;

use audio::{Arrival, CHANNELS, FrameLength, Played, Playout, PlayoutSettings, Stats, analysis};
use support::*;

/// The first 5 ms of a stream fade in.
const FADE: usize = 240 * CHANNELS;

/// A talker who is given time, so that nothing comes too late and nothing is to be learned.
fn patient() -> PlayoutSettings {
    PlayoutSettings { min: ms(40), ..settings() }
}

/// Asserts that from its start on, what is heard is what was sent, to the bit, and returns when it starts.
fn assert_untouched(sent: &[Sent], heard: &Heard) -> Duration {
    let wanted = decoded(sent);
    // Packets shorter than a tick begin within it.
    let tick = heard.start() * 960;
    let begins = |at: &usize| (FADE..FADE + 480).all(|n| heard.samples[(tick + at) * CHANNELS + n] == wanted[n]);
    let start = (tick + (0..960).find(begins).expect("the stream begins in its first tick")) * CHANNELS;
    let length = wanted.len().min(heard.samples.len() - start);
    assert!(length + 960 * CHANNELS * 10 > wanted.len(), "nearly all of it is heard");
    let differs = (FADE..length).find(|&at| heard.samples[start + at] != wanted[at]);
    assert_eq!(differs.map(|at| at / CHANNELS), None, "first sample that differs");
    support::time(heard.start() * 960)
}

fn settings() -> PlayoutSettings {
    PlayoutSettings::default()
}

#[test]
fn a_minute_with_mild_jitter_has_no_gap_drop_or_repeat() {
    let sent = Talker::default().send(&[960; 3000], sweep);
    for (seed, phase) in [(1, 0), (2, 7), (3, 19)] {
        let mut dice = Dice(seed);
        let mut jitter: Vec<u64> = sent.iter().map(|_| dice.roll(12_000)).collect();
        jitter[0] = 0;
        let arrivals = delayed(&sent, |number| ms(30) + Duration::from_micros(jitter[number]));
        let mut playout = Playout::new(patient());
        let heard = listen(&mut playout, &arrivals, ms(phase), Duration::from_secs(60));
        let start = assert_untouched(&sent, &heard) + ms(phase);
        // Sent at 20 ms, 30 ms on the way, 40 to 60 ms in the buffer.
        assert!((ms(90)..ms(110)).contains(&start), "{start:?}");
        let stats = playout.stats();
        assert_eq!(stats.concealed + stats.skipped + stats.stretched, Duration::ZERO);
        let delays = &heard.delays[10..];
        let range = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
        assert!(*range.0 >= ms(40) && *range.1 <= ms(80), "{range:?}");
        assert!(heard.arrivals[1..].iter().all(|&arrival| arrival == Arrival::InOrder));
    }
}

#[test]
fn every_length_of_packet_is_played_whole_in_mono_and_stereo() {
    for samples in [120, 240, 480, 960, 1920, 2880, 3840, 4800, 5760] {
        for channels in [opus::Channels::Mono, opus::Channels::Stereo] {
            let talker = Talker { channels, ..Talker::default() };
            let sent = talker.send(&vec![samples; 96_000 / samples], sweep);
            for phase in [0, 3, 11, 18] {
                let mut dice = Dice(9);
                let mut jitter: Vec<u64> = sent.iter().map(|_| dice.roll(10_000)).collect();
                jitter[0] = 0;
                let arrivals = delayed(&sent, |number| Duration::from_micros(jitter[number]));
                let mut playout = Playout::new(patient());
                let heard = listen(&mut playout, &arrivals, ms(phase), ms(2050));
                assert_untouched(&sent, &heard);
            }
            if channels == opus::Channels::Mono {
                let wanted = decoded(&sent);
                assert!(wanted.chunks(2).all(|pair| pair[0] == pair[1]), "mono sounds in both ears");
            }
        }
    }
}

#[test]
fn the_length_of_packets_may_change_in_mid_stream() {
    let mut dice = Dice(5);
    let sizes = [120, 240, 480, 960, 1920, 2880, 3840, 4800, 5760];
    let mut lengths: Vec<usize> = (0..200).map(|_| sizes[dice.roll(9) as usize]).collect();
    // Short packets come soonest after their sound.
    lengths[0] = 120;
    let sent = Talker::default().send(&lengths, sweep);
    let total: usize = lengths.iter().sum();
    // A sender that goes from short to long packets falls silent for the length of the first long one.
    let mut playout = Playout::new(PlayoutSettings { min: ms(150), ..settings() });
    let heard = listen(&mut playout, &delayed(&sent, |_| ms(5)), ms(4), support::time(total));
    assert_untouched(&sent, &heard);
}

#[test]
fn a_sender_whose_timestamps_count_in_other_steps_is_played_whole() {
    let mut sent = Talker::default().send(&[480; 400], sweep);
    for (number, packet) in sent.iter_mut().enumerate() {
        packet.timestamp = number as u32 * 960;
    }
    let mut playout = Playout::new(settings());
    let heard = listen(&mut playout, &delayed(&sent, |_| ms(5)), ms(4), ms(4000));
    assert_untouched(&sent, &heard);
}

#[test]
fn a_single_packet_is_heard_too() {
    let sent = Talker::default().send(&[960], tone(440.0, 0.5));
    let mut playout = Playout::new(settings());
    assert!(playout.is_idle());
    let heard = listen(&mut playout, &delayed(&sent, |_| ms(0)), ms(5), ms(300));
    assert_eq!(heard.count(Played::Voice), 1);
    let step = analysis::largest_step(&analysis::channel(&heard.samples, 0));
    assert!(step < 0.1, "{step}");
    assert!(playout.is_idle());
}

#[test]
fn a_pause_of_the_talker_is_silence_and_no_loss() {
    let mut sent = Talker::default().send(&[960; 200], voice);
    // From packet 100 on a second has passed in which nothing was sent: DTX.
    for packet in &mut sent[100..] {
        packet.at += ms(1000);
        packet.timestamp = packet.timestamp.wrapping_add(48_000);
    }
    let mut playout = Playout::new(settings());
    let heard = listen(&mut playout, &delayed(&sent, |_| ms(5)), ms(4), ms(5500));
    let stats = playout.stats();
    assert_eq!((stats.missing, stats.late, stats.received), (0, 0, 200));
    // The end of the stream cannot be told from loss; the pause in its middle can.
    assert_eq!(stats.concealed, ms(60));
    assert!(heard.count(Played::Voice) >= 199);
    // 2.0 to 3.0 s is the pause, and the buffer delays it.
    let silent = heard.played[100..160].iter().filter(|&&played| played == Played::Silence).count();
    assert!((45..=50).contains(&silent), "{silent}");
    assert!(heard.delays[170..200].iter().all(|&delay| delay <= ms(60)));
    assert!(analysis::largest_step(&analysis::channel(&heard.samples, 0)) < 0.2);
    assert!(playout.is_idle());
}

#[test]
fn a_breath_is_a_pause_and_no_loss_either() {
    let mut sent = Talker::default().send(&[960; 100], voice);
    for packet in &mut sent[50..] {
        packet.at += ms(60);
        packet.timestamp = packet.timestamp.wrapping_add(2880);
    }
    let mut playout = Playout::new(settings());
    let heard = listen(&mut playout, &delayed(&sent, |_| ms(5)), ms(4), ms(2085));
    assert!(heard.count(Played::Concealed) > 0, "it cannot be known before the next packet");
    assert_eq!(playout.stats().concealed, Duration::ZERO);
}

#[test]
fn short_packets_wait_for_their_tick_and_no_longer() {
    // 2.5 ms at a time: the first of a tick's eight waits for the last.
    let sent = Talker::default().send(&[120; 4000], sweep);
    let mut playout = Playout::new(settings());
    let heard = listen(&mut playout, &delayed(&sent, |_| ms(0)), ms(19), ms(10_000));
    assert!(heard.delays[100..].iter().all(|&delay| delay <= ms(22)), "{:?}", heard.delays[100]);
    assert_untouched(&sent, &heard);
}

#[test]
fn a_short_pause_that_lies_whole_in_the_buffer_keeps_its_length() {
    let mut sent = Talker::default().send(&[960; 100], voice);
    for packet in &mut sent[50..] {
        packet.at += ms(60);
        packet.timestamp = packet.timestamp.wrapping_add(2880);
    }
    let mut playout = Playout::new(PlayoutSettings { min: ms(160), ..settings() });
    let heard = listen(&mut playout, &delayed(&sent, |_| ms(5)), ms(4), ms(3000));
    assert_eq!(playout.stats().missing, 0);
    // The decoder guessed its way into the pause, so what follows is the same to the ear, not to the bit.
    let wanted = analysis::channel(&decoded(&sent)[50 * 1920..], 0);
    let found = analysis::find(&wanted, &analysis::channel(&heard.samples, 0)).unwrap();
    assert_eq!(
        found.lag as usize,
        (heard.start() + 50) * 960 + 2880,
        "what follows the pause comes after its full length"
    );
    assert!(found.likeness > 0.99, "{}", found.likeness);
}

#[test]
fn counts_start_at_nothing() {
    assert_eq!(Playout::new(settings()).stats(), Stats::default());
}

#[test]
fn a_muted_talker_passes_unheard_and_comes_back_in_step() {
    let sent = Talker::default().send(&[960; 300], tone(500.0, 0.5));
    let arrivals = delayed(&sent, |_| ms(5));
    let mut playout = Playout::new(settings());
    let mut arrivals = arrivals.into_iter().peekable();
    let mut frame = audio::Frame::SILENCE;
    let mut back = Vec::new();
    for tick in 0..300 {
        let now = ms(4 + 20 * tick);
        while let Some((at, packet)) = arrivals.next_if(|arrival| arrival.0 <= now) {
            playout.insert(packet, at);
        }
        if (100..200).contains(&tick) {
            playout.pass(FrameLength::Ms20, now);
        } else {
            playout.next(&mut frame, now);
        }
        assert!(playout.stats().delay <= ms(60));
        if tick >= 200 {
            back.extend_from_slice(frame.samples());
        }
    }
    let left = analysis::channel(&back, 0);
    assert!((analysis::tone_dbfs(&left[9_600..], 500.0) + 6.02).abs() < 0.1);
    assert!(analysis::largest_step(&left) < 0.04, "{}", analysis::largest_step(&left));
    assert_eq!(playout.stats().concealed, Duration::ZERO);
}
