//! Which packets of a trace belong to one connection, and what they say.
//!
//! Ladders are drawn from it. Packets that are neither TCP nor UDP it leaves out.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use smoltcp::wire::{IpEndpoint, TcpSeqNumber};

use crate::segment::Segment;
use crate::trace::{Packet, Trace};

/// A TCP connection, or the datagrams between two UDP sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// Who sent the first packet.
    pub from: IpEndpoint,
    /// To whom.
    pub to: IpEndpoint,
    /// Whether it is the first with these addresses, or the how-manieth, counted from 0: a client's
    /// port may be used again.
    pub turn: usize,
    is_tcp: bool,
}

/// The first sequence numbers of both sides, from which a ladder counts.
#[derive(Default)]
pub(crate) struct Starts(BTreeMap<IpEndpoint, TcpSeqNumber>);

/// How far one side has sent.
#[derive(Default)]
pub(crate) struct Progress {
    next: Option<TcpSeqNumber>,
}

impl Progress {
    /// Notes a segment. Says whether some of what it takes up in the sequence was sent before.
    pub(crate) fn has_seen(&mut self, segment: &Segment<'_>) -> bool {
        let Some(tcp) = segment.tcp else {
            return false;
        };
        let len = segment.payload.len() + usize::from(tcp.syn) + usize::from(tcp.fin);
        if len == 0 {
            return false;
        }
        let end = tcp.seq + len;
        let has_seen = self.next.is_some_and(|next| tcp.seq < next);
        self.next = Some(self.next.map_or(end, |next| next.max(end)));
        has_seen
    }
}

impl Trace {
    /// All TCP connections and UDP exchanges, in the order of their first packets.
    pub fn flows(&self) -> Vec<Flow> {
        let mut flows = Vec::new();
        for (_, flow, _, _) in self.segments() {
            if !flows.contains(&flow) {
                flows.push(flow);
            }
        }
        flows
    }

    /// The flow that a packet belongs to, counted from 0 in the order in which they were added.
    pub fn flow_of(&self, packet: usize) -> Option<Flow> {
        let mut segments = self.segments().into_iter();
        let (_, flow, _, _) = segments.find(|(number, ..)| *number == packet)?;
        Some(flow)
    }

    /// All segments and datagrams with their numbers, and to which flow they belong.
    pub(crate) fn segments(&self) -> Vec<(usize, Flow, Segment<'_>, Packet<'_>)> {
        // The flow that an unordered pair of ends is at now, and the sequence number of its SYN.
        let mut current: BTreeMap<_, (Flow, Option<TcpSeqNumber>)> = BTreeMap::new();
        let mut segments = Vec::new();
        for (number, packet) in self.packets().enumerate() {
            let Some(segment) = Segment::read(self.medium(), packet.sent_bytes) else {
                continue;
            };
            let (from, to) = (segment.from, segment.to);
            let is_tcp = segment.tcp.is_some();
            let opening = segment
                .tcp
                .and_then(|tcp| segment.is_syn().then_some(tcp.seq));
            let (flow, first) = current
                .entry((from.min(to), from.max(to), is_tcp))
                .or_insert_with(|| {
                    let flow = Flow {
                        from,
                        to,
                        turn: 0,
                        is_tcp,
                    };
                    (flow, opening)
                });
            if opening.is_some() && opening != *first {
                *flow = Flow {
                    from,
                    to,
                    turn: flow.turn + 1,
                    is_tcp,
                };
                *first = opening;
            }
            segments.push((number, *flow, segment, packet));
        }
        segments
    }
}

impl Segment<'_> {
    /// What the segment says, in the words of the field; numbers count from the sides' first ones.
    pub(crate) fn words(&self, starts: &mut Starts) -> String {
        let mut words = Vec::new();
        if let Some(tcp) = self.tcp {
            let start = *starts.0.entry(self.from).or_insert(tcp.seq);
            let flags = [
                (tcp.syn, "SYN"),
                (tcp.fin, "FIN"),
                (tcp.rst, "RST"),
                (tcp.ack.is_some(), "ACK"),
            ];
            words.extend(
                flags
                    .iter()
                    .filter(|flag| flag.0)
                    .map(|flag| flag.1.to_string()),
            );
            words.push(format!(
                "seq={}",
                tcp.seq.0.wrapping_sub(start.0).cast_unsigned()
            ));
            if let Some(ack) = tcp.ack {
                let start = starts.0.get(&self.to).map_or(ack.0, |start| start.0);
                words.push(format!("ack={}", ack.0.wrapping_sub(start).cast_unsigned()));
            }
        } else {
            words.push("UDP".to_string());
        }
        if !self.payload.is_empty() || self.tcp.is_none() {
            words.push(format!("len={}", self.payload.len()));
            words.push(excerpt(self.payload));
        }
        words.join(" ")
    }
}

/// The first few bytes as text, in quotes, whatever they are.
fn excerpt(payload: &[u8]) -> String {
    const COLUMNS: usize = 16;
    let mut shown = String::new();
    for byte in payload {
        let next = byte.escape_ascii();
        if shown.len() + next.len() > COLUMNS {
            return format!("\"{shown}\"...");
        }
        shown.extend(next.map(char::from));
    }
    format!("\"{shown}\"")
}
