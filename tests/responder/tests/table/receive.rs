//! Faults of TCP: what comes in, and how a connection ends.

use greet_responder::fault::Fault;
use greet_wire::Symptom;

use super::{Row, host};

pub(super) static ROWS: &[Row] = &[
    host(Fault::OverlapNewWins, &["rx/overlap", "seq/wrap"], None),
    host(
        Fault::OldTakenAgain,
        &["rx/duplicate", "rx/old", "ack/keepalive", "ts/paws"],
        None,
    ),
    host(
        Fault::OldNotAcked,
        &[
            "rx/duplicate",
            "rx/old",
            "ack/keepalive",
            "ts/paws",
            "zwp/answered",
        ],
        None,
    ),
    host(
        Fault::OutOfOrderTakenInPlace,
        &["rx/out-of-order", "seq/wrap", "fin/early", "fin/data-after"],
        None,
    ),
    host(Fault::OutOfOrderNotHeld, &["rx/out-of-order"], None),
    host(Fault::RxBeyondWindowTaken, &["rx/beyond-window"], None),
    host(Fault::SegmentTrailerTaken, &["rx/padding"], None),
    host(
        Fault::FragmentsIgnored,
        &["ip4/frag-tcp", "ip6/frag-tcp"],
        None,
    ),
    host(
        Fault::FragmentOrder,
        &["ip4/frag-tcp", "ip6/frag-tcp"],
        None,
    ),
    host(Fault::ExtDropped, &["ip6/frag-tcp"], None),
    host(Fault::OptionsDropped, &["ip4/options-tcp"], None),
    host(Fault::SegmentBehindTwenty, &["ip4/options-tcp"], None),
    host(Fault::AckUnsentTaken, &["ack/unsent"], None),
    host(Fault::AckOldTaken, &["ack/old"], None),
    host(Fault::KeepaliveIgnored, &["ack/keepalive"], None),
    host(Fault::AckDelayedLong, &["ack/delay"], None),
    host(Fault::NoAckEverySecond, &["ack/every-second"], None),
    host(Fault::WindowLeft, &["window/right-edge"], None),
    host(Fault::KeepaliveEarly, &["keepalive/off"], None),
    host(Fault::SeqWrapBroken, &["seq/wrap"], None),
    host(Fault::UrgentLost, &["urg/in-band"], None),
    host(
        Fault::DiesOfUrgent,
        &["urg/beyond"],
        Some(|s| {
            *s == Symptom::Died {
                after: "urg/beyond",
            }
        }),
    ),
    host(
        Fault::ServersDieOfUrgent,
        &["urg/beyond"],
        Some(|s| {
            *s == Symptom::NotServed {
                after: "urg/beyond",
            }
        }),
    ),
    host(Fault::FinDataDropped, &["fin/with-data"], None),
    host(Fault::EarlyFinTaken, &["fin/early"], None),
    host(Fault::FinDataAfterTaken, &["fin/data-after"], None),
    host(
        Fault::FinNotRepeated,
        &["fin/lost", "fin/last-ack", "window/zero"],
        None,
    ),
    host(Fault::LastAckLostForEver, &["fin/last-ack"], None),
    host(Fault::TimewaitSilentFin, &["fin/again"], None),
    host(Fault::CrossedFinLost, &["fin/crossed"], None),
    host(Fault::FinWaitForEver, &["fin/wait2"], None),
    host(
        Fault::TimewaitAcksRst,
        &["timewait/same-port", "timewait/rst"],
        None,
    ),
    host(Fault::TimewaitForEver, &["timewait/length"], None),
];
