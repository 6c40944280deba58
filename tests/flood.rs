//! Four places are enough for honest clients, beside any flood that doesn't know how to use them.
//!
//! In virtual time, over many seeds. What is asserted is the bar for a network with a round trip of
//! 5 ms; 50 ms is printed beside.

use std::time::Duration;

use greet_tests::flood::{CLIENTS, Fate, Flood, measure};

/// Of 80 honest clients, at least so many are greeted within 30 s.
const BAR: usize = 76;
const SEEDS: u64 = 3;

fn assert_bar(syns: u32, silent: u32) {
    for in_step in [true, false] {
        let flood = Flood {
            syns,
            silent,
            in_step,
        };
        for seed in 0..SEEDS {
            let far = measure(flood, Duration::from_millis(50), seed);
            let fate = measure(flood, Duration::from_millis(5), seed);
            println!("{flood}, RTT  5 ms: {fate}");
            println!("{flood}, RTT 50 ms: {far}");
            assert_eq!(fate.greeted.len() + fate.failed.len(), CLIENTS);
            assert!(fate.greeted.len() >= BAR, "{flood}: {fate}");
        }
    }
}

#[test]
fn a_hundred_syns_a_second_that_never_complete_shut_nobody_out() {
    assert_bar(100, 0);
}

#[test]
fn four_syns_a_second_that_never_complete_shut_nobody_out() {
    assert_bar(4, 0);
}

#[test]
fn eight_silent_connects_a_second_shut_nobody_out() {
    assert_bar(0, 8);
}

#[test]
fn four_silent_connects_a_second_shut_nobody_out() {
    assert_bar(0, 4);
}

#[test]
fn syns_and_silent_connects_together_shut_nobody_out() {
    assert_bar(4, 4);
}

#[test]
fn without_a_flood_all_are_greeted_at_once() {
    let flood = Flood {
        syns: 0,
        silent: 0,
        in_step: true,
    };
    let Fate {
        greeted, failed, ..
    } = measure(flood, Duration::from_millis(50), 0);
    assert_eq!(failed, [""; 0]);
    // A handshake, and a name and its answer.
    assert_eq!(greeted, [Duration::from_millis(100); CLIENTS]);
}
