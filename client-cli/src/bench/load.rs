//! One measurement: rooms are filled, talk, are counted and go.

use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::Serialize;
use signaling::client::{AdmitError, Admitted, Client, Direction, Identity, LeanPeer};
use signaling::{RoomName, RoomPatch, TrackPatch};
use tokio::time::MissedTickBehavior;

use super::crowd::{Counts, Crowd, Member, Ticket};
use super::process::{self, Usage};
use super::ticks::Ticks;
use super::visits::{Refusals, Visited, Visits, plain};

/// Joins under way at a time: as many as keep the server busy without making one of them late.
const JOINS: usize = 16;
/// The server's own limit for a connection is 20 s.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// A server may take fewer at once than come, and says when to come again (503 with Retry-After).
const COME_AGAIN_WITHIN: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(50);
/// From the first word to the first count: jitter buffers, and forwarding against mixing, have settled.
const SETTLE: Duration = Duration::from_secs(3);
/// More ticks than that may not begin more than a frame late: the same share as for how long they take.
const LATE_PERCENT: f64 = 0.1;
/// Below this a listener hears nothing.
const AUDIBLE_DBFS: f64 = -50.0;

/// How many of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Rooms.
    pub rooms: usize,
    /// In each room, talkers included.
    pub peers: usize,
    /// In each room.
    pub talkers: usize,
}

/// How they are measured, whatever their number.
pub struct Setting {
    pub client: Client,
    pub identity: Identity,
    pub local: IpAddr,
    pub voices: Vec<Arc<Vec<Bytes>>>,
    pub seconds: Duration,
    /// Of the server, on this machine.
    pub pid: Option<u32>,
    /// Talkers join by WHIP and hear nothing.
    pub whip: bool,
    /// Of each talker's strip, dB.
    pub gain_db: Option<f32>,
    /// So many peers come each second, one after the other, talk at once, and who is refused stays out.
    pub pace: Option<u32>,
    /// While all is counted, others come and go.
    pub visits: Option<Visits>,
}

/// What was measured, once everybody was there.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    #[serde(flatten)]
    pub shape: Shape,
    /// From the first offer until the last was connected.
    pub join_s: f64,
    /// For so long all was counted.
    pub seconds: f64,
    /// Peers who should hear somebody.
    pub listeners: usize,
    /// By them.
    pub packets: u64,
    /// Numbers missing among them, percent.
    pub loss_percent: f64,
    /// The part of the time for which listeners got sound, percent; none if nobody talks.
    pub heard_percent: Option<f64>,
    /// The longest time for which one of them got no packet, ms; none if nobody talks.
    pub longest_gap_ms: Option<f64>,
    /// Those who were refused, where peers come at a pace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusals>,
    /// Peers who had been let in when the first was refused: after that it is chance who comes in a calm moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined_at_once: Option<usize>,
    /// Those who came and went meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joins: Option<Visited>,
    /// Peers who were let in and stayed.
    pub joined: usize,
    /// Opus to each listener, bit/s.
    pub listener_bps: f64,
    /// Of the quietest room, of the listener who decodes, dBFS.
    pub level_dbfs: Option<f64>,
    /// Of the server; none without its process id.
    pub server: Option<Server>,
    /// 99.9 % of the server's ticks took at most so long, ms; null where there was none, or over the last bound.
    pub tick_p999_ms: Option<f64>,
    /// Mixing ticks; none if the server does not tell.
    pub ticks: Option<u64>,
    /// Ticks that began more than a frame late.
    pub late_ticks: Option<u64>,
    /// Processor time of this program, percent of a core.
    pub client_cpu_percent: f64,
    /// Packets of talkers that this program sent more than a frame late.
    pub sent_late: u64,
}

/// What the server used.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// Percent of a core.
    pub cpu_percent: f64,
    /// ms of processor time for each peer and second.
    pub cpu_ms_per_peer_s: f64,
    /// Before anybody had joined, MB.
    pub rss_before_mb: f64,
    /// While all talked, MB.
    pub rss_mb: f64,
    /// What all that joined have added, for each peer (for each room where there are none), kB.
    pub rss_kb_each: f64,
}

impl Row {
    /// Why this is more than the server can do, if it is.
    pub fn exceeds(&self, max_tick_ms: f64, max_loss_percent: f64) -> Option<String> {
        if self.loss_percent > max_loss_percent {
            return Some(format!("{:.3} % of the packets are lost", self.loss_percent));
        }
        if let Some(heard) = self.heard_percent.filter(|heard| *heard < 99.0 - max_loss_percent) {
            return Some(format!("listeners hear {heard:.1} % of the time"));
        }
        let late = self.late_ticks.unwrap_or_default();
        match (self.ticks, self.tick_p999_ms) {
            (Some(1..), None) => Some("ticks take longer than the server counts".into()),
            (_, Some(ms)) if ms > max_tick_ms => Some(format!("99.9 % of the ticks take up to {ms} ms")),
            (Some(ticks), _) if late as f64 > ticks as f64 * (LATE_PERCENT + max_loss_percent) / 100.0 => {
                Some(format!("{late} of {ticks} ticks begin more than a frame late"))
            }
            _ => None,
        }
    }
}

struct Moment {
    at: Instant,
    counts: Counts,
    server: Option<Usage>,
    own: Usage,
    ticks: Option<Ticks>,
}

impl Setting {
    /// Fills the rooms, measures, and leaves nobody behind. Fails if somebody cannot join, or hears nothing.
    pub async fn measure(&self, shape: Shape) -> anyhow::Result<Row> {
        let empty = self.server_usage()?;
        let crowd = Crowd::start()?;
        let mut admitted = Vec::new();
        let rooms = names(shape.rooms)?;
        let measured = self.measure_in(&rooms, shape, &crowd, empty, &mut admitted).await;
        stream::iter(admitted)
            .for_each_concurrent(JOINS, |admitted| async {
                // Who is not told finds out by ICE.
                _ = self.client.dismiss(admitted).await;
            })
            .await;
        if shape.peers == 0 {
            stream::iter(&rooms)
                .for_each_concurrent(JOINS, |room| async { _ = self.client.close_room(room).await })
                .await;
        }
        measured
    }

    async fn measure_in(
        &self,
        rooms: &[RoomName],
        shape: Shape,
        crowd: &Crowd,
        empty: Option<Usage>,
        admitted: &mut Vec<Admitted>,
    ) -> anyhow::Result<Row> {
        let began = Instant::now();
        if shape.peers == 0 {
            for room in rooms {
                self.client.make_room(room, &RoomPatch::default()).await?;
            }
        }
        let mut refusals = None;
        let (mut first, mut joined_at_once) = (None, None);
        match self.pace {
            Some(pace) => {
                let (moment, refused) = self.fill_at_a_pace(rooms, shape, crowd, pace, admitted).await?;
                (first, joined_at_once) = moment.unzip();
                refusals = Some(refused);
            }
            None => {
                let places = (0..shape.rooms * shape.peers).map(|n| (n / shape.peers, n % shape.peers));
                let mut joins = stream::iter(places)
                    .map(|(room, place)| self.join_in_time(rooms, room, place, shape, crowd))
                    .buffer_unordered(JOINS);
                while let Some(joined) = joins.next().await {
                    admitted.push(joined?.0);
                }
            }
        }
        self.until_connected(admitted.len(), crowd).await?;
        let join_s = began.elapsed().as_secs_f64();
        if self.pace.is_none() {
            crowd.talk();
        }
        let first = match first {
            Some(first) => first,
            None => {
                tokio::time::sleep(SETTLE).await;
                self.moment(crowd).await?
            }
        };
        let joins = match &self.visits {
            Some(visits) => Some(visits.run(self, rooms, self.seconds).await?),
            None => {
                tokio::time::sleep(self.seconds).await;
                None
            }
        };
        let last = self.moment(crowd).await?;
        if last.counts.ended > 0 {
            bail!("{} of {} peers lost their connection", last.counts.ended, admitted.len());
        }
        let row = Row { refused: refusals, joined_at_once, joins, ..self.row(shape, join_s, empty, &first, &last) };
        match row.level_dbfs {
            Some(level) if level < AUDIBLE_DBFS => bail!("a listener hears nothing: {level:.1} dBFS"),
            None if row.listeners > 0 => bail!("no listener hears anything"),
            _ => Ok(row),
        }
    }

    /// The same, and who is told to come again does.
    async fn join_in_time(
        &self,
        rooms: &[RoomName],
        room: usize,
        place: usize,
        shape: Shape,
        crowd: &Crowd,
    ) -> anyhow::Result<(Admitted, Ticket)> {
        let began = Instant::now();
        loop {
            let error = match self.join(rooms, room, place, shape, crowd).await {
                Ok(joined) => return Ok(joined),
                Err(error) => error,
            };
            match error.downcast_ref() {
                Some(AdmitError::Full { retry_after: Some(after) }) if began.elapsed() + *after < COME_AGAIN_WITHIN => {
                    tokio::time::sleep(*after).await;
                }
                _ => return Err(error),
            }
        }
    }

    async fn join(
        &self,
        rooms: &[RoomName],
        room: usize,
        place: usize,
        shape: Shape,
        crowd: &Crowd,
    ) -> anyhow::Result<(Admitted, Ticket)> {
        let talks = place < shape.talkers;
        let direction = match (talks, self.whip) {
            (true, true) => Direction::Send,
            (true, false) => Direction::Both,
            (false, _) => Direction::Receive,
        };
        let socket = self.socket()?;
        // Any number that differs from the others in its room.
        let ssrc = 1 + (room * shape.peers + place) as u32;
        let (mut peer, offer) = LeanPeer::offer(&self.identity, socket.local_addr()?, direction, ssrc, Instant::now())?;
        let admitted = self.client.admit(&rooms[room], direction, offer).await.map_err(plain)?;
        peer.answer(admitted.answer.clone(), Instant::now())?;
        if let (Some(gain_db), true, Some(track)) = (self.gain_db, talks, admitted.id()) {
            let strip = TrackPatch { gain_db: Some(gain_db), ..TrackPatch::default() };
            self.client.change_track(&rooms[room], &track, &strip).await?;
        }
        let ticket = crowd.join(Member {
            peer,
            socket,
            connected: None,
            says: talks.then(|| Arc::clone(&self.voices[(room + place) % self.voices.len()])),
            hears: self.hears(shape, talks),
            // The first who only listens, if anybody does.
            decodes: place == shape.talkers.min(shape.peers - 1) && self.hears(shape, talks),
        });
        Ok((admitted, ticket))
    }

    /// A socket of its own for a peer.
    pub fn socket(&self) -> anyhow::Result<UdpSocket> {
        let socket = UdpSocket::bind((self.local, 0)).context("no socket; is `ulimit -n` high enough?")?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// Peers come one after the other and talk at once. Gives what was counted when the first was refused, if one was, and
    /// how many were in then.
    async fn fill_at_a_pace(
        &self,
        rooms: &[RoomName],
        shape: Shape,
        crowd: &Crowd,
        pace: u32,
        admitted: &mut Vec<Admitted>,
    ) -> anyhow::Result<(Option<(Moment, usize)>, Refusals)> {
        crowd.talk();
        let mut refusals = Refusals::default();
        let mut first = None;
        let mut turn = tokio::time::interval(Duration::from_secs(1) / pace);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for room in 0..shape.rooms {
            let mut talkers = Vec::new();
            for place in 0..shape.peers {
                turn.tick().await;
                let began = Instant::now();
                match self.join(rooms, room, place, shape, crowd).await {
                    Ok((joined, ticket)) => {
                        admitted.push(joined);
                        if place < shape.talkers {
                            // Until another talks too there is nobody to hear.
                            crowd.hears(ticket, false);
                            talkers.push(ticket);
                        } else if talkers.is_empty() {
                            crowd.hears(ticket, false);
                        }
                    }
                    Err(error) => {
                        refusals.add(&error, began.elapsed()).map_err(|()| error)?;
                        if first.is_none() {
                            first = Some((self.moment(crowd).await?, admitted.len()));
                        }
                    }
                }
            }
            if talkers.len() > 1 && !self.whip {
                talkers.iter().for_each(|ticket| crowd.hears(*ticket, true));
            }
        }
        refusals.settle();
        Ok((first, refusals))
    }

    /// Somebody else talks, and it is told of it.
    fn hears(&self, shape: Shape, talks: bool) -> bool {
        if talks { shape.talkers > 1 && !self.whip } else { shape.talkers > 0 }
    }

    async fn until_connected(&self, all: usize, crowd: &Crowd) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let counts = crowd.count();
            if counts.connected == all {
                return Ok(());
            }
            if began.elapsed() > CONNECT_WITHIN || counts.ended > 0 {
                bail!("{} of {all} peers connected, {} failed; is UDP open?", counts.connected, counts.ended);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn server_usage(&self) -> anyhow::Result<Option<Usage>> {
        self.pid.map(|pid| process::usage(&pid.to_string())).transpose()
    }

    async fn moment(&self, crowd: &Crowd) -> anyhow::Result<Moment> {
        // Another server has no such page, or another one.
        let ticks = self.client.metrics().await.ok().and_then(|page| Ticks::of(&page));
        Ok(Moment {
            at: Instant::now(),
            server: self.server_usage()?,
            own: process::usage("self")?,
            counts: crowd.count(),
            ticks,
        })
    }

    fn row(&self, shape: Shape, join_s: f64, empty: Option<Usage>, first: &Moment, last: &Moment) -> Row {
        let seconds = last.at.duration_since(first.at).as_secs_f64();
        let (then, now) = (&first.counts, &last.counts);
        // Who began to hear after the first count is in the last one alone, with all of it.
        let listeners = now.listeners;
        let packets = now.received.saturating_sub(then.received);
        let expected = now.expected.saturating_sub(then.expected);
        let listened = now.listened.saturating_sub(then.listened).as_secs_f64().max(f64::MIN_POSITIVE);
        let joined = now.connected;
        let cpu = |first: &Usage, last: &Usage| last.cpu_since(first).as_secs_f64() / seconds;
        let server = empty.zip(first.server.as_ref()).zip(last.server.as_ref()).map(|((empty, first), last)| Server {
            cpu_percent: round(100.0 * cpu(first, last), 3),
            cpu_ms_per_peer_s: round(1e3 * cpu(first, last) / joined.max(1) as f64, 4),
            rss_before_mb: round(empty.rss_kb as f64 / 1e3, 1),
            rss_mb: round(last.rss_kb as f64 / 1e3, 1),
            rss_kb_each: round(
                (last.rss_kb as f64 - empty.rss_kb as f64) / if joined == 0 { shape.rooms } else { joined } as f64,
                1,
            ),
        });
        let ticks = first.ticks.as_ref().zip(last.ticks.as_ref()).map(|(first, last)| last.since(first));
        Row {
            shape,
            join_s: round(join_s, 2),
            seconds: round(seconds, 2),
            listeners,
            packets,
            loss_percent: round(100.0 * expected.saturating_sub(packets) as f64 / expected.max(1) as f64, 4),
            heard_percent: (listeners > 0).then(|| {
                round(100.0 * (now.samples - then.samples) as f64 / f64::from(audio::SAMPLE_RATE) / listened, 2)
            }),
            longest_gap_ms: (listeners > 0).then(|| round(now.longest_gap.as_secs_f64() * 1e3, 1)),
            refused: None,
            joined_at_once: None,
            joins: None,
            joined,
            listener_bps: if listeners == 0 { 0.0 } else { (8.0 * (now.bytes - then.bytes) as f64 / listened).round() },
            level_dbfs: level(then, now),
            server,
            tick_p999_ms: ticks.as_ref().and_then(|ticks| ticks.quantile_ms(0.999)).filter(|ms| ms.is_finite()),
            ticks: ticks.as_ref().map(Ticks::count),
            late_ticks: ticks.as_ref().map(|ticks| ticks.late),
            client_cpu_percent: round(100.0 * cpu(&first.own, &last.own), 2),
            sent_late: now.sent_late - then.sent_late,
        }
    }
}

/// Of the quietest of those who decode, over the time between.
fn level(then: &Counts, now: &Counts) -> Option<f64> {
    let levels = now.heard.iter().map(|(ticket, (energy, samples))| {
        let (before, counted) = then.heard.get(ticket).copied().unwrap_or_default();
        let power = (energy - before) / (samples - counted).max(1) as f64;
        10.0 * power.max(1e-20).log10()
    });
    levels.reduce(f64::min).map(|dbfs| round(dbfs, 1))
}

/// Rooms that nobody else has.
fn names(count: usize) -> anyhow::Result<Vec<RoomName>> {
    static RUN: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let run = RUN.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let id = std::process::id();
    (0..count).map(|n| Ok(format!("bench-{id}-{run}-{n}").parse()?)).collect()
}

pub fn round(value: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    (value * scale).round() / scale
}
