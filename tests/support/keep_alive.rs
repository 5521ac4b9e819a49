//! Clients that never stop asking, on connections that stay open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::Client;

/// Requests under way all the time, on HTTP/1.1 and on HTTP/2 connections.
pub struct Load {
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    good: AtomicUsize,
    failed: AtomicUsize,
    connections: AtomicUsize,
    first_failure: std::sync::Mutex<Option<String>>,
}

/// What came of a load.
#[derive(Debug)]
pub struct LoadReport {
    pub failed: usize,
    /// Connections that were made; a dropped one is made anew.
    pub connections: usize,
    pub first_failure: Option<String>,
}

impl Load {
    /// Starts `per_protocol` connections of each protocol that ask for `path`, for status 200, one request after the
    /// other.
    pub fn start(client: &Client, path: &str, per_protocol: usize) -> Self {
        let (stop, counts) = (Arc::new(AtomicBool::new(false)), Arc::new(Counts::default()));
        let tasks = (0..per_protocol * 2)
            .map(|index| {
                let (client, path) = (client.clone(), path.to_owned());
                let (stop, counts) = (Arc::clone(&stop), Arc::clone(&counts));
                tokio::spawn(async move {
                    while !stop.load(Ordering::SeqCst) {
                        let outcome = if index % 2 == 0 {
                            h1(&client, &path, &stop, &counts).await
                        } else {
                            h2(&client, &path, &stop, &counts).await
                        };
                        if let Err(error) = outcome {
                            counts.failed.fetch_add(1, Ordering::SeqCst);
                            counts.first_failure.lock().unwrap().get_or_insert(error);
                            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                        }
                    }
                })
            })
            .collect();
        Self { stop, counts, tasks }
    }

    /// Waits until so many more requests have been answered well.
    pub async fn answer(&self, more: usize) {
        let target = self.counts.good.load(Ordering::SeqCst) + more;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while self.counts.good.load(Ordering::SeqCst) < target {
            assert!(std::time::Instant::now() < deadline, "requests are answered: {:?}", self.report());
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    pub fn report(&self) -> LoadReport {
        report(&self.counts)
    }

    /// Ends the load.
    pub async fn stop(self) -> LoadReport {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
        report(&self.counts)
    }
}

fn report(counts: &Counts) -> LoadReport {
    LoadReport {
        failed: counts.failed.load(Ordering::SeqCst),
        connections: counts.connections.load(Ordering::SeqCst),
        first_failure: counts.first_failure.lock().unwrap().clone(),
    }
}

/// A connection that the server has announced to close is no failure: that is how it is asked to go elsewhere.
async fn h1(client: &Client, path: &str, stop: &AtomicBool, counts: &Counts) -> Result<(), String> {
    counts.connections.fetch_add(1, Ordering::SeqCst);
    let stream = client.connect(&["http/1.1"]).await.map_err(|error| format!("connect: {error}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    while !stop.load(Ordering::SeqCst) {
        let request =
            Request::get(path).header("host", client.authority()).body(Full::new(Bytes::new())).unwrap();
        let response = match sender.send_request(request).await {
            // The connection had ended before the request was sent: every client asks again on another one.
            Err(error) if error.is_canceled() => return Ok(()),
            sent => sent.map_err(|error| format!("HTTP/1.1: {error}"))?,
        };
        let closes = response.headers().get("connection").is_some_and(|value| value == "close");
        count(response, counts).await?;
        if closes {
            return Ok(());
        }
    }
    Ok(())
}

async fn h2(client: &Client, path: &str, stop: &AtomicBool, counts: &Counts) -> Result<(), String> {
    counts.connections.fetch_add(1, Ordering::SeqCst);
    let stream = client.connect(&["h2"]).await.map_err(|error| format!("connect: {error}"))?;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    while !stop.load(Ordering::SeqCst) {
        // After GOAWAY there are no more requests; those that were sent are answered.
        if sender.ready().await.is_err() {
            return Ok(());
        }
        let uri = format!("https://{}{path}", client.authority());
        let request = Request::get(uri).body(Full::new(Bytes::new())).unwrap();
        let response = sender.send_request(request).await.map_err(|error| format!("HTTP/2: {error:?}"))?;
        count(response, counts).await?;
    }
    Ok(())
}

async fn count(response: http::Response<hyper::body::Incoming>, counts: &Counts) -> Result<(), String> {
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|error| format!("body: {error}"))?.to_bytes();
    if status != 200 {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body)));
    }
    counts.good.fetch_add(1, Ordering::SeqCst);
    Ok(())
}
