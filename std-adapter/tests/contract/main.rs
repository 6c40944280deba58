//! The contract of adapters over this one: against sockets of the standard library, on loopback.
#![cfg(unix)]

mod peers;
mod watched;
mod world;

use greet_contract::{Proof, assert_kept, contract, mutants};
use world::SocketWorld;

#[test]
fn the_adapter_keeps_the_contract() {
    assert_kept(&contract(SocketWorld::new, |_| true));
}

#[test]
fn every_mutant_of_the_adapter_breaks_it() {
    let trials = mutants(SocketWorld::new, |_| true);
    assert_kept(&trials);
    let noticed = trials.iter().filter(|trial| trial.proof == Proof::Kept);
    assert!(noticed.count() >= 20);
}
