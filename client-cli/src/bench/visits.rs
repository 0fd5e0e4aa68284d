//! Those who come and go while others are listened to, and those who are not let in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::{StreamExt, stream::FuturesUnordered};
use serde::Serialize;
use signaling::RoomName;
use signaling::client::{AdmitError, Direction, LeanPeer};
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

use super::crowd::{Crowd, Member};
use super::load::{Setting, round};

/// A server may take so long to let a visitor's ICE and DTLS through.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);

/// So many come each second, and each stays so long once it is connected.
#[derive(Clone, Copy, Debug)]
pub struct Visits {
    pub per_second: u32,
    pub stay: Duration,
}

/// How it went for those who came and went.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Visited {
    pub asked: usize,
    /// They were there, and have left.
    pub connected: usize,
    /// Neither let in nor refused by 503, or never connected.
    pub failed: usize,
    /// What went wrong with the first of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    pub refused: Refusals,
    /// From the offer on its way to the answer.
    pub answer_ms: Spread,
    /// From the offer on its way until ICE and DTLS are through.
    pub connected_ms: Spread,
}

/// Those who got 503.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Refusals {
    pub count: usize,
    /// Of those, with Retry-After.
    pub with_retry_after: usize,
    /// How long the answer took.
    pub after_ms: Spread,
    #[serde(skip)]
    times: Vec<Duration>,
}

/// Of some times, ms; 0 of none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Spread {
    fn of(times: &mut [Duration]) -> Self {
        times.sort();
        let at = |share: f64| {
            let place = (times.len() as f64 * share).ceil() as usize;
            times.get(place.saturating_sub(1)).map_or(0.0, |time| round(time.as_secs_f64() * 1e3, 1))
        };
        Self { p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }
}

impl Refusals {
    /// Counts an error if it is a refusal by 503.
    pub fn add(&mut self, error: &anyhow::Error, after: Duration) -> Result<(), ()> {
        let Some(AdmitError::Full { retry_after }) = error.downcast_ref() else { return Err(()) };
        self.count += 1;
        self.with_retry_after += usize::from(retry_after.is_some());
        self.times.push(after);
        Ok(())
    }

    /// No more will come: tells how long they took.
    pub fn settle(&mut self) {
        self.after_ms = Spread::of(&mut self.times);
    }
}

impl Visits {
    /// Lets them come for so long, and waits until all have left.
    pub async fn run(&self, setting: &Setting, rooms: &[RoomName], time: Duration) -> anyhow::Result<Visited> {
        // Not on the thread of those who are listened to: their packets are not to be read late.
        let crowd = Crowd::start()?;
        let all = (time.as_secs_f64() * f64::from(self.per_second)).round().max(1.0) as usize;
        let mut turn = tokio::time::interval(Duration::from_secs(1) / self.per_second);
        turn.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut under_way = FuturesUnordered::new();
        let mut visited = Visited::default();
        let (mut answers, mut connections) = (Vec::new(), Vec::new());
        while visited.asked < all || !under_way.is_empty() {
            tokio::select! {
                _ = turn.tick(), if visited.asked < all => {
                    under_way.push(self.visit(setting, &rooms[visited.asked % rooms.len()], &crowd, visited.asked));
                    visited.asked += 1;
                }
                Some((after, visit)) = under_way.next() => match visit {
                    Ok((answer, connection)) => {
                        visited.connected += 1;
                        answers.push(answer);
                        connections.push(connection);
                    }
                    Err(error) => {
                        if visited.refused.add(&error, after).is_err() {
                            visited.failed += 1;
                            visited.failure.get_or_insert_with(|| format!("{error:#}"));
                        }
                    }
                },
            }
        }
        visited.refused.settle();
        (visited.answer_ms, visited.connected_ms) = (Spread::of(&mut answers), Spread::of(&mut connections));
        Ok(visited)
    }

    /// One comes, stays and leaves. Gives how long its door took, and if it was let in, how long that and the connection took.
    async fn visit(
        &self,
        setting: &Setting,
        room: &RoomName,
        crowd: &Crowd,
        number: usize,
    ) -> (Duration, anyhow::Result<(Duration, Duration)>) {
        let mut after = Duration::ZERO;
        let visit = self.there_and_away(setting, room, crowd, number, &mut after).await;
        (after, visit)
    }

    async fn there_and_away(
        &self,
        setting: &Setting,
        room: &RoomName,
        crowd: &Crowd,
        number: usize,
        after: &mut Duration,
    ) -> anyhow::Result<(Duration, Duration)> {
        let socket = setting.socket()?;
        let (local, ssrc) = (socket.local_addr()?, 0x1000_0000 + number as u32);
        let (mut peer, offer) = LeanPeer::offer(&setting.identity, local, Direction::Receive, ssrc, Instant::now())?;
        let began = Instant::now();
        let admitted = setting.client.admit(room, Direction::Receive, offer).await;
        *after = began.elapsed();
        let admitted = admitted.map_err(plain)?;
        peer.answer(admitted.answer.clone(), Instant::now())?;
        let (told, connected) = oneshot::channel();
        let ticket = crowd.join(Member {
            peer,
            socket,
            says: None::<Arc<Vec<_>>>,
            hears: false,
            decodes: false,
            connected: Some(told),
        });
        let is_connected = tokio::time::timeout(CONNECT_WITHIN, connected).await;
        let connection = began.elapsed();
        if matches!(is_connected, Ok(Ok(()))) {
            tokio::time::sleep(self.stay).await;
        }
        // It says goodbye both ways, as a browser does.
        crowd.part(ticket);
        let dismissed = setting.client.dismiss(admitted).await;
        is_connected.context("no connection in time")?.context("ICE or DTLS failed")?;
        dismissed?;
        Ok((*after, connection))
    }
}

/// As the program's hints know it.
pub fn plain(error: AdmitError) -> anyhow::Error {
    match error {
        AdmitError::Request(error) => error.into(),
        full @ AdmitError::Full { .. } => full.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_of_the_times_that_there_were() {
        assert_eq!(Spread::of(&mut []), Spread::default());
        let mut times: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(Spread::of(&mut times), Spread { p50: 100.0, p99: 198.0, max: 200.0 });
    }
}
