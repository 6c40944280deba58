//! Faults of TCP: what goes out: retransmission, windows, and what ICMP says of it.

use greet_responder::fault::Fault;
use greet_wire::Symptom;

use super::{Row, host};

pub(super) static ROWS: &[Row] = &[
    host(
        Fault::NeverRetransmits,
        &[
            "syn/synack-lost",
            "ack/unsent",
            "fin/lost",
            "fin/last-ack",
            "rto/reply",
        ],
        None,
    ),
    host(Fault::NeverGivesUp, &["rto/gives-up"], None),
    host(Fault::GivesUpEarly, &["rto/gives-up"], None),
    host(
        Fault::NoBackoff,
        &["syn/backoff", "rto/backoff", "rto/gives-up", "window/zero"],
        None,
    ),
    host(Fault::RtoInherited, &["rto/afresh"], None),
    host(
        Fault::RtoEarly,
        &["rto/clock", "rto/reply", "rto/not-early", "rto/gives-up"],
        None,
    ),
    host(Fault::RtoOtherBytes, &["rto/reply", "window/zero"], None),
    host(Fault::NoFastRetransmit, &["fast/retransmit"], None),
    host(Fault::ResendsAll, &["fast/one-only"], None),
    host(Fault::CwndIgnored, &["rto/collapse", "cwnd/initial"], None),
    host(Fault::SlowStartSkipped, &["rto/collapse"], None),
    host(
        Fault::NoWindowProbe,
        &["window/zero", "window/update-lost"],
        None,
    ),
    host(
        Fault::SendsIntoClosedWindow,
        &["window/zero", "window/shrink"],
        None,
    ),
    host(Fault::WindowUpdateIgnored, &["window/zero"], None),
    host(Fault::WindowShrinkDies, &["window/shrink"], None),
    host(Fault::SillyWindows, &["window/sws-send"], None),
    host(Fault::ZeroProbeIgnored, &["zwp/answered"], None),
    host(Fault::SillyReceiver, &["window/sws-recv"], None),
    host(Fault::SoftErrorAborts, &["icmp/soft"], None),
    host(Fault::QuenchAborts, &["icmp/quench"], None),
    host(Fault::HardErrorAborts, &["icmp/hard"], None),
    host(
        Fault::AnyErrorAborts,
        &["icmp/hard", "icmp/out-of-window"],
        None,
    ),
    host(Fault::NeededIgnored, &["frag/needed"], None),
    host(
        Fault::NeededAbsurdDies,
        &["frag/needed-absurd"],
        Some(|s| matches!(s, Symptom::Died { .. })),
    ),
    host(
        Fault::ClockFast,
        &["rto/clock", "rto/not-early", "rto/gives-up"],
        None,
    ),
];
