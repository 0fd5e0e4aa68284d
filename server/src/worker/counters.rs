//! What one worker counts. The worker adds, `/metrics` reads; nothing waits.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the tick-time buckets, microseconds.
pub const TICK_BUCKETS_US: [u64; 9] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 50_000];

/// The counters of one worker. All only grow, but for the gauges `peers`, `rooms` and `tracks`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Datagrams read.
    pub datagrams_in: AtomicU64,
    /// Datagrams written.
    pub datagrams_out: AtomicU64,
    /// Datagrams that belonged to no peer or made no sense.
    pub datagrams_dropped: AtomicU64,
    /// Datagrams that the kernel did not take.
    pub send_failures: AtomicU64,
    /// Opus packets decoded.
    pub decodes: AtomicU64,
    /// Opus packets encoded: one for each distinct mix and tick.
    pub encodes: AtomicU64,
    /// Frames that were concealed.
    pub concealed_frames: AtomicU64,
    /// Peers on this worker now.
    pub peers: AtomicU64,
    /// Rooms on this worker now.
    pub rooms: AtomicU64,
    /// How many ticks took at most each of [`TICK_BUCKETS_US`], then the rest.
    pub tick_buckets: [AtomicU64; TICK_BUCKETS_US.len() + 1],
    /// The sum of all ticks, microseconds.
    pub tick_sum_us: AtomicU64,
    /// Packets handed on as they came.
    pub forwarded: AtomicU64,
    /// How long sound waited, by [`room::WAIT_BUCKETS_US`], then the rest.
    pub wait_buckets: [AtomicU64; room::WAIT_BUCKETS_US.len() + 1],
    /// All of that, microseconds.
    pub wait_sum_us: AtomicU64,
    /// Ticks that began more than one frame late.
    pub late_ticks: AtomicU64,
}

impl Counters {
    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Relaxed);
    }

    /// Sets a gauge.
    pub fn set(gauge: &AtomicU64, n: u64) {
        gauge.store(n, Relaxed);
    }

    /// Reads either.
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Relaxed)
    }

    /// Notes one tick of one room.
    pub fn tick(&self, took: Duration, late: Duration) {
        let us = took.as_micros() as u64;
        let bucket = TICK_BUCKETS_US.iter().position(|bound| us <= *bound).unwrap_or(TICK_BUCKETS_US.len());
        Self::add(&self.tick_buckets[bucket], 1);
        Self::add(&self.tick_sum_us, us);
        if late > audio::FRAME_TIME {
            Self::add(&self.late_ticks, 1);
        }
    }
}
