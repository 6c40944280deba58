//! Event loops with many clients each, a thread for each loop, until the load is over.
//!
//! The server closes first, so the ports that wait (TIME-WAIT) are on its side, and this side
//! doesn't run out of them.

use std::io;
use std::thread;
use std::time::Duration;

use super::event_loop::EventLoop;
use super::load::{Load, Report};
use super::share::Share;

/// Asks for all greetings, and tells `progress` now and then how many came.
///
/// # Errors
///
/// The system has no event loop for it.
pub fn run(load: &Load<'_>, progress: impl Fn(u64, Duration)) -> io::Result<Report> {
    let clients = load.args.clients.get();
    let count = thread::available_parallelism().map_or(1, usize::from);
    let count = count.min(clients);
    // All of them are there before the first client takes a file.
    let loops: Vec<_> = (0..count)
        .map(|number| {
            let share = clients / count + usize::from(number < clients % count);
            EventLoop::new(load, share)
        })
        .collect::<io::Result<_>>()?;
    let shares = thread::scope(|scope| {
        let running: Vec<_> = loops
            .into_iter()
            .map(|one| scope.spawn(move || one.run()))
            .collect();
        while !running.iter().all(thread::ScopedJoinHandle::is_finished) {
            progress(load.done(), load.start.elapsed());
            thread::sleep(Duration::from_millis(50));
        }
        running
            .into_iter()
            .map(|one| {
                one.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect::<io::Result<Vec<_>>>()
    })?;
    let mut sum = Share::new();
    for share in shares {
        sum.add(&share);
    }
    Ok(load.report(sum))
}
