//! `mixminus mix`: the desk from the command line.

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use signaling::client::Client;
use signaling::{
    FloorAction, FloorAnswer, FloorRequest, PersonalPatch, RoomName, RoomPatch, RoomState, TrackId, TrackPatch,
    WishPatch,
};

use crate::{
    cli::Global,
    failure::Usage,
    floor::seconds,
    output,
    parse::{self, OnBus},
    settings::{self, Setting},
};

const AFTER: &str = "Prints the strips as they are afterwards, with --for the personal mix, with --floor the answer.
With --json: the room, the personal mix or the answer as the server gives it.";

/// Show the strips of a room and move them, set the room, and give and take its floor
///
/// With --for it is not the desk that moves but what one peer hears: its own gain, pan, mute and solo
/// of a track, and its own volume.
#[derive(Debug, Args)]
#[command(after_help = AFTER, after_long_help = format!("{AFTER}\n\n{}", settings::table()))]
pub struct Mix {
    /// The room
    room: RoomName,
    /// Whose strip: a track's id, or its name if no other has it
    track: Option<String>,
    /// The strip's gain in dB, -60 (silence) to 20; with --for on top of the desk's
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = parse::gain, requires = "track")]
    gain: Option<f32>,
    /// The strip's pan, -1 (left) to 1 (right); with --for in place of the desk's
    #[arg(long, allow_hyphen_values = true, value_parser = parse::pan, requires = "track")]
    pan: Option<f32>,
    /// Mute the strip; `--mute off` lets it be heard again
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", requires = "track")]
    mute: Option<Switch>,
    /// Give the strip another name
    #[arg(long, value_name = "NAME", value_parser = parse::track_name, requires = "track", conflicts_with = "peer")]
    rename: Option<String>,
    /// Put the track on another bus
    #[arg(long, value_enum, requires = "track", conflicts_with = "peer")]
    bus: Option<OnBus>,
    /// Bring the voice to one level with all others, slowly; `--auto-gain off` ends that
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", requires = "track",
        conflicts_with = "peer")]
    auto_gain: Option<Switch>,
    /// Take out of the track what is no voice; `--denoise off` ends that
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", requires = "track",
        conflicts_with = "peer")]
    denoise: Option<Switch>,
    /// Put the strip into a group, whose strips move together on the desk; "" takes it out
    #[arg(long, value_name = "NAME", value_parser = group, requires = "track", conflicts_with = "peer")]
    group: Option<String>,
    /// Ask for the floor for a track or give it back, or give it and take it as the desk
    #[arg(long, value_name = "ACTION", value_enum, requires = "track",
        conflicts_with_all = ["gain", "pan", "mute", "rename", "bus", "auto_gain", "denoise", "group", "peer", "master",
            "mode", "set"])]
    floor: Option<OnFloor>,
    /// The priority of `--floor request`, 0 to 255
    #[arg(long, value_name = "N", requires = "floor")]
    priority: Option<u8>,
    /// The gain over the whole mix in dB, -60 (silence) to 20
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = parse::gain)]
    master: Option<f32>,
    /// Who may talk: all at once (`open`), or who has the floor
    #[arg(long, value_name = "open|floor", value_enum)]
    mode: Option<InMode>,
    /// Change a setting of the room, such as duck_db=9; --help lists them
    #[arg(long, value_name = "KEY=VALUE", value_parser = settings::setting)]
    set: Vec<Setting>,
    /// Change only what this peer hears: its id, or its track's id or name
    #[arg(long = "for", value_name = "PEER", conflicts_with_all = ["master", "mode", "set"])]
    peer: Option<String>,
    /// The peer's volume in dB, -60 (silence) to 20
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = parse::gain, requires = "peer")]
    volume: Option<f32>,
    /// The peer hears only the tracks that are solo; `--solo off` ends that
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", requires_all = ["track", "peer"])]
    solo: Option<Switch>,
    /// The track sounds for the peer as at the desk again
    #[arg(long, requires_all = ["track", "peer"], conflicts_with_all = ["gain", "pan", "mute", "solo"])]
    reset: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Switch {
    fn is_on(self) -> bool {
        self == Self::On
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum InMode {
    Open,
    Floor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnFloor {
    /// The key goes down
    Request,
    /// The key goes up
    Release,
    /// The desk gives it now, whoever waits
    Grant,
    /// The desk takes it, or the place in the queue
    Revoke,
}

impl Mix {
    /// Sends what is to change and prints the strips, the personal mix or what the floor answered.
    pub async fn run(self, global: &Global) -> anyhow::Result<()> {
        let client = global.client();
        let in_room = || format!("room {}", self.room);
        if let Some(peer) = &self.peer {
            if self.track.is_some() && self.wish().is_none() && !self.reset {
                let words = "say how the track is to sound for the peer: --gain, --pan, --mute, --solo or --reset";
                return Err(Usage(words.into()).into());
            }
            return self.personal(&client, peer, global.json).await.with_context(in_room);
        }
        if let (Some(track), Some(floor)) = (&self.track, self.floor) {
            return self.move_floor(&client, track, floor, global.json).await.with_context(in_room);
        }
        let strip = self.strip();
        if let Some(track) = &self.track {
            if strip == TrackPatch::default() {
                let words = "say what to do with the track: --gain, --pan, --mute, --rename, --bus, --auto-gain, --denoise, --group or --floor";
                return Err(Usage(words.into()).into());
            }
            let id = find(&client.room(&self.room).await.with_context(in_room)?, track)?;
            client.change_track(&self.room, &id, &strip).await.with_context(in_room)?;
        }
        let settings = self.settings();
        if settings != RoomPatch::default() {
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
            muted: self.mute.map(Switch::is_on),
            name: self.rename.clone(),
            bus: self.bus.map(Into::into),
            group: self.group.clone(),
            auto_gain: self.auto_gain.map(Switch::is_on),
            denoise: self.denoise.map(Switch::is_on),
        }
    }

    fn settings(&self) -> RoomPatch {
        let mut settings = settings::patch(&self.set);
        settings.master_gain_db = self.master.or(settings.master_gain_db);
        settings.mode = self
            .mode
            .map(|mode| match mode {
                InMode::Open => signaling::Mode::Open,
                InMode::Floor => signaling::Mode::Floor,
            })
            .or(settings.mode);
        settings
    }

    /// What one peer hears. A peer that only listens has no track and no name: its id must do.
    async fn personal(&self, client: &Client, peer: &str, json: bool) -> anyhow::Result<()> {
        let room = client.room(&self.room).await?;
        let id = match (find(&room, peer), peer.parse()) {
            (Ok(id), _) => id,
            // As long as 128 bits are in base64.
            (Err(_), Ok(id)) if peer.len() == 22 => id,
            (Err(error), _) => return Err(error),
        };
        let mut patch = PersonalPatch { volume_db: self.volume, ..PersonalPatch::default() };
        if let Some(track) = &self.track {
            patch.tracks.insert(find(&room, track)?, self.wish());
        }
        let mix = match patch == PersonalPatch::default() {
            true => client.personal_mix(&self.room, &id).await?,
            false => client.change_personal_mix(&self.room, &id, &patch).await?,
        };
        if json {
            output::json(&mix)?
        } else {
            output::line(&output::personal(&mix, &room))?
        }
        Ok(())
    }

    /// None: as at the desk.
    fn wish(&self) -> Option<WishPatch> {
        let wish = WishPatch {
            gain_db: self.gain,
            pan: self.pan,
            muted: self.mute.map(Switch::is_on),
            solo: self.solo.map(Switch::is_on),
        };
        (wish != WishPatch::default()).then_some(wish)
    }

    async fn move_floor(&self, client: &Client, track: &str, floor: OnFloor, json: bool) -> anyhow::Result<()> {
        let id = find(&client.room(&self.room).await?, track)?;
        let action = match floor {
            OnFloor::Request => FloorAction::Request,
            OnFloor::Release => FloorAction::Release,
            OnFloor::Grant => FloorAction::Grant,
            OnFloor::Revoke => FloorAction::Revoke,
        };
        let answer = client.floor(&self.room, &id, FloorRequest { action, priority: self.priority }).await?;
        if json {
            output::json(&answer)?;
        }
        let said = match answer {
            FloorAnswer::Granted { left_ms: None } => format!("{track} has the floor"),
            FloorAnswer::Granted { left_ms: Some(left_ms) } => {
                format!("{track} has the floor, {} left", seconds(left_ms))
            }
            FloorAnswer::Queued { position } => format!("{track} waits for the floor, number {position}"),
            FloorAnswer::Released => format!("{track} neither has the floor nor waits for it"),
            FloorAnswer::Denied { reason } => bail!("{track} does not get the floor: {reason}"),
        };
        if !json {
            output::line(&said)?;
        }
        Ok(())
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

/// A group's name, or nothing.
fn group(text: &str) -> Result<String, String> {
    let patch = TrackPatch { group: Some(text.to_owned()), ..TrackPatch::default() };
    patch.check().map(|()| text.to_owned())
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
        let settings = |arguments: &str| Only::parse_from(arguments.split(' ')).mix.settings();
        let wanted = RoomPatch { duck_db: Some(9.0), mode: Some(signaling::Mode::Floor), ..RoomPatch::default() };
        assert_eq!(settings("x r --mode floor --set duck_db=9"), wanted);
    }
}
