//! Frames as a device of smoltcp: only those for the second host, and what they tell of the cable.
//!
//! What others send each other on it is thrown away here, so that it is counted nowhere.

use core::fmt;
use std::collections::VecDeque;

use greet_core::time::Instant;
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::wire::{
    ArpPacket, EthernetAddress, EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, Ipv4Packet,
    Ipv6Packet, TcpPacket, UdpPacket,
};

use crate::error::Error;
use crate::frames::{Frames, LONGEST, Seen};
use crate::neighbors::group;

/// So many frames of others are looked at before the stack has its turn.
const OTHERS: usize = 256;

pub(crate) const HEADER: usize = 14;

/// IEEE 802.1Q, which smoltcp has no name for.
const VLAN: EthernetProtocol = EthernetProtocol::Unknown(0x8100);

/// What was seen of a cable that its owner should know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notes {
    /// How many frames came whose sums their sender, this very machine, had left to a card: they couldn't
    /// be checked.
    pub unsummed: u64,
    /// A VLAN of which frames came for the second host, which were thrown away.
    pub vlan: Option<u16>,
    /// The hardware address of somebody else who has the second host's address.
    pub rival: Option<EthernetAddress>,
}

/// A cable with the second host at its end.
pub(crate) struct Cable<F> {
    pub(crate) frames: F,
    pub(crate) notes: Notes,
    /// Why it carries nothing any more.
    pub(crate) failure: Option<Error>,
    /// When each frame came that was handed up, since they were taken.
    pub(crate) stamps: VecDeque<Instant>,
    /// How many frames were handed up.
    pub(crate) came: u64,
    hardware: EthernetAddress,
    address: IpAddress,
    /// Whom it has to do with, and from which hardware address their frames come.
    peers: Vec<(IpAddress, Option<EthernetAddress>)>,
    room: Vec<u8>,
    /// The largest IP packet.
    mtu: usize,
}

impl<F: Frames> Cable<F> {
    /// A cable for the host of these addresses, which has to do with these peers.
    pub(crate) fn new(
        frames: F,
        hardware: EthernetAddress,
        address: IpAddress,
        peers: &[IpAddress],
    ) -> Self {
        Self {
            mtu: frames.mtu(),
            frames,
            notes: Notes::default(),
            failure: None,
            stamps: VecDeque::new(),
            came: 0,
            hardware,
            address,
            peers: peers.iter().map(|peer| (*peer, None)).collect(),
            room: vec![0; LONGEST],
        }
    }

    /// From which hardware address a peer's frames come, if any came.
    pub(crate) fn hardware_of(&self, peer: IpAddress) -> Option<EthernetAddress> {
        let mut known = self.peers.iter().filter(|(known, _)| *known == peer);
        known.find_map(|(_, hardware)| *hardware)
    }

    /// The next frame for the second host. `None`: none has come.
    fn next(&mut self) -> Option<Vec<u8>> {
        for _ in 0..OTHERS {
            if self.failure.is_some() {
                return None;
            }
            match self.frames.receive(&mut self.room) {
                Ok(seen) => {
                    if let Some(frame) = self.take(seen?) {
                        return Some(frame);
                    }
                }
                Err(error) => self.failure = Some(error),
            }
        }
        None
    }

    /// A frame that came, if it is for the second host.
    fn take(&mut self, seen: Seen) -> Option<Vec<u8>> {
        let bytes = self.room.get(..seen.len)?;
        let frame = EthernetFrame::new_checked(bytes).ok()?;
        let (from, to) = (frame.src_addr(), frame.dst_addr());
        if from == self.hardware || !self.is_for_us(to, &frame) {
            return None;
        }
        if seen.vlan.is_some_and(|vlan| vlan > 0) || frame.ethertype() == VLAN {
            let tag = frame.payload().first_chunk().copied();
            self.notes.vlan = seen
                .vlan
                .or(tag.map(|tag| u16::from_be_bytes(tag) & 0x0fff));
            return None;
        }
        let most = self.mtu + HEADER;
        if bytes.len() > most {
            self.failure = Some(Error::Merged {
                name: self.frames.name().to_owned(),
                len: bytes.len(),
                most,
            });
            return None;
        }
        let source = source(&frame);
        if source == Some(self.address) {
            self.notes.rival = Some(from);
        }
        for (peer, hardware) in &mut self.peers {
            if source == Some(*peer) {
                *hardware = Some(from);
            }
        }
        let mut bytes = bytes.to_vec();
        if seen.is_unsummed {
            self.notes.unsummed += 1;
            complete(&mut bytes);
        }
        self.stamps.push_back(seen.time);
        self.came += 1;
        Some(bytes)
    }

    /// Whether a frame concerns the second host. Of broadcasts only those that ask for its address do, so
    /// that what others say doesn't count as a frame of the link.
    fn is_for_us(&self, to: EthernetAddress, frame: &EthernetFrame<&[u8]>) -> bool {
        if to == self.hardware {
            return true;
        }
        match (frame.ethertype(), self.address) {
            (EthernetProtocol::Arp, IpAddress::Ipv4(own)) => {
                ArpPacket::new_checked(frame.payload()).is_ok_and(|arp| {
                    arp.target_protocol_addr() == own.octets()
                        || arp.source_protocol_addr() == own.octets()
                })
            }
            (EthernetProtocol::Ipv6, IpAddress::Ipv6(own)) => {
                Ipv6Packet::new_checked(frame.payload())
                    .is_ok_and(|packet| packet.dst_addr() == group(own))
            }
            _ => false,
        }
    }
}

/// Which address of IP sent a frame.
fn source(frame: &EthernetFrame<&[u8]>) -> Option<IpAddress> {
    let payload = frame.payload();
    match frame.ethertype() {
        EthernetProtocol::Arp => {
            let arp = ArpPacket::new_checked(payload).ok()?;
            let octets: [u8; 4] = arp.source_protocol_addr().try_into().ok()?;
            Some(core::net::Ipv4Addr::from(octets).into())
        }
        EthernetProtocol::Ipv4 => Some(Ipv4Packet::new_checked(payload).ok()?.src_addr().into()),
        EthernetProtocol::Ipv6 => Some(Ipv6Packet::new_checked(payload).ok()?.src_addr().into()),
        EthernetProtocol::Unknown(_) => None,
    }
}

/// Puts the sum of TCP or UDP where its sender has left it out.
fn complete(frame: &mut [u8]) {
    let Some(packet) = frame.get_mut(HEADER..) else {
        return;
    };
    let (protocol, from, to, start): (_, IpAddress, IpAddress, _) =
        if let Ok(ip) = Ipv4Packet::new_checked(&*packet) {
            let start = usize::from(ip.header_len());
            (
                ip.next_header(),
                ip.src_addr().into(),
                ip.dst_addr().into(),
                start,
            )
        } else if let Ok(ip) = Ipv6Packet::new_checked(&*packet) {
            let start = ip.header_len();
            (
                ip.next_header(),
                ip.src_addr().into(),
                ip.dst_addr().into(),
                start,
            )
        } else {
            return;
        };
    let end = Ipv4Packet::new_checked(&*packet).map_or(packet.len(), |ip| ip.total_len().into());
    let Some(payload) = packet.get_mut(start..end) else {
        return;
    };
    match protocol {
        IpProtocol::Tcp => {
            if let Ok(mut tcp) = TcpPacket::new_checked(payload) {
                tcp.fill_checksum(&from, &to);
            }
        }
        IpProtocol::Udp => {
            if let Ok(mut udp) = UdpPacket::new_checked(payload) {
                udp.fill_checksum(&from, &to);
            }
        }
        _ => {}
    }
}

impl<F: Frames> Device for Cable<F> {
    type RxToken<'t>
        = RxToken
    where
        F: 't;
    type TxToken<'t>
        = TxToken<'t, F>
    where
        F: 't;

    fn receive(&mut self, _now: smoltcp::time::Instant) -> Option<(RxToken, TxToken<'_, F>)> {
        let frame = self.next()?;
        Some((RxToken(frame), TxToken(self)))
    }

    fn transmit(&mut self, _now: smoltcp::time::Instant) -> Option<TxToken<'_, F>> {
        Some(TxToken(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.mtu + HEADER;
        capabilities
    }
}

/// Shows one frame to a stack.
pub(crate) struct RxToken(Vec<u8>);

impl phy::RxToken for RxToken {
    fn consume<R, T: FnOnce(&[u8]) -> R>(self, read: T) -> R {
        read(&self.0)
    }
}

/// Takes one frame from a stack. One for which the cable has no room is lost, as in any card.
pub(crate) struct TxToken<'t, F>(&'t mut Cable<F>);

impl<F: Frames> phy::TxToken for TxToken<'_, F> {
    fn consume<R, T: FnOnce(&mut [u8]) -> R>(self, len: usize, write: T) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        if self.0.failure.is_none()
            && let Err(error) = self.0.frames.send(&frame)
        {
            self.0.failure = Some(error);
        }
        result
    }
}

impl<F: Frames> fmt::Debug for Cable<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cable")
            .field("frames", &self.frames.name())
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}
