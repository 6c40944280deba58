//! Places come back: whatever a peer does or omits to do, the socket that it held listens again
//! within the limits, and the next client is greeted.

mod support;

use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::server::Server;
use greet_core::time::Instant;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::TcpControl::{self, Fin, None as Nothing, Psh, Rst, Syn};
use smoltcp::wire::{
    IpProtocol, Ipv6Address, Ipv6Packet, Ipv6Repr, TcpPacket, TcpRepr, TcpSeqNumber,
};
use support::host::{Host, PLACES};
use support::peer::{Peer, Tap};
use support::{Path, SECOND};

#[test]
fn a_half_open_flood_leaves_within_the_handshakes_timeout() {
    let mut host = Host::new::<0>();
    for port in 0..100 {
        host.send(&mut Peer::new(10_000 + port), Syn, &[]);
    }
    assert_eq!(host.listening(), 0);
    host.pass(Duration::from_millis(4_999));
    assert_eq!(
        host.listening(),
        0,
        "retransmissions of the SYN might still be answered"
    );
    host.pass(6 * SECOND);
    host.is_whole();
    assert_eq!(host.connected, PLACES, "only the last ones connected");
}

/// smoltcp's socket listens by itself after a reset, but would wait for 4 s, as for that client.
#[test]
fn after_a_reset_the_next_client_gets_its_syn_ack_again_after_a_second() {
    let mut host = Host::new::<0>();
    let (mut first, mut second) = (Peer::new(10_000), Peer::new(10_001));
    host.send(&mut first, Syn, &[]);
    host.pass(4 * SECOND);
    first.send(host.stack.device(), Rst, &[]);
    host.send(&mut second, Syn, &[]);
    assert_eq!(host.taken(&mut second), [Syn]);
    assert_eq!(host.poll(), Instant::at(5 * SECOND));
}

#[test]
fn a_client_who_comes_right_behind_a_reset_has_the_whole_timeout() {
    let mut host = Host::new::<0>();
    let (mut first, mut second) = (Peer::new(10_000), Peer::new(10_001));
    host.send(&mut first, Syn, &[]);
    host.taken(&mut first);
    host.pass(4 * SECOND);
    first.send(host.stack.device(), Rst, &[]);
    host.send(&mut second, Syn, &[]);
    assert_eq!(host.taken(&mut second), [Syn]);
    host.pass(8 * SECOND);
    host.taken(&mut second); // the SYN-ACK again
    host.send(&mut second, Nothing, &[]);
    assert_eq!(host.taken(&mut second), []);
    assert_eq!(host.connected, 1);
}

/// Segments behind options of IPv6 aren't looked at on their way in, as no honest client sends such.
#[test]
fn a_handshake_behind_options_of_ipv6_gives_its_socket_back_too() {
    let mut slots = SocketSlots::<1, 0>::new();
    let mut places = TcpBuffers::<1, 64, 64>::new();
    let path = Path {
        address: Path::V6,
        ..Path::IP
    };
    let mut stack = path.stack_on(Tap::default(), &mut slots);
    let listener = stack.net().listen(&mut places, 8000).expect("a listener");
    let mut poll = |seconds, segment: Option<Vec<u8>>| {
        let now = Instant::at(seconds);
        stack.device().outgoing.clear();
        stack.device().incoming.extend(segment);
        let next = stack.poll(now, |_| Instant::NEVER);
        let sent = stack.device().outgoing.len();
        (next, sent, stack.net().listening(&listener))
    };
    let (syn, reset) = (behind_options(Syn, 1_000), behind_options(Rst, 1_001));
    assert_eq!(poll(Duration::ZERO, Some(syn.clone())).1, 1, "SYN-ACK");
    poll(SECOND, None);
    assert_eq!(poll(3 * SECOND, None), (Instant::at(5 * SECOND), 1, 0));
    assert_eq!(poll(5 * SECOND, None), (Instant::NEVER, 0, 1));

    poll(6 * SECOND, Some(syn.clone()));
    assert_eq!(poll(7 * SECOND, Some(reset)), (Instant::NEVER, 0, 1));
    // The time of the handshake that was reset is no other's.
    assert_eq!(
        poll(20 * SECOND, Some(syn)),
        (Instant::at(21 * SECOND), 1, 0)
    );
}

fn behind_options(control: TcpControl, seq: i32) -> Vec<u8> {
    const PAD: [u8; 8] = [6, 0, 1, 4, 0, 0, 0, 0]; // TCP comes next; six bytes of padding
    let [from, to] = [2, 1].map(|host| Ipv6Address::new(0xfd00, 0, 0, 0, 0, 0, 0, host));
    let tcp = TcpRepr {
        src_port: 50_000,
        dst_port: 8000,
        control,
        seq_number: TcpSeqNumber(seq),
        ack_number: None,
        window_len: 1024,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let ip = Ipv6Repr {
        src_addr: from,
        dst_addr: to,
        next_header: IpProtocol::HopByHop,
        payload_len: PAD.len() + tcp.buffer_len(),
        hop_limit: 64,
    };
    let (mut frame, mut segment) = (vec![0; ip.buffer_len()], vec![0; tcp.buffer_len()]);
    ip.emit(&mut Ipv6Packet::new_unchecked(&mut frame));
    tcp.emit(
        &mut TcpPacket::new_unchecked(&mut segment),
        &from.into(),
        &to.into(),
        &ChecksumCapabilities::default(),
    );
    [frame, PAD.to_vec(), segment].concat()
}

#[test]
fn no_client_is_reset_for_lack_of_a_place() {
    let mut host = Host::new::<0>();
    let silent: Vec<Peer> = (0..4).map(|port| host.connect(10_000 + port)).collect();
    assert_eq!((host.listening(), host.server.clients()), (0, silent.len()));
    let mut late = Peer::new(20_000);
    host.send(&mut late, Syn, &[]);
    assert_eq!(host.taken(&mut late), [], "neither SYN nor RST");
    // Another port is none of ours: RST is right there, and keeps coming.
    let mut silent = silent;
    host.send(&mut silent[0], Fin, b"World");
    assert_eq!(host.taken(&mut silent[0]), [Fin]);
    host.send(&mut silent[0], Nothing, &[]);
    assert_eq!(host.listening(), 1);
    // The client's stack repeats its SYN.
    late.seq = Peer::new(0).seq;
    host.send(&mut late, Syn, &[]);
    assert_eq!(host.taken(&mut late), [Syn]);
}

#[test]
fn a_client_in_the_backlog_is_served_as_soon_as_a_place_is_free() {
    let mut host = Host::new::<2>();
    let mut silent: Vec<Peer> = (0..4).map(|port| host.connect(10_000 + port)).collect();
    let mut waiting: Vec<Peer> = (0..3).map(|port| Peer::new(20_000 + port)).collect();
    for peer in &mut waiting {
        host.send(peer, Syn, &[]);
        assert_eq!(host.taken(peer), []);
        host.now += Duration::from_millis(1);
    }
    for (served, peer) in silent.iter_mut().enumerate() {
        host.send(peer, Fin, b"World");
        host.taken(peer);
        host.send(peer, Nothing, &[]);
        // The first two are in the backlog, first come, first served. The third had no room.
        let answers: Vec<bool> = waiting
            .iter_mut()
            .map(|peer| host.taken(peer) == [Syn])
            .collect();
        assert_eq!(answers, [served == 0, served == 1, false], "after {served}");
    }
}

#[test]
fn clients_who_come_in_one_poll_are_served_in_their_order() {
    let mut host = Host::new::<3>();
    let mut silent: Vec<Peer> = (0..4).map(|port| host.connect(10_000 + port)).collect();
    let mut waiting: Vec<Peer> = (0..3).map(|port| Peer::new(20_000 + port)).collect();
    for peer in &mut waiting {
        peer.send(host.stack.device(), Syn, &[]);
    }
    host.poll();
    for (peer, next) in silent.iter_mut().zip(&mut waiting) {
        host.send(peer, Fin, b"World");
        host.taken(peer);
        host.send(peer, Nothing, &[]);
        assert_eq!(host.taken(next), [Syn], "port {}", next.port);
    }
}

/// Its stack waits longer and longer before it repeats its SYN: 16 s after 15 s.
#[test]
fn a_client_who_has_waited_long_is_served_before_its_next_syn() {
    let mut host = Host::new::<2>();
    let slow: Vec<Peer> = (0..4).map(|port| host.begin_name(10_000 + port)).collect();
    let mut waiting = Peer::new(20_000);
    for second in [0, 1, 3, 7, 15] {
        host.pass(second * SECOND);
        waiting.seq = Peer::new(0).seq;
        host.send(&mut waiting, Syn, &[]);
    }
    assert_eq!(host.taken(&mut waiting), []);
    drop(slow); // they are refused after 10 s, and gone 12 s later
    let mut answer = Vec::new();
    while answer.is_empty() && host.now < Instant::at(31 * SECOND) {
        host.now = host.poll();
        assert!(host.now < Instant::NEVER, "slow clients have a deadline");
        host.poll();
        answer = host.taken(&mut waiting);
    }
    assert_eq!(answer, [Syn], "after {:?}", host.now);
    host.send(&mut waiting, Fin, b"World");
    assert_eq!(host.server.tally().greeted, 1);
}

#[test]
fn a_client_who_gave_up_waiting_is_forgotten() {
    let mut host = Host::new::<2>();
    let slow: Vec<Peer> = (0..4).map(|port| host.begin_name(10_000 + port)).collect();
    let mut waiting = Peer::new(20_000);
    host.send(&mut waiting, Syn, &[]);
    host.pass(40 * SECOND); // the slow ones are refused, reset and gone
    drop(slow);
    assert_eq!(host.taken(&mut waiting), []);
    host.is_whole();
}

#[test]
fn a_reset_in_any_state_gives_the_place_back_at_once() {
    type Steps = fn(&mut Host, &mut Peer);
    let states: [(&str, Steps); 7] = [
        ("SYN-RECEIVED", |_, _| ()),
        ("ESTABLISHED", |host, peer| host.send(peer, Nothing, &[])),
        ("ESTABLISHED, inside a character", |host, peer| {
            host.send(peer, Psh, b"W\xc3");
        }),
        ("CLOSE-WAIT, unread", |host, peer| {
            peer.window = 0;
            host.send(peer, Fin, b"World");
        }),
        ("FIN-WAIT-1", |host, peer| host.send(peer, Psh, b"World")),
        ("FIN-WAIT-2", |host, peer| {
            host.send(peer, Psh, b"World");
            host.taken(peer);
            host.send(peer, Nothing, &[]);
        }),
        ("LAST-ACK", |host, peer| host.send(peer, Fin, b"World")),
    ];
    for (state, steps) in states {
        let mut host = Host::new::<0>();
        let mut peer = Peer::new(10_000);
        host.send(&mut peer, Syn, &[]);
        assert_eq!(host.taken(&mut peer), [Syn], "{state}");
        steps(&mut host, &mut peer);
        assert_eq!(host.listening(), PLACES - 1, "{state}");
        host.send(&mut peer, Rst, &[]);
        assert_eq!(host.listening(), PLACES, "{state}");
        assert_eq!(host.server.clients(), 0, "{state}");
        host.is_whole();
    }
}

#[test]
fn time_wait_keeps_no_place() {
    let mut host = Host::new::<0>();
    let mut peer = host.connect(10_000);
    host.send(&mut peer, Psh, b"World"); // the plain client: no FIN before the answer
    assert_eq!(host.taken(&mut peer), [Fin]);
    assert_eq!(host.listening(), PLACES - 1);
    host.send(&mut peer, Fin, &[]);
    assert_eq!(
        host.taken(&mut peer),
        [Nothing],
        "its FIN is acknowledged before all else"
    );
    assert_eq!(host.listening(), PLACES, "without waiting");
    host.is_whole();
}

#[test]
fn a_connection_that_is_closing_is_not_accepted_again() {
    let mut host = Host::new::<0>();
    let mut peer = host.fin_wait_2(10_000);
    for _ in 0..10 {
        host.send(&mut peer, Psh, b"again");
    }
    assert_eq!(host.connected, 1);
    assert_eq!(host.server.tally().total(), 1);
}

#[test]
fn a_peer_that_never_closes_is_reset_after_lingering() {
    let mut host = Host::new::<0>();
    let mut peer = host.fin_wait_2(10_000);
    host.pass(9_999 * SECOND / 1_000);
    assert_eq!(host.listening(), PLACES - 1);
    host.now = Instant::at(10 * SECOND);
    host.poll();
    let sent = host.taken(&mut peer);
    assert_eq!(sent, [Rst], "listening at once would have swallowed it");
    assert_eq!(host.listening(), PLACES);
    host.is_whole();
}

#[test]
fn an_answer_that_nobody_takes_ends_in_a_reset() {
    let mut host = Host::new::<0>();
    let mut peer = Peer::new(10_000);
    peer.window = 0;
    host.send(&mut peer, Syn, &[]);
    host.taken(&mut peer);
    // A send buffer of 1031 bytes takes the whole answer, so it lingers.
    host.send(&mut peer, Psh, b"World");
    host.pass(9_999 * SECOND / 1_000);
    assert_eq!(host.listening(), PLACES - 1);
    host.now = Instant::at(10 * SECOND);
    host.poll();
    assert!(host.taken(&mut peer).contains(&Rst));
    host.is_whole();
}

#[test]
fn a_peer_that_vanishes_keeps_a_place_for_less_than_half_a_minute() {
    let mut host = Host::new::<0>();
    host.connect(10_000);
    let started = host.polls;
    host.pass(3600 * SECOND);
    let polls = host.polls - started;
    assert!(
        polls < 40,
        "{polls} polls in an idle hour with a vanished peer"
    );
    assert_eq!(host.server.tally().late, 1);
    host.is_whole();

    let mut host = Host::new::<0>();
    host.connect(10_000);
    host.pass(22 * SECOND);
    host.is_whole();
}

#[test]
fn a_quiet_client_outlives_the_handshakes_timeout() {
    let mut host = Host::new::<0>();
    let mut peer = host.connect(10_000);
    host.pass(9 * SECOND);
    host.send(&mut peer, Fin, b"World");
    let reply = peer.take(host.stack.device());
    assert_eq!(
        reply.last().map(|last| &last.payload[..]),
        Some(&b"Hello, World"[..])
    );
}

#[test]
fn a_client_who_waits_in_a_socket_outlives_it_too() {
    // A server with fewer places than there are sockets.
    let mut slots = SocketSlots::<2, 0>::new();
    let mut places = TcpBuffers::<2, 64, 64>::new();
    let mut stack = Path::IP.stack_on(Tap::default(), &mut slots);
    let stack = &mut stack;
    let listener = stack.net().listen(&mut places, 8000).expect("a listener");
    let mut server = Server::<_, 1>::new(Limits::DEFAULT);
    let mut poll = |stack: &mut Stack<'_, Tap>, now| {
        stack.poll(now, |net| server.poll(&mut listener.on(net), now, |_| ()))
    };
    let mut peers = [Peer::new(1), Peer::new(2)];
    for peer in &mut peers {
        peer.send(stack.device(), Syn, &[]);
        poll(stack, Instant::START);
        peer.take(stack.device());
        // The first stops in the middle of a character, which keeps its place. The second waits.
        let name = if peer.port == 1 { &b"\xc3"[..] } else { b"" };
        peer.send(stack.device(), Psh, name);
        poll(stack, Instant::START);
    }
    let mut now = Instant::START;
    let end = Instant::at(9 * SECOND);
    loop {
        let next = poll(stack, now);
        if next >= end {
            break;
        }
        now = next;
    }
    for peer in &mut peers {
        let (rest, expected) = match peer.port {
            1 => (&b"\xa9"[..], "Hello, é"),
            _ => (&b"World"[..], "Hello, World"),
        };
        peer.send(stack.device(), Fin, rest);
        poll(stack, end);
        let reply = peer.take(stack.device());
        let last = reply.last().map(|last| &last.payload[..]);
        assert_eq!(last, Some(expected.as_bytes()), "port {}", peer.port);
    }
}

#[test]
fn a_reset_waits_for_room_in_the_device_before_the_socket_listens() {
    let mut host = Host::new::<0>();
    let mut peer = host.fin_wait_2(10_000);
    host.stack.device().full = true;
    host.now = Instant::at(10 * SECOND);
    host.poll();
    assert_eq!(host.listening(), PLACES - 1);
    host.stack.device().full = false;
    host.now += SECOND / 2;
    host.poll();
    assert_eq!(host.taken(&mut peer), [Rst]);
    host.is_whole();
}

#[test]
fn a_device_that_stays_full_keeps_no_place_for_long() {
    let mut host = Host::new::<0>();
    host.fin_wait_2(10_000);
    host.stack.device().full = true;
    host.now = Instant::at(10 * SECOND);
    host.poll();
    host.now += SECOND;
    host.poll();
    assert_eq!(host.listening(), PLACES);
}
