//! The packets of a forward: the pieces that lead from the mix to the first, and each to all who get them.

use std::time::Duration;

use super::{State, Talker};
use crate::{
    Contributors, Counters, Effects, Member,
    class::CLASSES,
    hearer::{Hearer, Numbers, Source},
    mix::Pieces,
    mixing::Desk,
    ticks::Step,
    track::{Track, is_pause},
};

impl Desk {
    /// Fills what is left between the mix and the first packet.
    #[expect(clippy::too_many_arguments, reason = "one step of the tick, with all that a tick works on")]
    pub(super) fn send_rest(
        &mut self,
        number: u64,
        rest: usize,
        frame: &audio::Frame,
        place: usize,
        members: &mut [Member],
        counters: &mut Counters,
        effects: &mut Effects,
    ) {
        if rest == 0 {
            return;
        }
        let is_sent = |hearer: &Hearer, source| hearer.heard() == Some(source) && hearer.heard_in(number);
        let mut common = frame.clone();
        if let Some(mix) = self.common.as_deref_mut() {
            mix.limit_rest(&mut common);
        }
        let first = effects.contributors.len();
        effects.contributors.extend(members[place].track.as_deref().map(|track| track.csrc));
        let contributors = Contributors { csrcs: first..effects.contributors.len(), levels: 0..0 };
        let mut shared: [Option<Pieces>; CLASSES] = Default::default();
        for at in (0..members.len()).filter(|at| *at != place) {
            let Member { id, hearer: Some(hearer), track, .. } = &mut members[at] else { continue };
            let class = hearer.reports.class();
            let pieces = if is_sent(hearer, Source::Common) {
                let Some(mix) = self.common.as_deref_mut() else { continue };
                let known = shared[class as usize].take();
                let pieces =
                    known.unwrap_or_else(|| mix.encode_rest(class, &common, rest, &mut effects.bytes, counters));
                shared[class as usize] = Some(pieces.clone());
                pieces
            } else if is_sent(hearer, Source::Own)
                && let Some(mix) = track.as_deref_mut().and_then(|track| track.own.as_deref_mut())
            {
                let mut own = frame.clone();
                mix.limit_rest(&mut own);
                mix.encode_rest(class, &own, rest, &mut effects.bytes, counters)
            } else {
                continue;
            };
            for (samples, payload) in pieces.into_iter().flatten() {
                effects.media.push(hearer.piece(*id, samples, (payload, contributors.clone())));
                counters.sent += 1;
            }
        }
    }

    /// His packets from the RTP time `first` on, where the mix has come to.
    #[expect(clippy::too_many_arguments, reason = "one step of the tick, with all that a tick works on")]
    pub(super) fn begin_behind_mix(
        &mut self,
        step: Step,
        first: u32,
        now: Duration,
        place: usize,
        members: &mut [Member],
        counters: &mut Counters,
        effects: &mut Effects,
    ) {
        let id = members[place].id;
        let Some(numbers) = members[place]
            .track
            .as_deref()
            .and_then(|track| track.relay()?.since(first).next())
            .map(|kept| Numbers { sequence: kept.sequence, timestamp: kept.timestamp, samples: kept.samples as u32 })
        else {
            return;
        };
        self.relay_to_all(place, members, |hearer| hearer.heard_in(step.number).then_some(numbers));
        let Some(track) = members[place].track.take() else { return };
        let mut talker = Talker { id, end: first, at: now, is_pausing: false };
        let media_time = step.media_time as u32 + self.length.samples() as u32;
        for kept in track.relay().into_iter().flat_map(|relay| relay.since(first)) {
            let numbers = Numbers { sequence: kept.sequence, timestamp: kept.timestamp, samples: kept.samples as u32 };
            talker.end = kept.end();
            talker.is_pausing = is_pause(&kept.payload);
            send((numbers, Some(track.csrc)), &kept.payload, media_time, members, counters, effects);
        }
        members[place].track = Some(track);
        self.forward.state = State::On(talker);
    }
}

/// Sends one of the talker's packets to all who get them, each with its own numbers.
pub(super) fn send(
    (numbers, csrc): (Numbers, Option<u32>),
    payload: &[u8],
    media_time: u32,
    members: &mut [Member],
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
        let Some(hearer) = member.hearer.as_mut().filter(|hearer| hearer.is_relayed) else { continue };
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
