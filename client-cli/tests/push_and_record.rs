//! The main job: a file is pushed, the room is recorded, and the recording holds the file.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use audio::analysis::{cents, largest_step, pitch_hz, tone_dbfs, tone_levels_dbfs};
use serde_json::Value;
use support::{Server, left, median, share_off, steady_dbfs, write_tone};

const SECOND: usize = 48_000;
/// How much of what is heard may be hurt: while the machine stalls nothing is sent or mixed, and a gap is all that can
/// be heard of that.
const STALLED: f64 = 0.1;

/// A 44.1 kHz WAV into a .wav and an MP3 into an .ogg, side by side in two rooms, for ten seconds.
#[test]
fn ten_seconds_arrive_at_their_level_and_pitch_and_almost_nothing_is_concealed() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    write_tone(&file("tone 44100.wav"), 44_100, 14, 997.0, -20.0);
    let mp3 = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/tone-1000hz.mp3");
    let server = Server::start();

    let mut running = Vec::new();
    for (room, source, frequency_hz, recording) in
        [("wav", file("tone 44100.wav"), 997.0, "a.wav"), ("mp3", mp3, 1_000.0, "b.ogg")]
    {
        server.make_room(room);
        let source = source.to_str().unwrap().to_owned();
        let push = server.spawn(&["push", &source, "--room", room, "--gain", "-3", "--loop"]);
        server.until(room, |state| state.tracks.iter().any(|track| track.talking));
        let recording = file(recording).to_str().unwrap().to_owned();
        let record = server.spawn(&["record", &recording, "--room", room, "--duration", "10", "--json"]);
        running.push((push, record, source, recording, frequency_hz));
    }
    for (push, record, source, recording, frequency_hz) in running {
        let summary: Value = serde_json::from_str(&record.end().ok()).unwrap();
        push.signal("INT");
        push.end().ok();

        let heard = left(Path::new(&recording));
        assert!((10 * SECOND..=10 * SECOND + 960).contains(&heard.len()), "{} samples", heard.len());
        assert_eq!(summary["seconds"], 10.0);
        let concealed = summary["concealed_percent"].as_f64().unwrap();
        assert!(concealed <= 2.0, "{concealed} % concealed");

        let middle = &heard[SECOND..9 * SECOND];
        let sent = tone_dbfs(&left(Path::new(&source))[SECOND..2 * SECOND], frequency_hz);
        let came = steady_dbfs(middle, frequency_hz);
        assert!((came - sent + 3.0).abs() < 1.0, "{sent} dBFS was pushed at -3 dB and {came} dBFS came");
        let pitches: Vec<_> =
            middle.chunks_exact(SECOND / 2).filter_map(|piece| pitch_hz(piece, frequency_hz)).collect();
        let cents: Vec<_> = pitches.iter().map(|hz| cents(*hz, f64::from(frequency_hz)) as f32).collect();
        assert!(median(&cents).abs() < 1.0 && cents.len() == 16, "{cents:?} cents");
        // Ten milliseconds of silence in a window of 40 ms would be 2.5 dB.
        let levels = tone_levels_dbfs(middle, frequency_hz, SECOND / 25);
        assert!(share_off(&levels, came, 1.0) <= STALLED, "{levels:?}");
        let steps: Vec<_> = middle.chunks_exact(SECOND / 25).map(largest_step).collect();
        let clicks = steps.iter().filter(|step| **step > 0.05).count();
        assert!(clicks as f64 <= STALLED * steps.len() as f64, "{clicks} of {} windows have a click", steps.len());
        assert!((summary["level_dbfs"].as_f64().unwrap() - f64::from(came)).abs() < 1.0, "{summary}");
    }
}

/// A stereo pair is two files: they start in the same 20 ms, and each is where it was put.
#[test]
fn files_pushed_together_start_together_and_leave_when_they_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    write_tone(folder.path().join("left.wav").as_path(), 48_000, 2, 500.0, -20.0);
    write_tone(folder.path().join("right.wav").as_path(), 48_000, 2, 1_500.0, -20.0);
    let server = Server::start();
    let record = server.spawn(&["record", &file("pair.wav"), "--room", "pair", "--json"]);
    server.make_room("pair");
    server.until("pair", |state| state.listeners == 1);
    let arguments =
        ["push", &file("left.wav"), &file("right.wav"), "--room", "pair", "--pan", "-1", "--pan", "1", "--json"];
    let pushed = server.run(&arguments).ok();
    let names: Vec<Value> = pushed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!([&names[0]["name"], &names[1]["name"]], ["left", "right"]);
    assert_eq!(names[0]["sent"], 101, "two seconds and what the encoder holds");
    assert!(names[0]["round_trip_ms"].as_f64().is_some_and(|ms| ms < 1_000.0), "{pushed}");
    assert!(server.room("pair").tracks.is_empty(), "a file that has ended leaves");
    record.signal("TERM");
    record.end().ok();

    let frames: Vec<_> = audio::file::Reader::open(file("pair.wav")).unwrap().map(|frame| frame.unwrap()).collect();
    let ears = [
        frames.iter().flat_map(|frame| frame.left().collect::<Vec<_>>()).collect::<Vec<f32>>(),
        frames.iter().flat_map(|frame| frame.right().collect::<Vec<_>>()).collect(),
    ];
    let start = |ear: &[f32]| ear.iter().position(|sample| sample.abs() > 0.02).expect("a tone in each ear");
    let (left, right) = (start(&ears[0]), start(&ears[1]));
    assert!(left.abs_diff(right) < 120, "{left} and {right}: more than 2.5 ms apart");
    for (ear, frequency_hz, other) in [(&ears[0], 500.0, 1_500.0), (&ears[1], 1_500.0, 500.0)] {
        let tone = &ear[left + SECOND / 4..left + SECOND * 7 / 4];
        let level = steady_dbfs(tone, frequency_hz);
        assert!((level + 20.0 - 3.01).abs() < 0.7, "{level} dBFS");
        assert!(steady_dbfs(tone, other) < -60.0, "the other ear's tone");
    }
}

#[test]
fn a_room_in_which_nobody_speaks_is_recorded_as_silence_of_that_length() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    for recording in ["quiet.wav", "quiet.ogg"] {
        let path = folder.path().join(recording);
        let summary = server.run(&["record", path.to_str().unwrap(), "--room", "quiet", "--duration", "1"]).ok();
        assert!(summary.contains("1.00 s") && summary.contains("no loudness"), "{summary}");
        let heard = left(&path);
        assert_eq!(heard.len(), SECOND);
        assert!(heard.iter().all(|sample| sample.abs() < 1e-4));
    }
}
