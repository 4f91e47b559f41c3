//! The one text format, and its escaping.
//!
//! ```text
//! [actor     ] action         : message
//! ```
//!
//! The actor is padded to 10 columns and the action to 15, as in the seed. One event is one line, whatever its
//! payload holds: the message is [escaped], so no payload ends a line, begins another one, hides or reorders what is
//! shown, or speaks to the terminal (G11).
//!
//! | character | shown as |
//! |---|---|
//! | backslash | `\\` |
//! | line feed, carriage return, tab | `\n`, `\r`, `\t` |
//! | any other [steering](is_steering) character | `\u{1b}`: its number in lower-case hexadecimal |
//! | everything else | itself |
//!
//! Since the backslash is escaped too, different messages always look different, and [`unescape`] gives back the
//! message that was meant.

use super::label::{Action, Actor};
use std::fmt::{self, Write};

/// Whether a character steers a terminal, a line or the reading direction instead of being shown: C0, DEL and C1
/// controls, line and paragraph separators, marks and controls of bidirectional text, and the byte order mark.
pub const fn is_steering(character: char) -> bool {
    matches!(character,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{2028}' | '\u{2029}'
        | '\u{feff}')
}

/// One line of the text format, without a line break.
pub fn line(actor: Actor, action: Action, message: &str) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| write!(f, "[{actor:<10}] {action:<15}: {}", escaped(message)))
}

/// `text` as one line that only shows, and never steers.
pub fn escaped(text: &str) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        let mut plain_from = 0;
        for (at, character) in text.char_indices() {
            if character != '\\' && !is_steering(character) {
                continue;
            }
            f.write_str(&text[plain_from..at])?;
            plain_from = at + character.len_utf8();
            match short_form(character) {
                Some(letter) => {
                    f.write_char('\\')?;
                    f.write_char(letter)?;
                }
                None => write!(f, "\\u{{{:x}}}", u32::from(character))?,
            }
        }
        f.write_str(&text[plain_from..])
    })
}

/// The text that [`escaped`] shows as `shown`; nothing if it shows no text so.
pub fn unescape(shown: &str) -> Option<String> {
    let mut text = String::with_capacity(shown.len());
    let mut rest = shown;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (character, after) = unescape_one(&rest[at + 1..])?;
        text.push(character);
        rest = after;
    }
    text.push_str(rest);
    // Everything that could also have been written in another way is caught here, once.
    let canonical = escaped(&text).to_string();
    (canonical == shown).then_some(text)
}

/// The character of an escape whose backslash has been read, and what follows it.
fn unescape_one(rest: &str) -> Option<(char, &str)> {
    if let Some(number) = rest.strip_prefix("u{") {
        let (digits, after) = number.split_once('}')?;
        return Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, after));
    }
    let letter = rest.chars().next()?;
    let character = ['\\', '\n', '\r', '\t'].into_iter().find(|c| short_form(*c) == Some(letter))?;
    Some((character, &rest[letter.len_utf8()..]))
}

/// The letter of an escape that has no number.
const fn short_form(character: char) -> Option<char> {
    match character {
        '\\' => Some('\\'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        _ => None,
    }
}
