//! A polled server keeps to the limits that it was given, also where only one of them isn't the
//! protocol's: servers with those of the protocol keep none.

use core::convert::Infallible;
use core::net::SocketAddr;
use core::task::Poll;
use core::time::Duration;

use embedded_io::{ErrorKind, ErrorType};
use greet_core::limits::{DEFAULT_MSS, Limits};
use greet_core::server::Server;
use greet_core::time::Instant;
use greet_core::transport::{Accepted, Listener, Stream};

const NOW: Instant = Instant::from_millis(1_000);

/// The one client of a server: it sends something and goes quiet.
struct Client {
    waits: bool,
    sends: Vec<u8>,
    /// Whether it takes what it is sent.
    reads: bool,
}

impl ErrorType for Client {
    type Error = ErrorKind;
}

impl Stream for Client {
    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        let n = self.sends.len().min(buffer.len());
        if n == 0 {
            return Poll::Pending;
        }
        buffer[..n].copy_from_slice(&self.sends[..n]);
        self.sends.drain(..n);
        Poll::Ready(Ok(n))
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, ErrorKind>> {
        if self.reads {
            Poll::Ready(Ok(bytes.len()))
        } else {
            Poll::Pending
        }
    }

    fn finish(&mut self) -> Poll<Result<(), ErrorKind>> {
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {}
}

impl Listener for Client {
    type Error = Infallible;
    type Handle = ();
    type Stream<'a> = &'a mut Self;

    fn accept(&mut self, _now: Instant) -> Poll<Result<Accepted<()>, Infallible>> {
        if std::mem::take(&mut self.waits) {
            Poll::Ready(Ok(((), SocketAddr::from(([127, 0, 0, 1], 1)))))
        } else {
            Poll::Pending
        }
    }

    fn is_awaited(&mut self) -> bool {
        self.waits
    }

    fn stream<'a>(&'a mut self, (): &'a mut ()) -> &'a mut Self {
        self
    }

    fn release(&mut self, (): ()) {}
}

/// How long a server that was polled once waits for the client.
fn waits(limits: Limits, sends: &[u8], reads: bool) -> Option<Duration> {
    let mut server = Server::<(), 2>::new(limits);
    let mut client = Client {
        waits: true,
        sends: sends.to_vec(),
        reads,
    };
    server.poll(&mut client, NOW, |_event| ()).wait(NOW)
}

#[test]
fn a_server_keeps_to_each_limit_that_alone_is_its_own() {
    let own = Duration::from_millis(1234);
    let protocol = Limits::DEFAULT;
    for limits in [
        protocol,
        protocol.with_deadline(own),
        protocol.with_settle(own),
        protocol.with_drain_time(own),
        protocol.with_drain_bytes(0),
    ] {
        let long = [b'a'; DEFAULT_MSS];
        assert_eq!(waits(limits, b"", true), Some(limits.deadline()));
        assert_eq!(waits(limits, &long, true), Some(limits.settle()));
        assert_eq!(waits(limits, b"\xff", false), Some(limits.drain_time()));
        let drains = (limits.drain_bytes() > 0).then_some(limits.drain_time());
        assert_eq!(waits(limits, b"\xff", true), drains, "{limits:?}");
    }
}
