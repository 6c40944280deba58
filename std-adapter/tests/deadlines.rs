//! Clients who come while the event loop sleeps: what each waits for ends in time, though the loop
//! isn't woken for those whom it would notice soon enough. One worker, so that all meet in one loop.

mod common;

use std::io::Write;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use common::{BOUND, Running, Seen, ask, connect, greeting, read_all};
use greet_core::limits::{DEFAULT_MSS, Limits};
use greet_std::Server;

/// Greets somebody who sends the name only when the loop has the connection, so that it has just
/// worked.
fn greet_late(server: &mut Running) {
    let mut client = connect(server.address);
    let peer = client.local_addr().expect("it is connected");
    server.wait_for(|seen| seen == Seen::Connected(peer));
    // The acceptor reports it just before it hands it over. If that takes longer, less is tested.
    thread::sleep(Duration::from_millis(20));
    client.write_all(b"late").expect("room");
    assert_eq!(read_all(&mut client).expect("a reply"), greeting(b"late"));
}

/// Starts a server, and lets its loop fall asleep.
fn start(limits: Limits) -> Running {
    let server = Server::builder().limits(limits);
    let running = Running::start(server.workers(NonZeroUsize::MIN));
    thread::sleep(Duration::from_millis(20));
    running
}

fn reply_to(client: &mut TcpStream) -> String {
    String::from_utf8(read_all(client).expect("a reply, not RST")).expect("UTF-8")
}

#[test]
fn the_silent_end_by_their_deadline() {
    let mut server = start(Limits::DEFAULT.with_deadline(Duration::from_millis(200)));
    // The loop sleeps without an end; then it has just worked; then with others in it.
    let mut first = connect(server.address);
    assert!(!reply_to(&mut first).starts_with("Hello"), "a refusal");
    greet_late(&mut server);
    let mut crowd: Vec<_> = (0..10).map(|_| connect(server.address)).collect();
    greet_late(&mut server);
    crowd.push(connect(server.address));
    for client in &mut crowd {
        assert!(!reply_to(client).starts_with("Hello"), "a refusal");
    }
    assert_eq!(server.stop().greeted, 2);
}

/// A name as long as a segment may go on in the next: it settles, long before anybody's deadline.
#[test]
fn a_name_settles_though_the_loop_sleeps_until_later_deadlines() {
    let mut server = start(
        Limits::DEFAULT
            .with_settle(Duration::from_millis(50))
            .with_deadline(4 * BOUND),
    );
    let name = [b'x'; DEFAULT_MSS];
    let silent = connect(server.address);
    greet_late(&mut server);
    for _ in 0..10 {
        let mut client = ask(server.address, &name);
        assert_eq!(read_all(&mut client).expect("a reply"), greeting(&name));
    }
    drop(silent);
    assert_eq!(server.stop().greeted, 12);
}
