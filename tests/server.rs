//! Core's polled server over connections in memory: places, backlog, events, and when to come back.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use embedded_io::ErrorKind;
use greet_core::exchange::{Outcome, Tally};
use greet_core::limits::{Limits, SILENCE};
use greet_core::server::{Event, RETRY, Server};
use greet_core::time::Instant;
use greet_core::transport::Stream;
use greet_tests::memory::{Backlog, End, Wire};
use proptest::prelude::*;

const START: Instant = Instant::from_millis(50_000);
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
    now: Instant,
) -> (Vec<Happened>, Instant) {
    let mut events = Vec::new();
    let next = server.poll(&mut backlog.clone(), now, |event| {
        events.push(match event {
            Event::Connected { peer } => Connected(*peer),
            Event::Ended {
                peer,
                outcome,
                machine,
            } => match outcome {
                Outcome::Greeted => Greeted(*peer, machine.name().expect("greeted").to_string()),
                Outcome::Refused(why) => Refused(*peer, why.to_string()),
                Outcome::Abandoned(_) => Abandoned(*peer),
            },
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
    assert_eq!(next, START, "it took as many as it may in one poll");
    let (events, next) = poll(&mut server, &backlog, START);
    assert_eq!(events, []);
    assert_eq!(next, START + SILENCE, "full: only time is left");

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
    assert_eq!(next, START + RETRY);
    let (events, next) = poll(&mut server, &backlog, START + RETRY);
    let ada = Greeted(address, "Ada".to_owned());
    assert_eq!(events, [Connected(address), ada]);
    assert_eq!(next, Instant::NEVER);
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
    assert_eq!(poll(&mut server, &backlog, START), (vec![], Instant::NEVER));

    let second = Duration::from_secs(1);
    let (_silent, silent) = connect(&backlog);
    let (_, next) = poll(&mut server, &backlog, START);
    assert_eq!(next, START + LIMITS.deadline());
    let (mut settling, long) = connect(&backlog);
    send(&mut settling, &[b'a'; 600]);
    let (_, next) = poll(&mut server, &backlog, START + second);
    assert_eq!(next, START + second + LIMITS.settle());

    let (events, next) = poll(&mut server, &backlog, START + second + LIMITS.settle());
    assert_eq!(events, [Greeted(long, "a".repeat(600))]);
    assert_eq!(next, START + LIMITS.deadline());
    let (events, next) = poll(&mut server, &backlog, START + LIMITS.deadline());
    assert_eq!(
        events,
        [],
        "its refusal has left, but it is still read from"
    );
    let end = START + LIMITS.deadline() + LIMITS.drain_time();
    assert_eq!(next, end);
    let (events, next) = poll(&mut server, &backlog, end);
    assert_eq!(events, [Refused(silent, "no name within 10 s".to_owned())]);
    assert_eq!(next, Instant::NEVER);
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
    assert_eq!(next, START, "it took as many as it may in one poll");
    let end = START + LIMITS.deadline();
    assert_eq!(poll(&mut server, &backlog, START), (vec![], end));
    assert_eq!(poll(&mut server, &backlog, end).0, [Abandoned(address)]);
    assert!(matches!(client.receive(&mut [0]), Poll::Ready(Err(_))));
    assert_eq!((server.clients(), server.tally().abandoned), (0, 1));
}

/// What somebody is told whose place another gets.
const GAVE_WAY: &str = "no name within 0.25 s";

#[test]
fn who_has_sent_nothing_gives_way_after_a_quarter_of_a_second_the_oldest_first() {
    let backlog = Backlog::new();
    let mut server = Places::<2>::new(LIMITS);
    let millis = |millis| START + Duration::from_millis(millis);
    let (_first, first) = connect(&backlog);
    poll(&mut server, &backlog, START);
    let (_second, second) = connect(&backlog);
    poll(&mut server, &backlog, millis(100));
    assert_eq!(
        poll(&mut server, &backlog, millis(900)).0,
        [],
        "nobody waits"
    );

    let (mut third, third_address) = connect(&backlog);
    send(&mut third, b"Cleo");
    let (events, _) = poll(&mut server, &backlog, millis(900));
    let cleo = Greeted(third_address, "Cleo".to_owned());
    let expected = [
        Refused(first, GAVE_WAY.to_owned()),
        Connected(third_address),
        cleo,
    ];
    assert_eq!(events, expected, "the second keeps its place");

    // Two who have only just come, and one who waits.
    let (_fourth, fourth) = connect(&backlog);
    let (_fifth, fifth) = connect(&backlog);
    let (events, next) = poll(&mut server, &backlog, millis(900));
    let expected = [Connected(fourth), Refused(second, GAVE_WAY.to_owned())];
    assert_eq!((&events[..], next), (&expected[..], millis(900)));
    let (events, _) = poll(&mut server, &backlog, millis(900));
    assert_eq!(events, [Connected(fifth)]);
    let (_sixth, sixth) = connect(&backlog);
    let (events, next) = poll(&mut server, &backlog, millis(900));
    assert_eq!((events, next), (vec![], millis(900 + 250)));
    let (events, _) = poll(&mut server, &backlog, next);
    let expected = [Refused(fourth, GAVE_WAY.to_owned()), Connected(sixth)];
    assert_eq!(events, expected);
}

#[test]
fn who_has_begun_its_name_keeps_its_place_until_the_deadline() {
    let backlog = Backlog::new();
    let mut server = Places::<1>::new(LIMITS);
    let (mut slow, slow_address) = connect(&backlog);
    send(&mut slow, &"é".as_bytes()[..1]);
    let (_waiting, _) = connect(&backlog);
    let (events, _) = poll(&mut server, &backlog, START);
    assert_eq!(events, [Connected(slow_address)]);
    let end = START + LIMITS.deadline();
    assert_eq!(poll(&mut server, &backlog, START), (vec![], end));
    let just_before = end - Duration::from_micros(1);
    assert_eq!(poll(&mut server, &backlog, just_before), (vec![], end));
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
            if next == Instant::NEVER {
                break;
            }
            now = next;
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
                // The sooner where others wait.
                Habit::Silent => {
                    let gave_way = life.contains(&Refused(*peer, GAVE_WAY.to_owned()));
                    let why = if gave_way { GAVE_WAY } else { "no name within 10 s" };
                    (Refused(*peer, why.to_owned()), &mut expected.late)
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
            assert_eq!(client.finish(), Poll::Ready(Ok(())));
            Habit::NameAndFin
        }
        2 => {
            assert_eq!(client.finish(), Poll::Ready(Ok(())));
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
