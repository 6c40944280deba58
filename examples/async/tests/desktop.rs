//! Over tokio: many clients in one task, tasks that a runtime may move, messages, and its budget.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use greet_async_examples::desktop::{Clock, Messages, Port, Socket};
use greet_core::asynch::embedded_io_async::ErrorKind;
use greet_core::asynch::{Timer, converse, respond, serve};
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::lines::Lines;
use greet_core::machine::{Machine, Want};
use greet_core::request::{Answer, Request};
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::server::{Event, Server};
use greet_core::text::Text;
use greet_core::time::Instant;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

const ANY: &str = "127.0.0.1:0";
const LONG: Duration = Duration::from_secs(30);

/// Runs a future on one thread; nothing here takes long.
fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let done = tokio::time::timeout(LONG, future).await;
        done.expect("not within half a minute")
    })
}

async fn greet(address: SocketAddr, name: &str, clock: Clock) -> String {
    let stream = TcpStream::connect(address).await.expect("a server");
    let mut socket = Socket::new(stream).expect("a socket");
    let deadline = clock.now() + LONG;
    let mut request = Request::new(Text::new(name).expect("short"), deadline);
    converse(&mut request, &mut socket, &clock)
        .await
        .expect("an answer");
    assert_eq!(request.answer(), Some(Ok(Answer::Greeted)));
    String::from_utf8_lossy(request.reply()).into_owned()
}

#[test]
fn one_task_serves_more_clients_than_it_has_places() {
    run(async {
        let clock = Clock::start();
        let listener = TcpListener::bind(ANY).await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let mut server = Server::<Socket, 3>::new(Limits::DEFAULT);
        let mut port = Port::new(listener);
        let names: Vec<_> = (0..20).map(|number| format!("name {number}")).collect();
        let clients = names.iter().map(|name| greet(address, name, clock));
        let mut seen = Vec::new();
        let replies = tokio::select! {
            _ = serve(&mut server, &mut port, &clock, |event| {
                if let Event::Ended { peer, outcome, .. } = event {
                    seen.push((*peer, outcome));
                }
            }) => unreachable!("it never ends"),
            replies = join_all(clients) => replies,
        };
        for (reply, name) in replies.iter().zip(&names) {
            assert_eq!(*reply, format!("Hello, {name}"));
        }
        assert_eq!(server.tally().greeted, 20);
        assert!(seen.iter().all(|(peer, _)| peer.ip() == address.ip()));
    });
}

/// All places are taken by clients that say nothing: whoever waits gets one, though nothing else happens.
#[test]
fn a_silent_client_gives_way_to_one_who_waits() {
    run(async {
        let clock = Clock::start();
        let listener = TcpListener::bind(ANY).await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let mut server = Server::<Socket, 1>::new(Limits::DEFAULT);
        let mut port = Port::new(listener);
        let silent = TcpStream::connect(address).await.expect("a server");
        let client = async {
            // Once the place is taken.
            tokio::time::sleep(Duration::from_millis(100)).await;
            greet(address, "World", clock).await
        };
        tokio::select! {
            _ = serve(&mut server, &mut port, &clock, |_event| ()) => unreachable!("it never ends"),
            reply = client => assert_eq!(reply, "Hello, World"),
        }
        drop(silent);
    });
}

/// Each client in a task of its own, that goes from thread to thread.
#[test]
fn tasks_are_spawned() {
    run(async {
        let clock = Clock::start();
        let listener = TcpListener::bind(ANY).await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let client = std::thread::spawn(move || {
            // A peer without any of this, that goes quiet in the middle of a character.
            let mut stream = std::net::TcpStream::connect(address).expect("a server");
            stream.write_all(b"caf\xc3").expect("a connection");
            std::thread::sleep(Duration::from_millis(20));
            stream.write_all(b"\xa9").expect("a connection");
            let mut reply = String::new();
            stream.read_to_string(&mut reply).expect("a reply");
            reply
        });
        let (stream, _) = listener.accept().await.expect("a client");
        let task = tokio::spawn(async move {
            let mut socket = Socket::new(stream).expect("a socket");
            let mut exchange = Exchange::new(clock.now(), Limits::DEFAULT);
            converse(&mut exchange, &mut socket, &clock).await
        });
        assert_eq!(task.await.expect("it doesn't panic"), Outcome::Greeted);
        assert_eq!(client.join().expect("it doesn't panic"), "Hello, café");
    });
}

#[test]
fn another_machine_is_served_as_well() {
    run(async {
        let clock = Clock::start();
        let listener = TcpListener::bind(ANY).await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let mut server = Server::<Socket, 2, Lines>::serving(Limits::DEFAULT);
        let mut port = Port::new(listener);
        let client = tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(address).expect("a server");
            stream.write_all(b"one\ntwo\nthree").expect("a connection");
            let shut = stream.shutdown(std::net::Shutdown::Write);
            shut.expect("a connection");
            let mut replies = String::new();
            stream.read_to_string(&mut replies).expect("replies");
            replies
        });
        tokio::select! {
            _ = serve(&mut server, &mut port, &clock, |_event| ()) => unreachable!("it never ends"),
            replies = client => {
                assert_eq!(replies.expect("it doesn't panic"), "Hello, one\nHello, two\nHello, three");
            }
        }
    });
}

#[test]
fn messages_are_answered() {
    run(async {
        let clock = Clock::start();
        let mut socket = Messages::new(UdpSocket::bind(ANY).await.expect("a port"));
        let address = socket.get_ref().local_addr().expect("it is bound");
        let client = async {
            let client = UdpSocket::bind(ANY).await.expect("a port");
            client.send_to(b"Hello, UDP!", address).await.expect("sent");
            client.send_to(b"World", address).await.expect("sent");
            let mut buffer = [0; 64];
            let (len, _) = client.recv_from(&mut buffer).await.expect("an answer");
            String::from_utf8_lossy(&buffer[..len]).into_owned()
        };
        let mut responder = Responder::<8>::new(REPLIES_PER_SECOND);
        tokio::select! {
            _ = respond(&mut responder, &mut socket, &clock, |_event| ()) => unreachable!("never"),
            answer = client => assert_eq!(answer, "Hello, World"),
        }
        // The other looks like an answer, which is never answered.
        assert_eq!(
            (responder.tally().messages, responder.tally().replies),
            (2, 1)
        );
    });
}

/// A reset comes to the peer, and only where a part must not look like all.
#[test]
fn who_does_not_read_is_reset() {
    run(async {
        let clock = Clock::start();
        let listener = TcpListener::bind(ANY).await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let mut client = std::net::TcpStream::connect(address).expect("a server");
        let (stream, _) = listener.accept().await.expect("a client");
        let mut socket = Socket::new(stream).expect("a socket");
        let mut endless = Endless {
            deadline: clock.now() + Duration::from_millis(200),
            done: false,
        };
        converse(&mut endless, &mut socket, &clock).await;
        let mut got = Vec::new();
        let end = client.read_to_end(&mut got).map_err(|error| error.kind());
        assert_eq!(end, Err(std::io::ErrorKind::ConnectionReset));
    });
}

/// Sends without end, and resets at its deadline.
struct Endless {
    deadline: Instant,
    done: bool,
}

impl Machine for Endless {
    type Outcome = ();

    fn want(&self) -> Want {
        if self.done { Want::Done } else { Want::Write }
    }

    fn space(&mut self) -> &mut [u8] {
        &mut []
    }

    fn received(&mut self, _: usize, _: Instant) {}

    fn received_fin(&mut self, _: Instant) {}

    fn transmit(&self) -> &[u8] {
        &[0; 4096]
    }

    fn fin_follows(&self) -> bool {
        false
    }

    fn transmitted(&mut self, _: usize, _: Instant) {}

    fn finished(&mut self, _: Instant) {}

    fn lost(&mut self, _: ErrorKind) {
        self.done = true;
    }

    fn due(&self) -> Instant {
        self.deadline
    }

    fn timeout(&mut self, now: Instant) {
        self.done |= now >= self.deadline;
    }

    fn outcome(&self) -> Option<()> {
        self.done.then_some(())
    }

    fn resets(&self) -> bool {
        self.done
    }
}

/// tokio lets a task do 128 things, and then makes all that it asks for pend. With thirty conversations in
/// one task that would be taken for quiet in the middle of bytes that wait.
#[test]
fn the_budget_of_the_runtime_is_not_taken_for_quiet() {
    run(async {
        let clock = Clock::start();
        let listener = TcpListener::bind(ANY).await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let mut sockets = Vec::new();
        let mut clients = Vec::new();
        for _ in 0..30 {
            let mut client = std::net::TcpStream::connect(address).expect("a server");
            client.write_all(&[b'x'; 12]).expect("a connection");
            clients.push(client);
            let (stream, _) = listener.accept().await.expect("a client");
            stream.readable().await.expect("bytes");
            sockets.push(Socket::new(stream).expect("a socket"));
        }
        let conversations = sockets.iter_mut().map(|socket| async move {
            let mut nibbling = Nibbling::default();
            converse(&mut nibbling, socket, &clock).await
        });
        let quiet_after = join_all(conversations).await;
        assert_eq!(quiet_after, [12; 30]);
        drop(clients);
    });
}

/// Reads a byte at a time up to the first quiet after one, and says how many came.
#[derive(Default)]
struct Nibbling {
    space: [u8; 1],
    got: usize,
    quiet: bool,
}

impl Machine for Nibbling {
    type Outcome = usize;

    fn want(&self) -> Want {
        if self.quiet { Want::Done } else { Want::Read }
    }

    fn space(&mut self) -> &mut [u8] {
        &mut self.space
    }

    fn received(&mut self, n: usize, _: Instant) {
        self.got += n;
    }

    fn received_fin(&mut self, _: Instant) {
        self.quiet = true;
    }

    fn quiet(&mut self, _: Instant, _: impl FnOnce(usize) -> bool) {
        self.quiet |= self.got > 0;
    }

    fn transmit(&self) -> &[u8] {
        &[]
    }

    fn fin_follows(&self) -> bool {
        false
    }

    fn transmitted(&mut self, _: usize, _: Instant) {}

    fn finished(&mut self, _: Instant) {}

    fn lost(&mut self, _: ErrorKind) {
        self.quiet = true;
    }

    fn due(&self) -> Instant {
        Instant::NEVER
    }

    fn timeout(&mut self, _: Instant) {}

    fn outcome(&self) -> Option<usize> {
        self.quiet.then_some(self.got)
    }
}

/// A conversation that is cancelled goes on where it was.
#[test]
fn a_conversation_goes_on_after_a_timeout() {
    run(async {
        let clock = Clock::start();
        let listener = TcpListener::bind(ANY).await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let mut client = std::net::TcpStream::connect(address).expect("a server");
        let (stream, _) = listener.accept().await.expect("a client");
        let mut socket = Socket::new(stream).expect("a socket");
        let mut exchange = Exchange::new(clock.now(), Limits::DEFAULT);
        // Up to its last byte this is no name, and nobody is answered.
        for byte in "\u{1F600}".bytes() {
            let soon = Duration::from_millis(5);
            let conversation = converse(&mut exchange, &mut socket, &clock);
            let cancelled = tokio::time::timeout(soon, conversation).await;
            assert!(cancelled.is_err());
            client.write_all(&[byte]).expect("a connection");
        }
        let outcome = converse(&mut exchange, &mut socket, &clock).await;
        assert_eq!(outcome, Outcome::Greeted);
        drop(socket);
        let mut reply = String::new();
        client.read_to_string(&mut reply).expect("a reply");
        assert_eq!(reply, "Hello, \u{1F600}");
    });
}
