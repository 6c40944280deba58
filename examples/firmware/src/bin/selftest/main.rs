//! The board grades itself: every check of the probe, asked of the firmware's own server and responder
//! over smoltcp on a loopback without heap, on the processor that will serve.
//!
//! No network is needed. What was found goes out through semihosting, to QEMU's console or the
//! debugger's; QEMU's exit status is the result. A check that is skipped is one that the board doesn't
//! pass, unless its sentence is a MAY: this stack's buffers are small, and it chooses its ports by itself. What a check does is core's business, and never enters here.

#![no_std]
#![no_main]

mod lab;

use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hprintln;
use firmware::board;
use firmware::network::PLACES;
use greet_core::probe::{self, CASES, Event, Failure, Level, Plan, Verdict};
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
    let mut noted = 0;
    let mut report = |event: Event<'_>| {
        if let Event::Ended { check, verdict, .. } = event {
            let is_noted = matches!(verdict, Verdict::Failed(_) | Verdict::Skipped(_));
            noted += usize::from(is_noted && check.level == Level::May);
        }
        tell(event);
    };
    let summary = probe::run(&mut Lab::take(), &plan, ROOM.take(), |_| true, &mut report);
    let checks: usize = CASES.iter().map(|group| group.len()).sum();
    let passed = usize::from(summary.passed);
    hprintln!(
        "{} of {} checks passed on the target, {} are only noted",
        passed,
        checks,
        noted
    );
    board::exit(if passed + noted == checks && passed > noted {
        EXIT_SUCCESS
    } else {
        EXIT_FAILURE
    })
}

fn tell(event: Event<'_>) {
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
            Verdict::Failed(_) if check.level == Level::May => hprintln!("noted {}", check.id),
            Verdict::Failed(failure) => {
                wrong(check.id, failure, actual);
                hprintln!("      {}", check.sentence);
            }
            _ => hprintln!("WRONG {}: {:?}", check.id, verdict),
        },
        Event::NotGreeting {
            failure, actual, ..
        } => wrong("nobody is greeted", failure, actual),
        Event::Stopped { after, .. } => hprintln!("Nobody is greeted since {}.", after.id),
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
