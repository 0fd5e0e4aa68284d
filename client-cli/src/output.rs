//! Standard output is for results, standard error for everything else.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use signaling::{Mode, PersonalMix, RoomState, TrackId};

use crate::floor::seconds;

/// Prints a line and hands it on at once: what reads a pipe sees it when it happens.
pub fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Prints a value as one line of JSON.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// Says something on standard error; that nobody reads it is no failure.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether somebody looks at standard error while it is written.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Seconds as people read them: `1:02.3`, and `1:00:02.3` from an hour on.
pub fn clock(seconds: f64) -> String {
    let tenths = (seconds.max(0.0) * 10.0) as u64;
    let (hours, minutes, seconds) = (tenths / 36_000, tenths / 600 % 60, (tenths % 600) as f64 / 10.0);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:04.1}") } else { format!("{minutes}:{seconds:04.1}") }
}

/// A meter of ten places from -60 to 0 dBFS.
pub fn meter(level_dbfs: f32) -> String {
    let lit = ((level_dbfs + 60.0) / 6.0).clamp(0.0, 10.0).round() as usize;
    format!("{}{}", "#".repeat(lit), ".".repeat(10 - lit))
}

/// The strips of a room as a table, under its floor where it has one.
pub fn strips(room: &RoomState) -> String {
    let mut text = format!(
        "room {} · {} · master {:+.1} dB · {}",
        room.room,
        word(&room.settings.mode),
        room.settings.master_gain_db,
        counted(room.listeners as usize, "listener"),
    );
    if room.settings.mode == Mode::Floor {
        text += &floor(room);
    }
    let names = width(4, room.tracks.iter().map(|track| track.name.as_str()));
    let groups = width(5, room.tracks.iter().filter_map(|track| track.group.as_deref()));
    if !room.tracks.is_empty() {
        text += &format!(
            "\n{:<22}  {:<names$}  KIND  BUS           {:<groups$}  GAIN dB    PAN  MUTED  LEVEL dBFS",
            "ID", "NAME", "GROUP"
        );
    }
    for track in &room.tracks {
        text += &format!(
            "\n{:<22}  {}  {:<4}  {:<12}  {}  {:>+7.1}  {:>+5.2}  {:<5}  {}",
            track.id.as_str(),
            padded(&track.name, names),
            word(&track.kind),
            word(&track.bus),
            padded(track.group.as_deref().unwrap_or("-"), groups),
            track.gain_db,
            track.pan,
            if track.muted { "yes" } else { "no" },
            if track.talking { format!("{:.1}", track.level_dbfs) } else { "-".into() },
        );
    }
    text
}

/// Who has the floor and who waits for it, a line each.
fn floor(room: &RoomState) -> String {
    let priority = |priority: u8| if priority == 0 { String::new() } else { format!(", priority {priority}") };
    let mut text = String::new();
    for holder in &room.floor.holders {
        let left = match holder.left_ms {
            Some(left_ms) => format!("{} left", seconds(left_ms)),
            None => "no limit".into(),
        };
        let over = if holder.revoked { ", has to end" } else { "" };
        text += &format!("\nfloor: {}, {left}{over}{}", name(room, &holder.id), priority(holder.priority));
    }
    if text.is_empty() {
        text += "\nfloor: free";
    }
    for (at, waiter) in room.floor.queue.iter().enumerate() {
        let waited = seconds(waiter.waited_ms);
        text += &format!("\nwaits: {}. {}, for {waited}{}", at + 1, name(room, &waiter.id), priority(waiter.priority));
    }
    text
}

/// A personal mix, a line for each track that sounds otherwise than at the desk.
pub fn personal(mix: &PersonalMix, room: &RoomState) -> String {
    let mut text = format!("volume {:+.1} dB", mix.volume_db);
    for (id, wish) in &mix.tracks {
        text += &format!("\n{}: {:+.1} dB", name(room, id), wish.gain_db);
        if let Some(pan) = wish.pan {
            text += &format!(", pan {pan:+.2}");
        }
        for (is_so, word) in [(wish.muted, "muted"), (wish.solo, "solo")] {
            if is_so {
                text += &format!(", {word}");
            }
        }
    }
    text
}

/// `1 listener`, `2 listeners`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A value whose JSON is a word.
fn word(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default().trim_matches('"').to_owned()
}

/// A track's name; of one that has left its id.
fn name<'a>(room: &'a RoomState, id: &'a TrackId) -> &'a str {
    room.tracks.iter().find(|track| track.id == *id).map_or(id.as_str(), |track| &track.name)
}

/// Of a column that is at least so wide.
fn width<'a>(least: usize, words: impl Iterator<Item = &'a str>) -> usize {
    words.map(|word| word.chars().count()).fold(least, usize::max)
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.chars().count())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_meters_read_as_people_expect() {
        assert_eq!([clock(0.0), clock(62.34), clock(3_602.3)], ["0:00.0", "1:02.3", "1:00:02.3"]);
        assert_eq!([meter(-127.0), meter(-30.0), meter(3.0)], ["..........", "#####.....", "##########"]);
    }

    #[test]
    fn a_table_has_a_line_for_each_strip() {
        let example = include_str!("../../signaling/examples/room-state.json");
        let table = strips(&serde_json::from_str(example).unwrap());
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 6, "{table}");
        assert!(lines[0].contains("ward-3 · floor") && lines[0].contains("2 listeners"), "{table}");
        assert_eq!(lines[1..3], ["floor: Anna, 19 s left", "waits: 1. q3Rm8uJf5wZtN0bXk7Dy1E, for 4 s"], "{table}");
        for shown in ["bass.flac", "program", "band", "-6.0", "-0.50"] {
            assert!(lines[5].contains(shown), "{table}");
        }
        assert_eq!(lines[3].find("GAIN dB").unwrap() + 7, lines[5].find("-6.0").unwrap() + 4, "{table}");
    }

    #[test]
    fn a_personal_mix_names_what_differs() {
        let room = serde_json::from_str(include_str!("../../signaling/examples/room-state.json")).unwrap();
        let mix = r#"{"volume_db":-3,"tracks":{"x8Hk2mQp0VbT5nRzYcJd3A":{"gain_db":-12,"pan":0.5,"muted":true,"solo":false}}}"#;
        let text = personal(&serde_json::from_str(mix).unwrap(), &room);
        assert_eq!(text, "volume -3.0 dB\nAnna: -12.0 dB, pan +0.50, muted");
    }
}
