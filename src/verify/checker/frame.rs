//! What the things that belong to one life need of it.

use super::record::{LineNo, NEVER, Span};

/// The part of a life that some things which belong to it need: it was open after the last of them began (`from`), and
/// before the first of them was over (`until`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) from: LineNo,
    pub(super) until: LineNo,
    /// The next life was not opened before this line: a stream met this one, open or sealed, after it.
    pub(super) next: LineNo,
}

impl Frame {
    pub(super) const FREE: Frame = Frame { from: 0, until: NEVER, next: 0 };

    /// One more thing belongs to the life.
    pub(super) fn hold(&mut self, span: &Span) {
        self.from = self.from.max(span.invoke);
        self.until = self.until.min(span.up());
    }

    pub(super) fn of(span: &Span) -> Frame {
        let mut frame = Frame::FREE;
        frame.hold(span);
        frame
    }
}
