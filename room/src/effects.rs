//! What comes out of a room: packets to send, and what everybody else should know.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use signaling::{Change, LEVEL_FLOOR_DBFS, TrackId, TrackStats};

use super::{Event, MemberId};

/// What one or more calls of a room asked for, in order. The worker owns it, carries it out and calls
/// [`Effects::clear`]: its memory is used again, so that a steady tick allocates nothing.
#[derive(Debug, Default)]
pub struct Effects {
    /// Packets to send, in the order of sending.
    pub media: Vec<Media>,
    /// The Opus packets that `media` points into; hearers of one mix share theirs. Levels of contributors lie among them.
    pub bytes: Vec<u8>,
    /// The contributors that `media` points into, shared likewise.
    pub contributors: Vec<u32>,
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
        self.contributors.clear();
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

/// Who is heard in a packet: at most 15, the loudest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contributors {
    /// Where in [`Effects::contributors`] their CSRCs are (RFC 3550 §5.1).
    pub csrcs: Range<usize>,
    /// Where in [`Effects::bytes`] their levels are, in the same order, a byte each: −dBov, 0 to 127 (RFC 6465 §3).
    pub levels: Range<usize>,
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
    /// The hearer loses packets: this one may carry the one before it (RFC 2198).
    pub is_guarded: bool,
    /// Who is heard in it.
    pub contributors: Contributors,
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
        /// The largest samples since the last meters, dBFS.
        peaks: BTreeMap<TrackId, f32>,
        /// Of the mix of all.
        master: MasterMeters,
    },
    /// How the tracks' networks did in the last second.
    Stats {
        /// Of all that have sent something.
        tracks: BTreeMap<TrackId, TrackStats>,
        /// How many mixes have an encoder.
        mixes: u32,
        /// How many hearers get a lone talker's packets and no mix.
        forwarded: u32,
    },
    /// A call light.
    Alert {
        /// Whose track; none: the desk or a program.
        from: Option<TrackId>,
        /// Its name.
        name: String,
        /// Who is called; none: everybody.
        to: Option<TrackId>,
    },
    /// Words of one peer to another.
    Signal {
        /// Who says it.
        from: TrackId,
        /// To whom, and to nobody else.
        to: TrackId,
        /// As it was said.
        data: String,
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

/// Figures of the mix of all, after master and limiter. LUFS are −127 where there are none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MasterMeters {
    /// RMS of the louder channel, dBFS.
    pub level_dbfs: f32,
    /// The largest sample, dBFS.
    pub peak_dbfs: f32,
    /// How far the limiter pulls it down, dB, 0 or more.
    pub reduction_db: f32,
    /// The last 400 ms, LUFS.
    pub momentary_lufs: f32,
    /// The last 3 s, LUFS.
    pub short_term_lufs: f32,
    /// Since somebody began to look, gated, LUFS.
    pub integrated_lufs: f32,
}

impl MasterMeters {
    /// Nothing is heard; the integrated loudness stays.
    pub fn silence(integrated_lufs: f32) -> Self {
        Self {
            level_dbfs: LEVEL_FLOOR_DBFS,
            peak_dbfs: LEVEL_FLOOR_DBFS,
            reduction_db: 0.0,
            momentary_lufs: LEVEL_FLOOR_DBFS,
            short_term_lufs: LEVEL_FLOOR_DBFS,
            integrated_lufs,
        }
    }
}
