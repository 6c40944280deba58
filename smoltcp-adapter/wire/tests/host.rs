//! What the second host answers by itself, what it doesn't, and what it says of a cable that lies.

mod support;

use std::net::IpAddr;

use greet_core::probe::{Dial, Mode, Plan, ProbeStack as _, StackError, run};
use greet_core::time::Instant;
use greet_core::transport::Stream as _;
use greet_wire::smoltcp::phy::{ChecksumCapabilities, Medium};
use greet_wire::smoltcp::wire::{
    ArpOperation, ArpPacket, EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv4Message,
    Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv4Address, Ipv4Packet,
    Ipv4Repr, Ipv6Address, Ipv6Packet, Ipv6Repr, NdiscNeighborFlags, NdiscRepr, TcpControl,
};
use greet_wire::smoltcp_sim::Segment;
use greet_wire::{Error, Mark, choose, owner};
use support::{
    BOARD, BOARD_IP, Desk, HOST, HOST_IP, Says, answers_arp, arp, framed, segment, settle,
    shakes_hands,
};

const STRANGER: (EthernetAddress, Ipv4Address) = (
    EthernetAddress([2, 0, 0, 0, 0, 7]),
    Ipv4Address::new(10, 0, 0, 7),
);

#[test]
fn it_answers_arp_for_its_own_address_alone() {
    let desk = Desk::default();
    let mut host = desk.host();
    let ask = |ip| {
        arp(
            ArpOperation::Request,
            STRANGER,
            (EthernetAddress::BROADCAST, ip),
        )
    };
    desk.comes(ask(Ipv4Address::new(10, 0, 0, 98)));
    settle(&mut host, 10);
    assert!(desk.sent().is_empty());
    desk.comes(ask(HOST_IP));
    settle(&mut host, 10);
    let [answer] = &desk.sent()[..] else {
        panic!("one answer");
    };
    let frame = EthernetFrame::new_checked(&answer[..]).expect("a frame");
    assert_eq!((frame.src_addr(), frame.dst_addr()), (HOST, STRANGER.0));
    let arp = ArpPacket::new_checked(frame.payload()).expect("ARP");
    assert_eq!(arp.operation(), ArpOperation::Reply);
    assert_eq!(arp.source_protocol_addr(), HOST_IP.octets());
    assert_eq!(arp.source_hardware_addr(), HOST.as_bytes());
}

#[test]
fn it_answers_pings() {
    let desk = Desk::default();
    let mut host = desk.host();
    desk.comes(arp(
        ArpOperation::Request,
        (BOARD, BOARD_IP),
        (EthernetAddress::BROADCAST, HOST_IP),
    ));
    let icmp = Icmpv4Repr::EchoRequest {
        ident: 7,
        seq_no: 8,
        data: b"are you there",
    };
    let ip = Ipv4Repr {
        src_addr: BOARD_IP,
        dst_addr: HOST_IP,
        next_header: IpProtocol::Icmp,
        payload_len: icmp.buffer_len(),
        hop_limit: 64,
    };
    let mut packet = vec![0; ip.buffer_len() + icmp.buffer_len()];
    let sums = ChecksumCapabilities::default();
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut packet[..]), &sums);
    icmp.emit(&mut Icmpv4Packet::new_unchecked(&mut packet[20..]), &sums);
    desk.comes(framed(BOARD, HOST, EthernetProtocol::Ipv4, &packet));
    settle(&mut host, 10);
    let sent = desk.sent();
    let answer = sent.last().expect("an answer");
    let answer = Icmpv4Packet::new_checked(&answer[34..]).expect("ICMP");
    assert_eq!(answer.msg_type(), Icmpv4Message::EchoReply);
    assert_eq!(
        (answer.echo_ident(), answer.data()),
        (7, &b"are you there"[..])
    );
}

/// What others say on the cable changes nothing, and isn't in the evidence.
#[test]
fn what_others_say_is_not_heard() {
    let desk = Desk::default();
    let mut host = desk.host();
    let to_all = framed(
        STRANGER.0,
        EthernetAddress::BROADCAST,
        EthernetProtocol::Ipv4,
        &[0x45; 60],
    );
    let to_board = segment(
        50_000,
        &Says {
            control: TcpControl::Syn,
            seq: 1,
            ack: None,
            payload: b"",
        },
    );
    let mut elsewhere = to_board.clone();
    elsewhere[..6].copy_from_slice(STRANGER.0.as_bytes());
    for frame in [to_all, elsewhere, Vec::new(), vec![0xff; 13]] {
        desk.comes(frame);
    }
    settle(&mut host, 10);
    assert!(desk.sent().is_empty());
    assert!(host.recording().take().is_empty());
    // The same frame, to the host: a segment of no connection is reset, by the host itself.
    desk.comes(arp(
        ArpOperation::Request,
        (BOARD, BOARD_IP),
        (EthernetAddress::BROADCAST, HOST_IP),
    ));
    desk.comes(to_board);
    settle(&mut host, 10);
    assert_eq!(desk.sent().len(), 2);
    assert_eq!(host.recording().take().trace().packets().len(), 4);
}

#[test]
fn a_half_open_handshake_stays_so() {
    let desk = Desk::default();
    desk.0.borrow_mut().answer = Some(Box::new(shakes_hands));
    let mut host = desk.host();
    // Nobody knows yet where the board is.
    assert!(matches!(host.half_open(4), Err(StackError::Refused(_))));
    host.connect(0, Mode::Name, Dial::Plain).expect("a socket");
    settle(&mut host, 10);
    assert!(host.stream(0).expect("a connection").send(b"").is_ready());
    desk.sent();
    host.half_open(4).expect("room");
    settle(&mut host, 10_000);
    let sent = desk.sent();
    let segments: Vec<_> = sent
        .iter()
        .filter_map(|frame| Segment::read(Medium::Ethernet, frame))
        .collect();
    let mut ports: Vec<_> = segments.iter().map(|segment| segment.from.port).collect();
    assert!(
        segments.iter().all(Segment::is_syn),
        "nothing but SYN: {segments:?}"
    );
    ports.dedup();
    assert_eq!(ports.len(), 4, "each SYN once: {segments:?}");
    // What the board answered is evidence all the same.
    let evidence = host.recording().take();
    let answers = evidence.trace().packets().filter(|packet| {
        Segment::read(Medium::Ethernet, packet.bytes).is_some_and(|segment| segment.is_syn_ack())
    });
    assert_eq!(answers.count(), 5);

    // Each is ended once, by a number that no stack can take for another's (RFC 9293, section 3.10.7.4).
    host.end_half_open();
    host.end_half_open();
    settle(&mut host, 10);
    let ends = desk.sent();
    let ends: Vec<_> = ends
        .iter()
        .filter_map(|frame| Segment::read(Medium::Ethernet, frame))
        .collect();
    let number = |segment: &Segment<'_>| segment.tcp.expect("TCP").seq;
    let due: Vec<_> = segments
        .iter()
        .map(|syn| (syn.from, number(syn) + 1))
        .collect();
    let resets = ends.iter().filter(|end| end.tcp.expect("TCP").rst);
    let resets: Vec<_> = resets.map(|end| (end.from, number(end))).collect();
    assert_eq!(resets, due);
    assert_eq!(ends.len(), 4, "{ends:?}");
    // What is begun later is another's.
    host.half_open(1).expect("room");
    settle(&mut host, 10);
    desk.sent();
    host.end_half_open();
    settle(&mut host, 10);
    assert_eq!(desk.sent().len(), 1);
}

/// A server may still speak to a connection of the check before; the verdict is about this one's.
#[test]
fn a_verdict_is_marked_at_a_connection_that_the_check_began() {
    let desk = Desk::default();
    desk.0.borrow_mut().answer = Some(Box::new(shakes_hands));
    let mut host = desk.host();
    let recording = host.recording();
    let ports = [0, 1].map(|slot| {
        recording.take();
        desk.sent();
        host.connect(slot, Mode::Name, Dial::Plain)
            .expect("a socket");
        settle(&mut host, 10);
        let sent = desk.sent();
        let mut segments = sent
            .iter()
            .filter_map(|frame| Segment::read(Medium::Ethernet, frame));
        segments.find(Segment::is_syn).expect("a SYN").from.port
    });
    let again = Says {
        control: TcpControl::Syn,
        seq: 1000,
        ack: Some(1),
        payload: b"",
    };
    desk.comes(segment(ports[0], &again));
    settle(&mut host, 10);
    let mut stream = host.stream(1).expect("a connection");
    assert!(stream.receive(&mut [0; 16]).is_pending());
    drop(stream);
    let mut evidence = recording.take();
    assert!(evidence.mark(Mark::Last, "nothing came after this"));
    let ladder = evidence.ladder().expect("a connection").to_string();
    let heading = ladder.lines().next().unwrap_or_default();
    assert!(heading.contains(&format!(":{} ", ports[1])), "{ladder}");
}

/// Whoever waits in vain, waits on a connection that the server hasn't ended, whatever was said on others
/// meanwhile.
#[test]
fn silence_is_marked_at_a_connection_that_goes_on() {
    let desk = Desk::default();
    desk.0.borrow_mut().answer = Some(Box::new(shakes_hands));
    let mut host = desk.host();
    let ports = [0, 1].map(|slot| {
        desk.sent();
        host.connect(slot, Mode::Name, Dial::Plain)
            .expect("a socket");
        settle(&mut host, 10);
        let sent = desk.sent();
        let mut segments = sent
            .iter()
            .filter_map(|frame| Segment::read(Medium::Ethernet, frame));
        segments
            .find(Segment::is_syn)
            .expect("a SYN")
            .tcp
            .map(|tcp| tcp.seq.0.cast_unsigned())
            .zip(
                sent.last()
                    .and_then(|frame| Segment::read(Medium::Ethernet, frame)),
            )
            .map(|(seq, last)| (last.from.port, seq))
            .expect("a connection")
    });
    let (port, seq) = ports[1];
    let fin = Says {
        control: TcpControl::Fin,
        seq: 1001,
        ack: Some(seq.wrapping_add(1)),
        payload: b"Hello, ",
    };
    desk.comes(segment(port, &fin));
    settle(&mut host, 10);
    assert!(
        host.stream(1)
            .expect("a connection")
            .receive(&mut [0; 16])
            .is_ready()
    );
    assert!(
        host.stream(0)
            .expect("a connection")
            .receive(&mut [0; 16])
            .is_pending()
    );
    let mut evidence = host.recording().take();
    let heading = |evidence: &greet_wire::Evidence| {
        let ladder = evidence.ladder().expect("a connection").to_string();
        ladder.lines().next().unwrap_or_default().to_owned()
    };
    assert!(evidence.mark(Mark::Last, "nothing came after this"));
    assert!(
        heading(&evidence).contains(&format!(":{} ", ports[0].0)),
        "{}",
        heading(&evidence)
    );
    // An answer that isn't due is marked where it came.
    assert!(evidence.mark(Mark::Answer, "this isn't due"));
    assert!(
        heading(&evidence).contains(&format!(":{port} ")),
        "{}",
        heading(&evidence)
    );
}

#[test]
fn a_cable_that_is_pulled_ends_the_run_with_a_sentence() {
    let desk = Desk::default();
    desk.0.borrow_mut().is_pulled = true;
    let mut host = desk.host();
    let recording = host.recording();
    let summary = run(
        &mut host,
        &Plan::DEFAULT,
        &mut [0; 1100],
        |_| true,
        &mut |_| {},
    );
    assert_eq!((summary.passed, summary.failed), (0, 0));
    assert!(
        host.now() < Instant::from_millis(60_000),
        "nothing is waited for"
    );
    let failure = recording.failure().expect("it was pulled");
    assert_eq!(failure.to_string(), "desk carries no frames any more");
}

#[test]
fn frames_that_were_put_together_are_no_evidence() {
    let desk = Desk::default();
    let mut host = desk.host();
    desk.comes(framed(BOARD, HOST, EthernetProtocol::Ipv4, &[0x45; 1501]));
    settle(&mut host, 10);
    let failure = host.recording().failure().expect("it is too long");
    assert!(matches!(
        failure,
        Error::Merged {
            len: 1515,
            most: 1514,
            ..
        }
    ));
    assert!(
        failure
            .to_string()
            .contains("ethtool -K desk gro off lro off")
    );
}

#[test]
fn what_the_system_says_of_frames_is_noted() {
    let desk = Desk::default();
    desk.0.borrow_mut().answer = Some(Box::new(|frame| answers_arp(frame).into_iter().collect()));
    let mut host = desk.host();
    host.connect(0, Mode::Name, Dial::Plain).expect("a socket");
    settle(&mut host, 10);
    let sent = desk.sent();
    let syn = sent
        .iter()
        .find_map(|frame| Segment::read(Medium::Ethernet, frame));
    let syn = syn.expect("a SYN");
    let says = Says {
        control: TcpControl::Syn,
        seq: 1000,
        ack: syn.tcp.map(|tcp| tcp.seq.0.cast_unsigned().wrapping_add(1)),
        payload: b"",
    };
    let mut answer = segment(syn.from.port, &says);
    // Without its sum: what a wire brings like that is thrown away.
    answer[14 + 20 + 16..14 + 20 + 18].copy_from_slice(&[0x12, 0x34]);
    desk.comes(answer.clone());
    settle(&mut host, 10);
    assert!(host.stream(0).expect("a connection").send(b"").is_pending());
    assert_eq!(host.recording().notes().unsummed, 0);
    // Of another network.
    desk.comes_as(answer.clone(), |seen| seen.vlan = Some(5));
    settle(&mut host, 10);
    assert_eq!(host.recording().notes().vlan, Some(5));
    assert!(host.stream(0).expect("a connection").send(b"").is_pending());
    // From this very machine, which vouches for it.
    desk.comes_as(answer, |seen| seen.is_unsummed = true);
    settle(&mut host, 10);
    assert_eq!(host.recording().notes().unsummed, 1);
    assert!(host.stream(0).expect("a connection").send(b"").is_ready());
    // Somebody has the same address.
    desk.comes(arp(
        ArpOperation::Request,
        (STRANGER.0, HOST_IP),
        (HOST, BOARD_IP),
    ));
    settle(&mut host, 10);
    assert_eq!(host.recording().notes().rival, Some(STRANGER.0));
}

#[test]
fn a_free_address_is_chosen() {
    let mut desk = Desk::default();
    let free = choose(&mut desk, HOST, IpAddr::V4(BOARD_IP)).expect("all are free");
    let probes = desk.sent();
    assert_eq!(probes.len(), 3);
    let frame = EthernetFrame::new_checked(&probes[0][..]).expect("a frame");
    let probe = ArpPacket::new_checked(frame.payload()).expect("ARP");
    assert_eq!(
        probe.source_protocol_addr(),
        [0; 4],
        "RFC 5227, section 2.1.1"
    );
    let IpAddr::V4(address) = IpAddr::from(free.address()) else {
        panic!("{free}");
    };
    assert_eq!(probe.target_protocol_addr(), address.octets());
    assert_eq!(
        (free.prefix_len(), &address.octets()[..3]),
        (24, &[10, 0, 0][..])
    );
    assert_ne!(address, BOARD_IP);

    // Somebody has it: another one.
    let answer = arp(
        ArpOperation::Reply,
        (BOARD, address),
        (HOST, Ipv4Address::UNSPECIFIED),
    );
    desk.comes(answer.clone());
    assert_eq!(
        owner(&mut desk, HOST, IpAddr::V4(address)).expect("a cable"),
        Some(BOARD)
    );
    desk.comes(answer);
    let other = choose(&mut desk, HOST, IpAddr::V4(BOARD_IP)).expect("others are free");
    assert_ne!(other, free);

    // Somebody else asks for it in the same moment (RFC 5227, section 2.1.1).
    let none = (STRANGER.0, Ipv4Address::UNSPECIFIED);
    desk.comes(arp(
        ArpOperation::Request,
        none,
        (EthernetAddress::BROADCAST, address),
    ));
    let rival = owner(&mut desk, HOST, IpAddr::V4(address)).expect("a cable");
    assert_eq!(rival, Some(STRANGER.0));
}

#[test]
fn a_free_address_of_ipv6_is_chosen() {
    let mut desk = Desk::default();
    let server = Ipv6Address::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
    let free = choose(&mut desk, HOST, IpAddr::V6(server)).expect("all are free");
    assert_eq!(free.to_string(), "fd00::ff:fe00:63/64");
    let sent = desk.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0][..6], [0x33, 0x33, 0xff, 0, 0, 0x63]);
    assert!(desk.0.borrow().heard.contains(&[0x33, 0x33, 0, 0, 0, 1]));

    let IpAddr::V6(address) = IpAddr::from(free.address()) else {
        panic!("{free}");
    };
    let icmp = Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
        flags: NdiscNeighborFlags::OVERRIDE,
        target_addr: address,
        lladdr: Some(BOARD.into()),
    });
    let ip = Ipv6Repr {
        src_addr: address,
        dst_addr: Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
        next_header: IpProtocol::Icmpv6,
        payload_len: icmp.buffer_len(),
        hop_limit: 255,
    };
    let mut packet = vec![0; 40 + icmp.buffer_len()];
    ip.emit(&mut Ipv6Packet::new_unchecked(&mut packet[..]));
    let mut room = Icmpv6Packet::new_unchecked(&mut packet[40..]);
    icmp.emit(
        &ip.src_addr,
        &ip.dst_addr,
        &mut room,
        &ChecksumCapabilities::default(),
    );
    let all = EthernetAddress([0x33, 0x33, 0, 0, 0, 1]);
    desk.comes(framed(BOARD, all, EthernetProtocol::Ipv6, &packet));
    assert!(matches!(
        choose(&mut desk, HOST, IpAddr::V6(server)),
        Err(Error::NoAddress { .. })
    ));
}
