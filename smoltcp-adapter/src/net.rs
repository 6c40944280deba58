//! The sockets of a stack: set up here, lent from here to listeners, streams and datagrams.
//!
//! [`Stack`](crate::stack::Stack) drives it step by step, and an application sees it in each poll.
//! It keeps the two tables, smoltcp's sockets and what each is for, in step.

use core::fmt;
use core::net::SocketAddr;

use greet_core::transport::Accepted;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::{AnySocket, Socket, tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{IpCidr, IpListenEndpoint};

use crate::address;
use crate::entry::{ListenerEntry, SocketEntry, SocketState};
use crate::error::{ConnectError, SetupError};
use crate::fate::{self, After};
use crate::handles::{Binding, Connection, Listener};
use crate::pace::Pace;
use crate::ports::{self, Ports, Protocol};
use crate::storage::{SocketSlots, TcpBuffers, UdpBuffers, filled};
use crate::syn_filter::{self, SynFilter};
use crate::time::{self, NEVER};
use crate::timeouts::{SocketTimeouts, Timeouts};

mod run;

pub use crate::handles::Clients;

/// So many listeners a stack can have.
pub const MAX_LISTENERS: usize = syn_filter::MAX_LISTENERS;

/// So many frames come in before the application runs, that a flood leaves time for other work.
pub(crate) const FRAMES: usize = 64;

/// The sockets of a stack, and the interface that they share.
// In this order, all but the interface is near the start, where a small processor's short
// instructions reach.
#[repr(C)]
pub struct Net<'a> {
    /// The time of the poll that runs, or ran last.
    now: Instant,
    /// When to scan the sockets again at the latest.
    due: Instant,
    timeouts: SocketTimeouts,
    /// Whether a released socket isn't done yet.
    closing: bool,
    pace: Pace,
    used: usize,
    /// One for each socket of the set, in the same order; the rest are free.
    entries: &'a mut [SocketEntry],
    set: SocketSet<'a>,
    ports: Ports,
    filter: SynFilter<'a>,
    interface: Interface,
}

impl<'a> Net<'a> {
    /// All of it unused. Panics if the hardware address doesn't fit the device.
    pub(crate) fn new<const SOCKETS: usize, const BACKLOG: usize>(
        config: Config,
        device: &mut impl Device,
        storage: &'a mut SocketSlots<'a, SOCKETS, BACKLOG>,
    ) -> Self {
        let capabilities = device.capabilities();
        Self {
            now: Instant::ZERO,
            due: NEVER,
            timeouts: const { SocketTimeouts::new(Timeouts::DEFAULT) },
            closing: false,
            pace: const { Pace::new() },
            used: 0,
            ports: Ports::new(config.random_seed),
            interface: Interface::new(config, device, Instant::ZERO),
            set: SocketSet::new(filled(storage.sockets.as_mut_view())),
            entries: &mut storage.entries,
            filter: SynFilter::new(&capabilities, &mut storage.waiting),
        }
    }

    /// Listens on a port with one socket for each pair of `buffers`.
    ///
    /// `endpoint` is a port, or an address and a port. While none of the sockets listens, clients
    /// wait in the backlog of [`SocketSlots`]. If that is full as well, they come back by
    /// themselves: their stacks repeat the SYN after 1 s, 3 s, 7 s and so on.
    ///
    /// # Errors
    ///
    /// [`SetupError::PortZero`], [`SetupError::PortInUse`], [`SetupError::NoSlot`] or
    /// [`SetupError::TooManyListeners`].
    pub fn listen<const N: usize, const RX: usize, const TX: usize>(
        &mut self,
        buffers: &'a mut TcpBuffers<N, RX, TX>,
        endpoint: impl Into<IpListenEndpoint>,
    ) -> Result<Listener, SetupError> {
        let endpoint = endpoint.into();
        self.check(Protocol::Tcp, endpoint.port, N)?;
        let index = self.filter.listeners.len();
        let listener = ListenerEntry::new(endpoint);
        if self.filter.listeners.push(listener).is_err() {
            return Err(SetupError::TooManyListeners);
        }
        self.add_tcp(buffers, Some(index));
        Ok(Listener { index })
    }

    /// Sets aside one socket to connect with for each pair of `buffers`.
    ///
    /// # Errors
    ///
    /// [`SetupError::NoSlot`].
    pub fn add_clients<const N: usize, const RX: usize, const TX: usize>(
        &mut self,
        buffers: &'a mut TcpBuffers<N, RX, TX>,
    ) -> Result<Clients, SetupError> {
        self.room_for(N)?;
        let first = self.used;
        self.add_tcp(buffers, None);
        Ok(Clients { first, count: N })
    }

    /// Connects to a peer, from an ephemeral port that no socket has.
    ///
    /// The connection can be used at once: it is [pending](core::task::Poll::Pending) until the
    /// peer has answered.
    ///
    /// # Errors
    ///
    /// [`ConnectError::NoSocket`] and [`ConnectError::NoPort`] pass; [`ConnectError::Address`]
    /// doesn't.
    pub fn connect(&mut self, peer: SocketAddr) -> Result<Connection, ConnectError> {
        let all = Clients {
            first: 0,
            count: self.used,
        };
        self.connect_with(&all, peer)
    }

    /// Connects to a peer with one of these sockets: their receive buffer is the window that the
    /// peer sees.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect).
    pub fn connect_with(
        &mut self,
        clients: &Clients,
        peer: SocketAddr,
    ) -> Result<Connection, ConnectError> {
        let slot = self.idle_of(clients)?;
        let port = self
            .ports
            .take(Protocol::Tcp, &self.set)
            .ok_or(ConnectError::NoPort)?;
        self.connect_slot(slot, peer, port)
    }

    /// The same, from this port.
    ///
    /// A peer that has had a connection from there may keep another out for as long as its TIME-WAIT lasts
    /// (RFC 9293, section 3.6.1): without a reason, leave the choice to [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect); [`ConnectError::NoPort`] while a socket has it.
    pub fn connect_from(
        &mut self,
        clients: &Clients,
        peer: SocketAddr,
        port: u16,
    ) -> Result<Connection, ConnectError> {
        let slot = self.idle_of(clients)?;
        if port == 0 || ports::in_use(Protocol::Tcp, port, &self.set) {
            return Err(ConnectError::NoPort);
        }
        self.connect_slot(slot, peer, port)
    }

    /// The port at this end of a connection. `None`: it is over.
    pub fn local_port(&mut self, connection: &Connection) -> Option<u16> {
        let (_, socket) = self.tcp(connection.slot)?;
        Some(socket.local_endpoint()?.port)
    }

    fn idle_of(&self, clients: &Clients) -> Result<usize, ConnectError> {
        let mut group = self
            .entries
            .iter()
            .enumerate()
            .skip(clients.first)
            .take(clients.count);
        let (slot, _) = group
            .find(|(_, entry)| matches!(entry.state, SocketState::Idle))
            .ok_or(ConnectError::NoSocket)?;
        Ok(slot)
    }

    fn connect_slot(
        &mut self,
        slot: usize,
        peer: SocketAddr,
        port: u16,
    ) -> Result<Connection, ConnectError> {
        let peer = address::endpoint(peer).ok_or(ConnectError::Address)?;
        let (entry, socket, interface) = entry(self.entries, &mut self.set, slot)
            .map(|(entry, socket)| (entry, socket, &mut self.interface))
            .ok_or(ConnectError::NoSocket)?;
        socket
            .connect(interface.context(), peer, port)
            .map_err(|_| ConnectError::Address)?;
        entry.state = SocketState::InUse { established: false };
        Ok(Connection { slot })
    }

    /// Binds a UDP socket to a port; port 0 stands for an ephemeral one.
    ///
    /// # Errors
    ///
    /// [`SetupError::PortInUse`] or [`SetupError::NoSlot`].
    pub fn bind<const SLOTS: usize, const RX: usize, const TX: usize>(
        &mut self,
        buffers: &'a mut UdpBuffers<SLOTS, RX, TX>,
        endpoint: impl Into<IpListenEndpoint>,
    ) -> Result<Binding, SetupError> {
        let mut endpoint = endpoint.into();
        if endpoint.port == 0 {
            let port = self.ports.take(Protocol::Udp, &self.set);
            endpoint.port = port.ok_or(SetupError::PortInUse)?;
        }
        self.check(Protocol::Udp, endpoint.port, 1)?;
        let mut socket = buffers.socket();
        socket.bind(endpoint).map_err(|_| SetupError::PortZero)?;
        let slot = self.used;
        self.add(socket)?;
        Ok(Binding {
            slot,
            port: endpoint.port,
        })
    }

    /// Adds a socket of the user's own: DHCP, DNS, or anything else that runs beside.
    ///
    /// # Errors
    ///
    /// [`SetupError::NoSlot`].
    pub fn add(&mut self, socket: impl AnySocket<'a>) -> Result<SocketHandle, SetupError> {
        self.room_for(1)?;
        self.used += 1;
        Ok(self.set.add(socket))
    }

    /// A socket that was [added](Self::add). `None`: it is of another kind.
    pub fn get<T: AnySocket<'a>>(&mut self, handle: SocketHandle) -> Option<&mut T> {
        self.pace.given = true;
        let (_, socket) = self.set.iter_mut().find(|(known, _)| *known == handle)?;
        T::downcast_mut(socket)
    }

    /// Adds an IP address and its network.
    ///
    /// # Errors
    ///
    /// [`SetupError::Address`] or [`SetupError::TooManyAddresses`].
    pub fn add_address(&mut self, address: IpCidr) -> Result<(), SetupError> {
        if !address.address().is_unicast() {
            return Err(SetupError::Address);
        }
        let mut result = Ok(());
        self.interface.update_ip_addrs(|addresses| {
            result = addresses
                .push(address)
                .map_err(|_| SetupError::TooManyAddresses);
        });
        result
    }

    /// smoltcp's interface: routes, addresses and all its other settings.
    pub fn interface(&mut self) -> &mut Interface {
        &mut self.interface
    }

    /// How long a connection may hold a socket without being of use. Counts for what begins after
    /// this call.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = SocketTimeouts::new(timeouts);
    }

    /// The time of the poll that runs, or ran last.
    pub fn now(&self) -> greet_core::time::Instant {
        time::moment(self.now)
    }

    /// How many sockets of a listener listen right now.
    pub fn listening(&self, listener: &Listener) -> usize {
        self.entries
            .iter()
            .zip(self.set.iter())
            .filter(|(entry, (_, socket))| {
                entry.belongs_to(listener.index)
                    && matches!(entry.state, SocketState::Listening)
                    && tcp::Socket::downcast(socket).is_some_and(tcp::Socket::is_listening)
            })
            .count()
    }

    /// How many sockets can be connected right now.
    pub fn idle(&self) -> usize {
        self.entries
            .iter()
            .filter(|entry| matches!(entry.state, SocketState::Idle))
            .count()
    }

    /// The largest IP packet.
    pub(crate) fn mtu(&self) -> usize {
        self.filter.mtu
    }

    pub(crate) fn tcp(&mut self, slot: usize) -> Option<(&mut SocketEntry, &mut tcp::Socket<'a>)> {
        entry(self.entries, &mut self.set, slot)
    }

    pub(crate) fn udp(
        &mut self,
        slot: usize,
    ) -> (&Interface, Option<&mut udp::Socket<'a>>, &mut Pace) {
        (
            &self.interface,
            socket(&mut self.set, slot).and_then(udp::Socket::downcast_mut),
            &mut self.pace,
        )
    }

    /// The client who came first among those who wait at this listener.
    pub(crate) fn accept(&mut self, listener: usize) -> Option<Accepted<Connection>> {
        if !self.filter.listeners.get(listener)?.expecting {
            return None;
        }
        self.scan(After::Ingress);
        let (_, slot) = self.filter.listeners.get(listener)?.first?;
        let (entry, socket) = self.tcp(slot)?;
        let peer = socket.remote_endpoint()?;
        entry.state = SocketState::InUse { established: true };
        Some((Connection { slot }, peer.into()))
    }

    /// Whether a client waits at this listener whom nobody has accepted, or who finds no socket even
    /// when those are back that were released last.
    pub(crate) fn is_awaited(&mut self, listener: usize) -> bool {
        self.scan(After::Ingress);
        let on_their_way = self.entries.iter().filter(|entry| {
            entry.belongs_to(listener)
                && matches!(entry.state, SocketState::Closing { until }
                    if self.timeouts.is_recent(until, self.now))
        });
        self.filter
            .listeners
            .get(listener)
            .is_some_and(|entry| entry.first.is_some() || entry.waiting > on_their_way.count())
    }

    /// Half-closes the connection, and sets its socket aside until it can be used again.
    pub(crate) fn release(&mut self, slot: usize) {
        let until = self.now + self.timeouts.linger;
        if let Some((entry, socket)) = self.tcp(slot) {
            fate::release(entry, socket, until);
            self.closing = true;
        }
    }

    fn check(&self, protocol: Protocol, port: u16, sockets: usize) -> Result<(), SetupError> {
        if port == 0 {
            return Err(SetupError::PortZero);
        }
        if ports::in_use(protocol, port, &self.set) {
            return Err(SetupError::PortInUse);
        }
        self.room_for(sockets)
    }

    fn room_for(&self, sockets: usize) -> Result<(), SetupError> {
        if self.entries.len() - self.used < sockets {
            return Err(SetupError::NoSlot);
        }
        Ok(())
    }

    /// Adds sockets for which there is room.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn add_tcp<const N: usize, const RX: usize, const TX: usize>(
        &mut self,
        buffers: &'a mut TcpBuffers<N, RX, TX>,
        listener: Option<usize>,
    ) {
        for (receive, send) in buffers.receive.iter_mut().zip(&mut buffers.send) {
            let mut socket = tcp::Socket::new(
                tcp::SocketBuffer::new(&mut receive[..]),
                tcp::SocketBuffer::new(&mut send[..]),
            );
            // One exchange is one segment each way: nothing is gained by waiting for a second, and
            // an acknowledgment rides on the answer.
            socket.set_ack_delay(None);
            socket.set_nagle_enabled(false);
            if let Some(entry) = self.entries.get_mut(self.used) {
                entry.belong_to(listener);
                fate::reuse(entry, &mut socket, &mut self.filter.listeners);
                self.used += 1;
                self.set.add(socket);
            }
        }
    }
}

/// The entry and the TCP socket at the same place of both.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn entry<'n, 'a>(
    entries: &'n mut [SocketEntry],
    set: &'n mut SocketSet<'a>,
    index: usize,
) -> Option<(&'n mut SocketEntry, &'n mut tcp::Socket<'a>)> {
    let entry = entries.get_mut(index)?;
    Some((entry, tcp::Socket::downcast_mut(socket(set, index)?)?))
}

#[cfg_attr(target_pointer_width = "32", inline(never))]
fn socket<'n, 'a>(set: &'n mut SocketSet<'a>, index: usize) -> Option<&'n mut Socket<'a>> {
    set.iter_mut().nth(index).map(|(_, socket)| socket)
}

impl fmt::Debug for Net<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net")
            .field("sockets", &self.used)
            .field("addresses", &self.interface.ip_addrs())
            .finish_non_exhaustive()
    }
}
