//! The backlog has places for clients only: a SYN that smoltcp would throw away gets none.

mod support;

use smoltcp::phy::{Checksum, ChecksumCapabilities, Medium};
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpAddress, IpCidr, IpProtocol,
    IpRepr, Ipv4Packet, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};

use greet_core::time::Instant;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use support::peer::Tap;
use support::{NOW, Path};

/// A frame with a segment to port 8000, and how it departs from a good SYN.
#[derive(Clone)]
struct Frame {
    path: Path,
    to_card: [u8; 6],
    ethertype: EthernetProtocol,
    from: IpAddress,
    to: IpAddress,
    port: u16,
    control: TcpControl,
    /// Damages the IP packet, whose header has this length, after all checksums were made.
    damage: fn(&mut Vec<u8>, usize),
    /// Damages the segment before its checksum is made.
    twist: fn(&mut TcpPacket<&mut Vec<u8>>),
}

impl Frame {
    /// The SYN of an honest client.
    fn syn(path: Path, port: u16) -> Self {
        let is_v4 = path.address == Path::V4;
        Self {
            path,
            to_card: [2, 0, 0, 0, 0, 1],
            ethertype: if is_v4 {
                EthernetProtocol::Ipv4
            } else {
                EthernetProtocol::Ipv6
            },
            from: if is_v4 {
                IpAddress::v4(192, 0, 2, 2)
            } else {
                IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 2)
            },
            to: path.address,
            port,
            control: TcpControl::Syn,
            damage: |_, _| (),
            twist: |_| (),
        }
    }

    /// What ends the handshake that this frame begins.
    fn reset(self) -> Self {
        Self {
            control: TcpControl::Rst,
            twist: |segment| segment.set_seq_number(TcpSeqNumber(1_001)),
            ..self
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let checksums = ChecksumCapabilities::default();
        let tcp = TcpRepr {
            src_port: self.port,
            dst_port: 8000,
            control: self.control,
            seq_number: TcpSeqNumber(1_000),
            ack_number: None,
            window_len: 1_024,
            window_scale: None,
            max_seg_size: Some(1_460),
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: &[],
        };
        let mut segment = vec![0; tcp.buffer_len()];
        let mut packet = TcpPacket::new_unchecked(&mut segment);
        tcp.emit(&mut packet, &self.from, &self.to, &checksums);
        (self.twist)(&mut packet);
        packet.fill_checksum(&self.from, &self.to);
        let ip = IpRepr::new(self.from, self.to, IpProtocol::Tcp, segment.len(), 64);
        let mut bytes = vec![0; ip.header_len()];
        ip.emit(&mut bytes, &checksums);
        bytes.extend(segment);
        (self.damage)(&mut bytes, ip.header_len());
        if self.path.medium == Medium::Ip {
            return bytes;
        }
        let ethernet = EthernetRepr {
            src_addr: EthernetAddress([2, 0, 0, 0, 0, 2]),
            dst_addr: EthernetAddress(self.to_card),
            ethertype: self.ethertype,
        };
        let mut frame = vec![0; ethernet.buffer_len()];
        ethernet.emit(&mut EthernetFrame::new_unchecked(&mut frame));
        frame.extend(bytes);
        frame
    }
}

/// While the only socket is taken, these frames come to a backlog with one place. Then the socket
/// listens again. Says whether it is taken now, and by the last of them.
fn last_is_served(frames: &[Frame], checksums: &ChecksumCapabilities) -> bool {
    let last = frames.last().expect("a frame").clone();
    let path = last.path;
    let tap = Tap {
        is_ethernet: path.medium == Medium::Ethernet,
        checksums: checksums.clone(),
        ..Tap::default()
    };
    let mut slots = SocketSlots::<1, 1>::new();
    let mut places = TcpBuffers::<1, 64, 64>::new();
    let mut stack = path.stack_on(tap, &mut slots);
    let listener = stack.net().listen(&mut places, 8000).expect("room");
    let mut is_taken_after = |frame: &Frame| {
        stack.device().incoming.push_back(frame.bytes());
        stack.poll(NOW, |_| Instant::NEVER);
        stack.net().listening(&listener) == 0
    };
    let first = Frame::syn(path, 1_000);
    assert!(is_taken_after(&first));
    for frame in frames {
        assert!(is_taken_after(frame));
    }
    is_taken_after(&first.clone().reset()) && !is_taken_after(&last.reset())
}

/// What smoltcp would throw away, by what is wrong with it.
fn wrong(path: Path) -> Vec<(&'static str, Frame)> {
    let syn = Frame::syn(path, 2_000);
    let is_v4 = path.address == Path::V4;
    let address = |v4: [u8; 4], v6: [u16; 8]| {
        if is_v4 {
            IpAddress::Ipv4(v4.into())
        } else {
            IpAddress::Ipv6(v6.into())
        }
    };
    let from = |from| Frame {
        from,
        ..syn.clone()
    };
    let to = |to| Frame { to, ..syn.clone() };
    let damage = |damage| Frame {
        damage,
        ..syn.clone()
    };
    let twist = |twist| Frame {
        twist,
        ..syn.clone()
    };
    let multicast = address([224, 0, 0, 1], [0xff02, 0, 0, 0, 0, 0, 0, 1]);
    let other = address([192, 0, 2, 9], [0xfd00, 0, 0, 0, 0, 0, 0, 9]);
    let unspecified = address([0; 4], [0; 8]);
    let mut wrong = vec![
        ("another host's address", to(other)),
        ("a multicast address", to(multicast)),
        ("from a multicast address", from(multicast)),
        ("from nowhere", from(unspecified)),
        (
            "a bad checksum of TCP",
            damage(|packet, header| packet[header + 16] ^= 1),
        ),
        (
            "an IP packet longer than the frame",
            damage(|packet, _| packet.truncate(packet.len() - 1)),
        ),
        (
            "no whole TCP header",
            twist(|segment| segment.set_header_len(16)),
        ),
        (
            "a TCP header longer than the segment",
            twist(|segment| segment.set_header_len(60)),
        ),
        (
            "options that run over their end",
            twist(|segment| segment.options_mut()[1] = 40),
        ),
        ("SYN and FIN", twist(|segment| segment.set_fin(true))),
        ("from port 0", twist(|segment| segment.set_src_port(0))),
    ];
    if is_v4 {
        let v4 = |address: [u8; 4]| IpAddress::Ipv4(address.into());
        wrong.extend([
            ("the broadcast address", to(v4([255; 4]))),
            ("our network's broadcast address", to(v4([192, 0, 2, 255]))),
            ("from the broadcast address", from(v4([255; 4]))),
            (
                "from our network's broadcast address",
                from(v4([192, 0, 2, 255])),
            ),
            (
                "a bad checksum of IP",
                damage(|packet, _| packet[8] -= 1), // hops left
            ),
            (
                "a fragment",
                damage(|packet, _| {
                    let mut packet = Ipv4Packet::new_unchecked(packet);
                    packet.set_more_frags(true);
                    packet.fill_checksum();
                }),
            ),
        ]);
    }
    if path.medium == Medium::Ethernet {
        let to_card = |to_card| Frame {
            to_card,
            ..syn.clone()
        };
        wrong.extend([
            ("another card", to_card([2, 0, 0, 0, 0, 9])),
            (
                "the other version's EtherType",
                Frame {
                    ethertype: if is_v4 {
                        EthernetProtocol::Ipv6
                    } else {
                        EthernetProtocol::Ipv4
                    },
                    ..syn.clone()
                },
            ),
        ]);
    }
    wrong
}

#[test]
fn a_syn_that_smoltcp_would_throw_away_takes_no_place_in_the_backlog() {
    let all = ChecksumCapabilities::default();
    for path in Path::ALL {
        let client = Frame::syn(path, 3_000);
        assert!(
            last_is_served(std::slice::from_ref(&client), &all),
            "{path:?}"
        );
        for (what, frame) in wrong(path) {
            assert!(
                last_is_served(&[frame, client.clone()], &all),
                "{what}: {path:?}"
            );
        }
    }
}

#[test]
fn where_the_device_checks_the_sums_the_backlog_does_not() {
    let mut checksums = ChecksumCapabilities::default();
    checksums.tcp = Checksum::Tx;
    checksums.ipv4 = Checksum::Tx;
    for path in Path::ALL {
        for (what, frame) in wrong(path) {
            if what.contains("checksum") {
                assert!(last_is_served(&[frame], &checksums), "{what}: {path:?}");
            }
        }
    }
}

/// Where a listener has an address of its own, and the host another besides.
#[test]
fn a_syn_to_an_address_of_ours_at_which_nobody_listens_is_reset() {
    let mut slots = SocketSlots::<1, 1>::new();
    let mut places = TcpBuffers::<1, 64, 64>::new();
    let path = Path::IP;
    let second = IpAddress::v4(192, 0, 2, 3);
    let mut stack = path.stack_on(Tap::default(), &mut slots);
    let net = stack.net();
    net.add_address(IpCidr::new(second, 24)).expect("room");
    net.listen(&mut places, (path.address, 8000)).expect("room");
    let first = Frame::syn(path, 1_000);
    let elsewhere = Frame {
        to: second,
        ..Frame::syn(path, 2_000)
    };
    let mut answer = |frame: &Frame| {
        stack.device().incoming.push_back(frame.bytes());
        stack.poll(NOW, |_| Instant::NEVER);
        let answers = std::mem::take(&mut stack.device().outgoing);
        answers.first().map(|answer| {
            let ip = Ipv4Packet::new_checked(&answer[..]).expect("IPv4");
            TcpPacket::new_checked(ip.payload()).expect("TCP").rst()
        })
    };
    assert_eq!(answer(&first), Some(false), "SYN and ACK");
    assert_eq!(answer(&Frame::syn(path, 3_000)), None, "it waits");
    assert_eq!(answer(&elsewhere), Some(true), "RST");
}

#[test]
fn a_host_that_takes_any_address_has_a_backlog_for_all_of_them() {
    let mut slots = SocketSlots::<1, 1>::new();
    let mut places = TcpBuffers::<1, 64, 64>::new();
    let path = Path::IP;
    let mut stack = path.stack_on(Tap::default(), &mut slots);
    stack.net().interface().set_any_ip(true);
    let listener = stack.net().listen(&mut places, 8000).expect("room");
    let elsewhere = Frame {
        to: IpAddress::v4(198, 51, 100, 7),
        ..Frame::syn(path, 2_000)
    };
    let first = Frame::syn(path, 1_000);
    for frame in [first.clone(), elsewhere.clone(), first.reset()] {
        stack.device().incoming.push_back(frame.bytes());
        stack.poll(NOW, |_| Instant::NEVER);
        assert_eq!(stack.net().listening(&listener), 0, "{:?}", frame.control);
    }
    stack.device().incoming.push_back(elsewhere.reset().bytes());
    stack.poll(NOW, |_| Instant::NEVER);
    assert_eq!(stack.net().listening(&listener), 1);
}
