//! A flood of questions to everybody costs a responder no more than one to itself.

#![cfg(target_os = "linux")] // elsewhere the loopback carries no broadcast
mod common;

use std::net::{Ipv4Addr, UdpSocket};
use std::num::NonZeroU16;
use std::thread;
use std::time::Instant;

use common::BOUND;
use greet_std::Receiver;

#[test]
fn a_flood_of_broadcasts_is_answered_within_the_share_of_its_source() {
    const SHARE: u16 = 5;
    const QUESTIONS: u64 = 500;
    let receiver = Receiver::bind("0.0.0.0:0").expect("a free port");
    let share = NonZeroU16::new(SHARE).expect("some");
    let receiver = receiver.reply(share);
    let (port, handle) = (receiver.local_addr().port(), receiver.handle());
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.set_broadcast(true).expect("a socket");
    socket.set_read_timeout(Some(BOUND)).expect("a socket");
    let everybody = (Ipv4Addr::new(127, 255, 255, 255), port);
    for _ in 0..QUESTIONS {
        socket
            .send_to(b"who is there?", everybody)
            .expect("it is sent");
    }
    let start = Instant::now();
    let running = thread::spawn(move || receiver.run(|_| {}));
    let mut answer = [0; 64];
    let (_, from) = socket.recv_from(&mut answer).expect("an answer");
    assert_eq!(
        from,
        (Ipv4Addr::LOCALHOST, port).into(),
        "never the address of all"
    );
    handle.stop();
    let tally = running.join().expect("no panic").expect("it stops");
    assert_eq!(tally.messages, QUESTIONS);
    assert_eq!(tally.replies + tally.limited, QUESTIONS);
    // As many of its seconds as passed, and one at each end.
    let most = u64::from(SHARE) * (start.elapsed().as_secs() + 2);
    assert!((1..=most).contains(&tally.replies), "{tally:?}");
}
