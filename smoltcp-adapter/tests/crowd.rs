//! Who gives way when more clients come than there is room for: those who make no use of a socket,
//! to somebody who waits for it, and nobody else.

mod support;

use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::time::Instant;
use smoltcp::wire::TcpControl::{self, Fin, None as Nothing, Psh, Rst, Syn};
use support::host::{Host, PLACES};
use support::peer::Peer;

const CROWDED_OUT: &[u8] = b"Error: no name within 0.25 s\n";

/// At so many milliseconds, with what was sent before still on the wire.
fn at(host: &mut Host, millis: u64) {
    host.now = Instant::from_millis(millis);
    host.poll();
}

/// Peers who send SYN at once and nothing more. Says what each hears.
fn syns(host: &mut Host, ports: std::ops::Range<u16>) -> (Vec<Peer>, Vec<Vec<TcpControl>>) {
    let mut peers: Vec<Peer> = ports.map(Peer::new).collect();
    for peer in &mut peers {
        host.send(peer, Syn, &[]);
    }
    let heard = peers.iter_mut().map(|peer| host.taken(peer)).collect();
    (peers, heard)
}

/// Who of these has got SYN and ACK since the last time.
fn served(host: &mut Host, peers: &mut [Peer]) -> Vec<u16> {
    let heard = |peer: &mut Peer| (host.taken(peer) == [Syn]).then_some(peer.port);
    peers.iter_mut().filter_map(heard).collect()
}

#[test]
fn a_handshake_gives_way_after_a_quarter_of_a_second_to_whoever_waits() {
    let mut host = Host::new::<2>();
    let (_half_open, heard) = syns(&mut host, 10_000..10_004);
    assert_eq!(heard, [[Syn]; PLACES]);
    at(&mut host, 100);
    let (mut waiting, _) = syns(&mut host, 20_000..20_001);
    at(&mut host, 249);
    assert_eq!(served(&mut host, &mut waiting), []);
    at(&mut host, 250);
    assert_eq!(served(&mut host, &mut waiting), [20_000]);
}

#[test]
fn a_handshake_that_is_older_gives_way_at_once() {
    let mut host = Host::new::<2>();
    syns(&mut host, 10_000..10_004);
    at(&mut host, 900);
    assert_eq!(host.listening(), 0, "nobody waits");
    let (_, heard) = syns(&mut host, 20_000..20_001);
    assert_eq!(heard, [[Syn]]);
}

#[test]
fn a_full_backlog_hurries_nobody_until_somebody_finds_no_room() {
    let mut host = Host::new::<2>();
    syns(&mut host, 10_000..10_004);
    let (mut waiting, _) = syns(&mut host, 20_000..20_002);
    at(&mut host, 249);
    assert_eq!(served(&mut host, &mut waiting), []);
}

#[test]
fn the_oldest_handshake_gives_way_after_60_ms_once_somebody_finds_no_room() {
    let mut host = Host::new::<2>();
    let mut first = Peer::new(10_000);
    host.send(&mut first, Syn, &[]);
    host.taken(&mut first);
    at(&mut host, 10);
    let (mut half_open, _) = syns(&mut host, 10_001..10_004);
    let (mut waiting, _) = syns(&mut host, 20_000..20_002);
    at(&mut host, 20);
    let (mut more, heard) = syns(&mut host, 30_000..30_001);
    assert_eq!(heard, [[]], "it has the room of the one who waited longest");
    assert_eq!(host.poll(), Instant::from_millis(60));
    at(&mut host, 59);
    assert_eq!(served(&mut host, &mut waiting), []);
    at(&mut host, 60);
    assert_eq!(served(&mut host, &mut waiting), [20_001]);

    // The backlog has room again: the other handshakes have their quarter of a second.
    at(&mut host, 200);
    for peer in &mut half_open {
        host.send(peer, Fin, b"World");
        assert_eq!(host.taken(peer), [Fin], "port {}", peer.port);
        host.send(peer, Nothing, &[]);
    }
    assert_eq!(served(&mut host, &mut more), [30_000]);
    // The oldest one is nobody's any more.
    host.send(&mut first, Fin, b"World");
    assert_eq!(host.taken(&mut first), [Rst]);
}

/// As many as places and backlog hold, over a round trip of 200 ms.
#[test]
fn an_honest_burst_as_large_as_places_and_backlog_loses_nobody() {
    const ROUND_TRIP: Duration = Duration::from_millis(200);
    const BACKLOG: usize = 16;
    let mut host = Host::new::<BACKLOG>();
    let ports = 10_000..10_000 + u16::try_from(PLACES + BACKLOG).expect("few");
    let mut peers: Vec<Peer> = ports.map(Peer::new).collect();
    for peer in &mut peers {
        peer.send(host.stack.device(), Syn, &[]);
    }
    let mut answers: Vec<(Instant, usize, TcpControl, &[u8])> = Vec::new();
    let mut greeted = 0;
    loop {
        let mut next = host.poll();
        for (index, peer) in peers.iter_mut().enumerate() {
            for segment in peer.take(host.stack.device()) {
                let heard = host.now + ROUND_TRIP;
                match segment.control {
                    Syn => answers.push((heard, index, Fin, b"World")),
                    Fin => {
                        assert_eq!(segment.payload, b"Hello, World");
                        greeted += 1;
                        answers.push((heard, index, Nothing, b""));
                    }
                    Rst => panic!("port {} is reset at {:?}", peer.port, host.now),
                    _ => {}
                }
            }
        }
        if greeted == peers.len() {
            break;
        }
        next = answers
            .iter()
            .map(|answer| answer.0)
            .fold(next, Instant::min);
        assert!(
            next < Instant::at(Duration::from_secs(5)),
            "{greeted} by then"
        );
        host.now = next;
        answers.retain(|(when, index, control, payload)| {
            let is_due = *when <= next;
            if is_due {
                peers[*index].send(host.stack.device(), *control, payload);
            }
            !is_due
        });
    }
}

#[test]
fn a_socket_in_fin_wait_2_is_had_at_once_by_whoever_waits() {
    let mut host = Host::new::<1>();
    let _slow: Vec<Peer> = (0..3).map(|port| host.begin_name(10_000 + port)).collect();
    let mut reader = host.fin_wait_2(10_003);
    at(&mut host, 1);
    assert_eq!(host.listening(), 0, "nobody waits");
    let (_, heard) = syns(&mut host, 20_000..20_001);
    assert_eq!(heard, [[Syn]]);
    assert_eq!(
        host.taken(&mut reader),
        [],
        "it isn't reset, as it may still read"
    );
}

/// Its answer isn't all acknowledged yet, so it might be lost.
#[test]
fn a_socket_in_fin_wait_1_is_not() {
    let mut host = Host::new::<1>();
    let _slow: Vec<Peer> = (0..3).map(|port| host.begin_name(10_000 + port)).collect();
    let mut reader = host.connect(10_003);
    host.send(&mut reader, Psh, b"World");
    assert_eq!(host.taken(&mut reader), [Fin]);
    let (mut waiting, _) = syns(&mut host, 20_000..20_001);
    at(&mut host, 500);
    assert_eq!(served(&mut host, &mut waiting), []);
    host.send(&mut reader, Nothing, &[]);
    assert_eq!(served(&mut host, &mut waiting), [20_000]);
}

/// What each has been told since the last time.
fn told(host: &mut Host, peers: &mut [Peer]) -> Vec<Vec<u8>> {
    let told = |peer: &mut Peer| {
        let segments = peer.take(host.stack.device());
        segments
            .into_iter()
            .flat_map(|segment| segment.payload)
            .collect()
    };
    peers.iter_mut().map(told).collect()
}

#[test]
fn one_silent_client_gives_way_to_each_who_waits() {
    let mut host = Host::new::<4>();
    let mut silent: Vec<Peer> = (0..4).map(|port| host.connect(10_000 + port)).collect();
    at(&mut host, 249);
    let (mut waiting, _) = syns(&mut host, 20_000..20_002);
    assert_eq!(told(&mut host, &mut silent), [b""; 4]);
    at(&mut host, 250);
    let expected = [CROWDED_OUT, CROWDED_OUT, b"", b""];
    assert_eq!(told(&mut host, &mut silent), expected);
    assert_eq!(served(&mut host, &mut waiting), [], "no socket is free yet");
    for peer in &mut silent[..2] {
        host.send(peer, Nothing, &[]); // it has all, and stays
    }
    assert_eq!(served(&mut host, &mut waiting), [20_000, 20_001]);

    // If those whose turn it was don't acknowledge for as long, others go.
    let (_more, _) = syns(&mut host, 30_000..30_001);
    assert_eq!(told(&mut host, &mut silent[2..]), [CROWDED_OUT, b""]);
    at(&mut host, 499);
    assert_eq!(told(&mut host, &mut silent[3..]), [b""]);
}

/// Places are free, but no socket is.
#[test]
fn a_silent_client_gives_way_also_where_handshakes_hold_the_other_sockets() {
    let mut host = Host::new::<4>();
    let mut silent = [host.connect(10_000)];
    at(&mut host, 300);
    syns(&mut host, 11_000..11_003);
    assert_eq!((host.listening(), host.server.clients()), (0, 1));
    let (mut waiting, _) = syns(&mut host, 20_000..20_001);
    assert_eq!(told(&mut host, &mut silent), [CROWDED_OUT]);
    host.send(&mut silent[0], Nothing, &[]);
    assert_eq!(served(&mut host, &mut waiting), [20_000]);
}

#[test]
fn whoever_has_begun_its_name_keeps_its_socket_until_the_deadline() {
    let mut host = Host::new::<4>();
    let _slow: Vec<Peer> = (0..4).map(|port| host.begin_name(10_000 + port)).collect();
    let (mut waiting, _) = syns(&mut host, 20_000..20_001);
    host.pass(Limits::DEFAULT.deadline().mul_f32(0.99));
    assert_eq!(host.server.clients(), PLACES);
    assert_eq!(served(&mut host, &mut waiting), []);
}
