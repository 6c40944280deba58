//! Core's polled client over connections in memory: against core's server, and against servers that
//! do wrong.

use std::task::Poll;

use embedded_io::ErrorKind;
use greet_core::client::Client;
use greet_core::limits::Limits;
use greet_core::lines::Lines;
use greet_core::pipeline::{self, Pipeline};
use greet_core::request::{Answer, Request, RequestError};
use greet_core::server::Server;
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_core::transport::Stream;
use greet_tests::memory::{Backlog, Cut, End, Wire, pair};
use proptest::prelude::*;

const START: Instant = Instant::from_millis(50_000);

fn client(name: &str) -> Client<Request<'_>> {
    let name = Text::new(name).expect("short");
    Client::new(Request::new(name, START + Request::TIMEOUT))
}

/// What the client makes of its server at this moment.
fn answer<'c>(
    client: &'c mut Client<Request<'_>>,
    stream: &mut End<false>,
    now: Instant,
) -> Poll<Result<Answer<'c>, RequestError>> {
    let outcome = client.poll(stream, now);
    let answer = client.machine().answer();
    assert_eq!(outcome.is_pending(), answer.is_none());
    answer.map_or(Poll::Pending, Poll::Ready)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Our client and our server, over wires with little room and any cuts. No time passes, so
    /// nothing here may wait for any.
    #[test]
    fn our_client_and_our_server_understand_each_other(
        character in any::<char>(),
        length in 0..1025_usize,
        cut in 1..1100_usize,
        up in 1..1100_usize,
        down in 1..1100_usize,
    ) {
        let name = character.to_string().repeat(length / character.len_utf8());
        // A wire with less room than the name makes quiet pieces of it: then half of it is a name.
        let up = up.max(name.len());
        let backlog = Backlog::<false>::new();
        let (mut stream, _) = backlog.connect(Wire { cut: Cut::Every(cut), up, down });
        let mut server = Server::<_, 1>::new(Limits::DEFAULT);
        let mut client = client(&name);
        let mut polls = 0;
        while client.poll(&mut stream, START).is_pending() {
            server.poll(&mut backlog.clone(), START, |_| {});
            polls += 1;
            prop_assert!(polls < 3000, "no progress");
        }
        prop_assert_eq!(
            answer(&mut client, &mut stream, START),
            Poll::Ready(Ok(Answer::Greeted))
        );
        let greeting = format!("Hello, {name}");
        prop_assert_eq!(client.machine().reply(), greeting.as_bytes());
        prop_assert_eq!(client.due(), Instant::NEVER);
        server.poll(&mut backlog.clone(), START, |_| {});
        prop_assert_eq!(server.tally().greeted, 1);
    }
}

/// A connection to a server that says this and half-closes, whatever it is asked.
fn scripted(reply: &[u8]) -> (End<false>, End<false>) {
    let (client, mut server) = pair(Wire::default());
    assert_eq!(server.send(reply), Poll::Ready(Ok(reply.len())));
    assert_eq!(server.finish(), Poll::Ready(Ok(())));
    (client, server)
}

#[test]
fn servers_that_do_wrong_are_told_from_those_that_refuse() {
    use RequestError::{CutShort, WrongReply};
    for (reply, expected) in [
        (&b"Hello, World"[..], Ok(Answer::Greeted)),
        (b"Error: no\n", Ok(Answer::Refused("no"))),
        (b"", Err(CutShort { after: 0 })),
        (b"Hello, Wor", Err(CutShort { after: 10 })),
        (b"Hello, Work", Err(WrongReply { at: 10 })),
        (b"Hello, World!", Err(WrongReply { at: 12 })),
        (b"Error: no", Err(WrongReply { at: 0 })),
    ] {
        let (mut stream, _server) = scripted(reply);
        let mut client = client("World");
        assert_eq!(
            answer(&mut client, &mut stream, START),
            Poll::Ready(expected)
        );
        // And again, though nothing more comes.
        assert_eq!(
            answer(&mut client, &mut stream, START),
            Poll::Ready(expected)
        );
        assert_eq!(client.machine().reply(), reply);
    }
}

#[test]
fn it_half_closes_behind_the_name_and_then_waits() {
    let (mut stream, mut server) = pair::<false>(Wire::default());
    let mut client = client("World");
    assert!(client.poll(&mut stream, START).is_pending());
    let mut buffer = [0; 16];
    assert_eq!(server.receive(&mut buffer), Poll::Ready(Ok(5)));
    assert_eq!(&buffer[..5], b"World");
    assert_eq!(server.receive(&mut buffer), Poll::Ready(Ok(0)));
    assert_eq!(client.due(), START + Request::TIMEOUT);

    let late = START + Request::TIMEOUT;
    let answer = answer(&mut client, &mut stream, late);
    assert_eq!(answer, Poll::Ready(Err(RequestError::TimedOut)));
    assert_eq!(client.due(), Instant::NEVER);
}

#[test]
fn an_answer_that_waits_at_the_deadline_is_in_time() {
    let (mut stream, _server) = scripted(b"Hello, World");
    let mut client = client("World");
    let answer = answer(&mut client, &mut stream, START + Request::TIMEOUT);
    assert_eq!(answer, Poll::Ready(Ok(Answer::Greeted)));
}

#[test]
fn a_reset_is_told() {
    let (mut stream, server) = pair::<false>(Wire::default());
    let mut client = client("World");
    assert!(client.poll(&mut stream, START).is_pending());
    server.cut_off(ErrorKind::ConnectionReset);
    let lost = RequestError::Connection(ErrorKind::ConnectionReset);
    let answer = answer(&mut client, &mut stream, START);
    assert_eq!(answer, Poll::Ready(Err(lost)));
}

/// Who gives the machine something between two polls is told to poll at once.
#[test]
fn a_machine_that_is_given_something_makes_a_poll_due() {
    let backlog = Backlog::<false>::new();
    let (mut stream, _) = backlog.connect(Wire::default());
    let mut server = Server::<_, 1, Lines>::serving(Limits::DEFAULT);
    let mut client = Client::new(Pipeline::<2048>::new(Request::TIMEOUT));
    assert!(client.poll(&mut stream, START).is_pending());
    assert_eq!(client.due(), Instant::NEVER, "nothing is asked");
    for name in ["Ada", "Grace"] {
        let name = Text::new(name).expect("short");
        client.machine_mut().queue(name).expect("room");
        assert!(client.due() <= START);
        assert!(client.poll(&mut stream, START).is_pending());
        assert_eq!(client.due(), START + Request::TIMEOUT);
        server.poll(&mut backlog.clone(), START, |_| {});
        assert!(client.poll(&mut stream, START).is_pending());
        let greeting = format!("Hello, {name}");
        assert_eq!(client.machine_mut().next_reply(), Some(greeting.as_bytes()));
        assert_eq!(client.due(), Instant::NEVER, "all is answered");
    }
    client.machine_mut().end_names();
    assert!(client.due() <= START);
    assert!(client.poll(&mut stream, START).is_pending());
    server.poll(&mut backlog.clone(), START, |_| {});
    let (answered, end) = (2, pipeline::End::Answered);
    assert_eq!(
        client.poll(&mut stream, START),
        Poll::Ready(pipeline::Outcome { answered, end })
    );
    assert_eq!(server.tally().greeted, 2);
}
