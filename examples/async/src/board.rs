//! embassy-net's sockets, and embassy's time.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use embassy_backlog::Listener;
use embassy_net::tcp::{self, State, TcpSocket};
use embassy_net::udp::{SendError, UdpMetadata, UdpSocket};
use embassy_net::{IpEndpoint, Stack};
use embassy_time::{Duration, with_timeout};
use greet_core::asynch::embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use greet_core::asynch::{self, Close, Timer, converse};
use greet_core::machine::Service;
use greet_core::time::Instant;
use greet_core::transport::{Accepted, Datagram, Local};

/// A socket.
pub struct Socket<'a>(pub TcpSocket<'a>);

impl ErrorType for Socket<'_> {
    type Error = tcp::Error;
}

impl Read for Socket<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, tcp::Error> {
        self.0.read(buffer).await
    }
}

impl Write for Socket<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, tcp::Error> {
        self.0.write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), tcp::Error> {
        self.0.flush().await
    }
}

impl Close for Socket<'_> {
    async fn finish(&mut self) -> Result<(), tcp::Error> {
        self.0.close();
        Ok(())
    }

    async fn abort(&mut self) {
        self.0.abort();
        let _ = self.0.flush().await;
    }
}

/// A handshake that isn't done by then never will be.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// A peer that has its answer has so long to close.
const LINGER: Duration = Duration::from_secs(10);

/// The stack keeps back an ACK for 10 ms, that of the peer's FIN as well: used again before, a socket
/// forgets it, and the peer repeats its FIN for as long as it likes.
const LAST_ACK: Duration = Duration::from_millis(15);

/// `N` sockets that listen on a port, and a backlog of clients behind them.
pub struct Port<'a, const N: usize, const WAITING: usize>(pub Listener<'a, N, WAITING>);

impl<'a, const N: usize, const WAITING: usize> asynch::Listener for Port<'a, N, WAITING> {
    type Error = Infallible;
    type Handle = Socket<'a>;
    type Stream<'s>
        = &'s mut Socket<'a>
    where
        Self: 's;

    async fn accept(&mut self) -> Result<Accepted<Socket<'a>>, Infallible> {
        let (mut socket, peer) = self.0.accept().await;
        socket.set_nagle_enabled(false);
        Ok((Socket(socket), address(peer)))
    }

    async fn awaited(&mut self) {
        self.0.awaited().await;
    }

    fn stream<'s>(&'s mut self, handle: &'s mut Socket<'a>) -> &'s mut Socket<'a> {
        handle
    }

    fn release(&mut self, handle: Socket<'a>) {
        self.0.release(handle.0);
    }
}

/// Serves clients of a port one after the other, for ever: spawn it as often as clients are to be served
/// at once.
///
/// embassy-net resets a client who comes while none of these listens.
pub async fn serve<M: Service>(
    stack: Stack<'_>,
    port: u16,
    config: M::Config,
    mut report: impl FnMut(M::Outcome),
) -> ! {
    let (mut incoming, mut outgoing) = ([0; 1_025], [0; 1_031]);
    let mut socket = Socket(TcpSocket::new(stack, &mut incoming, &mut outgoing));
    let mut machine = M::VACANT;
    socket.0.set_nagle_enabled(false);
    loop {
        socket.0.set_timeout(Some(HANDSHAKE));
        let accepted = socket.0.accept(port).await;
        socket.0.set_timeout(None);
        // embassy-net takes a handshake that failed for one that is done.
        if accepted.is_ok() && socket.0.state() != State::Closed {
            machine.begin(Clock.now(), &config);
            report(converse(&mut machine, &mut socket, &Clock).await);
        }
        release(&mut socket).await;
    }
}

/// Waits until a socket can be used again: until its peer has closed, too, or has had the time for it.
pub async fn release(socket: &mut Socket<'_>) {
    socket.0.close();
    let closing = async {
        while !matches!(socket.0.read(&mut [0; 64]).await, Ok(0) | Err(_)) {}
        let _ = socket.0.flush().await; // until our FIN is acknowledged
    };
    let _ = with_timeout(LINGER, closing).await;
    match socket.0.state() {
        State::Closed => {}
        State::TimeWait => embassy_time::Timer::after(LAST_ACK).await,
        _ => socket.abort().await,
    }
}

/// A UDP socket that is bound to a port.
pub struct Messages<'a> {
    /// The socket.
    pub socket: UdpSocket<'a>,
    /// Its stack, which knows the address.
    pub stack: Stack<'a>,
}

impl ErrorType for Messages<'_> {
    type Error = ErrorKind;
}

impl asynch::Datagrams for Messages<'_> {
    async fn receive_from(&mut self, buffer: &mut [u8]) -> Result<Datagram, ErrorKind> {
        let take = |bytes: &[u8], meta: UdpMetadata| {
            for (to, from) in buffer.iter_mut().zip(bytes) {
                *to = *from;
            }
            Datagram {
                len: bytes.len(),
                from: address(meta.endpoint),
                local: Local {
                    address: meta.local_address.map(Into::into),
                    interface: None,
                },
            }
        };
        Ok(self.socket.recv_from_with(take).await)
    }

    async fn send_to(
        &mut self,
        datagram: &[u8],
        to: SocketAddr,
        via: Local,
    ) -> Result<(), ErrorKind> {
        // This stack has IPv4 alone.
        let SocketAddr::V4(to) = to else {
            return Err(ErrorKind::AddrNotAvailable);
        };
        let mut meta = UdpMetadata::from(IpEndpoint::from(to));
        meta.local_address = match via.address {
            Some(IpAddr::V4(own)) => Some(own.into()),
            _ => None,
        };
        let sent = self.socket.send_to(datagram, meta).await;
        sent.map_err(|error| match error {
            SendError::PacketTooLarge => ErrorKind::InvalidInput,
            SendError::NoRoute | SendError::SocketNotBound => ErrorKind::AddrNotAvailable,
        })
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        let own = self.stack.config_v4();
        address.port() == self.socket.endpoint().port
            && own.is_none_or(|own| IpAddr::V4(own.address.address()) == address.ip())
    }
}

/// What the core calls an address.
pub fn address(endpoint: IpEndpoint) -> SocketAddr {
    SocketAddr::new(endpoint.addr.into(), endpoint.port)
}

/// embassy's time.
#[derive(Clone, Copy, Debug)]
pub struct Clock;

impl Timer for Clock {
    fn now(&self) -> Instant {
        Instant::from_micros(embassy_time::Instant::now().as_micros())
    }

    async fn until(&self, at: Instant) {
        // A span is rounded up to whole ticks, so that it is never early.
        let since_start = Duration::from_micros(at.as_micros());
        embassy_time::Timer::at(embassy_time::Instant::MIN + since_start).await;
    }
}
