//! A task is woken by what it waits for, each time and by nothing else, and sets no timer in vain.

use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use greet_core::asynch::converse;
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::lines::Lines;
use greet_core::machine::Service;
use greet_core::time::Instant;

use crate::clock::Clock;
use crate::pipe::pipe;
use crate::task::Task;

const START: Instant = Instant::START;

#[test]
fn each_thing_that_happens_wakes_once() {
    let limits = Limits::DEFAULT;
    let (clock, mut task) = (Clock::new(), Task::new());
    let (client, mut server) = pipe(5);
    let mut exchange = Exchange::new(START, limits);
    let mut serving = pin!(converse(&mut exchange, &mut server, &clock));

    assert!(task.poll(serving.as_mut()).is_pending());
    assert_eq!(
        (task.wakes(), clock.next()),
        (0, Some(START + limits.deadline()))
    );

    client.put(b"Wor");
    assert_eq!(task.wakes(), 1);
    assert!(task.poll(serving.as_mut()).is_pending());
    let settled = START + limits.settle();
    assert_eq!((task.wakes(), clock.next()), (1, Some(settled)));

    clock.go_to(START + Duration::from_millis(1));
    assert_eq!(task.wakes(), 1);
    client.put(b"ld");
    assert_eq!(task.wakes(), 2);
    assert!(task.poll(serving.as_mut()).is_pending());
    let settled = settled + Duration::from_millis(1);
    assert_eq!((task.wakes(), clock.next()), (2, Some(settled)));

    // The name is complete, and five bytes of the reply have room.
    clock.go_to(settled);
    assert_eq!(task.wakes(), 3);
    assert!(task.poll(serving.as_mut()).is_pending());
    assert_eq!(
        (task.wakes(), clock.next()),
        (3, Some(START + limits.deadline()))
    );

    for (wakes, piece) in [(4, "Hello"), (5, ", Wor")] {
        assert_eq!(client.take(9), piece.as_bytes());
        assert_eq!(task.wakes(), wakes);
        if wakes == 4 {
            assert!(task.poll(serving.as_mut()).is_pending());
            assert_eq!(task.wakes(), wakes);
        }
    }
    let ended = task.poll(serving.as_mut());
    assert_eq!(ended, Poll::Ready(Outcome::Greeted));
    assert_eq!(client.take(9), b"ld");
    assert!(client.has_fin());
    // One poll to begin with, and one for each of them.
    assert_eq!((task.polls, task.wakes()), (6, 5));

    let deadline = START + limits.deadline();
    let set = [deadline, START + limits.settle(), settled, deadline];
    assert_eq!(*clock.set.borrow(), set, "which timers were set");
    assert_eq!(clock.next(), None, "one is left");
}

/// The deadline moves with each answer; a timer is set for where it has come to, once a poll.
#[test]
fn a_peer_that_never_rests_leaves_others_their_turn() {
    let (clock, mut task) = (Clock::new(), Task::new());
    let (client, mut server) = pipe(1_000_000);
    server.piece = 2;
    let mut lines = Lines::VACANT;
    lines.begin(START, &Limits::DEFAULT);
    client.put("x\n".repeat(100).as_bytes());
    let mut serving = pin!(converse(&mut lines, &mut server, &clock));
    let mut got = 0;
    loop {
        assert!(task.poll(serving.as_mut()).is_pending());
        let moved = client.take(usize::MAX).len();
        got += moved;
        assert!(
            moved <= 16 * "Hello, x\n".len(),
            "{moved} bytes in one poll"
        );
        if !task.is_woken() {
            break;
        }
    }
    assert_eq!(got, 100 * "Hello, x\n".len());
    assert_eq!(task.polls, task.wakes() + 1);
    assert!(task.polls > 100 / 16, "{} polls", task.polls);
    assert_eq!(clock.set.borrow().len(), 1);
}

/// A poll for no reason, as of a task with more than one future, changes nothing.
#[test]
fn a_poll_that_nobody_asked_for_does_nothing() {
    let (clock, mut task) = (Clock::new(), Task::new());
    let (_client, mut server) = pipe(5);
    let mut exchange = Exchange::new(START, Limits::DEFAULT);
    let mut serving = pin!(converse(&mut exchange, &mut server, &clock));
    for _ in 0..9 {
        assert!(task.poll(serving.as_mut()).is_pending());
    }
    assert_eq!((task.wakes(), clock.set.borrow().len()), (0, 1));
}

/// Neither does it spin, nor is the deadline missed.
#[test]
fn a_timer_that_is_early_is_set_again() {
    let limits = Limits::DEFAULT;
    let (clock, mut task) = (Clock::new(), Task::new());
    let (client, mut server) = pipe(500);
    let mut exchange = Exchange::new(START, limits);
    let mut serving = pin!(converse(&mut exchange, &mut server, &clock));
    clock.early.set(5);
    assert!(task.poll(serving.as_mut()).is_pending());
    clock.go_on();
    assert_eq!(task.wakes(), 1);
    assert!(task.poll(serving.as_mut()).is_pending());
    assert_eq!(task.wakes(), 2, "it doesn't come back");
    assert!(client.take(500).is_empty(), "it was refused too early");
    clock.early.set(0);
    assert!(task.poll(serving.as_mut()).is_pending());
    clock.go_to(START + limits.deadline());
    assert_eq!(task.wakes(), 3);
    assert!(task.poll(serving.as_mut()).is_pending());
    assert_eq!(client.take(500), b"Error: no name within 10 s\n");
}
