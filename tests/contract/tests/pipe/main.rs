//! The contract over an adapter of a page, and over the same adapter with every flaw.

mod adapter;
mod world;

use greet_contract::{Catch, assert_kept, assert_noticed, contract, mutants};
use world::PipeWorld;

#[test]
fn the_pipe_keeps_the_contract() {
    assert_kept(&contract(PipeWorld::new, |_| true));
}

#[test]
fn every_mutant_of_the_pipe_breaks_it() {
    let mutants = mutants(PipeWorld::new);
    assert_noticed("pipe", &mutants);
    let noticed = mutants.iter().filter(|mutant| Catch::is_noticed(mutant));
    assert!(noticed.count() >= 12);
}
