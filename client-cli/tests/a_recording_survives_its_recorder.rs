//! Whatever becomes of the recorder, what it wrote opens.
#![allow(clippy::unwrap_used)]

mod support;

use support::{Server, left, steady_dbfs, write_tone};

#[test]
fn after_kill_9_the_file_opens_and_holds_what_was_heard() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    write_tone(&folder.path().join("tone.wav"), 48_000, 20, 1_000.0, -20.0);
    let server = Server::start();
    server.make_room("cut");
    let _push = server.spawn(&["push", &file("tone.wav"), "--room", "cut"]);
    server.until("cut", |state| state.tracks.iter().any(|track| track.talking));
    let mut recorders = ["cut.wav", "cut.ogg"].map(|name| server.spawn(&["record", &file(name), "--room", "cut"]));
    server.until("cut", |state| state.listeners == 2);
    // A third recorder is the clock: it ends by itself after two seconds.
    server.run(&["record", &file("clock.wav"), "--room", "cut", "--duration", "2"]).ok();
    for recorder in &mut recorders {
        recorder.kill();
    }
    for name in ["cut.wav", "cut.ogg"] {
        let heard = left(&folder.path().join(name));
        assert!(heard.len() >= 48_000, "{name}: {} samples of two seconds", heard.len());
        let level = steady_dbfs(&heard[heard.len() - 48_000..], 1_000.0);
        assert!((level + 20.0).abs() < 0.7, "{name}: {level} dBFS");
    }
}

#[test]
fn ctrl_c_and_a_service_manager_end_a_recording_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    server.make_room("stop");
    for signal in ["INT", "TERM"] {
        let path = folder.path().join(format!("{signal}.ogg"));
        let mut recorder = server.spawn(&["record", path.to_str().unwrap(), "--room", "stop", "--json"]);
        recorder.is_at_work();
        recorder.signal(signal);
        let summary: serde_json::Value = serde_json::from_str(&recorder.end().ok()).unwrap();
        assert!(summary["seconds"].as_f64().unwrap() > 0.5, "{summary}");
        let seconds = left(&path).len() as f64 / 48_000.0;
        assert!((seconds - summary["seconds"].as_f64().unwrap()).abs() < 0.001, "{seconds} s, {summary}");
        server.until("stop", |state| state.listeners == 0);
    }
}

#[test]
fn a_room_that_closes_ends_the_recording_with_a_reason_and_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, tone) = (folder.path().join("closed.wav"), folder.path().join("tone.wav"));
    write_tone(&tone, 48_000, 20, 1_000.0, -20.0);
    let server = Server::start();
    let mut push = server.spawn(&["push", tone.to_str().unwrap(), "--room", "closing"]);
    push.is_at_work();
    let mut recorder = server.spawn(&["record", path.to_str().unwrap(), "--room", "closing"]);
    recorder.is_at_work();
    server.wait(server.client.close_room(&support::name("closing"))).unwrap();
    let said = recorder.end();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.error.contains("the server hung up") && said.error.contains("closed.wav"), "{said:?}");
    let level = steady_dbfs(&left(&path), 1_000.0);
    assert!((level + 20.0).abs() < 0.7, "{level} dBFS");
    push.end().failed_somehow(&["tone", "hung up"]);
}
