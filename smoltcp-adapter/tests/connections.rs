//! TCP connections where smoltcp leaves something to its user, or does otherwise than one expects.

mod support;

use std::net::SocketAddr;
use std::task::Poll;

use embedded_io::{Error, ErrorKind, Read, ReadReady, Write, WriteReady};
use greet_core::client::Client;
use greet_core::drive::drive;
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::machine::Machine;
use greet_core::request::{Answer, Request};
use greet_core::server::Server;
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_core::transport::{Blocking, Listener, Stream};
use greet_smoltcp::error::{ConnectError, StreamError};
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use smoltcp::wire::TcpControl::{None as Nothing, Psh, Rst, Syn};
use smoltcp::wire::{Ipv4Packet, TcpPacket};
use support::host::Host;
use support::peer::{PEER, Peer, Tap};
use support::{Caller, Clock, NOW, Path, SECOND};

#[test]
fn a_reply_longer_than_the_send_buffer_arrives_whole() {
    let path = Path::IP;
    let mut slots = SocketSlots::<2, 0>::new();
    let mut places = TcpBuffers::<1, 1024, 60>::new();
    let mut outgoing = TcpBuffers::<1, 70, 1024>::new();
    let mut stack = path.stack(&mut slots);
    let listener = stack.net().listen(&mut places, 8000).unwrap();
    stack.net().add_clients(&mut outgoing).unwrap();
    let mut server = Server::<_, 1>::new(Limits::DEFAULT);
    let mut clock = Clock::new();
    let name = "é".repeat(512);
    let mut caller = Caller::new(path.port(8000), &name, clock.now, 5 * SECOND);
    clock.run(&mut stack, Instant::at(10 * SECOND), |net, now| {
        let next = server.poll(&mut listener.on(net), now, |_| ());
        (true, next.min(caller.poll(net, now)))
    });
    let reply = caller.answer.unwrap().unwrap();
    assert_eq!(reply, format!("Hello, {name}"));
    assert_eq!(server.tally().greeted, 1);
}

#[test]
fn a_second_small_segment_leaves_before_the_first_is_acknowledged() {
    let mut slots = SocketSlots::<1, 0>::new();
    let mut places = TcpBuffers::<1, 64, 64>::new();
    let mut stack = Path::IP.stack_on(Tap::default(), &mut slots);
    let listener = stack.net().listen(&mut places, 8000).unwrap();
    let mut peer = Peer::new(10_000);
    peer.send(stack.device(), Syn, &[]);
    stack.poll(NOW, |_| Instant::NEVER);
    peer.take(stack.device());
    peer.send(stack.device(), Psh, b"x");
    let mut connection = None;
    stack.poll(NOW, |net| {
        if let Poll::Ready(Ok((accepted, peer))) = listener.on(net).accept(NOW) {
            assert_eq!(peer.port(), 10_000);
            connection = Some(accepted);
        }
        Instant::NEVER
    });
    let acknowledged: Vec<_> = peer.take(stack.device());
    assert_eq!(acknowledged.len(), 1, "at once, not 10 ms later");
    assert_eq!(acknowledged[0].control, Nothing);
    let connection = connection.expect("a client");
    for byte in [b"a", b"b"] {
        let sent = connection.on(stack.net()).send(byte);
        assert_eq!(sent, Poll::Ready(Ok(1)));
        stack.poll(NOW, |_| Instant::NEVER);
        let segments = peer.take(stack.device());
        assert_eq!(segments.len(), 1, "nothing waits for an acknowledgment");
        assert_eq!(segments[0].payload, byte);
    }
}

/// It spun when `NotReady` called itself interrupted.
#[test]
fn a_stream_that_is_not_ready_says_not_now_to_code_that_blocks() {
    let path = Path::IP;
    let mut slots = SocketSlots::<2, 0>::new();
    let mut places = TcpBuffers::<1, 1025, 1031>::new();
    let mut outgoing = TcpBuffers::<1, 1031, 1024>::new();
    let mut stack = path.stack(&mut slots);
    let listener = stack.net().listen(&mut places, 8000).unwrap();
    stack.net().add_clients(&mut outgoing).unwrap();
    let mut clock = Clock::new();
    let name = Text::new("World").unwrap();
    let mut client = Client::new(Request::new(name, clock.now + Request::TIMEOUT));
    let mut exchange = Exchange::new(clock.now, Limits::DEFAULT);
    let asking = stack.net().connect(path.port(8000)).unwrap();
    let (mut serving, mut not_yet, mut greeted) = (None, 0, false);
    clock.run(&mut stack, Instant::at(SECOND), |net, now| {
        let outcome = client.poll(&mut Blocking(asking.on(net)), now);
        not_yet += usize::from(outcome.is_pending());
        greeted = client.machine().answer() == Some(Ok(Answer::Greeted));
        if let Poll::Ready(Ok((connection, _))) = listener.on(net).accept(now) {
            serving = Some(connection);
        }
        if let Some(connection) = &serving {
            drive(&mut exchange, &mut Blocking(connection.on(net)), now);
            // Flushed; to half-close is not embedded-io's to say.
            if exchange.outcome() == Some(Outcome::Greeted)
                && let Some(connection) = serving.take()
            {
                connection.release(net);
            }
        }
        (!greeted, client.due().min(exchange.due()))
    });
    assert!(greeted && not_yet > 0, "{not_yet}");
    asking.release(stack.net());
}

#[test]
fn a_connection_tells_refused_from_reset_and_from_finished() {
    let path = Path::IP;
    let mut slots = SocketSlots::<2, 0>::new();
    let mut places = TcpBuffers::<1, 64, 64>::new();
    let mut outgoing = TcpBuffers::<1, 64, 64>::new();
    let mut stack = path.stack(&mut slots);
    stack.net().add_clients(&mut outgoing).unwrap();
    let connection = stack.net().connect(path.port(8000)).unwrap();
    let mut stream = connection.on(stack.net());
    assert!(stream.receive(&mut [0; 8]).is_pending());
    assert!(
        stream.send_last(b"").is_pending(),
        "not before it is established"
    );
    assert_eq!(stream.read(&mut [0; 8]), Err(StreamError::NotReady));
    assert_eq!(
        (stream.read_ready(), stream.write_ready()),
        (Ok(false), Ok(false))
    );
    stack.poll(NOW, |_| Instant::NEVER);
    let mut stream = connection.on(stack.net());
    let refused = Poll::Ready(Err(StreamError::Refused));
    assert_eq!(stream.receive(&mut [0; 8]), refused);
    assert_eq!(stream.send(b"x"), refused);
    assert_eq!(stream.finish(), Poll::Ready(Err(StreamError::Refused)));
    assert_eq!(StreamError::Refused.kind(), ErrorKind::ConnectionRefused);
    connection.release(stack.net());
    stack.poll(NOW, |_| Instant::NEVER);

    let listener = stack.net().listen(&mut places, 8000).unwrap();
    let connection = stack.net().connect(path.port(8000)).unwrap();
    stack.poll(NOW, |_| Instant::NEVER);
    let mut stream = connection.on(stack.net());
    assert_eq!(
        (stream.read_ready(), stream.write_ready()),
        (Ok(false), Ok(true))
    );
    assert_eq!(stream.write(b"x"), Ok(1));
    assert_eq!(stream.finish(), Poll::Ready(Ok(())));
    assert_eq!(stream.send(b"y"), Poll::Ready(Err(StreamError::Finished)));
    stack.poll(NOW, |_| Instant::NEVER);
    let Poll::Ready(Ok((accepted, _))) = listener.on(stack.net()).accept(NOW) else {
        panic!("nobody to accept");
    };
    let mut stream = accepted.on(stack.net());
    let mut buffer = [0; 8];
    assert_eq!(stream.read_ready(), Ok(true));
    assert_eq!(stream.read(&mut buffer), Ok(1));
    assert_eq!(stream.read(&mut buffer), Ok(0), "FIN");
    assert_eq!(stream.write(b"0123456789".repeat(10).as_slice()), Ok(64));
    assert_eq!(stream.write(b"more"), Err(StreamError::NotReady));
    stream.abort();
    stack.poll(NOW, |_| Instant::NEVER);
    let reset = connection.on(stack.net()).receive(&mut buffer);
    assert_eq!(reset, Poll::Ready(Err(StreamError::Reset)));
}

/// smoltcp 0.14 stands still here: see `reports/idle-behind-a-zero-window.md`.
#[test]
fn a_reply_behind_a_window_that_a_late_segment_closed_goes_on_with_a_window_or_ends_in_a_reset() {
    for opens in [true, false] {
        let mut host = Host::new::<0>();
        let mut peer = Peer::new(10_000);
        peer.window = 10;
        host.send(&mut peer, Syn, &[]);
        peer.take(host.stack.device());
        host.send(&mut peer, Psh, b"World");
        let segments = peer.take(host.stack.device());
        assert_eq!(segments.last().unwrap().payload, b"Hello, Wor");
        let received = peer.ack;
        for window in [0, 100, 0] {
            peer.window = window;
            host.send(&mut peer, Nothing, &[]);
        }
        let lost = peer.take(host.stack.device());
        assert_eq!(lost.last().unwrap().payload, b"ld");
        peer.ack = received;
        host.pass(5 * SECOND);
        if opens {
            peer.window = 100;
            host.send(&mut peer, Nothing, &[]);
            let segments = peer.take(host.stack.device());
            assert_eq!(segments.last().unwrap().payload, b"ld");
        } else {
            host.now = Instant::at(10 * SECOND);
            host.poll();
            assert_eq!(host.taken(&mut peer), [Rst]);
        }
    }
}

/// smoltcp 0.14 stands still here, too, and its keep-alive would have a byte at the place of FIN.
#[test]
fn nothing_but_the_reply_is_sent_when_the_peer_takes_it_in_parts() {
    const REPLY: &[u8] = b"Hello, World";
    let parts: [&[(usize, u16)]; 4] = [
        &[(5, 0), (5, 100)],
        &[(5, 0), (12, 0), (12, 100)],
        &[(5, 0), (12, 0)],
        &[(0, 0), (5, 0), (5, 3), (5, 0)],
    ];
    for parts in parts {
        let mut host = Host::new::<0>();
        let mut peer = host.connect(10_000);
        let start = peer.ack.unwrap();
        host.send(&mut peer, Psh, b"World");
        assert_eq!(peer.take(host.stack.device())[0].payload, REPLY);
        for (bytes, window) in parts {
            peer.ack = Some(start + *bytes);
            peer.window = *window;
            host.send(&mut peer, Nothing, &[]);
        }
        let mut segments = peer.take(host.stack.device());
        while host.now < Instant::at(10 * SECOND) {
            host.now = host.poll();
            assert!(segments.len() < 100, "it sends without end");
            segments.extend(peer.take(host.stack.device()));
        }
        for segment in segments {
            let part = &segment.payload;
            assert!(
                REPLY
                    .windows(part.len().max(1))
                    .any(|w| w.starts_with(part)),
                "{segment:?} after {parts:?}"
            );
        }
    }
}

#[test]
fn a_connection_shows_the_window_of_the_sockets_that_were_asked_for() {
    let mut slots = SocketSlots::<2, 0>::new();
    let mut tiny = TcpBuffers::<1, 64, 64>::new();
    let mut roomy = TcpBuffers::<1, 1000, 64>::new();
    let mut stack = Path::IP.stack_on(Tap::default(), &mut slots);
    let tiny = stack.net().add_clients(&mut tiny).unwrap();
    let roomy = stack.net().add_clients(&mut roomy).unwrap();
    let peer = SocketAddr::from((PEER, 8000));
    for (clients, window) in [(&roomy, 1000), (&tiny, 64)] {
        let connection = stack.net().connect_with(clients, peer);
        assert!(connection.is_ok());
        stack.poll(NOW, |_| Instant::NEVER);
        let frame = stack.device().outgoing.pop().unwrap();
        let ip = Ipv4Packet::new_unchecked(&frame);
        assert_eq!(TcpPacket::new_unchecked(ip.payload()).window_len(), window);
        let taken = stack.net().connect_with(clients, peer);
        assert_eq!(taken, Err(ConnectError::NoSocket));
    }
}
