//! What carries `greet-core`'s machines in tasks of embassy: embassy-net's sockets, the listener, and
//! embassy's time.
//!
//! | one has | and calls |
//! |---|---|
//! | a [`Listener`] in a [`Port`] | [`asynch::serve`], with as many places as it has sockets |
//! | a socket that listens by itself | [`serve`], a task for each place |
//! | a [`Socket`] that is connected | [`converse`] |
//! | a UDP socket in [`Messages`] | [`asynch::receive`] or [`asynch::respond`] |
//!
//! All of them take the time from [`Clock`].

use core::convert::Infallible;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use embassy_net::tcp::{self, State, TcpSocket};
use embassy_net::udp::{SendError, UdpMetadata, UdpSocket};
use embassy_net::{IpAddress, IpEndpoint, Stack};
use embassy_time::{Duration, with_timeout};
use greet_core::asynch::embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use greet_core::asynch::{self, Close, Timer, converse};
use greet_core::machine::Service;
use greet_core::time::Instant;
use greet_core::transport::{Accepted, Datagram, Local};

use crate::listener::{Listener, own};
use crate::place::{LAST_ACK, Timeouts};

/// A socket of embassy-net's.
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
        socket.0.set_timeout(Some(Timeouts::DEFAULT.handshake));
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

/// Waits until a socket can be used again: until its peer has closed, too, or has had the time for it, as
/// [`Timeouts::DEFAULT`] has it.
pub async fn release(socket: &mut Socket<'_>) {
    socket.0.close();
    let closing = async {
        while !matches!(socket.0.read(&mut [0; 64]).await, Ok(0) | Err(_)) {}
        let _ = socket.0.flush().await; // until our FIN is acknowledged
    };
    let _ = with_timeout(Timeouts::DEFAULT.linger, closing).await;
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
    /// Of a broadcast or a multicast no address is told: from that one, nothing can be sent.
    async fn receive_from(&mut self, buffer: &mut [u8]) -> Result<Datagram, ErrorKind> {
        let take = |bytes: &[u8], meta: UdpMetadata| {
            for (to, from) in buffer.iter_mut().zip(bytes) {
                *to = *from;
            }
            (bytes.len(), meta)
        };
        let (len, meta) = self.socket.recv_from_with(take).await;
        let asked = meta.local_address.map(IpAddr::from);
        Ok(Datagram {
            len,
            from: address(meta.endpoint),
            local: Local {
                // The stack is lent to the call above, and not to be asked within.
                address: asked.filter(|asked| own(self.stack).any(|own| own.address == *asked)),
                interface: None,
            },
        })
    }

    async fn send_to(
        &mut self,
        datagram: &[u8],
        to: SocketAddr,
        via: Local,
    ) -> Result<(), ErrorKind> {
        let Some(to) = of_stack(to.ip()).map(|address| IpEndpoint::new(address, to.port())) else {
            return Err(ErrorKind::AddrNotAvailable);
        };
        let mut meta = UdpMetadata::from(to);
        meta.local_address = via.address.and_then(of_stack);
        let sent = self.socket.send_to(datagram, meta).await;
        sent.map_err(|error| match error {
            SendError::PacketTooLarge => ErrorKind::InvalidInput,
            SendError::NoRoute | SendError::SocketNotBound => ErrorKind::AddrNotAvailable,
        })
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        let own = || own(self.stack);
        address.port() == self.socket.endpoint().port
            && (own().any(|own| own.address == address.ip()) || own().next().is_none())
    }
}

/// What embassy-net calls an address. `None`: of a version that it wasn't built for.
#[cfg_attr(
    all(feature = "ipv4", feature = "ipv6"),
    expect(
        clippy::unnecessary_wraps,
        reason = "with both versions there is one for each"
    )
)]
fn of_stack(address: IpAddr) -> Option<IpAddress> {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddr::V4(address) => Some(address.into()),
        #[cfg(feature = "ipv6")]
        IpAddr::V6(address) => Some(address.into()),
        #[cfg(not(all(feature = "ipv4", feature = "ipv6")))]
        _ => None,
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

impl fmt::Debug for Socket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Socket").field(&self.0.state()).finish()
    }
}

impl<const N: usize, const WAITING: usize> fmt::Debug for Port<'_, N, WAITING> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Port").field(&self.0).finish()
    }
}

impl fmt::Debug for Messages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages")
            .field("port", &self.socket.endpoint().port)
            .finish_non_exhaustive()
    }
}
