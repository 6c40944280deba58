//! `greet`: serves greetings, asks for them, and shows that both work.
//!
//! What the program does is in the library; here are its words: arguments, lines, exit statuses.

#![forbid(unsafe_code)]
// A stream that fails must change nothing but the output: `console` writes, and nobody else.
#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::io::{stderr, stdout};
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser};

mod address;
mod advice;
mod args;
mod bench;
mod console;
mod count;
mod demo;
mod find;
mod hello;
mod hexdump;
mod latency;
mod probe;
#[cfg(feature = "serial")]
mod serial;
mod serve;
mod signals;
mod terminal;
mod token;
mod values;
mod wording;

use args::{Args, Command};
use console::ReaderGone;
use signals::Signal;
use terminal::takes_escapes;

/// The exit status that a shell gives a program which SIGPIPE ended: its reader wanted no more.
const READER_GONE: u8 = 128 + 13;

fn main() -> ExitCode {
    let status = match Args::try_parse() {
        Ok(args) => {
            terminal::set_color(args.color);
            let status = exit_status(run(args.command));
            signals::noted().map_or(status, Signal::exit_status)
        }
        Err(usage) => explain(&usage),
    };
    match (console::finish(), status) {
        (false, 0) => ExitCode::FAILURE,
        (_, status) => status.into(),
    }
}

fn run(command: Command) -> Result<()> {
    match &command {
        // They listen themselves.
        Command::Serve(_) | Command::Bench(_) | Command::Probe(_) | Command::Find(_) => {}
        Command::Send(args) if args.count.is_some() => {}
        _ => signals::obey_as_first_process()?,
    }
    match command {
        Command::Serve(args) => serve::run(&args),
        #[cfg(feature = "serial")]
        Command::Hello(args) if args.serial.serial.is_some() => serial::hello(&args),
        Command::Hello(args) => hello::hello(&args),
        Command::Send(args) => hello::send(&args),
        Command::Find(args) => find::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Demo => demo::run(),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "greet", &mut out);
            console::print(&out)
        }
    }
}

fn exit_status(done: Result<()>) -> u8 {
    match done {
        Ok(()) => 0,
        Err(error) if error.is::<ReaderGone>() => READER_GONE,
        Err(error) => {
            if let Some(usage) = error.downcast_ref() {
                return explain(usage);
            }
            console::complain(format_args!("greet: {error:#}"));
            1
        }
    }
}

/// Prints the help that was asked for, or what is wrong with the command line.
fn explain(usage: &clap::Error) -> u8 {
    let text = usage.render();
    let shown = |on_colors: bool| {
        if on_colors {
            text.ansi().to_string()
        } else {
            text.to_string()
        }
    };
    if usage.use_stderr() {
        console::progress(format_args!("{}", shown(takes_escapes(&stderr()))));
        2
    } else {
        let help = shown(takes_escapes(&stdout()));
        exit_status(console::print(help.as_bytes()))
    }
}
