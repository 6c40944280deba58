//! The sockets of a stack: set up here, lent from here to listeners, streams and datagrams.
//!
//! [`Stack`](crate::stack::Stack) drives it step by step, and an application sees it in each poll.
//! It keeps the two tables, smoltcp's sockets and what each is for, in step.

use core::fmt;
use core::net::SocketAddr;

use greet_core::transport::Accepted;
use smoltcp::iface::{Config, Interface, PollIngressSingleResult, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::{AnySocket, Socket, tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{IpCidr, IpListenEndpoint};

use crate::address;
use crate::backlog::Backlog;
use crate::datagrams::Binding;
use crate::error::{ConnectError, SetupError};
use crate::gate::{Gate, Gated, Gates};
use crate::listener::Listener;
use crate::pace::{LONGEST, Pace, SHORTEST};
use crate::ports::{self, Ports, Protocol};
use crate::slot::{After, KEEP_ALIVE, OVERRUN, Patience, Role, Slot, Sweep, Timeouts};
use crate::storage::{SocketSlots, TcpBuffers, UdpBuffers, filled};
use crate::stream::Connection;
use crate::time::{self, NEVER};

/// So many listeners a stack can have.
pub const MAX_LISTENERS: usize = 4;

/// So many frames come in before the application runs, that a flood leaves time for other work.
pub(crate) const FRAMES: usize = 64;

/// The sockets of a stack, and the interface that they share.
// In this order, all but the interface is near the start, where a small processor's short
// instructions reach.
#[repr(C)]
pub struct Net<'a> {
    sweep: Sweep,
    used: usize,
    /// One for each socket of the set, in the same order; the rest are free.
    slots: &'a mut [Slot],
    set: SocketSet<'a>,
    ports: Ports,
    gates: Gates<'a>,
    interface: Interface,
}

/// The sockets of one call of [`Net::add_clients`].
#[derive(Debug)]
pub struct Clients {
    first: usize,
    count: usize,
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
            ports: Ports::new(config.random_seed),
            interface: Interface::new(config, device, Instant::ZERO),
            set: SocketSet::new(filled(storage.sockets.as_mut_view())),
            slots: &mut storage.slots,
            used: 0,
            sweep: const { Sweep::new(Timeouts::DEFAULT) },
            gates: Gates::new(capabilities, Backlog::new(&mut storage.parked)),
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
        let gate = self.gates.list.len();
        if self.gates.list.push(Gate::new(endpoint)).is_err() {
            return Err(SetupError::TooManyListeners);
        }
        self.add_tcp(buffers, number(gate));
        Ok(Listener { gate })
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
        self.add_tcp(buffers, 0);
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
        let peer = address::endpoint(peer).ok_or(ConnectError::Address)?;
        let (slot, _) = self
            .slots
            .iter()
            .enumerate()
            .skip(clients.first)
            .take(clients.count)
            .find(|(_, slot)| matches!(slot.role, Role::Idle))
            .ok_or(ConnectError::NoSocket)?;
        let port = self
            .ports
            .take(Protocol::Tcp, &self.set)
            .ok_or(ConnectError::NoPort)?;
        let (entry, socket, interface) = entry(self.slots, &mut self.set, slot)
            .map(|(entry, socket)| (entry, socket, &mut self.interface))
            .ok_or(ConnectError::NoSocket)?;
        socket
            .connect(interface.context(), peer, port)
            .map_err(|_| ConnectError::Address)?;
        entry.role = Role::Lent { established: false };
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
        self.gates.pace.given = true;
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
        self.sweep.patience = Patience::new(timeouts);
    }

    /// The time of the poll that runs, or ran last.
    pub fn now(&self) -> greet_core::time::Instant {
        time::moment(self.sweep.now)
    }

    /// How many sockets of a listener listen right now.
    pub fn listening(&self, listener: &Listener) -> usize {
        self.slots
            .iter()
            .zip(self.set.iter())
            .filter(|(slot, (_, socket))| {
                slot.gate == number(listener.gate)
                    && matches!(slot.role, Role::Listening)
                    && tcp::Socket::downcast(socket).is_some_and(tcp::Socket::is_listening)
            })
            .count()
    }

    /// How many sockets can be connected right now.
    pub fn idle(&self) -> usize {
        self.slots
            .iter()
            .filter(|slot| matches!(slot.role, Role::Idle))
            .count()
    }

    /// The largest IP packet.
    pub(crate) fn mtu(&self) -> usize {
        self.gates.mtu
    }

    pub(crate) fn tcp(&mut self, slot: usize) -> Option<(&mut Slot, &mut tcp::Socket<'a>)> {
        entry(self.slots, &mut self.set, slot)
    }

    pub(crate) fn udp(
        &mut self,
        slot: usize,
    ) -> (&Interface, Option<&mut udp::Socket<'a>>, &mut Pace) {
        (
            &self.interface,
            socket(&mut self.set, slot).and_then(udp::Socket::downcast_mut),
            &mut self.gates.pace,
        )
    }

    /// The client who came first among those who wait at this gate.
    pub(crate) fn accept(&mut self, gate: usize) -> Option<Accepted<Connection>> {
        if !self.gates.list.get(gate)?.expecting {
            return None;
        }
        self.sweep(After::Ingress);
        let (_, slot) = self.gates.list.get(gate)?.first?;
        let (entry, socket) = self.tcp(slot)?;
        let peer = socket.remote_endpoint()?;
        entry.role = Role::Lent { established: true };
        Some((Connection { slot }, peer.into()))
    }

    /// Whether a client waits at this gate whom nobody has accepted, or who finds no socket even
    /// when those are back that were released last.
    pub(crate) fn is_awaited(&mut self, gate: usize) -> bool {
        self.sweep(After::Ingress);
        let on_their_way = self.slots.iter().filter(|slot| {
            slot.gate == number(gate) && slot.is_on_its_way(&self.sweep.patience, self.sweep.now)
        });
        self.gates
            .list
            .get(gate)
            .is_some_and(|gate| gate.first.is_some() || gate.waiting > on_their_way.count())
    }

    /// Half-closes the connection, and sets its socket aside until it can be used again.
    pub(crate) fn release(&mut self, slot: usize) {
        let until = self.sweep.now + self.sweep.patience.linger;
        let Some((entry, socket)) = self.tcp(slot) else {
            return;
        };
        socket.close();
        socket.set_keep_alive(Some(KEEP_ALIVE));
        entry.role = Role::Closing { until };
        self.sweep.closing = true;
    }

    /// A poll begins.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.sweep.now = now;
        self.gates.pace.begin(self.used);
        self.gates.note(&self.interface);
        self.interface.poll_maintenance(now);
    }

    /// Whether a released socket isn't done yet.
    pub(crate) fn closing(&self) -> bool {
        self.sweep.closing
    }

    /// Takes frames from the device, up to [`FRAMES`], and says how many there were.
    pub(crate) fn ingress<D: Device>(&mut self, device: &mut D) -> usize {
        for taken in 0..FRAMES {
            let result = self.interface.poll_ingress_single(
                self.sweep.now,
                &mut Gated {
                    device,
                    gates: &mut self.gates,
                },
                &mut self.set,
            );
            if core::mem::take(&mut self.gates.passed) {
                self.sweep(After::Ingress);
                self.gates.mss = None;
                self.gates.note(&self.interface);
            }
            if result == PollIngressSingleResult::None {
                return taken;
            }
        }
        FRAMES
    }

    /// Gives frames to the device, at most one of each socket, and says whether there were any.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn egress<D: Device>(&mut self, device: &mut D) -> bool {
        let left = self.gates.pace.left();
        let mut gated = Gated {
            device,
            gates: &mut self.gates,
        };
        self.interface
            .poll_egress(self.sweep.now, &mut gated, &mut self.set);
        self.gates.pace.turned(left)
    }

    /// Whether a frame was held back that smoltcp would have sent.
    pub(crate) fn held(&self) -> bool {
        self.gates.pace.held
    }

    /// When to poll again at the latest, now that a frame was held back.
    #[cold]
    pub(crate) fn rest(&mut self) -> Instant {
        let (mut datagrams, mut owing) = (0, false);
        for (_, socket) in self.set.iter() {
            if let Some(socket) = udp::Socket::downcast(socket) {
                datagrams += socket.send_queue();
            } else if let Some(socket) = tcp::Socket::downcast(socket) {
                owing |= socket.send_queue() > 0;
            }
        }
        let pause = self.gates.pace.rest(datagrams, owing);
        if pause == LONGEST && self.sweep(After::Excess) {
            return self.sweep.now;
        }
        self.sweep.next.min(self.sweep.now + pause)
    }

    /// Makes a socket listen again if another one has the same client already.
    ///
    /// smoltcp gives a SYN to the first socket that takes it. When a client repeats its SYN, as the
    /// answer was lost or is slow, that may be one that listens, though another is at the handshake
    /// with this client. Both would answer, with different sequence numbers, and the client would
    /// reset both. The other repeats its own answer in time.
    fn forget_if_repeated(&mut self, slot: usize) {
        let Some((_, socket)) = entry(self.slots, &mut self.set, slot) else {
            return;
        };
        let ends = (socket.local_endpoint(), socket.remote_endpoint());
        let is_known = self.set.iter().enumerate().any(|(index, (_, socket))| {
            index != slot
                && tcp::Socket::downcast(socket).is_some_and(|socket| {
                    socket.is_open() && (socket.local_endpoint(), socket.remote_endpoint()) == ends
                })
        });
        if is_known {
            // It answers nothing any more. Most often nothing was sent yet, and no trace is left.
            self.reuse(slot);
        }
    }

    /// Makes a socket of a listener listen again at once.
    fn reuse(&mut self, slot: usize) {
        if let Some((entry, socket)) = entry(self.slots, &mut self.set, slot) {
            entry.reuse(socket, &mut self.gates);
        }
    }

    /// Looks at all sockets, and tells their gates. After an egress, moves them on towards their
    /// next connections.
    ///
    /// Returns whether there is more to send, or to do for the application.
    pub(crate) fn sweep(&mut self, after: After) -> bool {
        self.gates.begin_sweep(self.sweep.now);
        let sweep = &mut self.sweep;
        sweep.after = after;
        sweep.closing &= after == After::Ingress;
        sweep.moved = false;
        sweep.newest = None;
        sweep.oldest = None;
        sweep.next = NEVER;
        for (index, (_, socket)) in self.set.iter_mut().enumerate() {
            if let Some(slot) = self.slots.get_mut(index)
                && let Some(socket) = tcp::Socket::downcast_mut(socket)
            {
                slot.sweep(index, socket, &mut self.gates, sweep);
            }
        }
        if let Some(slot) = self.sweep.newest {
            self.forget_if_repeated(slot);
        }
        if let Some((since, slot)) = self.sweep.oldest {
            self.make_room(since + OVERRUN, slot);
        }
        self.sweep.moved
    }

    /// Lets the oldest handshake give way, once it is due, if more want to wait than can.
    #[cold]
    fn make_room(&mut self, due: Instant, slot: usize) {
        if !self.gates.is_overrun(self.sweep.now) {
            return;
        }
        if self.sweep.now < due {
            self.sweep.next = self.sweep.next.min(due);
        } else if let Some((entry, socket)) = entry(self.slots, &mut self.set, slot) {
            entry.give_way(socket, &mut self.gates);
        }
    }

    /// Whether a client of the backlog could be served now.
    pub(crate) fn clients_ready(&mut self) -> bool {
        self.gates.clients_ready(self.sweep.now)
    }

    /// When to poll again at the latest, now that nothing moves.
    pub(crate) fn timeout(&mut self, stuck: bool) -> Instant {
        let at = self
            .interface
            .poll_at(self.sweep.now, &self.set)
            .unwrap_or(NEVER);
        // At once: it has something to send, and the device doesn't take it.
        if stuck || at <= self.sweep.now {
            return self.sweep.next.min(self.sweep.now + SHORTEST);
        }
        self.sweep.next.min(at)
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
        if self.slots.len() - self.used < sockets {
            return Err(SetupError::NoSlot);
        }
        Ok(())
    }

    /// Adds sockets for which there is room.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn add_tcp<const N: usize, const RX: usize, const TX: usize>(
        &mut self,
        buffers: &'a mut TcpBuffers<N, RX, TX>,
        gate: u8,
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
            if let Some(slot) = self.slots.get_mut(self.used) {
                slot.gate = gate;
                slot.reuse(&mut socket, &mut self.gates);
                self.used += 1;
                self.set.add(socket);
            }
        }
    }
}

/// How slots name a gate.
#[expect(clippy::cast_possible_truncation, reason = "at most MAX_LISTENERS")]
const fn number(gate: usize) -> u8 {
    gate as u8 + 1
}

/// The slot and the TCP socket at the same place of both.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn entry<'n, 'a>(
    slots: &'n mut [Slot],
    set: &'n mut SocketSet<'a>,
    index: usize,
) -> Option<(&'n mut Slot, &'n mut tcp::Socket<'a>)> {
    let slot = slots.get_mut(index)?;
    Some((slot, tcp::Socket::downcast_mut(socket(set, index)?)?))
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
