//! The socket below the HTTP layer: given up once nobody reads, patient after an end, and never without a word.
//!
//! **After an end** the reader is waited for: only his hanging up says that everything arrived. And even that does not, if
//! he was killed before: then his farewell crosses what was said, and acknowledges nothing of it. So it counts only once
//! the system has nothing left that is not acknowledged.
//!
//! **After a refusal** the peer may still be speaking. If the socket were closed meanwhile, the system would throw the
//! answer away with what nobody reads (RFC 9112, section 9.6), so he is heard out, within bounds.
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
use std::time::Duration;
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
    /// Something was said in place of the HTTP layer's own words.
    told_off: bool,
    /// Until when the peer is heard out, and how many bytes he may still say.
    heard: Option<(Pin<Box<Sleep>>, usize)>,
    /// When to look again whether everything is acknowledged.
    look: Option<Pin<Box<Sleep>>>,
}

/// How long, and how much, somebody may go on speaking whose request is refused already.
const HEARD_OUT: Duration = Duration::from_secs(2);
const HEARD_BYTES: usize = 64 << 20;

/// How often it is looked whether everything is acknowledged.
const LOOK: Duration = Duration::from_millis(5);

/// What is being said in place of the HTTP layer's own words.
struct Instead {
    said: Vec<u8>,
    written: usize,
    /// How many bytes the HTTP layer takes it for.
    stands_for: usize,
}

impl Patient {
    pub(super) fn new(socket: TcpStream, service: Arc<Service>, line: Line) -> Patient {
        Patient {
            socket,
            service,
            waiting: None,
            line,
            said_all: false,
            instead: None,
            told_off: false,
            heard: None,
            look: None,
        }
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
            self.told_off = true;
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

impl Patient {
    /// Reads and forgets; how much, or that there is no more, or an error.
    fn poll_forget(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut scratch = [0; 4096];
        let mut rest = ReadBuf::new(&mut scratch);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut rest))?;
        Poll::Ready(Ok(rest.filled().len()))
    }

    /// Waits until the reader has hung up after all that was said. An error if he died on the way.
    fn poll_hung_up(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.poll_forget(cx) {
                Poll::Ready(Ok(0)) => break,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return self.or_given_up(cx, Poll::Pending),
            }
        }
        loop {
            // Both sides have said that they are done. The system forgets the peer once he has acknowledged everything,
            // and also when he refuses it, and then it says so.
            if !cfg!(target_os = "linux") || self.socket.peer_addr().is_err() {
                return Poll::Ready(self.socket.take_error().and_then(|error| error.map_or(Ok(()), Err)));
            }
            let look = self.look.get_or_insert_with(|| Box::pin(sleep(LOOK)));
            if look.as_mut().poll(cx).is_pending() {
                return self.or_given_up(cx, Poll::Pending);
            }
            self.look = None;
        }
    }

    /// Waits until the peer has said all that he wanted to, or as long as he may go on.
    fn poll_heard_out(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let longest = self.service.config.request.min(HEARD_OUT);
        loop {
            let (until, left) = self.heard.get_or_insert_with(|| (Box::pin(sleep(longest)), HEARD_BYTES));
            if *left == 0 || until.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            match ready!(self.poll_forget(cx)) {
                Ok(more) if more > 0 => self.heard.iter_mut().for_each(|(_, left)| *left = left.saturating_sub(more)),
                // He has hung up, or is gone.
                Ok(_) | Err(_) => return Poll::Ready(()),
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
        if self.line.carries_end() {
            return self.poll_hung_up(cx);
        }
        if self.told_off || self.line.is_spoken_to() {
            ready!(self.poll_heard_out(cx));
        }
        Poll::Ready(Ok(()))
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
