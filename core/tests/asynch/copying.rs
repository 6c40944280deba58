//! A reader that can't be cancelled: a read that was begun is kept until it is ready.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Poll, Waker};
use std::collections::VecDeque;

use greet_core::asynch::Copying;
use greet_core::asynch::embedded_io_async::{ErrorKind, ErrorType, Read};
use greet_core::error::Abandonment;
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::machine::Machine;
use greet_core::request::{Answer, Request};
use greet_core::text::Text;
use greet_core::time::Instant;

use crate::clock::Clock;
use crate::pipe::{End, pipe};
use crate::task::Task;

/// What is transferred, in pieces as a controller would bring them, and who waits for it.
#[derive(Default)]
struct Controller {
    pieces: RefCell<VecDeque<Result<Vec<u8>, ErrorKind>>>,
    waker: RefCell<Option<Waker>>,
    /// So many reads were dropped while they were under way.
    dropped: Cell<usize>,
    begun: Cell<usize>,
}

impl Controller {
    fn put(&self, piece: Result<&str, ErrorKind>) {
        let piece = piece.map(|text| text.as_bytes().to_vec());
        self.pieces.borrow_mut().push_back(piece);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Reads into the caller's memory by itself: a read that is dropped takes what it brought with it.
struct Dma<'c>(&'c Controller);

struct Transfer<'c>(&'c Controller, bool);

impl Drop for Transfer<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.dropped.set(self.0.dropped.get() + 1);
            self.0.pieces.borrow_mut().pop_front();
        }
    }
}

impl ErrorType for Dma<'_> {
    type Error = ErrorKind;
}

impl Read for Dma<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.0.begun.set(self.0.begun.get() + 1);
        let mut transfer = Transfer(self.0, false);
        let piece = poll_fn(|context| {
            if let Some(piece) = self.0.pieces.borrow_mut().pop_front() {
                return Poll::Ready(piece);
            }
            *self.0.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
        transfer.1 = true;
        let piece = piece?;
        buffer[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

fn writer(segments: bool) -> (End, End) {
    let (ours, mut theirs) = pipe(5);
    theirs.segments = segments;
    (ours, theirs)
}

#[test]
fn a_read_is_kept_while_timers_come_and_answers_leave() {
    let limits = Limits::DEFAULT;
    let (clock, mut task, controller) = (Clock::new(), Task::new(), Controller::default());
    let (client, theirs) = writer(false);
    let mut buffer = [0; 8];
    let mut line = Copying::new(Dma(&controller), theirs, &mut buffer);
    let mut exchange = Exchange::new(Instant::START, limits);
    let mut got = Vec::new();
    let outcome = {
        let mut serving = pin!(line.converse(&mut exchange, &clock));
        assert!(task.poll(serving.as_mut()).is_pending());
        for piece in ["Wor", "ld, ", "and all"] {
            controller.put(Ok(piece));
            assert!(task.is_woken());
            assert!(task.poll(serving.as_mut()).is_pending());
            assert!(!task.is_woken());
        }
        assert_eq!(controller.begun.get(), 4);
        loop {
            match task.poll(serving.as_mut()) {
                Poll::Ready(outcome) => break outcome,
                Poll::Pending => {
                    got.extend(client.take(3));
                    assert!(task.is_woken() || clock.go_on());
                }
            }
            assert_eq!(controller.dropped.get(), 0);
        }
    };
    got.extend(client.take(99));
    assert_eq!(outcome, Outcome::Greeted);
    assert_eq!(got, b"Hello, World, and all");
    // That of the client who says nothing more, at the end.
    assert_eq!((controller.begun.get(), controller.dropped.get()), (4, 1));
}

/// Where the rest is waiting already, a pause between two reads is none.
#[test]
fn quiet_is_when_nothing_more_is_waiting() {
    let (clock, mut task, controller) = (Clock::new(), Task::new(), Controller::default());
    let (client, theirs) = writer(true);
    for letter in ["W", "o", "r", "l", "d"] {
        controller.put(Ok(letter));
    }
    let mut buffer = [0; 8];
    let mut line = Copying::new(Dma(&controller), theirs, &mut buffer);
    let mut exchange = Exchange::new(Instant::START, Limits::DEFAULT);
    let mut serving = pin!(line.converse(&mut exchange, &clock));
    let mut got = Vec::new();
    while task.poll(serving.as_mut()).is_pending() {
        got.extend(client.take(99));
    }
    got.extend(client.take(99));
    assert_eq!(got, b"Hello, World");
}

/// What comes with the reader's last bytes is for the next conversation.
#[test]
fn what_was_not_taken_is_kept() {
    let (clock, mut task, controller) = (Clock::new(), Task::new(), Controller::default());
    let (client, mut theirs) = writer(true);
    theirs.slow = 0;
    let mut buffer = [0; 600];
    let mut line = Copying::new(Dma(&controller), theirs, &mut buffer);
    let too_long = "x".repeat(600);
    controller.put(Ok(&too_long));
    controller.put(Ok(&too_long));
    // A machine that ends in the middle: no more than these are drained.
    let limits = Limits::DEFAULT.with_drain_bytes(100);
    let mut exchange = Exchange::new(Instant::START, limits);
    {
        let mut serving = pin!(line.converse(&mut exchange, &clock));
        while task.poll(serving.as_mut()).is_pending() {
            client.take(99);
            assert!(task.is_woken() || clock.go_on());
        }
    }
    let left = format!("{line:?}");
    assert!(left.contains("stock: 75"), "{left}"); // 1,200, less 1,025 and 100
}

#[test]
fn the_end_of_the_reader_is_fin_and_its_failure_is_told() {
    for (end, outcome) in [
        (Ok(""), Outcome::Greeted),
        (
            Err(ErrorKind::BrokenPipe),
            Outcome::Abandoned(Abandonment::Connection(ErrorKind::BrokenPipe)),
        ),
    ] {
        let (clock, mut task, controller) = (Clock::new(), Task::new(), Controller::default());
        let (client, theirs) = writer(false);
        let mut buffer = [0; 8];
        let mut line = Copying::new(Dma(&controller), theirs, &mut buffer);
        let mut exchange = Exchange::new(Instant::START, Limits::DEFAULT);
        let mut serving = pin!(line.converse(&mut exchange, &clock));
        controller.put(Ok("Wor"));
        controller.put(end);
        let ended = loop {
            match task.poll(serving.as_mut()) {
                Poll::Ready(outcome) => break outcome,
                Poll::Pending => assert!(!client.take(99).is_empty(), "it waits for time"),
            }
        };
        assert_eq!(ended, outcome);
    }
}

#[test]
fn a_client_may_copy_as_well() {
    let (clock, mut task, controller) = (Clock::new(), Task::new(), Controller::default());
    let (server, ours) = writer(false);
    let mut buffer = [0; 8];
    let mut line = Copying::new(Dma(&controller), ours, &mut buffer);
    let name = Text::new("World").expect("short");
    let mut request = Request::new(name, Instant::START + Request::TIMEOUT);
    {
        let mut asking = pin!(line.converse(&mut request, &clock));
        assert!(task.poll(asking.as_mut()).is_pending());
        assert_eq!(server.take(9), b"World");
        for piece in ["Hello, ", "World", ""] {
            controller.put(Ok(piece));
        }
        assert!(task.poll(asking.as_mut()).is_ready());
    }
    assert_eq!(request.answer(), Some(Ok(Answer::Greeted)));
    assert_eq!(controller.dropped.get(), 0);
    assert!(request.outcome().is_some());
}
