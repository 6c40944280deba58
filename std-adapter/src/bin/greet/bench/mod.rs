//! `greet bench`: load on a greet server, with every byte of every reply checked.

use std::fmt::Write as _;
use std::io::{IsTerminal, stderr};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use serde_json::json;

use crate::args::BenchArgs;
use crate::console;
use crate::latency::micros;
use crate::probe::resolve;
use crate::signals;

mod client;
mod load;

use client::Server;
use load::{Load, Report, sentence};

pub fn run(args: &BenchArgs) -> Result<()> {
    let server = resolve(&args.server)?;
    let target = if args.udp {
        Server::Udp(server)
    } else {
        Server::Tcp(server)
    };
    signals::note_first()?;
    let shows = !args.json && stderr().is_terminal();
    let report = Load::new(args, target)
        .run(|done, elapsed| {
            if shows {
                // A line that is written over.
                let seconds = elapsed.as_secs_f64();
                console::progress(format_args!("\r\u{1b}[K{done} in {seconds:.1} s"));
            }
        })
        .map_err(|error| anyhow!("can't wait for clients: {}", sentence(&error)))?;
    if shows {
        console::progress(format_args!("\r\u{1b}[K"));
    }
    let text = if args.json {
        in_json(args, server, &report)
    } else {
        in_words(&report)
    };
    console::print(text.as_bytes())?;
    match &report.wrong {
        Some(first) => bail!(
            "{} greetings of {server} failed, the first so: {first}",
            report.errors
        ),
        None if report.latency.count() > 0 => Ok(()),
        None if report.lost > 0 => bail!(
            "none of {} messages was answered (does the receiver at {server} reply, as \
             `greet serve --reply` does?)",
            report.lost
        ),
        None if signals::noted().is_some() => Ok(()),
        None => bail!("nothing was asked for: try a longer --duration"),
    }
}

fn in_words(report: &Report) -> String {
    let mut text = String::new();
    let count = report.latency.count();
    if count == 0 {
        return text;
    }
    let _ = write!(
        text, // a string takes everything
        "{count} greetings, {:.0} in a second, every byte right",
        report.rate()
    );
    if report.lost > 0 {
        let percent = 100.0 * float(report.lost) / float(report.lost + count);
        let _ = write!(text, ", {} lost ({percent:.2} %)", report.lost);
    }
    let _ = writeln!(text, ": {}", report.latency.sentence());
    for bar in report.latency.bars() {
        let _ = writeln!(text, "  < {bar}");
    }
    text
}

fn in_json(args: &BenchArgs, server: SocketAddr, report: &Report) -> String {
    let latency = &report.latency;
    let line = json!({
        "event": "bench",
        "server": server,
        "protocol": if args.udp { "udp" } else { "tcp" },
        "clients": args.clients,
        "greetings": latency.count(),
        "lost": report.lost,
        "errors": report.errors,
        "seconds": report.took.as_secs_f64(),
        "greetings per second": report.rate().round(),
        "latency in µs": {
            "median": micros(latency.percentile(50.0)),
            "p90": micros(latency.percentile(90.0)),
            "p99": micros(latency.percentile(99.0)),
            "p99.9": micros(latency.percentile(99.9)),
            "slowest": micros(latency.max()),
        },
    });
    format!("{line}\n")
}

impl Report {
    /// Greetings in a second.
    fn rate(&self) -> f64 {
        match self.took {
            Duration::ZERO => 0.0,
            took => float(self.latency.count()) / took.as_secs_f64(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact for years of any load")]
fn float(count: u64) -> f64 {
    count as f64
}
