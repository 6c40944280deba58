//! `greet bench`: load on a greet server, with every byte of every reply checked.

use std::fmt::Write as _;
use std::io::{IsTerminal, stderr};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use serde_json::json;

use crate::args::BenchArgs;
use crate::console;
use crate::latency::shown;
use crate::signals;
use crate::terminal::{Screen, takes_escapes};

mod client;
mod event_loop;
mod fault;
mod limit;
mod lines;
mod load;
mod patience;
mod run;
mod share;

use client::Server;
use fault::sentence;
use load::{Load, Report};

pub fn run(args: &BenchArgs) -> Result<()> {
    let (server, target) = if args.udp {
        let server = args.server.over_udp()?;
        (server, Server::Udp(server))
    } else {
        let server = args.server.over_tcp(args.timeout)?;
        let target = if args.lines {
            Server::Lines(server, args.depth)
        } else {
            Server::Tcp(server)
        };
        (server, target)
    };
    signals::note_first()?;
    let shows = !args.json && stderr().is_terminal() && takes_escapes(&stderr());
    let report = run::run(&Load::new(args, target), |done, elapsed| {
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
        in_words(args, &report)
    };
    console::print(text.as_bytes())?;
    conclude(args, server, &report)
}

/// Success only if nothing failed. What this machine lacked isn't the server's fault, but the
/// figures aren't what was asked for.
fn conclude(args: &BenchArgs, server: SocketAddr, report: &Report) -> Result<()> {
    let mut why = Vec::new();
    if let Some(first) = &report.wrong {
        let given_up = if report.is_hopeless {
            ", and it was given up before its time"
        } else {
            ""
        };
        why.push(format!(
            "{} greetings of {server} failed{given_up}, the first so: {first}",
            report.errors
        ));
    }
    if let Some(lack) = report.lack {
        let (some, all) = (report.at_once, args.clients);
        why.push(format!(
            "clients had to wait, at most {some} of {all} asked at once: {lack}"
        ));
    }
    if !why.is_empty() {
        bail!(why.join("; "));
    }
    if report.latency.count() == 0 && report.lost > 0 {
        bail!(
            "none of {} messages was answered (does the receiver at {server} reply, as \
             `greet serve --reply` does?)",
            report.lost
        );
    }
    if report.is_mute {
        bail!("{server} answers no message any more: start it again");
    }
    if report.latency.count() == 0 && signals::noted().is_none() {
        bail!("nothing was asked for: try a longer --duration");
    }
    Ok(())
}

fn in_words(args: &BenchArgs, report: &Report) -> String {
    let mut text = String::new(); // which takes everything
    let count = report.latency.count();
    if count == 0 {
        return text;
    }
    let _ = write!(
        text,
        "{count} greetings in {}, {} in a second, every byte right",
        shown(report.took),
        rounded(report.rate())
    );
    if report.lost > 0 {
        let percent = 100.0 * float(report.lost) / float(report.lost + count);
        let _ = write!(text, ", {} lost ({percent:.2} %)", report.lost);
    }
    let _ = write!(text, ": {}", report.latency.sentence());
    let screen = Screen::of_stdout();
    let mut text = screen.paragraph(&text, "  ");
    for bar in report.latency.bars(screen.width) {
        text += &bar;
        text.push('\n');
    }
    if report.not_begun > 0
        && let Some(rate) = args.rate
    {
        let sentence = format!(
            "At {rate} in a second {} more were due, for which no client was free: the figures are \
             not of that rate. Lower --rate, or raise --clients.",
            report.not_begun
        );
        text += &screen.paragraph(&sentence, "  ");
    }
    if let Some(limit) = report.limit {
        let sentence = format!(
            "The server answers {limit} messages of one source in a second, and no more: use \
             `--rate {}`, or raise its limit (`greet serve --reply-limit`).",
            within(limit)
        );
        text += &screen.paragraph(&sentence, "  ");
    }
    text
}

fn in_json(args: &BenchArgs, server: SocketAddr, report: &Report) -> String {
    let line = json!({
        "event": "bench",
        "server": server,
        "protocol": match (args.udp, args.lines) {
            (true, _) => "udp",
            (_, true) => "lines",
            _ => "tcp",
        },
        "clients": args.clients,
        "depth": args.depth,
        "clients_at_once": report.at_once,
        "greetings": report.latency.count(),
        "lost": report.lost,
        "errors": report.errors,
        "not_begun": report.not_begun,
        "seconds": report.took.as_secs_f64(),
        "greetings_per_second": (report.rate() * 10.0).round() / 10.0,
        "limit_per_second": report.limit,
        "latency_us": report.latency.in_json(),
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

/// A rate that a limit leaves room for, whenever the server's seconds begin.
fn within(limit: u64) -> u64 {
    (limit - limit.div_ceil(10)).max(1)
}

/// Few in a second need a digit after the point.
fn rounded(rate: f64) -> String {
    if rate < 10.0 {
        format!("{rate:.1}")
    } else {
        format!("{rate:.0}")
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact for years of any load")]
fn float(count: u64) -> f64 {
    count as f64
}
