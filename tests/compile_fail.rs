//! What does not compile, and so cannot go wrong: the evidence called `by_construction`.
//!
//! Each file of `tests/compile/fail` is a program that does what must not be possible, with the compiler's words
//! beside it. A program may fail to compile for many reasons, so each has a twin of the same name in
//! `tests/compile/pass` that differs from it by one line, compiles and runs: what fails is that line and nothing
//! else. The twins are modules of this very test, so that nothing is built or linked for each of them.
//!
//! When the compiler's words change: `TRYBUILD=overwrite cargo test --test compile_fail`, and read the difference.
#![cfg(feature = "router")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

macro_rules! twins {
    ($($name:ident at $path:literal),* $(,)?) => {
        $(#[path = $path] mod $name;)*

        /// Each by its name.
        const TWINS: &[(&str, fn())] = &[$((stringify!($name), $name::main)),*];
    };
}

twins! {
    carried_work_is_not_run at "compile/pass/carried_work_is_not_run.rs",
    emitter_closes at "compile/pass/emitter_closes.rs",
    emitter_from_a_name at "compile/pass/emitter_from_a_name.rs",
    emitter_is_made_up at "compile/pass/emitter_is_made_up.rs",
    emitter_subscribes at "compile/pass/emitter_subscribes.rs",
    job_is_cloned at "compile/pass/job_is_cloned.rs",
    narration_is_not_emitted at "compile/pass/narration_is_not_emitted.rs",
    owner_is_dropped_unseen at "compile/pass/owner_is_dropped_unseen.rs",
    payload_becomes_template at "compile/pass/payload_becomes_template.rs",
    reader_emits at "compile/pass/reader_emits.rs",
    refusal_is_ignored at "compile/pass/refusal_is_ignored.rs",
    stream_closes at "compile/pass/stream_closes.rs",
    string_becomes_template at "compile/pass/string_becomes_template.rs",
    undecided_narration at "compile/pass/undecided_narration.rs",
}

/// The files of a folder with this ending, by name, with their texts.
fn files(folder: &str, ending: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile").join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == ending));
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    paths.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

/// How many lines differ; nothing if one text has more lines.
fn lines_that_differ(one: &str, other: &str) -> Option<usize> {
    let same_length = one.lines().count() == other.lines().count();
    same_length.then(|| one.lines().zip(other.lines()).filter(|(one, other)| one != other).count())
}

/// What is wrong with the cases and their twins.
fn defects(fail: &BTreeMap<String, String>, pass: &BTreeMap<String, String>) -> Vec<String> {
    let twins = fail.iter().filter_map(|(name, text)| match pass.get(name).map(|twin| lines_that_differ(text, twin)) {
        Some(Some(1)) => None,
        Some(differing) => Some(format!("{name} and its twin must differ by one line, and differ by {differing:?}")),
        None => Some(format!("{name} has no twin that compiles")),
    });
    let orphans = pass.keys().filter(|name| !fail.contains_key(*name));
    twins.chain(orphans.map(|name| format!("{name} is nobody's twin"))).collect()
}

#[test]
fn each_case_has_a_twin_that_differs_by_one_line_and_the_compilers_words() {
    let (fail, pass, words) = (files("fail", "rs"), files("pass", "rs"), files("fail", "stderr"));
    assert!(!fail.is_empty());
    assert_eq!(defects(&fail, &pass), Vec::<String>::new());
    assert!(fail.keys().eq(words.keys()), "without its words on file a case would pass whatever the compiler says");
}

#[test]
fn a_twin_that_is_missing_alike_or_too_different_is_found() {
    let case = |text: &str| BTreeMap::from([("case".to_owned(), text.to_owned())]);
    assert_eq!(defects(&case("a\nb"), &case("a\nc")), Vec::<String>::new());
    for twin in ["a\nb", "c\nd", "a\nb\nc", "a"] {
        assert_eq!(defects(&case("a\nb"), &case(twin)).len(), 1, "{twin:?}");
    }
    assert_eq!(defects(&case("a"), &BTreeMap::new()).len(), 1);
    assert_eq!(defects(&BTreeMap::new(), &case("a")).len(), 1);
}

#[test]
fn what_must_not_be_possible_does_not_compile() {
    // All at once, and none of them is linked: with cases that must pass, trybuild would build everything twice.
    trybuild::TestCases::new().compile_fail("tests/compile/fail/*.rs");
}

#[test]
fn each_twin_runs() {
    let pass = files("pass", "rs");
    assert!(TWINS.iter().map(|(name, _)| name).eq(pass.keys()), "every twin is a module of this test, in order");
    TWINS.iter().for_each(|(_, twin)| twin());
}
