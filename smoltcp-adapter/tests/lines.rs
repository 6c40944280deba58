//! Lines over smoltcp's sockets: a client that pipelines against a slow reader, its own, costs no memory
//! beyond the buffers, and delays nobody beside it.

mod support;

use std::task::Poll;
use std::time::Duration;

use embedded_io::ErrorType;
use greet_core::client::Client;
use greet_core::limits::{Limits, MAX_REPLY, MAX_TEXT};
use greet_core::lines::Lines;
use greet_core::pipeline::{End, Outcome, Pipeline};
use greet_core::server::Server;
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_core::transport::Stream;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use greet_smoltcp::stream::Connection;
use support::{Clock, Path, SECOND, leak};

/// A line of sixteen bytes.
const NAME: &str = "name of a line.";
const LINE: usize = NAME.len() + 1;

/// What each socket buffers of either direction.
const BUFFER: usize = 1024;

/// In so much of virtual time the reader takes so many replies.
const TICK: Duration = Duration::from_millis(1);
const TAKES: usize = 64;

/// Lines on the server's side of the connection that can't be answered yet: in both sockets' buffers and
/// the server's, as names and as answers.
const MOST: usize =
    (2 * BUFFER + MAX_TEXT + 1) / LINE + (2 * BUFFER + 2 * MAX_REPLY) / (LINE + 7) + 2;

/// A stream whose bytes are counted.
struct Counted<'c, S> {
    stream: S,
    sent: &'c mut usize,
    received: &'c mut usize,
}

impl<S: Stream> ErrorType for Counted<'_, S> {
    type Error = S::Error;
}

impl<S: Stream> Stream for Counted<'_, S> {
    const TAKES_ALL: bool = S::TAKES_ALL;

    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, S::Error>> {
        let received = self.stream.receive(buffer);
        if let Poll::Ready(Ok(n)) = received {
            *self.received += n;
        }
        received
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, S::Error>> {
        let sent = self.stream.send(bytes);
        if let Poll::Ready(Ok(n)) = sent {
            *self.sent += n;
        }
        sent
    }

    fn finish(&mut self) -> Poll<Result<(), S::Error>> {
        self.stream.finish()
    }

    fn abort(&mut self) {
        self.stream.abort();
    }
}

#[test]
fn a_pipeline_with_a_slow_reader_costs_the_buffers_and_no_more() {
    pipeline(1_000_000);
}

/// `.ci/long lines` runs it.
#[test]
#[ignore = "takes a minute where nothing is optimized: .ci/long lines"]
fn a_hundred_megabytes_cost_the_buffers_and_no_more() {
    pipeline(100_000_000);
}

/// So many bytes of names leave as fast as the server takes them, while their replies are taken slowly;
/// beside them somebody else asks now and then.
fn pipeline(bytes: usize) {
    let path = Path::IP;
    let mut stack = path.stack(leak(SocketSlots::<8, 4>::new()));
    let places = leak(TcpBuffers::<2, BUFFER, BUFFER>::new());
    let clients = leak(TcpBuffers::<2, BUFFER, BUFFER>::new());
    let listener = stack.net().listen(places, 8000).expect("a listener");
    stack.net().add_clients(clients).expect("enough slots");
    let mut server = Server::<Connection, 2, Lines>::serving(Limits::DEFAULT);

    let names = u64::try_from(bytes / LINE).expect("it is counted");
    let name = Text::new(NAME).expect("short");
    let greeting = format!("Hello, {NAME}");
    let mut greedy = Client::new(Pipeline::<16384>::new(5 * SECOND));
    let mut honest = Client::new(Pipeline::<2048>::new(5 * SECOND));
    let greedy_stream = stack.net().connect(path.port(8000)).expect("a socket");
    let honest_stream = stack.net().connect(path.port(8000)).expect("a socket");
    let greeting_line = greeting.len() + 1;
    let (mut sent, mut received) = (0, 0);
    let (mut given, mut taken, mut asked, mut heard, mut deepest) = (0, 0, 0, 0, 0);
    let mut clock = Clock::new();
    let (mut tick, mut ticks) = (Instant::START, 0);
    let mut ends = (None, None);
    while ends.0.is_none() || ends.1.is_none() {
        // The reader takes a few, and the other one asks.
        let pipeline = greedy.machine_mut();
        for _ in 0..TAKES {
            let Some(reply) = pipeline.next_reply() else {
                break;
            };
            assert_eq!(reply, greeting.as_bytes());
            taken += 1;
        }
        if taken == names {
            honest.machine_mut().end_names();
        } else if asked == heard {
            honest.machine_mut().queue(name).expect("room");
            asked += 1;
        }
        tick += TICK;
        ticks += 1;
        assert!(ticks < names + 10_000, "it stands still: {greedy:?}");
        clock.run(&mut stack, tick, |net, now| {
            let pipeline = greedy.machine_mut();
            while given < names && pipeline.queue(name).is_ok() {
                given += 1;
            }
            if given == names {
                pipeline.end_names();
            }
            let next = server.poll(&mut listener.on(net), now, |_event| {});
            let mut stream = Counted {
                stream: greedy_stream.on(net),
                sent: &mut sent,
                received: &mut received,
            };
            if let Poll::Ready(end) = greedy.poll(&mut stream, now) {
                ends.0 = Some(end);
            }
            if let Poll::Ready(end) = honest.poll(&mut honest_stream.on(net), now) {
                ends.1 = Some(end);
            }
            if let Some(reply) = honest.machine_mut().next_reply() {
                assert_eq!(reply, greeting.as_bytes());
                heard += 1;
            }
            (true, next.min(greedy.due()).min(honest.due()))
        });
        clock.now = tick;
        assert_eq!(
            asked, heard,
            "not answered within a tick beside the pipeline"
        );
        // What has left the client, and hasn't come back: all of it is in some buffer.
        let outside = sent / LINE - received / greeting_line;
        deepest = deepest.max(outside);
        assert!(outside <= MOST, "{outside} lines are somewhere");
    }
    let end = End::Answered;
    let all = |answered| Some(Outcome { answered, end });
    assert_eq!(ends, (all(names), all(heard)));
    assert_eq!((taken, server.tally().greeted), (names, names + heard));
    assert!(heard > 10, "the other one hardly asked");
    assert!(
        deepest > MOST / 2,
        "the pipeline never filled the buffers: {deepest} of {MOST} lines"
    );
}
