//! Who may do what: capabilities for jobs, keys for tenants, one credential for operators.
//!
//! Three kinds of secrets, three code paths, and none of them opens what another one guards:
//!
//! | secret | opens | form |
//! |---|---|---|
//! | capability | one life of one job, for some verbs, for some time | claims and their MAC; nothing of it is stored |
//! | ticket | one stream of that, for a browser's `EventSource` | the same, of another kind, in a URL |
//! | API key | creating jobs | only its digest is kept |
//! | operators' credential | `/v1/system/events`, `/metrics` | only its digest is kept |
//!
//! Secrets are compared in constant time, and what is presented goes through the same steps whether it is genuine,
//! forged, expired or no token at all.

use super::config::Tenant;
use crate::narration::JobId;
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// A text that is never printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

pub(super) fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// One key, for one purpose.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    /// The root of all keys: what is configured, or fresh random bits.
    pub(super) fn root(configured: Option<&Secret>) -> Key {
        match configured {
            Some(secret) => Key::from_bytes(secret.expose().as_bytes()),
            None => {
                let mut bits = [0; 32];
                getrandom::fill(&mut bits).expect("the operating system has random bits to give");
                Key::from_bytes(&bits)
            }
        }
    }

    fn from_bytes(bytes: &[u8]) -> Key {
        Key(Hmac::new_from_slice(bytes).expect("HMAC takes a key of any length"))
    }

    /// A key that is independent of every other: purposes never share one.
    pub(super) fn derive(&self, purpose: &[u8]) -> Key {
        Key::from_bytes(&self.mac(purpose))
    }

    pub(super) fn mac(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

/// A set of deeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verbs(u8);

impl Verbs {
    pub(super) const READ: Verbs = Verbs(1);
    pub(super) const EMIT: Verbs = Verbs(2);
    /// Cancel, or give another outcome.
    pub(super) const CLOSE: Verbs = Verbs(4);
    /// Make narrower capabilities, and revoke all.
    pub(super) const GRANT: Verbs = Verbs(8);
    pub(super) const ALL: Verbs = Verbs(15);
    const NAMES: [(&'static str, Verbs); 4] =
        [("read", Verbs::READ), ("emit", Verbs::EMIT), ("close", Verbs::CLOSE), ("grant", Verbs::GRANT)];

    /// The set of these names; `None` if one is no verb, or there is none.
    pub(super) fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Verbs> {
        let one = |name: &str| Verbs::NAMES.iter().find(|(known, _)| *known == name).map(|(_, verb)| verb.0);
        let set = names.into_iter().try_fold(0, |set, name| Some(set | one(name)?))?;
        (set != 0).then_some(Verbs(set))
    }

    pub(super) fn names(self) -> Vec<&'static str> {
        Verbs::NAMES.iter().filter(|(_, verb)| self.include(*verb).into()).map(|(name, _)| *name).collect()
    }

    pub(super) fn include(self, other: Verbs) -> Choice {
        (self.0 & other.0).ct_eq(&other.0)
    }
}

/// What a token is for. A ticket is no capability and a capability no ticket: each is taken at its own place only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// For the header `Authorization`.
    Capability = 1,
    /// For the query of a stream.
    Ticket = 2,
}

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) kind: u8,
    pub(super) verbs: Verbs,
    /// The random bits of the job's id.
    pub(super) job: u128,
    pub(super) incarnation: u64,
    /// How often the job's capabilities had been revoked when this one was made.
    pub(super) epoch: u32,
    /// Until when it is taken, in milliseconds since 1970.
    pub(super) usable_until: u64,
    /// Until when what it opened stays open.
    pub(super) expires: u64,
}

const CLAIMS_BYTES: usize = 47;
const TOKEN_BYTES: usize = CLAIMS_BYTES + 32;
/// So that a token can be found where none belongs: in a log, in a repository.
const PREFIX: &str = "nc1_";
const VERSION: u8 = 1;

impl Claims {
    fn to_bytes(self) -> [u8; CLAIMS_BYTES] {
        let mut bytes = [0; CLAIMS_BYTES];
        bytes[0] = VERSION;
        bytes[1] = self.kind;
        bytes[2] = self.verbs.0;
        bytes[3..19].copy_from_slice(&self.job.to_be_bytes());
        bytes[19..27].copy_from_slice(&self.incarnation.to_be_bytes());
        bytes[27..31].copy_from_slice(&self.epoch.to_be_bytes());
        bytes[31..39].copy_from_slice(&self.usable_until.to_be_bytes());
        bytes[39..].copy_from_slice(&self.expires.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; CLAIMS_BYTES]) -> Claims {
        let number = |at: usize| u64::from_be_bytes(std::array::from_fn(|i| bytes[at + i]));
        Claims {
            kind: bytes[1],
            verbs: Verbs(bytes[2]),
            job: u128::from_be_bytes(std::array::from_fn(|i| bytes[3 + i])),
            incarnation: number(19),
            epoch: u32::from_be_bytes(std::array::from_fn(|i| bytes[27 + i])),
            usable_until: number(31),
            expires: number(39),
        }
    }
}

/// Makes tokens, and opens them again.
pub(super) struct Sealer {
    key: Key,
}

impl Sealer {
    pub(super) fn new(root: &Key) -> Sealer {
        Sealer { key: root.derive(b"narrowcast/1 capability") }
    }

    pub(super) fn seal(&self, claims: Claims) -> String {
        let mut token = [0; TOKEN_BYTES];
        let (body, mac) = token.split_at_mut(CLAIMS_BYTES);
        body.copy_from_slice(&claims.to_bytes());
        mac.copy_from_slice(&self.key.mac(body));
        format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&token))
    }

    /// What the token claims, and whether we made it. The claims mean nothing unless we did.
    fn open(&self, text: &str) -> (Claims, Choice) {
        // What is no token at all is taken through the same steps, as a token of zeros.
        let decoded = text.strip_prefix(PREFIX).and_then(|rest| BASE64URL_NOPAD.decode(rest.as_bytes()).ok());
        let token = decoded.and_then(|token| <[u8; TOKEN_BYTES]>::try_from(token).ok());
        let well_formed = Choice::from(u8::from(token.is_some()));
        let token = token.unwrap_or([0; TOKEN_BYTES]);
        let body: [u8; CLAIMS_BYTES] = std::array::from_fn(|at| token[at]);
        let genuine = self.key.mac(&body).ct_eq(&token[CLAIMS_BYTES..]);
        (Claims::from_bytes(&body), well_formed & genuine & body[0].ct_eq(&VERSION))
    }
}

/// What a token must be good for.
pub(super) struct Demand<'a> {
    pub(super) token: &'a str,
    pub(super) kind: Kind,
    /// The job as the request names it.
    pub(super) job: &'a str,
    pub(super) verb: Verbs,
    pub(super) now_ms: u64,
    /// The job's present life and epoch; of no job, if there is none of this name.
    pub(super) incarnation: u64,
    pub(super) epoch: u32,
    pub(super) exists: bool,
}

impl Sealer {
    /// The one lock of all doors to a job: the claims of the token, if it is good for what is demanded.
    ///
    /// Every check is made, in one order, whichever fails: a forged token, one of another job, an expired or revoked
    /// one, and one for a job that does not exist, take the same steps to the same answer (G13).
    pub(super) fn admit(&self, demand: &Demand<'_>) -> Option<Claims> {
        let (claims, genuine) = self.open(demand.token);
        let claimed = JobId::from_bits(claims.job);
        let admitted = genuine
            & claims.kind.ct_eq(&(demand.kind as u8))
            & claimed.as_str().as_bytes().ct_eq(demand.job.as_bytes())
            & claims.verbs.include(demand.verb)
            & claims.incarnation.ct_eq(&demand.incarnation)
            & claims.epoch.ct_eq(&demand.epoch)
            & Choice::from(u8::from(demand.now_ms < claims.usable_until))
            & Choice::from(u8::from(demand.now_ms < claims.expires))
            & Choice::from(u8::from(demand.exists));
        bool::from(admitted).then_some(claims)
    }
}

/// The tenants' keys.
pub(super) struct Tenants(Vec<Option<[u8; 32]>>);

impl Tenants {
    pub(super) fn new(tenants: &[Tenant]) -> Tenants {
        Tenants(tenants.iter().map(|tenant| tenant.key_sha256).collect())
    }

    /// Whose key this is, by the tenant's number. Without a key it is the anonymous tenant, where there is one.
    pub(super) fn who(&self, key: Option<&str>) -> Option<usize> {
        let digest = sha256(key.unwrap_or_default());
        let (mut found, mut who) = (Choice::from(0), 0u32);
        for (number, expected) in (0u32..).zip(&self.0) {
            let same = match expected {
                Some(expected) => expected.ct_eq(&digest) & Choice::from(u8::from(key.is_some())),
                None => Choice::from(1),
            };
            who.conditional_assign(&number, same);
            found |= same;
        }
        bool::from(found).then_some(who as usize)
    }
}

/// The operators' credential: a code path of its own. Nothing that a tenant or a job has can open it.
pub(super) struct Operators(Option<[u8; 32]>);

impl Operators {
    pub(super) fn new(credential: Option<&Secret>) -> Operators {
        Operators(credential.map(|credential| sha256(credential.expose())))
    }

    /// Whether this is the operators' credential. Where none is configured, nobody is an operator.
    pub(super) fn admit(&self, presented: Option<&str>) -> bool {
        let digest = sha256(presented.unwrap_or_default());
        let same = self.0.unwrap_or([0; 32]).ct_eq(&digest);
        bool::from(same) && self.0.is_some() && presented.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIMS: Claims = Claims {
        kind: Kind::Capability as u8,
        verbs: Verbs(3),
        job: 0x1234_5678_9abc_def0_0fed_cba9_8765_4321,
        incarnation: 77,
        epoch: 2,
        usable_until: 1_000,
        expires: 2_000,
    };

    fn sealer() -> Sealer {
        Sealer::new(&Key::root(Some(&Secret::new("a key for tests, as long as keys must be"))))
    }

    fn demand<'a>(token: &'a str, job: &'a str) -> Demand<'a> {
        let (kind, verb) = (Kind::Capability, Verbs::READ);
        Demand { token, kind, job, verb, now_ms: 999, incarnation: 77, epoch: 2, exists: true }
    }

    #[test]
    fn a_token_is_good_for_what_it_says_and_for_nothing_else() {
        let (sealer, job) = (sealer(), JobId::from_bits(CLAIMS.job));
        let (token, job) = (sealer.seal(CLAIMS), job.as_str());
        assert_eq!(sealer.admit(&demand(&token, job)), Some(CLAIMS));
        let other = JobId::from_bits(CLAIMS.job + 1);
        let ticket = sealer.seal(Claims { kind: Kind::Ticket as u8, ..CLAIMS });
        let refused = [
            demand(&token, other.as_str()),
            demand(&token, "job-0"),
            demand(&token, ""),
            demand(&ticket, job),
            demand("", job),
            demand("nc1_", job),
            demand(&token[4..], job),
            Demand { kind: Kind::Ticket, ..demand(&token, job) },
            Demand { verb: Verbs::CLOSE, ..demand(&token, job) },
            Demand { now_ms: 1_000, ..demand(&token, job) },
            Demand { incarnation: 78, ..demand(&token, job) },
            Demand { epoch: 3, ..demand(&token, job) },
            Demand { exists: false, ..demand(&token, job) },
        ];
        for (number, demand) in refused.iter().enumerate() {
            assert_eq!(sealer.admit(demand), None, "demand {number}");
        }
        let elsewhere = Sealer::new(&Key::root(None));
        assert_eq!(elsewhere.admit(&demand(&token, job)), None, "another key");
    }

    #[test]
    fn no_flipped_bit_is_overlooked() {
        let (sealer, job) = (sealer(), JobId::from_bits(CLAIMS.job));
        let bytes = BASE64URL_NOPAD.decode(&sealer.seal(CLAIMS).as_bytes()[4..]).expect("a token is base64");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let token = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&flipped));
            assert_eq!(sealer.admit(&demand(&token, job.as_str())), None, "bit {bit}");
        }
    }

    #[test]
    fn keys_and_credentials_are_whole_or_nothing() {
        let tenant = |key: Option<&str>| Tenant { name: "x".into(), key_sha256: key.map(sha256), jobs: 1 };
        let two = Tenants::new(&[tenant(Some("first key")), tenant(Some("second key"))]);
        assert_eq!([Some("first key"), Some("second key")].map(|key| two.who(key)), [Some(0), Some(1)]);
        assert_eq!([Some("first ke"), Some(""), None].map(|key| two.who(key)), [None; 3]);
        let anonymous = Tenants::new(&[tenant(None)]);
        assert_eq!((anonymous.who(None), anonymous.who(Some("anything"))), (Some(0), Some(0)));
        let operators = Operators::new(Some(&Secret::new("the credential")));
        assert_eq!([Some("the credential"), Some("the"), None].map(|c| operators.admit(c)), [true, false, false]);
        assert!(!Operators::new(None).admit(Some("")), "without a credential nobody is an operator");
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    #[test]
    fn verbs_are_known_by_name() {
        let named = |names: &[&str]| Verbs::named(names.iter().copied());
        assert_eq!(named(&["read", "close"]).map(Verbs::names), Some(vec!["read", "close"]));
        assert_eq!([named(&[]), named(&["Read"]), named(&["read", "all"])], [None; 3]);
    }
}
