//! A worker is woken when there is something to do, not for each packet.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod api_support;
mod media_support;

use std::net::SocketAddr;

use api_support::{get, start_with};
use media_support::{Crowd, Member};
use signaling::client::Direction;

/// How often the worker was woken, and how many datagrams it read.
async fn counted(server: SocketAddr) -> (f64, f64) {
    let page = get(server, "/metrics").await.body;
    let value = |name: &str| -> f64 {
        let named = format!("{name}{{worker=\"0\"}} ");
        page.lines()
            .find_map(|line| line.strip_prefix(&named))
            .unwrap_or_else(|| panic!("{name} in {page}"))
            .parse()
            .unwrap()
    };
    (value("mixminus_worker_wakes_total"), value("mixminus_datagrams_received_total"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_mixes_wakes_its_worker_for_its_steps_only() {
    let server = start_with(|config| config.workers = 1).await;
    let mut crowd = Crowd::new(server.address, "ward");
    for hz in [400.0, 700.0, 1100.0, 1600.0, 2000.0] {
        crowd.join(Direction::Both, Some(hz)).await;
    }
    let heard = |members: &[Member]| members.iter().map(|member| member.got.len()).min().unwrap_or(0);
    crowd.until("they hear each other", |members| heard(members) > 50).await;
    let (wakes, datagrams) = counted(server.address).await;
    let until = heard(&crowd.members) + 100;
    crowd.until("and go on", |members| heard(members) > until).await;
    let (more_wakes, more_datagrams) = counted(server.address).await;
    // Five packets for each step; whatever else comes and is due wakes it too.
    let (wakes, datagrams) = (more_wakes - wakes, more_datagrams - datagrams);
    assert!(datagrams > 400.0, "{datagrams}");
    assert!(wakes < 0.5 * datagrams, "woken {wakes} times for {datagrams} datagrams");
    server.stop().await;
}
