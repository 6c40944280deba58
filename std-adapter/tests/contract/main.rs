//! The contract of adapters over this one: against sockets of the standard library, on loopback.
#![cfg(unix)]

mod peers;
mod watched;
mod world;

use greet_contract::{Catch, assert_kept, assert_noticed, contract, mutants};
use world::SocketWorld;

#[test]
fn the_adapter_keeps_the_contract() {
    assert_kept(&contract(SocketWorld::new, |_| true));
}

#[test]
fn every_mutant_of_the_adapter_breaks_it() {
    let mutants = mutants(SocketWorld::new);
    assert_noticed("std", &mutants);
    let noticed = mutants.iter().filter(|mutant| Catch::is_noticed(mutant));
    assert!(noticed.count() >= 20);
}
