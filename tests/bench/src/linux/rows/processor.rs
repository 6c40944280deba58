//! Processor time of the server for a greeting, a connection each. On a loopback the client's
//! processor does most of the packet work, so a rate would rank nobody.

use std::time::Duration;

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};

use super::{Bar, Figures, Table, judge};
use crate::linux::load::{Load, Sends};
use crate::linux::peers::{Asked, Peer};
use crate::linux::quiet::{Patience, Watch};
use crate::linux::server::{Cores, Server};

/// One column of the table.
#[derive(Clone, Copy)]
struct Column {
    title: &'static str,
    /// At once.
    clients: usize,
    /// In one round.
    greetings: u64,
    sends: Sends,
    bar: Option<Bar>,
}

const COLUMNS: [Column; 4] = [
    Column::usual("1 client", 1, 4_000),
    Column::usual("64 clients", 64, 10_000),
    Column::usual("1,000 clients", 1_000, 10_000),
    Column {
        sends: Sends::Late,
        bar: None,
        ..Column::usual("64, late names", 64, 10_000)
    },
];

impl Column {
    const fn usual(title: &'static str, clients: usize, greetings: u64) -> Self {
        Self {
            title,
            clients,
            greetings,
            sends: Sends::AtOnce,
            bar: Some(Bar::AtMost(0.70)),
        }
    }
}

/// Others may have such a share of a processor during a run.
const QUIET: f64 = 0.15;

/// A run is repeated so often until it is quiet.
const TRIES: u32 = 3;

pub(super) fn measure(table: &Table, cores: Cores, missed: &mut Vec<String>) -> anyhow::Result<()> {
    let peers = table.peers();
    let mut figures = COLUMNS.map(|_| Figures::new(&peers));
    let (mut disturbed, mut patience) = (0, Patience::new());
    for _ in 0..table.rounds {
        for (figures, column) in figures.iter_mut().zip(COLUMNS) {
            let round = peers
                .iter()
                .map(|&peer| undisturbed(peer, cores, column, &mut patience, &mut disturbed))
                .collect::<anyhow::Result<Vec<_>>>()?;
            figures.push(&round);
        }
    }
    println!("Processor time of the server for a greeting, textbook = 1:\n");
    println!(
        "| server | {} | us |",
        COLUMNS.map(|column| column.title).join(" | ")
    );
    println!("|---|---|---|---|---|---|");
    for (index, peer) in peers.iter().enumerate() {
        let ratios = figures.each_ref().map(|of| of.ratios[index].to_string());
        let micros = figures
            .each_ref()
            .map(|of| format!("{:.1}", of.absolute[index].median()));
        println!(
            "| {} | {} | {} |",
            peer.title(),
            ratios.join(" | "),
            micros.join(", ")
        );
    }
    println!();
    if disturbed > 0 {
        println!(
            "{disturbed} of {} runs were disturbed by other processes, also when repeated",
            table.rounds as usize * peers.len() * COLUMNS.len()
        );
    }
    for (figures, column) in figures.iter().zip(COLUMNS) {
        if let (Some(greet), Some(bar)) = (figures.of_greet(), column.bar) {
            let what = format!("processor time, {}", column.title);
            judge(&what, bar, figures.ratios[greet].median(), missed);
        }
    }
    Ok(())
}

/// A run of one server.
#[derive(Clone, Copy)]
struct Run {
    /// Of the server's processor, for a greeting.
    micros: f64,
    /// The larger share that others had of one of the two processors.
    foreign: f64,
}

/// Measures until nobody disturbs it. If somebody always does, the least disturbed run counts.
fn undisturbed(
    peer: Peer,
    cores: Cores,
    column: Column,
    patience: &mut Patience,
    disturbed: &mut u32,
) -> anyhow::Result<f64> {
    let mut best: Option<Run> = None;
    for _ in 0..TRIES {
        patience.wait(cores, QUIET)?;
        let run = one(peer, cores, column)?;
        if run.foreign <= QUIET {
            return Ok(run.micros);
        }
        if best.is_none_or(|best| run.foreign < best.foreign) {
            best = Some(run);
        }
    }
    *disturbed += 1;
    best.map(|best| best.micros).context("no run")
}

fn one(peer: Peer, cores: Cores, column: Column) -> anyhow::Result<Run> {
    let server = Server::start(peer, Asked::Greeting, cores)?;
    let load = Load {
        target: server.address,
        clients: column.clients,
        sends: column.sends,
    };
    let greetings = column.greetings;
    load.run(greetings / 8)?; // caches and queues warm up
    let own = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default();
    let (server_watch, load_watch) = (Watch::start(cores.server)?, Watch::start(cores.load)?);
    let (server_before, own_before) = (server.processor_time()?, own());
    load.run(greetings)?;
    let used = server.processor_time()?.saturating_sub(server_before);
    let of_load = own().saturating_sub(own_before);
    let foreign = server_watch
        .foreign(used)?
        .max(load_watch.foreign(of_load)?);
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let micros = used.as_secs_f64() * 1e6 / greetings as f64;
    Ok(Run { micros, foreign })
}
