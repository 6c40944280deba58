//! Many clients in one task: places, a client who waits for one, and cancelling.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::net::SocketAddr;
use core::pin::pin;
use core::task::{Poll, Waker};
use std::collections::VecDeque;

use greet_core::asynch::embedded_io_async::ErrorKind;
use greet_core::asynch::{Listener, serve};
use greet_core::exchange::Exchange;
use greet_core::limits::Limits;
use greet_core::server::{Event, Server};
use greet_core::transport::Accepted;

use crate::cancelling::everywhere;
use crate::clock::Clock;
use crate::pipe::{End, pipe};
use crate::task::Task;

/// Clients that have connected, and who asks for them.
#[derive(Default)]
struct Port {
    waiting: RefCell<VecDeque<(Result<End, ErrorKind>, SocketAddr)>>,
    waker: RefCell<Option<Waker>>,
    released: Cell<usize>,
}

impl Port {
    /// A client that comes from this port.
    fn connect(&self, port: u16) -> End {
        let (ours, theirs) = pipe(100);
        self.push(Ok(theirs), port);
        ours
    }

    fn push(&self, end: Result<End, ErrorKind>, port: u16) {
        let peer = SocketAddr::from(([192, 0, 2, 9], port));
        self.waiting.borrow_mut().push_back((end, peer));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Listener for &Port {
    type Error = ErrorKind;
    type Handle = End;
    type Stream<'a>
        = &'a mut End
    where
        Self: 'a;

    async fn accept(&mut self) -> Result<Accepted<End>, ErrorKind> {
        poll_fn(|context| {
            if let Some((end, peer)) = self.waiting.borrow_mut().pop_front() {
                return Poll::Ready(end.map(|end| (end, peer)));
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    async fn awaited(&mut self) {
        poll_fn(|context| {
            if !self.waiting.borrow().is_empty() {
                return Poll::Ready(());
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn stream<'a>(&'a mut self, handle: &'a mut End) -> &'a mut End {
        handle
    }

    fn release(&mut self, handle: End) {
        self.released.set(self.released.get() + 1);
        drop(handle);
    }
}

/// What a server reports, in words.
fn words(event: &Event<'_, Exchange, ErrorKind>) -> String {
    match event {
        Event::Connected { peer } => format!("{} connected", peer.port()),
        Event::Ended { peer, outcome, .. } => format!("{} {outcome:?}", peer.port()),
        Event::AcceptFailed { error } => format!("failed: {error:?}"),
        _ => "something new".into(),
    }
}

#[test]
fn clients_are_served_at_once_and_each_wakes_once() {
    let (clock, mut task, port) = (Clock::new(), Task::new(), Port::default());
    let mut server = Server::<End, 2>::new(Limits::DEFAULT);
    let events = RefCell::new(Vec::new());
    let report = |event: Event<'_, Exchange, ErrorKind>| events.borrow_mut().push(words(&event));
    let mut listener = &port;
    let mut serving = pin!(serve(&mut server, &mut listener, &clock, report));
    assert!(task.poll(serving.as_mut()).is_pending());

    let one = port.connect(1);
    assert_eq!(task.wakes(), 1);
    assert!(task.poll(serving.as_mut()).is_pending());
    let two = port.connect(2);
    assert_eq!(task.wakes(), 2);
    assert!(task.poll(serving.as_mut()).is_pending());
    for (client, name, wakes) in [(&two, "Two", 3), (&one, "One", 5)] {
        client.put(name.as_bytes());
        assert_eq!(task.wakes(), wakes);
        assert!(task.poll(serving.as_mut()).is_pending());
        client.put_fin();
        assert!(task.poll(serving.as_mut()).is_pending());
        assert_eq!(client.take(99), format!("Hello, {name}").as_bytes());
        assert_eq!(task.wakes(), wakes + 1);
    }
    let expected = ["1 connected", "2 connected", "2 Greeted", "1 Greeted"];
    assert_eq!(*events.borrow(), expected);
    assert_eq!((port.released.get(), task.polls), (2, 7));
}

#[test]
fn who_waits_gets_the_place_of_who_is_silent() {
    let (clock, mut task, port) = (Clock::new(), Task::new(), Port::default());
    let mut server = Server::<End, 1>::new(Limits::DEFAULT);
    let events = RefCell::new(Vec::new());
    let report = |event: Event<'_, Exchange, ErrorKind>| events.borrow_mut().push(words(&event));
    let silent = port.connect(1);
    let mut listener = &port;
    let mut serving = pin!(serve(&mut server, &mut listener, &clock, report));
    assert!(task.poll(serving.as_mut()).is_pending());
    let waiting = port.connect(2);
    waiting.put(b"World");
    waiting.put_fin();
    assert_eq!(task.wakes(), 1, "nobody heard it");
    while waiting.take(1).is_empty() {
        assert!(task.poll(serving.as_mut()).is_pending());
        assert!(task.is_woken() || clock.go_on());
    }
    assert_eq!(silent.take(99), b"Error: no name within 0.25 s\n");
    assert!(events.borrow().contains(&"2 Greeted".into()));
}

#[test]
fn a_listener_that_fails_is_asked_again() {
    let (clock, mut task, port) = (Clock::new(), Task::new(), Port::default());
    let mut server = Server::<End, 2>::new(Limits::DEFAULT);
    let events = RefCell::new(Vec::new());
    let report = |event: Event<'_, Exchange, ErrorKind>| events.borrow_mut().push(words(&event));
    port.push(Err(ErrorKind::OutOfMemory), 1);
    let client = port.connect(2);
    client.put(b"World");
    client.put_fin();
    let mut listener = &port;
    let mut serving = pin!(serve(&mut server, &mut listener, &clock, report));
    assert!(task.poll(serving.as_mut()).is_pending());
    assert!(client.take(99).is_empty() && !task.is_woken());
    assert!(clock.go_on() && task.is_woken());
    assert!(task.poll(serving.as_mut()).is_pending());
    assert_eq!(client.take(99), b"Hello, World");
    assert_eq!(events.borrow()[0], "failed: OutOfMemory");
}

/// Four clients on two places, with names in pieces. At each point where the server waits, `cancels` says of
/// its number whether its future is dropped and made anew. Returns how many such points there were.
fn greeted_by_two(cancels: &dyn Fn(usize) -> bool) -> usize {
    let (clock, mut task, port) = (Clock::new(), Task::new(), Port::default());
    let mut server = Server::<End, 2>::new(Limits::DEFAULT);
    let clients: Vec<_> = (0..4).map(|number| port.connect(number)).collect();
    let mut got = vec![Vec::new(); 4];
    let mut step = 0;
    let mut listener = &port;
    let is_whole = |got: &Vec<u8>| got.len() >= "Hello, name 0".len();
    while !got.iter().all(is_whole) {
        let mut future = pin!(serve(&mut server, &mut listener, &clock, |_event| ()));
        while !got.iter().all(is_whole) {
            assert!(task.poll(future.as_mut()).is_pending());
            let client = step % 4;
            let name = format!("name {client}");
            match step / 4 {
                third @ 0..3 => clients[client].put(&name.as_bytes()[2 * third..][..2]),
                3 => clients[client].put_fin(),
                _ => _ = task.is_woken() || clock.go_on(),
            }
            for (client, got) in clients.iter().zip(&mut got) {
                got.extend(client.take(3));
            }
            step += 1;
            assert!(step < 1_000, "{got:?}");
            if cancels(step) {
                break;
            }
        }
    }
    for (number, (client, got)) in clients.iter().zip(&mut got).enumerate() {
        got.extend(client.take(99)); // nothing comes twice
        let expected = format!("Hello, name {number}");
        assert_eq!(String::from_utf8_lossy(got), expected);
    }
    assert_eq!(server.tally().greeted, 4);
    step
}

/// The server keeps its clients.
#[test]
fn a_server_cancelled_anywhere_greets_all() {
    everywhere(|cancels| greeted_by_two(cancels));
}
