//! Joins the two sides of a WebSocket until either ends, or both have been silent for too long.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio::time::{Instant, sleep_until};

/// Bytes that have gone through a tunnel so far.
#[derive(Debug, Default)]
pub(super) struct Carried {
    by_client: Cell<u64>,
    by_backend: Cell<u64>,
}

impl Carried {
    pub(super) fn by_client(&self) -> u64 {
        self.by_client.get()
    }

    pub(super) fn by_backend(&self) -> u64 {
        self.by_backend.get()
    }
}

/// Copies both ways and counts what it carries.
pub(super) async fn join<C, B>(client: C, backend: B, silence: Duration, carried: &Carried)
where
    C: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let heard = Cell::new(Instant::now());
    let mut client = Heard { inner: client, last: &heard, bytes: &carried.by_client };
    let mut backend = Heard { inner: backend, last: &heard, bytes: &carried.by_backend };
    let silent = async {
        // Wakes once a silence, not once a message.
        while heard.get().elapsed() < silence {
            sleep_until(heard.get() + silence).await;
        }
    };
    tokio::select! {
        // How a tunnel ends is for its two sides to know.
        _ = copy_bidirectional(&mut client, &mut backend) => {}
        () = silent => {}
    }
}

/// One side, noting when something came from it, and how much.
struct Heard<'t, T> {
    inner: T,
    last: &'t Cell<Instant>,
    bytes: &'t Cell<u64>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Heard<'_, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        let came = buffer.filled().len() - before;
        if came > 0 {
            self.last.set(Instant::now());
            self.bytes.set(self.bytes.get() + came as u64);
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Heard<'_, T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_ends_when_both_sides_are_silent_and_not_before() {
        let (mut client, client_end) = tokio::io::duplex(64);
        let (mut backend, backend_end) = tokio::io::duplex(64);
        let begun = Instant::now();
        let carried = Carried::default();
        let joined = join(client_end, backend_end, Duration::from_secs(60), &carried);
        let talk = async {
            let mut buffer = [0; 5];
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_secs(50)).await;
                client.write_all(b"hello").await.unwrap();
                backend.read_exact(&mut buffer).await.unwrap();
            }
            backend.write_all(b"hi").await.unwrap();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = joined => {}
            () = talk => unreachable!("the talk does not end"),
        }
        assert_eq!((carried.by_client(), carried.by_backend()), (15, 2));
        assert_eq!(begun.elapsed().as_secs(), 150 + 60);
    }

    #[tokio::test]
    async fn a_tunnel_ends_when_one_side_does() {
        let (client, client_end) = tokio::io::duplex(64);
        let (mut backend, backend_end) = tokio::io::duplex(64);
        backend.write_all(b"bye").await.unwrap();
        drop(backend);
        let reading = async move {
            let mut client = client;
            let mut all = Vec::new();
            client.read_to_end(&mut all).await.unwrap();
            all
        };
        let carried = Carried::default();
        let ((), all) =
            tokio::join!(join(client_end, backend_end, Duration::from_secs(60), &carried), reading);
        assert_eq!((carried.by_backend(), all.as_slice()), (3, &b"bye"[..]));
    }
}
