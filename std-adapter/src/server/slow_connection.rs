//! A client who would make an acceptor wait.

use std::io;
use std::mem;
use std::net::{SocketAddr, TcpStream};

use embedded_io::ErrorKind;
use greet_core::machine::{Machine, Service, Want};
use greet_core::server::Event;
use greet_core::time::Instant;
use mio::{Interest, Registry, Token};

use crate::stream::Stream;

/// An accepted client that an event loop watches, and its place.
pub(super) struct SlowConnection<M> {
    pub(super) stream: Stream<mio::net::TcpStream>,
    pub(super) peer: SocketAddr,
    /// Since when it is there, as long as it has no machine.
    since: Instant,
    /// When it is looked at next. It need not be due then: a moment that moves away is left where it
    /// was, and costs one look.
    pub(super) timer: Instant,
    /// `None`: it is dormant. So a thousand silent clients cost a thousand times 64 bytes.
    pub(super) machine: Option<Box<M>>,
    /// What mio watches for.
    interest: Interest,
}

/// mio keeps more where it checks itself.
#[cfg(all(
    target_os = "linux",
    target_pointer_width = "64",
    not(debug_assertions)
))]
const _: () = assert!(
    size_of::<SlowConnection<[u8; 1024]>>() == 64,
    "ten thousand may be idle"
);

impl<M: Service> SlowConnection<M> {
    /// A client whom this machine serves, which was driven last at `now`. The machine stays where
    /// it is, unless the client needs it.
    pub(super) fn new(
        stream: TcpStream,
        peer: SocketAddr,
        machine: &mut Box<M>,
        more: bool,
        now: Instant,
    ) -> Self {
        let mut this = Self {
            stream: Stream::from_non_blocking(mio::net::TcpStream::from_std(stream)),
            peer,
            since: now,
            timer: due(&**machine, more, now),
            machine: None,
            interest: interest(machine.want()),
        };
        match machine.dormant() {
            Some(since) => this.since = since,
            None => this.machine = Some(mem::replace(machine, Box::new(M::VACANT))),
        }
        this
    }

    /// Its machine, in memory from `spare` if it had none.
    pub(super) fn awake(
        &mut self,
        config: &M::Config,
        spare: impl FnOnce() -> Option<Box<M>>,
    ) -> &mut M {
        self.machine.get_or_insert_with(|| {
            let mut machine = spare().unwrap_or_else(|| Box::new(M::VACANT));
            machine.begin(self.since, config);
            machine
        })
    }

    /// From when on it gives way. A dormant one is asked in the memory of `scratch`.
    pub(super) fn gives_way(&self, config: &M::Config, scratch: &mut M) -> Instant {
        if let Some(machine) = &self.machine {
            return machine.gives_way();
        }
        scratch.begin(self.since, config);
        scratch.gives_way()
    }

    /// Its machine's memory, if it can do without.
    pub(super) fn rest(&mut self) -> Option<Box<M>> {
        self.since = self.machine.as_ref()?.dormant()?;
        self.machine.take()
    }

    /// Ends it for a reason of our own side.
    pub(super) fn lose(
        mut self,
        kind: ErrorKind,
        config: &M::Config,
        tally: &mut M::Tally,
        report: impl Fn(Event<'_, M, io::Error>),
    ) {
        self.awake(config, || None).lost(kind);
        drop(self.stream); // before anybody is told
        if let Some(machine) = &self.machine {
            end(&**machine, &self.peer, tally, report);
        }
    }

    /// Has it watched from now on.
    pub(super) fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(self.stream.get_mut(), token, self.interest)
    }

    /// Has it watched for what it waits for now.
    pub(super) fn watch_on(
        &mut self,
        want: Want,
        registry: &Registry,
        token: Token,
    ) -> io::Result<()> {
        let interest = interest(want);
        if interest == self.interest {
            return Ok(());
        }
        self.interest = interest;
        registry.reregister(self.stream.get_mut(), token, interest)
    }
}

/// Counts the outcome of a client whose connection is closed, and tells of it.
pub(super) fn end<M: Service>(
    machine: &M,
    peer: &SocketAddr,
    tally: &mut M::Tally,
    report: impl Fn(Event<'_, M, io::Error>),
) {
    if let Some(outcome) = machine.outcome() {
        M::count(tally, outcome);
        report(Event::Ended {
            peer,
            outcome,
            machine,
        });
    }
}

/// When to look at a client again whose machine was driven at `now`.
pub(super) fn due(machine: &impl Machine, more: bool, now: Instant) -> Instant {
    if more { now } else { machine.due() }
}

fn interest(want: Want) -> Interest {
    match want {
        Want::Both => Interest::READABLE | Interest::WRITABLE,
        Want::Write => Interest::WRITABLE,
        Want::Read | Want::Done => Interest::READABLE,
    }
}
