//! A TAP device of Linux: the other end of its cable is this machine's own stack, or a bridge that leads to
//! a board.

use core::time::Duration;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;

use greet_core::time::Instant;
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use crate::clock::Clock;
use crate::error::{Error, Right};
use crate::frames::{Frames, Seen};

/// All frames of a TAP device.
///
/// ```text
/// sudo ip tuntap add tap0 mode tap user $USER
/// sudo ip address add 192.168.69.1/24 dev tap0
/// sudo ip link set tap0 up
/// ```
pub struct Tap {
    name: String,
    device: SyncDevice,
    clock: Clock,
}

/// Where TAP devices are opened.
const TUN: &str = "/dev/net/tun";

impl Tap {
    /// Opens the TAP device of this name. One that isn't there is made, where the process may do that, and
    /// is gone again afterwards.
    ///
    /// # Errors
    ///
    /// [`Error::NoTap`], [`Error::NotAllowed`], [`Error::Taken`] or [`Error::Open`].
    pub fn open(name: &str) -> Result<Self, Error> {
        let open = |cause| refused(name, cause);
        // Whether it is up is its owner's business.
        let device = DeviceBuilder::new()
            .name(name)
            .layer(Layer::L2)
            .inherit_enable_state()
            .build_sync()
            .map_err(open)?;
        device.set_nonblocking(true).map_err(open)?;
        Ok(Self {
            name: name.to_owned(),
            device,
            clock: Clock::start(),
        })
    }
}

impl Frames for Tap {
    fn now(&mut self) -> Instant {
        self.clock.now()
    }

    fn wait(&mut self, until: Instant) -> Result<(), Error> {
        let waited = self.clock.wait(self.device.as_fd(), until);
        waited.map_err(|cause| Error::broken(&self.name, cause))
    }

    fn send(&mut self, frame: &[u8]) -> Result<bool, Error> {
        match self.device.send(frame) {
            Ok(_) => Ok(true),
            Err(error) if is_for_now(&error) => Ok(false),
            Err(cause) => Err(Error::broken(&self.name, cause)),
        }
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Option<Seen>, Error> {
        match self.device.recv(into) {
            Ok(len) => Ok(Some(Seen::new(len, self.clock.now()))),
            Err(error) if is_for_now(&error) => Ok(None),
            Err(cause) => Err(Error::broken(&self.name, cause)),
        }
    }

    fn mtu(&self) -> usize {
        self.device.mtu().map_or(1500, usize::from)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn origin(&self) -> Duration {
        self.clock.origin()
    }
}

/// Why a TAP device can't be opened. Everybody may have `/dev/net/tun` on most systems, but not whatever
/// device.
fn refused(name: &str, cause: io::Error) -> Error {
    let trial = OpenOptions::new().read(true).write(true).open(TUN);
    let is_there = match trial.map_err(|error| error.kind()) {
        Err(io::ErrorKind::PermissionDenied) => {
            return Error::open(name, Right::TunDevice, cause);
        }
        trial => trial.is_ok(),
    };
    let name = name.to_owned();
    match cause.kind() {
        _ if !is_there => Error::NoTap { name, cause },
        io::ErrorKind::ResourceBusy => Error::Taken {
            name,
            by: "another program has it open",
            cause,
        },
        _ => Error::open(&name, Right::OwnTap, cause),
    }
}

fn is_for_now(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

impl core::fmt::Debug for Tap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tap")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
