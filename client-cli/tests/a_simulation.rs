//! A network without one: the same seed gives the same sound, and the figures say what is heard.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use audio::analysis::tone_dbfs;
use serde_json::Value;
use support::{cli, left, said, write_tone};

fn simulate(file: &str, more: &[&str]) -> Value {
    let arguments = [&["simulate", file, "--json"], more].concat();
    serde_json::from_str(&said(cli(&arguments).output().unwrap()).ok()).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_file_and_another_seed_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    write_tone(Path::new(&file("tone.wav")), 48_000, 6, 440.0, -20.0);
    let day = |seed: &str, out: &str| {
        simulate(&file("tone.wav"), &["--network", "bad", "--downlink", "--seed", seed, "--out", &file(out)])
    };
    let days = [day("1", "a.wav"), day("1", "b.wav"), day("2", "c.wav")];
    let bytes = ["a.wav", "b.wav", "c.wav"].map(|name| std::fs::read(file(name)).unwrap());
    assert!(bytes[0] == bytes[1] && bytes[0] != bytes[2]);
    assert!(days[0]["hash"] == days[1]["hash"] && days[0]["hash"] != days[2]["hash"]);
    assert!(days[0]["lost"].as_u64() > Some(5) && days[0]["downlink_lost"].as_u64() > Some(5), "{}", days[0]);
    assert!(days[0]["concealed_ms"].as_u64() > Some(20), "{}", days[0]);
}

#[test]
fn a_clean_network_is_heard_whole_and_soon_and_a_bad_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    write_tone(Path::new(&file("tone.wav")), 48_000, 6, 440.0, -20.0);
    let clean = simulate(&file("tone.wav"), &["--out", &file("clean.wav")]);
    assert_eq!((&clean["gaps_ms"], &clean["lost"]), (&0.into(), &0.into()), "{clean}");
    let heard = left(Path::new(&file("clean.wav")));
    assert!((tone_dbfs(&heard[48_000..5 * 48_000], 440.0) + 20.0).abs() < 0.5);
    let awful = simulate(&file("tone.wav"), &["--network", "awful", "--no-fec"]);
    assert!(awful["concealed_ms"].as_u64() > Some(300), "{awful}");
}

#[test]
fn what_a_burst_takes_is_described_by_the_packet_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("voice.wav");
    let mut writer = audio::file::Writer::create(&path).unwrap();
    let mut turns = 0.0_f64;
    for n in 0..400 {
        let mut frame = audio::Frame::SILENCE;
        for (at, pair) in frame.samples_mut().chunks_exact_mut(2).enumerate() {
            let time = f64::from(n) * 0.02 + at as f64 / 48_000.0;
            turns += (140.0 + 20.0 * (time * 2.0).sin()) / 48_000.0;
            let sound: f64 = (1..20).map(|k| (f64::from(k) * turns * std::f64::consts::TAU).sin() / f64::from(k)).sum();
            pair.fill((0.1 * sound) as f32);
        }
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
    let burst = ["--loss", "10", "--burst", "3", "--bitrate", "64000"];
    let with = simulate(path.to_str().unwrap(), &[&burst[..], &["--dred", "300"]].concat());
    let without = simulate(path.to_str().unwrap(), &burst);
    assert!(with["recovered_by_dred"].as_u64() > Some(5), "{with}");
    assert_eq!(without["recovered_by_dred"], 0);
    assert!(with["concealed_ms"].as_u64() < without["concealed_ms"].as_u64(), "{with} {without}");
}

/// A tone repeats and has no place; a sweep has one at every moment.
#[test]
fn the_delay_is_what_the_network_adds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.wav");
    let mut writer = audio::file::Writer::create(&path).unwrap();
    let mut turns = 0.0_f64;
    for n in 0..300 {
        let mut frame = audio::Frame::SILENCE;
        for (at, pair) in frame.samples_mut().chunks_exact_mut(2).enumerate() {
            let time = f64::from(n) * 0.02 + at as f64 / 48_000.0;
            turns += (300.0 + 200.0 * (time * 5.0).sin()) / 48_000.0;
            pair.fill((0.1 * (turns * std::f64::consts::TAU).sin()) as f32);
        }
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
    let delay = |ms: &str| simulate(path.to_str().unwrap(), &["--delay", ms])["delay_p50_ms"].as_f64().unwrap();
    let (near, far) = (delay("5"), delay("105"));
    // Both jitter buffers begin a step anew with each way, so a frame more or less is theirs.
    assert!((far - near - 100.0).abs() <= 40.0, "{near} and {far} ms");
    assert!((40.0..160.0).contains(&near), "{near} ms");
}

#[test]
fn what_is_no_file_or_no_network_is_named() {
    said(cli(&["simulate", "not-there.wav"]).output().unwrap()).failed(1, &["not-there.wav"]);
    said(cli(&["simulate", "a.wav", "--set", "frame_ms=15"]).output().unwrap()).failed(2, &["10 or 20"]);
}
