//! Narration handed on to the `tracing` ecosystem.

use super::Sink;
use crate::narration::{Event, Level, Scope, text};
use tracing::Dispatch;

/// Hands every event on as one `tracing` event, at its own level, with the tracing target `narrowcast`.
///
/// | field | what it holds | recorded |
/// |---|---|---|
/// | `actor`, `action`, `target`, `human` | as in the [event](Event) | always |
/// | `correlation_id`, `duration_ms`, `error_kind` | as in the event | where the event has them |
/// | `job` | the job's name | only [with jobs](Tracing::with_jobs), and never of system narration |
///
/// Every text is [escaped](text::escaped) and recorded as a string value: it is data, and no subscriber is given a
/// character of it that ends a line, speaks to a terminal or, unless the subscriber writes strings without quotes,
/// begins another field.
///
/// The router calls this sink after the event was routed, on the emitter's thread, with no lock held. The subscriber
/// then runs on that thread too. One that may block (because it writes to a pipe, say) makes emitters wait for it:
/// put a [`Queued`](super::Queued) before it. One that panics is caught and counted by the router. A layer that turns
/// `tracing` events back into narration makes a loop; filter the target `narrowcast` out of it.
///
/// ```
/// use narrowcast::narration::Actor;
/// use narrowcast::router::Router;
/// use narrowcast::sink::{Queued, Tracing};
///
/// // To the subscriber of this program, which may write to a slow disk; operators alone read it, so jobs may be named.
/// let router = Router::builder().sink(Queued::new(Tracing::default().with_jobs())).build();
/// router.system().narrate(Actor::new("queen"), "start").human("Starting").emit()?;
/// # Ok::<(), narrowcast::router::Refused>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Tracing {
    dispatch: Option<Dispatch>,
    with_jobs: bool,
}

impl Tracing {
    /// Hands on to this dispatcher. The default is whichever `tracing` finds on the thread at each event, which is
    /// the program's global one unless the emitter's own code set another.
    pub fn to(dispatch: Dispatch) -> Tracing {
        Tracing { dispatch: Some(dispatch), with_jobs: false }
    }

    /// Names the job beside each event. Only for subscribers whose output operators alone can read: a name that
    /// stands in a log is a name that leaks (G3, G13).
    #[must_use = "answers the changed sink"]
    pub fn with_jobs(mut self) -> Tracing {
        self.with_jobs = true;
        self
    }
}

impl Sink for Tracing {
    fn accept(&self, scope: &Scope, event: &Event) {
        let job = scope.job().filter(|_| self.with_jobs);
        match &self.dispatch {
            Some(dispatch) => {
                tracing::dispatcher::with_default(dispatch, || record(job.map(ToString::to_string), event))
            }
            None => record(job.map(ToString::to_string), event),
        }
    }
}

/// One event, through the callsite of its level: a level belongs to a callsite and is fixed when the program is
/// compiled.
fn record(job: Option<String>, event: &Event) {
    macro_rules! at {
        ($level:ident) => {
            tracing::event!(
                target: "narrowcast",
                tracing::Level::$level,
                actor = event.actor.as_str(),
                action = event.action.as_str(),
                target = shown(&event.target).as_str(),
                human = shown(&event.human).as_str(),
                correlation_id = event.correlation_id.as_deref().map(shown).as_deref(),
                duration_ms = event.duration_ms,
                error_kind = event.error_kind.as_deref().map(shown).as_deref(),
                job = job.as_deref(),
            )
        };
    }
    match event.level {
        Level::Error => at!(ERROR),
        Level::Warn => at!(WARN),
        Level::Info => at!(INFO),
        Level::Debug => at!(DEBUG),
        Level::Trace => at!(TRACE),
    }
}

fn shown(text: &str) -> String {
    text::escaped(text).to_string()
}
