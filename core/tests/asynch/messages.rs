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

/// Either side of messages.
enum Side {
    Receives(Receiver),
    Answers(Responder<4>),
}

impl Side {
    async fn run(&mut self, socket: &mut &Mailbox, clock: &Clock, report: impl FnMut(Event<'_>)) {
        match self {
            Self::Receives(receiver) => match receive(receiver, socket, clock, report).await {},
            Self::Answers(responder) => match respond(responder, socket, clock, report).await {},
        }
    }
}

/// Messages that come one at a time, two at a time, and while nobody is there. At each point where the
/// task waits, `cancels` says of its number whether its future is dropped and made anew. Returns how many
/// such points there were.
fn exchange(mut side: Side, cancels: impl Fn(usize) -> bool) -> usize {
    let texts: Vec<_> = (0..24).map(|number| format!("message {number}")).collect();
    let (clock, mailbox, got) = (Clock::new(), Mailbox::default(), RefCell::default());
    let (mut socket, mut coming, mut points) = (&mailbox, texts.iter(), 0);
    let mut come = |most: usize| {
        let some = coming.by_ref().take(most);
        some.map(|text| mailbox.put(Ok(text))).count() > 0
    };
    'anew: loop {
        let mut task = Task::new();
        let report = |event: Event<'_>| Vec::push(&mut got.borrow_mut(), words(event));
        let mut running = pin!(side.run(&mut socket, &clock, report));
        loop {
            if task.polls > 0 && !come(1 + points % 2) {
                break 'anew;
            }
            assert!(task.polls == 0 || task.is_woken(), "nobody hears of it");
            assert!(task.poll(running.as_mut()).is_pending());
            points += 1;
            if cancels(points) {
                if come(1) {
                    continue 'anew;
                }
                break 'anew;
            }
        }
    }
    assert_eq!(*got.borrow(), texts);
    let answered = mailbox
        .sent
        .borrow()
        .iter()
        .map(|answer| answer.replace("Hello, ", ""))
        .collect();
    let expected = match side {
        Side::Receives(_) => Vec::new(),
        Side::Answers(_) => texts,
    };
    assert_eq!(Vec::<String>::from_iter::<Vec<_>>(answered), expected);
    points
}

#[test]
fn messages_cancelled_anywhere_are_not_lost_and_none_comes_twice() {
    let sides: [fn() -> Side; 2] = [
        || Side::Receives(Receiver::new()),
        || Side::Answers(Responder::new(REPLIES_PER_SECOND)),
    ];
    for side in sides {
        let points = exchange(side(), |_| false);
        assert!(points > 10, "{points} points only");
        for chosen in 1..=points {
            exchange(side(), |point| point == chosen);
        }
        exchange(side(), |_| true);
    }
}
