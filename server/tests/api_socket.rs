//! The WebSocket of a room: what it says, what it takes, and that abusing it hurts nobody else.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod api_support;

use std::time::Duration;

use api_support::{Socket, get, make_room, publish, send, send_json, start};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use server::clock::Clock;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{Error, Message};

#[tokio::test]
async fn a_snapshot_comes_first_and_then_every_change_with_consecutive_versions() {
    let server = start().await;
    make_room(server.address, "ward").await;
    let mut socket = Socket::open(server.address, "/api/rooms/ward/ws").await;
    let snapshot = socket.next().await;
    assert_eq!((&snapshot["type"], &snapshot["state"]["room"]), (&json!("snapshot"), &json!("ward")));
    let mut version = snapshot["version"].as_u64().unwrap();
    let (location, _) = publish(server.address, "ward").await;
    let track = location.replace("/peers/", "/tracks/");
    for gain in [-1.0, -2.0, -3.0] {
        send_json(server.address, "PATCH", &track, &format!("{{\"gain_db\":{gain}}}")).await;
    }
    let mut changes = Vec::new();
    while !changes.iter().any(|change: &Value| change["gain_db"] == -3.0) {
        let patch = socket.next_of("patch").await;
        version += 1;
        assert_eq!(patch["version"], version, "{patch}");
        changes.extend(patch["changes"].as_array().unwrap().clone());
    }
    assert_eq!(changes[0]["change"], "joined", "{changes:?}");
    let gains: Vec<f64> = changes.iter().filter_map(|change| change["gain_db"].as_f64()).collect();
    assert_eq!(gains, [-1.0, -2.0, -3.0]);
    server.stop().await;
}

#[tokio::test]
async fn a_command_is_answered_if_it_has_a_ref_or_is_refused() {
    let server = start().await;
    make_room(server.address, "ward").await;
    let (mut socket, _) = Socket::follow(server.address, "ward").await;
    for (says, reference, status, word) in [
        (r#"{"ref":1,"command":"set_room","master_gain_db":-6}"#, Some(1), None, ""),
        (r#"{"ref":2,"command":"set_room","master_gain_db":99}"#, Some(2), Some(422), "-60 to 20"),
        (r#"{"command":"set_room","master_gain_db":99}"#, None, Some(422), "-60 to 20"),
        (r#"{"ref":3,"command":"set_room","floor_holders":0}"#, Some(3), Some(422), "floor_holders"),
        (r#"{"ref":4,"command":"floor","id":"nobody","action":"request"}"#, Some(4), Some(404), "no such track"),
        (r#"{"ref":5,"command":"floor","id":"nobody","action":"grab"}"#, Some(5), Some(422), "action"),
        (r#"{"ref":6,"command":"set_mix","id":"nobody","volume_db":1}"#, Some(6), Some(404), "no such peer"),
        (r#"{"ref":4,"command":"dance"}"#, Some(4), Some(422), "set_room, set_track, remove_track, floor"),
        (r#"{"ref":5,"command":"set_room","volume":1}"#, Some(5), Some(422), "volume"),
        (r#"{"ref":6,"command":"set_track","gain_db":0}"#, Some(6), Some(422), "id is missing"),
        (r#"{"ref":7,"command":"set_track","id":"nobody","gain_db":0}"#, Some(7), Some(404), "no such track"),
        (r#"{"ref":8,"command":"remove_track","id":"no body"}"#, Some(8), Some(422), "id: "),
        (r#"{"ref":"9","command":"set_room"}"#, None, Some(422), "ref must be"),
        (r#"{"command":"#, None, Some(400), "column"),
        ("", None, Some(400), "JSON"),
        ("[1]", None, Some(422), "object"),
        ("\u{0}", None, Some(400), "JSON"),
    ] {
        socket.say(says).await;
        let reply = socket.next_of("reply").await;
        assert_eq!(reply["ref"].as_u64(), reference, "{says}: {reply}");
        assert_eq!(reply["problem"]["status"].as_u64(), status, "{says}: {reply}");
        let detail = reply["problem"]["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(word), "{says}: {reply}");
    }
    assert_eq!(get(server.address, "/api/rooms/ward").await.json()["master_gain_db"], -6.0);
    server.stop().await;
}

#[tokio::test]
async fn a_command_without_ref_is_seen_by_its_patch() {
    let server = start().await;
    make_room(server.address, "ward").await;
    let (mut one, version) = Socket::follow(server.address, "ward").await;
    let (mut other, _) = Socket::follow(server.address, "ward").await;
    one.say(r#"{"command":"set_room","master_gain_db":-12}"#).await;
    for socket in [&mut one, &mut other] {
        let patch = socket.next_of("patch").await;
        assert_eq!(patch["version"], version + 1);
        assert_eq!(patch["changes"], json!([{ "change": "room", "master_gain_db": -12.0 }]));
    }
    server.stop().await;
}

#[tokio::test]
async fn binary_and_long_messages_are_refused_and_the_socket_goes_on() {
    let server = start().await;
    make_room(server.address, "ward").await;
    let (mut socket, _) = Socket::follow(server.address, "ward").await;
    socket.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(socket.next_of("reply").await["problem"]["status"], 400);
    let long = format!(r#"{{"command":"set_room","x":"{}"}}"#, "x".repeat(16 * 1024));
    socket.say(&long).await;
    assert_eq!(socket.next_of("reply").await["problem"]["status"], 413);
    socket.say(r#"{"ref":1,"command":"set_room","master_gain_db":1}"#).await;
    assert_eq!(socket.next_of("reply").await["problem"], Value::Null);
    server.stop().await;
}

#[tokio::test]
async fn a_message_beyond_all_measure_closes_the_socket() {
    let server = start().await;
    make_room(server.address, "ward").await;
    let (mut socket, _) = Socket::follow(server.address, "ward").await;
    // The server may close before it has all been sent.
    let _ = socket.0.send(Message::text("x".repeat(1024 * 1024))).await;
    let (_, frame) = socket.until_closed().await;
    assert_eq!(frame.map(|frame| u16::from(frame.code)).unwrap_or(1009), 1009);
    assert_eq!(get(server.address, "/api/rooms/ward").await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_commands_is_refused_then_closed_and_others_do_not_notice() {
    let server = start().await;
    make_room(server.address, "ward").await;
    let (mut calm, _) = Socket::follow(server.address, "ward").await;
    let (flood, _) = Socket::follow(server.address, "ward").await;
    let (mut says, hears) = flood.0.split();
    let flooding = tokio::spawn(async move {
        // There is no end of them but the server's.
        for n in 0_u64.. {
            let command = format!(r#"{{"ref":{n},"command":"set_room","master_gain_db":-{}}}"#, n % 60);
            if says.send(Message::text(command)).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    });
    let hearing = tokio::spawn(hears.take_while(|message| std::future::ready(message.is_ok())).collect::<Vec<_>>());
    let clock = Clock::start();
    calm.say(r#"{"ref":7,"command":"set_room","mode":"open"}"#).await;
    assert_eq!(calm.next_of("reply").await["problem"], Value::Null);
    assert!(clock.now() < Duration::from_secs(5), "{:?}", clock.now());
    timeout(Duration::from_secs(30), flooding).await.expect("the flooder is cut off").unwrap();
    let heard: Vec<Message> = hearing.await.unwrap().into_iter().map(Result::unwrap).collect();
    let too_many = heard.iter().filter(|message| message.to_text().is_ok_and(|text| text.contains("\"status\":429")));
    assert!(too_many.count() >= 1000, "the flooder was told");
    match heard.last() {
        Some(Message::Close(Some(frame))) => assert_eq!(u16::from(frame.code), 1008),
        other => panic!("the flooder was told why: {other:?}"),
    }
    until_sockets(server.address, 1).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_misses_patches_and_starts_again_with_a_snapshot() {
    let server = start().await;
    make_room(server.address, "ward").await;
    let (lazy, _) = Socket::follow(server.address, "ward").await;
    let (mut keen, mut version) = Socket::follow(server.address, "ward").await;
    // Refusals name what was wrong, so these fill every buffer between the server and who does not read.
    let (mut says, hears) = lazy.0.split();
    let wrong = format!(r#"{{"command":"{}"}}"#, "x".repeat(16_000));
    let saying = tokio::spawn(async move {
        let mut wrong = futures_util::stream::iter((0..400).map(|_| Ok(Message::text(wrong.clone()))));
        says.send_all(&mut wrong).await
    });
    while count_of(server.address, r#"mixminus_websocket_commands_total{result="refused"}"#).await < 200 {}
    // More than the room keeps for anybody.
    for n in 1..=300 {
        keen.say(&format!(r#"{{"command":"set_room","master_gain_db":-{}}}"#, 1 + n % 50)).await;
        version += 1;
        assert_eq!(keen.next_of("patch").await["version"], version, "others wait for nobody");
    }
    let mut hears = Box::pin(hears.filter_map(async |message| match message {
        Ok(Message::Text(text)) => serde_json::from_str::<Value>(&text).ok(),
        _ => None,
    }));
    let snapshot = loop {
        let next = timeout(Duration::from_secs(20), hears.next()).await.expect("a snapshot comes");
        let message = next.expect("it is not let go so soon");
        if message["type"] == "snapshot" {
            break message;
        }
    };
    assert_eq!(snapshot["version"], version);
    saying.await.unwrap().unwrap();
    server.stop().await;
}

/// Waits until so many sockets are open; the server hears of an end a little after it.
async fn until_sockets(server: std::net::SocketAddr, wanted: u64) {
    let clock = Clock::start();
    while count_of(server, "mixminus_websockets ").await != wanted {
        assert!(clock.now() < Duration::from_secs(10), "not {wanted} sockets are open");
    }
}

async fn count_of(server: std::net::SocketAddr, series: &str) -> u64 {
    let page = get(server, "/metrics").await.body;
    let value = page.lines().find_map(|line| line.strip_prefix(series)).unwrap_or_else(|| panic!("{page}"));
    value.trim().parse().unwrap()
}

#[tokio::test]
async fn a_closed_room_says_so_and_closes_normally() {
    let server = start().await;
    make_room(server.address, "ward").await;
    let (mut socket, _) = Socket::follow(server.address, "ward").await;
    assert_eq!(send(server.address, "DELETE", "/api/rooms/ward", &[], "").await.status, 204);
    let (messages, frame) = socket.until_closed().await;
    assert_eq!(messages.last(), Some(&json!({ "type": "closed", "reason": "room closed" })));
    assert_eq!(frame.map(|frame| u16::from(frame.code)), Some(1000));
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_goes_away() {
    let server = start().await;
    make_room(server.address, "ward").await;
    let (mut socket, _) = Socket::follow(server.address, "ward").await;
    let address = server.address;
    let stopping = tokio::spawn(server.stop());
    let (messages, frame) = socket.until_closed().await;
    assert_eq!(messages.last(), Some(&json!({ "type": "closed", "reason": "server is shutting down" })));
    assert_eq!(frame.map(|frame| u16::from(frame.code)), Some(1001));
    stopping.await.unwrap();
    assert!(connect_async(format!("ws://{address}/api/rooms/ward/ws")).await.is_err());
}

#[tokio::test]
async fn a_room_that_is_not_there_is_not_followed() {
    let server = start().await;
    for path in ["/api/rooms/nobody/ws", "/api/rooms/a%20b/ws"] {
        match connect_async(format!("ws://{}{path}", server.address)).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), 404, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_socket_cut_off_half_way_leaves_nothing() {
    let server = start().await;
    make_room(server.address, "ward").await;
    for _ in 0..20 {
        let (socket, _) = Socket::follow(server.address, "ward").await;
        drop(socket);
    }
    let (mut last, _) = Socket::follow(server.address, "ward").await;
    last.say(r#"{"ref":1,"command":"set_room"}"#).await;
    last.next_of("reply").await;
    until_sockets(server.address, 1).await;
    server.stop().await;
}
