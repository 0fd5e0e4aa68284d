//! A little of what `examples/fuzz.rs` does at length.
#![allow(unsafe_code, clippy::expect_used)] // A counting allocator cannot be written without.

#[path = "support/counting.rs"]
mod counting;
#[path = "support/fuzz.rs"]
mod fuzz;

#[test]
fn hostile_packets_break_nothing_and_take_bounded_memory() {
    let report = fuzz::run(60_000, 7, counting::live_bytes);
    let stats = report.stats;
    assert!(stats.received > 20_000 && stats.malformed > 1_000 && report.ticks > 20_000);
    assert!(stats.recovered_by_fec > 0 && stats.recovered_by_dred > 0 && stats.recovered_by_red > 0, "{stats:?}");
    assert!(report.most_bytes < fuzz::MOST_BYTES, "{}", report.most_bytes);
}
