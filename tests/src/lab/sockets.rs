//! The labs over the system's own sockets, on loopback: greet-std's servers and receiver in threads
//! of their own, and core's polled ones over greet-std's listener.
//!
//! Time is real here, so the servers are more patient than the protocol asks, for a machine that is
//! busy with something else.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use embedded_io::ErrorKind;
use greet_core::limits::Limits;
use greet_core::lines::Lines;
use greet_core::probe::{Dial, Mode, Need, ProbeStack, StackError};
use greet_core::responder::Responder;
use greet_core::server::Server as PolledServer;
use greet_core::time::Instant;
use greet_std::server::Handle;
use greet_std::{Listener, Receiver, ReceiverHandle, Server, SocketStack, Stream, UdpSocket};

use super::subject::PLACES;

/// One connection more than there are places.
const SLOTS: usize = PLACES + 1;

/// So many messages of one source in a second: nobody is held back.
const REPLIES: NonZeroU16 = NonZeroU16::MAX;

const fn limits() -> Limits {
    Limits::DEFAULT.with_settle(Duration::from_secs(1))
}

/// Servers of both modes and a receiver that replies, until this is dropped.
pub struct Serving {
    tcp: SocketAddr,
    lines: SocketAddr,
    udp: SocketAddr,
    handles: ([Handle; 2], ReceiverHandle),
    threads: Vec<JoinHandle<()>>,
}

impl Serving {
    /// Starts them at this address of loopback.
    ///
    /// # Panics
    ///
    /// The system has no sockets for them.
    pub fn at(address: IpAddr) -> Self {
        let server = Server::builder()
            .limits(limits())
            .bind((address, 0))
            .expect("a free port");
        let lines = Server::<Lines>::serving(limits())
            .bind((address, 0))
            .expect("a free port");
        let receiver = Receiver::bind((address, 0)).expect("a free port");
        let receiver = receiver.reply(REPLIES);
        Self {
            tcp: server.local_addr(),
            lines: lines.local_addr(),
            udp: receiver.local_addr(),
            handles: ([server.handle(), lines.handle()], receiver.handle()),
            threads: vec![
                thread::spawn(move || _ = server.run(|_| {}).expect("the server runs")),
                thread::spawn(move || _ = lines.run(|_| {}).expect("the server runs")),
                thread::spawn(move || _ = receiver.run(|_| {}).expect("the receiver runs")),
            ],
        }
    }

    /// What grades them.
    ///
    /// # Panics
    ///
    /// The system has no sockets for it.
    pub fn lab(&self) -> SocketStack {
        let lab = SocketStack::new(self.tcp, Some(self.udp), SLOTS);
        lab.expect("sockets").with_lines(self.lines)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        for handle in &self.handles.0 {
            handle.stop();
        }
        self.handles.1.stop();
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "a server panicked");
        }
    }
}

/// Core's polled servers and responder over greet-std's sockets, in the prober's own thread: they are
/// polled while it waits.
pub struct PolledLab {
    lab: SocketStack,
    listener: Listener,
    server: PolledServer<Stream, PLACES>,
    lines_listener: Listener,
    lines: PolledServer<Stream, PLACES, Lines>,
    mailbox: UdpSocket,
    responder: Responder<1>,
}

impl PolledLab {
    /// A server at this address of loopback, and what grades it.
    ///
    /// # Panics
    ///
    /// The system has no sockets for them.
    pub fn at(address: IpAddr) -> Self {
        let listener = Listener::bind((address, 0)).expect("a free port");
        let lines_listener = Listener::bind((address, 0)).expect("a free port");
        let mailbox = UdpSocket::bind((address, 0)).expect("a free port");
        let tcp = listener.get_ref().local_addr().expect("it listens");
        let lines = lines_listener.get_ref().local_addr().expect("it listens");
        let udp = mailbox.get_ref().local_addr().expect("it is bound");
        let lab = SocketStack::new(tcp, Some(udp), SLOTS);
        Self {
            lab: lab.expect("sockets").with_lines(lines),
            listener,
            server: PolledServer::new(limits()),
            lines_listener,
            lines: PolledServer::serving(limits()),
            mailbox,
            responder: Responder::new(REPLIES),
        }
    }
}

impl ProbeStack for PolledLab {
    type Stream<'a> = <SocketStack as ProbeStack>::Stream<'a>;

    fn now(&mut self) -> Instant {
        self.lab.now()
    }

    /// The servers' sockets wake nobody here: they are looked at every millisecond.
    fn wait(&mut self, until: Instant) {
        let now = self.lab.now();
        self.server.poll(&mut self.listener, now, |_| {});
        self.lines.poll(&mut self.lines_listener, now, |_| {});
        self.responder.poll(&mut self.mailbox, now, |_| {});
        self.lab.wait(until.min(now + Duration::from_millis(1)));
    }

    fn slots(&self) -> usize {
        self.lab.slots()
    }

    fn connect(&mut self, slot: usize, mode: Mode, dial: Dial) -> Result<(), StackError> {
        self.lab.connect(slot, mode, dial)
    }

    fn connect_again(&mut self, slot: usize, mode: Mode) -> Result<(), StackError> {
        self.lab.connect_again(slot, mode)
    }

    fn stream(&mut self, slot: usize) -> Option<Self::Stream<'_>> {
        self.lab.stream(slot)
    }

    fn no_route(&mut self, slot: usize) -> Option<&'static str> {
        self.lab.no_route(slot)
    }

    fn close(&mut self, slot: usize) {
        self.lab.close(slot);
    }

    fn unsupported(&self, need: Need) -> Option<&'static str> {
        self.lab.unsupported(need)
    }

    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>> {
        self.lab.send_datagram(datagram)
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        self.lab.receive_datagram(buffer)
    }
}
