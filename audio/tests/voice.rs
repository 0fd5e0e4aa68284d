//! How much of a voice is heard damaged on networks that lose packets, in a speech mode of Opus with
//! in-band FEC.
//!
//! What is heard is held against what the same packets decode to with nothing lost. A window of 10 ms
//! is damaged if the levels of its bands are off by more than 5 dB in the mean of those that can be
//! heard. `bench/sound` does the same with recorded voices.
#![allow(clippy::print_stdout)] // The shares are read from the output.

mod support;

use std::collections::BTreeSet;
use std::f64::consts::TAU;

use audio::{CHANNELS, Decoder, EncoderSettings, Playout, PlayoutSettings, analysis};
use support::*;

const WINDOW: usize = 480;

/// The spectrum is taken over 16 ms.
const SPAN: usize = 768;

/// What is so far below the mean of the voice, nobody hears.
const FLOOR_DB: f64 = 40.0;

const DAMAGED_DB: f64 = 5.0;

/// The middles of the bands, a third of an octave apart.
const BANDS_HZ: [f64; 14] = [160., 200., 250., 315., 400., 500., 630., 800., 1000., 1250., 1600., 2000., 2500., 3150.];

/// Words of 0.4 s, two a second, each on another pitch.
fn words(at: usize) -> [f32; 2] {
    let (number, within) = (at / 24_000, at % 24_000);
    let t = within as f64 / 48_000.0;
    let end = ((0.4 - t) * 100.0).clamp(0.0, 1.0);
    [(end * word(t * (1.0 + 0.05 * (number % 7) as f64), at)) as f32; 2]
}

/// What makes of a span the amplitude at a frequency: a cosine and a sine under a Hann window.
struct Line(Vec<[f32; 2]>);

impl Line {
    fn at(hz: f64) -> Self {
        let turn = |at: usize, of: f64| (TAU * at as f64 / of).sin_cos();
        let sample = |at: usize| {
            let taper = 0.5 - 0.5 * turn(at, SPAN as f64).1;
            let (sin, cos) = turn(at, 48_000.0 / hz);
            [(taper * cos) as f32, (taper * sin) as f32]
        };
        Self((0..SPAN).map(sample).collect())
    }

    fn power(&self, span: &[f32]) -> f64 {
        let sum = span
            .iter()
            .zip(&self.0)
            .fold([0.0_f32; 2], |[re, im], (sample, [cos, sin])| [re + sample * cos, im + sample * sin]);
        f64::from(sum[0]).powi(2) + f64::from(sum[1]).powi(2)
    }
}

/// Two lines a band, so that no overtone falls between them.
fn lines() -> Vec<[Line; 2]> {
    BANDS_HZ.iter().map(|hz| [Line::at(hz * 0.94), Line::at(hz * 1.06)]).collect()
}

/// The power in each band of the span around a sample.
fn bands(lines: &[[Line; 2]], samples: &[f32], middle: usize) -> Vec<f64> {
    let span = &samples[middle - SPAN / 2..middle + SPAN / 2];
    lines.iter().map(|band| band.iter().map(|line| line.power(span)).sum()).collect()
}

/// Of the windows with a voice in them, how many there are, and how many are damaged.
fn damaged(clean: &[f32], heard: &[f32]) -> (usize, usize) {
    // Words are alike, so it is looked for nearby.
    let lag = analysis::find(&clean[144_000..1_200_000], &heard[144_000..1_206_000]).expect("a voice").lag;
    // From when the delay is what the network needs.
    let middles = (144_000..clean.len() - 48_000).step_by(WINDOW);
    let lines = lines();
    let spectra: Vec<_> = middles
        .map(|middle| (bands(&lines, clean, middle), bands(&lines, heard, (middle as isize + lag) as usize)))
        .collect();
    let mean = spectra.iter().flat_map(|(said, _)| said).sum::<f64>() / (spectra.len() * BANDS_HZ.len()) as f64;
    let floor = mean * 10_f64.powf(-FLOOR_DB / 10.0);
    let db = |power: f64| 10.0 * (power + floor).log10();
    let (mut voiced, mut bad) = (0, 0);
    for (said, got) in &spectra {
        let loud = said.iter().zip(got).filter(|(said, got)| said.max(**got) > 10.0 * floor);
        let off: Vec<f64> = loud.map(|(&said, &got)| (db(said) - db(got)).abs().min(20.0)).collect();
        if said.iter().sum::<f64>() < mean * 0.05 {
            continue;
        }
        voiced += 1;
        bad += usize::from(off.iter().sum::<f64>() / off.len().max(4) as f64 > DAMAGED_DB);
    }
    (voiced, bad)
}

/// What libopus makes of it that may wait for ever: each loss from the packet after it, or guessed.
fn patient(sent: &[Sent], arrived: &BTreeSet<u16>) -> Vec<f32> {
    let mut decoder = Decoder::new().expect("a decoder");
    decoder.set_deep(true);
    let mut piece = vec![0.0; 960 * CHANNELS];
    let mut all = Vec::new();
    for (number, packet) in sent.iter().enumerate() {
        let next = sent.get(number + 1).filter(|next| arrived.contains(&next.sequence));
        let _ = match next {
            _ if arrived.contains(&packet.sequence) => decoder.decode(&packet.payload, &mut piece).expect("a packet"),
            Some(next) => decoder.decode_fec(&next.payload, &mut piece).expect("a packet"),
            None => decoder.conceal(&mut piece).expect("a packet"),
        };
        all.extend_from_slice(&piece);
    }
    analysis::channel(&all, 0)
}

/// The shares of 36 s of words that are damaged where so many packets in a hundred are lost, over two
/// networks: here, and with all the time there is.
fn shares(percent: u64) -> (f64, f64) {
    let settings = EncoderSettings { bitrate_bps: 32_000, expected_loss_percent: 20, ..EncoderSettings::default() };
    let sent = encoded(settings, 2000, words);
    let clean = analysis::channel(&decoded(&sent), 0);
    let (mut voiced, mut bad, mut floor) = (0, 0, 0);
    for seed in [7, 8] {
        let mut dice = Dice(seed);
        let arrivals: Vec<_> = delayed(&sent, |_| ms(5)).into_iter().filter(|_| dice.roll(100) >= percent).collect();
        let arrived = arrivals.iter().map(|(_, packet)| packet.sequence).collect();
        let mut playout = Playout::new(PlayoutSettings::default());
        let heard = listen(&mut playout, &arrivals, ms(11), ms(41_000));
        let (all, damaged) = damaged(&clean, &analysis::channel(&heard.samples, 0));
        voiced += all;
        bad += damaged;
        floor += self::damaged(&clean, &patient(&sent, &arrived)).1;
        assert!(playout.stats().recovered_by_fec >= playout.stats().missing / 2);
    }
    let shares = (bad as f64 / voiced as f64, floor as f64 / voiced as f64);
    println!(
        "{percent} % lost: {:.2} % of {voiced} windows damaged, at best {:.2} %",
        100.0 * shares.0,
        100.0 * shares.1
    );
    shares
}

fn rms_db(samples: &[f32]) -> f32 {
    10.0 * (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32 + 1e-12).log10()
}

#[test]
fn with_fec_next_to_nothing_is_damaged() {
    for (percent, most) in [(0, 0.0), (5, 0.005), (10, 0.015)] {
        let (share, floor) = shares(percent);
        assert!(share <= most && share <= floor + 0.002, "{percent} %: {share}, {floor}");
    }
}

#[test]
fn without_fec_a_guess_damages_less_than_if_it_were_too_soft() {
    let talker =
        Talker { channels: opus::Channels::Mono, bitrate: 32_000, fec: Some(0), first_sequence: 0, first_timestamp: 0 };
    let sent = talker.send(&[960; 2000], words);
    assert!(sent.iter().all(|packet| !audio::has_fec(&packet.payload)));
    let clean = analysis::channel(&decoded(&sent), 0);
    for (percent, most) in [(5, 0.0615), (10, 0.1115)] {
        let (mut voiced, mut bad) = (0, 0);
        for seed in [7, 8, 9] {
            let mut dice = Dice(seed);
            let arrivals: Vec<_> =
                delayed(&sent, |_| ms(5)).into_iter().filter(|_| dice.roll(100) >= percent).collect();
            let mut playout = Playout::new(PlayoutSettings::default());
            let heard = listen(&mut playout, &arrivals, ms(11), ms(41_000));
            let (all, damaged) = damaged(&clean, &analysis::channel(&heard.samples, 0));
            (voiced, bad) = (voiced + all, bad + damaged);
        }
        let share = bad as f64 / voiced as f64;
        println!("{percent} % lost, no FEC: {:.2} % of {voiced} windows damaged", 100.0 * share);
        assert!(share <= most, "{percent} %: {share}");
    }
}

#[test]
fn a_packet_more_is_waited_for_only_where_packets_are_lost_and_no_copies_are_sent() {
    let wait = |fec: Option<i32>, lost: fn(usize) -> bool| {
        let talker = Talker { channels: opus::Channels::Mono, bitrate: 32_000, fec, ..Talker::default() };
        let sent = talker.send(&[960; 1000], words);
        let arrivals = delayed(&sent, |_| ms(5)).into_iter().enumerate().filter(|(at, _)| !lost(*at));
        let arrivals: Vec<_> = arrivals.map(|(_, arrival)| arrival).collect();
        let mut playout = Playout::new(PlayoutSettings::default());
        listen(&mut playout, &arrivals, ms(11), ms(19_900));
        (playout.stats().wait.as_millis(), playout.stats().stretched.as_millis())
    };
    assert_eq!(wait(Some(0), |_| false), (6, 0));
    assert_eq!(wait(Some(0), |at| at % 100 == 99), (6, 0), "1 % is worth no wait");
    let (later, stretched) = wait(Some(0), |at| at % 20 == 19);
    assert!((26..32).contains(&later) && stretched < 50, "5 %: {later} ms, {stretched} ms");
}

#[test]
fn a_voice_goes_on_through_a_burst_of_100_ms() {
    let settings = EncoderSettings { bitrate_bps: 32_000, expected_loss_percent: 20, ..EncoderSettings::default() };
    let voice = |at: usize| [(0.8 * word(0.05 + at as f64 / 48_000.0, at)) as f32; 2];
    let sent = encoded(settings, 150, voice);
    let mut levels: Vec<f32> = (0..40)
        .map(|number| {
            let burst = 60 + number..65 + number;
            let arrivals: Vec<_> =
                delayed(&sent, |_| ms(5)).into_iter().enumerate().filter(|(at, _)| !burst.contains(at)).collect();
            let arrivals: Vec<_> = arrivals.into_iter().map(|(_, arrival)| arrival).collect();
            let mut playout = Playout::new(PlayoutSettings::default());
            let heard = analysis::channel(&listen(&mut playout, &arrivals, ms(11), ms(3_000)).samples, 0);
            // The voice of packet n is heard from about tick n + 2 on; 60 to 80 ms after the first lost one.
            let from = (burst.start + 2) * 960 + 2880;
            rms_db(&heard[from..from + 960]) - rms_db(&heard[48_000..57_600])
        })
        .collect();
    levels.sort_by(f32::total_cmp);
    println!("60 to 80 ms into a loss: {levels:.0?} dB");
    assert!(levels[20] > -20.0, "{levels:?}");
}
