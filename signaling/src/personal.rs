//! A personal mix: what one listener hears otherwise than the desk says.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{TrackId, room::check_range};

/// `GET /api/rooms/{room}/peers/{id}/mix`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonalMix {
    /// Over the whole mix; −60 to +20 dB, −60 is silence.
    pub volume_db: f32,
    /// Only tracks that are to sound otherwise than at the desk.
    #[cfg_attr(test, ts(type = "Record<string, Wish>"))]
    pub tracks: BTreeMap<TrackId, Wish>,
}

/// How one track is to sound for one listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Wish {
    /// On top of the desk's gain; −60 to +20 dB, −60 is silence.
    pub gain_db: f32,
    /// In place of the desk's pan, −1 to +1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pan: Option<f32>,
    /// Not heard.
    pub muted: bool,
    /// While any track is solo, those that are not are not heard.
    pub solo: bool,
}

/// `PATCH /api/rooms/{room}/peers/{id}/mix`: what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonalPatch {
    /// −60 to +20 dB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_db: Option<f32>,
    /// By track; `null` makes it sound as at the desk again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "wishes")]
    #[cfg_attr(test, ts(optional, as = "Option<std::collections::HashMap<String, Option<WishPatch>>>"))]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, WishPatch>))]
    pub tracks: BTreeMap<TrackId, Option<WishPatch>>,
}

/// What is to change of one wish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WishPatch {
    /// On top of the desk's gain, −60 to +20 dB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain_db: Option<f32>,
    /// In place of the desk's pan, −1 to +1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pan: Option<f32>,
    /// Not heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<bool>,
    /// Heard alone, with others that are solo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solo: Option<bool>,
}

/// serde would take an array for the fields of a wish in their order.
fn wishes<'de, D: Deserializer<'de>>(json: D) -> Result<BTreeMap<TrackId, Option<WishPatch>>, D::Error> {
    let tracks = BTreeMap::<TrackId, Option<serde_json::Map<String, serde_json::Value>>>::deserialize(json)?;
    let wish = |keys: serde_json::Map<_, _>| serde_json::from_value(keys.into()).map_err(D::Error::custom);
    tracks.into_iter().map(|(id, keys)| Ok((id, keys.map(wish).transpose()?))).collect()
}

/// So many tracks one personal mix may name; more are refused.
pub const MAX_WISHES: usize = 256;

impl PersonalPatch {
    /// Says what is wrong with a value that is out of its range, naming the key and the range.
    pub fn check(&self) -> Result<(), String> {
        check_range("volume_db", self.volume_db, -60.0, 20.0)?;
        if self.tracks.len() > MAX_WISHES {
            return Err(format!("tracks must name at most {MAX_WISHES} tracks, got {}", self.tracks.len()));
        }
        for wish in self.tracks.values().flatten() {
            check_range("gain_db", wish.gain_db, -60.0, 20.0)?;
            check_range("pan", wish.pan, -1.0, 1.0)?;
        }
        Ok(())
    }
}

impl PersonalMix {
    /// Takes over what the patch says. The caller has checked it.
    pub fn patch(&mut self, patch: &PersonalPatch) {
        self.volume_db = patch.volume_db.unwrap_or(self.volume_db);
        for (id, change) in &patch.tracks {
            match change {
                None => {
                    self.tracks.remove(id);
                }
                Some(change) => {
                    let wish = self.tracks.entry(id.clone()).or_default();
                    wish.gain_db = change.gain_db.unwrap_or(wish.gain_db);
                    wish.pan = change.pan.or(wish.pan);
                    wish.muted = change.muted.unwrap_or(wish.muted);
                    wish.solo = change.solo.unwrap_or(wish.solo);
                }
            }
        }
        self.tracks.retain(|_, wish| *wish != Wish::default());
    }

    /// Whether it is as the desk says.
    pub fn is_plain(&self) -> bool {
        self.volume_db == 0.0 && self.tracks.is_empty()
    }
}
