//! Being asked to end: Ctrl-C and SIGTERM.

use std::time::Duration;

use anyhow::bail;
use tokio_util::sync::CancellationToken;

/// How long a join may still take once we were asked to end: what has joined can hang up, and what
/// is dropped half-way would haunt the room until the server's time-out.
const GRACE: Duration = Duration::from_secs(2);

/// A token that is cancelled at the first Ctrl-C or SIGTERM. A second one ends the process at once.
pub fn on_signal() -> CancellationToken {
    let token = CancellationToken::new();
    let asked = token.clone();
    tokio::spawn(async move {
        signal().await;
        asked.cancel();
        signal().await;
        std::process::exit(130);
    });
    token
}

/// Waits for a join, and not for long once `stop` is cancelled.
pub async fn or_join<T>(stop: &CancellationToken, join: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut join = std::pin::pin!(join);
    tokio::select! {
        joined = &mut join => return joined,
        () = stop.cancelled() => {}
    }
    match tokio::time::timeout(GRACE, join).await {
        Ok(joined) => joined,
        Err(_) => bail!("stopped before the room was joined"),
    }
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
