//! What the second host tells of the link: segment for segment, in virtual time.

mod support;

use std::cell::Cell;
use std::rc::Rc;

use greet_core::probe::{Dial, LinkCounters, Mode, ProbeStack as _};
use greet_core::transport::Stream as _;
use greet_wire::Host;
use greet_wire::smoltcp::phy::Medium;
use greet_wire::smoltcp::wire::TcpControl;
use greet_wire::smoltcp_sim::Segment;
use support::{Desk, Says, segment, settle, shakes_hands};

/// A host that is connected, the port from which it is, and behind which number it has sent its name.
fn connected(desk: &Desk) -> (Host<Desk>, u16, u32) {
    desk.0.borrow_mut().answer = Some(Box::new(shakes_hands));
    let mut host = desk.host();
    host.connect(0, Mode::Name, Dial::Plain).expect("a socket");
    settle(&mut host, 10);
    desk.0.borrow_mut().answer = None;
    let mut stream = host.stream(0).expect("a connection");
    assert!(stream.send(b"Ada").is_ready());
    drop(stream);
    settle(&mut host, 10);
    let sent = desk.sent();
    let name = sent
        .iter()
        .filter_map(|frame| Segment::read(Medium::Ethernet, frame))
        .find(|segment| segment.payload == b"Ada")
        .expect("the name");
    let seq = name.tcp.expect("TCP").seq.0.cast_unsigned();
    (host, name.from.port, seq.wrapping_add(3))
}

fn says(port: u16, ack: u32, seq: u32, payload: &[u8]) -> Vec<u8> {
    let says = Says {
        control: TcpControl::Psh,
        seq,
        ack: Some(ack),
        payload,
    };
    segment(port, &says)
}

fn told(host: &mut Host<Desk>) -> LinkCounters {
    host.link().expect("it tells")
}

#[test]
fn a_handshake_and_a_name_are_counted() {
    let desk = Desk::default();
    let (mut host, port, ack) = connected(&desk);
    desk.comes(says(port, ack, 1001, b"Hello, Ada"));
    settle(&mut host, 1);
    let seen = told(&mut host);
    assert_eq!((seen.received, seen.right_sums_odd), (2, 0), "{seen:?}");
    assert_eq!((seen.sent_again, seen.received_again), (0, 0));
    assert_eq!((seen.out_of_order, seen.wrong_sums), (0, 0));
    assert!(seen.sent >= 3, "SYN, ACK and the name: {seen:?}");
    // It announces no MSS, and a window of 4096.
    assert_eq!((seen.mss, seen.window), (Some(536), Some(4096)));
    assert!(seen.rtt.is_some());
    let nothing = LinkCounters::default();
    assert_eq!((told(&mut host), told(&mut host)), (nothing, nothing));
}

#[test]
fn what_is_sent_again_is_counted_and_times_no_round_trip() {
    let desk = Desk::default();
    // The first SYN is lost.
    let lost = Rc::new(Cell::new(false));
    desk.0.borrow_mut().answer = Some(Box::new({
        let lost = Rc::clone(&lost);
        move |frame| {
            let syn = Segment::read(Medium::Ethernet, frame).is_some_and(|s| s.is_syn());
            if syn && !lost.replace(true) {
                Vec::new()
            } else {
                shakes_hands(frame)
            }
        }
    }));
    let mut host = desk.host();
    host.connect(0, Mode::Name, Dial::Plain).expect("a socket");
    settle(&mut host, 3000);
    let seen = told(&mut host);
    assert_eq!(seen.sent_again, 1, "{seen:?}");
    // Which SYN was answered, nobody knows (RFC 6298, section 3).
    assert_eq!(seen.rtt, None);
}

#[test]
fn what_comes_twice_or_with_a_gap_is_counted() {
    let desk = Desk::default();
    let (mut host, port, ack) = connected(&desk);
    told(&mut host);
    for (seq, payload) in [
        (1001, &b"Hello, "[..]),
        (1001, b"Hello, "), // again
        (1010, b"!!"),      // 1008 and 1009 are missing
        (1012, b""),        // still
        (1008, b"Al"),
        (1010, b"!!"), // again
    ] {
        desk.comes(says(port, ack, seq, payload));
        settle(&mut host, 1);
    }
    let seen = told(&mut host);
    assert_eq!(seen.received, 6, "{seen:?}");
    assert_eq!((seen.received_again, seen.out_of_order), (2, 2), "{seen:?}");
}

#[test]
fn a_wrong_sum_is_counted_by_the_length_of_its_data() {
    let desk = Desk::default();
    let (mut host, port, ack) = connected(&desk);
    told(&mut host);
    for (payload, is_right) in [(&b"odd"[..], false), (b"even", true), (b"even", false)] {
        let mut frame = says(port, ack, 1001, payload);
        if !is_right {
            *frame.last_mut().expect("it has data") ^= 1;
        }
        desk.comes(frame);
        settle(&mut host, 1);
    }
    let seen = told(&mut host);
    assert_eq!((seen.wrong_sums, seen.wrong_sums_odd), (2, 1), "{seen:?}");
    assert_eq!((seen.received, seen.right_sums_odd), (1, 0));
}

/// A connection that closes still isn't taken for the one behind it.
#[test]
fn what_an_earlier_connection_says_is_told_later() {
    let desk = Desk::default();
    let (mut host, port, ack) = connected(&desk);
    desk.0.borrow_mut().answer = Some(Box::new(shakes_hands));
    host.connect(1, Mode::Name, Dial::Plain).expect("a socket");
    settle(&mut host, 10);
    told(&mut host);
    told(&mut host);
    desk.comes(says(port, ack, 1001, b"Hello, Ada"));
    settle(&mut host, 1);
    assert_eq!(told(&mut host).received, 0);
    assert_eq!(told(&mut host).received, 1);
}
