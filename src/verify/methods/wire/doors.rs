//! Doors (G12): every route, tried with everything that is not the right credential, and by every way around.
//!
//! Whether a door held is seen from inside: after all attempts the job's own reader must have had nothing of what the
//! intruders said, and the job must be open. Being hung up on is no refusal: what was asked for may have been done
//! before, so it counts as no attempt, and is looked for there. Silence is no refusal either, and proves nothing: an
//! examination ends with it, in trouble.

use super::Notes;
use super::http::{Answer, Job, Over, Reading, Talk, Trouble, bearer, header, never, said};
use super::refusals::{ROUTES, forge};
use super::{kept, keys};
use crate::verify::guarantee::Guarantee::G12;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

pub(super) const PREMISES: &[&str] = &[
    "wrong_credentials_tried",
    "ways_around_tried",
    "verbs_tried",
    "wider_grants_asked",
    "longer_lives_asked",
    "live_streams_revoked",
    "revoked_tried",
    "revoked_amid_a_body",
    "live_streams_expired",
    "expired_tried",
    "expired_tickets_tried",
    "operators_doors_tried",
    "pages_tried",
    "kept_connections_tried",
    "answers_in_a_row",
    "keys_tried",
];

pub(super) async fn examine(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    // Made first and tried last: meanwhile its time passes.
    let stale = Stale::new(talk).await?;
    let victim = Victim::new(talk).await?;
    credentials(talk, notes, &victim).await?;
    ways_around(talk, notes, &victim).await?;
    pages(talk, notes, &victim).await?;
    kept::borrowed(talk, notes, &victim).await?;
    victim.is_untouched(talk, notes).await?;
    kept::in_turn(talk, notes).await?;
    verbs(talk, notes).await?;
    revocation(talk, notes).await?;
    slow_bodies(talk, notes).await?;
    expiry(talk, notes).await?;
    operators(talk, notes).await?;
    caches(talk, notes).await?;
    keys::doors(talk, notes).await?;
    stale.is_refused(talk, notes).await
}

/// A job that somebody else tries to get at.
pub(super) struct Victim {
    pub(super) job: Job,
    reading: tokio::sync::Mutex<Reading>,
}

const SECRET: &str = "what only the owner may read";

impl Victim {
    pub(super) async fn new(talk: &Talk) -> Result<Victim, Trouble> {
        Victim::of(talk, talk.open().await?).await
    }

    /// A job that somebody has made.
    pub(super) async fn of(talk: &Talk, job: Job) -> Result<Victim, Trouble> {
        talk.say(&job, SECRET).await?;
        Victim::watched(talk, job).await
    }

    /// A job that has said the secret, watched by its owner.
    async fn watched(talk: &Talk, job: Job) -> Result<Victim, Trouble> {
        let mut reading = talk.watch(&job).await?;
        reading.until(SECRET).await?;
        Ok(Victim { job, reading: tokio::sync::Mutex::new(reading) })
    }

    /// The owner speaks, and hears himself.
    async fn says(&self, talk: &Talk, human: &str) -> Result<(), Trouble> {
        talk.say(&self.job, human).await?;
        self.reading.lock().await.until(human).await.map(drop)
    }

    /// Nothing that intruders said or did reached the job.
    pub(super) async fn is_untouched(&self, talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
        let last = "the owner's last words";
        let accepted = talk.say(&self.job, last).await;
        notes.check(G12, accepted.is_ok(), || {
            ("after the attempts of others the owner's emit is refused".into(), vec![format!("{accepted:?}")])
        });
        if accepted.is_ok() {
            let between = self.reading.lock().await.until(last).await?;
            let theirs: Vec<String> = between.iter().map(super::http::brief).collect();
            notes.check(G12, between.is_empty(), || ("what intruders said was delivered".into(), theirs));
            talk.close(&self.job).await?;
        }
        Ok(())
    }
}

/// A ticket that grows old.
struct Stale {
    victim: Victim,
    target: String,
    /// From when on it must be good for nothing.
    from: Instant,
}

impl Stale {
    async fn new(talk: &Talk) -> Result<Stale, Trouble> {
        let victim = Victim::new(talk).await?;
        let (target, _reading) = by_ticket(talk, &victim.job).await?;
        // It was made before this moment, and is good for so long from then on.
        let from = Instant::now() + Duration::from_millis(talk.ticket_ms);
        Ok(Stale { victim, target, from })
    }

    async fn is_refused(&self, talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
        tokio::time::sleep_until(self.from).await;
        let answered =
            must_be_refused(talk, notes, "a ticket whose time is over", ("GET", &self.target), &[], "").await?;
        notes.reached(G12, "expired_tickets_tried", u64::from(answered));
        self.victim.is_untouched(talk, notes).await
    }
}

async fn ticket(talk: &Talk, job: &Job) -> Result<String, Trouble> {
    Ok(talk.of(job, "POST", "/tickets", "").await?.reply("a ticket")?.text("ticket"))
}

/// Opens a job's stream by a ticket, and tells where. On a busy machine one can be too old by then: another is made.
async fn by_ticket(talk: &Talk, job: &Job) -> Result<(String, Reading), Trouble> {
    let deadline = Instant::now() + talk.patience;
    loop {
        let target = job.at(&format!("/stream?ticket={}", ticket(talk, job).await?));
        match talk.ask("GET", &target, &[], "").await? {
            Answer::Stream(reading) => return Ok((target, *reading)),
            Answer::Reply(reply) if Instant::now() > deadline => {
                return never(format!("no ticket opens a stream: {} {}", reply.status, reply.body.trim_end()));
            }
            Answer::Reply(_too_old) => {}
        }
    }
}

/// A capability that is made with another, as it was answered.
async fn granted(talk: &Talk, job: &Job, body: &Value) -> Result<(Job, Value), Trouble> {
    let reply = talk.of(job, "POST", "/capabilities", &body.to_string()).await?.reply("a grant")?;
    if !reply.is_success() {
        return never(format!("a capability was to be made, {body}: {} {}", reply.status, reply.body.trim_end()));
    }
    Ok((Job { capability: reply.text("capability"), ..job.clone() }, reply.json()))
}

/// One attempt that must be refused. Answers whether it was answered at all: only then it counts.
pub(super) async fn must_be_refused(
    talk: &Talk,
    notes: &mut Notes,
    what: &str,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> Result<bool, Trouble> {
    let answer = match talk.ask(method, target, headers, body).await {
        Ok(answer) => answer,
        // Whether something was done before is looked for where it would show.
        Err(trouble) if trouble.hung_up => return Ok(false),
        Err(silence) => return Err(silence),
    };
    let refused = match &answer {
        Answer::Reply(reply) => (400..500).contains(&reply.status),
        Answer::Stream(_) => false,
    };
    let shown = if let Answer::Stream(reading) = &answer {
        String::from_utf8_lossy(&reading.bytes).into_owned()
    } else {
        answer.brief()
    };
    notes.check(G12, refused && !shown.contains(SECRET), || {
        (format!("{what}: {method} {target} is let in"), vec![answer.brief(), shown])
    });
    Ok(true)
}

/// Every route of a job with every credential but the right one.
async fn credentials(talk: &Talk, notes: &mut Notes, victim: &Victim) -> Result<(), Trouble> {
    let other = talk.open().await?;
    let a_ticket = ticket(talk, &victim.job).await?;
    let own = &victim.job.capability;
    let credentials: Vec<(&str, Option<String>)> = vec![
        ("nothing", None),
        ("an empty bearer", Some("Bearer ".into())),
        ("another job's capability", Some(bearer(&other.capability))),
        ("a forged capability", Some(bearer(&forge(own)))),
        ("a part of the capability", Some(bearer(&own[..own.len() - 1]))),
        ("the operators' credential", Some(bearer(&talk.operator))),
        ("the job's id", Some(bearer(&victim.job.id))),
        ("a ticket as a capability", Some(bearer(&a_ticket))),
        ("the capability under another scheme", Some(format!("Basic {own}"))),
        ("the capability without a scheme", Some(own.clone())),
        ("two capabilities in one", Some(format!("Bearer {}, Bearer {own}", other.capability))),
    ];
    for (method, rest, body) in ROUTES {
        let target = victim.job.at(rest);
        for (what, credential) in &credentials {
            let headers: Vec<_> = credential.iter().map(|value| ("authorization", value.as_str())).collect();
            let answered = must_be_refused(talk, notes, what, (method, &target), &headers, body).await?;
            notes.reached(G12, "wrong_credentials_tried", u64::from(answered));
        }
        let twice = [("authorization", bearer(&other.capability)), ("authorization", bearer(own))];
        let twice = twice.each_ref().map(|(name, value)| (*name, value.as_str()));
        must_be_refused(talk, notes, "two credentials", (method, &target), &twice, body).await?;
        for key in ["capability", "access_token", "token", "ticket", "auth", "key"] {
            let in_url = format!("{target}?{key}={own}");
            must_be_refused(talk, notes, "the capability in a URL", (method, &in_url), &[], body).await?;
        }
        if rest != "/stream" {
            let in_url = format!("{target}?ticket={}", ticket(talk, &victim.job).await?);
            must_be_refused(talk, notes, "a ticket elsewhere", (method, &in_url), &[], body).await?;
        }
    }
    let elsewhere = format!("/v1/jobs/{}/stream?ticket={}", other.id, ticket(talk, &victim.job).await?);
    must_be_refused(talk, notes, "a ticket of another job", ("GET", &elsewhere), &[], "").await?;
    talk.close(&other).await
}

/// Other spellings of the same path, other methods, and headers by which proxies are led astray.
async fn ways_around(talk: &Talk, notes: &mut Notes, victim: &Victim) -> Result<(), Trouble> {
    let id = &victim.job.id;
    for (method, rest, body) in ROUTES {
        let spellings = [
            format!("/v1/jobs/{id}{rest}/"),
            format!("/v1/jobs//{id}{rest}"),
            format!("//v1/jobs/{id}{rest}"),
            format!("/v1/./jobs/{id}{rest}"),
            format!("/v1/x/../jobs/{id}{rest}"),
            format!("/v1/jobs/{}{rest}", id.replacen('o', "%6f", 1)),
            format!("/v1/jobs/{}{rest}", id.to_ascii_uppercase()),
            format!("/V1/JOBS/{id}{}", rest.to_ascii_uppercase()),
            format!("/v1/jobs/{id};x=1{rest}"),
            format!("/v1/jobs/{id}%00{rest}"),
            format!("/v1/jobs/{id}{rest}.json"),
            format!("/v1/jobs/{id}{rest}#"),
            format!("/v1%2fjobs%2f{id}{rest}"),
            format!("http://{}/v1/jobs/{id}{rest}", talk.address),
        ];
        for target in &spellings {
            let answered = must_be_refused(talk, notes, "another spelling", (method, target), &[], body).await?;
            notes.reached(G12, "ways_around_tried", u64::from(answered));
        }
        let target = victim.job.at(rest);
        let misleading: [&[(&str, &str)]; 6] = [
            &[("x-original-url", &target)],
            &[("x-rewrite-url", &target)],
            &[("x-http-method-override", "GET")],
            &[("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1")],
            &[("x-forwarded-host", "localhost")],
            &[("cookie", &format!("capability={}", victim.job.capability))],
        ];
        for headers in misleading {
            let answered =
                must_be_refused(talk, notes, "a misleading header", (method, &target), headers, body).await?;
            notes.reached(G12, "ways_around_tried", u64::from(answered));
        }
    }
    // Doors that other services of this kind were found to have.
    for door in ["", "/history", "/events", "/result", "/results", "/status", "/log", "/logs", "/ws", "/stream.txt"] {
        let target = victim.job.at(door);
        let answered = must_be_refused(talk, notes, "a second door", ("GET", &target), &[], "").await?;
        notes.reached(G12, "ways_around_tried", u64::from(answered));
    }
    for door in
        ["/v1/jobs", "/v1/jobs/", "/v1/streams", "/v1/events", "/debug/vars", "/debug/pprof/", "/admin", "/v1/system"]
    {
        let answered = must_be_refused(talk, notes, "a list of jobs", ("GET", door), &[], "").await?;
        notes.reached(G12, "ways_around_tried", u64::from(answered));
    }
    Ok(())
}

/// Pages of other sites: a name of theirs that resolves to this machine, and requests across origins. Whoever made them
/// do it has every credential.
async fn pages(talk: &Talk, notes: &mut Notes, victim: &Victim) -> Result<(), Trouble> {
    let (of_job, of_operators) = (bearer(&victim.job.capability), bearer(&talk.operator));
    let mut doors: Vec<(&str, String, &str, &str)> =
        ROUTES.map(|(method, rest, body)| (method, victim.job.at(rest), body, of_job.as_str())).into();
    doors.push(("POST", "/v1/jobs".into(), r#"{"operation":"open"}"#, &of_job));
    doors.extend(["/metrics", "/v1/system/events"].map(|door| ("GET", door.into(), "", of_operators.as_str())));
    let port = talk.address.port();
    let hosts = ["evil.example".to_owned(), format!("evil.example:{port}"), format!("127.0.0.1.evil.example:{port}")];
    let origins = ["http://evil.example", "null", "http://127.0.0.1:1", "https://evil.example"];
    for (method, target, body, authority) in &doors {
        for (name, value) in hosts.iter().map(|host| ("host", host.as_str())).chain(origins.map(|o| ("origin", o))) {
            let what =
                if name == "host" { "by a name that is not the service's" } else { "by a page of another origin" };
            let headers = [("authorization", *authority), (name, value)];
            let answered = must_be_refused(talk, notes, what, (method, target), &headers, body).await?;
            notes.reached(G12, "pages_tried", u64::from(answered));
        }
        for origin in origins {
            let preflight = [("origin", origin), ("access-control-request-method", *method)];
            let answer = talk.ask("OPTIONS", target, &preflight, "").await?;
            let allowed = header(answer.head(), "access-control-allow-origin");
            notes.check(G12, allowed.is_empty(), || {
                (format!("a page of {origin} is told that it may {method} {target}"), vec![answer.head().to_owned()])
            });
        }
    }
    Ok(())
}

/// A capability is good for its verbs only, and makes none that is good for more.
async fn verbs(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let victim = Victim::new(talk).await?;
    let job = &victim.job;
    for (verb, its) in [("read", &["/stream", "/tickets"][..]), ("emit", &["/events"]), ("close", &["/close", ""])] {
        let (narrow, _) = granted(talk, job, &json!({ "verbs": [verb] })).await?;
        let narrow = bearer(&narrow.capability);
        for (method, rest, body) in ROUTES {
            if its.contains(&rest) && (rest != "/stream" || method == "GET" || method == "HEAD") {
                continue;
            }
            let what = format!("a capability for {verb} alone");
            let headers = [("authorization", narrow.as_str())];
            let answered = must_be_refused(talk, notes, &what, (method, &job.at(rest)), &headers, body).await?;
            notes.reached(G12, "verbs_tried", u64::from(answered));
        }
    }
    wider(talk, notes, &victim).await?;
    // Let in where it is right: a service that refuses everybody keeps every secret, and is of no use.
    let (reader, _) = granted(talk, job, &json!({ "verbs": ["read"] })).await?;
    talk.watch(&reader).await?;
    victim.is_untouched(talk, notes).await
}

/// Who may grant asks for more than he has. What comes of it decides, not what it is called: it must be good for
/// nothing that he may not do himself.
async fn wider(talk: &Talk, notes: &mut Notes, victim: &Victim) -> Result<(), Trouble> {
    let (holder, _) = granted(talk, &victim.job, &json!({ "verbs": ["read", "grant"] })).await?;
    for verbs in [json!(["emit"]), json!(["close"]), json!(["read", "emit"]), json!(["read", "emit", "close", "grant"])]
    {
        let body = json!({ "verbs": verbs }).to_string();
        let reply = talk.of(&holder, "POST", "/capabilities", &body).await?.reply("a grant")?;
        if reply.is_success() {
            let wider = Job { capability: reply.text("capability"), ..holder.clone() };
            may_not_act(talk, notes, "a capability wider than the one it was made with", &wider).await?;
        } else {
            notes.check(G12, (400..500).contains(&reply.status), || {
                (format!("a grant of {verbs} by who may not is answered {}", reply.status), vec![reply.body.clone()])
            });
        }
        notes.reached(G12, "wider_grants_asked", 1);
    }
    // A revocation answers a capability as well.
    let other = talk.open().await?;
    let (holder, _) = granted(talk, &other, &json!({ "verbs": ["read", "grant"] })).await?;
    let left = talk.of(&holder, "DELETE", "/capabilities", "").await?.reply("a revocation")?;
    let left = Job { capability: left.text("capability"), ..other };
    may_not_act(talk, notes, "what a revocation left, wider than what revoked", &left).await
}

/// A capability that must not be good for speaking, nor for ending the job.
async fn may_not_act(talk: &Talk, notes: &mut Notes, what: &str, job: &Job) -> Result<(), Trouble> {
    let authority = bearer(&job.capability);
    for (method, rest, body) in ROUTES.into_iter().filter(|(_, rest, _)| matches!(*rest, "/events" | "/close" | "")) {
        let headers = [("authorization", authority.as_str())];
        must_be_refused(talk, notes, what, (method, &job.at(rest)), &headers, body).await?;
    }
    Ok(())
}

/// Reads a stream that must be stopped: it says so once, as its last word, and its job is not over by that. What was
/// said afterwards is not delivered.
async fn must_stop(notes: &mut Notes, reading: &mut Reading, reason: &str, after: &str) {
    let (messages, over) = reading.rest().await;
    let brief: Vec<String> = messages.iter().map(super::http::brief).collect();
    let leaked = messages.iter().any(|message| said(message) == after);
    notes.check(G12, !leaked, || {
        (format!("a stream that is {reason} delivers what was said afterwards"), brief.clone())
    });
    let count = |event: &str| messages.iter().filter(|message| message.event == event).count();
    let data = |message: &crate::sink::sse::Message| serde_json::from_str(&message.data).unwrap_or(Value::Null);
    let is_told =
        messages.iter().any(|message| message.event == "stopped" && data(message)["reason"].as_str() == Some(reason));
    let first_reason = format!("a live stream is not stopped as {reason} (the connection: {over:?})");
    notes.check(G12, is_told, || (first_reason, brief.clone()));
    let is_last = messages.last().is_some_and(|message| message.event == "stopped");
    notes.check(G12, is_last && count("stopped") == 1 && count("done") == 0 && over == Over::Ended, || {
        let (stops, ends) = (count("stopped"), count("done"));
        let what = format!(
            "a stream that is {reason} is to say so once, and then be over: it has {stops} such words, {ends} ends of \
             a job, and its connection is {over:?}"
        );
        (what, brief)
    });
}

async fn revocation(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let job = talk.open().await?;
    talk.say(&job, SECRET).await?;
    // With a life of its own: without one it would be the owner's, letter by letter.
    let all = json!({ "verbs": ["read", "emit", "close", "grant"], "ttl_ms": 3_000_000 });
    let (given, _) = granted(talk, &job, &all).await?;
    let mut live = vec![talk.watch(&job).await?, talk.watch(&given).await?];
    let (by_ticket, reading) = by_ticket(talk, &given).await?;
    live.push(reading);
    for reading in &mut live {
        reading.until(SECRET).await?;
    }
    let renewed = talk.of(&given, "DELETE", "/capabilities", "").await?.reply("a revocation")?;
    must_be_refused(talk, notes, "a revoked ticket", ("GET", &by_ticket), &[], "").await?;
    let owner = Job { capability: renewed.text("capability"), ..job.clone() };
    let victim = Victim::watched(talk, owner).await?;
    victim.says(talk, "after").await?;
    for old in [&job, &given] {
        let authority = bearer(&old.capability);
        for (method, rest, body) in ROUTES {
            let headers = [("authorization", authority.as_str())];
            let asked = (method, old.at(rest));
            let answered =
                must_be_refused(talk, notes, "a revoked capability", (asked.0, &asked.1), &headers, body).await?;
            notes.reached(G12, "revoked_tried", u64::from(answered));
        }
    }
    for reading in &mut live {
        must_stop(notes, reading, "revoked", "after").await;
        notes.reached(G12, "live_streams_revoked", 1);
    }
    victim.is_untouched(talk, notes).await
}

/// Somebody is let in, sends the head of his request and no body, and is shut out: what the body says must not count.
async fn slow_bodies(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let said_late = "said with a right that was gone";
    let emit = super::http::narration(said_late);
    for (method, rest, body) in [("POST", "/events", emit.as_str()), ("POST", "/close", r#"{"outcome":"failed"}"#)] {
        let job = talk.open().await?;
        let mut owner = job.clone();
        let revoke = async {
            let renewed = talk.of(&job, "DELETE", "/capabilities", "").await?.reply("a revocation")?;
            owner.capability = renewed.text("capability");
            Ok(())
        };
        match talk.amid_body(&job, (method, rest, body), revoke).await {
            Ok(late) => {
                notes.reached(G12, "revoked_amid_a_body", u64::from(late.was_asked_for));
                let (status, brief) = (late.answer.status(), late.answer.brief());
                notes.check(G12, (400..500).contains(&status), || {
                    let what =
                        format!("{method} …{rest}: its right was revoked before its body came, and it is let in");
                    (what, vec![brief])
                });
            }
            // What came of it is seen below.
            Err(trouble) if trouble.hung_up => {}
            Err(silence) => return Err(silence),
        }
        let accepted = talk.say(&owner, "the owner's").await;
        notes.check(G12, accepted.is_ok(), || {
            ("a job was closed by whom its owner had shut out before".into(), vec![format!("{accepted:?}")])
        });
        if accepted.is_ok() {
            let between = talk.watch(&owner).await?.until("the owner's").await?;
            let late = between.iter().any(|message| said(message) == said_late);
            let heard = between.iter().map(super::http::brief).collect();
            notes.check(G12, !late, || ("what was said with a revoked right is delivered".into(), heard));
            talk.close(&owner).await?;
        }
    }
    Ok(())
}

async fn expiry(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let all = ["read", "emit", "close", "grant"];
    let victim = Victim::new(talk).await?;
    // Long enough that a stream can be opened with it on a busy machine; if not, another one is made.
    for ttl_ms in [150, 1_000, 5_000] {
        let (short, of_short) = granted(talk, &victim.job, &json!({ "verbs": all, "ttl_ms": ttl_ms })).await?;
        // While it is good it asks for one that is good for longer: that one has to be over with it.
        let longer = json!({ "verbs": all, "ttl_ms": 86_400_000 }).to_string();
        let longer = talk.of(&short, "POST", "/capabilities", &longer).await?.reply("a grant")?;
        let Answer::Stream(mut reading) = talk.of(&short, "GET", "/stream", "").await? else { continue };
        reading.until(SECRET).await?;
        tokio::time::sleep(Duration::from_millis(ttl_ms)).await;
        victim.says(talk, "after").await?;
        must_stop(notes, &mut reading, "expired", "after").await;
        notes.reached(G12, "live_streams_expired", 1);
        let mut expired = vec![("an expired capability", short.capability.clone())];
        if longer.is_success() {
            let until = |answer: &Value| answer["expires"].as_u64();
            notes.check(G12, until(&longer.json()) <= until(&of_short), || {
                (
                    "a capability makes one that is good for longer".into(),
                    vec![of_short.to_string(), longer.body.clone()],
                )
            });
            expired.push(("what an expired capability made", longer.text("capability")));
        }
        notes.reached(G12, "longer_lives_asked", 1);
        for (what, capability) in &expired {
            let authority = bearer(capability);
            for (method, rest, body) in ROUTES {
                let headers = [("authorization", authority.as_str())];
                let answered = must_be_refused(talk, notes, what, (method, &short.at(rest)), &headers, body).await?;
                notes.reached(G12, "expired_tried", u64::from(answered));
            }
        }
        break;
    }
    victim.is_untouched(talk, notes).await
}

/// What is for operators: their credential opens it, and nothing else does.
async fn operators(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let job = talk.open().await?;
    let right = bearer(&talk.operator);
    for door in ["/v1/system/events", "/metrics"] {
        let let_in = talk.ask("GET", door, &[("authorization", &right)], "").await?;
        if let_in.status() != 200 {
            return never(format!("operators are not let in to {door}: {}", let_in.brief()));
        }
        let wrong = [
            ("nothing", None),
            ("a job's capability", Some(bearer(&job.capability))),
            ("a part of the credential", Some(bearer(&talk.operator[..talk.operator.len() - 1]))),
            ("a forged credential", Some(bearer(&forge(&talk.operator)))),
            ("the credential under another scheme", Some(format!("Basic {}", talk.operator))),
        ];
        for (what, credential) in &wrong {
            let headers: Vec<_> = credential.iter().map(|value| ("authorization", value.as_str())).collect();
            let answered = must_be_refused(talk, notes, what, ("GET", door), &headers, "").await?;
            notes.reached(G12, "operators_doors_tried", u64::from(answered));
        }
        let in_url = format!("{door}?access_token={}", talk.operator);
        must_be_refused(talk, notes, "the credential in a URL", ("GET", &in_url), &[], "").await?;
    }
    talk.close(&job).await
}

/// What is kept by a cache is a door of its own: nothing may be, and none does it here.
async fn caches(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let victim = Victim::new(talk).await?;
    let (of_job, of_operators) = (bearer(&victim.job.capability), bearer(&talk.operator));
    let asked: [(&str, String, &str, &str); 7] = [
        ("GET", victim.job.at("/stream"), "", &of_job),
        ("POST", victim.job.at("/events"), r#"{"action":"say","human":"hello"}"#, &of_job),
        ("POST", victim.job.at("/tickets"), "", &of_job),
        ("GET", "/v1/jobs/job-0/stream".into(), "", &of_job),
        ("POST", "/v1/jobs".into(), r#"{"operation":"sleep","args":{"ms":1}}"#, ""),
        ("GET", "/v1/system/events".into(), "", &of_operators),
        ("GET", "/metrics".into(), "", &of_operators),
    ];
    let mut heads = Vec::new();
    for (method, target, body, authority) in &asked {
        let answer = talk.ask(method, target, &[("authorization", authority)], body).await?;
        heads.push((format!("{method} {target}"), answer.head().to_owned()));
    }
    heads.push(("GET of a stream by ticket".into(), by_ticket(talk, &victim.job).await?.1.head));
    for (asked, head) in heads {
        let said = header(&head, "cache-control").join(",").to_ascii_lowercase();
        notes.check(G12, said.contains("no-store"), || {
            (format!("the answer to {asked} may be kept by a cache ({said:?})"), vec![head])
        });
    }
    // The same URL again, without the right to it, right after somebody had it.
    must_be_refused(talk, notes, "right after its owner", ("GET", &victim.job.at("/stream")), &[], "").await?;
    talk.close(&victim.job).await
}
