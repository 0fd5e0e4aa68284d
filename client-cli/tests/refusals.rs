//! What goes wrong is one line that helps, and an exit code: 1 for a failure, 2 for wrong usage.
#![allow(clippy::unwrap_used)]

mod support;

use support::{Server, cli, said, write_silence};

#[test]
fn a_server_that_is_not_there_is_named_with_what_starts_it() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.wav");
    let quiet = folder.path().join("quiet.wav");
    write_silence(&quiet, 10);
    for arguments in [
        vec!["rooms"],
        vec!["mix", "r"],
        vec!["events", "r"],
        vec!["record", out.to_str().unwrap(), "--room", "r"],
        vec!["push", quiet.to_str().unwrap(), "--room", "r"],
    ] {
        let output = cli(&arguments).args(["--server", &url]).output().unwrap();
        said(output).failed(1, &[&url, "mixminus-server", "MIXMINUS_SERVER"]);
    }
    assert!(!out.exists(), "no empty file is left behind");
}

#[test]
fn a_file_that_is_no_sound_is_refused_before_anything_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(file("notes.wav"), "These are notes and no sound.".repeat(50)).unwrap();
    std::fs::write(file("empty.wav"), "").unwrap();
    write_silence(&folder.path().join("good.wav"), 100);
    let server = Server::start();
    for bad in [file("notes.wav"), file("empty.wav"), file("nowhere.wav"), folder.path().to_str().unwrap().to_owned()] {
        server.run(&["push", &file("good.wav"), &bad, "--room", "r"]).failed(1, &[&bad]);
    }
    server.run(&["push", &file("good.wav"), "--room", "r", "--start", "1:00"]).failed(1, &["good.wav", "1:00.0"]);
    assert!(server.run(&["rooms"]).ok().contains("no rooms"), "nobody has joined");
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.wav");
    std::fs::write(&path, "precious").unwrap();
    let out = path.to_str().unwrap();
    let server = Server::start();
    server.run(&["record", out, "--room", "r", "--duration", "0.1"]).failed(1, &[out, "--force"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    server.run(&["record", out, "--room", "r", "--duration", "0.1", "--force"]).ok();
    assert_eq!(support::left(&path).len(), 4_800);
    server.run(&["record", "/nowhere/x.wav", "--room", "r", "--duration", "0.1"]).failed(1, &["/nowhere/x.wav"]);
}

#[test]
fn rooms_and_tracks_that_are_not_there_are_named() {
    let server = Server::start();
    server.run(&["mix", "nowhere", "--master", "0"]).failed(1, &["nowhere"]);
    server.run(&["events", "nowhere"]).failed(1, &["nowhere"]);
    server.make_room("here");
    server.run(&["mix", "here", "nobody", "--gain", "0"]).failed(1, &["here", "nobody"]);
}

#[test]
fn arguments_that_do_not_go_together_are_wrong_usage() {
    let server = Server::start();
    for (arguments, words) in [
        (
            &["push", "a.wav", "b.wav", "c.wav", "--room", "r", "--gain", "1", "--gain", "2"][..],
            &["--gain", "3 files"][..],
        ),
        (&["mix", "r", "track"], &["--gain, --pan, --mute"]),
        (&["mix", "r", "--gain", "3"], &["TRACK"]),
        (&["record", "x.mp3", "--room", "r"], &[".wav or .ogg"]),
        (&["push", "a.wav", "--room", "r", "--gain", "20.1"], &["-60 to 20"]),
    ] {
        server.run(arguments).failed(2, words);
    }
}

#[cfg(not(feature = "live-audio"))]
#[test]
fn a_build_without_sound_cards_says_so_in_one_sentence() {
    let server = Server::start();
    for arguments in
        [&["talk", "--room", "r"][..], &["listen", "--room", "r"], &["record", "x.wav", "--room", "r", "--listen"]]
    {
        server.run(arguments).failed(1, &["without sound cards", "--features live-audio"]);
    }
}
