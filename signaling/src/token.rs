//! What a bearer's JWT says (RFC 7519, signed with HS256).

use serde::{Deserialize, Serialize};

/// The claims of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Claims {
    /// The room it is for, or `*` for all.
    pub room: String,
    /// What its bearer may do there.
    pub can: Vec<Right>,
    /// When it ends, seconds since 1970 UTC (RFC 7519 §4.1.4).
    #[cfg_attr(test, ts(type = "number"))]
    pub exp: u64,
    /// The highest floor priority that its bearer may ask for; default 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(test, ts(optional, as = "Option<u8>"))]
    pub priority: u8,
}

fn is_zero(priority: &u8) -> bool {
    *priority == 0
}

/// One thing that a bearer may do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Right {
    /// Send a track.
    Talk,
    /// Hear the mix and see the room.
    Listen,
    /// Move the desk: gain, pan, mute, master, settings, remove a track.
    Mix,
    /// Make and close rooms, and read the metrics.
    Admin,
}

impl Claims {
    /// Whether the bearer may do this in the room; `admin` may do everything.
    pub fn allow(&self, room: &str, right: Right) -> bool {
        (self.room == "*" || self.room == room) && (self.can.contains(&right) || self.can.contains(&Right::Admin))
    }
}
