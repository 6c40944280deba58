//! What a line of a soak says, in any width.

use super::*;

fn soak() -> Soak {
    Soak::new(Duration::from_hours(8), 7, Counted::Connections)
}

#[test]
fn a_trend_is_the_first_quarter_beside_the_last() {
    let mut soak = soak();
    for second in 0..100_u64 {
        soak.now = Duration::from_secs(second);
        let slow = second >= 70;
        soak.greeted(
            Duration::from_micros(if slow { 900 } else { 300 }),
            second * 10,
        );
        soak.found(Fact::Places(if slow { 3 } else { 4 }));
        soak.ended(&Verdict::PassedWithLoss {
            sent: 32,
            answered: if slow { 16 } else { 32 },
        });
    }
    let line = soak.line();
    assert_eq!(
        line,
        "soak: 1m39s of 8h, 100 checks, 990 connections (10/s), latency 0.3 -> 0.9 ms, \
         p99 0.3 -> 0.9 ms, places 4 -> 3, lost of bursts 0.0 -> 50.0 %, seed 7"
    );
    assert!(soak.parts.len() <= PARTS);
    let json = soak.json();
    assert_eq!(json["last_quarter"]["places"], 3);
    assert_eq!(json["first_quarter"]["places"], 4);
}

#[test]
fn frames_are_counted_where_there_are_no_connections() {
    let mut soak = Soak::new(Duration::from_hours(8), 7, Counted::Frames);
    let took = [Duration::from_micros(300); 9];
    soak.crossed(&took, 10, 1, 25);
    soak.now = Duration::ZERO;
    let line = soak.line();
    let rest = " latency 0.3 ms, p99 0.3 ms, lost 10.0 %, seed 7";
    assert!(line.starts_with("soak: 0s of 8h, 1 checks, 25 frames (") && line.ends_with(rest));
    assert_eq!(soak.json()["frames"], 25);
    assert_eq!(soak.until_then(), "after 1 checks and 25 frames");
}

#[test]
fn what_stays_is_said_once() {
    let mut soak = soak();
    soak.greeted(Duration::from_micros(300), 5);
    let line = soak.line();
    assert!(
        line.contains("latency 0.3 ms, p99 0.3 ms, seed 7"),
        "{line}"
    );
}

/// One that got slower, has fewer places and loses more, `hours` long.
fn worse(hours: u64, checks: u64, count: u64, seed: u64) -> Soak {
    let time = Duration::from_hours(hours);
    let mut soak = Soak::new(time, seed, Counted::Connections);
    for (now, places, took, answered) in [
        (Duration::ZERO, 6, 400, 1000),
        (time.saturating_sub(Duration::from_secs(1)), 5, 5900, 985),
    ] {
        soak.now = now;
        soak.greeted(Duration::from_micros(took), count);
        soak.found(Fact::Places(places));
        soak.ended(&Verdict::PassedWithLoss {
            sent: 1000,
            answered,
        });
    }
    soak.checks = checks;
    soak
}

#[test]
fn what_matters_fits_into_eighty_columns() {
    let line = worse(8, 251_804, 4_712_093, 5).short(79);
    assert_eq!(
        line,
        "7h59m 251804 checks p99 0.4->5.9 ms places 6->5 lost 0.0->1.5 % seed 5"
    );
    let line = worse(300, 25_180_400, 4_712_093_000, 123_456).short(79);
    assert_eq!(
        line,
        "12d11h 25180400 checks p99 0.4->5.9 ms places 6->5 lost 0.0->1.5 % seed 123456"
    );
    let line = worse(99 * 24, u64::MAX, u64::MAX, u64::MAX).short(79);
    assert_eq!(
        line,
        "98d23h p99 0.4->5.9 ms places 6->5 lost 0.0->1.5 % seed 18446744073709551615"
    );
    // On a narrow terminal, too, no number is cut.
    let line = worse(8, 251_804, 4_712_093, 5).short(39);
    assert_eq!(line, "7h59m p99 0.4->5.9 ms places 6->5");
}

#[test]
fn all_of_a_steady_soak_fits_into_eighty_columns() {
    let mut soak = soak();
    soak.greeted(Duration::from_micros(300), 4_712_093);
    soak.found(Fact::Places(6));
    soak.checks = 251_804;
    soak.now = Duration::from_secs(7 * 3600 + 121);
    assert_eq!(
        soak.short(79),
        "7h02m 251804 checks 186/s 0.3 ms p99 0.3 ms places 6 seed 7"
    );
}

#[test]
fn a_time_has_two_units_at_most() {
    let times = [59, 61, 3600, 90_000].map(|seconds| brief(Duration::from_secs(seconds)));
    assert_eq!(times, ["59s", "1m01s", "1h00m", "1d01h"]);
}

#[test]
fn it_ends_in_time_and_tells_seldom_where_lines_stay() {
    let mut soak = soak();
    soak.now = Duration::from_secs(59);
    assert!(soak.goes_on() && soak.told(None).is_none());
    soak.now = Duration::from_mins(1);
    assert!(
        soak.told(None)
            .is_some_and(|line| line.contains("\"event\":\"soak\""))
    );
    soak.now = Duration::from_secs(119);
    assert!(soak.told(None).is_none());
    soak.now = Duration::from_hours(8);
    assert!(!soak.goes_on());
}
