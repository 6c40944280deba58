//! The contract of adapters over embassy-net, behind a backlog, against plain smoltcp: in virtual time.

#[path = "../../../../smoltcp-adapter/tests/contract/device.rs"]
mod device;
#[path = "../../../../smoltcp-adapter/tests/contract/peers.rs"]
mod peers;
mod world;

use greet_contract::{Catch, assert_kept, assert_noticed, contract, mutants};
use world::EmbassyWorld;

#[test]
fn the_adapter_keeps_the_contract() {
    assert_kept(&contract(EmbassyWorld::new, |_| true));
}

#[test]
fn every_mutant_of_the_adapter_breaks_it() {
    let mutants = mutants(EmbassyWorld::new);
    assert_noticed("embassy-net", &mutants);
    let noticed = mutants.iter().filter(|mutant| Catch::is_noticed(mutant));
    assert!(noticed.count() >= 20);
}
