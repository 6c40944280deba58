//! Messages over an async UDP socket: received, answered, and waited for.

use core::cell::RefCell;
use core::future::poll_fn;
use core::net::SocketAddr;
use core::pin::pin;
use core::task::{Poll, Waker};
use std::collections::VecDeque;

use greet_core::asynch::embedded_io_async::{ErrorKind, ErrorType};
use greet_core::asynch::{Datagrams, receive, respond};
use greet_core::receiver::{Event, RETRY, Receiver};
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::time::Instant;
use greet_core::transport::{Datagram, Local};

use crate::clock::Clock;
use crate::task::Task;

#[derive(Default)]
struct Mailbox {
    comes: RefCell<VecDeque<Result<Vec<u8>, ErrorKind>>>,
    waker: RefCell<Option<Waker>>,
    sent: RefCell<Vec<String>>,
    is_full: bool,
}

impl Mailbox {
    fn put(&self, what: Result<&str, ErrorKind>) {
        let what = what.map(|text| text.as_bytes().to_vec());
        self.comes.borrow_mut().push_back(what);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl ErrorType for &Mailbox {
    type Error = ErrorKind;
}

impl Datagrams for &Mailbox {
    async fn receive_from(&mut self, buffer: &mut [u8]) -> Result<Datagram, ErrorKind> {
        let bytes = poll_fn(|context| {
            if let Some(datagram) = self.comes.borrow_mut().pop_front() {
                return Poll::Ready(datagram);
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(Datagram {
            len: bytes.len(),
            from: SocketAddr::from(([192, 0, 2, 9], 3000)),
            local: Local::default(),
        })
    }

    async fn send_to(
        &mut self,
        datagram: &[u8],
        _to: SocketAddr,
        _via: Local,
    ) -> Result<(), ErrorKind> {
        if self.is_full {
            core::future::pending::<()>().await;
        }
        let text = String::from_utf8_lossy(datagram).into_owned();
        self.sent.borrow_mut().push(text);
        Ok(())
    }

    fn is_own(&self, _address: SocketAddr) -> bool {
        false
    }

    fn lost(&mut self) -> u64 {
        3
    }
}

fn words(event: Event<'_>) -> String {
    match event {
        Event::Message { text, .. } => text.as_str().to_owned(),
        Event::Failed { error } => format!("{error:?}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn each_message_wakes_once_and_a_failure_is_waited_out() {
    let (clock, mut task, mailbox) = (Clock::new(), Task::new(), Mailbox::default());
    let mut receiver = Receiver::new();
    let got = RefCell::new(Vec::new());
    let mut socket = &mailbox;
    let report = |event: Event<'_>| got.borrow_mut().push(words(event));
    let mut receiving = pin!(receive(&mut receiver, &mut socket, &clock, report));
    assert!(task.poll(receiving.as_mut()).is_pending());
    for (wakes, text) in [(1, "one"), (2, "two")] {
        mailbox.put(Ok(text));
        assert_eq!(task.wakes(), wakes);
        assert!(task.poll(receiving.as_mut()).is_pending());
    }
    mailbox.put(Err(ErrorKind::Other));
    mailbox.put(Ok("behind it"));
    assert_eq!(task.wakes(), 3);
    assert!(task.poll(receiving.as_mut()).is_pending());
    assert_eq!(got.borrow().len(), 3);
    assert_eq!(clock.next(), Some(Instant::START + RETRY));
    assert!(clock.go_on());
    assert_eq!(task.wakes(), 4);
    assert!(task.poll(receiving.as_mut()).is_pending());
    assert_eq!(*got.borrow(), ["one", "two", "Other", "behind it"]);
    assert_eq!((task.polls, task.wakes(), clock.next()), (5, 4, None));
}

#[test]
fn messages_are_answered_wherever_it_is_cancelled() {
    for cancels in [false, true] {
        let (clock, mut task, mailbox) = (Clock::new(), Task::new(), Mailbox::default());
        let mut responder = Responder::<4>::new(REPLIES_PER_SECOND);
        let mut socket = &mailbox;
        for number in 0..3 {
            let mut responding = pin!(respond(&mut responder, &mut socket, &clock, |_event| ()));
            for part in 0..2 {
                if !cancels || part == 0 {
                    assert!(task.poll(responding.as_mut()).is_pending());
                    mailbox.put(Ok(&format!("{number}.{part}")));
                    assert!(task.is_woken());
                }
            }
            assert!(task.poll(responding.as_mut()).is_pending());
        }
        let expected = if cancels { 3 } else { 6 };
        let sent = mailbox.sent.borrow();
        assert_eq!(sent.len(), expected);
        assert_eq!(sent.first().map(String::as_str), Some("Hello, 0.0"));
        let tally = responder.tally();
        assert_eq!((tally.replies, tally.lost), (expected as u64, 3));
    }
}

#[test]
fn an_answer_without_room_is_dropped() {
    let (clock, mut task) = (Clock::new(), Task::new());
    let mailbox = Mailbox {
        is_full: true,
        ..Mailbox::default()
    };
    mailbox.put(Ok("one"));
    mailbox.put(Ok("two"));
    let mut responder = Responder::<4>::new(REPLIES_PER_SECOND);
    let mut socket = &mailbox;
    {
        let mut responding = pin!(respond(&mut responder, &mut socket, &clock, |_event| ()));
        assert!(task.poll(responding.as_mut()).is_pending());
    }
    let tally = responder.tally();
    assert_eq!((tally.messages, tally.unsent), (2, 2));
}
