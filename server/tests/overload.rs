//! A worker that has more to do than it may takes nobody more, and those who are in do not notice.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod api_support;
mod media_support;

use std::net::SocketAddr;
use std::time::Duration;

use api_support::{Answer, BROWSER, get, send, start_with};
use futures_util::future::join_all;
use media_support::Crowd;
use signaling::client::Direction;
use tokio::time::timeout;

/// What is waited for here may never come.
async fn ends(test: impl Future<Output = ()>) {
    timeout(Duration::from_secs(60), test).await.expect("it comes to an end");
}

async fn join(server: SocketAddr, sdp: &str) -> Answer {
    send(server, "POST", "/whip/others", &[("Content-Type", "application/sdp")], sdp).await
}

/// The value of a metric without labels, or of the first worker.
async fn metric(server: SocketAddr, name: &str) -> f64 {
    let page = get(server, "/metrics").await.body;
    let lines = page.lines().filter_map(|line| line.rsplit_once(' '));
    let named = |(key, _): &(&str, &str)| *key == name || *key == format!("{name}{{worker=\"0\"}}");
    lines
        .into_iter()
        .find(named)
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or_else(|| panic!("{name} in {page}"))
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    answer.problem(503);
    assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_joins_is_refused_in_part_and_nobody_inside_hears_it() {
    ends(burst()).await;
}

async fn burst() {
    let server = start_with(|config| config.budget = 5).await;
    let mut crowd = Crowd::new(server.address, "ward");
    crowd.join(Direction::Receive, None).await;
    crowd.join(Direction::Send, Some(400.0)).await;
    let hears = |crowd: &Crowd| crowd.members[0].got.len();
    crowd.until("he is heard", |members| members[0].got.len() > 20).await;

    // How many are taken is the business of `rooms/placement.rs`, where the time is an argument.
    let mut answers = Vec::new();
    while answers.iter().all(|answer: &Answer| answer.status == 201) {
        let address = server.address;
        let burst = tokio::spawn(join_all((0..60).map(|_| join(address, BROWSER))));
        while !burst.is_finished() {
            crowd.step();
            tokio::task::yield_now().await;
        }
        answers.extend(burst.await.unwrap());
    }
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 201).collect();
    assert!(refused.len() < answers.len(), "some are taken");
    refused.iter().for_each(|answer| assert_refused(answer));
    assert_eq!(metric(server.address, "mixminus_joins_refused_total").await, refused.len() as f64);

    let before = hears(&crowd);
    crowd.until("he is heard on", |members| members[0].got.len() > before + 20).await;
    let (listener, talker) = (&crowd.members[0], &crowd.members[1]);
    assert_eq!(listener.got[..], talker.sent[..listener.got.len()], "nothing is missing");
    while join(server.address, BROWSER).await.status != 201 {
        crowd.step();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_budget_new_peers_are_refused_unread_until_there_is_less_to_do() {
    ends(over_budget()).await;
}

async fn over_budget() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let server = start_with(|config| (config.budget, config.event_log) = (2, Some(path.clone()))).await;
    let mut crowd = Crowd::new(server.address, "ward");
    for _ in 0..3 {
        crowd.join(Direction::Both, None).await;
    }
    for (member, hz) in crowd.members.iter_mut().zip([400.0, 700.0, 1100.0]) {
        member.tone = Some(hz);
    }
    // What is no offer at all is refused as the best is: nobody looks at it.
    let nonsense = "nonsense";
    while join(server.address, nonsense).await.status == 400 {
        crowd.packets(1).await;
    }
    while metric(server.address, "mixminus_shedding_level").await < 4.0 {
        crowd.packets(1).await;
    }
    assert!(metric(server.address, "mixminus_worker_load_ratio").await > 0.02);
    assert_refused(&join(server.address, nonsense).await);
    crowd.packets(50).await;
    for member in &crowd.members {
        assert_eq!(member.missing, 0, "those who are in miss nothing");
        for hz in [400.0, 700.0, 1100.0].into_iter().filter(|hz| member.tone != Some(*hz)) {
            assert!((member.level_of(hz) - media_support::LOUD_DB).abs() < 1.0, "{hz} at {}", member.level_of(hz));
        }
    }

    crowd.members.iter_mut().for_each(|member| member.tone = None);
    while join(server.address, BROWSER).await.status != 201 {
        crowd.step();
    }
    server.stop().await;
    let log = std::fs::read_to_string(&path).unwrap();
    let said =
        |what: &str| log.lines().filter(|line| line.contains(&format!("[server] Worker 0 sheds {what}: "))).count();
    let begins = ["most meters", "all meters and levels", "personal mixes", "new peers"].map(said);
    assert!(begins.iter().all(|times| *times >= 1), "{log}");
    assert_eq!((begins[3], said("new peers no more")), (1, 1), "{log}");
}
