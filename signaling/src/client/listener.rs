//! The receiving half of a connection.

use std::{fmt, sync::Arc, time::Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::{State, connection::Connection};

/// One Opus packet of the mix, as it came: neither ordered nor complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP time, 48 kHz.
    pub timestamp: u32,
    /// First of a talk spurt.
    pub marker: bool,
    /// Another source, another numbering.
    pub ssrc: u32,
    /// Opus.
    pub payload: Bytes,
    /// When it was read from the connection.
    pub arrival: Instant,
}

/// Receives the room's mix. Holds up to 20 s of packets for a slow reader, then drops new ones.
pub struct Listener {
    connection: Arc<Connection>,
    incoming: mpsc::Receiver<Packet>,
    state: watch::Receiver<State>,
}

impl Listener {
    pub(super) fn new(connection: Arc<Connection>, incoming: mpsc::Receiver<Packet>) -> Self {
        let state = connection.state();
        Self { connection, incoming, state }
    }

    /// The next packet; none once the connection has ended and all that came is read.
    pub async fn next(&mut self) -> Option<Packet> {
        loop {
            if matches!(*self.state.borrow_and_update(), State::Ended(_)) {
                return self.incoming.try_recv().ok();
            }
            tokio::select! {
                packet = self.incoming.recv() => return packet,
                changed = self.state.changed() => if changed.is_err() {
                    return self.incoming.try_recv().ok();
                },
            }
        }
    }

    /// Where the connection stands, and every change of it.
    pub fn state(&self) -> watch::Receiver<State> {
        self.connection.state()
    }

    /// Hangs up by DELETE and closes the connection.
    pub async fn close(self) {
        self.connection.close().await;
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("id", &self.connection.id()).field("state", &*self.state.borrow()).finish()
    }
}
