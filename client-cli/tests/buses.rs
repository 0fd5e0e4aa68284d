//! Programs and announcements beside voices: what a recording of the room holds.
#![allow(clippy::unwrap_used)]

mod support;

use audio::analysis::tone_levels_dbfs;
use support::{PIECE, Server, left, median, share_off, steady_dbfs, write_tone};

const SECOND: usize = 48_000;

/// A program of 1 kHz is recorded while a tone of 400 Hz is pushed to `bus`. The levels of both, tenth by tenth.
fn beside(server: &Server, bus: &str) -> (Vec<f32>, Vec<f32>) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    write_tone(folder.path().join("music.wav").as_path(), 48_000, 60, 1_000.0, -20.0);
    write_tone(folder.path().join("words.wav").as_path(), 48_000, 2, 400.0, -20.0);
    server.make_room(bus);
    let music = server.spawn(&["push", &file("music.wav"), "--room", bus, "--bus", "program"]);
    server.until(bus, |state| state.tracks.iter().any(|track| track.talking));
    let mut record = server.spawn(&["record", &file("room.wav"), "--room", bus]);
    record.is_at_work();
    server.run(&["push", &file("words.wav"), "--room", bus, "--bus", bus]).ok();
    // Another recorder is the clock.
    server.run(&["record", &file("clock.wav"), "--room", bus, "--duration", "3"]).ok();
    record.signal("INT");
    record.end().ok();
    music.signal("INT");
    music.end().ok();
    let heard = left(&folder.path().join("room.wav"));
    (tone_levels_dbfs(&heard, 1_000.0, PIECE), tone_levels_dbfs(&heard, 400.0, PIECE))
}

/// Whether a tone stays at its level: the median is there, and hardly a piece is far from it. A stall of the machine
/// takes its part out of two tenths of a second.
fn stays_at(levels: &[f32], level_dbfs: f32) -> bool {
    (median(levels) - level_dbfs).abs() < 0.7 && share_off(levels, level_dbfs, 2.5) <= 0.25
}

/// While the words are heard the program is `down` dB lower; before and afterwards it is not.
fn is_pushed_down(music: &[f32], words: &[f32], down: f32) {
    let loud: Vec<_> = (0..words.len()).filter(|at| words[*at] > -21.0).collect();
    let (first, last) = (loud[0], loud[loud.len() - 1]);
    assert!((17..=26).contains(&(last - first + 1)), "two seconds of words: {words:?}");
    assert!(stays_at(&words[first + 1..last], -20.0), "words are not pushed: {words:?}");
    assert!(first > 3, "words came before the recorder: {words:?}");
    let before = &music[1..first - 1];
    assert!(stays_at(before, -20.0), "before: {before:?}");
    // It takes 120 ms to go down; it comes back 400 ms after the last word, in 900 ms.
    let under = &music[first + 4..last];
    assert!(stays_at(under, -20.0 - down), "{down} dB down: {under:?}");
    let after = &music[last + 18..music.len() - 1];
    assert!(after.len() > 5 && stays_at(after, -20.0), "back again: {after:?}");
}

#[test]
fn a_program_is_12_db_down_under_a_voice_and_comes_back() {
    let server = Server::start();
    let (music, words) = beside(&server, "voice");
    is_pushed_down(&music, &words, 12.0);
}

#[test]
fn an_announcement_dims_all_others_by_20_db_and_they_come_back() {
    let server = Server::start();
    let (music, words) = beside(&server, "announcement");
    is_pushed_down(&music, &words, 20.0);
}

#[test]
fn the_depths_are_settings_and_a_track_can_change_its_bus() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    write_tone(folder.path().join("music.wav").as_path(), 48_000, 60, 1_000.0, -20.0);
    write_tone(folder.path().join("words.wav").as_path(), 48_000, 60, 400.0, -20.0);
    let server = Server::start();
    server.make_room("depth");
    server.run(&["mix", "depth", "--set", "duck_db=6"]).ok();
    let pushes = ["music.wav", "words.wav"].map(|name| server.spawn(&["push", &file(name), "--room", "depth"]));
    server.until("depth", |state| state.tracks.iter().filter(|track| track.talking).count() == 2);
    let level = |recording: &str| {
        server.run(&["record", &file(recording), "--room", "depth", "--duration", "2"]).ok();
        steady_dbfs(&left(&folder.path().join(recording))[SECOND..2 * SECOND], 1_000.0)
    };
    let table = server.run(&["mix", "depth", "music", "--bus", "program"]).ok();
    assert!(table.lines().any(|line| line.contains("music") && line.contains("program")), "{table}");
    let ducked = level("a.wav");
    assert!((ducked + 26.0).abs() < 0.7, "{ducked} dBFS");
    server.run(&["mix", "depth", "music", "--bus", "voice"]).ok();
    let free = level("b.wav");
    assert!((free + 20.0).abs() < 0.7, "{free} dBFS");
    for push in pushes {
        push.signal("INT");
        push.end().ok();
    }
}
