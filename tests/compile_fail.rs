//! What does not compile, and so cannot go wrong: the evidence called `by_construction`.
//!
//! Each file of `tests/compile/fail` is a program that does what must not be possible, with the compiler's words
//! beside it. A program may fail to compile for many reasons, so each has a twin of the same name in
//! `tests/compile/pass` that differs from it by one line, compiles and runs: what fails is that line and nothing
//! else.
//!
//! When the compiler's words change: `TRYBUILD=overwrite cargo test --test compile_fail`, and read the difference.
#![cfg(feature = "router")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

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
fn what_must_not_be_possible_does_not_compile_and_its_twin_does() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile/fail/*.rs");
    cases.pass("tests/compile/pass/*.rs");
}
