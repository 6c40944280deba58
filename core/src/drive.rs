//! The one place where the protocol meets a transport: bytes move until neither side can go on.
//!
//! Every server and client, polled or event-driven, on every stack, calls these functions.

use core::task::Poll;
use core::time::Duration;

use embedded_io::{Error, ErrorKind};

use crate::exchange::{self, Exchange, Phase};
use crate::request::{self, Request};
use crate::time::Moment;
use crate::transport::Stream;

/// Carries bytes between a client's stream and its exchange as far as both go at `now`.
///
/// Call it again when the stream may be ready, and at [`Exchange::timeout`] at the latest. Once
/// the status is [`Done`](exchange::Status::Done), release or drop the stream. Only an answer that
/// nobody takes is [aborted](Stream::abort), which is done here.
pub fn exchange<S: Stream>(
    exchange: &mut Exchange,
    stream: &mut S,
    now: Duration,
) -> exchange::Status {
    run(exchange, stream, now.into());
    exchange.status()
}

/// [`exchange`] for a server that looks at the outcome alone.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) fn run<S: Stream>(exchange: &mut Exchange, stream: &mut S, now: Moment) {
    loop {
        let before = exchange.phase();
        match before {
            Phase::Reading | Phase::Draining => {
                let space = exchange.space();
                let room = space.len();
                match stream.receive(space) {
                    Poll::Ready(Ok(0)) => exchange.received_fin_at(now),
                    Poll::Ready(Ok(n)) => {
                        exchange.received_at(n, now);
                        if S::TAKES_ALL && n < room {
                            exchange.quiet_at(now);
                        }
                        continue;
                    }
                    Poll::Ready(Err(error)) => exchange.connection_lost(error.kind()),
                    Poll::Pending => {
                        exchange.quiet_at(now);
                        if exchange.phase() == before {
                            exchange.handle_timeout_at(now);
                        }
                    }
                }
            }
            Phase::Replying => {
                let reply = exchange.transmit();
                let left = reply.len();
                match stream.send_last(reply) {
                    Poll::Ready(Ok(0)) => exchange.connection_lost(ErrorKind::WriteZero),
                    Poll::Ready(Ok(n)) => {
                        exchange.transmitted(n);
                        if n >= left {
                            exchange.finished_at(now);
                        }
                        continue;
                    }
                    Poll::Ready(Err(error)) => exchange.connection_lost(error.kind()),
                    Poll::Pending => exchange.handle_timeout_at(now),
                }
            }
            Phase::Finishing => match stream.finish() {
                Ok(()) => exchange.finished_at(now),
                Err(error) => exchange.connection_lost(error.kind()),
            },
            Phase::Done => {
                if exchange.is_unread() {
                    stream.abort();
                }
            }
        }
        if exchange.phase() == before {
            return;
        }
    }
}

/// Carries bytes between a request and the stream to its server as far as both go at `now`.
///
/// Call it again when the stream may be ready, and at [`Request::timeout`] at the latest. A stream
/// that is still connecting is [`Poll::Pending`]. Once the status is
/// [`Done`](request::Status::Done), drop the stream; [`Request::answer`] says how it ended.
pub fn request<S: Stream>(
    request: &mut Request<'_>,
    stream: &mut S,
    now: Duration,
) -> request::Status {
    use request::Status;
    loop {
        match request.status() {
            Status::Sending => {
                let name = request.transmit();
                let left = name.len();
                match stream.send_last(name) {
                    Poll::Ready(Ok(0)) if left > 0 => {
                        request.connection_lost(ErrorKind::WriteZero);
                        continue;
                    }
                    Poll::Ready(Ok(n)) => {
                        request.transmitted(n);
                        if n >= left {
                            request.finished();
                        }
                        continue;
                    }
                    Poll::Ready(Err(error)) => {
                        request.connection_lost(error.kind());
                        continue;
                    }
                    Poll::Pending => {} // a refusal may come before the whole name has left
                }
            }
            Status::Finishing => {
                match stream.finish() {
                    Ok(()) => request.finished(),
                    Err(error) => request.connection_lost(error.kind()),
                }
                continue;
            }
            Status::Receiving => {}
            Status::Done => return Status::Done,
        }
        match stream.receive(request.space()) {
            Poll::Ready(Ok(0)) => request.received_fin(),
            Poll::Ready(Ok(n)) => request.received(n),
            Poll::Ready(Err(error)) => request.connection_lost(error.kind()),
            Poll::Pending => {
                request.handle_timeout(now);
                return request.status();
            }
        }
    }
}
