//! The contract of adapters over tokio's sockets: as an async stream is a sync one through `Polled`, which
//! leaves a waker that is counted.
#![cfg(unix)]

#[path = "../../../../std-adapter/tests/contract/peers.rs"]
mod peers;
mod world;

use greet_contract::{Catch, assert_kept, assert_noticed, contract, mutants};
use world::TokioWorld;

#[test]
fn the_adapter_keeps_the_contract() {
    assert_kept(&contract(TokioWorld::new, |_| true));
}

#[test]
fn every_mutant_of_the_adapter_breaks_it() {
    let mutants = mutants(TokioWorld::new);
    assert_noticed("tokio", &mutants);
    let noticed = mutants.iter().filter(|mutant| Catch::is_noticed(mutant));
    assert!(noticed.count() >= 20);
}
