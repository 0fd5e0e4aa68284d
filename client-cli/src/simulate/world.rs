//! Talkers, the room and one listener in simulated time: each talker's packets take a path to the room, the room's take
//! one to the listener, whose jitter buffer plays what comes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use audio::file::Reader;
use audio::{
    CHANNELS, Encoder, EncoderSettings, FRAME_SAMPLES, FRAME_TIME, Frame, MAX_ENCODED, Packet, Played, Playout,
    PlayoutSettings, SAMPLE_RATE, Stats,
};
use room::{Effects, Join, MemberId, Room, Rtp, Talk};
use signaling::{Kind, RoomName, RoomPatch, TrackId, TrackPatch};

use super::network::{Network, Path};

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Setting {
    pub files: Vec<std::path::PathBuf>,
    pub uplink: Network,
    pub downlink: Network,
    pub seed: u64,
    pub encoder: EncoderSettings,
    /// Parts in a million by which the talkers' clocks are fast.
    pub drift_ppm: f64,
    pub room: RoomPatch,
    /// At most so long.
    pub limit: Option<Duration>,
}

/// What came of it.
pub struct Outcome {
    /// What the listener heard, interleaved stereo, from the start of the simulation on.
    pub heard: Vec<f32>,
    /// What the talkers said, all together, likewise.
    pub said: Vec<f32>,
    /// What the room's buffers and the listener's went through.
    pub room: Stats,
    pub listener: Stats,
    /// Packets on the way to the room and from it, and what was lost of them.
    pub up: (u64, u64),
    pub down: (u64, u64),
}

const LISTENER: MemberId = MemberId(u64::MAX);

/// After the last file has ended, to hear what is still on the way.
const AFTER: Duration = Duration::from_secs(1);

/// What happens at a time; in this order if at the same, and before the room's tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A packet of the table arrives.
    Arrival(usize),
    /// The listener plays 20 ms.
    Listener,
    /// A talker has 20 ms to send.
    Talker(usize),
}

/// A packet on its way.
struct Flying {
    /// The talker it comes from; none: it goes to the listener.
    from: Option<usize>,
    sequence: u16,
    timestamp: u32,
    payload: Vec<u8>,
}

struct Talker {
    file: Reader,
    encoder: Encoder,
    path: Path,
    frames: u64,
}

/// Plays it from the first packet to a second after the last. `progress` is told how much has been heard.
pub fn play(setting: &Setting, mut progress: impl FnMut(Duration)) -> anyhow::Result<Outcome> {
    let name: RoomName = "simulation".parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut room = Room::new(name, room::Settings::default(), Duration::ZERO);
    let mut effects = Effects::new();
    room.command(
        &signaling::Command::SetRoom { settings: setting.room.clone() },
        "simulate",
        Duration::ZERO,
        &mut effects,
    )?;
    let mut talkers = Vec::new();
    for (at, path) in setting.files.iter().enumerate() {
        let talk = Talk { name: None, kind: Kind::File, strip: TrackPatch::default(), joined_at: 0 };
        room.join(join(MemberId(at as u64), Some(talk)), Duration::ZERO, &mut effects);
        let file = Reader::open(path)?;
        let encoder = Encoder::new(setting.encoder)?;
        let path = Path::new(setting.uplink, setting.seed.wrapping_add(1 + at as u64));
        talkers.push(Talker { file, encoder, path, frames: 0 });
    }
    room.join(join(LISTENER, None), Duration::ZERO, &mut effects);
    effects.clear();
    let mut downlink = Path::new(setting.downlink, setting.seed);
    let mut ear = Playout::new(PlayoutSettings::default());
    let mut frame = Frame::SILENCE;
    let (mut heard, mut said, mut flying): (Vec<f32>, Vec<f32>, Vec<Flying>) = (Vec::new(), Vec::new(), Vec::new());
    let mut steps = BinaryHeap::new();
    // Each talker's clock stands otherwise to the room's.
    let begin = |talker: usize| Duration::from_micros(7_300 * talker as u64 % 20_000);
    steps.extend((0..talkers.len()).map(|at| Reverse((begin(at), Step::Talker(at)))));
    steps.push(Reverse((Duration::ZERO, Step::Listener)));
    let (mut end, mut talking, mut last_report) = (Duration::MAX, talkers.len(), (0, 0));
    let frame_time = FRAME_TIME.div_f64(1.0 + setting.drift_ppm / 1e6);
    while let Some(&Reverse((next, step))) = steps.peek() {
        let due = room.wake_at().filter(|due| *due < next);
        let now = due.unwrap_or(next);
        if now >= end {
            break;
        }
        if due.is_none() {
            steps.pop();
        }
        match step {
            _ if due.is_some() => room.tick(now, &mut effects),
            Step::Talker(at) => {
                let talker = &mut talkers[at];
                let is_over = setting.limit.is_some_and(|limit| FRAME_TIME * talker.frames as u32 >= limit);
                match talker.file.next().filter(|_| !is_over) {
                    Some(next) => {
                        let next = next?;
                        add(&mut said, now, &next);
                        let (sequence, timestamp) =
                            (talker.frames as u16, (talker.frames as u32).wrapping_mul(FRAME_SAMPLES as u32));
                        let mut payload = vec![0; MAX_ENCODED];
                        let length = talker.encoder.encode(&next, &mut payload)?;
                        payload.truncate(length);
                        talker.frames += 1;
                        // A frame can be sent when its last sample is there.
                        for arrival in talker.path.send(now + FRAME_TIME).into_iter().flatten() {
                            steps.push(Reverse((arrival, Step::Arrival(flying.len()))));
                            flying.push(Flying { from: Some(at), sequence, timestamp, payload: payload.clone() });
                        }
                        steps.push(Reverse((begin(at) + frame_time.mul_f64(talker.frames as f64), Step::Talker(at))));
                    }
                    None => {
                        talking -= 1;
                        end = if talking == 0 { now + AFTER } else { end };
                    }
                }
            }
            Step::Arrival(at) => {
                let packet = &flying[at];
                let (sequence, timestamp, payload) = (packet.sequence, packet.timestamp, &packet.payload[..]);
                match packet.from {
                    Some(talker) => {
                        let rtp = Rtp { ssrc: talker as u32, sequence, timestamp, payload, is_copy: false };
                        room.packet(MemberId(talker as u64), rtp, now, &mut effects);
                    }
                    None => _ = ear.insert(Packet { sequence, timestamp, payload }, now),
                }
                // What has come is not looked at again.
                flying[at].payload = Vec::new();
            }
            Step::Listener => {
                if ear.is_idle() || ear.next(&mut frame, now) == Played::Silence {
                    frame.clear();
                }
                heard.extend_from_slice(frame.samples());
                let second = heard.len() / CHANNELS;
                if second.is_multiple_of(48_000) {
                    progress(now);
                    let (sent, lost) = (downlink.sent - last_report.0, downlink.lost - last_report.1);
                    last_report = (downlink.sent, downlink.lost);
                    if sent > 0 {
                        room.reception_report(LISTENER, lost as f32 / sent as f32, now);
                    }
                }
                steps.push(Reverse((now + FRAME_TIME, Step::Listener)));
            }
        }
        for media in &effects.media {
            for arrival in downlink.send(now).into_iter().flatten() {
                steps.push(Reverse((arrival, Step::Arrival(flying.len()))));
                let payload = effects.payload(media).to_vec();
                flying.push(Flying { from: None, sequence: media.sequence, timestamp: media.timestamp, payload });
            }
        }
        effects.clear();
    }
    let paths = talkers.iter().map(|talker| (talker.path.sent, talker.path.lost));
    Ok(Outcome {
        heard,
        said,
        room: room.counters().receive,
        listener: ear.stats(),
        up: paths.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1)),
        down: (downlink.sent, downlink.lost),
    })
}

/// Adds a frame whose first sample was said at `at`.
fn add(said: &mut Vec<f32>, at: Duration, frame: &Frame) {
    let start = (at.as_secs_f64() * f64::from(SAMPLE_RATE)).round() as usize * CHANNELS;
    let end = start + frame.samples().len();
    if said.len() < end {
        said.resize(end, 0.0);
    }
    said[start..end].iter_mut().zip(frame.samples()).for_each(|(sum, sample)| *sum += sample);
}

fn join(member: MemberId, talks: Option<Talk>) -> Join {
    Join {
        member,
        id: TrackId::from_random(u128::from(member.0)),
        client: None,
        address: "simulate".into(),
        hears: talks.is_none(),
        talks,
    }
}
