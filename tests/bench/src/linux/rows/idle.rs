//! User memory for each of 10,000 connections that send nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::{Bar, Table, judge};
use crate::linux::load::lines::LinesLoad;
use crate::linux::load::{Load, Sends};
use crate::linux::peers::{Asked, Peer};
use crate::linux::server::{Cores, Server};

const CONNECTIONS: usize = 10_000;

const BAR: Bar = Bar::AtMost(200.0);

/// More is kept of one that may have had answers.
const BAR_OF_LINES: Bar = Bar::AtMost(300.0);

pub(super) fn measure(
    table: &Table,
    asked: Asked,
    cores: Cores,
    missed: &mut Vec<String>,
) -> anyhow::Result<()> {
    let (what, bar) = match asked {
        Asked::Greeting => ("idle connections", BAR),
        Asked::Lines => (
            "connections in lines mode, idle after a reply",
            BAR_OF_LINES,
        ),
    };
    println!("User memory for each of {CONNECTIONS} {what}, in bytes:\n");
    println!("| server | bytes |");
    println!("|---|---|");
    let mut of_greet = None;
    for peer in table
        .peers()
        .into_iter()
        .filter(|peer| peer.keeps_many(asked))
    {
        let bytes = one(peer, asked, cores)?;
        println!("| {} | {bytes:.0} |", peer.title_of(asked));
        if peer == Peer::Greet {
            of_greet = Some(bytes);
        }
    }
    println!();
    if let Some(bytes) = of_greet {
        let what = match asked {
            Asked::Greeting => "bytes for an idle connection",
            Asked::Lines => "bytes for an idle connection in lines mode",
        };
        judge(what, bar, bytes, missed);
    }
    Ok(())
}

fn one(peer: Peer, asked: Asked, cores: Cores) -> anyhow::Result<f64> {
    let server = Server::start(peer, asked, cores)?;
    // Its connections stay open, so that they aren't counted.
    let mut lines = match asked {
        Asked::Greeting => None,
        Asked::Lines => Some(LinesLoad::open(server.address, 64, 16)?),
    };
    let mut load = || match &mut lines {
        Some(lines) => lines.run(100),
        None => Load {
            target: server.address,
            clients: 64,
            sends: Sends::Late, // event loops work as well
        }
        .run(2_000),
    };
    load()?;
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
    if asked == Asked::Lines {
        for mut connection in &connections {
            connection.write_all(b"Ada\n")?;
        }
        for mut connection in &connections {
            let mut reply = [0; b"Hello, Ada\n".len()];
            connection.read_exact(&mut reply)?;
            anyhow::ensure!(reply == *b"Hello, Ada\n", "a wrong reply");
        }
    }
    load()?; // an event loop that slept takes the others over
    let grown = server.resident()?.saturating_sub(resident);
    drop(connections);
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    Ok(grown as f64 / CONNECTIONS as f64)
}
