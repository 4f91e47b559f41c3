//! Tenants with API keys, on a service of their own: a key creates jobs and opens none (G12), and what one tenant has
//! used up another still has (G8).

use super::Notes;
use super::doors::{Victim, must_be_refused};
use super::http::{Job, Reply, Talk, Trouble, bearer, never};
use super::refusals::{ROUTES, forge};
use crate::verify::guarantee::Guarantee::{G8, G12};
use crate::verify::subject::service::Keyed;

const CREATE: &str = r#"{"operation":"open"}"#;

/// The service whose tenants have keys, and how to talk to it.
fn there(talk: &Talk) -> Result<(Talk, &Keyed), Trouble> {
    let Some(keyed) = &talk.keyed else { return never("there is no service whose tenants have keys") };
    Ok((Talk { address: keyed.address, ..talk.clone() }, keyed))
}

async fn create(there: &Talk, key: &str) -> Result<Reply, Trouble> {
    there.ask("POST", "/v1/jobs", &[("authorization", &bearer(key))], CREATE).await?.reply("creating a job")
}

async fn job(there: &Talk, key: &str) -> Result<Job, Trouble> {
    let reply = create(there, key).await?;
    if reply.status != 202 {
        return never(format!("a tenant was to create a job, and was answered {} {}", reply.status, reply.body));
    }
    Ok(Job { id: reply.text("job_id"), capability: reply.text("capability") })
}

/// Creating with what is no key, and every door of a tenant's job and of operators with the keys that there are.
pub(super) async fn doors(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let (there, keyed) = there(talk)?;
    let [own, others, _] = &keyed.keys;
    let victim = Victim::of(&there, job(&there, own).await?).await?;
    let other = job(&there, others).await?;
    let no_keys = [
        ("no key", None),
        ("an empty key", Some("Bearer ".into())),
        ("a forged key", Some(bearer(&forge(own)))),
        ("a part of a key", Some(bearer(&own[..own.len() - 1]))),
        ("a key and more", Some(bearer(&format!("{own}x")))),
        ("two keys in one", Some(bearer(&format!("{own},{others}")))),
        ("a key under another scheme", Some(format!("Basic {own}"))),
        ("a job's capability", Some(bearer(&victim.job.capability))),
        ("the operators' credential", Some(bearer(&there.operator))),
    ];
    for (what, credential) in &no_keys {
        let headers: Vec<_> = credential.iter().map(|value| ("authorization", value.as_str())).collect();
        let answered = must_be_refused(&there, notes, what, ("POST", "/v1/jobs"), &headers, CREATE).await?;
        notes.reached(G12, "keys_tried", u64::from(answered));
    }
    for name in ["key", "api_key", "access_token"] {
        let in_url = format!("/v1/jobs?{name}={own}");
        must_be_refused(&there, notes, "a key in a URL", ("POST", &in_url), &[], CREATE).await?;
    }
    for (what, secret) in [
        ("its tenant's key", own),
        ("another tenant's key", others),
        ("another tenant's capability", &other.capability),
    ] {
        let authority = bearer(secret);
        let headers = [("authorization", authority.as_str())];
        for (method, rest, body) in ROUTES {
            let target = victim.job.at(rest);
            let answered = must_be_refused(&there, notes, what, (method, &target), &headers, body).await?;
            notes.reached(G12, "keys_tried", u64::from(answered));
        }
        for door in ["/metrics", "/v1/system/events"] {
            must_be_refused(&there, notes, what, ("GET", door), &headers, "").await?;
        }
    }
    there.close(&other).await?;
    victim.is_untouched(&there, notes).await
}

/// One tenant uses up its share; another creates a job all the same.
pub(super) async fn shares(talk: &Talk, notes: &mut Notes) -> Result<(), Trouble> {
    let (there, keyed) = there(talk)?;
    let [_, other, spender] = &keyed.keys;
    let mut refused = create(&there, spender).await?;
    for _ in 0..keyed.share {
        refused = create(&there, spender).await?;
    }
    if refused.status != 429 {
        return never(format!("a share of {} jobs was to be used up: {}", keyed.share, refused.status));
    }
    notes.reached(G8, "shares_used_up", 1);
    let answer = create(&there, other).await?;
    notes.check(G8, answer.status == 202, || {
        let told = vec![format!("{} {}", answer.status, answer.body.trim_end())];
        ("a tenant sees that another one has used up its share: it can create no job".into(), told)
    });
    Ok(())
}
