//! Core's polled receiver over a mailbox in memory.

use std::net::{Ipv4Addr, SocketAddr};

use embedded_io::ErrorKind;
use greet_core::receiver::{Event, RETRY, Receiver};
use greet_core::time::Instant;
use greet_tests::memory::Mailbox;
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
