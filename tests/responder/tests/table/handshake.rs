//! Faults of TCP: the handshake, options, resets, and who may connect.

use greet_responder::fault::Fault;
use greet_wire::Symptom;

use super::{Row, host};

/// It answers nothing any more.
const fn dead(fault: Fault, crosses: &'static [&'static str]) -> Row {
    host(
        fault,
        crosses,
        Some(|symptom| matches!(symptom, Symptom::Died { .. })),
    )
}

/// It is wrong, and goes on.
const fn wrong(fault: Fault, crosses: &'static [&'static str]) -> Row {
    host(fault, crosses, None)
}

pub(super) static ROWS: &[Row] = &[
    wrong(Fault::MssTooLong, &["syn/fields"]),
    wrong(Fault::SynAgainNewIsn, &["syn/again"]),
    wrong(Fault::SynackOnce, &["syn/synack-lost"]),
    wrong(Fault::SynackNoBackoff, &["syn/backoff"]),
    wrong(Fault::SynackForEver, &["syn/gives-up"]),
    wrong(Fault::DataInThirdReset, &["syn/data-in-third"]),
    wrong(Fault::DataOnSynLost, &["syn/data"]),
    wrong(Fault::EcnEchoed, &["syn/ecn"]),
    wrong(Fault::EctOnSynack, &["syn/ecn"]),
    dead(Fault::DiesOfSynFin, &["syn/fin"]),
    wrong(Fault::IsnConstant, &["isn/varies", "isn/clock"]),
    wrong(Fault::IsnCounter, &["isn/varies"]),
    wrong(
        Fault::MssDefaultIgnored,
        &["mss/default", "mss/default-ip6"],
    ),
    wrong(
        Fault::MssIgnored,
        &[
            "mss/default",
            "mss/default-ip6",
            "mss/obeyed",
            "opt/unknown",
            "opt/unaligned",
        ],
    ),
    wrong(
        Fault::ScaleAlways,
        &["window/right-edge", "wscale/honoured"],
    ),
    wrong(Fault::OptionsChoke, &["opt/unknown"]),
    wrong(Fault::StampsNotEchoed, &["ts/echo"]),
    wrong(Fault::StampsForgotten, &["ts/echo"]),
    wrong(Fault::PawsIgnored, &["ts/paws"]),
    wrong(Fault::OptionsByWords, &["opt/unaligned"]),
    dead(Fault::DiesOfMssZero, &["mss/absurd"]),
    dead(Fault::DiesOfOptionZero, &["opt/length-zero"]),
    dead(Fault::DiesOfOptionOverrun, &["opt/overrun"]),
    wrong(Fault::ListenAckSilent, &["listen/ack"]),
    wrong(Fault::SynrcvdBadAckSilent, &["synrcvd/bad-ack"]),
    wrong(Fault::SynrcvdRstKeepsPlace, &["synrcvd/rst"]),
    wrong(Fault::SynKills, &["syn/established"]),
    wrong(Fault::SynIgnored, &["syn/established", "syn/reboot"]),
    wrong(Fault::ChallengeWrongSeq, &["syn/established"]),
    wrong(Fault::SynBlocksAccept, &["syn/half-open"]),
    wrong(Fault::HalfOpenForEver, &["syn/half-open"]),
    wrong(
        Fault::RstIgnored,
        &[
            "synrcvd/rst",
            "syn/reboot",
            "rst/exact",
            "rst/in-window",
            "fin/last-ack",
        ],
    ),
    wrong(Fault::RstInWindow, &["rst/in-window"]),
    wrong(
        Fault::RstAnywhere,
        &["rst/in-window", "rst/outside", "flags/syn-rst"],
    ),
    wrong(
        Fault::RstAnswered,
        &[
            "listen/rst",
            "synrcvd/rst",
            "rst/exact",
            "rst/outside",
            "rst/closed-port",
            "flags/syn-rst",
            "timewait/rst",
        ],
    ),
    wrong(Fault::ClosedPortSilent, &["rst/closed-port"]),
    wrong(Fault::ClosedPortIcmp, &["rst/closed-port"]),
    wrong(Fault::TcpUnchecked, &["tcp/checksum"]),
    wrong(Fault::FlagsNoneTaken, &["flags/none", "flags/xmas"]),
    wrong(Fault::SynBeforeRst, &["flags/syn-rst"]),
    wrong(Fault::ReservedBitsDrop, &["flags/reserved"]),
    dead(Fault::OffsetUnchecked, &["offset/short", "offset/long"]),
    wrong(Fault::BroadcastSynAnswered, &["bcast/syn"]),
    wrong(Fault::MartianAnswered, &["src/martian"]),
    dead(Fault::DiesOfLand, &["src/land"]),
];
