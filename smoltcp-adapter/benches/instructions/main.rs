//! Instructions of one greeting through the adapter, against the same exchange written by hand on
//! smoltcp: same device, same sockets, same buffers, same rules of the protocol.
//!
//! `cargo bench -p greet-smoltcp --bench instructions` runs each under callgrind, with two counts of
//! greetings, so that what it costs to start drops out. It fails if the ratio is above the limit.

mod adapter;
mod by_hand;

use std::env;
use std::process::{Command, ExitCode};

/// The adapter may cost so much of the exchange by hand.
const LIMIT: f64 = 1.05;

/// The two runs whose difference is counted.
const FEW: u64 = 1_000;
const MANY: u64 = 3_000;

/// The device of both: four frames of Ethernet's size.
type Device = greet_smoltcp::loopback::Loopback<4, 1500>;

const NAME: &str = "World";
const REPLY: &[u8] = b"Hello, World";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [way, greetings] if way == "adapter" || way == "by-hand" => {
            let greetings = greetings.parse().expect("a number of greetings");
            if way == "adapter" {
                adapter::run(greetings);
            } else {
                by_hand::run(greetings);
            }
            ExitCode::SUCCESS
        }
        _ if arguments.iter().any(|argument| argument == "--bench") => compare(),
        _ => {
            println!("skipped: only a benchmark run counts instructions (cargo bench)");
            ExitCode::SUCCESS
        }
    }
}

fn compare() -> ExitCode {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: valgrind isn't installed");
        return ExitCode::SUCCESS;
    }
    let by_hand = per_greeting("by-hand");
    let adapter = per_greeting("adapter");
    let ratio = adapter / by_hand;
    println!("by hand   {by_hand:>8.0} instructions a greeting");
    println!("adapter   {adapter:>8.0}");
    println!("ratio     {ratio:>8.3} (at most {LIMIT})");
    if ratio > LIMIT {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn per_greeting(way: &str) -> f64 {
    let more = instructions(way, MANY) - instructions(way, FEW);
    more as f64 / (MANY - FEW) as f64
}

/// What callgrind counts for the whole program.
fn instructions(way: &str, greetings: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().expect("this program has a path"))
        .args([way, &greetings.to_string()])
        .output()
        .expect("valgrind starts");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{way} failed:\n{report}");
    report
        .lines()
        .find_map(|line| line.split("Collected : ").nth(1))
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or_else(|| panic!("callgrind doesn't say what it collected:\n{report}"))
}
