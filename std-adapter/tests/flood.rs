//! Clients who hold places and say nothing, while others wait for one: the silent give way, the
//! longest silent first, and nobody else does.

mod common;

use std::io::Write;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use common::{BOUND, Running, Seen, ask, connect, deadline, greet, greeting, patient, read_all};
use greet_core::error::Refusal;

const GAVE_WAY: &[u8] = b"Error: no name within 0.25 s\n";

fn workers(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).expect("not zero")
}

fn connected(seen: Seen) -> bool {
    matches!(seen, Seen::Connected(_))
}

fn gave_way(seen: Seen) -> bool {
    matches!(seen, Seen::Refused(_, Refusal::Late { within_ms: 250 }))
}

/// Silent clients, each of whom has its place before the next connects.
fn hold(server: &mut Running, count: usize) -> Vec<TcpStream> {
    (1..=count)
        .map(|sum| {
            let client = connect(server.address);
            server.wait_for_count(sum, connected);
            client
        })
        .collect()
}

#[test]
fn the_longest_silent_gives_way_to_who_waits() {
    let mut server = Running::start(patient().workers(workers(1)).max_connections(3));
    let mut silent = hold(&mut server, 3);
    for first in 0..3 {
        let reply = greet(server.address, b"honest").expect("a reply");
        assert_eq!(reply, greeting(b"honest"));
        // The one that just ended left a place: it is taken again, so that the next has to give way.
        assert_eq!(read_all(&mut silent[first]).expect("a reply"), GAVE_WAY);
        silent.push(connect(server.address));
        server.wait_for_count(3 + 2 * (first + 1), connected);
    }
    drop(silent);
    let tally = server.stop();
    assert_eq!((tally.greeted, tally.late), (6, 3));
}

#[test]
fn one_gives_way_for_each_who_waits() {
    for count in [2, 8] {
        let mut server = Running::start(patient().workers(workers(count)).max_connections(3));
        let silent = hold(&mut server, 3);
        assert_eq!(greet(server.address, b"x").expect("a reply"), b"Hello, x");
        server.wait_for(gave_way);
        drop(silent); // each of the others with the empty name
        let tally = server.stop();
        assert_eq!((tally.greeted, tally.late, tally.total()), (3, 1, 4));
    }
}

#[test]
fn silent_clients_give_way_to_silent_clients() {
    let mut server = Running::start(patient().workers(workers(2)).max_connections(2));
    let silent: Vec<TcpStream> = (0..6).map(|_| connect(server.address)).collect();
    server.wait_for_count(4, gave_way);
    let mut ended = 0;
    for mut client in silent {
        client.write_all(b"late").expect("room");
        let reply = read_all(&mut client).unwrap_or_default(); // reset, for what it sent after the end
        ended += usize::from(reply != b"Hello, late");
    }
    assert_eq!(ended, 4);
    assert_eq!(server.stop().greeted, 2);
}

#[test]
fn nobody_gives_way_while_nobody_waits() {
    let mut server = Running::start(patient().workers(workers(2)).max_connections(3));
    let mut silent = hold(&mut server, 3);
    // Twice as long as one may be silent, by another server's clock.
    let mut clock = Running::start(deadline(Duration::from_millis(500)));
    let mut late = connect(clock.address);
    let reply = read_all(&mut late).expect("a reply");
    assert_eq!(reply, b"Error: no name within 0.5 s\n");
    for client in &mut silent {
        client.write_all(b"slow").expect("room");
        assert_eq!(read_all(client).expect("a reply"), b"Hello, slow");
    }
    clock.stop();
    assert_eq!(server.stop().greeted, 3);
}

#[test]
fn who_has_sent_half_a_character_keeps_its_place() {
    let mut server = Running::start(patient().workers(workers(1)).max_connections(2));
    let mut slow = ask(server.address, b"\xc3");
    server.wait_for(connected);
    let mut silent = connect(server.address);
    server.wait_for_count(2, connected);
    for _ in 0..3 {
        assert_eq!(greet(server.address, b"x").expect("a reply"), b"Hello, x");
    }
    assert_eq!(read_all(&mut silent).expect("a reply"), GAVE_WAY);
    slow.write_all(b"\xa9").expect("room");
    assert_eq!(
        read_all(&mut slow).expect("a reply"),
        greeting("é".as_bytes())
    );
    let tally = server.stop();
    assert_eq!((tally.greeted, tally.late), (4, 1));
}

/// The bars of the flood: 50 places, 8 silent connects a second that stay, and from 10 s on 80 honest
/// clients, one each half second, who wait for 30 s each. Prints how many were greeted.
#[test]
#[ignore = "takes a minute: cargo test -p greet-std --test flood -- --ignored --nocapture"]
fn a_slow_flood_shuts_out_nobody() {
    const HONEST: u32 = 80;
    let server = Running::start(deadline(Duration::from_secs(10)).max_connections(50));
    let address = server.address;
    let start = Instant::now();
    let until = |at: Duration| thread::sleep(at.saturating_sub(start.elapsed()));
    let (head, pace) = (Duration::from_secs(10), Duration::from_millis(500));
    let greeted = thread::scope(|scope| {
        scope.spawn(|| {
            let flood = Duration::from_millis(125);
            let count = (head + pace * HONEST).as_millis() / flood.as_millis();
            let mut silent = Vec::new();
            for index in 0..u32::try_from(count).expect("some hundreds") {
                until(flood * index);
                silent.extend(TcpStream::connect(address));
            }
        });
        let honest: Vec<_> = (0..HONEST)
            .map(|index| {
                scope.spawn(move || {
                    until(head + pace * index);
                    let began = Instant::now();
                    let reply = greet(address, b"honest");
                    reply.is_ok_and(|reply| reply == greeting(b"honest")) && began.elapsed() < BOUND
                })
            })
            .collect();
        honest
            .into_iter()
            .map(|client| client.join().expect("a client doesn't panic"))
            .filter(|greeted| *greeted)
            .count()
    });
    println!("{greeted} of {HONEST} honest clients were greeted");
    assert!(greeted >= 76);
}
