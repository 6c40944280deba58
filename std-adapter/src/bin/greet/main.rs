//! `greet`: serves greetings, asks for them, and shows that both work.
//!
//! What the program does is in the library; here are its words: arguments, lines, exit statuses.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

mod address;
mod args;
mod bench;
mod console;
mod demo;
mod hello;
mod hexdump;
mod latency;
mod probe;
mod serve;
mod terminal;
mod values;
mod wording;

use args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    terminal::set_color(args.color);
    let done = match args.command {
        Command::Serve(args) => serve::run(&args),
        Command::Hello(args) => hello::hello(&args),
        Command::Send(args) => hello::send(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Demo => demo::run(),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "greet", &mut out);
            console::print(&out)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("greet: {error:#}");
            ExitCode::FAILURE
        }
    }
}
