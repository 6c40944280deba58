//! The probe over memory and over smoltcp, under virtual time: good servers pass every check, and for each check
//! there is a server that fails it.

use std::collections::BTreeSet;

use greet_core::probe::{
    Act, CHECKS, Check, Event, Lab, Level, Plan, Reply, Run, Server, Summary, Then, Verdict, run,
};
use greet_tests::faulty::{Fault, Faulty};
use greet_tests::loopback::lab::SmoltcpLab;
use greet_tests::memory::lab::{MemoryLab, Ours, Service};
use greet_tests::vectors::{self, Tcp, Udp, joined};

fn grade(service: impl Service) -> (BTreeSet<&'static str>, Summary) {
    grade_some(service, |_| true)
}

/// Grades a server, and returns the ids of the checks that it failed.
fn grade_some(
    service: impl Service,
    only: impl Fn(&Check) -> bool,
) -> (BTreeSet<&'static str>, Summary) {
    grade_over(&mut MemoryLab::new(service, 8), only)
}

fn grade_over(
    lab: &mut impl Lab,
    only: impl Fn(&Check) -> bool,
) -> (BTreeSet<&'static str>, Summary) {
    let mut failed = BTreeSet::new();
    let summary = run(lab, &Plan::DEFAULT, &mut [0; 8192], only, &mut |event| {
        if let Event::Ended {
            check,
            verdict: Verdict::Failed(_),
            ..
        } = event
        {
            failed.insert(check.id);
        }
    });
    (failed, summary)
}

#[test]
fn good_servers_pass_every_check() {
    for (name, (failed, summary)) in [
        ("ours", grade(Ours::default())),
        (
            "the one that can be broken",
            grade(Faulty::new(Fault::None)),
        ),
    ] {
        assert!(failed.is_empty(), "{name}: {failed:?}");
        assert_eq!(usize::from(summary.passed), CHECKS.len(), "{name}");
        assert_eq!(summary.server, Server::Lives);
    }
}

#[test]
fn smoltcp_passes_every_check_that_it_can_run() {
    let (failed, summary) = grade_over(&mut SmoltcpLab::new(), |_| true);
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(summary.server, Server::Lives);
    assert_eq!(
        summary.skipped, 2,
        "a tiny window, and half-open connections"
    );
}

#[test]
fn for_each_check_there_is_a_server_that_fails_it() {
    for check in &CHECKS {
        let fails = |fault: &Fault| {
            let (failed, summary) = grade_some(Faulty::new(*fault), |one| one.id == check.id);
            assert_ne!(summary.server, Server::NeverGreeted, "{fault:?}");
            failed.contains(check.id)
        };
        assert!(Fault::ALL.iter().any(fails), "nothing fails {}", check.id);
    }
}

#[test]
fn a_fault_is_found_where_it_is() {
    for fault in Fault::ALL {
        assert!(!grade(Faulty::new(fault)).0.is_empty(), "{fault:?}");
    }
    for (fault, ids) in [
        (Fault::Impatient, &["read/slow"][..]),
        (Fault::WritesOnce, &["read/tight"]),
        (Fault::SharesReply, &["crowd/at-once"]),
        (Fault::SendsAway, &["crowd/one-more"]),
        (Fault::Crowded, &["crowd/latency"]),
        (Fault::KeepsHalfOpen, &["crowd/half-open"]),
        (Fault::Endless, &["crowd/late"]),
        (Fault::Hasty, &["tcp/bytewise", "tcp/segments-settle"]),
        (Fault::Lossy, &["udp/burst"]),
        (Fault::DiesOfReset, &["reset/before-name"]),
        (Fault::DiesOfLeaving, &["close/before-name"]),
        (Fault::DiesOfBrokenPipe, &["close/leave"]),
    ] {
        let (failed, _) = grade(Faulty::new(fault));
        for id in ids {
            assert!(failed.contains(id), "{fault:?} fails {failed:?}, not {id}");
        }
    }
}

#[test]
fn a_server_that_stops_is_left_alone() {
    let (failed, summary) = grade(Faulty::new(Fault::DiesOfReset));
    assert_eq!(summary.server, Server::Stopped);
    assert_eq!(
        failed.len(),
        1,
        "only the check that it died of: {failed:?}"
    );
    assert!(summary.skipped > 10, "{summary:?}");
}

#[test]
fn who_never_greets_is_not_graded() {
    struct Mute;
    impl Service for Mute {
        fn poll(
            &mut self,
            _: &mut greet_tests::memory::Backlog<false>,
            _: &mut greet_tests::memory::Mailbox,
            _: std::time::Duration,
        ) -> Option<std::time::Duration> {
            None
        }
    }
    let (_, summary) = grade(Mute);
    assert_eq!(summary.server, Server::NeverGreeted);
    assert_eq!((summary.passed, summary.failed, summary.skipped), (0, 0, 0));
}

#[test]
fn every_check_has_a_name_of_its_own_and_says_how_much_it_counts() {
    let ids: BTreeSet<_> = CHECKS.iter().map(|check| check.id).collect();
    assert_eq!(ids.len(), CHECKS.len());
    for check in &CHECKS {
        let word = match check.level {
            Level::Must => "MUST",
            Level::Should => "SHOULD",
        };
        assert!(check.requirement.contains(word), "{}", check.id);
        assert!(check.id.contains('/'), "{}", check.id);
    }
}

#[test]
fn the_table_of_greetings_is_that_of_the_files() {
    let table: Vec<_> = CHECKS
        .iter()
        .filter_map(|check| match check.act {
            Act::Vector(vector) => Some((check.id, vector)),
            _ => None,
        })
        .collect();
    let cases = Tcp::load().one;
    assert_eq!(table.len(), cases.len());
    for ((id, vector), case) in table.iter().zip(&cases) {
        assert_eq!(*id, format!("tcp/{}", case.name));
        let pieces: Vec<_> = case.send.iter().map(vectors::Piece::bytes).collect();
        let sent: Vec<_> = vector.send.iter().map(bytes).collect();
        assert_eq!(sent, pieces, "{id}");
        assert_eq!(u64::from(vector.gap_ms), case.gap_ms, "{id}");
        assert_eq!(vector.then == Then::Fin, case.fin, "{id}");
        let reply = match vector.refusal {
            Some(refusal) => refusal.as_bytes().to_vec(),
            None => [b"Hello, ".to_vec(), sent.concat()].concat(),
        };
        assert_eq!(reply, case.reply.bytes(), "{id}");
    }
}

#[test]
fn the_table_of_messages_is_that_of_the_files() {
    let cases = Udp::load().messages;
    let mut seen = 0;
    for check in &CHECKS {
        let Act::Message(message) = check.act else {
            continue;
        };
        seen += 1;
        let case = cases
            .iter()
            .find(|case| check.id == format!("udp/{}", case.name))
            .unwrap_or_else(|| panic!("{} stands in no file", check.id));
        let datagram: Vec<u8> = message.datagram.iter().flat_map(bytes).collect();
        assert_eq!(datagram, joined(&case.datagram), "{}", check.id);
        let reply = match message.reply {
            Reply::Greeting => Some([b"Hello, ".to_vec(), datagram].concat()),
            Reply::Refusal(refusal) => Some(refusal.as_bytes().to_vec()),
            Reply::Nothing => None,
        };
        let expected = case.reply.as_ref().map(vectors::Reply::bytes);
        assert_eq!(reply, expected, "{}", check.id);
    }
    assert_eq!(seen, cases.len());
}

fn bytes(run: &Run) -> Vec<u8> {
    run.0.repeat(run.1.into())
}
