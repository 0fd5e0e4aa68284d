//! What those who look at the desk see move: levels, loudness, and how the networks do. Nobody looks: nothing is
//! measured.

use std::{collections::BTreeMap, time::Duration};

use audio::{FrameLength, LoudnessMeter, level_dbfs, peak_dbfs};
use signaling::{LEVEL_FLOOR_DBFS, TrackStats};

use super::{Effect, Effects, Member, MemberId, effects::MasterMeters, mix::Mix, stats::tenth};

/// How often meters go out.
const METERS_EVERY: Duration = Duration::from_millis(40);
/// How often figures of the networks do.
const STATS_EVERY: Duration = Duration::from_secs(1);

/// The meters of a room.
#[derive(Default)]
pub(super) struct Meters {
    /// Of the mix of all, since somebody began to look.
    loudness: Option<Box<LoudnessMeter>>,
    /// The last ones showed something.
    shown: bool,
}

impl Meters {
    /// Shows the levels, of those times that are due one in `every`, and once that all is silent. `common` is the mix of all, if it is heard. Says whether it
    /// has yet to show that.
    pub fn tick(
        &mut self,
        watched: bool,
        (number, length, every): (u64, FrameLength, u64),
        members: &mut [Member],
        common: Option<&Mix>,
        (mixes, talker): (usize, Option<MemberId>),
        effects: &mut Effects,
    ) -> bool {
        if !watched {
            if let Some(loudness) = self.loudness.take_if(|_| self.shown) {
                // Who looks on, at meters that are shed, must not see the last ones stand for ever.
                let master = MasterMeters::silence(tenth(loudness.integrated_lufs()));
                effects.control.push(Effect::Meters { levels: BTreeMap::new(), peaks: BTreeMap::new(), master });
            }
            (self.loudness, self.shown) = (None, false);
            return false;
        }
        let loudness = self.loudness.get_or_insert_default();
        if let Some(common) = common {
            loudness.add(common.frame());
        }
        for track in members.iter_mut().filter_map(|m| m.track.as_deref_mut()) {
            if track.level_dbfs > LEVEL_FLOOR_DBFS {
                track.watched.peak_dbfs = track.watched.peak_dbfs.max(peak_dbfs(track.pre()));
            }
        }
        if number.is_multiple_of(length.count(METERS_EVERY) * every) {
            let shows = self.show(members, common, effects);
            if number.is_multiple_of(length.count(STATS_EVERY)) || !shows {
                show_stats(members, mixes, talker, effects);
            }
        }
        self.shown
    }

    /// Says whether there was anything to show, or to take back.
    fn show(&mut self, members: &mut [Member], common: Option<&Mix>, effects: &mut Effects) -> bool {
        let (mut levels, mut peaks) = (BTreeMap::new(), BTreeMap::new());
        for track in members.iter_mut().filter_map(|m| m.track.as_deref_mut()) {
            let peak = track.watched.take_peak();
            if track.level_dbfs > LEVEL_FLOOR_DBFS {
                levels.insert(track.id.clone(), track.level_dbfs);
                peaks.insert(track.id.clone(), peak);
            }
        }
        let Some(loudness) = self.loudness.as_deref() else { return false };
        let integrated_lufs = tenth(loudness.integrated_lufs());
        let master = common.map_or(MasterMeters::silence(integrated_lufs), |common| MasterMeters {
            level_dbfs: level_dbfs(common.frame()),
            peak_dbfs: peak_dbfs(common.frame()),
            reduction_db: tenth(common.reduction_db()),
            momentary_lufs: tenth(loudness.momentary_lufs()),
            short_term_lufs: tenth(loudness.short_term_lufs()),
            integrated_lufs,
        });
        let is_heard = !levels.is_empty() || master.level_dbfs > LEVEL_FLOOR_DBFS;
        let shows = is_heard || self.shown;
        if shows {
            effects.control.push(Effect::Meters { levels, peaks, master });
        }
        self.shown = is_heard;
        shows && is_heard
    }
}

fn show_stats(members: &mut [Member], mixes: usize, talker: Option<MemberId>, effects: &mut Effects) {
    let is_relayed = |member: &Member| member.hearer.as_ref().is_some_and(|hearer| hearer.is_relayed);
    let forwarded = members.iter().filter(|member| is_relayed(member)).count() as u32;
    let of_track = |member: &mut Member| {
        let hears_forwarded = is_relayed(member);
        let track = member.track.as_deref_mut()?;
        let figures = track.watched.figures(&track.stats()?, track.auto_gain_db());
        let is_forwarded = forwarded > 0 && talker == Some(member.id);
        Some((track.id.clone(), TrackStats { forwarded: is_forwarded, hears_forwarded, ..figures }))
    };
    let tracks: BTreeMap<_, _> = members.iter_mut().filter_map(of_track).collect();
    if !tracks.is_empty() {
        effects.control.push(Effect::Stats { tracks, mixes: mixes as u32, forwarded });
    }
}
