//! Frames of 10 ms as a room setting: half as long until heard, and changing it costs no sound.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod room_support;

use room_support::*;
use signaling::{RoomPatch, TrackPatch};

fn frames_of(frame_ms: u8) -> RoomPatch {
    RoomPatch { frame_ms: Some(frame_ms), ..RoomPatch::default() }
}

#[test]
fn packets_are_as_long_as_the_room_is_set_to_and_the_change_is_not_heard() {
    let mut sim = Sim::new();
    sim.join(1, Part::Talks, strip(-3.0, 0.0));
    sim.join(2, Part::Hears, TrackPatch::default());
    sim.talk(1, tone(500.0, 0.3));
    sim.run(ms(1_000));
    for frame_ms in [10, 20, 10] {
        sim.set_room(frames_of(frame_ms));
        let before = sim.ear(2).packets.len();
        sim.run(ms(1_000));
        let packets = sim.ear(2).packets.len() - before;
        assert!(packets.abs_diff(1_000 / usize::from(frame_ms)) <= 1, "{packets} packets of {frame_ms} ms");
    }
    let ear = sim.ear(2);
    for pair in ear.packets.windows(2) {
        let ahead = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(ahead == 480 || ahead == 960, "{ahead} samples from packet to packet");
    }
    let heard = ear.last(3.5, 0.1);
    for (at, window) in heard.chunks_exact(960 * 2).enumerate() {
        let level = tone_dbfs(window, 0, 500.0);
        assert!((level + 13.46).abs() < 0.3, "{level} dBFS at {} ms", at * 20);
    }
    let step = (0.3 * 0.708 * std::f64::consts::TAU * 500.0 / 48_000.0) as f32;
    assert!(largest_step(heard, 0) < 1.2 * step, "a click of {}", largest_step(heard, 0));
}
