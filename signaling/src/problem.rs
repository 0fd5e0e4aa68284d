//! Errors as RFC 9457 `application/problem+json`.

use serde::{Deserialize, Serialize};

/// The body of every error answer. `detail` names what was wrong and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{title}: {detail}")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A URI reference for the kind of problem: `/problems/unknown-room`; stable, for programs.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for people, in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This occurrence: what was wrong and what would be right.
    pub detail: String,
}
