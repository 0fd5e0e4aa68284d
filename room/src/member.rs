//! Who is in the room: a browser, a pushed file, a recorder, all by the same door.

use std::{fmt, sync::Arc, time::Duration};

use signaling::{Kind, TrackId, TrackPatch};
use uuid::Uuid;

use super::{
    contributors,
    hearer::Hearer,
    track::{self, Track},
};

/// One member for as long as the server runs; given by the room's owner, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u64);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Who joins, and as what.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// Who.
    pub member: MemberId,
    /// The id that the world knows: of the peer, and of its track if it talks.
    pub id: TrackId,
    /// The same over reconnects; none for members that have no such thing.
    pub client: Option<Uuid>,
    /// Where it comes from, for the event log.
    pub address: Arc<str>,
    /// Its strip; none for a member that does not talk.
    pub talks: Option<Talk>,
    /// Whether it is sent a mix.
    pub hears: bool,
}

/// The strip that a talker brings.
#[derive(Clone, Debug, PartialEq)]
pub struct Talk {
    /// What people read; none: as before if its client was here, else `guest`.
    pub name: Option<String>,
    /// Where the track comes from.
    pub kind: Kind,
    /// Where the strip begins, if not at 0 dB, centre and open, or as before.
    pub strip: TrackPatch,
    /// Milliseconds since 1970 UTC.
    pub joined_at: u64,
}

/// What matters of an RTP packet with Opus in it, any number of ms from 2.5 to 120.
#[derive(Clone, Copy, Debug)]
pub struct Rtp<'a> {
    /// Another one than before is a new stream.
    pub ssrc: u32,
    /// RTP sequence number.
    pub sequence: u16,
    /// 48 kHz (RFC 7587 §4.1).
    pub timestamp: u32,
    /// One Opus packet; not checked yet.
    pub payload: &'a [u8],
    /// A copy that a later packet brought (RFC 2198): of use only if the packet itself did not come.
    pub is_copy: bool,
}

/// One connection in the room.
pub(super) struct Member {
    pub id: MemberId,
    /// What the world calls it, and its track.
    pub peer: TrackId,
    pub client: Option<Uuid>,
    pub address: Arc<str>,
    pub track: Option<Box<Track>>,
    pub hearer: Option<Hearer>,
}

impl Member {
    /// `inherited` is the strip that the same client had before.
    pub fn new(join: Join, inherited: track::Settings, now: Duration) -> Self {
        let Join { member, id, client, address, talks, hears } = join;
        let track = talks.map(|Talk { name, kind, strip, joined_at }| {
            let strip = TrackPatch { name: name.or(strip.name), ..strip };
            Box::new(Track::new(
                id.clone(),
                kind,
                joined_at,
                contributors::csrc(member),
                inherited.patched(&strip),
                now,
            ))
        });
        Self { id: member, peer: id, client, address, track, hearer: hears.then(|| Hearer::new(member)) }
    }

    /// When this member's stream counts as dropped, or a member that only talks as gone, if nothing comes.
    pub fn times_out(&self, timeout: Duration) -> Option<Duration> {
        let track = self.track.as_ref()?;
        (track.has_stream() || self.hearer.is_none()).then(|| track.last_packet() + timeout)
    }
}
