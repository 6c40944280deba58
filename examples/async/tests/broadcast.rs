//! A question to everybody finds a board of embassy-net once, and is answered from the board's own address.

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::time::Duration;

use embassy_backlog::greet::{Clock, Messages, address};
use embassy_net::Stack;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use greet_async_examples::simulated;
use greet_async_examples::virtual_time::Time;
use greet_core::asynch::respond;
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use smoltcp_sim::{Host, Link, Network};

/// Answers messages for ever.
async fn board(stack: Stack<'static>) {
    let (mut metas, mut metas_out) = ([PacketMetadata::EMPTY; 4], [PacketMetadata::EMPTY; 4]);
    let (mut incoming, mut outgoing) = ([0; 2048], [0; 2048]);
    let mut socket = UdpSocket::new(
        stack,
        &mut metas,
        &mut incoming,
        &mut metas_out,
        &mut outgoing,
    );
    socket.bind(8001).expect("a port");
    let mut socket = Messages { socket, stack };
    let mut responder = Responder::<4>::new(REPLIES_PER_SECOND);
    respond(&mut responder, &mut socket, &Clock, |_event| ()).await;
}

#[test]
fn whoever_is_asked_with_all_others_answers_as_itself() {
    let time = Time::begin();
    let (answers, done) = (RefCell::new(Vec::new()), Cell::new(false));
    let mut network = Network::new(1);
    let mut host = |name, address: &str| {
        let host = Host::new(name, address.parse().expect("an address"));
        network.add(host).expect("a host")
    };
    let (home, away) = (host("board", "10.0.0.1/24"), host("client", "10.0.0.2/24"));
    let link = Link::new().latency(Duration::from_millis(1));
    network.link(home, away, link).expect("a link");
    simulated::boot(&mut network, home, &time, board);
    let (heard, ended) = (&answers, &done);
    simulated::boot(&mut network, away, &time, move |stack| async move {
        let (mut metas, mut metas_out) = ([PacketMetadata::EMPTY; 4], [PacketMetadata::EMPTY; 4]);
        let (mut incoming, mut outgoing) = ([0; 512], [0; 512]);
        let mut socket = UdpSocket::new(
            stack,
            &mut metas,
            &mut incoming,
            &mut metas_out,
            &mut outgoing,
        );
        socket.bind(0).expect("a port");
        for to in [
            Ipv4Addr::BROADCAST,
            Ipv4Addr::new(10, 0, 0, 255),
            Ipv4Addr::new(10, 0, 0, 1),
        ] {
            let question = to.to_string();
            let sent = socket.send_to(question.as_bytes(), (to, 8001)).await;
            sent.expect("it is sent");
            let mut answer = [0; 64];
            let (len, from) = socket.recv_from(&mut answer).await.expect("an answer");
            let answer = String::from_utf8_lossy(&answer[..len]).into_owned();
            heard.borrow_mut().push((answer, address(from.endpoint)));
        }
        ended.set(true);
    });
    let in_time = network.run_while(Duration::from_mins(1), || !done.get());
    assert!(in_time, "{:?}", answers.borrow());
    drop(network);
    let board = "10.0.0.1:8001".parse().expect("an address");
    let expected = ["255.255.255.255", "10.0.0.255", "10.0.0.1"];
    let expected = expected.map(|asked| (format!("Hello, {asked}"), board));
    assert_eq!(answers.into_inner(), expected);
}
