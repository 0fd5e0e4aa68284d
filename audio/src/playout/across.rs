//! Lost packets of a voice that sends no copies: where the next packet is here, the guess is corrected by it
//! (`playout/bridge.rs`), and where packets are lost often, the next one is waited for.

use super::Playout;
use super::bridge::{BEFORE, BEFORE_OPINION, Bridge, GAP};
use crate::CHANNELS;
use crate::jitter::Arrival;
use crate::opus::Decoder;
use crate::packet::{self, Shape};

/// The next packet is waited for from this share of gaps on: three in 2 s …
const OFTEN: f32 = 0.03;

/// … until there are fewer than this, one in 2 s.
const SELDOM: f32 = 0.01;

/// More packets than this in a row are an outage, of which a wait restores too little.
const LONGEST: u16 = 4;

/// The packet after a gap restores the last packet of it: no wait is worth it when gaps have more packets than this in the mean …
const BURSTS: f32 = 2.0;

/// … until they have fewer than this.
const SINGLE: f32 = 1.7;

/// The mean is that of the last 16 gaps; it begins as that of two gaps of one packet.
const GAPS: f32 = 16.0;

/// An outage counts as a gap of so many packets.
const OUTAGE: u16 = 6;

/// How packets are lost of late.
#[derive(Clone, Copy, Debug)]
pub(super) struct Losses {
    /// Of the packets, those after which one or some are missing; the last 64 weigh most.
    share: f32,
    is_often: bool,
    /// So many packets a gap has in the mean of so many.
    length: f32,
    gaps: f32,
    in_bursts: bool,
}

impl Default for Losses {
    fn default() -> Self {
        Self { share: 0.0, is_often: false, length: 1.0, gaps: 2.0, in_bursts: false }
    }
}

impl Losses {
    /// Says whether they are from now on.
    pub fn see(&mut self, arrival: Arrival) -> bool {
        let lost = match arrival {
            Arrival::Missing(1..=LONGEST) => 1.0,
            // It was late only.
            Arrival::OutOfOrder | Arrival::Late => -1.0,
            _ => 0.0,
        };
        if let Arrival::Missing(packets) = arrival {
            self.gaps = (self.gaps + 1.0).min(GAPS);
            self.length += (f32::from(packets.min(OUTAGE)) - self.length) / self.gaps;
            self.in_bursts = self.length > if self.in_bursts { SINGLE } else { BURSTS };
        }
        self.share = (self.share + (lost - self.share) / 64.0).max(0.0);
        let was_often = self.is_often;
        self.is_often = self.share > if was_often { SELDOM } else { OFTEN };
        self.is_often && !was_often
    }

    /// Whether so many go at once that the packet after a gap restores less than half of what is lost.
    pub fn are_in_bursts(&self) -> bool {
        self.in_bursts
    }
}

impl Playout {
    /// Whether it is worth a wait to correct a gap with this packet, which came after it.
    pub(super) fn is_worth_waiting(&self, payload: &[u8], shape: Shape) -> bool {
        self.losses.is_often && !self.sends_fec && !self.sends_red && is_usual(shape) && !packet::may_have_dred(payload)
    }

    /// Whether the last packet before the head can be said with both sides known; `open` samples before it are not said.
    pub(super) fn may_say_across(&self, open: usize) -> bool {
        (GAP..=2 * GAP).contains(&open)
            && self.buffer.head().is_some_and(|head| is_usual(head.shape))
            && (self.packet, self.speech, self.sends_fec) == (GAP, true, false)
            && !self.stale
            && !self.unheard
            && self.pcm.len() >= BEFORE * CHANNELS
    }

    /// Says on for the `open` samples to the head, the last of the `lost` ones, then the head; and corrects both.
    pub(super) fn say_across(&mut self, lost: usize, open: usize) {
        let Some(head) = self.buffer.head() else { return };
        let mut bridge = self.bridge.take().unwrap_or_else(|| Box::new(Bridge::new()));
        bridge.payload.clear();
        bridge.payload.extend_from_slice(&head.payload);
        let is_second = ask(&mut self.decoder, &bridge.payload, &self.pcm, &mut bridge.second);
        self.say_on_corrected(open);
        self.count_guessed(open);
        let mut lift = self.lift;
        lift.fall(&mut bridge.second[BEFORE_OPINION * CHANNELS..]);
        self.resume(lost);
        // Else something else is said than the decoder's own guess.
        let is_made = self.guess.is_none();
        let from = self.pcm.len() - (BEFORE + GAP) * CHANNELS;
        self.decode_head();
        if is_made && is_second && ask(&mut self.decoder, &bridge.payload, &self.pcm, &mut bridge.third) {
            bridge.correct(&mut self.pcm[from..], lost > GAP);
        }
        self.bridge = Some(bridge);
    }
}

/// An opinion of what a packet says: what it decodes to now, after what is heard before it. Says whether there is one.
fn ask(decoder: &mut Decoder, payload: &[u8], heard: &[f32], opinion: &mut [f32]) -> bool {
    let (before, said) = opinion.split_at_mut(BEFORE_OPINION * CHANNELS);
    before.copy_from_slice(&heard[heard.len() - before.len()..]);
    decoder.decode_aside(payload, said).is_ok()
}

fn is_usual(shape: Shape) -> bool {
    shape.is_speech && shape.samples == GAP
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Frame;
    use crate::jitter::Packet;

    /// A buzz of 125 Hz that swells.
    fn buzz(samples: usize) -> Vec<f32> {
        let voice = |at: usize| {
            (1..=40).map(|n| (std::f32::consts::TAU * (at * n % 384) as f32 / 384.0).sin() / n as f32).sum::<f32>()
        };
        (0..samples).map(|at| 0.1 * (1.0 + 0.8 * (at as f32 / 3000.0).sin()) * voice(at)).collect()
    }

    #[test]
    fn losses_are_often_from_the_third_in_two_seconds_on_until_there_is_hardly_one() {
        let mut losses = Losses::default();
        let mut begins = |number: usize, every: usize| {
            let is_lost = number.is_multiple_of(every);
            losses.see(if is_lost { Arrival::Missing(1) } else { Arrival::InOrder })
        };
        assert!((1..3000).all(|number| !begins(number, 100)), "1 %");
        let began: Vec<_> = (1..3000).filter(|&number| begins(number, 20)).collect();
        assert_eq!(began, [60], "5 %: once");
        let still = (1..200).filter(|&number| begins(number, 1000)).count();
        assert_eq!((still, losses.is_often), (0, false));
        for _ in 0..50 {
            assert!(!losses.see(Arrival::Missing(1)) && !losses.see(Arrival::OutOfOrder), "late is not lost");
        }
    }

    /// Plays 6 s of a voice of which of every `cycle` packets the last ones are lost.
    fn played(fec: bool, red: bool, (cycle, lost): (usize, usize)) -> Playout {
        let mut encoder = opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
        encoder.set_bitrate(opus::Bitrate::Bits(24_000)).unwrap();
        encoder.set_inband_fec(fec).unwrap();
        encoder.set_packet_loss_perc(if fec { 20 } else { 0 }).unwrap();
        encoder.set_signal(opus::Signal::Voice).unwrap();
        let (mut playout, mut frame) = (Playout::new(super::super::Settings::default()), Frame::SILENCE);
        for (number, piece) in buzz(300 * GAP).chunks_exact(GAP).enumerate() {
            let payload = encoder.encode_vec_float(piece, 1_000).unwrap();
            let now = Duration::from_millis(20 * number as u64);
            let packet = Packet { sequence: number as u16, timestamp: (number * GAP) as u32, payload: &payload };
            if number % cycle < cycle - lost {
                playout.insert(packet, now);
                if red && number > 0 {
                    let (sequence, timestamp) = (number as u16 - 1, ((number - 1) * GAP) as u32);
                    playout.insert_redundant(Packet { sequence, timestamp, ..packet }, now);
                }
            }
            playout.next(&mut frame, now + Duration::from_millis(3));
        }
        assert!(playout.speech && playout.losses.is_often);
        playout
    }

    #[test]
    fn in_bursts_a_third_of_a_packet_is_waited_for_where_it_has_a_copy_and_nothing_where_not() {
        for fec in [false, true] {
            let single = played(fec, false, (20, 1));
            assert_eq!(single.stats().target.as_millis(), 22, "{fec}");
            let bursts = played(fec, false, (40, 3));
            assert!(bursts.losses.are_in_bursts() && !single.losses.are_in_bursts());
            assert_eq!(bursts.stats().target.as_millis(), 0, "{fec}");
            // Three and a half bursts have gone by before they count as such.
            assert_eq!(bursts.stats().recovered_by_fec, if fec { 7 } else { 0 });
            // With the packet that has just come, and a rest that is too short to be cut out.
            let (delay_ms, wanted_ms) = (bursts.stats().delay.as_millis(), if fec { 26 } else { 20 });
            assert!((wanted_ms..wanted_ms + 6).contains(&delay_ms), "{delay_ms} ms, {fec}");
        }
        // A copy of its own may be waited for: it may be of any packet.
        assert_eq!(played(false, true, (40, 3)).stats().target.as_millis(), 22);
    }

    #[test]
    fn only_where_no_copies_are_sent_a_packet_more_is_waited_for_and_gaps_are_corrected() {
        let plain = played(false, false, (20, 1));
        assert!(plain.bridge.is_some());
        assert_eq!(plain.stats().target.as_millis(), 22);
        let fec = played(true, false, (20, 1));
        assert!(fec.bridge.is_none() && fec.stats().recovered_by_fec > 10);
        let red = played(false, true, (20, 1));
        assert!(red.bridge.is_none() && red.stats().recovered_by_red > 10);
    }
}
