//! A UDP socket whose datagrams are shown to somebody before the protocol sees them, and may end there.

use std::fmt;
use std::net::SocketAddr;
use std::task::{Poll, ready};

use embedded_io::ErrorType;
use greet_core::receiver::Receiver;
use greet_core::transport::{Datagram, Datagrams, Local};

/// What is done about a datagram that was shown first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Screening {
    /// It is a datagram like any other.
    Passed,
    /// It ends here: it is neither counted nor reported.
    Taken,
    /// So does it, and this goes back to its sender, from the address that was asked.
    Answered(Vec<u8>),
}

/// Is shown the first bytes of a datagram, more than a message may have, and from where it came.
pub(crate) type Screen = dyn FnMut(&[u8], SocketAddr) -> Screening + Send;

/// The socket, and who is shown its datagrams.
pub(crate) struct Screened<S> {
    pub(crate) socket: S,
    screen: Option<Box<Screen>>,
    /// So many more may end here, before it is another's turn.
    budget: usize,
}

impl<S> Screened<S> {
    pub(crate) const fn new(socket: S) -> Self {
        Self {
            socket,
            screen: None,
            budget: 0,
        }
    }

    pub(crate) fn show_to(&mut self, screen: Box<Screen>) {
        self.screen = Some(screen);
    }

    /// Before each poll of a receiver.
    pub(crate) const fn begin(&mut self) {
        self.budget = Receiver::BATCH;
    }

    /// Whether a poll ended though datagrams may be waiting.
    pub(crate) const fn may_have_more(&self) -> bool {
        self.budget == 0
    }
}

impl<S: ErrorType> ErrorType for Screened<S> {
    type Error = S::Error;
}

impl<S: Datagrams> Datagrams for Screened<S> {
    fn receive_from(&mut self, buffer: &mut [u8]) -> Poll<Result<Datagram, S::Error>> {
        let Some(screen) = &mut self.screen else {
            return self.socket.receive_from(buffer);
        };
        while self.budget > 0 {
            let datagram = ready!(self.socket.receive_from(buffer))?;
            let Datagram { len, from, local } = datagram;
            match screen(&buffer[..len.min(buffer.len())], from) {
                Screening::Passed => return Poll::Ready(Ok(datagram)),
                Screening::Taken => {}
                Screening::Answered(answer) => {
                    if from.port() != 0 && !self.socket.is_own(from) {
                        // A forged address, a full socket: who asked asks again.
                        let _ = self.socket.send_to(&answer, from, local);
                    }
                }
            }
            self.budget -= 1;
        }
        Poll::Pending
    }

    fn send_to(
        &mut self,
        datagram: &[u8],
        to: SocketAddr,
        via: Local,
    ) -> Poll<Result<(), S::Error>> {
        self.socket.send_to(datagram, to, via)
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        self.socket.is_own(address)
    }

    fn lost(&mut self) -> u64 {
        self.socket.lost()
    }
}

impl<S: fmt::Debug> fmt::Debug for Screened<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screened")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}
