//! 64 networks that misbehave, in every test run. `cargo soak` runs as many as one likes.

use std::path::Path;

use greet_tests::soak::campaign::{self, Totals};

const SEEDS: u64 = 64;

#[test]
fn every_greeting_survives_every_network() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("soak");
    let mut totals = Totals::default();
    for seed in 0..SEEDS {
        match campaign::run(seed, &folder) {
            Ok(report) => totals.add(&report),
            Err(failure) => panic!("{failure}"),
        }
    }
    println!("{totals}");
    let missing = totals.missing_chaos();
    assert!(missing.is_empty(), "there was no chaos: {missing:?}");
}
