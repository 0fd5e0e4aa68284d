//! Sound files in and out, checked against ffmpeg, ffprobe and sox.

// What helps the tests is test code too.
#![allow(clippy::unwrap_used)]

mod broken;
mod loudness;
mod ogg;
mod read;
mod stems;
mod tools;
mod wav;
