//! With a key every call needs a token that names the room and the right.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod api_support;

use api_support::{Answer, BROWSER, KEY, Socket, get, send, sign, start, start_with, token};
use server::Running;
use signaling::Right::{self, Admin, Listen, Mix, Talk};
use tokio_tungstenite::connect_async;

const HOUR: i64 = 3600;
const ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

async fn start_with_key() -> Running {
    start_with(|config| config.key = Some(KEY.into())).await
}

async fn call(server: &Running, token: &str, method: &str, path: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let (kind, body) = match method {
        "POST" if path.starts_with("/api") => ("application/json", offer("talker")),
        "POST" => ("application/sdp", BROWSER.to_owned()),
        "PATCH" => ("application/json", "{}".to_owned()),
        _ => ("", String::new()),
    };
    send(server.address, method, path, &[("Authorization", &bearer), ("Content-Type", kind)], body).await
}

fn offer(role: &str) -> String {
    serde_json::json!({ "room": "ward", "role": role, "offer": { "type": "offer", "sdp": BROWSER } }).to_string()
}

#[tokio::test]
async fn only_the_doors_are_open_without_a_token() {
    let server = start_with_key().await;
    for open in ["/", "/room/ward", "/api/health", "/api/ready", "/api/openapi.json", "/api/docs/"] {
        assert_eq!(get(server.address, open).await.status, 200, "{open}");
    }
    assert_eq!(send(server.address, "OPTIONS", "/whip/ward", &[], "").await.status, 200, "a preflight brings no token");
    get(server.address, "/nothing").await.problem(404);
    for (method, path) in [
        ("GET", "/api/rooms".to_owned()),
        ("GET", "/api/rooms/ward".to_owned()),
        ("PUT", "/api/rooms/ward".to_owned()),
        ("PATCH", "/api/rooms/ward".to_owned()),
        ("DELETE", "/api/rooms/ward".to_owned()),
        ("GET", "/api/rooms/ward/ws".to_owned()),
        ("PATCH", format!("/api/rooms/ward/tracks/{ID}")),
        ("DELETE", format!("/api/rooms/ward/tracks/{ID}")),
        ("GET", format!("/api/rooms/ward/peers/{ID}")),
        ("PATCH", format!("/api/rooms/ward/peers/{ID}")),
        ("DELETE", format!("/api/rooms/ward/peers/{ID}")),
        ("POST", format!("/api/rooms/ward/tracks/{ID}/floor")),
        ("GET", format!("/api/rooms/ward/peers/{ID}/mix")),
        ("PATCH", format!("/api/rooms/ward/peers/{ID}/mix")),
        ("POST", "/api/rooms/ward/alerts".to_owned()),
        ("POST", "/api/offer".to_owned()),
        ("POST", "/whip/ward".to_owned()),
        ("GET", "/whip/ward".to_owned()),
        ("POST", "/whep/ward".to_owned()),
        ("GET", "/metrics".to_owned()),
    ] {
        let answer = send(server.address, method, &path, &[], "").await;
        assert!(answer.problem(401).contains("Authorization: Bearer"), "{method} {path}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"mixminus\""), "{method} {path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_bad_token_is_told_what_is_wrong_with_it() {
    let server = start_with_key().await;
    let good = token("ward", &[Listen], HOUR);
    let (head, rest) = good.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", rest.split('.').next().unwrap());
    let no_claims = {
        let key = jsonwebtoken::EncodingKey::from_secret(KEY.as_bytes());
        jsonwebtoken::encode(&Default::default(), &serde_json::json!({ "exp": 9_999_999_999_u64 }), &key).unwrap()
    };
    for (token, says) in [
        (token("ward", &[Listen], -1), "expired"),
        (
            sign("ward", &[Listen], HOUR, "another key of more than thirty-two bytes"),
            "not signed with this server's key",
        ),
        (format!("{head}.{}x", rest), "not signed"),
        (unsigned, "not a JWT"),
        (no_claims, "room"),
        ("nonsense".to_owned(), "not a JWT"),
    ] {
        let answer = call(&server, &token, "GET", "/api/rooms/ward").await;
        let detail = answer.problem(401);
        assert!(detail.contains(says), "{token}: {detail}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    let basic = send(server.address, "GET", "/api/rooms", &[("Authorization", "Basic YTpi")], "").await;
    basic.problem(401);
    let in_query = get(server.address, &format!("/api/rooms?access_token={good}")).await;
    in_query.problem(401);
    server.stop().await;
}

#[tokio::test]
async fn each_call_needs_its_right_in_its_room() {
    let server = start_with_key().await;
    assert_eq!(call(&server, &token("ward", &[Admin], HOUR), "PUT", "/api/rooms/ward").await.status, 201);
    let track = format!("/api/rooms/ward/tracks/{ID}");
    // What it is to who may, and who may not.
    type Row<'a> = (&'a str, &'a str, u16, &'a [Right], &'a [Right]);
    let table: [Row<'_>; 10] = [
        ("GET", "/api/rooms/ward", 200, &[Listen], &[Talk, Mix]),
        ("PATCH", "/api/rooms/ward", 200, &[Mix], &[Talk, Listen]),
        ("PUT", "/api/rooms/ward", 200, &[Admin], &[Talk, Listen, Mix]),
        ("PATCH", &track, 404, &[Mix], &[Talk, Listen]),
        ("DELETE", &track, 404, &[Mix], &[Talk, Listen]),
        ("POST", "/whip/ward", 201, &[Talk], &[Listen, Mix]),
        ("POST", "/whep/ward", 201, &[Listen], &[Talk, Mix]),
        ("POST", "/api/offer", 201, &[Talk, Listen], &[Listen, Mix]),
        ("GET", "/api/rooms/ward/ws", 426, &[Listen], &[Talk, Mix]),
        ("DELETE", "/api/rooms/ward", 204, &[Admin], &[Talk, Listen, Mix]),
    ];
    for (method, path, status, may, may_not) in table {
        let refused = call(&server, &token("ward", may_not, HOUR), method, path).await;
        assert!(refused.problem(403).contains("the room ward"), "{method} {path}");
        assert!(refused.header("www-authenticate").unwrap().contains("insufficient_scope"));
        let elsewhere = call(&server, &token("other", &[Talk, Listen, Mix, Admin], HOUR), method, path).await;
        elsewhere.problem(403);
        let allowed = call(&server, &token("ward", may, HOUR), method, path).await;
        assert_eq!(allowed.status, status, "{method} {path}: {allowed:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_listener_needs_no_right_to_talk() {
    let server = start_with_key().await;
    let bearer = format!("bearer {}", token("ward", &[Listen], HOUR));
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let answer = send(server.address, "POST", "/api/offer", &headers, offer("listener")).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let location = answer.header("location").unwrap();
    assert_eq!(call(&server, &token("ward", &[Listen], HOUR), "DELETE", location).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn the_list_shows_what_the_token_may_see_and_metrics_are_for_admins_of_all() {
    let server = start_with_key().await;
    let all = token("*", &[Admin], HOUR);
    for room in ["ward", "other"] {
        assert_eq!(call(&server, &all, "PUT", &format!("/api/rooms/{room}")).await.status, 201);
    }
    let seen = |answer: Answer| answer.json().as_array().unwrap().len();
    assert_eq!(seen(call(&server, &all, "GET", "/api/rooms").await), 2);
    assert_eq!(seen(call(&server, &token("ward", &[Listen], HOUR), "GET", "/api/rooms").await), 1);
    assert_eq!(call(&server, &all, "GET", "/metrics").await.status, 200);
    call(&server, &token("ward", &[Admin], HOUR), "GET", "/metrics").await.problem(403);
    server.stop().await;
}

#[tokio::test]
async fn a_websocket_takes_its_token_from_the_query_and_mixes_only_with_the_right() {
    let server = start_with_key().await;
    call(&server, &token("ward", &[Admin], HOUR), "PUT", "/api/rooms/ward").await;
    let path = |token: String| format!("/api/rooms/ward/ws?x=1&access_token={token}");
    for (token, status) in [(token("ward", &[Listen], -1), 401), (token("other", &[Listen], HOUR), 403)] {
        match connect_async(format!("ws://{}{}", server.address, path(token))).await {
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => assert_eq!(answer.status(), status),
            other => panic!("{other:?}"),
        }
    }
    let command = r#"{"ref":1,"command":"set_room","master_gain_db":-3}"#;
    for (rights, refused) in [(&[Listen][..], true), (&[Listen, Mix], false)] {
        let mut socket = Socket::open(server.address, &path(token("ward", rights, HOUR))).await;
        socket.say(command).await;
        let reply = socket.next_of("reply").await;
        let status = reply["problem"]["status"].as_u64();
        assert_eq!(status, refused.then_some(403), "{reply}");
    }
    server.stop().await;
}

#[tokio::test]
async fn without_a_key_a_token_is_of_no_interest() {
    let server = start().await;
    assert_eq!(call(&server, "nonsense", "GET", "/api/rooms").await.status, 200);
    server.stop().await;
}
