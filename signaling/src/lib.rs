//! The wire of mixminus: the types of every message, and behind the feature `client` the client
//! that joins a room from a program.
//!
//! Every message has an example in `signaling/examples/`; tests of Rust and of the browser read
//! the same files, and `web-client/src/network/wire.ts` is generated from the types here.

#[cfg(feature = "client")]
pub mod client;
mod floor;
mod names;
mod offer;
mod personal;
mod problem;
mod room;
mod settings;
mod socket;
mod token;

pub use floor::{
    AccessTimes, Alert, FloorAction, FloorAnswer, FloorEvent, FloorHolder, FloorRequest, FloorState, FloorWaiter,
};
pub use names::{InvalidName, RoomName, TrackId};
pub use offer::{Offer, OfferAnswer, Role, SdpKind, SessionDescription};
pub use personal::{MAX_WISHES, PersonalMix, PersonalPatch, Wish, WishPatch};
pub use problem::Problem;
pub use room::{Bus, Health, Kind, LEVEL_FLOOR_DBFS, RoomState, TrackPatch, TrackState, check_track_name};
pub use settings::{Mode, RoomPatch, RoomSettings};
pub use socket::{Change, ClientMessage, Command, Refused, ServerMessage, TrackStats};
pub use token::{Claims, Right};

#[cfg(test)]
mod typescript;
