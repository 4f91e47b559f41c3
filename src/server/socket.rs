//! The socket below the HTTP layer: given up once nobody reads, patient after an end, and never without a word.
//!
//! What is no request reaches no route. The HTTP layer answers it by itself, with a status and nothing else, and gives
//! nobody a say in it. But it writes here, where it is known whether an answer of ours is under way (see
//! [`Line::is_unasked`]). If none is, what is written is its own, and is replaced by a refusal in the shape that all
//! refusals have. No byte of any answer decides this: a payload that looks like a bare status stays a payload.

use super::line::Line;
use super::refusal::Refusal;
use super::state::Service;
use axum::http::StatusCode;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// A socket that is given up once a write has made no progress for so long, and that waits, after the end of a job, for
/// its reader to hang up: only that says that everything arrived.
pub(super) struct Patient {
    socket: TcpStream,
    service: Arc<Service>,
    waiting: Option<Pin<Box<Sleep>>>,
    line: Line,
    /// Our side is closed.
    said_all: bool,
    instead: Option<Instead>,
}

/// What is being said in place of the HTTP layer's own words.
struct Instead {
    said: Vec<u8>,
    written: usize,
    /// How many bytes the HTTP layer takes it for.
    stands_for: usize,
}

impl Patient {
    pub(super) fn new(socket: TcpStream, service: Arc<Service>, line: Line) -> Patient {
        Patient { socket, service, waiting: None, line, said_all: false, instead: None }
    }

    /// Says why, without waiting for anything: the HTTP layer has given the connection up without a word.
    pub(super) fn refuse(&self, refusal: &Refusal) {
        self.service.tally.refused(refusal.error());
        // A peer that has not read what it asked for before has no room for these bytes; hanging up says enough then.
        let _best_effort = self.socket.try_write(refusal.raw().as_bytes());
    }

    fn or_given_up<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let stall = self.service.config.stall;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(stall)));
        waiting.as_mut().poll(cx).map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads")))
    }

    /// Looks at what is about to be written, `length` bytes that begin with `first`. `Some` if something else is said.
    fn poll_instead(&mut self, cx: &mut Context<'_>, first: &[u8], length: usize) -> Option<Poll<io::Result<usize>>> {
        if self.instead.is_none() && self.line.is_unasked() {
            let refusal = Refusal::unreadable(own_status(first)?);
            self.service.tally.refused(refusal.error());
            self.instead = Some(Instead { said: refusal.raw().into_bytes(), written: 0, stands_for: length });
        }
        loop {
            let Instead { said, written, stands_for } = self.instead.as_mut()?;
            if *written == said.len() {
                let stood_for = *stands_for;
                self.instead = None;
                return Some(Poll::Ready(Ok(stood_for)));
            }
            let polled = Pin::new(&mut self.socket).poll_write(cx, &said[*written..]);
            match polled {
                Poll::Ready(Ok(0)) => return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(more)) => {
                    *written += more;
                    self.waiting = None;
                }
                other => return Some(self.or_given_up(cx, other)),
            }
        }
    }
}

/// The status that the HTTP layer is about to give.
fn own_status(head: &[u8]) -> Option<StatusCode> {
    StatusCode::from_bytes(head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?).ok()
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(said_instead) = self.poll_instead(cx, bytes, bytes.len()) {
            return said_instead;
        }
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.or_given_up(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The HTTP layer flushes once it has nothing left to write.
        self.line.flushed();
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.said_all {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            self.said_all = true;
        }
        if !self.line.carries_end() {
            return Poll::Ready(Ok(()));
        }
        // A reader that died, or was killed with something unread, shows as an error here.
        let mut scratch = [0; 512];
        loop {
            let mut rest = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.socket).poll_read(cx, &mut rest) {
                Poll::Ready(Ok(())) if !rest.filled().is_empty() => continue,
                Poll::Ready(over) => return Poll::Ready(over),
                Poll::Pending => return self.or_given_up(cx, Poll::Pending),
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.first().map_or(&[][..], |slice| slice);
        if let Some(said_instead) = self.poll_instead(cx, first, slices.iter().map(|slice| slice.len()).sum()) {
            return said_instead;
        }
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.or_given_up(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}
