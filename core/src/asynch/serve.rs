//! Many conversations in one task, over an async listener.

use core::convert::Infallible;

use super::polled::Polled;
use super::timer::{Next, Timer, steps};
use super::transport::Listener;
use crate::machine::Service;
use crate::server::{Event, Server};

/// Serves all clients of a listener, as many at once as the server has places, and never ends.
///
/// One task holds them all, and looks at each place whenever one of them wakes it: for as many as a
/// board has sockets. A server of thousands has a task for each, which calls
/// [`converse`](super::converse).
///
/// Can be cancelled and called again, as the [module](super) says; clients stay in their places.
pub async fn serve<L, M, T, const N: usize>(
    server: &mut Server<L::Handle, N, M>,
    listener: &mut L,
    timer: &T,
    mut report: impl FnMut(Event<'_, M, L::Error>),
) -> Infallible
where
    L: Listener,
    M: Service,
    T: Timer,
{
    steps(timer, |waker, now| {
        let mut listener = Polled::new(&mut *listener, waker);
        Next::At(server.poll(&mut listener, now, &mut report))
    })
    .await
}
