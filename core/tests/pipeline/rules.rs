//! What is a reply, a refusal or a failure, what time does, and what isn't taken.

use core::time::Duration;

use greet_core::machine::Machine;
use greet_core::pipeline::{End, Outcome, Pipeline, QueueError};
use greet_core::request::RequestError;
use greet_core::time::Instant;

use crate::{START, TIMEOUT, come, leave, text};

const TICK: Duration = Duration::from_micros(1);

fn pipeline() -> Pipeline<2048> {
    Pipeline::new(TIMEOUT)
}

/// One that was given these names, all of which have left.
fn asked(names: &[&str]) -> Pipeline<2048> {
    let mut pipeline = pipeline();
    for name in names {
        pipeline.queue(text(name)).expect("room");
    }
    leave(&mut pipeline, START);
    pipeline
}

fn replies<const N: usize>(pipeline: &mut Pipeline<N>) -> Vec<String> {
    let mut replies = Vec::new();
    while let Some(reply) = pipeline.next_reply() {
        replies.push(String::from_utf8(reply.to_vec()).expect("a name is UTF-8"));
    }
    replies
}

#[test]
fn a_reply_to_a_name_that_has_not_left_is_wrong() {
    let mut pipeline = pipeline();
    pipeline.queue(text("Ada")).expect("room");
    pipeline.transmitted(3, START); // all but the line feed
    come(&mut pipeline, b"H", START);
    let end = End::Failed(RequestError::WrongReply { at: 0 });
    assert_eq!(pipeline.outcome(), Some(Outcome { answered: 0, end }));
}

#[test]
fn a_refusal_is_about_the_line_behind_the_answers() {
    let mut pipeline = asked(&["Ada", "Grace", "Joan"]);
    pipeline.queue(text("not sent")).expect("room");
    come(
        &mut pipeline,
        b"Hello, Ada\nError: name is too nice\nwhatever",
        START,
    );
    let outcome = pipeline.outcome().expect("it is refused");
    assert_eq!((outcome.line(), outcome.end), (2, End::Refused));
    assert_eq!(pipeline.refusal(), Some("name is too nice"));
    assert_eq!(replies(&mut pipeline), ["Hello, Ada"]);
    assert_eq!(pipeline.queue(text("Joan")), Err(QueueError::Ended));
    assert!(pipeline.transmit().is_empty() && pipeline.space().is_empty());
}

/// A server that gives somebody else the place says so though it owes nothing.
#[test]
fn a_refusal_may_come_between_names() {
    let mut pipeline = asked(&["Ada"]);
    come(&mut pipeline, b"Hello, Ada\n", START);
    come(&mut pipeline, b"Error: no name within 0.25 s\n", START);
    let outcome = pipeline.outcome().expect("it is refused");
    assert_eq!((outcome.line(), outcome.end), (2, End::Refused));
}

#[test]
fn a_server_may_close_between_names_only() {
    let mut idle = asked(&["Ada"]);
    come(&mut idle, b"Hello, Ada\n", START);
    idle.received_fin(START);
    assert_eq!(idle.outcome().map(|outcome| outcome.end), Some(End::Closed));
    for (came, error) in [
        (&b"Hello, Ada\n"[..], RequestError::CutShort { after: 0 }),
        (b"Hello, Ada\nHello, G", RequestError::CutShort { after: 8 }),
        (b"Hello, Ada\nErr", RequestError::WrongReply { at: 0 }),
    ] {
        let mut pipeline = asked(&["Ada", "Grace"]);
        come(&mut pipeline, came, START);
        pipeline.received_fin(START);
        let outcome = pipeline.outcome().expect("it is closed");
        assert_eq!((outcome.line(), outcome.end), (2, End::Failed(error)));
    }
}

/// The time of the server counts from its last step, and only while it owes something.
#[test]
fn the_deadline_counts_from_the_last_progress() {
    let mut pipeline = pipeline();
    assert_eq!(pipeline.due(), Instant::NEVER, "nothing is asked");
    pipeline.timeout(Instant::NEVER);
    pipeline.queue(text("Ada")).expect("room");
    assert!(pipeline.due() <= START, "its time must begin");
    pipeline.timeout(START); // a driver that couldn't send anything
    assert_eq!(pipeline.due(), START + TIMEOUT);

    let mut now = START;
    for step in [&b"Hel"[..], b"lo, Ada\n"] {
        now += TIMEOUT.saturating_sub(TICK);
        pipeline.timeout(now);
        if step == b"Hel" {
            leave(&mut pipeline, now);
            now += TIMEOUT.saturating_sub(TICK);
            pipeline.timeout(now);
        }
        come(&mut pipeline, step, now);
    }
    assert_eq!(pipeline.outcome(), None);
    assert_eq!(pipeline.due(), Instant::NEVER, "it is answered");

    now += 10 * TIMEOUT;
    pipeline.timeout(now);
    pipeline.end_names();
    pipeline.timeout(now);
    assert_eq!(pipeline.due(), now + TIMEOUT, "FIN is owed");
    pipeline.timeout(now + TIMEOUT);
    let end = End::Failed(RequestError::TimedOut);
    assert_eq!(pipeline.outcome(), Some(Outcome { answered: 1, end }));
}

/// Nothing is in flight then, but a rest is owed.
#[test]
fn a_refusal_that_starts_behind_the_last_reply_has_a_deadline() {
    let mut pipeline = asked(&["Ada"]);
    come(&mut pipeline, b"Hello, Ada\nErr", START);
    assert_eq!(pipeline.in_flight(), 0);
    assert_eq!(pipeline.due(), START + TIMEOUT);
    pipeline.timeout(START + TIMEOUT);
    let end = End::Failed(RequestError::TimedOut);
    assert_eq!(pipeline.outcome(), Some(Outcome { answered: 1, end }));
}

/// A server is not blamed for an application that takes no replies.
#[test]
fn while_replies_wait_to_be_taken_nothing_is_read_and_nothing_due() {
    let mut pipeline = Pipeline::<1032>::new(TIMEOUT);
    let mut owed = Vec::new();
    while pipeline.queue(text("a")).is_ok() {
        owed.extend_from_slice(b"Hello, a\n");
    }
    leave(&mut pipeline, START);
    while come(&mut pipeline, &owed, START) > 0 {
        owed.drain(..1032);
    }
    assert!(!pipeline.want().reads() && pipeline.transmit().is_empty());
    assert_eq!(pipeline.due(), Instant::NEVER);
    let late = START + 3 * TIMEOUT;
    pipeline.timeout(late);
    assert_eq!(pipeline.next_reply(), Some(&b"Hello, a"[..]));
    assert!(pipeline.want().reads());
    assert!(pipeline.due() <= late);
    pipeline.timeout(late); // nothing came at once
    assert_eq!(pipeline.due(), late + TIMEOUT);
    assert_eq!(come(&mut pipeline, &owed, late), 9);
}

#[test]
fn what_is_no_line_is_not_taken() {
    let mut pipeline = Pipeline::<4096>::new(TIMEOUT).with_depth(2);
    let (longest, longer) = ("a".repeat(1023), "a".repeat(1024));
    for (name, error) in [
        ("a\nb", QueueError::LineFeed),
        ("\n", QueueError::LineFeed),
        (&longer, QueueError::TooLong),
    ] {
        assert_eq!(pipeline.queue(text(name)), Err(error));
    }
    assert_eq!(pipeline.queue_last(text("")), Err(QueueError::Empty));
    assert_eq!(pipeline.queue_last(text("a\n")), Err(QueueError::LineFeed));
    assert_eq!(pipeline.queue(text(&longest)), Ok(()));
    assert_eq!(pipeline.queue(text("")), Ok(()));
    assert_eq!(pipeline.queue(text("")), Err(QueueError::Full), "depth");
    leave(&mut pipeline, START);
    come(
        &mut pipeline,
        format!("Hello, {longest}\n").as_bytes(),
        START,
    );
    assert_eq!(pipeline.queue_last(text(&longer)), Ok(()));
    assert_eq!(pipeline.queue(text("b")), Err(QueueError::Ended));
    assert!(!pipeline.takes_names() && pipeline.fin_follows());
    assert_eq!(leave(&mut pipeline, START), longer.as_bytes());
}

/// FIN mustn't overtake what stands behind the end of the ring.
#[test]
fn fin_follows_the_last_piece_only() {
    let mut pipeline = Pipeline::<1032>::new(TIMEOUT);
    pipeline.queue(text(&"a".repeat(900))).expect("room");
    leave(&mut pipeline, START);
    come(
        &mut pipeline,
        format!("Hello, {}\n", "a".repeat(900)).as_bytes(),
        START,
    );
    pipeline.queue(text(&"b".repeat(500))).expect("room");
    pipeline.end_names();
    assert_eq!(pipeline.transmit().len(), 131);
    assert!(!pipeline.fin_follows());
    pipeline.transmitted(131, START);
    assert_eq!(pipeline.transmit().len(), 370);
    assert!(pipeline.fin_follows());
}
