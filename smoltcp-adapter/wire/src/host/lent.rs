//! A connection of the second host, as core's stream.

use core::fmt;
use core::task::Poll;
use std::cell::RefMut;

use embedded_io::ErrorType;
use greet_core::transport::{self, Sent};
use greet_smoltcp::error::StreamError;
use greet_smoltcp::stream::Stream;

use super::Inner;
use crate::frames::Frames;

/// A connection of the second host, for as long as it is looked at.
pub struct Lent<'a, F> {
    pub(super) inner: RefMut<'a, Inner<F>>,
    pub(super) slot: usize,
}

impl<F: Frames> Lent<'_, F> {
    fn with<R>(&mut self, look: impl FnOnce(&mut Stream<'_, 'static>) -> R) -> Option<R> {
        let Inner { stack, slots, .. } = &mut *self.inner;
        let connection = slots.get(self.slot)?.as_ref()?;
        Some(look(&mut connection.on(stack.net())))
    }
}

impl<F: Frames> ErrorType for Lent<'_, F> {
    type Error = StreamError;
}

/// What a connection that isn't there says.
const GONE: StreamError = StreamError::Reset;

impl<F: Frames> transport::Stream for Lent<'_, F> {
    const TAKES_ALL: bool = <Stream<'_, '_> as transport::Stream>::TAKES_ALL;

    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, StreamError>> {
        self.with(|stream| transport::Stream::receive(stream, buffer))
            .unwrap_or(Poll::Ready(Err(GONE)))
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, StreamError>> {
        self.with(|stream| transport::Stream::send(stream, bytes))
            .unwrap_or(Poll::Ready(Err(GONE)))
    }

    fn finish(&mut self) -> Poll<Result<(), StreamError>> {
        self.with(|stream| transport::Stream::finish(stream))
            .unwrap_or(Poll::Ready(Err(GONE)))
    }

    fn send_last(&mut self, bytes: &[u8]) -> Poll<Result<Sent, StreamError>> {
        self.with(|stream| transport::Stream::send_last(stream, bytes))
            .unwrap_or(Poll::Ready(Err(GONE)))
    }

    fn abort(&mut self) {
        self.with(|stream| transport::Stream::abort(stream));
    }
}

impl<F> fmt::Debug for Lent<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent")
            .field("slot", &self.slot)
            .finish_non_exhaustive()
    }
}
