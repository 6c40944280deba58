//! What time does to an exchange: at the very moment, and not a microsecond before.

#![expect(
    clippy::unchecked_time_subtraction,
    reason = "times are constants here, and a test may panic"
)]

use core::task::Poll;
use core::time::Duration;

use embedded_io::{ErrorKind, ErrorType};
use greet_core::drive;
use greet_core::error::{Abandonment, Refusal, TextError};
use greet_core::exchange::{Exchange, Outcome, Status};
use greet_core::limits::{Limits, MIN_MSS};
use greet_core::transport::Stream;

const START: Duration = Duration::from_micros(3_000_000_001);
const TICK: Duration = Duration::from_micros(1);
const LIMITS: Limits = Limits::DEFAULT;

const LATE: Outcome = Outcome::Refused(Refusal::Late { within_ms: 10_000 });
const NOT_UTF8: Outcome = Outcome::Refused(Refusal::Name(TextError::NotUtf8 { at: 0 }));
const UNREAD: Outcome = Outcome::Abandoned(Abandonment::Unread);

/// The timeout is at `at`; nothing happens before, and the status is another then.
#[track_caller]
fn changes_at(exchange: &mut Exchange, at: Duration, after: Status) {
    let before = exchange.status();
    assert_eq!(exchange.timeout(), Some(at));
    exchange.handle_timeout(at - TICK);
    assert_eq!(exchange.status(), before, "too early");
    assert_eq!(exchange.timeout(), Some(at));
    exchange.handle_timeout(at);
    assert_eq!(exchange.status(), after);
}

fn with_name(len: usize, now: Duration) -> Exchange {
    let mut exchange = Exchange::new(START, &LIMITS);
    receive(&mut exchange, &vec![b'a'; len], now);
    exchange
}

fn receive(exchange: &mut Exchange, bytes: &[u8], now: Duration) {
    exchange.space()[..bytes.len()].copy_from_slice(bytes);
    exchange.received(bytes.len(), now);
}

/// A refusal whose last byte and FIN have left at `now`.
fn draining(limits: &Limits, now: Duration) -> Exchange {
    let mut exchange = Exchange::new(START, limits);
    receive(&mut exchange, b"\xff", now);
    exchange.transmitted(usize::MAX);
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
        let start = days * DAY + TICK;
        let mut exchange = Exchange::new(start, &LIMITS);
        changes_at(&mut exchange, start + LIMITS.deadline, Status::Replying);
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
        let limits = Limits { deadline, ..LIMITS };
        let mut exchange = Exchange::new(START, &limits);
        changes_at(&mut exchange, START + kept, Status::Replying);
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
        let limits = Limits {
            settle: limit,
            drain_time: limit,
            deadline: DAY,
            ..LIMITS
        };
        let mut exchange = Exchange::new(START, &limits);
        receive(&mut exchange, &[b'a'; MIN_MSS], START);
        exchange.quiet(START);
        changes_at(&mut exchange, START + kept, Status::Replying);

        let mut exchange = draining(&limits, START);
        changes_at(&mut exchange, START + kept, Status::Done(NOT_UTF8));
    }
}

#[test]
fn a_short_name_is_complete_when_quiet() {
    let mut exchange = with_name(MIN_MSS - 1, START);
    assert_eq!(exchange.status(), Status::Reading);
    exchange.quiet(START);
    assert_eq!(exchange.status(), Status::Replying);
}

#[test]
fn a_longer_name_settles() {
    let mut exchange = with_name(MIN_MSS, START);
    exchange.quiet(START + TICK);
    exchange.quiet(START + 7 * TICK); // still the same quiet
    let settled = START + TICK + LIMITS.settle;
    changes_at(&mut exchange, settled, Status::Replying);
    assert_eq!(exchange.name().map(|name| name.as_bytes().len()), Some(536));
}

#[test]
fn every_byte_starts_the_settling_anew() {
    let mut exchange = with_name(MIN_MSS, START);
    exchange.quiet(START);
    let later = START + LIMITS.settle - TICK;
    receive(&mut exchange, b"b", later);
    // Not even quiet yet: only the deadline is set.
    assert_eq!(exchange.timeout(), Some(START + LIMITS.deadline));
    exchange.handle_timeout(later + LIMITS.settle);
    assert_eq!(exchange.status(), Status::Reading);
    exchange.quiet(later);
    changes_at(&mut exchange, later + LIMITS.settle, Status::Replying);
}

#[test]
fn no_name_settles_inside_a_character() {
    let mut exchange = with_name(MIN_MSS, START);
    receive(&mut exchange, "世".as_bytes().split_at(2).0, START);
    exchange.quiet(START);
    changes_at(&mut exchange, START + LIMITS.deadline, Status::Replying);
    assert_eq!(exchange.transmit(), b"Error: no name within 10 s\n");
}

#[test]
fn nothing_comes_until_the_deadline() {
    let mut exchange = Exchange::new(START, &LIMITS);
    exchange.quiet(START);
    changes_at(&mut exchange, START + LIMITS.deadline, Status::Replying);
    exchange.transmitted(usize::MAX);
    let sent = START + LIMITS.deadline + TICK;
    exchange.finished(sent);
    changes_at(&mut exchange, sent + LIMITS.drain_time, Status::Done(LATE));
}

#[test]
fn a_name_that_settles_at_the_deadline_is_in_time() {
    let deadline = START + LIMITS.deadline;
    let mut exchange = with_name(MIN_MSS, START);
    exchange.quiet(deadline - LIMITS.settle);
    changes_at(&mut exchange, deadline, Status::Replying);
    assert!(exchange.transmit().starts_with(b"Hello, "));

    // Also if the driver comes late.
    let mut exchange = with_name(MIN_MSS, START);
    exchange.quiet(deadline - LIMITS.settle);
    exchange.handle_timeout(deadline + LIMITS.deadline);
    assert!(exchange.transmit().starts_with(b"Hello, "));
}

#[test]
fn a_name_that_would_settle_after_the_deadline_is_late() {
    let deadline = START + LIMITS.deadline;
    let mut exchange = with_name(MIN_MSS, START);
    exchange.quiet(deadline - LIMITS.settle + TICK);
    changes_at(&mut exchange, deadline, Status::Replying);
    assert!(exchange.transmit().starts_with(b"Error: "));

    // Also if the driver comes after both.
    let mut exchange = with_name(MIN_MSS, START);
    exchange.quiet(deadline - LIMITS.settle + TICK);
    exchange.handle_timeout(deadline + TICK);
    assert!(exchange.transmit().starts_with(b"Error: "));
}

#[test]
fn a_greeting_that_nobody_takes_is_abandoned_at_the_deadline() {
    let deadline = START + LIMITS.deadline;
    for sent in [0, 11, 12] {
        let mut exchange = with_name(5, START);
        exchange.quiet(START);
        exchange.transmitted(sent); // 12: all, but FIN didn't follow
        changes_at(&mut exchange, deadline, Status::Done(UNREAD));
        assert_eq!(exchange.name(), None);
    }
}

#[test]
fn a_refusal_has_the_drain_time_to_leave() {
    let now = START + 5 * TICK;
    let mut exchange = Exchange::new(START, &LIMITS);
    receive(&mut exchange, b"\xff", now);
    changes_at(&mut exchange, now + LIMITS.drain_time, Status::Done(UNREAD));
}

#[test]
fn draining_ends_with_time() {
    let now = START + 5 * TICK;
    let mut exchange = draining(&LIMITS, now);
    assert_eq!(exchange.status(), Status::Draining);
    let end = now + LIMITS.drain_time;
    changes_at(&mut exchange, end, Status::Done(NOT_UTF8));
}

#[test]
fn draining_ends_with_fin() {
    let mut exchange = draining(&LIMITS, START);
    exchange.quiet(START);
    assert_eq!(exchange.status(), Status::Draining);
    exchange.received_fin(START);
    assert_eq!(exchange.status(), Status::Done(NOT_UTF8));
}

#[test]
fn draining_ends_with_the_last_byte_granted() {
    let mut exchange = draining(&LIMITS, START);
    let mut drained = 0;
    while exchange.status() == Status::Draining {
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
    assert_eq!(exchange.status(), Status::Done(NOT_UTF8));
}

#[test]
fn no_byte_granted_is_no_draining() {
    let limits = Limits {
        drain_bytes: 0,
        ..LIMITS
    };
    let exchange = draining(&limits, START);
    assert_eq!(exchange.status(), Status::Done(NOT_UTF8));
}

#[test]
fn no_time_granted_is_no_waiting() {
    let limits = Limits {
        settle: Duration::ZERO,
        deadline: Duration::ZERO,
        drain_time: Duration::ZERO,
        ..LIMITS
    };
    let mut exchange = Exchange::new(START, &limits);
    changes_at(&mut exchange, START, Status::Replying);
    assert_eq!(exchange.transmit(), b"Error: no name within 0 s\n");
    changes_at(&mut exchange, START, Status::Done(UNREAD));
}

#[test]
fn a_lost_connection_abandons_whatever_had_not_left() {
    let lost = Outcome::Abandoned(Abandonment::Connection(ErrorKind::ConnectionReset));
    let mut reading = Exchange::new(START, &LIMITS);
    let mut replying = with_name(5, START);
    replying.quiet(START);
    replying.transmitted(11);
    let mut finishing = with_name(5, START);
    finishing.quiet(START);
    finishing.transmitted(12);
    let cases = [
        (&mut reading, Status::Reading, lost),
        (&mut replying, Status::Replying, lost),
        (&mut finishing, Status::Finishing, lost),
        (&mut draining(&LIMITS, START), Status::Draining, NOT_UTF8),
    ];
    for (exchange, before, outcome) in cases {
        assert_eq!(exchange.status(), before);
        exchange.connection_lost(ErrorKind::ConnectionReset);
        assert_eq!(exchange.status(), Status::Done(outcome), "{before:?}");
        exchange.connection_lost(ErrorKind::Other);
        assert_eq!(exchange.status(), Status::Done(outcome), "{before:?}");
        assert_eq!((exchange.timeout(), exchange.name()), (None, None));
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

    fn finish(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }

    fn abort(&mut self) {
        self.aborted += 1;
    }
}

#[test]
fn the_driver_resets_a_client_that_never_reads() {
    let mut exchange = Exchange::new(START, &LIMITS);
    let mut client = Mute::default();
    let deadline = START + LIMITS.deadline;
    for (now, status, aborted) in [
        (START, Status::Replying, 0),
        (deadline - TICK, Status::Replying, 0),
        (deadline, Status::Done(UNREAD), 1),
    ] {
        assert_eq!(drive::exchange(&mut exchange, &mut client, now), status);
        assert_eq!(client.aborted, aborted);
    }
}
