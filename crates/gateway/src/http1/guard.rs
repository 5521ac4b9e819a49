//! The stream between TLS and the HTTP/1 parser. Heads pass whole and judged, or not at all.
//!
//! For a head that is refused the parser gets a minimal request with `Connection: close` in its place, and then
//! nothing more. The service knows the number of that request and answers it with the refusal.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::chunked::{Chunked, TrailerLimits};
use super::head::{self, Framing, Head};
use super::wire::{Upgrade, Wire};
use crate::client::refusal::Refusal;
use crate::client::request_body::FramingError;

/// What the parser sees in the place of a refused head.
const SUBSTITUTE: &[u8] = b"GET / HTTP/1.1\r\nhost: refused.invalid\r\nconnection: close\r\n\r\n";

/// Bytes read while a connection is parked, on the stack.
const FIRST_READ: usize = 2048;

/// Bytes of another protocol that are kept while the answer to an upgrade is not known.
const MAX_HELD: usize = 16 * 1024;

/// Bounds of a head.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadLimits {
    /// Bytes from the request line to the empty line.
    pub(super) bytes: usize,
    /// Header fields; trailer fields too.
    pub(super) fields: usize,
}

/// Judges what a client sends before the parser sees it.
#[derive(Debug)]
pub(super) struct Guard<S> {
    stream: S,
    wire: Arc<Wire>,
    limits: HeadLimits,
    position: Position,
    /// Bytes taken from the stream and not yet given to the parser: up to `judged` they may be given.
    carry: Vec<u8>,
    given: usize,
    judged: usize,
    /// How far the incomplete head at `judged` has been searched for its end.
    searched: usize,
    /// Whether the carried bytes after `judged` have yet to be looked at.
    unseen: bool,
}

/// What the next byte from the client belongs to.
#[derive(Clone, Copy, Debug)]
enum Position {
    Head,
    Length(u64),
    Chunked(Chunked),
    /// After a head that asks for a WebSocket.
    Held,
    /// After an upgrade: no HTTP any more.
    Transparent,
    /// After a refused head: nothing is read any more.
    Refused,
    /// Within a body that broke its framing.
    Broken(FramingError),
}

impl<S> Guard<S> {
    pub(super) fn new(stream: S, wire: Arc<Wire>, limits: HeadLimits) -> Self {
        Self {
            stream,
            wire,
            limits,
            position: Position::Head,
            carry: Vec::new(),
            given: 0,
            judged: 0,
            searched: 0,
            unseen: false,
        }
    }

    /// The stream below.
    pub(super) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Whether bytes wait that the parser has not got.
    pub(super) fn has_carry(&self) -> bool {
        !self.carry.is_empty()
    }

    /// Refuses the head that is due, in place of whatever was carried.
    fn refuse(&mut self, refusal: Refusal) {
        self.wire.refuse_next(refusal);
        self.wire.head_since.clear();
        self.position = Position::Refused;
        self.carry.truncate(self.judged);
        self.carry.extend_from_slice(SUBSTITUTE);
        self.judged = self.carry.len();
        self.unseen = false;
    }

    /// Looks at bytes from the position onwards. Tells how many of them the parser may have, and why a head is
    /// refused.
    fn look(&mut self, bytes: &[u8]) -> (usize, Result<(), Refusal>) {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return (at, Ok(()));
            }
            match self.position {
                Position::Head => match self.look_at_head(rest) {
                    Ok(Some(end)) => at += end,
                    Ok(None) => return (at, Ok(())),
                    Err(refusal) => return (at, Err(refusal)),
                },
                Position::Length(left) => {
                    let taken = left.min(rest.len() as u64);
                    at += taken as usize;
                    self.position =
                        if taken == left { Position::Head } else { Position::Length(left - taken) };
                }
                Position::Chunked(mut chunked) => {
                    let limits = TrailerLimits { bytes: self.limits.bytes, fields: self.limits.fields };
                    let (taken, result) = chunked.follow(rest, limits);
                    at += taken;
                    self.position = match result {
                        Ok(()) if chunked.is_done() => Position::Head,
                        Ok(()) => Position::Chunked(chunked),
                        Err(error) => {
                            self.position = Position::Broken(error);
                            return (at, Ok(()));
                        }
                    };
                }
                Position::Transparent => return (bytes.len(), Ok(())),
                Position::Held | Position::Refused | Position::Broken(_) => return (at, Ok(())),
            }
        }
    }

    fn look_at_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        let Some(end) = head::find_end(bytes, &mut self.searched) else {
            self.wire.head_since.mark(self.wire.epoch);
            return if bytes.len() > self.limits.bytes { Err(Refusal::HeadTooLarge) } else { Ok(None) };
        };
        self.searched = 0;
        self.wire.head_since.clear();
        if end > self.limits.bytes {
            return Err(Refusal::HeadTooLarge);
        }
        let head = head::check(bytes.get(..end).unwrap_or_default(), self.limits.fields)?;
        self.wire.pass_head();
        self.position = self.after(head);
        Ok(Some(end))
    }

    fn after(&self, head: Head) -> Position {
        match head.framing {
            Framing::Length(length) => Position::Length(length),
            Framing::Chunked => Position::Chunked(Chunked::new()),
            Framing::None if head.websocket => {
                self.wire.set_upgrade(Upgrade::Asked);
                Position::Held
            }
            Framing::None => Position::Head,
        }
    }

    /// Looks at the carried bytes that have not been judged.
    fn look_at_carry(&mut self) {
        self.unseen = false;
        let carry = std::mem::take(&mut self.carry);
        let (good, result) = self.look(carry.get(self.judged..).unwrap_or_default());
        self.carry = carry;
        self.judged += good;
        if let Err(refusal) = result {
            self.refuse(refusal);
        }
        self.note_position();
    }

    fn note_position(&self) {
        let mid = matches!(self.position, Position::Length(_) | Position::Chunked(_) | Position::Broken(_));
        self.wire.set_mid_message(mid);
    }

    /// Gives judged bytes to the parser. Tells whether there were any.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let Some(judged) = self.carry.get(self.given..self.judged).filter(|bytes| !bytes.is_empty()) else {
            return false;
        };
        let taken = judged.len().min(buffer.remaining());
        buffer.put_slice(judged.get(..taken).unwrap_or_default());
        self.given += taken;
        if self.given == self.carry.len() {
            // Freed, not cleared: an idle connection keeps no buffer.
            self.carry = Vec::new();
            self.given = 0;
            self.judged = 0;
        }
        true
    }

    /// Drops what the parser has got already from the front of the carried bytes.
    fn compact(&mut self) {
        if self.given > 0 {
            self.carry.drain(..self.given);
            self.judged -= self.given;
            self.given = 0;
        }
    }
}

impl<S: AsyncRead + Unpin> Guard<S> {
    /// Waits for the first bytes of a request without the parser and its buffers. `false`: the client has ended.
    pub(super) fn poll_first_bytes(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.has_carry() {
            return Poll::Ready(Ok(true));
        }
        let mut bytes = [0; FIRST_READ];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        if buffer.filled().is_empty() {
            self.wire.end();
            return Poll::Ready(Ok(false));
        }
        self.carry.extend_from_slice(buffer.filled());
        self.unseen = true;
        Poll::Ready(Ok(true))
    }

    /// Moves the position on where somebody else has decided about it.
    fn settle(&mut self) {
        match self.position {
            Position::Held => match self.wire.upgrade() {
                Upgrade::Accepted => {
                    self.position = Position::Transparent;
                    self.judged = self.carry.len();
                }
                Upgrade::Declined => {
                    self.wire.set_upgrade(Upgrade::None);
                    self.position = Position::Head;
                    self.unseen = self.carry.len() > self.judged;
                }
                Upgrade::None | Upgrade::Asked => {}
            },
            Position::Head if self.wire.is_head_expired() => self.refuse(Refusal::HeadTooSlow),
            _ => {}
        }
    }

    /// Reads into `buffer` and leaves there what the parser may have; the rest is carried.
    fn poll_fill(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        if read == 0 {
            self.wire.end();
            return Poll::Ready(Ok(0));
        }
        if self.has_carry() {
            self.compact();
            self.carry.extend_from_slice(buffer.filled().get(before..).unwrap_or_default());
            buffer.set_filled(before);
            self.look_at_carry();
            return Poll::Ready(Ok(read));
        }
        let (good, result) = self.look(buffer.filled().get(before..).unwrap_or_default());
        if good < read && !matches!(self.position, Position::Broken(_)) {
            self.carry.extend_from_slice(buffer.filled().get(before + good..).unwrap_or_default());
        }
        buffer.set_filled(before + good);
        if let Err(refusal) = result {
            self.refuse(refusal);
        }
        self.note_position();
        Poll::Ready(Ok(read))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        if let Position::Transparent = guard.position
            && !guard.has_carry()
        {
            return Pin::new(&mut guard.stream).poll_read(context, buffer);
        }
        let before = buffer.filled().len();
        loop {
            guard.settle();
            if guard.unseen {
                guard.look_at_carry();
            }
            if guard.give(buffer) || buffer.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            match guard.position {
                Position::Broken(error) => return Poll::Ready(Err(error.into())),
                // The parser closes by itself after the answer. An end of the stream would make it give up before.
                Position::Refused => return Poll::Pending,
                // The service wakes this task when it knows the answer to the upgrade.
                Position::Held if guard.carry.len() > MAX_HELD => return Poll::Pending,
                _ => {}
            }
            if ready!(guard.poll_fill(context, buffer))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
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
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
