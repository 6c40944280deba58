//! Frames with SYNs of honest clients, made by smoltcp, and the host to which they go.

use std::net::IpAddr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpAddress, IpProtocol, IpRepr,
    TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};
use syn_backlog::host::{Checksums, Host, Network};
use syn_backlog::segment::Link;

pub(crate) const CARD: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const NETWORKS: [Network; 2] = [
    Network {
        address: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
        prefix: 24,
    },
    Network {
        address: IpAddr::V6(std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
        prefix: 64,
    },
];

/// The host at both addresses, which checks all sums.
pub(crate) fn host(link: Link) -> Host {
    Host {
        link,
        hardware: CARD,
        any_address: false,
        checksums: Checksums {
            ipv4: true,
            tcp: true,
        },
    }
}

/// The SYN of a client on our network, from this port to another, with all common options.
pub(crate) fn syn(link: Link, to: IpAddr, from_port: u16, to_port: u16) -> Vec<u8> {
    let checksums = ChecksumCapabilities::default();
    let to = IpAddress::from(to);
    let (from, ethertype) = match to {
        IpAddress::Ipv4(_) => (IpAddress::v4(192, 0, 2, 2), EthernetProtocol::Ipv4),
        IpAddress::Ipv6(_) => (
            IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 2),
            EthernetProtocol::Ipv6,
        ),
    };
    let tcp = TcpRepr {
        src_port: from_port,
        dst_port: to_port,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(1_000),
        ack_number: None,
        window_len: 1_024,
        window_scale: Some(7),
        max_seg_size: Some(1_460),
        sack_permitted: true,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let ip = IpRepr::new(from, to, IpProtocol::Tcp, tcp.buffer_len(), 64);
    let mut frame = vec![0; if link == Link::Ethernet { 14 } else { 0 }];
    if link == Link::Ethernet {
        EthernetRepr {
            src_addr: EthernetAddress([2, 0, 0, 0, 0, 2]),
            dst_addr: EthernetAddress(CARD),
            ethertype,
        }
        .emit(&mut EthernetFrame::new_unchecked(&mut frame));
    }
    let at = frame.len();
    frame.resize(at + ip.header_len() + tcp.buffer_len(), 0);
    ip.emit(&mut frame[at..], &checksums);
    let mut segment = TcpPacket::new_unchecked(&mut frame[at + ip.header_len()..]);
    tcp.emit(&mut segment, &from, &to, &checksums);
    frame
}
