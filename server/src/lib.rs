//! The mixminus server as a library: [`start`] it on any port, [`Running::stop`] it.

pub mod api;
pub mod clock;
pub mod config;
pub mod event_log;
pub mod metrics;
pub mod peer;
pub mod rooms;
mod worker;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use api::{Api, Tokens};
use clock::Clock;
use config::Config;
use event_log::EventLog;
use metrics::Metrics;
use rooms::Rooms;

/// A server that serves.
pub struct Running {
    /// Where HTTP listens; with port 0 in the configuration, the port that it got.
    pub address: SocketAddr,
    api: Arc<Api>,
    http: JoinHandle<()>,
}

/// Starts everything, in this order:
///
/// 1. the event log, so that nothing happens before it can be noted;
/// 2. the HTTP port, bound but not yet served: it is what is taken most often, and fails before a
///    media port is open;
/// 3. the media workers, because the first request may already be a join;
/// 4. HTTP, last: who gets an answer finds a server that is whole.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    let clock = Clock::start();
    let log = match &config.event_log {
        Some(path) => EventLog::open(path).with_context(|| format!("cannot write the event log {}", path.display()))?,
        None => EventLog::none(),
    };
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}: set another address with --listen", config.listen))?;
    let address = listener.local_addr()?;
    warn_about(&config, address);
    let rooms = Rooms::start(media_settings(&config, clock, log.clone()))?;
    let api = Arc::new(Api {
        rooms,
        metrics: Metrics::new()?,
        log,
        clock,
        tokens: config.key.as_ref().map(Tokens::new),
        sockets: TaskTracker::new(),
        closing: CancellationToken::new(),
    });
    tokio::spawn(keep_metrics(Arc::clone(&api)));
    let http = tokio::spawn(api::serve(listener, Arc::clone(&api)));
    Ok(Running { address, api, http })
}

impl Running {
    /// Takes no more peers, tells and hangs up those who are in, ends HTTP, and closes the event log, in
    /// that order: the last hang-ups still reach WebSockets and the log. Takes some seconds at most.
    pub async fn stop(self) {
        self.api.rooms.drain().await;
        self.api.closing.cancel();
        // A panic of the task was printed when it happened.
        let _ = self.http.await;
        let log = self.api.log.clone();
        let _ = tokio::task::spawn_blocking(move || log.close()).await;
    }
}

fn media_settings(config: &Config, clock: Clock, log: EventLog) -> rooms::Settings {
    let room = room::Settings {
        playout: audio::PlayoutSettings { min: config.jitter, ..Default::default() },
        encoder: audio::EncoderSettings {
            bitrate_bps: config.bitrate_bps,
            complexity: config.complexity,
            ..Default::default()
        },
        stream_timeout: config.stream_timeout,
        linger: config.room_linger,
    };
    rooms::Settings {
        workers: config.workers,
        media_ip: config.media_ip,
        media_ports: config.media_ports.clone(),
        max_peers: config.max_peers,
        max_rooms: config.max_rooms,
        placement: config.placement,
        worker: worker::Settings {
            room,
            clock,
            log,
            registry: Arc::default(),
            budget: f32::from(config.budget) / 100.0,
        },
    }
}

fn warn_about(config: &Config, address: SocketAddr) {
    if !address.ip().is_loopback() && config.media_ip.is_loopback() {
        tracing::warn!(media_ip = %config.media_ip, "Others can reach HTTP but not the audio: set media_ip to this machine's address");
    }
    if !address.ip().is_loopback() && config.key.is_none() {
        tracing::warn!("Everybody who reaches {address} may talk and mix: set a key to ask for tokens");
    }
    // RFC 7518 §3.2.
    if config.key.as_ref().is_some_and(|key| key.as_bytes().len() < 32) {
        tracing::warn!("The key is shorter than 32 bytes, which makes its tokens easier to forge");
    }
}

async fn keep_metrics(api: Arc<Api>) {
    let mut every = interval(Duration::from_secs(5));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while api.closing.run_until_cancelled(every.tick()).await.is_some() {
        api.metrics.upkeep();
    }
}
