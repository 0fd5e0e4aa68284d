//! What may be done to a room: any of it, in any order, with values in their ranges and out of them.

use proptest::prelude::*;
use signaling::{Bus, FloorAction, Mode, RoomPatch, TrackPatch, WishPatch};

use super::room_support::{Part, Sim, tone};

/// One thing that is done to a room.
#[derive(Clone, Debug)]
pub enum Operation {
    Join { part: Part, client: Option<u8>, name: Option<String>, strip: TrackPatch },
    Leave(usize),
    Packet { member: usize, ssrc: u32, skip: u16, payload: usize },
    SetTrack { track: usize, strip: TrackPatch },
    SetRoom(RoomPatch),
    Floor { track: usize, action: FloorAction, priority: u8 },
    SetMix { member: usize, track: usize, wish: Option<WishPatch>, volume_db: Option<f32> },
    Remove(usize),
    Wait(u64),
    Watch(bool),
}

fn value(low: f32, high: f32) -> impl Strategy<Value = Option<f32>> {
    // Coarse, so that values repeat, and now and then out of range or no number.
    prop_oneof![
        3 => Just(None),
        5 => (0..=8u8).prop_map(move |n| Some(low + (high - low) * f32::from(n) / 8.0)),
        1 => prop_oneof![Just(f32::NAN), Just(1e9), Just(f32::NEG_INFINITY)].prop_map(Some),
    ]
}

fn strips() -> impl Strategy<Value = TrackPatch> {
    let name = prop::option::weighted(0.3, prop_oneof!["[a-c]", Just(String::new())]);
    let bus = prop::option::weighted(0.2, prop_oneof![Just(Bus::Voice), Just(Bus::Program), Just(Bus::Announcement)]);
    let group = prop::option::weighted(0.1, "[a-b]?");
    let treatment = || prop::option::weighted(0.2, any::<bool>());
    let moved = (value(-60.0, 20.0), value(-1.0, 1.0), prop::option::of(any::<bool>()));
    (moved, name, bus, group, treatment(), treatment()).prop_map(
        |((gain_db, pan, muted), name, bus, group, auto_gain, denoise)| TrackPatch {
            gain_db,
            pan,
            muted,
            name,
            bus,
            group,
            auto_gain,
            denoise,
        },
    )
}

fn rooms() -> impl Strategy<Value = RoomPatch> {
    let mode = prop::option::weighted(0.3, prop_oneof![1 => Just(Mode::Open), 2 => Just(Mode::Floor)]);
    let holders = prop::option::weighted(0.2, 0..4u8);
    let talk = prop::option::weighted(0.2, prop_oneof![Just(0), Just(500), Just(3_000), Just(4_000_000)]);
    let frame = prop::option::weighted(0.3, prop_oneof![Just(10), Just(20), Just(15)]);
    (value(-60.0, 20.0), frame, mode, holders, talk, value(0.0, 60.0)).prop_map(
        |(master_gain_db, frame_ms, mode, floor_holders, floor_talk_ms, duck_db)| RoomPatch {
            master_gain_db,
            frame_ms,
            mode,
            floor_holders,
            floor_talk_ms,
            duck_db,
            ..RoomPatch::default()
        },
    )
}

fn wishes() -> impl Strategy<Value = Option<WishPatch>> {
    let wish = (value(-60.0, 20.0), value(-1.0, 1.0), prop::option::of(any::<bool>()), prop::option::of(any::<bool>()));
    prop::option::weighted(0.8, wish.prop_map(|(gain_db, pan, muted, solo)| WishPatch { gain_db, pan, muted, solo }))
}

fn actions() -> impl Strategy<Value = FloorAction> {
    prop_oneof![
        6 => Just(FloorAction::Request),
        3 => Just(FloorAction::Release),
        1 => Just(FloorAction::Grant),
        1 => Just(FloorAction::Revoke),
    ]
}

pub fn operations() -> impl Strategy<Value = Operation> {
    let part = prop_oneof![3 => Just(Part::Both), 1 => Just(Part::Talks), 1 => Just(Part::Hears)];
    let client = prop::option::of(0..3u8);
    let name = prop::option::of("[a-c]");
    prop_oneof![
        4 => (part, client, name, strips()).prop_map(|(part, client, name, strip)| Operation::Join { part, client, name, strip }),
        2 => (0..40usize).prop_map(Operation::Leave),
        30 => (0..12usize, 0..2u32, 0..4u16, 0..PAYLOADS).prop_map(|(member, ssrc, skip, payload)| Operation::Packet { member, ssrc, skip, payload }),
        5 => (0..12usize, strips()).prop_map(|(track, strip)| Operation::SetTrack { track, strip }),
        3 => rooms().prop_map(Operation::SetRoom),
        5 => (0..12usize, actions(), 0..3u8).prop_map(|(track, action, priority)| Operation::Floor { track, action, priority }),
        3 => (0..12usize, 0..12usize, wishes(), value(-60.0, 20.0)).prop_map(|(member, track, wish, volume_db)| Operation::SetMix { member, track, wish, volume_db }),
        1 => (0..12usize).prop_map(Operation::Remove),
        20 => (0..60u64).prop_map(Operation::Wait),
        1 => (20_000..70_000u64).prop_map(Operation::Wait),
        1 => any::<bool>().prop_map(Operation::Watch),
    ]
}

/// How many payloads there are.
pub const PAYLOADS: usize = 8;

/// Seven packets of a tone and one that is not Opus.
pub fn payloads() -> Vec<Vec<u8>> {
    let mut sim = Sim::new();
    sim.talk(1, tone(500.0, 0.2));
    let mut payloads: Vec<Vec<u8>> = (1..PAYLOADS).map(|_| sim.sender(1).packet()).collect();
    payloads.push(vec![0xff]);
    payloads
}
