//! Which paths a source file names: those of its `use` trees, and those written out elsewhere.
//!
//! No parser, only as much of Rust's grammar as the question needs: comments and literals are taken out, modules written in
//! line are followed, `use` trees are unfolded, `self`, `super` and `crate` are resolved. A path whose first
//! name the file itself binds (by `use` or `mod`) is no import: what it stands for was counted where it was bound.

use std::collections::BTreeSet;
use std::fmt;

/// A path that a file names, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// Its line, from 1.
    pub(crate) line: usize,
    /// `["crate", "kernel", "log"]` of ours; `["std", "fmt"]` of others.
    segments: Vec<String>,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segments.join("::"))
    }
}

impl Import {
    /// Whether it names something of this crate.
    pub(crate) fn is_ours(&self) -> bool {
        self.segments[0] == "crate"
    }

    /// Whether it names one of these places, or something in one of them.
    pub(crate) fn is_within(&self, places: &[&str]) -> bool {
        places.iter().any(|place| {
            let place: Vec<&str> = place.split("::").collect();
            self.segments.len() >= place.len() && self.segments.iter().zip(place).all(|(a, b)| a == b)
        })
    }
}

/// A source without what no compiler reads as code.
pub(crate) struct Blanked {
    /// Comments and the contents of literals are blank; lines stay where they are.
    pub(crate) code: String,
    /// Everything but comments is blank.
    pub(crate) comments: String,
}

/// Takes a source apart into code and comments.
pub(crate) fn blanked(text: &str) -> Blanked {
    let chars: Vec<char> = text.chars().collect();
    let (mut code, mut comments) = (String::new(), String::new());
    let mut at = 0;
    while at < chars.len() {
        let (end, kind) = piece(&chars, at);
        for &c in &chars[at..end] {
            let blank = if c == '\n' { '\n' } else { ' ' };
            code.push(if kind == Piece::Code { c } else { blank });
            comments.push(if kind == Piece::Comment { c } else { blank });
        }
        at = end;
    }
    Blanked { code, comments }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Code,
    Comment,
    Literal,
}

/// Where the piece that begins here ends, and what it is. Code comes one character, or one name, at a time.
fn piece(chars: &[char], at: usize) -> (usize, Piece) {
    let rest = &chars[at..];
    let until = |end: Option<usize>, kind| (end.map_or(chars.len(), |end| at + end), kind);
    match rest {
        ['/', '/', ..] => until(rest.iter().position(|&c| c == '\n'), Piece::Comment),
        ['/', '*', ..] => until(block_comment(rest), Piece::Comment),
        ['"', ..] => until(string(rest, 0), Piece::Literal),
        ['\'', '\\', ..] => until(rest[3..].iter().position(|&c| c == '\'').map(|end| end + 4), Piece::Literal),
        ['\'', _, '\'', ..] => (at + 3, Piece::Literal),
        [first, ..] if is_word(*first) => {
            let end = rest.iter().position(|&c| !is_word(c)).unwrap_or(rest.len());
            let name: String = rest[..end].iter().collect();
            match (name.as_str(), raw_fence(&rest[end..])) {
                ("r" | "br" | "cr", Some(fence)) => until(raw_string(rest, end, fence), Piece::Literal),
                ("b" | "c", _) if rest.get(end) == Some(&'"') => until(string(rest, end), Piece::Literal),
                ("b", _) if rest.get(end) == Some(&'\'') => (at + end, Piece::Code),
                _ => (at + end, Piece::Code),
            }
        }
        _ => (at + 1, Piece::Code),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn block_comment(rest: &[char]) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    while at + 1 < rest.len() {
        match (rest[at], rest[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Where the string ends whose opening quote stands at `quote`.
fn string(rest: &[char], quote: usize) -> Option<usize> {
    let mut at = quote + 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// How many `#` open a raw string here, if one opens here.
fn raw_fence(rest: &[char]) -> Option<usize> {
    let fence = rest.iter().take_while(|&&c| c == '#').count();
    (rest.get(fence) == Some(&'"')).then_some(fence)
}

fn raw_string(rest: &[char], prefix: usize, fence: usize) -> Option<usize> {
    let closing: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', fence)).collect();
    let begin = prefix + fence + 1;
    let found = rest[begin..].windows(closing.len()).position(|window| window == closing);
    found.map(|at| begin + at + closing.len())
}

/// A name or a mark, with its line.
#[derive(Debug, Clone)]
struct Token {
    text: String,
    line: usize,
}

fn tokens(code: &str) -> Vec<Token> {
    let chars: Vec<char> = code.chars().collect();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let rest = &chars[at..];
        let length = match rest {
            [':', ':', ..] => 2,
            [first, ..] if is_word(*first) => rest.iter().position(|&c| !is_word(c)).unwrap_or(rest.len()),
            _ => 1,
        };
        if chars[at] == '\n' {
            line += 1;
        } else if !chars[at].is_whitespace() {
            tokens.push(Token { text: rest[..length].iter().collect(), line });
        }
        at += length;
    }
    tokens
}

/// The module that a file is, by its place; `crate` first.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let parts = inner.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main"));
    std::iter::once("crate").chain(parts).map(str::to_owned).collect()
}

/// A path as it is written.
struct Written {
    line: usize,
    segments: Vec<String>,
    /// Begins with `::`, so that its first name is a crate's.
    rooted: bool,
    in_use: bool,
    /// The module that it stands in.
    module: Vec<String>,
}

/// Every path that the file names and does not bind itself.
pub(crate) fn imports(path: &str, text: &str) -> Vec<Import> {
    let tokens = tokens(&blanked(text).code);
    let (paths, bound) = (Vec::new(), BTreeSet::new());
    let mut reader = Reader { tokens: &tokens, module: module_of(path), inner: Vec::new(), depth: 0, paths, bound };
    reader.read();
    let Reader { paths, bound, .. } = reader;
    paths.into_iter().filter_map(|written| resolve(written, &bound)).collect()
}

fn resolve(written: Written, bound: &BTreeSet<String>) -> Option<Import> {
    let Written { line, mut segments, rooted, in_use, module } = written;
    let segments = match segments[0].as_str() {
        _ if rooted => segments,
        "crate" | "narrowcast" => {
            segments[0] = "crate".into();
            segments
        }
        "self" | "super" => {
            let mut place = module;
            let climbed = segments.iter().take_while(|name| matches!(name.as_str(), "self" | "super")).count();
            let ups = segments[..climbed].iter().filter(|name| *name == "super").count();
            place.truncate(place.len().saturating_sub(ups).max(1));
            place.extend(segments.drain(climbed..));
            place
        }
        first if bound.contains(first) => return None,
        // A type, or a variant's enum: what it stands for was counted where it was bound, or is the prelude's.
        first if first.starts_with(char::is_uppercase) => return None,
        _ if !in_use && segments.len() == 1 => return None,
        // Numbers have functions of their own, `u64::from`, and `clippy::x` is the name of a lint.
        "bool" | "char" | "str" | "f32" | "f64" | "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16"
        | "u32" | "u64" | "u128" | "usize" | "clippy" => return None,
        _ => segments,
    };
    Some(Import { line, segments })
}

struct Reader<'t> {
    tokens: &'t [Token],
    module: Vec<String>,
    /// The brace depths at which the modules written in line began.
    inner: Vec<usize>,
    depth: usize,
    paths: Vec<Written>,
    /// Names that `use` and `mod` bring in.
    bound: BTreeSet<String>,
}

impl Reader<'_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    fn read(&mut self) {
        let mut at = 0;
        while at < self.tokens.len() {
            at = match self.text(at) {
                // `impl Trait + use<'a>` captures a lifetime and imports nothing.
                "use" if self.text(at + 1) != "<" => self.tree(at + 1, Vec::new(), false),
                "mod" if self.text(at + 1).starts_with(is_word) => self.module(at),
                "extern" if self.text(at + 1) == "crate" => {
                    self.note(at + 2, vec![self.text(at + 2).to_owned()], true, true);
                    at + 3
                }
                "{" => {
                    self.depth += 1;
                    at + 1
                }
                "}" => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.inner.last() == Some(&self.depth) {
                        self.inner.pop();
                        self.module.pop();
                    }
                    at + 1
                }
                "::" => self.path(at),
                word if word.starts_with(is_word) => self.path(at),
                _ => at + 1,
            };
        }
    }

    fn module(&mut self, at: usize) -> usize {
        let name = self.text(at + 1).to_owned();
        // What a module written in line binds is its own affair; the name of the module is bound here.
        self.bound.insert(name.clone());
        if self.text(at + 2) == "{" {
            self.inner.push(self.depth);
            self.module.push(name);
            self.depth += 1;
            return at + 3;
        }
        at + 2
    }

    fn note(&mut self, at: usize, segments: Vec<String>, rooted: bool, in_use: bool) {
        if segments.is_empty() {
            return;
        }
        let line = self.tokens.get(at.min(self.tokens.len() - 1)).map_or(0, |token| token.line);
        self.paths.push(Written { line, segments, rooted, in_use, module: self.module.clone() });
    }

    /// A `use` tree from here on: names, then `{`, `*`, `as` or its end. Answers where it ends.
    fn tree(&mut self, mut at: usize, mut segments: Vec<String>, mut rooted: bool) -> usize {
        let begin = at;
        loop {
            match self.text(at) {
                "::" => {
                    rooted |= segments.is_empty() && at == begin;
                    at += 1;
                }
                "{" => {
                    at += 1;
                    while self.text(at) != "}" && at < self.tokens.len() {
                        at = self.tree(at, segments.clone(), rooted);
                        // A mark that no tree has (in a macro's pattern) is passed over like a comma.
                        at += usize::from(self.text(at) != "}");
                    }
                    return at + 1;
                }
                "*" => {
                    self.note(at, segments, rooted, true);
                    return at + 1;
                }
                "as" => {
                    self.bound.insert(self.text(at + 1).to_owned());
                    self.note(at, segments, rooted, true);
                    return at + 2;
                }
                "$" => at += 1,
                // `{self}` names what stands before the brace.
                "self" if !segments.is_empty() => at += 1,
                word if word.starts_with(is_word) => {
                    segments.push(word.to_owned());
                    at += 1;
                }
                _ => {
                    self.bind(&segments);
                    self.note(at.saturating_sub(1), segments, rooted, true);
                    return at;
                }
            }
        }
    }

    fn bind(&mut self, segments: &[String]) {
        // `use loom;` brings nothing in that the crate's name did not mean before.
        if segments.len() > 1
            && let Some(last) = segments.last()
        {
            self.bound.insert(last.clone());
        }
    }

    /// A path outside a `use`.
    fn path(&mut self, begin: usize) -> usize {
        let rooted = self.text(begin) == "::";
        if self.is_item(begin, rooted) {
            return begin + 1;
        }
        let mut at = begin + usize::from(rooted);
        if !self.text(at).starts_with(is_word) {
            return at.max(begin + 1);
        }
        let mut segments = vec![self.text(at).to_owned()];
        while self.text(at + 1) == "::" && self.text(at + 2).starts_with(is_word) {
            segments.push(self.text(at + 2).to_owned());
            at += 2;
        }
        if segments.len() > 1 || rooted {
            self.note(begin, segments, rooted, false);
        }
        at + 1
    }

    /// Whether what begins here belongs to what stands before it: a field or method after `.`, an item of a type after
    /// its closing `>` (which is not that of `->` or `=>`).
    fn is_item(&self, begin: usize, rooted: bool) -> bool {
        let back = |steps: usize| begin.checked_sub(steps).map_or("", |at| self.text(at));
        match back(1) {
            "." => back(2) != ".",
            ">" => rooted && !matches!(back(2), "-" | "="),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str, text: &str) -> Vec<String> {
        imports(path, text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn use_trees_are_unfolded_and_resolved() {
        let text = "use crate::{a::{self, b}, c as d};\npub(crate) use super::e::*;\nuse self::f;\nuse ::g::h;";
        assert_eq!(
            named("src/x/y.rs", text),
            ["crate::a", "crate::a::b", "crate::c", "crate::x::e", "crate::x::y::f", "g::h"]
        );
    }

    #[test]
    fn modules_in_line_are_one_step_further_up() {
        let text = "mod tests { use super::*; use super::super::z; }\nuse super::w;";
        assert_eq!(named("src/x/y.rs", text), ["crate::x::y", "crate::x::z", "crate::x::w"]);
    }

    #[test]
    fn paths_written_out_are_imports_too() {
        let text = "fn f(x: std::io::Error) -> ::crate_of::B { super::c::d::<u8>(); x.e::<f::G>(); Vec::<u8>::new(); u64::from(1) }\n#[allow(clippy::l)] fn i() {}";
        assert_eq!(named("src/x/y.rs", text), ["std::io::Error", "crate_of::B", "crate::x::c::d", "f::G"]);
    }

    #[test]
    fn what_the_file_binds_itself_is_counted_once() {
        let text = "mod child;\nuse crate::m::loom::{self, T};\nuse child::U;\nfn f() { loom::models(); T::new(); child::g() }";
        assert_eq!(named("src/x/y.rs", text), ["crate::m::loom", "crate::m::loom::T"]);
    }

    #[test]
    fn comments_and_literals_name_nothing() {
        let text = "// use crate::a;\n/* use /* nested */ crate::b; */\nconst S: &str = \"crate::c::d\";\n\
                    const R: &str = r#\"crate::\"e\"::f\"#;\nconst C: char = '\"'; fn g<'a>(x: &'a str) { crate::h::i(x, '\\'', b\"j::k\") }";
        assert_eq!(named("src/x.rs", text), ["crate::h::i"]);
        assert!(blanked(text).comments.contains("use crate::a;"), "and comments can be read by themselves");
    }
}
