//! Connections that are kept (G12): a right is one request's, not its connection's, and each answer is the answer to
//! its own request.

use super::Notes;
use super::doors::Victim;
use super::http::{Job, Kept, Reply, Talk, Trouble, bearer, narration, never};
use super::refusals::ROUTES;
use crate::verify::guarantee::Guarantee::G12;

/// Judges the answer to what must be refused; a connection that was not kept has none, and counts as no attempt.
fn refused(notes: &mut Notes, asked: &str, answer: Result<Reply, Trouble>) -> Result<(), Trouble> {
    let reply = match answer {
        Ok(reply) => reply,
        Err(trouble) if trouble.hung_up => return Ok(()),
        Err(silence) => return Err(silence),
    };
    notes.check(G12, (400..500).contains(&reply.status), || {
        let what = format!("{asked} is let in on a connection on which somebody was let in before");
        (what, vec![format!("{} {}", reply.status, reply.body.trim_end())])
    });
    notes.reached(G12, "kept_connections_tried", 1);
    Ok(())
}

/// A connection on which somebody was just let in.
async fn warm(talk: &Talk, (method, target): (&str, &str), authority: &str) -> Result<Kept, Trouble> {
    let mut kept = talk.kept().await?;
    let first = kept.ask(method, target, &[("authorization", authority)], "").await?;
    if first.is_success() { Ok(kept) } else { never(format!("{method} {target} was answered {}", first.status)) }
}

/// Who has no right asks on a connection on which it was just shown: afterwards, and in the same breath.
pub(super) async fn borrowed(talk: &Talk, notes: &mut Notes, victim: &Victim) -> Result<(), Trouble> {
    let other = talk.open().await?;
    let (own, others) = (bearer(&victim.job.capability), bearer(&other.capability));
    let tickets = victim.job.at("/tickets");
    for (what, credential) in [("nothing", None), ("another job's capability", Some(others.as_str()))] {
        let headers: Vec<_> = credential.iter().map(|value| ("authorization", *value)).collect();
        for (method, rest, body) in ROUTES {
            let target = victim.job.at(rest);
            let asked = format!("{method} …{rest} with {what}");
            let mut kept = warm(talk, ("POST", &tickets), &own).await?;
            let answer = kept.ask(method, &target, &headers, body).await;
            refused(notes, &asked, answer)?;
            let both = [
                talk.one_of_many("POST", &tickets, &[("authorization", &own)], b""),
                talk.one_of_many(method, &target, &headers, body.as_bytes()),
            ];
            let mut kept = talk.kept().await?;
            kept.send(&both.concat()).await?;
            kept.next(false).await?;
            refused(notes, &format!("{asked}, sent along,"), kept.next(method == "HEAD").await)?;
        }
    }
    let operators = bearer(&talk.operator);
    for door in ["/metrics", "/v1/system/events"] {
        for (what, credential) in [("nothing", ""), ("a job's capability", others.as_str())] {
            let mut kept = warm(talk, ("GET", "/metrics"), &operators).await?;
            let answer = kept.ask("GET", door, &[("authorization", credential)], "").await;
            refused(notes, &format!("GET {door} with {what}"), answer)?;
        }
    }
    talk.close(&other).await
}

/// One of several requests on a connection.
struct Turn {
    what: &'static str,
    bytes: Vec<u8>,
    is_head: bool,
    /// Whether this is the answer to it, and can be to no other one beside it.
    is_its: Box<dyn Fn(&Reply) -> bool + Send>,
}

/// Requests whose answers cannot be taken for one another.
fn turns(talk: &Talk, a: &Job, b: &Job) -> Vec<Turn> {
    let (of_a, of_b) = (bearer(&a.capability), bearer(&b.capability));
    let turn = |what, (method, target, authority): (&str, &str, &str), body: &str, is_its| {
        let headers: Vec<_> = (!authority.is_empty()).then_some(("authorization", authority)).into_iter().collect();
        let bytes = talk.one_of_many(method, target, &headers, body.as_bytes());
        Turn { what, bytes, is_head: method == "HEAD", is_its }
    };
    let ticket_of = |job: &Job| -> Box<dyn Fn(&Reply) -> bool + Send> {
        let id = job.id.clone();
        Box::new(move |reply| reply.status == 201 && reply.text("sse_url").contains(&id))
    };
    let status = |status: u16| -> Box<dyn Fn(&Reply) -> bool + Send> { Box::new(move |reply| reply.status == status) };
    // Whoever refuses it and leaves it unread takes it for the next request.
    let hidden = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", talk.address);
    vec![
        turn("a ticket of A", ("POST", &a.at("/tickets"), &of_a), "", ticket_of(a)),
        turn("whether it is well", ("GET", "/healthz", ""), "", Box::new(|reply| reply.body.trim_end() == "ok")),
        turn("an emit", ("POST", &b.at("/events"), &of_b), &narration("in turn"), status(202)),
        turn("a ticket of B", ("POST", &b.at("/tickets"), &of_b), "", ticket_of(b)),
        turn("a head", ("HEAD", "/healthz", ""), "", Box::new(|reply| reply.status == 200 && reply.body.is_empty())),
        turn("an emit by nobody", ("POST", &a.at("/events"), ""), &hidden, status(404)),
        turn("a ticket of A again", ("POST", &a.at("/tickets"), &of_a), "", ticket_of(a)),
        turn("a method that there is not", ("PUT", "/v1/jobs", ""), "", status(405)),
        turn("a ticket of B again", ("POST", &b.at("/tickets"), &of_b), "", ticket_of(b)),
    ]
}

/// Several requests on one connection, each sent so many at a time.
pub(super) async fn in_turn(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let (a, b) = (talk.open().await?, talk.open().await?);
    let turns = turns(talk, &a, &b);
    for at_a_time in [1, 2, turns.len()] {
        let mut kept = talk.kept().await?;
        for some in turns.chunks(at_a_time) {
            kept.send(&some.iter().flat_map(|turn| turn.bytes.clone()).collect::<Vec<u8>>()).await?;
            for turn in some {
                let reply = match kept.next(turn.is_head).await {
                    Ok(reply) => reply,
                    // It need not be kept, and says nothing wrong then.
                    Err(trouble) if trouble.hung_up => {
                        kept = talk.kept().await?;
                        break;
                    }
                    Err(silence) => return Err(silence),
                };
                notes.check(G12, (turn.is_its)(&reply), || {
                    let what = format!("on a kept connection, the answer to {} is another request's", turn.what);
                    (what, vec![format!("{} {}", reply.status, reply.body.trim_end())])
                });
                notes.reached(G12, "answers_in_a_row", 1);
            }
        }
    }
    talk.close(&a).await?;
    talk.close(&b).await
}
