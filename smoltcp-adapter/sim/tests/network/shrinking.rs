//! A failing seed comes down to the faults that it fails of.

use core::time::Duration;

use smoltcp_sim::{Bursts, Fault, FaultKind, Link, Network, Probability, shrink};

use crate::plain::{Heard, flood, ms, note, numbers, pair};

fn rough() -> Link {
    Link::new()
        .latency(ms(5))
        .jitter(ms(3))
        .loss(Probability::percent(20))
        .bursts(Bursts::new(
            Probability::percent(3),
            Probability::percent(30),
        ))
        .duplication(Probability::percent(10))
        .reordering(Probability::percent(10), ms(7))
        .corruption(Probability::percent(5))
}

/// The numbers that came, and the faults that happened; with only some of them, if told so.
fn run(seed: u64, only: Option<&[Fault]>) -> (Vec<u32>, Vec<Fault>) {
    let heard = Heard::default();
    let mut network = Network::new(seed);
    network.record();
    if let Some(faults) = only {
        network.only_faults(faults);
    }
    let (sender, receiver, _) = pair(&mut network, rough());
    network.boot(sender, flood(200, 100, ms(1)));
    network.boot(receiver, note(&heard));
    network.run_for(Duration::from_secs(1));
    let faults = network.faults();
    drop(network);
    (numbers(&heard), faults)
}

#[test]
fn the_same_faults_do_the_same_and_none_do_nothing() {
    let (heard, faults) = run(1, None);
    assert!(faults.len() > 50);
    for kind in [
        FaultKind::Loss,
        FaultKind::BurstLoss,
        FaultKind::Duplication,
        FaultKind::Reordering,
        FaultKind::Corruption,
    ] {
        assert!(faults.iter().any(|fault| fault.kind == kind), "{kind:?}");
    }
    assert_eq!(run(1, Some(&faults)), (heard, faults));
    assert_eq!(run(1, Some(&[])), ((0..200).collect(), vec![]));
}

#[test]
fn a_failing_seed_shrinks_to_its_fewest_faults() {
    // Somebody who gets along without the 41st or without the 97th, but not without both.
    let passes = |heard: &[u32]| heard.contains(&41) || heard.contains(&97);
    let seed = (0..1000).find(|seed| !passes(&run(*seed, None).0)).unwrap();
    let (_, happened) = run(seed, None);
    let mut runs = 0;
    let faults = shrink(&happened, |faults| {
        runs += 1;
        passes(&run(seed, Some(faults)).0)
    });
    let packets: Vec<_> = faults.unwrap().iter().map(|fault| fault.packet).collect();
    assert_eq!(packets, [41, 97]);
    assert!(runs < 100, "{runs} runs for {} faults", happened.len());
}
