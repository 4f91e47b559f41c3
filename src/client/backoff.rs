//! How long to wait before connecting again.

use std::num::NonZeroU32;
use std::time::Duration;

/// Exponential backoff with full jitter.
///
/// Before the nth attempt since the last event, a client waits for a time drawn evenly between nothing and `base` doubled
/// n times, `max` at most: clients that one server lost together do not come back together. A server that has said how
/// long to wait (`retry`) is believed: that time, `max` at most, is waited in full and the jitter comes on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest jitter before the first attempt.
    pub base: Duration,
    /// The longest jitter before any attempt, and as much of a server's `retry` as is believed.
    pub max: Duration,
    /// After so many attempts in a row that brought no event, the client gives up. `None`: never.
    pub attempts: Option<NonZeroU32>,
}

impl Default for Backoff {
    /// From one second to thirty, for ever.
    fn default() -> Backoff {
        Backoff { base: Duration::from_secs(1), max: Duration::from_secs(30), attempts: None }
    }
}

impl Backoff {
    /// How long to wait after so many attempts that brought no event, with this draw of 64 even bits.
    pub(super) fn wait(&self, failures: u32, retry: Option<Duration>, draw: u64) -> Duration {
        let doubled = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
        let ceiling = self.base.saturating_mul(doubled).min(self.max);
        let ceiling = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
        // The draw as a fraction of one; 64 by 64 bits are 128, of which the upper half is left.
        let jitter = (u128::from(ceiling) * u128::from(draw)) >> 64;
        let jitter = Duration::from_nanos(u64::try_from(jitter).expect("less than the ceiling, which has 64 bits"));
        retry.unwrap_or_default().min(self.max).saturating_add(jitter)
    }

    /// Whether so many attempts in a row are enough.
    pub(super) fn is_spent(&self, failures: u32) -> bool {
        self.attempts.is_some_and(|attempts| failures >= attempts.get())
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use std::time::Duration;

    const BACKOFF: Backoff =
        Backoff { base: Duration::from_millis(100), max: Duration::from_millis(500), attempts: None };

    #[test]
    fn the_jitter_is_full_and_its_ceiling_doubles_up_to_the_longest() {
        let waits = |draw| [0, 1, 2, 3, 31, 32, u32::MAX].map(|n| BACKOFF.wait(n, None, draw).as_micros());
        assert_eq!(waits(0), [0; 7]);
        assert_eq!(waits(1 << 63), [50_000, 100_000, 200_000, 250_000, 250_000, 250_000, 250_000]);
        assert_eq!(waits(u64::MAX), [99_999, 199_999, 399_999, 499_999, 499_999, 499_999, 499_999]);
    }

    #[test]
    fn a_server_is_believed_within_reason() {
        let wait = |retry, draw| BACKOFF.wait(0, Some(Duration::from_millis(retry)), draw).as_millis();
        assert_eq!((wait(0, 0), wait(300, 0), wait(300, 1 << 63)), (0, 300, 350));
        assert_eq!(wait(u64::MAX, 0), 500, "a server cannot send a client away for ever");
    }

    #[test]
    fn no_setting_overflows() {
        let endless = Backoff { base: Duration::MAX, max: Duration::MAX, attempts: None };
        assert_eq!(endless.wait(40, Some(Duration::MAX), u64::MAX), Duration::MAX);
    }
}
