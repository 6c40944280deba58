//! A listener with a backlog for embassy-net, where little happens: who is woken, and what time does.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::time::Duration;

use embassy_backlog::greet::{Clock, Port, Socket};
use embassy_backlog::{Backlog, Buffers, Listener};
use embassy_net::Stack;
use embassy_net::tcp::{State, TcpSocket};
use embassy_time::Timer;
use futures::future::{join, pending};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use greet_async_examples::simulated::{boot, boot_behind};
use greet_async_examples::virtual_time::Time;
use greet_core::asynch::serve;
use greet_core::limits::Limits;
use greet_core::server::Server;
use smoltcp_sim::{Host, Link, Network};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

type Sockets = Listener<'static, 4, 8>;

/// Runs a server on a listener, and clients, for a minute. Returns what clients noted, with the second.
fn run<S: Future, C: Future>(
    server: impl Fn(Sockets) -> S,
    clients: impl Fn(Stack<'static>, &'static Notes) -> C,
) -> Vec<String> {
    run_beside(0, 0, server, clients)
}

/// The same beside so many clients whose cable is cut at this millisecond.
fn run_beside<S: Future, C: Future>(
    ghosts: usize,
    cut: i64,
    server: impl Fn(Sockets) -> S,
    clients: impl Fn(Stack<'static>, &'static Notes) -> C,
) -> Vec<String> {
    let time = Time::begin();
    let notes: &'static Notes = Box::leak(Box::new(RefCell::new(Vec::new())));
    let backlog: &'static Backlog<8> = Box::leak(Box::new(Backlog::new()));
    let mut network = Network::new(1);
    let host = |name: &str, address: &str| Host::new(name, address.parse().expect("an address"));
    let home = network.add(host("server", "10.0.0.1/24")).expect("a host");
    let away = network.add(host("clients", "10.0.0.2/24")).expect("a host");
    let gone = network.add(host("ghosts", "10.0.0.3/24")).expect("a host");
    let link = || Link::new().latency(Duration::from_millis(5));
    network.link(home, away, link()).expect("a link");
    let cable = network.link(home, gone, link()).expect("a link");
    let cut = smoltcp::time::Instant::from_millis(cut);
    network.at(cut, move |network| network.cut(cable));
    let start = |stack| {
        let buffers = Box::leak(Box::new(Buffers::<4, 1025, 1031>::new()));
        server(Listener::new(stack, backlog, 8000, buffers))
    };
    boot_behind(
        &mut network,
        home,
        &time,
        |card| backlog.before(card),
        start,
    );
    boot(&mut network, away, &time, |stack| clients(stack, notes));
    boot(&mut network, gone, &time, |stack| async move {
        let ghosts: FuturesUnordered<_> =
            (0..ghosts).map(|_| client(stack, 0, "", notes)).collect();
        ghosts.collect::<()>().await;
    });
    network.run_for(Duration::from_mins(1));
    drop(network);
    notes.take()
}

type Notes = RefCell<Vec<String>>;

/// Connects, says a name after a while, or nothing, and notes the reply, or what became of it, and the second.
async fn client(stack: Stack<'static>, after: u64, name: &str, notes: &Notes) {
    let (mut incoming, mut outgoing) = (vec![0; 1031], vec![0; 1024]);
    let mut socket = TcpSocket::new(stack, &mut incoming, &mut outgoing);
    if let Err(error) = socket.connect((SERVER, 8000)).await {
        return notes.borrow_mut().push(format!("{error:?}"));
    }
    Timer::after_secs(after).await;
    if !name.is_empty() {
        let _ = socket.write(name.as_bytes()).await;
    }
    let mut reply = [0; 64];
    let note = match socket.read(&mut reply).await {
        Ok(n) => String::from_utf8_lossy(&reply[..n]).into_owned(),
        Err(error) => format!("{error:?}"),
    };
    let second = embassy_time::Instant::now().as_secs();
    notes.borrow_mut().push(format!("{note} at {second} s"));
    pending::<()>().await;
}

async fn greet(listener: Sockets) {
    let mut server = Server::<Socket<'static>, 4>::new(Limits::DEFAULT);
    serve(&mut server, &mut Port(listener), &Clock, |_event| ()).await;
}

/// The time for a handshake is over once there is a connection.
#[test]
fn a_slow_client_is_greeted() {
    let notes = run(greet, |stack, notes| client(stack, 8, "World", notes));
    assert_eq!(notes, ["Hello, World at 8 s"]);
}

/// All sockets are lent to clients that say nothing, and nothing else happens: one has to go as soon as
/// somebody waits, at 2 s and not at its deadline, and no other with it.
#[test]
fn one_goes_for_who_waits() {
    let mut notes = run(greet, |stack, notes| async move {
        let silent: FuturesUnordered<_> = (0..4).map(|_| client(stack, 30, "", notes)).collect();
        let waiting = async {
            Timer::after_secs(2).await;
            client(stack, 0, "World", notes).await;
        };
        join(silent.collect::<()>(), waiting).await;
    });
    notes.sort();
    let late = |after| format!("Error: no name within {after} s\n at 30 s");
    let world = "Hello, World at 2 s".to_owned();
    assert_eq!(
        notes,
        [late("0.25"), late("10"), late("10"), late("10"), world]
    );
}

/// Whoever has to go and doesn't even take note of it is followed by another, a quarter of a second later.
#[test]
fn another_goes_where_one_has_vanished() {
    let notes = run_beside(1, 1_000, greet, |stack, notes| async move {
        Timer::after_millis(500).await;
        let silent: FuturesUnordered<_> = (0..3).map(|_| client(stack, 30, "", notes)).collect();
        let waiting = async {
            Timer::after_millis(1_600).await;
            client(stack, 0, "World", notes).await;
        };
        join(silent.collect::<()>(), waiting).await;
    });
    let greeted = notes.iter().any(|note| note == "Hello, World at 2 s");
    assert!(greeted, "{notes:?}");
}

/// A handshake has 250 ms where somebody waits. The cable is cut while the answers to SYNs are on their way.
#[test]
fn handshakes_that_never_end_are_forgotten_for_who_waits() {
    for (millis, second) in [(100, 0), (1_000, 1)] {
        let notes = run_beside(4, 8, greet, |stack, notes| async move {
            Timer::after_millis(millis).await;
            client(stack, 0, "World", notes).await;
        });
        let expected = format!("Hello, World at {second} s");
        assert!(notes.contains(&expected), "{notes:?}");
    }
}

/// Each of four tasks keeps its connection; those that wait for one are woken though the sockets know the
/// waker of another.
#[test]
fn tasks_that_wait_take_over() {
    let keep = |listener: Sockets| async move {
        let mut tasks: FuturesUnordered<_> = (0..4)
            .map(|_| async {
                let (mut socket, _peer) = listener.accept().await;
                let _ = socket.write(b"here").await;
                pending::<()>().await;
            })
            .collect();
        tasks.next().await
    };
    let notes = run(keep, |stack, notes| async move {
        let one_by_one = (0..4)
            .map(|number| Timer::after_secs(number).then(move |()| client(stack, 0, "x", notes)));
        one_by_one
            .collect::<FuturesUnordered<_>>()
            .collect::<()>()
            .await;
    });
    let expected: Vec<_> = (0..4).map(|second| format!("here at {second} s")).collect();
    assert_eq!(notes, expected);
}

/// Whoever has its reply and doesn't close gives its socket to who waits.
#[test]
fn who_does_not_close_keeps_nobody_waiting() {
    let notes = run(greet, |stack, notes| async move {
        let first: FuturesUnordered<_> = (0..4).map(|_| client(stack, 0, "a", notes)).collect();
        let waiting = async {
            Timer::after_secs(1).await;
            client(stack, 0, "World", notes).await;
        };
        join(first.collect::<()>(), waiting).await;
    });
    assert_eq!(notes.len(), 5, "{notes:?}");
    assert_eq!(notes[4], "Hello, World at 1 s");
}

/// Where nobody waits, it has 10 s.
#[test]
fn who_never_closes_is_reset_in_the_end() {
    let notes = run(greet, |stack, notes| async move {
        let (mut incoming, mut outgoing) = (vec![0; 1031], vec![0; 1024]);
        let mut socket = TcpSocket::new(stack, &mut incoming, &mut outgoing);
        socket.connect((SERVER, 8000)).await.expect("a server");
        let _ = socket.write(b"World").await;
        let mut reply = [0; 64];
        while let Ok(1..) = socket.read(&mut reply).await {}
        while socket.state() == State::CloseWait {
            Timer::after_millis(100).await;
        }
        let second = embassy_time::Instant::now().as_secs();
        let note = format!("{:?} at {second} s", socket.state());
        notes.borrow_mut().push(note);
        pending::<()>().await;
    });
    assert_eq!(notes, ["Closed at 10 s"]);
}
