//! What is counted: each is a function that is never inlined, so that callgrind knows its name.

use std::hint::black_box;
use std::task::Poll;
use std::time::Duration;

use embedded_io::{ErrorKind, ErrorType};
use greet_core::drive::drive;
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::{DEFAULT_MSS, Limits};
use greet_core::machine::{Machine, Service};
use greet_core::probe::{self, About, Plan, Summary};
use greet_core::time::Instant;
use greet_core::transport::Stream;
use greet_tests::lab::{SimulatedLab, Subject};
use smoltcp_sim::Link;

/// A name, and what runs so often.
pub(crate) type Counted = (&'static str, fn(u64));

/// Each subject by its name, which is that of its function, with the loop that calls it.
pub(crate) const SUBJECTS: [Counted; 3] = [
    ("machine", run_machine),
    ("driven", run_driven),
    ("simulated", run_simulated),
];

const NAME: &[u8] = b"World";

/// The state machine alone, from accept to its outcome, as a driver calls it.
#[inline(never)]
fn machine(exchange: &mut Exchange, limits: &Limits, now: Instant, name: &[u8]) -> Option<Outcome> {
    exchange.begin(now, limits);
    if let Some(space) = exchange.space().get_mut(..name.len()) {
        space.copy_from_slice(name);
    }
    exchange.received(name.len(), now);
    exchange.quiet(now, |len| len < DEFAULT_MSS);
    let left = exchange.transmit().len();
    exchange.transmitted(left, now);
    exchange.finished(now);
    exchange.outcome()
}

fn run_machine(runs: u64) {
    let limits = Limits::DEFAULT;
    let mut exchange = Exchange::new(Instant::START, limits);
    for run in 0..runs {
        let now = black_box(Instant::from_micros(run));
        let outcome = machine(&mut exchange, black_box(&limits), now, black_box(NAME));
        assert_eq!(outcome, Some(Outcome::Greeted));
    }
}

/// The same through core's driver, over a stream that costs next to nothing.
#[inline(never)]
fn driven(
    exchange: &mut Exchange,
    limits: &Limits,
    now: Instant,
    wire: &mut Wire<'_>,
) -> Option<Outcome> {
    exchange.begin(now, limits);
    drive(exchange, wire, now);
    exchange.outcome()
}

fn run_driven(runs: u64) {
    let limits = Limits::DEFAULT;
    let mut exchange = Exchange::new(Instant::START, limits);
    for run in 0..runs {
        let now = black_box(Instant::from_micros(run));
        let mut wire = Wire {
            name: black_box(NAME),
            sent: 0,
            finished: false,
        };
        let outcome = driven(&mut exchange, black_box(&limits), now, &mut wire);
        assert_eq!(outcome, Some(Outcome::Greeted));
        assert!(wire.sent == b"Hello, World".len() && wire.finished);
    }
}

/// Greetings one after the other across a clean simulated link: both stacks, both sides' machines,
/// and the network between them.
#[inline(never)]
fn simulated(lab: &mut SimulatedLab, plan: &Plan) -> Summary {
    let only = |check: &About| check.id == "crowd/in-a-row";
    probe::run(lab, plan, &mut [0; probe::ROOM], only, &mut |_event| {})
}

fn run_simulated(runs: u64) {
    let link = Link::new().latency(Duration::from_millis(1));
    let mut lab = SimulatedLab::new(1, Subject::GOOD, link, 1500);
    let plan = Plan {
        rounds: u16::try_from(runs).unwrap_or(u16::MAX),
        ..Plan::DEFAULT
    };
    assert_eq!(simulated(&mut lab, &plan).passed, 1);
}

/// Gives a name, and counts the reply.
struct Wire<'a> {
    name: &'a [u8],
    sent: usize,
    finished: bool,
}

impl ErrorType for Wire<'_> {
    type Error = ErrorKind;
}

impl Stream for Wire<'_> {
    const TAKES_ALL: bool = true;

    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        let Some(space) = buffer.get_mut(..self.name.len()) else {
            return Poll::Ready(Err(ErrorKind::OutOfMemory));
        };
        space.copy_from_slice(self.name);
        Poll::Ready(Ok(self.name.len()))
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, ErrorKind>> {
        self.sent += black_box(bytes).len();
        Poll::Ready(Ok(bytes.len()))
    }

    fn finish(&mut self) -> Poll<Result<(), ErrorKind>> {
        self.finished = true;
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {}
}
