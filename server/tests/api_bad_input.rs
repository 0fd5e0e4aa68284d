//! Wrong requests over every endpoint: a problem that says what was wrong, never a 5xx, and nothing hangs.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod api_support;

use api_support::{BROWSER, get, make_room, publish, send, send_json, send_raw, start};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const SDP: (&str, &str) = ("Content-Type", "application/sdp");
const FRAGMENT: (&str, &str) = ("Content-Type", "application/trickle-ice-sdpfrag");
const ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

struct Bad {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
    status: u16,
    /// A word of the detail.
    says: &'static str,
}

fn bad(
    method: &'static str,
    path: impl Into<String>,
    headers: &[(&'static str, &'static str)],
    body: impl AsRef<[u8]>,
    status: u16,
    says: &'static str,
) -> Bad {
    Bad { method, path: path.into(), headers: headers.to_vec(), body: body.as_ref().to_vec(), status, says }
}

fn offer(sdp: &str) -> String {
    serde_json::json!({ "room": "bad", "offer": { "type": "offer", "sdp": sdp } }).to_string()
}

fn cases(track: &str) -> Vec<Bad> {
    let peer = format!("/api/rooms/there/peers/{track}");
    let strip = format!("/api/rooms/there/tracks/{track}");
    let long_name = "x".repeat(65);
    let no_audio = BROWSER.replace("m=audio", "m=video").replace("opus/48000/2", "VP8/90000");
    let named = |name: &str| {
        serde_json::json!({ "room": "bad", "name": name, "offer": { "type": "offer", "sdp": BROWSER } }).to_string()
    };
    vec![
        // Paths and methods.
        bad("GET", "/nothing", &[], "", 404, "/nothing"),
        bad("GET", "/api", &[], "", 404, "/api"),
        bad("GET", "/api/", &[], "", 404, "/api/"),
        bad("GET", "/api/rooms/", &[], "", 404, "/api/rooms/"),
        bad("GET", "/api/rooms/there/x", &[], "", 404, "/api/rooms/there/x"),
        bad("GET", "/whip", &[], "", 404, "/whip"),
        bad("POST", "/whip/", &[SDP], BROWSER, 404, "/whip/"),
        bad("POST", "/whip/a/b", &[SDP], BROWSER, 404, "/whip/a/b"),
        bad("GET", "/../../etc/passwd", &[], "", 404, "etc"),
        bad("GET", "/%2e%2e/%2e%2e/etc/passwd", &[], "", 404, "etc"),
        bad("POST", "/nothing", &[JSON], "{}", 404, "/nothing"),
        bad("POST", "/", &[JSON], "{}", 405, "POST"),
        bad("DELETE", "/api/health", &[], "", 405, "DELETE"),
        bad("POST", "/api/ready", &[], "", 405, "POST"),
        bad("GET", "/api/offer", &[], "", 405, "GET"),
        bad("PUT", "/whip/a", &[SDP], BROWSER, 405, "PUT"),
        bad("PATCH", "/whep/a", &[SDP], BROWSER, 405, "PATCH"),
        bad("POST", "/api/rooms", &[JSON], "{}", 405, "POST"),
        bad("POST", "/api/rooms/there", &[JSON], "{}", 405, "POST"),
        bad("GET", &strip, &[], "", 405, "GET"),
        bad("PUT", &peer, &[FRAGMENT], "x", 405, "PUT"),
        bad("BREW", "/api/rooms", &[], "", 405, "BREW"),
        bad("POST", "/metrics", &[], "x", 405, "POST"),
        // Names.
        bad("GET", "/api/rooms/a%20b", &[], "", 404, "A-Z a-z 0-9 _ -"),
        bad("GET", "/api/rooms/%FF", &[], "", 400, "UTF-8"),
        bad("PUT", "/api/rooms/a%20b", &[], "", 422, "A-Z a-z 0-9 _ -"),
        bad("PUT", format!("/api/rooms/{long_name}"), &[], "", 422, "64"),
        bad("POST", "/whip/%C3%A4", &[SDP], BROWSER, 422, "A-Z a-z 0-9 _ -"),
        bad("POST", "/whep/a.b", &[SDP], BROWSER, 422, "A-Z a-z 0-9 _ -"),
        // Rooms and tracks that are not there.
        bad("GET", "/api/rooms/nobody", &[], "", 404, "no such room"),
        bad("DELETE", "/api/rooms/nobody", &[], "", 404, "no such room"),
        bad("PATCH", "/api/rooms/nobody", &[JSON], "{}", 404, "no such room"),
        bad("GET", "/api/rooms/nobody/ws", &[], "", 426, "WebSocket"),
        bad("PATCH", format!("/api/rooms/nobody/tracks/{ID}"), &[JSON], "{}", 404, "no such room"),
        bad("PATCH", format!("/api/rooms/there/tracks/{ID}"), &[JSON], r#"{"pan":0}"#, 404, "no such track"),
        bad("DELETE", format!("/api/rooms/there/tracks/{ID}"), &[], "", 404, "no such track"),
        bad("PATCH", "/api/rooms/there/tracks/a%2Fb", &[JSON], "{}", 404, "track's id"),
        bad("DELETE", format!("/api/rooms/there/peers/{ID}"), &[], "", 404, "no such peer"),
        bad("DELETE", format!("/api/rooms/nobody/peers/{ID}"), &[], "", 404, "no such room"),
        bad("GET", format!("/api/rooms/there/peers/{ID}"), &[], "", 404, "no such peer"),
        bad("PATCH", format!("/api/rooms/there/peers/{ID}"), &[FRAGMENT], "a=x", 404, "no such peer"),
        // Settings.
        bad("PATCH", "/api/rooms/there", &[JSON], "", 400, "line 1"),
        bad("PATCH", "/api/rooms/there", &[JSON], "{", 400, "line 1 column 1"),
        bad("PATCH", "/api/rooms/there", &[JSON], "{\"mode\":\"open\"} x", 400, "column 17"),
        bad("PATCH", "/api/rooms/there", &[JSON], "{\"master_gain_db\":1e999}", 400, "range"),
        bad("PATCH", "/api/rooms/there", &[JSON], "{\"master_gain_db\":NaN}", 400, "column"),
        bad("PATCH", "/api/rooms/there", &[JSON], b"{\"mode\":\"\xFF\"}", 400, "column"),
        bad("PATCH", "/api/rooms/there", &[JSON], "[".repeat(60_000), 400, "column"),
        bad("PATCH", "/api/rooms/there", &[JSON], "[]", 422, "array"),
        bad("PATCH", "/api/rooms/there", &[JSON], "null", 422, "null"),
        bad("PATCH", "/api/rooms/there", &[JSON], r#"{"master_gain":0}"#, 422, "master_gain_db"),
        bad("PATCH", "/api/rooms/there", &[JSON], r#"{"master_gain_db":"0"}"#, 422, "master_gain_db: "),
        bad("PATCH", "/api/rooms/there", &[JSON], r#"{"master_gain_db":20.1}"#, 422, "-60 to 20"),
        bad("PATCH", "/api/rooms/there", &[JSON], r#"{"master_gain_db":1e39}"#, 422, "-60 to 20"),
        bad("PATCH", "/api/rooms/there", &[JSON], r#"{"mode":"shout"}"#, 422, "mode: "),
        bad("PATCH", "/api/rooms/there", &[], "{}", 415, "application/json"),
        bad("PATCH", "/api/rooms/there", &[("Content-Type", "text/plain")], "{}", 415, "text/plain"),
        bad("PUT", "/api/rooms/new", &[JSON], r#"{"master_gain_db":-61}"#, 422, "-60 to 20"),
        bad("PUT", "/api/rooms/new", &[("Content-Type", "text/xml")], "<x/>", 415, "text/xml"),
        bad("PATCH", &strip, &[JSON], r#"{"gain_db":-61}"#, 422, "gain_db must be from -60 to 20"),
        bad("PATCH", &strip, &[JSON], r#"{"pan":1.01}"#, 422, "pan must be from -1 to 1"),
        bad("PATCH", &strip, &[JSON], r#"{"muted":1}"#, 422, "muted: "),
        bad("PATCH", &strip, &[JSON], r#"{"name":""}"#, 422, "name must be"),
        bad("PATCH", &strip, &[JSON], r#"{"name":"a\nb"}"#, 422, "control"),
        bad("PATCH", &strip, &[JSON], r#"{"gain":1}"#, 422, "gain_db"),
        // Offers.
        bad("POST", "/api/offer", &[], "{}", 415, "application/json"),
        bad("POST", "/api/offer", &[SDP], BROWSER, 415, "application/sdp"),
        bad("POST", "/api/offer", &[JSON], "", 400, "line 1"),
        bad("POST", "/api/offer", &[JSON], "{}", 422, "offer"),
        bad("POST", "/api/offer", &[JSON], r#"{"offer":{"type":"offer","sdp":"v=0"}}"#, 422, "room"),
        bad("POST", "/api/offer", &[JSON], r#"{"room":"a b","offer":{"type":"offer","sdp":"v=0"}}"#, 422, "room: "),
        bad("POST", "/api/offer", &[JSON], r#"{"room":"a","offer":{"type":"answer","sdp":"v=0"}}"#, 422, "offer.type"),
        bad("POST", "/api/offer", &[JSON], r#"{"room":"a","offer":{"type":"offer"}}"#, 422, "sdp"),
        bad(
            "POST",
            "/api/offer",
            &[JSON],
            r#"{"room":"a","role":"king","offer":{"type":"offer","sdp":"v=0"}}"#,
            422,
            "role: ",
        ),
        bad(
            "POST",
            "/api/offer",
            &[JSON],
            r#"{"room":"a","clientId":"7","offer":{"type":"offer","sdp":"v=0"}}"#,
            422,
            "clientId: ",
        ),
        bad("POST", "/api/offer", &[JSON], named(&long_name), 422, "name must be"),
        bad("POST", "/api/offer", &[JSON], offer(""), 400, ""),
        bad("POST", "/api/offer", &[JSON], offer("hello"), 400, ""),
        bad("POST", "/api/offer", &[JSON], offer(&BROWSER[..200]), 400, ""),
        bad("POST", "/api/offer", &[JSON], offer(&no_audio), 422, ""),
        bad("POST", "/whip/bad", &[], BROWSER, 415, "application/sdp"),
        bad("POST", "/whip/bad", &[JSON], offer(BROWSER), 415, "application/json"),
        bad("POST", "/whip/bad", &[SDP], "", 400, "empty"),
        bad("POST", "/whip/bad", &[SDP], "\r\n \r\n", 400, "empty"),
        bad("POST", "/whip/bad", &[SDP], b"v=0\r\ns=\xFF\xFE\r\n", 400, "byte 7"),
        bad("POST", "/whip/bad", &[SDP], "v=0 and then nothing", 422, ""),
        bad("POST", "/whip/bad", &[SDP], BROWSER.replace("sendrecv", "recvonly"), 422, ""),
        bad("POST", "/whip/bad", &[SDP], &no_audio, 422, ""),
        bad("POST", "/whip/bad?gain_db=loud", &[SDP], BROWSER, 422, "gain_db"),
        bad("POST", "/whip/bad?gain_db=21", &[SDP], BROWSER, 422, "-60 to 20"),
        bad("POST", "/whip/bad?gain_db=NaN", &[SDP], BROWSER, 422, "-60 to 20"),
        bad("POST", "/whip/bad?pan=-2", &[SDP], BROWSER, 422, "-1 to 1"),
        bad("POST", "/whip/bad?kind=peer", &[SDP], BROWSER, 422, "whip or file"),
        bad("POST", "/whip/bad?kind=dog", &[SDP], BROWSER, 422, "kind"),
        bad("POST", "/whip/bad?name=%00", &[SDP], BROWSER, 422, "name must be"),
        bad("POST", "/whep/bad", &[], BROWSER, 415, "application/sdp"),
        bad("POST", "/whep/bad", &[SDP], "nonsense", 400, ""),
        bad("POST", "/whep/bad", &[SDP], BROWSER.replace("sendrecv", "sendonly"), 422, ""),
        // Trickle.
        bad("PATCH", &peer, &[FRAGMENT], "a=candidate:x", 428, "If-Match"),
        bad("PATCH", &peer, &[("If-Match", "*"), JSON], "{}", 415, "application/trickle-ice-sdpfrag"),
        bad("PATCH", &peer, &[("If-Match", "*")], "a=x", 415, "application/trickle-ice-sdpfrag"),
        bad("PATCH", &peer, &[("If-Match", "\"stale\""), FRAGMENT], "a=candidate:x", 412, "If-Match"),
        bad("PATCH", &peer, &[("If-Match", "W/\"weak\""), FRAGMENT], "a=candidate:x", 412, "If-Match"),
        bad("PATCH", &peer, &[("If-Match", "*"), FRAGMENT], "nonsense", 422, ""),
        bad("PATCH", &peer, &[("If-Match", "*"), FRAGMENT], "", 400, "empty"),
        // Sizes.
        bad("POST", "/whip/bad", &[SDP], vec![b'x'; 64 * 1024 + 1], 413, "65536"),
        bad("POST", "/api/offer", &[JSON], vec![b' '; 3 * 1024 * 1024], 413, "65536"),
        bad("PATCH", &peer, &[("If-Match", "*"), FRAGMENT], vec![b'x'; 100_000], 413, "65536"),
        bad("GET", "/api/rooms", &[], vec![b'x'; 100_000], 413, "65536"),
        bad("POST", "/nothing", &[], vec![b'x'; 100_000], 413, "65536"),
        // Not a WebSocket.
        bad("GET", "/api/rooms/there/ws", &[], "", 426, "WebSocket"),
        bad("GET", "/api/rooms/there/ws", &[("Upgrade", "websocket")], "", 426, "WebSocket"),
        bad("POST", "/api/rooms/there/ws", &[JSON], "{}", 405, "POST"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_request_gets_a_problem_that_says_what_was_wrong() {
    let server = start().await;
    make_room(server.address, "there").await;
    let (location, _) = publish(server.address, "there").await;
    let track = location.rsplit('/').next().unwrap();
    let before = get(server.address, "/api/rooms/there").await.json();

    let cases = cases(track);
    assert!(cases.len() >= 100, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let answer = send(server.address, case.method, &case.path, &case.headers, &case.body).await;
        let body = String::from_utf8_lossy(&case.body[..case.body.len().min(80)]);
        let says = serde_json::from_str::<signaling::Problem>(&answer.body)
            .is_ok_and(|problem| problem.detail.contains(case.says));
        if answer.status == case.status && says {
            answer.problem(case.status);
            assert_eq!(answer.header("allow").is_some(), case.status == 405, "{answer:?}");
        } else {
            wrong.push(format!(
                "{} {} {body:?}: {} {:?}, got {answer:?}",
                case.method, case.path, case.status, case.says
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let after = get(server.address, "/api/rooms/there").await.json();
    assert_eq!(before, after, "nothing of all that changed anything");
    let rooms = get(server.address, "/api/rooms").await.json();
    assert_eq!(rooms.as_array().unwrap().len(), 1, "nothing of all that made a room: {rooms}");
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_http_at_all_is_refused_and_closed() {
    let server = start().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..],
        b"HELLO\r\n\r\n",
        b"GET /api/health HTTP/9.9\r\n\r\n",
        b"GET /api/health HTTP/1.1\r\nbroken header\r\n\r\n",
        b"POST /api/offer HTTP/1.1\r\nContent-Length: lots\r\n\r\n",
        b"POST /api/offer HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\nConnection: close\r\n\r\nzzz\r\n",
    ] {
        let answer = send_raw(server.address, bytes).await;
        assert!((400..500).contains(&answer.status), "{:?}: {answer:?}", String::from_utf8_lossy(bytes));
    }
    let many = format!("GET /api/health HTTP/1.1\r\n{}\r\n", "X-Header: 1\r\n".repeat(10_000));
    assert_eq!(send_raw(server.address, many.as_bytes()).await.status, 431);
    assert_eq!(get(server.address, "/api/health").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_patch_with_null_or_nothing_changes_nothing() {
    let server = start().await;
    make_room(server.address, "calm").await;
    for body in ["{}", r#"{"master_gain_db":null}"#] {
        let answer = send_json(server.address, "PATCH", "/api/rooms/calm", body).await;
        assert_eq!((answer.status, answer.json()["master_gain_db"].as_f64()), (200, Some(0.0)), "{answer:?}");
    }
    server.stop().await;
}
