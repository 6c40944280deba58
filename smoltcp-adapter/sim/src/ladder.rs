//! The picture from the textbooks: two hosts, time running down, an arrow for each packet.
//!
//! As text through `Display`, as SVG through [`Ladder::svg`]. Lost, late and corrupt packets are
//! drawn as such.

mod svg;
mod text;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use smoltcp::time::Instant;
use smoltcp::wire::IpEndpoint;

use crate::clock;
use crate::flow::{Flow, Progress, Starts};
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
    origin: Origin,
    is_corrupt: bool,
    /// What somebody had to say about it.
    remark: String,
}

/// Where a packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Its sender.
    New,
    /// Its sender, who has sent it before, or a part of it.
    Again,
    /// The network, as a copy of another.
    Copy,
}

/// How a step is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Fine,
    Again,
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
        let mut sent = [Progress::default(), Progress::default()];
        let mut steps = Vec::new();
        for (number, of, segment, packet) in trace.segments() {
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
                origin: if packet.is_copy {
                    Origin::Copy
                } else if sent[sender].has_seen(&segment) {
                    Origin::Again
                } else {
                    Origin::New
                },
                is_corrupt: packet.is_corrupt,
                remark: trace.remark_on(number).into(),
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
            End::Delivered { .. } if self.origin == Origin::Copy => Look::Copy,
            End::Delivered {
                overtaken: true, ..
            } => Look::Late,
            End::Delivered { .. } if self.origin == Origin::Again => Look::Again,
            End::Delivered { .. } => Look::Fine,
        }
    }

    /// What is to say about how it was sent, and what became of it if it never came.
    fn remark_on_sending(&self) -> String {
        let again = if self.origin == Origin::Again {
            "retransmission"
        } else {
            ""
        };
        let fate = match self.end {
            End::Lost(loss) => loss.words(),
            End::UnderWay => "under way",
            End::Delivered { .. } => "",
        };
        joined(&[again, fate, &self.remark])
    }

    /// What is to say about how it came.
    fn remark_on_arrival(&self) -> &'static str {
        match self.look() {
            Look::Corrupt => "corrupt",
            Look::Copy => "copy",
            Look::Late => "late",
            Look::Fine | Look::Again | Look::Lost | Look::UnderWay => "",
        }
    }

    fn arrival(&self) -> Option<Instant> {
        match self.end {
            End::Delivered { at, .. } => Some(at),
            _ => None,
        }
    }
}

/// Those of the words that there are.
fn joined(words: &[&str]) -> String {
    let words: Vec<_> = words
        .iter()
        .copied()
        .filter(|word| !word.is_empty())
        .collect();
    words.join(", ")
}

/// A time as milliseconds with three decimals.
fn millis(time: Instant) -> String {
    let micros = clock::micros(time);
    format!("{}.{:03} ms", micros / 1000, micros % 1000)
}
