//! What a run assumes, and what it leaves open. Printed with every result.

use crate::verify::verdict::{Assumption, Risk};

/// What must be true for the results to mean anything.
pub(super) fn assumptions() -> Vec<Assumption> {
    let rows = [
        (
            "A1",
            "the three sync shims (src/compiled/) hand std's, loom's and shuttle's primitives to the kernel unchanged",
            "what loom and shuttle explored is not what users run",
        ),
        (
            "A2",
            "std's mutex, Arc and wakers, the compiler and the hardware do what they document",
            "any guarantee may fail in ways that no schedule of ours shows",
        ),
        (
            "A3",
            "loom explores every interleaving of the modelled primitives within its bound (its issue 166 is open)",
            "an exhaustive result is a sampled one",
        ),
        (
            "A4",
            "the checker judges as docs/history.md says; two independent judges agree on generated histories (tests/judges_agree.rs)",
            "a breach may have gone unnamed",
        ),
        (
            "A5",
            "the embedder's source of ids is random, and its hash seed is secret where callers choose names",
            "ids can be guessed, and creates can be slowed down",
        ),
    ];
    let row = |(id, text, if_false): (&str, &str, &str)| Assumption {
        id: id.into(),
        text: text.into(),
        if_false: if_false.into(),
    };
    rows.into_iter().map(row).collect()
}

/// What remains unknown.
pub(super) fn residual_risks() -> Vec<Risk> {
    let rows = [
        (
            "R1",
            "timing and cache side channels, a hostile operating system or allocator, sizes on the network: not claimed",
        ),
        ("R2", "programs with more threads, jobs or events than the bounds say, beyond what was sampled"),
        (
            "R3",
            "the layers above the kernel (router, sinks) are interleaved between their operations only, not inside them",
        ),
        ("R4", "weak memory beyond what loom models; the kernel orders everything by locks"),
        (
            "R5",
            "the bound on closed jobs that linger unread is one for the whole router: whoever closes more jobs than that \
             makes the oldest of them go, whosever it is (counted; no run comes near it)",
        ),
    ];
    rows.into_iter().map(|(id, text)| Risk { id: id.into(), text: text.into() }).collect()
}
