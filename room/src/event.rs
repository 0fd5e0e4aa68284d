//! What happened in a room, for the event log; the words are made only when somebody reads them.

use std::{fmt, sync::Arc, time::Duration};

use super::floor::Happened;

/// One thing that happened. Events of packets carry no text of their own: a flood of them is cheap.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The first packet of a stream, or the first after it was dropped or began anew.
    NewStream {
        /// The track's name.
        name: Arc<str>,
    },
    /// A packet came twice.
    RepeatedPacket {
        /// RTP sequence number.
        sequence: u16,
    },
    /// A packet came after one that follows it.
    OutOfOrderPacket {
        /// RTP sequence number.
        sequence: u16,
    },
    /// A packet came when its time had passed.
    LatePacket {
        /// RTP sequence number.
        sequence: u16,
    },
    /// A packet that is not Opus.
    MalformedPacket {
        /// RTP sequence number.
        sequence: u16,
    },
    /// The jitter buffer was full when this packet came; its oldest made room.
    Overflow {
        /// RTP sequence number.
        sequence: u16,
    },
    /// The sequence skipped packets; they may still come.
    MissingPackets {
        /// How many.
        count: u16,
    },
    /// A stream had nothing to say for too long; what it held is released.
    DroppedStream {
        /// The track's name.
        name: Arc<str>,
        /// How long nothing came.
        quiet_for: Duration,
    },
    /// A track joined.
    Joined {
        /// Its name.
        name: Arc<str>,
    },
    /// A track left.
    Left {
        /// Its name.
        name: Arc<str>,
        /// Why, in words.
        reason: Arc<str>,
    },
    /// A member that only hears joined.
    ListenerJoined,
    /// A member that only hears left.
    ListenerLeft {
        /// Why, in words.
        reason: Arc<str>,
    },
    /// A fader was moved.
    Gain {
        /// The track's name.
        name: Arc<str>,
        /// The new gain, dB.
        gain_db: f32,
        /// Who moved it.
        by: Arc<str>,
    },
    /// A pan pot was turned.
    Pan {
        /// The track's name.
        name: Arc<str>,
        /// The new pan, −1 to +1.
        pan: f32,
        /// Who turned it.
        by: Arc<str>,
    },
    /// A track was muted or opened.
    Muted {
        /// The track's name.
        name: Arc<str>,
        /// Whether it is muted now.
        muted: bool,
        /// Who did it.
        by: Arc<str>,
    },
    /// A strip was written on.
    Renamed {
        /// What stood there.
        old: Arc<str>,
        /// What stands there now.
        name: Arc<str>,
        /// Who wrote it.
        by: Arc<str>,
    },
    /// Something else was set: a bus, a group, a setting of the room.
    Set {
        /// What, in words.
        what: Arc<str>,
        /// Who set it.
        by: Arc<str>,
    },
    /// The floor changed.
    Floor {
        /// The track's name.
        name: Arc<str>,
        /// What happened to it.
        what: Happened,
    },
    /// A call light.
    Alert {
        /// Who calls.
        name: Arc<str>,
        /// Who is called; none: everybody.
        to: Option<Arc<str>>,
    },
    /// The master fader was moved.
    Master {
        /// The new gain, dB.
        gain_db: f32,
        /// Who moved it.
        by: Arc<str>,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewStream { name } => write!(f, "new stream {name}"),
            Self::RepeatedPacket { sequence } => write!(f, "repeated packet {sequence}"),
            Self::OutOfOrderPacket { sequence } => write!(f, "out-of-order packet {sequence}"),
            Self::LatePacket { sequence } => write!(f, "late packet {sequence}"),
            Self::MalformedPacket { sequence } => write!(f, "malformed packet {sequence}"),
            Self::Overflow { sequence } => write!(f, "full buffer at packet {sequence}"),
            Self::MissingPackets { count } => write!(f, "missing packets {count}"),
            Self::DroppedStream { name, quiet_for } => {
                write!(f, "dropped stream {name} (nothing for {:.0} s)", quiet_for.as_secs_f32())
            }
            Self::Joined { name } => write!(f, "joined {name}"),
            Self::Left { name, reason } => write!(f, "left {name}: {reason}"),
            Self::ListenerJoined => write!(f, "joined a listener"),
            Self::ListenerLeft { reason } => write!(f, "left a listener: {reason}"),
            Self::Gain { name, gain_db, by } => write!(f, "gain {name} {} by {by}", Decibels(*gain_db)),
            Self::Pan { name, pan, by } => write!(f, "pan {name} {} by {by}", Signed(*pan, 2)),
            Self::Muted { name, muted: true, by } => write!(f, "muted {name} by {by}"),
            Self::Muted { name, muted: false, by } => write!(f, "unmuted {name} by {by}"),
            Self::Renamed { old, name, by } => write!(f, "renamed {old} to {name} by {by}"),
            Self::Set { what, by } => write!(f, "set {what} by {by}"),
            Self::Floor { name, what } => write_floor(f, name, what),
            Self::Alert { name, to: None } => write!(f, "alert from {name}"),
            Self::Alert { name, to: Some(to) } => write!(f, "alert from {name} to {to}"),
            Self::Master { gain_db, by } => write!(f, "master {} by {by}", Decibels(*gain_db)),
        }
    }
}

fn write_floor(f: &mut fmt::Formatter<'_>, name: &str, what: &Happened) -> fmt::Result {
    match what {
        Happened::Granted { .. } => write!(f, "floor granted {name}"),
        Happened::Queued { position, .. } => write!(f, "floor queued {name} ({position})"),
        Happened::Denied { reason, .. } => write!(f, "floor denied {name}: {reason}"),
        Happened::Released { .. } => write!(f, "floor released {name}"),
        Happened::Revoking { cause, .. } => write!(f, "floor ends {name}: {cause}"),
        Happened::Revoked { cause, .. } => write!(f, "floor revoked {name}: {cause}"),
        Happened::Unqueued { .. } => write!(f, "floor unqueued {name}"),
        Happened::Warned { left, .. } => write!(f, "floor warned {name} ({:.0} s left)", left.as_secs_f32()),
        Happened::Idle => write!(f, "floor idle"),
    }
}

struct Decibels(f32);

impl fmt::Display for Decibels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} dB", Signed(self.0, 1))
    }
}

/// A number with the sign that people print: + or U+2212, none for what rounds to 0.
struct Signed(f32, usize);

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, digits) = *self;
        let half_a_digit = 0.5 * 0.1f32.powi(digits as i32);
        let sign = match value {
            v if v >= half_a_digit => "+",
            v if v <= -half_a_digit => "−",
            _ => "",
        };
        write!(f, "{sign}{:.digits$}", value.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemberId;

    #[test]
    fn events_read_as_the_event_log_has_them() {
        let name: Arc<str> = "Ann".into();
        let by: Arc<str> = "10.0.0.1:4000".into();
        for (event, words) in [
            (Event::NewStream { name: name.clone() }, "new stream Ann"),
            (Event::RepeatedPacket { sequence: 65535 }, "repeated packet 65535"),
            (Event::OutOfOrderPacket { sequence: 7 }, "out-of-order packet 7"),
            (Event::MissingPackets { count: 3 }, "missing packets 3"),
            (
                Event::DroppedStream { name: name.clone(), quiet_for: Duration::from_millis(30_004) },
                "dropped stream Ann (nothing for 30 s)",
            ),
            (Event::Joined { name: name.clone() }, "joined Ann"),
            (Event::Left { name: name.clone(), reason: "hung up".into() }, "left Ann: hung up"),
            (Event::Gain { name: name.clone(), gain_db: -4.5, by: by.clone() }, "gain Ann −4.5 dB by 10.0.0.1:4000"),
            (Event::Gain { name: name.clone(), gain_db: -0.01, by: by.clone() }, "gain Ann 0.0 dB by 10.0.0.1:4000"),
            (Event::Pan { name: name.clone(), pan: 0.25, by: by.clone() }, "pan Ann +0.25 by 10.0.0.1:4000"),
            (Event::Muted { name, muted: true, by: by.clone() }, "muted Ann by 10.0.0.1:4000"),
            (Event::Master { gain_db: 3.0, by: by.clone() }, "master +3.0 dB by 10.0.0.1:4000"),
            (Event::Set { what: "mode floor".into(), by }, "set mode floor by 10.0.0.1:4000"),
            (
                Event::Floor { name: "Ann".into(), what: Happened::Queued { who: MemberId(1), position: 2 } },
                "floor queued Ann (2)",
            ),
        ] {
            assert_eq!(event.to_string(), words);
        }
    }

    #[test]
    fn an_event_of_a_packet_is_small() {
        assert!(size_of::<Event>() <= 56, "{}", size_of::<Event>());
    }
}
