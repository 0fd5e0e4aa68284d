//! Names and ids as they stand in addresses and messages.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A room's name: 1 to 64 characters of `A-Z a-z 0-9 _ -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$"))]
pub struct RoomName(String);

impl RoomName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a peer and of the track it sends: 22 characters of `A-Z a-z 0-9 _ -`, not guessable
/// (128 random bits), because who knows it may hang the peer up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
pub struct TrackId(String);

impl TrackId {
    /// The id that these 128 random bits spell (base64url without padding, RFC 4648 §5). The two highest bits come first, so
    /// it begins with a letter: on a command line it is never taken for an option.
    pub fn from_random(bits: u128) -> Self {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        Self((0..22).rev().map(|i| ALPHABET[((bits >> (i * 6)) & 63) as usize] as char).collect())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} must be {rule}, got {got:?}")]
pub struct InvalidName {
    what: &'static str,
    rule: &'static str,
    got: String,
}

fn check(what: &'static str, rule: &'static str, text: &str) -> Result<(), InvalidName> {
    let fits =
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if fits { Ok(()) } else { Err(InvalidName { what, rule, got: text.chars().take(80).collect() }) }
}

macro_rules! checked_text {
    ($type:ty, $what:literal, $rule:literal) => {
        impl FromStr for $type {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                check($what, $rule, text)?;
                Ok(Self(text.to_owned()))
            }
        }
        impl TryFrom<String> for $type {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                check($what, $rule, &text)?;
                Ok(Self(text))
            }
        }
        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
checked_text!(RoomName, "a room's name", "1 to 64 characters of A-Z a-z 0-9 _ -");
checked_text!(TrackId, "a track's id", "1 to 64 characters of A-Z a-z 0-9 _ -");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_name_is_1_to_64_of_the_alphabet() {
        for good in ["a", "Ward_3-b", &"x".repeat(64)] {
            assert!(good.parse::<RoomName>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "ä", "a/b", "..", &"x".repeat(65)] {
            let error = bad.parse::<RoomName>().expect_err("not a name").to_string();
            assert!(error.contains("1 to 64 characters"), "{error}");
        }
    }

    #[test]
    fn different_bits_spell_different_ids() {
        assert_eq!(TrackId::from_random(u128::MAX).as_str().len(), 22);
        assert_ne!(TrackId::from_random(1), TrackId::from_random(1 << 127));
    }

    #[test]
    fn an_id_begins_with_a_letter() {
        for bits in (0..128).map(|bit| u128::MAX << bit) {
            let id = TrackId::from_random(bits);
            assert!(id.as_str().starts_with(|first: char| first.is_ascii_alphabetic()), "{id}");
        }
    }
}
