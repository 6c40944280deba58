//! Faults of drivers, chips and cables.

use greet_responder::fault::Fault;
use greet_wire::{Direction, SumPattern, Symptom};

use super::{Row, from, host, to};

/// Faults of a driver, a chip or a cable.
pub static DRIVERS: &[Row] = &[
    to(
        "drop-every=50",
        &["eth/one-by-one"],
        Some(|s| {
            matches!(
                s,
                Symptom::Loss {
                    way: Some(Direction::In),
                    period: Some(50),
                    ..
                }
            )
        }),
    ),
    from(
        "drop-every=50",
        &["eth/one-by-one"],
        Some(|s| {
            matches!(
                s,
                Symptom::Loss {
                    way: Some(Direction::Out),
                    period: Some(50),
                    ..
                }
            )
        }),
    ),
    to(
        "lose=5",
        &["eth/one-by-one"],
        Some(|s| matches!(s, Symptom::Loss { period: None, .. })),
    ),
    to(
        "ring=4",
        &["eth/ring"],
        Some(|s| matches!(s, Symptom::Ring { most: 4, .. })),
    ),
    from(
        "ring=4",
        &["eth/ring"],
        Some(|s| matches!(s, Symptom::Ring { most: 4, .. })),
    ),
    // So many echoes with something behind them are lost as well.
    to(
        "lose-longer=300",
        &["eth/every-length", "icmp6/every-length"],
        Some(|s| {
            *s == Symptom::LongLost {
                way: Some(Direction::In),
                passes: 300,
                fails: 301,
            }
        }),
    ),
    from(
        "lose-longer=300",
        &["eth/every-length", "icmp6/every-length"],
        Some(|s| {
            *s == Symptom::LongLost {
                way: Some(Direction::Out),
                passes: 300,
                fails: 301,
            }
        }),
    ),
    to(
        "lose-longer=1000",
        &["eth/every-length", "icmp6/every-length"],
        Some(|s| {
            *s == Symptom::LongLost {
                way: Some(Direction::In),
                passes: 1000,
                fails: 1001,
            }
        }),
    ),
    from(
        "lose-longer=1000",
        &["eth/every-length", "icmp6/every-length"],
        Some(|s| {
            *s == Symptom::LongLost {
                way: Some(Direction::Out),
                passes: 1000,
                fails: 1001,
            }
        }),
    ),
    to(
        "truncate=600",
        &["eth/every-length", "icmp6/every-length"],
        Some(|s| {
            matches!(
                s,
                Symptom::LongLost {
                    passes: 600,
                    fails: 601,
                    ..
                }
            )
        }),
    ),
    from(
        "truncate=600",
        &["eth/every-length", "icmp6/every-length", "out/lengths"],
        Some(|s| matches!(s, Symptom::WrongLength)),
    ),
    to(
        "stale-every=10",
        &["eth/every-length"],
        Some(|s| {
            matches!(
                s,
                Symptom::SpoiltAndCaught {
                    period: Some(10),
                    ..
                }
            )
        }),
    ),
    to(
        "stale-mended-every=10",
        &["eth/every-length"],
        Some(|s| {
            matches!(
                s,
                Symptom::Spoilt {
                    count: 32,
                    is_aligned: true,
                    ..
                }
            )
        }),
    ),
    from(
        "stale-mended-every=10",
        &["eth/every-length"],
        Some(|s| {
            matches!(
                s,
                Symptom::Spoilt {
                    count: 32,
                    is_aligned: true,
                    ..
                }
            )
        }),
    ),
    from(
        "wrong-sum-every=50",
        &["out/checksums"],
        Some(|s| {
            matches!(
                s,
                Symptom::Sums {
                    of: "ICMP",
                    pattern: SumPattern::Every(50),
                    ..
                }
            )
        }),
    ),
    from(
        "wrong-sum-odd=1",
        &["out/checksums"],
        Some(|s| {
            matches!(
                s,
                Symptom::Sums {
                    of: "ICMP",
                    pattern: SumPattern::Odd,
                    ..
                }
            )
        }),
    ),
    to(
        "stick-every=10",
        &["eth/prompt"],
        Some(|s| {
            matches!(
                s,
                Symptom::Stuck {
                    period: Some(10),
                    ..
                }
            )
        }),
    ),
    from(
        "stick-every=10",
        &["eth/prompt"],
        Some(|s| {
            matches!(
                s,
                Symptom::Stuck {
                    period: Some(10),
                    ..
                }
            )
        }),
    ),
    to(
        "duplicate-every=10",
        &["eth/once"],
        Some(|s| matches!(s, Symptom::Duplicated { period: Some(10) })),
    ),
    to(
        "swap-every=10",
        &["eth/in-order"],
        Some(|s| matches!(s, Symptom::Swapped { period: Some(10) })),
    ),
    from(
        "swap-every=10",
        &["eth/in-order"],
        Some(|s| matches!(s, Symptom::Swapped { period: Some(10) })),
    ),
    from(
        "arp-answers=1",
        &["arp/request", "arp/unicast", "arp/probe", "arp/again"],
        Some(|s| *s == Symptom::ArpStops { after: 1 }),
    ),
    from(
        "arp-answers=20",
        &["arp/again"],
        Some(|s| *s == Symptom::ArpStops { after: 20 }),
    ),
    from("ttl=1", &["out/ttl"], None),
    host(
        Fault::SumsZero,
        &["out/checksums"],
        Some(|s| {
            matches!(
                s,
                Symptom::Sums {
                    of: "ICMP",
                    pattern: SumPattern::Zero,
                    ..
                }
            )
        }),
    ),
    host(
        Fault::Unpadded,
        &["out/padding"],
        Some(|s| matches!(s, Symptom::Unpadded { shortest: 42 })),
    ),
    host(
        Fault::PadLeaks,
        &["out/padding"],
        Some(|s| *s == Symptom::PadLeaks),
    ),
    host(
        Fault::TrailerTaken,
        &[
            "icmp/truncated",
            "eth/every-length",
            "eth/padding-in",
            "udp/length",
        ],
        Some(|s| *s == Symptom::TrailerTaken),
    ),
    host(
        Fault::MulticastLost,
        &["ndp/solicited-node"],
        Some(|s| *s == Symptom::MulticastLost),
    ),
    host(
        Fault::BroadcastLost,
        &["arp/request", "arp/probe", "arp/again", "arp/gratuitous"],
        Some(|s| *s == Symptom::BroadcastLost),
    ),
    host(
        Fault::WrongLength,
        &["icmp/echo", "udp/closed", "out/lengths"],
        Some(|s| *s == Symptom::WrongLength),
    ),
    host(
        Fault::PaddingCounted,
        &["eth/every-length", "eth/padding-in", "out/checksums"],
        Some(|s| *s == Symptom::WrongLength),
    ),
    host(
        Fault::EchoCut,
        &[
            "icmp/echo",
            "eth/every-length",
            "icmp6/echo",
            "icmp6/every-length",
        ],
        Some(|s| *s == Symptom::WrongLength),
    ),
    host(
        Fault::TagsLeft,
        &["out/tags"],
        Some(|s| *s == Symptom::Tagged { vlan: 7 }),
    ),
    host(
        Fault::LaterAndLater,
        &["eth/steady"],
        Some(|s| matches!(s, Symptom::Slower { .. })),
    ),
    host(
        Fault::NoEcho,
        &["icmp/echo", "icmp6/echo"],
        Some(|s| *s == Symptom::NoEcho),
    ),
    host(
        Fault::DiesOfBurst,
        &["eth/burst"],
        Some(|s| *s == Symptom::Died { after: "eth/burst" }),
    ),
    to("lose=100", &["arp/request"], Some(|s| *s == Symptom::Dead)),
    from("lose=100", &["arp/request"], Some(|s| *s == Symptom::Dead)),
    host(
        Fault::Deaf,
        &["arp/request"],
        Some(|s| matches!(s, Symptom::Deaf { sent: 1.. })),
    ),
    host(
        Fault::MixedLost,
        &["eth/burst"],
        Some(|s| matches!(s, Symptom::MixedLost { of: 16, .. })),
    ),
];
