//! The testbeds over the system's own sockets, on loopback: greet-std's server, and core's polled
//! server over greet-std's listener.
//!
//! Time is real here. A client waits for bytes with a bound that no working server reaches.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{self, Duration};

use greet_core::limits::Limits;
use greet_core::receiver::{Event, Receiver as PolledReceiver};
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::server::Server as PolledServer;
use greet_core::time::Instant;
use greet_std::server::Handle;
use greet_std::{Listener, Receiver, Server};

use crate::testbed::{Connection, Report, Testbed};

/// Nothing that comes takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Servers of greet-std at this address of loopback, each on a port that the system chooses.
#[derive(Clone, Copy, Debug)]
pub struct Sockets(pub IpAddr);

/// A connection to a [`Server`] of its own, in a thread of its own.
pub struct Call {
    /// Taken when it is closed.
    stream: Option<TcpStream>,
    handle: Handle,
    server: Option<JoinHandle<()>>,
}

impl Testbed for Sockets {
    type Connection = Call;

    fn connect(&mut self, limits: &Limits) -> io::Result<Call> {
        let server = Server::builder()
            .limits(*limits)
            .workers(std::num::NonZeroUsize::MIN)
            .bind((self.0, 0))
            .map_err(io::Error::other)?;
        let (address, handle) = (server.local_addr(), server.handle());
        let server = thread::spawn(move || {
            let tally = server.run(|_| {}).expect("the server failed");
            assert_eq!(tally.total(), 1, "one client came: {tally:?}");
        });
        let mut call = Call {
            stream: None,
            handle,
            server: Some(server),
        };
        call.stream = Some(dial(address, PATIENCE)?);
        Ok(call)
    }

    fn deliver(&mut self, datagram: &[u8]) -> io::Result<Report> {
        let receiver = Receiver::bind((self.0, 0)).map_err(io::Error::other)?;
        let (address, handle) = (receiver.local_addr(), receiver.handle());
        let (reports, reported) = mpsc::channel();
        let running = thread::spawn(move || {
            receiver.run(|event| {
                let _ = reports.send(read(&event));
            })
        });
        let sent = UdpSocket::bind((self.0, 0)).and_then(|s| s.send_to(datagram, address));
        let report = sent.and_then(|_| reported.recv_timeout(PATIENCE).map_err(io::Error::other));
        handle.stop();
        let ended = running.join().map_err(|_| panicked())?;
        ended.map_err(io::Error::other)?;
        match reported.try_recv() {
            Ok(second) => Err(io::Error::other(format!("a second report: {second:?}"))),
            Err(_) => report?.map_err(io::Error::other),
        }
    }

    fn answer(&mut self, datagrams: &[&[u8]]) -> io::Result<Vec<u8>> {
        let receiver = Receiver::bind((self.0, 0)).map_err(io::Error::other)?;
        let receiver = receiver.reply(REPLIES_PER_SECOND);
        let (address, handle) = (receiver.local_addr(), receiver.handle());
        let running = thread::spawn(move || receiver.run(|_| {}));
        let answer = ask(self.0, address, datagrams);
        handle.stop();
        let ended = running.join().map_err(|_| panicked())?;
        ended.map_err(io::Error::other)?;
        answer
    }
}

impl Call {
    fn stream(&mut self) -> io::Result<&mut TcpStream> {
        self.stream
            .as_mut()
            .ok_or(io::ErrorKind::NotConnected.into())
    }
}

impl Connection for Call {
    fn send(&mut self, piece: &[u8]) -> io::Result<()> {
        self.stream()?.write_all(piece)
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.stream()?.shutdown(Shutdown::Write)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream()?.read(buffer)
    }

    fn pass(&mut self, time: Duration) {
        thread::sleep(time);
    }
}

/// Closes, then stops the server, which must have seen exactly this client.
impl Drop for Call {
    fn drop(&mut self) {
        let connected = self.stream.take().is_some();
        self.handle.stop();
        let ended = self.server.take().map(JoinHandle::join);
        if connected && !thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the server panicked");
        }
    }
}

/// Core's polled server over greet-std's listener at this address of loopback, in the client's own
/// thread: it is polled while the client waits.
#[derive(Clone, Copy, Debug)]
pub struct Polled(pub IpAddr);

/// A connection to a polled server of its own.
pub struct PolledCall {
    stream: TcpStream,
    listener: Listener,
    server: PolledServer<<Listener as greet_core::transport::Listener>::Handle, 1>,
    start: time::Instant,
}

impl Testbed for Polled {
    type Connection = PolledCall;

    fn connect(&mut self, limits: &Limits) -> io::Result<PolledCall> {
        let listener = Listener::bind((self.0, 0)).map_err(io::Error::other)?;
        let address = listener.get_ref().local_addr()?;
        Ok(PolledCall {
            // Waiting for bytes a moment at a time gives the server its turns.
            stream: dial(address, Duration::from_millis(1))?,
            listener,
            server: PolledServer::new(*limits),
            start: time::Instant::now(),
        })
    }

    fn deliver(&mut self, datagram: &[u8]) -> io::Result<Report> {
        let mut socket = greet_std::UdpSocket::bind((self.0, 0)).map_err(io::Error::other)?;
        let address = socket.get_ref().local_addr()?;
        UdpSocket::bind((self.0, 0))?.send_to(datagram, address)?;
        let (mut receiver, begun) = (PolledReceiver::new(), time::Instant::now());
        while begun.elapsed() < PATIENCE {
            let mut report = None;
            let now = Instant::at(begun.elapsed());
            receiver.poll(&mut socket, now, |event| {
                report = Some(read(&event));
            });
            if let Some(report) = report {
                return report.map_err(io::Error::other);
            }
            thread::yield_now();
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    fn answer(&mut self, datagrams: &[&[u8]]) -> io::Result<Vec<u8>> {
        let mut socket = greet_std::UdpSocket::bind((self.0, 0)).map_err(io::Error::other)?;
        let address = socket.get_ref().local_addr()?;
        let (done, asking) = (Arc::new(AtomicBool::new(false)), self.0);
        let polled = {
            let done = Arc::clone(&done);
            thread::spawn(move || {
                let mut responder = Responder::<1>::new(REPLIES_PER_SECOND);
                while !done.load(Ordering::Acquire) {
                    responder.poll(&mut socket, Instant::START, |_| {});
                    thread::yield_now();
                }
            })
        };
        let answer = ask(asking, address, datagrams);
        done.store(true, Ordering::Release);
        polled.join().map_err(|_| panicked())?;
        answer
    }
}

impl PolledCall {
    fn serve(&mut self) {
        let now = Instant::at(self.start.elapsed());
        self.server.poll(&mut self.listener, now, |_| {});
    }

    /// Repeats what would block, and polls the server in between.
    fn patiently<T>(
        &mut self,
        mut call: impl FnMut(&mut TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        let begun = time::Instant::now();
        loop {
            self.serve();
            match call(&mut self.stream) {
                Err(error) if is_waiting(&error) && begun.elapsed() < PATIENCE => {}
                result => return result,
            }
        }
    }
}

impl Connection for PolledCall {
    fn send(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while !piece.is_empty() {
            let n = self.patiently(|stream| stream.write(piece))?;
            piece = &piece[n..];
        }
        Ok(())
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently(|stream| stream.read(buffer))
    }

    fn pass(&mut self, time: Duration) {
        self.serve();
        thread::sleep(time);
        self.serve();
    }
}

fn dial(address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?; // a piece is a segment
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream)
}

/// Sends datagrams, and waits for the first answer.
fn ask(from: IpAddr, to: SocketAddr, datagrams: &[&[u8]]) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((from, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    for datagram in datagrams {
        socket.send_to(datagram, to)?;
    }
    let mut answer = vec![0; 2048];
    let (len, sender) = socket.recv_from(&mut answer)?;
    if sender != to {
        return Err(io::Error::other(format!("{sender} answered, not {to}")));
    }
    answer.truncate(len);
    Ok(answer)
}

fn is_waiting(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

fn read(event: &Event<'_, io::Error>) -> Result<Report, String> {
    match event {
        Event::Message { text, .. } => Ok(Report::Shown(text.to_string())),
        Event::Refused { why, .. } => Ok(Report::Refused(why.to_string())),
        Event::Failed { error } => Err(error.to_string()),
        _ => Err("an unknown event".to_owned()),
    }
}

fn panicked() -> io::Error {
    io::Error::other("the receiver panicked")
}
