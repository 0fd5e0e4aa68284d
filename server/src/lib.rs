//! The mixminus server.

pub mod clock;
pub mod peer;
pub mod room;
