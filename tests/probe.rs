//! The probe itself, under virtual time: for each check there is a server that fails it, and what
//! else happens on a network is no fault of a server.

use std::collections::BTreeSet;
use std::task::Poll;
use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::probe::{About, CASES, Cause, Event, Need, Plan, ServerState, run};
use greet_core::time::Instant;
use greet_core::transport::{Datagrams as _, Listener as _, Stream as _};
use greet_smoltcp::timeouts::Timeouts;
use greet_tests::faulty::{Fault, Faulty};
use greet_tests::lab::{Grade, SimulatedLab, SmoltcpLab, Subject, grade};
use greet_tests::memory::lab::{MemoryLab, NO_FILES, Ours, Service};
use greet_tests::memory::{Backlog, End, Mailbox};
use smoltcp_sim::Link;

fn checks() -> impl Iterator<Item = &'static About> {
    CASES.iter().copied().flatten().map(|case| &case.about)
}

/// Every check over memory.
fn grade_all(service: impl Service) -> Grade {
    grade_some(service, |_| true)
}

fn grade_some(service: impl Service, only: impl Fn(&About) -> bool) -> Grade {
    grade(&mut MemoryLab::new(service, 8), &Plan::DEFAULT, only)
}

/// Our own server, over memory.
fn ours() -> MemoryLab<Ours> {
    MemoryLab::new(Ours::default(), 8)
}

fn assert_passed(grade: &Grade) {
    assert!(grade.failed.is_empty(), "{:#?}", grade.failed);
    assert!(grade.skipped.is_empty(), "{:#?}", grade.skipped);
    assert_eq!(grade.passed.len(), checks().count());
    assert_eq!(usize::from(grade.summary.passed), checks().count());
    assert_eq!(grade.summary.server, ServerState::Lives);
}

/// What `tests/conformance.rs` says of good servers, this says of one that only could be bad.
#[test]
fn a_server_without_a_fault_passes_every_check() {
    assert_passed(&grade_all(Faulty::new(Fault::None)));
}

/// Row 10: a probe that ran out of files put a cross on the server.
#[test]
fn row_10_what_the_prober_lacks_is_skipped_and_no_fault_of_the_servers() {
    let crowds = [
        "crowd/one-more",
        "crowd/at-once",
        "crowd/latency",
        "crowd/in-any-order",
        "crowd/mixed",
        "lines/at-once",
    ];
    for (files, skipped) in [(4, &crowds[..1]), (3, &crowds[..])] {
        let mut lab = ours().with_files(files);
        let skipped = skipped.iter().map(|id| (*id, NO_FILES)).collect();
        let grade = grade(&mut lab, &Plan::DEFAULT, |_| true);
        assert_eq!(grade.failed(), BTreeSet::new(), "{files} files");
        assert_eq!(grade.skipped, skipped, "{files} files");
        let passed = usize::from(grade.summary.passed);
        assert_eq!(passed + skipped.len(), checks().count(), "{files} files");
        assert_eq!(grade.summary.server, ServerState::Lives);
    }
    let mut lab = ours().with_files(0);
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
    let mut lab = ours();
    let mut told = Vec::new();
    let late = |check: &About| check.id == "crowd/late";
    run(
        &mut lab,
        &Plan::DEFAULT,
        &mut [0; 1100],
        late,
        &mut |event| {
            if let Event::Waiting { what, left } = event {
                told.push((what, left.as_secs()));
            }
        },
    );
    let due = (1..=9).rev().map(|left| ("the deadline", left));
    assert_eq!(told, due.collect::<Vec<_>>());
}

const UNTIMELY: &str = "what is lost comes later, or not at all";

/// Frames so long that the longest datagram needs no fragments.
const JUMBO: usize = 9000;

/// A link that is cut after the greeting of one check, until then.
fn cut_after_a_greeting(to: Duration) -> SimulatedLab {
    let link = Link::new().latency(Duration::from_millis(10));
    // The first greeting and the check take 40 ms each.
    SimulatedLab::new(1, Subject::GOOD, link, JUMBO).cut(Duration::from_millis(85), to)
}

/// A SYN is repeated after 1 s, 3 s and 7 s. Two were lost, and the server was dead.
#[test]
fn a_server_that_is_busy_for_a_while_is_not_dead() {
    let only = |check: &About| check.id == "tcp/world";
    for (seconds, state) in [
        (4, ServerState::Lives),
        (6, ServerState::Lives),
        (16, ServerState::Stopped), // its deadline and the timeout are over
    ] {
        let mut lab = cut_after_a_greeting(Duration::from_secs(seconds));
        let grade = grade(&mut lab, &Plan::DEFAULT, only);
        assert_eq!(
            grade.summary.server, state,
            "{seconds} s: {:?}",
            grade.failed
        );
        assert_eq!(grade.failed.is_empty(), state == ServerState::Lives);
    }
}

/// It was "doesn't answer within 5 s", though connecting may take the deadline longer.
#[test]
fn a_server_that_is_busy_at_first_is_graded() {
    let only = |check: &About| check.id == "tcp/world";
    for (seconds, state) in [(6, ServerState::Lives), (16, ServerState::NeverGreeted)] {
        let link = Link::new().latency(Duration::from_millis(10));
        let lab = SimulatedLab::new(1, Subject::GOOD, link, JUMBO);
        let mut lab = lab.cut(Duration::ZERO, Duration::from_secs(seconds));
        let grade = grade(&mut lab, &Plan::DEFAULT, only);
        assert_eq!(grade.summary.server, state, "{seconds} s");
        assert_eq!(grade.failed.is_empty(), state == ServerState::Lives);
    }
}

/// On a link where segments may be lost, those of one client may all be.
#[test]
fn one_greeting_that_is_lost_is_no_dead_server_where_segments_are_lost() {
    let only = |check: &About| check.id == "tcp/world";
    let lab = || cut_after_a_greeting(Duration::from_secs(16));
    let strict = grade(&mut lab(), &Plan::DEFAULT, only);
    assert_eq!(strict.summary.server, ServerState::Stopped);
    assert!(strict.failed["tcp/world"].contains("the greeting after it"));
    let lossy = grade(&mut lab().untimely(UNTIMELY), &Plan::DEFAULT, only);
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
    let only = |check: &About| check.id == "crowd/half-open";
    assert_eq!(grade(&mut lab, &plan, only).failed(), BTreeSet::new());
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

/// Half-open connections should keep nobody out beyond the deadline. A client who waited too long for a
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
        let only = |check: &About| check.id == "crowd/half-open";
        let failed = grade(&mut MemoryLab::new(service, 8), &plan, only).failed;
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
    assert_passed(&grade(&mut lab, &plan, |_| true));
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
        let only = |check: &About| check.id == id;
        let link = Link::new().latency(Duration::from_millis(1));
        for failed in [
            grade(&mut SmoltcpLab::new(subject), &Plan::DEFAULT, only).failed(),
            grade(
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
    // Those of lines mode are in `tests/lines.rs`.
    for check in checks().filter(|check| check.group() != "lines") {
        let fails = |fault: &Fault| {
            let grade = grade_some(Faulty::new(*fault), |one| one.id == check.id);
            assert_ne!(grade.summary.server, ServerState::NeverGreeted, "{fault:?}");
            grade.failed.contains_key(check.id)
        };
        assert!(Fault::ALL.iter().any(fails), "nothing fails {}", check.id);
    }
}

#[test]
fn a_fault_is_found_where_it_is() {
    for fault in Fault::ALL {
        assert!(
            !grade_all(Faulty::new(fault)).failed.is_empty(),
            "{fault:?}"
        );
    }
    for (fault, ids) in [
        (Fault::Impatient, &["read/slow"][..]),
        (Fault::WritesOnce, &["read/tight"]),
        (Fault::FinIsFarewell, &["first/half-close"]),
        (Fault::LateFinIsFarewell, &["close/after-name"]),
        (Fault::Deaf, &["first/udp-answers"]),
        (Fault::SharesReply, &["crowd/at-once"]),
        (Fault::SendsAway, &["crowd/one-more"]),
        (Fault::Crowded, &["crowd/latency"]),
        (Fault::KeepsHalfOpen, &["crowd/half-open"]),
        (Fault::Endless, &["crowd/late"]),
        (Fault::FastClock, &["crowd/late"]),
        (Fault::EarlyDeadline, &["crowd/late"]),
        (Fault::SlowClock, &["crowd/late"]),
        (Fault::TimeWait, &["crowd/same-port"]),
        (Fault::SharesReply, &["crowd/mixed"]),
        (Fault::StaleBytes, &["sizes/stream", "crowd/mixed"]),
        (Fault::StaleAnswers, &["sizes/datagram"]),
        (Fault::SmallRing, &["burst/short", "burst/long"]),
        (Fault::Hasty, &["tcp/bytewise", "tcp/segments-settle"]),
        (Fault::Lossy, &["udp/burst"]),
        (Fault::DropsFragments, &["first/reassembly"]),
        (Fault::MixesUpRarely, &["crowd/in-any-order"]),
        (Fault::OneByOne, &["first/places"]),
        (Fault::DiesOfReset, &["reset/before-name"]),
        (Fault::DiesOfLeaving, &["close/before-name"]),
        (Fault::DiesOfBrokenPipe, &["close/leave"]),
    ] {
        let failed = grade_all(Faulty::new(fault)).failed();
        for id in ids {
            assert!(failed.contains(id), "{fault:?} fails {failed:?}, not {id}");
        }
    }
}

/// It was 27 crosses, which blamed C strings, UTF-8 and buffers.
#[test]
fn what_others_build_on_is_one_cross_and_the_reason_of_the_others() {
    let building_on = |need: Need, cross: &'static str| {
        checks().filter(move |check| check.needs.contains(&need) && check.id != cross)
    };
    for (fault, cross, need, reason) in [
        (
            Fault::FinIsFarewell,
            "first/half-close",
            Need::HalfClose,
            "needs half-close",
        ),
        (
            Fault::Deaf,
            "first/udp-answers",
            Need::Udp,
            "no message is answered: does the receiver reply?",
        ),
        (
            Fault::DropsFragments,
            "first/reassembly",
            Need::Reassembly,
            "needs reassembly",
        ),
    ] {
        let grade = grade_all(Faulty::new(fault));
        assert_eq!(grade.failed(), BTreeSet::from([cross]), "{fault:?}");
        let due = building_on(need, cross)
            .map(|check| (check.id, reason))
            .collect();
        assert_eq!(grade.skipped, due, "{fault:?}");
        // Nobody needs to ask for what others build on.
        let ids: Vec<_> = building_on(need, cross).map(|check| check.id).collect();
        let grade = grade_some(Faulty::new(fault), |check| ids.contains(&check.id));
        assert_eq!(grade.skipped.len() + grade.failed.len(), ids.len());
        assert!(grade.failed.len() <= 1, "{:?}", grade.failed);
    }
}

/// Loses the answers to all messages of one check.
struct Muted {
    ours: Ours,
    message: &'static [u8],
}

impl Service for Muted {
    fn poll(
        &mut self,
        backlog: &mut Backlog<false>,
        mailbox: &mut Mailbox,
        now: Instant,
    ) -> Instant {
        let mut buffer = [0; 9000];
        let mut kept = Vec::new();
        while let Poll::Ready(Ok(datagram)) = mailbox.receive_from(&mut buffer) {
            let bytes = &buffer[..datagram.len];
            if bytes != self.message {
                kept.push((bytes.to_vec(), datagram.from));
            }
        }
        for (bytes, from) in kept {
            mailbox.post(&bytes, from);
        }
        self.ours.poll(backlog, mailbox, now)
    }
}

/// All later ones were skipped: "no message is answered", though some had just been.
#[test]
fn one_silent_answer_is_one_silent_answer() {
    for first in [true, false] {
        let service = Muted {
            ours: Ours::default(),
            message: b"",
        };
        let only = |check: &About| check.group() == "udp" && (first || check.id != "udp/ada");
        let grade = grade_some(service, only);
        assert_eq!(grade.failed(), BTreeSet::from(["udp/empty"]));
        assert!(grade.skipped.is_empty(), "{:?}", grade.skipped);
    }
}

/// One who came too early by 1 ms had a cross, and one who came before him hadn't.
#[test]
fn a_client_that_is_reset_for_want_of_a_place_is_not_slow_and_may_come_back() {
    let only = |check: &About| ["crowd/one-more", "crowd/latency"].contains(&check.id);
    for clients in [4, 6] {
        let plan = Plan {
            clients,
            ..Plan::DEFAULT
        };
        // With more clients than places, those of `one-more` can't all hold one.
        let only = |check: &About| only(check) && (clients == 4 || check.id == "crowd/latency");
        let mut lab = MemoryLab::new(Faulty::new(Fault::TurnsAway), 8);
        let grade = grade(&mut lab, &plan, only);
        assert_eq!(grade.failed(), BTreeSet::new(), "{clients} clients");
        assert!(!grade.passed.is_empty());
    }
}

#[test]
fn a_clock_that_is_fast_is_named() {
    let late = |check: &About| check.id == "crowd/late";
    let grade = grade_some(Faulty::new(Fault::FastClock), late);
    let why = &grade.failed["crowd/late"];
    assert!(why.contains("Early { due: 10s, took: 1s }"), "{why}");
}

#[test]
fn a_server_that_stops_is_left_alone() {
    let Grade {
        failed, summary, ..
    } = grade_all(Faulty::new(Fault::DiesOfReset));
    assert_eq!(summary.server, ServerState::Stopped);
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
    let summary = grade_all(Mute).summary;
    assert_eq!(summary.server, ServerState::NeverGreeted);
    assert_eq!((summary.passed, summary.failed, summary.skipped), (0, 0, 0));
}
