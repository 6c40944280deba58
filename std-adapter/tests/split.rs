//! Names that come in two pieces, the second of which the server may never read: closing with
//! unread bytes sends RST, and no reply may be lost or broken by it.

mod common;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::task::Poll;
use std::thread;
use std::time::Instant;

use common::{BOUND, Running, ask, connect, greeting, patient, read_all};
use embedded_io::ErrorType;
use greet_core::drive::drive;
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::machine::Machine;
use greet_core::time::Instant as Moment;
use greet_core::transport::{self, Sent};
use greet_std::Stream;

const FIRST: &[u8] = &[b'1'; 100];
const SECOND: &[u8] = &[b'2'; 300];
const EACH: usize = 1000;

/// When a client sends the second piece.
#[derive(Clone, Copy)]
enum Then {
    AtOnce,
    Soon,
    /// Once the answer is there: the server closes, or has closed.
    Answered,
}

/// Returns how many were greeted with the first piece alone.
fn clients(address: SocketAddr, then: Then) -> usize {
    let mut halves = 0;
    for index in 0..EACH {
        let mut client = connect(address);
        client.set_nodelay(true).expect("an option of TCP");
        client.write_all(FIRST).expect("room");
        match then {
            Then::AtOnce => {}
            Then::Soon => (0..index * 10).for_each(|_| std::hint::spin_loop()),
            Then::Answered => {
                client.peek(&mut [0]).expect("an answer");
            }
        }
        // It may fail, as the server has answered and gone. The answer is there all the same.
        let _ = client.write_all(SECOND);
        let reply = read_all(&mut client).expect("no reset before the end");
        if reply == greeting(FIRST) {
            halves += 1;
        } else {
            assert_eq!(reply, greeting(&[FIRST, SECOND].concat()));
        }
    }
    halves
}

#[test]
fn no_reply_is_lost_or_reset() {
    let mut server = Running::start(patient());
    let address = server.address;
    let threads = [Then::AtOnce, Then::Soon, Then::Answered]
        .map(|then| thread::spawn(move || clients(address, then)));
    let [_, _, answered] = threads.map(|thread| thread.join().expect("each gets its reply"));
    assert_eq!(
        answered, EACH,
        "the second piece came too late for all of these"
    );
    let tally = server.stop();
    assert_eq!(tally.greeted, 3 * EACH as u64);
    assert_eq!(tally.total(), 3 * EACH as u64);
}

/// A server's stream to which the second piece comes when the first was received, and before the
/// reply is sent: the moment that the clients above may miss.
struct Between<'a> {
    ours: Stream,
    client: &'a TcpStream,
}

impl ErrorType for Between<'_> {
    type Error = io::Error;
}

impl transport::Stream for Between<'_> {
    /// The first piece is all that was waiting, wherever this runs.
    const TAKES_ALL: bool = true;

    fn receive(&mut self, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let received = self.ours.receive(buffer);
        if received.is_ready() {
            let mut client = self.client;
            client.write_all(SECOND)?;
            wait_for_bytes(&self.ours);
        }
        received
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.ours.send(bytes)
    }

    fn finish(&mut self) -> Poll<io::Result<()>> {
        self.ours.finish()
    }

    fn send_last(&mut self, bytes: &[u8]) -> Poll<io::Result<Sent>> {
        self.ours.send_last(bytes)
    }

    fn abort(&mut self) {
        self.ours.abort();
    }
}

fn wait_for_bytes(stream: &Stream) {
    let start = Instant::now();
    while stream.get_ref().peek(&mut [0]).is_err() {
        assert!(start.elapsed() < BOUND, "the bytes don't come");
        thread::yield_now();
    }
}

#[test]
fn closing_over_unread_bytes_loses_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    for _ in 0..100 {
        let mut client = ask(listener.local_addr().expect("it is bound"), FIRST);
        let (socket, _) = listener.accept().expect("a client");
        let ours = Stream::new(socket).expect("a socket");
        wait_for_bytes(&ours);
        let mut stream = Between {
            ours,
            client: &client,
        };
        let mut exchange = Exchange::new(Moment::START, Limits::DEFAULT);
        assert!(!drive(&mut exchange, &mut stream, Moment::START));
        assert_eq!(exchange.outcome(), Some(Outcome::Greeted));
        drop(stream); // RST, as there are bytes unread; the reply is ahead of it
        let reply = read_all(&mut client).expect("no reset before the end");
        assert_eq!(reply, greeting(FIRST));
    }
}
