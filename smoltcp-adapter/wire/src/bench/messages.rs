//! Messages to a receiver of this protocol that answers them.

use smoltcp::wire::IpProtocol;

use super::craft;
use super::{Bench, Heard, Said, Stop};

/// What an answer begins with.
pub(crate) const HELLO: &[u8] = b"Hello, ";

/// What a message is answered by.
pub(crate) fn greeting(text: &[u8]) -> Vec<u8> {
    [HELLO, text].concat()
}

impl Bench<'_> {
    /// A port of its own that no message came from before.
    pub(crate) fn fresh_port(&mut self) -> u16 {
        43_000 + self.fresh() % 4096
    }

    /// A message to the receiver, with the port that it comes from.
    pub(crate) fn message(&mut self, text: &[u8]) -> (Vec<u8>, u16) {
        let (ends, port) = (self.ends(), self.fresh_port());
        let datagram = craft::udp(ends, port, self.setup.udp_port, text);
        (datagram, port)
    }

    /// Whether a receiver answers at its port.
    pub(crate) fn has_receiver(&mut self) -> Result<bool, Stop> {
        let text = b"is anybody here?";
        let (datagram, port) = self.message(text);
        let (ends, ports) = (self.ends(), (self.setup.udp_port, port));
        let frame = craft::ip(self.hop(), ends, IpProtocol::Udp, craft::HOPS, &datagram);
        let heard = self.ask(&frame, |heard| {
            heard.message(ports).is_some() || heard.is_port_unreachable()
        })?;
        let said = heard.as_ref().and_then(|heard| heard.message(ports));
        Ok(said.is_some_and(|said| said.starts_with(HELLO)))
    }
}

impl Heard {
    /// The text of a datagram from this port to that one.
    pub(crate) fn message(&self, wanted: (u16, u16)) -> Option<&[u8]> {
        match &self.said {
            Said::Udp { ports, text, .. } if *ports == wanted => Some(text),
            _ => None,
        }
    }
}
