//! A server ends when it is told to, in whatever state and from wherever, and whom it had before is
//! served. Races are looked for by doing each many times.

mod common;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use common::{BOUND, Running, Seen, ask, connect, greet, greeting, patient, read_all};
use greet_std::Server;
use greet_std::server::Handle;

const TIMES: usize = 100;

fn workers(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).expect("not zero")
}

#[test]
fn an_idle_server_stops_with_any_number_of_workers() {
    for time in 0..TIMES {
        let mut server = Running::start(patient().workers(workers(1 + time % 9)));
        let tally = server.stop();
        assert_eq!(tally.total(), 0);
        assert_eq!(server.seen, [], "its own connections are nobody's business");
    }
}

#[test]
fn a_server_with_fewer_places_than_workers_stops() {
    for places in [1, 2, 3] {
        for _ in 0..TIMES / 4 {
            let mut server = Running::start(patient().workers(workers(4)).max_connections(places));
            assert_eq!(greet(server.address, b"x").expect("a reply"), b"Hello, x");
            assert_eq!(server.stop().greeted, 1);
        }
    }
}

#[test]
fn stopped_before_it_runs_it_serves_who_waits() {
    for _ in 0..TIMES {
        let server = patient().bind("127.0.0.1:0").expect("a free port");
        let mut early = ask(server.local_addr(), b"early");
        server.handle().stop();
        server.handle().stop(); // twice is the same
        let mut server = Running::run(server, |_| {});
        let tally = server.join();
        assert_eq!((tally.greeted, tally.total()), (1, 1));
        assert_eq!(read_all(&mut early).expect("a reply"), b"Hello, early");
    }
}

#[test]
fn aborted_before_it_runs_it_serves_nobody() {
    let server = patient().bind("127.0.0.1:0").expect("a free port");
    let _waiting = connect(server.local_addr());
    server.handle().abort();
    let mut server = Running::run(server, |_| {});
    assert_eq!(server.join().total(), 0);
    assert_eq!(server.seen, []);
}

#[test]
fn dropped_without_running_it_frees_the_port() {
    let server = patient().bind("127.0.0.1:0").expect("a free port");
    let (address, handle) = (server.local_addr(), server.handle());
    drop(server);
    handle.stop();
    handle.abort();
    Server::bind(address).expect("the port is free again");
}

/// Everybody in the backlog by the time of the stop is served, though no worker has seen them yet.
#[test]
fn who_waits_in_the_backlog_is_served() {
    for count in [1, 3, 8] {
        let (open, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let first = AtomicBool::new(true);
        let server = patient()
            .workers(workers(1))
            .bind("127.0.0.1:0")
            .expect("a free port");
        let mut server = Running::run(server, move |seen| {
            // The only worker is held here until all have connected, and it was told to stop.
            if matches!(seen, Seen::Connected(_)) && first.swap(false, Ordering::Relaxed) {
                let _ = gate.lock().map(|gate| gate.recv_timeout(BOUND));
            }
        });
        let clients: Vec<TcpStream> = (0..=count).map(|_| ask(server.address, b"you")).collect();
        server.wait_for(|seen| matches!(seen, Seen::Connected(_)));
        server.handle.stop();
        open.send(()).expect("it waits");
        for mut client in clients {
            assert_eq!(read_all(&mut client).expect("a reply"), b"Hello, you");
        }
        let tally = server.join();
        assert_eq!((tally.greeted, tally.total()), (count + 1, count + 1));
    }
}

/// While new clients never cease to come, a stop must come to an end all the same. Here each client
/// that is served brings the next, so that the backlog is never empty, and the server goes on for as
/// many as could have waited.
#[test]
fn a_stop_ends_under_constant_load() {
    for time in 0..4 {
        let server = patient()
            .workers(workers(1 + time % 2))
            .bind("127.0.0.1:0")
            .expect("a free port");
        let address = server.local_addr();
        let clients = Mutex::new(VecDeque::new());
        let mut server = Running::run(server, move |seen| {
            if matches!(seen, Seen::Connected(_)) {
                let next = TcpStream::connect(address).and_then(|mut next| {
                    next.write_all(b"again")?;
                    Ok(next)
                });
                if let (Ok(next), Ok(mut clients)) = (next, clients.lock()) {
                    clients.push_back(next);
                    if clients.len() > 100 {
                        clients.pop_front();
                    }
                }
            }
        });
        assert_eq!(greet(address, b"x").expect("a reply"), b"Hello, x");
        server.wait_for_count(20, |seen| matches!(seen, Seen::Greeted(_)));
        let tally = server.stop();
        let connected = server.count(|seen| matches!(seen, Seen::Connected(_)));
        assert_eq!(tally.total(), connected as u64);
    }
}

/// A graceful stop waits for who is being served; nobody new is let in meanwhile.
#[test]
fn a_stopping_server_turns_new_clients_away() {
    let mut server = Running::start(patient().workers(workers(2)));
    let mut slow = connect(server.address);
    server.wait_for(|seen| matches!(seen, Seen::Connected(_)));
    server.handle.stop();
    // Refused, or reset: it takes a moment until the listener is gone. Never served.
    while let Ok(mut late) = TcpStream::connect(server.address) {
        late.set_read_timeout(Some(BOUND)).expect("a bound");
        let _ = late.write_all(b"late");
        // A client that came before the stop was noticed may be served still.
        let _ = read_all(&mut late);
    }
    slow.write_all(b"slow").expect("room");
    assert_eq!(read_all(&mut slow).expect("a reply"), b"Hello, slow");
    server.join();
}

#[test]
fn an_abort_ends_those_who_hang() {
    for time in 0..TIMES {
        let mut server = Running::start(patient().workers(workers(1 + time % 4)));
        let silent: Vec<TcpStream> = (0..5).map(|_| connect(server.address)).collect();
        // Inside a character: some have bytes in the server, and a buffer.
        for mut stream in &silent[..2] {
            stream.write_all(b"\xe4\xb8").expect("room");
        }
        server.wait_for_count(5, |seen| matches!(seen, Seen::Connected(_)));
        if time % 2 == 0 {
            server.handle.stop(); // an abort hastens a stop that waits
        }
        server.handle.abort();
        let tally = server.join();
        assert_eq!((tally.abandoned, tally.total()), (5, 5));
        assert_eq!(server.count(|seen| matches!(seen, Seen::Abandoned(..))), 5);
    }
}

/// Full, so that all acceptors wait for a place.
#[test]
fn an_abort_ends_a_full_server() {
    for _ in 0..TIMES {
        let mut server = Running::start(patient().workers(workers(3)).max_connections(2));
        // Inside a character, so that nobody gives way.
        let _slow: Vec<TcpStream> = (0..4).map(|_| ask(server.address, b"\xc3")).collect();
        server.wait_for_count(2, |seen| matches!(seen, Seen::Connected(_)));
        server.handle.abort();
        let tally = server.join();
        assert_eq!((tally.abandoned, tally.total()), (2, 2));
    }
}

/// Runs a server whose `report` does something to its own handle at the first event of a kind.
fn from_report(kind: fn(Seen) -> bool, act: fn(&Handle)) -> Running {
    let server = patient()
        .workers(workers(3))
        .bind("127.0.0.1:0")
        .expect("a free port");
    let handle = server.handle();
    Running::run(server, move |seen| {
        if kind(seen) {
            act(&handle);
        }
    })
}

#[test]
fn its_own_report_stops_it() {
    for _ in 0..TIMES {
        let mut server = from_report(|seen| matches!(seen, Seen::Connected(_)), Handle::stop);
        assert_eq!(greet(server.address, b"x").expect("a reply"), b"Hello, x");
        assert_eq!(server.join().greeted, 1);

        let mut server = from_report(|seen| matches!(seen, Seen::Greeted(_)), Handle::abort);
        assert_eq!(greet(server.address, b"x").expect("a reply"), b"Hello, x");
        assert_eq!(server.join().greeted, 1);
    }
}

/// The event loop's report, not the acceptor's: the client is late, which the loop alone finds out.
#[test]
fn the_report_of_a_straggler_stops_it() {
    for act in [Handle::stop, Handle::abort] {
        let server = common::deadline(Duration::from_millis(1))
            .workers(workers(3))
            .bind("127.0.0.1:0")
            .expect("a free port");
        let handle = server.handle();
        let mut server = Running::run(server, move |seen| {
            if matches!(seen, Seen::Refused(..)) {
                act(&handle);
            }
        });
        let mut silent = connect(server.address);
        let reply = read_all(&mut silent).expect("a reply");
        assert_eq!(reply, b"Error: no name within 0.001 s\n");
        drop(silent);
        assert_eq!(server.join().late, 1);
    }
}

fn panics_out(server: &mut Running) {
    let panic = server.join_any().expect_err("the panic comes out of run");
    assert_eq!(panic.downcast_ref(), Some(&"on purpose"));
}

/// Keeps what this file does on purpose out of the output.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("on purpose"))
}

#[test]
fn a_panic_in_report_comes_out() {
    for _ in 0..TIMES {
        let mut server = from_report(
            |seen| matches!(seen, Seen::Connected(_)),
            |_| panic_quietly(),
        );
        let silent = connect(server.address);
        panics_out(&mut server);
        drop(silent);
    }
}

#[test]
fn a_panic_in_the_report_of_a_straggler_comes_out() {
    for _ in 0..TIMES / 4 {
        let server = common::deadline(Duration::from_millis(1))
            .workers(workers(3))
            .bind("127.0.0.1:0")
            .expect("a free port");
        let mut server = Running::run(server, |seen| {
            if matches!(seen, Seen::Abandoned(..) | Seen::Refused(..)) {
                panic_quietly();
            }
        });
        drop(connect(server.address)); // the empty name
        let mut silent = connect(server.address);
        let _ = read_all(&mut silent);
        drop(silent);
        panics_out(&mut server);
    }
}

/// The acceptor that a stop woke panics over the next client, so it wakes no other by itself.
#[test]
fn a_panic_while_stopping_wakes_all() {
    for _ in 0..TIMES {
        let (told, stopped) = mpsc::channel::<()>();
        let stopped = Mutex::new(stopped);
        let stopping = Arc::new(AtomicBool::new(false));
        let server = patient()
            .workers(workers(4))
            .bind("127.0.0.1:0")
            .expect("a free port");
        let mut server = Running::run(server, {
            let stopping = Arc::clone(&stopping);
            move |seen| {
                if matches!(seen, Seen::Connected(_)) {
                    let _ = stopped.lock().map(|told| told.recv_timeout(BOUND));
                    if stopping.load(Ordering::Relaxed) {
                        panic_quietly();
                    }
                }
            }
        });
        // Two acceptors are held in report, the others sleep in accept.
        let clients = [connect(server.address), connect(server.address)];
        server.wait_for_count(2, |seen| matches!(seen, Seen::Connected(_)));
        stopping.store(true, Ordering::Relaxed);
        server.handle.stop();
        drop(told);
        panics_out(&mut server);
        drop(clients);
    }
}

/// Clients connect, hang and go while the server stops: all who were reported have one end.
#[test]
fn each_client_has_one_end() {
    for time in 0..TIMES {
        let mut server = Running::start(patient().workers(workers(2)));
        let address = server.address;
        let silent: Vec<TcpStream> = (0..3).map(|_| connect(address)).collect();
        let clients: Vec<_> = (0..4)
            .map(|_| thread::spawn(move || TcpStream::connect(address).and_then(greet_once)))
            .collect();
        server.wait_for_count(3, |seen| matches!(seen, Seen::Connected(_)));
        if time % 2 == 0 {
            server.handle.abort();
        } else {
            server.handle.stop();
            drop(silent);
        }
        let tally = server.join();
        for client in clients {
            // Greeted, or turned away.
            if let Ok(reply) = client.join().expect("a client doesn't panic") {
                assert!(reply == greeting(b"x") || reply.is_empty(), "{reply:?}");
            }
        }
        let mut connected: Vec<SocketAddr> = Vec::new();
        let mut ended: Vec<SocketAddr> = Vec::new();
        for &seen in &server.seen {
            match seen {
                Seen::Connected(peer) => connected.push(peer),
                _ => ended.extend(seen.ended()),
            }
        }
        connected.sort();
        ended.sort();
        assert_eq!(connected, ended);
        assert_eq!(tally.total(), ended.len() as u64);
    }
}

fn greet_once(mut stream: TcpStream) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(BOUND))?;
    stream.write_all(b"x")?;
    read_all(&mut stream)
}
