//! Rows of greetings over links that are well or not, and what is said of them.

use std::time::Duration;

use greet_std::core::probe::{Fact, LinkCounters};

use super::super::findings::Every;
use super::{Counts, Link, LinkReport};

/// What one greeting sees over a faultless link: four segments leave, or five, and two come, or three.
fn one(number: u16) -> (LinkCounters, Duration) {
    let mut seen = LinkCounters::default();
    let is_longer = number.wrapping_mul(40_503).count_ones() % 2 == 1;
    seen.sent = 4 + u32::from(is_longer);
    seen.received = 2 + u32::from(number.is_multiple_of(3));
    seen.mss = Some(1460);
    seen.window = Some(5840);
    seen.rtt = Some((Duration::from_micros(300), Duration::from_micros(20)));
    (seen, Duration::from_micros(900))
}

/// A thousand greetings, each changed by this, which hears how many segments went before it each way.
fn row(mut change: impl FnMut(u32, u32, &mut LinkCounters, &mut Duration)) -> LinkReport {
    let mut link = Link::watch(Counts::OwnStack);
    let (mut sent, mut received) = (0, 0);
    for number in 0..1000 {
        let (mut seen, mut took) = one(number);
        change(sent, received, &mut seen, &mut took);
        sent += seen.sent;
        received += seen.received;
        link.note(&seen, Some(took));
        link.note(&LinkCounters::default(), None);
    }
    link.report()
}

/// Which of the segments behind the first `before` are an Nth.
fn hits(before: u32, count: u32, every: u32) -> bool {
    (before + 1..=before + count).any(|segment| segment % every == 0)
}

#[test]
fn a_link_that_is_well() {
    let report = row(|_, _, _, _| ());
    assert_eq!(
        report.line(),
        "the link: 0 of 4,493 segments sent again, 0 out of order, checksums right, MSS 1460, window 5840, \
         RTT 300 µs"
    );
    assert!(!report.is_bad() && !report.is_lossy());
    let json = report.in_json();
    assert_eq!(
        (&json["segments_sent"], &json["bad"]),
        (&4493.into(), &false.into())
    );
    assert_eq!((&json["rtt_us"], &json["mss"]), (&300.into(), &1460.into()));
}

#[test]
fn what_is_lost_on_its_way_to_the_server_has_a_period() {
    let report = row(|sent, _, seen, took| {
        // SYN and the name; of the others nobody notices it.
        if hits(sent, 3, 50) {
            seen.sent += 1;
            seen.sent_again = 1;
            *took = Duration::from_millis(204);
        }
    });
    let every = Every {
        number: 50,
        to_server: true,
    };
    assert_eq!(report.period, Some(every));
    assert!(report.is_bad() && report.is_lossy() && report.stalls.is_none());
    assert!(
        report.line().contains("%, every 50th to the server), "),
        "{}",
        report.line()
    );
    let seen = report.seen();
    assert_eq!(
        (seen.every, seen.lossy, seen.stalling),
        (Some(every), true, false)
    );
}

#[test]
fn what_is_lost_on_its_way_from_the_server_comes_late() {
    let mut lost = 0;
    let report = row(|_, received, seen, took| {
        if hits(received + lost, seen.received, 47) {
            lost += 1;
            *took = Duration::from_millis(2500);
            if lost % 2 == 0 {
                seen.sent += 1;
                seen.sent_again = 1;
            }
        }
    });
    let every = Every {
        number: 47,
        to_server: false,
    };
    assert_eq!(
        (report.period, report.late),
        (Some(every), lost.div_ceil(2))
    );
    assert!(report.stalls.is_none());
    let line = report.line();
    assert!(
        line.contains(", every 47th from the server), ") && line.contains(" answers late, "),
        "{line}"
    );
}

#[test]
fn what_comes_with_the_next_frame_is_a_stall() {
    let mut link = Link::watch(Counts::OwnStack);
    for number in 0..100 {
        let (mut seen, took) = one(number);
        seen.sent_again = u32::from(number % 10 == 0);
        link.note(&seen, Some(took));
    }
    let nudged = |came, came_alone| Fact::Nudged {
        nudged: 18,
        came,
        left: 6,
        came_alone,
    };
    link.found(&nudged(2, 1));
    assert!(link.report().stalls.is_none() && link.report().is_lossy());
    link.found(&nudged(17, 0));
    link.found(&Fact::NoReassembly);
    let report = link.report();
    assert!(report.is_bad() && report.seen().stalling);
    // Nobody knows which way.
    assert_eq!(report.period, None);
    let said = report.line();
    let due = "what stood still came with the next frame (17 of 18 times, without one 0 of 6), ";
    assert!(said.contains(due), "{said}");
}

#[test]
fn a_few_late_ones_are_a_busy_machine() {
    let mut number = 0;
    let report = row(|_, _, _, took| {
        number += 1;
        if number % 200 == 0 {
            *took = Duration::from_millis(400);
        }
    });
    assert_eq!((report.disturbed, report.late), (5, 5));
    assert!(!report.is_bad(), "{}", report.line());
}

/// A busy machine sends again what has arrived, as the peer says, at once or as the connection closes.
#[test]
fn what_is_sent_again_needlessly_is_not_lost() {
    let with = |counts, needless, behind, took| {
        let mut link = Link::watch(counts);
        for number in 0..100 {
            let (mut seen, usual) = one(number);
            let is_hit = number % 10 == 0;
            if is_hit {
                (seen.sent_again, seen.needless) = (1, needless);
            }
            link.note(&seen, Some(if is_hit { took } else { usual }));
            let mut later = LinkCounters::default();
            later.needless = if is_hit { behind } else { 0 };
            link.note(&later, None);
        }
        link.report()
    };
    let (soon, late) = (Duration::from_millis(20), Duration::from_millis(204));
    let (own, sockets) = (Counts::OwnStack, Counts::Sockets);
    assert_eq!(with(own, 0, 0, soon).disturbed, 10);
    for report in [
        with(own, 1, 0, soon),
        with(own, 0, 1, soon),
        // Not every peer says so, and what Linux has lost takes longer.
        with(sockets, 0, 0, soon),
    ] {
        assert!(report.disturbed == 0 && !report.is_lossy(), "{report:?}");
    }
    // The answer was lost, or its acknowledgment.
    for counts in [own, sockets] {
        assert_eq!(with(counts, 1, 0, late).disturbed, 10);
    }
}

#[test]
fn wrong_sums_are_bad_with_their_period_or_length() {
    let mut wrong = 0;
    let report = row(|_, received, seen, took| {
        if hits(received + wrong, seen.received, 50) {
            wrong += 1;
            seen.wrong_sums = 1;
            *took = Duration::from_millis(300);
        }
    });
    assert!(report.is_bad() && report.stalls.is_none());
    let line = report.line();
    assert!(
        line.contains(&format!(", {wrong} checksums wrong (every 50th), ")),
        "{line}"
    );

    let report = row(|_, _, seen, _| (seen.wrong_sums, seen.wrong_sums_odd) = (1, 1));
    let line = report.line();
    assert!(
        line.contains(", 1,000 checksums wrong (all those of odd lengths), "),
        "{line}"
    );
    let report = row(|_, _, seen, _| {
        (seen.wrong_sums, seen.wrong_sums_odd, seen.right_sums_odd) = (1, 1, 1);
    });
    assert!(!report.only_odd_sums);
}

#[test]
fn what_the_server_announces_may_be_too_small() {
    let of = |mss, window| row(move |_, _, seen, _| (seen.mss, seen.window) = (mss, window));
    let small = of(Some(128), Some(5840));
    assert!(small.is_bad() && !small.is_lossy());
    assert!(small.line().contains(", MSS 128, window 5840, "));
    assert!(!of(Some(536), Some(1072)).is_bad());
    // What Linux sends at once of such a window is no MSS.
    let narrow = of(Some(512), Some(1024));
    assert_eq!((narrow.mss(), narrow.window()), (None, Some(1024)));
    assert!(narrow.is_bad());
}

#[test]
fn without_a_row_much_must_be_sent_again() {
    let report = |again, sent| {
        let mut link = Link::watch(Counts::OwnStack);
        let mut seen = LinkCounters::default();
        (seen.sent_again, seen.sent) = (again, sent);
        link.note(&seen, None);
        link.report()
    };
    assert!(!report(9, 100).is_lossy());
    assert!(!report(20, 1000).is_lossy());
    assert!(report(21, 1000).is_lossy());
}

#[test]
fn a_stack_that_does_not_tell_is_said_to() {
    let report = Link::watch(Counts::OwnStack).report();
    assert_eq!(
        report.line(),
        "the link: this system can't be asked what its TCP saw (Linux 5.4 and later and macOS can)"
    );
    assert!(!report.is_bad());
    assert!(report.in_json().get("segments_sent").is_none());
}
