//! A room whose peers are on two workers is one room.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod api_support;
mod media_support;

use api_support::{get, send, send_json, start_with};
use media_support::{Crowd, LOUD_DB, Member};
use server::Running;
use server::config::Placement;
use signaling::client::Direction;
use signaling::{FloorAction, FloorAnswer, FloorRequest, TrackPatch};

const TONES: [f64; 4] = [400.0, 700.0, 1100.0, 1600.0];
/// What is not to be heard: 40 dB under a tone.
const SILENT_DB: f64 = LOUD_DB - 40.0;

async fn two_workers() -> Running {
    start_with(|config| (config.workers, config.placement) = (2, Placement::Even)).await
}

fn hears(member: &Member, hz: f64, gain_db: f64) -> bool {
    (member.level_of(hz) - LOUD_DB - gain_db).abs() < 1.0
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_hears_every_other_at_the_level_of_his_strip_and_never_himself() {
    let server = two_workers().await;
    let mut crowd = Crowd::new(server.address, "ward");
    for hz in TONES {
        crowd.join(Direction::Both, Some(hz)).await;
    }
    assert_eq!(crowd.workers(), 2);
    let gains = [0.0, -6.0, 6.0, -12.0];
    for (member, gain_db) in crowd.members.iter().zip(gains) {
        let strip = TrackPatch { gain_db: Some(gain_db as f32), ..TrackPatch::default() };
        crowd.client.change_track(&crowd.room, &member.id, &strip).await.unwrap();
    }
    let hear_all = |members: &[Member]| {
        members.iter().all(|m| (0..4).all(|t| m.tone == Some(TONES[t]) || hears(m, TONES[t], gains[t])))
    };
    crowd.until("all hear all others", hear_all).await;
    for _ in 0..50 {
        crowd.packets(1).await;
        assert!(hear_all(&crowd.members), "and it stays so");
        for member in &crowd.members {
            let own = member.level_of(member.tone.unwrap());
            assert!(own < SILENT_DB, "he hears himself at {own:.1} dBFS");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_talker_reaches_every_worker_bit_by_bit() {
    let server = two_workers().await;
    let mut crowd = Crowd::new(server.address, "ward");
    for _ in 0..3 {
        crowd.join(Direction::Receive, None).await;
    }
    crowd.join(Direction::Send, Some(TONES[0])).await;
    assert_eq!(crowd.workers(), 2);
    crowd.until("all hear him", |members| members[..3].iter().all(|m| m.got.len() >= 50)).await;
    let (listeners, talker) = (&crowd.members[..3], &crowd.members[3]);
    for listener in listeners {
        assert_eq!(listener.got[..], talker.sent[..listener.got.len()]);
    }
    let page = get(server.address, "/metrics").await.body;
    for worker in 0..2 {
        let encoded = format!("mixminus_frames_encoded_total{{worker=\"{worker}\"}} 0");
        assert!(page.contains(&encoded), "{encoded} in {page}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_gone_on_whatever_worker_he_was() {
    let server = two_workers().await;
    let mut crowd = Crowd::new(server.address, "ward");
    for hz in TONES {
        crowd.join(Direction::Both, Some(hz)).await;
    }
    crowd.packets(10).await;
    // One on each worker, whichever of them has the room.
    for (member, left) in [(3, 3), (2, 2)] {
        crowd.dismiss(member).await;
        crowd.until("he is told", |members| members[member].is_over()).await;
        crowd.until_there_are(left).await;
        let path = format!("/api/rooms/ward/peers/{}", crowd.members[member].id);
        send(server.address, "DELETE", &path, &[], "").await.problem(404);
        assert_eq!(crowd.client.room(&crowd.room).await.unwrap().tracks.len() as u32, left);
        crowd.members.pop();
    }
    crowd
        .until("the others hear each other", |members| {
            hears(&members[0], TONES[1], 0.0) && members[0].level_of(TONES[2]) < SILENT_DB
        })
        .await;
    // The second is not on the worker of the first.
    crowd.members.pop();
    crowd.until_there_are(1).await;
    let tracks = crowd.client.room(&crowd.room).await.unwrap().tracks;
    assert_eq!(tracks.iter().map(|track| &track.id).collect::<Vec<_>>(), [&crowd.members[0].id]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_closes_says_goodbye_on_every_worker_and_so_does_a_server_that_ends() {
    let server = two_workers().await;
    let mut crowd = Crowd::new(server.address, "ward");
    for _ in 0..3 {
        crowd.join(Direction::Both, None).await;
    }
    crowd.client.close_room(&crowd.room).await.unwrap();
    crowd.until("all are told", |members| members.iter().all(Member::is_over)).await;
    crowd.until_there_are(0).await;
    crowd.members.clear();
    for room in ["ward", "hall"] {
        // The rooms are on one worker each.
        crowd.room = room.parse().unwrap();
        for _ in 0..3 {
            crowd.join(Direction::Both, None).await;
        }
    }
    let (_, ()) =
        tokio::join!(server.stop(), crowd.until("all are told", |members| members.iter().all(Member::is_over)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_floor_and_an_ice_restart_know_no_workers() {
    let server = two_workers().await;
    let mut crowd = Crowd::new(server.address, "ward");
    for hz in &TONES[..3] {
        crowd.join(Direction::Both, Some(*hz)).await;
    }
    send_json(server.address, "PATCH", "/api/rooms/ward", r#"{"mode":"floor"}"#).await;
    for (member, others) in [(1, [0, 2]), (0, [1, 2])] {
        let ask = |action| FloorRequest { action, priority: None };
        let answer = crowd.client.floor(&crowd.room, &crowd.members[member].id, ask(FloorAction::Request)).await;
        assert!(matches!(answer, Ok(FloorAnswer::Granted { .. })), "{answer:?}");
        let hz = TONES[member];
        crowd
            .until("he is heard, alone", |members| {
                others.iter().all(|o| {
                    let silent = TONES.iter().filter(|other| **other != hz);
                    hears(&members[*o], hz, 0.0) && silent.into_iter().all(|hz| members[*o].level_of(*hz) < SILENT_DB)
                })
            })
            .await;
        crowd.client.floor(&crowd.room, &crowd.members[member].id, ask(FloorAction::Release)).await.unwrap();
    }
    for member in &crowd.members {
        let path = format!("/api/rooms/ward/peers/{}", member.id);
        let fragment = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijklmn\r\n";
        let headers = [("Content-Type", "application/trickle-ice-sdpfrag"), ("If-Match", "*")];
        let answer = send(server.address, "PATCH", &path, &headers, fragment).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let stale = [headers[0], ("If-Match", "\"no\"")];
        send(server.address, "PATCH", &path, &stale, fragment).await.problem(412);
    }
    server.stop().await;
}
