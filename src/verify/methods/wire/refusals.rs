//! Refusals that tell nothing, and ids that cannot be guessed (G13).

use super::Notes;
use super::http::{Answer, Job, Talk, Trouble, bearer, head_but_the_clock, never};
use crate::verify::guarantee::Guarantee::G13;
use crate::verify::methods::interleaved::SplitMix;
use std::collections::BTreeSet;

pub(super) const PREMISES: &[&str] =
    &["refusals_compared", "odd_requests_compared", "ids_minted", "jobs_over_and_read"];

/// What can be asked for of a job.
pub(super) const ROUTES: [(&str, &str, &str); 8] = [
    ("GET", "/stream", ""),
    ("HEAD", "/stream", ""),
    ("POST", "/events", r#"{"action":"say","human":"an intruder was here"}"#),
    ("POST", "/close", r#"{"outcome":"failed"}"#),
    ("DELETE", "", ""),
    ("POST", "/tickets", ""),
    ("POST", "/capabilities", r#"{"verbs":["read"]}"#),
    ("DELETE", "/capabilities", ""),
];

/// What stands in the answer, without the clock; a body that was let in is no refusal and shows itself.
pub(super) fn shape(answer: &Answer) -> String {
    match answer {
        Answer::Reply(reply) => reply.but_the_clock(),
        Answer::Stream(_) => format!("{}\n\n(a stream)", head_but_the_clock(answer.head())),
    }
}

/// A job that was closed and read to its end: nobody's any more.
pub(super) async fn over_and_read(talk: &Talk) -> Result<Job, Trouble> {
    let job = talk.open().await?;
    let mut reading = talk.watch(&job).await?;
    talk.close(&job).await?;
    reading.rest().await;
    drop(reading);
    // The service sees the hang-up a moment later; until then the job is somebody's still.
    let deadline = tokio::time::Instant::now() + talk.patience;
    loop {
        let answer = talk.of(&job, "POST", "/tickets", "").await?;
        if answer.status() == 404 || answer.status() == 403 {
            return Ok(job);
        }
        if tokio::time::Instant::now() > deadline {
            return never(format!("a job that is over and read still answers {}", answer.brief()));
        }
        tokio::task::yield_now().await;
    }
}

/// An id of the same form, of no job.
pub(super) fn unminted(random: &mut SplitMix) -> String {
    format!("job-{:016x}{:016x}", random.next(), random.next())
}

pub(super) async fn examine(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    refusals(talk, notes).await?;
    ids(talk, notes).await
}

/// For each route, the answers to whoever lacks the right, whatever the reason: all alike.
async fn refusals(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let mut random = SplitMix(notes.seed);
    let (mine, foreign) = (talk.open().await?, talk.open().await?);
    let over = over_and_read(talk).await?;
    notes.reached(G13, "jobs_over_and_read", 1);
    let closed = talk.open().await?;
    talk.close(&closed).await?;
    let revoked = talk.open().await?;
    let renewed = talk.of(&revoked, "DELETE", "/capabilities", "").await?.reply("a revocation")?;
    let owner = Job { capability: renewed.text("capability"), ..revoked.clone() };
    // For everything, so that it lacks nothing but time.
    let all = r#"{"verbs":["read","emit","close","grant"],"ttl_ms":1}"#;
    let short = talk.of(&mine, "POST", "/capabilities", all).await?;
    let expired = Job { capability: short.reply("a grant")?.text("capability"), ..mine.clone() };
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let absent = unminted(&mut random);
    let forged = forge(&foreign.capability);
    let cases: [Case<'_>; 11] = [
        ("absent, without a capability", &absent, None),
        ("absent, with another job's capability", &absent, Some(&mine.capability)),
        ("foreign, without a capability", &foreign.id, None),
        ("foreign, with another job's capability", &foreign.id, Some(&mine.capability)),
        ("foreign, with a forged capability", &foreign.id, Some(&forged)),
        ("foreign, with words instead of one", &foreign.id, Some("let me in")),
        ("closed, with another job's capability", &closed.id, Some(&mine.capability)),
        ("over and read, with its own old capability", &over.id, Some(&over.capability)),
        ("over and read, without a capability", &over.id, None),
        ("revoked, with its old capability", &revoked.id, Some(&revoked.capability)),
        ("expired, with its old capability", &expired.id, Some(&expired.capability)),
    ];
    for (method, rest, body) in ROUTES {
        alike(talk, notes, &cases, &Wish { method, rest: rest.into(), header: None, body }).await?;
        notes.reached(G13, "refusals_compared", cases.len() as u64);
    }
    for wish in odd() {
        alike(talk, notes, &cases, &wish).await?;
        notes.reached(G13, "odd_requests_compared", cases.len() as u64);
    }
    for job in [&mine, &foreign, &owner] {
        talk.close(job).await?;
    }
    Ok(())
}

/// Why somebody has no right, to which job he has none, and what he presents.
type Case<'c> = (&'c str, &'c str, Option<&'c str>);

/// What is asked for of a job.
struct Wish {
    method: &'static str,
    rest: String,
    header: Option<(&'static str, &'static str)>,
    body: &'static str,
}

/// Requests with something else wrong or unusual about them. Whoever looks at that before he looks at the right says by
/// it which jobs there are.
fn odd() -> Vec<Wish> {
    let wish = |method, rest: String, header, body| Wish { method, rest, header, body };
    let mut wishes = Vec::new();
    for (method, rest, body) in ROUTES {
        for bad in ["", "{", "[]", "no JSON", r#"{"unheard":"of"}"#, r#"{"verbs":["all"]}"#] {
            if method == "POST" {
                wishes.push(wish(method, rest.into(), None, bad));
            }
        }
        for position in ["", "0", "AAAAAAAA"] {
            wishes.push(wish(method, rest.into(), Some(("last-event-id", position)), body));
        }
        for query in ["from=now", "from=end", "after=x", "after=", "x=y", "ticket=x", "from=start&from=start"] {
            wishes.push(wish(method, format!("{rest}?{query}"), None, body));
        }
    }
    for rest in ["/stream", "/events", "/close", "", "/tickets", "/capabilities", "/nothing"] {
        for method in ["PUT", "OPTIONS", "PATCH", "GET", "HEAD", "POST", "DELETE"] {
            if !ROUTES.iter().any(|(known, there, _)| *known == method && *there == rest) {
                wishes.push(wish(method, rest.into(), None, ""));
            }
        }
    }
    wishes
}

/// Asks in every case for the same: the answers must be alike, and none may be what was asked for.
async fn alike(talk: &Talk, notes: &mut Notes, cases: &[Case<'_>], wish: &Wish) -> Result<(), Trouble> {
    let Wish { method, rest, header, body } = wish;
    let asked = match header {
        Some((name, value)) => format!("{method} …{rest} with {name} {value:?} and the body {body:?}"),
        None => format!("{method} …{rest} with the body {body:?}"),
    };
    let mut first: Option<String> = None;
    for (case, id, capability) in cases {
        let authority = capability.map(bearer);
        let mut headers: Vec<_> = authority.iter().map(|authority| ("authorization", authority.as_str())).collect();
        headers.extend(header);
        let answer = talk.ask(method, &format!("/v1/jobs/{id}{rest}"), &headers, body).await?;
        let shape = shape(&answer);
        let reference = first.get_or_insert_with(|| shape.clone());
        notes.check(G13, shape == *reference, || {
            let what = format!("{asked} on a job that is {case} is answered otherwise than on an absent one");
            (what, vec![reference.clone(), shape.clone()])
        });
    }
    let refused = first.as_deref().is_some_and(|first| !first.split(' ').nth(1).unwrap_or("2").starts_with('2'));
    notes.check(G13, refused, || (format!("{asked} is open to everybody"), first.into_iter().collect()));
    Ok(())
}

/// The same, but for one bit near its end.
pub(super) fn forge(capability: &str) -> String {
    let at = capability.len().saturating_sub(3);
    let changed = if capability.as_bytes().get(at) == Some(&b'A') { "B" } else { "A" };
    format!("{}{changed}{}", &capability[..at], &capability[at + 1..])
}

/// Ids are to carry 122 random bits. Among so many ids a random bit stands still with a chance of 2 in 2^64; two of
/// them differ in less than a fifth of their bits more rarely still.
const IDS: usize = 65;
const RANDOM_BITS: usize = 122;

async fn ids(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let mut ids = Vec::new();
    for _ in 0..IDS {
        let job = talk.open().await?;
        talk.close(&job).await?;
        ids.push(job.id);
    }
    notes.reached(G13, "ids_minted", ids.len() as u64);
    let distinct: BTreeSet<&String> = ids.iter().collect();
    notes.check(G13, distinct.len() == ids.len(), || ("two jobs have one id".into(), ids.clone()));
    let bits: Vec<Vec<bool>> = ids.iter().map(|id| bits_of(id)).collect();
    let longest = bits.iter().map(Vec::len).max().unwrap_or(0);
    let bit = |id: usize, at: usize| bits[id].get(at).copied().unwrap_or(false);
    let moving = (0..longest).filter(|at| (1..ids.len()).any(|id| bit(id, *at) != bit(0, *at))).count();
    notes.check(G13, moving >= RANDOM_BITS, || {
        (format!("of the ids' bits only {moving} ever differ, where {RANDOM_BITS} are to be random"), ids.clone())
    });
    let near = (0..ids.len())
        .flat_map(|a| (0..a).map(move |b| (a, b)))
        .find(|(a, b)| (0..longest).filter(|at| bit(*a, *at) != bit(*b, *at)).count() < RANDOM_BITS / 5);
    notes.check(G13, near.is_none(), || {
        let (a, b) = near.unwrap_or_default();
        ("two ids are so alike that one can be guessed from the other".into(), vec![ids[a].clone(), ids[b].clone()])
    });
    Ok(())
}

/// The bits of an id, the last ones first: those that its last groups of hexadecimal digits stand for, or else those of
/// its bytes.
fn bits_of(id: &str) -> Vec<bool> {
    let groups = id.rsplit('-').take_while(|group| group.chars().all(|c| c.is_ascii_hexdigit()));
    let digits: Vec<u32> = groups.flat_map(|group| group.chars().rev().filter_map(|c| c.to_digit(16))).collect();
    if digits.is_empty() {
        return id.bytes().rev().flat_map(|byte| (0..8).map(move |at| byte >> at & 1 == 1)).collect();
    }
    digits.iter().flat_map(|digit| (0..4).map(move |at| digit >> at & 1 == 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_digits() {
        assert_eq!(bits_of("job-5"), [true, false, true, false]);
        assert_eq!(bits_of("job-0f").iter().filter(|bit| **bit).count(), 4);
        assert_eq!(bits_of("job0").len(), 32, "those of the bytes");
        assert_eq!(bits_of("6f9619ff-8b86-4011-b42d-00c04fc964ff").len(), 128);
        assert_ne!(forge("nc1_abcdA12"), "nc1_abcdA12");
    }
}
