//! Who is let in, who is not, and that the second cannot tell why.

use crate::rig::{Job, OPERATOR, Reply, Rig, data, job_of, kinds, until};
use narrowcast::server::{Alive, Secret};
use serde_json::json;

/// Every deed on a job: method, rest of the path, body.
const DEEDS: [(&str, &str, &str); 7] = [
    ("GET", "/stream", ""),
    ("POST", "/events", r#"{"action":"say","human":"x"}"#),
    ("POST", "/close", r#"{"outcome":"completed"}"#),
    ("POST", "/tickets", ""),
    ("POST", "/capabilities", r#"{"verbs":["read"]}"#),
    ("DELETE", "/capabilities", ""),
    ("DELETE", "", ""),
];

async fn narrowed(rig: &Rig, job: &Job, body: &str) -> Job {
    let reply = rig.of(job, "POST", "/capabilities", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let said = reply.json();
    let capability = said["capability"].as_str().expect("a capability is a text").to_owned();
    Job { capability, expires: said["expires"].as_u64().expect("a time"), ..job.clone() }
}

async fn revoked(rig: &Rig, job: &Job) -> Job {
    let reply = rig.of(job, "DELETE", "/capabilities", "").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    Job { capability: reply.json()["capability"].as_str().expect("a capability").to_owned(), ..job.clone() }
}

async fn ticket(rig: &Rig, job: &Job) -> (String, String) {
    let reply = rig.of(job, "POST", "/tickets", "").await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let said = reply.json();
    let text = |name: &str| said[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned();
    (text("ticket"), text("sse_url"))
}

/// Closes a job and reads it to its end: from then on it is as if it had never been.
async fn finish(rig: &Rig, job: &Job) {
    let before = rig.handle.alive().jobs;
    let mut stream = rig.watch(job).await;
    assert_eq!(rig.of(job, "DELETE", "", "").await.status, 200);
    assert_eq!(kinds(&stream.rest().await).last(), Some(&"done"));
    drop(stream);
    until("the job is forgotten", || rig.handle.alive().jobs == before - 1).await;
}

#[tokio::test]
async fn absent_foreign_closed_and_forbidden_are_alike_byte_for_byte() {
    let rig = Rig::new().await;
    let (target, mine, gone) = (rig.open().await, rig.open().await, rig.open().await);
    finish(&rig, &gone).await;
    let rotated = rig.open().await;
    let current = revoked(&rig, &rotated).await;
    let expired = narrowed(&rig, &target, r#"{"verbs":["read","emit","close","grant"],"ttl_ms":0}"#).await;
    let (as_bearer, _url) = ticket(&rig, &target).await;
    let mut forged = target.capability.clone();
    let last = if forged.pop() == Some('A') { 'E' } else { 'A' };
    forged.push(last);
    let with = |job: &Job, capability: &str| Job { capability: capability.into(), ..job.clone() };
    let named = |id: &str| Job { id: id.into(), ..mine.clone() };
    let absent = format!("job-{:032x}", 7);
    let cases = [
        ("absent", named(&absent)),
        ("foreign", named(&target.id)),
        ("closed, its own capability", gone.clone()),
        ("closed, another's", named(&gone.id)),
        ("forged", with(&target, &forged)),
        ("expired", expired),
        ("revoked", rotated.clone()),
        ("a ticket as a capability", with(&target, &as_bearer)),
        ("the operators' credential", with(&target, OPERATOR)),
        ("nothing", with(&target, "")),
        ("garbage", with(&target, "nc1_%%%")),
        ("the prefix of an id", named(&target.id[..35])),
        ("another spelling", with(&named(&target.id.to_uppercase()), &target.capability)),
        ("an escaped spelling", with(&named(&target.id.replacen('j', "%6a", 1)), &target.capability)),
        ("a pattern", named("*")),
        ("no id of any kind", named("%00%ff")),
    ];
    for (method, rest, body) in DEEDS {
        let mut first: Option<String> = None;
        for (case, job) in &cases {
            let reply = rig.of(job, method, rest, body).await;
            reply.is(404, "not_found");
            let bytes = reply.bytes_but_the_clock();
            let expected = first.get_or_insert(bytes.clone());
            assert_eq!(*expected, bytes, "{method} {rest}: {case}");
        }
        // No header at all, and one of another scheme.
        for headers in [
            vec![],
            vec![("authorization", "Basic bmFtZTprZXk=")],
            vec![("authorization", "x"), ("authorization", "y")],
        ] {
            let reply = rig.ask(method, &target.path(rest), &headers, body).await;
            assert_eq!(first.as_deref(), Some(&*reply.bytes_but_the_clock()), "{method} {rest}: {headers:?}");
        }
        // What else the request holds is not looked at before, so that it cannot tell either.
        let reply = rig.of(&cases[1].1, method, rest, "not JSON").await;
        assert_eq!(first.as_deref(), Some(&*reply.bytes_but_the_clock()), "{method} {rest}: an odd body");
    }
    // The doors that were knocked at are there: nothing of all this had an effect.
    for job in [&target, &current] {
        assert_eq!(rig.emit(job, "still open").await.status, 202);
    }
}

#[tokio::test]
async fn a_refused_query_is_not_looked_at_either() {
    let rig = Rig::new().await;
    let (mine, target) = (rig.open().await, rig.open().await);
    let foreign = Job { capability: mine.capability.clone(), ..target.clone() };
    let plain = rig.of(&foreign, "GET", "/stream", "").await.bytes_but_the_clock();
    for query in ["?from=end", "?after=x", "?x=y", "?ticket=x", "?ticket="] {
        let reply = rig.of(&foreign, "GET", &format!("/stream{query}"), "").await;
        assert_eq!(reply.bytes_but_the_clock(), plain, "{query}");
    }
    let path = foreign.path("/stream");
    let bearer = foreign.bearer();
    let reply = rig.ask("GET", &path, &[("authorization", &bearer), ("last-event-id", "x")], "").await;
    assert_eq!(reply.bytes_but_the_clock(), plain);
}

#[tokio::test]
async fn a_capability_is_good_for_its_verbs_and_can_only_be_narrowed() {
    let rig = Rig::new().await;
    let needed = ["read", "emit", "close", "read", "grant", "grant", "close"];
    for verb in ["read", "emit", "close", "grant"] {
        for ((method, rest, body), needed) in DEEDS.into_iter().zip(needed) {
            let job = rig.open().await;
            let narrow = narrowed(&rig, &job, &json!({ "verbs": [verb] }).to_string()).await;
            // Granting needs the verbs that are granted too.
            let body = if rest == "/capabilities" && method == "POST" { r#"{"verbs":["grant"]}"# } else { body };
            let status = if rest == "/stream" && verb == "read" {
                rig.watch(&narrow).await.human().await;
                200
            } else {
                rig.of(&narrow, method, rest, body).await.status
            };
            assert_eq!(status < 300, verb == needed, "{verb} for {method} {rest}: {status}");
        }
    }
    let job = rig.open().await;
    let reader = narrowed(&rig, &job, r#"{"verbs":["read","grant"]}"#).await;
    for body in [r#"{"verbs":["emit"]}"#, r#"{"verbs":["read","close"]}"#, r#"{"verbs":[]}"#, r#"{"verbs":["all"]}"#] {
        rig.of(&reader, "POST", "/capabilities", body).await.is(400, "invalid_verbs");
    }
    let longer = narrowed(&rig, &job, r#"{"verbs":["read"],"ttl_ms":18446744073709551615}"#).await;
    assert_eq!(longer.expires, job.expires, "nor does it last longer");
}

#[tokio::test]
async fn revocation_ends_live_streams_and_everything_issued_before() {
    let rig = Rig::new().await;
    let (job, other) = (rig.open().await, rig.open().await);
    let narrow = narrowed(&rig, &job, r#"{"verbs":["read"]}"#).await;
    let (_ticket, url) = ticket(&rig, &job).await;
    let mut streams = [rig.watch(&job).await, rig.watch(&narrow).await, rig.stream(&url, &[]).await];
    let mut neighbour = rig.watch(&other).await;
    for stream in &mut streams {
        stream.human().await;
    }
    neighbour.human().await;
    let current = revoked(&rig, &job).await;
    assert_eq!(rig.emit(&current, "after the revocation").await.status, 202);
    for stream in &mut streams {
        let rest = stream.rest().await;
        assert_eq!(kinds(&rest), ["stopped"], "nothing that was said afterwards");
        assert_eq!(data(&rest[0]), json!({ "reason": "revoked" }));
    }
    for old in [&job, &narrow] {
        rig.of(old, "GET", "/stream", "").await.is(404, "not_found");
    }
    rig.ask("GET", &url, &[], "").await.is(404, "not_found");
    let mut again = rig.watch(&current).await;
    again.human().await;
    assert_eq!(again.human().await, "after the revocation", "the job went on, and the new capability is good");
    assert_eq!(rig.emit(&other, "x").await.status, 202);
    assert_eq!(neighbour.human().await, "x", "the neighbour was not touched");
    let twice = revoked(&rig, &current).await;
    rig.of(&current, "DELETE", "/capabilities", "").await.is(404, "not_found");
    assert_eq!(rig.emit(&twice, "x").await.status, 202);
}

#[tokio::test]
async fn expiry_ends_live_streams() {
    let rig = Rig::new().await;
    let job = rig.open().await;
    let short = narrowed(&rig, &job, r#"{"verbs":["read"],"ttl_ms":2000}"#).await;
    let mut stream = rig.watch(&short).await;
    assert_eq!(stream.human().await, "created, to open");
    let rest = stream.rest().await;
    assert_eq!(kinds(&rest), ["stopped"]);
    assert_eq!(data(&rest[0]), json!({ "reason": "expired" }));
    rig.of(&short, "GET", "/stream", "").await.is(404, "not_found");
    assert_eq!(rig.emit(&job, "the job goes on").await.status, 202);
}

#[tokio::test]
async fn a_job_whose_time_is_over_fails_and_says_so_to_whoever_created_it() {
    let rig = Rig::with(|layer| layer.times.job_ms = Some(100)).await;
    // Watched when its time comes, and read only afterwards.
    let (watched, late) = (rig.open().await, rig.open().await);
    let mut watching = rig.watch(&watched).await;
    crate::rig::until("the work has ended", || rig.handle.alive().working == 0).await;
    for rest in [watching.rest().await, rig.watch(&late).await.rest().await] {
        assert_eq!(kinds(&rest), ["narration", "done"]);
        assert_eq!(data(&rest[1]), json!({ "outcome": "failed" }));
    }
}

#[tokio::test]
async fn a_ticket_opens_its_stream_for_a_short_while_and_nothing_else() {
    let rig = Rig::new().await;
    let (job, other) = (rig.open().await, rig.open().await);
    let (ticket_text, url) = ticket(&rig, &job).await;
    assert!(url.starts_with(&job.path("/stream?ticket=nc1_")), "{url}");
    assert_eq!(rig.stream(&url, &[]).await.human().await, "created, to open");
    assert_eq!(rig.stream(&format!("{url}&from=start"), &[]).await.human().await, "created, to open");
    // Not another job's stream, no other deed, and no second authority beside it.
    rig.ask("GET", &other.path(&format!("/stream?ticket={ticket_text}")), &[], "").await.is(404, "not_found");
    rig.ask("POST", &job.path(&format!("/events?ticket={ticket_text}")), &[], "{}").await.is(404, "not_found");
    rig.ask("GET", &url, &[("authorization", &job.bearer())], "").await.is(404, "not_found");
    let capability = format!("/stream?ticket={}", job.capability);
    rig.ask("GET", &job.path(&capability), &[], "").await.is(404, "not_found");

    let short = Rig::with(|layer| layer.times.ticket_ms = Some(1)).await;
    let job = short.open().await;
    let (_ticket, url) = ticket(&short, &job).await;
    let deadline = tokio::time::Instant::now() + crate::rig::PATIENCE;
    while short.ask("HEAD", &url, &[], "").await.status != 404 {
        assert!(tokio::time::Instant::now() < deadline, "the ticket never expired");
    }
    assert_eq!(short.emit(&job, "the capability is still good").await.status, 202);
}

#[tokio::test]
async fn no_secret_opens_the_door_of_another() {
    let (first, second) = ("the key of the first", "the key of the second");
    let rig = Rig::with(|layer| layer.api_keys = Some(Secret::new(format!("a={first},b={second}")))).await;
    let post = async |key: &str| {
        let bearer = format!("Bearer {key}");
        rig.ask("POST", "/v1/jobs", &[("authorization", &bearer)], r#"{"operation":"open"}"#).await
    };
    let job = job_of(&post(first).await);
    assert_eq!(post(second).await.status, 202);
    let bare = rig.post(r#"{"operation":"open"}"#).await;
    bare.is(401, "unauthorized");
    assert_eq!(bare.header("www-authenticate"), Some("Bearer"));
    for key in [OPERATOR, &job.capability, "", "the key of the firs", "the key of the first "] {
        let reply = post(key).await;
        // White space around a credential is none of it.
        if key.trim() == first {
            assert_eq!(reply.status, 202);
        } else {
            assert_eq!(reply.bytes_but_the_clock(), bare.bytes_but_the_clock(), "{key:?}");
        }
    }
    for path in ["/v1/system/events", "/metrics"] {
        for credential in [first, &job.capability, "", "the operators' own credentia"] {
            let bearer = format!("Bearer {credential}");
            let reply = rig.ask("GET", path, &[("authorization", &bearer)], "").await;
            assert_eq!(reply.bytes_but_the_clock(), bare.bytes_but_the_clock(), "{path}: {credential:?}");
        }
        rig.ask("GET", path, &[], "").await.is(401, "unauthorized");
        rig.ask("GET", &format!("{path}?ticket={}", job.capability), &[], "").await.is(401, "unauthorized");
    }
    let nobody = Rig::with(|layer| layer.operator_credential = None).await;
    for headers in [vec![], vec![("authorization", "Bearer ")], vec![("authorization", "Bearer x")]] {
        nobody.ask("GET", "/metrics", &headers, "").await.is(401, "unauthorized");
    }
}

#[tokio::test]
async fn only_known_hosts_and_origins_are_served() {
    let rig = Rig::with(|layer| {
        layer.hosts = Some(vec!["narrowcast.example".into()]);
        layer.origins = Some(vec!["https://app.example".into()]);
    })
    .await;
    let port = rig.at.port();
    let (here, local) = (rig.at.to_string(), format!("localhost:{port}"));
    let ask = async |headers: &[(&str, &str)]| rig.ask("GET", "/healthz", headers, "").await;
    for host in [&*here, &*local, "NARROWCAST.example"] {
        assert_eq!(ask(&[("host", host)]).await.status, 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "narrowcast.example.evil", "narrowcast.example:80"] {
        ask(&[("host", host)]).await.is(421, "misdirected");
    }
    ask(&[("host", &here), ("host", "evil.example")]).await.is(421, "misdirected");
    let absolute = format!("GET http://evil.example/healthz HTTP/1.1\r\nhost: {here}\r\nconnection: close\r\n\r\n");
    rig.say(absolute.as_bytes()).await.is(421, "misdirected");
    rig.say(b"GET /healthz HTTP/1.0\r\n\r\n").await.is(421, "misdirected");

    let own = format!("http://{here}");
    let allowed = |reply: &Reply| reply.header("access-control-allow-origin").map(str::to_owned);
    let reply = ask(&[("origin", &own)]).await;
    assert_eq!((reply.status, allowed(&reply)), (200, None));
    let reply = ask(&[("origin", "https://app.example")]).await;
    assert_eq!((reply.status, allowed(&reply).as_deref()), (200, Some("https://app.example")));
    let local_page = format!("http://{local}");
    for origin in ["https://evil.example", "null", "https://app.example.evil", "http://app.example", "", &local_page] {
        let reply = ask(&[("origin", origin)]).await;
        reply.is(403, "foreign_origin");
        assert_eq!(allowed(&reply), None);
    }
    let body = r#"{"operation":"open"}"#;
    rig.ask("POST", "/v1/jobs", &[("origin", "https://evil.example")], body).await.is(403, "foreign_origin");
    rig.settle(Alive { connections: rig.handle.alive().connections, ..Alive::default() }).await;

    let asked = [("origin", "https://app.example"), ("access-control-request-method", "DELETE")];
    let preflight = rig.ask("OPTIONS", "/v1/jobs/x", &asked, "").await;
    assert_eq!((preflight.status, allowed(&preflight).as_deref()), (204, Some("https://app.example")));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, POST, DELETE"));
    assert_eq!(preflight.header("access-control-allow-credentials"), None);
    rig.ask("OPTIONS", "/v1/jobs/x", &[("origin", "null")], "").await.is(403, "foreign_origin");
}

#[tokio::test]
async fn every_answer_is_kept_by_nobody() {
    let rig = Rig::new().await;
    let job = rig.open().await;
    let bearer = job.bearer();
    let authorised = [("authorization", &*bearer)];
    for (method, path) in [("GET", "/"), ("GET", "/healthz"), ("GET", "/nowhere"), ("PUT", "/"), ("GET", "/metrics")] {
        let reply = rig.ask(method, path, &authorised, "").await;
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_revoked_before_its_body_has_come_is_not_done() {
    let rig = Rig::new().await;
    let bodies = [
        ("POST", "/events", r#"{"action":"say","human":"too late"}"#),
        ("POST", "/close", r#"{"outcome":"failed"}"#),
        ("POST", "/capabilities", r#"{"verbs":["read"]}"#),
    ];
    for deed in bodies {
        let job = rig.open().await;
        let mut owner = job.clone();
        let reply = rig.amid_body(&job, deed, async { owner = revoked(&rig, &job).await }).await;
        reply.expect("its body is asked for").is(404, "not_found");
        assert_eq!(rig.emit(&owner, "still open").await.status, 202);
        let mut stream = rig.watch(&owner).await;
        assert_eq!([stream.human().await, stream.human().await], ["created, to open", "still open"]);
        // The same, with nothing in between, is done: the refusal was not of everything.
        let done = rig.amid_body(&owner, deed, async {}).await.expect("its body is asked for");
        assert!(done.status < 300, "{deed:?}: {done:?}");
    }
}

#[tokio::test]
async fn what_expires_before_its_body_has_come_is_not_done() {
    let rig = Rig::new().await;
    let job = rig.open().await;
    for ttl_ms in [100, 1_000, 10_000] {
        let short = narrowed(&rig, &job, &json!({ "verbs": ["emit"], "ttl_ms": ttl_ms }).to_string()).await;
        let over = async { tokio::time::sleep(std::time::Duration::from_millis(ttl_ms)).await };
        let deed = ("POST", "/events", r#"{"action":"say","human":"too late"}"#);
        // On a busy machine it may be over before it is used; then a longer one is made.
        let Some(reply) = rig.amid_body(&short, deed, over).await else { continue };
        reply.is(404, "not_found");
        return;
    }
    panic!("no capability lived long enough to be used");
}
