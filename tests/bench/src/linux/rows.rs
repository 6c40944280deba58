//! What is measured, row by row, and how the table is put together.

use clap::ValueEnum;

use super::Table;
use super::peers::{self, Asked, Peer};
use super::ratio::{Bar, Rounds};
use super::server::Cores;

mod idle;
pub(crate) mod lines;
mod processor;
pub(crate) mod rate;
mod split;
mod udp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// Processor time of the server for a greeting.
    Processor,
    /// Greetings a second, where the server's processor is full.
    Rate,
    /// Memory for an idle connection.
    Idle,
    /// Replies lost or reset when a name comes in two segments.
    Split,
    /// Many greetings over one connection: rate, and processor time of the server.
    Lines,
    /// Memory for an idle connection in lines mode.
    LinesIdle,
    /// Messages lost at 300,000 a second.
    Udp,
}

/// Measures and prints.
pub(crate) fn print(table: &Table) -> anyhow::Result<()> {
    peers::raise_descriptor_limit()?;
    let cores = Cores::choose()?;
    println!(
        "Server on processor {}, load on {}; {} rounds, interleaved; median (quartiles).",
        cores.server, cores.load, table.rounds
    );
    let mut missed = Vec::new();
    for row in Row::value_variants() {
        if !table.only.is_empty() && !table.only.contains(row) {
            continue;
        }
        println!();
        match row {
            Row::Processor => processor::measure(table, cores, &mut missed)?,
            Row::Rate => rate::measure_in_namespace(table, cores, &mut missed)?,
            Row::Idle => idle::measure(table, Asked::Greeting, cores, &mut missed)?,
            Row::LinesIdle => idle::measure(table, Asked::Lines, cores, &mut missed)?,
            Row::Lines => lines::measure(table, cores, &mut missed)?,
            Row::Split => split::measure(table, cores, &mut missed)?,
            Row::Udp => udp::measure(table, cores, &mut missed)?,
        }
    }
    println!();
    for bar in &missed {
        println!("missed: {bar}");
    }
    anyhow::ensure!(missed.is_empty() || !table.strict, "a bar was missed");
    Ok(())
}

impl Table {
    /// The textbook's server, then its peers, then greet.
    fn peers(&self) -> Vec<Peer> {
        let wanted = |peer: &Peer| {
            *peer == Peer::Epoll
                || if self.peers.is_empty() {
                    *peer != Peer::Python || has_python()
                } else {
                    self.peers.contains(peer)
                }
        };
        Peer::value_variants()
            .iter()
            .copied()
            .filter(wanted)
            .collect()
    }
}

fn has_python() -> bool {
    let found = std::process::Command::new("python3")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        println!("plain Python: skipped, as there is no python3");
    }
    found
}

/// Prints how greet does, and notes a bar that it misses.
fn judge(what: &str, bar: Bar, figure: f64, missed: &mut Vec<String>) {
    let met = if bar.is_met(figure) { "met" } else { "MISSED" };
    println!("greet, {what}: {figure:.2}, bar {bar}: {met}");
    if !bar.is_met(figure) {
        missed.push(format!("{what}: {figure:.2}, bar {bar}"));
    }
}

/// Figures of some servers over the rounds.
struct Figures {
    peers: Vec<Peer>,
    absolute: Vec<Rounds>,
    /// To the textbook's server in the same round.
    ratios: Vec<Rounds>,
}

impl Figures {
    fn new(peers: &[Peer]) -> Self {
        Self {
            peers: peers.to_vec(),
            absolute: vec![Rounds::default(); peers.len()],
            ratios: vec![Rounds::default(); peers.len()],
        }
    }

    /// Adds a round: a figure for each server, the textbook's first.
    fn push(&mut self, round: &[f64]) {
        for (index, figure) in round.iter().enumerate() {
            self.absolute[index].push(*figure);
            self.ratios[index].push(figure / round[0]);
        }
    }

    fn of_greet(&self) -> Option<usize> {
        self.peers.iter().position(|&peer| peer == Peer::Greet)
    }
}
