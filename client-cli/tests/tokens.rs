//! A server with a key lets in who brings a token that says so.
#![allow(clippy::unwrap_used)]

mod support;

use server::config::Config;
use support::{Server, cli, said};

const KEY: &str = "a key of this test, long enough to be one";

fn token(room: &str, can: &str) -> String {
    let output = cli(&["token", "--key", KEY, "--room", room, "--can", can, "--ttl", "5m"]).output().unwrap();
    said(output).ok().trim().to_owned()
}

#[test]
fn a_token_opens_its_room_for_what_it_says_and_no_token_opens_nothing() {
    let config = Config { key: Some(KEY.into()), ..Config::default() };
    let server = Server::with(config, Some(token("*", "admin")));
    server.make_room("mine");
    server.make_room("other");

    server.run(&["mix", "mine"]).failed(1, &["--token", "mixminus token"]);
    let listener = token("mine", "talk,listen");
    server.run(&["mix", "mine", "--token", &listener]).ok();
    server.run(&["mix", "mine", "--master", "3", "--token", &listener]).failed(1, &["token"]);
    server.run(&["mix", "other", "--token", &listener]).failed(1, &["token"]);
    let mixer = token("mine", "listen,mix");
    assert!(server.run(&["mix", "mine", "--master", "3", "--token", &mixer]).ok().contains("+3.0 dB"));
    // By the environment as well, so that it stands in no list of processes.
    let output = server.cli(&["mix", "mine"]).env("MIXMINUS_TOKEN", &listener).output().unwrap();
    said(output).ok();
}
