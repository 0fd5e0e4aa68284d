//! The floor of a room: who may talk, who waits, and what happened (after 3GPP TS 24.380 §6.3).

use serde::{Deserialize, Serialize};

use crate::TrackId;

/// Who may talk and who waits. Times are as of when this was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FloorState {
    /// In the order in which they got it.
    pub holders: Vec<FloorHolder>,
    /// The next first.
    pub queue: Vec<FloorWaiter>,
    /// How long people waited from the key to the permission, as their pages measured it.
    pub access: AccessTimes,
}

/// One who may talk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FloorHolder {
    /// Whose track.
    pub id: TrackId,
    /// 0 (normal) to 255.
    pub priority: u8,
    /// For how long it has had the floor, ms.
    #[cfg_attr(test, ts(type = "number"))]
    pub held_ms: u64,
    /// How long it may still talk, ms; none without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(as = "Option<u32>"))]
    pub left_ms: Option<u64>,
    /// Its time is over and the grace runs: it is still heard.
    pub revoked: bool,
}

/// One who waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FloorWaiter {
    /// Whose track.
    pub id: TrackId,
    /// 0 (normal) to 255.
    pub priority: u8,
    /// For how long it has waited, ms.
    #[cfg_attr(test, ts(type = "number"))]
    pub waited_ms: u64,
}

/// A histogram of access times: key to permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessTimes {
    /// Upper bounds of the buckets, ms.
    pub bounds_ms: Vec<u32>,
    /// How many were in each bucket; one more than the bounds, the last is all that took longer.
    #[cfg_attr(test, ts(type = "Array<number>"))]
    pub counts: Vec<u64>,
}

impl AccessTimes {
    /// Upper bounds of the buckets, ms. 300 is what 3GPP TS 22.179 §6.15.3.2 allows for 95 %.
    pub const BOUNDS_MS: [u32; 10] = [10, 20, 35, 50, 75, 100, 150, 200, 300, 1_000];

    /// Counts one.
    pub fn add(&mut self, ms: u32) {
        let bucket = self.bounds_ms.iter().position(|bound| ms <= *bound).unwrap_or(self.bounds_ms.len());
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
    }
}

impl Default for AccessTimes {
    fn default() -> Self {
        Self { bounds_ms: Self::BOUNDS_MS.into(), counts: vec![0; Self::BOUNDS_MS.len() + 1] }
    }
}

/// One thing that happened to the floor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FloorEvent {
    /// It may talk; for all others the floor is taken.
    Granted {
        /// Who.
        id: TrackId,
    },
    /// It waits.
    Queued {
        /// Who.
        id: TrackId,
        /// 1 is next.
        position: u32,
    },
    /// It asked and may not.
    Denied {
        /// Who.
        id: TrackId,
        /// In words.
        reason: String,
    },
    /// Its time is nearly over.
    Warned {
        /// Who.
        id: TrackId,
        /// How long it may still talk, ms.
        #[cfg_attr(test, ts(type = "number"))]
        left_ms: u64,
    },
    /// Its time is over: it is heard for the grace, then [`FloorEvent::Revoked`].
    Revoking {
        /// Who.
        id: TrackId,
        /// In words.
        reason: String,
    },
    /// It has lost the floor.
    Revoked {
        /// Who.
        id: TrackId,
        /// In words.
        reason: String,
    },
    /// It gave the floor back.
    Released {
        /// Who.
        id: TrackId,
    },
    /// It waits no more, without having had the floor.
    Unqueued {
        /// Who.
        id: TrackId,
    },
    /// Nobody has the floor and nobody waits.
    Idle,
}

/// What is asked of the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FloorAction {
    /// The key goes down. Needs the right `talk`.
    Request,
    /// The key goes up, or it waits no longer. Needs the right `talk`.
    Release,
    /// The desk gives it the floor now. Needs the right `mix`.
    Grant,
    /// The desk takes the floor from it, or its place in the queue. Needs the right `mix`.
    Revoke,
}

/// `POST /api/rooms/{room}/tracks/{id}/floor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FloorRequest {
    /// What is asked.
    pub action: FloorAction,
    /// Of a request: 0 (normal) to 255. With a key configured at most what the token says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FloorAnswer {
    /// It may talk. In an open room all may, always.
    Granted {
        /// For so long, ms; none without a limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(as = "Option<u32>"))]
        left_ms: Option<u64>,
    },
    /// It waits.
    Queued {
        /// 1 is next.
        position: u32,
    },
    /// It may not talk, and does not wait.
    Denied {
        /// In words.
        reason: String,
    },
    /// It neither talks nor waits: the answer to `release` and `revoke`.
    Released,
}

/// `POST /api/rooms/{room}/alerts`: puts on a call light.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alert {
    /// Whose track calls; none: the desk or a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<TrackId>,
    /// Who is called; none: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<TrackId>,
}
