//! What the desk shows of a track besides its strip: its peak, and how its network does.

use std::time::Duration;

use audio::Stats;
use signaling::{LEVEL_FLOOR_DBFS, TrackStats};

/// Figures of one track for those who look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    /// The largest sample since the last meters, before the fader, dBFS.
    pub peak_dbfs: f32,
    /// To the server and back, as the peer's page measured it.
    pub rtt_ms: Option<f32>,
    /// Packets that came and that did not, when the last figures were made.
    received: u64,
    missing: u64,
}

impl Default for Watched {
    fn default() -> Self {
        Self { peak_dbfs: LEVEL_FLOOR_DBFS, rtt_ms: None, received: 0, missing: 0 }
    }
}

impl Watched {
    /// The figures since they were last asked for.
    pub fn figures(&mut self, stats: &Stats, auto_gain_db: Option<f32>) -> TrackStats {
        let received = stats.received.saturating_sub(self.received);
        // What was missing may have come late and be no longer missing.
        let missing = stats.missing.saturating_sub(self.missing);
        (self.received, self.missing) = (stats.received, stats.missing);
        let loss = missing as f32 / (received + missing).max(1) as f32;
        TrackStats {
            loss_percent: tenth(100.0 * loss),
            jitter_ms: tenth(ms(stats.jitter)),
            delay_ms: tenth(ms(stats.delay)),
            rtt_ms: self.rtt_ms,
            auto_gain_db: auto_gain_db.map(tenth),
            ..TrackStats::default()
        }
    }

    /// The largest sample since it was last asked for, dBFS.
    pub fn take_peak(&mut self) -> f32 {
        std::mem::replace(&mut self.peak_dbfs, LEVEL_FLOOR_DBFS)
    }
}

fn ms(time: Duration) -> f32 {
    time.as_secs_f32() * 1000.0
}

/// More digits than one say nothing.
pub(super) fn tenth(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}
