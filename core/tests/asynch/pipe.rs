//! An async stream in memory, with as much room as a test likes, which keeps to what a stream owes.

use core::cell::RefCell;
use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::collections::VecDeque;
use std::rc::Rc;

use greet_core::asynch::Close;
use greet_core::asynch::embedded_io_async::{ErrorKind, ErrorType, Read, Write};

/// One direction.
#[derive(Default)]
pub(crate) struct Way {
    bytes: VecDeque<u8>,
    fin: bool,
    reset: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// All bytes that were ever written.
    pub(crate) written: Vec<u8>,
}

/// One end.
pub(crate) struct End {
    pub(crate) comes: Rc<RefCell<Way>>,
    pub(crate) goes: Rc<RefCell<Way>>,
    /// So many bytes are under way at most.
    room: usize,
    /// One read brings so many bytes at most.
    pub(crate) piece: usize,
    /// Bytes, however few or many, may be all that was sent at once.
    pub(crate) segments: bool,
    /// FIN and RST take so many polls more.
    pub(crate) slow: usize,
}

pub(crate) fn pipe(room: usize) -> (End, End) {
    let (there, back) = <(Rc<RefCell<Way>>, Rc<RefCell<Way>>)>::default();
    let end = |comes: &Rc<_>, goes: &Rc<_>| End {
        comes: Rc::clone(comes),
        goes: Rc::clone(goes),
        room,
        piece: usize::MAX,
        segments: false,
        slow: 0,
    };
    (end(&back, &there), end(&there, &back))
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl End {
    /// The same end once more: one reads, the other writes.
    pub(crate) fn beside(&self) -> Self {
        Self {
            comes: Rc::clone(&self.comes),
            goes: Rc::clone(&self.goes),
            ..*self
        }
    }

    /// Writes as a peer that isn't a task, whatever the room.
    pub(crate) fn put(&self, bytes: &[u8]) {
        let mut way = self.goes.borrow_mut();
        way.bytes.extend(bytes);
        wake(&mut way.reader);
    }

    /// Half-closes as one.
    pub(crate) fn put_fin(&self) {
        let mut way = self.goes.borrow_mut();
        way.fin = true;
        wake(&mut way.reader);
    }

    /// Reads as one, so many bytes at most.
    pub(crate) fn take(&self, most: usize) -> Vec<u8> {
        let mut way = self.comes.borrow_mut();
        let n = way.bytes.len().min(most);
        let bytes = way.bytes.drain(..n).collect();
        wake(&mut way.writer);
        bytes
    }

    pub(crate) fn has_fin(&self) -> bool {
        let way = self.comes.borrow();
        way.fin && way.bytes.is_empty()
    }

    pub(crate) fn is_reset(&self) -> bool {
        self.comes.borrow().reset
    }

    fn is_slow(&mut self, waker: &Waker) -> bool {
        if self.slow > 0 {
            self.slow -= 1;
            waker.wake_by_ref();
            return true;
        }
        false
    }
}

impl ErrorType for End {
    type Error = ErrorKind;
}

impl Read for End {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        poll_fn(|context| {
            let mut way = self.comes.borrow_mut();
            if way.reset {
                return Poll::Ready(Err(ErrorKind::ConnectionReset));
            }
            let n = way.bytes.len().min(buffer.len()).min(self.piece);
            if n == 0 && !way.fin {
                way.reader = Some(context.waker().clone());
                return Poll::Pending;
            }
            for (to, from) in buffer.iter_mut().zip(way.bytes.drain(..n)) {
                *to = from;
            }
            wake(&mut way.writer);
            Poll::Ready(Ok(n))
        })
        .await
    }
}

impl Write for End {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        poll_fn(|context| {
            let mut way = self.goes.borrow_mut();
            assert!(!way.fin, "bytes after FIN");
            if way.reset {
                return Poll::Ready(Err(ErrorKind::ConnectionReset));
            }
            let n = bytes.len().min(self.room.saturating_sub(way.bytes.len()));
            if n == 0 {
                way.writer = Some(context.waker().clone());
                return Poll::Pending;
            }
            way.bytes.extend(&bytes[..n]);
            way.written.extend(&bytes[..n]);
            wake(&mut way.reader);
            Poll::Ready(Ok(n))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Close for End {
    async fn finish(&mut self) -> Result<(), ErrorKind> {
        poll_fn(|context| {
            if self.is_slow(context.waker()) {
                return Poll::Pending;
            }
            let mut way = self.goes.borrow_mut();
            assert!(!way.fin, "FIN twice");
            way.fin = true;
            wake(&mut way.reader);
            Poll::Ready(Ok(()))
        })
        .await
    }

    async fn abort(&mut self) {
        poll_fn(|context| {
            if self.is_slow(context.waker()) {
                return Poll::Pending;
            }
            for way in [&self.comes, &self.goes] {
                let mut way = way.borrow_mut();
                way.reset = true;
                wake(&mut way.reader);
                wake(&mut way.writer);
            }
            Poll::Ready(())
        })
        .await;
    }

    fn in_one_segment(&self, _len: usize) -> bool {
        self.segments
    }
}
