//! The examples of the protocol page are read by the types and written back unchanged.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use signaling::{
    Alert, Claims, ClientMessage, FloorAnswer, FloorRequest, Health, Offer, OfferAnswer, PersonalMix, PersonalPatch,
    Problem, RoomPatch, RoomState, ServerMessage, TrackPatch,
};

const SERVER: [&str; 12] = [
    "snapshot",
    "patch",
    "floor",
    "meters",
    "stats",
    "event",
    "alert",
    "signal",
    "reply-done",
    "reply-refused",
    "reply-floor",
    "closed",
];
const CLIENT: [&str; 9] =
    ["set-room", "set-track", "remove-track", "floor", "set-mix", "alert", "report", "identify", "signal"];
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

fn read(name: &str) -> String {
    std::fs::read_to_string(format!("{FOLDER}/{name}.json")).unwrap_or_else(|e| panic!("{name}.json: {e}"))
}

fn same_json(name: &str, text: &str, written: &impl Serialize) {
    let example: Value = serde_json::from_str(text).unwrap();
    // Over text: 1.1f32 is written as 1.1 there, but not as a `Value`.
    let written: Value = serde_json::from_str(&serde_json::to_string(written).unwrap()).unwrap();
    assert_eq!(written, example, "{name}.json comes back different");
}

fn round_trip<T: Serialize + DeserializeOwned>(name: &str) -> T {
    let text = read(name);
    let value: T = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}.json: {e}"));
    same_json(name, &text, &value);
    value
}

fn command(name: &str) -> ClientMessage {
    let text = read(name);
    let message = ClientMessage::parse(&text).unwrap_or_else(|e| panic!("{name}.json: {e}"));
    same_json(name, &text, &message);
    message
}

#[test]
fn every_example_is_read_and_written_back_the_same() {
    round_trip::<Offer>("offer");
    round_trip::<Offer>("offer-short");
    round_trip::<OfferAnswer>("offer-answer");
    round_trip::<RoomState>("room-state");
    round_trip::<Vec<RoomState>>("room-list");
    round_trip::<RoomPatch>("room-patch").check().unwrap();
    round_trip::<TrackPatch>("track-patch").check().unwrap();
    round_trip::<FloorRequest>("floor-request");
    round_trip::<FloorAnswer>("floor-answer");
    round_trip::<Alert>("alert");
    round_trip::<PersonalMix>("personal-mix");
    round_trip::<PersonalPatch>("personal-patch").check().unwrap();
    round_trip::<Problem>("problem");
    round_trip::<Health>("health");
    round_trip::<Claims>("claims");
    for name in SERVER {
        round_trip::<ServerMessage>(&format!("server-{name}"));
    }
    for name in CLIENT {
        command(&format!("client-{name}"));
    }
}

#[test]
fn every_kind_of_message_has_an_example() {
    let tags = |prefix: &str, key: &str| -> BTreeSet<String> {
        std::fs::read_dir(FOLDER)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|file| Some(file.strip_suffix(".json")?.to_owned()))
            .filter(|name| name.starts_with(prefix))
            .map(|name| serde_json::from_str::<Value>(&read(&name)).unwrap()[key].as_str().unwrap().to_owned())
            .collect()
    };
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(
        tags("server-", "type"),
        set(&["snapshot", "patch", "meters", "stats", "event", "alert", "signal", "reply", "closed"])
    );
    let commands = CLIENT.map(|name| name.replace('-', "_"));
    assert_eq!(tags("client-", "command"), set(&commands.each_ref().map(String::as_str)));
    let patch: Value = serde_json::from_str(&read("server-patch")).unwrap();
    let changes: BTreeSet<_> =
        patch["changes"].as_array().unwrap().iter().map(|c| c["change"].as_str().unwrap().to_owned()).collect();
    assert_eq!(changes, set(&["room", "listeners", "joined", "track", "talking", "left", "floor"]));
}

#[test]
fn a_key_that_is_not_known_is_refused_by_name() {
    for (text, key) in [
        (r#"{"command":"set_track","id":"a","gain":3}"#, "gain"),
        (r#"{"command":"set_room","master":3}"#, "master"),
        (r#"{"command":"remove_track","id":"a","force":true}"#, "force"),
        (r#"{"command":"floor","id":"a","action":"request","prio":1}"#, "prio"),
        (r#"{"command":"set_mix","id":"a","tracks":{"b":{"gain":1}}}"#, "gain"),
    ] {
        let refused = ClientMessage::parse(text).unwrap_err();
        assert!(refused.detail.contains(&format!("`{key}`")), "{refused}");
    }
    assert!(serde_json::from_str::<PersonalPatch>(r#"{"tracks":{"a":[-6]}}"#).is_err(), "an array is no wish");
    assert!(serde_json::from_str::<TrackPatch>(r#"{"gian_db":1}"#).unwrap_err().to_string().contains("`gian_db`"));
}

#[test]
fn a_refused_message_keeps_its_ref_and_says_what_would_be_right() {
    for (text, reference, words) in [
        ("", None, "JSON object"),
        ("[]", None, "JSON object"),
        (r#"{"ref":1}"#, Some(1), "command is missing"),
        (r#"{"ref":-1,"command":"set_room"}"#, None, "whole number"),
        (r#"{"ref":2,"command":"fly"}"#, Some(2), "set_room, set_track, remove_track, floor"),
        (r#"{"ref":3,"command":"set_track"}"#, Some(3), "id is missing"),
        (r#"{"ref":4,"command":"set_track","id":"a b"}"#, Some(4), "1 to 64 characters"),
        (r#"{"ref":5,"command":"set_track","id":"a","gain_db":"loud"}"#, Some(5), "expected f32"),
    ] {
        let refused = ClientMessage::parse(text).unwrap_err();
        assert_eq!(refused.reference, reference, "{text}");
        assert!(refused.detail.contains(words), "{text}: {refused}");
    }
}
