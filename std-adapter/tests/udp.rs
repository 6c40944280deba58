//! Messages over UDP: none is cut in silence, none is lost that the socket held, and a receiver
//! stops from anywhere.

mod common;

use common::{BOUND, needs_ipv6};
use greet_core::error::{Refusal, TextError};
use greet_core::receiver::{Event, Tally};
use greet_core::text::Text;
#[cfg(target_os = "linux")]
use greet_core::time::Instant;
use greet_core::transport::Datagrams;
use greet_std::{Receiver, ReceiverHandle, send};
use socket2::SockRef;
#[cfg(target_os = "linux")]
use std::net::IpAddr;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroU16;
use std::sync::mpsc;
use std::thread;

/// What came, without what the receiver lends.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Message(SocketAddr, String),
    Refused(SocketAddr, Refusal),
}

struct Running {
    address: SocketAddr,
    handle: ReceiverHandle,
    events: mpsc::Receiver<Seen>,
    tally: mpsc::Receiver<Tally>,
}

impl Running {
    fn start(at: &str) -> Self {
        let receiver = Receiver::bind(at).expect("a free port");
        let (address, handle) = (receiver.local_addr(), receiver.handle());
        let (note, events) = mpsc::channel();
        let (done, tally) = mpsc::channel();
        thread::spawn(move || {
            let result = receiver.run(|event| {
                let seen = match event {
                    Event::Message { from, text } => Seen::Message(from, text.as_str().to_owned()),
                    Event::Refused { from, why } => Seen::Refused(from, why),
                    _ => return,
                };
                let _ = note.send(seen);
            });
            let _ = done.send(result.expect("it doesn't fail"));
        });
        Self {
            address,
            handle,
            events,
            tally,
        }
    }

    fn next(&self) -> Seen {
        self.events.recv_timeout(BOUND).expect("a datagram")
    }

    fn stop(&self) -> Tally {
        self.handle.stop();
        self.tally.recv_timeout(BOUND).expect("it stops")
    }
}

fn sender() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}

#[test]
fn the_longest_message_is_told_from_longer_ones() {
    let receiver = Running::start("127.0.0.1:0");
    let (socket, from) = sender();
    let too_long = || Seen::Refused(from, Refusal::Message(TextError::TooLong));
    for (len, whole) in [
        (0, true),
        (1024, true),
        (1025, false),
        (65_507, false),
        (1, true),
    ] {
        let text = "u".repeat(len);
        socket
            .send_to(text.as_bytes(), receiver.address)
            .expect("room");
        let expected = if whole {
            Seen::Message(from, text)
        } else {
            too_long()
        };
        assert!(receiver.next() == expected, "{len} bytes");
    }
    let tally = receiver.stop();
    assert_eq!((tally.messages, tally.too_long, tally.not_utf8), (3, 2, 0));
}

#[test]
fn what_is_not_utf8_is_refused_with_its_place() {
    let receiver = Running::start("127.0.0.1:0");
    let (socket, from) = sender();
    let at = |at| Seen::Refused(from, Refusal::Message(TextError::NotUtf8 { at }));
    for (datagram, place) in [(&b"\xff"[..], 0), (b"ab\xc3", 2), (b"ok\xed\xa0\x80", 2)] {
        socket.send_to(datagram, receiver.address).expect("room");
        assert_eq!(receiver.next(), at(place));
    }
    // Too long and not UTF-8: it is too long.
    socket
        .send_to(&[0xff; 2000], receiver.address)
        .expect("room");
    assert_eq!(
        receiver.next(),
        Seen::Refused(from, Refusal::Message(TextError::TooLong))
    );
    let tally = receiver.stop();
    assert_eq!((tally.messages, tally.too_long, tally.not_utf8), (0, 1, 3));
}

#[test]
fn none_of_ten_thousand_paced_messages_is_lost() {
    let receiver = Running::start("127.0.0.1:0");
    let (socket, from) = sender();
    for batch in 0..100 {
        for index in 0..100 {
            let text = format!("{batch}/{index}");
            socket
                .send_to(text.as_bytes(), receiver.address)
                .expect("room");
        }
        for index in 0..100 {
            assert_eq!(
                receiver.next(),
                Seen::Message(from, format!("{batch}/{index}"))
            );
        }
    }
    assert_eq!(receiver.stop().messages, 10_000);
}

/// A sender that batches: the system may hand its datagrams over in one piece.
#[cfg(target_os = "linux")]
#[test]
fn what_is_sent_in_one_call_is_received_one_by_one() {
    use nix::sys::socket::{setsockopt, sockopt::UdpGsoSegment};
    let receiver = Running::start("127.0.0.1:0");
    let (alone, from_alone) = sender();
    let (batching, from_batching) = sender();
    if let Err(error) = setsockopt(&batching, UdpGsoSegment, &5) {
        eprintln!("skipped: this system sends one datagram at a time ({error})");
        return;
    }
    let to = receiver.address;
    for round in 0..20 {
        // Fewer and more, the last one shorter, and whole.
        for last in ["", "z"] {
            let names: Vec<String> = (0..=3 * round).map(|index| format!("{index:05}")).collect();
            let batch = names.concat() + last;
            batching.send_to(batch.as_bytes(), to).expect("room");
            alone.send_to(b"one", to).expect("room");
            alone.send_to(b"", to).expect("room");
            let last = (!last.is_empty()).then(|| last.to_owned());
            for name in names.into_iter().chain(last) {
                assert_eq!(receiver.next(), Seen::Message(from_batching, name));
            }
            for name in ["one", ""] {
                assert_eq!(receiver.next(), Seen::Message(from_alone, name.to_owned()));
            }
        }
    }
    setsockopt(&batching, UdpGsoSegment, &1025).expect("as before");
    batching.send_to(&[b'x'; 3 * 1025 + 4], to).expect("room");
    for _ in 0..3 {
        let refused = Seen::Refused(from_batching, Refusal::Message(TextError::TooLong));
        assert_eq!(receiver.next(), refused);
    }
    let rest = Seen::Message(from_batching, "xxxx".to_owned());
    assert_eq!(receiver.next(), rest);
}

/// What the socket held when it was told to stop is received, to the last datagram.
#[test]
fn a_stop_leaves_nothing_in_the_socket() {
    const BURST: u64 = 10_000;
    let receiver = Receiver::bind("127.0.0.1:0").expect("a free port");
    let (address, handle) = (receiver.local_addr(), receiver.handle());
    let (socket, _) = sender();
    for _ in 0..BURST {
        socket.send_to(b"x", address).expect("room");
    }
    // The last one tells whether the system granted a buffer that holds them all.
    handle.stop();
    let granted = {
        let asked = greet_std::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        SockRef::from(asked.get_ref())
            .recv_buffer_size()
            .expect("an option")
    };
    let tally = receiver.run(|_| {}).expect("it doesn't fail");
    if granted < 8 * 1024 * 1024 {
        eprintln!("skipped: the system grants {granted} bytes, too few for {BURST} datagrams");
        return;
    }
    assert_eq!(tally.messages, BURST);
}

/// What the socket had no room for is counted, to the last datagram.
#[cfg(target_os = "linux")]
#[test]
fn what_the_kernel_dropped_is_counted() {
    let receiver = Receiver::bind("127.0.0.1:0").expect("a free port");
    let (address, handle) = (receiver.local_addr(), receiver.handle());
    let (socket, _) = sender();
    for _ in 0..100_000 {
        socket.send_to(b"x", address).expect("room");
    }
    handle.stop();
    let tally = receiver.run(|_| {}).expect("it doesn't fail");
    assert!(tally.lost > 0, "it held all of them: {tally:?}");
    assert_eq!(tally.messages + tally.lost, 100_000);
}

/// The same in a loop of one's own.
#[cfg(target_os = "linux")]
#[test]
fn a_polled_receiver_counts_what_the_kernel_dropped() {
    let mut socket = greet_std::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.get_ref().local_addr().expect("it is bound");
    let mut receiver = greet_core::receiver::Receiver::new();
    let (sender, _) = sender();
    for rounds in 1..=2 {
        for _ in 0..100_000 {
            sender.send_to(b"x", address).expect("room");
        }
        while receiver.poll(&mut socket, Instant::START, |_| {}) != Instant::NEVER {}
        let tally = receiver.tally();
        assert!(tally.lost > 0, "it held all of them: {tally:?}");
        assert_eq!(tally.messages + tally.lost, rounds * 100_000);
    }
}

#[test]
fn a_larger_receive_buffer_is_asked_for() {
    let plain = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let ours = greet_std::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let size = |socket: &UdpSocket| SockRef::from(socket).recv_buffer_size().expect("an option");
    assert!(size(ours.get_ref()) > size(&plain));
}

#[test]
fn it_stops_in_any_state() {
    for _ in 0..100 {
        Running::start("127.0.0.1:0").stop();
    }
    let receiver = Receiver::bind("127.0.0.1:0").expect("a free port");
    let (address, handle) = (receiver.local_addr(), receiver.handle());
    send(address, Text::new("early").expect("short")).expect("room");
    handle.stop();
    handle.stop();
    assert_eq!(receiver.run(|_| {}).expect("it doesn't fail").messages, 1);
    handle.stop(); // nobody is there any more
    Receiver::bind(address).expect("the port is free again");
}

#[test]
fn a_flood_does_not_keep_it_from_stopping() {
    let receiver = Running::start("127.0.0.1:0");
    let (over, flood_over) = mpsc::channel::<()>();
    let address = receiver.address;
    let flood = thread::spawn(move || {
        let (socket, _) = sender();
        while flood_over.try_recv() == Err(mpsc::TryRecvError::Empty) {
            let _ = socket.send_to(b"flood", address);
        }
    });
    receiver.next();
    assert!(receiver.stop().messages > 0);
    drop(over);
    flood.join().expect("it doesn't panic");
}

#[test]
fn messages_cross_ipv6() {
    if !needs_ipv6() {
        return;
    }
    let receiver = Running::start("[::1]:0");
    send(receiver.address, Text::new("sechs").expect("short")).expect("room");
    let Seen::Message(from, text) = receiver.next() else {
        panic!("it is a message");
    };
    assert_eq!((from.ip(), &*text), (Ipv6Addr::LOCALHOST.into(), "sechs"));
    assert_eq!(receiver.stop().messages, 1);
}

/// A datagram to nobody brings an ICMP error back, which is no business of the next one. Most systems
/// tell only a connected socket of it.
#[test]
fn what_became_of_an_earlier_datagram_is_no_error() {
    let mut socket = greet_std::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.get_ref().local_addr().expect("it is bound");
    let (nobody, gone) = sender();
    drop(nobody);
    socket.get_ref().connect(gone).expect("a peer");
    socket.get_ref().send(b"hello?").expect("room");
    let (other, from) = sender();
    socket.get_ref().connect(from).expect("another peer");
    other.send_to(b"hello!", address).expect("room");
    let mut buffer = [0; 16];
    let received = socket.receive_from(&mut buffer);
    assert!(
        matches!(received, std::task::Poll::Ready(Ok(datagram)) if datagram.len == 6 && datagram.from == from)
    );
}

#[test]
fn a_message_is_sent_from_the_right_address() {
    let receiver = Running::start("127.0.0.1:0");
    let to = send(receiver.address, Text::default()).expect("room");
    assert_eq!(to, receiver.address);
    let Seen::Message(from, text) = receiver.next() else {
        panic!("it is a message");
    };
    assert_eq!((from.ip(), &*text), (Ipv4Addr::LOCALHOST.into(), ""));
    receiver.stop();
}

/// A running responder.
fn replying(at: &str) -> (SocketAddr, ReceiverHandle, thread::JoinHandle<Tally>) {
    let receiver = Receiver::bind(at).expect("a free port");
    let receiver = receiver.reply(NonZeroU16::MAX);
    let (address, handle) = (receiver.local_addr(), receiver.handle());
    let running = thread::spawn(move || receiver.run(|_| {}).expect("it doesn't fail"));
    (address, handle, running)
}

fn asked(socket: &UdpSocket, message: &[u8], to: SocketAddr) -> (Vec<u8>, SocketAddr) {
    socket.set_read_timeout(Some(BOUND)).expect("a bound");
    socket.send_to(message, to).expect("room");
    let mut answer = vec![0; 2048];
    let (len, from) = socket.recv_from(&mut answer).expect("an answer");
    answer.truncate(len);
    (answer, from)
}

/// The whole of 127.0.0.0/8 is loopback; its last address is its broadcast address. Elsewhere there
/// is no broadcast on loopback.
#[cfg(target_os = "linux")]
#[test]
fn a_broadcast_message_is_answered_from_the_unicast_address() {
    let (address, handle, running) = replying("0.0.0.0:0");
    let (socket, _) = sender();
    socket.set_broadcast(true).expect("it may");
    let everybody = SocketAddr::from((Ipv4Addr::new(127, 255, 255, 255), address.port()));
    let (answer, from) = asked(&socket, b"Ada", everybody);
    assert_eq!(answer, b"Hello, Ada");
    assert_eq!(
        from,
        SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
    );
    handle.stop();
    assert_eq!(running.join().expect("it doesn't panic").replies, 1);
}

/// A client that is connected hears answers from nobody else. IPv6 has one address on loopback; a test
/// in a network of its own asks at another.
#[cfg(target_os = "linux")]
#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    for at in ["0.0.0.0:0", "[::]:0"] {
        if at.starts_with('[') && !needs_ipv6() {
            continue;
        }
        let (address, handle, running) = replying(at);
        let mut sources = vec![IpAddr::from([127, 0, 0, 2]), IpAddr::from([127, 0, 0, 1])];
        if address.is_ipv6() {
            sources.push(Ipv6Addr::LOCALHOST.into());
        }
        for ip in sources {
            let socket = match ip {
                IpAddr::V4(_) => UdpSocket::bind("127.0.0.1:0"),
                IpAddr::V6(_) => UdpSocket::bind("[::1]:0"),
            };
            let socket = socket.expect("a free port");
            let to = SocketAddr::new(ip, address.port());
            socket.connect(to).expect("an address of ours");
            socket.set_read_timeout(Some(BOUND)).expect("a bound");
            socket.send(b"Ada").expect("room");
            let mut answer = [0; 16];
            let len = socket.recv(&mut answer).expect("an answer from there");
            assert_eq!(&answer[..len], b"Hello, Ada", "{to}");
        }
        handle.stop();
        running.join().expect("it doesn't panic");
    }
}

/// The same without `UDP_GRO`, and what the socket says of it.
#[cfg(target_os = "linux")]
#[test]
fn a_socket_says_which_address_was_asked() {
    for at in ["0.0.0.0:0", "[::]:0"] {
        if at.starts_with('[') && !needs_ipv6() {
            continue;
        }
        let mut socket = greet_std::UdpSocket::bind(at).expect("a free port");
        socket.get_ref().set_nonblocking(false).expect("an option");
        let port = socket.get_ref().local_addr().expect("it is bound").port();
        let (asking, _) = sender();
        asking.set_broadcast(true).expect("it may");
        for (asked, local) in [
            ([127, 0, 0, 2], [127, 0, 0, 2]),
            ([127, 255, 255, 255], [127, 0, 0, 1]),
        ] {
            let to = SocketAddr::from((asked, port));
            asking.send_to(b"x", to).expect("room");
            let received = socket.receive_from(&mut [0; 16]);
            let std::task::Poll::Ready(Ok(datagram)) = received else {
                panic!("{received:?}");
            };
            assert_eq!(datagram.local.address, Some(IpAddr::from(local)));
            assert!(datagram.local.interface.is_some());
            let sent = socket.send_to(b"y", datagram.from, datagram.local);
            assert!(matches!(sent, std::task::Poll::Ready(Ok(()))), "{sent:?}");
            asking.set_read_timeout(Some(BOUND)).expect("a bound");
            let (_, from) = asking.recv_from(&mut [0; 16]).expect("an answer");
            assert_eq!(from, SocketAddr::from((local, port)));
        }
    }
}

/// A socket may send to itself; a responder that answered that would never rest.
#[test]
fn a_socket_bound_everywhere_knows_its_own_addresses() {
    for at in ["127.0.0.1:0", "0.0.0.0:0"] {
        let socket = greet_std::UdpSocket::bind(at).expect("a free port");
        let port = socket.get_ref().local_addr().expect("it is bound").port();
        let is_own = |ip: [u8; 4], port| socket.is_own(SocketAddr::from((ip, port)));
        assert!(is_own([127, 0, 0, 1], port), "{at}");
        assert!(!is_own([127, 0, 0, 1], port ^ 1), "{at}");
        assert!(
            !is_own([192, 0, 2, 1], port),
            "{at}: nobody has this address"
        );
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        assert!(socket.is_own(SocketAddr::from((mapped, port))), "{at}");
    }
}

#[test]
fn another_responder_on_the_same_machine_is_no_partner() {
    let (a, stop_a, running_a) = replying("127.0.0.1:0");
    let (b, stop_b, running_b) = replying("127.0.0.1:0");
    // As if the one had sent it to the other.
    let (socket, _) = sender();
    for (to, message) in [(a, &b"Hello, b"[..]), (b, b"Error: a\n")] {
        socket.send_to(message, to).expect("room");
        assert_eq!(asked(&socket, b"next", to).0, b"Hello, next");
    }
    stop_a.stop();
    stop_b.stop();
    for running in [running_a, running_b] {
        let tally = running.join().expect("it doesn't panic");
        assert_eq!((tally.messages, tally.replies), (2, 1));
    }
}
