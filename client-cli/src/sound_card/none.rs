//! A build without sound cards.

use anyhow::bail;
use audio::Frame;
use tokio::sync::mpsc;

const WITHOUT: &str = "this mixminus was built without sound cards; `cargo build --release -p mixminus-cli --features live-audio` builds one with them";

/// Cannot be had.
pub enum Speaker {}

/// Cannot be had.
pub enum Microphone {}

impl Speaker {
    /// Says why not.
    pub fn open() -> anyhow::Result<Self> {
        bail!(WITHOUT)
    }

    /// Never called.
    pub fn play(&mut self, _frame: &Frame) {
        match *self {}
    }

    /// Never called.
    pub fn queued(&self) -> usize {
        match *self {}
    }
}

impl Microphone {
    /// Says why not.
    pub fn open() -> anyhow::Result<(Self, mpsc::Receiver<Frame>)> {
        bail!(WITHOUT)
    }
}
