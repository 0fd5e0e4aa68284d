//! The browser's types, rendered from the Rust ones and compared with the committed file.

use ts_rs::{Config, TS};

use crate::*;

const HEADER: &str = "\
// Generated from the Rust types in signaling/src; do not edit.
// `UPDATE_WIRE=1 cargo test -p mixminus-signaling` writes it anew.
";

/// Where the browser's network part reads it, from this crate's folder.
const WIRE_TS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../web-client/src/network/wire.ts");

fn declaration<T: TS>(cfg: &Config) -> String {
    let text = format!("\n{}export {}\n", T::docs().unwrap_or_default(), T::decl(cfg));
    // One line for each field and each one-line comment.
    let text = text.replace(" | { \"", "\n| { \"").replace(" = { \"", " =\n| { \"");
    let mut lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
    for at in (0..lines.len().saturating_sub(2)).rev() {
        if lines[at] == "/**" && lines[at + 2] == " */" {
            let comment = format!("/** {} */", lines[at + 1].trim_start_matches(" * "));
            lines.splice(at..at + 3, [comment]);
        }
    }
    lines.join("\n") + "\n"
}

macro_rules! declarations {
    ($cfg:expr; $($type:ty),* $(,)?) => {
        [$(declaration::<$type>($cfg)),*].concat()
    };
}

fn wire_ts() -> String {
    let cfg = Config::new();
    let types = declarations!(&cfg;
        RoomName, TrackId,
        Offer, OfferAnswer, Role, SessionDescription, SdpKind,
        RoomState, RoomSettings, TrackState, Kind, Mode, Bus, RoomPatch, TrackPatch,
        FloorState, FloorHolder, FloorWaiter, AccessTimes, FloorEvent, FloorAction, FloorRequest, FloorAnswer, Alert,
        PersonalMix, Wish, PersonalPatch, WishPatch,
        ServerMessage, TrackStats, Change, ClientMessage, Command,
        Problem, Health, Claims, Right,
    );
    format!("{HEADER}{types}")
}

#[test]
fn the_browser_has_the_types_of_the_wire() {
    let rendered = wire_ts();
    if std::env::var_os("UPDATE_WIRE").is_some() {
        std::fs::create_dir_all(std::path::Path::new(WIRE_TS).parent().unwrap()).unwrap();
        std::fs::write(WIRE_TS, &rendered).unwrap();
    }
    let committed = std::fs::read_to_string(WIRE_TS).unwrap_or_default();
    assert_eq!(
        committed, rendered,
        "web-client/src/network/wire.ts is out of step: run UPDATE_WIRE=1 cargo test -p mixminus-signaling"
    );
}
