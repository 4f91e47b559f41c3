//! Values into a sentence.
//!
//! One pass from left to right over the template, and the template alone: a value is copied as it is and never read
//! again. So a payload that says `{1}` says just that; it cannot pull in another value, or expand into itself.
//!
//! | in the template | gives |
//! |---|---|
//! | `{}` | the next value: the first `{}` the first value, the second the second |
//! | `{N}` | value N, counted from 0; does not move what `{}` takes next |
//! | `{{`, `}}` | a brace |
//! | a value that was not given | `{N?}`, and a defect |
//! | any other brace, such as `{name}` | itself, and a defect |

use super::event::Defect;

/// What a template begins with, at a brace.
enum Piece<'t> {
    Brace(char),
    Next,
    Index(&'t str),
    Unreadable,
}

/// The sentence, and what is wrong with it. Never fails: a slip in the wording must not silence a job.
pub(super) fn interpolate(template: &str, values: &[String]) -> (String, Vec<Defect>) {
    let mut text = String::with_capacity(template.len() + values.iter().map(String::len).sum::<usize>());
    let mut defects = Vec::new();
    let mut next = 0;
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let (piece, written) = piece(&rest[at..]);
        rest = &rest[at + written.len()..];
        match piece {
            Piece::Brace(brace) => text.push(brace),
            Piece::Next => {
                put(values.get(next), &next.to_string(), &mut text, &mut defects);
                next += 1;
            }
            // An index too large for the machine is as missing as any other.
            Piece::Index(index) => {
                put(index.parse().ok().and_then(|index: usize| values.get(index)), index, &mut text, &mut defects);
            }
            Piece::Unreadable => {
                text.push_str(written);
                defects.push(Defect::UnreadablePlaceholder(written.to_owned()));
            }
        }
    }
    text.push_str(rest);
    (text, defects)
}

/// Reads the piece at the head of `template`, which begins with a brace, and says how it was written.
fn piece(template: &str) -> (Piece<'_>, &str) {
    if template.starts_with("{{") {
        return (Piece::Brace('{'), &template[..2]);
    }
    if template.starts_with("}}") {
        return (Piece::Brace('}'), &template[..2]);
    }
    // A closing brace, or an opening one that is not closed before the next brace, stands alone.
    let body = template.strip_prefix('{').and_then(|rest| {
        let end = rest.find(['{', '}'])?;
        rest[end..].starts_with('}').then(|| &rest[..end])
    });
    let Some(body) = body else {
        return (Piece::Unreadable, &template[..1]);
    };
    let written = &template[..body.len() + 2];
    if body.is_empty() {
        (Piece::Next, written)
    } else if body.bytes().all(|byte| byte.is_ascii_digit()) {
        (Piece::Index(body), written)
    } else {
        (Piece::Unreadable, written)
    }
}

fn put(value: Option<&String>, index: &str, text: &mut String, defects: &mut Vec<Defect>) {
    match value {
        Some(value) => text.push_str(value),
        None => {
            text.push('{');
            text.push_str(index);
            text.push_str("?}");
            defects.push(Defect::MissingValue(index.to_owned()));
        }
    }
}
