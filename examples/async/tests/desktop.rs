//! Over tokio: many clients in one task, tasks that a runtime may move, and messages.

mod runtime;

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use futures::future::join_all;
use greet_async_examples::desktop::{Clock, Messages, Port, Socket};
use greet_core::asynch::embedded_io_async::{ErrorType, Read, Write};
use greet_core::asynch::{Close, Timer, converse, respond, serve};
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::lines::Lines;
use greet_core::request::{Answer, Request};
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::server::{Event, Server};
use greet_core::text::Text;
use runtime::{ANY, LONG, connected, listening, run};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Notify;

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
        let (listener, address) = listening().await;
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
        let (listener, address) = listening().await;
        let mut server = Server::<Socket, 1>::new(Limits::DEFAULT);
        let mut port = Port::new(listener);
        let silent = TcpStream::connect(address).await.expect("a server");
        let taken = Notify::new();
        let client = async {
            taken.notified().await;
            greet(address, "World", clock).await
        };
        let report = |event: Event<'_, _, _>| {
            if let Event::Connected { .. } = event {
                taken.notify_one();
            }
        };
        tokio::select! {
            _ = serve(&mut server, &mut port, &clock, report) => unreachable!("it never ends"),
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
        let (listener, address) = listening().await;
        let (came, comes) = mpsc::channel();
        let client = std::thread::spawn(move || {
            // A peer without any of this, that goes quiet in the middle of a character.
            let mut stream = std::net::TcpStream::connect(address).expect("a server");
            stream.write_all(b"caf\xc3").expect("a connection");
            let mut read = 0;
            while read < 4 {
                read += comes.recv_timeout(LONG).expect("it reads");
            }
            stream.write_all(b"\xa9").expect("a connection");
            let mut reply = String::new();
            stream.read_to_string(&mut reply).expect("a reply");
            reply
        });
        let (stream, _) = listener.accept().await.expect("a client");
        let task = tokio::spawn(async move {
            let mut socket = Telling(Socket::new(stream).expect("a socket"), came);
            let mut exchange = Exchange::new(clock.now(), Limits::DEFAULT);
            converse(&mut exchange, &mut socket, &clock).await
        });
        assert_eq!(task.await.expect("it doesn't panic"), Outcome::Greeted);
        assert_eq!(client.join().expect("it doesn't panic"), "Hello, café");
    });
}

/// A socket that tells how many bytes were read from it.
struct Telling(Socket, mpsc::Sender<usize>);

impl ErrorType for Telling {
    type Error = <Socket as ErrorType>::Error;
}

impl Read for Telling {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let read = self.0.read(buffer).await?;
        // Nobody may want to know any more.
        let _ = self.1.send(read);
        Ok(read)
    }
}

impl Write for Telling {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.0.write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        self.0.flush().await
    }
}

impl Close for Telling {
    async fn finish(&mut self) -> Result<(), Self::Error> {
        self.0.finish().await
    }

    async fn abort(&mut self) {
        self.0.abort().await;
    }
}

#[test]
fn another_machine_is_served_as_well() {
    run(async {
        let clock = Clock::start();
        let (listener, address) = listening().await;
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

/// A conversation that is cancelled goes on where it was.
#[test]
fn a_conversation_goes_on_after_a_timeout() {
    run(async {
        let clock = Clock::start();
        let (mut client, mut socket) = connected().await;
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
