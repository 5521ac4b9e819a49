//! The TCP stream of a client, which counts for as long as it is open and knows when the client takes nothing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use gatehouse_telemetry::metrics::OpenConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::quota::Permit;
use crate::client::flow::Flow;
use crate::read_ahead::ReadAhead;

/// A client's stream below TLS.
#[derive(Debug)]
pub(super) struct Transport {
    stream: ReadAhead<TcpStream>,
    flow: Arc<Flow>,
    _permit: Permit,
    _open: OpenConnection,
}

impl Transport {
    pub(super) fn new(stream: TcpStream, permit: Permit, open: OpenConnection) -> Self {
        Self { stream: ReadAhead::new(stream), flow: Arc::new(Flow::new()), _permit: permit, _open: open }
    }

    /// Whether the client takes what it is sent.
    pub(super) fn flow(&self) -> Arc<Flow> {
        Arc::clone(&self.flow)
    }

    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            self.flow.block();
        } else {
            self.flow.unblock();
        }
        written
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let transport = self.get_mut();
        let written = Pin::new(&mut transport.stream).poll_write(context, bytes);
        transport.note(written)
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
        // One slice, as nearly every record is: send(2) is cheaper than writev(2).
        if let [slice] = slices {
            return self.poll_write(context, slice);
        }
        let transport = self.get_mut();
        let written = Pin::new(&mut transport.stream).poll_write_vectored(context, slices);
        transport.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
