//! A room's settings by name: what `mixminus mix --set KEY=VALUE` takes.

use serde_json::{Map, Number, Value};
use signaling::RoomPatch;

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Values {
    Words(&'static [&'static str]),
    Switch,
    OneOf(&'static [u32]),
    Whole(u32, u32),
    Decibels(f32, f32),
}

const SETTINGS: [(&str, Values, &str); 14] = [
    ("mode", Values::Words(&["open", "floor"]), "who may talk: all at once, or who has the floor"),
    ("master_gain_db", Values::Decibels(-60.0, 20.0), "over every mix; -60 is silence"),
    ("frame_ms", Values::OneOf(&[10, 20]), "how long a packet of a mix sounds; 10 is sooner heard"),
    ("floor_holders", Values::Whole(1, 16), "how many may have the floor at once"),
    ("floor_queue", Values::Whole(0, 64), "how many may wait for it"),
    ("floor_talk_ms", Values::Whole(0, 3_600_000), "longest talk; 0 is no limit"),
    ("floor_warning_ms", Values::Whole(0, 60_000), "so long before its end the talker is warned"),
    ("floor_grace_ms", Values::Whole(0, 10_000), "so long the talker is still heard after its end"),
    ("floor_preemption", Values::Switch, "whether a higher priority takes the floor"),
    ("duck_db", Values::Decibels(0.0, 60.0), "how far a voice pushes programs down; 60 is silence"),
    ("duck_attack_ms", Values::Whole(0, 5_000), "how long that takes"),
    ("duck_hold_ms", Values::Whole(0, 10_000), "how long programs stay down after the last word"),
    ("duck_release_ms", Values::Whole(0, 10_000), "how long they take to come back"),
    ("dim_db", Values::Decibels(0.0, 60.0), "how far an announcement pushes all others down; 60 is silence"),
];

/// One setting and its value, as checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    key: &'static str,
    value: Value,
}

/// Reads `KEY=VALUE`.
pub fn setting(text: &str) -> Result<Setting, String> {
    let (key, value) = text.split_once('=').ok_or("a setting is KEY=VALUE, such as duck_db=9")?;
    let (key, value) = (key.trim(), value.trim());
    let Some((key, values, _)) = SETTINGS.iter().find(|(name, ..)| *name == key) else {
        let names: Vec<_> = SETTINGS.iter().map(|(name, ..)| *name).collect();
        return Err(format!("no setting is called {key:?}; there are {}", names.join(", ")));
    };
    let value = values.read(value).ok_or_else(|| format!("{key} is {}, got {value:?}", values.in_words()))?;
    Ok(Setting { key, value })
}

/// All settings in one patch; of those named twice the last counts.
pub fn patch(settings: &[Setting]) -> RoomPatch {
    let keys: Map<_, _> = settings.iter().map(|setting| (setting.key.to_owned(), setting.value.clone())).collect();
    serde_json::from_value(keys.into()).expect("each key and its value were checked when they were read")
}

/// The settings as a table for the help.
pub fn table() -> String {
    let lines = SETTINGS.iter().map(|(key, values, what)| format!("\n  {key:<17} {:<16} {what}", values.in_words()));
    format!("Settings of a room, for --set:{}", lines.collect::<String>())
}

impl Values {
    fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Words(words) => words.contains(&text).then(|| text.into()),
            Self::Switch => match text {
                "true" | "on" => Some(true.into()),
                "false" | "off" => Some(false.into()),
                _ => None,
            },
            Self::OneOf(allowed) => text.parse().ok().filter(|value| allowed.contains(value)).map(Value::from),
            Self::Whole(low, high) => {
                text.parse().ok().filter(|value: &u32| (low..=high).contains(value)).map(Value::from)
            }
            Self::Decibels(low, high) => {
                let value = text.parse().ok().filter(|value: &f32| (low..=high).contains(value))?;
                // By its own digits: as f64 2.1f32 would be 2.0999999.
                value.to_string().parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
            }
        }
    }

    fn in_words(self) -> String {
        match self {
            Self::Words(words) => words.join(" or "),
            Self::Switch => "on or off".into(),
            Self::OneOf(allowed) => allowed.iter().map(u32::to_string).collect::<Vec<_>>().join(" or "),
            Self::Whole(low, high) => format!("{low} to {high}"),
            Self::Decibels(low, high) => format!("{low} to {high} dB"),
        }
    }
}

#[cfg(test)]
mod tests {
    use signaling::RoomSettings;

    use super::*;

    #[test]
    fn the_table_has_every_setting_of_a_room_with_its_range() {
        let settings = serde_json::to_value(RoomSettings::default()).unwrap();
        let mut keys: Vec<_> = settings.as_object().unwrap().keys().map(String::as_str).collect();
        let mut ours: Vec<_> = SETTINGS.iter().map(|(key, ..)| *key).collect();
        keys.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, keys);
        for (key, values, _) in SETTINGS {
            let (low, high, step) = match values {
                Values::Whole(low, high) => (low as f32, high as f32, 1.0),
                Values::Decibels(low, high) => (low, high, 0.5),
                _ => continue,
            };
            for within in [low, high] {
                let read = patch(&[setting(&format!("{key}={within}")).unwrap()]);
                assert_eq!(read.check(), Ok(()), "{key}={within}");
            }
            for beyond in [low - step, high + step] {
                let error = setting(&format!("{key}={beyond}")).unwrap_err();
                assert!(error.contains(&format!("{key} is {}", values.in_words())), "{error}");
                let raw: Result<RoomPatch, _> = serde_json::from_str(&format!(r#"{{"{key}":{beyond}}}"#));
                assert!(raw.is_err() || raw.unwrap().check().is_err(), "the server takes {key}={beyond}");
            }
        }
    }

    #[test]
    fn settings_are_read_by_name_and_the_last_counts() {
        let read = |texts: &[&str]| patch(&texts.iter().map(|text| setting(text).unwrap()).collect::<Vec<_>>());
        let some = read(&["mode=floor", "duck_db = 2.1", "floor_preemption=off", "floor_queue=3", "floor_queue=4"]);
        let wanted = r#"{"mode":"floor","duck_db":2.1,"floor_preemption":false,"floor_queue":4}"#;
        assert_eq!(some, serde_json::from_str(wanted).unwrap());
        for (text, words) in [
            ("duck_db", "KEY=VALUE"),
            ("volume=3", "there are mode, master_gain_db"),
            ("mode=party", "open or floor"),
            ("frame_ms=15", "frame_ms is 10 or 20, got \"15\""),
            ("duck_db=NaN", "0 to 60 dB"),
            ("floor_queue=1.5", "0 to 64"),
            ("floor_queue=99999999999", "0 to 64"),
        ] {
            assert!(setting(text).unwrap_err().contains(words), "{text}");
        }
    }
}
