//! `cargo soak`: random networks with random clients, seed after seed, until one fails.
//!
//! It exits with 1 at the first failure, and says how to look at it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use greet_tests::soak::Report;
use greet_tests::soak::campaign::{self, Failure, Totals};
use indicatif::{ProgressBar, ProgressStyle};

/// Runs random networks with random clients, and checks that every greeting survives.
#[derive(Parser)]
struct Options {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// How many seeds to run.
    #[arg(long, default_value_t = 1000, conflicts_with = "seconds")]
    seeds: u64,
    /// Run for so many seconds instead, however many seeds that takes.
    #[arg(long)]
    seconds: Option<u64>,
    /// Run this seed alone: the way to see a failure again.
    #[arg(long, conflicts_with_all = ["first", "seeds", "seconds"])]
    seed: Option<u64>,
    /// How many seeds run side by side; 0 is one for each processor.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Where the packets of a failure go.
    #[arg(long, default_value = "target/soak")]
    folder: PathBuf,
}

type Outcome = (u64, Result<Report, Box<Failure>>);

fn main() -> ExitCode {
    let options = Options::parse();
    let start = Instant::now();
    let (first, count, end) = match (options.seed, options.seconds) {
        (Some(seed), _) => (seed, 1, None),
        (None, Some(seconds)) => (
            options.first,
            u64::MAX - options.first,
            Some(start + Duration::from_secs(seconds)),
        ),
        (None, None) => (options.first, options.seeds, None),
    };
    let bar = progress_bar(&options, count);
    let next = AtomicU64::new(first);
    let (sender, outcomes) = mpsc::channel();
    let (totals, failure) = thread::scope(|scope| {
        let stop = || next.store(u64::MAX, Ordering::Relaxed);
        for _ in 0..threads(&options) {
            let (sender, next, folder) = (sender.clone(), &next, &options.folder);
            scope.spawn(move || {
                while let Some(seed) = take(next, first, count, end) {
                    if sender.send((seed, campaign::run(seed, folder))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        collect(&outcomes, first, &bar, start, stop)
    });
    bar.finish_and_clear();
    println!("{totals}");
    println!("speed-up         {:>14.0}", speed_up(&totals, start));
    if let Some(failure) = failure {
        eprintln!("\n{failure}");
        return ExitCode::FAILURE;
    }
    let missing = totals.missing_chaos();
    // A few seeds need not have everything.
    if !missing.is_empty() && totals.seeds >= 64 {
        eprintln!("\nthere was no chaos: {}", missing.join(", "));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn threads(options: &Options) -> usize {
    match options.threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

/// The next seed, if there is one and time is left.
fn take(next: &AtomicU64, first: u64, count: u64, end: Option<Instant>) -> Option<u64> {
    if end.is_some_and(|end| Instant::now() >= end) {
        return None;
    }
    let last = first.saturating_add(count);
    let step = |seed: u64| (seed < last).then_some(seed + 1);
    next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step)
        .ok()
}

/// Adds up what comes, up to the first failure in the order of seeds.
fn collect(
    outcomes: &mpsc::Receiver<Outcome>,
    first: u64,
    bar: &ProgressBar,
    start: Instant,
    stop: impl Fn(),
) -> (Totals, Option<Box<Failure>>) {
    let mut totals = Totals::default();
    let mut failure: Option<Box<Failure>> = None;
    for (seed, outcome) in outcomes {
        match outcome {
            Ok(report) => totals.add(&report),
            Err(new) => {
                stop();
                if failure.as_ref().is_none_or(|old| seed < old.seed) {
                    failure = Some(new);
                }
            }
        }
        bar.set_position(totals.seeds);
        bar.set_message(format!(
            "seed {}, {} h simulated, {:.0} times as fast",
            first + totals.seeds,
            totals.sum.time.as_secs() / 3600,
            speed_up(&totals, start)
        ));
    }
    (totals, failure)
}

/// Virtual time over real time.
fn speed_up(totals: &Totals, start: Instant) -> f64 {
    totals.sum.time.as_secs_f64() / start.elapsed().as_secs_f64()
}

fn progress_bar(options: &Options, count: u64) -> ProgressBar {
    let (bar, template) = if options.seconds.is_some() {
        (ProgressBar::new_spinner(), "{spinner} {elapsed} {msg}")
    } else {
        (
            ProgressBar::new(count),
            "{bar:40} {pos}/{len} {elapsed} of {duration} {msg}",
        )
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
