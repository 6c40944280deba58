//! Many greetings over connections that are kept: the rate where the server's processor is full, as for
//! one greeting a connection, and the processor time that the server takes for a batch of lines.

use std::time::Duration;

use super::{Bar, Figures, Table, judge, rate};
use crate::linux::load::lines::LinesLoad;
use crate::linux::peers::{self, Asked, Peer};
use crate::linux::server::{Cores, Server};

/// One column of the table.
#[derive(Clone, Copy)]
struct Column {
    title: &'static str,
    connections: usize,
    /// Lines that a connection has on their way.
    depth: usize,
    /// Of each connection, in one round.
    batches: u64,
}

const COLUMNS: [Column; 2] = [
    Column {
        title: "64 connections, 16 deep",
        connections: 64,
        depth: 16,
        batches: 1_500,
    },
    Column {
        title: "1 connection, 1 deep",
        connections: 1,
        depth: 1,
        batches: 30_000,
    },
];

const BAR: Bar = Bar::AtLeast(1.0);

pub(super) fn measure(table: &Table, cores: Cores, missed: &mut Vec<String>) -> anyhow::Result<()> {
    let time = rounds(table, cores, |run| run.micros)?;
    print("Processor time of the server for a batch of lines", &time);
    println!("\nIn microseconds:");
    for (index, peer) in time[0].peers.iter().enumerate() {
        let micros = time.each_ref().map(|of| of.absolute[index].to_string());
        println!("{}: {}", peer.title_of(Asked::Lines), micros.join("; "));
    }
    println!();
    let Some(figures) = rate::in_namespace(table, cores, &["--lines"])? else {
        return Ok(());
    };
    println!();
    for (column, figure) in COLUMNS.iter().zip(figures.split(' ')) {
        if let Ok(figure) = figure.parse() {
            let what = format!("rate of lines, {}", column.title);
            judge(&what, BAR, figure, missed);
        }
    }
    Ok(())
}

/// Prints the rates, and on the last line greet's ratios alone.
pub(crate) fn rate(table: &Table) -> anyhow::Result<()> {
    peers::raise_descriptor_limit()?;
    let rates = rounds(table, Cores::choose()?, |run| run.rate)?;
    print("Rate of lines with the server's processor full", &rates);
    let of_greet = rates.each_ref().map(|figures| match figures.of_greet() {
        Some(greet) => figures.ratios[greet].median().to_string(),
        None => "-".to_owned(),
    });
    println!("{}", of_greet.join(" "));
    Ok(())
}

fn rounds(
    table: &Table,
    cores: Cores,
    figure: impl Fn(Run) -> f64,
) -> anyhow::Result<[Figures; COLUMNS.len()]> {
    let mut peers = table.peers();
    peers.retain(|peer| peer.answers(Asked::Lines));
    let mut all = COLUMNS.map(|_| Figures::new(&peers));
    for _ in 0..table.rounds {
        for (figures, column) in all.iter_mut().zip(COLUMNS) {
            let round = peers
                .iter()
                .map(|&peer| one(peer, cores, column).map(&figure))
                .collect::<anyhow::Result<Vec<_>>>()?;
            figures.push(&round);
        }
    }
    Ok(all)
}

fn print(what: &str, all: &[Figures; COLUMNS.len()]) {
    println!("{what}, textbook = 1:\n");
    println!(
        "| server | {} |",
        COLUMNS.map(|column| column.title).join(" | ")
    );
    println!("|---|---|---|");
    for (index, peer) in all[0].peers.iter().enumerate() {
        let ratios = all.each_ref().map(|of| of.ratios[index].to_string());
        println!(
            "| {} | {} |",
            peer.title_of(Asked::Lines),
            ratios.join(" | ")
        );
    }
}

/// A run of one server.
#[derive(Clone, Copy)]
struct Run {
    /// Batches in a second.
    rate: f64,
    /// Of the server's processor, for a batch.
    micros: f64,
}

fn one(peer: Peer, cores: Cores, column: Column) -> anyhow::Result<Run> {
    let server = Server::start(peer, Asked::Lines, cores)?;
    let mut load = LinesLoad::open(server.address, column.connections, column.depth)?;
    load.run(column.batches / 8)?; // caches and queues warm up
    let before = server.processor_time()?;
    let took = load.run(column.batches)?;
    let used = server.processor_time()?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let batches = (column.batches * column.connections as u64) as f64;
    let each = |time: Duration| time.as_secs_f64() / batches;
    Ok(Run {
        rate: each(took).recip(),
        micros: each(used) * 1e6,
    })
}
