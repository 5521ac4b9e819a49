//! Reads below TLS that take a whole record at once. The TLS library asks for 4 KiB at a time, so that a record of
//! 16 KiB would cost five system calls.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most that one read takes: the longest record (RFC 8446 section 5.2) and a little of the next.
const LANDING: usize = 17 * 1024;

thread_local! {
    /// Where the bytes of a read land first. One for each core, so that connections keep only what is left over.
    static LANDING_PLACE: RefCell<Box<[u8]>> = RefCell::new(vec![0; LANDING].into_boxed_slice());
}

/// A stream that is read in large pieces and handed on in those that the reader asks for.
#[derive(Debug)]
pub(crate) struct ReadAhead<S> {
    stream: S,
    /// What was read and not asked for yet; its buffer goes when it is empty.
    rest: Vec<u8>,
    given: usize,
}

impl<S> ReadAhead<S> {
    /// Nothing has been read yet.
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, rest: Vec::new(), given: 0 }
    }

    fn give_rest(&mut self, buffer: &mut ReadBuf<'_>) {
        let rest = self.rest.get(self.given..).unwrap_or_default();
        let (now, later) = rest.split_at(rest.len().min(buffer.remaining()));
        buffer.put_slice(now);
        if later.is_empty() {
            self.rest = Vec::new();
            self.given = 0;
        } else {
            self.given += now.len();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.rest.is_empty() {
            this.give_rest(buffer);
            return Poll::Ready(Ok(()));
        }
        if buffer.remaining() >= LANDING {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        LANDING_PLACE.with_borrow_mut(|landing| {
            let mut read = ReadBuf::new(landing);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut read))?;
            let bytes = read.filled();
            let (now, later) = bytes.split_at(bytes.len().min(buffer.remaining()));
            buffer.put_slice(now);
            if !later.is_empty() {
                this.rest = later.to_vec();
            }
            Poll::Ready(Ok(()))
        })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn bytes_come_in_their_order_whatever_is_asked_for() {
        let sent: Vec<u8> = (0..100_000_u32).map(|number| (number % 251) as u8).collect();
        for step in [1_000, 4_096, LANDING, 64 * 1024] {
            let (mut far, near) = tokio::io::duplex(32 * 1024);
            let writing = async {
                far.write_all(&sent).await.unwrap();
                far.shutdown().await.unwrap();
            };
            let reading = async {
                let mut stream = ReadAhead::new(near);
                let (mut came, mut piece) = (Vec::new(), vec![0; step]);
                while let count @ 1.. = stream.read(&mut piece).await.unwrap() {
                    came.extend_from_slice(&piece[..count]);
                }
                assert!(stream.rest.capacity() == 0, "an idle stream keeps no buffer");
                came
            };
            let ((), came) = tokio::join!(writing, reading);
            assert!(came == sent, "step {step}");
        }
    }

    /// Counts reads, and has as much as is asked for.
    struct Endless(usize);

    impl AsyncRead for Endless {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.0 += 1;
            buffer.put_slice(&vec![7; buffer.remaining()]);
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_record_of_the_greatest_length_is_one_read_and_what_is_kept_is_bounded() {
        let mut stream = ReadAhead::new(Endless(0));
        let mut context = Context::from_waker(Waker::noop());
        let (mut bytes, mut came) = ([0; 4096], 0);
        while came < 5 + 16_384 + 256 {
            let mut buffer = ReadBuf::new(&mut bytes);
            assert!(Pin::new(&mut stream).poll_read(&mut context, &mut buffer).is_ready());
            came += buffer.filled().len();
            assert!(stream.rest.capacity() <= LANDING);
        }
        assert_eq!(stream.stream.0, 1);
    }
}
