//! Joining and leaving over HTTP: WHIP (RFC 9725), WHEP, and `/api/offer`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod api_support;

use api_support::{Answer, BROWSER, get, publish, send, send_json, start, start_with};
use serde_json::{Value, json};

const SDP: (&str, &str) = ("Content-Type", "application/sdp");
const FRAGMENT: (&str, &str) = ("Content-Type", "application/trickle-ice-sdpfrag");

fn fragment(ufrag: &str, pwd: &str) -> String {
    format!(
        "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
         a=candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host\r\na=end-of-candidates\r\n"
    )
}

/// The ICE session that the offer has.
fn candidates() -> String {
    fragment("Ab3d", "0123456789abcdefghijklmn")
}

fn assert_session(answer: &Answer, direction: &str) {
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/sdp"));
    let location = answer.header("location").unwrap();
    assert!(location.starts_with("/api/rooms/ward/peers/"), "{location}");
    let etag = answer.header("etag").unwrap();
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 2, "a strong tag: {etag}");
    assert_eq!(answer.header("accept-patch"), Some("application/trickle-ice-sdpfrag"));
    assert!(answer.body.starts_with("v=0\r\n") && answer.body.contains(&format!("a={direction}\r\n")), "{answer:?}");
    assert!(answer.body.contains("a=candidate:"), "all candidates are in the answer: {answer:?}");
}

#[tokio::test]
async fn whip_makes_a_track_with_the_strip_that_its_query_says() {
    let server = start().await;
    let path = "/whip/ward?name=Drums%20left&kind=file&gain_db=-6.5&pan=-1&muted=true&unknown=x";
    let answer =
        send(server.address, "POST", path, &[("Content-Type", "Application/SDP; charset=utf-8")], BROWSER).await;
    assert_session(&answer, "recvonly");
    let room = get(server.address, "/api/rooms/ward").await.json();
    let track = &room["tracks"][0];
    let id = answer.header("location").unwrap().rsplit('/').next().unwrap();
    assert_eq!(track["id"], id, "the last part of the Location is the track's id");
    assert_eq!((&track["name"], &track["kind"]), (&json!("Drums left"), &json!("file")));
    assert_eq!((&track["gain_db"], &track["pan"], &track["muted"]), (&json!(-6.5), &json!(-1.0), &json!(true)));
    assert_eq!(room["listeners"], 0);
    server.stop().await;
}

#[tokio::test]
async fn an_empty_name_is_no_name() {
    let server = start().await;
    let answer = send(server.address, "POST", "/whip/ward?name=", &[SDP], BROWSER).await;
    assert_session(&answer, "recvonly");
    assert_eq!(get(server.address, "/api/rooms/ward").await.json()["tracks"][0]["name"], "guest");
    server.stop().await;
}

#[tokio::test]
async fn whep_listens_and_makes_no_track() {
    let server = start().await;
    let answer = send(server.address, "POST", "/whep/ward", &[SDP], BROWSER.replace("a=sendrecv", "a=recvonly")).await;
    assert_session(&answer, "sendonly");
    let room = get(server.address, "/api/rooms/ward").await.json();
    assert_eq!((&room["listeners"], room["tracks"].as_array().unwrap().len()), (&json!(1), 0), "{room}");
    server.stop().await;
}

#[tokio::test]
async fn an_offer_talks_and_listens() {
    let server = start().await;
    let client = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
    let body = json!({ "offer": { "type": "offer", "sdp": BROWSER }, "room": "ward", "name": "Ada", "clientId": client, "more": 1 });
    let answer = send_json(server.address, "POST", "/api/offer", &body.to_string()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["answer"]["type"], "answer");
    assert!(body["answer"]["sdp"].as_str().unwrap().contains("a=sendrecv"), "{body}");
    assert_eq!((&body["clientId"], &body["room"]), (&json!(client), &json!("ward")));
    let location = format!("/api/rooms/ward/peers/{}", body["trackId"].as_str().unwrap());
    assert_eq!(answer.header("location"), Some(location.as_str()));
    let room = get(server.address, "/api/rooms/ward").await.json();
    assert_eq!((&room["tracks"][0]["name"], &room["tracks"][0]["kind"]), (&json!("Ada"), &json!("peer")));
    assert_eq!(room["listeners"], 1);
    let etag = answer.header("etag").unwrap();
    let trickled = send(server.address, "PATCH", &location, &[FRAGMENT, ("If-Match", etag)], candidates()).await;
    assert_eq!(trickled.status, 204, "{trickled:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_listener_has_no_track_and_gets_an_id_if_it_brings_none() {
    let server = start().await;
    let body = json!({ "offer": { "type": "offer", "sdp": BROWSER }, "room": "ward", "role": "listener" });
    let answer = send_json(server.address, "POST", "/api/offer", &body.to_string()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.json()["clientId"].as_str().map(str::len), Some(36));
    let room = get(server.address, "/api/rooms/ward").await.json();
    assert_eq!((&room["listeners"], &room["tracks"]), (&json!(1), &json!([])));
    server.stop().await;
}

#[tokio::test]
async fn candidates_are_trickled_and_ice_restarts_as_the_rfc_says() {
    let server = start().await;
    let (location, etag) = publish(server.address, "ward").await;
    let patch = async |if_match: &str, body: String| {
        send(server.address, "PATCH", &location, &[FRAGMENT, ("If-Match", if_match)], body).await
    };

    let added = patch(&etag, candidates()).await;
    assert_eq!((added.status, added.body.as_str(), added.header("etag")), (204, "", None), "§4.3.2: {added:?}");
    let listed = patch(&format!("\"other\", {etag}"), candidates()).await;
    assert_eq!(listed.status, 204, "RFC 9110 §13.1.1, a list: {listed:?}");
    assert!(patch("\"other\"", candidates()).await.problem(412).contains("ETag"));

    let restarted = patch("*", fragment("New1", "ABCDEFGHIJKLMNOPQRSTUVWX")).await;
    assert_eq!(restarted.status, 200, "§4.3.3: {restarted:?}");
    assert_eq!(restarted.header("content-type"), Some("application/trickle-ice-sdpfrag"));
    let new = restarted.header("etag").unwrap().to_owned();
    assert_ne!(new, etag);
    for line in ["a=ice-ufrag:", "a=ice-pwd:", "a=candidate:"] {
        assert!(restarted.body.contains(line), "{line} in {restarted:?}");
    }
    assert_eq!(patch(&etag, candidates()).await.status, 412, "the old session is over");
    let quoted = patch("\"*\"", fragment("New2", "ZYXWVUTSRQPONMLKJIHGFEDC")).await;
    assert_eq!(quoted.status, 200, "the RFC's own example quotes the star: {quoted:?}");
    assert_ne!(quoted.header("etag").unwrap(), new);

    let failed = patch("*", "a=ice-ufrag:x\r\n".into()).await;
    assert_eq!(failed.status, 422, "{failed:?}");
    let kept = patch(quoted.header("etag").unwrap(), fragment("New2", "ZYXWVUTSRQPONMLKJIHGFEDC")).await;
    assert_eq!(kept.status, 204, "a failed restart keeps the session: {kept:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_hang_up_takes_the_track_along_and_works_once() {
    let server = start().await;
    let (location, _) = publish(server.address, "ward").await;
    assert_eq!(get(server.address, &location).await.status, 204);
    let gone = send(server.address, "DELETE", &location, &[("If-Match", "\"ignored\"")], "").await;
    assert_eq!(gone.status, 200, "{gone:?}");
    assert_eq!(get(server.address, "/api/rooms/ward").await.json()["tracks"], json!([]));
    send(server.address, "DELETE", &location, &[], "").await.problem(404);
    get(server.address, &location).await.problem(404);
    server.stop().await;
}

#[tokio::test]
async fn a_removed_track_and_a_closed_room_hang_their_peers_up() {
    let server = start().await;
    let (first, _) = publish(server.address, "ward").await;
    let (second, _) = publish(server.address, "ward").await;
    let track = format!("/api/rooms/ward/tracks/{}", first.rsplit('/').next().unwrap());
    assert_eq!(send(server.address, "DELETE", &track, &[], "").await.status, 204);
    get(server.address, &first).await.problem(404);
    assert_eq!(get(server.address, &second).await.status, 204);
    assert_eq!(send(server.address, "DELETE", "/api/rooms/ward", &[], "").await.status, 204);
    get(server.address, &second).await.problem(404);
    get(server.address, "/api/rooms/ward").await.problem(404);
    server.stop().await;
}

#[tokio::test]
async fn the_endpoints_tell_what_they_take() {
    let server = start().await;
    let preflight = [
        ("Origin", "https://studio.example"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization,content-type"),
    ];
    for endpoint in ["/whip/ward", "/whep/ward"] {
        for headers in [&preflight[..], &[]] {
            let answer = send(server.address, "OPTIONS", endpoint, headers, "").await;
            assert_eq!((answer.status, answer.header("accept-post")), (200, Some("application/sdp")), "{answer:?}");
        }
        let answer = send(server.address, "OPTIONS", endpoint, &preflight, "").await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,content-type"));
        assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
        // RFC 9725 §4.1: success without content.
        let answer = get(server.address, endpoint).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{answer:?}");
        assert_eq!(send(server.address, "HEAD", endpoint, &[], "").await.status, 204);
        let answer = send(server.address, "POST", endpoint, &[("Content-Type", "text/plain")], "v=0").await;
        assert_eq!(answer.header("accept-post"), Some("application/sdp"), "{answer:?}");
    }
    let answer = send(server.address, "OPTIONS", "/api/rooms/ward/peers/x", &preflight, "").await;
    assert_eq!(answer.header("accept-patch"), Some("application/trickle-ice-sdpfrag"));
    let answer = send(server.address, "GET", "/api/rooms", &[("Origin", "https://studio.example")], "").await;
    let exposed = answer.header("access-control-expose-headers").unwrap().to_lowercase();
    assert!(["location", "etag", "link"].iter().all(|header| exposed.contains(header)), "{exposed}");
    server.stop().await;
}

#[tokio::test]
async fn the_desk_moves_over_http() {
    let server = start().await;
    let (location, _) = publish(server.address, "ward").await;
    let track = location.replace("/peers/", "/tracks/");
    let answer = send_json(server.address, "PATCH", &track, r#"{"gain_db":-3,"pan":0.5,"name":"Änne"}"#).await;
    let strip = answer.json();
    assert_eq!((answer.status, &strip["gain_db"], &strip["pan"]), (200, &json!(-3.0), &json!(0.5)), "{answer:?}");
    assert_eq!(strip["name"], "Änne");
    let answer = send_json(server.address, "PATCH", "/api/rooms/ward", r#"{"master_gain_db":-60}"#).await;
    assert_eq!((answer.status, &answer.json()["master_gain_db"]), (200, &json!(-60.0)), "{answer:?}");
    let answer = send_json(server.address, "PUT", "/api/rooms/ward", r#"{"master_gain_db":20}"#).await;
    assert_eq!((answer.status, &answer.json()["master_gain_db"]), (200, &json!(20.0)), "it was there: {answer:?}");
    let rooms = get(server.address, "/api/rooms").await.json();
    assert_eq!(rooms.as_array().unwrap().len(), 1, "{rooms}");
    assert_eq!(rooms[0]["tracks"][0]["pan"], 0.5, "{rooms}");
    server.stop().await;
}

#[tokio::test]
async fn a_full_server_says_when_to_come_again() {
    let server = start_with(|config| (config.max_peers, config.max_rooms) = (1, 1)).await;
    publish(server.address, "ward").await;
    let full = send(server.address, "POST", "/whip/ward", &[SDP], BROWSER).await;
    full.problem(503);
    assert!(full.header("retry-after").unwrap().parse::<u32>().unwrap() > 0, "{full:?}");
    let full = send(server.address, "PUT", "/api/rooms/other", &[], "").await;
    full.problem(503);
    assert!(full.header("retry-after").is_some());
    server.stop().await;
}

#[tokio::test]
async fn health_and_metrics_count_and_name_nobody() {
    let server = start().await;
    let (location, _) = publish(server.address, "secret-room").await;
    let health = get(server.address, "/api/health").await.json();
    assert_eq!((&health["status"], &health["rooms"], &health["peers"]), (&json!("ok"), &json!(1), &json!(1)));
    assert!(health["uptime_s"].as_f64().unwrap() > 0.0 && health["version"].is_string(), "{health}");
    assert_eq!(get(server.address, "/api/ready").await.status, 200);
    get(server.address, &location).await;
    let page = get(server.address, "/metrics").await;
    assert!(page.header("content-type").unwrap().starts_with("text/plain"), "{page:?}");
    assert!(page.body.lines().any(|line| line == "mixminus_peers 1"), "{}", page.body);
    assert!(page.body.contains(r#"method="POST",route="/whip/{room}",status="201"} 1"#), "{}", page.body);
    let id = location.rsplit('/').next().unwrap();
    assert!(!page.body.contains(id) && !page.body.contains("secret-room"), "{}", page.body);
    server.stop().await;
}

#[tokio::test]
async fn the_api_documents_itself() {
    let server = start().await;
    let document: Value = get(server.address, "/api/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, methods) in [
        ("/api/health", &["get"][..]),
        ("/api/ready", &["get"]),
        ("/api/offer", &["post"]),
        ("/whip/{room}", &["get", "post"]),
        ("/whep/{room}", &["get", "post"]),
        ("/api/rooms", &["get"]),
        ("/api/rooms/{room}", &["get", "put", "patch", "delete"]),
        ("/api/rooms/{room}/tracks/{id}", &["patch", "delete"]),
        ("/api/rooms/{room}/peers/{id}", &["get", "patch", "delete"]),
        ("/api/rooms/{room}/ws", &["get"]),
        ("/metrics", &["get"]),
    ] {
        for method in methods {
            let operation = &document["paths"][path][method];
            assert!(
                operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()),
                "{method} {path}: {operation}"
            );
        }
    }
    let page = get(server.address, "/api/docs/").await;
    assert!(page.status == 200 && page.body.contains("swagger-ui"), "{page:?}");
    assert!(
        !page.body.contains("http://") && !page.body.contains("https://"),
        "nothing comes from elsewhere: {page:?}"
    );
    server.stop().await;
}

#[tokio::test]
async fn the_page_at_the_root_is_the_client_or_says_how_to_build_it() {
    let server = start().await;
    for path in ["/", "/room/ward"] {
        let page = get(server.address, path).await;
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page:?}");
        assert!(page.body.contains("<script") || page.body.contains("npm run build"), "{page:?}");
    }
    server.stop().await;
}
