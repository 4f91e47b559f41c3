//! What one job retains: a log of frames in sealed chunks. Plain data, no locks.
//!
//! A frame is one encoded event. Frames are appended to an *open* chunk; when a reader asks for something in it, or
//! when it is full, it is *sealed*: frozen without a copy, with the table of its frames' ends written behind the
//! frames. So a burst of events is one chunk, a reader takes a whole run of events with one reference count, and
//! walks it without parsing and without the job's lock.
//!
//! ```text
//! position   0 1 2   3 4 5 6   7 8 9
//!            [chunk] [ chunk ] [open]        next  = 10   the position that the next event takes
//!              ^                             first = 1    the oldest event still retained; 0 is evicted
//! ```
//!
//! Retention is exact by events and by bytes, whatever the chunks are: `first` moves event by event, and a chunk is
//! dropped when its last event is evicted. A [`Batch`] that a reader holds pins its chunk, at most [`CHUNK_BYTES`] or
//! one event.

use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// A chunk is sealed before it grows beyond this; a larger event has a chunk of its own.
pub const CHUNK_BYTES: usize = 16 * 1024;
/// What a fresh chunk allocates; idle jobs allocate nothing.
const FIRST_BYTES: usize = 1024;
/// One entry of a chunk's table: the end of a frame, as a little-endian `u32`.
const END: usize = size_of::<u32>();

/// How much one job retains for late and slow readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// At most so many events (at least 1).
    pub events: usize,
    /// At most so many bytes of frames; the newest event is always kept.
    pub bytes: usize,
}

/// Frames of consecutive positions, immutable: `frames ++ ends`.
#[derive(Debug, Clone)]
struct Chunk {
    /// The position of its first frame.
    first: u64,
    count: u32,
    body: Bytes,
}

impl Chunk {
    fn end_of(&self, index: u32) -> usize {
        let table = self.body.len() - self.count as usize * END;
        let at = table + index as usize * END;
        let mut end = [0; END];
        end.copy_from_slice(&self.body[at..at + END]);
        u32::from_le_bytes(end) as usize
    }

    fn start_of(&self, index: u32) -> usize {
        if index == 0 { 0 } else { self.end_of(index - 1) }
    }

    fn last(&self) -> u64 {
        self.first + u64::from(self.count)
    }
}

/// The retained events of one incarnation.
#[derive(Debug)]
pub(super) struct Log {
    retention: Retention,
    sealed: VecDeque<Chunk>,
    open: BytesMut,
    /// Where the frames of the open chunk end.
    ends: Vec<u32>,
    /// The oldest retained position.
    first: u64,
    /// The position that the next event takes: how many were ever accepted.
    next: u64,
    /// Bytes of all retained frames.
    bytes: usize,
}

/// What a reader at some position gets.
pub(super) enum Fetch {
    /// A run of events from that position on.
    Batch(Batch),
    /// The events before this position are evicted.
    Behind(u64),
    /// It has everything.
    Level,
}

impl Log {
    pub(super) fn new(retention: Retention) -> Self {
        let retention = Retention { events: retention.events.max(1), ..retention };
        Log { retention, sealed: VecDeque::new(), open: BytesMut::new(), ends: Vec::new(), first: 0, next: 0, bytes: 0 }
    }

    /// The position that the next event takes.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Appends a frame and evicts what is then too much. Answers the frame's position.
    pub(super) fn push(&mut self, frame: &[u8]) -> u64 {
        if !self.ends.is_empty() && self.open.len() + frame.len() + (self.ends.len() + 1) * END > CHUNK_BYTES {
            self.seal();
        }
        // With room for the table of ends, so that sealing does not move the chunk.
        let room = frame.len() + (self.ends.len() + 1) * END;
        self.open.reserve(if self.open.capacity() == 0 { room.max(FIRST_BYTES) } else { room });
        self.open.extend_from_slice(frame);
        self.ends.push(self.open.len() as u32);
        let position = self.next;
        self.next += 1;
        self.bytes += frame.len();
        while self.next - self.first > self.retention.events as u64
            || (self.bytes > self.retention.bytes && self.next - self.first > 1)
        {
            self.evict();
        }
        position
    }

    /// Freezes the open chunk.
    fn seal(&mut self) {
        if self.ends.is_empty() {
            return;
        }
        let count = self.ends.len() as u32;
        for end in self.ends.drain(..) {
            self.open.extend_from_slice(&end.to_le_bytes());
        }
        // The whole allocation goes: were the next chunk to go on in it, a reader of one event would pin its
        // neighbours.
        let body = std::mem::take(&mut self.open).freeze();
        self.sealed.push_back(Chunk { first: self.next - u64::from(count), count, body });
    }

    /// Forgets the oldest event.
    fn evict(&mut self) {
        if self.sealed.is_empty() {
            self.seal();
        }
        if let Some(chunk) = self.sealed.front() {
            let index = (self.first - chunk.first) as u32;
            self.bytes -= chunk.end_of(index) - chunk.start_of(index);
            self.first += 1;
            if self.first == chunk.last() {
                self.sealed.pop_front();
            }
        }
    }

    /// What a reader that stands at `position` gets.
    pub(super) fn fetch(&mut self, position: u64) -> Fetch {
        if position < self.first {
            return Fetch::Behind(self.first);
        }
        if position >= self.next {
            return Fetch::Level;
        }
        if position >= self.next - self.ends.len() as u64 {
            self.seal();
        }
        let at = self.sealed.partition_point(|chunk| chunk.last() <= position);
        let chunk = self.sealed[at].clone();
        let from = (position - chunk.first) as u32;
        let to = chunk.count;
        Fetch::Batch(Batch { chunk, from, to })
    }

    /// Takes everything out, to be dropped outside the lock, once nobody can ask for any of it. What readers hold in
    /// batches stays theirs.
    pub(super) fn take(&mut self) -> Log {
        std::mem::replace(self, Log::new(self.retention))
    }
}

/// A run of events that a reader holds. Walking it takes no lock.
#[derive(Debug, Clone)]
pub struct Batch {
    chunk: Chunk,
    from: u32,
    to: u32,
}

/// One event of a batch: its position in the incarnation's order, and its bytes exactly as they were emitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The position.
    pub position: u64,
    /// The bytes; a cheap handle on the chunk.
    pub bytes: Bytes,
}

impl Batch {
    /// The position after the last event.
    pub(super) fn next_position(&self) -> u64 {
        self.chunk.first + u64::from(self.to)
    }
}

impl Iterator for Batch {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        if self.from == self.to {
            return None;
        }
        let index = self.from;
        self.from += 1;
        let bytes = self.chunk.body.slice(self.chunk.start_of(index)..self.chunk.end_of(index));
        Some(Frame { position: self.chunk.first + u64::from(index), bytes })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.to - self.from) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Batch {}
