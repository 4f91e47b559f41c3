//! The `narrowcast` program.

fn main() -> std::process::ExitCode {
    // A child of `verify` is told its one task on standard input; it is no command of ours to parse.
    if std::env::args().nth(1).as_deref() == Some(narrowcast::verify::session::child::CHILD) {
        narrowcast::verify::session::child::run_and_exit();
    }
    narrowcast::cli::main()
}
