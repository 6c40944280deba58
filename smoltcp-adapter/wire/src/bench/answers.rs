//! What the second host answers by itself, as any host does: requests for its addresses, echoes, and segments
//! of no connection.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smoltcp::wire::{ArpOperation, EthernetAddress, IpProtocol};

use super::craft::{self, Ends, Hop};
use super::{Bench, Heard, Said, Stop};

impl Bench<'_> {
    /// Answers what any host does.
    pub(super) fn answer(&mut self, heard: &Heard) -> Result<(), Stop> {
        let own = self.setup.hardware;
        let hop = Hop {
            from: own,
            to: heard.from,
        };
        let answer = match &heard.said {
            Said::Arp {
                operation: ArpOperation::Request,
                source,
                target: (_, wanted),
            } if self.mute != Some((*wanted).into()) => {
                let Some(at) = self.place_of(*wanted) else {
                    return Ok(());
                };
                if heard.to.is_unicast() && heard.to != at {
                    return Ok(()); // nobody is there any more
                }
                let hop = Hop { from: at, ..hop };
                craft::arp(hop, ArpOperation::Reply, (at, *wanted), *source)
            }
            Said::Solicit { from, target }
                if (*target == self.own6 || self.others6.contains(target))
                    && self.mute != Some((*target).into()) =>
            {
                let to = if from.is_unspecified() {
                    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)
                } else {
                    *from
                };
                let icmp = craft::advertise(*target, to, own);
                let ends = Ends {
                    from: (*target).into(),
                    to: to.into(),
                };
                craft::ip(hop, ends, IpProtocol::Icmpv6, 255, &icmp)
            }
            Said::Echo {
                is_reply: false,
                ends: (from, to),
                ident,
                number,
                data,
            } if *to == IpAddr::from(self.setup.address.address()) => {
                let ends = Ends {
                    from: *to,
                    to: *from,
                };
                let icmp = craft::echo(ends, true, *ident, *number, data);
                craft::ip(hop, ends, craft::icmp_of(ends), craft::HOPS, &icmp)
            }
            Said::Tcp(segment) => match self.refusal(segment) {
                Some(reset) => self.packet(reset.between(), &reset.bytes()),
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        self.send(&answer)
    }

    /// At which hardware address one of its own addresses is.
    fn place_of(&self, address: Ipv4Addr) -> Option<EthernetAddress> {
        if self.v4().is_some_and(|(own, _)| own == address) {
            return Some(self.setup.hardware);
        }
        let other = self.others.iter().find(|(other, _)| *other == address);
        other.map(|(_, at)| *at)
    }
}
