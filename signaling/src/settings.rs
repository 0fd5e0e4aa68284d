//! What a room is set to, and the patch that changes it.

use serde::{Deserialize, Serialize};

use crate::room::{check_one_of, check_range};

/// Who may talk in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Mode {
    /// All at once.
    #[default]
    Open,
    /// Who has the floor.
    Floor,
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:expr $(, in $low:literal..=$high:literal)? $(, one of $allowed:expr)?;)+) => {
        /// A room's settings; all have a default.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct RoomSettings {
            $($(#[doc = $doc])+ pub $key: $type,)+
        }

        /// `PUT` and `PATCH /api/rooms/{room}`: what is left out stays as it is.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct RoomPatch {
            $($(#[doc = $doc])+ #[serde(default, skip_serializing_if = "Option::is_none")] pub $key: Option<$type>,)+
        }

        impl Default for RoomSettings {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl RoomSettings {
            /// Takes over what the patch says, and gives back what of it was not so already. The caller has checked it.
            pub fn patch(&mut self, patch: &RoomPatch) -> RoomPatch {
                RoomPatch {
                    $($key: patch.$key.filter(|new| *new != self.$key).inspect(|new| self.$key = *new),)+
                }
            }
        }

        impl RoomPatch {
            /// Says what is wrong with a value that is out of its range, naming the key and the range.
            pub fn check(&self) -> Result<(), String> {
                $($(check_range(stringify!($key), self.$key, $low, $high)?;)?)+
                $($(check_one_of(stringify!($key), self.$key, &$allowed)?;)?)+
                Ok(())
            }
        }
    };
}

settings! {
    /// Who may talk.
    mode: Mode = Mode::Open;
    /// Over every mix; −60 to +20 dB, −60 is silence.
    master_gain_db: f32 = 0.0, in -60.0..=20.0;
    /// How long a packet of a mix sounds, ms, 20 or 10: less is sooner heard, and costs more of the network.
    frame_ms: u8 = 20, one of [10, 20];
    /// How many may have the floor at once, 1 to 16.
    floor_holders: u8 = 1, in 1..=16;
    /// How many may wait for it, 0 to 64.
    floor_queue: u8 = 16, in 0..=64;
    /// Longest talk (3GPP TS 24.380 T2), ms, to one hour; 0: no limit.
    floor_talk_ms: u32 = 30_000, in 0..=3_600_000;
    /// So long before its end the talker is warned, ms.
    floor_warning_ms: u32 = 5_000, in 0..=60_000;
    /// So long the talker is still heard after its end (TS 24.380 T3), ms.
    floor_grace_ms: u32 = 1_000, in 0..=10_000;
    /// Whether a request of higher priority takes the floor; else it only leads the queue.
    floor_preemption: bool = true;
    /// How far a voice pushes programs down, dB; 60 is silence.
    duck_db: f32 = 12.0, in 0.0..=60.0;
    /// How long that takes, ms.
    duck_attack_ms: u32 = 120, in 0..=5_000;
    /// How long programs stay down after the last word, ms.
    duck_hold_ms: u32 = 400, in 0..=10_000;
    /// How long they take to come back, ms.
    duck_release_ms: u32 = 900, in 0..=10_000;
    /// How far an announcement pushes all others down, dB; 60 is silence.
    dim_db: f32 = 20.0, in 0.0..=60.0;
}
