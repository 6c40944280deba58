//! UDP: which datagrams are taken (RFC 768; RFC 1122, section 4.1.3; RFC 8200, section 8.1), and greet's
//! receiver with replies behind its port.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;
use std::time::Duration;

use embedded_io::ErrorType;
use greet_core::limits::UDP_PORT;
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::time::Instant;
use greet_core::transport::{Datagram, Datagrams, Local};

use crate::bytes::{pseudo, sum, word};
use crate::fault::{Fault, Wrong};

/// The number of UDP in a header of IP.
pub const UDP: u8 = 17;

const HEADER: usize = 8;

/// UDP.
#[derive(Debug)]
pub struct Udp {
    wrong: Wrong,
    responder: Responder<8>,
}

/// What a datagram leads to.
#[derive(Debug)]
pub enum Taken {
    /// Nothing.
    Silence,
    /// A datagram to its sender, from the address that was asked.
    Reply(Vec<u8>),
    /// Nobody listens at its port.
    Closed,
}

impl Udp {
    /// With a receiver that has seen nothing.
    pub fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            responder: Responder::new(REPLIES_PER_SECOND),
        }
    }

    /// A datagram comes that went from one address to another, here known as `own`.
    pub fn arrives(
        &mut self,
        bytes: &[u8],
        (from, to): (IpAddr, IpAddr),
        own: IpAddr,
        now: Duration,
    ) -> Taken {
        let is_served = word(bytes, 2) == UDP_PORT;
        let Some(text) = self.text(bytes, (from, to), is_served) else {
            return Taken::Silence;
        };
        if !is_served {
            return Taken::Closed;
        }
        let port = word(bytes, 0);
        let is_lied_to = port == 0 && self.wrong.is(Fault::UdpPortZeroAnswered);
        let mut socket = Socket {
            came: Some(text),
            from: SocketAddr::new(from, if is_lied_to { 1 } else { port }),
            own: SocketAddr::new(own, UDP_PORT),
            reply: None,
        };
        self.responder
            .poll(&mut socket, Instant::at(now), |_event| {});
        let Some(reply) = socket.reply else {
            return Taken::Silence;
        };
        let len = u16::try_from(HEADER + reply.len()).unwrap_or(u16::MAX);
        let mut bytes = [
            &UDP_PORT.to_be_bytes()[..],
            &port.to_be_bytes(),
            &len.to_be_bytes(),
            &[0, 0],
            &reply,
        ]
        .concat();
        let mut right = sum(&[&pseudo(own, from, UDP, bytes.len()), &bytes]);
        if right == 0 && !self.wrong.is(Fault::UdpSumZeroSent) {
            right = 0xffff; // zero would be none
        }
        bytes[6..8].copy_from_slice(&right.to_be_bytes());
        Taken::Reply(bytes)
    }

    /// The text of a datagram that is sound.
    fn text<'a>(
        &self,
        bytes: &'a [u8],
        (from, to): (IpAddr, IpAddr),
        is_served: bool,
    ) -> Option<&'a [u8]> {
        let len = usize::from(word(bytes, 4));
        let all = bytes.get(HEADER..)?;
        if !(HEADER..=bytes.len()).contains(&len) {
            return self.wrong.is(Fault::UdpLengthIgnored).then_some(all);
        }
        let is_right = if word(bytes, 6) == 0 {
            match to {
                IpAddr::V4(_) => !self.wrong.is(Fault::UdpZeroDropped),
                IpAddr::V6(_) => self.wrong.is(Fault::UdpZeroV6Taken),
            }
        } else {
            sum(&[&pseudo(from, to, UDP, len), &bytes[..len]]) == 0
        };
        let is_taken = self.wrong.is(if is_served {
            Fault::UdpDataUnchecked
        } else {
            Fault::UdpUnchecked
        });
        if !is_right && !is_taken {
            return None;
        }
        if self.wrong.is(Fault::UdpLengthIgnored) || self.wrong.is(Fault::UdpTrailerTaken) {
            return Some(all);
        }
        let end = if self.wrong.is(Fault::UdpCut) {
            len.min(HEADER + 512)
        } else {
            len
        };
        Some(&bytes[HEADER..end])
    }
}

/// A socket with one datagram in it at most, and room for one.
struct Socket<'a> {
    came: Option<&'a [u8]>,
    from: SocketAddr,
    own: SocketAddr,
    reply: Option<Vec<u8>>,
}

impl ErrorType for Socket<'_> {
    type Error = Infallible;
}

impl Datagrams for Socket<'_> {
    fn receive_from(&mut self, buffer: &mut [u8]) -> Poll<Result<Datagram, Infallible>> {
        let Some(text) = self.came.take() else {
            return Poll::Pending;
        };
        let room = text.len().min(buffer.len());
        buffer[..room].copy_from_slice(&text[..room]);
        Poll::Ready(Ok(Datagram {
            len: text.len(),
            from: self.from,
            local: Local::default(),
        }))
    }

    fn send_to(
        &mut self,
        datagram: &[u8],
        _to: SocketAddr,
        _via: Local,
    ) -> Poll<Result<(), Infallible>> {
        self.reply = Some(datagram.to_vec());
        Poll::Ready(Ok(()))
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        address == self.own
    }
}
