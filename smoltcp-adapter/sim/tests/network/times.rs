//! The clock jumps from event to event, and each host's own clock may drift.

use core::time::Duration;

use smoltcp::time::Instant;
use smoltcp_sim::{Host, Link, Network, Stack};
use std::cell::{Cell, RefCell};

use crate::plain::{Heard, RECEIVER, SENDER, at, cidr, flood, ms, note, pair};

#[test]
fn a_packet_is_under_way_for_the_latency_exactly() {
    let heard = Heard::default();
    let mut network = Network::new(1);
    let (sender, receiver, _) = pair(&mut network, Link::new().latency(ms(300)));
    network.boot(sender, flood(3, 100, ms(7)));
    network.boot(receiver, note(&heard));
    network.run_for(Duration::from_secs(1));
    let times: Vec<_> = heard.borrow().iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [300, 307, 314].map(at));
}

#[test]
fn a_rate_takes_its_time() {
    let heard = Heard::default();
    let mut network = Network::new(2);
    // 100 bytes and 28 of headers: 1024 bits.
    let (sender, receiver, _) = pair(&mut network, Link::new().rate(1_024_000));
    network.boot(sender, flood(3, 100, Duration::ZERO));
    network.boot(receiver, note(&heard));
    network.run_for(Duration::from_secs(1));
    let times: Vec<_> = heard.borrow().iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [1, 2, 3].map(at));
}

#[test]
fn an_idle_hour_costs_nothing() {
    let polls = Cell::new(0);
    let mut network = Network::new(3);
    let (sender, receiver, _) = pair(&mut network, Link::new());
    for host in [sender, receiver] {
        network.boot(host, |_: &mut Stack| {
            let polls = &polls;
            move |_: &mut Stack, now: Instant| {
                polls.set(polls.get() + 1);
                (now == Instant::ZERO).then_some(at(1_800_000))
            }
        });
    }
    network.run_for(Duration::from_hours(1));
    assert_eq!(network.now(), at(3_600_000));
    assert_eq!(polls.get(), 4, "at 0 s and at 1800 s, on two hosts");
    assert_eq!(network.next_event(), None);
    assert_eq!(network.step(), None);
}

#[test]
fn an_application_that_is_always_due_does_not_stop_the_clock() {
    let mut network = Network::new(4);
    let (sender, _, _) = pair(&mut network, Link::new());
    network.boot(sender, |_: &mut Stack| |_: &mut Stack, now| Some(now));
    network.run_for(ms(1));
    assert_eq!(network.now(), at(1));
}

#[test]
fn a_clock_that_is_fast_comes_early() {
    let polled = RefCell::new(Vec::new());
    let mut network = Network::new(5);
    let mut hosts = Vec::new();
    for (address, drift) in [(SENDER, 1000), (RECEIVER, -1000)] {
        let host = Host::new("host", cidr(address)).drift(drift);
        hosts.push(network.add(host).unwrap());
    }
    for host in hosts {
        network.boot(host, |_: &mut Stack| {
            let polled = &polled;
            move |_: &mut Stack, now: Instant| {
                polled.borrow_mut().push(now);
                Some(at(10_000))
            }
        });
    }
    // 10 s by a clock that gains a thousandth are 9.990 s, and 10.010 s by one that loses it.
    network.run_until(at(9_989));
    assert_eq!(polled.take().len(), 2);
    network.run_until(at(9_991));
    assert_eq!(polled.borrow().first(), Some(&at(10_000)));
    network.run_until(at(10_009));
    let before = polled.take();
    assert!(before.iter().all(|now| *now < at(10_020)));
    network.run_until(at(10_011));
    assert!(polled.borrow().contains(&at(10_000)));
}

#[test]
fn a_change_comes_at_its_time() {
    let seen = RefCell::new(Vec::new());
    let mut network = Network::new(6);
    for time in [5, 3, 9, 3] {
        let seen = &seen;
        network.at(at(time), move |network| {
            seen.borrow_mut().push(network.now());
            network.at(at(1), move |network| seen.borrow_mut().push(network.now()));
        });
    }
    network.run_until(at(8));
    // What was planned for a time that has passed comes at once.
    assert_eq!(*seen.borrow(), [3, 3, 3, 3, 5, 5].map(at));
    assert_eq!(network.next_event(), Some(at(9)));
}

#[test]
fn a_host_that_is_woken_is_polled_at_once_and_one_that_is_down_is_not() {
    let polls = RefCell::new(Vec::new());
    let mut network = Network::new(5);
    let (sender, _, _) = pair(&mut network, Link::new());
    network.boot(sender, |_: &mut Stack| {
        let polls = &polls;
        move |_: &mut Stack, now: Instant| {
            polls.borrow_mut().push(now);
            None
        }
    });
    network.run_for(ms(10));
    network.wake(sender);
    assert_eq!(network.step(), Some(at(10)));
    assert_eq!(*polls.borrow(), [at(0), at(10)]);
    network.reboot(sender, ms(5));
    network.wake(sender);
    assert_eq!(network.next_event(), Some(at(15)));
}
