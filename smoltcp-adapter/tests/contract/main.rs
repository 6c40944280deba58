//! The contract of adapters over this one: against plain smoltcp sockets, in virtual time.

mod device;
mod peers;
mod world;

use greet_contract::{Catch, Proof, assert_kept, assert_noticed, contract, mutants};
use world::SmoltcpWorld;

#[test]
fn the_adapter_keeps_the_contract() {
    let trials = contract(SmoltcpWorld::new, |_| true);
    assert_kept(&trials);
    let unproved = trials.iter().filter(|trial| trial.proof != Proof::Kept);
    assert_eq!(unproved.count(), 0, "all of it can be shown here");
}

#[test]
fn every_mutant_of_the_adapter_breaks_it() {
    let mutants = mutants(SmoltcpWorld::new);
    assert_noticed("smoltcp", &mutants);
    assert!(mutants.iter().all(Catch::is_noticed), "all can be shown");
}
