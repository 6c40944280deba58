//! More clients than places: they wait in the backlog, and are served as places come free.

mod common;

use std::io::Write;
use std::net::TcpStream;
use std::num::NonZeroUsize;

use common::{Running, Seen, ask, greeting, patient, read_all};

const PLACES: usize = 5;
const WAITING: usize = 50;

#[test]
fn who_finds_no_place_waits_in_the_backlog() {
    for workers in [1, 2, 8] {
        let workers = NonZeroUsize::new(workers).expect("not zero");
        let mut server = Running::start(patient().workers(workers).max_connections(PLACES));
        // Inside a character, nobody has to give way.
        let mut slow: Vec<TcpStream> = (0..PLACES).map(|_| ask(server.address, b"\xc3")).collect();
        server.wait_for_count(PLACES, |seen| matches!(seen, Seen::Connected(_)));

        let waiting: Vec<TcpStream> = (0..WAITING)
            .map(|index| ask(server.address, format!("waiting {index}").as_bytes()))
            .collect();
        let connected = |seen| matches!(seen, Seen::Connected(_));
        assert_eq!(
            server.count(connected),
            PLACES,
            "no more than it has places"
        );

        // One place is enough for all who wait.
        let finish = |mut client: TcpStream| {
            client.write_all(b"\xa9").expect("room");
            let reply = read_all(&mut client).expect("a reply");
            assert_eq!(reply, greeting("é".as_bytes()));
        };
        finish(slow.pop().expect("five"));
        for (index, mut client) in waiting.into_iter().enumerate() {
            let reply = read_all(&mut client).expect("a reply");
            assert_eq!(reply, greeting(format!("waiting {index}").as_bytes()));
        }
        server.wait_for_count(WAITING + 1, |seen| matches!(seen, Seen::Greeted(_)));

        slow.into_iter().for_each(finish);
        let tally = server.stop();
        assert_eq!(tally.greeted, (PLACES + WAITING) as u64);
        assert_eq!(tally.total(), tally.greeted);
    }
}

/// A stop while all places are taken: who waits in the backlog is served before it ends.
#[test]
fn a_full_server_that_stops_serves_its_backlog() {
    for workers in [1, 2, 8] {
        let workers = NonZeroUsize::new(workers).expect("not zero");
        let mut server = Running::start(patient().workers(workers).max_connections(1));
        let mut slow = ask(server.address, b"\xc3");
        server.wait_for(|seen| matches!(seen, Seen::Connected(_)));
        let waiting: Vec<TcpStream> = (0..10).map(|_| ask(server.address, b"w")).collect();
        server.handle.stop();
        slow.write_all(b"\xa9").expect("room");
        let reply = read_all(&mut slow).expect("a reply");
        assert_eq!(reply, greeting("é".as_bytes()));
        for mut client in waiting {
            assert_eq!(read_all(&mut client).expect("a reply"), b"Hello, w");
        }
        assert_eq!(server.join().greeted, 11);
    }
}

#[test]
fn zero_places_count_as_one() {
    let mut server = Running::start(patient().max_connections(0));
    let reply = common::greet(server.address, b"x").expect("a reply");
    assert_eq!(reply, b"Hello, x");
    assert_eq!(server.stop().greeted, 1);
}
