//! Short labels: who speaks, and what it is doing.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Who speaks: a part of the program, at most 10 characters.
pub type Actor = Label<10>;
/// What it is doing, at most 15 characters.
pub type Action = Label<15>;

/// A label of 1 to `MAX` printable ASCII characters that neither begins nor ends with a space.
///
/// `MAX` is the width of its column in the [text format](super::text): a label never widens its column, so the
/// message of every line starts at the same place. Labels are small, `Copy`, and free of heap.
///
/// | you have | use | if it does not fit |
/// |---|---|---|
/// | a constant | [`Label::new`] in a `const` | the program does not compile |
/// | text at run time | [`Label::parse`] | an error |
/// | text at run time, and no time for errors | [`Label::fitted`] | cut and marked with `?` |
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label<const MAX: usize> {
    /// The characters, then zeros. (Zeros sort before every printable character, so the derived order is that of
    /// the texts.)
    characters: [u8; MAX],
    length: u8,
}

impl<const MAX: usize> Label<MAX> {
    /// The width of the column: how many characters a label may have.
    pub const MAX_CHARACTERS: usize = MAX;

    /// The label of a constant, checked when it is compiled.
    ///
    /// ```compile_fail
    /// # use narrowcast::narration::Actor;
    /// const QUEEN: Actor = Actor::new("queen-of-rbees"); // error: longer than its column
    /// ```
    ///
    /// # Panics
    ///
    /// If the text does not fit: in a `const` (or a `static`, or `const { .. }`) that is a compile error, which is the
    /// only place where this function belongs. For text known only at run time there are [`parse`](Label::parse) and
    /// [`fitted`](Label::fitted), which never panic.
    pub const fn new(text: &'static str) -> Label<MAX> {
        match Label::parse(text) {
            Ok(label) => label,
            Err(InvalidLabel::Empty) => panic!("the label is empty"),
            Err(InvalidLabel::TooLong { .. }) => {
                panic!("the label is longer than its column: 10 characters for an actor, 15 for an action")
            }
            Err(InvalidLabel::Unprintable) => panic!("the label holds something else than printable ASCII"),
            Err(InvalidLabel::Padded) => panic!("the label begins or ends with a space"),
        }
    }

    /// The label of a text that is known only at run time.
    ///
    /// # Errors
    ///
    /// [`InvalidLabel`] says what is wrong with the text.
    pub const fn parse(text: &str) -> Result<Label<MAX>, InvalidLabel> {
        const { assert!(MAX > 0 && MAX <= u8::MAX as usize, "the length of a label is kept in one byte") };
        let bytes = text.as_bytes();
        if bytes.is_empty() {
            return Err(InvalidLabel::Empty);
        }
        let mut characters = [0; MAX];
        let mut at = 0;
        while at < bytes.len() {
            if !matches!(bytes[at], b' '..=b'~') {
                return Err(InvalidLabel::Unprintable);
            }
            if at < MAX {
                characters[at] = bytes[at];
            }
            at += 1;
        }
        if bytes.len() > MAX {
            return Err(InvalidLabel::TooLong { characters: bytes.len(), limit: MAX });
        }
        if bytes[0] == b' ' || bytes[bytes.len() - 1] == b' ' {
            return Err(InvalidLabel::Padded);
        }
        Ok(Label { characters, length: bytes.len() as u8 })
    }

    /// The label nearest to a text: a character that does not fit becomes `?`, and so does the last one of a text
    /// that is cut. Never fails; equals [`parse`](Label::parse) where that succeeds.
    pub fn fitted(text: &str) -> Label<MAX> {
        let mut characters = [0; MAX];
        let mut length = 0;
        for (slot, character) in characters.iter_mut().zip(text.chars()) {
            *slot = if matches!(character, ' '..='~') { character as u8 } else { b'?' };
            length += 1;
        }
        length = length.max(1);
        let last = length - 1;
        let cut = text.chars().nth(MAX).is_some();
        if cut || matches!(characters[last], 0 | b' ') {
            characters[last] = b'?';
        }
        if characters[0] == b' ' {
            characters[0] = b'?';
        }
        Label { characters, length: length as u8 }
    }

    /// The text.
    pub const fn as_str(&self) -> &str {
        let (text, _) = self.characters.split_at(self.length as usize);
        // Every constructor stores ASCII only, so the other arm is never taken.
        match str::from_utf8(text) {
            Ok(text) => text,
            Err(_) => "?",
        }
    }
}

impl<const MAX: usize> fmt::Display for Label<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const MAX: usize> fmt::Debug for Label<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const MAX: usize> FromStr for Label<MAX> {
    type Err = InvalidLabel;

    fn from_str(text: &str) -> Result<Label<MAX>, InvalidLabel> {
        Label::parse(text)
    }
}

impl<const MAX: usize> Serialize for Label<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Label<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Label<MAX>, D::Error> {
        Label::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Why a text is no label. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLabel {
    /// No characters.
    #[error("the label is empty; name who speaks, or what it is doing")]
    Empty,
    /// More characters than its column has.
    #[error("the label has {characters} characters; shorten it to {limit}")]
    TooLong {
        /// How many it has.
        characters: usize,
        /// How many it may have.
        limit: usize,
    },
    /// A control character, or one outside ASCII.
    #[error("the label holds something else than printable ASCII; say that in the event's text instead")]
    Unprintable,
    /// Spaces at an end would vanish in the padding of the column.
    #[error("the label begins or ends with a space; leave it out")]
    Padded,
}
