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
pub(super) struct SlowConnection<M: Service> {
    pub(super) stream: Stream<mio::net::TcpStream>,
    pub(super) peer: SocketAddr,
    /// When it is looked at next. It need not be due then: a moment that moves away is left where it
    /// was, and costs one look.
    pub(super) timer: Instant,
    keeper: Keeper<M>,
    /// What mio watches for.
    interest: Interest,
}

/// What there is of its side of the conversation. A thousand dormant clients of greetings cost a
/// thousand times 64 bytes.
enum Keeper<M: Service> {
    Awake(Box<M>),
    Dormant(M::Dormant),
}

/// mio keeps more where it checks itself.
#[cfg(all(
    target_os = "linux",
    target_pointer_width = "64",
    not(debug_assertions)
))]
const _: () = assert!(
    size_of::<SlowConnection<greet_core::exchange::Exchange>>() == 64,
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
        Self {
            stream: Stream::from_non_blocking(mio::net::TcpStream::from_std(stream)),
            peer,
            timer: due(&**machine, more, now),
            interest: interest(machine.want()),
            keeper: match machine.dormant() {
                Some(kept) => Keeper::Dormant(kept),
                None => Keeper::Awake(mem::replace(machine, Box::new(M::VACANT))),
            },
        }
    }

    /// Its machine, in memory from `spare` if it had none, and its stream.
    pub(super) fn awake(
        &mut self,
        config: &M::Config,
        spare: impl FnOnce() -> Option<Box<M>>,
    ) -> (&mut M, &mut Stream<mio::net::TcpStream>) {
        if let Keeper::Dormant(kept) = self.keeper {
            let mut machine = spare().unwrap_or_else(|| Box::new(M::VACANT));
            machine.resume(kept, config);
            self.keeper = Keeper::Awake(machine);
        }
        match &mut self.keeper {
            Keeper::Awake(machine) => (machine, &mut self.stream),
            Keeper::Dormant(_) => unreachable!("it was woken"),
        }
    }

    /// From when on it gives way. A dormant one is asked in the memory of `scratch`.
    pub(super) fn gives_way(&self, config: &M::Config, scratch: &mut M) -> Instant {
        match &self.keeper {
            Keeper::Awake(machine) => machine.gives_way(),
            Keeper::Dormant(kept) => {
                scratch.resume(*kept, config);
                scratch.gives_way()
            }
        }
    }

    /// Its machine's memory, if it can do without.
    pub(super) fn rest(&mut self) -> Option<Box<M>> {
        let Keeper::Awake(machine) = &self.keeper else {
            return None;
        };
        let kept = machine.dormant()?;
        match mem::replace(&mut self.keeper, Keeper::Dormant(kept)) {
            Keeper::Awake(machine) => Some(machine),
            Keeper::Dormant(_) => None,
        }
    }

    /// Ends it for a reason of our own side.
    pub(super) fn lose(
        mut self,
        kind: ErrorKind,
        config: &M::Config,
        tally: &mut M::Tally,
        report: impl Fn(Event<'_, M, io::Error>),
    ) {
        self.awake(config, || None).0.lost(kind);
        let peer = self.peer;
        if let Some(machine) = self.close() {
            end(&*machine, &peer, tally, report);
        }
    }

    /// Closes its connection, and hands out its machine, which stays to be told of.
    pub(super) fn close(self) -> Option<Box<M>> {
        drop(self.stream);
        match self.keeper {
            Keeper::Awake(machine) => Some(machine),
            Keeper::Dormant(_) => None,
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

/// Bytes, and where the system tells, whether there are urgent ones among them.
#[cfg(any(target_os = "linux", target_os = "android"))]
const READS: Interest = Interest::READABLE.add(Interest::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const READS: Interest = Interest::READABLE;

fn interest(want: Want) -> Interest {
    match want {
        Want::Both => READS | Interest::WRITABLE,
        Want::Write => Interest::WRITABLE,
        Want::Read | Want::Done => READS,
    }
}
