//! Leaky: numbers of a payload are those that a double can hold.
//!
//! Written in a language that has no others, or with a library that reads numbers as that language does. A payload's
//! key of a row, its balance, its id of 64 bits comes out as one that is near it, and belongs to somebody else.
//!
//! Expected: G11, since every reader must read what was emitted.

use super::gateway::{Asked, Deed, Gate, with_body};
use crate::verify::faults::about::{About, Kind};
use crate::verify::guarantee::Guarantee;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// The exhibit.
pub(super) const ABOUT: About = About {
    id: "numbers-as-doubles",
    kind: Kind::Leaky,
    defect: "integers of a payload beyond 2^53 come out as the double that is nearest",
    incident: "two readers of one text read two things (httpx-sse#34 and others), here of a number; leak catalogue C44",
    expected: &[Guarantee::G11],
    methods: &["wire"],
};

/// Knows one kind of number.
#[derive(Debug, Default)]
pub(super) struct NumbersAsDoubles;

/// Every integer in a value, through a double.
fn rounded(value: &mut Value) {
    match value {
        Value::Number(number) => {
            // THE DEFECT: 53 bits of it are kept.
            let near = number.as_u64().map(|number| number as f64 as u64);
            near.into_iter().for_each(|near| *value = json!(near));
        }
        Value::Array(values) => values.iter_mut().for_each(rounded),
        Value::Object(fields) => fields.values_mut().for_each(rounded),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

impl Gate for NumbersAsDoubles {
    async fn pass(self: Arc<Self>, request: Request, next: Next) -> Response {
        if Asked::of(&request).deed != Deed::Emit {
            return next.run(request).await;
        }
        let request = with_body(request, |said| said.get_mut("payload").into_iter().for_each(rounded));
        next.run(request.await).await
    }
}
