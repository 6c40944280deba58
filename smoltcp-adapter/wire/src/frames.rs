//! Where frames come from and go to: the one trait that a cable implements.

use core::time::Duration;

use greet_core::time::Instant;

use crate::error::Error;

/// The longest frame that anybody gives: no Ethernet carries such, but a machine that puts several into
/// one does.
pub const LONGEST: usize = 65_536 + 64;

/// Ethernet frames, one by one, without their check sequence.
///
/// Nothing here waits but [`wait`](Self::wait): on a real cable for the system, in a simulation until its
/// next event.
pub trait Frames {
    /// What time it is. It never runs backwards.
    fn now(&mut self) -> Instant;

    /// Waits until a frame may have come, or until this time at the latest. It may return early.
    ///
    /// # Errors
    ///
    /// The cable carries nothing any more.
    fn wait(&mut self, until: Instant) -> Result<(), Error>;

    /// Sends a frame. `false`: there is no room for it now.
    ///
    /// # Errors
    ///
    /// The cable carries nothing any more, or no frame of that length.
    fn send(&mut self, frame: &[u8]) -> Result<bool, Error>;

    /// Takes the next frame that has come. `None`: none has.
    ///
    /// What is beyond `into` is lost; with [`LONGEST`] bytes nothing is.
    ///
    /// # Errors
    ///
    /// The cable carries nothing any more.
    fn receive(&mut self, into: &mut [u8]) -> Result<Option<Seen>, Error>;

    /// The largest IP packet that fits into a frame, in bytes.
    fn mtu(&self) -> usize;

    /// How messages name it.
    fn name(&self) -> &str;

    /// Lets frames for this unicast or multicast hardware address through, which a network card would
    /// throw away.
    ///
    /// # Errors
    ///
    /// The cable can't.
    fn listen_for(&mut self, _hardware: [u8; 6]) -> Result<(), Error> {
        Ok(())
    }

    /// The hardware address of the card at this end, if there is one.
    fn hardware(&self) -> Option<[u8; 6]> {
        None
    }

    /// Whether frames come from a real wire, which carries none of less than 60 bytes.
    fn is_physical(&self) -> bool {
        false
    }

    /// How long after the beginning of 1970 its clock started; nothing, where time is virtual.
    fn origin(&self) -> Duration {
        Duration::ZERO
    }
}

/// A frame that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// How many bytes of it were written.
    pub len: usize,
    /// When it came: as the system noted, or else when it was taken.
    pub time: Instant,
    /// Its sums of TCP or UDP aren't there yet, as its sender left them to a card, and the system vouches
    /// for them: it comes from this very machine.
    pub is_unsummed: bool,
    /// The system has taken a VLAN tag of this identifier out of it.
    pub vlan: Option<u16>,
}

impl Seen {
    /// A frame like any other.
    pub const fn new(len: usize, time: Instant) -> Self {
        Self {
            len,
            time,
            is_unsummed: false,
            vlan: None,
        }
    }
}

impl<F: Frames + ?Sized> Frames for Box<F> {
    fn now(&mut self) -> Instant {
        (**self).now()
    }

    fn wait(&mut self, until: Instant) -> Result<(), Error> {
        (**self).wait(until)
    }

    fn send(&mut self, frame: &[u8]) -> Result<bool, Error> {
        (**self).send(frame)
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Option<Seen>, Error> {
        (**self).receive(into)
    }

    fn mtu(&self) -> usize {
        (**self).mtu()
    }

    fn name(&self) -> &str {
        (**self).name()
    }

    fn listen_for(&mut self, hardware: [u8; 6]) -> Result<(), Error> {
        (**self).listen_for(hardware)
    }

    fn hardware(&self) -> Option<[u8; 6]> {
        (**self).hardware()
    }

    fn is_physical(&self) -> bool {
        (**self).is_physical()
    }

    fn origin(&self) -> Duration {
        (**self).origin()
    }
}
