//! Values of the command line: what they may be, and what is said when they are not.

use std::time::Duration;

use clap::ValueEnum;
use signaling::client::Client;
use signaling::{Bus, check_track_name};

/// A server's address.
pub fn server(text: &str) -> Result<String, String> {
    Client::new(text, None).map(|_| text.to_owned()).map_err(|e| e.to_string())
}

/// A gain in dB.
pub fn gain(text: &str) -> Result<f32, String> {
    within(text, -60.0, 20.0, "a gain is a number of dB from -60 to 20; -60 is silence")
}

/// A pan.
pub fn pan(text: &str) -> Result<f32, String> {
    within(text, -1.0, 1.0, "a pan is a number from -1 to 1; -1 is left")
}

/// A name on a strip.
pub fn track_name(text: &str) -> Result<String, String> {
    check_track_name(text).map(|()| text.to_owned())
}

/// What a track is to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnBus {
    /// A person: pushes programs down
    Voice,
    /// Music, a film, a feed: pushed down by every voice
    Program,
    /// Pushes all others down
    Announcement,
}

impl From<OnBus> for Bus {
    fn from(bus: OnBus) -> Self {
        match bus {
            OnBus::Voice => Self::Voice,
            OnBus::Program => Self::Program,
            OnBus::Announcement => Self::Announcement,
        }
    }
}

/// A share in percent, 0 to 100.
pub fn percent(text: &str) -> Result<f64, String> {
    let wrong = || format!("a share is 0 to 100 percent, got {text:?}");
    text.trim_end_matches('%').parse().ok().filter(|share| (0.0..=100.0).contains(share)).ok_or_else(wrong)
}

/// A number above zero.
pub fn positive(text: &str) -> Result<f64, String> {
    let wrong = || format!("a number more than 0, got {text:?}");
    text.parse().ok().filter(|value: &f64| *value > 0.0 && value.is_finite()).ok_or_else(wrong)
}

/// A time in a file or of a recording: `12.5`, `1:30`, `1:02:03`.
pub fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is seconds such as 12.5, or 1:30, or 1:02:03".to_owned();
    let mut seconds = 0.0;
    for (place, part) in text.split(':').enumerate() {
        let plain = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let value: f64 = part.parse().ok().filter(|_| plain && place < 3).ok_or_else(wrong)?;
        if place > 0 && value >= 60.0 {
            return Err(wrong());
        }
        seconds = seconds * 60.0 + value;
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// How long a token lasts: `90s`, `30m`, `12h`, `7d`.
pub fn ttl(text: &str) -> Result<Duration, String> {
    let wrong = || "a time to live is a whole number with its unit, such as 90s, 30m, 12h or 7d".to_owned();
    let unit = text.chars().last().filter(|c| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    count.checked_mul(seconds).filter(|s| *s > 0 && *s <= 100 * 365 * 86_400).map(Duration::from_secs).ok_or_else(wrong)
}

fn within(text: &str, low: f32, high: f32, rule: &str) -> Result<f32, String> {
    text.parse().ok().filter(|value| (low..=high).contains(value)).ok_or_else(|| rule.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_have_colons() {
        for (text, seconds) in [("0", 0.0), ("12.5", 12.5), ("1:30", 90.0), ("1:02:03.25", 3723.25), ("90", 90.0)] {
            assert_eq!(time(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "-1", "soon", "1:60", "1:2:3:4", ":", "1e9", "inf", "NaN", "99999999999999999999999"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_to_live_has_a_unit() {
        assert_eq!(ttl("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(ttl("2h"), Ok(Duration::from_secs(7_200)));
        for text in ["", "h", "1", "-1h", "1.5h", "0s", "1w", "99999999999999999999d", "9999999999999d", "1ä"] {
            assert!(ttl(text).is_err(), "{text}");
        }
    }
}
