//! `greet serve`: servers and a receiver until Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::Receiver as Signals;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use greet_std::core::limits::{Limits, TCP_PORT, UDP_PORT};
use greet_std::core::lines::Lines;
use greet_std::core::machine::Service;
use greet_std::{Receiver, ReceiverHandle, Server, server};

use crate::address::Address;
use crate::args::{ServeArgs, wrong};
use crate::console;
use crate::count::Counter;
#[cfg(feature = "serial")]
use crate::serial;
use crate::signals::{self, Signal};
use crate::wording::{Listening, Style, Summary, Wording};

/// What was asked for.
struct Bound {
    tcp: Option<Server>,
    lines: Option<Server<Lines>>,
    udp: Option<Receiver>,
    #[cfg(feature = "serial")]
    serial: Option<serial::Server>,
    counter: Option<Counter>,
}

pub fn run(args: &ServeArgs) -> Result<()> {
    let style = if args.json {
        Style::Json
    } else {
        Style::Sentences
    };
    let wording = Wording {
        style,
        quiet: args.quiet,
        replies: args.reply,
    };
    let bound = Bound::new(args, wording)?;
    let signals = signals::listen()?;
    let stop = Stop {
        servers: bound.handles(),
        udp: bound.udp.as_ref().map(Receiver::handle),
        #[cfg(feature = "serial")]
        serial: bound.serial.as_ref().map(serial::Server::handle),
    };
    stop.clone().on_signals(signals, args.grace, style)?;
    bound.announce(wording);
    let summary = bound.serve(&stop, wording)?;
    wording.summary(summary);
    Ok(())
}

impl Bound {
    fn handles(&self) -> Vec<server::Handle> {
        let tcp = self.tcp.iter().map(Server::handle);
        tcp.chain(self.lines.iter().map(Server::handle)).collect()
    }

    fn announce(&self, wording: Wording) {
        if let Some(server) = &self.tcp {
            wording.listening(Listening::Tcp(server.local_addr()));
        }
        if let Some(server) = &self.lines {
            wording.listening(Listening::Lines(server.local_addr()));
        }
        if let Some(receiver) = &self.udp {
            wording.listening(Listening::Udp(receiver.local_addr()));
        }
        #[cfg(feature = "serial")]
        if let Some(server) = &self.serial {
            wording.listening_on_serial(server.place());
        }
    }

    /// Runs all until they are stopped. When one fails, the others are stopped.
    fn serve(self, stop: &Stop, wording: Wording) -> Result<Summary> {
        let Self {
            tcp,
            lines,
            udp,
            #[cfg(feature = "serial")]
            serial,
            counter,
        } = self;
        thread::scope(|scope| {
            let messages = scope.spawn(move || {
                udp.map(|receiver| receiver.run(|event| wording.message(event)))
                    .transpose()
                    .inspect_err(|_| stop.gracefully())
            });
            let lines = scope.spawn(move || {
                lines
                    .map(|server| server.run(|event| wording.client_of_lines(event)))
                    .transpose()
                    .inspect_err(|_| stop.gracefully())
            });
            #[cfg(feature = "serial")]
            let serial = scope.spawn(move || {
                serial
                    .map(|server| server.run(wording))
                    .transpose()
                    .inspect_err(|_| stop.gracefully())
            });
            let greetings = tcp
                .map(|server| server.run(|event| wording.client(event)))
                .transpose()
                .inspect_err(|_| stop.gracefully());
            let (lines, messages) = (joined(lines)?, joined(messages)?);
            Ok(Summary {
                #[cfg(feature = "serial")]
                serial: joined(serial)?,
                #[cfg(not(feature = "serial"))]
                serial: None,
                lines,
                messages,
                greetings: greetings?,
                counted: counter.map(|counter| counter.finish(|event| wording.counted(event))),
            })
        })
    }
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Stops what runs.
#[derive(Clone)]
struct Stop {
    servers: Vec<server::Handle>,
    udp: Option<ReceiverHandle>,
    #[cfg(feature = "serial")]
    serial: Option<serial::Handle>,
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
        self.servers.iter().for_each(server::Handle::stop);
        self.udp.iter().for_each(ReceiverHandle::stop);
        #[cfg(feature = "serial")]
        self.serial.iter().for_each(serial::Handle::stop);
    }

    fn at_once(&self) {
        self.servers.iter().for_each(server::Handle::abort);
        #[cfg(feature = "serial")]
        self.serial.iter().for_each(serial::Handle::abort);
    }
}

impl Bound {
    /// With no address given, two at their defaults; else only those.
    fn new(args: &ServeArgs, wording: Wording) -> Result<Self> {
        let nothing = args.tcp.is_none() && args.lines.is_none();
        #[cfg(feature = "serial")]
        let nothing = nothing && args.serial.serial.is_none();
        if args.reply && args.udp.is_none() && !nothing {
            return Err(wrong(
                "--reply is for messages over UDP: add --udp, or leave out --tcp, --lines and --serial",
            ));
        }
        if args.count && args.udp.is_none() && !nothing {
            return Err(wrong(
                "--count is for messages over UDP: add --udp, or leave out --tcp, --lines and --serial",
            ));
        }
        let default = |port| Some(Address::from((Ipv4Addr::LOCALHOST, port)));
        let (tcp, udp) = if nothing && args.udp.is_none() {
            (default(TCP_PORT), default(UDP_PORT))
        } else {
            (args.tcp.clone(), args.udp.clone())
        };
        let limits = Limits::DEFAULT.with_deadline(args.deadline);
        let limits = limits.with_settle(args.settle.unwrap_or(limits.settle()));
        let tcp = server(args, tcp.as_ref(), Server::builder().limits(limits)).context("TCP")?;
        let lines = Server::serving(limits);
        let lines = server(args, args.lines.as_ref(), lines).context("lines")?;
        let mut udp = udp
            .map(|address| {
                bound(&address, |all| Receiver::bind(all), Receiver::local_addr).context("UDP")
            })
            .transpose()?;
        if args.reply {
            udp = udp.map(|receiver| receiver.reply(args.reply_limit));
        }
        let counter = args.count.then(Counter::new);
        if let Some(counter) = counter.clone() {
            udp = udp.map(|receiver| {
                receiver.screen(move |datagram, from| {
                    counter.screen(datagram, from, |event| wording.counted(event))
                })
            });
        }
        Ok(Self {
            tcp,
            lines,
            udp,
            #[cfg(feature = "serial")]
            serial: serial::Server::open(&args.serial, args.deadline, args.settle)?,
            counter,
        })
    }
}

fn server<M: Service>(
    args: &ServeArgs,
    address: Option<&Address>,
    builder: server::Builder<M>,
) -> Result<Option<Server<M>>> {
    let mut builder = builder.max_connections(args.max_connections.get());
    if let Some(workers) = args.workers {
        builder = builder.workers(workers);
    }
    address
        .map(|address| bound(address, |all| builder.bind(all), Server::local_addr))
        .transpose()
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
