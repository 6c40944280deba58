//! How many clients of a board are refused: plain embassy-net beside the same with a backlog, in one run.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::time::Duration;

use embassy_backlog::greet::{self, Clock, Port, Socket, release};
use embassy_backlog::{Backlog, Buffers, Listener};
use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use greet_core::asynch::{Timer, converse, serve};
use greet_core::exchange::Exchange;
use greet_core::limits::Limits;
use greet_core::machine::Service;
use greet_core::request::{Answer, Request};
use greet_core::server::Server;
use greet_core::text::Text;
use smoltcp_sim::{Host, HostId, Link, Network, Probability};

use crate::simulated::{boot, boot_behind};
use crate::virtual_time::Time;

/// So many sockets has the server.
pub const PLACES: usize = 4;
/// So many clients wait behind them.
pub const WAITING: usize = 64;
/// Each client greets so often, one after the other.
pub const ROUNDS: usize = 25;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// What stands behind the server's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Nothing: plain embassy-net.
    Nothing,
    /// A backlog, and one task that serves all.
    Backlog,
    /// A backlog, and a task for each socket: all of them accept.
    Tasks,
}

/// What came of all connects of all clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Greeted.
    pub greeted: usize,
    /// Reset before they were connected.
    pub refused: usize,
    /// Silent for 0.25 s while others waited, as its name was lost, and told so.
    pub late: usize,
    /// Connected, and not answered.
    pub failed: usize,
    /// Peers whose address on the server's side wasn't theirs.
    pub strangers: usize,
    /// Milliseconds of virtual time.
    pub millis: i64,
}

impl Counts {
    fn note(&mut self, request: &Request<'_>) {
        let count = match request.answer() {
            Some(Ok(Answer::Greeted)) => &mut self.greeted,
            Some(Ok(answer)) if answer.is_crowded_out() => &mut self.late,
            _ => &mut self.failed,
        };
        *count += 1;
    }
}

/// Runs so many clients, each [`ROUNDS`] times, over a link of 5 ms that loses so many of a hundred packets.
///
/// # Panics
///
/// It isn't done within an hour of virtual time.
pub fn run(behind: Behind, clients: usize, percent: u32, seed: u64) -> Counts {
    let time = Time::begin();
    let counts = RefCell::new(Counts::default());
    let left = RefCell::new(clients);
    let mut network = Network::new(seed);
    let host = |name: &str, address: &str| Host::new(name, address.parse().expect("an address"));
    let home = network.add(host("server", "10.0.0.1/24")).expect("a host");
    let away = network.add(host("clients", "10.0.0.2/24")).expect("a host");
    let link = Link::new()
        .latency(Duration::from_millis(5))
        .loss(Probability::percent(percent));
    network.link(home, away, link).expect("a link");
    match behind {
        Behind::Nothing => boot(&mut network, home, &time, |stack| async move {
            let places = (0..PLACES)
                .map(|_| greet::serve::<Exchange>(stack, 8000, Limits::DEFAULT, |_outcome| ()));
            join_all(places).await;
        }),
        Behind::Backlog => with_backlog(&mut network, home, &time, &counts),
        Behind::Tasks => with_tasks(&mut network, home, &time),
    }
    let (counted, rest) = (&counts, &left);
    boot(&mut network, away, &time, move |stack| async move {
        join_all((0..clients).map(|client| ask(stack, client, counted))).await;
        *rest.borrow_mut() = 0;
    });
    let done = network.run_while(Duration::from_hours(1), || *left.borrow() > 0);
    assert!(done, "{:?}", counts.borrow());
    let millis = network.now().total_millis();
    drop(network);
    Counts {
        millis,
        ..counts.into_inner()
    }
}

fn with_backlog<'a>(
    network: &mut Network<'a>,
    host: HostId,
    time: &'a Time,
    counts: &'a RefCell<Counts>,
) {
    // As a board's: for as long as the program runs.
    let backlog: &'static Backlog<WAITING> = Box::leak(Box::new(Backlog::new()));
    let start = move |stack: Stack<'static>| async move {
        let buffers = Box::leak(Box::new(Buffers::<PLACES, 1025, 1031>::new()));
        let mut port = Port(Listener::new(stack, backlog, 8000, buffers));
        let mut server = Server::<Socket<'static>, PLACES>::new(Limits::DEFAULT);
        serve(&mut server, &mut port, &Clock, |event| {
            if let greet_core::server::Event::Connected { peer } = event
                && peer.ip() != Ipv4Addr::new(10, 0, 0, 2)
            {
                counts.borrow_mut().strangers += 1;
            }
        })
        .await
    };
    boot_behind(network, host, time, |card| backlog.before(card), start);
}

fn with_tasks<'a>(network: &mut Network<'a>, host: HostId, time: &'a Time) {
    let backlog: &'static Backlog<WAITING> = Box::leak(Box::new(Backlog::new()));
    let start = move |stack: Stack<'static>| async move {
        let buffers = Box::leak(Box::new(Buffers::<PLACES, 1025, 1031>::new()));
        let listener = Listener::new(stack, backlog, 8000, buffers);
        // Each has a waker of its own here, as a task has.
        let mut tasks: FuturesUnordered<_> = (0..PLACES).map(|_| one_by_one(&listener)).collect();
        tasks.next().await
    };
    boot_behind(network, host, time, |card| backlog.before(card), start);
}

async fn one_by_one(listener: &Listener<'_, PLACES, WAITING>) {
    let mut exchange = Exchange::new(Clock.now(), Limits::DEFAULT);
    loop {
        let (socket, _peer) = listener.accept().await;
        let mut socket = Socket(socket);
        exchange.begin(Clock.now(), &Limits::DEFAULT);
        converse(&mut exchange, &mut socket, &Clock).await;
        listener.release(socket.0);
    }
}

/// One client.
async fn ask(stack: Stack<'static>, client: usize, counts: &RefCell<Counts>) {
    let (mut incoming, mut outgoing) = (vec![0; 1031], vec![0; 1024]);
    let mut socket = Socket(TcpSocket::new(stack, &mut incoming, &mut outgoing));
    let name = format!("client {client}");
    for _ in 0..ROUNDS {
        if socket.0.connect((SERVER, 8000)).await.is_err() {
            counts.borrow_mut().refused += 1;
            release(&mut socket).await;
            continue;
        }
        let deadline = Clock.now() + Duration::from_mins(2);
        let mut request = Request::new(Text::new(&name).expect("short"), deadline);
        let _ = converse(&mut request, &mut socket, &Clock).await;
        counts.borrow_mut().note(&request);
        release(&mut socket).await;
    }
}
