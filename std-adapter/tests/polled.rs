//! Core's polled server over this crate's listener, and this crate's streams under embedded-io.

mod common;

use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::task::Poll;
use std::time::Instant;

use common::{BOUND, Seen, connect, greeting, needs_ipv6, read_all};
use embedded_io::{Read, Write};
use greet_core::drive::drive;
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::machine::Machine;
use greet_core::server::Server;
use greet_core::time::Instant as Moment;
use greet_core::transport::{Blocking, Stream as _};
use greet_std::{Listener, Stream};

/// Polls until something has happened so many times.
fn poll_until<const N: usize>(
    server: &mut Server<Stream, N>,
    listener: &mut Listener,
    count: usize,
    wanted: impl Fn(Seen) -> bool,
) {
    let start = Instant::now();
    let mut left = count;
    while left > 0 {
        assert!(start.elapsed() < BOUND, "{left} of {count} are missing");
        let _ = server.poll(listener, Moment::at(start.elapsed()), |event| {
            left = left.saturating_sub(usize::from(wanted(Seen::of(&event))));
        });
        std::thread::yield_now();
    }
}

#[test]
fn a_polled_server_serves_more_clients_than_places() {
    for at in ["127.0.0.1:0", "[::1]:0"] {
        if at.starts_with('[') && !needs_ipv6() {
            return;
        }
        let mut listener = Listener::bind(at).expect("a free port");
        let address = listener.get_ref().local_addr().expect("it is bound");
        let mut server = Server::<_, 3>::new(Limits::DEFAULT.with_deadline(4 * BOUND));
        let (first, last) = "é".as_bytes().split_at(1);
        let mut slow = common::ask(address, first); // inside a character, it keeps its place
        let mut clients: Vec<TcpStream> = (0..20).map(|_| connect(address)).collect();
        for client in &mut clients {
            client.write_all(b"polled").expect("room");
        }
        poll_until(&mut server, &mut listener, 20, |seen| {
            matches!(seen, Seen::Greeted(_))
        });
        for mut client in clients {
            assert_eq!(read_all(&mut client).expect("a reply"), greeting(b"polled"));
        }
        assert_eq!((server.tally().greeted, server.clients()), (20, 1));

        slow.write_all(last).expect("room");
        slow.shutdown(Shutdown::Write).expect("FIN");
        poll_until(&mut server, &mut listener, 1, |seen| {
            matches!(seen, Seen::Greeted(_))
        });
        assert_eq!(server.clients(), 0);
    }
}

#[test]
fn a_client_that_resets_is_abandoned() {
    let mut listener = Listener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.get_ref().local_addr().expect("it is bound");
    let mut server = Server::<_, 2>::new(Limits::DEFAULT);
    common::reset(connect(address));
    poll_until(&mut server, &mut listener, 1, |seen| {
        matches!(seen, Seen::Abandoned(..))
    });
    assert_eq!((server.tally().abandoned, server.tally().total()), (1, 1));
}

/// A connected pair: ours, and a plain one.
fn pair() -> (Stream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address: SocketAddr = listener.local_addr().expect("it is bound");
    let plain = connect(address);
    let (ours, _) = listener.accept().expect("a client");
    (Stream::new(ours).expect("a socket"), plain)
}

#[test]
fn a_stream_is_a_reader_and_a_writer_of_embedded_io() {
    let (mut ours, mut plain) = pair();
    let nothing = Read::read(&mut ours, &mut [0; 4]).expect_err("it doesn't block");
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);

    Write::write_all(&mut ours, b"from embedded-io").expect("room");
    Write::flush(&mut ours).expect("nothing is kept");
    drop(ours);
    assert_eq!(
        read_all(&mut plain).expect("all of it"),
        b"from embedded-io"
    );
}

/// Through core's wrapper for what blocks, a std socket is a transport too.
#[test]
fn a_socket_in_blocking_mode_carries_a_greeting() {
    let (ours, mut plain) = pair();
    let socket = ours.into_inner();
    socket.set_nonblocking(false).expect("an option");
    plain.write_all(b"wrapped").expect("room");
    plain.shutdown(Shutdown::Write).expect("FIN");
    let mut exchange = Exchange::new(Moment::START, Limits::DEFAULT);
    let mut stream = Blocking(embedded_io_of(socket));
    assert!(!drive(&mut exchange, &mut stream, Moment::START));
    assert_eq!(exchange.outcome(), Some(Outcome::Greeted));
    drop(stream);
    assert_eq!(read_all(&mut plain).expect("a reply"), greeting(b"wrapped"));
}

/// A stream whose socket was made to block again: embedded-io's contract to the letter.
fn embedded_io_of(socket: TcpStream) -> Stream {
    let stream = Stream::new(socket).expect("a socket");
    stream.get_ref().set_nonblocking(false).expect("an option");
    stream
}

#[test]
fn finish_and_abort_do_what_their_names_say() {
    let (mut ours, mut plain) = pair();
    assert!(ours.receive(&mut [0; 4]).is_pending());
    assert!(matches!(ours.send(b"last"), Poll::Ready(Ok(4))));
    assert!(matches!(ours.finish(), Poll::Ready(Ok(()))));
    assert_eq!(read_all(&mut plain).expect("FIN"), b"last");

    let (mut ours, mut plain) = pair();
    assert!(matches!(ours.send(b"half of"), Poll::Ready(Ok(7))));
    plain.peek(&mut [0]).expect("it has come");
    ours.abort();
    drop(ours);
    let end = read_all(&mut plain).expect_err("RST, not FIN");
    assert_eq!(end.kind(), std::io::ErrorKind::ConnectionReset);
}

/// A connection whose segments carry less than the default.
#[cfg(target_os = "linux")]
fn connect_tight(to: SocketAddr) -> TcpStream {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).expect("a socket");
    socket.set_tcp_mss(100).expect("before it connects");
    socket.connect(&to.into()).expect("somebody listens");
    let client: TcpStream = socket.into();
    client.set_read_timeout(Some(BOUND)).expect("a bound");
    client.set_nodelay(true).expect("an option");
    client
}

#[cfg(target_os = "linux")]
#[test]
fn a_stream_knows_what_came_in_one_segment() {
    let (ours, _plain) = pair();
    assert!(ours.in_one_segment(1) && ours.in_one_segment(535));
    assert!(!ours.in_one_segment(536));

    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let _tight = connect_tight(listener.local_addr().expect("it is bound"));
    let (ours, _) = listener.accept().expect("a client");
    let ours = Stream::new(ours).expect("a socket");
    assert!(ours.in_one_segment(35));
    assert!(!ours.in_one_segment(100));
}

/// A full segment may have more behind it: quiet has to last.
#[cfg(target_os = "linux")]
#[test]
fn a_name_longer_than_the_connections_segments_has_to_settle() {
    let patient = Limits::DEFAULT
        .with_settle(4 * BOUND)
        .with_deadline(4 * BOUND);
    let mut listener = Listener::bind("127.0.0.1:0").expect("a free port");
    let mut server = Server::<_, 2>::new(patient);
    let mut client = connect_tight(listener.get_ref().local_addr().expect("it is bound"));
    let (first, rest) = ([b'1'; 100], [b'2'; 50]);
    client.write_all(&first).expect("room");
    poll_until(&mut server, &mut listener, 1, |seen| {
        matches!(seen, Seen::Connected(_))
    });
    // Whatever has come is taken before somebody else who came later is greeted.
    let mut other = common::ask(client.peer_addr().expect("it is connected"), b"x");
    poll_until(&mut server, &mut listener, 1, |seen| {
        matches!(seen, Seen::Greeted(_))
    });
    assert_eq!(read_all(&mut other).expect("a reply"), b"Hello, x");
    client.write_all(&rest).expect("room");
    client.shutdown(Shutdown::Write).expect("FIN");
    poll_until(&mut server, &mut listener, 1, |seen| {
        matches!(seen, Seen::Greeted(_))
    });
    let reply = read_all(&mut client).expect("a reply");
    assert_eq!(reply, greeting(&[&first[..], &rest[..]].concat()));
}
