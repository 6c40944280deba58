//! One conversation over one async stream.

use embedded_io_async::Read;

use super::polled::Polled;
use super::timer::{Next, Timer, steps};
use super::transport::Close;
use crate::drive::drive;
use crate::machine::Machine;

/// Has a conversation over a stream to its end, and says how it ended.
///
/// The machine may be either side: a [`Request`](crate::request::Request) on a stream that has
/// connected, an [`Exchange`](crate::exchange::Exchange) on one that was accepted. Afterwards the
/// stream is only closed: what was sent is still on its way. Where the machine
/// [resets](Machine::resets), RST has left.
///
/// Can be cancelled and called again, as the [module](super) says. It is polled once for each time
/// that the stream or time wakes it, and once more where a peer sends without rest.
pub async fn converse<M, S, T>(machine: &mut M, stream: &mut S, timer: &T) -> M::Outcome
where
    M: Machine,
    S: Read + Close,
    T: Timer,
{
    let outcome = steps(timer, |waker, now| {
        let more = drive(machine, &mut Polled::new(&mut *stream, waker), now);
        match machine.outcome() {
            Some(outcome) => Next::Done(outcome),
            None if more => Next::At(now),
            None => Next::At(machine.due()),
        }
    })
    .await;
    if machine.resets() {
        stream.abort().await;
    }
    outcome
}
