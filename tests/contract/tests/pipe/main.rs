//! The contract over an adapter of a page, and over the same adapter with every flaw.

mod adapter;
mod world;

use greet_contract::{Proof, assert_kept, contract, mutants};
use world::PipeWorld;

#[test]
fn the_pipe_keeps_the_contract() {
    assert_kept(&contract(PipeWorld::new, |_| true));
}

#[test]
fn every_mutant_of_the_pipe_breaks_it() {
    let trials = mutants(PipeWorld::new, |_| true);
    assert_kept(&trials);
    let noticed = trials.iter().filter(|trial| trial.proof == Proof::Kept);
    assert!(noticed.count() >= 12);
}
