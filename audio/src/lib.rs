//! The pure audio of mixminus: frames, Opus, the receive side of a talker, strips, mixing,
//! limiting, metering. It knows no clock, no socket, no thread and no log: time is an argument (a
//! `Duration` since any fixed start), so the same inputs give the same sound.
//!
//! All audio is 48 kHz interleaved stereo f32 in frames of 20 ms, full scale at ±1.0.

pub mod frame;
pub mod opus;
mod packet;
mod splice;

pub mod analysis;
pub mod file;
pub mod jitter;
pub mod limiter;
pub mod loudness;
pub mod meter;
pub mod mix;
pub mod playout;
pub mod strip;

pub use frame::{CHANNELS, FRAME_SAMPLES, FRAME_TIME, Frame, SAMPLE_RATE};
pub use jitter::{Arrival, Packet};
pub use limiter::Limiter;
pub use meter::{Talking, level_dbfs, peak_dbfs};
pub use mix::Bus;
pub use opus::{Decoder, Encoder, MAX_DECODED, MAX_ENCODED, OpusError, Settings as EncoderSettings, packet_samples};
pub use playout::{Played, Playout, Settings as PlayoutSettings, Stats};
pub use strip::{Master, Strip, db_to_gain};
