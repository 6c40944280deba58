//! Messages lost at a paced rate, where each is shown on a file.

use std::fs;
use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::ValueEnum;

use super::{Bar, Table, judge};
use crate::linux::peers::Sink;
use crate::linux::server::{Cores, Server};

const MESSAGES: u32 = 1_000_000;
const RATE: u32 = 300_000;

/// A sender that was held up may catch up with so many at once: a burst is not the rate.
const BURST: Duration = Duration::from_millis(1);

const BAR: Bar = Bar::AtMost(0.0);

pub(super) fn measure(
    _table: &Table,
    cores: Cores,
    missed: &mut Vec<String>,
) -> anyhow::Result<()> {
    println!("Messages lost of {MESSAGES}, sent at {RATE} a second, each shown on a file:\n");
    println!("| receiver | lost | sent at |");
    println!("|---|---|---|");
    let mut of_greet = 0;
    for &sink in Sink::value_variants() {
        let (lost, rate) = one(sink, cores)?;
        println!("| {} | {lost} | {rate:.0} a second |", sink.title());
        if sink == Sink::Greet {
            of_greet = lost;
        }
    }
    println!();
    judge("messages lost", BAR, f64::from(of_greet), missed);
    Ok(())
}

/// How many were lost, and the rate at which they went.
fn one(sink: Sink, cores: Cores) -> anyhow::Result<(u32, f64)> {
    let file = std::env::temp_dir().join(format!("greet-bench-{}", std::process::id()));
    let name = sink.to_possible_value().context("a hidden receiver")?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["show", name.get_name()]).arg(&file);
    let server = Server::spawn(command, cores)?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(server.address)?;

    let step = Duration::from_secs(1) / RATE;
    let start = Instant::now();
    let mut due = start;
    for _ in 0..MESSAGES {
        let mut now = Instant::now();
        while now < due {
            std::hint::spin_loop();
            now = Instant::now();
        }
        socket.send(b"Hello, UDP!")?;
        due = (due + step).max(now.checked_sub(BURST).unwrap_or(now));
    }
    let took = start.elapsed();
    server.finish()?;
    let shown = fs::read_to_string(&file)?.lines().count();
    fs::remove_file(&file)?;
    let lost = MESSAGES.saturating_sub(u32::try_from(shown)?);
    Ok((lost, f64::from(MESSAGES) / took.as_secs_f64()))
}
