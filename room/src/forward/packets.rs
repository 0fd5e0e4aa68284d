//! The packets of a forward: the pieces that lead from the mix to the first, and each to all who get them.

use std::time::Duration;

use super::{State, Talker, is_before};
use crate::{
    Contributors, Counters, Effects, Member,
    class::{CLASSES, Coding},
    hearer::{Hearer, Numbers, Source},
    mix::Pieces,
    mixing::Desk,
    ticks::Step,
    track::{Track, is_pause},
};

/// Who leaves the mix for the packets of the talker at `place`.
pub(super) struct Leaving {
    /// The tick that they heard last.
    pub step: Step,
    pub place: usize,
    /// By so many samples what they have heard lies behind what is played.
    pub delay: u32,
    /// The RTP time of their first packet.
    pub first: u32,
}

impl Leaving {
    /// Whether one who heard a mix in that tick is among them.
    fn is_among(&self, hearer: &Hearer, delay: u32) -> bool {
        let is_plain = matches!(hearer.heard(), Some(Source::Common | Source::Own));
        is_plain && hearer.heard_in(self.step.number) && hearer.coding().shift as u32 + delay == self.delay
    }
}

impl Desk {
    /// Fills what is left between the mix and the first packet.
    pub(super) fn send_rest(
        &mut self,
        leaving: &Leaving,
        rest: usize,
        frame: &audio::Frame,
        members: &mut [Member],
        counters: &mut Counters,
        effects: &mut Effects,
    ) {
        if rest == 0 {
            return;
        }
        let (place, delay) = (leaving.place, self.delay());
        let mut common = frame.clone();
        if let Some(mix) = self.common.as_deref() {
            mix.limit_rest(&mut common);
        }
        let first = effects.contributors.len();
        effects.contributors.extend(members[place].track.as_deref().map(|track| track.csrc));
        let contributors = Contributors { csrcs: first..effects.contributors.len(), levels: 0..0 };
        // They differ by their class alone.
        let mut shared: [Option<(Coding, Pieces)>; CLASSES] = Default::default();
        for at in 0..members.len() {
            if !self.can_be_relayed(at, place, members) {
                continue;
            }
            let Member { id, hearer: Some(hearer), track, .. } = &mut members[at] else { continue };
            if !leaving.is_among(hearer, delay) {
                continue;
            }
            let coding = hearer.coding();
            let own = track.as_deref_mut().and_then(|track| track.own.as_deref_mut());
            let pieces = if hearer.heard() == Some(Source::Common) {
                let Some(mix) = self.common.as_deref_mut() else { continue };
                let bytes = &mut effects.bytes;
                let known = shared[coding.class as usize].take().filter(|(known, _)| *known == coding);
                let (_, pieces) =
                    known.unwrap_or_else(|| (coding, mix.encode_rest(coding, &common, rest, bytes, counters)));
                shared[coding.class as usize] = Some((coding, pieces.clone()));
                pieces
            } else if let Some(mix) = own {
                let mut own = frame.clone();
                mix.limit_rest(&mut own);
                let pieces = mix.encode_rest(coding, &own, rest, &mut effects.bytes, counters);
                mix.end();
                pieces
            } else {
                continue;
            };
            for (samples, payload) in pieces.into_iter().flatten() {
                effects.media.push(hearer.piece(*id, samples, (payload, contributors.clone())));
                counters.sent += 1;
            }
        }
    }

    /// The talker's packets from where the mix has come to.
    pub(super) fn begin_behind_mix(
        &mut self,
        leaving: &Leaving,
        now: Duration,
        members: &mut [Member],
        counters: &mut Counters,
        effects: &mut Effects,
    ) {
        let Leaving { step, place, first, .. } = *leaving;
        let (id, delay, is_on) = (members[place].id, self.delay(), self.forward.is_on());
        let Some(numbers) = members[place]
            .track
            .as_deref()
            .and_then(|track| track.relay()?.since(first).next())
            .map(|kept| Numbers { sequence: kept.sequence, timestamp: kept.timestamp, samples: kept.samples as u32 })
        else {
            return;
        };
        self.relay_to_all(place, members, |hearer| match hearer.heard_in(step.number) {
            true => leaving.is_among(hearer, delay).then_some(Some(numbers)),
            false => (!is_on).then_some(None),
        });
        let Some(track) = members[place].track.take() else { return };
        let mut talker = Talker { id, end: first, at: now, is_pausing: false };
        let media_time = step.media_time as u32 + self.length.samples() as u32;
        for kept in track.relay().into_iter().flat_map(|relay| relay.since(first)) {
            let numbers = Numbers { sequence: kept.sequence, timestamp: kept.timestamp, samples: kept.samples as u32 };
            talker.end = kept.end();
            talker.is_pausing = is_pause(&kept.payload);
            let is_to = |hearer: &Hearer| !is_on || hearer.is_yet_to_get(numbers);
            send((numbers, Some(track.csrc)), &kept.payload, media_time, members, is_to, counters, effects);
        }
        members[place].track = Some(track);
        if !is_on {
            self.forward.state = State::On(talker);
        }
    }
}

/// Sends one of the talker's packets to all who get them, each with its own numbers.
pub(super) fn send(
    (numbers, csrc): (Numbers, Option<u32>),
    payload: &[u8],
    media_time: u32,
    members: &mut [Member],
    is_to: impl Fn(&Hearer) -> bool,
    counters: &mut Counters,
    effects: &mut Effects,
) {
    let start = effects.bytes.len();
    effects.bytes.extend_from_slice(payload);
    let range = start..effects.bytes.len();
    let first = effects.contributors.len();
    effects.contributors.extend(csrc);
    // How loud he is nobody has measured.
    let contributors = Contributors { csrcs: first..effects.contributors.len(), levels: 0..0 };
    for member in members.iter_mut() {
        let Some(hearer) = member.hearer.as_mut().filter(|hearer| hearer.is_relayed && is_to(hearer)) else { continue };
        if hearer.parts.is_some_and(|(end, _)| !is_before(numbers.timestamp, end)) {
            continue;
        }
        if let Some(media) = hearer.relayed(member.id, numbers, media_time, (range.clone(), contributors.clone())) {
            effects.media.push(media);
            counters.sent += 1;
            counters.forwarded += 1;
        }
    }
}

/// The first packet at or after an RTP time, and whether it is of a speech mode; none if it, or any behind it, has not
/// come.
pub(super) fn next_packet(track: &Track, heard: u32) -> Option<(u32, bool)> {
    let mut packets = track.relay()?.since(heard);
    let first = packets.next()?;
    let mut end = first.end();
    for packet in packets {
        if packet.timestamp != end {
            return None;
        }
        end = packet.end();
    }
    Some((first.timestamp, first.is_speech))
}
