//! Nothing goes on for ever at one moment: time passes for programs that never rest, and what is
//! due at the end of time never is.

use core::time::Duration;
use std::cell::Cell;

use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::socket::udp;
use smoltcp::time::Instant;
use smoltcp::wire::Ipv4Packet;
use smoltcp_sim::{Boot, Host, Link, Network, Probability, Stack};

use crate::plain::{
    Heard, Polled, RECEIVER, SENDER, address, at, cidr, flood, ms, note, pair, udp_socket,
};

/// As many datagrams as a sender can get rid of. Were time to stand still, all of them would leave.
const MANY: u32 = 200_000;

/// Sends whenever it can, and asks for no time to be polled at.
fn restless(stack: &mut Stack) -> Polled<'static> {
    let handle = stack.sockets.add(udp_socket());
    let socket = stack.sockets.get_mut::<udp::Socket<'_>>(handle);
    socket.bind(7).unwrap();
    let mut sent = 0;
    Box::new(move |stack, _| {
        let socket = stack.sockets.get_mut::<udp::Socket<'_>>(handle);
        while sent < MANY && socket.send_slice(&[0; 100], (address(RECEIVER), 9)).is_ok() {
            sent += 1;
        }
        None
    })
}

#[test]
fn a_sender_that_never_rests_is_paced_by_its_card() {
    let heard = Heard::default();
    let mut network = Network::new(1);
    let (sender, receiver, _) = pair(&mut network, Link::new());
    network.boot(sender, restless);
    network.boot(receiver, note(&heard));
    network.run_for(ms(10));
    // 100 bytes and 28 of headers take 1.024 µs at 1 Gbit/s.
    let sent = network.counters().sent;
    assert!((9_765..9_765 + 300).contains(&sent), "{sent}");
    assert_eq!(network.now(), at(10));
}

#[test]
fn a_sender_that_never_rests_is_paced_by_its_link() {
    for lost in [0, 100] {
        let heard = Heard::default();
        let mut network = Network::new(2);
        let link = Link::new().loss(Probability::percent(lost));
        // 1,000 of them in a second.
        let (sender, receiver, _) = pair(&mut network, link.rate(1_024_000));
        network.boot(sender, restless);
        network.boot(receiver, note(&heard));
        network.run_for(Duration::from_secs(1));
        let sent = network.counters().sent;
        assert!((1_000..1_000 + 300).contains(&sent), "{sent}");
    }
}

/// What the queue of a link has no room for is dropped, and leaves its card at once.
#[test]
fn a_link_that_drops_holds_no_sender_up() {
    let heard = Heard::default();
    let mut network = Network::new(3);
    let link = Link::new().rate(1_024_000).queue(1_280);
    let (sender, receiver, _) = pair(&mut network, link);
    network.boot(sender, restless);
    network.boot(receiver, note(&heard));
    network.run_for(ms(10));
    let counters = network.counters();
    assert!(counters.sent > 9_765, "{}", counters.sent);
    assert_eq!(
        counters.sent - counters.queue_full,
        20,
        "ten wait, ten left"
    );
}

#[test]
fn hosts_that_echo_each_other_do_not_stop_the_clock() {
    let echoes = Cell::new(0);
    let mut network = Network::new(4);
    let (a, b, _) = pair(&mut network, Link::new());
    let echoes = &echoes;
    for (host, other) in [(a, RECEIVER), (b, SENDER)] {
        network.boot(host, move |stack: &mut Stack| -> Polled<'_> {
            let handle = stack.sockets.add(udp_socket());
            let socket = stack.sockets.get_mut::<udp::Socket<'_>>(handle);
            socket.bind(9).unwrap();
            socket.send_slice(b"echo", (address(other), 9)).unwrap();
            Box::new(move |stack, _| {
                let socket = stack.sockets.get_mut::<udp::Socket<'_>>(handle);
                while let Ok((datagram, from)) = socket.recv() {
                    let datagram = datagram.to_vec();
                    let _ = socket.send_slice(&datagram, from.endpoint);
                    echoes.set(echoes.get() + 1);
                }
                None
            })
        });
    }
    let stopped = network.run_while(ms(1), || echoes.get() < MANY);
    assert!(!stopped, "{} echoes at {:?}", echoes.get(), network.now());
    assert_eq!(network.now(), at(1));
}

/// Answers to what came need no room of their own.
#[test]
fn cards_that_answer_each_other_do_not_stop_the_clock() {
    let answers = Cell::new(0);
    let mut network = Network::new(5);
    let (a, b, _) = pair(&mut network, Link::new());
    let answers = &answers;
    for (host, begins) in [(a, true), (b, false)] {
        network.boot_program(host, move |mut boot: Boot| {
            let mut begins = begins;
            move |_: Instant| {
                if std::mem::take(&mut begins) {
                    let room = boot.card.transmit(Instant::ZERO).unwrap();
                    room.consume(20, |frame| {
                        let mut packet = Ipv4Packet::new_unchecked(frame);
                        packet.set_version(4);
                        packet.set_header_len(20);
                        packet.set_total_len(20);
                        packet.set_src_addr(SENDER.into());
                        packet.set_dst_addr(RECEIVER.into());
                    });
                }
                while let Some((frame, room)) = boot.card.receive(Instant::ZERO) {
                    let mut answer = frame.consume(<[u8]>::to_vec);
                    let mut packet = Ipv4Packet::new_unchecked(&mut answer);
                    let (from, to) = (packet.src_addr(), packet.dst_addr());
                    packet.set_src_addr(to);
                    packet.set_dst_addr(from);
                    room.consume(answer.len(), |frame| frame.copy_from_slice(&answer));
                    answers.set(answers.get() + 1);
                }
                None
            }
        });
    }
    let stopped = network.run_while(ms(1), || answers.get() < MANY);
    assert!(!stopped, "{} at {:?}", answers.get(), network.now());
    assert!(answers.get() > 1_000, "{}", answers.get());
}

#[test]
fn what_is_due_at_the_end_of_time_never_is() {
    let polls = Cell::new(0);
    let mut network = Network::new(6);
    for (address, drift) in [(SENDER, 0), (RECEIVER, i32::MAX)] {
        let host = Host::new("host", cidr(address)).drift(drift);
        let host = network.add(host).unwrap();
        network.boot(host, |_: &mut Stack| {
            |_: &mut Stack, _| {
                polls.set(polls.get() + 1);
                assert!(polls.get() < 10, "it is polled for ever");
                Some(Instant::from_micros(i64::MAX))
            }
        });
    }
    network.run_for(Duration::MAX);
    assert_eq!(network.next_event(), None);
    network.run_for(Duration::MAX);
    assert_eq!(polls.get(), 3, "the fast clock comes to its end before");
}

#[test]
fn packets_that_never_arrive_do_not_stop_the_clock() {
    let heard = Heard::default();
    let mut network = Network::new(7);
    let (sender, receiver, _) = pair(&mut network, Link::new().latency(Duration::MAX));
    network.boot(sender, flood(1, 100, Duration::ZERO));
    network.boot(receiver, note(&heard));
    network.run_for(Duration::MAX);
    assert_eq!(heard.borrow().len(), 0);
}
