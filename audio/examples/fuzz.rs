//! `cargo run --release -p mixminus-audio --example fuzz -- [packets] [seed]`: hostile packets into a
//! talker, ten million by default. It ends with a line of figures, or with the panic that it found.
#![allow(unsafe_code, clippy::print_stdout, clippy::expect_used)] // A counting allocator cannot be written without.

#[path = "../tests/support/counting.rs"]
mod counting;
#[path = "../tests/support/fuzz.rs"]
mod fuzz;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|word| word.parse().expect("a number"));
    let packets = arguments.next().unwrap_or(10_000_000);
    let seed = arguments.next().unwrap_or(1);
    let report = fuzz::run(packets, seed, counting::live_bytes);
    let (stats, kilobytes) = (report.stats, report.most_bytes / 1024);
    println!(
        "{} packets, {} ticks: {} taken, {} malformed, restored by FEC {}, DRED {}, copies {}; at most {kilobytes} kB",
        report.packets,
        report.ticks,
        stats.received,
        stats.malformed,
        stats.recovered_by_fec,
        stats.recovered_by_dred,
        stats.recovered_by_red,
    );
    assert!(report.most_bytes < fuzz::MOST_BYTES, "memory is bounded");
}
