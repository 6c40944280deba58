//! Any [`embedded_io`] reader and writer as a [`Stream`].

use core::task::Poll;

use embedded_io::{Error, ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};

use super::Stream;

/// A blocking reader and writer.
///
/// Its calls wait, so nothing tells it when its peer has gone quiet: over it, a name ends with FIN
/// (a read of 0 bytes) alone, and no deadline is met while a read blocks. Good for clients, and for
/// peers that half-close; use [`NonBlocking`] for all others.
///
/// A reader and writer with a timeout of its own, which may be zero, says by
/// [`ErrorKind::TimedOut`] that nothing came or left within it. That is *not now*,
/// [`Poll::Pending`], and ends a name as quiet does; whether a peer is gone is the deadline's to
/// say. Any other error is final.
///
/// There is no way to half-close or reset an `embedded_io` stream: [`finish`](Stream::finish)
/// flushes, and [`abort`](Stream::abort) does nothing. Drop the stream, or close it by its own
/// means.
#[derive(Clone, Copy, Debug)]
pub struct Blocking<T>(pub T);

/// A reader and writer that says when it is ready: a UART, USB serial, or a socket of another
/// stack.
///
/// As with [`Blocking`], [`finish`](Stream::finish) flushes, which may block, and
/// [`abort`](Stream::abort) does nothing.
#[derive(Clone, Copy, Debug)]
pub struct NonBlocking<T>(pub T);

impl<T: ErrorType> ErrorType for Blocking<T> {
    type Error = T::Error;
}

impl<T: ErrorType> ErrorType for NonBlocking<T> {
    type Error = T::Error;
}

impl<T: Read + Write> Stream for Blocking<T> {
    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, Self::Error>> {
        in_time(uninterrupted(|| self.0.read(buffer)))
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, Self::Error>> {
        in_time(uninterrupted(|| self.0.write(bytes)))
    }

    fn finish(&mut self) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(uninterrupted(|| self.0.flush()))
    }

    fn in_one_segment(&self, _len: usize) -> bool {
        false
    }

    fn abort(&mut self) {}
}

impl<T: Read + Write + ReadReady + WriteReady> Stream for NonBlocking<T> {
    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, Self::Error>> {
        if uninterrupted(|| self.0.read_ready())? {
            Poll::Ready(uninterrupted(|| self.0.read(buffer)))
        } else {
            Poll::Pending
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, Self::Error>> {
        if uninterrupted(|| self.0.write_ready())? {
            Poll::Ready(uninterrupted(|| self.0.write(bytes)))
        } else {
            Poll::Pending
        }
    }

    fn finish(&mut self) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(uninterrupted(|| self.0.flush()))
    }

    fn in_one_segment(&self, _len: usize) -> bool {
        false
    }

    fn abort(&mut self) {}
}

/// Repeats a call that was merely interrupted, as on an operating system by a signal.
fn uninterrupted<T, E: Error>(mut call: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A call that has waited for as long as it may can be made again.
fn in_time<T, E: Error>(result: Result<T, E>) -> Poll<Result<T, E>> {
    match result {
        Err(error) if error.kind() == ErrorKind::TimedOut => Poll::Pending,
        result => Poll::Ready(result),
    }
}
