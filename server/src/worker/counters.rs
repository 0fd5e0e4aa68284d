//! What one worker counts. The worker adds, `/metrics` reads; nothing waits.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::load::WINDOW;

/// Upper bounds of the tick-time buckets, microseconds.
pub const TICK_BUCKETS_US: [u64; 9] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 50_000];

/// The counters of one worker. All only grow, but for the gauges `peers` and `rooms`, and
/// what is said of the load.
#[derive(Debug, Default)]
pub struct Counters {
    /// How often the worker was woken, by a datagram, a step, a timer or a command.
    pub wakes: AtomicU64,
    /// Datagrams read.
    pub datagrams_in: AtomicU64,
    /// Datagrams written.
    pub datagrams_out: AtomicU64,
    /// Datagrams that belonged to no peer or made no sense.
    pub datagrams_dropped: AtomicU64,
    /// Packets that another worker did not take in time.
    pub handover_drops: AtomicU64,
    /// Share of a core used in the last window, millionths.
    pub load_ppm: AtomicU64,
    /// When that window ended, ms since the server started.
    pub load_at_ms: AtomicU64,
    /// What is left out, 0 (nothing) to 4 (new peers).
    pub shedding: AtomicU64,
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

    /// Notes how much of a core was used in a window that ends now.
    pub fn set_load(&self, load: f32, now: Duration) {
        Self::set(&self.load_ppm, (load * 1e6) as u64);
        Self::set(&self.load_at_ms, now.as_millis() as u64);
    }

    /// How much of a core it uses. Who has not measured for long has not run: what it used before counts for less then.
    pub fn load(&self, now: Duration) -> f32 {
        let load = Self::get(&self.load_ppm) as f32 / 1e6;
        let age = now.saturating_sub(Duration::from_millis(Self::get(&self.load_at_ms)));
        if age <= 2 * WINDOW { load } else { load * WINDOW.as_secs_f32() / age.as_secs_f32() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_of_who_does_not_run_any_more_fades() {
        let (counters, at) = (Counters::default(), Duration::from_secs(60));
        counters.set_load(0.5, at);
        assert_eq!(counters.load(at + Duration::from_millis(900)), 0.5);
        assert_eq!(counters.load(at + Duration::from_secs(5)), 0.05);
    }
}
