//! What isn't TCP: UDP, fragments, options and headers of IP, and faults of the link.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Dialog;
use super::talker::{MS, SECOND, SYN, Talker, ip4, ip6, says};
use greet_responder::bytes::{frame, pseudo, sum};
use greet_responder::desk::{HOST, TESTER};

pub const DIALOGS: &[Dialog] = &[
    ("messages", messages),
    ("messages over IPv6", messages6),
    ("a reply whose sum is zero", sum_zero),
    ("a closed port of UDP", closed),
    ("a closed port of UDP over IPv6", closed6),
    ("fragments", fragments),
    ("fragments of IPv6", fragments6),
    ("too many fragments", slots),
    ("fragments of a packet that is too long", too_long),
    ("fragments that overlap", overlap),
    ("fragments of IPv6 that overlap", overlap6),
    ("options of IPv4", options),
    ("protocols", protocols),
    ("headers of IPv6", headers),
    ("many errors of IPv6", many_errors),
    ("echoes that are too long", long_echoes),
    ("a path of IPv6 that is narrow", narrow6),
    ("echoes", echoes),
    ("ARP and neighbors", neighbors),
    ("frames", frames),
];

/// The sum of a message of ICMP.
pub fn mend_icmp(talker: &Talker, message: &mut [u8]) {
    message[2..4].fill(0);
    let before = if talker.own.is_ipv4() {
        Vec::new()
    } else {
        pseudo(talker.own, talker.board, 58, message.len())
    };
    let right = sum(&[&before, message]);
    message[2..4].copy_from_slice(&right.to_be_bytes());
}

fn echo(talker: &Talker, text: &[u8]) -> Vec<u8> {
    let kind = if talker.own.is_ipv4() { 8 } else { 128 };
    let mut message = [&[kind, 0, 0, 0, 0, 7, 0, 9][..], text].concat();
    mend_icmp(talker, &mut message);
    message
}

fn udp(talker: &Talker, ports: (u16, u16), text: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + text.len()).expect("a datagram");
    let mut bytes = [
        &ports.0.to_be_bytes()[..],
        &ports.1.to_be_bytes(),
        &len.to_be_bytes(),
        &[0, 0],
        text,
    ]
    .concat();
    let right = sum(&[&pseudo(talker.own, talker.board, 17, bytes.len()), &bytes]);
    let right = if right == 0 { 0xffff } else { right };
    bytes[6..8].copy_from_slice(&right.to_be_bytes());
    bytes
}

fn messages(talker: &mut Talker) {
    let whole = udp(talker, (4000, 8001), b"Ada");
    talker.packet(17, "Ada", &whole);
    let mut wrong = whole.clone();
    wrong[7] ^= 0x55;
    talker.packet(17, "Ada with a wrong sum", &wrong);
    let mut unsummed = whole.clone();
    unsummed[6..8].fill(0);
    talker.packet(17, "Ada without a sum", &unsummed);
    let surplus = [&whole[..], b" Lovelace"].concat();
    talker.packet(17, "Ada and more behind", &surplus);
    for len in [0_u16, 7, 12] {
        let mut bytes = unsummed.clone();
        bytes[4..6].copy_from_slice(&len.to_be_bytes());
        talker.packet(17, &format!("Ada of length {len}"), &bytes);
    }
    let from_zero = udp(talker, (0, 8001), b"Ada");
    talker.packet(17, "Ada from port 0", &from_zero);
    for text in [&b""[..], b"\xff", b"Hello, you", &[b'x'; 1025]] {
        let bytes = udp(talker, (4000, 8001), text);
        talker.packet(17, "a message", &bytes);
    }
}

fn messages6(talker: &mut Talker) {
    talker.take_v6();
    messages(talker);
}

/// The port of the sender is chosen so that the reply's sum comes out as zero.
fn sum_zero(talker: &mut Talker) {
    let reply = |port: u16| {
        let text = b"Hello, Ada!!";
        let bytes = [
            &8001_u16.to_be_bytes()[..],
            &port.to_be_bytes(),
            &20_u16.to_be_bytes(),
            &[0, 0],
            text,
        ]
        .concat();
        sum(&[&pseudo(HOST.1.into(), TESTER.1.into(), 17, 20), &bytes])
    };
    let port = (1..=u16::MAX).find(|port| reply(*port) == 0);
    let bytes = udp(talker, (port.expect("there is one"), 8001), b"Ada!!");
    talker.packet(17, "Ada!!", &bytes);
}

fn closed(talker: &mut Talker) {
    let mut bytes = udp(talker, (4000, 47), b"Ada");
    talker.packet(17, "to port 47", &bytes);
    bytes[7] ^= 0x55;
    talker.packet(17, "to port 47 with a wrong sum", &bytes);
    let (IpAddr::V4(own), IpAddr::V4(board)) = (talker.own, talker.board) else {
        return;
    };
    bytes[7] ^= 0x55;
    let to_all = frame(
        [0xff; 6],
        TESTER.0.0,
        0x800,
        &ip4(own, board, 17, (7, 0), &[], &bytes),
    );
    talker.put("to port 47 of all", &to_all);
}

fn closed6(talker: &mut Talker) {
    talker.take_v6();
    closed(talker);
}

fn v4(talker: &Talker) -> (Ipv4Addr, Ipv4Addr) {
    match (talker.own, talker.board) {
        (IpAddr::V4(own), IpAddr::V4(board)) => (own, board),
        _ => panic!("over IPv4"),
    }
}

fn v6(talker: &Talker) -> (Ipv6Addr, Ipv6Addr) {
    match (talker.own, talker.board) {
        (IpAddr::V6(own), IpAddr::V6(board)) => (own, board),
        _ => panic!("over IPv6"),
    }
}

/// Sends a part of a packet.
fn part(talker: &mut Talker, (protocol, id): (u8, u16), whole: &[u8], from: usize, to: usize) {
    let more = to < whole.len();
    let what = format!("{protocol} {id} bytes {from} to {to} of {}", whole.len());
    if talker.own.is_ipv4() {
        let (own, board) = v4(talker);
        let place = u16::try_from(from / 8).expect("a place") | if more { 0x2000 } else { 0 };
        let packet = ip4(own, board, protocol, (id, place), &[], &whole[from..to]);
        talker.put_packet(&what, &packet);
    } else {
        let (own, board) = v6(talker);
        let place = u16::try_from(from).expect("a place") | u16::from(more);
        let header = [protocol, 0];
        let id = u32::from(id).to_be_bytes();
        let body = [&header[..], &place.to_be_bytes(), &id, &whole[from..to]].concat();
        talker.put_packet(&what, &ip6(own, board, 44, &body));
    }
    talker.wait(MS);
}

fn icmp(talker: &Talker) -> u8 {
    if talker.own.is_ipv4() { 1 } else { 58 }
}

fn fragments(talker: &mut Talker) {
    let (icmp, whole) = (icmp(talker), echo(talker, &[b'x'; 92]));
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        for n in order {
            let (from, to) = (n * 40, (n * 40 + 40).min(whole.len()));
            part(talker, (icmp, 5), &whole, from, to);
        }
    }
    // One comes twice, and one never.
    part(talker, (icmp, 6), &whole, 0, 40);
    part(talker, (icmp, 6), &whole, 0, 40);
    part(talker, (icmp, 6), &whole, 40, 100);
    part(talker, (icmp, 7), &whole, 0, 40);
    part(talker, (icmp, 8), &whole, 0, 40);
    part(talker, (icmp, 8), &whole, 40, 100);
    talker.wait(40 * SECOND);
    part(talker, (icmp, 7), &whole, 40, 100);
    // Two packets with one number.
    let message = udp(talker, (4000, 8001), &[b'y'; 92]);
    part(talker, (icmp, 9), &whole, 0, 48);
    part(talker, (17, 9), &message, 0, 48);
    part(talker, (icmp, 9), &whole, 48, 100);
    part(talker, (17, 9), &message, 48, 100);
    let segment = talker.segment(&says(SYN, 0, 0, &[b'z'; 20]));
    part(talker, (6, 10), &segment, 24, 40);
    part(talker, (6, 10), &segment, 0, 24);
}

fn fragments6(talker: &mut Talker) {
    talker.take_v6();
    fragments(talker);
    // One that is whole by itself, and one whose length can't be.
    let whole = echo(talker, b"alone");
    part(talker, (58, 11), &whole, 0, whole.len());
    part(talker, (58, 12), &echo(talker, &[b'x'; 60]), 0, 41);
}

fn slots(talker: &mut Talker) {
    let whole = echo(talker, &[b'x'; 92]);
    for id in 0..6 {
        part(talker, (1, id), &whole, 0, 40);
    }
    for id in 0..6 {
        part(talker, (1, id), &whole, 40, 100);
    }
    talker.wait(40 * SECOND);
}

fn too_long(talker: &mut Talker) {
    let (own, board) = v4(talker);
    let packet = ip4(own, board, 1, (5, 0x1fff), &[], &[0; 100]);
    talker.put_packet("100 bytes at 65528", &packet);
    echoes(talker);
}

fn overlap(talker: &mut Talker) {
    let (icmp, whole) = (icmp(talker), echo(talker, &[b'x'; 92]));
    part(talker, (icmp, 5), &whole, 0, 48);
    part(talker, (icmp, 5), &whole, 40, 80);
    part(talker, (icmp, 5), &whole, 80, 100);
    part(talker, (icmp, 5), &whole, 48, 80);
    talker.wait(40 * SECOND);
    part(talker, (icmp, 5), &whole, 0, 48);
    part(talker, (icmp, 5), &whole, 48, 100);
}

fn overlap6(talker: &mut Talker) {
    talker.take_v6();
    overlap(talker);
}

fn options(talker: &mut Talker) {
    let ((own, board), bytes) = (v4(talker), echo(talker, b"with options"));
    let [a, b, c, d] = TESTER.1;
    for (what, options) in [
        ("no operations", &[1, 1, 1, 0][..]),
        ("an unknown option", &[0x9e, 4, 1, 2]),
        ("an option of length 0", &[0x9e, 0, 0, 0]),
        ("a route that goes on", &[131, 7, 4, a, b, c, d, 0]),
        ("a route that ends here", &[131, 7, 8, a, b, c, d, 0]),
    ] {
        talker.put_packet(what, &ip4(own, board, 1, (7, 0), options, &bytes));
    }
}

fn protocols(talker: &mut Talker) {
    talker.packet(200, "protocol 200", b"what is this?");
    talker.take_v6();
    talker.packet(200, "header 200", b"what is this?");
}

fn headers(talker: &mut Talker) {
    talker.take_v6();
    let echo = echo(talker, b"behind headers");
    let with = |next: u8, header: &[u8]| [&[next][..], header, &echo].concat();
    let pad = [0, 1, 4, 0, 0, 0, 0];
    let long = [&pad[..], &[60, 0], &pad[1..], &echo].concat();
    for (what, next, body) in [
        ("hop by hop", 0, with(58, &pad)),
        ("destination options", 60, with(58, &pad)),
        (
            "both",
            0,
            [&[60][..], &pad, &[58, 0], &pad[1..], &echo].concat(),
        ),
        (
            "a route that ends here",
            43,
            with(58, &[0, 0, 0, 0, 0, 0, 0]),
        ),
        ("a route that goes on", 43, with(58, &[0, 0, 1, 0, 0, 0, 0])),
        ("no next header", 59, echo.clone()),
        ("hop by hop in second place", 60, with(0, &long)),
        ("an option to skip", 60, with(58, &[0, 0x1e, 4, 0, 0, 0, 0])),
        ("an option to drop", 60, with(58, &[0, 0x5e, 4, 0, 0, 0, 0])),
        ("an option to tell", 60, with(58, &[0, 0x9e, 4, 0, 0, 0, 0])),
        (
            "options beyond the header",
            60,
            with(58, &[0, 0x1e, 9, 0, 0, 0, 0]),
        ),
        (
            "a header beyond the packet",
            60,
            with(58, &[200, 1, 4, 0, 0, 0, 0]),
        ),
    ] {
        talker.packet(next, what, &body);
        talker.wait(SECOND);
    }
}

fn many_errors(talker: &mut Talker) {
    talker.take_v6();
    for _ in 0..15 {
        talker.packet(200, "header 200", b"what is this?");
    }
    talker.wait(SECOND);
    talker.packet(200, "header 200", b"what is this?");
}

fn long_echoes(talker: &mut Talker) {
    for is_v6 in [false, true] {
        if is_v6 {
            talker.take_v6();
        }
        let (icmp, whole) = (icmp(talker), echo(talker, &[b'x'; 2000]));
        part(talker, (icmp, 5), &whole, 0, 1200);
        part(talker, (icmp, 5), &whole, 1200, whole.len());
    }
}

fn narrow6(talker: &mut Talker) {
    talker.take_v6();
    let whole = echo(talker, &[b'x'; 1400]);
    talker.packet(58, "an echo", &whole);
    for mtu in [1000_u32, 1300] {
        let Some((_, sent)) = talker.frames.last().cloned() else {
            return;
        };
        let mut message = [
            &[2, 0, 0, 0][..],
            &mtu.to_be_bytes(),
            &sent[14..sent.len().min(1246)],
        ]
        .concat();
        mend_icmp(talker, &mut message);
        talker.packet(58, &format!("too big for {mtu}"), &message);
        talker.packet(58, "an echo", &whole);
    }
}

fn echoes(talker: &mut Talker) {
    let right = echo(talker, &[b'e'; 60]);
    talker.packet(1, "an echo", &right);
    let mut wrong = right.clone();
    wrong[3] ^= 1;
    talker.packet(1, "an echo with a wrong sum", &wrong);
    let mut unknown = right.clone();
    unknown[0] = 222;
    mend_icmp(talker, &mut unknown);
    talker.packet(1, "a message of type 222", &unknown);
    // The sum of this one is zero.
    let mut text = vec![b'e'; 60];
    let rest = echo(talker, &[&text[..], &[0, 0]].concat());
    text.extend(&rest[2..4]);
    let zero = echo(talker, &text);
    talker.packet(1, "an echo whose sum is zero", &zero);
    let (own, board) = v4(talker);
    let [a, b, c, _] = board.octets();
    let elsewhere = Ipv4Addr::new(a, b, c, 200);
    talker.put_packet(
        "an echo to another",
        &ip4(own, elsewhere, 1, (7, 0), &[], &right),
    );
    let mut packet = ip4(own, board, 1, (7, 0), &[], &right);
    packet[10] ^= 1;
    talker.put_packet("a wrong header", &packet);
    for (at, byte, what) in [(0, 0x55, "version 5"), (8, 0, "time to live 0")] {
        let mut packet = ip4(own, board, 1, (7, 0), &[], &right);
        packet[at] = byte;
        packet[10..12].fill(0);
        let right = sum(&[&packet[..20]]);
        packet[10..12].copy_from_slice(&right.to_be_bytes());
        talker.put(what, &frame(HOST.0, TESTER.0.0, 0x800, &packet));
    }
    let mut packet = ip4(own, board, 1, (7, 0), &[], &right);
    packet.extend(b"trailer");
    talker.put_packet("an echo and a trailer", &packet);
    let mut packet = ip4(own, board, 1, (7, 0), &[], &right);
    packet[2] = 9;
    packet[10..12].fill(0);
    let right_sum = sum(&[&packet[..20]]);
    packet[10..12].copy_from_slice(&right_sum.to_be_bytes());
    talker.put_packet("a length beyond the frame", &packet);
    talker.packet(1, "half a message", &right[..6]);
    talker.packet(1, "an echo", &right);
}

fn neighbors(talker: &mut Talker) {
    let arp = |from: [u8; 4], to: [u8; 4], len: u8| {
        let kind = [0, 1, 8, 0, len, 4, 0, 1];
        [&kind[..], &TESTER.0.0, &from, &[0; 6], &to].concat()
    };
    for (what, to, bytes) in [
        ("ARP to all", [0xff; 6], arp(TESTER.1, HOST.1, 6)),
        ("ARP to it alone", HOST.0, arp(TESTER.1, HOST.1, 6)),
        ("ARP from no address", [0xff; 6], arp([0; 4], HOST.1, 6)),
        (
            "ARP for another",
            [0xff; 6],
            arp(TESTER.1, [10, 0, 0, 77], 6),
        ),
        ("ARP of length 255", [0xff; 6], arp(TESTER.1, HOST.1, 255)),
        ("ARP to all", [0xff; 6], arp(TESTER.1, HOST.1, 6)),
    ] {
        talker.put(what, &frame(to, TESTER.0.0, 0x806, &bytes));
    }
    // An echo from somebody unknown, who then says where it is.
    let stranger = [10, 0, 0, 55];
    let (_, board) = v4(talker);
    let bytes = echo(talker, b"from a stranger");
    for _ in 0..2 {
        talker.put_packet(
            "a stranger's echo",
            &ip4(stranger.into(), board, 1, (7, 0), &[], &bytes),
        );
    }
    let mut reply = arp(stranger, HOST.1, 6);
    reply[7] = 2;
    talker.put(
        "where the stranger is",
        &frame(HOST.0, TESTER.0.0, 0x806, &reply),
    );
    talker.take_v6();
    let (own, board) = v6(talker);
    let [.., a, b, c] = board.octets();
    let group = Ipv6Addr::new(
        0xff02,
        0,
        0,
        0,
        0,
        1,
        0xff00 | u16::from(a),
        u16::from_be_bytes([b, c]),
    );
    let to_group = [0x33, 0x33, 0xff, a, b, c];
    for (what, from, to, mac, hops, option) in [
        ("who is it", own, group, to_group, 255, 1),
        ("is it there", own, board, HOST.0, 255, 1),
        ("is it free", Ipv6Addr::UNSPECIFIED, group, to_group, 255, 1),
        ("from far away", own, group, to_group, 64, 1),
        ("with an option of length 0", own, group, to_group, 255, 0),
    ] {
        let mut message = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &board.octets()].concat();
        if from != Ipv6Addr::UNSPECIFIED {
            message.extend([1, option, 2, 0, 0, 0, 0, 99]);
        }
        let right = sum(&[&pseudo(from.into(), to.into(), 58, message.len()), &message]);
        message[2..4].copy_from_slice(&right.to_be_bytes());
        let mut packet = ip6(from, to, 58, &message);
        packet[7] = hops;
        talker.put(what, &frame(mac, TESTER.0.0, 0x86dd, &packet));
    }
}

fn frames(talker: &mut Talker) {
    let (own, board) = v4(talker);
    let packet = ip4(own, board, 1, (7, 0), &[], &echo(talker, b"x"));
    talker.put_packet("an echo", &packet);
    talker.put(
        "for another",
        &frame([2, 9, 9, 9, 9, 9], TESTER.0.0, 0x800, &packet),
    );
    let tagged = [&[0xe0, 0, 8, 0][..], &packet].concat();
    talker.put(
        "with a priority",
        &frame(HOST.0, TESTER.0.0, 0x8100, &tagged),
    );
    talker.put(
        "a length for a type",
        &frame(HOST.0, TESTER.0.0, 100, &[0xaa; 100]),
    );
    talker.put_packet("an echo", &packet);
}
