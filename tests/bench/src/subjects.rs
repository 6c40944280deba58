//! What is counted: each is a function that is never inlined, so that callgrind knows its name.

use std::future::{Future, pending};
use std::hint::black_box;
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use embedded_io::{ErrorKind, ErrorType};
use greet_core::asynch::{self, Close, Copying, Timer, embedded_io_async};
use greet_core::drive::drive;
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::{DEFAULT_MSS, Limits};
use greet_core::lines::Lines;
use greet_core::machine::{Machine, Service};
use greet_core::probe::{self, About, Plan, Summary};
use greet_core::time::Instant;
use greet_core::transport::Stream;
use greet_tests::lab::{SimulatedLab, Subject};
use smoltcp_sim::Link;

/// A name, and what runs so often.
pub(crate) type Counted = (&'static str, fn(u64));

/// Each subject by its name, which is that of its function, with the loop that calls it.
pub(crate) const SUBJECTS: [Counted; 7] = [
    ("machine", run_machine),
    ("driven", run_driven),
    ("awaited", run_awaited),
    ("line_machine", run_line_machine),
    ("line_driven", run_line_driven),
    ("line_batch", run_line_batch),
    ("simulated", run_simulated),
];

const NAME: &[u8] = b"World";

/// A name as a line of sixteen bytes, and a reply to it.
const LINE: &[u8] = b"Augusta Ada Kin\n";
const LINE_REPLY: &[u8] = b"Hello, Augusta Ada Kin\n";

/// So many lines come at once.
const BATCH: usize = 16;

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

/// The state machine of lines alone, from a line to its answer's last byte, on a connection that is
/// open.
#[inline(never)]
fn line_machine(lines: &mut Lines, now: Instant, line: &[u8]) -> usize {
    if let Some(space) = lines.space().get_mut(..line.len()) {
        space.copy_from_slice(line);
    }
    lines.received(line.len(), now);
    lines.quiet(now, |len| len < DEFAULT_MSS);
    let left = lines.transmit().len();
    lines.transmitted(left, now);
    left
}

/// An open connection in lines mode.
fn open_lines() -> Lines {
    let mut lines = Lines::VACANT;
    lines.begin(Instant::START, &Limits::DEFAULT);
    lines
}

fn run_line_machine(runs: u64) {
    let mut lines = open_lines();
    for run in 0..runs {
        let now = black_box(Instant::from_micros(run));
        let sent = line_machine(&mut lines, now, black_box(LINE));
        assert_eq!(sent, LINE_REPLY.len());
    }
}

/// The same through core's driver, up to where nothing more waits.
#[inline(never)]
fn line_driven(lines: &mut Lines, now: Instant, wire: &mut Lane<'_>) -> bool {
    drive(lines, wire, now)
}

fn run_line_driven(runs: u64) {
    let mut lines = open_lines();
    let mut wire = Lane {
        lines: LINE,
        sent: 0,
    };
    for run in 0..runs {
        let now = black_box(Instant::from_micros(run));
        wire.lines = black_box(LINE);
        assert!(!line_driven(&mut lines, now, &mut wire));
    }
    let sent = usize::try_from(runs).unwrap_or_default() * LINE_REPLY.len();
    assert_eq!(wire.sent, sent);
}

/// Sixteen lines that come at once, driven.
#[inline(never)]
fn line_batch(lines: &mut Lines, now: Instant, wire: &mut Lane<'_>) -> usize {
    drive(lines, wire, now);
    wire.sent
}

fn run_line_batch(runs: u64) {
    let mut lines = open_lines();
    let batch = LINE.repeat(BATCH);
    let mut wire = Lane {
        lines: &batch,
        sent: 0,
    };
    for run in 0..runs {
        let now = black_box(Instant::from_micros(run));
        wire.lines = black_box(&batch);
        wire.sent = 0;
        let sent = line_batch(&mut lines, now, &mut wire);
        assert_eq!(sent, BATCH * LINE_REPLY.len());
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

impl embedded_io_async::Read for Wire<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        // All of the name, then nothing more.
        match self.receive(buffer) {
            Poll::Ready(result) if !mem::take(&mut self.name).is_empty() => result,
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

/// Gives lines once, and counts the replies.
struct Lane<'a> {
    lines: &'a [u8],
    sent: usize,
}

impl ErrorType for Lane<'_> {
    type Error = ErrorKind;
}

impl Stream for Lane<'_> {
    const TAKES_ALL: bool = true;

    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        if self.lines.is_empty() {
            return Poll::Pending;
        }
        let Some(space) = buffer.get_mut(..self.lines.len()) else {
            return Poll::Ready(Err(ErrorKind::OutOfMemory));
        };
        space.copy_from_slice(self.lines);
        Poll::Ready(Ok(mem::take(&mut self.lines).len()))
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, ErrorKind>> {
        self.sent += black_box(bytes).len();
        Poll::Ready(Ok(bytes.len()))
    }

    fn finish(&mut self) -> Poll<Result<(), ErrorKind>> {
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {}
}
