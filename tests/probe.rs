//! The probe over memory, over smoltcp and across simulated networks, under virtual time: good
//! servers pass every check, and for each check there is a server that fails it.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Poll;
use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::probe::{
    Act, CHECKS, Cause, Check, Event, Lab, Level, Plan, Reply, Run, Server, Summary, Then, Verdict,
    run,
};
use greet_core::time::Instant;
use greet_core::transport::{Listener as _, Stream as _};
use greet_smoltcp::sim::{Link, Probability};
use greet_smoltcp::slot::Timeouts;
use greet_tests::faulty::{Fault, Faulty};
use greet_tests::lab::{SimulatedLab, SmoltcpLab, Subject};
use greet_tests::memory::lab::{MemoryLab, NO_FILES, Ours, Service};
use greet_tests::memory::{Backlog, End, Mailbox};
use greet_tests::vectors::{self, Tcp, Udp, joined};

/// What a run came to.
struct Grade {
    summary: Summary,
    /// What went wrong in each check that failed.
    failed: BTreeMap<&'static str, String>,
    /// Why each check was skipped that was.
    skipped: BTreeMap<&'static str, &'static str>,
}

impl Grade {
    fn failed(&self) -> BTreeSet<&'static str> {
        self.failed.keys().copied().collect()
    }

    /// Every check passed but these, which were skipped for these reasons.
    fn assert_passed(&self, name: &str, skipped: &[(&'static str, &'static str)]) {
        assert!(self.failed.is_empty(), "{name}: {:#?}", self.failed);
        assert_eq!(self.skipped, skipped.iter().copied().collect(), "{name}");
        let passed = usize::from(self.summary.passed);
        assert_eq!(passed, CHECKS.len() - skipped.len(), "{name}");
        assert_eq!(self.summary.server, Server::Lives, "{name}");
    }
}

fn grade(service: impl Service) -> Grade {
    grade_some(service, |_| true)
}

fn grade_some(service: impl Service, only: impl Fn(&Check) -> bool) -> Grade {
    grade_over(&mut MemoryLab::new(service, 8), &Plan::DEFAULT, only)
}

fn grade_over(lab: &mut impl Lab, plan: &Plan, only: impl Fn(&Check) -> bool) -> Grade {
    let (mut failed, mut skipped) = (BTreeMap::new(), BTreeMap::new());
    let summary = run(lab, plan, &mut [0; 8192], only, &mut |event| {
        if let Event::Ended {
            check,
            verdict,
            actual,
        } = event
        {
            match verdict {
                Verdict::Failed(failure) => {
                    let actual = actual.escape_ascii();
                    failed.insert(check.id, format!("{failure:?}, actual: {actual}"));
                }
                Verdict::Skipped(reason) => _ = skipped.insert(check.id, reason),
                _ => {}
            }
        }
    });
    Grade {
        summary,
        failed,
        skipped,
    }
}

#[test]
fn good_servers_pass_every_check() {
    grade(Ours::default()).assert_passed("ours", &[]);
    grade(Faulty::new(Fault::None)).assert_passed("the one that can be broken", &[]);
}

/// Row 10: a probe that ran out of files put a cross on the server.
#[test]
fn row_10_what_the_prober_lacks_is_skipped_and_no_fault_of_the_servers() {
    let crowds = ["crowd/at-once", "crowd/latency", "crowd/one-more"];
    for (files, skipped) in [(4, &crowds[2..]), (3, &crowds[..])] {
        let mut lab = MemoryLab::new(Ours::default(), 8).with_files(files);
        let skipped: Vec<_> = skipped.iter().map(|id| (*id, NO_FILES)).collect();
        grade_over(&mut lab, &Plan::DEFAULT, |_| true).assert_passed("few files", &skipped);
    }
    let mut lab = MemoryLab::new(Ours::default(), 8).with_files(0);
    let mut lacks = None;
    run(
        &mut lab,
        &Plan::DEFAULT,
        &mut [0; 1100],
        |_| true,
        &mut |event| {
            if let Event::NotGreeting { failure, .. } = event {
                lacks = Some(failure.cause);
            }
        },
    );
    assert!(matches!(lacks, Some(Cause::Lacks(NO_FILES))), "{lacks:?}");
}

/// Row 18: ten seconds passed without a word.
#[test]
fn row_18_a_long_wait_is_told_of_every_second() {
    let mut lab = MemoryLab::new(Ours::default(), 8);
    let mut told = Vec::new();
    let late = |check: &Check| check.id == "crowd/late";
    run(
        &mut lab,
        &Plan::DEFAULT,
        &mut [0; 1100],
        late,
        &mut |event| {
            if let Event::Waiting { left } = event {
                told.push(left.as_secs());
            }
        },
    );
    // It would wait for 15 s; the server speaks after 10.
    assert_eq!(told, (5..=14).rev().collect::<Vec<_>>());
}

#[test]
fn smoltcp_passes_every_check() {
    let mut lab = SmoltcpLab::new(Subject::GOOD);
    grade_over(&mut lab, &Plan::DEFAULT, |_| true).assert_passed("smoltcp", &[]);
}

/// Frames so long that the longest datagram needs no fragments.
const JUMBO: usize = 9000;

#[test]
fn smoltcp_passes_every_check_across_a_clean_network() {
    let link = Link::new().latency(Duration::from_millis(10));
    let mut lab = SimulatedLab::new(1, Subject::GOOD, link, JUMBO);
    grade_over(&mut lab, &Plan::DEFAULT, |_| true).assert_passed("a clean network", &[]);
}

const UNTIMELY: &str = "what is lost comes later, or not at all";

/// What can't be checked where packets are lost, and frames aren't jumbo.
const SKIPPED: &[(&str, &str)] = &[
    ("crowd/latency", UNTIMELY),
    ("tcp/bytewise", UNTIMELY),
    ("tcp/full-chinese", UNTIMELY),
    ("tcp/segments-settle", UNTIMELY),
    ("tcp/too-long-pieces", UNTIMELY),
    (
        "udp/too-long-far",
        "this stack can't send so long a datagram",
    ),
];

#[test]
fn smoltcp_passes_every_check_across_lossy_networks() {
    let link = Link::new()
        .latency(Duration::from_millis(10))
        .jitter(Duration::from_millis(2))
        .loss(Probability::percent(5))
        .duplication(Probability::percent(3))
        .reordering(Probability::percent(3), Duration::from_millis(15))
        .corruption(Probability::percent(2));
    // A few retransmissions in a row take half a minute. No real time passes.
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
    let subject = Subject { limits, timeouts };
    for seed in 0..40 {
        let mut lab = SimulatedLab::new(seed, subject, link.clone(), 1500).untimely(UNTIMELY);
        grade_over(&mut lab, &plan, |_| true).assert_passed(&format!("seed {seed}"), SKIPPED);
        let happened = lab.counters();
        assert!(
            happened.lost > 0
                && happened.duplicated > 0
                && happened.reordered > 0
                && happened.corrupted > 0,
            "seed {seed}: {happened:?}"
        );
    }
}

/// On a link where segments may be lost, those of one client may all be.
#[test]
fn one_greeting_that_is_lost_is_no_dead_server_where_segments_are_lost() {
    let link = Link::new().latency(Duration::from_millis(10));
    let only = |check: &Check| check.id == "tcp/world";
    // The first greeting and the check take 40 ms each.
    let (from, to) = (Duration::from_millis(85), Duration::from_millis(5_500));
    let lab = || SimulatedLab::new(1, Subject::GOOD, link.clone(), JUMBO).cut(from, to);
    let strict = grade_over(&mut lab(), &Plan::DEFAULT, only);
    assert_eq!(strict.summary.server, Server::Stopped);
    assert!(strict.failed["tcp/world"].contains("the greeting after it"));
    let lossy = grade_over(&mut lab().untimely(UNTIMELY), &Plan::DEFAULT, only);
    assert_eq!(lossy.failed(), BTreeSet::new());
}

#[test]
fn half_open_connections_may_keep_a_client_out_for_longer_than_the_timeout() {
    let link = Link::new().latency(Duration::from_millis(10));
    let plan = Plan {
        timeout: Duration::from_secs(2),
        ..Plan::DEFAULT
    };
    assert!(plan.timeout < Subject::GOOD.timeouts.handshake);
    let mut lab = SimulatedLab::new(1, Subject::GOOD, link, JUMBO);
    let only = |check: &Check| check.id == "crowd/half-open";
    assert_eq!(grade_over(&mut lab, &plan, only).failed(), BTreeSet::new());
}

/// Answers nothing but this, and only after a while, to the first client beside half-open ones.
struct Distracted {
    ours: Ours,
    reply: &'static [u8],
    client: Option<(End<false>, Instant)>,
    half_open: bool,
}

impl Service for Distracted {
    fn poll(
        &mut self,
        backlog: &mut Backlog<false>,
        mailbox: &mut Mailbox,
        now: Instant,
    ) -> Instant {
        if self.half_open
            && let Poll::Ready(Ok((client, _))) = backlog.accept(now)
        {
            self.half_open = false;
            self.client = Some((client, now + Limits::DEFAULT.deadline()));
        }
        let due = self.client.as_ref().map(|(_, due)| *due);
        if due.is_some_and(|due| now >= due)
            && let Some((mut client, _)) = self.client.take()
        {
            let _ = client.receive(&mut [0; 100]);
            let _ = client.send(self.reply);
            let _ = client.finish();
        }
        let next = self.ours.poll(backlog, mailbox, now);
        next.min(due.unwrap_or(Instant::NEVER))
    }

    fn half_open(&mut self, _: usize) {
        self.half_open = true;
    }
}

/// Half-open connections must not keep clients out for good. A client who waited too long for a
/// place, or whose name was lost, is no such client: another may be greeted.
#[test]
fn beside_half_open_connections_a_greeting_may_be_late_but_not_wrong() {
    for (timeout, reply, passes) in [
        (5, &b""[..], true), // it hears nothing for so long
        (20, b"Error: no name within 10 s\n", true),
        (20, b"Hello, you", false),
    ] {
        let service = Distracted {
            ours: Ours::default(),
            reply,
            client: None,
            half_open: false,
        };
        let plan = Plan {
            timeout: Duration::from_secs(timeout),
            ..Plan::DEFAULT
        };
        let only = |check: &Check| check.id == "crowd/half-open";
        let failed = grade_over(&mut MemoryLab::new(service, 8), &plan, only).failed;
        let reply = reply.escape_ascii();
        assert_eq!(failed.is_empty(), passes, "\"{reply}\": {failed:?}");
    }
}

#[test]
fn patience_that_exceeds_the_deadline_makes_nobody_late() {
    let link = Link::new().latency(Duration::from_millis(100));
    let plan = Plan {
        timeout: Duration::from_secs(20),
        rounds: 1,
        ..Plan::DEFAULT
    };
    let mut lab = SimulatedLab::new(1, Subject::GOOD, link, JUMBO);
    grade_over(&mut lab, &plan, |_| true).assert_passed("a slow network", &[]);
}

/// What smoltcp's sockets do for a server, they must do in time. A handshake that may last for ever
/// is no fault where others can wait: they get its socket.
#[test]
fn smoltcp_fails_with_wrong_timeouts() {
    let impatient = Timeouts {
        linger: Duration::from_millis(10),
        ..Timeouts::DEFAULT
    };
    let endless = Timeouts {
        handshake: Duration::from_hours(1),
        ..Timeouts::DEFAULT
    };
    for (id, timeouts, fails) in [
        ("read/tight", impatient, true),
        ("crowd/half-open", endless, false),
    ] {
        let subject = Subject {
            timeouts,
            ..Subject::GOOD
        };
        let only = |check: &Check| check.id == id;
        let link = Link::new().latency(Duration::from_millis(1));
        for failed in [
            grade_over(&mut SmoltcpLab::new(subject), &Plan::DEFAULT, only).failed(),
            grade_over(
                &mut SimulatedLab::new(1, subject, link, JUMBO),
                &Plan::DEFAULT,
                only,
            )
            .failed(),
        ] {
            assert_eq!(failed.contains(id), fails, "{id} with {timeouts:?}");
        }
    }
}

#[test]
fn for_each_check_there_is_a_server_that_fails_it() {
    for check in &CHECKS {
        let fails = |fault: &Fault| {
            let grade = grade_some(Faulty::new(*fault), |one| one.id == check.id);
            assert_ne!(grade.summary.server, Server::NeverGreeted, "{fault:?}");
            grade.failed.contains_key(check.id)
        };
        assert!(Fault::ALL.iter().any(fails), "nothing fails {}", check.id);
    }
}

#[test]
fn a_fault_is_found_where_it_is() {
    for fault in Fault::ALL {
        assert!(!grade(Faulty::new(fault)).failed.is_empty(), "{fault:?}");
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
        let failed = grade(Faulty::new(fault)).failed();
        for id in ids {
            assert!(failed.contains(id), "{fault:?} fails {failed:?}, not {id}");
        }
    }
}

#[test]
fn a_server_that_stops_is_left_alone() {
    let Grade {
        failed, summary, ..
    } = grade(Faulty::new(Fault::DiesOfReset));
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
        fn poll(&mut self, _: &mut Backlog<false>, _: &mut Mailbox, _: Instant) -> Instant {
            Instant::NEVER
        }
    }
    let summary = grade(Mute).summary;
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
fn the_guide_says_what_a_cross_of_each_check_means() {
    let guide = include_str!("../PROBE.md");
    let (_, meanings) = guide.split_once("| cross | look for |").expect("a table");
    let (meanings, _) = meanings.split_once("\n\n").expect("its end");
    let globs: Vec<_> = meanings
        .lines()
        .filter_map(|line| line.split('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let fits = |glob: &str, id: &str| match glob.split_once('*') {
        Some((start, end)) => id.starts_with(start) && id.ends_with(end),
        None => glob == id,
    };
    for check in &CHECKS {
        let known = globs.iter().any(|glob| fits(glob, check.id));
        assert!(known, "{} stands in no row", check.id);
    }
    for glob in globs {
        let known = CHECKS.iter().any(|check| fits(glob, check.id));
        assert!(known, "no check is called {glob}");
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
