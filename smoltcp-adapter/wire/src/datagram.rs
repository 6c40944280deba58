//! A cable made of a UNIX datagram socket, a frame a datagram: QEMU's `-netdev dgram`.

use core::time::Duration;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use greet_core::time::Instant;

use crate::clock::Clock;
use crate::error::{Error, Right};
use crate::frames::{Frames, Seen};

/// A cable to whoever has the other socket.
///
/// QEMU, as `-netdev dgram,id=n,local.type=unix,remote.type=unix,local.path=PEER,remote.path=OURS`.
#[derive(Debug)]
pub struct Datagrams {
    name: String,
    socket: UnixDatagram,
    ours: PathBuf,
    peer: PathBuf,
    clock: Clock,
}

impl Datagrams {
    /// Makes a socket at one path, which must be free, and sends to the one at the other. The peer may
    /// come later: what is sent before is lost.
    ///
    /// # Errors
    ///
    /// [`Error::NotAllowed`], [`Error::Taken`] or [`Error::Open`].
    pub fn bind(ours: &Path, peer: &Path) -> Result<Self, Error> {
        let name = format!("unix:{},{}", ours.display(), peer.display());
        let open = |cause: io::Error| match cause.kind() {
            io::ErrorKind::AddrInUse => Error::Taken {
                name: name.clone(),
                by: "its own path is there already; remove it if nobody has it open",
                cause,
            },
            _ => Error::open(&name, Right::SocketFolder, cause),
        };
        let socket = UnixDatagram::bind(ours).map_err(open)?;
        socket.set_nonblocking(true).map_err(open)?;
        Ok(Self {
            socket,
            ours: ours.to_owned(),
            peer: peer.to_owned(),
            clock: Clock::start(),
            name,
        })
    }
}

impl Frames for Datagrams {
    fn now(&mut self) -> Instant {
        self.clock.now()
    }

    fn wait(&mut self, until: Instant) -> Result<(), Error> {
        let waited = self.clock.wait(self.socket.as_fd(), until);
        waited.map_err(|cause| Error::broken(&self.name, cause))
    }

    fn send(&mut self, frame: &[u8]) -> Result<bool, Error> {
        match self.socket.send_to(frame, &self.peer) {
            Ok(_) => Ok(true),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(false),
                // Nobody is at the other end, as where a cable isn't plugged in.
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(true),
                _ => Err(Error::broken(&self.name, error)),
            },
        }
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Option<Seen>, Error> {
        match self.socket.recv(into) {
            Ok(len) => Ok(Some(Seen::new(len, self.clock.now()))),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
                _ => Err(Error::broken(&self.name, error)),
            },
        }
    }

    fn mtu(&self) -> usize {
        1500
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn origin(&self) -> Duration {
        self.clock.origin()
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        // Nothing is lost if it has gone already.
        let _ = fs::remove_file(&self.ours);
    }
}
