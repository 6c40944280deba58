//! The commands: the table, and what it starts as processes of its own.

use std::net::SocketAddr;

use clap::{Parser, Subcommand};

mod load;
mod namespace;
mod peers;
mod quiet;
mod ratio;
mod rows;
mod server;

use load::{Load, Sends};
use peers::{Asked, Peer};
use rows::Row;

/// What a greeting costs, beside peers in the same run.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    table: Table,
}

#[derive(clap::Args, Clone)]
struct Table {
    /// Rounds of each measurement; each server runs once in each round.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Rows to measure; all by default.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Row>,
    /// Peers to measure beside the textbook's server; all by default.
    #[arg(long, value_enum, value_delimiter = ',')]
    peers: Vec<Peer>,
    /// Fail where greet misses its bar.
    #[arg(long)]
    strict: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Serve greetings on a port that is printed, until killed.
    Serve {
        /// Which server.
        peer: Peer,
        /// A name a line, as many as a client likes.
        #[arg(long)]
        lines: bool,
    },
    /// Show messages as a first program does, until stdin ends.
    Show,
    /// Ask a server for greetings, and check every byte.
    Load {
        /// The server.
        target: SocketAddr,
        /// Greetings that are under way at once.
        #[arg(long, default_value_t = 64)]
        clients: usize,
        /// When a client sends its name.
        #[arg(long, value_enum, default_value_t = Sends::AtOnce)]
        sends: Sends,
        /// How many in all.
        #[arg(long, default_value_t = 10_000)]
        greetings: u64,
    },
    /// Measure rates in the present network namespace. The table starts this in a private one.
    #[command(hide = true)]
    Rate {
        #[command(flatten)]
        table: Table,
        /// Of lines.
        #[arg(long)]
        lines: bool,
    },
}

pub(crate) fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        None => rows::print(&arguments.table),
        Some(Command::Serve { peer, lines: true }) => peers::serve(peer, Asked::Lines),
        Some(Command::Serve { peer, lines: false }) => peers::serve(peer, Asked::Greeting),
        Some(Command::Show) => peers::show(),
        Some(Command::Rate { table, lines: true }) => rows::lines::rate(&table),
        Some(Command::Rate {
            table,
            lines: false,
        }) => rows::rate::measure(&table),
        Some(Command::Load {
            target,
            clients,
            sends,
            greetings,
        }) => {
            peers::raise_descriptor_limit()?;
            let load = Load {
                target,
                clients,
                sends,
            };
            let took = load.run(greetings)?;
            println!("{greetings} greetings, every byte checked, in {took:?}");
            Ok(())
        }
    }
}
