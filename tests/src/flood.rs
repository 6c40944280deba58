//! Honest clients beside a flood: a server with few places behind one simulated link, hosts that
//! take places and don't use them, and clients who want to be greeted all the same.
//!
//! All in virtual time. What a flood leaves over is counted here, and judged by the test `flood`.

use core::cell::RefCell;
use core::fmt;
use core::time::Duration;
use std::net::SocketAddr;

use greet_core::client::Client;
use greet_core::limits::Limits;
use greet_core::request::{Answer, Request, RequestError};
use greet_core::server::Server;
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_smoltcp::net::Net;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use greet_smoltcp::stream::Connection;
use smoltcp::phy::{Device as _, RxToken as _};
use smoltcp::wire::{IpCidr, Ipv4Address, Ipv4Packet, TcpControl, TcpPacket, TcpRepr};
use smoltcp_sim::{Boot, Card, Host, HostId, Link, Network, Random};

use crate::lab::{leak, send_segment, send_syn};
use crate::moments;

/// Honest clients, how far apart they come, and how long each waits.
pub const CLIENTS: usize = 80;
const APART: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(30);

/// So long the flood has lasted when the first of them comes.
const BEFORE: Duration = Duration::from_secs(10);

/// The server's places, each with one socket, and its backlog.
const PLACES: usize = 4;
const BACKLOG: usize = 16;
const PORT: u16 = 8000;

const SERVER: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const HONEST: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
const SYNS: Ipv4Address = Ipv4Address::new(10, 0, 0, 3);
const SILENT: Ipv4Address = Ipv4Address::new(10, 0, 0, 4);

/// What the honest clients have to contend with.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    /// SYNs a second whose handshakes never end.
    pub syns: u32,
    /// Clients a second that connect, say nothing, and stay.
    pub silent: u32,
    /// All of them come in step, and not by chance.
    pub in_step: bool,
}

/// How the honest clients fared.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    /// How long each waited that was greeted, the shortest first.
    pub greeted: Vec<Duration>,
    /// How many came back, as they had to give way.
    pub returned: usize,
    /// What the others got.
    pub failed: Vec<String>,
}

/// Lets all honest clients come beside this flood, at one round-trip time.
///
/// # Panics
///
/// If the simulation refuses its plan, which doesn't depend on the arguments.
pub fn measure(flood: Flood, rtt: Duration, seed: u64) -> Fate {
    let fate = RefCell::new(Fate::default());
    let mut network = Network::new(seed);
    let [server, honest, syns, silent] = [
        ("server", SERVER),
        ("honest", HONEST),
        ("syns", SYNS),
        ("silent", SILENT),
    ]
    .map(|(name, address)| {
        let host = Host::new(name, IpCidr::new(address.into(), 24));
        network.add(host).expect("an address of its own")
    });
    for client in [honest, syns, silent] {
        let link = Link::new().latency(rtt / 2);
        network.link(server, client, link).expect("one link");
    }
    boot_server(&mut network, server);
    network.boot_program(honest, |boot| {
        let mut stack = stack::<CLIENTS>(boot);
        let buffers = leak(TcpBuffers::<CLIENTS, 1031, 64>::new());
        stack.net().add_clients(buffers).expect("slots");
        let mut crowd = Crowd::new(&fate);
        move |now| {
            let now = moments::core(now);
            let next = stack.poll(now, |net| crowd.poll(net, now));
            moments::simulated(next)
        }
    });
    for (host, address, per_second, answers) in [
        (syns, SYNS, flood.syns, false),
        (silent, SILENT, flood.silent, true),
    ] {
        network.boot_program(host, move |boot| {
            let mut arrivals = Arrivals::new(per_second, flood.in_step, boot.random);
            let mut card: Card = boot.card;
            let capabilities = card.capabilities();
            let mut port = u16::MAX;
            move |now| {
                while arrivals.come(moments::since_start(now)) {
                    port = port.checked_add(1).unwrap_or(1_024);
                    send_syn(&mut card, address.into(), SERVER.into(), port)
                        .expect("a card has room");
                }
                while let Some((frame, token)) = card.receive(smoltcp::time::Instant::ZERO) {
                    let heard = frame.consume(acknowledgment);
                    if let (true, Some(segment)) = (answers, heard) {
                        send_segment(
                            token,
                            &capabilities,
                            address.into(),
                            SERVER.into(),
                            &segment,
                        );
                    }
                }
                arrivals.next.map(moments::at)
            }
        });
    }
    let comers = APART * u32::try_from(CLIENTS).unwrap_or(u32::MAX);
    network.run_for(BEFORE + comers + PATIENCE);
    drop(network);
    let mut fate = fate.into_inner();
    fate.greeted.sort_unstable();
    fate
}

fn boot_server(network: &mut Network<'_>, host: HostId) {
    network.boot_program(host, |boot: Boot| {
        let config = boot.config();
        let slots = leak(SocketSlots::<PLACES, BACKLOG>::new());
        let mut stack = Stack::new(boot.card, config, &boot.addresses, slots).expect("it fits");
        let places = leak(TcpBuffers::<PLACES, 1025, 1031>::new());
        let listener = stack.net().listen(places, PORT).expect("slots");
        let mut server = Server::<_, PLACES>::new(Limits::DEFAULT);
        move |now| {
            let now = moments::core(now);
            let next = stack.poll(now, |net| server.poll(&mut listener.on(net), now, |_| ()));
            moments::simulated(next)
        }
    });
}

/// What a client that says nothing answers to a segment.
fn acknowledgment(packet: &[u8]) -> Option<TcpRepr<'static>> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    let heard = TcpPacket::new_checked(ip.payload()).ok()?;
    if heard.rst() || heard.segment_len() == 0 {
        return None;
    }
    Some(TcpRepr {
        src_port: heard.dst_port(),
        dst_port: heard.src_port(),
        control: TcpControl::None,
        seq_number: heard.ack_number(),
        ack_number: Some(heard.seq_number() + heard.segment_len()),
        window_len: 1024,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    })
}

fn stack<const SOCKETS: usize>(boot: Boot) -> Stack<'static, Card> {
    let config = boot.config();
    let slots = leak(SocketSlots::<SOCKETS, 0>::new());
    Stack::new(boot.card, config, &boot.addresses, slots).expect("it fits")
}

/// When the next of a flood comes.
struct Arrivals {
    next: Option<Duration>,
    /// The mean time between two.
    mean: Duration,
    in_step: bool,
    random: Random,
}

impl Arrivals {
    fn new(per_second: u32, in_step: bool, random: Random) -> Self {
        Self {
            next: (per_second > 0).then_some(Duration::ZERO),
            mean: Duration::from_secs(1) / per_second.max(1),
            in_step,
            random,
        }
    }

    /// Whether one more has come by now.
    fn come(&mut self, now: Duration) -> bool {
        let Some(next) = self.next.filter(|next| *next <= now) else {
            return false;
        };
        let gap = if self.in_step {
            self.mean
        } else {
            self.random.duration(2 * self.mean)
        };
        self.next = Some(next + gap);
        true
    }
}

/// The honest clients.
struct Crowd<'f> {
    came: usize,
    asking: Vec<Asking>,
    fate: &'f RefCell<Fate>,
}

struct Asking {
    since: Instant,
    has_returned: bool,
    connection: Connection,
    client: Client<Request<'static>>,
}

impl<'f> Crowd<'f> {
    fn new(fate: &'f RefCell<Fate>) -> Self {
        Self {
            came: 0,
            asking: Vec::new(),
            fate,
        }
    }

    fn poll(&mut self, net: &mut Net<'static>, now: Instant) -> Instant {
        while self.came < CLIENTS && self.arrival() <= now {
            self.came += 1;
            self.asking.push(Asking::new(net, now, false));
        }
        let mut due = if self.came < CLIENTS {
            self.arrival()
        } else {
            Instant::NEVER
        };
        let mut index = 0;
        while let Some(one) = self.asking.get_mut(index) {
            if one
                .client
                .poll(&mut one.connection.on(net), now)
                .is_pending()
            {
                due = due.min(one.client.due());
                index += 1;
                continue;
            }
            let one = self.asking.swap_remove(index);
            let returns = self.note(&one, now);
            one.connection.release(net);
            if returns {
                self.asking.push(Asking::new(net, one.since, true));
            }
        }
        due
    }

    fn arrival(&self) -> Instant {
        let before = APART * u32::try_from(self.came).unwrap_or(u32::MAX);
        Instant::START + BEFORE + before
    }

    /// Notes how it ended, and says whether the client comes back.
    fn note(&self, one: &Asking, now: Instant) -> bool {
        let mut fate = self.fate.borrow_mut();
        let answer = one.client.machine().answer();
        match answer {
            Some(Ok(Answer::Greeted)) => fate.greeted.push(now.since(one.since)),
            Some(Ok(answer)) if answer.is_crowded_out() && !one.has_returned => {
                fate.returned += 1;
                return true;
            }
            Some(Err(RequestError::TimedOut)) => fate.failed.push("in vain".to_owned()),
            other => fate.failed.push(format!("{other:?}")),
        }
        false
    }
}

impl Asking {
    fn new(net: &mut Net<'static>, since: Instant, has_returned: bool) -> Self {
        let server = SocketAddr::from((SERVER, PORT));
        let name = Text::new("World").expect("short");
        Self {
            since,
            has_returned,
            connection: net.connect(server).expect("an idle socket"),
            client: Client::new(Request::new(name, since + PATIENCE)),
        }
    }
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            syns,
            silent,
            in_step,
        } = self;
        let how = if *in_step { "in step" } else { "by chance" };
        write!(f, "{syns:>3} SYN/s, {silent} silent/s, {how}")
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |percent: usize| {
            let rank = (self.greeted.len() * percent).div_ceil(100).max(1);
            let time = self.greeted.get(rank - 1).copied().unwrap_or_default();
            format!("{} ms", time.as_millis())
        };
        write!(
            f,
            "{:>2} of {CLIENTS} greeted, median {}, slowest {}; {} came back; failed: {:?}",
            self.greeted.len(),
            at(50),
            at(100),
            self.returned,
            self.failed
        )
    }
}
