//! Standard output is for results, standard error for everything else.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use signaling::{RoomState, TrackState};

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

/// The strips of a room as a table.
pub fn strips(room: &RoomState) -> String {
    let mut text = format!(
        "room {} · {} · master {:+.1} dB · {}",
        room.room,
        serde_json::to_string(&room.mode).unwrap_or_default().trim_matches('"'),
        room.master_gain_db,
        counted(room.listeners as usize, "listener"),
    );
    let names = room.tracks.iter().map(|track| track.name.chars().count()).chain([4]).max().unwrap_or(4);
    if !room.tracks.is_empty() {
        text += &format!("\n{:<22}  {:<names$}  KIND  GAIN dB    PAN  MUTED  LEVEL dBFS", "ID", "NAME");
    }
    for track in &room.tracks {
        text += &format!(
            "\n{:<22}  {}  {:<4}  {:>+7.1}  {:>+5.2}  {:<5}  {}",
            track.id.as_str(),
            padded(&track.name, names),
            kind(track),
            track.gain_db,
            track.pan,
            if track.muted { "yes" } else { "no" },
            if track.talking { format!("{:.1}", track.level_dbfs) } else { "-".into() },
        );
    }
    text
}

/// `1 listener`, `2 listeners`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn kind(track: &TrackState) -> String {
    serde_json::to_string(&track.kind).unwrap_or_default().trim_matches('"').to_owned()
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
        assert_eq!(lines.len(), 4, "{table}");
        assert!(lines[0].contains("ward-3") && lines[0].contains("2 listeners"), "{table}");
        assert!(lines[3].contains("bass.flac") && lines[3].contains("-6.0") && lines[3].contains("-0.50"), "{table}");
    }
}
