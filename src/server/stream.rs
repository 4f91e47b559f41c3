//! One stream on the wire: from the router's deliveries to frames of server-sent events.
//!
//! Polled by its connection alone: it has no task, no queue and no buffer of its own. What the connection cannot write
//! is not taken from the router, so a slow reader costs what its job retains anyway, and what it misses is counted.

use super::cursor::Cursors;
use super::line::Line;
use super::source::{Said, Source};
use super::state::{Record, Service, StreamSlot, now_ms};
use super::tally::Counted;
use crate::narration::Event;
use crate::router::Delivered;
use crate::sink::sse::{self, Frame};
use axum::http::Uri;
use hyper::body::{self, Body};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep};

/// Why a stream is over though its job may not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Its capability was revoked.
    Revoked,
    /// Its capability's time is over.
    Expired,
    /// The service ends.
    Shutdown,
}

impl Stop {
    pub(super) const ALL: [Stop; 3] = [Stop::Revoked, Stop::Expired, Stop::Shutdown];

    pub(super) fn reason(self) -> &'static str {
        match self {
            Stop::Revoked => "revoked",
            Stop::Expired => "expired",
            Stop::Shutdown => "shutdown",
        }
    }
}

/// Waits until a job's stream must stop. Revocation goes first: of all that may be true at once, it says most.
async fn stop_of_job(
    mut epochs: watch::Receiver<u32>,
    epoch: u32,
    expires: u64,
    mut stopping: watch::Receiver<bool>,
) -> Stop {
    let left = Duration::from_millis(expires.saturating_sub(now_ms()));
    tokio::select! {
        biased;
        // The senders live as long as the stream, which holds both.
        _ = epochs.wait_for(|now| *now != epoch) => Stop::Revoked,
        () = sleep(left) => Stop::Expired,
        _ = stopping.wait_for(|stopping| *stopping) => Stop::Shutdown,
    }
}

/// A job, the connection that carries its stream, and if that is not known, the stream's place among the others of the job.
type Job = (Arc<Record>, Option<Line>, Option<StreamSlot>);

/// The body of the answer to whoever opened a stream.
pub(super) struct SseBody {
    source: Source,
    cursors: Cursors,
    stop: Pin<Box<dyn Future<Output = Stop> + Send>>,
    silence: Pin<Box<Sleep>>,
    service: Arc<Service>,
    /// `None` on the operators' stream.
    of: Option<Job>,
    /// How often the job's capabilities had been revoked when the one was made that opened this, and until when that is
    /// good.
    right: (u32, u64),
    /// What is to be said before anything else, once.
    head: bool,
    over: bool,
    _counted: Counted,
}

impl SseBody {
    /// Of a job.
    pub(super) fn of_job(service: &Arc<Service>, source: Source, job: Job, right: (u32, u64)) -> SseBody {
        let stop = stop_of_job(job.0.epoch.subscribe(), right.0, right.1, service.stopping.subscribe());
        let cursors = job.0.cursors.clone();
        SseBody::new(service, source, cursors, Box::pin(stop), Some(job), right)
    }

    /// Of the system, for operators.
    pub(super) fn of_system(service: &Arc<Service>, source: Source) -> SseBody {
        let mut stopping = service.stopping.subscribe();
        let stop = async move {
            let _the_service_holds_the_sender = stopping.wait_for(|stopping| *stopping).await;
            Stop::Shutdown
        };
        SseBody::new(service, source, service.system_cursors.clone(), Box::pin(stop), None, (0, u64::MAX))
    }

    fn new(
        service: &Arc<Service>,
        source: Source,
        cursors: Cursors,
        stop: Pin<Box<dyn Future<Output = Stop> + Send>>,
        of: Option<Job>,
        right: (u32, u64),
    ) -> SseBody {
        service.tally.stream_opened();
        SseBody {
            source,
            cursors,
            stop,
            silence: Box::pin(sleep(service.config.keep_alive)),
            service: Arc::clone(service),
            of,
            right,
            head: true,
            over: false,
            _counted: service.tally.streams.enter(),
        }
    }

    /// Appends what has arrived.
    fn say(&mut self, said: Said, out: &mut Vec<u8>) {
        match said {
            Said::Batch(batch) => batch.for_each(|event| self.say_event(&event, out)),
            Said::Event(event) => self.say_event(&event, out),
            Said::Lagged(lost, last) => {
                // Whoever resumes after the marker is not told of the same loss again.
                let cursor = last.map(|sequence| self.cursors.seal(sequence));
                frame("lagged", cursor.as_deref(), &format!("{{\"lagged\":{lost}}}"), out);
            }
            Said::End(outcome) => {
                frame("done", None, &format!("{{\"outcome\":\"{outcome}\"}}"), out);
                self.over = true;
                if let Some((record, line, _)) = &self.of {
                    line.iter().for_each(|line| line.carries_end_of(record));
                }
            }
        }
    }

    fn say_event(&self, event: &Delivered, out: &mut Vec<u8>) {
        let bytes = event.bytes();
        let cursor = self.cursors.seal(event.sequence());
        let name = if Event::carries_payload(bytes) { "data" } else { "narration" };
        match str::from_utf8(bytes) {
            Ok(data) => frame(name, Some(&cursor), data, out),
            // No event of this router's is anything but text; if one were, it would be lost aloud.
            Err(_) => frame("lagged", Some(&cursor), "{\"lagged\":1}", out),
        }
    }

    fn lost_its_right(&self) -> Option<Stop> {
        let ((record, ..), (epoch, expires)) = (self.of.as_ref()?, self.right);
        if *record.epoch.borrow() != epoch {
            return Some(Stop::Revoked);
        }
        (now_ms() >= expires).then_some(Stop::Expired)
    }

    /// The last that is said.
    fn stopped(&mut self, stop: Stop, mut out: Vec<u8>) -> Vec<u8> {
        frame("stopped", None, &format!("{{\"reason\":\"{}\"}}", stop.reason()), &mut out);
        self.service.tally.stopped(stop);
        self.over = true;
        out
    }

    /// What comes next, as bytes for the wire.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let mut out = Vec::new();
        if std::mem::take(&mut self.head) {
            // Whoever loses the connection before the first event, resumes after the position where this stream began.
            let begin = self.source.position().map(|sequence| self.cursors.seal(sequence));
            sse::settings(self.service.config.retry, begin.as_deref(), &mut out).expect("at most a day, and base64");
        }
        // Before anything else: what is revoked gets nothing more, however much is ready.
        if let Poll::Ready(stop) = self.stop.as_mut().poll(cx) {
            return Poll::Ready(Some(self.stopped(stop, out)));
        }
        let arrived = self.source.poll_next(cx);
        // And once more: what has arrived may have been said after a revocation that came since, or after a night in which
        // no timer ran. It is dropped here, and whoever still has the right finds it where it was.
        if arrived.is_ready()
            && let Some(stop) = self.lost_its_right()
        {
            return Poll::Ready(Some(self.stopped(stop, out)));
        }
        match arrived {
            Poll::Ready(Some(said)) => self.say(said, &mut out),
            Poll::Ready(None) => self.over = true,
            Poll::Pending if out.is_empty() => {
                ready!(self.silence.as_mut().poll(cx));
                sse::comment("", &mut out);
            }
            Poll::Pending => {}
        }
        let next = Instant::now() + self.service.config.keep_alive;
        self.silence.as_mut().reset(next);
        // Registers the new time; it lies ahead.
        let _not_yet = self.silence.as_mut().poll(cx);
        Poll::Ready(Some(out))
    }
}

/// Appends one frame. Its parts are ours: a fixed name, a cursor, one line of JSON.
fn frame(event: &str, id: Option<&str>, data: &str, out: &mut Vec<u8>) {
    let frame = Frame { event: Some(event), id, retry: None, data };
    frame.encode(out).expect("a fixed name, base64 and a line of text can be written");
}

impl Body for SseBody {
    type Data = axum::body::Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<body::Frame<Self::Data>, Infallible>>> {
        let bytes = ready!(self.poll_bytes(cx));
        Poll::Ready(bytes.map(|bytes| Ok(body::Frame::data(bytes.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }
}

/// What a stream is asked for in the query.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query<'a> {
    pub(super) from: Option<&'a str>,
    pub(super) after: Option<&'a str>,
    pub(super) ticket: Option<&'a str>,
    /// A parameter that is unknown, or given twice. Its value is not kept: it may be a secret.
    pub(super) odd: Option<&'a str>,
}

impl<'a> Query<'a> {
    /// Values are taken as they stand: none of them needs an escape.
    pub(super) fn of(uri: &'a Uri) -> Query<'a> {
        let mut query = Query::default();
        for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let place = match name {
                "from" => &mut query.from,
                "after" => &mut query.after,
                "ticket" => &mut query.ticket,
                _ => {
                    query.odd = Some(name);
                    continue;
                }
            };
            if place.replace(value).is_some() {
                query.odd = Some(name);
            }
        }
        query
    }
}
