//! How text is put on a terminal: what may be shown, in which tone, and where a line ends.
//!
//! Names and payloads come from whoever narrates, and some of them mean harm: an escape sequence rewrites the screen, a
//! line break forges a row, a letter of double or no width shifts a column. So nothing reaches a line but through
//! [`Style::clean`], which lets pass what terminals show in one column and spells out the rest. That is also why a
//! column here is a `char`.

use crate::verify::findings::Status;
use crate::verify::verdict::word;

/// The widest line that any output has.
pub const WIDEST: usize = 100;
/// No terminal is too narrow to be written to; below this lines are cut by the terminal.
const NARROWEST: usize = 60;

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour. Colour only repeats what a word or a sign says.
    pub color: bool,
    /// Whether more than ASCII may be shown.
    pub unicode: bool,
    /// Columns; kept within 60 and [`WIDEST`].
    pub width: usize,
}

/// What a colour stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// A breach.
    Bad,
    /// Not known, or not as it should be.
    Doubt,
    /// Of less weight.
    Dim,
    /// A heading.
    Strong,
}

impl Style {
    /// ASCII without colour: for files and for terminals that say nothing of themselves.
    pub const PLAIN: Style = Style { color: false, unicode: false, width: WIDEST };

    /// The columns to be used.
    pub fn columns(self) -> usize {
        self.width.clamp(NARROWEST, WIDEST)
    }

    /// `text` in a tone. The text must be clean already.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        use anstyle::{AnsiColor, Style as Ansi};
        if !self.color || text.trim().is_empty() {
            return text.to_owned();
        }
        let ansi = match tone {
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Doubt => AnsiColor::Yellow.on_default(),
            Tone::Dim => Ansi::new().dimmed(),
            Tone::Strong => Ansi::new().bold(),
        };
        format!("{ansi}{text}{ansi:#}")
    }

    /// The first sign where more than ASCII may be shown, else the second.
    pub fn sign(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// A status as a sign and a word, and its tone.
    pub fn status(self, status: Status) -> (String, Tone) {
        let (unicode, ascii, tone) = match status {
            Status::Held => ("✓", "+", Tone::Good),
            Status::Violated => ("✗", "X", Tone::Bad),
            Status::Inconclusive => ("?", "?", Tone::Doubt),
            Status::Vacuous => ("∅", "0", Tone::Doubt),
            Status::NotChecked => ("·", ".", Tone::Dim),
            Status::NotApplicable => ("-", "-", Tone::Dim),
        };
        (format!("{} {}", self.sign(unicode, ascii), word(status)), tone)
    }

    /// `text` as it may be shown within a line: no control characters, no line breaks, nothing invisible or of
    /// another width than one column.
    pub fn clean(self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                ' '..='~' => clean.push(c),
                _ if self.unicode && is_one_column(c) => clean.push(c),
                '\n' => clean.push_str("\\n"),
                '\r' => clean.push_str("\\r"),
                '\t' => clean.push_str("\\t"),
                _ => match in_ascii(c) {
                    Some(ascii) => clean.push_str(ascii),
                    None => clean.extend(c.escape_unicode()),
                },
            }
        }
        clean
    }

    /// Like [`clean`](Style::clean), cut to `columns` with a sign that something is missing.
    pub fn fit(self, text: &str, columns: usize) -> String {
        let clean = self.clean(text);
        if clean.chars().count() <= columns {
            return clean;
        }
        let more = self.sign("…", "~");
        clean.chars().take(columns.saturating_sub(1)).chain(more.chars()).take(columns).collect()
    }

    /// Like [`clean`](Style::clean), broken into lines of at most `columns`, at spaces where there are any.
    pub fn wrap(self, text: &str, columns: usize) -> Vec<String> {
        let columns = columns.max(1);
        let clean = self.clean(text);
        let mut lines = Vec::new();
        let mut line = String::new();
        let mut used = 0;
        for word in clean.split(' ').filter(|word| !word.is_empty()) {
            let mut rest: Vec<char> = word.chars().collect();
            if used > 0 && used + 1 + rest.len() > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            while rest.len() > columns {
                // Only at the head of a line: a word that is longer than one.
                let tail = rest.split_off(columns);
                lines.push(std::mem::replace(&mut rest, tail).into_iter().collect());
            }
            used += rest.len();
            line.extend(rest);
        }
        if !line.is_empty() || lines.is_empty() {
            lines.push(line);
        }
        lines
    }
}

/// Whether terminals show this character, in exactly one column. A short list, not Unicode's tables: what is missing is
/// spelled out, which is ugly but never wrong.
fn is_one_column(c: char) -> bool {
    matches!(c,
        '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}'          // Latin, without the soft hyphen
        | '\u{386}'..='\u{3ce}'                              // Greek
        | '\u{400}'..='\u{482}' | '\u{48a}'..='\u{52f}'      // Cyrillic, without combining marks
        | '\u{2010}'..='\u{2014}' | '\u{2018}'..='\u{201f}' | '\u{2022}' | '\u{2026}'
        | '\u{2190}'..='\u{2194}' | '\u{2205}' | '\u{2260}' | '\u{2264}' | '\u{2265}'
        | '\u{2500}'..='\u{257f}' | '\u{25a0}' | '\u{25b6}' | '\u{25b8}' | '\u{2713}' | '\u{2717}')
}

/// What an ASCII terminal shows for the signs that our own sentences use.
fn in_ascii(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2010}'..='\u{2014}' => "-",
        '\u{2018}' | '\u{2019}' => "'",
        '\u{201c}' | '\u{201d}' => "\"",
        '\u{2026}' => "...",
        '\u{2192}' => "->",
        '\u{2264}' => "<=",
        '\u{2265}' => ">=",
        '\u{b7}' => "-",
        '\u{d7}' => "x",
        _ => return None,
    })
}

/// `number` with a comma between thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// "1 job", "2 jobs".
pub fn plural(number: u64, singular: &str) -> String {
    format!("{} {singular}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// A page: lines that grow from the top, none wider than the style allows.
pub(super) struct Page {
    pub(super) style: Style,
    text: String,
}

impl Page {
    pub(super) fn new(style: Style) -> Self {
        Page { style, text: String::new() }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line that is clean, and painted where it should be.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// An empty line and a heading, with what belongs beside it.
    pub(super) fn heading(&mut self, heading: &str, beside: &str) {
        self.blank();
        let heading = self.style.paint(Tone::Strong, heading);
        let beside = self.style.paint(Tone::Dim, &self.style.clean(beside));
        self.line(&if beside.is_empty() { heading } else { format!("{heading}  {beside}") });
    }

    /// Text that is wrapped and hangs under `lead`; `lead` is clean and unpainted.
    pub(super) fn hang(&mut self, lead: &str, lead_tone: Option<Tone>, text: &str, tone: Option<Tone>) {
        let indent = lead.chars().count();
        let paint = |tone: Option<Tone>, text: &str| match tone {
            Some(tone) => self.style.paint(tone, text),
            None => text.to_owned(),
        };
        let room = self.style.columns().saturating_sub(indent);
        let lines: Vec<String> = self.style.wrap(text, room).iter().map(|line| paint(tone, line)).collect();
        let lead = paint(lead_tone, lead);
        for (at, line) in lines.iter().enumerate() {
            if at == 0 {
                self.line(&format!("{lead}{line}"));
            } else {
                self.line(&format!("{:indent$}{line}", ""));
            }
        }
    }

    /// A command that is to be copied: broken at spaces only, with the backslash that a shell understands. One with
    /// letters that may not be shown cannot be copied from here anyway, and is wrapped like any text.
    pub(super) fn command(&mut self, lead: &str, command: &str) {
        if self.style.clean(command) != command {
            return self.hang(lead, None, command, None);
        }
        let indent = lead.chars().count();
        let room = self.style.columns().saturating_sub(indent + 2);
        let mut line = String::new();
        let mut lead = lead.to_owned();
        for word in command.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                self.line(&format!("{lead}{line} \\"));
                lead = " ".repeat(indent);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&format!("{lead}{line}"));
    }
}

/// One cell of a row: clean text, its columns, its tone.
pub(super) struct Cell<'a> {
    pub(super) text: &'a str,
    pub(super) columns: usize,
    pub(super) tone: Option<Tone>,
}

impl<'a> Cell<'a> {
    pub(super) fn new(text: &'a str, columns: usize) -> Self {
        Cell { text, columns, tone: None }
    }

    pub(super) fn tone(mut self, tone: Tone) -> Self {
        self.tone = Some(tone);
        self
    }
}

impl Page {
    /// A row of aligned cells, two spaces apart and two from the margin; what does not fit its cell is cut.
    pub(super) fn row(&mut self, cells: &[Cell<'_>]) {
        let style = self.style;
        let mut row = String::new();
        for cell in cells {
            let text = style.fit(cell.text, cell.columns);
            let padding = cell.columns.saturating_sub(text.chars().count());
            row.push_str("  ");
            row.push_str(&cell.tone.map_or_else(|| text.clone(), |tone| style.paint(tone, &text)));
            row.extend(std::iter::repeat_n(' ', padding));
        }
        self.line(&row);
    }
}
