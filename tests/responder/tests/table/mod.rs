//! What can be wrong, which checks fail of it, and how it is called first.

use greet_responder::fault::Fault;
use greet_wire::Symptom;

mod drivers;
mod handshake;
mod receive;
mod send;

pub use drivers::DRIVERS;

/// Where something is wrong, and what has to come of it.
pub struct Row {
    pub host: Option<Fault>,
    pub to: Option<&'static str>,
    pub from: Option<&'static str>,
    /// The checks that run, and have the time that they take; none: all, in an ordinary run.
    #[allow(
        dead_code,
        reason = "one of the tests that share the tables looks at it"
    )]
    pub patiently: &'static [&'static str],
    /// The checks that don't hold, and no others.
    pub crosses: &'static [&'static str],
    /// What the first finding is, if there is one.
    #[allow(
        dead_code,
        reason = "one of the tests that share the tables looks at it"
    )]
    pub symptom: Option<fn(&Symptom) -> bool>,
}

impl Row {
    /// What is wrong, by the name with which it can be tried.
    pub fn name(&self) -> String {
        match (self.host, self.to, self.from) {
            (Some(fault), ..) => fault.to_string(),
            (_, Some(fault), _) => format!("to:{fault}"),
            (.., fault) => format!("from:{}", fault.unwrap_or_default()),
        }
    }
}

/// The ids of all findings of what is wrong with frames, as `symptom.rs` has them.
#[allow(
    dead_code,
    reason = "two of the tests that share the tables look at them"
)]
pub fn findings() -> impl Iterator<Item = &'static str> {
    const SYMPTOMS: &str = include_str!("../../../../smoltcp-adapter/wire/src/bench/symptom.rs");
    let ids = SYMPTOMS.split("=> \"").skip(1);
    let ids = ids.filter_map(|rest| rest.split('"').next());
    ids.filter(|id| id.starts_with("wire/"))
}

/// Every row of every table.
pub fn all() -> impl Iterator<Item = &'static Row> {
    DRIVERS
        .iter()
        .chain(STACKS)
        .chain(PATIENT)
        .chain(TCP.iter().copied().flatten())
}

const fn host(
    fault: Fault,
    crosses: &'static [&'static str],
    symptom: Option<fn(&Symptom) -> bool>,
) -> Row {
    Row {
        host: Some(fault),
        to: None,
        from: None,
        patiently: &[],
        crosses,
        symptom,
    }
}

const fn to(
    fault: &'static str,
    crosses: &'static [&'static str],
    symptom: Option<fn(&Symptom) -> bool>,
) -> Row {
    Row {
        host: None,
        to: Some(fault),
        from: None,
        patiently: &[],
        crosses,
        symptom,
    }
}

const fn from(
    fault: &'static str,
    crosses: &'static [&'static str],
    symptom: Option<fn(&Symptom) -> bool>,
) -> Row {
    Row {
        host: None,
        to: None,
        from: Some(fault),
        patiently: &[],
        crosses,
        symptom,
    }
}

const fn patient(
    fault: Fault,
    patiently: &'static [&'static str],
    crosses: &'static [&'static str],
) -> Row {
    Row {
        host: Some(fault),
        to: None,
        from: None,
        patiently,
        crosses,
        symptom: None,
    }
}

/// Faults of a stack.
pub static STACKS: &[Row] = &[
    host(
        Fault::OtherSource,
        &["icmp/source", "icmp6/source", "ip6/too-big"],
        None,
    ),
    host(
        Fault::IcmpUnchecked,
        &["icmp/checksum", "icmp6/checksum", "ndp/checksum"],
        None,
    ),
    host(
        Fault::ZeroSumDropped,
        &["icmp/checksum-zero", "icmp6/checksum-zero"],
        None,
    ),
    host(
        Fault::AnswersUnknown,
        &["icmp/unknown", "icmp6/unknown"],
        None,
    ),
    host(
        Fault::DiesOfTruncated,
        &["icmp/truncated"],
        Some(|s| matches!(s, Symptom::Died { .. })),
    ),
    host(Fault::ArpUnicastIgnored, &["arp/unicast"], None),
    host(Fault::ArpWrongFields, &["arp/request", "arp/unicast"], None),
    host(Fault::ProbeIgnored, &["arp/probe"], None),
    // That is for a patient run to find.
    host(Fault::ArpSleeps, &[], None),
    host(Fault::AnswersForAll, &["arp/not-mine"], None),
    host(Fault::ArpStorm, &["arp/unanswered"], None),
    host(
        Fault::DiesOfArp,
        &["arp/malformed"],
        Some(|s| matches!(s, Symptom::Died { .. })),
    ),
    host(
        Fault::DiesOfNeighbors,
        &["arp/flood"],
        Some(|s| matches!(s, Symptom::Died { .. })),
    ),
    host(Fault::NeighborsEndTalks, &["arp/flood"], None),
    host(Fault::AnyAddress, &["ip4/not-mine"], None),
    host(Fault::HeaderUnchecked, &["ip4/checksum"], None),
    host(Fault::AnyVersion, &["ip4/version"], None),
    host(Fault::TtlDropped, &["ip4/ttl"], None),
    host(
        Fault::DiesOfLength,
        &["ip4/length"],
        Some(|s| matches!(s, Symptom::Died { .. })),
    ),
    host(
        Fault::DiesOfLengthZero,
        &["ip4/length"],
        Some(|s| matches!(s, Symptom::Died { .. })),
    ),
    host(
        Fault::ErrorsForAll,
        &["icmp/no-error-for", "icmp6/no-error-for"],
        None,
    ),
    host(
        Fault::ErrorsForErrors,
        &["icmp/no-error-for", "icmp6/no-error-for"],
        None,
    ),
    host(Fault::NoUnreachable, &["udp/closed", "udp6/closed"], None),
    host(
        Fault::UdpUnchecked,
        &[
            "udp/closed-checksum",
            "udp6/closed-checksum",
            "udp6/checksum-zero",
        ],
        None,
    ),
    host(Fault::NdpUnicastIgnored, &["ndp/unicast"], None),
    host(Fault::DadIgnored, &["ndp/dad"], None),
    host(Fault::AnyHopLimit, &["ndp/hop-limit"], None),
    host(Fault::OptionZeroTaken, &["ndp/option-zero"], None),
    host(Fault::TtlZero, &["out/ttl"], None),
    host(
        Fault::NeighborHops,
        &["ndp/unicast", "ndp/solicited-node", "ndp/dad", "out/ttl"],
        None,
    ),
    host(Fault::Promiscuous, &["eth/not-mine"], None),
    host(Fault::PriorityIgnored, &["eth/priority"], None),
    host(
        Fault::DiesOfLlc,
        &["eth/llc"],
        Some(|s| matches!(s, Symptom::Died { .. })),
    ),
    host(Fault::AnswersBroadcastEcho, &["icmp/broadcast-echo"], None),
    host(Fault::ErrorsUnlimited, &["icmp/rate", "icmp6/rate"], None),
    host(
        Fault::DiesOfTruncated6,
        &["icmp6/truncated"],
        Some(|s| matches!(s, Symptom::Died { .. })),
    ),
    host(
        Fault::Long6Lost,
        &["icmp6/every-length"],
        Some(|s| {
            matches!(
                s,
                Symptom::LongLost {
                    passes: 1494,
                    fails: 1495,
                    ..
                }
            )
        }),
    ),
    host(Fault::NdpQueueLost, &["ndp/queue"], None),
    host(Fault::NdpStorm, &["ndp/unanswered"], None),
    host(
        Fault::UdpDataUnchecked,
        &["udp/checksum-bad", "udp6/checksum-zero"],
        None,
    ),
    host(Fault::UdpZeroDropped, &["udp/checksum-zero"], None),
    host(Fault::UdpZeroV6Taken, &["udp6/checksum-zero"], None),
    host(Fault::UdpSumZeroSent, &["udp/checksum-out"], None),
    host(Fault::UdpLengthIgnored, &["udp/length"], None),
    host(Fault::UdpPortZeroAnswered, &["udp/port-zero"], None),
    host(
        Fault::UdpTrailerTaken,
        &["udp/length", "udp/padding-in", "udp/every-length"],
        None,
    ),
    host(Fault::UdpCut, &["udp/every-length"], None),
    host(
        Fault::MartianAnswered,
        &["icmp/no-error-for", "ip4/martian"],
        None,
    ),
    host(
        Fault::DiesOfLand,
        &["ip4/land"],
        Some(|s| matches!(s, Symptom::Died { .. })),
    ),
    host(Fault::NumbersRepeat, &["ip4/id"], None),
    host(
        Fault::FragmentsIgnored,
        &["ip4/fragments", "ip6/fragments"],
        None,
    ),
    host(
        Fault::FragmentsApart,
        &["icmp/no-error-for", "ip4/fragments"],
        None,
    ),
    host(
        Fault::FragmentOrder,
        &["ip4/fragments", "ip6/fragments"],
        None,
    ),
    host(Fault::FragmentKeyIdOnly, &["ip4/frag-key"], None),
    host(Fault::FragmentOverlapMixed, &["ip4/frag-overlap"], None),
    host(Fault::Frag6OverlapTaken, &["ip6/frag-overlap"], None),
    host(Fault::OptionsDropped, &["ip4/options"], None),
    host(Fault::SourceRouteForwarded, &["ip4/source-route"], None),
    host(Fault::ProtocolSilent, &["ip4/protocol"], None),
    host(Fault::UnknownHeaderSilent, &["ip6/next-header"], None),
    host(Fault::ExtDropped, &["ip6/fragments", "ip6/ext"], None),
    host(Fault::TooBigIgnored, &["ip6/too-big"], None),
    host(Fault::ArpQueueLost, &["arp/queue"], None),
    host(Fault::GratuitousIgnored, &["arp/gratuitous"], None),
    host(
        Fault::DiesOfPrefixes,
        &["ra/flood"],
        Some(|s| matches!(s, Symptom::Died { .. })),
    ),
];

/// Faults of TCP, by what is graded.
pub static TCP: &[&[Row]] = &[handshake::ROWS, receive::ROWS, send::ROWS];

/// Faults that only a thorough run finds.
pub static PATIENT: &[Row] = &[
    Row {
        symptom: Some(|s| *s == Symptom::ArpSleeps),
        ..patient(Fault::ArpSleeps, &["arp/request"], &["arp/request"])
    },
    patient(Fault::NeighborsForEver, &["arp/moved"], &["arp/moved"]),
    Row {
        symptom: Some(|s| matches!(s, Symptom::Died { .. })),
        ..patient(
            Fault::DiesOfFragments,
            &["ip4/frag-length"],
            &["ip4/frag-length"],
        )
    },
    patient(
        Fault::FragmentSlotForEver,
        &["ip4/frag-recovers"],
        &["ip4/frag-recovers"],
    ),
    patient(
        Fault::FragmentSlotForEver,
        &["ip4/frag-expiry"],
        &["ip4/frag-expiry"],
    ),
    patient(
        Fault::FragmentSlotForEver,
        &["ip6/frag-recovers"],
        &["ip6/frag-recovers"],
    ),
    patient(
        Fault::FragmentSlotForEver,
        &["ip6/frag-expiry"],
        &["ip6/frag-expiry"],
    ),
    patient(
        Fault::ExpiryWithoutFirst,
        &["ip4/frag-expiry", "ip6/frag-expiry"],
        &["ip4/frag-expiry", "ip6/frag-expiry"],
    ),
];
