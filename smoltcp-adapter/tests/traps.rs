//! What smoltcp leaves to its user, or does otherwise than one expects, each shown to be no
//! trouble here. The places of a listener have a file of their own, `places.rs`.

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use embedded_io::{Error, ErrorKind, Read, ReadReady, Write, WriteReady};
use greet_core::limits::Limits;
use greet_core::server::{Event, Server};
use greet_core::transport::{Datagrams, Stream};
use greet_smoltcp::error::{ConnectError, DatagramError, SetupError, StreamError};
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use smoltcp::iface::Config;
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use smoltcp::wire::TcpControl::{None as Nothing, Psh, Syn};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr, Ipv4Packet, TcpPacket};
use support::peer::{PEER, Peer, Tap};
use support::{Caller, Clock, Path, Ring, earlier};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_thousand_greetings_take_a_thousand_polls_and_an_idle_hour_takes_two() {
    let path = Path::IP;
    let mut slots = SocketSlots::<5, 0>::new();
    let mut places = TcpBuffers::<4, 1024, 1031>::new();
    let mut outgoing = TcpBuffers::<1, 1031, 1024>::new();
    let mut stack = path.stack(&mut slots);
    let listener = stack.net().listen(&mut places, 8000).unwrap();
    stack.net().add_clients(&mut outgoing).unwrap();
    let mut server = Server::<_, 4>::new(Limits::DEFAULT);
    let mut clock = Clock::new();
    for greeting in 0..1_000 {
        clock.now = Duration::from_millis(greeting);
        let mut caller = Caller::new(path.port(8000), "World", clock.now, 5 * SECOND);
        clock.run(&mut stack, clock.now, |net, now| {
            let next = server.poll(&mut listener.on(net), now, |_| ());
            (true, earlier(next, caller.poll(net, now)))
        });
        assert_eq!(caller.answer, Some(Ok("Hello, World".into())));
    }
    assert_eq!(clock.polls, 1_000);

    // Twice: now, and when the client's socket leaves TIME-WAIT.
    clock.run(&mut stack, clock.now + 3_600 * SECOND, |net, now| {
        (true, server.poll(&mut listener.on(net), now, |_| ()))
    });
    assert_eq!(clock.polls, 1_002);
}

#[test]
fn a_stack_whose_device_takes_nothing_asks_to_be_called_later_but_soon() {
    let path = Path::IP;
    let mut slots = SocketSlots::<1, 0>::new();
    let mut outgoing = TcpBuffers::<1, 64, 64>::new();
    let mut stack = path.stack_on(Deaf, &mut slots);
    stack.net().add_clients(&mut outgoing).unwrap();
    let _connection = stack.net().connect(path.port(8000)).unwrap();
    let next = stack.poll(SECOND, |_| None);
    assert_eq!(next, Some(SECOND + Duration::from_millis(1)));
}

#[test]
fn sockets_come_back_while_there_is_always_something_to_do() {
    let path = Path::IP;
    let mut slots = SocketSlots::<2, 0>::new();
    let mut places = TcpBuffers::<1, 64, 64>::new();
    let mut outgoing = TcpBuffers::<1, 64, 64>::new();
    let mut stack = path.stack(&mut slots);
    let listener = stack.net().listen(&mut places, 8000).unwrap();
    stack.net().add_clients(&mut outgoing).unwrap();
    let mut server = Server::<_, 1>::new(Limits::DEFAULT);
    let mut greeted = 0;
    let mut caller = Caller::new(path.port(8000), "World", SECOND, SECOND);
    let next = stack.poll(SECOND, |net| {
        server.poll(&mut listener.on(net), SECOND, |_| ());
        caller.poll(net, SECOND);
        if caller.answer.is_some() {
            greeted += 1;
            caller = Caller::new(path.port(8000), "World", SECOND, SECOND);
        }
        Some(SECOND) // at once
    });
    assert_eq!(next, Some(SECOND), "a poll ends all the same");
    assert!(greeted > 5, "{greeted} in one poll");
}

#[test]
fn who_waits_for_a_socket_is_told_when_one_is_free() {
    let path = Path::IP;
    let mut slots = SocketSlots::<1, 0>::new();
    let mut outgoing = TcpBuffers::<1, 64, 64>::new();
    let mut stack = path.stack_on(Deaf, &mut slots);
    stack.net().add_clients(&mut outgoing).unwrap();
    let first = stack.net().connect(path.port(8000)).unwrap();
    first.release(stack.net());
    // The first's reset can't be sent; after lingering, its socket is free without.
    let mut second = None;
    stack.poll(10 * SECOND, |net| {
        second = second.take().or(net.connect(path.port(8000)).ok());
        None
    });
    assert!(second.is_some());
}

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
    clock.run(&mut stack, 10 * SECOND, |net, now| {
        let next = server.poll(&mut listener.on(net), now, |_| ());
        (true, earlier(next, caller.poll(net, now)))
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
    stack.poll(SECOND, |_| None);
    peer.take(stack.device());
    peer.send(stack.device(), Psh, b"x");
    let mut connection = None;
    stack.poll(SECOND, |net| {
        use greet_core::transport::Listener;
        if let Poll::Ready(Ok((accepted, peer))) = listener.on(net).accept() {
            assert_eq!(peer.port(), 10_000);
            connection = Some(accepted);
        }
        None
    });
    let acknowledged: Vec<_> = peer.take(stack.device());
    assert_eq!(acknowledged.len(), 1, "at once, not 10 ms later");
    assert_eq!(acknowledged[0].control, Nothing);
    let connection = connection.expect("a client");
    for byte in [b"a", b"b"] {
        let sent = connection.on(stack.net()).send(byte);
        assert_eq!(sent, Poll::Ready(Ok(1)));
        stack.poll(SECOND, |_| None);
        let segments = peer.take(stack.device());
        assert_eq!(segments.len(), 1, "nothing waits for an acknowledgment");
        assert_eq!(segments[0].payload, byte);
    }
}

#[test]
fn ephemeral_ports_are_never_in_use() {
    let path = Path::IP;
    let mut slots = SocketSlots::<14, 0>::new();
    let mut places = TcpBuffers::<8, 64, 64>::new();
    let mut outgoing = TcpBuffers::<4, 64, 64>::new();
    let mut taken = TcpBuffers::<1, 64, 64>::new();
    let mut stack = path.stack(&mut slots);
    let listener = stack.net().listen(&mut places, 8000).unwrap();
    stack.net().add_clients(&mut outgoing).unwrap();
    let mut server = Server::<_, 8>::new(Limits::DEFAULT);
    let mut ports = Vec::new();
    let mut connections = Vec::new();
    let mut connect = |stack: &mut Stack<'_, Ring>, ports: &mut Vec<u16>| {
        connections.push(stack.net().connect(path.port(8000)).unwrap());
        stack.poll(SECOND, |net| {
            server.poll(&mut listener.on(net), SECOND, |event| {
                if let Event::Connected { peer } = event {
                    ports.push(peer.port());
                }
            })
        });
    };
    connect(&mut stack, &mut ports);
    let first = ports[0];
    assert!(first >= 49_152);
    // Whatever listens has its port, and so has a connection.
    stack.net().listen(&mut taken, first + 1).unwrap();
    for _ in 0..3 {
        connect(&mut stack, &mut ports);
    }
    assert_eq!(ports, [first, first + 2, first + 3, first + 4]);
    let none = stack.net().connect(path.port(8000));
    assert_eq!(none, Err(ConnectError::NoSocket));
}

#[test]
fn ephemeral_ports_depend_on_the_seed() {
    let port = |seed| {
        let mut slots = SocketSlots::<1, 0>::new();
        let mut buffers = UdpBuffers::<1, 64, 64>::new();
        let mut config = Path::IP.config();
        config.random_seed = seed;
        let device = Ring::new(Medium::Ip);
        let mut stack = Stack::new(device, config, &[], &mut slots).unwrap();
        stack.net().bind(&mut buffers, 0).unwrap().port()
    };
    let ports: BTreeSet<u16> = (0..100).map(port).collect();
    assert!(ports.len() > 90, "{} of 100", ports.len());
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
    stack.poll(SECOND, |_| None);
    let mut stream = connection.on(stack.net());
    let refused = Poll::Ready(Err(StreamError::Refused));
    assert_eq!(stream.receive(&mut [0; 8]), refused);
    assert_eq!(stream.send(b"x"), refused);
    assert_eq!(stream.finish(), Err(StreamError::Refused));
    assert_eq!(StreamError::Refused.kind(), ErrorKind::ConnectionRefused);
    connection.release(stack.net());
    stack.poll(SECOND, |_| None);

    let listener = stack.net().listen(&mut places, 8000).unwrap();
    let connection = stack.net().connect(path.port(8000)).unwrap();
    stack.poll(SECOND, |_| None);
    let mut stream = connection.on(stack.net());
    assert_eq!(
        (stream.read_ready(), stream.write_ready()),
        (Ok(false), Ok(true))
    );
    assert_eq!(stream.write(b"x"), Ok(1));
    assert_eq!(stream.finish(), Ok(()));
    assert_eq!(stream.send(b"y"), Poll::Ready(Err(StreamError::Finished)));
    let accepted = {
        use greet_core::transport::Listener;
        stack.poll(SECOND, |_| None);
        let Poll::Ready(Ok((accepted, _))) = listener.on(stack.net()).accept() else {
            panic!("nobody to accept");
        };
        accepted
    };
    let mut stream = accepted.on(stack.net());
    let mut buffer = [0; 8];
    assert_eq!(stream.read_ready(), Ok(true));
    assert_eq!(stream.read(&mut buffer), Ok(1));
    assert_eq!(stream.read(&mut buffer), Ok(0), "FIN");
    assert_eq!(stream.write(b"0123456789".repeat(10).as_slice()), Ok(64));
    assert_eq!(stream.write(b"more"), Err(StreamError::NotReady));
    stream.abort();
    stack.poll(SECOND, |_| None);
    let reset = connection.on(stack.net()).receive(&mut buffer);
    assert_eq!(reset, Poll::Ready(Err(StreamError::Reset)));
}

#[test]
fn a_datagram_that_can_never_be_sent_is_an_error() {
    for (path, headers) in Path::ALL.into_iter().zip([28, 48, 28 + 14, 48 + 14]) {
        let mut slots = SocketSlots::<3, 0>::new();
        let mut inbox = UdpBuffers::<4, 2_000, 0>::new();
        let mut large = UdpBuffers::<4, 0, 2_000>::new();
        let mut small = UdpBuffers::<4, 0, 100>::new();
        let mut stack = path.stack(&mut slots);
        let net = stack.net();
        let inbox = net.bind(&mut inbox, 8001).unwrap();
        let large = net.bind(&mut large, 0).unwrap();
        let small = net.bind(&mut small, 0).unwrap();
        let (to, bytes) = (path.port(8001), [7; 1_500]);
        let max = 1_514 - headers;
        let too_long = Poll::Ready(Err(DatagramError::TooLong { max }));
        assert_eq!(
            large.on(net).send_to(&bytes[..=max.min(1_499)], to),
            too_long
        );
        let too_long = Poll::Ready(Err(DatagramError::TooLong { max: 100 }));
        assert_eq!(small.on(net).send_to(&bytes[..101], to), too_long);
        assert_eq!(
            small.on(net).send_to(&bytes[..100], to),
            Poll::Ready(Ok(()))
        );
        let nowhere = Poll::Ready(Err(DatagramError::Address));
        assert_eq!(small.on(net).send_to(b"", path.port(0)), nowhere);
        // The longest one arrives whole.
        assert_eq!(
            large.on(net).send_to(&bytes[..max], to),
            Poll::Ready(Ok(()))
        );
        stack.poll(SECOND, |_| None);
        let mut lengths = Vec::new();
        while let Poll::Ready(Ok((len, _))) = inbox.on(stack.net()).receive_from(&mut [0; 10]) {
            lengths.push(len);
        }
        lengths.sort_unstable();
        assert_eq!(
            lengths,
            [100, max],
            "{path:?}: also if the buffer has only 10 bytes"
        );
    }
}

#[test]
fn an_address_of_a_version_that_we_have_none_of_is_an_error() {
    let mut slots = SocketSlots::<2, 0>::new();
    let mut buffers = UdpBuffers::<1, 64, 64>::new();
    let mut outgoing = TcpBuffers::<1, 64, 64>::new();
    let device = Ring::new(Medium::Ip);
    let mut stack = Stack::new(device, Path::IP.config(), &[], &mut slots).unwrap();
    let net = stack.net();
    net.add_clients(&mut outgoing).unwrap();
    let socket = net.bind(&mut buffers, 0).unwrap();
    let peer = SocketAddr::from(([192, 0, 2, 9], 9));
    let nowhere = Poll::Ready(Err(DatagramError::Address));
    assert_eq!(socket.on(net).send_to(b"x", peer), nowhere);
    assert_eq!(net.connect(peer), Err(ConnectError::Address));
    assert_eq!(net.idle(), 1);
}

/// A late segment closes the peer's window after the rest of the reply was sent and lost. smoltcp
/// neither repeats the rest then nor probes the window.
#[test]
fn a_reply_is_not_stuck_behind_a_window_that_a_late_segment_closed() {
    let mut slots = SocketSlots::<1, 0>::new();
    let mut places = TcpBuffers::<1, 1024, 1031>::new();
    let mut stack = Path::IP.stack_on(Tap::default(), &mut slots);
    let listener = stack.net().listen(&mut places, 8000).unwrap();
    let mut server = Server::<_, 1>::new(Limits::DEFAULT);
    let mut clock = Clock::new();
    let mut until = |stack: &mut Stack<'_, Tap>, end| {
        clock.run(stack, end, |net, now| {
            (true, server.poll(&mut listener.on(net), now, |_| ()))
        });
    };
    let mut peer = Peer::new(10_000);
    peer.window = 10;
    peer.send(stack.device(), Syn, &[]);
    until(&mut stack, Duration::ZERO);
    peer.take(stack.device());
    peer.send(stack.device(), Psh, b"World");
    until(&mut stack, Duration::ZERO);
    let segments = peer.take(stack.device());
    assert_eq!(segments.last().unwrap().payload, b"Hello, Wor");
    let received = peer.ack;
    for window in [0, 100, 0] {
        peer.window = window;
        peer.send(stack.device(), Nothing, &[]);
        until(&mut stack, Duration::ZERO);
    }
    let lost = peer.take(stack.device());
    assert_eq!(lost.last().unwrap().payload, b"ld");
    peer.ack = received;
    until(&mut stack, 5 * SECOND);
    assert!(!peer.take(stack.device()).is_empty(), "a sign is asked for");
    peer.ack = received;
    peer.window = 100;
    peer.send(stack.device(), Nothing, &[]);
    until(&mut stack, 5 * SECOND);
    let segments = peer.take(stack.device());
    assert_eq!(segments.last().unwrap().payload, b"ld");
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
        stack.poll(Duration::ZERO, |_| None);
        let frame = stack.device().outgoing.pop().unwrap();
        let ip = Ipv4Packet::new_unchecked(&frame);
        assert_eq!(TcpPacket::new_unchecked(ip.payload()).window_len(), window);
        let taken = stack.net().connect_with(clients, peer);
        assert_eq!(taken, Err(ConnectError::NoSocket));
    }
}

#[test]
fn corrupted_frames_never_reach_anybody() {
    let path = Path::IP;
    let mut slots = SocketSlots::<2, 0>::new();
    let mut inbox = UdpBuffers::<4, 2_000, 0>::new();
    let mut sender = UdpBuffers::<4, 0, 2_000>::new();
    let device = Flipping {
        ring: Ring::new(path.medium),
        bit: None,
    };
    let mut stack = path.stack_on(device, &mut slots);
    let inbox = stack.net().bind(&mut inbox, 8001).unwrap();
    let sender = stack.net().bind(&mut sender, 0).unwrap();
    let mut arrived = 0;
    // Every bit of a datagram of 100 bytes and of its headers, and none at last.
    for bit in (0..128 * 8).map(Some).chain([None]) {
        stack.device().bit = bit;
        let sent = sender.on(stack.net()).send_to(&[7; 100], path.port(8001));
        assert_eq!(sent, Poll::Ready(Ok(())));
        stack.poll(SECOND, |_| None);
        let mut buffer = [0; 100];
        while inbox.on(stack.net()).receive_from(&mut buffer).is_ready() {
            arrived += 1;
            assert!(
                !matches!(bit, Some(160..)),
                "bit {bit:?} was flipped, and it arrived"
            );
        }
    }
    assert_eq!(arrived, 1, "the intact one");
}

#[test]
fn a_full_ring_makes_the_stack_wait_and_loses_nothing() {
    let path = Path::IP;
    let mut slots = SocketSlots::<2, 0>::new();
    let mut inbox = UdpBuffers::<32, 2_000, 0>::new();
    let mut sender = UdpBuffers::<32, 0, 2_000>::new();
    let mut stack = path.stack_on(
        greet_smoltcp::loopback::Loopback::<2, 200>::new(path.medium),
        &mut slots,
    );
    let inbox = stack.net().bind(&mut inbox, 8001).unwrap();
    let sender = stack.net().bind(&mut sender, 0).unwrap();
    for number in 0..32 {
        let sent = sender.on(stack.net()).send_to(&[number], path.port(8001));
        assert_eq!(sent, Poll::Ready(Ok(())));
    }
    let sent = sender.on(stack.net()).send_to(&[32], path.port(8001));
    assert_eq!(sent, Poll::Pending, "no slot is free");
    assert_eq!(stack.poll(SECOND, |_| None), None);
    for number in 0..32 {
        let mut buffer = [0; 1];
        let received = inbox.on(stack.net()).receive_from(&mut buffer);
        assert!(matches!(received, Poll::Ready(Ok((1, _)))));
        assert_eq!(buffer, [number], "in order");
    }
}

#[test]
fn what_doesnt_fit_is_an_error_and_no_panic() {
    let refuse = |config: Config, addresses: &[IpCidr]| {
        let mut slots = SocketSlots::<1, 0>::new();
        let device = Ring::new(Medium::Ip);
        Stack::new(device, config, addresses, &mut slots).err()
    };
    let ethernet = HardwareAddress::Ethernet(EthernetAddress([2, 0, 0, 0, 0, 1]));
    let wrong = refuse(Config::new(ethernet), &[]);
    assert_eq!(wrong, Some(SetupError::HardwareAddress));
    let address = |last| IpCidr::new(IpAddress::v4(192, 0, 2, last), 24);
    let broadcast = IpCidr::new(IpAddress::v4(255, 255, 255, 255), 32);
    let wrong = refuse(Path::IP.config(), &[broadcast]);
    assert_eq!(wrong, Some(SetupError::Address));
    let many: Vec<IpCidr> = (1..20).map(address).collect();
    let wrong = refuse(Path::IP.config(), &many);
    assert_eq!(wrong, Some(SetupError::TooManyAddresses));

    let mut slots = SocketSlots::<2, 0>::new();
    let mut buffers: [_; 4] = std::array::from_fn(|_| TcpBuffers::<1, 64, 64>::new());
    let [first, second, third, fourth] = &mut buffers;
    let mut three = TcpBuffers::<3, 64, 64>::new();
    let mut udp = UdpBuffers::<1, 64, 64>::new();
    let mut stack = Path::IP.stack(&mut slots);
    let net = stack.net();
    assert_eq!(net.listen(&mut three, 8000).err(), Some(SetupError::NoSlot));
    assert_eq!(net.listen(first, 0).err(), Some(SetupError::PortZero));
    net.listen(second, 8000).unwrap();
    assert_eq!(net.listen(third, 8000).err(), Some(SetupError::PortInUse));
    net.listen(fourth, 8001).unwrap();
    assert_eq!(net.bind(&mut udp, 8001).err(), Some(SetupError::NoSlot));
}

/// A device that takes no frame.
struct Deaf;

impl Device for Deaf {
    type RxToken<'t> = greet_smoltcp::loopback::RxToken<'t>;
    type TxToken<'t> = greet_smoltcp::loopback::TxToken<'t, 0>;

    fn receive(&mut self, _: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, _: Instant) -> Option<Self::TxToken<'_>> {
        None
    }

    fn capabilities(&self) -> DeviceCapabilities {
        Ring::new(Medium::Ip).capabilities()
    }
}

/// The loopback, with one bit of each frame flipped on its way.
struct Flipping {
    ring: Ring,
    bit: Option<usize>,
}

struct Flipped<'t>(<Ring as Device>::RxToken<'t>, Option<usize>);

impl phy::RxToken for Flipped<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        self.0.consume(|frame| {
            let mut frame = frame.to_vec();
            if let Some(bit) = self.1 {
                frame[bit / 8] ^= 1 << (bit % 8);
            }
            read(&frame)
        })
    }
}

impl Device for Flipping {
    type RxToken<'t> = Flipped<'t>;
    type TxToken<'t> = <Ring as Device>::TxToken<'t>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (frame, answer) = self.ring.receive(now)?;
        Some((Flipped(frame, self.bit), answer))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.ring.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.ring.capabilities()
    }
}
