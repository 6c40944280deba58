//! Faults by plan: they hit the packets that were chosen, and no others.

use core::time::Duration;
use std::cell::Cell;

use smoltcp_sim::{End, Link, Loss, Network, Packet, Rule, Segment, Trace};

use crate::plain::{Heard, SENDER, address, ask, at, echo, flood, ms, note, numbers, pair};

/// A TCP exchange under these rules.
fn exchange(medium: fn(u64) -> Network<'static>, rules: Vec<Rule>) -> Trace {
    let done: &'static Cell<u32> = Box::leak(Box::default());
    let mut network = medium(1);
    network.record();
    for rule in rules {
        network.add_rule(rule);
    }
    let (sender, receiver, _) = pair(&mut network, Link::new().latency(ms(20)));
    network.boot(sender, ask(b"ping", done));
    network.boot(receiver, echo);
    network.run_for(Duration::from_secs(30));
    assert_eq!(done.get(), 1, "TCP gets over it");
    network.trace().unwrap().clone()
}

fn segment<'a>(trace: &Trace, packet: &Packet<'a>) -> Option<Segment<'a>> {
    Segment::read(trace.medium(), packet.sent_bytes)
}

#[test]
fn the_second_syn_is_lost_and_nothing_else() {
    for medium in [Network::new, Network::ethernet] {
        // The first SYN's answer is lost, or there would be no second.
        let deaf = Rule::drop().syn_ack().nth(1);
        let trace = exchange(medium, vec![deaf, Rule::drop().syn().nth(2)]);
        let syns: Vec<_> = trace
            .packets()
            .filter(|packet| segment(&trace, packet).is_some_and(|segment| segment.is_syn()))
            .map(|packet| packet.end)
            .collect();
        assert_eq!(syns[1], End::Lost(Loss::Rule));
        assert!(matches!(syns[0], End::Delivered { .. }));
        let lost = |packet: &Packet<'_>| matches!(packet.end, End::Lost(_));
        assert_eq!(trace.packets().filter(lost).count(), 2);
    }
}

#[test]
fn what_sticks_comes_in_front_of_the_next() {
    let heard = Heard::default();
    let mut network = Network::new(2);
    let (sender, receiver, _) = pair(&mut network, Link::new().latency(ms(20)));
    network.boot(sender, flood(30, 100, ms(1)));
    network.boot(receiver, note(&heard));
    network.add_rule(Rule::stick().payload().every(5));
    network.run_for(Duration::from_mins(1));
    // Behind the last of the thirty nothing comes.
    assert_eq!(numbers(&heard), (0..29).collect::<Vec<_>>());
    let counters = network.counters();
    assert_eq!((counters.sent, counters.dropped()), (29, 0));
    assert_eq!(counters.reordered, 0);
}

#[test]
fn every_fifth_datagram_is_lost_from_here() {
    let heard = Heard::default();
    let mut network = Network::new(2);
    let (sender, receiver, _) = pair(&mut network, Link::new());
    network.boot(sender, flood(30, 100, ms(1)));
    network.boot(receiver, note(&heard));
    network.at(at(10), |network| {
        network.add_rule(Rule::drop().payload().every(5));
    });
    network.run_for(Duration::from_secs(1));
    let lost: Vec<_> = (0..30)
        .filter(|number| !numbers(&heard).contains(number))
        .collect();
    assert_eq!(lost, [14, 19, 24, 29]);
    assert_eq!(network.counters().lost_by_rules, 4);
    assert_eq!(network.counters().dropped(), 4);
}

#[test]
fn one_segment_is_late_and_overtaken() {
    let data = Rule::delay(ms(300)).payload().from(address(SENDER)).nth(1);
    let trace = exchange(Network::new, vec![data]);
    let packet = trace.packets().find(|packet| packet.was_held).unwrap();
    assert_eq!(segment(&trace, &packet).unwrap().payload, b"ping");
    let due = packet.sent + ms(320).into();
    assert!(matches!(packet.end, End::Delivered { at, .. } if at == due));
    assert_eq!(trace.packets().filter(|packet| packet.was_held).count(), 1);
}

#[test]
fn one_segment_comes_twice() {
    let fin = Rule::duplicate().fin().nth(2);
    let trace = exchange(Network::new, vec![fin]);
    let copies: Vec<_> = trace.packets().filter(|packet| packet.is_copy).collect();
    assert_eq!(copies.len(), 1);
    assert!(segment(&trace, &copies[0]).unwrap().tcp.unwrap().fin);
}

/// All rules count all packets; the first that hits has its way.
#[test]
fn of_two_rules_the_first_has_its_way() {
    let heard = Heard::default();
    let mut network = Network::new(3);
    network.add_rule(Rule::drop().nth(3));
    network.add_rule(Rule::duplicate().skip(2).times(2));
    let (sender, receiver, _) = pair(&mut network, Link::new());
    network.boot(sender, flood(5, 100, ms(1)));
    network.boot(receiver, note(&heard));
    network.run_for(Duration::from_secs(1));
    assert_eq!(numbers(&heard), [0, 1, 3, 3, 4]);
}
