//! The board grades itself: every check of the probe, asked of the firmware's own server and responder
//! over smoltcp on a loopback without heap, on the processor that will serve.
//!
//! No network is needed. What was found goes out through semihosting, to QEMU's console or the
//! debugger's; QEMU's exit status is the result. A check that is skipped is one that the board doesn't
//! pass. What a check does is core's business, and never enters here.

#![no_std]
#![no_main]

mod lab;

use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hprintln;
use firmware::board;
use firmware::network::PLACES;
use greet_core::probe::{self, CASES, Event, Failure, Plan, Verdict};
use static_cell::ConstStaticCell;

use lab::{LONGEST, Lab};

/// Room for what the probe sends and receives.
static ROOM: ConstStaticCell<[u8; LONGEST]> = ConstStaticCell::new([0; LONGEST]);

#[entry]
fn main() -> ! {
    let plan = Plan {
        clients: u16::try_from(PLACES).expect("a board has fewer places"),
        ..Plan::DEFAULT
    };
    let summary = probe::run(&mut Lab::take(), &plan, ROOM.take(), |_| true, &mut report);
    let checks: usize = CASES.iter().map(|group| group.len()).sum();
    let passed = usize::from(summary.passed);
    hprintln!("{} of {} checks passed on the target", passed, checks);
    board::exit(if passed == checks && checks > 0 {
        EXIT_SUCCESS
    } else {
        EXIT_FAILURE
    })
}

fn report(event: Event<'_>) {
    match event {
        Event::Ended {
            check,
            verdict,
            actual,
        } => match verdict {
            Verdict::Passed => hprintln!("ok    {}", check.id),
            Verdict::PassedWithLoss { sent, answered } => {
                hprintln!("ok    {}: {} of {} answered", check.id, answered, sent);
            }
            Verdict::Skipped(reason) => hprintln!("skip  {}: {}", check.id, reason),
            Verdict::Inconclusive(reason) => hprintln!("WRONG {}: {}", check.id, reason),
            Verdict::Failed(failure) => {
                wrong(check.id, failure, actual);
                hprintln!("      {}", check.sentence);
            }
            _ => hprintln!("WRONG {}: {:?}", check.id, verdict),
        },
        Event::NotGreeting {
            failure, actual, ..
        } => wrong("nobody is greeted", failure, actual),
        Event::Stopped { after } => hprintln!("Nobody is greeted since {}.", after.id),
        _ => {}
    }
}

fn wrong(what: &str, Failure { during, cause }: Failure, actual: &[u8]) {
    let actual = actual.escape_ascii();
    hprintln!(
        "WRONG {}: {}: {:?}, came: \"{}\"",
        what,
        during,
        cause,
        actual
    );
}
