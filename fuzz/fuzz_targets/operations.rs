//! Bytes to a concurrent program and its schedule, on the reference router; or, to see that the target can fail, on
//! the planted router whose number stands in `NARROWCAST_FUZZ_SUBJECT` (its place in `narrowcast faults`, from 1).
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| narrowcast::verify::faults::fuzz_operations(bytes));
