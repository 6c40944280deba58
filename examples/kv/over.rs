//! The store and clients of it over what carries bytes: sockets of the operating system, smoltcp's
//! over a loopback, and smoltcp's across a simulated network. Nothing here knows what a line asks.
//!
//! Each has conversations at once, of whatever machines, with a server of the store, and returns
//! the machines as they ended.

use std::cell::RefCell;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use greet_core::client::Client;
use greet_core::machine::Machine;
use greet_core::server::Server;
use greet_core::time::Instant;
use greet_smoltcp::error::ConnectError;
use greet_smoltcp::loopback::Loopback;
use greet_smoltcp::net::Net;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use greet_smoltcp::stream::Connection;
use greet_smoltcp::timeouts::Timeouts;
use smoltcp::iface::Config;
use smoltcp::phy::Medium;
use smoltcp::wire::{HardwareAddress, IpCidr};
use smoltcp_sim::{Boot, Card, Host, Link, Network};

use super::session::{IDLE, Session};
use super::store::Store;
use crate::moments;

/// So many clients are served at once on smoltcp; more wait.
pub const PLACES: usize = 2;
/// The buffers of a socket there.
pub const BUFFER: usize = 512;
const PORT: u16 = 8002;
/// Where packets are lost, the last replies may have to be sent several times.
const PATIENT: Timeouts = Timeouts {
    handshake: Timeouts::DEFAULT.handshake,
    linger: IDLE,
};
/// No conversation lasts longer, in virtual time.
const TOO_LONG: Duration = Duration::from_hours(1);

type Ended<M> = Result<Vec<M>, Box<dyn Error>>;

/// Over sockets of the operating system, each client in a thread of its own.
///
/// # Errors
///
/// The system lacks something.
pub fn desktop<M: Machine + Send>(store: &Store, machines: Vec<M>) -> Ended<M> {
    let server = greet_std::Server::<Session<'_>>::serving(store).bind("127.0.0.1:0")?;
    let (address, handle) = (server.local_addr(), server.handle());
    thread::scope(|scope| {
        let serving = scope.spawn(|| server.run(|_event| ()));
        let ask = |machine| {
            let conversation = greet_std::Client::new().converse(address, machine);
            conversation.map(|ended| ended.machine)
        };
        let asking: Vec<_> = machines
            .into_iter()
            .map(|machine| scope.spawn(move || ask(machine)))
            .collect();
        let ended: Vec<_> = asking
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        handle.stop();
        serving.join().map_err(|_| "the server panicked")??;
        ended
            .into_iter()
            .map(|ended| Ok(ended.map_err(|_| "a client panicked")??))
            .collect()
    })
}

/// Over smoltcp and a loopback, all in one stack without an operating system below.
///
/// # Errors
///
/// More clients than there are sockets.
pub fn loopback<M: Machine>(store: &Store, machines: Vec<M>) -> Ended<M> {
    let mut slots = SocketSlots::<{ 2 * PLACES }, 4>::new();
    let mut places = TcpBuffers::<PLACES, BUFFER, BUFFER>::new();
    let mut outgoing = TcpBuffers::<PLACES, BUFFER, BUFFER>::new();
    let address = IpAddr::from(Ipv4Addr::LOCALHOST);
    let device = Loopback::<4, 1500>::new(Medium::Ip);
    let config = Config::new(HardwareAddress::Ip);
    let mut stack = Stack::new(
        device,
        config,
        &[IpCidr::new(address.into(), 8)],
        &mut slots,
    )?;
    let listener = stack.net().listen(&mut places, PORT)?;
    stack.net().add_clients(&mut outgoing)?;

    let mut server = Server::<_, PLACES, Session<'_>>::serving(store);
    let mut clients = connect(stack.net(), SocketAddr::new(address, PORT), machines)?;
    let mut now = Instant::START;
    while now < Instant::START + TOO_LONG {
        now = stack.poll(now, |net| {
            let next = server.poll(&mut listener.on(net), now, |_event| ());
            poll(&mut clients, net, now).min(next)
        });
    }
    Ok(clients
        .into_iter()
        .map(|(_, client)| client.into_machine())
        .collect())
}

/// Across a simulated link, with the server on one host and all clients on the other.
///
/// # Errors
///
/// More clients than there are sockets.
///
/// # Panics
///
/// Never: what it reserves is enough for what it sets up.
pub fn network<M: Machine>(store: &Store, machines: Vec<M>, link: Link, seed: u64) -> Ended<M> {
    let (mut slots, mut away_slots) = (
        SocketSlots::<PLACES, 4>::new(),
        SocketSlots::<PLACES, 0>::new(),
    );
    let mut places = TcpBuffers::<PLACES, BUFFER, BUFFER>::new();
    let mut outgoing = TcpBuffers::<PLACES, BUFFER, BUFFER>::new();
    let clients = RefCell::new(Ok(Vec::new()));
    let address = IpAddr::from([10, 0, 0, 1]);
    let mut network = Network::new(seed);
    let home = network.add(Host::new("server", IpCidr::new(address.into(), 24)))?;
    let away = network.add(Host::new(
        "clients",
        IpCidr::new(IpAddr::from([10, 0, 0, 2]).into(), 24),
    ))?;
    network.link(home, away, link)?;

    let mut memory = Some((&mut slots, &mut places));
    network.boot_program(home, move |boot| {
        let (slots, places) = memory.take().expect("it boots once");
        let mut stack = stack(boot, slots);
        let listener = stack.net().listen(places, PORT).expect("there are slots");
        stack.net().set_timeouts(PATIENT);
        let mut server = Server::<_, PLACES, Session<'_>>::serving(store);
        move |now| {
            let now = moments::core(now);
            let next = stack.poll(now, |net| {
                server.poll(&mut listener.on(net), now, |_event| ())
            });
            moments::simulated(next)
        }
    });
    let mut memory = Some((&mut away_slots, &mut outgoing, machines));
    let asking = &clients;
    network.boot_program(away, move |boot| {
        let (slots, outgoing, machines) = memory.take().expect("it boots once");
        let mut stack = stack(boot, slots);
        stack.net().add_clients(outgoing).expect("there are slots");
        let server = SocketAddr::new(address, PORT);
        *asking.borrow_mut() = connect(stack.net(), server, machines);
        move |now| {
            let now = moments::core(now);
            let next = stack.poll(now, |net| match &mut *asking.borrow_mut() {
                Ok(clients) => poll(clients, net, now),
                Err(_) => Instant::NEVER,
            });
            moments::simulated(next)
        }
    });
    network.run_for(TOO_LONG);
    drop(network);
    let clients = clients.into_inner()?;
    Ok(clients
        .into_iter()
        .map(|(_, client)| client.into_machine())
        .collect())
}

fn stack<'a, const BACKLOG: usize>(
    boot: Boot,
    slots: &'a mut SocketSlots<'a, PLACES, BACKLOG>,
) -> Stack<'a, Card> {
    let config = boot.config();
    Stack::new(boot.card, config, &boot.addresses, slots).expect("the addresses fit the card")
}

/// Clients, each with its connection.
type Clients<M> = Vec<(Connection, Client<M>)>;

fn connect<M: Machine>(
    net: &mut Net<'_>,
    to: SocketAddr,
    machines: Vec<M>,
) -> Result<Clients<M>, ConnectError> {
    machines
        .into_iter()
        .map(|machine| Ok((net.connect(to)?, Client::new(machine))))
        .collect()
}

fn poll<M: Machine>(clients: &mut Clients<M>, net: &mut Net<'_>, now: Instant) -> Instant {
    let mut due = Instant::NEVER;
    for (connection, client) in clients {
        let _ = client.poll(&mut connection.on(net), now);
        due = due.min(client.due());
    }
    due
}
