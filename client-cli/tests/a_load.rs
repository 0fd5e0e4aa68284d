//! `mixminus bench`: small loads against a server of the library.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use support::Server;

fn rows(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn figure(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap_or_else(|| panic!("no {name} in {row}"))
}

#[test]
fn everybody_is_counted_what_is_heard_has_sound_and_nobody_stays() {
    let server = Server::start();
    let pid = std::process::id().to_string();
    let arguments =
        ["bench", "--rooms", "2", "--peers", "4", "--talkers", "2", "--seconds", "2", "--pid", &pid, "--json"];
    let row = rows(&server.run(&arguments).ok()).remove(0);
    assert_eq!(row["listeners"], 8, "talkers hear the other one: {row}");
    let expected = 8.0 * 50.0 * figure(&row, "seconds");
    // A machine that stalls loses some; twice as many would be counted twice.
    assert!((expected * 0.8..expected * 1.1).contains(&figure(&row, "packets")), "{row}");
    assert!(figure(&row, "heard_percent") > 80.0 && figure(&row, "loss_percent") < 20.0, "{row}");
    assert!((-35.0..-12.0).contains(&figure(&row, "level_dbfs")), "{row}");
    assert!(figure(&row, "ticks") > 100.0 && figure(&row["server"], "cpu_percent") > 0.0, "{row}");
    assert!(figure(&row["server"], "rss_mb") > 1.0, "{row}");
    assert_eq!(server.wait(server.client.health()).unwrap().peers, 0);
}

#[test]
fn by_whip_only_listeners_hear_and_a_lone_talker_is_forwarded() {
    let server = Server::start();
    let said = server.run(&["bench", "--whip", "--peers", "2,3", "--seconds", "1", "--json"]).ok();
    let rows = rows(&said);
    assert_eq!([&rows[0]["listeners"], &rows[1]["listeners"]], [1, 2], "{said}");
    for row in rows {
        assert!(figure(&row, "packets") > 0.0 && row["server"].is_null(), "{row}");
    }
    let page = server.wait(server.client.metrics()).unwrap();
    let forwarded = page.lines().find_map(|line| line.strip_prefix("mixminus_packets_forwarded_total{worker=\"0\"} "));
    assert!(forwarded.unwrap().parse::<u64>().unwrap() > 0, "{page}");
}

#[test]
fn silence_is_a_failure_and_not_a_good_result() {
    let server = Server::start();
    let arguments = ["bench", "--peers", "3", "--seconds", "1", "--gain", "-60"];
    server.run(&arguments).failed(1, &["hears nothing"]);
    assert_eq!(server.wait(server.client.health()).unwrap().peers, 0);
}

#[test]
fn a_room_in_which_nobody_is_or_talks_has_its_row_too() {
    let server = Server::start();
    let said =
        server.run(&["bench", "--rooms", "3", "--peers", "0,2", "--talkers", "0", "--seconds", "1", "--json"]).ok();
    let rows = rows(&said);
    assert_eq!((&rows[0]["rooms"], &rows[1]["peers"]), (&3.into(), &2.into()), "{said}");
    assert!(rows.iter().all(|row| row["packets"] == 0 && row["level_dbfs"].is_null()), "{said}");
    assert_eq!(server.wait(server.client.health()).unwrap().peers, 0);
}

#[test]
fn a_search_ends_at_its_limit_and_says_what_was_too_much() {
    let server = Server::start();
    let lax = ["bench", "--search", "listeners", "--peers", "2", "--max", "2", "--seconds", "1", "--max-loss", "100"];
    let said = server.run(&[&lax[..], &["--max-tick-ms", "1000"]].concat()).ok();
    assert!(said.contains("2 listeners, where the search ends"), "{said}");
    // No tick is as short as that.
    let strict =
        ["bench", "--search", "rooms", "--peers", "3", "--talkers", "2", "--seconds", "1", "--max-tick-ms", "0.001"];
    let said = server.run(&[&strict[..], &["--json"]].concat()).ok();
    let found = rows(&said).pop().unwrap();
    assert_eq!(
        (&found["search"], &found["most"], &found["too_many"]),
        (&"rooms".into(), &0.into(), &1.into()),
        "{said}"
    );
    assert!(found["because"].as_str().unwrap().contains("ticks"), "{said}");
}

#[test]
fn what_cannot_be_measured_is_said() {
    let server = Server::start();
    server.run(&["bench", "--peers", "2", "--talkers", "3"]).failed(2, &["--talkers 3", "--peers 2"]);
    server.run(&["bench", "--peers", "2,3", "--search", "rooms"]).failed(2, &["one number"]);
    server.run(&["bench", "--pid", "4194305"]).failed(1, &["4194305"]);
    server.run(&["bench", "--stay", "1"]).failed(2, &["--joins-per-second"]);
    support::said(support::cli(&["bench", "--server", "http://127.0.0.1:9"]).output().unwrap())
        .failed(1, &["mixminus-server"]);
}

#[test]
fn who_comes_and_goes_is_counted_and_leaves_nobody_behind() {
    let server = Server::start();
    let group = ["bench", "--peers", "3", "--seconds", "1", "--json"];
    let row = rows(&server.run(&[&group[..], &["--joins-per-second", "10", "--stay", "0.2"]].concat()).ok()).remove(0);
    let joins = &row["joins"];
    assert_eq!([&joins["asked"], &joins["connected"], &joins["failed"]], [10, 10, 0], "{row}");
    let times = ["p50", "p99", "max"].map(|name| figure(&joins["connected_ms"], name));
    assert!(times[0] > 0.0 && times.is_sorted() && figure(&joins["answer_ms"], "max") <= times[2], "{row}");
    // The visitors are no listeners of the group; who stayed was heard, and its longest gap is known.
    assert_eq!((&row["listeners"], &row["joined"]), (&2.into(), &3.into()), "{row}");
    assert!(figure(&row, "longest_gap_ms") >= 1.0 && figure(&row, "heard_percent") > 50.0, "{row}");
    assert_eq!(server.wait(server.client.health()).unwrap().peers, 0);
}

#[test]
fn who_is_refused_stays_out_and_the_others_are_measured() {
    let server = Server::with(server::config::Config { max_peers: 4, ..Default::default() }, None);
    let load = ["bench", "--peers", "6", "--talkers", "2", "--seconds", "1", "--pace", "50", "--json"];
    let row = rows(&server.run(&load).ok()).remove(0);
    let refused = &row["refused"];
    assert_eq!([&row["joined"], &refused["count"], &refused["with_retry_after"]], [4, 2, 2], "{row}");
    assert!(figure(&refused["after_ms"], "p99") > 0.0, "{row}");
    assert!(row["listeners"] == 4 && figure(&row, "heard_percent") > 50.0, "{row}");
    // Those who come and find no place are no failures of the server.
    let full = ["bench", "--peers", "4", "--seconds", "1", "--joins-per-second", "5", "--json"];
    let joins = rows(&server.run(&full).ok()).remove(0)["joins"].take();
    assert_eq!([&joins["connected"], &joins["failed"], &joins["refused"]["count"]], [0, 0, 5], "{joins}");
    assert_eq!(server.wait(server.client.health()).unwrap().peers, 0);
}
