//! A connection as whoever speaks over it sees it.

use std::convert::Infallible;
use std::task::Poll;

use embedded_io::ErrorType;
use greet_core::limits::DEFAULT_MSS;
use greet_core::transport::{Sent, Stream};

use crate::tcp::connection::Connection;

impl ErrorType for Connection {
    type Error = Infallible;
}

impl Stream for Connection {
    const TAKES_ALL: bool = true;

    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, Infallible>> {
        self.receiving
            .read(buffer)
            .map_or(Poll::Pending, |len| Poll::Ready(Ok(len)))
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, Infallible>> {
        match self.sending.queue(bytes) {
            0 => Poll::Pending,
            len => Poll::Ready(Ok(len)),
        }
    }

    fn finish(&mut self) -> Poll<Result<(), Infallible>> {
        Connection::finish(self);
        Poll::Ready(Ok(()))
    }

    fn in_one_segment(&self, len: usize) -> bool {
        len < DEFAULT_MSS.min(self.sending.mss as usize)
    }

    fn abort(&mut self) {
        Connection::abort(self);
    }

    fn send_last(&mut self, bytes: &[u8]) -> Poll<Result<Sent, Infallible>> {
        let sent = self.sending.queue(bytes);
        if sent < bytes.len() {
            return if sent == 0 {
                Poll::Pending
            } else {
                Poll::Ready(Ok(Sent {
                    bytes: sent,
                    fin: false,
                }))
            };
        }
        Connection::finish(self);
        Poll::Ready(Ok(Sent {
            bytes: sent,
            fin: true,
        }))
    }
}
