//! Processor time of the server for a greeting, a connection each. On a loopback the client's
//! processor does most of the packet work, so a rate would rank nobody.

use super::{Bar, Figures, Table, judge};
use crate::linux::load::Load;
use crate::linux::peers::Peer;
use crate::linux::server::{Cores, Server};

/// Clients at once, and greetings in one round.
const LOADS: [(usize, u64); 3] = [(1, 4_000), (64, 10_000), (1_000, 10_000)];

const BAR: Bar = Bar::AtMost(0.70);

pub(super) fn measure(table: &Table, cores: Cores, missed: &mut Vec<String>) -> anyhow::Result<()> {
    let peers = table.peers();
    let mut columns = LOADS.map(|_| Figures::new(&peers));
    for _ in 0..table.rounds {
        for (figures, (clients, greetings)) in columns.iter_mut().zip(LOADS) {
            let round = peers
                .iter()
                .map(|&peer| one(peer, cores, clients, greetings))
                .collect::<anyhow::Result<Vec<_>>>()?;
            figures.push(&round);
        }
    }
    println!("Processor time of the server for a greeting, textbook = 1:\n");
    println!("| server | 1 client | 64 clients | 1,000 clients | us at 1, 64, 1,000 |");
    println!("|---|---|---|---|---|");
    for (index, peer) in peers.iter().enumerate() {
        let [one, some, many] = &columns;
        println!(
            "| {} | {} | {} | {} | {:.1}, {:.1}, {:.1} |",
            peer.title(),
            one.ratios[index],
            some.ratios[index],
            many.ratios[index],
            one.absolute[index].median(),
            some.absolute[index].median(),
            many.absolute[index].median(),
        );
    }
    println!();
    for (figures, (clients, _)) in columns.iter().zip(LOADS) {
        if let Some(greet) = figures.of_greet() {
            let what = format!("processor time at {clients} clients");
            judge(&what, BAR, figures.ratios[greet].median(), missed);
        }
    }
    Ok(())
}

/// Microseconds of the server for a greeting.
fn one(peer: Peer, cores: Cores, clients: usize, greetings: u64) -> anyhow::Result<f64> {
    let server = Server::start(peer, cores)?;
    let load = Load {
        target: server.address,
        clients,
    };
    load.run(greetings / 8)?; // caches and queues warm up
    let before = server.processor_time()?;
    load.run(greetings)?;
    let used = server.processor_time()?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    Ok(used.as_secs_f64() * 1e6 / greetings as f64)
}
