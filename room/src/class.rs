//! Receiver classes: hearers whose network does equally well share one encoding of their mix, so that
//! a bad network costs one encode more, and nobody else a bit.

use std::time::Duration;

use audio::EncoderSettings;

/// How well a hearer's network does, by its reports: how many bits it gets, and how much of them guards
/// against loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Next to nothing is lost: the room's whole bit rate, in music quality.
    #[default]
    Clean,
    /// Some is lost: 64 kbit/s with in-band FEC.
    Lossy,
    /// Much is lost: 32 kbit/s.
    Poor,
    /// The network carries next to nothing: 12 kbit/s, in which libopus has no room for FEC.
    Narrow,
}

/// One encoding of a mix: for a class of hearers, its packets so many samples before the frames of the mix, less than a
/// frame. Who goes on in the mix where a talker's packet ended hears it so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Coding {
    pub class: Class,
    pub shift: usize,
}

/// How many classes there are.
pub(super) const CLASSES: usize = 4;

/// From so much loss on a hearer is in the class, by index; the reports count in 1/256.
const LOSS: [f32; CLASSES] = [0.0, 0.015, 0.10, 0.30];

/// The least effort of the speech modes, in which in-band FEC is: below 2 they need a fifth more bits for the same sound.
const SPEECH_COMPLEXITY: u8 = 4;

/// Back to the next better class after so long without a bad report: congestion that ends is soon noticed, one that
/// comes back with the bits is not brought back at once.
const RISE_AFTER: Duration = Duration::from_secs(10);

impl Class {
    /// From the best to the worst.
    pub const ALL: [Self; CLASSES] = [Self::Clean, Self::Lossy, Self::Poor, Self::Narrow];

    /// Whether a network of this class carries a talker's packets as they came.
    pub fn carries_packets(self) -> bool {
        self <= Self::Lossy
    }

    fn of(loss: f32) -> Self {
        Self::ALL[LOSS.iter().rposition(|least| loss >= *least).unwrap_or(0)]
    }

    fn better(self) -> Self {
        Self::ALL[(self as usize).saturating_sub(1)]
    }

    /// How a mix is encoded for this class in a room with these settings.
    pub fn encoder(self, room: EncoderSettings) -> EncoderSettings {
        let (most_bps, loss_percent) = match self {
            Self::Clean => return room,
            Self::Lossy => (64_000, 10),
            Self::Poor => (32_000, 20),
            Self::Narrow => (12_000, 25),
        };
        EncoderSettings {
            bitrate_bps: room.bitrate_bps.min(most_bps),
            expected_loss_percent: room.expected_loss_percent.max(loss_percent),
            fec: true,
            complexity: room.complexity.max(SPEECH_COMPLEXITY),
            ..room
        }
    }
}

/// What a hearer's reports add up to: falls at once, rises slowly.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reports {
    class: Class,
    /// Since when no report asked for this class or a worse one.
    better_since: Option<Duration>,
}

impl Reports {
    /// The class that follows from all reports so far.
    pub fn class(&self) -> Class {
        self.class
    }

    /// Takes a report of the share of packets lost since the one before, 0 to 1.
    pub fn take(&mut self, loss: f32, now: Duration) {
        let asked = Class::of(loss);
        if asked >= self.class {
            (self.class, self.better_since) = (asked, None);
            return;
        }
        let since = *self.better_since.get_or_insert(now);
        if now.saturating_sub(since) >= RISE_AFTER {
            (self.class, self.better_since) = (self.class.better(), Some(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn it_falls_at_once_and_rises_a_class_in_ten_seconds() {
        let mut reports = Reports::default();
        let mut class = |loss, at| {
            reports.take(loss, at);
            reports.class()
        };
        assert_eq!(class(0.01, s(1)), Class::Clean, "a packet in a hundred is what FEC would cost more than");
        assert_eq!(class(0.31, s(2)), Class::Narrow);
        let classes: Vec<_> = (3..50).map(|at| class(0.0, s(at))).collect();
        let rises: Vec<_> =
            classes.windows(2).zip(4..).filter(|(pair, _)| pair[0] != pair[1]).map(|(_, at)| at).collect();
        assert_eq!(rises, [13, 23, 33]);
        assert_eq!(classes.last(), Some(&Class::Clean));
        assert_eq!(class(0.05, s(60)), Class::Lossy);
        assert_eq!(class(0.0, s(65)), Class::Lossy);
        assert_eq!(class(0.05, s(69)), Class::Lossy);
        assert_eq!(class(0.0, s(74)), Class::Lossy, "ten seconds begin anew with each bad report");
        assert_eq!(class(f32::NAN, s(75)), Class::Lossy);
    }

    #[test]
    fn bits_and_guard_go_from_what_the_room_has_to_12_kbit() {
        let room = EncoderSettings { bitrate_bps: 128_000, ..EncoderSettings::default() };
        let rates: Vec<_> = Class::ALL.iter().map(|class| class.encoder(room).bitrate_bps).collect();
        assert_eq!(rates, [128_000, 64_000, 32_000, 12_000]);
        assert!(Class::ALL[1..].iter().all(|class| class.encoder(room).fec));
        let low = EncoderSettings { bitrate_bps: 24_000, ..room };
        assert_eq!(Class::Lossy.encoder(low).bitrate_bps, 24_000, "never more than the room is set to");
    }
}
