//! Grades a server from a program of one's own: the checks of `greet probe`, over sockets.
//!
//! Over another stack, implement `ProbeStack` for it, and the rest stays as it is.
//!
//! `cargo run --example grade [ADDRESS]`

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use greet_core::probe::{self, Event, Plan, ROOM, Verdict};
use greet_std::SocketStack;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let server: SocketAddr = address.as_deref().unwrap_or("127.0.0.1:8000").parse()?;
    let plan = Plan {
        rounds: 100,
        deadline: Duration::ZERO, // doesn't wait for it
        ..Plan::DEFAULT
    };
    let mut stack = SocketStack::new(server, None, 16)?;
    let mut room = vec![0; ROOM];
    let all = |_: &_| true;
    let summary = probe::run(
        &mut stack,
        &plan,
        &mut room,
        all,
        &mut |event| match event {
            Event::Ended {
                check,
                verdict: Verdict::Failed(failure),
                ..
            } => println!("{}: {}\n    {failure:?}", check.id, check.sentence),
            Event::NotGreeting { failure, .. } => println!("nobody greets there: {failure:?}"),
            Event::Stopped { after, .. } => println!("the server greets nobody since {}", after.id),
            _ => {}
        },
    );
    println!("passed {}, failed {}", summary.passed, summary.failed);
    Ok(())
}
