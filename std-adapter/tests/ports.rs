//! A run of the probe takes every source port once, so that no stack's TIME-WAIT is in its way.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;

use greet_core::probe::{About, Plan, ROOM, run};
use greet_core::server::Event;
use greet_std::{Server, SocketStack};

/// More than Linux has even ports, which are all that it chooses from for its clients at first.
const ROUNDS: u16 = 15_000;

#[test]
fn every_connection_of_a_run_has_a_source_port_of_its_own() {
    let server = Server::bind("127.0.0.1:0").expect("a free port");
    let (address, handle) = (server.local_addr(), server.handle());
    let running = thread::spawn(move || {
        let sources = Mutex::new(Vec::new());
        let ended = server.run(|event| {
            if let Event::Connected { peer } = event {
                sources.lock().expect("no panic").push(*peer);
            }
        });
        ended.map(|_| sources.into_inner().expect("no panic"))
    });
    let mut stack = SocketStack::new(address, None, 8).expect("sockets");
    let plan = Plan {
        rounds: ROUNDS,
        ..Plan::DEFAULT
    };
    let only = |check: &About| check.id == "crowd/in-a-row";
    let summary = run(&mut stack, &plan, &mut [0; ROOM], only, &mut |_| {});
    handle.stop();
    let sources = running.join().expect("no panic").expect("the server runs");

    assert_eq!((summary.passed, summary.failed), (1, 0));
    assert!(sources.len() >= ROUNDS.into(), "{}", sources.len());
    let once: BTreeSet<_> = sources.iter().collect();
    // A system with fewer ports than that says so.
    assert_eq!(once.len() != sources.len(), stack.reuses_ports());
}
