//! `GET /api/rooms/{room}/ws`: a snapshot, then every change; commands the other way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Problem, RoomPatch, RoomState, TrackId, TrackPatch, TrackState};

/// What the server says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ServerMessage {
    /// The whole state: first of all, and again whenever the subscriber has fallen behind.
    Snapshot {
        /// The version that this state has.
        #[cfg_attr(test, ts(type = "number"))]
        version: u64,
        /// The state.
        state: RoomState,
    },
    /// What changed from `version - 1` to `version`, in order.
    Patch {
        /// One more than the version before.
        #[cfg_attr(test, ts(type = "number"))]
        version: u64,
        /// At least one.
        changes: Vec<Change>,
    },
    /// The levels of all tracks that have any, at 20 Hz or more while somebody is heard. Who is
    /// missing is silent.
    Meters {
        /// Before the fader, dBFS, by track id.
        #[cfg_attr(test, ts(type = "Record<string, number>"))]
        levels: BTreeMap<TrackId, f32>,
        /// The mix of all after master and limiter, dBFS.
        master_dbfs: f32,
    },
    /// One line of the event log.
    Event {
        /// Milliseconds since the server started.
        #[cfg_attr(test, ts(type = "number"))]
        at: u64,
        /// Who caused it: an address, or `desk`.
        address: String,
        /// What happened, in words.
        event: String,
    },
    /// The answer to a command that came with a `ref`.
    Reply {
        /// The command's `ref`.
        #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(as = "Option<u32>"))]
        reference: Option<u64>,
        /// Why it was refused; none when it was done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<Problem>,
    },
    /// The room is closing; nothing comes after this.
    Closed {
        /// Why: `room closed` or `server is shutting down`.
        reason: String,
    },
}

/// One change of a room's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Change {
    /// The room's own settings.
    Room {
        /// What changed.
        #[serde(flatten)]
        settings: RoomPatch,
    },
    /// How many hear a mix now.
    Listeners {
        /// The new number.
        listeners: u32,
    },
    /// A track joined.
    Joined {
        /// Its whole strip.
        track: TrackState,
    },
    /// A strip was moved.
    Track {
        /// Whose.
        id: TrackId,
        /// What changed.
        #[serde(flatten)]
        strip: TrackPatch,
    },
    /// A voice began or ended.
    Talking {
        /// Whose.
        id: TrackId,
        /// Whether there is a voice now.
        talking: bool,
    },
    /// A track left.
    Left {
        /// Whose.
        id: TrackId,
    },
}

/// What a client says: a command, with a `ref` if it wants an answer. A refused command is always
/// answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientMessage {
    /// Comes back in the reply.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(as = "Option<u32>"))]
    pub reference: Option<u64>,
    /// The command.
    #[serde(flatten)]
    pub command: Command,
}

/// The same commands that REST takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Command {
    /// `PATCH /api/rooms/{room}`.
    SetRoom {
        /// What to change.
        #[serde(flatten)]
        settings: RoomPatch,
    },
    /// `PATCH /api/rooms/{room}/tracks/{id}`.
    SetTrack {
        /// Whose.
        id: TrackId,
        /// What to change.
        #[serde(flatten)]
        strip: TrackPatch,
    },
    /// `DELETE /api/rooms/{room}/tracks/{id}`: its peer is hung up.
    RemoveTrack {
        /// Whose.
        id: TrackId,
    },
}

/// A message that is no command: what was wrong and what would be right, and its `ref` if it had one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refused {
    /// The message's `ref`.
    pub reference: Option<u64>,
    /// For people.
    pub detail: String,
}

impl ClientMessage {
    /// Reads one text message. A key that it does not know is refused by name, so that a typo is not
    /// a command that does nothing.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let refuse = |reference, detail: String| Refused { reference, detail };
        let mut keys: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).map_err(|e| refuse(None, format!("a message must be a JSON object: {e}")))?;
        let reference = match keys.remove("ref") {
            None => None,
            Some(value) => Some(
                value
                    .as_u64()
                    .ok_or_else(|| refuse(None, format!("ref must be a whole number from 0, got {value}")))?,
            ),
        };
        let refuse = |detail| Refused { reference, detail };
        let command = keys
            .remove("command")
            .ok_or_else(|| refuse("command is missing: set_room, set_track or remove_track".into()))?;
        let command = match command.as_str() {
            Some("set_room") => Command::SetRoom { settings: rest(keys).map_err(refuse)? },
            Some("set_track") => {
                Command::SetTrack { id: id(&mut keys).map_err(refuse)?, strip: rest(keys).map_err(refuse)? }
            }
            Some("remove_track") => {
                let id = id(&mut keys).map_err(refuse)?;
                if let Some(key) = keys.keys().next() {
                    return Err(refuse(format!("unknown field `{key}`: remove_track takes id")));
                }
                Command::RemoveTrack { id }
            }
            _ => return Err(refuse(format!("command must be set_room, set_track or remove_track, got {command}"))),
        };
        Ok(Self { reference, command })
    }
}

fn id(keys: &mut serde_json::Map<String, serde_json::Value>) -> Result<TrackId, String> {
    let id = keys.remove("id").ok_or("id is missing: the track's id")?;
    serde_json::from_value(id).map_err(|e| format!("id: {e}"))
}

fn rest<T: serde::de::DeserializeOwned>(keys: serde_json::Map<String, serde_json::Value>) -> Result<T, String> {
    serde_json::from_value(keys.into()).map_err(|e| e.to_string())
}
