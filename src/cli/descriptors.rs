//! How many descriptors this process and its children may have: systems give fewer than they allow.

/// Asks the system for at least so many, and answers how many there are now.
#[cfg(unix)]
pub(super) fn ask_for(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(allowed) = current else { return u64::MAX };
    if allowed >= wanted {
        return allowed;
    }
    let most = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }).map_or(allowed, |()| most)
}

/// Asks nobody: here nothing is known of such a limit.
#[cfg(not(unix))]
pub(super) fn ask_for(_: u64) -> u64 {
    u64::MAX
}
