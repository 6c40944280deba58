//! Questions to everybody, over simulated networks: each board is found, whatever the links lose, answers from
//! its own address, and a flood gets no more than its share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use greet_core::responder::Responder;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, UdpBuffers};
use greet_tests::moments;
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket, UdpMetadata};
use smoltcp::time::Instant;
use smoltcp::wire::{IpCidr, IpEndpoint};
use smoltcp_sim::{Boot, Host, HostId, Link, Network, Probability, Stack as Plain};

const PORT: u16 = 8001;

/// When questions go out, in milliseconds: as `greet find` asks.
const ASKED_AT: [i64; 6] = [0, 250, 750, 1_750, 3_750, 7_750];

/// How often each address answered, each question for itself.
type Answers = BTreeMap<SocketAddr, BTreeMap<String, usize>>;

fn cidr(address: &str) -> IpCidr {
    address.parse().expect("an address")
}

/// A board that answers so many messages of a source in a second.
fn board(network: &mut Network<'_>, name: &str, own: [&str; 2], share: u16) -> HostId {
    let host = Host::new(name, cidr(own[0])).address(cidr(own[1]));
    let host = network.add(host).expect("a host");
    let share = NonZeroU16::new(share).expect("some");
    network.boot_program(host, move |boot: Boot| {
        let slots = Box::leak(Box::new(SocketSlots::<1, 0>::new()));
        let buffers = Box::leak(Box::new(UdpBuffers::<16, 4096, 4096>::new()));
        let config = boot.config();
        let stack = Stack::new(boot.card, config, &boot.addresses, slots);
        let mut stack = stack.expect("the addresses fit the card");
        let binding = stack.net().bind(buffers, PORT).expect("a slot");
        let mut responder = Responder::<8>::new(share);
        move |now| {
            let now = moments::core(now);
            let next = stack.poll(now, |net| {
                responder.poll(&mut binding.on(net), now, |_event| ())
            });
            moments::simulated(next)
        }
    });
    host
}

/// A host that asks at these times, each time all these ways, and notes who answers.
fn asker<'a>(
    network: &mut Network<'a>,
    own: [&'static str; 2],
    ways: &'static [(&'static str, &'static str)],
    times: impl Iterator<Item = Instant> + Clone + 'a,
    answers: &'a RefCell<Answers>,
) -> HostId {
    let host = Host::new("asker", cidr(own[0])).address(cidr(own[1]));
    let host = network.add(host).expect("a host");
    network.boot(host, move |stack: &mut Plain| {
        let buffer = || PacketBuffer::new(vec![PacketMetadata::EMPTY; 64], vec![0; 8192]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.bind(40_000).expect("a port");
        let handle = stack.sockets.add(socket);
        let mut times = times.clone().peekable();
        let mut number = 0;
        move |stack: &mut Plain, now: Instant| {
            let socket = stack.sockets.get_mut::<Socket<'_>>(handle);
            while times.next_if(|time| *time <= now).is_some() {
                for (from, to) in ways {
                    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
                    let mut meta = UdpMetadata::from(IpEndpoint::new(ip(to).into(), PORT));
                    meta.local_address = Some(ip(from).into());
                    let question = format!("greet-find {number}");
                    socket.send_slice(question.as_bytes(), meta).expect("room");
                    number += 1;
                }
            }
            while let Ok((answer, meta)) = socket.recv() {
                let answer = String::from_utf8_lossy(answer).into_owned();
                let mut answers = answers.borrow_mut();
                let of_it = answers.entry(meta.endpoint.into()).or_default();
                *of_it.entry(answer).or_default() += 1;
            }
            times.peek().copied()
        }
    });
    host
}

fn at(addresses: &[&str]) -> Vec<SocketAddr> {
    let at = |ip: &&str| SocketAddr::new(ip.parse().expect("an address"), PORT);
    let mut all: Vec<_> = addresses.iter().map(at).collect();
    all.sort_unstable();
    all
}

#[test]
fn every_board_is_found_whatever_the_links_lose() {
    let mut lost = 0;
    for seed in 0..20 {
        let answers = RefCell::default();
        let mut network = Network::ethernet(seed);
        let times = ASKED_AT.iter().map(|millis| Instant::from_millis(*millis));
        let ways = &[
            ("10.0.0.1", "255.255.255.255"),
            ("10.0.0.1", "10.0.0.255"),
            ("fe80::1", "ff02::1"),
        ];
        let own = ["10.0.0.1/24", "fe80::1/64"];
        let asker = asker(&mut network, own, ways, times, &answers);
        for (name, own) in [
            ("seven", ["10.0.0.7/24", "fe80::7/64"]),
            ("eight", ["fe80::8/64", "10.0.0.8/24"]),
            ("nine", ["10.0.0.9/24", "fe80::9/64"]),
        ] {
            let board = board(&mut network, name, own, 100);
            let link = Link::new()
                .latency(Duration::from_millis(2))
                .loss(Probability::percent(20));
            network.link(asker, board, link).expect("a link");
        }
        network.run_for(Duration::from_secs(20));
        lost += network.counters().lost;
        drop(network);
        let answers = answers.into_inner();
        let found: Vec<_> = answers.keys().copied().collect();
        let expected = at(&[
            "10.0.0.7", "10.0.0.8", "10.0.0.9", "fe80::7", "fe80::8", "fe80::9",
        ]);
        assert_eq!(found, expected, "seed {seed}");
        for (answer, times) in answers.values().flatten() {
            assert!(answer.starts_with("Hello, greet-find "), "{answer}");
            assert_eq!(*times, 1, "each answers a question once: {answer}");
        }
    }
    assert!(lost > 0, "the links lost something");
}

#[test]
fn of_two_networks_the_one_that_asked_gets_the_answer() {
    let answers = RefCell::default();
    let mut network = Network::ethernet(1);
    let ways = &[
        ("10.1.0.1", "10.1.0.255"),
        ("10.0.0.1", "10.0.0.255"),
        ("10.1.0.1", "255.255.255.255"),
        ("10.0.0.1", "255.255.255.255"),
    ];
    let own = ["10.0.0.1/24", "10.1.0.1/24"];
    let once = std::iter::once(Instant::ZERO);
    let asker = asker(&mut network, own, ways, once, &answers);
    let board = board(&mut network, "board", ["10.0.0.7/24", "10.1.0.7/24"], 100);
    network.link(asker, board, Link::new()).expect("a link");
    network.run_for(Duration::from_secs(5));
    drop(network);
    let answers = answers.into_inner();
    let of = |address: &str| -> Vec<_> {
        let of = answers.get(&at(&[address])[0]);
        of.map(|answers| answers.keys().cloned().collect())
            .unwrap_or_default()
    };
    assert_eq!(
        of("10.1.0.7"),
        ["Hello, greet-find 0", "Hello, greet-find 2"]
    );
    assert_eq!(
        of("10.0.0.7"),
        ["Hello, greet-find 1", "Hello, greet-find 3"]
    );
    assert_eq!(answers.len(), 2);
}

/// A hundred questions in a second for ten seconds, to each of two boards that grant three.
#[test]
fn a_flood_of_questions_gets_a_share_of_each_second() {
    let answers = RefCell::default();
    let mut network = Network::ethernet(1);
    let times = (0..1_000).map(|number| Instant::from_millis(number * 10));
    let own = ["10.0.0.1/24", "fe80::1/64"];
    let ways = &[("10.0.0.1", "10.0.0.255")];
    let asker = asker(&mut network, own, ways, times, &answers);
    for (name, own) in [
        ("seven", ["10.0.0.7/24", "fe80::7/64"]),
        ("eight", ["10.0.0.8/24", "fe80::8/64"]),
    ] {
        let board = board(&mut network, name, own, 3);
        network.link(asker, board, Link::new()).expect("a link");
    }
    network.run_for(Duration::from_secs(20));
    drop(network);
    let answers = answers.into_inner();
    assert_eq!(answers.len(), 2);
    for (board, answers) in &answers {
        assert_eq!(answers.len(), 3 * 10, "{board}");
    }
}
