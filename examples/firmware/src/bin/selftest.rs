//! The board grades itself: the protocol's vectors, over smoltcp on a loopback without heap, on the
//! processor that will serve.
//!
//! No network is needed, and time is virtual: it jumps to whatever comes next. What was found goes
//! out through semihosting, to QEMU's console or the debugger's; QEMU's exit status is the result.
//! The vectors come from `tests/vectors` as a table that the build script writes.

#![no_std]
#![no_main]

use core::fmt::Write;
use core::net::{Ipv4Addr, SocketAddr};
use core::task::Poll;
use core::time::Duration;

use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hprintln;
use firmware::board;
use greet_core::limits::Limits;
use greet_core::receiver::{Event, Receiver};
use greet_core::server::Server;
use greet_core::time::Instant;
use greet_core::transport::{Datagrams, Local, Stream};
use greet_smoltcp::loopback::Loopback;
use greet_smoltcp::net::Net;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use greet_smoltcp::stream::Connection;
use smoltcp::iface::Config;
use smoltcp::phy::Medium;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use static_cell::StaticCell;

include!(concat!(env!("OUT_DIR"), "/vectors.rs"));

/// A case over TCP.
struct Name {
    id: &'static str,
    /// Each piece is a segment of its own,
    send: &'static [&'static [u8]],
    /// and they are so far apart.
    gap_ms: u64,
    /// FIN follows the last.
    fin: bool,
    /// All that comes back, up to FIN.
    reply: &'static [u8],
}

/// A case over UDP.
struct Message {
    id: &'static str,
    datagram: &'static [u8],
    expected: Expected,
}

/// What is made of a datagram.
enum Expected {
    Shown(&'static str),
    Refused(&'static str),
}

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const PORT: u16 = 8000;
/// Ethernet's frames for TCP, and room for a datagram of 8000 bytes, which the stack wouldn't send
/// in fragments.
const FRAME: usize = 1514;
const LONG_FRAME: usize = 8192;
/// Longer than any exchange may take.
const TOO_LONG: Duration = Duration::from_secs(30);

static SLOTS: StaticCell<SocketSlots<'static, 3, 0>> = StaticCell::new();
static MESSAGE_SLOTS: StaticCell<SocketSlots<'static, 2, 0>> = StaticCell::new();
static PLACES: StaticCell<TcpBuffers<2, 1025, 1031>> = StaticCell::new();
static CLIENT: StaticCell<TcpBuffers<1, 1031, 1024>> = StaticCell::new();
static INCOMING: StaticCell<UdpBuffers<2, LONG_FRAME, 0>> = StaticCell::new();
static OUTGOING: StaticCell<UdpBuffers<2, 0, LONG_FRAME>> = StaticCell::new();

#[entry]
fn main() -> ! {
    let failed = names() + messages();
    let cases = NAMES.len() + MESSAGES.len();
    let passed = cases - failed;
    hprintln!("{} of {} cases passed on the target", passed, cases);
    board::exit(if failed == 0 && cases > 0 {
        EXIT_SUCCESS
    } else {
        EXIT_FAILURE
    })
}

/// Runs the cases over TCP, and returns how many failed.
fn names() -> usize {
    let address = EthernetAddress([2, 0, 0, 0, 0, 1]);
    let mut stack = Stack::new(
        Loopback::<4, FRAME>::new(Medium::Ethernet),
        Config::new(address.into()),
        &[IpCidr::new(IpAddress::from(ADDRESS), 8)],
        SLOTS.init_with(SocketSlots::new),
    )
    .expect("the address fits the medium");
    let places = PLACES.init_with(TcpBuffers::new);
    let listener = stack.net().listen(places, PORT).expect("there are slots");
    let client = CLIENT.init_with(TcpBuffers::new);
    stack.net().add_clients(client).expect("there are slots");
    let mut server = Server::<_, 2>::new(Limits::DEFAULT);
    let mut now = Instant::START;

    NAMES
        .iter()
        .filter(|case| {
            let mut client = Client::new(case, now);
            let give_up = now + TOO_LONG;
            while (!client.done || server.clients() > 0) && now < give_up {
                let next = stack.poll(now, |net| {
                    let wake = server.poll(&mut listener.on(net), now, |_| ());
                    wake.min(client.poll(net, now))
                });
                now = next.min(give_up).max(now);
            }
            let good = client.verdict() && server.clients() == 0;
            report(
                "tcp",
                case.id,
                good,
                format_args!("{} right bytes", client.right),
            );
            !good
        })
        .count()
}

/// Sends a case's pieces, and compares what comes back.
struct Client {
    case: &'static Name,
    connection: Option<Connection>,
    /// Pieces that have left, and bytes of the next one.
    pieces: usize,
    sent: usize,
    next_piece: Instant,
    finished: bool,
    /// Bytes that have come, and how many of them were right.
    received: usize,
    right: usize,
    done: bool,
}

impl Client {
    fn new(case: &'static Name, now: Instant) -> Self {
        Self {
            case,
            connection: None,
            pieces: 0,
            sent: 0,
            next_piece: now,
            finished: false,
            received: 0,
            right: 0,
            done: false,
        }
    }

    fn verdict(&self) -> bool {
        let expected = self.case.reply.len();
        self.done && self.received == expected && self.right == expected
    }

    fn poll(&mut self, net: &mut Net<'_>, now: Instant) -> Instant {
        if self.done {
            return Instant::NEVER;
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            // The socket of the case before may still be closing.
            None => match net.connect(SocketAddr::from((ADDRESS, PORT))) {
                Ok(connection) => connection,
                Err(_) => return now + Duration::from_millis(1),
            },
        };
        let mut stream = connection.on(net);
        let next_piece = self.send(&mut stream, now);
        self.receive(&mut stream);
        if self.done {
            connection.release(net);
        } else {
            self.connection = Some(connection);
        }
        next_piece
    }

    fn send(&mut self, stream: &mut impl Stream, now: Instant) -> Instant {
        while let Some(piece) = self.case.send.get(self.pieces) {
            if now < self.next_piece {
                return self.next_piece;
            }
            match stream.send(&piece[self.sent..]) {
                Poll::Ready(Ok(n)) => self.sent += n,
                Poll::Ready(Err(_)) => self.done = true,
                Poll::Pending => {}
            }
            if self.sent < piece.len() {
                return Instant::NEVER;
            }
            self.pieces += 1;
            self.sent = 0;
            self.next_piece = now + Duration::from_millis(self.case.gap_ms);
        }
        if self.case.fin && !self.finished {
            self.finished = stream.finish().is_ready();
        }
        Instant::NEVER
    }

    fn receive(&mut self, stream: &mut impl Stream) {
        let mut bytes = [0; 256];
        while !self.done {
            match stream.receive(&mut bytes) {
                Poll::Ready(Ok(n @ 1..)) => {
                    let expected = self.case.reply.iter().skip(self.received);
                    let pairs = bytes.iter().take(n).zip(expected);
                    self.right += pairs.filter(|(got, want)| got == want).count();
                    self.received += n;
                }
                Poll::Ready(_) => self.done = true,
                Poll::Pending => return,
            }
        }
    }
}

/// Runs the cases over UDP, and returns how many failed.
fn messages() -> usize {
    let mut stack = Stack::new(
        Loopback::<2, LONG_FRAME>::new(Medium::Ip),
        Config::new(smoltcp::wire::HardwareAddress::Ip),
        &[IpCidr::new(IpAddress::from(ADDRESS), 8)],
        MESSAGE_SLOTS.init_with(SocketSlots::new),
    )
    .expect("the address fits the medium");
    let incoming = INCOMING.init_with(UdpBuffers::new);
    let incoming = stack.net().bind(incoming, PORT).expect("there are slots");
    let outgoing = OUTGOING.init_with(UdpBuffers::new);
    let outgoing = stack.net().bind(outgoing, 0).expect("there are slots");
    let mut receiver = Receiver::new();
    let now = Instant::START;

    MESSAGES
        .iter()
        .filter(|case| {
            let to = SocketAddr::from((ADDRESS, PORT));
            let sent = outgoing
                .on(stack.net())
                .send_to(case.datagram, to, Local::default());
            let (mut events, mut good) = (0, matches!(sent, Poll::Ready(Ok(()))));
            stack.poll(now, |net| {
                receiver.poll(&mut incoming.on(net), now, |event| {
                    events += 1;
                    good &= match (event, &case.expected) {
                        (Event::Message { text, .. }, Expected::Shown(shown)) => {
                            reads(format_args!("{text}"), shown)
                        }
                        (Event::Refused { why, .. }, Expected::Refused(sentence)) => {
                            reads(format_args!("{why}"), sentence)
                        }
                        _ => false,
                    };
                })
            });
            let good = good && events == 1;
            report("udp", case.id, good, format_args!("{events} events"));
            !good
        })
        .count()
}

/// Whether something is displayed as this.
fn reads(shown: core::fmt::Arguments<'_>, expected: &str) -> bool {
    struct Rest<'a>(Option<&'a str>);
    impl Write for Rest<'_> {
        fn write_str(&mut self, part: &str) -> core::fmt::Result {
            self.0 = self.0.and_then(|rest| rest.strip_prefix(part));
            Ok(())
        }
    }
    let mut rest = Rest(Some(expected));
    let _ = rest.write_fmt(shown);
    rest.0 == Some("")
}

fn report(transport: &str, name: &str, good: bool, found: core::fmt::Arguments<'_>) {
    if good {
        hprintln!("ok    {} {}", transport, name);
    } else {
        hprintln!("WRONG {} {}: {}", transport, name, found);
    }
}
