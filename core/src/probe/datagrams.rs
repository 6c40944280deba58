//! A client's hands over UDP: send, take an answer, and throw away what came late.

use core::task::Poll;

use embedded_io::ErrorKind;

use super::session::Session;
use super::stack::{StackError, Tester};
use super::verdict::End;
use crate::time::Instant;

/// How one leaves.
type Send = fn(&mut dyn Tester, &[u8]) -> Poll<Result<(), StackError>>;

impl Session<'_> {
    /// Throws away answers over UDP that came late.
    pub(super) fn drain_datagrams(&mut self) {
        // An error speaks of a datagram from before as well.
        for _ in 0..64 {
            if self.stack.receive_datagram(self.room).is_pending() {
                return;
            }
        }
    }

    /// Sends one datagram, made of its bytes by their offsets. Who sends many [makes way](Self::make_way)
    /// for them first.
    pub(super) fn send_datagram(
        &mut self,
        byte: impl Fn(usize) -> Option<u8>,
        until: Instant,
    ) -> Result<(), StackError> {
        self.send_by(byte, until, |stack, datagram| stack.send_datagram(datagram))
    }

    /// The same without a checksum.
    pub(super) fn send_unchecked(
        &mut self,
        byte: impl Fn(usize) -> Option<u8>,
        until: Instant,
    ) -> Result<(), StackError> {
        self.send_by(byte, until, |stack, datagram| {
            stack.send_unchecked(datagram)
        })
    }

    fn send_by(
        &mut self,
        byte: impl Fn(usize) -> Option<u8>,
        until: Instant,
        send: Send,
    ) -> Result<(), StackError> {
        let len = self.fill(byte);
        self.note_message();
        let mut again = true;
        loop {
            let datagram = self.room.get(..len).unwrap_or_default();
            match send(self.stack, datagram) {
                // Many systems report here that an earlier datagram found nobody.
                Poll::Ready(Err(StackError::Refused(ErrorKind::ConnectionRefused))) if again => {
                    again = false;
                }
                Poll::Ready(result) => return result,
                Poll::Pending if self.stack.now() >= until => {
                    return Err(ErrorKind::TimedOut.into());
                }
                Poll::Pending => self.wait(until),
            }
        }
    }

    /// Takes one datagram.
    pub(super) fn take_datagram(&mut self, until: Instant) -> End {
        self.received = 0;
        loop {
            match self.stack.receive_datagram(self.room) {
                Poll::Ready(Ok(len)) => {
                    self.received = len.min(self.room.len());
                    return End::Fin;
                }
                Poll::Ready(Err(kind)) => return End::Broken(kind),
                Poll::Pending if self.stack.now() >= until => return End::Silence,
                Poll::Pending => self.wait(until),
            }
        }
    }
}
