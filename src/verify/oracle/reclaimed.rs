//! G10: what is over is given up once it has been read, and not before.
//!
//! The rule speaks of creates, not of timelines: of each it says from which line on its life was certainly closed, and
//! from which on certainly read to its end (`docs/history.md`). So nothing is enumerated here but pairs of operations.

use super::channel::Channel;
use super::facts::{Close, Create, Fate, NEVER, Position, Stream};
use super::rules::certainly_open;

/// A subscribe that came too late and yet was served, or came in time and was refused.
pub(super) fn untimely(channel: &Channel<'_>) -> bool {
    let Some(job) = channel.job else { return false };
    let name = Name { channel, job };
    channel.streams().map(|stream| &channel.facts.streams[stream]).any(|stream| {
        (stream.span.fate == Fate::Ok && name.served_late(stream)) || (stream.span.missing && name.gone_early(stream))
    })
}

/// Adds to each `retained` line how many of a name's lives can be held there.
pub(super) fn hold(channel: &Channel<'_>, held: &mut [u64]) {
    let Some(job) = channel.job else { return };
    let name = Name { channel, job };
    for ((line, _), held) in channel.facts.retained.iter().zip(held) {
        let can_be_held = |(index, create): &(usize, &Create)| {
            let opened_nothing = create.span.fate == Fate::Ok && certainly_open(channel, job, None, &create.span);
            create.span.invoke < *line && !opened_nothing && name.read_out(*index, create) > *line
        };
        *held += name.creates().filter(can_be_held).count() as u64;
    }
}

/// A job's name.
struct Name<'c, 'f> {
    channel: &'c Channel<'f>,
    job: usize,
}

impl<'f> Name<'_, 'f> {
    /// The creates that did not fail, with their indices.
    fn creates(&self) -> impl Iterator<Item = (usize, &'f Create)> + Clone {
        let job = self.job;
        let all = self.channel.facts.creates.iter().enumerate();
        all.filter(move |(_, create)| create.job == job && !create.span.failed())
    }

    fn streams(&self) -> impl Iterator<Item = &'f Stream<'f>> {
        let facts = self.channel.facts;
        self.channel.streams().map(|stream| &facts.streams[stream])
    }

    /// Of the closes that returned `ok`, began after the create had returned, and went through the name or this
    /// create's handle, the one that returned first.
    fn ending(&self, index: usize, create: &Create) -> Option<&'f Close> {
        let closes = self.channel.facts.closes.iter().filter(|close| {
            let own = close.job == self.job && close.life.is_none_or(|life| life == index);
            own && close.span.fate == Fate::Ok && create.span.fate == Fate::Ok && close.span.invoke > create.span.ret()
        });
        closes.min_by_key(|close| close.span.ret())
    }

    /// The line from which on this create's life was certainly closed.
    fn over(&self, index: usize, create: &Create) -> usize {
        self.ending(index, create).map_or(NEVER, |close| close.span.ret())
    }

    /// Whether a stream belongs to this create's life for certain.
    fn surely(&self, stream: &Stream<'_>, index: usize, create: &Create) -> bool {
        if stream.span.fate != Fate::Ok || create.span.fate != Fate::Ok {
            return false;
        }
        let no_other = |(other, rival): (usize, &Create)| {
            let later = rival.span.invoke > stream.span.ret();
            let earlier = self.over(other, rival) < create.span.invoke && create.span.ret() < stream.span.invoke;
            other == index || later || earlier
        };
        match stream.life {
            Some(life) => life == index,
            None => create.span.invoke < stream.span.ret() && self.creates().all(no_other),
        }
    }

    /// The line from which on this create's life was certainly closed and read to its end.
    fn read_out(&self, index: usize, create: &Create) -> usize {
        let Some(close) = self.ending(index, create) else { return NEVER };
        let streams = self.streams().filter(|stream| self.surely(stream, index, create));
        let ends = streams.filter_map(Stream::end).filter(|end| *end > close.span.invoke);
        ends.min().map_or(NEVER, |end| end.max(close.span.ret()))
    }

    /// Whether every life that a subscribe can have met had been read out before it began.
    fn served_late(&self, stream: &Stream<'_>) -> bool {
        let begun = stream.span.invoke;
        let met = |(index, create): &(usize, &Create)| match stream.life {
            Some(life) => life == *index,
            None => create.span.invoke < stream.span.ret(),
        };
        let behind = |index: usize, create: &Create| {
            let over = self.over(index, create);
            stream.life.is_none() && self.creates().any(|(_, next)| next.span.ret() < begun && over < next.span.invoke)
        };
        let gone = |(index, create): (usize, &Create)| self.read_out(index, create) < begun || behind(index, create);
        let mut met = self.creates().filter(met).peekable();
        met.peek().is_some() && met.all(gone)
    }

    /// Whether a refused subscribe can only have meant a life that was closed, and that nobody can have read to its
    /// end, nor its limit have passed, before it was refused.
    fn gone_early(&self, stream: &Stream<'_>) -> bool {
        let (begun, refused) = (stream.span.invoke, stream.span.completion);
        let readable = |(index, create): (usize, &Create)| {
            let meant = stream.life.is_none_or(|life| life == index);
            let closed = create.span.ret() < begun && self.over(index, create) < begun;
            let alone = self.creates().all(|(other, rival)| {
                other == index || rival.span.invoke > refused || self.over(other, rival) < create.span.invoke
            });
            let read = self.streams().any(|reader| {
                let its = match reader.life {
                    Some(life) => life == index,
                    None => reader.span.ret() > create.span.invoke,
                };
                !reader.span.failed() && reader.span.invoke < refused && its
            });
            let mut expired = self.channel.facts.expired.iter();
            let expired = expired.any(|(at, job)| *job == self.job && create.span.invoke < *at && *at < refused);
            meant && closed && alone && !read && !expired
        };
        !matches!(stream.since, Position::After(_)) && self.creates().any(readable)
    }
}
