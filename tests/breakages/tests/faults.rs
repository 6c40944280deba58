//! Each fault on plain frames, without a cable: what comes out, and whether its checksums are right by
//! smoltcp's account, not ours.

use std::time::Duration;

use greet_breakages::way::Way;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpAddress, IpProtocol,
    Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber, UdpPacket,
    UdpRepr,
};

const NEAR: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const FAR: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);

fn over_ip(protocol: IpProtocol, len: usize, emit: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let ethernet = EthernetRepr {
        src_addr: EthernetAddress([2, 0, 0, 0, 0, 1]),
        dst_addr: EthernetAddress([2, 0, 0, 0, 0, 2]),
        ethertype: EthernetProtocol::Ipv4,
    };
    let ip = Ipv4Repr {
        src_addr: NEAR,
        dst_addr: FAR,
        next_header: protocol,
        payload_len: len,
        hop_limit: 64,
    };
    let mut bytes = vec![0; 14 + ip.buffer_len() + len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    ethernet.emit(&mut frame);
    let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
    ip.emit(&mut packet, &ChecksumCapabilities::default());
    emit(packet.payload_mut());
    bytes
}

fn segment(control: TcpControl, data: &[u8]) -> Vec<u8> {
    let segment = TcpRepr {
        src_port: 40_000,
        dst_port: 8000,
        control,
        seq_number: TcpSeqNumber(7),
        ack_number: Some(TcpSeqNumber(9)),
        window_len: 1000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: data,
    };
    over_ip(IpProtocol::Tcp, segment.buffer_len(), |bytes| {
        let mut packet = TcpPacket::new_unchecked(bytes);
        let (near, far) = (IpAddress::from(NEAR), IpAddress::from(FAR));
        segment.emit(&mut packet, &near, &far, &ChecksumCapabilities::default());
    })
}

fn datagram(data: &[u8]) -> Vec<u8> {
    let datagram = UdpRepr {
        src_port: 40_000,
        dst_port: 8001,
    };
    over_ip(IpProtocol::Udp, 8 + data.len(), |bytes| {
        let mut packet = UdpPacket::new_unchecked(bytes);
        datagram.emit(
            &mut packet,
            &NEAR.into(),
            &FAR.into(),
            data.len(),
            |room| room.copy_from_slice(data),
            &ChecksumCapabilities::default(),
        );
    })
}

/// A segment of so many bytes, each of them `byte`.
fn of(byte: u8, len: usize) -> Vec<u8> {
    segment(TcpControl::Psh, &vec![byte; len])
}

fn ip(frame: &[u8]) -> Ipv4Packet<&[u8]> {
    Ipv4Packet::new_checked(&frame[14..]).expect("a packet")
}

/// Whether all checksums are right.
fn is_sound(frame: &[u8]) -> bool {
    let ip = ip(frame);
    let (from, to) = (ip.src_addr().into(), ip.dst_addr().into());
    let is_whole = match ip.next_header() {
        IpProtocol::Tcp => TcpPacket::new_checked(ip.payload())
            .expect("a segment")
            .verify_checksum(&from, &to),
        _ => UdpPacket::new_checked(ip.payload())
            .expect("a datagram")
            .verify_checksum(&from, &to),
    };
    ip.verify_checksum() && is_whole
}

fn data(frame: &[u8]) -> Vec<u8> {
    let ip = ip(frame);
    match ip.next_header() {
        IpProtocol::Tcp => TcpPacket::new_unchecked(ip.payload()).payload().to_vec(),
        _ => UdpPacket::new_unchecked(ip.payload()).payload().to_vec(),
    }
}

fn way(fault: &str) -> Way {
    Way::new(fault.parse().expect("a fault"), 1)
}

/// What comes out if these come at once.
fn through(fault: &str, frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let (mut way, mut out) = (way(fault), Vec::new());
    for frame in frames {
        way.put(frame, Duration::ZERO, &mut out);
    }
    out
}

fn numbered(count: u8) -> Vec<Vec<u8>> {
    (1..=count).map(|byte| of(byte, 64)).collect()
}

/// The numbers of those that came out.
fn numbers(frames: &[Vec<u8>]) -> Vec<u8> {
    frames.iter().map(|frame| data(frame)[0]).collect()
}

#[test]
fn every_nth_is_lost() {
    assert_eq!(
        numbers(&through("drop-every=3", numbered(7))),
        [1, 2, 4, 5, 7]
    );
}

#[test]
fn as_many_are_lost_as_chance_says_and_the_same_by_the_same_seed() {
    let some = |seed| {
        let (mut way, mut out) = (
            Way::new("lose=10".parse().expect("a fault"), seed),
            Vec::new(),
        );
        for frame in (0..1000).map(|_| of(1, 1)).collect::<Vec<_>>() {
            way.put(frame, Duration::ZERO, &mut out);
        }
        out.len()
    };
    assert!((850..950).contains(&some(1)), "{}", some(1));
    assert_eq!(some(1), some(1));
    assert!((2..9).any(|seed| some(seed) != some(1)));
    assert_eq!(through("lose=0", numbered(9)).len(), 9);
    assert_eq!(through("lose=100", numbered(9)).len(), 0);
}

#[test]
fn every_nth_comes_twice() {
    assert_eq!(
        numbers(&through("duplicate-every=2", numbered(4))),
        [1, 2, 2, 3, 4, 4]
    );
}

#[test]
fn every_nth_is_overtaken() {
    assert_eq!(
        numbers(&through("swap-every=2", numbered(5))),
        [1, 3, 2, 5, 4]
    );
}

#[test]
fn one_that_nothing_overtakes_goes_on_by_itself() {
    let (mut way, mut out) = (way("swap-every=1"), Vec::new());
    way.put(of(1, 64), Duration::ZERO, &mut out);
    assert!(out.is_empty());
    let due = Duration::from_millis(20);
    assert_eq!(way.due(), Some(due));
    way.expire(Duration::from_millis(19), &mut out);
    assert!(out.is_empty());
    way.expire(due, &mut out);
    assert_eq!((numbers(&out), way.due()), (vec![1], None));
}

#[test]
fn every_nth_is_stuck_until_the_next() {
    let (mut way, mut out) = (way("stick-every=2"), Vec::new());
    for frame in numbered(4) {
        way.put(frame, Duration::ZERO, &mut out);
    }
    assert_eq!(numbers(&out), [1, 2, 3]);
    way.expire(Duration::from_hours(1), &mut out);
    assert_eq!((numbers(&out), way.due()), (vec![1, 2, 3], None));
}

#[test]
fn all_are_late_and_in_order() {
    let (mut way, mut out) = (way("delay=30"), Vec::new());
    for (frame, at) in numbered(2).into_iter().zip([0, 10]) {
        way.put(frame, Duration::from_millis(at), &mut out);
    }
    assert_eq!(way.due(), Some(Duration::from_millis(30)));
    way.expire(Duration::from_millis(39), &mut out);
    assert_eq!(numbers(&out), [1]);
    way.expire(Duration::from_millis(40), &mut out);
    assert_eq!(numbers(&out), [1, 2]);
}

#[test]
fn longer_ones_are_cut_or_lost_and_others_not() {
    let (short, long) = (of(1, 100), of(2, 1000));
    let both = [short.clone(), long.clone()];
    assert_eq!(
        through("truncate=600", both.clone()),
        [short.clone(), long[..600].to_vec()]
    );
    assert_eq!(
        through("lose-longer=600", both.clone()),
        std::slice::from_ref(&short)
    );
    assert_eq!(
        through(&format!("lose-longer={}", long.len()), both.clone()),
        both
    );
}

#[test]
fn bytes_follow_that_are_no_data() {
    let out = through("trail=20", [of(1, 100)]);
    assert_eq!(out[0].len(), of(1, 100).len() + 20);
    assert!(is_sound(&out[0]));
    assert_eq!(data(&out[0]), [1; 100]);
}

#[test]
fn no_bytes_follow_where_the_cable_has_no_room_for_them() {
    let (fits, long) = (of(1, 1440), of(1, 1441));
    let out = through("trail=20", [fits, long.clone()]);
    assert_eq!(out[0].len(), 1514);
    assert_eq!(out[1], long);
}

#[test]
fn a_byte_is_another_one_behind_a_checksum_that_fits() {
    for frame in [
        of(1, 101),
        of(1, 1460),
        datagram(&[1; 101]),
        datagram(&[1; 2]),
    ] {
        let out = through("corrupt-every=2", vec![frame.clone(); 3]);
        assert_eq!([&out[0], &out[2]], [&frame; 2]);
        assert!(is_sound(&out[1]));
        let (came, went) = (data(&frame), data(&out[1]));
        let others = came.iter().zip(&went).filter(|(a, b)| a != b).count();
        assert_eq!(others, 1);
    }
}

#[test]
fn segments_without_data_are_not_corrupted_nor_counted() {
    let ack = segment(TcpControl::None, b"");
    let out = through("corrupt-every=2", [of(1, 9), ack.clone(), of(1, 9)]);
    assert_eq!([&out[0], &out[1]], [&of(1, 9), &ack]);
    assert_ne!(out[2], of(1, 9));
}

#[test]
fn checksums_are_wrong_and_nothing_else() {
    for frame in [
        of(1, 100),
        datagram(&[1; 100]),
        segment(TcpControl::Syn, b""),
    ] {
        let out = through("wrong-sum-every=2", vec![frame.clone(); 2]);
        assert_eq!(out[0], frame);
        assert!(is_sound(&frame) && !is_sound(&out[1]));
        assert_eq!(data(&out[1]), data(&frame));
    }
}

#[test]
fn checksums_are_wrong_on_odd_lengths_alone() {
    let out = through(
        "wrong-sum-odd=1",
        [of(1, 100), of(1, 101), datagram(b"abc"), datagram(b"ab")],
    );
    let sound: Vec<_> = out.iter().map(|frame| is_sound(frame)).collect();
    assert_eq!(sound, [true, false, false, true]);
}

#[test]
fn arp_is_answered_so_many_times() {
    let arp = |operation| {
        let mut frame = vec![0; 42];
        frame[12..22].copy_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, operation]);
        frame
    };
    let out = through("arp-answers=1", [arp(1), arp(2), arp(1), arp(2), of(1, 9)]);
    assert_eq!(out, [arp(1), arp(2), arp(1), of(1, 9)]);
}

#[test]
fn a_ring_takes_so_many_at_once() {
    let (mut way, mut out) = (way("ring=4"), Vec::new());
    for frame in numbered(9) {
        way.put(frame, Duration::ZERO, &mut out);
    }
    assert_eq!(numbers(&out), [1, 2, 3, 4]);
    way.put(of(10, 64), Duration::from_millis(2), &mut out);
    assert_eq!(numbers(&out), [1, 2, 3, 4, 10]);
}

#[test]
fn a_line_is_that_of_the_frame_before() {
    for (fault, fits) in [("stale-every=2", false), ("stale-mended-every=2", true)] {
        let out = through(fault, numbered(3));
        assert_eq!(numbers(&out).len(), 3);
        assert_eq!([&out[0], &out[1]], [&of(1, 64), &of(2, 64)]);
        let mixed = data(&out[2]);
        // The data begins 54 bytes into the frame, so the first whole line of it at byte 64.
        let expected = [vec![3; 10], vec![2; 32], vec![3; 22]].concat();
        assert_eq!(mixed, expected, "{fault}");
        assert_eq!(is_sound(&out[2]), fits, "{fault}");
    }
}

#[test]
fn a_frame_without_a_whole_line_is_not_mixed() {
    let short = |byte| of(byte, 30);
    let out = through("stale-every=1", [short(1), short(2), of(3, 64), short(4)]);
    assert_eq!(out, [short(1), short(2), of(3, 64), short(4)]);
}

#[test]
fn packets_live_for_so_many_hops() {
    let out = through("ttl=1", [of(1, 9), datagram(b"abc")]);
    for frame in &out {
        assert_eq!(ip(frame).hop_limit(), 1);
        assert!(is_sound(frame));
    }
}

#[test]
fn resets_are_lost_alone() {
    let reset = segment(TcpControl::Rst, b"");
    let out = through("lose-resets=1", [of(1, 9), reset, datagram(b"abc")]);
    assert_eq!(out, [of(1, 9), datagram(b"abc")]);
}

#[test]
fn fragments_are_lost_alone() {
    let mut first = datagram(&[1; 100]);
    first[20] |= 0x20; // more follow
    let mut last = datagram(&[1; 100]);
    last[21] = 9; // its place
    let mut whole = datagram(&[1; 100]);
    whole[20] |= 0x40; // don't fragment
    let out = through("lose-fragments=1", [first, last, whole.clone()]);
    assert_eq!(out, [whole]);
}

#[test]
fn what_is_no_packet_passes_unchanged() {
    let strange = [Vec::new(), vec![0; 13], vec![8; 14], {
        let mut cut = of(1, 100);
        cut.truncate(40);
        cut
    }];
    for fault in [
        "corrupt-every=1",
        "wrong-sum-every=1",
        "stale-every=1",
        "ttl=1",
        "lose-resets=1",
    ] {
        assert_eq!(through(fault, strange.clone()), strange, "{fault}");
    }
}

#[test]
fn each_is_later_than_the_one_before() {
    let mut way = way("later=1000");
    let mut out = Vec::new();
    for (n, frame) in numbered(3).into_iter().enumerate() {
        way.put(frame, Duration::from_millis(10 * n as u64), &mut out);
    }
    assert_eq!(numbers(&out), [1, 2]);
    assert_eq!(way.due(), Some(Duration::from_millis(23)));
    way.expire(Duration::from_millis(23), &mut out);
    assert_eq!(numbers(&out), [1, 2, 3]);
}

#[test]
fn checksums_are_zero_and_nothing_else() {
    let out = through("zero-sum-every=2", [of(7, 30), of(8, 30)]);
    assert_eq!(out[0], of(7, 30));
    let (mut zeroed, right) = (out[1].clone(), of(8, 30));
    assert_eq!(zeroed[50..52], [0, 0]);
    zeroed[50..52].copy_from_slice(&right[50..52]);
    assert_eq!(zeroed, right);
}

#[test]
fn longer_ones_are_filled_up_and_shorter_ones_not() {
    let out = through("pad-longer=42", [vec![1; 42], vec![1; 43], vec![1; 90]]);
    assert_eq!(out[0], [1; 42]);
    assert_eq!(out[1], [[1; 43].as_slice(), &[0; 17]].concat());
    assert_eq!(out[2], [1; 90]);
}

#[test]
fn packets_say_that_they_are_longer() {
    let out = through("lengthen=80", [of(7, 30), vec![1; 60]]);
    let header = Ipv4Packet::new_unchecked(&out[0][14..]);
    assert_eq!(usize::from(header.total_len()), 20 + 20 + 30 + 80);
    assert!(header.verify_checksum());
    assert_eq!(out[0][34..], of(7, 30)[34..]);
    assert_eq!(out[1], [1; 60]);
}

#[test]
fn a_tag_stands_before_the_type() {
    let out = through("tag=7", [of(7, 30)]);
    let right = of(7, 30);
    assert_eq!(
        out[0],
        [&right[..12], &[0x81, 0, 0, 7], &right[12..]].concat()
    );
}

#[test]
fn what_stands_behind_a_packet_becomes_its_data() {
    let mut frame = of(7, 30);
    frame.extend([9; 6]);
    let out = through("take-trailer=1", [frame, of(7, 30)]);
    assert_eq!(data(&out[0]), [[7; 30].as_slice(), &[9; 6]].concat());
    assert!(is_sound(&out[0]));
    assert_eq!(out[1], of(7, 30));
}

#[test]
fn bytes_of_the_frame_before_are_at_any_place() {
    let frames = (0..40).map(|n| of(n, 200));
    let out = through("stale-anywhere-every=2", frames);
    let mut places = Vec::new();
    for (n, frame) in out.iter().enumerate() {
        assert!(is_sound(frame));
        let text = data(frame);
        let stale = text.iter().filter(|byte| usize::from(**byte) != n).count();
        // The first has none before it.
        assert_eq!(stale, if n > 0 && n % 2 == 0 { 32 } else { 0 }, "{n}");
        places.extend(text.iter().position(|byte| usize::from(*byte) != n));
    }
    assert!(
        places.iter().any(|place| (54 + place) % 32 != 0),
        "{places:?}"
    );
}

#[test]
fn frames_to_groups_are_lost_alone() {
    let group = [[0x33, 0x33].as_slice(), &[0; 58]].concat();
    let out = through("lose-multicast=1", [group, vec![1; 60]]);
    assert_eq!(out, [[1; 60]]);
}
