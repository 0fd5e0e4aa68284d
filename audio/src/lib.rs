//! The pure audio of mixminus: frames, Opus, the receive side of a talker, strips, mixing,
//! limiting, metering. It knows no clock, no socket, no thread and no log: time is an argument (a
//! `Duration` since any fixed start), so the same inputs give the same sound.
//!
//! All audio is 48 kHz interleaved stereo f32 in frames of 20 ms, or of 10, full scale at ±1.0.

mod bandwidth;
pub mod frame;
mod libopus;
pub mod onset;
mod opus;
mod packet;
mod splice;

pub mod agc;
pub mod analysis;
pub mod denoise;
pub mod duck;
pub mod file;
pub mod jitter;
pub mod limiter;
pub mod loudness;
pub mod meter;
pub mod mix;
pub mod playout;
pub mod slew;
pub mod strip;

pub use agc::AutoGain;
pub use denoise::Denoiser;
pub use duck::{DuckSettings, Ducker};
pub use frame::{CHANNELS, FRAME_SAMPLES, FRAME_TIME, Frame, FrameLength, SAMPLE_RATE};
pub use jitter::{Arrival, Packet};
pub use limiter::Limiter;
pub use loudness::LoudnessMeter;
pub use meter::{Talking, level_dbfs, peak_dbfs};
pub use mix::Bus;
pub use opus::{
    Decoder, Encoder, MAX_DECODED, MAX_ENCODED, OpusError, STUDIO_BPS, Settings as EncoderSettings, has_fec,
    packet_samples,
};
pub use playout::{Kept, Played, Playout, Relay, Settings as PlayoutSettings, Stats};
pub use slew::{MAX_SLEW, Slew};
pub use strip::{Master, Strip, db_to_gain};
