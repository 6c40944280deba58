//! Core's polled responder over a mailbox in memory: what it answers, and what it never may.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use greet_core::receiver::{Receiver, Tally};
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::time::Instant;
use greet_tests::memory::Mailbox;

const START: Instant = Instant::from_millis(50_000);
const FEW: NonZeroU16 = NonZeroU16::new(3).unwrap();

fn from(ip: impl Into<IpAddr>, port: u16) -> SocketAddr {
    SocketAddr::new(ip.into(), port)
}

const SENDER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 4000);

/// Polls until nothing waits, and returns what left.
fn answers<const N: usize>(
    responder: &mut Responder<N>,
    mailbox: &Mailbox,
    now: Instant,
) -> Vec<(Vec<u8>, SocketAddr)> {
    while responder.poll(&mut mailbox.clone(), now, |_| {}) == now {}
    std::iter::from_fn(|| mailbox.fetch()).collect()
}

fn answer_to(datagram: &[u8], sender: SocketAddr) -> (Option<Vec<u8>>, Tally) {
    let mailbox = Mailbox::new();
    mailbox.post(datagram, sender);
    let mut responder = Responder::<8>::new(FEW);
    let mut sent = answers(&mut responder, &mailbox, START);
    assert!(sent.len() <= 1, "one message, one answer");
    let answer = sent.pop().map(|(answer, to)| {
        assert_eq!(to, sender);
        answer
    });
    (answer, *responder.tally())
}

#[test]
fn an_answer_is_not_answered_but_reported() {
    for text in ["Hello, Ada", "Hello, ", "Error: x\n", "Error: "] {
        let (answer, tally) = answer_to(text.as_bytes(), SENDER);
        assert_eq!(answer, None, "{text}");
        assert_eq!((tally.messages, tally.replies), (1, 0));
    }
    // What only looks alike is answered.
    for text in ["Hello,", "hello, Ada", "Error:", " Hello, "] {
        let (answer, _) = answer_to(text.as_bytes(), SENDER);
        assert_eq!(answer, Some(format!("Hello, {text}").into_bytes()));
    }
}

#[test]
fn two_responders_fall_silent() {
    let (a, b) = (Mailbox::new(), Mailbox::new());
    let mut responders = [Responder::<8>::new(FEW), Responder::new(FEW)];
    a.post(b"\xff", SENDER); // forged: it came from the other
    b.post(b"Ada", SENDER);
    for _ in 0..4 {
        for (responder, (own, other)) in responders.iter_mut().zip([(&a, &b), (&b, &a)]) {
            for (answer, _) in answers(responder, own, START) {
                other.post(&answer, SENDER);
            }
        }
    }
    let replies = responders.map(|responder| responder.tally().replies);
    assert_eq!(replies, [1, 1]);
}

#[test]
fn port_0_and_its_own_address_get_nothing() {
    for sender in [from(Ipv4Addr::LOCALHOST, 0), Mailbox::ADDRESS] {
        for datagram in [&b"Ada"[..], b"\xff"] {
            let (answer, tally) = answer_to(datagram, sender);
            assert_eq!(answer, None, "{sender}");
            assert_eq!(tally.messages + tally.not_utf8, 1, "it is still reported");
            assert_eq!((tally.limited, tally.unsent), (0, 0));
        }
    }
    let neighbour = from(Mailbox::ADDRESS.ip(), 8002);
    assert!(answer_to(b"Ada", neighbour).0.is_some());
}

#[test]
fn the_reply_after_a_refusal_is_whole() {
    let mailbox = Mailbox::new();
    for datagram in [&b"\xff"[..], b"Ada", &[b'a'; 1025], b""] {
        mailbox.post(datagram, SENDER);
    }
    let mut responder = Responder::<8>::new(NonZeroU16::MAX);
    let sent = answers(&mut responder, &mailbox, START);
    let sent: Vec<_> = sent.iter().map(|(answer, _)| answer.as_slice()).collect();
    assert_eq!(
        sent,
        [
            &b"Error: message is not UTF-8 at byte 0\n"[..],
            b"Hello, Ada",
            b"Error: message is longer than 1024 bytes\n",
            b"Hello, ",
        ]
    );
}

#[test]
fn a_source_gets_so_many_replies_in_a_second_whatever_its_port() {
    let mailbox = Mailbox::new();
    let mut responder = Responder::<1024>::new(FEW);
    let post = |count: u16, ip: [u8; 4]| {
        for port in 1..=count {
            mailbox.post(b"Ada", from(ip, port));
        }
    };
    post(5, [192, 0, 2, 1]);
    post(2, [192, 0, 2, 2]);
    assert_eq!(answers(&mut responder, &mailbox, START).len(), 3 + 2);
    assert_eq!(responder.tally().limited, 2);
    assert_eq!(responder.tally().messages, 7, "all are reported");

    let same_second = START + Duration::from_millis(999);
    post(1, [192, 0, 2, 1]);
    assert!(answers(&mut responder, &mailbox, same_second).is_empty());
    post(5, [192, 0, 2, 1]);
    let next = START + Duration::from_secs(1);
    assert_eq!(answers(&mut responder, &mailbox, next).len(), 3);
}

#[test]
fn an_address_of_ipv4_and_the_same_mapped_into_ipv6_are_one_source() {
    let mailbox = Mailbox::new();
    let mut responder = Responder::<1024>::new(FEW);
    for ip in [
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V6(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped()),
    ] {
        for port in 1..=3 {
            mailbox.post(b"Ada", from(ip, port));
        }
    }
    assert_eq!(answers(&mut responder, &mailbox, START).len(), 3);
}

/// Every datagram has a sender of its own, so no source reaches its limit.
#[test]
fn a_forged_flood_gets_a_bounded_number_of_replies() {
    let mailbox = Mailbox::new();
    let mut responder = Responder::<8>::new(FEW);
    for sender in 0..10_000_u32 {
        mailbox.post(
            b"Ada",
            from(Ipv6Addr::from_bits(u128::from(sender) << 64), 9),
        );
        mailbox.post(b"Ada", from(Ipv4Addr::from_bits(sender), 9));
    }
    assert_eq!(answers(&mut responder, &mailbox, START).len(), 8 * 3);
    assert_eq!(responder.tally().limited, 20_000 - 8 * 3);
}

/// In the memory that the program takes, from a flood of a fifth as many sources.
#[test]
fn a_flood_of_400_sources_silences_nobody_else() {
    const INNOCENT: u32 = 1_000;
    const SECONDS: u64 = 5;
    let mailbox = Mailbox::new();
    let mut responder = Responder::<2048>::new(REPLIES_PER_SECOND);
    let mut silenced = 0;
    for second in 0..SECONDS {
        let now = START + Duration::from_secs(second);
        // The flood begins before the others and goes on among them.
        for round in 0..INNOCENT {
            for source in 0..if round == 0 { 100 * 400 } else { 40 } {
                let source = (round * 40 + source) % 400;
                mailbox.post(b"flood", from(Ipv4Addr::from_bits(0xc633_6400 + source), 9));
            }
            mailbox.post(b"Ada", from(Ipv4Addr::from_bits(0x0a00_0000 + round), 9));
        }
        let sent = answers(&mut responder, &mailbox, now);
        let innocent = sent.iter().filter(|(answer, _)| answer == b"Hello, Ada");
        silenced += u64::from(INNOCENT) - innocent.count() as u64;
        let flood = sent.iter().filter(|(answer, _)| answer == b"Hello, flood");
        assert!(flood.count() <= 400 * 100, "each has its share at most");
    }
    println!("{silenced} of {} silenced", SECONDS * u64::from(INNOCENT));
    assert!(silenced <= SECONDS, "{silenced}: one of a thousand at most");
}

/// Where there are more sources than places, nobody gets more than its share by being pushed out.
#[test]
fn a_crowd_gives_no_source_more_than_its_share() {
    let mailbox = Mailbox::new();
    let mut responder = Responder::<8>::new(FEW);
    for round in 0..10 {
        for other in 0..40_u8 {
            mailbox.post(b"Ada", SENDER);
            mailbox.post(b"Ada", from([10, 0, round, other], 9));
        }
    }
    let sent = answers(&mut responder, &mailbox, START);
    let own = sent.iter().filter(|(_, to)| *to == SENDER).count();
    assert!(own <= 3, "{own}");
    assert_eq!(sent.len(), 8 * 3);
}

/// A crowd fills the rows in another way with another key, and in another second.
#[test]
fn a_key_chooses_who_shares() {
    let answered = |key, second| {
        let mailbox = Mailbox::new();
        let mut responder = Responder::<32>::new(FEW).keyed(key);
        for flood in 0..40 {
            for _ in 0..3 {
                mailbox.post(b"Ada", from([10, 0, 0, flood], 9));
            }
        }
        let sent = answers(
            &mut responder,
            &mailbox,
            Instant::at(Duration::from_secs(second)),
        );
        sent.len()
    };
    let first = answered(0, 50);
    assert!((1..100).any(|key| answered(key, 50) != first));
    assert!((1..100).any(|second| answered(0, second) != first));
}

#[test]
fn a_full_socket_delays_nobody() {
    let mailbox = Mailbox::new();
    mailbox.narrow(1);
    let mut responder = Responder::<8>::new(FEW);
    for _ in 0..3 {
        mailbox.post(b"Ada", SENDER);
    }
    assert_eq!(answers(&mut responder, &mailbox, START).len(), 1);
    assert_eq!(mailbox.waiting(), 0);
    assert_eq!(
        (responder.tally().replies, responder.tally().unsent),
        (1, 2)
    );
}

#[test]
fn a_flood_leaves_time_for_other_work() {
    let mailbox = Mailbox::new();
    let mut responder = Responder::<8>::new(FEW);
    for _ in 0..Receiver::BATCH + 3 {
        mailbox.post(b"a", SENDER);
    }
    let mut socket = mailbox.clone();
    assert_eq!(responder.poll(&mut socket, START, |_| {}), START);
    assert_eq!(mailbox.waiting(), 3);
    assert_eq!(responder.poll(&mut socket, START, |_| {}), Instant::NEVER);
}
