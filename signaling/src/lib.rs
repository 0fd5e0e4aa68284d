//! The wire of mixminus: the types of every message, and behind the feature `client` the client
//! that joins a room from a program.
//!
//! Every message has an example in `signaling/examples/`; tests of Rust and of the browser read
//! the same files, and `web-client/src/network/wire.ts` is generated from the types here.

#[cfg(feature = "client")]
pub mod client;
mod names;
mod offer;
mod problem;
mod room;
mod socket;
mod token;

pub use names::{InvalidName, RoomName, TrackId};
pub use offer::{Offer, OfferAnswer, Role, SdpKind, SessionDescription};
pub use problem::Problem;
pub use room::{Health, Kind, LEVEL_FLOOR_DBFS, Mode, RoomPatch, RoomState, TrackPatch, TrackState, check_track_name};
pub use socket::{Change, ClientMessage, Command, Refused, ServerMessage};
pub use token::{Claims, Right};

#[cfg(test)]
mod typescript;
