//! A TCP listener as core's [`Listener`](transport::Listener), for the polled server in a loop of
//! one's own.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::task::Poll;

use greet_core::time::Instant;
use greet_core::transport::{self, Accepted};
use socket2::{Domain, Protocol, Socket, Type};

use crate::error::Error;
use crate::failure;
use crate::stream::Stream;
use crate::sys;

/// How many connections the system keeps until they are accepted: a short queue makes clients wait
/// for SYN retransmissions, a second and more. The system may grant less.
pub(crate) const BACKLOG: i32 = 4096;

/// A non-blocking TCP listener. Streams are their own handles.
///
/// ```
/// use greet_core::limits::Limits;
/// use greet_core::server::Server;
/// use greet_core::time::Instant;
/// use greet_std::{Listener, Stream};
///
/// let mut listener = Listener::bind("127.0.0.1:0")?;
/// let mut server = Server::<Stream, 8>::new(Limits::DEFAULT);
/// let start = std::time::Instant::now();
/// let next = server.poll(&mut listener, Instant::at(start.elapsed()), |_event| {});
/// assert_eq!(next, Instant::NEVER); // nobody is there: nothing to do until the listener is ready
/// # Ok::<(), greet_std::Error>(())
/// ```
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// Listens on an address; port 0 lets the system choose.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`], with what to do about it.
    pub fn bind(address: impl ToSocketAddrs) -> Result<Self, Error> {
        let listener = bind(address, BACKLOG)?;
        listener
            .set_nonblocking(true)
            .map_err(|cause| Error::Setup {
                what: "a listener that doesn't block",
                cause,
            })?;
        Ok(Self(listener))
    }

    /// The socket, for its address and options, and to register it with an event loop.
    pub const fn get_ref(&self) -> &TcpListener {
        &self.0
    }
}

impl transport::Listener for Listener {
    type Error = io::Error;
    type Handle = Stream;
    type Stream<'a> = &'a mut Stream;

    fn accept(&mut self, _now: Instant) -> Poll<io::Result<Accepted<Stream>>> {
        failure::poll_past(failure::is_about_connection, || sys::accept(&self.0))
            .map_ok(|(socket, peer)| (Stream::from_non_blocking(socket), peer))
    }

    fn is_awaited(&mut self) -> bool {
        sys::is_awaited(&self.0)
    }

    fn stream<'a>(&'a mut self, handle: &'a mut Stream) -> &'a mut Stream {
        handle
    }

    fn release(&mut self, handle: Stream) {
        drop(handle);
    }
}

/// Listens on the first of the addresses that the system grants.
pub(crate) fn bind(addresses: impl ToSocketAddrs, backlog: i32) -> Result<TcpListener, Error> {
    first(addresses, |address| {
        let setup = |cause| Error::Setup {
            what: "a TCP socket",
            cause,
        };
        let listen = |cause| Error::Listen { address, cause };
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).map_err(setup)?;
        if cfg!(unix) {
            // Elsewhere it would let two servers share one port; here it only ignores TIME-WAIT.
            socket.set_reuse_address(true).map_err(setup)?;
        }
        // Linux hands it on to whom it accepts. Each write is all that there is to say: it must not wait
        // until the one before is acknowledged (Nagle's algorithm, RFC 9293, section 3.7.4).
        socket.set_tcp_nodelay(true).map_err(setup)?;
        sys::take_urgent_inline(&socket);
        socket.bind(&address.into()).map_err(listen)?;
        socket.listen(backlog).map_err(listen)?;
        Ok(socket.into())
    })
}

/// Resolves addresses, and takes the first at which `open` succeeds.
pub(crate) fn first<T>(
    addresses: impl ToSocketAddrs,
    open: impl Fn(SocketAddr) -> Result<T, Error>,
) -> Result<T, Error> {
    let addresses = addresses
        .to_socket_addrs()
        .map_err(|cause| Error::Resolve { cause })?;
    let mut last = Error::NoAddress;
    for address in addresses {
        match open(address) {
            Ok(opened) => return Ok(opened),
            Err(error) => last = error,
        }
    }
    Err(last)
}
