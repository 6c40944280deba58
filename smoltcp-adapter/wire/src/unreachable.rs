//! What ICMP says of datagrams that reach nobody (RFC 1122, section 4.1.3.1; RFC 4443, section 3.1).
//!
//! smoltcp has this for ICMP sockets alone, which a stack of `greet-smoltcp` doesn't have.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, Icmpv4DstUnreachable, Icmpv4Packet, Icmpv4Repr,
    Icmpv6DstUnreachable, Icmpv6Packet, Icmpv6Repr, IpEndpoint, IpProtocol, Ipv4Packet, Ipv6Packet,
};

/// The ends of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) from: IpEndpoint,
    pub(crate) to: IpEndpoint,
}

/// The datagram of which this frame says that nobody listens where it went.
pub(crate) fn refused(frame: &[u8]) -> Option<Ends> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let sums = ChecksumCapabilities::default();
    match frame.ethertype() {
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
            if packet.next_header() != IpProtocol::Icmp || !packet.verify_checksum() {
                return None;
            }
            let icmp = Icmpv4Packet::new_checked(packet.payload()).ok()?;
            let Icmpv4Repr::DstUnreachable {
                reason:
                    Icmpv4DstUnreachable::PortUnreachable | Icmpv4DstUnreachable::ProtoUnreachable,
                header,
                data,
            } = Icmpv4Repr::parse(&icmp, &sums).ok()?
            else {
                return None;
            };
            let [from, to] = ports(header.next_header, data)?;
            Some(Ends {
                from: IpEndpoint::new(header.src_addr.into(), from),
                to: IpEndpoint::new(header.dst_addr.into(), to),
            })
        }
        EthernetProtocol::Ipv6 => {
            let packet = Ipv6Packet::new_checked(frame.payload()).ok()?;
            if packet.next_header() != IpProtocol::Icmpv6 {
                return None;
            }
            let icmp = Icmpv6Packet::new_checked(packet.payload()).ok()?;
            let (source, destination) = (packet.src_addr(), packet.dst_addr());
            let Icmpv6Repr::DstUnreachable {
                reason: Icmpv6DstUnreachable::PortUnreachable,
                header,
                data,
            } = Icmpv6Repr::parse(&source, &destination, &icmp, &sums).ok()?
            else {
                return None;
            };
            let [from, to] = ports(header.next_header, data)?;
            Some(Ends {
                from: IpEndpoint::new(header.src_addr.into(), from),
                to: IpEndpoint::new(header.dst_addr.into(), to),
            })
        }
        _ => None,
    }
}

/// The ports of a datagram that is quoted, of which there need be no more than them.
fn ports(protocol: IpProtocol, data: &[u8]) -> Option<[u16; 2]> {
    let [a, b, c, d, ..] = *data else {
        return None;
    };
    (protocol == IpProtocol::Udp).then(|| [[a, b], [c, d]].map(u16::from_be_bytes))
}

#[cfg(test)]
mod tests {
    use smoltcp::wire::{
        EthernetAddress, EthernetRepr, IpAddress, Ipv4Address, Ipv4Repr, Ipv6Address, Ipv6Repr,
    };

    use super::*;

    const DATA: &[u8] = &[0x12, 0x34, 0x1f, 0x41, 0, 9, 0, 0, b'x'];

    fn framed(ethertype: EthernetProtocol, packet: &[u8]) -> Vec<u8> {
        let header = EthernetRepr {
            src_addr: EthernetAddress([2, 0, 0, 0, 0, 1]),
            dst_addr: EthernetAddress([2, 0, 0, 0, 0, 2]),
            ethertype,
        };
        let mut frame = vec![0; 14];
        header.emit(&mut EthernetFrame::new_unchecked(&mut frame[..]));
        frame.extend_from_slice(packet);
        frame
    }

    fn over_ipv4(reason: Icmpv4DstUnreachable, quoted: IpProtocol, data: &[u8]) -> Vec<u8> {
        let [own, server] = [99, 1].map(|host| Ipv4Address::new(10, 0, 0, host));
        let icmp = Icmpv4Repr::DstUnreachable {
            reason,
            header: Ipv4Repr {
                src_addr: own,
                dst_addr: server,
                next_header: quoted,
                payload_len: data.len(),
                hop_limit: 64,
            },
            data,
        };
        let ip = Ipv4Repr {
            src_addr: server,
            dst_addr: own,
            next_header: IpProtocol::Icmp,
            payload_len: icmp.buffer_len(),
            hop_limit: 64,
        };
        let mut packet = vec![0; 20 + icmp.buffer_len()];
        let sums = ChecksumCapabilities::default();
        ip.emit(&mut Ipv4Packet::new_unchecked(&mut packet[..]), &sums);
        icmp.emit(&mut Icmpv4Packet::new_unchecked(&mut packet[20..]), &sums);
        framed(EthernetProtocol::Ipv4, &packet)
    }

    fn over_ipv6(reason: Icmpv6DstUnreachable) -> Vec<u8> {
        let [own, server] = [99, 1].map(|host| Ipv6Address::new(0xfd00, 0, 0, 0, 0, 0, 0, host));
        let icmp = Icmpv6Repr::DstUnreachable {
            reason,
            header: Ipv6Repr {
                src_addr: own,
                dst_addr: server,
                next_header: IpProtocol::Udp,
                payload_len: DATA.len(),
                hop_limit: 64,
            },
            data: DATA,
        };
        let ip = Ipv6Repr {
            src_addr: server,
            dst_addr: own,
            next_header: IpProtocol::Icmpv6,
            payload_len: icmp.buffer_len(),
            hop_limit: 64,
        };
        let mut packet = vec![0; 40 + icmp.buffer_len()];
        ip.emit(&mut Ipv6Packet::new_unchecked(&mut packet[..]));
        let mut room = Icmpv6Packet::new_unchecked(&mut packet[40..]);
        icmp.emit(&server, &own, &mut room, &ChecksumCapabilities::default());
        framed(EthernetProtocol::Ipv6, &packet)
    }

    fn ends(own: IpAddress, server: IpAddress) -> Ends {
        Ends {
            from: IpEndpoint::new(own, 0x1234),
            to: IpEndpoint::new(server, 8001),
        }
    }

    #[test]
    fn a_port_at_which_nobody_listens_is_named() {
        let [own, server] = [99, 1].map(|host| IpAddress::v4(10, 0, 0, host));
        let v4 = ends(own, server);
        for reason in [
            Icmpv4DstUnreachable::PortUnreachable,
            Icmpv4DstUnreachable::ProtoUnreachable,
        ] {
            let frame = over_ipv4(reason, IpProtocol::Udp, DATA);
            assert_eq!(refused(&frame), Some(v4));
        }
        let [own, server] = [99, 1].map(|host| IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, host));
        let frame = over_ipv6(Icmpv6DstUnreachable::PortUnreachable);
        assert_eq!(refused(&frame), Some(ends(own, server)));
    }

    #[test]
    fn what_says_something_else_names_none() {
        let port = Icmpv4DstUnreachable::PortUnreachable;
        let right = over_ipv4(port, IpProtocol::Udp, DATA);
        for len in 0..right.len() {
            let mut cut = right.clone();
            cut.truncate(len);
            assert_eq!(refused(&cut), None, "{len}");
        }
        for byte in [14, 16 + 14, 34, 36, 40] {
            let mut wrong = right.clone();
            wrong[byte] ^= 1;
            assert_eq!(refused(&wrong), None, "{byte}");
        }
        for other in [
            over_ipv4(Icmpv4DstUnreachable::HostUnreachable, IpProtocol::Udp, DATA),
            over_ipv4(port, IpProtocol::Tcp, DATA),
            over_ipv6(Icmpv6DstUnreachable::NoRoute),
        ] {
            assert_eq!(refused(&other), None);
        }
    }
}
