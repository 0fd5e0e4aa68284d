//! The sending half of a connection.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use rtc::rtp::header::Header;
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    SendStats, State,
    connection::{Connection, Outgoing},
};

/// Why a packet was not sent: the connection is over, join again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the connection has ended: {0}")]
pub struct SendError(pub String);

/// Sends one track of Opus packets. Dropped without [`Publisher::close`] it leaves the room when
/// the server's ICE time-out finds it gone.
pub struct Publisher {
    connection: Arc<Connection>,
    outgoing: Outgoing,
    state: watch::Receiver<State>,
    clock: Clock,
}

impl Publisher {
    pub(super) fn new(connection: Arc<Connection>, outgoing: Outgoing) -> Self {
        let random = Uuid::new_v4().as_u128();
        // Random starts, as RFC 3550 §5.1 wants them.
        let clock = Clock { sequence: random as u16, timestamp: (random >> 16) as u32, pause: true };
        let state = connection.state();
        Self { connection, outgoing, state, clock }
    }

    /// Sends one Opus packet that holds `samples` samples per channel at 48 kHz (960 for 20 ms). The
    /// first one, and the first after [`Publisher::skip`], has the marker bit (RFC 3551 §4.1).
    pub async fn send(&mut self, opus: Bytes, samples: u32) -> Result<(), SendError> {
        if let State::Ended(reason) = &*self.state.borrow() {
            return Err(SendError(reason.clone()));
        }
        let header = self.clock.next(samples);
        self.outgoing.send(header, opus).await.map_err(SendError)
    }

    /// Lets `samples` samples of media time pass in silence, with no packet: the next one starts a
    /// talk spurt.
    pub fn skip(&mut self, samples: u32) {
        self.clock.skip(samples);
    }

    /// Where the connection stands, and every change of it.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// What the server reports of our packets; it does so about once a second.
    pub fn stats(&self) -> SendStats {
        self.connection.reports.lock().expect("no code panics while it holds the reports").stats()
    }

    /// The id of our track.
    pub fn id(&self) -> &str {
        self.connection.id()
    }

    /// Hangs up by DELETE and closes the connection; the track is gone when this returns.
    pub async fn close(self) {
        self.connection.close().await;
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("id", &self.id()).field("clock", &self.clock).finish()
    }
}

/// Numbers packets: pure.
#[derive(Debug)]
struct Clock {
    sequence: u16,
    timestamp: u32,
    /// The next packet is the first after a pause.
    pause: bool,
}

impl Clock {
    fn next(&mut self, samples: u32) -> Header {
        let header = Header {
            marker: std::mem::take(&mut self.pause),
            sequence_number: self.sequence,
            timestamp: self.timestamp,
            ..Default::default()
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples);
        header
    }

    fn skip(&mut self, samples: u32) {
        self.timestamp = self.timestamp.wrapping_add(samples);
        self.pause = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_run_on_over_their_ends_and_a_pause_moves_time_alone() {
        let mut clock = Clock { sequence: u16::MAX, timestamp: u32::MAX - 959, pause: true };
        let header = |clock: &mut Clock| {
            let h = clock.next(960);
            (h.sequence_number, h.timestamp, h.marker)
        };
        assert_eq!(header(&mut clock), (u16::MAX, u32::MAX - 959, true));
        assert_eq!(header(&mut clock), (0, 0, false));
        clock.skip(4_800);
        assert_eq!(header(&mut clock), (1, 960 + 4_800, true));
    }
}
