//! A talker who sends before the floor is his: held, played whole from the first sound on, caught up.

mod support;

use std::f64::consts::TAU;
use std::time::Duration;

use audio::{Frame, FrameLength, Played, Playout, PlayoutSettings, analysis};
use support::*;

/// A sound as a function of the sample's number.
type Signal<'a> = &'a dyn Fn(usize) -> [f32; 2];

const TARGET: Duration = Duration::from_millis(40);

/// Silence, then the word from sample `begin` to `end`.
fn spoken(begin: usize, end: usize) -> impl Fn(usize) -> [f32; 2] {
    move |at| {
        let t = (at as f64 - begin as f64) / 48_000.0;
        [if at < end { word(t, at) as f32 } else { 0.0 }; 2]
    }
}

struct Floor {
    /// When permission comes; before it everything is held.
    grant: Duration,
    /// When the key went down.
    since: Duration,
    keep: Duration,
}

impl Floor {
    fn at(grant: u64) -> Self {
        Self { grant: ms(grant), since: Duration::ZERO, keep: ms(500) }
    }
}

/// A room that holds the talker until the grant. Ticks at 4, 24, 44 … ms.
fn hear(
    playout: &mut Playout,
    sent: &[Sent],
    delay: impl Fn(usize) -> Duration,
    floor: &Floor,
    end: Duration,
) -> Heard {
    let mut arrivals = delayed(sent, delay);
    arrivals.sort_by_key(|arrival| arrival.0);
    let mut arrivals = arrivals.into_iter().peekable();
    let mut heard = Heard::default();
    let mut frame = Frame::SILENCE;
    let mut granted = false;
    let mut now = ms(4);
    while now < end {
        while let Some((at, packet)) = arrivals.next_if(|arrival| arrival.0 <= now) {
            if !granted && at >= floor.grant {
                granted = true;
                playout.grant(floor.since, floor.grant);
            }
            heard.arrivals.push(playout.insert(packet, at));
            if !granted {
                playout.hold(floor.keep, at);
                assert!(playout.is_held() && playout.is_idle());
            }
        }
        if !granted && now >= floor.grant {
            granted = true;
            playout.grant(floor.since, floor.grant);
        }
        frame.clear();
        let played = if playout.is_idle() { Played::Silence } else { playout.next(&mut frame, now) };
        heard.samples.extend_from_slice(frame.samples());
        heard.played.push(played);
        heard.delays.push(playout.stats().delay);
        now += ms(20);
    }
    heard
}

fn playout() -> Playout {
    Playout::new(PlayoutSettings { min: ms(20), ..PlayoutSettings::default() })
}

fn left(samples: &[f32]) -> Vec<f32> {
    analysis::channel(samples, 0)
}

/// The first sample over −50 dBFS.
fn onset(samples: &[f32]) -> usize {
    samples.iter().position(|sample| sample.abs() > 0.003).expect("something sounds")
}

fn likeness(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn rms(samples: &[f32]) -> f64 {
    (samples.iter().map(|sample| f64::from(sample * sample)).sum::<f64>() / samples.len() as f64).sqrt()
}

/// Talkers as they come: a browser's stereo music mode, a speech mode with FEC, long and short packets.
fn talkers() -> Vec<(&'static str, Talker, usize)> {
    let speech = || Talker { channels: opus::Channels::Mono, bitrate: 32_000, fec: Some(10), ..Talker::default() };
    vec![
        ("music mode, 20 ms", Talker::default(), 960),
        ("speech mode, 20 ms", speech(), 960),
        ("speech mode, 60 ms", speech(), 2880),
        ("music mode, 2.5 ms", Talker::default(), 120),
    ]
}

#[test]
fn the_first_20_ms_of_a_word_are_heard_whole_after_250_and_500_ms() {
    for (name, talker, length) in talkers() {
        for grant in [250, 500] {
            // The word begins with the key, a breath after it, and late.
            for begin in [0, 1_700, 7_000] {
                let name = format!("{name}, {grant} ms, word at {begin}");
                let sent = talker.send(&vec![length; 144_000 / length], spoken(begin, 140_000));
                let mut playout = playout();
                let heard = hear(&mut playout, &sent, |_| ms(5), &Floor::at(grant), ms(3000));
                let (wanted, got) = (left(&decoded(&sent)), left(&heard.samples));
                let (wanted_at, got_at) = (onset(&wanted), onset(&got));
                // The first tick after the grant, and what is kept before the first sound.
                let tick = (grant as usize - 4).div_ceil(20) * 960;
                assert!(got_at >= tick && got_at <= tick + 960 + 960, "{name}: heard from {got_at}");
                // 20 ms from the first sound on, and the edge before it.
                let edge = 48.min(wanted_at);
                let (wanted, got) = (&wanted[wanted_at - edge..][..edge + 960], &got[got_at - edge..][..edge + 960]);
                let alike = likeness(wanted, got);
                assert!(alike > 0.99, "{name}: {alike}");
                assert!((rms(got) / rms(wanted)).log10().abs() * 20.0 < 0.3, "{name}: as loud as it was spoken");
            }
        }
    }
}

#[test]
fn delay_is_back_at_the_target_within_two_seconds_of_play() {
    let sounds: [(&str, Signal<'_>); 3] =
        [("word", &spoken(0, usize::MAX)), ("tone", &tone(233.1, 0.3)), ("noise", &|at| [0.1 * hiss(at) as f32; 2])];
    for (name, talker, length) in talkers() {
        for ((sound, signal), jitter_us) in sounds.iter().zip([0, 8_000, 8_000]) {
            let sent = talker.send(&vec![length; 288_000 / length], signal);
            let mut dice = Dice(4);
            let jitter: Vec<u64> = sent.iter().map(|_| dice.roll(jitter_us + 1)).collect();
            for grant in [250, 500] {
                let name = format!("{name}, {grant} ms, {sound}");
                let mut playout = playout();
                let delay = |number: usize| Duration::from_micros(jitter[number]);
                let heard = hear(&mut playout, &sent, delay, &Floor::at(grant), ms(5800));
                let first = heard.start();
                assert_eq!(first, (grant as usize - 4).div_ceil(20), "{name}: it starts with the tick after the grant");
                assert!(heard.delays[first] >= ms(grant) - ms(20) - support::time(length), "{name}: all was kept");
                // Where packets are longer than a tick, what waits falls and rises by the difference.
                let back = TARGET + ms(20) + support::time(length.saturating_sub(960));
                let at = first + heard.delays[first..].iter().position(|&delay| delay <= back).unwrap();
                assert!(at - first <= 90, "{name}: {} ms", (at - first) * 20);
                // Packets that come now before and now after a tick are a frame more.
                let uneven = if jitter_us > 0 { ms(25) } else { ms(0) };
                let highest = heard.delays[at + 10..].iter().max().unwrap();
                assert!(*highest <= back + uneven + ms(25), "{name}: {highest:?}");
                assert_eq!(heard.count(Played::Concealed), 0, "{name}: the reserve for jitter is there");
                let stats = playout.stats();
                assert_eq!((stats.discarded, stats.late, stats.missing), (0, 0, 0), "{name}: {stats:?}");
            }
        }
    }
}

#[test]
fn nothing_is_cut_in_the_first_60_ms() {
    for (name, talker, length) in talkers() {
        let sent = talker.send(&vec![length; 288_000 / length], spoken(0, usize::MAX));
        let mut playout = playout();
        let floor = Floor::at(500);
        let heard = hear(&mut playout, &sent, |_| ms(5), &floor, ms(5800));
        assert!(playout.stats().skipped > ms(300), "{name}: much is cut later");
        let (wanted, got) = (left(&decoded(&sent)), left(&heard.samples[heard.start() * 1920..]));
        let (from, at) = (onset(&wanted), onset(&got));
        let whole = 60 * 48 - at;
        let alike = likeness(&wanted[from..][..whole], &got[at..][..whole]);
        assert!(alike > 0.99, "{name}: {alike}");
    }
}

#[test]
fn the_first_20_ms_are_whole_too_if_the_talker_was_sending_for_long() {
    for (name, talker, length) in talkers() {
        // A second of the noise of a room, then the word begins with the key at 1.2 s.
        let begin = 57_600;
        let sent = talker.send(&vec![length; 144_000 / length], |at| {
            let [word, _] = spoken(begin, usize::MAX)(at);
            [word + 0.001 * hiss(at) as f32; 2]
        });
        let mut playout = playout();
        let floor = Floor { grant: ms(1450), since: ms(1200), keep: ms(500) };
        let heard = hear(&mut playout, &sent, |_| ms(5), &floor, ms(2900));
        let (wanted, got) = (left(&decoded(&sent)), left(&heard.samples));
        let (wanted_at, got_at) = (begin + onset(&wanted[begin..]), onset(&got));
        let (wanted, got) = (&wanted[wanted_at..][..960], &got[got_at..][..960]);
        let alike = likeness(wanted, got);
        assert!(alike > 0.99, "{name}: {alike}");
        assert!((rms(got) / rms(wanted)).log10().abs() * 20.0 < 0.3, "{name}: as loud as it was spoken");
    }
}

/// Which of the notes sounds in each 20 ms, one every 5 ms.
fn notes_heard(samples: &[f32]) -> Vec<usize> {
    let windows = samples.windows(960).step_by(240).filter(|window| rms(window) > 0.12);
    windows
        .filter_map(|window| {
            let mut levels: Vec<_> =
                (0..10).map(|note| (analysis::tone_dbfs(window, note_hz(note) as f32), note)).collect();
            levels.sort_by(|a, b| b.0.total_cmp(&a.0));
            // Where one note gives way to the next, none is clear.
            (levels[0].0 > levels[1].0 + 10.0).then_some(levels[0].1)
        })
        .collect()
}

fn note_hz(note: usize) -> f64 {
    500.0 + 300.0 * note as f64
}

#[test]
fn every_60_ms_of_what_was_said_are_heard_in_their_order() {
    // A tune of 50 notes; no two neighbours are alike, and seven in a row tell where in it one is.
    let note = |at: usize| (at / 2880 * 7 + at / 28_800) % 10;
    let tune = |at: usize| if at < 144_000 { tone(note_hz(note(at)), 0.3)(at) } else { [0.0; 2] };
    let wanted: Vec<usize> = (0..50).map(|number| note(number * 2880)).collect();
    // Packets of 2.5 ms blur the notes themselves.
    for (name, talker, length) in talkers().into_iter().filter(|(_, _, length)| *length >= 960) {
        let sent = talker.send(&vec![length; 192_000 / length], tune);
        let mut playout = playout();
        let heard = hear(&mut playout, &sent, |_| ms(5), &Floor::at(500), ms(4300));
        assert!(playout.stats().skipped > ms(300), "{name}");
        let got = notes_heard(&left(&heard.samples));
        // Of every note 20 ms and more are left; what is shorter is the codec's way from one to the next.
        let runs = got.chunk_by(|a, b| a == b).filter(|run| run.len() >= 4);
        let tune: Vec<usize> = runs.map(|run| run[0]).collect();
        assert_eq!(tune, wanted, "{name}");
    }
}

#[test]
fn a_held_tone_keeps_its_pitch_and_does_not_click_while_it_catches_up() {
    for (hz, amplitude) in [(110.0, 0.5), (233.1, 0.5), (440.0, 0.5), (1500.0, 0.3)] {
        for grant in [250, 500] {
            let sent = Talker::default().send(&[960; 300], tone(hz, amplitude));
            let mut playout = playout();
            let heard = hear(&mut playout, &sent, |_| ms(5), &Floor::at(grant), ms(5500));
            let left = left(&heard.samples[heard.start() * 1920..]);
            let moving = &left[480..60_000];
            let cents = analysis::cents(analysis::pitch_hz(moving, hz as f32).unwrap(), hz);
            let own = (amplitude * TAU * hz / 48_000.0) as f32;
            let levels = analysis::tone_levels_dbfs(&left[960..96_000], hz as f32, 4_800);
            let dbfs = 20.0 * (amplitude as f32).log10();
            assert!(cents.abs() < 10.0, "{hz} Hz after {grant} ms: {cents} cents");
            let step = analysis::largest_step(&left);
            assert!(step < 1.5 * own, "{hz} Hz after {grant} ms: {step} of {own}");
            assert!(levels.iter().all(|level| (level - dbfs).abs() < 0.5), "{hz} Hz after {grant} ms: {levels:?}");
        }
    }
}

#[test]
fn a_whole_short_word_is_heard_to_its_end() {
    for (name, talker, length) in talkers() {
        // 500 ms of speech; the key is up again 100 ms after permission, and nothing more is sent.
        let sent = talker.send(&vec![length; 24_500usize.div_ceil(length)], spoken(0, 24_000));
        let mut playout = playout();
        let heard = hear(&mut playout, &sent, |_| ms(5), &Floor::at(400), ms(1500));
        let (wanted, got) = (left(&decoded(&sent)), left(&heard.samples));
        // The last 100 ms end as they were spoken: the last 50 to the sample, all in energy.
        let end = |samples: &[f32]| samples.iter().rposition(|sample| sample.abs() > 0.02).unwrap();
        let wanted_end = end(&wanted[..24_300]);
        assert!(playout.is_idle() && heard.played.last() == Some(&Played::Silence), "{name}: idle when it has run dry");
        let found = analysis::find(&wanted[wanted_end - 1440..wanted_end], &got).unwrap();
        assert!(found.likeness > 0.95, "{name}: {found:?}");
        let got_end = found.lag as usize + 1440;
        let spoken = rms(&wanted[wanted_end - 4800..wanted_end]);
        let last = rms(&got[got_end - 4800..got_end]);
        assert!((last / spoken).log10().abs() * 20.0 < 2.0, "{name}: {last} of {spoken}");
        // After the end no more is invented than the fade of 60 ms, and a murmur of 200 ms.
        assert!(playout.stats().concealed <= ms(200), "{name}: {:?}", playout.stats());
        let after = &got[got_end + 960..];
        assert!(after[60 * 48..].chunks(480).all(|piece| rms(piece) < 0.2 * spoken), "{name}");
        assert!(after[200 * 48..].iter().all(|sample| sample.abs() < 0.003), "{name}");
    }
}

#[test]
fn the_last_100_ms_are_heard_whole_when_the_key_goes_up() {
    for (name, talker, length) in talkers() {
        let sent = talker.send(&vec![length; 144_000 / length], spoken(0, 144_000));
        let mut playout = playout();
        let heard = hear(&mut playout, &sent, |_| ms(5), &Floor::at(250), ms(4000));
        let (wanted, got) = (left(&decoded(&sent)), left(&heard.samples));
        let found = analysis::find(&wanted[144_000 - 4800..], &got).unwrap();
        assert!(found.likeness > 0.99, "{name}: {found:?}");
        assert!(playout.is_idle(), "{name}");
        playout.hold(ms(500), ms(4000));
        assert!(playout.is_idle() && playout.is_held(), "{name}");
    }
}

#[test]
fn quiet_before_the_first_sound_is_not_waited_for() {
    // The key goes down 400 ms before the talker's first word, in a room with a little noise.
    let begin = 19_200;
    let sent = Talker::default().send(&[960; 150], |at: usize| {
        let [word, _] = spoken(begin, usize::MAX)(at);
        [word + 0.001 * hiss(at) as f32; 2]
    });
    let mut playout = playout();
    let heard = hear(&mut playout, &sent, |_| ms(5), &Floor::at(500), ms(2900));
    let got = left(&heard.samples);
    // 20 ms of quiet are kept, and the encoder's own delay of 6.5 ms is on top.
    let first = heard.start() * 960;
    assert!((first + 900..first + 1000).contains(&onset(&got)), "{}", onset(&got) - first);
    assert!(heard.delays[heard.start() + 1] < ms(160), "{:?}", heard.delays[heard.start() + 1]);
}

#[test]
fn only_what_came_since_the_key_and_within_the_time_to_keep_is_played() {
    // A tone that changes every 100 ms; packets arrive 5 ms after their 20 ms.
    let tune = |at: usize| tone(note_hz(at / 4800 % 10), 0.3)(at);
    let sent = Talker::default().send(&[960; 100], tune);
    for (since, keep, first) in [(306, 500, 3), (0, 200, 2), (406, 200, 4), (0, 9_000, 0)] {
        let mut playout = playout();
        let floor = Floor { grant: ms(500), since: ms(since), keep: ms(keep) };
        let heard = hear(&mut playout, &sent, |_| ms(5), &floor, ms(1900));
        let notes = notes_heard(&left(&heard.samples));
        assert_eq!(notes[2], first, "since {since} ms, keep {keep} ms");
        assert_eq!(playout.stats().discarded, 0, "what nobody was to hear is not a drop");
    }
}

#[test]
fn little_that_waits_starts_as_a_new_stream_does() {
    let sent = Talker::default().send(&[960; 100], spoken(0, usize::MAX));
    for grant in [0, 10, 30] {
        let mut jitter = Dice(9);
        let jitter: Vec<u64> = sent.iter().map(|_| jitter.roll(20)).collect();
        let mut playout = playout();
        let heard = hear(&mut playout, &sent, |number| ms(jitter[number]), &Floor::at(grant), ms(1900));
        assert_eq!(heard.count(Played::Concealed), 0, "{grant}");
        assert!(heard.delays[heard.start()] >= TARGET && *heard.delays.iter().max().unwrap() <= ms(80), "{grant}");
        assert!(playout.stats().skipped <= ms(20), "{grant}: hardly anything is too much");
    }
}

#[test]
fn a_loss_in_what_was_held_is_mended_as_ever() {
    let talker = Talker { channels: opus::Channels::Mono, bitrate: 32_000, fec: Some(20), ..Talker::default() };
    let sent = talker.send(&[960; 150], spoken(0, usize::MAX));
    let without: Vec<Sent> = sent.iter().filter(|packet| packet.at != ms(120)).cloned().collect();
    let mut playout = playout();
    let heard = hear(&mut playout, &without, |_| ms(5), &Floor::at(250), ms(2900));
    assert_eq!((playout.stats().missing, playout.stats().recovered_by_fec), (1, 1));
    let own = analysis::largest_step(&left(&decoded(&sent)));
    assert!(analysis::largest_step(&left(&heard.samples)) < 1.2 * own);
    let delay = *heard.delays.last().unwrap();
    assert!(delay <= TARGET + ms(20), "{delay:?}");
}

#[test]
fn taking_the_floor_away_fades_and_the_next_grant_starts_clean() {
    let sent = Talker::default().send(&[960; 300], tone(233.1, 0.5));
    let mut playout = playout();
    let mut arrivals = delayed(&sent, |_| ms(5)).into_iter().peekable();
    let (mut frame, mut all) = (Frame::SILENCE, Vec::new());
    for tick in 0..290_u64 {
        let now = ms(4 + 20 * tick);
        // Revoked at 2 s, granted again at 4 s from 3.8 s on.
        let held = (2000..4000).contains(&now.as_millis());
        if !held && playout.is_held() {
            playout.grant(ms(3800), now);
        }
        while let Some((at, packet)) = arrivals.next_if(|arrival| arrival.0 <= now) {
            playout.insert(packet, at);
            if held {
                playout.hold(ms(500), at);
            }
        }
        frame.clear();
        if !playout.is_idle() {
            playout.next(&mut frame, now);
        }
        all.extend_from_slice(frame.samples());
        if (2050..4000).contains(&now.as_millis()) {
            assert!(frame.is_silent() && playout.is_idle() && playout.stats().delay == Duration::ZERO);
        }
    }
    let own = (0.5 * TAU * 233.1 / 48_000.0) as f32;
    assert!(analysis::largest_step(&left(&all)) < 1.5 * own, "{}", analysis::largest_step(&left(&all)) / own);
    assert!(playout.stats().delay <= ms(60), "{:?}", playout.stats().delay);
    let again: Vec<f64> = left(&all)[200 * 960..].chunks(960).map(rms).collect();
    assert!(again.iter().all(|&level| level > 0.3), "it plays from the first tick on: {again:?}");
}

#[test]
fn who_is_muted_when_granted_passes_and_catches_up_unheard() {
    let sent = Talker::default().send(&[960; 200], tone(500.0, 0.5));
    let mut playout = playout();
    let mut frame = Frame::SILENCE;
    let mut back = Vec::new();
    for (number, (at, packet)) in delayed(&sent, |_| ms(0)).into_iter().enumerate() {
        playout.insert(packet, at);
        match number {
            0..25 => playout.hold(ms(500), at),
            25 => playout.grant(Duration::ZERO, at),
            26..150 => playout.pass(FrameLength::Ms20, at + ms(4)),
            _ => {
                playout.next(&mut frame, at + ms(4));
                back.extend_from_slice(frame.samples());
            }
        }
    }
    assert!(playout.stats().delay <= ms(60), "{:?}", playout.stats().delay);
    assert!((analysis::tone_dbfs(&left(&back)[9_600..], 500.0) + 6.02).abs() < 0.1);
}

#[test]
fn what_was_said_long_before_the_grant_is_not_heard_then() {
    let sent = Talker::default().send(&[960; 25], tone(500.0, 0.5));
    let mut playout = playout();
    for (at, packet) in delayed(&sent, |_| ms(5)) {
        playout.insert(packet, at);
        playout.hold(ms(500), at);
    }
    playout.grant(Duration::ZERO, ms(60_000));
    let heard = listen(&mut playout, &[], ms(60_004), ms(60_500));
    assert!(heard.samples.iter().all(|&sample| sample == 0.0) && playout.is_idle());
}

#[test]
fn a_grant_without_a_hold_changes_nothing() {
    let sent = Talker::default().send(&[960; 100], sweep);
    let (mut one, mut other) = (playout(), playout());
    let arrivals = delayed(&sent, |_| ms(5));
    other.grant(ms(100), ms(0));
    let (a, b) = (listen(&mut one, &arrivals, ms(4), ms(2000)), listen(&mut other, &arrivals, ms(4), ms(2000)));
    assert!(a.samples == b.samples && one.stats() == other.stats());
}
