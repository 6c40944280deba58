//! Sockets of this machine as core's [`ProbeStack`], from which any greet server is probed.
//!
//! Everything waits in one call, for all sockets and for time. No rule of the protocol may enter.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Poll, ready};

use embedded_io::{ErrorKind, ErrorType};
#[cfg(unix)]
use greet_core::limits::DEFAULT_MSS;
use greet_core::limits::MAX_REPLY;
use greet_core::probe::{Dial, LinkCounters, Mode, Need, ProbeStack, StackError};
use greet_core::time::Instant;
use greet_core::transport::{self, Sent};
use mio::{Events, Interest, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::clock::{Clock, wait};
use crate::error::Error;
use crate::stream::Stream;
use crate::sys;
use crate::udp::UdpSocket;

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
mod info;
mod lack;
mod link;
mod ports;
#[cfg(target_os = "linux")]
mod unchecked;

use lack::classify;
use link::Link;
use ports::Ports;

/// Connects to one server: for single greetings, in lines mode, and over UDP, wherever it has an address.
///
/// Every connection has a source port of its own, as a server needn't take one again that it holds
/// in TIME-WAIT ([`reuses_ports`](Self::reuses_ports)).
///
/// ```
/// use greet_core::probe::{Plan, ServerState, run};
/// use greet_std::{Server, SocketStack};
///
/// let server = Server::bind("127.0.0.1:0")?;
/// let (address, handle) = (server.local_addr(), server.handle());
/// let running = std::thread::spawn(move || server.run(|_event| {}));
///
/// let mut stack = SocketStack::new(address, None, 8)?;
/// let some = |check: &greet_core::probe::About| check.id.starts_with("close/");
/// let summary = run(&mut stack, &Plan::DEFAULT, &mut [0; 1100], some, &mut |_event| {});
/// assert_eq!((summary.failed, summary.server), (0, ServerState::Lives));
///
/// handle.stop();
/// # running.join().expect("the server doesn't panic")?;
/// # Ok::<(), greet_std::Error>(())
/// ```
#[derive(Debug)]
pub struct SocketStack {
    server: Option<SocketAddr>,
    lines: Option<SocketAddr>,
    udp: Option<UdpSocket<mio::net::UdpSocket>>,
    slots: Vec<Option<Connection>>,
    /// Where the connection in each slot came from, or the one that was there.
    sources: Vec<Option<SocketAddr>>,
    poll: mio::Poll,
    events: Events,
    clock: Clock,
    ports: Ports,
    /// The smallest window is smaller than the longest reply, so that it closes.
    has_tiny_window: bool,
    link: Link,
}

/// A connection that is there or on its way.
#[derive(Debug)]
pub struct Connection {
    stream: Stream<mio::net::TcpStream>,
    established: bool,
    dial: Dial,
    /// FIN has come, and no RST leaves: nothing will follow.
    has_ended: bool,
    /// What broke it. The system says it once, to whichever call comes first.
    broken: Option<io::ErrorKind>,
}

impl SocketStack {
    /// A lab for the server of single greetings at an address, and for its receiver that replies at
    /// another.
    ///
    /// It can hold so many connections at once.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`]: the system has no more sockets for it.
    pub fn new(
        server: impl Into<Option<SocketAddr>>,
        udp: Option<SocketAddr>,
        slots: usize,
    ) -> Result<Self, Error> {
        let setup = |cause| Error::Setup {
            what: "a probe",
            cause,
        };
        let poll = mio::Poll::new().map_err(setup)?;
        let udp = udp
            .map(|receiver| {
                let any: SocketAddr = match receiver {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let mut socket = UdpSocket::bind(any)?.into_mio();
                // Nobody else is heard, and a closed port is.
                socket.get_ref().connect(receiver).map_err(setup)?;
                poll.registry()
                    .register(socket.get_mut(), Token(slots), Interest::READABLE)
                    .map_err(setup)?;
                Ok(socket)
            })
            .transpose()?;
        Ok(Self {
            server: server.into(),
            lines: None,
            udp,
            slots: std::iter::repeat_with(|| None).take(slots).collect(),
            sources: vec![None; slots],
            poll,
            events: Events::with_capacity(64),
            clock: Clock::start(),
            ports: Ports::of_this_system(),
            has_tiny_window: has_tiny_window().unwrap_or(false),
            link: Link::new(),
        })
    }

    /// The same, with a server in lines mode at this address.
    #[must_use]
    pub fn with_lines(mut self, lines: SocketAddr) -> Self {
        self.lines = Some(lines);
        self
    }

    /// Whether there were more connections than source ports, so that some had the port of an
    /// earlier one, which the server may still hold in TIME-WAIT.
    pub fn reuses_ports(&self) -> bool {
        self.ports.used_up()
    }

    /// Connects, from where an earlier connection came if that is wanted.
    fn dial(
        &mut self,
        slot: usize,
        mode: Mode,
        dial: Dial,
        from: Option<SocketAddr>,
    ) -> io::Result<()> {
        let address = match mode {
            Mode::Name => self.server,
            Mode::Lines => self.lines,
        };
        let address = address.ok_or(io::ErrorKind::Unsupported)?;
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?; // each send is a segment
        sys::take_urgent_inline(&socket);
        if dial == Dial::SmallWindow {
            socket.set_recv_buffer_size(SMALLEST)?;
            // Smaller ones would cut names that the protocol takes for whole.
            #[cfg(unix)]
            socket.set_tcp_mss(u32::try_from(DEFAULT_MSS).unwrap_or(u32::MAX))?;
        }
        match from {
            Some(from) => socket.bind(&from.into())?,
            None => self.ports.bind(&socket, address)?,
        }
        match socket.connect(&address.into()) {
            Err(error) if !is_underway(&error) => return Err(error),
            _ => {}
        }
        if let Some(source) = self.sources.get_mut(slot) {
            *source = socket.local_addr().ok().and_then(|from| from.as_socket());
        }
        let mut stream = mio::net::TcpStream::from_std(socket.into());
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, Token(slot), both)?;
        let connection = Connection {
            stream: Stream::from_non_blocking(stream),
            established: false,
            dial,
            has_ended: false,
            broken: None,
        };
        let place = self.slots.get_mut(slot).ok_or(io::ErrorKind::OutOfMemory)?;
        *place = Some(connection);
        Ok(())
    }
}

/// A receive buffer for which the system takes the smallest that it has.
const SMALLEST: usize = 1;

/// Whether the system has a window that the longest reply doesn't fit into. Linux takes half of the
/// buffer for what it notes of each segment, and the smallest window is 1152 bytes there.
fn has_tiny_window() -> io::Result<bool> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_recv_buffer_size(SMALLEST)?;
    let buffer = socket.recv_buffer_size()?;
    let window = if cfg!(target_os = "linux") {
        buffer / 2
    } else {
        buffer
    };
    Ok(window < MAX_REPLY)
}

/// A connection that doesn't block isn't there when `connect` returns.
fn is_underway(error: &io::Error) -> bool {
    /// EINPROGRESS, for which the standard library has no stable name.
    const IN_PROGRESS: i32 = if cfg!(target_os = "linux") { 115 } else { 36 };
    if cfg!(unix) && error.raw_os_error() == Some(IN_PROGRESS) {
        return true;
    }
    error.kind() == io::ErrorKind::WouldBlock
}

impl ProbeStack for SocketStack {
    type Stream<'a> = &'a mut Connection;

    fn now(&mut self) -> Instant {
        self.clock.now()
    }

    fn wait(&mut self, until: Instant) {
        let timeout = wait(until, self.clock.now());
        // A wait that is cut short is one that returns early.
        let _ = self.poll.poll(&mut self.events, timeout);
    }

    fn slots(&self) -> usize {
        self.slots.len()
    }

    fn connect(&mut self, slot: usize, mode: Mode, dial: Dial) -> Result<(), StackError> {
        match self
            .dial(slot, mode, dial, None)
            .map_err(|error| classify(&error))
        {
            // What is kept of earlier connections is needed now.
            Err(StackError::Lacks(_)) if self.link.release() => self
                .dial(slot, mode, dial, None)
                .map_err(|error| classify(&error)),
            dialed => dialed,
        }
    }

    fn connect_again(&mut self, slot: usize, mode: Mode) -> Result<(), StackError> {
        self.link.let_go();
        let from = self.sources.get(slot).copied().flatten();
        let from = from.ok_or(ErrorKind::Unsupported)?;
        self.dial(slot, mode, Dial::Plain, Some(from))
            .map_err(|error| match error.kind() {
                io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable => {
                    StackError::Refused(ErrorKind::AddrInUse)
                }
                _ => classify(&error),
            })
    }

    fn stream(&mut self, slot: usize) -> Option<&mut Connection> {
        self.slots.get_mut(slot)?.as_mut()
    }

    fn no_route(&mut self, slot: usize) -> Option<&'static str> {
        let broken = self.slots.get(slot)?.as_ref()?.broken?;
        lack::no_route(broken)
    }

    fn close(&mut self, slot: usize) {
        let Some(connection) = self.slots.get_mut(slot).and_then(Option::take) else {
            return;
        };
        let has_own_mss = connection.dial == Dial::SmallWindow;
        let socket = connection.stream.into_inner();
        self.link.close(socket, has_own_mss, connection.has_ended);
    }

    fn link(&mut self) -> Option<LinkCounters> {
        self.link.take()
    }

    fn unsupported(&self, need: Need) -> Option<&'static str> {
        match need {
            Need::HalfOpen => {
                Some("a handshake that never ends needs raw packets, not this system's sockets")
            }
            Need::Name if self.server.is_none() => Some("only an address in lines mode was given"),
            Need::Lines if self.lines.is_none() => Some("no address in lines mode was given"),
            Need::TinyWindow if !self.has_tiny_window => {
                Some("this system's smallest window takes the longest reply, and never closes")
            }
            Need::Udp if self.udp.is_none() => Some("no UDP address was given"),
            _ => None,
        }
    }

    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>> {
        let Some(socket) = &self.udp else {
            return Poll::Ready(Err(ErrorKind::Unsupported.into()));
        };
        crate::failure::poll(|| socket.get_ref().send(datagram))
            .map_ok(|_whole| ())
            .map_err(|error| classify(&error))
    }

    #[cfg(target_os = "linux")]
    fn send_unchecked(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>> {
        let Some(socket) = &self.udp else {
            return Poll::Ready(Err(ErrorKind::Unsupported.into()));
        };
        crate::failure::poll(|| unchecked::send(socket.get_ref(), datagram))
            .map_ok(|_whole| ())
            .map_err(|error| classify(&error))
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        let Some(socket) = &self.udp else {
            return Poll::Ready(Err(ErrorKind::Unsupported));
        };
        // What ICMP says of a datagram is the answer to it.
        crate::failure::poll(|| socket.get_ref().recv(buffer)).map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionReset => ErrorKind::ConnectionRefused, // Windows
            kind => kind.into(),
        })
    }
}

impl Connection {
    /// Whether it is established; its error if it never will be.
    fn poll_established(&mut self) -> Poll<io::Result<()>> {
        if self.established {
            return Poll::Ready(Ok(()));
        }
        if let Some(kind) = self.broken {
            return Poll::Ready(Err(kind.into()));
        }
        let socket = self.stream.get_ref();
        let failed = match socket.take_error() {
            Ok(None) => match socket.peer_addr() {
                Ok(_) => {
                    self.established = true;
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Poll::Pending,
                Err(error) => error,
            },
            Ok(Some(error)) | Err(error) => error,
        };
        self.broken = Some(failed.kind());
        Poll::Ready(Err(failed))
    }

    /// Makes a call once it is established, and keeps the error of one that was reset.
    fn call<T>(
        &mut self,
        call: impl FnOnce(&mut Stream<mio::net::TcpStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        ready!(self.poll_established())?;
        let done = call(&mut self.stream);
        if let Poll::Ready(Err(error)) = &done
            && error.kind() == io::ErrorKind::ConnectionReset
        {
            self.broken = Some(error.kind());
        }
        done
    }
}

impl ErrorType for Connection {
    type Error = io::Error;
}

impl transport::Stream for Connection {
    fn receive(&mut self, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.call(|stream| stream.receive(buffer)) {
            // The end of what came is no FIN where another call has heard of RST.
            Poll::Ready(Ok(0)) => {
                self.has_ended = !buffer.is_empty() && self.broken.is_none();
                Poll::Ready(self.broken.map_or(Ok(0), |kind| Err(kind.into())))
            }
            done => done,
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.call(|stream| match bytes {
            [] => Poll::Ready(Ok(0)),
            _ => stream.send(bytes),
        })
    }

    fn finish(&mut self) -> Poll<io::Result<()>> {
        self.call(transport::Stream::finish)
    }

    fn send_last(&mut self, bytes: &[u8]) -> Poll<io::Result<Sent>> {
        self.call(|stream| stream.send_last(bytes))
    }

    fn in_one_segment(&self, len: usize) -> bool {
        self.stream.in_one_segment(len)
    }

    fn abort(&mut self) {
        self.has_ended = false;
        self.stream.abort();
    }
}
