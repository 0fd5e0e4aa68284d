//! From the packets to the mix: one hearer whose network does not carry them any more while the others go on getting
//! them, or all.

use super::{State, to_go};
use crate::{Counters, Member, MemberId, hearer::Hearer, mix::PHASES, mixing::Desk, track::Track};

/// His mix may begin with so much less in the buffer than what is usual for his network, in samples: 4 ms. It is less than by
/// what a mix lies behind what is played ([`Desk::delay`]), so that what its first frame needs has come.
const EARLY: i32 = 192;

impl Desk {
    /// Whose network does not carry the packets any more hears the mix, as soon as it can go on where his last packet
    /// ended.
    pub(super) fn part(&mut self, number: u64, members: &mut [Member], counters: &mut Counters) {
        let (State::On(talker) | State::Ending { talker, .. }) = self.forward.state else { return };
        let Some(place) = members.iter().position(|member| member.id == talker.id) else { return };
        if matches!(self.forward.state, State::On(_)) {
            let until = self.latest(number, members[place].track.as_deref());
            let falls = |hearer: &&mut Hearer| hearer.is_relayed && !hearer.reports.class().carries_packets();
            for hearer in members.iter_mut().filter_map(|m| m.hearer.as_mut()).filter(falls) {
                hearer.parts.get_or_insert((talker.end, until));
            }
        }
        let delay = self.delay();
        while let Some((end, until)) = members.iter().filter_map(|m| m.hearer.as_ref()?.parts).next() {
            let ahead = members[place].track.as_deref().and_then(Track::next_timestamp);
            let ahead = ahead.map(|next| to_go(next, end.wrapping_add(delay)));
            let is_mixed = is_mixed(talker.id, members);
            if !is_ready(ahead, is_mixed) && number < until {
                return;
            }
            let shift = is_mixed.then(|| self.shift_of(ahead, members));
            let Some(mut track) = members[place].track.take() else { return };
            let shift = self.take_up(end, &mut track, number, shift, counters);
            members[place].track = Some(track);
            let parts = |hearer: &&mut Hearer| hearer.parts.is_some_and(|(other, _)| other == end);
            let parting = members.iter_mut().filter_map(|m| m.hearer.as_mut()).filter(parts);
            parting.for_each(|hearer| hearer.mix_again(Some((number, shift))));
        }
    }

    /// By how many samples packets that go on where a talker's ended, `ahead` of what is played next, lie before the
    /// frames of a mix that is heard already.
    pub(super) fn shift_of(&self, ahead: Option<i32>, members: &[Member]) -> usize {
        let shift = ahead.map_or(0, |ahead| (-ahead).clamp(0, self.length.samples() as i32 - 1) as usize);
        let mut known = [0; PHASES];
        let mut count = 1;
        for hearer in members.iter().filter_map(|m| m.hearer.as_ref()).filter(|hearer| !hearer.is_relayed) {
            let other = hearer.coding().shift;
            if count < PHASES && !known[..count].contains(&other) {
                known[count] = other;
                count += 1;
            }
        }
        // One more would cost an encode more for good: it jumps to the nearest.
        let nearest = || known.into_iter().min_by_key(|other| other.abs_diff(shift)).unwrap_or(0);
        if count < PHASES || known.contains(&shift) { shift } else { nearest() }
    }

    /// The mix of all goes on at the RTP time `end` of the talker's: by how many samples before its frame, if somebody
    /// hears him played already; else he is played from there on.
    pub(super) fn take_up(
        &mut self,
        end: u32,
        track: &mut Track,
        number: u64,
        shift: Option<usize>,
        counters: &mut Counters,
    ) -> usize {
        let (start, length) = (end.wrapping_add(self.delay()), self.length);
        let Some(common) = self.ensure_common() else { return 0 };
        if let Some(shift) = shift.filter(|_| common.follows(number)) {
            return shift;
        }
        common.preroll(number, track.rejoin(start, number, length, counters));
        if track.is_held_back() {
            track.farewell();
        }
        0
    }
}

/// Whether somebody but the talker hears a mix of him.
pub(super) fn is_mixed(talker: MemberId, members: &[Member]) -> bool {
    members.iter().filter(|m| m.id != talker).filter_map(|m| m.hearer.as_ref()).any(Hearer::is_mixed)
}

/// Whether a mix may go on where a packet ended, so far ahead of what is played next. `is_mixed`: what is played is heard.
pub(super) fn is_ready(ahead: Option<i32>, is_mixed: bool) -> bool {
    ahead.is_some_and(|ahead| ahead <= if is_mixed { 0 } else { EARLY })
}
