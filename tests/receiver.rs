//! Core's polled receiver over a mailbox in memory; and how it, and greet-std's own, show every
//! datagram of the probe's table.

use std::net::{self, Ipv4Addr, SocketAddr};
use std::thread;

use embedded_io::ErrorKind;
use greet_core::receiver::{Event, RETRY, Receiver};
use greet_core::time::Instant;
use greet_core::transport::Datagrams;
use greet_std::UdpSocket;
use greet_tests::memory::Mailbox;
use greet_tests::table::messages;
use proptest::prelude::*;

const START: Instant = Instant::from_millis(50_000);

fn sender(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn poll(receiver: &mut Receiver, mailbox: &Mailbox) -> (Vec<String>, Instant) {
    let mut events = Vec::new();
    let next = receiver.poll(&mut mailbox.clone(), START, |event| {
        events.push(match event {
            Event::Message { from, text } => format!("{}: {}", from.port(), text.as_str()),
            Event::Refused { from, why } => format!("{}! {why}", from.port()),
            Event::Failed { error } => format!("failed: {error}"),
            _ => panic!("an event that this test doesn't know"),
        });
    });
    (events, next)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Each datagram is reported once, in order, as a reference of three lines has it.
    #[test]
    fn every_datagram_is_a_message_or_is_reported(
        posted in proptest::collection::vec((0..1100_usize, any::<char>(), any::<u8>()), 0..60),
        forgetful in any::<bool>(),
    ) {
        let mailbox = if forgetful { Mailbox::forgetting_lengths() } else { Mailbox::new() };
        let mut receiver = Receiver::new();
        let mut expected = Vec::new();
        let mut counts = [0; 3];
        for (port, (length, character, noise)) in (1..).zip(posted) {
            let mut datagram = character.to_string().repeat(length / 2).into_bytes();
            if noise < 100 {
                datagram.push(noise * 2);
            }
            mailbox.post(&datagram, sender(port));
            let (kind, report) = match str::from_utf8(&datagram) {
                _ if datagram.len() > 1024 => (0, "! message is longer than 1024 bytes".to_owned()),
                Err(e) => (1, format!("! message is not UTF-8 at byte {}", e.valid_up_to())),
                Ok(text) => (2, format!(": {text}")),
            };
            counts[kind] += 1;
            expected.push(format!("{port}{report}"));
        }
        prop_assert_eq!(poll(&mut receiver, &mailbox), (expected, Instant::NEVER));
        let tally = *receiver.tally();
        prop_assert_eq!([tally.too_long, tally.not_utf8, tally.messages], counts);
    }
}

#[test]
fn a_flood_leaves_time_for_other_work() {
    let mailbox = Mailbox::new();
    let mut receiver = Receiver::new();
    for _ in 0..Receiver::BATCH + 3 {
        mailbox.post(b"a", sender(9));
    }
    let (events, next) = poll(&mut receiver, &mailbox);
    assert_eq!((events.len(), next), (Receiver::BATCH, START));
    let (events, next) = poll(&mut receiver, &mailbox);
    assert_eq!((events.len(), next), (3, Instant::NEVER));
}

#[test]
fn what_waits_behind_a_failure_is_fetched_later() {
    let mailbox = Mailbox::new();
    let mut receiver = Receiver::new();
    mailbox.post(b"a", sender(9));
    mailbox.fail(ErrorKind::ConnectionRefused);
    mailbox.post(b"b", sender(9));
    let (events, next) = poll(&mut receiver, &mailbox);
    assert_eq!(events, ["9: a", "failed: ConnectionRefused"]);
    assert_eq!(next, START + RETRY);
    assert_eq!(
        poll(&mut receiver, &mailbox),
        (vec!["9: b".to_owned()], Instant::NEVER)
    );
}

/// What a person sees of each datagram of the table, or is told instead.
fn known() -> Vec<(&'static str, Result<String, String>)> {
    let full = "a".repeat(1024);
    [
        ("udp/ada", Ok("Ada")),
        ("udp/plain", Ok("Hello, UDP!")),
        ("udp/empty", Ok("")),
        ("udp/chinese", Ok("你好")),
        ("udp/full", Ok(&*full)),
        ("udp/too-long", Err("message is longer than 1024 bytes")),
        ("udp/too-long-far", Err("message is longer than 1024 bytes")),
        ("udp/not-utf8", Err("message is not UTF-8 at byte 1")),
        // It can't forge a second line.
        (
            "udp/forged-line",
            Ok(r"x\nReceived message: y from 127.0.0.1:1"),
        ),
        // It can't drive the terminal, by characters of 8 bits neither.
        ("udp/terminal", Ok(r"\u{1b}[2J\u{7}\r")),
        ("udp/bidi", Ok(r"a\u{202e}b")),
        ("udp/c1", Ok(r"a\u{9b}2Jb")),
        ("udp/loop-greeting", Ok("Hello, Ada")),
        ("udp/loop-refusal", Ok(r"Error: x\n")),
    ]
    .map(|(id, report)| (id, report.map(str::to_owned).map_err(str::to_owned)))
    .into()
}

fn assert_known(reports: Vec<Result<String, String>>, how: &str) {
    let ids = messages().map(|message| message.id);
    assert_eq!(ids.zip(reports).collect::<Vec<_>>(), known(), "{how}");
}

/// What a receiver says of a datagram, as text.
fn report<E: std::fmt::Display>(event: &Event<'_, E>) -> Result<String, String> {
    match event {
        Event::Message { text, .. } => Ok(text.to_string()),
        Event::Refused { why, .. } => Err(why.to_string()),
        Event::Failed { error } => panic!("{error}"),
        _ => panic!("an event that this test doesn't know"),
    }
}

/// What core's receiver says of all that waits, or comes soon.
fn reports<D: Datagrams>(mut datagrams: D, count: usize) -> Vec<Result<String, String>>
where
    D::Error: std::fmt::Display,
{
    let (mut receiver, mut reports) = (Receiver::new(), Vec::new());
    while reports.len() < count {
        receiver.poll(&mut datagrams, START, |event| reports.push(report(&event)));
        thread::yield_now();
    }
    reports
}

/// Sends the whole table from one socket: on loopback it stays in order.
fn send_all(to: SocketAddr) {
    let socket = net::UdpSocket::bind((to.ip(), 0)).unwrap();
    for message in messages() {
        socket.send_to(&message.datagram, to).unwrap();
    }
}

#[test]
fn every_datagram_of_the_table_is_shown_or_refused() {
    for mailbox in [Mailbox::new(), Mailbox::forgetting_lengths()] {
        for message in messages() {
            mailbox.post(&message.datagram, sender(9));
        }
        let waiting = mailbox.waiting();
        assert_known(reports(mailbox, waiting), "memory");
    }
}

#[test]
fn every_datagram_of_the_table_is_shown_or_refused_over_sockets() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    send_all(socket.get_ref().local_addr().unwrap());
    assert_known(reports(socket, messages().count()), "std, polled");
}

#[test]
fn every_datagram_of_the_table_is_shown_or_refused_by_the_desktop() {
    let receiver = greet_std::Receiver::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let handle = receiver.handle();
    send_all(receiver.local_addr());
    let (count, mut reports) = (messages().count(), Vec::new());
    receiver
        .run(|event| {
            reports.push(report(&event));
            if reports.len() == count {
                handle.stop();
            }
        })
        .unwrap();
    assert_known(reports, "std");
}
