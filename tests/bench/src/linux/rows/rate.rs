//! Greetings a second where the server's processor is full, as it does the packet work of both
//! sides: soft interrupts of the loopback are moved there (`rps_cpus`).

use std::process::Stdio;

use anyhow::Context;
use clap::ValueEnum;

use super::{Bar, Figures, Table, judge};
use crate::linux::load::{Load, Sends};
use crate::linux::namespace;
use crate::linux::peers::{self, Asked, Peer};
use crate::linux::quiet::Watch;
use crate::linux::ratio::Rounds;
use crate::linux::server::{Cores, Server};

const CLIENTS: usize = 64;
const GREETINGS: u64 = 30_000;

const BAR: Bar = Bar::AtLeast(1.18);

/// Starts [`measure`] in a private network namespace, and judges what it prints.
pub(super) fn measure_in_namespace(
    table: &Table,
    cores: Cores,
    missed: &mut Vec<String>,
) -> anyhow::Result<()> {
    let Some(figure) = in_namespace(table, cores, &[])? else {
        return Ok(());
    };
    if let Ok(figure) = figure.parse() {
        println!();
        judge("rate", BAR, figure, missed);
    }
    Ok(())
}

/// Starts this program in a private network namespace, to measure rates there. Prints what it says but
/// for the last line, which is returned. `None`: there can't be such a namespace, as is said.
pub(super) fn in_namespace(
    table: &Table,
    cores: Cores,
    flags: &[&str],
) -> anyhow::Result<Option<String>> {
    let mut command = match namespace::command(cores, std::env::current_exe()?) {
        Ok(command) => command,
        Err(why) => {
            println!("Rate with the server's processor full: skipped, {why}");
            return Ok(None);
        }
    };
    command.args(["rate", "--rounds", &table.rounds.to_string()]);
    command.args(flags);
    for peer in &table.peers {
        let name = peer.to_possible_value().context("a hidden peer")?;
        command.args(["--peers", name.get_name()]);
    }
    // The namespace's processors are chosen anew: this thread is on the load's alone.
    let output = cores.unpinned(|| command.stderr(Stdio::inherit()).output())??;
    anyhow::ensure!(output.status.success(), "the rate can't be measured");
    let printed = String::from_utf8(output.stdout)?;
    let (lines, figure) = printed
        .trim_end()
        .rsplit_once('\n')
        .context("no rate was printed")?;
    println!("{lines}");
    Ok(Some(figure.to_owned()))
}

/// Prints the rates, and on the last line greet's ratio alone.
pub(crate) fn measure(table: &Table) -> anyhow::Result<()> {
    peers::raise_descriptor_limit()?;
    let cores = Cores::choose()?;
    let peers = table.peers();
    let mut figures = Figures::new(&peers);
    let mut busy = vec![Rounds::default(); peers.len()];
    for _ in 0..table.rounds {
        let mut round = Vec::new();
        for (&peer, busy) in peers.iter().zip(&mut busy) {
            let (rate, share) = one(peer, cores)?;
            round.push(rate);
            busy.push(share);
        }
        figures.push(&round);
    }
    println!("Rate with the server's processor full, {CLIENTS} clients, textbook = 1:\n");
    println!("| server | rate | processor busy |");
    println!("|---|---|---|");
    for (index, peer) in peers.iter().enumerate() {
        let (rate, busy) = (&figures.ratios[index], busy[index].median() * 100.0);
        println!("| {} | {rate} | {busy:.0} % |", peer.title());
    }
    match figures.of_greet() {
        Some(greet) => println!("{}", figures.ratios[greet].median()),
        None => println!("-"),
    }
    Ok(())
}

/// Greetings a second, and how busy the server's processor was, by anybody's work.
fn one(peer: Peer, cores: Cores) -> anyhow::Result<(f64, f64)> {
    let server = Server::start(peer, Asked::Greeting, cores)?;
    let load = Load {
        target: server.address,
        clients: CLIENTS,
        sends: Sends::AtOnce,
    };
    load.run(GREETINGS / 8)?;
    let watch = Watch::start(cores.server)?;
    let took = load.run(GREETINGS)?;
    let busy = watch.busy()?;
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let rate = GREETINGS as f64 / took.as_secs_f64();
    Ok((rate, busy))
}
