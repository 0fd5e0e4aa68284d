//! How soon a room wants what its members send: where it says that it can wait, nobody may notice.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod forward_support;
mod room_support;

use audio::EncoderSettings;
use forward_support::*;
use room::Wants;
use room_support::{Part, ms};

fn tone(hz: f64) -> Box<dyn FnMut(u64) -> f32> {
    Box::new(move |n| (0.1 * (n as f64 * hz / 48_000.0 * std::f64::consts::TAU).sin()) as f32)
}

#[test]
fn packets_wait_for_a_step_only_while_there_is_one_and_nobody_is_forwarded() {
    let mut scene = Scene::new(1);
    assert_eq!(scene.room.wants(), Wants::Nothing, "nobody is here");
    for member in [1, 2] {
        scene.join(member, Part::Both);
    }
    scene.join(3, Part::Hears);
    assert_eq!(scene.room.wants(), Wants::AtOnce, "the first packet begins the steps");

    scene.talk(1, 960, EncoderSettings::default(), tone(400.0));
    scene.run_until(ms(5_000), |scene| scene.room.counters().forwarded > 0);
    scene.run(ms(100));
    assert_eq!(scene.room.wants(), Wants::AtOnce, "he is forwarded");

    scene.talk(2, 960, EncoderSettings::default(), tone(700.0));
    scene.run(ms(500));
    assert_eq!(scene.room.wants(), Wants::ForStep, "they are mixed");

    scene.hush(2);
    let before = scene.room.counters().forwarded;
    scene.run_until(ms(30_000), |scene| scene.room.counters().forwarded > before);
    assert_eq!(scene.room.wants(), Wants::AtOnce, "he is forwarded again");

    scene.hush(1);
    scene.run(ms(5_000));
    assert_eq!(scene.room.wants(), Wants::AtOnce, "who speaks next is to be heard at once");
    for member in [1, 2, 3] {
        scene.leave(member);
    }
    assert_eq!(scene.room.wants(), Wants::Nothing, "all have left");
}
