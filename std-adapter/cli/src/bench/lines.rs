//! One connection in lines mode: names leave many at a time, and core's pipeline holds each reply
//! against its name.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::task::Poll;
use std::time::Duration;

use greet_std::Stream;
use greet_std::core::client;
use greet_std::core::pipeline::{End, Pipeline};
use greet_std::core::text::{Text, shown};
use greet_std::core::time::Instant;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// Room for [`DEEPEST`](crate::values::DEEPEST) names.
const ROOM: usize = 4096;

/// A connection, and the names that wait for their replies.
pub struct Lines {
    stream: Stream<TcpStream>,
    is_connected: bool,
    client: client::Client<Pipeline<ROOM>>,
}

/// What came.
pub enum Came {
    /// A reply to the first name that waits, right in every byte.
    Reply,
    /// The end, while no name waits: the server's deadline has passed.
    End,
}

impl Lines {
    pub fn connect(
        server: SocketAddr,
        depth: NonZeroU32,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::connect(server)?;
        // A name may leave in two pieces; the second isn't to wait for the first one's ACK.
        stream.set_nodelay(true)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream: Stream::from_non_blocking(stream),
            is_connected: false,
            // The event loop looks whose time is over, as for every other client.
            client: client::Client::new(Pipeline::new(Duration::MAX).with_depth(depth.get())),
        })
    }

    /// Takes a name, which leaves with the next [`go_on`](Self::go_on).
    pub fn queue(&mut self, name: &str) -> io::Result<()> {
        let name = Text::new(name).map_err(io::Error::other)?;
        self.client
            .machine_mut()
            .queue(name)
            .map_err(io::Error::other)
    }

    /// Goes as far as it can, up to the next reply.
    ///
    /// # Errors
    ///
    /// A byte is wrong, the name was refused, or the connection broke: no name is answered any more.
    pub fn go_on(&mut self) -> Poll<io::Result<Came>> {
        if !self.is_connected {
            let socket = self.stream.get_ref();
            if let Some(error) = socket.take_error()? {
                return Poll::Ready(Err(error));
            }
            if socket.peer_addr().is_err() {
                return Poll::Pending;
            }
            self.is_connected = true;
        }
        loop {
            if self.client.machine_mut().next_reply().is_some() {
                return Poll::Ready(Ok(Came::Reply));
            }
            let ended = self.client.poll(&mut self.stream, Instant::START);
            if self.client.machine_mut().next_reply().is_some() {
                return Poll::Ready(Ok(Came::Reply));
            }
            match ended {
                Poll::Ready(outcome) => return Poll::Ready(self.end(outcome.end)),
                Poll::Pending if self.client.due() > Instant::START => return Poll::Pending,
                Poll::Pending => {} // there is more to do
            }
        }
    }

    fn end(&self, end: End) -> io::Result<Came> {
        match end {
            End::Answered | End::Closed => Ok(Came::End),
            End::Refused => {
                let sentence = self.client.machine().refusal().unwrap_or_default();
                Err(io::Error::other(format!("refused: {}", shown(sentence))))
            }
            End::Failed(error) => Err(io::Error::other(error)),
            _ => Err(io::ErrorKind::Other.into()),
        }
    }
}
