//! tokio's sockets, through `embedded-io-adapters`, and its time.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use embedded_io_adapters::tokio_1::FromTokio;
use greet_core::asynch::embedded_io_async::{ErrorType, Read, Write};
use greet_core::asynch::{self, Close, Timer};
use greet_core::time::Instant;
use greet_core::transport::{Accepted, Datagram, Local};
use tokio::io::{AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::unconstrained;

/// A connection.
///
/// Its calls are `unconstrained`: with tokio's cooperative budget they would be pending now and then
/// though bytes are waiting, and a pause may end a name. A drive has a budget of its own. What is behind the mark of
/// urgent data tokio reads with the next segment, as it takes a read that ends there for the end of what has come.
#[derive(Debug)]
pub struct Socket(Option<Adapted>);

struct Adapted(FromTokio<TcpStream>);

impl std::fmt::Debug for Adapted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.inner().fmt(f)
    }
}

impl Socket {
    /// A connection that was made or accepted.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self(Some(Adapted(FromTokio::new(stream)))))
    }

    fn open(&mut self) -> io::Result<&mut FromTokio<TcpStream>> {
        let open = self.0.as_mut().map(|adapted| &mut adapted.0);
        open.ok_or(io::ErrorKind::NotConnected.into())
    }
}

impl ErrorType for Socket {
    type Error = io::Error;
}

impl Read for Socket {
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        unconstrained(self.open()?.read(buffer)).await
    }
}

impl Write for Socket {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unconstrained(self.open()?.write(bytes)).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(()) // a socket of the system gathers nothing here
    }
}

impl Close for Socket {
    async fn finish(&mut self) -> io::Result<()> {
        let stream = self.open()?.inner_mut();
        poll_fn(|context| Pin::new(&mut *stream).poll_shutdown(context)).await
    }

    /// The system sends RST as the socket goes.
    async fn abort(&mut self) {
        if let Some(Adapted(stream)) = self.0.take() {
            let _ = stream.inner().set_zero_linger();
        }
    }
}

/// Where connections come in.
#[derive(Debug)]
pub struct Port {
    listener: TcpListener,
    /// Who was found to be waiting.
    waiting: Option<(TcpStream, SocketAddr)>,
}

impl Port {
    /// A listener of tokio's.
    pub const fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            waiting: None,
        }
    }

    /// The next connection that is none that died while it waited.
    async fn next(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            // tokio's own `accept` forgets its waker when it is dropped.
            let accept = poll_fn(|context| self.listener.poll_accept(context));
            match unconstrained(accept).await {
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                accepted => return accepted,
            }
        }
    }
}

impl asynch::Listener for Port {
    type Error = io::Error;
    type Handle = Socket;
    type Stream<'a> = &'a mut Socket;

    async fn accept(&mut self) -> io::Result<Accepted<Socket>> {
        let (stream, peer) = match self.waiting.take() {
            Some(accepted) => accepted,
            None => self.next().await?,
        };
        Ok((Socket::new(stream)?, peer))
    }

    async fn awaited(&mut self) {
        if self.waiting.is_none() {
            // An error is `accept`'s to tell.
            self.waiting = self.next().await.ok();
        }
    }

    fn stream<'a>(&'a mut self, handle: &'a mut Socket) -> &'a mut Socket {
        handle
    }

    fn release(&mut self, handle: Socket) {
        drop(handle); // what was sent is the system's to deliver
    }
}

/// A UDP socket that is bound to one address.
#[derive(Debug)]
pub struct Messages {
    socket: UdpSocket,
    /// Room for the longest datagram: the system cuts one that is longer than its room, in silence.
    room: Vec<u8>,
}

impl Messages {
    /// A socket of tokio's.
    pub fn new(socket: UdpSocket) -> Self {
        Self {
            socket,
            room: vec![0; 65_536],
        }
    }

    /// The socket.
    pub const fn get_ref(&self) -> &UdpSocket {
        &self.socket
    }
}

impl ErrorType for Messages {
    type Error = io::Error;
}

impl asynch::Datagrams for Messages {
    async fn receive_from(&mut self, buffer: &mut [u8]) -> io::Result<Datagram> {
        let mut room = ReadBuf::new(&mut self.room);
        // As with `accept`: `recv_from` would forget its waker.
        let receive = poll_fn(|context| self.socket.poll_recv_from(context, &mut room));
        let from = unconstrained(receive).await?;
        for (to, from) in buffer.iter_mut().zip(room.filled()) {
            *to = *from;
        }
        Ok(Datagram {
            len: room.filled().len(),
            from,
            local: Local::default(),
        })
    }

    async fn send_to(&mut self, datagram: &[u8], to: SocketAddr, _via: Local) -> io::Result<()> {
        let send = poll_fn(|context| self.socket.poll_send_to(context, datagram, to));
        unconstrained(send).await.map(drop)
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        self.socket.local_addr().is_ok_and(|own| {
            own.port() == address.port() && (own.ip().is_unspecified() || own == address)
        })
    }
}

/// tokio's time, since this was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock(tokio::time::Instant);

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Timer for Clock {
    fn now(&self) -> Instant {
        Instant::at(self.0.elapsed())
    }

    async fn until(&self, at: Instant) {
        tokio::time::sleep_until(self.0 + at.since(Instant::START)).await;
    }
}
