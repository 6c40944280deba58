//! Each fault of a link happens as often as asked, is counted, and leaves the rest alone.

use core::time::Duration;
use std::cell::{Cell, RefCell};

use smoltcp::phy::ChecksumCapabilities;
use smoltcp_sim::{Bursts, Error, Host, Link, Network, Probability, Stack};

use crate::plain::{
    Heard, RECEIVER, SENDER, ask, at, cidr, echo, flood, flooded, ms, note, numbers, pair,
};

const MANY: u32 = 20_000;

#[test]
fn a_clean_link_delivers_everything_once_and_in_order() {
    let (counters, heard) = flooded(1, 1000, Link::new());
    assert_eq!(numbers(&heard), (0..1000).collect::<Vec<_>>());
    assert_eq!((counters.sent, counters.delivered), (1000, 1000));
    assert_eq!(counters.dropped(), 0);
}

#[test]
fn losses_come_as_often_as_asked() {
    let (counters, heard) = flooded(2, MANY, Link::new().loss(Probability::percent(10)));
    assert!((1800..2200).contains(&counters.lost), "{counters:?}");
    assert_eq!(counters.lost + counters.delivered, u64::from(MANY));
    assert_eq!(numbers(&heard).len() as u64, counters.delivered);
}

#[test]
fn bursts_are_as_long_as_asked() {
    // One packet in 200 begins a burst of 5 on average.
    let bursts = Bursts::new(
        Probability::parts_per_million(5000),
        Probability::percent(20),
    );
    let (counters, heard) = flooded(3, MANY, Link::new().bursts(bursts));
    let got = numbers(&heard);
    let gaps: Vec<u32> = got
        .windows(2)
        .map(|pair| pair[1] - pair[0] - 1)
        .filter(|gap| *gap > 0)
        .collect();
    let mean = f64::from(gaps.iter().sum::<u32>()) / f64::from(u32::try_from(gaps.len()).unwrap());
    assert!((4.0..6.0).contains(&mean), "a mean burst of {mean}");
    assert!((70..130).contains(&gaps.len()), "{} bursts", gaps.len());
    assert_eq!(counters.lost, 0);
    assert_eq!(
        counters.lost_in_bursts + counters.delivered,
        u64::from(MANY)
    );
}

#[test]
fn duplicates_arrive_twice() {
    let (counters, heard) = flooded(4, MANY, Link::new().duplication(Probability::percent(5)));
    let mut got = numbers(&heard);
    assert!((900..1100).contains(&counters.duplicated), "{counters:?}");
    assert_eq!(got.len() as u64, u64::from(MANY) + counters.duplicated);
    got.dedup();
    assert_eq!(got, (0..MANY).collect::<Vec<_>>());
}

#[test]
fn a_packet_that_is_held_is_overtaken() {
    let link = Link::new()
        .latency(ms(5))
        .reordering(Probability::percent(2), Duration::from_micros(2500));
    let (counters, heard) = flooded(5, MANY, link);
    let got = numbers(&heard);
    let late = got.windows(2).filter(|pair| pair[1] < pair[0]).count() as u64;
    assert!((350..450).contains(&counters.reordered), "{counters:?}");
    assert!(late <= counters.reordered && late * 10 > counters.reordered * 9);
    assert_eq!(got.len(), MANY as usize);
}

#[test]
fn jitter_alone_keeps_the_order() {
    let (counters, heard) = flooded(6, MANY, Link::new().jitter(ms(20)));
    assert_eq!(numbers(&heard), (0..MANY).collect::<Vec<_>>());
    assert_eq!(counters.reordered, 0);
    let late = heard
        .borrow()
        .iter()
        .zip(0..)
        .filter(|((time, _), number)| *time > at(*number))
        .count();
    assert!(late > 15_000, "{late} packets had jitter");
}

/// With checksums nothing corrupt arrives; without them it does, so the corruption is real.
#[test]
fn corruption_is_real_and_checksums_find_it() {
    for (checksums, hides) in [
        (ChecksumCapabilities::default(), true),
        (ChecksumCapabilities::ignored(), false),
    ] {
        let heard = Heard::default();
        let mut network = Network::new(7);
        let sender = network.add(Host::new("sender", cidr(SENDER))).unwrap();
        let receiver = Host::new("receiver", cidr(RECEIVER)).checksums(checksums);
        let receiver = network.add(receiver).unwrap();
        network
            .link(
                sender,
                receiver,
                Link::new().corruption(Probability::percent(10)),
            )
            .unwrap();
        network.boot(sender, flood(5000, 100, ms(1)));
        network.boot(receiver, note(&heard));
        network.run_for(Duration::from_secs(10));
        let wrong = heard
            .borrow()
            .iter()
            .filter(|(_, datagram)| {
                datagram.len() != 100 || datagram[4..].iter().any(|byte| *byte != 0x55)
            })
            .count();
        let corrupted = network.counters().corrupted;
        assert!((400..600).contains(&corrupted), "{corrupted}");
        if hides {
            assert_eq!(wrong, 0);
            assert_eq!(heard.borrow().len() as u64, 5000 - corrupted);
        } else {
            assert!(wrong > 100, "{wrong} wrong datagrams");
        }
    }
}

#[test]
fn a_full_queue_drops_what_comes_last() {
    let heard = Heard::default();
    let mut network = Network::new(8);
    // 128 bytes with headers; 1.024 Mbit/s carry one of them in a millisecond, and 8 may wait.
    let link = Link::new().rate(1_024_000).queue(8 * 128);
    let (sender, receiver, link) = pair(&mut network, link);
    network.boot(sender, flood(20, 100, Duration::ZERO));
    network.boot(receiver, note(&heard));
    network.run_for(Duration::from_secs(1));
    assert_eq!(numbers(&heard), (0..8).collect::<Vec<_>>());
    let times: Vec<_> = heard.borrow().iter().map(|(at, _)| *at).collect();
    assert_eq!(times, (1..=8).map(at).collect::<Vec<_>>());
    assert_eq!(network.link_counters(link).queue_full, 12);
}

#[test]
fn what_exceeds_the_mtu_vanishes() {
    let heard = Heard::default();
    let mut network = Network::new(9);
    let (sender, receiver, link) = pair(&mut network, Link::new().mtu(127));
    network.boot(sender, flood(3, 100, ms(1)));
    network.boot(receiver, note(&heard));
    network.at(at(2), move |network| {
        network.change(link, &Link::new().mtu(128));
    });
    network.run_for(Duration::from_secs(1));
    assert_eq!(numbers(&heard), [2]);
    assert_eq!(network.counters().oversize, 2);
}

#[test]
fn directions_may_differ() {
    let heard = Heard::default();
    let mut network = Network::new(10);
    let sender = network.add(Host::new("sender", cidr(SENDER))).unwrap();
    let receiver = network.add(Host::new("receiver", cidr(RECEIVER))).unwrap();
    let dead = Link::new().loss(Probability::ALWAYS);
    network
        .link_with(receiver, sender, dead, Link::new())
        .unwrap();
    network.boot(sender, flood(10, 100, ms(1)));
    network.boot(receiver, note(&heard));
    network.run_for(Duration::from_secs(1));
    assert_eq!(numbers(&heard).len(), 10);
}

#[test]
fn a_cut_loses_what_is_under_way_until_it_is_mended() {
    let heard = Heard::default();
    let mut network = Network::new(11);
    let (sender, receiver, link) = pair(
        &mut network,
        Link::new().latency(Duration::from_micros(2500)),
    );
    network.boot(sender, flood(30, 100, ms(1)));
    network.boot(receiver, note(&heard));
    network.at(at(10), move |network| network.cut(link));
    network.at(at(20), move |network| network.mend(link));
    network.run_for(Duration::from_secs(1));
    // Those sent at 8 and 9 ms were under way at 10 ms; the cut comes before the send at 10 ms.
    assert_eq!(numbers(&heard), (0..8).chain(20..30).collect::<Vec<_>>());
    assert_eq!(network.counters().cut, 12);
}

#[test]
fn a_partition_parts_hosts_until_it_heals() {
    let heard = Heard::default();
    let mut network = Network::new(12);
    let (sender, receiver, _) = pair(&mut network, Link::new());
    network.boot(sender, flood(30, 100, ms(1)));
    network.boot(receiver, note(&heard));
    network.at(at(10), move |network| network.partition(&[receiver]));
    network.at(at(20), Network::heal);
    network.run_for(Duration::from_secs(1));
    assert_eq!(numbers(&heard), (0..10).chain(20..30).collect::<Vec<_>>());
    assert_eq!(network.counters().partitioned, 10);
}

#[test]
fn a_reboot_loses_the_state_and_what_comes_meanwhile() {
    let boots = RefCell::new(Vec::new());
    let heard = Heard::default();
    let mut network = Network::new(13);
    let (sender, receiver, _) = pair(&mut network, Link::new());
    network.boot(sender, flood(30, 100, ms(1)));
    network.boot(receiver, |stack: &mut Stack| {
        assert_eq!(
            stack.sockets.iter().count(),
            0,
            "a socket outlived a reboot"
        );
        boots.borrow_mut().push(stack.random.next_u64());
        note(&heard)(stack)
    });
    network.at(at(10), move |network| network.reboot(receiver, ms(10)));
    network.run_for(Duration::from_secs(1));
    let boots = boots.borrow();
    assert_eq!(boots.len(), 2);
    assert_ne!(boots[0], boots[1], "the same chance at each boot");
    assert_eq!(numbers(&heard), (0..10).chain(20..30).collect::<Vec<_>>());
    assert_eq!(network.counters().host_down, 10);
    // The clock starts anew: number 21 came 1 ms after the boot.
    assert_eq!(heard.borrow()[11].0, at(1));
}

#[test]
fn tcp_gets_through_all_of_it() {
    let done = Cell::new(0);
    let mut network = Network::new(14);
    let link = Link::new()
        .latency(ms(30))
        .jitter(ms(10))
        .loss(Probability::percent(20))
        .duplication(Probability::percent(10))
        .reordering(Probability::percent(10), ms(100))
        .corruption(Probability::percent(10))
        .rate(1_000_000)
        .queue(10_000);
    let (sender, receiver, _) = pair(&mut network, link);
    network.boot(sender, ask(&[0x7e; 1500], &done));
    network.boot(receiver, echo);
    assert!(network.run_while(Duration::from_mins(10), || done.get() == 0));
}

#[test]
fn ethernet_hosts_find_each_other() {
    let done = Cell::new(0);
    let mut network = Network::ethernet(15);
    let link = Link::new()
        .latency(ms(1))
        .corruption(Probability::percent(20));
    let (sender, receiver, _) = pair(&mut network, link);
    network.boot(sender, ask(b"ping", &done));
    network.boot(receiver, echo);
    assert!(network.run_while(Duration::from_mins(10), || done.get() == 0));
}

#[test]
fn a_plan_that_cannot_be_is_refused() {
    let mut network = Network::new(16);
    let (a, b, _) = pair(&mut network, Link::new());
    let c = network.add(Host::new("c", cidr([10, 0, 0, 3]))).unwrap();
    assert_eq!(network.link(a, a, Link::new()), Err(Error::SameHost));
    assert_eq!(network.link(b, a, Link::new()), Err(Error::AlreadyLinked));
    assert!(matches!(
        network.add(Host::new("twin", cidr(SENDER))),
        Err(Error::AddressTaken(_))
    ));
    let small = Host::new("small", cidr([10, 0, 0, 4])).mtu(500);
    assert_eq!(network.add(small), Err(Error::MtuTooSmall { least: 576 }));
    let mut other = Network::new(17);
    assert_eq!(other.link(b, c, Link::new()), Err(Error::UnknownHost));
}

/// What no link takes is counted, and doesn't come back.
#[test]
fn a_packet_to_nobody_has_no_route() {
    let mut network = Network::new(18);
    let alone = network.add(Host::new("alone", cidr(SENDER))).unwrap();
    network.boot(alone, flood(5, 100, ms(1)));
    network.run_for(Duration::from_secs(1));
    assert_eq!(network.counters().no_route, 5);
}
