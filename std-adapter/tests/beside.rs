//! Clients who take their time beside a thousand others: nobody else waits for them. What counts is
//! the order of events: the slow ones are still there when all others are done.

mod common;

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroUsize;

use common::{BOUND, Running, Seen, ask, connect, greet, greeting, read_all};
use greet_core::limits::{DEFAULT_MSS, Limits, MAX_TEXT};
use greet_std::Server;
use greet_std::server::Builder;

/// Nothing ends by time here.
fn endless() -> Builder {
    Server::builder()
        .limits(
            Limits::DEFAULT
                .with_settle(4 * BOUND)
                .with_deadline(4 * BOUND)
                .with_drain_time(4 * BOUND),
        )
        .workers(NonZeroUsize::MIN)
}

fn peer(client: &TcpStream) -> SocketAddr {
    client.local_addr().expect("it is connected")
}

#[test]
fn the_slow_delay_nobody() {
    let mut server = Running::start(endless());
    let address = server.address;

    let silent = connect(address);
    let inside_a_character = ask(address, b"\xf0\x9f");
    // It never reads its refusal, nor ends.
    let never_reads = ask(address, &[b'a'; 4000]);
    // Long enough that quiet alone doesn't end it at once; then a byte at a time.
    let mut dripping = ask(address, &[b'd'; DEFAULT_MSS]);
    let mut dripped = DEFAULT_MSS;
    let slow = [&silent, &inside_a_character, &never_reads, &dripping].map(peer);
    server.wait_for_count(4, |seen| matches!(seen, Seen::Connected(_)));

    for index in 0..1000 {
        let name = format!("number {index}");
        let reply = greet(address, name.as_bytes()).expect("a reply");
        assert_eq!(reply, greeting(name.as_bytes()));
        if dripped < MAX_TEXT {
            dripping.write_all(b"d").expect("room");
            dripped += 1;
        }
    }
    server.wait_for_count(1000, |seen| matches!(seen, Seen::Greeted(_)));
    let slow_ended = |seen: Seen| seen.ended().is_some_and(|peer| slow.contains(&peer));
    assert_eq!(server.count(slow_ended), 0, "they are still there");

    // And each of them still gets what is due.
    silent.shutdown(Shutdown::Write).expect("FIN");
    dripping.shutdown(Shutdown::Write).expect("FIN");
    inside_a_character.shutdown(Shutdown::Write).expect("FIN");
    never_reads.shutdown(Shutdown::Write).expect("FIN");
    let reply = |mut client: TcpStream| read_all(&mut client).expect("a reply");
    assert_eq!(reply(silent), b"Hello, ");
    assert_eq!(reply(dripping), greeting(&vec![b'd'; dripped]));
    assert_eq!(
        reply(inside_a_character),
        b"Error: name is not UTF-8 at byte 0\n"
    );
    assert_eq!(
        reply(never_reads),
        b"Error: name is longer than 1024 bytes\n"
    );
    let tally = server.stop();
    assert_eq!((tally.greeted, tally.refused()), (1002, 2));
    assert_eq!(tally.total(), 1004);
}

/// The last bytes and FIN come together, as one event of an edge-triggered loop: both are seen,
/// though the first read is short. Nothing but FIN ends these names.
#[test]
fn fin_behind_the_last_bytes_is_seen() {
    for (last, expected) in [
        (
            &b"\xe4\xb8"[..],
            &b"Error: name is not UTF-8 at byte 0\n"[..],
        ),
        (&[b'l'; DEFAULT_MSS], &greeting(&[b'l'; DEFAULT_MSS])),
    ] {
        let mut server = Running::start(endless());
        let clients: Vec<TcpStream> = (0..100).map(|_| connect(server.address)).collect();
        // All are with the event loop, as the one acceptor has served somebody after them.
        assert_eq!(greet(server.address, b"x").expect("a reply"), b"Hello, x");
        for mut client in &clients {
            client.write_all(last).expect("room");
            client.shutdown(Shutdown::Write).expect("FIN");
        }
        for mut client in clients {
            assert_eq!(read_all(&mut client).expect("a reply"), expected);
        }
        assert_eq!(server.stop().total(), 101);
    }
}

/// Whatever has come by the time a client is handed from the acceptor to the loop is not forgotten.
#[test]
fn nothing_is_lost_between_acceptor_and_loop() {
    let mut server = Running::start(endless());
    let address = server.address;
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                for index in 0..500 {
                    let mut client = connect(address);
                    // Accepted inside a character; the rest and FIN race with the hand-over.
                    client.write_all(b"\xe4").expect("room");
                    for _ in 0..index * 20 {
                        std::hint::spin_loop();
                    }
                    client.write_all(b"\xb8\x96").expect("room");
                    client.shutdown(Shutdown::Write).expect("FIN");
                    let reply = read_all(&mut client).expect("a reply");
                    assert_eq!(reply, greeting("世".as_bytes()));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("each is greeted");
    }
    assert_eq!(server.stop().greeted, 2000);
}
