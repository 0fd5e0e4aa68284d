//! What comes out of a room: packets to send, and what everybody else should know.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use signaling::{Change, TrackId};

use super::{Event, MemberId};

/// What one or more calls of a room asked for, in order. The worker owns it, carries it out and calls
/// [`Effects::clear`]: its memory is used again, so that a steady tick allocates nothing.
#[derive(Debug, Default)]
pub struct Effects {
    /// Packets to send, in the order of sending.
    pub media: Vec<Media>,
    /// The Opus packets that `media` points into; hearers of one mix share theirs.
    pub bytes: Vec<u8>,
    /// Everything that is not media.
    pub control: Vec<Effect>,
}

impl Effects {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets what was carried out; keeps the memory.
    pub fn clear(&mut self) {
        self.media.clear();
        self.bytes.clear();
        self.control.clear();
    }

    /// Whether there is nothing to carry out.
    pub fn is_empty(&self) -> bool {
        self.media.is_empty() && self.control.is_empty()
    }

    /// The Opus packet of one of `self.media`; empty if `media` is older than the last `clear`.
    pub fn payload(&self, media: &Media) -> &[u8] {
        self.bytes.get(media.payload.clone()).unwrap_or_default()
    }
}

/// One RTP packet to one hearer. SSRC and payload type are the peer's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Who hears it.
    pub to: MemberId,
    /// One more than that of the packet before to this hearer, wrapping.
    pub sequence: u16,
    /// 48 kHz, grows with media time also over a pause, wrapping.
    pub timestamp: u32,
    /// The first packet after a pause (RFC 3551 §4.1).
    pub marker: bool,
    /// Where in [`Effects::bytes`].
    pub payload: Range<usize>,
}

/// What a room asks for besides media.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The state went to `version`, by these changes, at least one.
    Patch {
        /// One more than that of the patch before.
        version: u64,
        /// In order.
        changes: Vec<Change>,
    },
    /// How loud it is now. Who is missing is silent.
    Meters {
        /// Before the fader, dBFS, RMS of the louder channel.
        levels: BTreeMap<TrackId, f32>,
        /// The mix of all after master and limiter, dBFS.
        master_dbfs: f32,
    },
    /// One line of the event log.
    Event {
        /// Who caused it.
        address: Arc<str>,
        /// What happened.
        event: Event,
    },
    /// The room has let go of this member: close its connection. A later `leave` of it does nothing.
    HangUp {
        /// Whose connection.
        member: MemberId,
        /// In words, for the log.
        reason: Arc<str>,
    },
}
