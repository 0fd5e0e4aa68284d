//! The floor, personal mixes, call lights and signals over HTTP and WebSocket.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod api_support;

use api_support::{Answer, BROWSER, KEY, Socket, get, make_room, publish, send, send_json, start, start_with, token};
use serde_json::{Value, json};
use server::Running;
use signaling::Right::{self, Listen, Mix, Talk};

/// A room by the floor with two tracks: their addresses as tracks.
async fn floor_room(server: &Running) -> [String; 2] {
    make_room(server.address, "ward").await;
    let answer = send_json(server.address, "PATCH", "/api/rooms/ward", r#"{"mode":"floor"}"#).await;
    assert_eq!((answer.status, &answer.json()["mode"]), (200, &json!("floor")));
    let one = publish(server.address, "ward").await.0;
    let two = publish(server.address, "ward").await.0;
    [one, two].map(|location| location.replace("/peers/", "/tracks/"))
}

fn id(track: &str) -> &str {
    track.rsplit('/').next().unwrap()
}

async fn floor(server: &Running, track: &str, body: &str) -> Value {
    let answer = send_json(server.address, "POST", &format!("{track}/floor"), body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn the_floor_goes_round_by_rest_and_everybody_sees_it() {
    let server = start().await;
    let [one, two] = floor_room(&server).await;
    let (mut socket, _) = Socket::follow(server.address, "ward").await;
    let request = r#"{"action":"request"}"#;
    assert_eq!(floor(&server, &one, request).await, json!({ "answer": "granted", "left_ms": 30_000 }));
    assert_eq!(floor(&server, &two, request).await, json!({ "answer": "queued", "position": 1 }));
    let state = get(server.address, "/api/rooms/ward").await.json();
    assert_eq!(state["floor"]["holders"][0]["id"], id(&one));
    assert_eq!(state["floor"]["queue"][0]["id"], id(&two));

    let hung_up = send(server.address, "DELETE", &one.replace("/tracks/", "/peers/"), &[], "").await;
    assert_eq!(hung_up.status, 200);
    let mut events = Vec::new();
    while events.len() < 4 {
        let patch = socket.next_of("patch").await;
        for change in patch["changes"].as_array().unwrap().iter().filter(|change| change["change"] == "floor") {
            events.extend(change["events"].as_array().unwrap().clone());
        }
    }
    let said: Vec<_> = events.iter().map(|event| (event["event"].as_str().unwrap(), event["id"].as_str())).collect();
    let (one, two) = (Some(id(&one)), Some(id(&two)));
    assert_eq!(said, [("granted", one), ("queued", two), ("revoked", one), ("granted", two)]);
    let page = get(server.address, "/metrics").await.body;
    assert!(page.contains("mixminus_floor_answer_seconds_count 1"), "{page}");
    server.stop().await;
}

#[tokio::test]
async fn a_page_asks_over_its_socket_and_reports_how_long_it_took() {
    let server = start().await;
    let [one, _] = floor_room(&server).await;
    let (mut socket, _) = Socket::follow(server.address, "ward").await;
    let request = json!({ "ref": 1, "command": "floor", "id": id(&one), "action": "request" });
    socket.say(&request.to_string()).await;
    let reply = socket.next_of("reply").await;
    assert_eq!((&reply["ref"], &reply["floor"]["answer"]), (&json!(1), &json!("granted")), "{reply}");
    let report = json!({ "ref": 2, "command": "report", "id": id(&one), "access_ms": 41 });
    socket.say(&report.to_string()).await;
    socket.next_of("reply").await;
    let access = get(server.address, "/api/rooms/ward").await.json()["floor"]["access"].clone();
    let bucket = access["bounds_ms"].as_array().unwrap().iter().position(|bound| bound == 50).unwrap();
    assert_eq!(access["counts"][bucket], 1, "{access}");
    let page = get(server.address, "/metrics").await.body;
    for line in [
        r#"mixminus_floor_access_seconds_bucket{le="0.035"} 0"#,
        r#"mixminus_floor_access_seconds_bucket{le="0.05"} 1"#,
    ] {
        assert!(page.lines().any(|l| l == line), "{line} in\n{page}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_personal_mix_is_changed_and_read_by_its_peer_alone() {
    let server = start().await;
    make_room(server.address, "ward").await;
    let track = publish(server.address, "ward").await.0;
    let offer = json!({ "room": "ward", "role": "listener", "offer": { "type": "offer", "sdp": BROWSER } }).to_string();
    let joined = send_json(server.address, "POST", "/api/offer", &offer).await;
    let mix = format!("{}/mix", joined.header("location").unwrap());
    assert_eq!(get(server.address, &mix).await.json(), json!({ "volume_db": 0.0, "tracks": {} }));
    let patch = format!(r#"{{"volume_db":-3,"tracks":{{"{}":{{"gain_db":-12}}}}}}"#, id(&track));
    let answer = send_json(server.address, "PATCH", &mix, &patch).await;
    let wish = json!({ "gain_db": -12.0, "muted": false, "solo": false });
    assert_eq!(answer.json(), json!({ "volume_db": -3.0, "tracks": { id(&track): wish } }));
    let none = format!(r#"{{"tracks":{{"{}":null}}}}"#, id(&track));
    let answer = send_json(server.address, "PATCH", &mix, &none).await;
    assert_eq!(answer.json(), json!({ "volume_db": -3.0, "tracks": {} }));
    let wrong = send_json(server.address, "PATCH", &mix, r#"{"volume_db":-99}"#).await;
    assert!(wrong.problem(422).contains("-60 to 20"));
    let unheard = get(server.address, &format!("{track}/mix")).await;
    assert!(unheard.problem(404).contains("no such peer"), "who only publishes hears nothing");
    server.stop().await;
}

#[tokio::test]
async fn a_call_light_reaches_everybody_and_a_signal_only_whom_it_is_for() {
    let server = start().await;
    let [one, two] = floor_room(&server).await;
    let (mut speaker, _) = Socket::follow(server.address, "ward").await;
    let (mut called, _) = Socket::follow(server.address, "ward").await;
    let (mut other, _) = Socket::follow(server.address, "ward").await;
    called.say(&json!({ "ref": 1, "command": "identify", "id": id(&two) }).to_string()).await;
    assert_eq!(called.next_of("reply").await["problem"], Value::Null);
    let signal = json!({ "command": "signal", "from": id(&one), "to": id(&two), "data": "hello" });
    speaker.say(&signal.to_string()).await;
    let heard = called.next_of("signal").await;
    assert_eq!((&heard["from"], &heard["data"]), (&json!(id(&one)), &json!("hello")));

    let alert = json!({ "from": id(&one), "to": id(&two) }).to_string();
    // At the same time, so that the second comes too soon on any machine.
    let call = || send_json(server.address, "POST", "/api/rooms/ward/alerts", &alert);
    let (first, second) = tokio::join!(call(), call());
    let (taken, refused) = if first.status == 204 { (first, second) } else { (second, first) };
    assert_eq!(taken.status, 204, "{taken:?}");
    refused.problem(429);
    loop {
        let message = other.next().await;
        assert_ne!(message["type"], "signal", "it was for another");
        if message["type"] == "alert" {
            assert_eq!((&message["name"], &message["to"]), (&json!("tone"), &json!(id(&two))));
            break;
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn nonsense_is_refused_by_name() {
    let server = start().await;
    let [one, _] = floor_room(&server).await;
    let floor = format!("{one}/floor");
    for (path, body, status, word) in [
        (floor.as_str(), "{}", 422, "action"),
        (&floor, r#"{"action":"grab"}"#, 422, "grab"),
        (&floor, r#"{"action":"request","priority":256}"#, 422, "256"),
        (&floor, r#"{"action":"request","prio":1}"#, 422, "prio"),
        ("/api/rooms/ward/tracks/AAAAAAAAAAAAAAAAAAAAAA/floor", r#"{"action":"request"}"#, 404, "no such track"),
        ("/api/rooms/nowhere/alerts", "{}", 404, "no such room"),
        ("/api/rooms/ward/alerts", r#"{"to":"AAAAAAAAAAAAAAAAAAAAAA"}"#, 404, "no such track"),
    ] {
        let detail = send_json(server.address, "POST", path, body).await.problem(status);
        assert!(detail.contains(word), "{path} {body}: {detail}");
    }
    for (body, word) in [
        (r#"{"floor_holders":0}"#, "floor_holders must be from 1 to 16"),
        (r#"{"floor_talk_ms":3600001}"#, "floor_talk_ms"),
        (r#"{"duck_db":61}"#, "duck_db"),
        (r#"{"mode":"shouting"}"#, "shouting"),
    ] {
        let detail = send_json(server.address, "PATCH", "/api/rooms/ward", body).await.problem(422);
        assert!(detail.contains(word), "{body}: {detail}");
    }
    server.stop().await;
}

#[tokio::test]
async fn each_action_needs_its_right_and_priority_its_claim() {
    let server = start_with(|config| config.key = Some(KEY.into())).await;
    let call = async |can: &[Right], method: &str, path: &str, kind: &str, body: &str| -> Answer {
        let bearer = format!("Bearer {}", token("ward", can, 3600));
        send(server.address, method, path, &[("Authorization", &bearer), ("Content-Type", kind)], body).await
    };
    let published = call(&[Talk], "POST", "/whip/ward", "application/sdp", BROWSER).await;
    let track = published.header("location").unwrap().replace("/peers/", "/tracks/");
    let path = format!("{track}/floor");
    for (can, body, status) in [
        (&[Talk][..], r#"{"action":"request"}"#, 200),
        (&[Talk], r#"{"action":"release"}"#, 200),
        (&[Listen], r#"{"action":"request"}"#, 403),
        (&[Talk], r#"{"action":"request","priority":1}"#, 403),
        (&[Talk, Listen], r#"{"action":"grant"}"#, 403),
        (&[Mix], r#"{"action":"grant"}"#, 200),
        (&[Mix], r#"{"action":"revoke"}"#, 200),
    ] {
        let answer = call(can, "POST", &path, "application/json", body).await;
        assert_eq!(answer.status, status, "{can:?} {body}: {answer:?}");
    }
    server.stop().await;
}
