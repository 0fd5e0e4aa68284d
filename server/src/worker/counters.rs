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
    /// How many ticks with codec work took at most each of [`TICK_BUCKETS_US`], then the rest. It is taken around the
    /// room's whole step, which reads no clock: decoding, mixing and encoding of all, some µs of it neither.
    pub codec_buckets: [AtomicU64; TICK_BUCKETS_US.len() + 1],
    /// The sum of those, microseconds.
    pub codec_sum_us: AtomicU64,
    /// How many ticks began at most each of [`TICK_BUCKETS_US`] after they were due, then the rest.
    pub late_buckets: [AtomicU64; TICK_BUCKETS_US.len() + 1],
    /// The sum of that, microseconds.
    pub late_sum_us: AtomicU64,
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

    /// Notes one tick of one room, in which so many frames were decoded and encoded.
    pub fn tick(&self, took: Duration, late: Duration, codec_frames: u64) {
        sort(took, &self.tick_buckets, &self.tick_sum_us);
        sort(late, &self.late_buckets, &self.late_sum_us);
        if codec_frames > 0 {
            sort(took, &self.codec_buckets, &self.codec_sum_us);
        }
        if late > audio::FRAME_TIME {
            Self::add(&self.late_ticks, 1);
        }
    }
}

fn sort(time: Duration, buckets: &[AtomicU64; TICK_BUCKETS_US.len() + 1], sum_us: &AtomicU64) {
    let us = time.as_micros() as u64;
    let bucket = TICK_BUCKETS_US.iter().position(|bound| us <= *bound).unwrap_or(TICK_BUCKETS_US.len());
    Counters::add(&buckets[bucket], 1);
    Counters::add(sum_us, us);
}
