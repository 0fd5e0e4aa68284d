//! Rooms, strips and events from the command line.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;
use support::{Server, write_silence};

#[test]
fn strips_are_moved_by_name_and_shown_as_they_are_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Bass line.wav");
    write_silence(&file, 3_000);
    let server = Server::start();
    server.make_room("desk");
    let push = server.spawn(&["push", file.to_str().unwrap(), "--room", "desk", "--pan", "0.25"]);
    server.until("desk", |state| state.tracks.len() == 1);

    let table =
        server.run(&["mix", "desk", "Bass line", "--gain", "-6", "--pan", "-1", "--mute", "--master", "2"]).ok();
    let strip = table.lines().find(|line| line.contains("Bass line")).expect("a line for the strip");
    for shown in ["file", "-6.0", "-1.00", "yes"] {
        assert!(strip.contains(shown), "{table}");
    }
    assert!(table.contains("master +2.0 dB"), "{table}");
    let track = &server.room("desk").tracks[0];
    assert_eq!((track.gain_db, track.pan, track.muted), (-6.0, -1.0, true));

    let id = track.id.clone();
    server.run(&["mix", "desk", id.as_str(), "--mute", "off"]).ok();
    assert!(!server.room("desk").tracks[0].muted);
    let rooms: Value = serde_json::from_str(&server.run(&["rooms", "--json"]).ok()).unwrap();
    assert_eq!(rooms[0]["tracks"][0]["name"], "Bass line");
    assert!(server.run(&["rooms"]).ok().contains("desk  1 track, 0 listeners: Bass line"));

    let table =
        server.run(&["mix", "desk", "Bass line", "--bus", "program", "--group", "band", "--set", "dim_db=9.5"]).ok();
    let strip = table.lines().find(|line| line.contains("Bass line")).expect("a line for the strip");
    assert!(strip.contains("program") && strip.contains("band"), "{table}");
    assert_eq!(server.room("desk").settings.dim_db, 9.5);
    server.run(&["mix", "desk", "Bass line", "--group", ""]).ok();
    assert_eq!(server.room("desk").tracks[0].group, None);

    push.signal("TERM");
    push.end().ok();
    assert!(server.room("desk").tracks.is_empty());
}

#[test]
fn events_are_lines_with_their_time_and_their_address() {
    let server = Server::start();
    server.make_room("news");
    let mut follower = server.cli(&["events", "news"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    // The desk is moved, to and fro, until the follower, which joins in its own time, has seen it.
    let line = std::thread::scope(|scope| {
        let first = scope.spawn(|| lines.next().expect("a line").unwrap());
        for master in ["-3", "-4"].into_iter().cycle() {
            if first.is_finished() {
                break;
            }
            server.run(&["mix", "news", "--master", master]).ok();
        }
        first.join().unwrap()
    });
    let rest = line.strip_prefix('[').expect(&line);
    let (at, rest) = rest.split_once("] [").expect(&line);
    assert!(at.parse::<u64>().is_ok(), "{line}");
    let (address, event) = rest.split_once("] ").expect(&line);
    assert!(!address.is_empty() && !event.is_empty(), "{line}");
    server.wait(server.client.close_room(&support::name("news"))).unwrap();
    assert!(follower.wait().unwrap().success(), "a room that closes ends it in order");
}
