//! A trace as a pcapng file, which Wireshark, tshark and tcpdump open.
//!
//! One capture interface for each host, times in microseconds, as a file that says nothing has them, and a comment on every packet that
//! something happened to. Blocks and options are those of draft-ietf-opsawg-pcapng.

use alloc::string::String;
use alloc::vec::Vec;
use std::io::{self, Write};

use smoltcp::phy::Medium;
use smoltcp::time::Instant;

use crate::clock;
use crate::host::HostId;
use crate::trace::{End, Packet, Trace};

/// Where a capture is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tap {
    /// On every host, of what it sends: each packet once, the lost ones included.
    Senders,
    /// On one host, of what it sends and of what comes to it. It sees what that host's own capture
    /// would: Wireshark's analysis of TCP goes by it best.
    Host(HostId),
}

/// One packet at one place.
struct Sighting<'a> {
    at: Instant,
    host: HostId,
    direction: u32,
    bytes: &'a [u8],
    comment: String,
}

const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

impl Trace {
    /// Writes a pcapng file.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_pcapng(&self, tap: Tap, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&section_header())?;
        for name in self.host_names() {
            out.write_all(&interface(self.medium(), name))?;
        }
        for sighting in self.sightings(tap) {
            out.write_all(&sighting.block())?;
        }
        out.flush()
    }

    fn sightings(&self, tap: Tap) -> Vec<Sighting<'_>> {
        let mut all = Vec::new();
        for (number, packet) in self.packets().enumerate() {
            let said = self.remark_on(number);
            let leaves = match tap {
                Tap::Senders => true,
                Tap::Host(host) => packet.from == host,
            };
            if leaves && !packet.is_copy {
                all.push(Sighting {
                    at: packet.sent,
                    host: packet.from,
                    direction: OUTBOUND,
                    bytes: packet.sent_bytes,
                    comment: joined(&fate_of(&packet), said),
                });
            }
            if let (Tap::Host(host), End::Delivered { at, .. }) = (tap, packet.end)
                && packet.to == Some(host)
            {
                all.push(Sighting {
                    at,
                    host,
                    direction: INBOUND,
                    bytes: packet.bytes,
                    comment: joined(&history_of(&packet), said),
                });
            }
        }
        all.sort_by_key(|sighting| sighting.at);
        all
    }
}

impl Sighting<'_> {
    /// An enhanced packet block.
    fn block(&self) -> Vec<u8> {
        let micros = clock::micros(self.at);
        let halves = [micros >> 32, micros & u64::from(u32::MAX)];
        let len = length(self.bytes.len());
        let mut body = Vec::new();
        body.extend(length(self.host.0).to_le_bytes());
        for half in halves {
            body.extend(u32::try_from(half).unwrap_or(u32::MAX).to_le_bytes());
        }
        body.extend(len.to_le_bytes()); // captured
        body.extend(len.to_le_bytes()); // of the packet
        body.extend(self.bytes);
        pad(&mut body);
        if !self.comment.is_empty() {
            option(&mut body, 1, self.comment.as_bytes());
        }
        option(&mut body, 2, &self.direction.to_le_bytes());
        option(&mut body, 0, &[]);
        block(6, &body)
    }
}

fn joined(happened: &str, said: &str) -> String {
    let words = [happened, said]
        .into_iter()
        .filter(|words| !words.is_empty());
    words.collect::<Vec<_>>().join("; ")
}

/// What will happen to a packet that was sent.
fn fate_of(packet: &Packet<'_>) -> String {
    let mut words = Vec::new();
    if packet.is_corrupt {
        words.push("a bit is flipped on the way");
    }
    if packet.was_held {
        words.push("held back on the way");
    }
    match packet.end {
        End::Lost(loss) => words.push(loss.words()),
        End::UnderWay => words.push("still under way at the end"),
        End::Delivered { .. } => {}
    }
    words.join(", ")
}

/// What has happened to a packet that came.
fn history_of(packet: &Packet<'_>) -> String {
    let mut words = Vec::new();
    if packet.is_corrupt {
        words.push("a bit was flipped on the way");
    }
    if packet.is_copy {
        words.push("a copy made on the way");
    }
    if let End::Delivered {
        overtaken: true, ..
    } = packet.end
    {
        words.push("late: one sent later came before it");
    }
    words.join(", ")
}

fn section_header() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(0x1a2b_3c4d_u32.to_le_bytes()); // the order of bytes
    body.extend(1_u16.to_le_bytes()); // version 1.0
    body.extend(0_u16.to_le_bytes());
    body.extend(u64::MAX.to_le_bytes()); // the section's length isn't told
    block(0x0a0d_0d0a, &body)
}

fn interface(medium: Medium, name: &str) -> Vec<u8> {
    let link_type: u16 = if medium == Medium::Ethernet {
        1
    } else {
        101 // IPv4 or IPv6, by the version in the packet
    };
    let mut body = Vec::new();
    body.extend(link_type.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    body.extend(0_u32.to_le_bytes()); // packets are captured whole
    option(&mut body, 2, name.as_bytes());
    option(&mut body, 0, &[]);
    block(1, &body)
}

/// A block: its kind, its length, its body, its length again.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let total = length(body.len() + 12);
    let mut block = Vec::with_capacity(body.len() + 12);
    block.extend(kind.to_le_bytes());
    block.extend(total.to_le_bytes());
    block.extend(body);
    block.extend(total.to_le_bytes());
    block
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    body.extend(code.to_le_bytes());
    body.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
