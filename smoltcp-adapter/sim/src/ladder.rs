//! The picture from the textbooks: two hosts, time running down, an arrow for each packet.
//!
//! As text through `Display`, as SVG through `Ladder::svg`. Lost, late and corrupt packets are
//! drawn as such.

#[cfg(feature = "std")]
mod svg;
mod text;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use smoltcp::time::Instant;
use smoltcp::wire::IpEndpoint;

use crate::clock;
use crate::flow::{Flow, Starts};
use crate::host::HostId;
use crate::trace::{End, Trace};

/// One connection, packet by packet.
///
/// ```text
/// 10.0.0.2:49152 (client)                                    10.0.0.1:8000 (server)
///      0.000 ms |---- SYN seq=0 ---------------------------X             lost by chance
///   1000.000 ms |---- SYN seq=0 ---------------------------->| 1020.000 ms
///   1040.000 ms |<--- SYN ACK seq=0 ack=1 -------------------| 1020.000 ms
/// ```
#[derive(Clone, Debug)]
pub struct Ladder {
    left: String,
    right: String,
    steps: Vec<Step>,
}

/// One packet of a ladder.
#[derive(Clone, Debug)]
struct Step {
    /// From left to right, or back.
    rightwards: bool,
    sent: Instant,
    end: End,
    words: String,
    is_copy: bool,
    is_corrupt: bool,
}

/// How a step is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Fine,
    Late,
    Copy,
    Corrupt,
    Lost,
    UnderWay,
}

impl Ladder {
    /// The ladder of one of the trace's [flows](Trace::flows).
    pub fn new(trace: &Trace, flow: &Flow) -> Self {
        let mut starts = Starts::default();
        let mut ends: [Option<HostId>; 2] = [None, None];
        let mut steps = Vec::new();
        for (of, segment, packet) in trace.segments() {
            if of != *flow {
                continue;
            }
            let rightwards = segment.from == flow.from;
            let (sender, receiver) = if rightwards { (0, 1) } else { (1, 0) };
            ends[sender] = Some(packet.from);
            ends[receiver] = ends[receiver].or(packet.to);
            steps.push(Step {
                rightwards,
                sent: packet.sent,
                end: packet.end,
                words: segment.words(&mut starts),
                is_copy: packet.is_copy,
                is_corrupt: packet.is_corrupt,
            });
        }
        let label = |end: IpEndpoint, host: Option<HostId>| match host
            .and_then(|host| trace.host_names().nth(host.0))
        {
            Some(name) => format!("{end} ({name})"),
            None => format!("{end}"),
        };
        Self {
            left: label(flow.from, ends[0]),
            right: label(flow.to, ends[1]),
            steps,
        }
    }
}

impl Step {
    fn look(&self) -> Look {
        match self.end {
            End::Lost(_) => Look::Lost,
            End::UnderWay => Look::UnderWay,
            End::Delivered { .. } if self.is_corrupt => Look::Corrupt,
            End::Delivered { .. } if self.is_copy => Look::Copy,
            End::Delivered {
                overtaken: true, ..
            } => Look::Late,
            End::Delivered { .. } => Look::Fine,
        }
    }

    /// What is to say about it, besides its words.
    fn remark(&self) -> &'static str {
        match (self.look(), self.end) {
            (Look::Lost, End::Lost(loss)) => loss.words(),
            (Look::UnderWay, _) => "under way",
            (Look::Corrupt, _) => "corrupt",
            (Look::Copy, _) => "copy",
            (Look::Late, _) => "late",
            _ => "",
        }
    }

    fn arrival(&self) -> Option<Instant> {
        match self.end {
            End::Delivered { at, .. } => Some(at),
            _ => None,
        }
    }
}

/// A time as milliseconds with three decimals.
fn millis(time: Instant) -> String {
    let micros = clock::micros(time);
    format!("{}.{:03} ms", micros / 1000, micros % 1000)
}
