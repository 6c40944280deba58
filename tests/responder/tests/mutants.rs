//! Each check with raw frames fails where something is wrong that it is for, and each way in which a driver
//! is broken has its name as the first finding; a host without a fault passes all. In virtual time.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use greet_breakages::way::Way;
use greet_core::probe::{Case, Level};
use greet_responder::desk::{Desk, HOST, TESTER};
use greet_responder::fault::Fault;
use greet_responder::host::Host;
use greet_wire::smoltcp::wire::{IpCidr, Ipv4Address};
use greet_wire::{
    Bench, Body, Cause, RAW_CASES, RawEvent, Setup, Symptom, Verdict, Wants, grade_raw,
};
use table::{DRIVERS, PATIENT, Row, STACKS, TCP};

/// What a run came to.
struct Outcome {
    verdicts: Vec<(&'static str, Verdict)>,
    symptoms: Vec<Symptom>,
    causes: Vec<Cause>,
    /// What didn't pass, and none of those explains.
    unexplained: Vec<&'static str>,
    took: Duration,
}

impl Outcome {
    /// The checks that didn't hold.
    fn crosses(&self) -> BTreeSet<&'static str> {
        let is_cross =
            |verdict: &Verdict| matches!(verdict, Verdict::Failed(_) | Verdict::Worse(_));
        let crosses = self
            .verdicts
            .iter()
            .filter(|(_, verdict)| is_cross(verdict));
        crosses.map(|(id, _)| *id).collect()
    }
}

/// Which checks run. What takes minutes does so in virtual time, where only TCP's run.
#[derive(Clone, Copy, PartialEq)]
enum Only {
    All,
    Frames,
    Segments,
}

impl Only {
    /// What is wrong with frames is looked for by frames, and what is wrong with TCP by segments alone.
    fn picks(self, body: &Body) -> bool {
        let is_by_segments = body.wants.contains(&Wants::Server);
        match self {
            Self::All => true,
            Self::Frames => !is_by_segments,
            Self::Segments => is_by_segments,
        }
    }
}

/// What a run comes to.
fn graded(fault: Option<Fault>, to: Option<&str>, from: Option<&str>, only: Only) -> Outcome {
    let bodies: BTreeMap<_, _> = cases().map(|case| (case.about.id, case.body)).collect();
    let is_patient = only == Only::Segments;
    run((fault, to, from), is_patient, |id| only.picks(&bodies[id]))
}

/// What a patient run of some checks comes to.
fn graded_patiently(fault: Option<Fault>, checks: &[&str]) -> Outcome {
    run((fault, None, None), true, |id| checks.contains(&id))
}

fn run(
    (fault, to, from): (Option<Fault>, Option<&str>, Option<&str>),
    is_patient: bool,
    only: impl Fn(&str) -> bool,
) -> Outcome {
    let way = |fault: Option<&str>, seed| {
        fault.map_or_else(Way::faultless, |fault| {
            Way::new(fault.parse().expect("a fault"), seed)
        })
    };
    let host = Host::new(HOST.0, HOST.1, fault);
    let mut desk = Desk::new(host, way(to, 1), way(from, 2));
    let own = IpCidr::new(Ipv4Address::from(TESTER.1).into(), 24);
    let mut setup = Setup::new(TESTER.0, own, Ipv4Address::from(HOST.1).into());
    setup.is_alone = true;
    setup.lines = Some(8002);
    setup.is_physical = true;
    setup.is_patient = is_patient;
    setup.walk = Duration::from_secs(1);
    let mut bench = Bench::new(&mut desk, setup).expect("a desk works");
    let mut verdicts = Vec::new();
    grade_raw(&mut bench, |about| only(about.id), &mut |event| {
        if let RawEvent::Ended { check, verdict, .. } = event {
            verdicts.push((check.id, verdict.clone()));
        }
    })
    .expect("a desk works");
    let is_cross = |verdict: &Verdict| {
        use Verdict::{Failed, Inconclusive, Worse};
        matches!(verdict, Failed(_) | Worse(_) | Inconclusive(_))
    };
    let crosses = verdicts.iter().filter(|(_, verdict)| is_cross(verdict));
    let mut unexplained: Vec<_> = crosses.map(|(id, _)| *id).collect();
    let causes = bench.causes(&unexplained);
    for cause in &causes {
        unexplained.retain(|id| !cause.shown_by.contains(id) && !cause.may_follow.contains(id));
    }
    let symptoms = bench.symptoms().to_vec();
    Outcome {
        verdicts,
        symptoms,
        causes,
        unexplained,
        took: desk.elapsed(),
    }
}

#[test]
fn a_host_without_a_fault_passes_all() {
    let outcome = graded(None, None, None, Only::All);
    assert_eq!(outcome.verdicts.len(), cases().count());
    let is_left_out =
        |verdict: &Verdict| matches!(verdict, Verdict::Skipped(why) if why.contains("minutes"));
    let (left_out, tried): (Vec<_>, Vec<_>) = outcome
        .verdicts
        .iter()
        .partition(|(_, verdict)| is_left_out(verdict));
    // Those by segments have a test of their own.
    let by_frames: BTreeSet<_> = cases()
        .filter(|case| Only::Frames.picks(&case.body))
        .map(|case| case.about.id)
        .collect();
    let left_out = left_out.iter().map(|(id, _)| *id);
    let left_out: Vec<_> = left_out.filter(|id| by_frames.contains(id)).collect();
    let thorough = graded_patiently(None, &left_out);
    assert_eq!(thorough.verdicts.len(), left_out.len());
    for (id, verdict) in tried.into_iter().chain(&thorough.verdicts) {
        assert_eq!(*verdict, Verdict::Passed, "{id}");
    }
    assert_eq!(outcome.symptoms, []);
    assert!(outcome.took < Duration::from_mins(2), "{:?}", outcome.took);
}

#[test]
fn a_host_without_a_fault_passes_what_takes_minutes() {
    let outcome = graded(None, None, None, Only::Segments);
    assert_eq!(outcome.crosses(), BTreeSet::new());
    let length = Verdict::Noted("after 10 s".to_owned());
    assert!(outcome.verdicts.contains(&("timewait/length", length)));
    assert!(outcome.verdicts.contains(&("fin/wait2", Verdict::Passed)));
}

impl Row {
    /// What is other than it should be.
    fn fault(&self, only: Only) -> Option<String> {
        let outcome = match self.patiently {
            [] => graded(self.host, self.to, self.from, only),
            checks => graded_patiently(self.host, checks),
        };
        let crosses = outcome.crosses();
        let wanted: BTreeSet<_> = self.crosses.iter().copied().collect();
        let first = outcome.symptoms.first();
        let is_named = match first {
            Some(first) => self.symptom.is_some_and(|is_it| is_it(first)),
            None => self.symptom.is_none(),
        };
        let is_right = crosses == wanted && is_named;
        (!is_right).then(|| {
            let said = outcome
                .verdicts
                .iter()
                .filter(|(id, _)| crosses.contains(id) || wanted.contains(id));
            format!(
                "{}: {:?}\n  {:?}",
                self.name(),
                said.collect::<Vec<_>>(),
                outcome.symptoms
            )
        })
    }
}

fn all_are_found(rows: &[Row], only: Only) {
    let faults: Vec<_> = rows.iter().filter_map(|row| row.fault(only)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_way_in_which_a_driver_is_broken_is_named_first() {
    all_are_found(DRIVERS, Only::Frames);
}

/// Whatever else doesn't pass, of servers as well, may follow from the one thing that is to be mended.
#[test]
fn a_fault_of_a_driver_is_one_finding() {
    let mut wrong = Vec::new();
    let mut followers = 0;
    for row in DRIVERS.iter().filter(|row| row.symptom.is_some()) {
        let outcome = graded(row.host, row.to, row.from, Only::All);
        let (causes, unexplained) = (&outcome.causes, &outcome.unexplained);
        if causes.len() != 1 || !unexplained.is_empty() {
            wrong.push(format!("{}: {unexplained:?} {causes:?}", row.name()));
        }
        followers += causes
            .iter()
            .map(|cause| cause.may_follow.len())
            .sum::<usize>();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(followers > 0);
}

/// No fault of frames makes numbers follow from each other.
#[test]
fn what_a_stack_chooses_is_a_finding_beside_its_drivers() {
    let fault = Some("duplicate-every=10");
    let outcome = graded(Some(Fault::IsnCounter), None, fault, Only::All);
    assert_eq!(outcome.causes.len(), 1, "{:?}", outcome.causes);
    assert_eq!(outcome.unexplained, ["isn/varies"]);
}

#[test]
fn each_fault_of_a_stack_fails_its_check_and_no_other() {
    all_are_found(STACKS, Only::Frames);
}

#[test]
fn each_fault_of_tcp_fails_its_check_and_no_other() {
    for rows in TCP {
        all_are_found(rows, Only::Segments);
    }
}

/// Every check.
fn cases() -> impl Iterator<Item = &'static Case<Body>> {
    RAW_CASES.iter().copied().flatten()
}

#[test]
fn what_takes_minutes_is_found_by_a_thorough_run() {
    all_are_found(PATIENT, Only::Frames);
}

/// A check that nothing fails checks nothing.
#[test]
fn each_check_has_a_fault_that_fails_it() {
    let failed: BTreeSet<_> = table::all().flat_map(|row| row.crosses).collect();
    let unproved: Vec<_> = cases()
        .map(|case| case.about.id)
        .filter(|id| !failed.contains(id))
        .collect();
    assert!(unproved.is_empty(), "{unproved:?}");
}

/// So does a finding that nothing shows.
#[test]
fn each_finding_has_a_fault_that_is_called_so_first() {
    let rows = table::all().filter(|row| row.symptom.is_some());
    let shown: BTreeSet<_> = rows
        .filter_map(|row| {
            let only = |id: &str| row.crosses.contains(&id);
            let outcome = run((row.host, row.to, row.from), true, only);
            outcome.symptoms.first().map(Symptom::id)
        })
        .collect();
    assert_eq!(shown, table::findings().collect());
}

#[test]
fn each_fault_of_the_host_is_in_a_table() {
    let missing = Fault::ALL
        .into_iter()
        .filter(|(_, fault)| !table::all().any(|row| row.host == Some(*fault)));
    assert_eq!(missing.count(), 0);
}

/// What was seen in stacks, and the check that is for it.
const SEEN: [(Fault, &str); 23] = [
    (Fault::SynBlocksAccept, "syn/half-open"),
    (Fault::DiesOfMssZero, "mss/absurd"),
    (Fault::DiesOfOptionZero, "opt/length-zero"),
    (Fault::DiesOfUrgent, "urg/beyond"),
    (Fault::DiesOfLengthZero, "ip4/length"),
    (Fault::DiesOfLand, "src/land"),
    (Fault::DiesOfLand, "ip4/land"),
    (Fault::IsnConstant, "isn/varies"),
    (Fault::RstAnywhere, "rst/outside"),
    (Fault::NoWindowProbe, "window/zero"),
    (Fault::SendsIntoClosedWindow, "window/zero"),
    (Fault::NeverRetransmits, "rto/reply"),
    (Fault::NoBackoff, "rto/backoff"),
    (Fault::MssDefaultIgnored, "mss/default"),
    (Fault::MssDefaultIgnored, "mss/default-ip6"),
    (Fault::FinNotRepeated, "fin/lost"),
    (Fault::FinWaitForEver, "fin/wait2"),
    (Fault::UdpLengthIgnored, "udp/length"),
    (Fault::TcpUnchecked, "tcp/checksum"),
    (Fault::UdpDataUnchecked, "udp/checksum-bad"),
    (Fault::IcmpUnchecked, "icmp/checksum"),
    (Fault::HeaderUnchecked, "ip4/checksum"),
    (Fault::ClockFast, "rto/clock"),
];

/// That the rows are true, other tests show.
#[test]
fn what_was_seen_in_stacks_is_found_by_the_check_that_is_for_it() {
    for (fault, id) in SEEN {
        let finds = |row: &Row| row.host == Some(fault) && row.crosses.contains(&id);
        assert!(table::all().any(finds), "{fault}: {id}");
    }
}

/// Ids are how people pick checks.
#[test]
fn ids_are_unique_and_say_their_group() {
    let ids: Vec<_> = cases().map(|case| case.about.id).collect();
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
    assert!(ids.iter().all(|id| id.split('/').count() == 2));
    assert!(
        cases()
            .filter(|case| case.about.level == Level::Must)
            .count()
            > 20
    );
}
