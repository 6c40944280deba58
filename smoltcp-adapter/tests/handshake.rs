//! The listener at a handshake that the network disturbs.

use std::cell::Cell;

use greet_core::time::Instant;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant as Moment;
use smoltcp::wire::{IpAddress, IpCidr, Ipv4Packet, TcpPacket};
use smoltcp_sim::{Boot, Host, HostId, Link, LinkId, Network, Probability, Stack, Trace};

const SERVER: IpAddress = IpAddress::v4(10, 0, 0, 2);
const CLIENT: IpAddress = IpAddress::v4(10, 0, 0, 1);
const PORT: u16 = 8000;

/// A client, and a server with three sockets, no backlog, and the default timeouts.
struct Pair<'a> {
    network: Network<'a>,
    server: HostId,
    client: HostId,
    link: LinkId,
}

impl<'a> Pair<'a> {
    /// Sets `listening` to how many of the server's sockets listen. `back` leads from it to the
    /// client.
    fn new(listening: &'a Cell<usize>, back: Link) -> Self {
        let mut network = Network::new(1);
        network.record();
        let server = network
            .add(Host::new("server", IpCidr::new(SERVER, 24)))
            .unwrap();
        let client = network
            .add(Host::new("client", IpCidr::new(CLIENT, 24)))
            .unwrap();
        let link = network
            .link_with(client, server, Link::new(), back)
            .unwrap();
        network.boot_program(server, move |boot: Boot| {
            let slots = Box::leak(Box::new(SocketSlots::<3, 4>::new()));
            let buffers = Box::leak(Box::new(TcpBuffers::<3, 1024, 1031>::new()));
            let config = boot.config();
            let mut stack =
                greet_smoltcp::stack::Stack::new(boot.card, config, &boot.addresses, slots)
                    .unwrap();
            let listener = stack.net().listen(buffers, PORT).unwrap();
            move |now: Moment| {
                let now = Instant::from_micros(now.total_micros().unsigned_abs());
                let next = stack.poll(now, |_| Instant::NEVER);
                listening.set(stack.net().listening(&listener));
                let next = i64::try_from(next.as_micros()).ok()?;
                Some(Moment::from_micros(next))
            }
        });
        Self {
            network,
            server,
            client,
            link,
        }
    }

    /// A client that connects and says nothing. Sets `state` to its socket's.
    fn connect(&mut self, state: &'a Cell<State>) {
        self.network.boot(self.client, move |stack: &mut Stack| {
            let socket = connect(stack, 50_000);
            move |stack: &mut Stack, _| {
                state.set(stack.sockets.get_mut::<Socket<'_>>(socket).state());
                None
            }
        });
    }
}

fn connect(stack: &mut Stack, port: u16) -> SocketHandle {
    let buffer = || SocketBuffer::new(vec![0; 64]);
    let handle = stack.sockets.add(Socket::new(buffer(), buffer()));
    let socket = stack.sockets.get_mut::<Socket<'_>>(handle);
    socket
        .connect(stack.interface.context(), (SERVER, PORT), port)
        .unwrap();
    handle
}

/// So many milliseconds after the start.
fn at(millis: i64) -> Moment {
    Moment::from_millis(millis)
}

fn deaf() -> Link {
    Link::new().loss(Probability::ALWAYS)
}

/// When this host sent a segment, and its flags.
fn sent_by(host: HostId, trace: &Trace) -> Vec<(Moment, &'static str)> {
    let packets = trace.packets().filter(|packet| packet.from == host);
    packets
        .map(|packet| {
            let ip = Ipv4Packet::new_checked(packet.sent_bytes).unwrap();
            let tcp = TcpPacket::new_checked(ip.payload()).unwrap();
            let flags = match (tcp.syn(), tcp.ack(), tcp.rst()) {
                (true, false, false) => "SYN",
                (true, true, false) => "SYN ACK",
                (false, true, false) => "ACK",
                _ => "RST",
            };
            (packet.sent, flags)
        })
        .collect()
}

/// A client whose SYN was answered, but got no answer, repeats the SYN. It must not take a second
/// socket, whose answer would have another sequence number.
#[test]
fn a_repeated_syn_takes_no_second_socket() {
    let (listening, state) = (Cell::new(0), Cell::new(State::Closed));
    let mut pair = Pair::new(&listening, deaf());
    // The first gives up, so that an earlier socket listens when the second repeats its SYN.
    pair.network.boot(pair.client, |stack: &mut Stack| {
        let [first, second] = [50_000, 50_001].map(|port| connect(stack, port));
        let state = &state;
        move |stack: &mut Stack, now: Moment| {
            if now >= at(500) {
                stack.sockets.get_mut::<Socket<'_>>(first).abort();
            }
            state.set(stack.sockets.get_mut::<Socket<'_>>(second).state());
            (now < at(500)).then_some(at(500))
        }
    });
    let Pair { network, link, .. } = &mut pair;
    let link = *link;
    network.run_until(at(400));
    assert_eq!(listening.get(), 1, "two of three are at their handshakes");
    network.at(at(1500), move |network| network.change(link, &Link::new()));
    network.run_until(at(2500));
    assert_eq!(listening.get(), 2, "the second took another socket");
    network.run_until(at(4000));
    assert_eq!(state.get(), State::Established);
}

/// Nor does it wait for one, where none listens: its own handshake would give way to it.
#[test]
fn a_repeated_syn_does_not_wait_in_the_backlog() {
    let (listening, done) = (Cell::new(0), Cell::new(0));
    let mut pair = Pair::new(&listening, deaf());
    pair.network.boot(pair.client, |stack: &mut Stack| {
        let all = [50_000, 50_001, 50_002].map(|port| connect(stack, port));
        let done = &done;
        move |stack: &mut Stack, _: Moment| {
            let is_there =
                |handle: &_| stack.sockets.get::<Socket<'_>>(*handle).state() == State::Established;
            done.set(all.iter().filter(|handle| is_there(handle)).count());
            None
        }
    });
    let Pair { network, link, .. } = &mut pair;
    let link = *link;
    network.run_until(at(400));
    assert_eq!(listening.get(), 0, "all three are at their handshakes");
    network.at(at(900), move |network| network.change(link, &Link::new()));
    network.run_until(at(2500));
    assert_eq!(done.get(), 3);
    let trace = pair.network.trace().unwrap();
    let resets = |host| {
        sent_by(host, trace)
            .iter()
            .filter(|sent| sent.1 == "RST")
            .count()
    };
    assert_eq!((resets(pair.server), resets(pair.client)), (0, 0));
}

/// One whose SYN-ACKs come to nobody ends without a word.
#[test]
fn a_client_that_vanishes_after_its_syn_gives_its_socket_back() {
    let (listening, state) = (Cell::new(0), Cell::new(State::Closed));
    let mut pair = Pair::new(&listening, deaf());
    pair.connect(&state);
    let Pair { network, link, .. } = &mut pair;
    let link = *link;
    network.at(at(1), move |network| network.cut(link));
    network.run_until(at(4999));
    assert_eq!(listening.get(), 2);
    network.run_until(at(5000));
    assert_eq!(listening.get(), 3);
    network.run_until(at(20_000));
    let trace = pair.network.trace().unwrap();
    let syn_acks = [0, 1000, 3000].map(|time| (at(time), "SYN ACK"));
    assert_eq!(sent_by(pair.server, trace), syn_acks);
}

/// The time counts from the first SYN, or a client that repeats its SYN would keep the socket. When
/// it is over, a client who is still there isn't sent away: its next SYN begins anew.
#[test]
fn a_client_that_got_no_answer_within_the_timeout_connects_with_its_next_syn() {
    let (listening, state) = (Cell::new(0), Cell::new(State::Closed));
    let mut pair = Pair::new(&listening, deaf());
    pair.connect(&state);
    let Pair { network, link, .. } = &mut pair;
    let link = *link;
    network.at(at(4000), move |network| network.change(link, &Link::new()));
    network.run_until(at(4999));
    assert_eq!(listening.get(), 2);
    network.run_until(at(5000));
    assert_eq!(listening.get(), 3);
    network.run_until(at(8000));
    let trace = pair.network.trace().unwrap();
    let syns = [0, 1000, 3000, 7000].map(|time| (at(time), "SYN"));
    assert_eq!(sent_by(pair.client, trace)[..4], syns);
    assert_eq!(state.get(), State::Established);
    assert_eq!(listening.get(), 2);
}
