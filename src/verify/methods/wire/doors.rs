//! Doors (G12): every route, tried with everything that is not the right credential, and by every way around.
//!
//! Whether a door held is seen from inside: after all attempts the job's own reader must have had nothing of what the
//! intruders said, and the job must be open.

use super::Notes;
use super::http::{Answer, Job, Reading, Talk, Trouble, bearer, header, never, said};
use super::refusals::{ROUTES, forge};
use crate::verify::guarantee::Guarantee::G12;
use std::time::Duration;

pub(super) const PREMISES: &[&str] = &[
    "wrong_credentials_tried",
    "ways_around_tried",
    "verbs_tried",
    "live_streams_revoked",
    "revoked_amid_a_body",
    "live_streams_expired",
    "operators_doors_tried",
    "pages_tried",
];

pub(super) async fn examine(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let victim = Victim::new(talk).await?;
    credentials(talk, notes, &victim).await?;
    ways_around(talk, notes, &victim).await?;
    pages(talk, notes, &victim).await?;
    victim.is_untouched(talk, notes).await?;
    verbs(talk, notes).await?;
    revocation(talk, notes).await?;
    slow_bodies(talk, notes).await?;
    expiry(talk, notes).await?;
    operators(talk, notes).await?;
    caches(talk, notes).await
}

/// A job that somebody else tries to get at.
struct Victim {
    job: Job,
    reading: tokio::sync::Mutex<Reading>,
}

const SECRET: &str = "what only the owner may read";

impl Victim {
    async fn new(talk: &Talk) -> Result<Victim, Trouble> {
        let job = talk.open().await?;
        talk.say(&job, SECRET).await?;
        let mut reading = talk.watch(&job).await?;
        reading.until(SECRET).await?;
        Ok(Victim { job, reading: tokio::sync::Mutex::new(reading) })
    }

    /// Nothing that intruders said or did reached the job.
    async fn is_untouched(&self, talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
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

/// One attempt that must be refused.
async fn must_be_refused(
    talk: &Talk,
    notes: &mut Notes,
    what: &str,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> Result<(), Trouble> {
    let answer = match talk.ask(method, target, headers, body).await {
        Ok(answer) => answer,
        // Hung up on: that is a refusal, if a rude one.
        Err(_) => return Ok(()),
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
    Ok(())
}

/// Every route of a job with every credential but the right one.
async fn credentials(talk: &Talk, notes: &mut Notes, victim: &Victim) -> Result<(), Trouble> {
    let other = talk.open().await?;
    let ticket = talk.of(&victim.job, "POST", "/tickets", "").await?.reply("a ticket")?.text("ticket");
    let own = &victim.job.capability;
    let credentials: Vec<(&str, Option<String>)> = vec![
        ("nothing", None),
        ("an empty bearer", Some("Bearer ".into())),
        ("another job's capability", Some(bearer(&other.capability))),
        ("a forged capability", Some(bearer(&forge(own)))),
        ("a part of the capability", Some(bearer(&own[..own.len() - 1]))),
        ("the operators' credential", Some(bearer(&talk.operator))),
        ("the job's id", Some(bearer(&victim.job.id))),
        ("a ticket as a capability", Some(bearer(&ticket))),
        ("the capability under another scheme", Some(format!("Basic {own}"))),
        ("the capability without a scheme", Some(own.clone())),
        ("two capabilities in one", Some(format!("Bearer {}, Bearer {own}", other.capability))),
    ];
    for (method, rest, body) in ROUTES {
        let target = victim.job.at(rest);
        for (what, credential) in &credentials {
            let headers: Vec<_> = credential.iter().map(|value| ("authorization", value.as_str())).collect();
            must_be_refused(talk, notes, what, (method, &target), &headers, body).await?;
            notes.reached(G12, "wrong_credentials_tried", 1);
        }
        let twice = [("authorization", bearer(&other.capability)), ("authorization", bearer(own))];
        let twice = twice.each_ref().map(|(name, value)| (*name, value.as_str()));
        must_be_refused(talk, notes, "two credentials", (method, &target), &twice, body).await?;
        for key in ["capability", "access_token", "token", "ticket", "auth", "key"] {
            let in_url = format!("{target}?{key}={own}");
            must_be_refused(talk, notes, "the capability in a URL", (method, &in_url), &[], body).await?;
        }
        if rest != "/stream" {
            let in_url = format!("{target}?ticket={ticket}");
            must_be_refused(talk, notes, "a ticket elsewhere", (method, &in_url), &[], body).await?;
        }
    }
    let elsewhere = format!("/v1/jobs/{}/stream?ticket={ticket}", other.id);
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
            must_be_refused(talk, notes, "another spelling", (method, target), &[], body).await?;
            notes.reached(G12, "ways_around_tried", 1);
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
            must_be_refused(talk, notes, "a misleading header", (method, &target), headers, body).await?;
            notes.reached(G12, "ways_around_tried", 1);
        }
    }
    // Doors that other services of this kind were found to have.
    for door in ["", "/history", "/events", "/result", "/results", "/status", "/log", "/logs", "/ws", "/stream.txt"] {
        let target = victim.job.at(door);
        must_be_refused(talk, notes, "a second door", ("GET", &target), &[], "").await?;
        notes.reached(G12, "ways_around_tried", 1);
    }
    for door in
        ["/v1/jobs", "/v1/jobs/", "/v1/streams", "/v1/events", "/debug/vars", "/debug/pprof/", "/admin", "/v1/system"]
    {
        must_be_refused(talk, notes, "a list of jobs", ("GET", door), &[], "").await?;
        notes.reached(G12, "ways_around_tried", 1);
    }
    Ok(())
}

/// Pages of other sites: a name of theirs that resolves to this machine, and requests across origins.
async fn pages(talk: &Talk, notes: &mut Notes, victim: &Victim) -> Result<(), Trouble> {
    let authority = bearer(&victim.job.capability);
    let own = ("authorization", authority.as_str());
    let target = victim.job.at("/stream");
    let port = talk.address.port();
    for host in ["evil.example".to_owned(), format!("evil.example:{port}"), format!("127.0.0.1.evil.example:{port}")] {
        let headers = [own, ("host", host.as_str())];
        must_be_refused(talk, notes, "by a name that is not the service's", ("GET", &target), &headers, "").await?;
        notes.reached(G12, "pages_tried", 1);
    }
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1", "https://evil.example"] {
        for (method, target, body) in [("GET", target.as_str(), ""), ("POST", "/v1/jobs", r#"{"operation":"open"}"#)] {
            let headers = [own, ("origin", origin)];
            must_be_refused(talk, notes, "by a page of another origin", (method, target), &headers, body).await?;
            notes.reached(G12, "pages_tried", 1);
        }
        let preflight = [("origin", origin), ("access-control-request-method", "GET")];
        let answer = talk.ask("OPTIONS", &target, &preflight, "").await?;
        let allowed = header(answer.head(), "access-control-allow-origin");
        notes.check(G12, allowed.is_empty(), || {
            (format!("a page of {origin} is told that it may"), vec![answer.head().to_owned()])
        });
    }
    Ok(())
}

/// A capability is good for its verbs only, and makes none that is good for more.
async fn verbs(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let job = talk.open().await?;
    for (verb, its) in [("read", &["/stream", "/tickets"][..]), ("emit", &["/events"]), ("close", &["/close", ""])] {
        let body = serde_json::json!({ "verbs": [verb] }).to_string();
        let granted = talk.of(&job, "POST", "/capabilities", &body).await?.reply("a grant")?;
        let narrow = bearer(&granted.text("capability"));
        if !granted.is_success() {
            return never(format!("a capability for {verb} was to be made: {} {}", granted.status, granted.body));
        }
        for (method, rest, body) in ROUTES {
            if its.contains(&rest) && (rest != "/stream" || method == "GET" || method == "HEAD") {
                continue;
            }
            let what = format!("a capability for {verb} alone");
            let target = job.at(rest);
            must_be_refused(talk, notes, &what, (method, &target), &[("authorization", &narrow)], body).await?;
            notes.reached(G12, "verbs_tried", 1);
        }
    }
    // Let in where it is right: a service that refuses everybody keeps every secret, and is of no use.
    let body = r#"{"verbs":["read"]}"#;
    let granted = talk.of(&job, "POST", "/capabilities", body).await?.reply("a grant")?;
    let narrow = bearer(&granted.text("capability"));
    let read = talk.ask("GET", &job.at("/stream"), &[("authorization", &narrow)], "").await?;
    read.stream("a stream read with a capability for reading")?;
    talk.close(&job).await.or_else(|_| never("a job was closed by a capability that may not, or cannot be closed"))
}

/// Reads a stream that must be stopped, and must not deliver what was said afterwards.
async fn must_stop(notes: &mut Notes, reading: &mut Reading, reason: &str, after: &str) {
    let (messages, over) = reading.rest().await;
    let brief: Vec<String> = messages.iter().map(super::http::brief).collect();
    let leaked = messages.iter().any(|message| said(message) == after);
    notes.check(G12, !leaked, || {
        (format!("a stream that is {reason} delivers what was said afterwards"), brief.clone())
    });
    let stopped = messages.iter().any(|message| message.event == "stopped" && message.data.contains(reason));
    let first_reason = format!("a live stream is not stopped as {reason} (the connection: {over:?})");
    notes.check(G12, stopped, || (first_reason, brief));
}

async fn revocation(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let job = talk.open().await?;
    talk.say(&job, "before").await?;
    let body = r#"{"verbs":["read","emit","close","grant"]}"#;
    let granted = talk.of(&job, "POST", "/capabilities", body).await?.reply("a grant")?.text("capability");
    let given = Job { capability: granted, ..job.clone() };
    let ticket = talk.of(&given, "POST", "/tickets", "").await?.reply("a ticket")?.text("ticket");
    let by_ticket = job.at(&format!("/stream?ticket={ticket}"));
    let mut live = vec![talk.watch(&job).await?, talk.watch(&given).await?];
    live.push(talk.ask("GET", &by_ticket, &[], "").await?.stream("a stream by ticket")?);
    for reading in &mut live {
        reading.until("before").await?;
    }
    let renewed = talk.of(&given, "DELETE", "/capabilities", "").await?.reply("a revocation")?;
    let owner = Job { capability: renewed.text("capability"), ..job.clone() };
    talk.say(&owner, "after").await?;
    for old in [&job, &given] {
        let authority = bearer(&old.capability);
        for (method, rest, body) in ROUTES {
            let headers = [("authorization", authority.as_str())];
            must_be_refused(talk, notes, "a revoked capability", (method, &old.at(rest)), &headers, body).await?;
        }
    }
    must_be_refused(talk, notes, "a revoked ticket", ("GET", &by_ticket), &[], "").await?;
    for reading in &mut live {
        must_stop(notes, reading, "revoked", "after").await;
        notes.reached(G12, "live_streams_revoked", 1);
    }
    talk.close(&owner).await.or_else(|_| never("the capability that a revocation answers is good for nothing"))
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
        let late = talk.amid_body(&job, (method, rest, body), revoke).await?;
        notes.reached(G12, "revoked_amid_a_body", u64::from(late.was_asked_for));
        let (status, brief) = (late.answer.status(), late.answer.brief());
        notes.check(G12, (400..500).contains(&status), || {
            (format!("{method} …{rest}: its right was revoked before its body came, and it is let in"), vec![brief])
        });
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
    let job = talk.open().await?;
    talk.say(&job, "before").await?;
    // Long enough that a stream can be opened with it on a busy machine; if not, another one is made.
    for ttl_ms in [150, 1_000, 5_000] {
        let body = serde_json::json!({ "verbs": ["read"], "ttl_ms": ttl_ms }).to_string();
        let granted = talk.of(&job, "POST", "/capabilities", &body).await?.reply("a grant")?;
        let short = Job { capability: granted.text("capability"), ..job.clone() };
        let Answer::Stream(mut reading) = talk.of(&short, "GET", "/stream", "").await? else { continue };
        reading.until("before").await?;
        tokio::time::sleep(Duration::from_millis(ttl_ms)).await;
        talk.say(&job, "after").await?;
        must_stop(notes, &mut reading, "expired", "after").await;
        let authority = bearer(&short.capability);
        let headers = [("authorization", authority.as_str())];
        must_be_refused(talk, notes, "an expired capability", ("GET", &short.at("/stream")), &headers, "").await?;
        notes.reached(G12, "live_streams_expired", 1);
        break;
    }
    talk.close(&job).await
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
            must_be_refused(talk, notes, what, ("GET", door), &headers, "").await?;
            notes.reached(G12, "operators_doors_tried", 1);
        }
        let in_url = format!("{door}?access_token={}", talk.operator);
        must_be_refused(talk, notes, "the credential in a URL", ("GET", &in_url), &[], "").await?;
    }
    talk.close(&job).await
}

/// What is kept by a cache is a door of its own: nothing may be, and none does it here.
async fn caches(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let victim = Victim::new(talk).await?;
    let authority = bearer(&victim.job.capability);
    let asked: [(&str, String, &str); 4] = [
        ("GET", victim.job.at("/stream"), ""),
        ("POST", victim.job.at("/events"), r#"{"action":"say","human":"hello"}"#),
        ("POST", victim.job.at("/tickets"), ""),
        ("GET", "/v1/jobs/job-0/stream".into(), ""),
    ];
    for (method, target, body) in &asked {
        let answer = talk.ask(method, target, &[("authorization", &authority)], body).await?;
        let said = header(answer.head(), "cache-control").join(",").to_ascii_lowercase();
        notes.check(G12, said.contains("no-store"), || {
            (
                format!("the answer to {method} {target} may be kept by a cache ({said:?})"),
                vec![answer.head().to_owned()],
            )
        });
    }
    // The same URL again, without the right to it, right after somebody had it.
    must_be_refused(talk, notes, "right after its owner", ("GET", &victim.job.at("/stream")), &[], "").await?;
    talk.close(&victim.job).await
}
