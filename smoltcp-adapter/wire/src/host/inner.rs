//! The stack of the second host, its sockets, and the frames that no socket would send.

use core::cell::RefCell;
use core::mem;
use core::net::SocketAddr;
use core::task::Poll;
use core::time::Duration;

use embedded_io::{Error as _, ErrorKind};
use greet_core::probe::{Dial, Mode, Need, StackError};
use greet_core::time::Instant;
use greet_core::transport::{Datagrams as _, Local};
use greet_smoltcp::datagrams::Binding;
use greet_smoltcp::net::Clients;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use greet_smoltcp::stream::Connection;
use smoltcp::iface::Config;
use smoltcp::phy::{Device, TxToken as _};
use smoltcp::wire::{HardwareAddress, IpAddress, IpEndpoint};
use smoltcp_sim::Impaired;

use super::{Own, Task};
use crate::cable::Cable;
use crate::error::Error;
use crate::frames::Frames;
use crate::moments;
use crate::neighbors::group_frame;
use crate::raw::{self, Hop};
use crate::shield::{Heard, Shield};
use crate::unreachable::Ends;
use crate::watch::Watch;

/// So many connections a host can hold.
pub const MOST_SLOTS: usize = 1000;

/// Sockets for connections that are closing still.
const SPARE: usize = 24;

/// So many sockets are made at once.
const CHUNK: usize = 8;

const FEW: usize = 64;
const MANY: usize = MOST_SLOTS + SPARE + CHUNK + SMALL + 1;

/// A window of so many bytes is small: the longest reply needs four of them. It is no smaller, as smoltcp
/// 0.14 doesn't look at window updates in LAST-ACK: there each window may cost a probe, after a second.
const WINDOW: usize = 300;
const SMALL: usize = 2;

/// The first port from which a handshake never ends; smoltcp's own begin beyond these.
const FIRST_DEAF: u16 = 20_000;

/// So long at most nobody looks whether to come to an end.
const SLICE: Duration = Duration::from_millis(50);

type Network<F> = Stack<'static, Shield<F>>;

/// What a host is made of.
pub(super) struct Inner<F> {
    pub(super) stack: Network<F>,
    pub(super) task: Task,
    plain: Vec<Clients>,
    small: Clients,
    outbox: Binding,
    pub(super) slots: Vec<Option<Connection>>,
    /// The port of the connection in each slot, or of the one that was there.
    ports: Vec<u16>,
    /// Nothing is waited for any more, and it is as late as whoever waits would like.
    late: Instant,
    /// How many frames were recorded when somebody looked at a connection last.
    pub(super) judged: usize,
    /// How many datagrams went in fragments.
    fragmented: u32,
    /// The first port of a handshake that wasn't ended yet.
    unfinished: u16,
}

impl<F: Frames> Inner<F> {
    pub(super) fn new(mut frames: F, task: Task) -> Result<Self, Error> {
        let Own { hardware, address } = task.own;
        let peers: Vec<_> = task
            .peers()
            .map(|peer| IpAddress::from(peer.ip()))
            .collect();
        if let Some(server) = peers.iter().find(|peer| !address.contains_addr(peer)) {
            return Err(Error::NotOnNetwork {
                server: (*server).into(),
                own: address.address().into(),
                prefix: address.prefix_len(),
            });
        }
        frames.listen_for(hardware.0)?;
        if let IpAddress::Ipv6(own) = address.address() {
            frames.listen_for(group_frame(own).0)?;
        }
        let cable = Cable::new(frames, hardware, address.address(), &peers);
        let link = &task.impairment.link;
        let seed = seed_of(&task);
        let mut impaired = Impaired::new(cable, seed)
            .outgoing(link.clone())
            .incoming(link.clone());
        impaired.record("tester", "server");
        let shield = Shield {
            link: impaired,
            heard: Heard {
                deaf: FIRST_DEAF..FIRST_DEAF,
                datagrams: None,
                is_refused: false,
            },
            watch: RefCell::new(Watch::new(task.impairment.is_untimely())),
        };
        let slots = task.slots.min(MOST_SLOTS);
        let chunks = (slots + SPARE).div_ceil(CHUNK);
        let mut stack = if chunks * CHUNK + SMALL < FEW {
            stack::<F, FEW>(shield, &task)?
        } else {
            stack::<F, MANY>(shield, &task)?
        };
        let net = stack.net();
        let plain =
            (0..chunks).map(|_| net.add_clients(leak(TcpBuffers::<CHUNK, 2048, 2048>::new())));
        let plain = plain.collect::<Result<_, _>>()?;
        let small = net.add_clients(leak(TcpBuffers::<SMALL, WINDOW, 2048>::new()))?;
        let outbox = net.bind(leak(UdpBuffers::<64, 72_000, 72_000>::new()), 0)?;
        let from = IpEndpoint::new(address.address(), outbox.port());
        let datagrams = task.udp.map(|to| Ends {
            from,
            to: to.into(),
        });
        stack.device().heard.datagrams = datagrams;
        Ok(Self {
            stack,
            task,
            plain,
            small,
            outbox,
            slots: (0..slots).map(|_| None).collect(),
            ports: vec![0; slots],
            late: Instant::START,
            judged: 0,
            fragmented: 0,
            unfinished: FIRST_DEAF,
        })
    }

    pub(super) fn link(&mut self) -> &mut Impaired<Cable<F>> {
        &mut self.stack.device().link
    }

    pub(super) fn cable(&mut self) -> &mut Cable<F> {
        self.link().get_mut()
    }

    pub(super) fn now(&mut self) -> Instant {
        let late = self.late;
        self.cable().frames.now().max(late)
    }

    fn poll(&mut self) -> Instant {
        let now = self.now();
        self.stack.poll(now, |_| Instant::NEVER)
    }

    /// The seed of what the link does.
    pub(super) fn seed(&self) -> u64 {
        seed_of(&self.task)
    }

    /// Whether nothing is waited for any more.
    pub(super) fn is_late(&mut self) -> bool {
        let late = self.late;
        late > self.cable().frames.now()
    }

    /// Why nothing is waited for any more.
    fn ended(&mut self) -> Option<&'static str> {
        if self.cable().failure.is_some() {
            Some("the cable carries no frames any more")
        } else if (self.task.interrupted)() {
            Some("interrupted")
        } else {
            None
        }
    }

    pub(super) fn wait(&mut self, until: Instant) {
        let before = self.cable().came;
        let next = self.poll();
        if self.ended().is_some() {
            self.late = self.late.max(until);
        }
        if self.late >= until || self.cable().came != before {
            return;
        }
        let on_the_link = self.link().poll_at().map_or(Instant::NEVER, moments::core);
        let slice = self.now() + SLICE;
        let until = until.min(next).min(on_the_link).min(slice);
        let cable = self.cable();
        if let Err(error) = cable.frames.wait(until) {
            cable.failure = Some(error);
        }
    }

    /// Notes that somebody looks at what came.
    pub(super) fn look(&mut self) {
        self.judged = self.link().trace().map_or(0, |trace| trace.packets().len());
    }

    pub(super) fn connect(
        &mut self,
        slot: usize,
        mode: Mode,
        dial: Dial,
    ) -> Result<(), StackError> {
        if let Some(why) = self.ended() {
            return Err(StackError::Lacks(why));
        }
        let server = self.task.server(mode).ok_or(ErrorKind::Unsupported)?;
        let place = self.slots.get_mut(slot).ok_or(ErrorKind::OutOfMemory)?;
        let groups = match dial {
            Dial::Plain => &self.plain[..],
            Dial::SmallWindow => core::slice::from_ref(&self.small),
        };
        let net = self.stack.net();
        let mut connected = groups
            .iter()
            .map(|clients| net.connect_with(clients, server));
        let Some(connection) = connected.find_map(Result::ok) else {
            return Err(StackError::Lacks("all sockets are closing still"));
        };
        if let Some(port) = self.ports.get_mut(slot) {
            *port = net.local_port(&connection).unwrap_or(0);
        }
        *place = Some(connection);
        self.look();
        Ok(())
    }

    pub(super) fn connect_again(&mut self, slot: usize, mode: Mode) -> Result<(), StackError> {
        if let Some(why) = self.ended() {
            return Err(StackError::Lacks(why));
        }
        let server = self.task.server(mode).ok_or(ErrorKind::Unsupported)?;
        let place = self.slots.get_mut(slot).ok_or(ErrorKind::OutOfMemory)?;
        let port = self.ports.get(slot).copied().unwrap_or_default();
        let net = self.stack.net();
        let mut connected = self
            .plain
            .iter()
            .map(|clients| net.connect_from(clients, server, port));
        let connection = connected.find_map(Result::ok);
        // The socket that had it may not be done yet.
        *place = Some(connection.ok_or(ErrorKind::AddrInUse)?);
        self.look();
        Ok(())
    }

    pub(super) fn close(&mut self, slot: usize) {
        if let Some(connection) = self.slots.get_mut(slot).and_then(Option::take) {
            self.poll(); // RST leaves
            connection.release(self.stack.net());
            self.poll();
        }
    }

    pub(super) fn unsupported(&self, need: Need) -> Option<&'static str> {
        match need {
            Need::Name if self.task.name.is_none() => {
                Some("only an address in lines mode was given")
            }
            Need::Lines if self.task.lines.is_none() => Some("no address in lines mode was given"),
            Need::Udp if self.task.udp.is_none() => Some("no UDP address was given"),
            Need::Timing if self.task.impairment.is_untimely() => {
                Some("on an impaired link frames come late, or not at all")
            }
            _ => None,
        }
    }

    /// The way to a server that has answered before.
    fn hop(&mut self, peer: SocketAddr) -> Result<Hop, StackError> {
        let from = self.task.own.hardware;
        let to = self.cable().hardware_of(peer.ip().into());
        let to = to.ok_or(StackError::Refused(ErrorKind::AddrNotAvailable))?;
        Ok(Hop { from, to })
    }

    fn mtu(&mut self) -> usize {
        self.stack.device().capabilities().ip_mtu()
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), StackError> {
        let now = moments::smoltcp(self.now());
        let token = self.stack.device().transmit(now);
        let token = token.ok_or(StackError::Lacks("the link is full"))?;
        token.consume(frame.len(), |room| room.copy_from_slice(frame));
        Ok(())
    }

    pub(super) fn half_open(&mut self, count: usize) -> Result<(), StackError> {
        let (mtu, server) = (self.mtu(), self.half_opened()?);
        let hop = self.hop(server)?;
        let own = self.task.own.address.address();
        for _ in 0..count {
            let deaf = &mut self.stack.device().heard.deaf;
            let port = deaf.end;
            deaf.end = port
                .checked_add(1)
                .filter(|end| *end < 49_152)
                .ok_or(StackError::Lacks("all ports were used"))?;
            let (from, seq) = (IpEndpoint::new(own, port), self.first_number(port));
            self.send(&raw::syn(hop, from, server.into(), seq, mtu))?;
        }
        Ok(())
    }

    /// Ends what [`half_open`](Self::half_open) has begun, as far as the link takes it.
    pub(super) fn end_half_open(&mut self) {
        let end = self.stack.device().heard.deaf.end;
        let begun = mem::replace(&mut self.unfinished, end);
        let own = self.task.own.address.address();
        let server = self.half_opened();
        let Some((server, hop)) = server
            .and_then(|server| Ok((server, self.hop(server)?)))
            .ok()
        else {
            return;
        };
        for port in begun..end {
            let seq = self.first_number(port).wrapping_add(1);
            let rst = raw::rst(hop, IpEndpoint::new(own, port), server.into(), seq);
            // Whoever doesn't get it gives the place back by itself.
            let _ = self.send(&rst);
        }
    }

    /// Where handshakes are begun that never end.
    fn half_opened(&self) -> Result<SocketAddr, StackError> {
        let server = self.task.name.or(self.task.lines);
        server.ok_or(ErrorKind::Unsupported.into())
    }

    /// The initial sequence number of such a handshake.
    fn first_number(&self, port: u16) -> u32 {
        let chance = self.task.chance ^ u64::from(port).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        u32::try_from(chance >> 32).unwrap_or_default()
    }

    pub(super) fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>> {
        let Some(receiver) = self.task.udp else {
            return Poll::Ready(Err(ErrorKind::Unsupported.into()));
        };
        if let Some(why) = self.ended() {
            return Poll::Ready(Err(StackError::Lacks(why)));
        }
        self.look();
        let headers = if receiver.is_ipv4() { 28 } else { 48 };
        if datagram.len() + headers > self.mtu() {
            return Poll::Ready(self.send_in_fragments(datagram, receiver));
        }
        self.outbox
            .on(self.stack.net())
            .send_to(datagram, receiver, Local::default())
            .map_err(|error| error.kind().into())
    }

    fn send_in_fragments(&mut self, datagram: &[u8], to: SocketAddr) -> Result<(), StackError> {
        let (hop, mtu) = (self.hop(to)?, self.mtu());
        let own = self.task.own.address.address();
        let from = IpEndpoint::new(own, self.outbox.port());
        self.fragmented = self.fragmented.wrapping_add(1);
        for frame in raw::fragments(hop, from, to.into(), datagram, self.fragmented, mtu) {
            self.send(&frame)?;
        }
        Ok(())
    }

    pub(super) fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        self.look();
        loop {
            let received = self.outbox.on(self.stack.net()).receive_from(buffer);
            match received {
                // From somebody else.
                Poll::Ready(Ok(datagram)) if Some(datagram.from) != self.task.udp => {}
                Poll::Pending if mem::take(&mut self.stack.device().heard.is_refused) => {
                    return Poll::Ready(Err(ErrorKind::ConnectionRefused));
                }
                other => {
                    return other
                        .map_ok(|datagram| datagram.len)
                        .map_err(|error| error.kind());
                }
            }
        }
    }
}

fn seed_of(task: &Task) -> u64 {
    task.impairment.seed.unwrap_or(task.chance)
}

/// Memory for a stack, until the process ends.
fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

fn stack<F: Frames, const SOCKETS: usize>(
    device: Shield<F>,
    task: &Task,
) -> Result<Network<F>, Error> {
    let mut config = Config::new(HardwareAddress::Ethernet(task.own.hardware));
    config.random_seed = task.chance;
    let slots = leak(SocketSlots::<SOCKETS, 0>::new());
    Ok(Stack::new(device, config, &[task.own.address], slots)?)
}
