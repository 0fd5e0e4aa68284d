//! Measurements as a table and as a graph.

use super::load::Row;
use super::visits::{Refusals, Spread};

/// Over the columns of [`line`].
pub const HEAD: &str = "ROOMS  PEERS  TALKERS  JOIN s   LOSS %  HEARD %   dBFS   CPU %  ms/PEER/s      MB  kB/PEER  TICK p99.9 ms  CLIENT CPU %";
/// Of a bar, in characters.
const WIDTH: f64 = 50.0;

/// One measurement. `-` is what nobody told.
pub fn line(row: &Row) -> String {
    let server = |value: fn(&super::load::Server) -> f64| row.server.as_ref().map(value);
    let tick = match (row.tick_p999_ms, row.ticks) {
        (Some(ms), _) => format!("<={ms}"),
        (None, Some(1..)) => "over 50".into(),
        _ => "-".into(),
    };
    format!(
        "{:>5}  {:>5}  {:>7}  {:>6.1}  {:>7.3}  {:>7}  {:>5}  {:>6}  {:>9}  {:>6}  {:>7}  {:>13}  {:>12.1}",
        row.shape.rooms,
        row.shape.peers,
        row.shape.talkers,
        row.join_s,
        row.loss_percent,
        number(row.heard_percent, 1),
        number(row.level_dbfs, 1),
        number(server(|server| server.cpu_percent), 1),
        number(server(|server| server.cpu_ms_per_peer_s), 3),
        number(server(|server| server.rss_mb), 1),
        number(server(|server| server.rss_kb_each), 0),
        tick,
        row.client_cpu_percent,
    )
}

/// Those who were refused, and those who came and went, if there were such.
pub fn comers(row: &Row) -> Vec<String> {
    let mut lines = Vec::new();
    let spread = |times: &Spread| format!("p50 {} p99 {} max {} ms", times.p50, times.p99, times.max);
    let refused = |refused: &Refusals| {
        format!(
            "{} refused by 503 ({} with Retry-After): {}",
            refused.count,
            refused.with_retry_after,
            spread(&refused.after_ms)
        )
    };
    if let Some(joins) = &row.joins {
        lines.push(format!("{} joins: {} connected, {} failed", joins.asked, joins.connected, joins.failed));
        lines.extend(joins.failure.clone());
        lines.push(format!("answered: {}", spread(&joins.answer_ms)));
        lines.push(format!("connected: {}", spread(&joins.connected_ms)));
        lines.push(refused(&joins.refused));
    }
    lines.extend(row.refused.as_ref().map(|refusals| {
        let at_once =
            row.joined_at_once.map_or(String::new(), |joined| format!(" ({joined} before the first refusal)"));
        format!("{} joined{at_once}, {}", row.joined, refused(refusals))
    }));
    if !lines.is_empty() {
        lines.extend(row.longest_gap_ms.map(|gap| format!("longest gap of those who stayed: {gap} ms")));
    }
    lines.into_iter().map(|line| format!("    {line}")).collect()
}

fn number(value: Option<f64>, places: usize) -> String {
    value.map_or("-".into(), |value| format!("{value:.places$}"))
}

/// A bar for each measurement: the server's processor time for each peer and second, where it is known, else what was lost.
pub fn graph(rows: &[Row]) -> Vec<String> {
    let cpu = |row: &Row| row.server.as_ref().map(|server| server.cpu_ms_per_peer_s);
    let (title, value): (_, &dyn Fn(&Row) -> f64) = if rows.iter().all(|row| cpu(row).is_some()) {
        ("ms of the server's CPU for each peer and second", &|row| cpu(row).unwrap_or_default())
    } else {
        ("lost packets, %", &|row| row.loss_percent)
    };
    let most = rows.iter().map(value).fold(f64::MIN_POSITIVE, f64::max);
    let bars = rows.iter().map(|row| {
        let name = format!("{}x{}x{}", row.shape.rooms, row.shape.peers, row.shape.talkers);
        let bar = "█".repeat((value(row) / most * WIDTH).round() as usize);
        format!("{name:>14} │{bar} {:.3}", value(row))
    });
    [String::new(), title.to_owned()].into_iter().chain(bars).collect()
}
