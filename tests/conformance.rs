//! Conformance: the probe over every lab, each check over each lab a test of its own.
//!
//! `cargo test -p greet-tests --test conformance` runs them and ends with a table; a name, or a part
//! of one, picks some: `cargo test -p greet-tests --test conformance -- tcp/split`. A lab runs its
//! whole probe once, as soon as one of its checks is picked.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::probe::{Plan, ProbeStack};
use greet_smoltcp::timeouts::Timeouts;
use greet_tests::lab::{
    Grade, PolledLab, Serving, SimulatedLab, SmoltcpLab, Subject, grade, wired,
};
use greet_tests::matrix::{Matrix, Skips};
use greet_tests::memory::lab::{MemoryLab, Ours};
use greet_wire::Impairment;
use smoltcp_sim::{Link, Probability};

/// Where all can be checked.
const NOTHING: Skips = &[];

/// What can't be checked over the sockets of a system.
const NEEDS_RAW: Skips = &[
    (
        "crowd/half-open",
        "a handshake that never ends needs raw packets, not this system's sockets",
    ),
    #[cfg(target_os = "linux")]
    (
        "read/tight",
        "this system's smallest window takes the longest reply, and never closes",
    ),
];

const UNTIMELY: &str = "what is lost comes later, or not at all";

/// What can't be checked where packets are lost, and frames aren't jumbo.
const LOSSY: Skips = &[
    ("crowd/latency", UNTIMELY),
    ("tcp/bytewise", UNTIMELY),
    ("tcp/full-chinese", UNTIMELY),
    ("tcp/segments-settle", UNTIMELY),
    ("tcp/too-long-pieces", UNTIMELY),
    (
        "first/reassembly",
        "this stack can't send so long a datagram",
    ),
    (
        "udp/too-long-far",
        "this stack can't send so long a datagram",
    ),
];

/// What a second host can't check where it spoils the link itself.
const IMPAIRED: Skips = &[
    ("crowd/latency", IMPAIRED_LINK),
    ("tcp/bytewise", IMPAIRED_LINK),
    ("tcp/full-chinese", IMPAIRED_LINK),
    ("tcp/segments-settle", IMPAIRED_LINK),
    ("tcp/too-long-pieces", IMPAIRED_LINK),
];

const IMPAIRED_LINK: &str = "on an impaired link frames come late, or not at all";

fn main() -> ExitCode {
    let mut matrix = Matrix::default();
    matrix.lab("std", NEEDS_RAW, || {
        let serving = Serving::at(Ipv4Addr::LOCALHOST.into());
        probe(&mut serving.lab(), &PATIENT)
    });
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(_) => matrix.lab("std-ipv6", NEEDS_RAW, || {
            let serving = Serving::at(Ipv6Addr::LOCALHOST.into());
            probe(&mut serving.lab(), &PATIENT)
        }),
        Err(error) => println!("std-ipv6 is left out: no IPv6 on loopback: {error}"),
    }
    matrix.lab("std-polled", NEEDS_RAW, || {
        probe(&mut PolledLab::at(Ipv4Addr::LOCALHOST.into()), &PATIENT)
    });

    matrix.lab("memory", NOTHING, in_memory::<false>);
    matrix.lab("takes-all", NOTHING, in_memory::<true>);
    matrix.lab("ip-v4", NOTHING, || alone(SmoltcpLab::new));
    matrix.lab("ip-v6", NOTHING, || alone(SmoltcpLab::over_ipv6));
    matrix.lab("eth-v4", NOTHING, || alone(SmoltcpLab::on_ethernet));
    matrix.lab("eth-v6", NOTHING, || {
        alone(SmoltcpLab::on_ethernet_over_ipv6)
    });
    matrix.lab("smoltcp-loopback", NOTHING, || {
        alone(SmoltcpLab::on_its_own_device)
    });
    matrix.lab("clean", NOTHING, across_a_clean_network);
    matrix.lab("lossy", LOSSY, across_lossy_networks);
    matrix.lab("wire-v4", NOTHING, || across_a_cable(false));
    matrix.lab("wire-v6", NOTHING, || across_a_cable(true));
    matrix.lab("wire-lossy", IMPAIRED, across_impaired_cables);
    matrix.run()
}

fn probe(lab: &mut impl ProbeStack, plan: &Plan) -> Grade {
    grade(lab, plan, |_| true)
}

/// Where time is real, and a machine may be busy.
const PATIENT: Plan = Plan {
    timeout: Duration::from_secs(30),
    ..Plan::DEFAULT
};

fn in_memory<const TAKES_ALL: bool>() -> Grade {
    let mut lab = MemoryLab::new(Ours::<TAKES_ALL>::default(), 8);
    probe(&mut lab, &Plan::DEFAULT)
}

/// A stack that grades itself over a loopback device.
fn alone<L: ProbeStack>(lab: impl Fn(Subject) -> L) -> Grade {
    probe(&mut lab(Subject::GOOD), &Plan::DEFAULT)
}

fn across_a_clean_network() -> Grade {
    /// Frames so long that the longest datagram needs no fragments.
    const JUMBO: usize = 9000;
    let link = Link::new().latency(Duration::from_millis(10));
    let mut lab = SimulatedLab::new(1, Subject::GOOD, link, JUMBO);
    probe(&mut lab, &Plan::DEFAULT)
}

/// From a second host with frames in its own hand.
fn across_a_cable(is_v6: bool) -> Grade {
    let mut host = wired(Subject::GOOD, is_v6, Impairment::default());
    probe(&mut host, &Plan::DEFAULT)
}

/// The same by twenty seeds over a cable that loses frames: what passes, passes by all of them.
fn across_impaired_cables() -> Grade {
    let (plan, subject) = patient();
    let grades = (0..20).map(|seed| {
        let rough = "loss=5%,duplicate=3%,reorder=3%,hold=15ms,corrupt=2%,delay=10ms,jitter=2ms";
        let impairment = format!("{rough},seed={seed}");
        let mut host = wired(
            subject,
            seed % 2 == 1,
            impairment.parse().expect("it is right"),
        );
        let recording = host.recording();
        let mut grade = probe(&mut host, &plan);
        for why in grade.failed.values_mut() {
            *why = format!("seed {seed}: {why}");
        }
        let happened = recording.counters();
        assert!(
            happened.lost > 0
                && happened.duplicated > 0
                && happened.reordered > 0
                && happened.corrupted > 0,
            "seed {seed}: {happened:?}"
        );
        grade
    });
    grades.reduce(Grade::and).expect("twenty grades")
}

/// Forty networks, each with another seed: what passes, passes across all of them.
fn across_lossy_networks() -> Grade {
    let link = Link::new()
        .latency(Duration::from_millis(10))
        .jitter(Duration::from_millis(2))
        .loss(Probability::percent(5))
        .duplication(Probability::percent(3))
        .reordering(Probability::percent(3), Duration::from_millis(15))
        .corruption(Probability::percent(2));
    let (plan, subject) = patient();
    let grades = (0..40).map(|seed| {
        let mut lab = SimulatedLab::new(seed, subject, link.clone(), 1500).untimely(UNTIMELY);
        let mut grade = probe(&mut lab, &plan);
        for why in grade.failed.values_mut() {
            *why = format!("seed {seed}: {why}");
        }
        let happened = lab.counters();
        assert!(
            happened.lost > 0
                && happened.duplicated > 0
                && happened.reordered > 0
                && happened.corrupted > 0,
            "seed {seed}: {happened:?}"
        );
        grade
    });
    grades.reduce(Grade::and).expect("forty grades")
}

/// A plan, and a server, that bear losses. A few retransmissions in a row take half a minute; no real time
/// passes.
fn patient() -> (Plan, Subject) {
    let deadline = Duration::from_mins(1);
    let plan = Plan {
        timeout: Duration::from_mins(2),
        rounds: 100,
        deadline,
        ..Plan::DEFAULT
    };
    let limits = Limits::DEFAULT
        .with_deadline(deadline)
        .with_drain_time(deadline);
    // By default a handshake has three SYN-ACKs. A client whose answers to them are all lost is reset
    // when it speaks.
    let timeouts = Timeouts {
        handshake: Duration::from_secs(30),
        linger: deadline,
    };
    (plan, Subject { limits, timeouts })
}
