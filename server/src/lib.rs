//! The mixminus server.

pub mod clock;
pub mod config;
pub mod event_log;
pub mod peer;
pub mod room;
pub mod rooms;
mod worker;
