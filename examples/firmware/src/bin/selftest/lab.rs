//! The firmware's servers and responder, and the probe's sockets, on one stack over a loopback.
//!
//! The server has the places, the buffers and the backlog of the greet image. Time is virtual: it
//! stands still while frames move, then it jumps to what is due next. What is asked, and what is due
//! then, may never enter.

use core::net::SocketAddr;
use core::task::{Poll, ready};

use firmware::board::{ADDRESS, LINES_PORT, PORTS};
use firmware::network::{
    self, BACKLOG, DATAGRAMS, MESSAGES, NAME, PLACES, REPLIES, REPLY, SOURCES,
};
use greet_core::embedded_io::{Error as _, ErrorKind};
use greet_core::limits::Limits;
use greet_core::lines::Lines;
use greet_core::probe::{Dial, Mode, Need, ProbeStack, StackError};
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::server::Server;
use greet_core::time::Instant;
use greet_core::transport::{Datagrams as _, Local};
use greet_smoltcp::datagrams::Binding;
use greet_smoltcp::listener::Listener;
use greet_smoltcp::loopback::Loopback;
use greet_smoltcp::net::Clients;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use greet_smoltcp::stream::{Connection, Stream};
use smoltcp::iface::Config;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, TxToken as _};
use smoltcp::time;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpAddress, IpProtocol, IpRepr,
    Ipv4Address, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};
use static_cell::ConstStaticCell;

/// The longest datagram of a check.
pub(crate) const LONGEST: usize = 8000;
/// The stack wouldn't send it in fragments: Ethernet's header, IP's and UDP's go with it.
const FRAME: usize = 14 + 20 + 8 + LONGEST;

/// One more connection than the server has places.
const SLOTS: usize = PLACES + 1;
/// A window of so many bytes is tiny: the longest reply needs four of them. Tinier ones may cost a
/// probe each, as smoltcp 0.14 doesn't look at window updates in LAST-ACK.
const WINDOW: usize = 300;
/// The servers', the tester's, one of them with a tiny window, and UDP's two.
const SOCKETS: usize = 2 * PLACES + SLOTS + 1 + 2;

const HARDWARE: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
/// Nobody has this address, so nobody answers what is sent there.
const NOBODY: Ipv4Address = {
    let [a, b, c, _] = ADDRESS.0;
    Ipv4Address::new(a, b, c, 99)
};

/// All zeros at first, so it takes no flash.
struct Memory {
    slots: SocketSlots<'static, SOCKETS, BACKLOG>,
    places: TcpBuffers<PLACES, NAME, REPLY>,
    line_places: TcpBuffers<PLACES, NAME, REPLY>,
    inbox: UdpBuffers<DATAGRAMS, MESSAGES, REPLIES>,
    server: Server<Connection, PLACES>,
    lines: Server<Connection, PLACES, Lines>,
    responder: Responder<SOURCES>,
    plain: TcpBuffers<SLOTS, REPLY, NAME>,
    small: TcpBuffers<1, WINDOW, NAME>,
    outbox: UdpBuffers<DATAGRAMS, { 2 * REPLY }, LONGEST>,
    ring: Ring,
}

static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory {
    slots: SocketSlots::new(),
    places: TcpBuffers::new(),
    line_places: TcpBuffers::new(),
    inbox: UdpBuffers::new(),
    server: Server::new(Limits::DEFAULT),
    lines: Server::serving(Limits::DEFAULT),
    responder: Responder::new(REPLIES_PER_SECOND),
    plain: TcpBuffers::new(),
    small: TcpBuffers::new(),
    outbox: UdpBuffers::new(),
    ring: Ring::new(Medium::Ethernet),
});

type Ring = Loopback<4, FRAME>;

/// The ring, in its static memory: a small board's stack has no room for it.
struct Wire {
    ring: &'static mut Ring,
    /// How many frames have come.
    frames: usize,
}

impl Device for Wire {
    type RxToken<'t> = <Ring as Device>::RxToken<'t>;
    type TxToken<'t> = <Ring as Device>::TxToken<'t>;

    fn receive(&mut self, now: time::Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let frame = self.ring.receive(now)?;
        self.frames = self.frames.wrapping_add(1);
        Some(frame)
    }

    fn transmit(&mut self, now: time::Instant) -> Option<Self::TxToken<'_>> {
        self.ring.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.ring.capabilities()
    }
}

/// A board that grades itself.
pub(crate) struct Lab {
    stack: Stack<'static, Wire>,
    now: Instant,
    // The subject.
    listener: Listener,
    server: &'static mut Server<Connection, PLACES>,
    lines_listener: Listener,
    lines: &'static mut Server<Connection, PLACES, Lines>,
    inbox: Binding,
    responder: &'static mut Responder<SOURCES>,
    // The tester.
    plain: Clients,
    small: Clients,
    slots: [Option<Connection>; SLOTS],
    outbox: Binding,
}

impl Lab {
    /// Sets all up. Once only: its memory is static.
    pub(crate) fn take() -> Self {
        let memory = MEMORY.take();
        let device = Wire {
            ring: &mut memory.ring,
            frames: 0,
        };
        let address = network::address().into();
        let config = Config::new(HARDWARE.into());
        let mut stack =
            Stack::new(device, config, &[address], &mut memory.slots).expect("it fits the medium");
        let net = stack.net();
        Self {
            listener: net.listen(&mut memory.places, PORTS.0).expect("room"),
            lines_listener: net
                .listen(&mut memory.line_places, LINES_PORT)
                .expect("room"),
            inbox: net.bind(&mut memory.inbox, PORTS.1).expect("room"),
            plain: net.add_clients(&mut memory.plain).expect("room"),
            small: net.add_clients(&mut memory.small).expect("room"),
            outbox: net.bind(&mut memory.outbox, 0).expect("room"),
            server: &mut memory.server,
            lines: &mut memory.lines,
            responder: &mut memory.responder,
            slots: [const { None }; SLOTS],
            now: Instant::START,
            stack,
        }
    }

    fn poll(&mut self) -> Instant {
        let Self {
            stack,
            listener,
            server,
            lines_listener,
            lines,
            inbox,
            responder,
            now,
            ..
        } = self;
        stack.poll(*now, |net| {
            let due = server.poll(&mut listener.on(net), *now, |_| {});
            let due = due.min(lines.poll(&mut lines_listener.on(net), *now, |_| {}));
            due.min(responder.poll(&mut inbox.on(net), *now, |_| {}))
        })
    }
}

impl ProbeStack for Lab {
    type Stream<'a> = Stream<'a, 'static>;

    fn now(&mut self) -> Instant {
        self.now
    }

    fn wait(&mut self, until: Instant) {
        let before = self.stack.device().frames;
        let next = self.poll();
        if self.stack.device().frames == before {
            self.now = self.now.max(next.min(until));
        }
    }

    fn slots(&self) -> usize {
        SLOTS
    }

    fn connect(&mut self, slot: usize, mode: Mode, dial: Dial) -> Result<(), StackError> {
        let place = self.slots.get_mut(slot).ok_or(ErrorKind::OutOfMemory)?;
        let clients = match dial {
            Dial::Plain => &self.plain,
            Dial::SmallWindow => &self.small,
        };
        let port = match mode {
            Mode::Name => PORTS.0,
            Mode::Lines => LINES_PORT,
        };
        let server = SocketAddr::from((ADDRESS.0, port));
        let connected = self.stack.net().connect_with(clients, server);
        *place = Some(connected.map_err(|_| ErrorKind::OutOfMemory)?);
        Ok(())
    }

    fn stream(&mut self, slot: usize) -> Option<Stream<'_, 'static>> {
        let connection = self.slots.get(slot)?.as_ref()?;
        Some(connection.on(self.stack.net()))
    }

    fn close(&mut self, slot: usize) {
        if let Some(connection) = self.slots.get_mut(slot).and_then(Option::take) {
            self.poll(); // RST leaves
            connection.release(self.stack.net());
            self.poll();
        }
    }

    fn unsupported(&self, _: Need) -> Option<&'static str> {
        None
    }

    fn half_open(&mut self, count: usize) -> Result<(), StackError> {
        for port in (20_000..).take(count) {
            send_syn(self.stack.device(), port)?;
            self.poll();
        }
        Ok(())
    }

    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>> {
        let receiver = SocketAddr::from((ADDRESS.0, PORTS.1));
        self.outbox
            .on(self.stack.net())
            .send_to(datagram, receiver, Local::default())
            .map_err(|error| error.kind().into())
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        let came = self.outbox.on(self.stack.net()).receive_from(buffer);
        let datagram = ready!(came.map_err(|error| error.kind()))?;
        let receiver = SocketAddr::from((ADDRESS.0, PORTS.1));
        assert_eq!(datagram.from, receiver, "somebody else answered");
        Poll::Ready(Ok(datagram.len))
    }
}

/// Puts a SYN of nobody's on the wire.
fn send_syn(device: &mut impl Device, port: u16) -> Result<(), ErrorKind> {
    let [from, to] = [NOBODY, network::address().address()].map(IpAddress::from);
    let tcp = TcpRepr {
        src_port: port,
        dst_port: PORTS.0,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(i32::from(port)),
        ack_number: None,
        window_len: 1024,
        window_scale: None,
        max_seg_size: Some(1460),
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let ip = IpRepr::new(from, to, IpProtocol::Tcp, tcp.buffer_len(), 64);
    let ethernet = EthernetRepr {
        src_addr: HARDWARE,
        dst_addr: HARDWARE,
        ethertype: EthernetProtocol::Ipv4,
    };
    let checksums = device.capabilities().checksum;
    let token = device
        .transmit(time::Instant::ZERO)
        .ok_or(ErrorKind::OutOfMemory)?;
    token.consume(ethernet.buffer_len() + ip.buffer_len(), |frame| {
        let mut frame = EthernetFrame::new_unchecked(frame);
        ethernet.emit(&mut frame);
        let packet = frame.payload_mut();
        ip.emit(&mut *packet, &checksums);
        let mut segment = TcpPacket::new_unchecked(&mut packet[ip.header_len()..]);
        tcp.emit(&mut segment, &from, &to, &checksums);
    });
    Ok(())
}
