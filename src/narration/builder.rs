//! How an event is put together and emitted.

use super::event::{Defect, Event};
use super::interpolate::interpolate;
use super::label::{Action, Actor};
use super::level::Level;
use super::payload::Payload;
use super::scope::Emit;
use std::fmt::{Display, Write};

/// A narration in the making, bound to the one handle it will be emitted through.
///
/// Every handle has a `narrate(actor, action)` that starts one. Whatever is not said has a default; the order of the
/// calls does not matter, save that `context` values are numbered as they come. Nothing is emitted before
/// [`emit`](Narration::emit), which uses the narration up: an event is emitted once.
///
/// A slip in the wording (a placeholder without a value, an action that is no label) does not fail and does not
/// panic: the event goes out with a visible mark, and lists its [`Defect`]s.
#[must_use = "nothing is narrated until `.emit()`"]
#[derive(Debug)]
pub struct Narration<E> {
    via: E,
    /// The event so far. Its text is put in at the end, when all values are known.
    event: Event,
    wording: Wording,
}

/// Where the text comes from.
#[derive(Debug)]
enum Wording {
    Template(&'static str),
    Verbatim(String),
}

impl<E: Emit> Narration<E> {
    /// Starts a narration: `via` says whose it will be, `actor` who speaks, `action` what it is doing.
    pub fn new(via: E, actor: Actor, action: impl IntoAction) -> Narration<E> {
        let (action, defect) = action.into_action();
        let mut event = Event::new(actor, action, "");
        event.defects.extend(defect);
        Narration { via, event, wording: Wording::Template("") }
    }

    /// What is acted upon. Defaults to the action.
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.event.target = target.into();
        self
    }

    /// Gives the next value for the text. Values are numbered from 0.
    pub fn context(mut self, value: impl Display) -> Self {
        let mut text = String::new();
        if write!(text, "{value}").is_err() {
            text.push('?');
            self.event.defects.push(Defect::UnfinishedValue(self.event.context.len().to_string()));
        }
        self.event.context.push(text);
        self
    }

    /// The sentence for people, with placeholders: `{}` takes the next value, `{N}` value N, counted from 0, and `{{`
    /// and `}}` are braces. It may come before or after its values; the last wording given counts.
    ///
    /// Values are never read for placeholders. Nor can a payload become the sentence by accident, since the sentence
    /// is a constant of the program:
    ///
    /// ```compile_fail
    /// # use narrowcast::narration::{Emit, Narration};
    /// fn careless<E: Emit>(narration: Narration<E>, payload: &str) -> Narration<E> {
    ///     narration.human(format!("user said {payload}")) // error: expected `&str`, found `String`
    /// }
    /// ```
    ///
    /// For text that is made at run time there is [`verbatim`](Narration::verbatim).
    pub fn human(mut self, template: &'static str) -> Self {
        self.wording = Wording::Template(template);
        self
    }

    /// A text that is taken as it is: braces in it mean nothing. The last wording given counts.
    pub fn verbatim(mut self, text: impl Into<String>) -> Self {
        self.wording = Wording::Verbatim(text.into());
        self
    }

    /// How much it matters; info unless said otherwise.
    pub fn level(mut self, level: Level) -> Self {
        self.event.level = level;
        self
    }

    /// What ties this event to others of the same request.
    pub fn correlation(mut self, id: impl Into<String>) -> Self {
        self.event.correlation_id = Some(id.into());
        self
    }

    /// How long the action took.
    pub fn duration_ms(mut self, duration_ms: u64) -> Self {
        self.event.duration_ms = Some(duration_ms);
        self
    }

    /// Which kind of error this tells of.
    pub fn error_kind(mut self, kind: impl Into<String>) -> Self {
        self.event.error_kind = Some(kind.into());
        self
    }

    /// A value for programs, beside the sentence for people.
    pub fn payload(mut self, value: &serde_json::Value) -> Self {
        self.event.payload = Some(Payload::new(value));
        self
    }

    /// Emits the event, once.
    ///
    /// # Errors
    ///
    /// Why the handle refused it. It was then delivered nowhere, and counted as refused.
    pub fn emit(self) -> Result<E::Receipt, E::Refusal> {
        let Narration { via, mut event, wording } = self;
        event.human = match wording {
            Wording::Verbatim(text) => text,
            Wording::Template(template) => {
                let (text, defects) = interpolate(template, &event.context);
                event.defects.extend(defects);
                text
            }
        };
        via.emit(event)
    }

    /// Emits the event as a warning.
    ///
    /// # Errors
    ///
    /// As [`emit`](Narration::emit).
    pub fn emit_warn(self) -> Result<E::Receipt, E::Refusal> {
        self.level(Level::Warn).emit()
    }

    /// Emits the event as an error.
    ///
    /// # Errors
    ///
    /// As [`emit`](Narration::emit).
    pub fn emit_error(self) -> Result<E::Receipt, E::Refusal> {
        self.level(Level::Error).emit()
    }
}

/// What can name an action: an [`Action`], whose fitness was settled earlier, or text, which is fitted if need be.
pub trait IntoAction {
    /// The action, and what was wrong with its text.
    fn into_action(self) -> (Action, Option<Defect>);
}

impl IntoAction for Action {
    fn into_action(self) -> (Action, Option<Defect>) {
        (self, None)
    }
}

impl IntoAction for &str {
    fn into_action(self) -> (Action, Option<Defect>) {
        match Action::parse(self) {
            Ok(action) => (action, None),
            Err(_) => (Action::fitted(self), Some(Defect::UnfitAction(self.to_owned()))),
        }
    }
}
