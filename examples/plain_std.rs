//! A server on nothing but `greet-core` and `std::net`: sockets that don't block, and a loop of one's own.
//!
//! So it runs wherever the standard library has sockets and little else is to be had, as on ESP-IDF, whose
//! sockets are lwIP's behind `std::net`.
//!
//! `cargo run --example plain_std -- 127.0.0.1:8000`

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use greet_core::embedded_io::ErrorType;
use greet_core::limits::Limits;
use greet_core::server::{Event, Server};
use greet_core::time::Instant;
use greet_core::transport::{Listener, Stream};

/// lwIP has ten sockets by default, of which one listens.
const PLACES: usize = 8;

/// A timer tick of a small system: how long the loop sleeps where nothing wakes it.
const TICK: Duration = Duration::from_millis(10);

struct Connection(TcpStream);

struct Port(TcpListener);

/// What a call on a socket that doesn't block came to.
fn poll<T>(mut call: impl FnMut() -> io::Result<T>) -> Poll<io::Result<T>> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            done => return Poll::Ready(done),
        }
    }
}

impl ErrorType for Connection {
    type Error = io::Error;
}

impl Stream for Connection {
    fn receive(&mut self, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        poll(|| self.0.read(buffer))
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        poll(|| self.0.write(bytes))
    }

    fn finish(&mut self) -> Poll<io::Result<()>> {
        poll(|| self.0.shutdown(Shutdown::Write))
    }

    /// The standard library has no RST: the connection ends, as far as it can end it.
    fn abort(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Listener for Port {
    type Error = io::Error;
    type Handle = Connection;
    type Stream<'a> = &'a mut Connection;

    fn accept(&mut self, _now: Instant) -> Poll<io::Result<(Connection, SocketAddr)>> {
        poll(|| {
            let (stream, peer) = self.0.accept()?;
            stream.set_nonblocking(true)?;
            Ok((Connection(stream), peer))
        })
    }

    /// The standard library doesn't tell, and nobody has to give way to others.
    fn is_awaited(&mut self) -> bool {
        false
    }

    fn stream<'a>(&'a mut self, handle: &'a mut Connection) -> &'a mut Connection {
        handle
    }

    fn release(&mut self, handle: Connection) {
        drop(handle);
    }
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8000"))?;
    listener.set_nonblocking(true)?;
    println!(
        "Server is listening on port {}...",
        listener.local_addr()?.port()
    );
    let mut port = Port(listener);
    // Not on the stack, which is small for a task there.
    let mut server = Box::new(Server::<Connection, PLACES>::new(Limits::DEFAULT));
    let start = std::time::Instant::now();
    loop {
        let now = Instant::at(start.elapsed());
        let due = server.poll(&mut port, now, |event| match event {
            Event::Connected { peer } => println!("Connection from {peer}"),
            Event::Ended { peer, outcome, .. } => println!("{peer}: {outcome:?}"),
            other => println!("{other:?}"),
        });
        // Or `select` on the sockets, where that is to be had.
        thread::sleep(due.since(now).min(TICK));
    }
}
