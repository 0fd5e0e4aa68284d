//! Who is heard in a packet, for those who look into its header: CSRCs and their levels.

use audio::meter::FLOOR_DBFS;

use super::{Contributors, Member, MemberId, hearer::splitmix64};

/// The header's count has four bits (RFC 3550 §5.1).
const MOST: usize = 15;

/// A full-scale sine is 0 dBFS by AES17, and 3 dB under the overload point by RFC 6465.
const SINE_DBOV: f32 = -3.01;

/// A member's number among contributors: the same each run for the same member, and unlike those of its neighbours.
pub(super) fn csrc(member: MemberId) -> u32 {
    (splitmix64(!member.0) >> 32) as u32
}

/// The tracks in the sum of a tick, the loudest first; of many at most one more than fits.
#[derive(Default)]
pub(super) struct Loudest {
    tracks: Vec<(MemberId, u32, u8)>,
    has_levels: bool,
}

impl Loudest {
    /// Finds them for this tick. `has_levels`: lists say how loud they are.
    pub fn gather(&mut self, number: u64, members: &[Member], has_levels: bool) {
        self.has_levels = has_levels;
        self.tracks.clear();
        for member in members {
            let Some(track) = member.track.as_deref().filter(|track| track.sounds(number)) else { continue };
            let quiet = (-SINE_DBOV - track.level_dbfs).clamp(0.0, -FLOOR_DBFS);
            self.tracks.push((member.id, track.csrc, quiet as u8));
        }
        self.tracks.sort_unstable_by_key(|(id, _, quiet)| (*quiet, *id));
        self.tracks.truncate(MOST + 1);
    }

    /// Those of them who are in one mix, behind `bytes` and `csrcs`.
    pub fn list(&self, is_in: impl Fn(MemberId) -> bool, bytes: &mut Vec<u8>, csrcs: &mut Vec<u32>) -> Contributors {
        let (first_level, first_csrc) = (bytes.len(), csrcs.len());
        for (_, csrc, quiet) in self.tracks.iter().filter(|(id, ..)| is_in(*id)).take(MOST) {
            csrcs.push(*csrc);
            bytes.extend(self.has_levels.then_some(*quiet));
        }
        Contributors { csrcs: first_csrc..csrcs.len(), levels: first_level..bytes.len() }
    }
}
