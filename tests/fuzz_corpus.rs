//! The fuzz target `operations`, replayed over its committed corpus on stable Rust, without a fuzzer: the reference
//! router stands every input, and two planted routers each fall to an input that the fuzzer found in them.

use narrowcast::verify::faults::{number_of, router};
use narrowcast::verify::guarantee::Guarantee;
use narrowcast::verify::methods::fuzzed;
use std::fs;
use std::path::PathBuf;

/// What the router of this number breaks on the program that these bytes stand for.
fn broken(number: u32, bytes: &[u8]) -> Vec<Guarantee> {
    let breach = fuzzed::operations(router(number).expect("it has this number"), bytes);
    breach.map(|breach| breach.findings.expect("the judge names it").violated()).unwrap_or_default()
}

/// The committed inputs, by name.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/operations");
    let files = fs::read_dir(directory).expect("the corpus is committed");
    let mut inputs: Vec<_> = files
        .map(|file| {
            let file = file.expect("the corpus can be listed");
            (file.file_name().to_string_lossy().into_owned(), fs::read(file.path()).expect("an input can be read"))
        })
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn the_reference_router_stands_the_whole_corpus() {
    let inputs = corpus();
    assert!(inputs.len() >= 20, "{} inputs are no corpus", inputs.len());
    for (name, bytes) in inputs {
        assert_eq!(broken(0, &bytes), [], "{name}");
    }
}

#[test]
fn what_the_fuzzer_found_in_planted_routers_is_found_again() {
    for (fault, guarantee) in [("global-broadcast", Guarantee::G1), ("lag-as-close", Guarantee::G9)] {
        let number = number_of(fault).expect("it is in the museum");
        let found = corpus().into_iter().filter(|(name, _)| name.starts_with(fault));
        let broken: Vec<_> = found.flat_map(|(_, bytes)| broken(number, &bytes)).collect();
        assert!(broken.contains(&guarantee), "{fault}: {broken:?}");
    }
}

#[test]
fn every_input_decodes_to_a_program_that_can_be_run() {
    let mut bytes = [0; 80];
    for seed in 0..2_000_u64 {
        let mut random = narrowcast::verify::methods::interleaved::SplitMix(seed);
        bytes.iter_mut().for_each(|byte| *byte = random.next() as u8);
        let (program, _decisions) = fuzzed::decode(&bytes[..seed as usize % 80]);
        assert_eq!(program.check(), Ok(()), "seed {seed}:\n{program}");
    }
}
