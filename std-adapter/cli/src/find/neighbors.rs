//! The hardware addresses that the system knows of its neighbours; on Linux, by rtnetlink(7).

use std::fmt;
use std::net::IpAddr;

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let colon = if at > 0 { ":" } else { "" };
            write!(f, "{colon}{byte:02x}")?;
        }
        Ok(())
    }
}

/// Who is where: the number of the interface, the address there, and the card behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    pub interface: u32,
    pub address: IpAddr,
    pub mac: Mac,
}

/// All that the system knows; nothing where it doesn't tell.
#[cfg(target_os = "linux")]
pub fn known() -> Vec<Neighbor> {
    netlink::dump().unwrap_or_default()
}

/// All that the system knows; nothing where it doesn't tell.
#[cfg(not(target_os = "linux"))]
pub fn known() -> Vec<Neighbor> {
    Vec::new()
}

#[cfg(target_os = "linux")]
mod netlink {
    use std::io;
    use std::net::IpAddr;

    use rustix::net::{
        AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send,
        socket_with,
    };

    use super::{Mac, Neighbor};

    /// `NETLINK_ROUTE` is number 0.
    const ROUTE: Option<Protocol> = None;

    // linux/netlink.h, linux/rtnetlink.h, linux/neighbour.h
    const NEW_NEIGHBOR: u16 = 28;
    const GET_NEIGHBOR: u16 = 30;
    const REQUEST_DUMP: u16 = 0x0301;
    const HEADER: usize = 16;
    const ENTRY: usize = 12;
    const DESTINATION: u16 = 1;
    const LINK_ADDRESS: u16 = 2;
    /// It is being asked for, didn't answer, or none is needed.
    const UNKNOWN: u16 = 0x01 | 0x20 | 0x40;

    /// Asks for the tables of IPv4 and IPv6. The kernel has answered when the question is sent.
    pub(super) fn dump() -> io::Result<Vec<Neighbor>> {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            ROUTE,
        )?;
        let mut request = [0; HEADER + ENTRY];
        let len = u32::try_from(request.len()).unwrap_or_default();
        request[..4].copy_from_slice(&len.to_ne_bytes());
        request[4..6].copy_from_slice(&GET_NEIGHBOR.to_ne_bytes());
        request[6..8].copy_from_slice(&REQUEST_DUMP.to_ne_bytes());
        send(&socket, &request, SendFlags::empty())?;
        let (mut known, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        loop {
            let (len, _) = recv(&socket, &mut buffer[..], RecvFlags::DONTWAIT)?;
            if read(&buffer[..len.min(buffer.len())], &mut known) {
                return Ok(known);
            }
        }
    }

    /// Takes the entries of one datagram. Whether it was the last, or is none.
    fn read(mut bytes: &[u8], known: &mut Vec<Neighbor>) -> bool {
        while let Some((kind, message)) = next(&mut bytes) {
            match kind {
                NEW_NEIGHBOR => known.extend(entry(message)),
                _ => return true, // done, or an error
            }
        }
        false
    }

    /// A message's kind and what it has behind its header.
    fn next<'a>(bytes: &mut &'a [u8]) -> Option<(u16, &'a [u8])> {
        let len = usize::try_from(u32::from_ne_bytes(*bytes.first_chunk()?)).ok()?;
        let message = bytes.get(HEADER..len)?;
        let kind = u16::from_ne_bytes([*bytes.get(4)?, *bytes.get(5)?]);
        *bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, message))
    }

    fn entry(message: &[u8]) -> Option<Neighbor> {
        let interface = u32::from_ne_bytes(*message.get(4..)?.first_chunk()?);
        let state = u16::from_ne_bytes(*message.get(8..)?.first_chunk()?);
        let (mut address, mut mac) = (None, None);
        let mut attributes = message.get(ENTRY..)?;
        while let Some((kind, value)) = attribute(&mut attributes) {
            match kind {
                DESTINATION => address = ip(value),
                LINK_ADDRESS => mac = value.try_into().ok().map(Mac),
                _ => {}
            }
        }
        let known = Neighbor {
            interface,
            address: address?,
            mac: mac?,
        };
        (state & UNKNOWN == 0).then_some(known)
    }

    fn attribute<'a>(bytes: &mut &'a [u8]) -> Option<(u16, &'a [u8])> {
        let len = usize::from(u16::from_ne_bytes(*bytes.first_chunk()?));
        let kind = u16::from_ne_bytes(*bytes.get(2..)?.first_chunk()?);
        let value = bytes.get(4..len)?;
        *bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }

    fn ip(bytes: &[u8]) -> Option<IpAddr> {
        if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
            return Some(v4.into());
        }
        <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// Whatever the kernel says, reading it ends.
        #[test]
        fn a_cut_message_is_none() {
            let mut message = Vec::new();
            message.extend(44_u32.to_ne_bytes());
            message.extend(NEW_NEIGHBOR.to_ne_bytes());
            message.extend([0; 10]);
            message.extend([2, 0, 0, 0]);
            message.extend(7_u32.to_ne_bytes());
            message.extend([2, 0, 0, 0]); // reachable
            message.extend([8, 0, 1, 0, 192, 0, 2, 7]);
            message.extend([10, 0, 2, 0, 2, 0, 0, 0, 0, 7]);
            message[0] = u8::try_from(message.len()).expect("short");
            let mut known = Vec::new();
            assert!(!read(&message, &mut known));
            let expected = Neighbor {
                interface: 7,
                address: [192, 0, 2, 7].into(),
                mac: Mac([2, 0, 0, 0, 0, 7]),
            };
            assert_eq!(known, [expected]);
            for len in 0..message.len() {
                let mut known = Vec::new();
                assert!(!read(&message[..len], &mut known));
                assert!(known.is_empty(), "{len}");
            }
            message[0] = 0;
            assert!(!read(&message, &mut known), "a length of nothing");
        }
    }
}
