//! What each guarantee means: the text of `narrowcast explain ID` and of `docs/guarantees.md`.
//!
//! Plain data. What is promised is the same for every build; [`Explanation::checked`] and [`Explanation::limits`] speak
//! of this one and change with it. A test holds the page equal to this file.

use super::guarantee::Guarantee;

/// One guarantee in plain words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// What is promised.
    pub statement: &'static str,
    /// What goes wrong where it is not kept.
    pub why: &'static str,
    /// A run that breaks it.
    pub breach: &'static str,
    /// How this build checks it, or that it does not.
    pub checked: &'static str,
    /// What a verdict does not cover.
    pub limits: &'static str,
}

/// What a guarantee means.
pub fn explain(guarantee: Guarantee) -> &'static Explanation {
    match guarantee {
        Guarantee::G1 => &CONFINEMENT,
        Guarantee::G2 => &NO_FALLBACK,
        Guarantee::G3 => &SYSTEM_SEPARATION,
        Guarantee::G4 => &OPEN_BEFORE_EMIT,
        Guarantee::G5 => &ONE_ORDER,
        Guarantee::G6 => &COUNTED_LOSS,
        Guarantee::G7 => &QUIET_NEIGHBOUR,
        Guarantee::G8 => &NONINTERFERENCE,
        Guarantee::G9 => &ONE_END,
        Guarantee::G10 => &RECLAIMED,
        Guarantee::G11 => &WIRE_CONFINEMENT,
        Guarantee::G12 => &AUTHORISED,
        Guarantee::G13 => &NO_ORACLE,
        Guarantee::G14 => &RESUME_CONFINED,
        Guarantee::G15 => &ACROSS_NODES,
    }
}

const CONFINEMENT: Explanation = Explanation {
    statement: "Every event that a stream delivers was emitted to the very incarnation of the job on which the stream \
        was opened, arrives byte for byte as it was emitted, and not before its emit began. A stream that was opened \
        on no incarnation delivers nothing.",
    why: "This is isolation itself. An incarnation is one life of a job: who emits with a handle of the old life must \
        not reach the readers of the new one, even if both bear one name.",
    breach: "Job `a` is closed and created again. A worker of the first life, slow to notice, emits, and the second \
        life's reader gets the event. Or: two jobs share one broadcast, and each reader sees the other's events.",
    checked: "`narrowcast verify` runs small concurrent programs with several jobs, reused names and stragglers \
        against the router, under `interleaved` and `loom`, and judges each recorded history. `narrowcast check FILE` \
        judges histories recorded elsewhere.",
    limits: "The bounds printed beside the claim: so many jobs, threads, operations and preemptions. Contents are \
        compared where the history carries digests on both sides. Bytes on a socket are not seen (G11).",
};

const NO_FALLBACK: Explanation = Explanation {
    statement: "An event that cannot be routed (the job is unknown or closed, or the emitter has no permission) is \
        refused to its emitter with a reason, counted, and delivered nowhere. There is no second choice of channel.",
    why: "A fallback is where the real leaks came from: a common channel for whatever has no channel of its own turns \
        each routing mistake into a disclosure. A silent drop is the other half: the stream is empty, and nobody \
        knows why.",
    breach: "An emit to a job that was just closed returns success, or it returns a refusal, and the event turns up \
        on a stream all the same.",
    checked: "`narrowcast verify` emits to jobs before their create, during and after their close, and by stale \
        handles, under `interleaved` and `loom`; each answer is held against what was possible in its interval. \
        `narrowcast check FILE` judges the same in recorded histories.",
    limits: "That a refusal was also counted is not part of a history, so it is not judged. Refusals for lack of \
        permission need a surface with permissions (G12).",
};

const SYSTEM_SEPARATION: Explanation = Explanation {
    statement: "System narration, which belongs to no job, reaches stderr, the logs and the operators' system stream, \
        and no job's stream. A job's narration reaches the streams of that job and the operators' stderr and logs, \
        and nothing else: no other stream, header, metric label, error or refusal text.",
    why: "System narration is for operators: it tells of ports, versions and other people's jobs. And a job's text \
        that shows up in a common place, be it the text of an error, has left its job.",
    breach: "An event whose job was forgotten at the emit site is taken for system narration and broadcast to every \
        reader. Or: the refusal that `b` receives quotes an event of `a`.",
    checked: "`narrowcast verify` lets the system and jobs narrate in turns, one of them a job that is called `system`, \
        under `interleaved`; a system event on a job's stream, or the reverse, is a breach. `narrowcast check FILE` \
        judges the same in recorded histories.",
    limits: "Headers, metrics, logs and error texts are no part of a history and are searched by nothing yet.",
};

const OPEN_BEFORE_EMIT: Explanation = Explanation {
    statement: "Once create has returned, every permitted emit and subscribe is accepted until close begins. The only \
        exception is a limit of that job itself or of a single event, such as its size, that was stated beforehand; \
        such a refusal says so and is counted. No event is lost to the race between creating the channel and \
        emitting.",
    why: "Isolation is easily had by refusing everything. Whoever was told that the job exists must be able to narrate \
        to it and to read it.",
    breach: "Two threads create one job at the same time; the second channel replaces the first one, and an emit by \
        the first thread's handle is refused, although the job was open all the while.",
    checked: "`narrowcast verify` lets creates race with each other, with emits and with subscribes, under \
        `interleaved` and `loom`; a refusal whose whole interval lies inside the job's certain life is a breach. \
        `narrowcast check FILE` judges the same in recorded histories.",
    limits: "Refusals that state `limit` or `forbidden` are believed. Every emitter is taken as permitted. An \
        emit ordered before create falls under G2.",
};

const ONE_ORDER: Explanation = Explanation {
    statement: "A job has one order of events, in which each emitter's own events keep the order in which it emitted \
        them. Every stream of the job delivers a subsequence of that order, and each event at most once. On one node \
        the order also respects real time: what returned earlier comes earlier.",
    why: "A reader acts on what it reads. If two readers of a job see its steps in different orders, or one twice, at \
        least one of them acts on something that never happened.",
    breach: "Streams `s1` and `s2` of one job deliver `e1 e2` and `e2 e1`. Or: what is replayed and what comes live \
        overlap by one event, which the reader then gets twice.",
    checked: "`narrowcast verify` lets several threads emit to one job with several readers, early and late, under \
        `interleaved` and `loom`, and looks for a cycle in the union of all emitters' orders and all streams' orders, \
        and for events delivered twice. `narrowcast check FILE` judges the same in recorded histories; there \
        `--order real-time` adds the order of returns and invokes.",
    limits: "One process of a history counts as one emitter.",
};

const COUNTED_LOSS: Explanation = Explanation {
    statement: "A stream owes every event that its job accepted after the stream's start. Each is delivered, or \
        counted by a lag marker that stands at its place and says the exact number: at the head, between deliveries \
        and at the tail alike. A reader that keeps reading receives what it is owed within a bounded number of steps; \
        a stream of an open job that falls silent for good is a breach. Retained replay obeys the same rule.",
    why: "Buffers are finite, so a slow reader loses events. That is acceptable exactly as long as it knows: a gap that \
        looks like no gap is a false account of the work.",
    breach: "The queue holds five events, ten are emitted, and the reader gets the first five and then waits for ever. \
        Or: it is told of four lost events where five are missing.",
    checked: "`narrowcast verify` overflows small retentions with slow, late and parked readers, under `interleaved` \
        and `loom`, and adds up deliveries and markers of each stream. `narrowcast check FILE` judges the same in \
        recorded histories.",
    limits: "A missing tail is judged only for streams that were drained or have ended; others are counted as \
        unjudged. Steps are counted in the explored programs, not measured in time.",
};

const QUIET_NEIGHBOUR: Explanation = Explanation {
    statement: "Nothing that another job does (flood, stalled reader, panic, cancellation, an abandoned lock, an \
        exhausted quota) makes this job lose an event, be refused, wait without bound, or end.",
    why: "Jobs that cannot read each other can still starve each other: by a shared ring, a lock held while writing to \
        a stalled socket, a poisoned mutex, a common limit.",
    breach: "The reader of `a` stops reading. The emitter of `a` then waits for it with the registry locked, and `b` \
        cannot emit.",
    checked: "`narrowcast verify` runs little programs of one job, alone under every schedule, where they are \
        refused nothing and lose nothing, and counts the most of its caller's own turns that each operation takes. \
        Then it runs each beside loads on other jobs (a flood, a reader before a full queue, handles that are \
        dropped, jobs and streams without end), cut short after their first turn, their second, and so on to the \
        last, in four ways: never polled again, cancelled, panicking, and with a waker that panics. Each of these \
        programs is run under every schedule within a bound on preemptions, by `interleaved`. A breach is what an \
        operation or a stream never meets alone: not to return, to take more turns of its own, a refusal, a lag, a \
        missing event, another end. `narrowcast check FILE` gives no verdict on it, since one history does not say \
        what its jobs are like alone.",
    limits: "Slower is allowed: turns are counted, not time, and turns in which a reader is owed nothing do not \
        count. A subject that is in trouble alone is no observer of its neighbours. Of the kernel's inner steps it \
        says nothing: `interleaved` runs an operation that never awaits in one step, and loom and shuttle run \
        programs without a cut. Where a neighbour's deed shows in one history as a loss, a refusal or an early end, \
        G4, G6 or G9 finds it as such too.",
};

const NONINTERFERENCE: Explanation = Explanation {
    statement: "What an observer of a job can see (events, order, ids, sizes, errors, metrics) is a function of what is \
        done to that job alone. Purge every other job's operations from the run, and the set of possible observations \
        stays the same.",
    why: "A leak needs no foreign event. Positions drawn from one global counter tell each reader how busy the others \
        are; a shared capacity tells when they are full.",
    breach: "The reader of `a` sees the ids 1, 4, 7 when `b` is busy, and 1, 2, 3 when it is silent.",
    checked: "`narrowcast verify` runs little programs of one job alone under every schedule, and writes down the set of \
        all that can be seen of it. Then it runs each beside loads on other jobs (narration, a flood, a stalled reader, a \
        lag, an end, a new life, an absent one, a reader that leaves, a dropped handle, a panic, the system), in every \
        schedule within a bound on preemptions at which the observer alone already shows its whole set: the two sets must \
        be equal. Our executor does so with the whole router, loom inside the kernel. What shuttle and our executor draw \
        of the same observers amid nine jobs at once must be among what is seen alone. A set of one outcome shows nothing \
        and makes the row vacuous. `narrowcast check FILE` gives no verdict on it: one history cannot show it.",
    limits: "It speaks of jobs of other names. Names chosen by callers are the embedder's choice; ids minted by the \
        service are always fresh. Time is not part of an observation. How many closed jobs linger is bounded for the whole \
        router (`linger_jobs`): beyond that bound, which no run here comes near, closing many jobs gives up the oldest \
        unread one, counted.",
};

const ONE_END: Explanation = Explanation {
    statement: "After close, each stream that is still read delivers what it is owed and then exactly one end, which \
        tells the true outcome: completed, failed, cancelled or abandoned, as close gave it. No end is early, missing, \
        repeated or forged; idle is not end, and lag is not end. A stream that is stopped by revocation, expiry, \
        shutdown or a server that disconnects slow readers says so by a marker of its own, which is no end.",
    why: "Readers take the end for the truth about the job. A pause read as success, a failure shown as done, a stream \
        that just breaks off: each makes somebody act on work that was not done.",
    breach: "A job is silent for two seconds, and its reader is told that it is done. Or: close wakes all waiting \
        readers but one, and that one waits for ever.",
    checked: "`narrowcast verify` lets closes race with emits, with subscribes and with waiting readers, under \
        `interleaved` and `loom`, and counts the ends of each stream and their outcomes. `narrowcast check FILE` \
        judges the same in recorded histories.",
    limits: "A missing end is judged only where the recorder waited (a drained stream). Loss before the end is G6. \
        Ends forged on the wire by a payload are G11.",
};

const RECLAIMED: Explanation = Explanation {
    statement: "After close and drain nothing of the job is retained (channel, tasks, wakers, buffers, history, ids): it \
        answers like a job that never was. A closed job that nobody has read to its end stays readable, but sealed: \
        by its capability, until one stream has had its end or a stated linger limit has passed (60 seconds of the \
        embedder's clock unless said otherwise, bounded in number, evictions counted).",
    why: "What is kept for ever fills the memory that other jobs need, and can be read by whoever finds a way to it. What \
        is dropped at once robs fast jobs of their output.",
    breach: "Each job that is posted and never read leaves a channel behind. Or: a job that finishes before its reader \
        arrives is gone, and its output with it.",
    checked: "`narrowcast verify` lets closes and ends race with first and later subscribes, under `interleaved` and \
        `loom`; at the end of each run it asks the router of how many jobs it still holds something. Three things break \
        it: a number larger than that of the lives which were not closed and read to their end; a subscribe that is \
        served although every life that it can mean was; one that is refused as of no job although its life was closed \
        and nobody can have read it. `narrowcast check FILE` judges the same in recorded histories. That memory is \
        given back, and wakers with it, is a test of the crate's own (`tests/reclaimed.rs`).",
    limits: "The number is the router's own word: one that miscounts is found out only by what it serves. An unread life \
        whose name is created again is judged only by that number. A linger limit that passes is told by the recorder \
        (`expired`); the runs of `verify` take no time and never come near one. The allocator may keep freed memory. A \
        sink that an operator configures keeps what it was made to keep.",
};

const WIRE_CONFINEMENT: Explanation = Explanation {
    statement: "No byte of a payload, name or id can create, alter, end or hide a frame on the stream or a line in a \
        log. Every conforming SSE parser reads the same events, wherever the bytes are cut into chunks.",
    why: "On the wire everything is bytes in a row. A line break inside a payload that is not escaped is a frame of the \
        attacker's making: another event, another id, a false end.",
    breach: "A job prints a carriage return and `event: done`. The encoder splits lines at line feeds only, the \
        browser also at carriage returns, and the reader sees an end that nobody gave.",
    checked: "`narrowcast verify` starts the service and emits hostile texts (forged frames with every kind of line \
        end, NUL, byte order marks, line separators, markers of other services, thousands of characters of two bytes) \
        in every field that a client may fill. The bytes of the stream must be UTF-8 with one kind of line end, each \
        frame of known fields with one line of JSON; read whole, byte by byte and at drawn cuts they must give exactly \
        the events that were emitted, and one end. Bodies that are no text must be refused. That six parsers by other \
        hands (two Rust crates, Node, two for Python, Chromium's own) read the same is a test of the crate's own \
        (`tests/sse_parsers.rs`), and so is that a line of the log stays one line. `narrowcast check FILE` gives no \
        verdict on it.",
    limits: "Parsers that do not conform may read what they like. Proxies that rewrite a stream are outside. The texts \
        are a list of what once broke something, not all texts; the encoder alone is fuzzed (`fuzz/`, target `sse`).",
};

const AUTHORISED: Explanation = Explanation {
    statement: "Every operation on a job needs that job's capability, which is bound to the job, to a verb and to an \
        expiry. The system stream needs an operator's credential. Every surface checks, and there is no second door. \
        Revocation and expiry also end streams that are already open.",
    why: "Without it, to know an id is to have the right, and ids are printed in logs, shown in addresses and pasted \
        into chats. The product most like this one was broken in exactly this way.",
    breach: "Somebody who was shown a stream's address uses the id in it to cancel the job. Or: a capability is \
        revoked, and the stream opened with it runs on.",
    checked: "`narrowcast verify` starts the service and tries every route of a job with everything that is not its \
        capability: none, another job's, forged, cut, expired, revoked, a ticket, the operators' credential, the right \
        one under another scheme, twice, or in the URL; with capabilities for other verbs; by other spellings of the \
        path, other methods and misleading headers; under names and from pages that are not the service's. Each must \
        be refused, and the job's own reader must have had nothing of it. Revocation and expiry must end live streams, \
        which must not deliver what is said afterwards; the operators' doors must open to their credential only; no \
        answer may be kept by a cache. `narrowcast check FILE` gives no verdict on it.",
    limits: "Whoever holds a capability may pass it on. Inside one process the handle is the right, and code that is \
        given a handle is trusted with it. The ways around are a list of those found in other services, not all there \
        are.",
};

const NO_ORACLE: Explanation = Explanation {
    statement: "Jobs that are absent, foreign, closed or forbidden answer alike to whoever lacks the capability, and \
        job ids carry at least 122 random bits.",
    why: "If a foreign job answers otherwise than an absent one, ids can be tried out one by one, and each answer says \
        something about somebody else's work.",
    breach: "An unknown job answers 404, somebody else's 403, and a finished one tells that it cannot be cancelled any \
        more.",
    checked: "`narrowcast verify` starts the service and compares, for every route of a job and byte for byte but for \
        the clock, the answers to whoever lacks the right, for eleven reasons: the job never was, is another's, is \
        closed, is over and read; the capability is missing, another job's, forged, no capability at all, revoked or \
        expired. They must be one and the same refusal. Of 65 ids at least 122 bits must be seen to differ, and no two \
        ids may be alike. `narrowcast check FILE` gives no verdict on it.",
    limits: "Differences in time are not claimed to be absent. Names that callers choose may be guessable. That bits \
        which differ are random is not shown by looking at them: the ids are drawn from the operating system's \
        generator.",
};

const RESUME_CONFINED: Explanation = Explanation {
    statement: "A position to resume from is valid for its own job and incarnation only. Any other one (foreign, \
        evicted, forged, huge, empty) gives an explicit gap or a refusal, never foreign history, nor history that was \
        not asked for.",
    why: "A resume position comes from the client and is sent back by browsers on their own. If it indexes a shared \
        log, it is a request for other people's events.",
    breach: "A reader of `a` reconnects with the last id that it saw on `b` and is replayed what follows it there.",
    checked: "`narrowcast verify` starts the service and resumes a job's stream, by header and by query, after each of \
        its own positions (exactly what follows must come), after positions of another job and of the system's stream, \
        after one of its own with any single character changed, cut, doubled, huge, negative, empty or invented, and \
        after one whose successors were evicted. What is not the job's own must be refused with a reason, or be \
        answered with a stated gap and no history; an evicted one with an exact count. Histories can hold resumed \
        streams, and `narrowcast check FILE` judges those by G1 and G6.",
    limits: "How much history there is to resume from is the embedder's choice (retention).",
};

const ACROSS_NODES: Explanation = Explanation {
    statement: "G1 to G14 hold also when emitter and subscriber are on different nodes: under partition, reconnect, \
        duplicate delivery, slow consumers and a restart of the broker. Then an emit may be refused, or its outcome may \
        be unknown, and a stream may get a counted gap, or one of unknown size that is marked as such: never silent \
        loss.",
    why: "A network adds what one process never does: things arrive twice, late, or not at all, and nobody is told.",
    breach: "The broker cuts off a slow node, the node reconnects, and its readers go on after a hole that no marker \
        tells of.",
    checked: "Not checked by this build, which runs on one node: neither `narrowcast verify` nor `narrowcast check \
        FILE` gives a verdict on it.",
    limits: "Availability is not promised: refused work may be slow, but it is not silent.",
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The page, without regard to where its lines are broken.
    fn page() -> String {
        words(include_str!("../../docs/guarantees.md"))
    }

    fn words(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_page_says_what_explain_says() {
        let page = page();
        for guarantee in Guarantee::ALL {
            let Explanation { statement, why, breach, checked, limits } = explain(guarantee);
            let section = format!(
                "## {guarantee} {} {statement} **Why it matters.** {why} **A breach, for example.** {breach} \
                 **How it is checked.** {checked} **Limits.** {limits}",
                guarantee.name()
            );
            assert!(page.contains(&words(&section)), "docs/guarantees.md differs on {guarantee}; expected: {section}");
        }
    }

    #[test]
    fn the_page_names_each_guarantee_in_its_table() {
        let page = page();
        for guarantee in Guarantee::ALL {
            let row = format!("| {guarantee} | [{}](#", guarantee.name());
            assert!(page.contains(&row), "docs/guarantees.md lacks the row `{row}`");
        }
    }

    #[test]
    fn explanations_are_sentences_in_one_line() {
        for guarantee in Guarantee::ALL {
            let Explanation { statement, why, breach, checked, limits } = explain(guarantee);
            for text in [statement, why, breach, checked, limits] {
                assert_eq!(*text, words(text), "{guarantee} holds stray white space");
                assert!(text.ends_with('.') && text.starts_with(|c: char| c.is_uppercase() || c == '`'), "{text}");
            }
        }
    }
}
