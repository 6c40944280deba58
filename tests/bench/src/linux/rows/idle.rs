//! User memory for each of 10,000 connections that send nothing.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::{Bar, Table, judge};
use crate::linux::load::{Load, Sends};
use crate::linux::peers::Peer;
use crate::linux::server::{Cores, Server};

const CONNECTIONS: usize = 10_000;

const BAR: Bar = Bar::AtMost(200.0);

pub(super) fn measure(table: &Table, cores: Cores, missed: &mut Vec<String>) -> anyhow::Result<()> {
    println!("User memory for each of {CONNECTIONS} idle connections, in bytes:\n");
    println!("| server | bytes |");
    println!("|---|---|");
    let mut of_greet = None;
    for peer in table
        .peers()
        .into_iter()
        .filter(|peer| peer.is_concurrent())
    {
        let bytes = one(peer, cores)?;
        println!("| {} | {bytes:.0} |", peer.title());
        if peer == Peer::Greet {
            of_greet = Some(bytes);
        }
    }
    println!();
    if let Some(bytes) = of_greet {
        judge("bytes for an idle connection", BAR, bytes, missed);
    }
    Ok(())
}

fn one(peer: Peer, cores: Cores) -> anyhow::Result<f64> {
    let server = Server::start(peer, cores)?;
    let load = Load {
        target: server.address,
        clients: 64,
        sends: Sends::Late, // event loops work as well
    };
    load.run(2_000)?;
    let (descriptors, resident) = (server.descriptors()?, server.resident()?);
    let connections = (0..CONNECTIONS)
        .map(|_| TcpStream::connect(server.address))
        .collect::<Result<Vec<_>, _>>()
        .context("can't open 10,000 connections")?;
    let start = Instant::now();
    while server.descriptors()? < descriptors + CONNECTIONS {
        anyhow::ensure!(
            start.elapsed() < Duration::from_secs(30),
            "'{}' doesn't accept {CONNECTIONS} connections",
            peer.title()
        );
    }
    load.run(2_000)?; // an event loop that slept takes the others over
    let grown = server.resident()?.saturating_sub(resident);
    drop(connections);
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    Ok(grown as f64 / CONNECTIONS as f64)
}
