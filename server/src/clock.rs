//! The one place that reads the clocks. Everything below the worker gets the time as an argument.
#![expect(clippy::disallowed_methods, reason = "the one place that reads the clocks")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The server's monotonic clock: durations since the server started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts at zero now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Time since the start.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The same moment as the standard library has it, for code that asks for an `Instant`.
    pub fn instant(&self, since_start: Duration) -> Instant {
        self.start + since_start
    }
}

/// Since 1970 UTC, as the kernel notes when a datagram came. It may jump.
pub fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Milliseconds since 1970 UTC. Only for names, logs and what people read.
pub fn wall_clock_ms() -> u64 {
    since_1970().as_millis() as u64
}
