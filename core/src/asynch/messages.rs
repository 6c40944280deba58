//! Messages over an async UDP socket.

use core::convert::Infallible;

use super::polled::Polled;
use super::timer::{Next, Timer, steps};
use super::transport::Datagrams;
use crate::receiver::{Event, Receiver};
use crate::responder::Responder;

/// Takes messages and reports them, and never ends.
///
/// Can be cancelled and called again, as the [module](super) says.
pub async fn receive<D: Datagrams, T: Timer>(
    receiver: &mut Receiver,
    socket: &mut D,
    timer: &T,
    mut report: impl FnMut(Event<'_, D::Error>),
) -> Infallible {
    steps(timer, |waker, now| {
        let mut socket = Polled::new(&mut *socket, waker);
        Next::At(receiver.poll(&mut socket, now, &mut report))
    })
    .await
}

/// Takes messages, reports them and answers them, and never ends.
///
/// An answer for which the socket has no room is dropped. Can be cancelled and called again, as the
/// [module](super) says.
pub async fn respond<D: Datagrams, T: Timer, const SOURCES: usize>(
    responder: &mut Responder<SOURCES>,
    socket: &mut D,
    timer: &T,
    mut report: impl FnMut(Event<'_, D::Error>),
) -> Infallible {
    steps(timer, |waker, now| {
        let mut socket = Polled::new(&mut *socket, waker);
        Next::At(responder.poll(&mut socket, now, &mut report))
    })
    .await
}
