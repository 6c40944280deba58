//! Any calls, in any order, with any arguments: an exchange never panics, moves only forward, has
//! one reply and one outcome, and time ends it. Nor does a stream that keeps no promise hang the
//! driver.

use core::task::Poll;
use core::time::Duration;

use embedded_io::{ErrorKind, ErrorType};
use greet_core::drive::drive;
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::machine::{Machine, Service, Want};
use greet_core::request::Request;
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_core::transport::Stream;
use proptest::prelude::*;

mod stage;

use stage::{Stage, stage};

#[derive(Clone, Debug)]
enum Call {
    Fill(u8, usize),
    Received(usize, Instant),
    Fin(Instant),
    Quiet(Instant, bool),
    Transmitted(usize),
    Finished(Instant),
    Lost(ErrorKind),
    Timeout(Instant),
    GiveWay(Instant),
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn an_exchange_moves_forward_to_one_outcome(
        start in moment(),
        limits in limits(),
        calls in proptest::collection::vec(call(), 0..40),
    ) {
        let mut exchange = Exchange::new(start, limits);
        let mut seen = Seen::default();
        seen.look(&exchange);
        for call in calls {
            match call {
                Call::Fill(byte, n) => {
                    let space = exchange.space();
                    let n = n.min(space.len());
                    space[..n].fill(byte);
                }
                Call::Received(n, now) => exchange.received(n, now),
                Call::Fin(now) => exchange.received_fin(now),
                Call::Quiet(now, whole) => exchange.quiet(now, |_len| whole),
                Call::Transmitted(n) => exchange.transmitted(n, start),
                Call::Finished(now) => exchange.finished(now),
                Call::Lost(kind) => exchange.lost(kind),
                Call::Timeout(now) => exchange.timeout(now),
                Call::GiveWay(now) => exchange.give_way(now),
            }
            seen.look(&exchange);
        }
        // Reading, then a reply that nobody takes; or draining: two timeouts end all of them.
        for _ in 0..2 {
            exchange.timeout(Instant::NEVER);
            seen.look(&exchange);
        }
        prop_assert!(exchange.outcome().is_some());
    }

    #[test]
    fn a_request_ends_in_one_answer(
        name in proptest::collection::vec(any::<char>(), 0..20),
        deadline in moment(),
        calls in proptest::collection::vec(call(), 0..40),
    ) {
        let name = String::from_iter(name);
        let name = Text::new(&name).expect("short");
        let mut request = Request::new(name, deadline);
        let mut end = None;
        for call in calls.into_iter().chain([Call::Timeout(Instant::NEVER)]) {
            match call {
                Call::Fill(byte, n) => {
                    let space = request.space();
                    let n = n.min(space.len());
                    space[..n].fill(byte);
                }
                Call::Received(n, now) => request.received(n, now),
                Call::Fin(now) => request.received_fin(now),
                Call::Transmitted(n) => request.transmitted(n, deadline),
                Call::Finished(now) => request.finished(now),
                Call::Lost(kind) => request.lost(kind),
                Call::Quiet(now, whole) => request.quiet(now, |_len| whole),
                Call::Timeout(now) | Call::GiveWay(now) => request.timeout(now),
            }
            prop_assert!(name.as_bytes().ends_with(request.transmit()));
            let done = request.want() == Want::Done;
            prop_assert_eq!(request.answer().is_some(), done);
            prop_assert!(!done || request.due() == Instant::NEVER);
            let answer = request.answer().map(|answer| format!("{answer:?}"));
            if end.is_some() {
                prop_assert_eq!(&answer, &end, "the answer changed");
                prop_assert!(request.space().is_empty());
            }
            end = answer;
        }
        prop_assert!(end.is_some());
    }

    #[test]
    fn a_stream_that_keeps_no_promise_hangs_no_driver(
        receives in proptest::collection::vec(result(), 1..8),
        sends in proptest::collection::vec(result(), 1..8),
        finishes in prop_oneof![
            Just(Poll::Ready(Ok(()))),
            Just(Poll::Ready(Err(ErrorKind::Other))),
            Just(Poll::Pending),
        ],
    ) {
        let limits = Limits::DEFAULT.with_drain_bytes(500);
        let stream = || Liar {
            receives: receives.clone(),
            sends: sends.clone(),
            finishes,
            calls: 0,
        };
        let mut exchange = Exchange::new(Instant::START, limits);
        let mut liar = stream();
        // One that trickles uses up the budget of a call: as often as there are bytes to drain.
        for _ in 0..600 {
            drive(&mut exchange, &mut liar, Instant::NEVER);
        }
        prop_assert!(exchange.outcome().is_some());

        let name = Text::new("World").expect("short");
        let mut request = Request::new(name, Instant::START);
        let mut liar = stream();
        for _ in 0..1100 {
            drive(&mut request, &mut liar, Instant::NEVER);
        }
        prop_assert!(request.answer().is_some());
    }
}

/// What was seen of an exchange so far, and may not be taken back.
#[derive(Default)]
struct Seen {
    stage: u8,
    reply: Option<Vec<u8>>,
    sent: usize,
    outcome: Option<Outcome>,
}

impl Seen {
    fn look(&mut self, exchange: &Exchange) {
        let (stage, outcome) = match stage(exchange) {
            Stage::Reading if self.reply.is_none() => (0, None),
            Stage::Replying => (1, None),
            Stage::Finishing => (2, None),
            Stage::Reading => (3, None), // what comes after a refusal
            Stage::Done(outcome) => (4, Some(outcome)),
        };
        assert!(stage >= self.stage, "back from {} to {stage}", self.stage);
        self.stage = stage;
        assert!(outcome.is_none() || exchange.due() == Instant::NEVER);
        if self.outcome.is_some() {
            assert_eq!(outcome, self.outcome, "the outcome changed");
        }
        self.outcome = outcome;

        let left = exchange.transmit();
        assert_eq!(left.is_empty(), stage != 1);
        if stage == 1 {
            let reply = self.reply.get_or_insert_with(|| left.to_vec());
            let sent = reply.len() - left.len();
            assert!(sent >= self.sent && reply.ends_with(left), "another reply");
            self.sent = sent;
            if let Some(name) = reply.strip_prefix(b"Hello, ") {
                let known = exchange.name().expect("a greeting greets a name");
                assert_eq!(known.as_bytes(), name);
            } else {
                assert!(reply.starts_with(b"Error: ") && reply.ends_with(b"\n"));
                assert_eq!(exchange.name(), None);
            }
        }
        if outcome == Some(Outcome::Greeted) {
            let reply = self.reply.as_deref().expect("an answer before the outcome");
            assert!(reply.starts_with(b"Hello, "));
        }
    }
}

/// Answers as it likes, over and over.
struct Liar {
    receives: Vec<Answer>,
    sends: Vec<Answer>,
    finishes: Poll<Result<(), ErrorKind>>,
    calls: usize,
}

type Answer = Poll<Result<usize, ErrorKind>>;

impl Liar {
    fn count(&mut self) -> usize {
        self.calls += 1;
        assert!(self.calls < 10_000, "the driver never comes back");
        self.calls
    }
}

impl ErrorType for Liar {
    type Error = ErrorKind;
}

impl Stream for Liar {
    fn receive(&mut self, _: &mut [u8]) -> Answer {
        let call = self.count();
        self.receives[call % self.receives.len()]
    }

    fn send(&mut self, _: &[u8]) -> Answer {
        let call = self.count();
        self.sends[call % self.sends.len()]
    }

    fn finish(&mut self) -> Poll<Result<(), ErrorKind>> {
        self.count();
        self.finishes
    }

    fn abort(&mut self) {}
}

// Plain numbers, mapped: a union of strategies in each of forty calls is slow to make.

fn result() -> impl Strategy<Value = Answer> {
    any::<(u8, u8, usize)>().prop_map(|(which, pick, n)| match which % 8 {
        0 | 1 => Poll::Pending,
        2 | 3 => Poll::Ready(Ok(0)),
        4 => Poll::Ready(Err(kind(pick))),
        _ => Poll::Ready(Ok(size(pick, n))),
    })
}

fn call() -> impl Strategy<Value = Call> {
    any::<(u8, u8, usize, u8, u64)>().prop_map(|(which, pick, n, at, micros)| match which % 9 {
        0 => Call::Received(size(pick, n), Instant::at(time(at, micros))),
        1 => Call::Fill(if pick & 8 == 0 { b'a' } else { at }, size(pick, n)),
        2 => Call::Fin(Instant::at(time(at, micros))),
        3 => Call::Quiet(Instant::at(time(at, micros)), n % 2 == 0),
        4 => Call::Transmitted(size(pick, n)),
        5 => Call::Finished(Instant::at(time(at, micros))),
        6 => Call::Lost(kind(pick)),
        7 => Call::GiveWay(Instant::at(time(at, micros))),
        _ => Call::Timeout(Instant::at(time(at, micros))),
    })
}

fn any_time() -> impl Strategy<Value = Duration> {
    any::<(u8, u64)>().prop_map(|(pick, micros)| time(pick, micros))
}

fn moment() -> impl Strategy<Value = Instant> {
    any_time().prop_map(Instant::at)
}

fn limits() -> impl Strategy<Value = Limits> {
    let times = [any_time(), any_time(), any_time()];
    (times, any::<u8>(), any::<usize>()).prop_map(|([settle, deadline, drain_time], pick, n)| {
        Limits::DEFAULT
            .with_settle(settle)
            .with_deadline(deadline)
            .with_drain_time(drain_time)
            .with_drain_bytes(u32::try_from(size(pick, n)).unwrap_or(u32::MAX))
    })
}

/// Often small, or near a limit of the protocol, at times enormous.
fn size(pick: u8, n: usize) -> usize {
    match pick % 8 {
        0..=2 => n % 4,
        3 | 4 => 500 + n % 600,
        5 => usize::MAX,
        6 => 65_536,
        _ => n,
    }
}

/// Often small, at times enormous, in no order.
fn time(pick: u8, micros: u64) -> Duration {
    match pick % 8 {
        0 => Duration::ZERO,
        1..=3 => Duration::from_micros(micros % 20_000_000),
        4 => Duration::from_micros(micros),
        5 => Duration::new(micros, 999_999_999),
        6 => Duration::from_micros(u64::MAX),
        _ => Duration::MAX,
    }
}

fn kind(pick: u8) -> ErrorKind {
    match pick % 3 {
        0 => ErrorKind::ConnectionReset,
        1 => ErrorKind::BrokenPipe,
        _ => ErrorKind::Other,
    }
}
