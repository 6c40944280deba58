//! Datagrams that are shown first: what is taken ends there, what passes is a message like any other.

mod common;

use std::net::UdpSocket;
use std::num::NonZeroU16;
use std::sync::mpsc;
use std::thread;

use common::BOUND;
use greet_core::receiver::{Event, Receiver as Polled};
use greet_std::{Receiver, Screening};

fn sender() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(BOUND)).expect("a socket");
    socket
}

#[test]
fn what_is_taken_is_no_message_and_keeps_none_waiting() {
    let receiver = Receiver::bind("127.0.0.1:0").expect("a free port");
    let receiver = receiver.screen(|datagram, _| match datagram {
        b"take" => Screening::Taken,
        _ => Screening::Passed,
    });
    let (address, handle) = (receiver.local_addr(), receiver.handle());
    let socket = sender();
    // All of them are there before the receiver begins: more than are taken at once.
    for _ in 0..Polled::BATCH * 5 / 2 {
        socket.send_to(b"take", address).expect("it is sent");
    }
    socket.send_to(b"\xff", address).expect("it is sent");
    socket.send_to(b"pass", address).expect("it is sent");
    let (note, seen) = mpsc::channel();
    let running = thread::spawn(move || {
        receiver.run(|event| {
            let _ = note.send(match event {
                Event::Message { text, .. } => text.to_string(),
                other => format!("{other:?}"),
            });
        })
    });
    let first = seen.recv_timeout(BOUND).expect("what is no message");
    assert!(first.starts_with("Refused"), "{first}");
    let second = seen.recv_timeout(BOUND).expect("the message");
    assert_eq!(second, "pass");
    handle.stop();
    let tally = running.join().expect("no panic").expect("it stops");
    assert_eq!((tally.messages, tally.not_utf8), (1, 1));
    assert!(seen.recv().is_err(), "and nothing else");
}

#[test]
fn an_answer_of_its_own_comes_beside_greetings() {
    let receiver = Receiver::bind("127.0.0.1:0").expect("a free port");
    let receiver = receiver
        .reply(NonZeroU16::MAX)
        .screen(|datagram, from| match datagram {
            b"own" => Screening::Answered(from.port().to_be_bytes().to_vec()),
            _ => Screening::Passed,
        });
    let (address, handle) = (receiver.local_addr(), receiver.handle());
    let running = thread::spawn(move || receiver.run(|_| {}));
    let socket = sender();
    let port = socket.local_addr().expect("it is bound").port();
    for (question, answer) in [
        (&b"own"[..], port.to_be_bytes().to_vec()),
        (b"Ada", b"Hello, Ada".to_vec()),
    ] {
        socket.send_to(question, address).expect("it is sent");
        let mut heard = [0; 64];
        let (len, from) = socket.recv_from(&mut heard).expect("an answer");
        assert_eq!((&heard[..len], from), (&answer[..], address));
    }
    handle.stop();
    let tally = running.join().expect("no panic").expect("it stops");
    assert_eq!((tally.messages, tally.replies), (1, 1));
}
