//! However a name is cut on its way, and however its reply: one outcome, and it is the one that the
//! bytes deserve, as a reference of a few lines has it.

use greet_core::error::{Refusal, TextError};
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::{Limits, MAX_TEXT};
use greet_core::machine::{Machine, Service, Want};
use greet_core::time::Instant;
use proptest::prelude::*;

mod stage;

use stage::{Stage, stage};

/// What the protocol says about bytes and FIN, however they come.
fn deserved(bytes: &[u8]) -> Outcome {
    match str::from_utf8(&bytes[..bytes.len().min(MAX_TEXT)]) {
        Err(e) if e.error_len().is_some() || bytes.len() <= MAX_TEXT => refused_at(e.valid_up_to()),
        _ if bytes.len() > MAX_TEXT => Outcome::Refused(Refusal::Name(TextError::TooLong)),
        _ => Outcome::Greeted,
    }
}

/// The same without FIN: what is quiet at last is a name or, at the deadline, late.
fn deserved_without_fin(bytes: &[u8]) -> Outcome {
    match deserved(bytes) {
        Outcome::Greeted if !bytes.is_empty() => Outcome::Greeted,
        Outcome::Refused(why)
            if bytes.len() > MAX_TEXT
                || str::from_utf8(bytes).is_err_and(|e| e.error_len().is_some()) =>
        {
            Outcome::Refused(why)
        }
        _ => Outcome::Refused(Refusal::Late { within_ms: 10_000 }),
    }
}

fn refused_at(at: usize) -> Outcome {
    let at = u16::try_from(at).expect("within a name");
    Outcome::Refused(Refusal::Name(TextError::NotUtf8 { at }))
}

fn reply_to(bytes: &[u8], outcome: Outcome) -> Vec<u8> {
    match outcome {
        Outcome::Refused(why) => format!("Error: {why}\n").into_bytes(),
        _ => [b"Hello, ", bytes].concat(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn cuts_change_nothing(
        bytes in any_bytes(),
        pieces in sizes(),
        replies in sizes(),
    ) {
        let mut exchange = Exchange::new(START, Limits::DEFAULT);
        feed(&mut exchange, &bytes, &pieces);
        exchange.received_fin(START);
        let outcome = deserved(&bytes);
        let reply = take_reply(&mut exchange, &replies);
        prop_assert_eq!(&reply[..], &reply_to(&bytes, outcome)[..]);
        prop_assert_eq!(end(&mut exchange), outcome);
    }

    #[test]
    fn without_fin_quiet_or_the_deadline_ends_it(
        bytes in any_bytes(),
        pieces in sizes(),
        replies in sizes(),
    ) {
        let mut exchange = Exchange::new(START, Limits::DEFAULT);
        feed(&mut exchange, &bytes, &pieces);
        exchange.quiet(START, |len| len < 536);
        if stage(&exchange) == Stage::Reading {
            exchange.timeout(exchange.due());
        }
        let outcome = deserved_without_fin(&bytes);
        let reply = take_reply(&mut exchange, &replies);
        prop_assert_eq!(&reply[..], &reply_to(&bytes, outcome)[..]);
        prop_assert_eq!(end(&mut exchange), outcome);
    }

    /// A place that is used again behaves like a new one.
    #[test]
    fn nothing_of_one_client_reaches_the_next(
        first in any_bytes(),
        second in any_bytes(),
        pieces in sizes(),
        drained in 0..3000_usize,
    ) {
        let mut exchange = Exchange::new(START, Limits::DEFAULT);
        feed(&mut exchange, &first, &pieces);
        exchange.received_fin(START);
        take_reply(&mut exchange, &[usize::MAX]);
        exchange.finished(START);
        feed(&mut exchange, &vec![0xff; drained], &[usize::MAX]);
        exchange.begin(START, &Limits::DEFAULT);
        prop_assert_eq!(stage(&exchange), Stage::Reading);
        prop_assert!(exchange.transmit().is_empty());
        feed(&mut exchange, &second, &pieces);
        exchange.received_fin(START);
        let outcome = deserved(&second);
        let reply = take_reply(&mut exchange, &[usize::MAX]);
        prop_assert_eq!(&reply[..], &reply_to(&second, outcome)[..]);
        prop_assert_eq!(end(&mut exchange), outcome);
    }
}

const START: Instant = Instant::from_millis(77_000);

/// Gives it the bytes in pieces of these sizes, over and over, as far as it wants them.
fn feed(exchange: &mut Exchange, mut bytes: &[u8], pieces: &[usize]) {
    for piece in pieces.iter().cycle() {
        let space = exchange.space();
        let n = space.len().min(bytes.len()).min(*piece);
        if n == 0 {
            return;
        }
        let (now, rest) = bytes.split_at(n);
        space[..n].copy_from_slice(now);
        bytes = rest;
        exchange.received(n, START);
        exchange.timeout(START); // nothing is due yet
        if stage(exchange) != Stage::Reading {
            return;
        }
    }
}

/// Lets the reply leave in pieces of these sizes, and puts it together. What is left to send is
/// always the rest of one reply.
fn take_reply(exchange: &mut Exchange, pieces: &[usize]) -> Vec<u8> {
    assert_eq!(stage(exchange), Stage::Replying);
    let reply = exchange.transmit().to_vec();
    let mut sent = 0;
    for piece in pieces.iter().cycle() {
        if stage(exchange) != Stage::Replying {
            break;
        }
        assert_eq!(exchange.transmit(), &reply[sent..]);
        sent = reply.len().min(sent.saturating_add(*piece));
        exchange.transmitted(*piece, START);
    }
    assert_eq!(sent, reply.len());
    assert_eq!(stage(exchange), Stage::Finishing);
    reply
}

/// FIN both ways.
fn end(exchange: &mut Exchange) -> Outcome {
    exchange.finished(START);
    exchange.received_fin(START);
    assert_eq!(exchange.want(), Want::Done);
    exchange.outcome().expect("it is done")
}

/// Good text and bad, of all lengths, often near 536 and 1024 bytes.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        3 => Just("a"),
        1 => Just("é"),
        1 => Just("世"),
        1 => Just("👋"),
        1 => Just("\u{0}\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}"),
    ];
    let length = prop_oneof![0..8_usize, 530..540_usize, 1018..1030_usize, 0..3000_usize];
    let tail = prop_oneof![
        4 => Just(&[][..]),
        1 => Just(&b"\xff"[..]),
        1 => Just(&b"\x80"[..]),
        1 => Just(&b"\xc3"[..]),
        1 => Just(&b"\xe4\xb8"[..]),
        1 => Just(&b"\xf0\x9f\x91"[..]),
        1 => Just(&b"\xf0\x9fa"[..]),
        1 => Just(&b"\xed\xa0\x80"[..]),
    ];
    let run = (
        text,
        length,
        tail,
        proptest::collection::vec(any::<u8>(), 0..4),
    );
    let runs = run.prop_map(|(text, length, tail, noise)| {
        let mut bytes = text.repeat(length / text.len()).into_bytes();
        bytes.extend_from_slice(tail);
        if length % 5 == 0 {
            bytes.extend(noise);
        }
        bytes
    });
    proptest::collection::vec(runs, 0..3).prop_map(|runs| runs.concat())
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![Just(1), 1..5_usize, 1..2000_usize, Just(usize::MAX)];
    proptest::collection::vec(size, 1..6)
}
