//! A conversation over a reader that can't be cancelled.

use core::cell::Cell;
use core::fmt;
use core::future::Future;
use core::ops::Range;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embedded_io::{Error, ErrorKind, ErrorType};
use embedded_io_async::Read;

use super::polled::poll;
use super::timer::{Next, Timer, steps};
use super::transport::Close;
use crate::drive::drive;
use crate::machine::{Machine, Want};
use crate::time::Instant;
use crate::transport::Stream;

/// A reader that can't be cancelled, such as a UART that reads by DMA into the caller's memory, and
/// the writer beside it.
///
/// Its `read` is begun once and kept until it is ready; what it brought is copied to the machine. So
/// it costs a buffer, and a copy of each byte. For all other streams there is
/// [`converse`](super::converse).
///
/// What was read and not yet taken stays here for the next conversation. A read that is under way when
/// a conversation ends or is cancelled is dropped, and what that does is the reader's to say.
pub struct Copying<'b, R, W> {
    reader: R,
    writer: W,
    buffer: &'b mut [u8],
    /// What was read and not yet taken.
    stock: Range<usize>,
    /// What comes after that, where nothing is read any more: FIN, or how the reader failed.
    end: Option<Result<(), ErrorKind>>,
}

impl<'b, R: Read, W: Close> Copying<'b, R, W> {
    /// A reader and a writer, and room for what one `read` brings: a byte at least.
    pub const fn new(reader: R, writer: W, buffer: &'b mut [u8]) -> Self {
        Self {
            reader,
            writer,
            buffer,
            stock: 0..0,
            end: None,
        }
    }

    /// Has a conversation to its end, as [`converse`](super::converse) does.
    pub async fn converse<M: Machine, T: Timer>(
        &mut self,
        machine: &mut M,
        timer: &T,
    ) -> M::Outcome {
        let outcome = loop {
            let ended = if self.stock.is_empty() && self.end.is_none() {
                self.read(machine, timer).await
            } else {
                self.take(machine, timer).await
            };
            if let Some(outcome) = ended {
                break outcome;
            }
        };
        if machine.resets() {
            self.writer.abort().await;
        }
        outcome
    }

    /// Goes on while a read is under way. `None`: it is ready.
    async fn read<M: Machine, T: Timer>(
        &mut self,
        machine: &mut M,
        timer: &T,
    ) -> Option<M::Outcome> {
        let (buffer, writer) = (&mut *self.buffer, &mut self.writer);
        let room = buffer.len();
        let mut reading = pin!(self.reader.read(buffer));
        let mut came = None;
        let ended = steps(timer, |waker, now| {
            let receive = |_: &mut [u8]| {
                if came.is_none() {
                    let mut context = Context::from_waker(waker);
                    match reading.as_mut().poll(&mut context) {
                        Poll::Pending => return Came::Nothing,
                        Poll::Ready(result) => came = Some(result.map_err(|error| error.kind())),
                    }
                }
                Came::More
            };
            go_on(machine, receive, writer, waker, now)
        })
        .await;
        match came {
            Some(Ok(0)) => self.end = Some(Ok(())),
            Some(Ok(n)) => self.stock = 0..n.min(room),
            Some(Err(kind)) => self.end = Some(Err(kind)),
            None => {}
        }
        ended
    }

    /// Goes on while there is something in stock, or nothing comes any more. `None`: it is used up.
    async fn take<M: Machine, T: Timer>(
        &mut self,
        machine: &mut M,
        timer: &T,
    ) -> Option<M::Outcome> {
        let Self {
            writer,
            buffer,
            stock,
            end,
            ..
        } = self;
        steps(timer, |waker, now| {
            let receive = |space: &mut [u8]| {
                let rest = buffer.get(stock.clone()).unwrap_or_default();
                let n = rest.len().min(space.len());
                for (to, from) in space.iter_mut().zip(rest) {
                    *to = *from;
                }
                stock.start += n;
                match *end {
                    _ if n > 0 => Came::Some(Ok(n)),
                    Some(end) => Came::Some(end.map(|()| 0)),
                    None => Came::More,
                }
            };
            go_on(machine, receive, writer, waker, now)
        })
        .await
    }
}

impl<R, W> fmt::Debug for Copying<'_, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copying")
            .field("room", &self.buffer.len())
            .field("stock", &self.stock.len())
            .finish_non_exhaustive()
    }
}

/// What came in.
enum Came {
    /// Bytes, FIN, or the end of all.
    Some(Result<usize, ErrorKind>),
    /// Nothing is waiting.
    Nothing,
    /// Nothing to take yet, but something is waiting.
    More,
}

/// Drives once. The step is the last if the machine has ended, or if more is waiting.
fn go_on<M: Machine, W: Close>(
    machine: &mut M,
    mut receive: impl FnMut(&mut [u8]) -> Came,
    writer: &mut W,
    waker: &Waker,
    now: Instant,
) -> Next<Option<M::Outcome>> {
    let is_more_waiting = Cell::new(false);
    let mut halves = Halves {
        receive: |space: &mut [u8]| match receive(space) {
            Came::Some(result) => Poll::Ready(result),
            Came::Nothing => Poll::Pending,
            Came::More => {
                is_more_waiting.set(true);
                Poll::Pending
            }
        },
        writer,
        waker,
    };
    let mut patient = Patient {
        machine: &mut *machine,
        is_more_waiting: &is_more_waiting,
    };
    let more = drive(&mut patient, &mut halves, now);
    match machine.outcome() {
        Some(outcome) => Next::Done(Some(outcome)),
        None if is_more_waiting.get() => Next::Done(None),
        None if more => Next::At(now),
        None => Next::At(machine.due()),
    }
}

/// Whatever brings bytes, and a writer, as one stream.
struct Halves<'h, F, W> {
    receive: F,
    writer: &'h mut W,
    waker: &'h Waker,
}

impl<F, W> ErrorType for Halves<'_, F, W> {
    type Error = ErrorKind;
}

impl<F: FnMut(&mut [u8]) -> Poll<Result<usize, ErrorKind>>, W: Close> Stream for Halves<'_, F, W> {
    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        (self.receive)(buffer)
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, ErrorKind>> {
        poll(self.writer.write(bytes), self.waker).map_err(|error| error.kind())
    }

    fn finish(&mut self) -> Poll<Result<(), ErrorKind>> {
        poll(self.writer.finish(), self.waker).map_err(|error| error.kind())
    }

    fn in_one_segment(&self, len: usize) -> bool {
        self.writer.in_one_segment(len)
    }

    fn abort(&mut self) {
        let _ = poll(self.writer.abort(), self.waker);
    }
}

/// A machine that isn't told of quiet, nor that its time is up, while more is waiting.
struct Patient<'m, M> {
    machine: &'m mut M,
    is_more_waiting: &'m Cell<bool>,
}

impl<M: Machine> Machine for Patient<'_, M> {
    type Outcome = M::Outcome;

    fn want(&self) -> Want {
        self.machine.want()
    }

    fn space(&mut self) -> &mut [u8] {
        self.machine.space()
    }

    fn received(&mut self, n: usize, now: Instant) {
        self.machine.received(n, now);
    }

    fn received_fin(&mut self, now: Instant) {
        self.machine.received_fin(now);
    }

    fn quiet(&mut self, now: Instant, in_one_segment: impl FnOnce(usize) -> bool) {
        if !self.is_more_waiting.get() {
            self.machine.quiet(now, in_one_segment);
        }
    }

    fn transmit(&self) -> &[u8] {
        self.machine.transmit()
    }

    fn fin_follows(&self) -> bool {
        self.machine.fin_follows()
    }

    fn transmitted(&mut self, n: usize, now: Instant) {
        self.machine.transmitted(n, now);
    }

    fn finished(&mut self, now: Instant) {
        self.machine.finished(now);
    }

    fn lost(&mut self, kind: ErrorKind) {
        self.machine.lost(kind);
    }

    fn due(&self) -> Instant {
        self.machine.due()
    }

    fn timeout(&mut self, now: Instant) {
        if !self.is_more_waiting.get() {
            self.machine.timeout(now);
        }
    }

    fn outcome(&self) -> Option<M::Outcome> {
        self.machine.outcome()
    }

    fn resets(&self) -> bool {
        self.machine.resets()
    }
}
