//! The client against servers of every kind: dead, silent, hasty, wrong and hostile ones. Each is a
//! plain listener that does one thing.

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use common::{BOUND, Running, needs_ipv6, patient};
use greet_core::request::RequestError;
use greet_core::text::Text;
use greet_std::{Client, Error, Greeting};
use socket2::{Domain, Socket, Type};

/// Lets a plain server do one thing to one client, after it has read the whole name.
fn against(act: impl FnOnce(TcpStream) + Send + 'static) -> Result<Greeting, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        stream.set_read_timeout(Some(BOUND)).expect("a bound");
        let mut name = Vec::new();
        stream.read_to_end(&mut name).expect("a name and FIN");
        assert_eq!(name, b"World");
        act(stream);
    });
    let result = Client::new().timeout(BOUND).greet(address, name("World"));
    server.join().expect("the server doesn't panic");
    result
}

fn answer(reply: &'static [u8]) -> Result<Greeting, Error> {
    against(move |mut stream| stream.write_all(reply).expect("room"))
}

fn name(name: &str) -> Text<'_> {
    Text::new(name).expect("short")
}

/// An address where nobody listens, as long as the socket is there: no other can have the port.
fn nobody() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    (socket, address.as_socket().expect("TCP"))
}

#[test]
fn every_address_is_tried() {
    let mut server = Running::start(patient());
    let (dead, also_dead) = (nobody(), nobody());
    let addresses = [dead.1, also_dead.1, server.address];
    let greeting = Client::new()
        .timeout(BOUND)
        .greet(&addresses[..], name("World"))
        .expect("the third answers");
    assert_eq!(greeting.as_str(), "Hello, World");
    assert_eq!(greeting.from(), server.address);
    assert_eq!(server.stop().greeted, 1);
}

/// An address that drops what is sent to it takes only its share of the time.
#[test]
#[cfg(target_os = "linux")] // Elsewhere a full backlog answers with RST, or takes more than asked.
fn an_address_that_does_not_answer_leaves_time_for_the_next() {
    let (full, black_hole) = nobody();
    full.listen(0).expect("it listens");
    // Nobody accepts: the backlog has one place, and SYNs are dropped after that.
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            socket.set_nonblocking(true).expect("an option");
            let _ = socket.connect(&black_hole.into());
            socket
        })
        .collect();

    let mut server = Running::start(patient());
    let greeting = Client::new()
        .timeout(Duration::from_secs(3))
        .greet(&[black_hole, server.address][..], name("World"))
        .expect("the second answers");
    assert_eq!(greeting.from(), server.address);
    assert_eq!(server.stop().greeted, 1);
    drop(waiting);
}

#[test]
fn nobody_there() {
    let (_socket, address) = nobody();
    let error = Client::new()
        .greet(address, name("World"))
        .expect_err("nobody");
    assert!(matches!(error, Error::Connect { address: at, .. } if at == address));
    assert_eq!(
        error.to_string(),
        format!("can't connect to {address}: connection refused (is a server running there?)")
    );
}

#[test]
fn no_address_at_all() {
    let error = Client::new()
        .greet(&[][..], name("World"))
        .expect_err("nowhere");
    assert!(matches!(error, Error::NoAddress));
}

#[test]
fn a_silent_server_runs_into_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let error = Client::new()
        .timeout(Duration::from_millis(100))
        .greet(address, name("World"))
        .expect_err("nobody accepts");
    let Error::Request { cause, reply, .. } = &error else {
        panic!("not {error}");
    };
    assert_eq!((cause, reply.len()), (&RequestError::TimedOut, 0));
    assert_eq!(
        error.to_string(),
        format!("no greeting from {address}: no whole reply in time")
    );
}

#[test]
fn no_time_at_all_is_a_timeout() {
    let (_socket, address) = nobody();
    let error = Client::new()
        .timeout(Duration::ZERO)
        .greet(address, name("World"))
        .expect_err("no time");
    let Error::Connect { cause, .. } = error else {
        panic!("not {error}");
    };
    assert_eq!(cause.kind(), std::io::ErrorKind::TimedOut);
}

/// Longer than any clock of a system.
#[test]
fn all_the_time_in_the_world() {
    let mut server = Running::start(patient());
    let greeting = Client::new()
        .timeout(Duration::MAX)
        .greet(server.address, name("World"))
        .expect("a greeting");
    assert_eq!(greeting.as_str(), "Hello, World");
    server.stop();
}

#[test]
fn the_longest_reply_arrives_whole() {
    let mut server = Running::start(patient());
    for text in ["x".repeat(1024), "é".repeat(512), "世".repeat(341)] {
        let greeting = Client::new()
            .timeout(BOUND)
            .greet(server.address, name(&text))
            .expect("a greeting");
        assert_eq!(greeting.as_str(), format!("Hello, {text}"));
    }
    assert_eq!(server.stop().greeted, 3);
}

#[test]
fn a_reply_in_single_bytes_arrives_whole() {
    let greeting = against(|mut stream| {
        stream.set_nodelay(true).expect("an option");
        for byte in b"Hello, World" {
            stream.write_all(&[*byte]).expect("room");
        }
    });
    assert_eq!(greeting.expect("a greeting").as_str(), "Hello, World");
}

#[test]
fn a_server_that_closes_early_cuts_short() {
    for (reply, sentence) in [
        (&b""[..], "the server closed the connection without a reply"),
        (
            b"Hello, Wor",
            "the server closed the connection after 10 bytes of the greeting (it sent \"Hello, Wor\")",
        ),
    ] {
        let error = answer(reply).expect_err("it is no greeting");
        let Error::Request { address, cause, .. } = &error else {
            panic!("not {error}");
        };
        assert_eq!(*cause, RequestError::CutShort { after: reply.len() });
        assert_eq!(
            error.to_string(),
            format!("no greeting from {address}: {sentence}")
        );
    }
}

#[test]
fn a_reset_is_said_to_be_one() {
    let error = against(common::reset).expect_err("it is no greeting");
    assert!(
        error
            .to_string()
            .ends_with(": connection reset by the server"),
        "{error}"
    );
}

#[test]
fn a_wrong_reply_is_shown_safely() {
    for (reply, at, shown) in [
        (&b"Hello, Worlds"[..], 12, "\"Hello, Worlds\""),
        (b"Hello, Mars", 7, "\"Hello, Mars\""),
        (b"\x1b[2J\r\n\xff", 0, "\"\\u{1b}[2J\\r\\n\u{fffd}\""),
        (&[b'z'; 5000], 0, ", and more"),
        // Neither a greeting nor a refusal: the line feed is missing.
        (b"Error: no", 0, "\"Error: no\""),
    ] {
        let error = answer(reply).expect_err("it is no greeting");
        let Error::Request { cause, .. } = &error else {
            panic!("not {error}");
        };
        assert_eq!(*cause, RequestError::WrongReply { at });
        let sentence = error.to_string();
        assert!(sentence.contains(shown), "{sentence}");
        assert!(!sentence.contains(char::is_control), "{sentence:?}");
    }
}

#[test]
fn a_refusal_is_the_servers_sentence() {
    let error = answer(b"Error: I don't know \x1b[31myou\n").expect_err("it refuses");
    let Error::Refused { address, sentence } = &error else {
        panic!("not {error}");
    };
    assert_eq!(sentence, "I don't know \x1b[31myou");
    assert_eq!(
        error.to_string(),
        format!("{address} refused: I don't know \\u{{1b}}[31myou")
    );
}

/// A greeting is shown safely, and is there as it came as well.
/// Answers the connections of one client, one after the other, and returns how many came.
fn in_turn(replies: &[&'static [u8]]) -> (Result<Greeting, Error>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            let answered = replies.iter().take_while(|reply| {
                let (mut stream, _) = listener.accept().expect("a client");
                stream.set_read_timeout(Some(BOUND)).expect("a bound");
                let read = stream.read_to_end(&mut Vec::new()).expect("bytes and FIN");
                stream.write_all(reply).expect("room");
                read > 0
            });
            answered.count()
        });
        let result = Client::new().timeout(BOUND).greet(address, name("World"));
        // A client that doesn't come back is followed by an empty one.
        let closed = TcpStream::connect(address).map(drop);
        let count = server.join().expect("the server doesn't panic");
        drop(closed);
        (result, count)
    })
}

#[test]
fn who_had_to_give_way_comes_back_once() {
    const CROWDED: &[u8] = b"Error: no name within 0.25 s\n";
    let (greeting, count) = in_turn(&[CROWDED, b"Hello, World"]);
    assert_eq!(greeting.expect("a greeting").as_str(), "Hello, World");
    assert_eq!(count, 2);

    let (refused, count) = in_turn(&[CROWDED, CROWDED, b"Hello, World"]);
    assert!(
        matches!(refused, Err(Error::Refused { sentence, .. }) if sentence == "no name within 0.25 s")
    );
    assert_eq!(count, 2);

    let (late, count) = in_turn(&[b"Error: no name within 10 s\n", b"Hello, World"]);
    assert!(matches!(late, Err(Error::Refused { .. })));
    assert_eq!(count, 1);
}

#[test]
fn a_greeting_with_control_characters() {
    let mut server = Running::start(patient());
    let greeting = Client::new()
        .timeout(BOUND)
        .greet(server.address, name("two\nlines"))
        .expect("a greeting");
    assert_eq!(greeting.as_str(), "Hello, two\nlines");
    assert_eq!(greeting.to_string(), "Hello, two\\nlines");
    server.stop();
}

#[test]
fn a_refusal_before_the_name_is_read() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        stream.write_all(b"Error: go away\n").expect("room");
        stream.shutdown(Shutdown::Write).expect("FIN");
        // Reads on, as the protocol says, so that no RST overtakes the sentence.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let error = Client::new()
        .timeout(BOUND)
        .greet(address, name("World"))
        .expect_err("it refuses");
    assert_eq!(error.to_string(), format!("{address} refused: go away"));
    server.join().expect("the server doesn't panic");
}

#[test]
fn ipv6_is_served_and_greeted() {
    if !needs_ipv6() {
        return;
    }
    for at in ["[::1]:0", "[::]:0"] {
        let mut server = Running::start_on(at, patient());
        let to = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, server.address.port()));
        let greeting = Client::new().timeout(BOUND).greet(to, name("sechs"));
        assert_eq!(greeting.expect("a greeting").as_str(), "Hello, sechs");
        assert_eq!(server.stop().total(), 1);
    }
}
