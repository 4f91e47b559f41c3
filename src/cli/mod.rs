//! The command line: what was asked for, done, printed, and turned into an exit code.
//!
//! Results go to standard output, progress and complaints to standard error. Every flag has a `NARROWCAST_*`
//! variable. The commands fill in the [`views`](crate::report::views) and hand them to the renderers; nothing here
//! formats a result.

mod args;
mod commands;
mod descriptors;
mod revisit;
mod serve;

use crate::report::Style;
use clap::Parser;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// Exit codes, as `--help` and docs/report.md list them.
mod exit {
    /// Usage, configuration or malformed input.
    pub(super) const USAGE: u8 = 2;
    /// The subject, or a server, could not be started.
    pub(super) const NOT_STARTED: u8 = 20;
    /// A defect of narrowcast itself.
    pub(super) const INTERNAL: u8 = 70;
    /// Ended by a second signal, before everything was done.
    pub(super) const INTERRUPTED: u8 = 130;
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
struct Failure {
    code: u8,
    why: String,
}

impl Failure {
    fn usage(why: impl fmt::Display) -> Self {
        Failure { code: exit::USAGE, why: why.to_string() }
    }

    fn internal(why: impl fmt::Display) -> Self {
        Failure { code: exit::INTERNAL, why: why.to_string() }
    }

    /// A file that cannot be read or written is the caller's to put right.
    fn file(doing: &str, path: &std::path::Path, error: impl fmt::Display) -> Self {
        Failure::usage(format!("cannot {doing} {}: {error}", path.display()))
    }
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = args::Cli::parse();
    cli.common.color.write_global();
    match commands::run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            let style = style(&io::stderr());
            eprintln!("narrowcast: {}", style.clean(&failure.why));
            ExitCode::from(failure.code)
        }
    }
}

/// What a stream can show. Colour follows the flag and `NO_COLOR`, `CLICOLOR_FORCE`, `TERM`, as `anstream` reads them.
fn style(stream: &(impl anstream::stream::RawStream + IsTerminal)) -> Style {
    let color = anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never;
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let unicode = locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    let width = terminal_size::terminal_size().map_or(crate::report::style::WIDEST, |(width, _)| usize::from(width.0));
    Style { color, unicode: unicode && std::env::var("TERM").as_deref() != Ok("dumb"), width }
}

/// Prints a result. That nobody reads it any more (`| head`) is no failure; that it could not be written is.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::internal(format!("cannot write the result to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
