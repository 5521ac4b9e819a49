//! The stream between TLS and the HTTP/2 codec: cut when frames become a flood.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::budget::Budget;
use super::frames::Frames;

/// Counts what a client sends before the codec sees it.
#[derive(Debug)]
pub(super) struct Guard<S> {
    stream: S,
    frames: Frames,
    budget: Budget,
    /// Shared, because the codec keeps no more of an error than its kind and its text.
    cut: Rc<Cell<bool>>,
}

impl<S> Guard<S> {
    /// A guard that says through `cut` whether it has cut the connection.
    pub(super) fn new(stream: S, cut: Rc<Cell<bool>>) -> Self {
        Self { stream, frames: Frames::new(), budget: Budget::new(), cut }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        if guard.cut.get() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut guard.stream).poll_read(context, buffer))?;
        let mut bytes = buffer.filled().get(before..).unwrap_or_default();
        while let Some(header) = guard.frames.next(&mut bytes) {
            if let Err(flood) = guard.budget.charge(header) {
                guard.cut.set(true);
                buffer.set_filled(before);
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, flood)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Guard<S> {
    fn note_written(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = written {
            self.budget.written(count);
        }
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let guard = self.get_mut();
        let written = Pin::new(&mut guard.stream).poll_write(context, bytes);
        guard.note_written(written)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let guard = self.get_mut();
        let written = Pin::new(&mut guard.stream).poll_write_vectored(context, slices);
        guard.note_written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
