//! Checks with raw frames in random order, again and again: for what goes wrong once a day.

use core::time::Duration;

use greet_core::probe::About;

use crate::bench::{Bench, Chance, Stop, Verdict, Wants};
use crate::cases::RAW_CASES;
use crate::grade::{RawEvent, Unmet, end_of, grade_raw, judged, unmet};

/// So long echoes go one by one at most, each time.
const WALK: Duration = Duration::from_secs(1);

/// Runs the checks that `only` picks in random order, until the board is gone or `goes_on`, asked before each,
/// says no. Those that can't run are reported once, at the beginning.
///
/// The order and all contents follow from `seed`; identifiers and ports don't. The recording of an event has the
/// frames of the last minute, whatever checks they were of, as far as 64 MiB hold them.
///
/// # Errors
///
/// The cable carries nothing any more, or somebody wants it to end.
pub fn soak_raw(
    bench: &mut Bench<'_>,
    seed: u64,
    only: impl Fn(&About) -> bool,
    goes_on: &mut dyn FnMut() -> bool,
    report: &mut dyn FnMut(RawEvent<'_>),
) -> Result<(), Stop> {
    let all = RAW_CASES.iter().copied().flatten();
    let picked: Vec<_> = all.filter(|case| only(&case.about)).collect();
    let Some(first) = picked.first() else {
        return Ok(());
    };
    bench.begin(first.about.id);
    if !bench.find()? {
        // Each says why it didn't run.
        return grade_raw(bench, only, report);
    }
    bench.keep_last_minute();
    // All checks shall have their turn.
    bench.setup.walk = bench.setup.walk.min(WALK);
    let want = |what| picked.iter().any(|case| case.body.wants.contains(&what));
    if want(Wants::Datagrams) {
        bench.receives = Some(bench.has_receiver()?);
    }
    if want(Wants::Server) {
        bench.serves = Some(bench.has_server()?);
    }
    let mut ready = Vec::new();
    for case in picked {
        match unmet(bench, case, true) {
            None => ready.push(case),
            Some(Unmet { why, lacks }) => {
                let check = &case.about;
                report(RawEvent::Started { check });
                report(end_of(bench, case, &Verdict::Skipped(why), lacks, &[]));
            }
        }
    }
    let mut order = Chance::new(seed);
    let mut is_there = true;
    while is_there && goes_on() {
        let Some(case) = order.pick(&ready) else {
            break;
        };
        // What a check sends is the same, whatever came before it.
        bench.reseed(order.next());
        bench.begin(case.about.id);
        let check = &case.about;
        report(RawEvent::Started { check });
        let verdict = judged(bench, case, &mut is_there)?;
        let took = bench.take_latencies();
        report(end_of(bench, case, &verdict, None, &took));
        if !is_there {
            report(RawEvent::Stopped { after: check });
        }
    }
    Ok(())
}
