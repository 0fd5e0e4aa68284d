//! `mixminus mix`: the desk from the command line.

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use signaling::{RoomName, RoomPatch, RoomState, TrackId, TrackPatch, check_track_name};

use crate::{cli::Global, failure::Usage, output, parse};

/// Show the strips of a room, and move them
#[derive(Debug, Args)]
#[command(after_help = "Prints the strips as they are afterwards. With --json: GET /api/rooms/{room}.")]
pub struct Mix {
    /// The room
    room: RoomName,
    /// Whose strip: a track's id, or its name if no other has it
    track: Option<String>,
    /// The strip's gain in dB, -60 (silence) to 20
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = parse::gain, requires = "track")]
    gain: Option<f32>,
    /// The strip's pan, -1 (left) to 1 (right)
    #[arg(long, allow_hyphen_values = true, value_parser = parse::pan, requires = "track")]
    pan: Option<f32>,
    /// Mute the strip; `--mute off` lets it be heard again
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", requires = "track")]
    mute: Option<Switch>,
    /// The gain over the whole mix in dB, -60 (silence) to 20
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = parse::gain)]
    master: Option<f32>,
    /// Give the strip another name
    #[arg(long, value_name = "NAME", value_parser = track_name, requires = "track")]
    rename: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Mix {
    /// Sends what is to change and prints the strips.
    pub async fn run(self, global: &Global) -> anyhow::Result<()> {
        let client = global.client();
        let in_room = || format!("room {}", self.room);
        let strip = self.strip();
        if let Some(track) = &self.track {
            if strip == TrackPatch::default() {
                return Err(Usage("say what to do with the track: --gain, --pan, --mute or --rename".into()).into());
            }
            let id = find(&client.room(&self.room).await.with_context(in_room)?, track)?;
            client.change_track(&self.room, &id, &strip).await.with_context(in_room)?;
        }
        if self.master.is_some() {
            let settings = RoomPatch { master_gain_db: self.master, mode: None };
            client.change_room(&self.room, &settings).await.with_context(in_room)?;
        }
        let room = client.room(&self.room).await.with_context(in_room)?;
        if global.json {
            output::json(&room)?
        } else {
            output::line(&output::strips(&room))?
        }
        Ok(())
    }

    fn strip(&self) -> TrackPatch {
        TrackPatch {
            gain_db: self.gain,
            pan: self.pan,
            muted: self.mute.map(|switch| switch == Switch::On),
            name: self.rename.clone(),
        }
    }
}

/// The id of the track that a person means.
fn find(room: &RoomState, wanted: &str) -> anyhow::Result<TrackId> {
    if let Some(track) = room.tracks.iter().find(|track| track.id.as_str() == wanted) {
        return Ok(track.id.clone());
    }
    let named: Vec<_> = room.tracks.iter().filter(|track| track.name == wanted).collect();
    match named[..] {
        [track] => Ok(track.id.clone()),
        [] if room.tracks.is_empty() => bail!("room {} has no track {wanted:?}: nobody talks there", room.room),
        [] => {
            let names: Vec<_> = room.tracks.iter().map(|track| track.name.as_str()).collect();
            bail!("room {} has no track {wanted:?}; there are: {}", room.room, names.join(", "))
        }
        _ => {
            let ids: Vec<_> = named.iter().map(|track| track.id.as_str()).collect();
            bail!(
                "{} tracks of room {} are called {wanted:?}; name one by its id: {}",
                ids.len(),
                room.room,
                ids.join(", ")
            )
        }
    }
}

fn track_name(text: &str) -> Result<String, String> {
    check_track_name(text).map(|()| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> RoomState {
        serde_json::from_str(include_str!("../../signaling/examples/room-state.json")).unwrap()
    }

    #[test]
    fn a_track_is_found_by_its_id_or_by_a_name_that_only_it_has() {
        let mut room = room();
        let id = room.tracks[1].id.clone();
        assert_eq!(find(&room, id.as_str()).unwrap(), id);
        assert_eq!(find(&room, "bass.flac").unwrap(), id);
        let error = find(&room, "drums").unwrap_err().to_string();
        assert!(error.contains("\"drums\"") && error.contains("Anna, bass.flac"), "{error}");
        room.tracks[0].name = "bass.flac".into();
        let error = find(&room, "bass.flac").unwrap_err().to_string();
        assert!(error.contains("2 tracks") && error.contains(id.as_str()), "{error}");
    }

    #[test]
    fn mute_alone_means_on() {
        use clap::Parser;
        #[derive(Parser)]
        struct Only {
            #[command(flatten)]
            mix: Mix,
        }
        let muted = |arguments: &str| Only::parse_from(arguments.split(' ')).mix.strip().muted;
        assert_eq!(muted("x r t --mute"), Some(true));
        assert_eq!(muted("x r t --mute off"), Some(false));
        assert_eq!(muted("x r t --gain 0"), None);
    }
}
