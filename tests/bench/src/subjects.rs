//! What is counted: each is a function that is never inlined, so that callgrind knows its name.

use std::future::{Future, pending};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use embedded_io::{ErrorKind, ErrorType};
use greet_core::asynch::{self, Close, Copying, Timer, embedded_io_async};
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
pub(crate) const SUBJECTS: [Counted; 4] = [
    ("machine", run_machine),
    ("driven", run_driven),
    ("awaited", run_awaited),
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

/// The same in a task, polled once.
#[inline(never)]
fn awaited<F: Future<Output = Outcome>>(greeting: Pin<&mut F>) -> Poll<Outcome> {
    greeting.poll(&mut Context::from_waker(Waker::noop()))
}

fn run_awaited(runs: u64) {
    let limits = Limits::DEFAULT;
    let mut exchange = Exchange::new(Instant::START, limits);
    for run in 0..runs {
        let clock = Stopped(black_box(Instant::from_micros(run)));
        exchange.begin(clock.0, black_box(&limits));
        let mut wire = Wire {
            name: black_box(NAME),
            sent: 0,
            finished: false,
        };
        let outcome = awaited(pin!(asynch::converse(&mut exchange, &mut wire, &clock)));
        assert_eq!(outcome, Poll::Ready(Outcome::Greeted));
        assert!(wire.sent == b"Hello, World".len() && wire.finished);
    }
}

/// Bytes that the future of a conversation takes, besides machine and stream: where it is pending on a
/// stream, and with a reader that is copied from. They hold the stream's own futures, here of a few
/// bytes.
pub(crate) fn futures() -> [(&'static str, usize); 2] {
    let clock = Stopped(Instant::START);
    let mut exchange = Exchange::new(Instant::START, Limits::DEFAULT);
    let wire = || Wire {
        name: NAME,
        sent: 0,
        finished: false,
    };
    let (mut whole, mut buffer) = (wire(), [0; 8]);
    let conversing = size_of_val(&asynch::converse(&mut exchange, &mut whole, &clock));
    let mut halves = Copying::new(wire(), wire(), &mut buffer);
    let copying = size_of_val(&halves.converse(&mut exchange, &clock));
    [
        ("converse-future-bytes", conversing),
        ("copying-future-bytes", copying),
    ]
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

impl embedded_io_async::Read for Wire<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        // All of the name, then nothing more.
        match self.receive(buffer) {
            Poll::Ready(result) if !std::mem::take(&mut self.name).is_empty() => result,
            _ => pending().await,
        }
    }
}

impl embedded_io_async::Write for Wire<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.sent += black_box(bytes).len();
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Close for Wire<'_> {
    async fn finish(&mut self) -> Result<(), ErrorKind> {
        self.finished = true;
        Ok(())
    }

    async fn abort(&mut self) {}
}

/// A clock that stands still.
struct Stopped(Instant);

impl Timer for Stopped {
    fn now(&self) -> Instant {
        self.0
    }

    async fn until(&self, _at: Instant) {
        pending::<()>().await;
    }
}
