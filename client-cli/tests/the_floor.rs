//! A room that talks by floor, from the command line.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use audio::analysis::tone_levels_dbfs;
use serde_json::Value;
use server::config::Config;
use support::{PIECE, Server, cli, left, said, write_silence, write_tone};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// A tone of that name and length.
    fn tone(&self, name: &str, seconds: u32, frequency_hz: f64) -> String {
        let path = self.path(&format!("{name}.wav"));
        write_tone(Path::new(&path), 48_000, seconds, frequency_hz, -20.0);
        path
    }
}

fn floor_room(server: &Server, settings: &[&str]) {
    server.make_room("site");
    let mut arguments = vec!["mix", "site", "--mode", "floor"];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    server.run(&arguments).ok();
}

/// Where a tone was heard in a recording, tenths of a second.
struct Heard {
    from: usize,
    /// The one after the last.
    to: usize,
    /// How many of these it was heard in; in those with a stall of the machine it was not.
    loud: usize,
}

impl Heard {
    fn in_file(recording: &str, frequency_hz: f32) -> Self {
        let levels = tone_levels_dbfs(&left(Path::new(recording)), frequency_hz, PIECE);
        let loud: Vec<_> = (0..levels.len()).filter(|at| levels[*at] > -26.0).collect();
        let (from, to) = (loud.first().expect("the tone is heard"), loud.last().expect("the tone is heard"));
        Self { from: *from, to: to + 1, loud: loud.len() }
    }

    /// From its first sound to its last it took so many tenths, and hardly any of them are without it. A stall delays
    /// what comes after it, until the delay is caught up.
    #[track_caller]
    fn lasted(&self, tenths: std::ops::RangeInclusive<usize>) {
        let span = self.to - self.from;
        assert!(tenths.contains(&span), "{span} tenths of a second, not {tenths:?}");
        assert!(self.loud * 5 >= span * 4, "it was heard in {} of {span} tenths", self.loud);
    }
}

#[test]
fn a_push_waits_for_who_talks_and_is_then_heard_whole() {
    let (folder, server) = (Folder::new(), Server::start());
    let (first, second) = (folder.tone("first", 3, 500.0), folder.tone("second", 2, 1_500.0));
    floor_room(&server, &[]);
    let recording = folder.path("site.wav");
    let record = server.spawn(&["record", &recording, "--room", "site"]);
    server.until("site", |state| state.listeners == 1);
    let talks = server.spawn(&["push", &first, "--room", "site"]);
    server.until("site", |state| state.floor.holders.len() == 1);
    let waits = server.spawn(&["push", &second, "--room", "site", "--json"]);
    server.until("site", |state| state.floor.queue.len() == 1);

    let shown = server.run(&["rooms", "site"]).ok();
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[0].starts_with("room site · floor"), "{shown}");
    assert!(lines[1].starts_with("floor: first, ") && lines[1].ends_with(" s left"), "{shown}");
    assert!(lines[2].starts_with("waits: 1. second, for "), "{shown}");
    let state: Value = serde_json::from_str(&server.run(&["rooms", "site", "--json"]).ok()).unwrap();
    assert_eq!(state["floor"]["queue"].as_array().unwrap().len(), 1);

    talks.end().ok();
    let done = waits.end();
    let at = |words: &str| done.error.find(words).unwrap_or_else(|| panic!("{words:?} is not in {done:?}"));
    assert!(at("second waits for the floor, number 1") < at("second has the floor, 30 s left"));
    assert_eq!(serde_json::from_str::<Value>(&done.ok()).unwrap()["sent"], 101);
    server.until("site", |state| state.floor.holders.is_empty());
    record.signal("INT");
    record.end().ok();
    let (one, two) = (Heard::in_file(&recording, 500.0), Heard::in_file(&recording, 1_500.0));
    one.lasted(29..=34);
    two.lasted(19..=24);
    assert!(two.from + 1 >= one.to, "the second waited: {} and {}", one.to, two.from);
}

#[test]
fn who_is_denied_or_revoked_is_told_why_and_leaves_nothing() {
    let (folder, server) = (Folder::new(), Server::start());
    let (long, other) = (folder.tone("long", 30, 500.0), folder.tone("other", 30, 1_500.0));
    floor_room(&server, &["floor_queue=0"]);
    let holds = server.spawn(&["push", &long, "--room", "site"]);
    server.until("site", |state| state.floor.holders.len() == 1);
    server
        .run(&["push", &other, "--room", "site"])
        .failed_somehow(&["other does not get the floor", "somebody else talks"]);
    server.until("site", |state| state.tracks.len() == 1);

    // A higher priority takes it.
    let urgent = server.spawn(&["push", &other, "--room", "site", "--priority", "9"]);
    holds.end().failed_somehow(&["long has lost the floor", "higher priority"]);
    let shown = server.run(&["rooms", "site"]).ok();
    assert!(shown.contains("floor: other, ") && shown.contains("priority 9"), "{shown}");
    // The desk takes it.
    let answer = server.run(&["mix", "site", "other", "--floor", "revoke"]).ok();
    assert_eq!(answer, "other neither has the floor nor waits for it\n");
    urgent.end().failed_somehow(&["other has lost the floor", "the desk took the floor"]);

    // Its time is over: it is heard to the end of the grace and no longer.
    server.run(&["mix", "site", "--set", "floor_talk_ms=1000", "--set", "floor_grace_ms=1500"]).ok();
    let recording = folder.path("site.wav");
    let record = server.spawn(&["record", &recording, "--room", "site"]);
    server.until("site", |state| state.listeners == 1);
    let done = server.run(&["push", &long, "--room", "site"]);
    assert!(done.error.contains("long has to end: talked for as long as one may"), "{done:?}");
    done.failed_somehow(&["long has lost the floor", "talked for as long as one may"]);
    record.signal("INT");
    record.end().ok();
    // From the grant, which the talker hears of a little later, to the end of the grace.
    Heard::in_file(&recording, 500.0).lasted(20..=28);
    server.until("site", |state| state.tracks.is_empty() && state.floor.holders.is_empty());
}

#[test]
fn a_program_and_an_announcement_need_no_floor_and_voices_fit_it() {
    let (folder, server) = (Folder::new(), Server::start());
    let files = ["holder", "music", "a", "b"].map(|name| folder.tone(name, 60, 500.0));
    floor_room(&server, &[]);
    let [holder, music, a, b] = &files;
    let mut running = vec![server.spawn(&["push", holder, "--room", "site"])];
    server.until("site", |state| state.floor.holders.len() == 1);
    for bus in ["program", "announcement"] {
        let mut free = server.spawn(&["push", music, "--room", "site", "--bus", bus, "--name", bus]);
        free.is_at_work();
        server.until("site", |state| state.tracks.iter().any(|track| track.name == bus && track.talking));
        running.push(free);
    }
    let two = ["push", a, b, "--room", "site", "--bus", "voice"];
    server.run(&two).failed_somehow(&["lets 1 talk at once", "2 voices", "--bus program", "floor_holders=2"]);
    // One who waits is let in when the room opens.
    let waits = server.spawn(&["push", a, "--room", "site"]);
    server.until("site", |state| state.floor.queue.len() == 1);
    server.run(&["mix", "site", "--mode", "open"]).ok();
    server.until("site", |state| state.tracks.iter().any(|track| track.name == "a" && track.talking));
    running.push(waits);
    for push in running {
        push.signal("INT");
        push.end().ok();
    }
    server.until("site", |state| state.tracks.is_empty());
}

#[test]
fn the_desk_gives_and_takes_the_floor_and_the_events_say_so() {
    let (folder, server) = (Folder::new(), Server::start());
    let (first, second) = (folder.tone("first", 60, 500.0), folder.tone("second", 60, 1_500.0));
    floor_room(&server, &[]);
    let events = server.spawn(&["events", "site"]);
    server.until_followed();
    let first = server.spawn(&["push", &first, "--room", "site"]);
    server.until("site", |state| state.floor.holders.len() == 1);
    let second = server.spawn(&["push", &second, "--room", "site"]);
    server.until("site", |state| state.floor.queue.len() == 1);
    let answer = server.run(&["mix", "site", "second", "--floor", "grant", "--json"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["answer"], "granted", "{answer}");
    first.end().failed_somehow(&["first has lost the floor", "the desk"]);
    let answer = server.run(&["mix", "site", "second", "--floor", "request"]).ok();
    assert!(answer.starts_with("second has the floor, ") && answer.ends_with(" s left\n"), "{answer}");
    server.run(&["mix", "site", "second", "--floor", "release"]).ok();
    second.end().failed_somehow(&["second has lost the floor", "given back"]);
    server.wait(async {
        let mut socket = server.client.events(&support::name("site")).await.unwrap();
        let command = signaling::Command::Alert { from: None, to: None };
        socket.send(&signaling::ClientMessage { reference: Some(1), command }).await.unwrap();
        while !matches!(socket.next().await.unwrap().unwrap().0, signaling::ServerMessage::Reply { .. }) {}
    });
    server.wait(server.client.close_room(&support::name("site"))).unwrap();
    let lines = events.end().ok();
    let mut from = 0;
    for words in [
        "floor granted first",
        "floor queued second (1)",
        "floor revoked first: the desk took the floor",
        "floor granted second",
        "floor released second",
        "alert from the desk",
    ] {
        from += lines[from..].find(words).unwrap_or_else(|| panic!("{words:?} is not next in\n{lines}"));
    }
}

#[test]
fn a_token_says_how_urgent_its_bearer_may_be() {
    let key = "a key of this test, long enough to be one";
    let token = |can: &str, priority: &str| {
        let arguments = ["token", "--key", key, "--room", "*", "--can", can, "--priority", priority];
        said(cli(&arguments).output().unwrap()).ok().trim().to_owned()
    };
    let config = Config { key: Some(key.into()), ..Config::default() };
    let server = Server::with(config, Some(token("admin", "0")));
    server.wait(server.client.make_room(&support::name("site"), &Default::default())).unwrap();
    server.run(&["mix", "site", "--mode", "floor", "--token", &token("mix,listen", "0")]).ok();
    let folder = Folder::new();
    let quiet = folder.path("quiet.wav");
    write_silence(Path::new(&quiet), 3_000);
    let push = |token: &str, priority: &str| {
        server.spawn(&["push", &quiet, "--room", "site", "--priority", priority, "--token", token])
    };
    let (low, high, deaf) = (token("talk,listen", "3"), token("talk,listen", "200"), token("talk", "0"));
    push(&low, "4").end().failed_somehow(&["priority of 4 or more, it has 3"]);
    let first = push(&low, "3");
    server.until("site", |state| state.floor.holders.iter().any(|holder| holder.priority == 3));
    // Who may not listen can talk where the floor is free, and is told what waiting needs.
    push(&deaf, "0").end().failed_somehow(&["floor of room site is taken", "right listen"]);
    let second = push(&high, "200");
    server.until("site", |state| state.floor.holders.iter().any(|holder| holder.priority == 200));
    first.end().failed_somehow(&["higher priority"]);
    second.signal("INT");
    second.end().ok();
    server.until("site", |state| state.tracks.is_empty());
    let mut alone = push(&deaf, "0");
    alone.is_at_work();
    alone.signal("INT");
    alone.end().ok();
}

#[test]
fn who_stops_waiting_leaves_the_queue() {
    let (folder, server) = (Folder::new(), Server::start());
    let file = folder.tone("tone", 60, 500.0);
    floor_room(&server, &[]);
    let talks = server.spawn(&["push", &file, "--room", "site"]);
    server.until("site", |state| state.floor.holders.len() == 1);
    let waits = server.spawn(&["push", &file, "--room", "site"]);
    server.until("site", |state| state.floor.queue.len() == 1);
    waits.signal("INT");
    waits.end().ok();
    let state = server.wait(async { server.client.room(&support::name("site")).await.unwrap() });
    assert!(state.floor.queue.is_empty() && state.tracks.len() == 1, "{state:?}");
    talks.signal("INT");
    talks.end().ok();
}
