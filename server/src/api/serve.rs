//! The loop that takes connections. hyper itself, because `axum::serve` lets a client take for ever over its headers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::{Api, router};

/// From a connection's first byte, or the end of the answer before, to the end of a request's head.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// What is under way when the server goes down has so long to end.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Serves until [`Api::closing`] is cancelled, then lets what is under way end.
pub async fn serve(listener: TcpListener, api: Arc<Api>) {
    let router = router(Arc::clone(&api));
    let connections = TaskTracker::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => {
                    connections.spawn(connection(stream, from, router.clone(), api.closing.clone(), HEAD_WITHIN));
                }
                // Out of file descriptors, or the client has gone already. Both pass.
                Err(error) => {
                    tracing::warn!(%error, "A connection could not be accepted");
                    sleep(Duration::from_millis(50)).await;
                }
            },
            () = api.closing.cancelled() => break,
        }
    }
    drop(listener);
    connections.close();
    api.sockets.close();
    let ended = timeout(END_WITHIN, async { tokio::join!(connections.wait(), api.sockets.wait()) }).await;
    if ended.is_err() {
        tracing::warn!(connections = connections.len(), "Connections were cut off because they did not end in time");
    }
}

async fn connection(
    stream: TcpStream,
    from: SocketAddr,
    router: Router,
    closing: CancellationToken,
    head_within: Duration,
) {
    // Patches and meters are small and due at once.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(from));
        router.clone().oneshot(Request::from(request.map(axum::body::Body::new)))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_within)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // That a client goes away or speaks no HTTP is its own affair.
        _ = connection.as_mut() => {}
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = timeout(END_WITHIN, connection).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn client(head_within: Duration, closing: CancellationToken) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, from) = listener.accept().await.unwrap();
        tokio::spawn(connection(stream, from, Router::new(), closing, head_within));
        client
    }

    #[tokio::test]
    async fn a_head_that_never_ends_is_given_up() {
        let mut client = client(Duration::from_millis(500), CancellationToken::new()).await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: slow").await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }

    #[tokio::test]
    async fn an_idle_connection_ends_with_the_server() {
        let closing = CancellationToken::new();
        let mut client = client(Duration::from_secs(60), closing.clone()).await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 404");
        closing.cancel();
        client.read_to_end(&mut Vec::new()).await.unwrap();
    }
}
