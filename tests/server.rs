//! Core's polled server over connections in memory: places, backlog, events, and when to come back.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use embedded_io::ErrorKind;
use greet_core::limits::Limits;
use greet_core::server::{Event, RETRY, Server, Tally};
use greet_core::transport::Stream;
use greet_tests::memory::{Backlog, End, Wire};
use proptest::prelude::*;

const START: Duration = Duration::from_secs(50);
const LIMITS: Limits = Limits::DEFAULT;

type Places<const N: usize> = Server<End<false>, N>;

/// An event, as far as it can be kept.
#[derive(Clone, Debug, PartialEq)]
enum Happened {
    Connected(SocketAddr),
    Greeted(SocketAddr, String),
    Refused(SocketAddr, String),
    Abandoned(SocketAddr),
    AcceptFailed(ErrorKind),
}
use Happened::{Abandoned, AcceptFailed, Connected, Greeted, Refused};

fn poll<const N: usize>(
    server: &mut Places<N>,
    backlog: &Backlog<false>,
    now: Duration,
) -> (Vec<Happened>, Option<Duration>) {
    let mut events = Vec::new();
    let next = server.poll(&mut backlog.clone(), now, |event| {
        events.push(match event {
            Event::Connected { peer } => Connected(*peer),
            Event::Greeted { peer, exchange } => {
                Greeted(*peer, exchange.name().expect("greeted").to_string())
            }
            Event::Refused { peer, why } => Refused(*peer, why.to_string()),
            Event::Abandoned { peer, .. } => Abandoned(*peer),
            Event::AcceptFailed { error } => AcceptFailed(error.0),
            _ => panic!("an event that this test doesn't know"),
        });
    });
    (events, next)
}

fn connect(backlog: &Backlog<false>) -> (End<false>, SocketAddr) {
    backlog.connect(Wire::default())
}

fn send(client: &mut End<false>, bytes: &[u8]) {
    assert_eq!(client.send(bytes), Poll::Ready(Ok(bytes.len())));
}

fn reply(client: &mut End<false>) -> Vec<u8> {
    let mut reply = Vec::new();
    let mut buffer = [0; 2048];
    while let Poll::Ready(Ok(n)) = client.receive(&mut buffer) {
        reply.extend_from_slice(&buffer[..n]);
        if n == 0 {
            return reply;
        }
    }
    panic!("no EOF behind {:?}", reply.escape_ascii().to_string());
}

#[test]
fn a_full_server_leaves_clients_in_the_backlog_and_serves_them_later() {
    let backlog = Backlog::new();
    let mut server = Places::<2>::new(LIMITS);
    let mut clients = [(); 5].map(|()| connect(&backlog));

    let (events, next) = poll(&mut server, &backlog, START);
    assert_eq!(events, [Connected(clients[0].1), Connected(clients[1].1)]);
    assert_eq!((server.clients(), backlog.waiting()), (2, 3));
    assert_eq!(next, Some(START), "it took as many as it may in one poll");
    let (events, next) = poll(&mut server, &backlog, START);
    assert_eq!(events, []);
    assert_eq!(
        next,
        Some(START + LIMITS.deadline),
        "full: only time is left"
    );

    // One leaves; its place goes to the third, whose name is waiting already.
    send(&mut clients[2].0, b"Cleo");
    send(&mut clients[1].0, b"Bob");
    let (events, _) = poll(&mut server, &backlog, START);
    let [_, bob, cleo, dora, _] = clients.each_ref().map(|(_, address)| *address);
    assert_eq!(
        events,
        [
            Greeted(bob, "Bob".to_owned()),
            Connected(cleo),
            Greeted(cleo, "Cleo".to_owned()),
            Connected(dora),
        ]
    );
    assert_eq!(reply(&mut clients[1].0), b"Hello, Bob");
    assert_eq!(reply(&mut clients[2].0), b"Hello, Cleo");
    assert_eq!((server.clients(), backlog.waiting()), (2, 1));
    assert_eq!(backlog.released(), 2);
}

#[test]
fn a_failed_accept_is_reported_and_tried_again() {
    let backlog = Backlog::new();
    let mut server = Places::<2>::new(LIMITS);
    let (mut client, address) = connect(&backlog);
    send(&mut client, b"Ada");
    backlog.fail(ErrorKind::OutOfMemory);

    let (events, next) = poll(&mut server, &backlog, START);
    assert_eq!(events, [AcceptFailed(ErrorKind::OutOfMemory)]);
    assert_eq!(next, Some(START + RETRY));
    let (events, next) = poll(&mut server, &backlog, START + RETRY);
    let ada = Greeted(address, "Ada".to_owned());
    assert_eq!(events, [Connected(address), ada]);
    assert_eq!(next, None);
    assert_eq!(reply(&mut client), b"Hello, Ada");
}

#[test]
fn a_failed_accept_delays_no_client_who_is_being_served() {
    let backlog = Backlog::new();
    let mut server = Places::<2>::new(LIMITS);
    let (mut client, address) = connect(&backlog);
    poll(&mut server, &backlog, START);
    send(&mut client, b"Ada");
    backlog.fail(ErrorKind::OutOfMemory);
    let (events, _) = poll(&mut server, &backlog, START);
    let ada = Greeted(address, "Ada".to_owned());
    assert_eq!(events, [ada, AcceptFailed(ErrorKind::OutOfMemory)]);
}

#[test]
fn the_next_poll_is_due_when_the_first_of_its_clients_is() {
    let backlog = Backlog::new();
    let mut server = Places::<3>::new(LIMITS);
    assert_eq!(poll(&mut server, &backlog, START), (vec![], None));

    let second = Duration::from_secs(1);
    let (_silent, silent) = connect(&backlog);
    let (_, next) = poll(&mut server, &backlog, START);
    assert_eq!(next, Some(START + LIMITS.deadline));
    let (mut settling, long) = connect(&backlog);
    send(&mut settling, &[b'a'; 600]);
    let (_, next) = poll(&mut server, &backlog, START + second);
    assert_eq!(next, Some(START + second + LIMITS.settle));

    let (events, next) = poll(&mut server, &backlog, START + second + LIMITS.settle);
    assert_eq!(events, [Greeted(long, "a".repeat(600))]);
    assert_eq!(next, Some(START + LIMITS.deadline));
    let (events, next) = poll(&mut server, &backlog, START + LIMITS.deadline);
    assert_eq!(
        events,
        [],
        "its refusal has left, but it is still read from"
    );
    let end = START + LIMITS.deadline + LIMITS.drain_time;
    assert_eq!(next, Some(end));
    let (events, next) = poll(&mut server, &backlog, end);
    assert_eq!(events, [Refused(silent, "no name within 10 s".to_owned())]);
    assert_eq!(next, None);
}

#[test]
fn a_client_that_never_reads_is_reset_at_the_deadline() {
    let backlog = Backlog::new();
    let mut server = Places::<1>::new(LIMITS);
    let (mut client, address) = backlog.connect(Wire {
        down: 7,
        ..Wire::default()
    });
    send(&mut client, b"World");
    let (events, next) = poll(&mut server, &backlog, START);
    assert_eq!(events, [Connected(address)]);
    assert_eq!(next, Some(START), "it took as many as it may in one poll");
    let end = START + LIMITS.deadline;
    assert_eq!(poll(&mut server, &backlog, START), (vec![], Some(end)));
    assert_eq!(poll(&mut server, &backlog, end).0, [Abandoned(address)]);
    assert!(matches!(client.receive(&mut [0]), Poll::Ready(Err(_))));
    assert_eq!((server.clients(), server.tally().abandoned), (0, 1));
}

/// What a client does with its connection, and how that must end.
#[derive(Clone, Copy, Debug)]
enum Habit {
    Name,
    NameAndFin,
    Fin,
    Silent,
    Junk,
    Flood,
    Reset,
    /// Gone before its answer: in memory, the RST for the answer is back at once.
    Close,
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever clients do, each is connected once and then ends once, as its habit deserves, and
    /// the tally adds up.
    #[test]
    fn every_client_has_one_beginning_and_one_end(
        habits in proptest::collection::vec((0..8_u8, 0..30_u64), 1..40),
    ) {
        let backlog = Backlog::new();
        let mut server = Places::<3>::new(LIMITS);
        let mut now = START;
        let mut clients = Vec::new();
        let mut events = Vec::new();
        for (habit, millis) in habits {
            let (mut client, address) = connect(&backlog);
            let habit = behave(&mut client, habit);
            // Who closed is gone; all others stay to the end.
            let client = (!matches!(habit, Habit::Close)).then_some(client);
            clients.push((address, habit, client));
            now += Duration::from_millis(millis);
            events.extend(poll(&mut server, &backlog, now).0);
        }
        loop {
            let (more, next) = poll(&mut server, &backlog, now);
            events.extend(more);
            match next {
                Some(next) => now = next,
                None => break,
            }
        }
        let mut lives: HashMap<SocketAddr, Vec<Happened>> = HashMap::new();
        for event in events {
            let (Connected(peer) | Greeted(peer, _) | Refused(peer, _) | Abandoned(peer)) = event
            else {
                panic!("{event:?}");
            };
            lives.entry(peer).or_default().push(event);
        }
        let mut expected = Tally::default();
        for (peer, habit, _) in &clients {
            let life = lives.remove(peer).unwrap_or_default();
            let (end, counter) = match habit {
                Habit::Name | Habit::NameAndFin => {
                    (Greeted(*peer, "World".to_owned()), &mut expected.greeted)
                }
                Habit::Fin => (Greeted(*peer, String::new()), &mut expected.greeted),
                Habit::Silent => {
                    (Refused(*peer, "no name within 10 s".to_owned()), &mut expected.late)
                }
                Habit::Junk => {
                    let why = "name is not UTF-8 at byte 1".to_owned();
                    (Refused(*peer, why), &mut expected.not_utf8)
                }
                Habit::Flood => {
                    let why = "name is longer than 1024 bytes".to_owned();
                    (Refused(*peer, why), &mut expected.too_long)
                }
                Habit::Reset | Habit::Close => (Abandoned(*peer), &mut expected.abandoned),
            };
            *counter += 1;
            prop_assert_eq!(life, [Connected(*peer), end], "{:?}", habit);
        }
        prop_assert!(lives.is_empty());
        prop_assert_eq!(*server.tally(), expected);
        prop_assert_eq!(server.tally().total(), clients.len() as u64);
        prop_assert_eq!((server.clients(), backlog.released()), (0, clients.len()));
    }
}

fn behave(client: &mut End<false>, habit: u8) -> Habit {
    match habit {
        0 => {
            send(client, b"World");
            Habit::Name
        }
        1 => {
            send(client, b"World");
            client.finish().expect("connected");
            Habit::NameAndFin
        }
        2 => {
            client.finish().expect("connected");
            Habit::Fin
        }
        3 => Habit::Silent,
        4 => {
            send(client, b"a\xff");
            Habit::Junk
        }
        5 => {
            send(client, &vec![b'a'; 100_000]);
            Habit::Flood
        }
        6 => {
            send(client, b"World");
            client.abort();
            Habit::Reset
        }
        _ => Habit::Close,
    }
}
