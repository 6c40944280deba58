//! The cable itself: carries frames between two interfaces of this system, until the process ends.

use std::os::fd::AsRawFd;
use std::time::Instant;

use anyhow::{Context, Result};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use smoltcp::phy::{Device, Medium, RawSocket, RxToken, TunTapInterface, TxToken};

use crate::way::Way;

/// One end of the cable.
#[derive(Debug)]
pub enum End {
    /// The inner side of a TAP device, whose outer side is an interface of this system.
    Tap(TunTapInterface),
    /// An interface beside which nobody else may listen: a TAP device whose inner side is a server's.
    Interface(RawSocket),
}

/// Carries frames until the process ends: those from the near end along the first of two ways. `turn` says which
/// pair of ways it is, and each begins as one that nothing has crossed; in turn 0 the cable is whole.
///
/// # Errors
///
/// The ends can't be waited for.
pub fn carry(
    mut near: End,
    mut far: End,
    ways: impl Fn() -> (Way, Way),
    turn: impl Fn() -> u32,
) -> Result<()> {
    let mut poll = Poll::new().context("can't wait")?;
    for (number, end) in [&near, &far].into_iter().enumerate() {
        let fd = end.as_raw_fd();
        poll.registry()
            .register(&mut SourceFd(&fd), Token(number), Interest::READABLE)
            .context("can't wait for an end of the cable")?;
    }
    let (start, mut events) = (Instant::now(), Events::with_capacity(8));
    let mut now = 0;
    let (mut to_far, mut to_near) = (Way::faultless(), Way::faultless());
    loop {
        // Whoever comes is reported once: all are taken before anybody waits.
        loop {
            if now != turn() {
                now = turn();
                (to_far, to_near) = if now == 0 {
                    (Way::faultless(), Way::faultless())
                } else {
                    ways()
                };
            }
            if !one_way(&mut near, &mut far, &mut to_far, start)
                & !one_way(&mut far, &mut near, &mut to_near, start)
            {
                break;
            }
        }
        let due = [to_far.due(), to_near.due()].into_iter().flatten().min();
        let pause = due.map(|due| due.saturating_sub(start.elapsed()));
        match poll.poll(&mut events, pause) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            waited => waited.context("can't wait")?,
        }
    }
}

/// Carries one frame, if there is one, and what is due. Returns whether there was.
fn one_way(from: &mut End, to: &mut End, way: &mut Way, start: Instant) -> bool {
    let (came, mut out) = (from.receive(), Vec::new());
    let (now, more) = (start.elapsed(), came.is_some());
    if let Some(frame) = came {
        way.put(frame, now, &mut out);
    }
    way.expire(now, &mut out);
    for frame in &out {
        to.send(frame);
    }
    more
}

impl End {
    /// Opens the inner side of a TAP device.
    ///
    /// # Errors
    ///
    /// It is taken, or isn't permitted.
    pub fn tap(name: &str) -> Result<Self> {
        let tap = TunTapInterface::new(name, Medium::Ethernet);
        tap.map(Self::Tap)
            .with_context(|| format!("can't open {name}"))
    }

    /// Opens an interface.
    ///
    /// # Errors
    ///
    /// There is none, or it isn't permitted.
    pub fn interface(name: &str) -> Result<Self> {
        let socket = RawSocket::new(name, Medium::Ethernet);
        socket
            .map(Self::Interface)
            .with_context(|| format!("can't open {name}"))
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Tap(device) => receive(device),
            Self::Interface(device) => receive(device),
        }
    }

    fn send(&mut self, frame: &[u8]) {
        match self {
            Self::Tap(device) => send(device, frame),
            Self::Interface(device) => send(device, frame),
        }
    }
}

impl AsRawFd for End {
    fn as_raw_fd(&self) -> i32 {
        match self {
            Self::Tap(device) => device.as_raw_fd(),
            Self::Interface(device) => device.as_raw_fd(),
        }
    }
}

fn receive(device: &mut impl Device) -> Option<Vec<u8>> {
    let (frame, _) = device.receive(smoltcp::time::Instant::ZERO)?;
    Some(frame.consume(<[u8]>::to_vec))
}

/// Without room it is lost, as on any cable.
fn send(device: &mut impl Device, frame: &[u8]) {
    if let Some(room) = device.transmit(smoltcp::time::Instant::ZERO) {
        room.consume(frame.len(), |bytes| bytes.copy_from_slice(frame));
    }
}
