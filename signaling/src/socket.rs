//! `GET /api/rooms/{room}/ws`: a snapshot, then every change; commands the other way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    FloorAction, FloorAnswer, FloorEvent, FloorState, PersonalPatch, Problem, RoomPatch, RoomState, TrackId,
    TrackPatch, TrackState,
};

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
        /// The largest sample of the same frames, dBFS; from −0.1 on it is clipped.
        #[cfg_attr(test, ts(type = "Record<string, number>"))]
        peaks: BTreeMap<TrackId, f32>,
        /// The mix of all after master and limiter, dBFS.
        master_dbfs: f32,
        /// Its largest sample, dBFS.
        master_peak_dbfs: f32,
        /// How far its limiter pulls it down, dB, 0 or more.
        reduction_db: f32,
        /// Its loudness over the last 400 ms, LUFS (EBU R128); −127 when there is none yet, as in the two below.
        momentary_lufs: f32,
        /// Over the last 3 s.
        short_term_lufs: f32,
        /// Since somebody began to look, gated.
        integrated_lufs: f32,
    },
    /// How the tracks' networks do, once a second while anything is heard.
    Stats {
        /// By track id.
        #[cfg_attr(test, ts(type = "Record<string, TrackStats>"))]
        tracks: BTreeMap<TrackId, TrackStats>,
        /// How many mixes are encoded.
        mixes: u32,
        /// The longest tick of the last second, ms.
        tick_ms: f32,
        /// How many hearers get a lone talker's packets as they came just now; the others hear a mix.
        #[serde(default, skip_serializing_if = "is_zero")]
        #[cfg_attr(test, ts(as = "Option<u32>"))]
        forwarded: u32,
    },
    /// A call light: somebody asks to be noticed.
    Alert {
        /// The track of who calls; none: the desk or a program.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<TrackId>,
        /// Its name.
        name: String,
        /// Who is called; none: everybody.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<TrackId>,
    },
    /// Words of one peer to another, for a direct call; only sockets that said `identify` as `to` get it.
    Signal {
        /// Who says it.
        from: TrackId,
        /// To whom.
        to: TrackId,
        /// As it was said.
        data: String,
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
        /// What became of a `floor` command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        floor: Option<FloorAnswer>,
    },
    /// The room is closing; nothing comes after this.
    Closed {
        /// Why: `room closed` or `server is shutting down`.
        reason: String,
    },
}

/// How the network of one track does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrackStats {
    /// Packets of the last second that never came, %.
    pub loss_percent: f32,
    /// Interarrival jitter (RFC 3550 §6.4.1), ms.
    pub jitter_ms: f32,
    /// What waits in the jitter buffer, ms.
    pub delay_ms: f32,
    /// To the server and back, ms, as the peer reported it; none if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<f32>,
    /// What the automatic gain adds just now, dB; none if it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_gain_db: Option<f32>,
    /// It talks alone just now, and its packets go out as they came.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(as = "Option<bool>"))]
    pub forwarded: bool,
    /// Its peer gets a lone talker's packets as they came just now, and no mix.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(as = "Option<bool>"))]
    pub hears_forwarded: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u32) -> bool {
    *value == 0
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
    /// The floor changed, or somebody measured it.
    Floor {
        /// What happened, in order; empty if only an access time was measured.
        events: Vec<FloorEvent>,
        /// How it is now.
        floor: FloorState,
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
    /// `POST /api/rooms/{room}/tracks/{id}/floor`.
    Floor {
        /// Whose.
        id: TrackId,
        /// What is asked.
        action: FloorAction,
        /// Of a request: 0 (normal, default) to 255.
        #[serde(skip_serializing_if = "Option::is_none")]
        priority: Option<u8>,
    },
    /// `PATCH /api/rooms/{room}/peers/{id}/mix`: how this peer wants to hear.
    SetMix {
        /// Who hears.
        id: TrackId,
        /// What to change.
        #[serde(flatten)]
        mix: PersonalPatch,
    },
    /// Puts on a call light.
    Alert {
        /// Whose track calls; none: the desk or a program.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<TrackId>,
        /// Who is called; none: everybody.
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<TrackId>,
    },
    /// What a peer's page has measured. What is left out is not known.
    Report {
        /// Whose.
        id: TrackId,
        /// From the key to the permission, ms.
        #[serde(skip_serializing_if = "Option::is_none")]
        access_ms: Option<u32>,
        /// To the server and back, ms.
        #[serde(skip_serializing_if = "Option::is_none")]
        rtt_ms: Option<f32>,
    },
    /// This socket speaks for this peer: it gets the signals to it.
    Identify {
        /// Which.
        id: TrackId,
    },
    /// Words to another peer, for a direct call (SDP, candidates); the server only passes them on.
    Signal {
        /// Who says it.
        from: TrackId,
        /// To whom.
        to: TrackId,
        /// At most 12 000 characters.
        data: String,
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

/// The longest `data` of a signal, characters.
const MAX_SIGNAL: usize = 12_000;
const COMMANDS: &str = "set_room, set_track, remove_track, floor, set_mix, alert, report, identify or signal";

impl ClientMessage {
    /// Reads one text message. A key that it does not know is refused by name, so that a typo is not
    /// a command that does nothing.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let refuse = |reference, detail: String| Refused { reference, detail };
        let mut keys: Keys =
            serde_json::from_str(text).map_err(|e| refuse(None, format!("a message must be a JSON object: {e}")))?;
        let reference = match keys.remove("ref") {
            None => None,
            Some(value) => Some(
                value
                    .as_u64()
                    .ok_or_else(|| refuse(None, format!("ref must be a whole number from 0, got {value}")))?,
            ),
        };
        let command = command(keys).map_err(|detail| Refused { reference, detail })?;
        Ok(Self { reference, command })
    }
}

type Keys = serde_json::Map<String, serde_json::Value>;

fn command(mut keys: Keys) -> Result<Command, String> {
    let name = keys.remove("command").ok_or_else(|| format!("command is missing: {COMMANDS}"))?;
    let keys = &mut keys;
    match name.as_str() {
        Some("set_room") => Ok(Command::SetRoom { settings: rest(keys)? }),
        Some("set_track") => Ok(Command::SetTrack { id: needed(keys, "id")?, strip: rest(keys)? }),
        Some("remove_track") => Ok(Command::RemoveTrack { id: needed(keys, "id")? }),
        Some("floor") => Ok(Command::Floor {
            id: needed(keys, "id")?,
            action: needed(keys, "action")?,
            priority: optional(keys, "priority")?,
        }),
        Some("set_mix") => Ok(Command::SetMix { id: needed(keys, "id")?, mix: rest(keys)? }),
        Some("alert") => Ok(Command::Alert { from: optional(keys, "from")?, to: optional(keys, "to")? }),
        Some("report") => Ok(Command::Report {
            id: needed(keys, "id")?,
            access_ms: optional(keys, "access_ms")?,
            rtt_ms: optional(keys, "rtt_ms")?,
        }),
        Some("identify") => Ok(Command::Identify { id: needed(keys, "id")? }),
        Some("signal") => {
            let (from, to, data) = (needed(keys, "from")?, needed(keys, "to")?, needed::<String>(keys, "data")?);
            match data.chars().count() {
                length if length > MAX_SIGNAL => {
                    Err(format!("data must have at most {MAX_SIGNAL} characters, got {length}"))
                }
                _ => Ok(Command::Signal { from, to, data }),
            }
        }
        _ => Err(format!("command must be {COMMANDS}, got {name}")),
    }
    .and_then(|command| match keys.keys().next() {
        Some(key) => Err(format!("unknown field `{key}`")),
        None => Ok(command),
    })
}

fn needed<T: serde::de::DeserializeOwned>(keys: &mut Keys, key: &str) -> Result<T, String> {
    optional(keys, key)?.ok_or_else(|| format!("{key} is missing"))
}

fn optional<T: serde::de::DeserializeOwned>(keys: &mut Keys, key: &str) -> Result<Option<T>, String> {
    let value = keys.remove(key);
    value.map(serde_json::from_value).transpose().map_err(|e| format!("{key}: {e}"))
}

/// All keys that are left; the type refuses those that it does not know.
fn rest<T: serde::de::DeserializeOwned>(keys: &mut Keys) -> Result<T, String> {
    serde_json::from_value(std::mem::take(keys).into()).map_err(|e| e.to_string())
}
