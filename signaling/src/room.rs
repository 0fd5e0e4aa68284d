//! A room's state and the changes that a command may ask of it.

use serde::{Deserialize, Serialize};

use crate::{FloorState, RoomName, RoomSettings, TrackId};

/// The level that stands for silence in messages, since JSON has no −∞ (RFC 6464 §3 ends there too).
pub const LEVEL_FLOOR_DBFS: f32 = -127.0;

/// `GET /api/rooms/{room}`, an element of the array `GET /api/rooms`, and the start of every WebSocket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoomState {
    /// The room's name.
    pub room: RoomName,
    /// What `PATCH` changes.
    #[serde(flatten)]
    pub settings: RoomSettings,
    /// How many peers hear a mix.
    pub listeners: u32,
    /// Who may talk and who waits; empty while the mode is `open`.
    pub floor: FloorState,
    /// In the order of joining.
    pub tracks: Vec<TrackState>,
}

/// One strip of the desk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrackState {
    /// The track's id, and its peer's.
    pub id: TrackId,
    /// What people read on the strip.
    pub name: String,
    /// Where it comes from.
    pub kind: Kind,
    /// −60 to +20 dB; −60 is silence.
    pub gain_db: f32,
    /// −1 (left) to +1 (right), constant power.
    pub pan: f32,
    /// Nobody hears it.
    pub muted: bool,
    /// What it is to the others.
    pub bus: Bus,
    /// Strips of the same group move together on the desk; none: it stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its voice is brought to one level with all others, slowly.
    pub auto_gain: bool,
    /// What is no voice is taken out of it; costs 10 ms.
    pub denoise: bool,
    /// There is a voice in it now, from the decoded signal.
    pub talking: bool,
    /// The last frame before the fader, RMS of the louder channel, 0 dBFS for a full-scale sine
    /// (AES17); −127 is silence.
    pub level_dbfs: f32,
    /// Its number among the contributors (CSRC, RFC 3550 §5.1) of the packets that it is heard in.
    pub csrc: u32,
    /// When it joined, milliseconds since 1970 UTC.
    #[cfg_attr(test, ts(type = "number"))]
    pub joined_at: u64,
}

/// Where a track comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Kind {
    /// `POST /api/offer`: a browser, or a program that talks and listens.
    Peer,
    /// `POST /whip/{room}`: an encoder such as OBS.
    Whip,
    /// A file pushed by `mixminus push` (`POST /whip/{room}?kind=file`).
    File,
}

/// What a track is to the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Bus {
    /// A person: pushes programs down while it is heard.
    #[default]
    Voice,
    /// Music, a film, a feed: ducked by every voice. Needs no floor.
    Program,
    /// Dims all others while it is heard. Needs no floor.
    Announcement,
}

/// `PATCH /api/rooms/{room}/tracks/{id}`: what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrackPatch {
    /// −60 to +20 dB; −60 is silence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain_db: Option<f32>,
    /// −1 (left) to +1 (right).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pan: Option<f32>,
    /// Nobody hears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<bool>,
    /// 1 to 64 characters, no control characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is to the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<Bus>,
    /// 1 to 64 characters, no control characters; an empty text takes it out of its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its voice is brought to one level with all others, slowly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_gain: Option<bool>,
    /// What is no voice is taken out of it; costs 10 ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denoise: Option<bool>,
}

impl TrackPatch {
    /// Says what is wrong with a value that is out of its range, naming the key and the range.
    pub fn check(&self) -> Result<(), String> {
        check_range("gain_db", self.gain_db, -60.0, 20.0)?;
        check_range("pan", self.pan, -1.0, 1.0)?;
        self.name.as_deref().map_or(Ok(()), check_track_name)?;
        self.group.as_deref().filter(|group| !group.is_empty()).map_or(Ok(()), |group| check_words("group", group))
    }
}

/// A track's name: 1 to 64 characters, none of them a control character.
pub fn check_track_name(name: &str) -> Result<(), String> {
    check_words("name", name)
}

fn check_words(key: &str, words: &str) -> Result<(), String> {
    let length = words.chars().count();
    if words.trim().is_empty() || length > 64 || words.chars().any(char::is_control) {
        return Err(format!(
            "{key} must be 1 to 64 characters with no control characters, got {length} characters: {:?}",
            words.chars().take(80).collect::<String>()
        ));
    }
    Ok(())
}

/// Refuses what is out of its range and NaN, naming the key, the range and the value.
pub(crate) fn check_range<T: PartialOrd + std::fmt::Display + Copy>(
    key: &str,
    value: Option<T>,
    low: T,
    high: T,
) -> Result<(), String> {
    match value {
        Some(v) if !(low..=high).contains(&v) => Err(format!("{key} must be from {low} to {high}, got {v}")),
        _ => Ok(()),
    }
}

/// Refuses what is none of these, naming the key, them and the value.
pub(crate) fn check_one_of<T: PartialEq + std::fmt::Display + Copy>(
    key: &str,
    value: Option<T>,
    allowed: &[T],
) -> Result<(), String> {
    match value {
        Some(v) if !allowed.contains(&v) => {
            let words: Vec<String> = allowed.iter().map(T::to_string).collect();
            Err(format!("{key} must be {}, got {v}", words.join(" or ")))
        }
        _ => Ok(()),
    }
}

/// `GET /api/health`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// The server's version.
    pub version: String,
    /// Seconds since it started.
    pub uptime_s: f64,
    /// Rooms that exist.
    pub rooms: u32,
    /// Peers connected or connecting.
    pub peers: u32,
}
