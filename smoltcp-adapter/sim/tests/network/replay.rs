//! The same seed gives the same packets, byte for byte.

use core::time::Duration;
use std::cell::Cell;

use smoltcp_sim::{Bursts, End, Link, Network, Probability};

use crate::plain::{ask, at, echo, flooded, ms, numbers, pair};

fn rough() -> Link {
    Link::new()
        .latency(ms(20))
        .jitter(ms(5))
        .loss(Probability::percent(10))
        .bursts(Bursts::new(
            Probability::percent(2),
            Probability::percent(30),
        ))
        .duplication(Probability::percent(10))
        .reordering(Probability::percent(10), ms(15))
        .corruption(Probability::percent(5))
        .rate(10_000_000)
}

/// All packets of one TCP exchange over a rough link, with their times and fates.
fn packets(seed: u64, medium: fn(u64) -> Network<'static>) -> Vec<u8> {
    let done: &'static Cell<u32> = Box::leak(Box::default());
    let mut network = medium(seed);
    network.record();
    let (sender, receiver, link) = pair(&mut network, rough());
    network.boot(sender, ask(&[0x41; 1200], done));
    network.boot(receiver, echo);
    network.at(at(300), move |network| network.cut(link));
    network.at(at(900), move |network| network.mend(link));
    network.run_for(Duration::from_mins(2));
    let mut bytes = Vec::new();
    for packet in network.trace().unwrap().packets() {
        bytes.extend(packet.sent.total_micros().to_be_bytes());
        if let End::Delivered { at, .. } = packet.end {
            bytes.extend(at.total_micros().to_be_bytes());
        }
        bytes.extend(packet.bytes);
    }
    bytes
}

#[test]
fn the_same_seed_gives_the_same_packets() {
    let of = |seed, medium| fnv1a(&packets(seed, medium));
    assert_eq!(of(1, Network::new), of(1, Network::new));
    assert_ne!(of(1, Network::new), of(2, Network::new));
    assert_eq!(of(1, Network::ethernet), of(1, Network::ethernet));
}

/// Not only twice on this machine: these are the digests wherever this test runs.
#[test]
fn a_seed_means_the_same_everywhere() {
    let digests = [1, 2, 3].map(|seed| fnv1a(&packets(seed, Network::new)));
    assert_eq!(
        digests,
        [
            0x4dc8_8646_1f65_7fc9,
            0x7fc8_be77_8a95_612e,
            0xadbb_057c_f11d_7e4f
        ],
        "{digests:#x?}"
    );
}

/// Leaving one fault out of a plan leaves the others where they were.
#[test]
fn faults_are_independent() {
    let lossy = Link::new().loss(Probability::percent(10));
    let more = lossy
        .clone()
        .duplication(Probability::percent(20))
        .jitter(Duration::from_micros(900));
    let (_, plain) = flooded(1, 2000, lossy);
    let (_, both) = flooded(1, 2000, more);
    let mut both = numbers(&both);
    both.sort_unstable();
    both.dedup();
    assert!(numbers(&plain) == both, "other packets were lost");
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
