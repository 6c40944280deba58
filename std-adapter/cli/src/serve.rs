//! `greet serve`: a server and a receiver until Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::Receiver as Signals;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use greet_std::core::limits::{Limits, TCP_PORT, UDP_PORT};
use greet_std::{Receiver, ReceiverHandle, Server, server};

use crate::address::Address;
use crate::args::{ServeArgs, wrong};
use crate::console;
use crate::signals::{self, Signal};
use crate::wording::{Listening, Style, Summary, Wording};

pub fn run(args: &ServeArgs) -> Result<()> {
    let (tcp, udp) = bind(args)?;
    let signals = signals::listen()?;
    let stop = Stop {
        tcp: tcp.as_ref().map(Server::handle),
        udp: udp.as_ref().map(Receiver::handle),
    };
    let style = if args.json {
        Style::Json
    } else {
        Style::Sentences
    };
    stop.clone().on_signals(signals, args.grace, style)?;
    let wording = Wording {
        style,
        quiet: args.quiet,
        replies: args.reply,
    };
    if let Some(server) = &tcp {
        wording.listening(Listening::Tcp(server.local_addr()));
    }
    if let Some(receiver) = &udp {
        wording.listening(Listening::Udp(receiver.local_addr()));
    }
    let summary = serve(tcp, udp, &stop, wording)?;
    wording.summary(summary);
    Ok(())
}

/// Runs both until they are stopped. When one fails, the other is stopped.
fn serve(
    tcp: Option<Server>,
    udp: Option<Receiver>,
    stop: &Stop,
    wording: Wording,
) -> Result<Summary> {
    thread::scope(|scope| {
        let messages = scope.spawn(move || {
            let done = udp
                .map(|receiver| receiver.run(|event| wording.message(event)))
                .transpose();
            done.inspect_err(|_| stop.gracefully())
        });
        let greetings = tcp
            .map(|server| server.run(|event| wording.client(event)))
            .transpose()
            .inspect_err(|_| stop.gracefully());
        let messages = messages
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(Summary {
            greetings: greetings?,
            messages: messages?,
        })
    })
}

/// Stops what runs.
#[derive(Clone)]
struct Stop {
    tcp: Option<server::Handle>,
    udp: Option<ReceiverHandle>,
}

impl Stop {
    /// On Ctrl-C and SIGTERM: the first lets clients finish, for so long as they are granted; the
    /// second, or the end of that time, doesn't. The next ends the program without a word.
    fn on_signals(self, signals: Signals<Signal>, grace: Duration, style: Style) -> Result<()> {
        let act = move || {
            if signals.recv().is_err() {
                return; // none can come any more
            }
            if let Style::Sentences = style {
                console::complain(format_args!(
                    "Finishing what is in hand (again to stop at once)"
                ));
            }
            self.gracefully();
            // Another signal, or time is over.
            let _ = signals.recv_timeout(grace);
            self.at_once();
            console::hurry();
            if let Ok(signal) = signals.recv() {
                std::process::exit(signal.exit_status().into());
            }
        };
        thread::Builder::new()
            .name("greet-stop".to_owned())
            .spawn(act)
            .context("can't listen for Ctrl-C")?;
        Ok(())
    }

    fn gracefully(&self) {
        self.tcp.iter().for_each(server::Handle::stop);
        self.udp.iter().for_each(ReceiverHandle::stop);
    }

    fn at_once(&self) {
        self.tcp.iter().for_each(server::Handle::abort);
    }
}

/// With neither address given, both at their defaults; with one, only that.
fn bind(args: &ServeArgs) -> Result<(Option<Server>, Option<Receiver>)> {
    if args.reply && args.udp.is_none() && args.tcp.is_some() {
        return Err(wrong(
            "--reply is for messages over UDP: add --udp, or leave out --tcp",
        ));
    }
    let default = |port| Some(Address::from((Ipv4Addr::LOCALHOST, port)));
    let (tcp, udp) = match (&args.tcp, &args.udp) {
        (None, None) => (default(TCP_PORT), default(UDP_PORT)),
        (tcp, udp) => (tcp.clone(), udp.clone()),
    };
    let limits = Limits::DEFAULT
        .with_deadline(args.deadline)
        .with_settle(args.settle);
    let mut builder = Server::builder()
        .limits(limits)
        .max_connections(args.max_connections.get());
    if let Some(workers) = args.workers {
        builder = builder.workers(workers);
    }
    let tcp = tcp
        .map(|address| bound(&address, |all| builder.bind(all), Server::local_addr).context("TCP"))
        .transpose()?;
    let mut udp = udp
        .map(|address| {
            bound(&address, |all| Receiver::bind(all), Receiver::local_addr).context("UDP")
        })
        .transpose()?;
    if args.reply {
        udp = udp.map(|receiver| receiver.reply(args.reply_limit));
    }
    Ok((tcp, udp))
}

/// Binds the first of a host's addresses that the system grants.
fn bound<T>(
    address: &Address,
    bind: impl FnOnce(&[SocketAddr]) -> Result<T, greet_std::Error>,
    local_addr: impl FnOnce(&T) -> SocketAddr,
) -> Result<T> {
    let addresses = address.resolve()?;
    let socket = bind(&addresses).map_err(|error| address.unreached(&addresses, error))?;
    address.say_taken(&addresses, local_addr(&socket));
    Ok(socket)
}
