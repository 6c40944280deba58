//! What time does to an exchange: at the very moment, and not a microsecond before.

use core::task::Poll;
use core::time::Duration;

use embedded_io::{ErrorKind, ErrorType};
use greet_core::drive::drive;
use greet_core::error::{Abandonment, Refusal, TextError};
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::{DEFAULT_MSS, Limits};
use greet_core::machine::{Machine, Service};
use greet_core::time::Instant;
use greet_core::transport::Stream;

mod stage;

use stage::{Stage, stage};

const START: Instant = Instant::from_micros(3_000_000_001);
const TICK: Duration = Duration::from_micros(1);
const LIMITS: Limits = Limits::DEFAULT;

const LATE: Outcome = Outcome::Refused(Refusal::Late { within_ms: 10_000 });
const NOT_UTF8: Outcome = Outcome::Refused(Refusal::Name(TextError::NotUtf8 { at: 0 }));
const UNREAD: Outcome = Outcome::Abandoned(Abandonment::Unread);

/// The timeout is at `at`; nothing happens before, and the status is another then.
#[track_caller]
fn changes_at(exchange: &mut Exchange, at: Instant, after: Stage) {
    let before = stage(exchange);
    assert_eq!(exchange.due(), at);
    exchange.timeout(at - TICK);
    assert_eq!(stage(exchange), before, "too early");
    assert_eq!(exchange.due(), at);
    exchange.timeout(at);
    assert_eq!(stage(exchange), after);
}

fn tcp(len: usize) -> bool {
    len < DEFAULT_MSS
}

fn with_name(len: usize, now: Instant) -> Exchange {
    let mut exchange = Exchange::new(START, LIMITS);
    receive(&mut exchange, &vec![b'a'; len], now);
    exchange
}

fn receive(exchange: &mut Exchange, bytes: &[u8], now: Instant) {
    exchange.space()[..bytes.len()].copy_from_slice(bytes);
    exchange.received(bytes.len(), now);
}

/// A refusal whose last byte and FIN have left at `now`.
fn draining(limits: Limits, now: Instant) -> Exchange {
    let mut exchange = Exchange::new(START, limits);
    receive(&mut exchange, b"\xff", now);
    exchange.transmitted(usize::MAX, START);
    exchange.finished(now);
    exchange
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest limits, in the units in which they are kept.
const MOST_MICROS: Duration = Duration::from_micros(u32::MAX as u64);
const MOST_MILLIS: Duration = Duration::from_millis(u32::MAX as u64);

#[test]
fn an_uptime_of_years_counts_as_one_of_seconds() {
    for days in [1, 8, 9, 10, 50, 366, 100_000, 100_000_000] {
        let start = Instant::at(days * DAY + TICK);
        let mut exchange = Exchange::new(start, LIMITS);
        changes_at(&mut exchange, start + LIMITS.deadline(), Stage::Replying);
    }
}

#[test]
fn a_deadline_is_kept_to_the_millisecond_up_to_49_days() {
    let last = Duration::from_millis(1);
    for (deadline, kept) in [295_000, 295_999, 296_000, 300_001, 3_600_000]
        .map(Duration::from_millis)
        .map(|exact| (exact, exact))
        .into_iter()
        .chain([
            (40 * DAY + last, 40 * DAY + last),
            // In the second in which the kept number ends.
            (MOST_MILLIS, MOST_MILLIS),
            (MOST_MILLIS + 700 * last, MOST_MILLIS),
            (50 * DAY, MOST_MILLIS),
            (Duration::MAX, MOST_MILLIS),
        ])
    {
        let mut exchange = Exchange::new(START, LIMITS.with_deadline(deadline));
        changes_at(&mut exchange, START + kept, Stage::Replying);
    }
}

#[test]
fn settling_and_draining_are_kept_to_the_microsecond_up_to_71_minutes() {
    for (limit, kept) in [967_295, 967_296, 300_000_001, 4_293_999_999]
        .map(Duration::from_micros)
        .map(|exact| (exact, exact))
        .into_iter()
        .chain([
            (MOST_MICROS, MOST_MICROS),
            // Still in the second in which the kept number ends.
            (MOST_MICROS + 30_000 * TICK, MOST_MICROS),
            (Duration::from_secs(72 * 60), MOST_MICROS),
            (DAY, MOST_MICROS),
            (Duration::MAX, MOST_MICROS),
        ])
    {
        let limits = LIMITS
            .with_settle(limit)
            .with_drain_time(limit)
            .with_deadline(DAY);
        let mut exchange = Exchange::new(START, limits);
        receive(&mut exchange, &[b'a'; DEFAULT_MSS], START);
        exchange.quiet(START, tcp);
        changes_at(&mut exchange, START + kept, Stage::Replying);

        let mut exchange = draining(limits, START);
        changes_at(&mut exchange, START + kept, Stage::Done(NOT_UTF8));
    }
}

#[test]
fn a_short_name_is_complete_when_quiet() {
    let mut exchange = with_name(DEFAULT_MSS - 1, START);
    assert_eq!(stage(&exchange), Stage::Reading);
    exchange.quiet(START, tcp);
    assert_eq!(stage(&exchange), Stage::Replying);
}

#[test]
fn a_longer_name_settles() {
    let mut exchange = with_name(DEFAULT_MSS, START);
    exchange.quiet(START + TICK, tcp);
    exchange.quiet(START + 7 * TICK, tcp); // still the same quiet
    let settled = START + TICK + LIMITS.settle();
    changes_at(&mut exchange, settled, Stage::Replying);
    assert_eq!(exchange.name().map(|name| name.as_bytes().len()), Some(536));
}

#[test]
fn every_byte_starts_the_settling_anew() {
    let mut exchange = with_name(DEFAULT_MSS, START);
    exchange.quiet(START, tcp);
    let later = START + LIMITS.settle() - TICK;
    receive(&mut exchange, b"b", later);
    // Not even quiet yet: only the deadline is set.
    assert_eq!(exchange.due(), START + LIMITS.deadline());
    exchange.timeout(later + LIMITS.settle());
    assert_eq!(stage(&exchange), Stage::Reading);
    exchange.quiet(later, tcp);
    changes_at(&mut exchange, later + LIMITS.settle(), Stage::Replying);
}

#[test]
fn no_name_settles_inside_a_character() {
    let mut exchange = with_name(DEFAULT_MSS, START);
    receive(&mut exchange, "世".as_bytes().split_at(2).0, START);
    exchange.quiet(START, tcp);
    changes_at(&mut exchange, START + LIMITS.deadline(), Stage::Replying);
    assert_eq!(exchange.transmit(), b"Error: no name within 10 s\n");
}

#[test]
fn nothing_comes_until_the_deadline() {
    let mut exchange = Exchange::new(START, LIMITS);
    exchange.quiet(START, tcp);
    changes_at(&mut exchange, START + LIMITS.deadline(), Stage::Replying);
    exchange.transmitted(usize::MAX, START);
    let sent = START + LIMITS.deadline() + TICK;
    exchange.finished(sent);
    changes_at(&mut exchange, sent + LIMITS.drain_time(), Stage::Done(LATE));
}

#[test]
fn a_name_that_settles_at_the_deadline_is_in_time() {
    let deadline = START + LIMITS.deadline();
    let mut exchange = with_name(DEFAULT_MSS, START);
    exchange.quiet(deadline - LIMITS.settle(), tcp);
    changes_at(&mut exchange, deadline, Stage::Replying);
    assert!(exchange.transmit().starts_with(b"Hello, "));

    // Also if the driver comes late.
    let mut exchange = with_name(DEFAULT_MSS, START);
    exchange.quiet(deadline - LIMITS.settle(), tcp);
    exchange.timeout(deadline + LIMITS.deadline());
    assert!(exchange.transmit().starts_with(b"Hello, "));
}

#[test]
fn a_name_that_would_settle_after_the_deadline_is_late() {
    let deadline = START + LIMITS.deadline();
    let mut exchange = with_name(DEFAULT_MSS, START);
    exchange.quiet(deadline - LIMITS.settle() + TICK, tcp);
    changes_at(&mut exchange, deadline, Stage::Replying);
    assert!(exchange.transmit().starts_with(b"Error: "));

    // Also if the driver comes after both.
    let mut exchange = with_name(DEFAULT_MSS, START);
    exchange.quiet(deadline - LIMITS.settle() + TICK, tcp);
    exchange.timeout(deadline + TICK);
    assert!(exchange.transmit().starts_with(b"Error: "));
}

#[test]
fn a_greeting_that_nobody_takes_is_abandoned_at_the_deadline() {
    let deadline = START + LIMITS.deadline();
    for sent in [0, 11, 12] {
        let mut exchange = with_name(5, START);
        exchange.quiet(START, tcp);
        exchange.transmitted(sent, START); // 12: all, but FIN didn't follow
        changes_at(&mut exchange, deadline, Stage::Done(UNREAD));
        assert_eq!(exchange.name(), None);
    }
}

#[test]
fn a_refusal_has_the_drain_time_to_leave() {
    let now = START + 5 * TICK;
    let mut exchange = Exchange::new(START, LIMITS);
    receive(&mut exchange, b"\xff", now);
    changes_at(
        &mut exchange,
        now + LIMITS.drain_time(),
        Stage::Done(UNREAD),
    );
}

#[test]
fn draining_ends_with_time() {
    let now = START + 5 * TICK;
    let mut exchange = draining(LIMITS, now);
    assert_eq!(stage(&exchange), Stage::Reading);
    let end = now + LIMITS.drain_time();
    changes_at(&mut exchange, end, Stage::Done(NOT_UTF8));
}

#[test]
fn draining_ends_with_fin() {
    let mut exchange = draining(LIMITS, START);
    exchange.quiet(START, tcp);
    assert_eq!(stage(&exchange), Stage::Reading);
    exchange.received_fin(START);
    assert_eq!(stage(&exchange), Stage::Done(NOT_UTF8));
}

#[test]
fn draining_ends_with_the_last_byte_granted() {
    let mut exchange = draining(LIMITS, START);
    let mut drained = 0;
    while stage(&exchange) == Stage::Reading {
        let room = exchange.space().len();
        assert!(room > 0);
        exchange.received(room - 1, START); // never quite full
        drained += room - 1;
        if room == 1 {
            exchange.received(1, START);
            drained += 1;
        }
    }
    assert_eq!(drained, 64 * 1024);
    assert_eq!(stage(&exchange), Stage::Done(NOT_UTF8));
}

#[test]
fn no_byte_granted_is_no_draining() {
    let limits = LIMITS.with_drain_bytes(0);
    let exchange = draining(limits, START);
    assert_eq!(stage(&exchange), Stage::Done(NOT_UTF8));
}

#[test]
fn no_time_granted_is_no_waiting() {
    let limits = LIMITS
        .with_settle(Duration::ZERO)
        .with_deadline(Duration::ZERO)
        .with_drain_time(Duration::ZERO);
    let mut exchange = Exchange::new(START, limits);
    changes_at(&mut exchange, START, Stage::Replying);
    assert_eq!(exchange.transmit(), b"Error: no name within 0 s\n");
    changes_at(&mut exchange, START, Stage::Done(UNREAD));
}

#[test]
fn a_lost_connection_abandons_whatever_had_not_left() {
    let lost = Outcome::Abandoned(Abandonment::Connection(ErrorKind::ConnectionReset));
    let mut reading = Exchange::new(START, LIMITS);
    let mut replying = with_name(5, START);
    replying.quiet(START, tcp);
    replying.transmitted(11, START);
    let mut finishing = with_name(5, START);
    finishing.quiet(START, tcp);
    finishing.transmitted(12, START);
    let cases = [
        (&mut reading, Stage::Reading, lost),
        (&mut replying, Stage::Replying, lost),
        (&mut finishing, Stage::Finishing, lost),
        (&mut draining(LIMITS, START), Stage::Reading, NOT_UTF8),
    ];
    for (exchange, before, outcome) in cases {
        assert_eq!(stage(exchange), before);
        exchange.lost(ErrorKind::ConnectionReset);
        assert_eq!(stage(exchange), Stage::Done(outcome), "{before:?}");
        exchange.lost(ErrorKind::Other);
        assert_eq!(stage(exchange), Stage::Done(outcome), "{before:?}");
        assert_eq!((exchange.due(), exchange.name()), (Instant::NEVER, None));
    }
}

/// A client that sends a name and then neither reads nor goes away.
#[derive(Default)]
struct Mute {
    sent: bool,
    aborted: usize,
}

impl ErrorType for Mute {
    type Error = ErrorKind;
}

impl Stream for Mute {
    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        if std::mem::replace(&mut self.sent, true) {
            return Poll::Pending;
        }
        buffer[0] = b'a';
        Poll::Ready(Ok(1))
    }

    fn send(&mut self, _: &[u8]) -> Poll<Result<usize, ErrorKind>> {
        Poll::Pending
    }

    fn finish(&mut self) -> Poll<Result<(), ErrorKind>> {
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {
        self.aborted += 1;
    }
}

#[test]
fn the_driver_resets_a_client_that_never_reads() {
    let mut exchange = Exchange::new(START, LIMITS);
    let mut client = Mute::default();
    let deadline = START + LIMITS.deadline();
    for (now, status, aborted) in [
        (START, Stage::Replying, 0),
        (deadline - TICK, Stage::Replying, 0),
        (deadline, Stage::Done(UNREAD), 1),
    ] {
        assert!(!drive(&mut exchange, &mut client, now));
        assert_eq!(stage(&exchange), status);
        assert_eq!(client.aborted, aborted);
    }
}

#[test]
fn a_client_that_has_sent_nothing_gives_way_after_a_quarter_of_a_second() {
    let silence = Duration::from_millis(250);
    let mut exchange = Exchange::new(START, LIMITS);
    assert_eq!(exchange.gives_way(), START + silence);
    exchange.give_way(START + silence - TICK);
    assert_eq!(stage(&exchange), Stage::Reading, "too early");

    let now = START + silence;
    exchange.give_way(now);
    assert_eq!(exchange.transmit(), b"Error: no name within 0.25 s\n");
    assert_eq!(
        exchange.gives_way(),
        Instant::NEVER,
        "its answer must leave"
    );
    exchange.transmitted(usize::MAX, now);
    exchange.finished(now); // nothing was sent that would have to be read, and the place is needed
    let late = Outcome::Refused(Refusal::Late { within_ms: 250 });
    assert_eq!(stage(&exchange), Stage::Done(late));
}

#[test]
fn nobody_else_gives_way() {
    let later = START + LIMITS.deadline() / 2;
    let mut begun = with_name(1, START);
    let mut draining = draining(LIMITS, START);
    let mut replying = with_name(1, START);
    replying.quiet(START, tcp);
    for exchange in [&mut begun, &mut draining, &mut replying] {
        let before = stage(exchange);
        assert_eq!(exchange.gives_way(), Instant::NEVER);
        exchange.give_way(later);
        assert_eq!(stage(exchange), before);
    }
}

#[test]
fn a_dormant_exchange_begins_again_where_it_was() {
    let mut exchange = Exchange::new(START, LIMITS);
    let since = exchange.dormant().expect("nothing has come");
    let due = exchange.due();
    let mut other = draining(LIMITS, START);
    assert_eq!(other.dormant(), None);
    other.resume(since, &LIMITS);
    assert_eq!((other.due(), other.dormant()), (due, Some(START)));
    receive(&mut exchange, b"a", START);
    assert_eq!(exchange.dormant(), None);
}
