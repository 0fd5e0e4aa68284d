//! `GET /metrics`. The only module that names metrics.
//!
//! No label ever holds a peer's id or a room's name: what clients choose must not make the number of
//! series grow. What workers count is read when it is asked for; nothing here is on the way of a packet.

use std::fmt::Write;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use signaling::AccessTimes;

use crate::worker::counters::{Counters, TICK_BUCKETS_US};

/// Upper bounds of the request-time buckets, seconds.
const REQUEST_BUCKETS_S: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];

const REQUEST_SECONDS: &str = "mixminus_http_request_duration_seconds";
const REQUESTS: &str = "mixminus_http_requests_total";
const ROOMS: &str = "mixminus_rooms";
const PEERS: &str = "mixminus_peers";
const UPTIME: &str = "mixminus_uptime_seconds";
const SOCKETS: &str = "mixminus_websockets";
const SOCKET_SNAPSHOTS: &str = "mixminus_websocket_snapshots_total";
const SOCKET_COMMANDS: &str = "mixminus_websocket_commands_total";
const LOG_DROPPED: &str = "mixminus_event_log_dropped_total";
const JOINS_REFUSED: &str = "mixminus_joins_refused_total";
const LOAD: &str = "mixminus_worker_load_ratio";
const SHEDDING: &str = "mixminus_shedding_level";
const TICK_SECONDS: &str = "mixminus_tick_duration_seconds";
/// The codec's part of the delay: ticks that decoded or encoded anything, measured around the whole tick.
const CODEC_SECONDS: &str = "mixminus_codec_duration_seconds";
/// From when a tick is due to its begin: what sound waits longer than it should.
const LATE_SECONDS: &str = "mixminus_tick_wait_seconds";
/// From the arrival of a packet to the tick that plays it: jitter buffer and wait for the tick.
const WAIT_SECONDS: &str = "mixminus_playout_wait_seconds";

/// From the key to the permission, as pages measured it. 300 ms is what 3GPP TS 22.179 §6.15.3.2 allows for 95 %.
const ACCESS_SECONDS: &str = "mixminus_floor_access_seconds";
/// From a request for the floor to its grant, in this server; only where nobody else had it.
const ANSWER_SECONDS: &str = "mixminus_floor_answer_seconds";
const ANSWER_BUCKETS_S: [f64; 8] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0];

const METADATA: Metadata<'static> = Metadata::new("mixminus", Level::INFO, None);

type Read = fn(&Counters) -> u64;

/// What each worker counts: name, meaning, where it stands. Labelled with the worker's number.
const OF_WORKERS: [(&str, &str, Read); 11] = [
    ("mixminus_datagrams_received_total", "Datagrams read from the media sockets", |c| Counters::get(&c.datagrams_in)),
    ("mixminus_datagrams_sent_total", "Datagrams written to the media sockets", |c| Counters::get(&c.datagrams_out)),
    ("mixminus_worker_wakes_total", "How often a worker was woken", |c| Counters::get(&c.wakes)),
    ("mixminus_datagrams_dropped_total", "Datagrams of no peer or without sense", |c| {
        Counters::get(&c.datagrams_dropped)
    }),
    ("mixminus_handover_drops_total", "Packets that another worker did not take in time", |c| {
        Counters::get(&c.handover_drops)
    }),
    ("mixminus_send_failures_total", "Datagrams that the kernel did not take", |c| Counters::get(&c.send_failures)),
    ("mixminus_frames_decoded_total", "Opus packets decoded", |c| Counters::get(&c.decodes)),
    ("mixminus_frames_encoded_total", "Opus packets encoded: one for each distinct mix and tick", |c| {
        Counters::get(&c.encodes)
    }),
    ("mixminus_packets_forwarded_total", "Packets of a lone talker sent as they came", |c| Counters::get(&c.forwarded)),
    ("mixminus_frames_concealed_total", "Frames concealed because a packet was missing", |c| {
        Counters::get(&c.concealed_frames)
    }),
    ("mixminus_late_ticks_total", "Ticks that began more than one frame late", |c| Counters::get(&c.late_ticks)),
];

/// All that this server counts of HTTP and WebSockets, and the page that shows it. Its series are its
/// own: several servers in one process do not mix theirs.
pub struct Metrics {
    recorder: PrometheusRecorder,
    page: PrometheusHandle,
    sockets: Gauge,
    snapshots: Counter,
    accepted: Counter,
    refused: Counter,
}

/// What the page shows besides the counters, read when it is asked for.
pub struct Now {
    /// Rooms that exist.
    pub rooms: usize,
    /// Peers connected or connecting.
    pub peers: usize,
    /// Since the server started.
    pub uptime: Duration,
    /// Lines that the event log could not write.
    pub log_dropped: u64,
    /// Joins that got 503 because there was no place, or too much to do.
    pub joins_refused: u64,
}

impl Metrics {
    /// Counts from zero.
    pub fn new() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(REQUEST_SECONDS.into()), &REQUEST_BUCKETS_S)?
            .set_buckets_for_metric(Matcher::Full(ANSWER_SECONDS.into()), &ANSWER_BUCKETS_S)?
            .set_buckets_for_metric(
                Matcher::Full(ACCESS_SECONDS.into()),
                &AccessTimes::BOUNDS_MS.map(|ms| f64::from(ms) / 1000.0),
            )?
            .build_recorder();
        let commands = |result| counter(&recorder, SOCKET_COMMANDS, vec![Label::from_static_parts("result", result)]);
        let metrics = Self {
            page: recorder.handle(),
            sockets: recorder.register_gauge(&Key::from_static_name(SOCKETS), &METADATA),
            snapshots: counter(&recorder, SOCKET_SNAPSHOTS, vec![]),
            accepted: commands("accepted"),
            refused: commands("refused"),
            recorder,
        };
        metrics.describe();
        Ok(metrics)
    }

    fn describe(&self) {
        let counter = |name: &'static str, text: &'static str| {
            self.recorder.describe_counter(KeyName::from_const_str(name), None, text.into());
        };
        let gauge = |name: &'static str, text: &'static str| {
            self.recorder.describe_gauge(KeyName::from_const_str(name), None, text.into());
        };
        for (name, text, _) in OF_WORKERS {
            counter(name, text);
        }
        counter(REQUESTS, "HTTP requests by method, route and status");
        counter(SOCKET_SNAPSHOTS, "Snapshots sent to WebSockets, the first and those after falling behind");
        counter(SOCKET_COMMANDS, "Commands that came over WebSockets");
        counter(LOG_DROPPED, "Events that the event log could not write");
        counter(JOINS_REFUSED, "Joins that got 503: no place, or too much to do");
        gauge(LOAD, "Share of a core that a worker uses");
        gauge(SHEDDING, "What a worker leaves out: 0 nothing, 1 most meters, 2 levels, 3 personal mixes, 4 new peers");
        gauge(ROOMS, "Rooms that exist");
        gauge(PEERS, "Peers connected or connecting");
        gauge(UPTIME, "Seconds since the server started");
        gauge(SOCKETS, "WebSockets open");
        for (name, text) in [
            (REQUEST_SECONDS, "Time from a request's head to its answer's"),
            (ACCESS_SECONDS, "Time from the talk key to the permission, as pages measured it"),
            (ANSWER_SECONDS, "Time from a request for a free floor to its grant, in the server"),
        ] {
            let name = KeyName::from_const_str(name);
            self.recorder.describe_histogram(name, Some(Unit::Seconds), text.into());
        }
    }

    /// One HTTP request was answered. `route` is the pattern that it matched, not its path.
    pub fn request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let route = Label::new("route", route.to_owned());
        let labels = vec![
            Label::from_static_parts("method", method_name(method)),
            route.clone(),
            Label::new("status", status.as_str().to_owned()),
        ];
        counter(&self.recorder, REQUESTS, labels).increment(1);
        let key = Key::from_parts(REQUEST_SECONDS, vec![route]);
        self.recorder.register_histogram(&key, &METADATA).record(took);
    }

    /// A page measured how long its talk key took.
    pub fn floor_access(&self, ms: u32) {
        self.histogram(ACCESS_SECONDS).record(f64::from(ms) / 1000.0);
    }

    /// A request for a free floor was granted.
    pub fn floor_answer(&self, took: Duration) {
        self.histogram(ANSWER_SECONDS).record(took);
    }

    fn histogram(&self, name: &'static str) -> Histogram {
        self.recorder.register_histogram(&Key::from_static_name(name), &METADATA)
    }

    /// A WebSocket opened; it counts as open until the guard is dropped.
    pub fn socket(&self) -> OpenSocket {
        self.sockets.increment(1);
        OpenSocket(self.sockets.clone())
    }

    /// A snapshot was sent to a WebSocket.
    pub fn snapshot(&self) {
        self.snapshots.increment(1);
    }

    /// A command came over a WebSocket and was carried out, or not.
    pub fn command(&self, accepted: bool) {
        if accepted { self.accepted.increment(1) } else { self.refused.increment(1) }
    }

    /// Sorts what has come into its buckets. To be called every few seconds, or requests pile up.
    pub fn upkeep(&self) {
        self.page.run_upkeep();
    }

    /// The page in Prometheus's text format.
    pub fn render<'a>(&self, now: &Now, workers: impl Iterator<Item = &'a Counters>) -> String {
        let workers: Vec<&Counters> = workers.collect();
        for (number, counters) in workers.iter().enumerate() {
            for (name, _, read) in OF_WORKERS {
                counter(&self.recorder, name, vec![Label::new("worker", number.to_string())]).absolute(read(counters));
            }
            let load = f64::from(counters.load(now.uptime));
            for (name, value) in [(LOAD, load), (SHEDDING, Counters::get(&counters.shedding) as f64)] {
                let key = Key::from_parts(name, vec![Label::new("worker", number.to_string())]);
                self.recorder.register_gauge(&key, &METADATA).set(value);
            }
        }
        counter(&self.recorder, LOG_DROPPED, vec![]).absolute(now.log_dropped);
        counter(&self.recorder, JOINS_REFUSED, vec![]).absolute(now.joins_refused);
        for (name, value) in [(ROOMS, now.rooms as f64), (PEERS, now.peers as f64), (UPTIME, now.uptime.as_secs_f64())]
        {
            self.recorder.register_gauge(&Key::from_static_name(name), &METADATA).set(value);
        }
        let mut page = self.page.render();
        type Of = fn(&Counters) -> (&[AtomicU64], &AtomicU64);
        let of_ticks: [(&str, &str, Of); 3] = [
            (TICK_SECONDS, "Time to mix one tick of one room", |c| (&c.tick_buckets, &c.tick_sum_us)),
            (CODEC_SECONDS, "Time to decode, mix and encode one tick of one room, where anything was", |c| {
                (&c.codec_buckets, &c.codec_sum_us)
            }),
            (LATE_SECONDS, "Time from when a tick is due to its begin", |c| (&c.late_buckets, &c.late_sum_us)),
        ];
        for (name, help, of) in of_ticks {
            render_buckets(&mut page, (name, help), &TICK_BUCKETS_US, workers.iter().map(|c| of(c)));
        }
        let waits = |c: &'a Counters| (&c.wait_buckets[..], &c.wait_sum_us);
        render_buckets(
            &mut page,
            (WAIT_SECONDS, "Time from a packet's arrival to the tick that plays it"),
            &room::WAIT_BUCKETS_US,
            workers.iter().map(|c| waits(c)),
        );
        page
    }
}

/// A WebSocket that is open.
pub struct OpenSocket(Gauge);

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

fn counter(recorder: &PrometheusRecorder, name: &'static str, labels: Vec<Label>) -> Counter {
    recorder.register_counter(&Key::from_parts(name, labels), &METADATA)
}

/// Workers sort into buckets themselves, so that a tick costs two additions.
fn render_buckets<'a>(
    page: &mut String,
    (name, help): (&str, &str),
    bounds_us: &[u64],
    workers: impl Iterator<Item = (&'a [AtomicU64], &'a AtomicU64)>,
) {
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(page, "{text}").expect("a String takes everything");
    line(format_args!("# HELP {name} {help}"));
    line(format_args!("# TYPE {name} histogram"));
    for (number, (buckets, sum_us)) in workers.enumerate() {
        let mut so_far = 0;
        for (bucket, count) in buckets.iter().enumerate() {
            so_far += Counters::get(count);
            let bound = bounds_us.get(bucket).map_or("+Inf".into(), |us| (*us as f64 / 1e6).to_string());
            line(format_args!("{name}_bucket{{worker=\"{number}\",le=\"{bound}\"}} {so_far}"));
        }
        let sum = Counters::get(sum_us) as f64 / 1e6;
        line(format_args!("{name}_sum{{worker=\"{number}\"}} {sum}"));
        line(format_args!("{name}_count{{worker=\"{number}\"}} {so_far}"));
    }
}

/// A method that is none of these is the client's invention, and no label.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now { rooms: 2, peers: 7, uptime: Duration::from_millis(1500), log_dropped: 3, joins_refused: 4 };

    #[test]
    fn the_page_shows_what_was_counted() {
        let metrics = Metrics::new().unwrap();
        metrics.request(&Method::GET, "/api/rooms/{room}", StatusCode::NOT_FOUND, Duration::from_millis(3));
        metrics.request(&Method::from_bytes(b"BREW").unwrap(), "none", StatusCode::NOT_FOUND, Duration::ZERO);
        let open = metrics.socket();
        metrics.command(false);
        let page = metrics.render(&NOW, std::iter::empty());
        for line in [
            r#"mixminus_http_requests_total{method="GET",route="/api/rooms/{room}",status="404"} 1"#,
            r#"mixminus_http_requests_total{method="other",route="none",status="404"} 1"#,
            r#"mixminus_http_request_duration_seconds_bucket{route="/api/rooms/{room}",le="0.0025"} 0"#,
            r#"mixminus_http_request_duration_seconds_bucket{route="/api/rooms/{room}",le="0.005"} 1"#,
            r#"mixminus_websocket_commands_total{result="refused"} 1"#,
            "mixminus_websockets 1",
            "mixminus_rooms 2",
            "mixminus_peers 7",
            "mixminus_uptime_seconds 1.5",
            "mixminus_event_log_dropped_total 3",
            "mixminus_joins_refused_total 4",
        ] {
            assert!(page.lines().any(|l| l == line), "{line} in\n{page}");
        }
        drop(open);
        assert!(metrics.render(&NOW, std::iter::empty()).contains("mixminus_websockets 0"));
    }

    #[test]
    fn ticks_of_each_worker_are_a_histogram() {
        let metrics = Metrics::new().unwrap();
        let worker = Counters::default();
        worker.set_load(0.25, NOW.uptime);
        Counters::set(&worker.shedding, 2);
        worker.tick(Duration::from_micros(90), Duration::ZERO, 0);
        worker.tick(Duration::from_micros(700), Duration::from_millis(21), 2);
        worker.tick(Duration::from_secs(1), Duration::ZERO, 1);
        Counters::add(&worker.wait_buckets[1], 3);
        Counters::add(&worker.wait_sum_us, 9_000);
        let page = metrics.render(&NOW, [&Counters::default(), &worker].into_iter());
        for line in [
            r#"mixminus_worker_load_ratio{worker="0"} 0"#,
            r#"mixminus_worker_load_ratio{worker="1"} 0.25"#,
            r#"mixminus_shedding_level{worker="1"} 2"#,
            r#"mixminus_tick_duration_seconds_bucket{worker="1",le="0.0001"} 1"#,
            r#"mixminus_tick_duration_seconds_bucket{worker="1",le="0.001"} 2"#,
            r#"mixminus_tick_duration_seconds_bucket{worker="1",le="+Inf"} 3"#,
            r#"mixminus_tick_duration_seconds_count{worker="1"} 3"#,
            r#"mixminus_tick_duration_seconds_sum{worker="1"} 1.00079"#,
            r#"mixminus_codec_duration_seconds_bucket{worker="1",le="0.0001"} 0"#,
            r#"mixminus_codec_duration_seconds_bucket{worker="1",le="0.001"} 1"#,
            r#"mixminus_codec_duration_seconds_count{worker="1"} 2"#,
            r#"mixminus_codec_duration_seconds_sum{worker="1"} 1.0007"#,
            r#"mixminus_tick_wait_seconds_bucket{worker="1",le="0.02"} 2"#,
            r#"mixminus_tick_wait_seconds_bucket{worker="1",le="0.05"} 3"#,
            r#"mixminus_tick_wait_seconds_sum{worker="1"} 0.021"#,
            r#"mixminus_playout_wait_seconds_bucket{worker="1",le="0.0025"} 0"#,
            r#"mixminus_playout_wait_seconds_bucket{worker="1",le="0.005"} 3"#,
            r#"mixminus_playout_wait_seconds_sum{worker="1"} 0.009"#,
            r#"mixminus_late_ticks_total{worker="1"} 1"#,
            r#"mixminus_late_ticks_total{worker="0"} 0"#,
        ] {
            assert!(page.lines().any(|l| l == line), "{line} in\n{page}");
        }
    }

    #[test]
    fn every_series_has_its_meaning() {
        let metrics = Metrics::new().unwrap();
        metrics.request(&Method::GET, "/", StatusCode::OK, Duration::ZERO);
        let page = metrics.render(&NOW, [&Counters::default()].into_iter());
        for line in page.lines().filter(|line| line.starts_with("# TYPE ")) {
            let name = line.split(' ').nth(2).unwrap();
            assert!(page.contains(&format!("# HELP {name} ")), "{name} has no HELP in\n{page}");
        }
    }
}
