//! Whatever comes, a stack sends no more than its share, gets over it, and greets on.
//!
//! The frames are made of well-formed pieces around what the stack has really sent, so that they
//! reach the states behind a handshake; and of noise.

mod support;

use std::task::Poll;
use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::server::Server;
use greet_core::time::Instant;
use greet_core::transport::{Datagram, Datagrams, Stream};
use greet_smoltcp::datagrams::Binding;
use greet_smoltcp::listener::Listener;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use greet_smoltcp::stream::Connection;
use proptest::collection::vec;
use proptest::prelude::*;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv4Packet, Icmpv4Repr, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl,
    TcpPacket, TcpRepr, TcpSeqNumber, UdpPacket, UdpRepr,
};
use support::peer::{HOST, PEER, Tap};
use support::{Path, SECOND, leak};

const PEERS_CARD: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
const PLACES: usize = 2;
const CLIENTS: usize = 2;
const SOCKETS: usize = PLACES + CLIENTS + 1;

/// What happens to a stack.
#[derive(Clone, Debug)]
enum Event {
    /// A segment of one of a few flows.
    Segment(usize, Segment),
    /// A handshake and a name, so that more is reached.
    Greeting(usize, Segment),
    Datagram(Vec<u8>),
    Ping(Vec<u8>),
    ArpRequest,
    Noise(Vec<u8>),
    /// A segment with bytes changed, at these places.
    Damaged(usize, Segment, Vec<(usize, u8)>),
    Connect,
    Finish(usize),
    Release(usize),
    Pass(Duration),
}

/// A segment, around what the flow expects.
#[derive(Clone, Debug)]
struct Segment {
    control: TcpControl,
    seq: i32,
    ack: Option<i32>,
    window: u16,
    mss: Option<u16>,
    payload: Vec<u8>,
}

/// One flow as its peer sees it.
#[derive(Clone, Copy)]
struct Flow {
    host: u16,
    peer: u16,
    /// What the host expects next, and the end of what it has sent.
    seq: TcpSeqNumber,
    ack: Option<TcpSeqNumber>,
}

/// A server, clients and a socket for datagrams, on a wire.
struct World {
    stack: Stack<'static, Tap>,
    listener: Listener,
    server: Server<Connection, PLACES>,
    binding: Binding,
    clients: Vec<Connection>,
    flows: Vec<Flow>,
    now: Instant,
    next: Instant,
}

impl World {
    fn new(is_ethernet: bool) -> Self {
        let path = Path::ALL[if is_ethernet { 2 } else { 0 }];
        let tap = Tap {
            is_ethernet,
            ..Tap::default()
        };
        let mut stack = path.stack_on(tap, leak(SocketSlots::<SOCKETS, 2>::new()));
        let net = stack.net();
        let places = leak(TcpBuffers::<PLACES, 1024, 1031>::new());
        let listener = net.listen(places, 8000).expect("room");
        let clients = leak(TcpBuffers::<CLIENTS, 64, 1024>::new());
        net.add_clients(clients).expect("room");
        let messages = leak(UdpBuffers::<4, 256, 256>::new());
        let binding = net.bind(messages, 8001).expect("room");
        let flow = |peer| Flow {
            host: 8000,
            peer,
            seq: TcpSeqNumber(1_000),
            ack: None,
        };
        Self {
            stack,
            listener,
            server: Server::new(Limits::DEFAULT),
            binding,
            clients: Vec::new(),
            flows: vec![flow(10_000), flow(10_001)],
            now: Instant::START,
            next: Instant::NEVER,
        }
    }

    /// One poll, which must keep to its share. Says how many frames left.
    fn poll(&mut self) -> usize {
        let came = self.stack.device().incoming.len();
        let Self {
            stack,
            listener,
            server,
            binding,
            now,
            ..
        } = self;
        self.next = stack.poll(*now, |net| {
            let mut message = [0; 256];
            let mut datagrams = binding.on(net);
            while let Poll::Ready(Ok(Datagram { len, from, local })) =
                datagrams.receive_from(&mut message)
            {
                let _ = datagrams.send_to(&message[..len], from, local);
            }
            server.poll(&mut listener.on(net), *now, |_| ())
        });
        let came = came - stack.device().incoming.len();
        let sent = std::mem::take(&mut stack.device().outgoing);
        assert!(
            sent.len() <= 4 * came + 2 * SOCKETS,
            "{} frames for {came} at {now:?}",
            sent.len()
        );
        for frame in &sent {
            self.hear(frame);
        }
        sent.len()
    }

    /// Learns what a flow's host has sent, and expects.
    fn hear(&mut self, frame: &[u8]) {
        let ethernet = self.stack.device().is_ethernet;
        let packet = &frame[if ethernet { 14 } else { 0 }..];
        let Ok(ip) = Ipv4Packet::new_checked(packet) else {
            return; // ARP
        };
        if ip.next_header() != IpProtocol::Tcp {
            return;
        }
        let tcp = TcpPacket::new_checked(ip.payload()).expect("TCP");
        let end = tcp.seq_number() + tcp.segment_len();
        let flow = self
            .flows
            .iter_mut()
            .find(|flow| (flow.host, flow.peer) == (tcp.src_port(), tcp.dst_port()));
        match flow {
            Some(flow) if tcp.syn() => flow.ack = Some(end),
            Some(flow) => flow.ack = Some(flow.ack.map_or(end, |ack| ack.max(end))),
            None => self.flows.push(Flow {
                host: tcp.src_port(),
                peer: tcp.dst_port(),
                seq: TcpSeqNumber(1_000),
                ack: Some(end),
            }),
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Segment(flow, segment) => self.segment(*flow, segment, &[]),
            Event::Damaged(flow, segment, damage) => self.segment(*flow, segment, damage),
            Event::Greeting(flow, last) => {
                let flow = flow % self.flows.len();
                self.flows[flow].ack = None;
                let [syn, ack, name] = [
                    (TcpControl::Syn, None, &b""[..]),
                    (TcpControl::None, Some(0), b""),
                    (TcpControl::Psh, Some(0), b"World"),
                ]
                .map(|(control, ack, payload)| Segment {
                    control,
                    ack,
                    payload: payload.to_vec(),
                    ..last.clone()
                });
                for segment in [&syn, &ack, &name] {
                    let exact = Segment {
                        seq: 0,
                        window: 1_024,
                        ..segment.clone()
                    };
                    self.segment(flow, &exact, &[]);
                    self.poll();
                }
                self.segment(flow, last, &[]);
            }
            Event::Datagram(payload) => self.datagram(payload),
            Event::Ping(data) => self.ping(data),
            Event::ArpRequest => self.arp_request(),
            Event::Noise(bytes) => self.stack.device().incoming.push_back(bytes.clone()),
            Event::Connect => {
                let server = (PEER, 9).into();
                self.clients.extend(self.stack.net().connect(server).ok());
            }
            Event::Finish(client) => {
                if let Some(client) = self.clients.get(*client) {
                    let mut stream = client.on(self.stack.net());
                    let _ = stream.send(b"World");
                    let _ = stream.finish();
                }
            }
            Event::Release(client) => {
                if *client < self.clients.len() {
                    self.clients.remove(*client).release(self.stack.net());
                }
            }
            Event::Pass(time) => {
                self.pass(self.now + *time);
            }
        }
        self.poll();
    }

    /// Polls whenever the stack asks for it, and says how many frames left.
    fn pass(&mut self, until: Instant) -> usize {
        let mut sent = 0;
        let mut at_this_time = 0;
        loop {
            sent += self.poll();
            let next = self.next;
            if next > until {
                break;
            }
            at_this_time = if next == self.now {
                at_this_time + 1
            } else {
                0
            };
            assert!(at_this_time < 10, "it spins at {next:?}");
            self.now = next;
        }
        self.now = until;
        sent
    }

    fn segment(&mut self, flow: usize, segment: &Segment, damage: &[(usize, u8)]) {
        let count = self.flows.len();
        let flow = &mut self.flows[flow % count];
        let near = |number: TcpSeqNumber, offset| TcpSeqNumber(number.0.wrapping_add(offset));
        let tcp = TcpRepr {
            src_port: flow.peer,
            dst_port: flow.host,
            control: segment.control,
            seq_number: near(flow.seq, segment.seq),
            ack_number: segment.ack.and_then(|ack| Some(near(flow.ack?, ack))),
            window_len: segment.window,
            window_scale: None,
            max_seg_size: segment.mss,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: &segment.payload,
        };
        if segment.seq == 0 && damage.is_empty() {
            flow.seq += tcp.segment_len();
        }
        let mut bytes = vec![0; tcp.buffer_len()];
        tcp.emit(
            &mut TcpPacket::new_unchecked(&mut bytes),
            &PEER.into(),
            &HOST.into(),
            &ChecksumCapabilities::default(),
        );
        self.packet(IpProtocol::Tcp, &bytes, damage);
    }

    fn datagram(&mut self, payload: &[u8]) {
        let udp = UdpRepr {
            src_port: 9,
            dst_port: 8001,
        };
        let mut bytes = vec![0; udp.header_len() + payload.len()];
        udp.emit(
            &mut UdpPacket::new_unchecked(&mut bytes),
            &PEER.into(),
            &HOST.into(),
            payload.len(),
            |to| to.copy_from_slice(payload),
            &ChecksumCapabilities::default(),
        );
        self.packet(IpProtocol::Udp, &bytes, &[]);
    }

    fn ping(&mut self, data: &[u8]) {
        let icmp = Icmpv4Repr::EchoRequest {
            ident: 1,
            seq_no: 1,
            data,
        };
        let mut bytes = vec![0; icmp.buffer_len()];
        icmp.emit(
            &mut Icmpv4Packet::new_unchecked(&mut bytes),
            &ChecksumCapabilities::default(),
        );
        self.packet(IpProtocol::Icmp, &bytes, &[]);
    }

    fn packet(&mut self, protocol: IpProtocol, payload: &[u8], damage: &[(usize, u8)]) {
        let ip = Ipv4Repr {
            src_addr: PEER,
            dst_addr: HOST,
            next_header: protocol,
            payload_len: payload.len(),
            hop_limit: 64,
        };
        let mut bytes = vec![0; ip.buffer_len()];
        ip.emit(
            &mut Ipv4Packet::new_unchecked(&mut bytes),
            &ChecksumCapabilities::default(),
        );
        bytes.extend(payload);
        for (at, byte) in damage {
            let at = at % bytes.len();
            bytes[at] ^= byte;
        }
        if self.stack.device().is_ethernet {
            self.ethernet(EthernetProtocol::Ipv4, &bytes);
        } else {
            self.stack.device().incoming.push_back(bytes);
        }
    }

    fn arp_request(&mut self) {
        let arp = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: PEERS_CARD,
            source_protocol_addr: PEER,
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: HOST,
        };
        let mut bytes = vec![0; arp.buffer_len()];
        arp.emit(&mut ArpPacket::new_unchecked(&mut bytes));
        self.ethernet(EthernetProtocol::Arp, &bytes);
    }

    fn ethernet(&mut self, ethertype: EthernetProtocol, payload: &[u8]) {
        let ethernet = EthernetRepr {
            src_addr: PEERS_CARD,
            dst_addr: EthernetAddress([2, 0, 0, 0, 0, 1]),
            ethertype,
        };
        let mut bytes = vec![0; ethernet.buffer_len()];
        ethernet.emit(&mut EthernetFrame::new_unchecked(&mut bytes));
        bytes.extend(payload);
        self.stack.device().incoming.push_back(bytes);
    }

    /// It gets over it: it falls silent, and greets.
    fn is_whole(&mut self) {
        for client in std::mem::take(&mut self.clients) {
            client.release(self.stack.net());
        }
        self.arp_request(); // else a datagram waits for ever to be answered
        let sent = self.pass(self.now + 60 * SECOND);
        assert!(sent <= 20 * SOCKETS, "{sent} frames in an idle minute");
        assert_eq!(self.pass(self.now + 600 * SECOND), 0, "it never rests");
        assert_eq!(self.stack.net().listening(&self.listener), PLACES);
        assert_eq!(self.stack.net().idle(), CLIENTS);

        let greeted = self.server.tally().greeted;
        self.arp_request();
        let fin = Segment {
            control: TcpControl::Fin,
            seq: 0,
            ack: Some(0),
            window: 1_024,
            mss: None,
            payload: Vec::new(),
        };
        self.happen(&Event::Greeting(0, fin));
        assert_eq!(self.server.tally().greeted, greeted + 1);
    }
}

fn segments() -> impl Strategy<Value = Segment> {
    use TcpControl::{Fin, None as Nothing, Psh, Rst, Syn};
    let controls = prop::sample::select(vec![
        Nothing, Nothing, Nothing, Nothing, Psh, Psh, Fin, Fin, Syn, Rst,
    ]);
    let acks = prop_oneof![
        8 => (-20..=0).prop_map(Some),
        8 => Just(Some(0)),
        1 => any::<i32>().prop_map(Some),
        1 => Just(None),
    ];
    let seqs = prop_oneof![8 => Just(0), 2 => -3..=3, 1 => any::<i32>()];
    let windows = prop_oneof![4 => Just(0), 1 => 1..64_u16, 2 => Just(u16::MAX)];
    let sizes = prop_oneof![3 => Just(None), 1 => (0..100_u16).prop_map(Some)];
    let payloads = prop_oneof![3 => Just(Vec::new()), 1 => vec(any::<u8>(), 1..20)];
    (controls, seqs, acks, windows, sizes, payloads).prop_map(
        |(control, seq, ack, window, mss, payload)| Segment {
            control,
            seq,
            ack,
            window,
            mss,
            payload,
        },
    )
}

fn events() -> impl Strategy<Value = Event> {
    let damage = vec((any::<usize>(), any::<u8>()), 1..4);
    let noise = vec(any::<u8>(), 0..80);
    let times = prop_oneof![0..20_u64, 900..1_100_u64, 0..15_000_u64];
    prop_oneof![
        12 => (0..4_usize, segments()).prop_map(|(flow, segment)| Event::Segment(flow, segment)),
        3 => (0..4_usize, segments()).prop_map(|(flow, segment)| Event::Greeting(flow, segment)),
        1 => (0..4_usize, segments(), damage)
            .prop_map(|(flow, segment, damage)| Event::Damaged(flow, segment, damage)),
        1 => vec(any::<u8>(), 0..100).prop_map(Event::Datagram),
        1 => vec(any::<u8>(), 0..40).prop_map(Event::Ping),
        1 => Just(Event::ArpRequest),
        1 => noise.prop_map(Event::Noise),
        1 => Just(Event::Connect),
        1 => (0..CLIENTS).prop_map(Event::Finish),
        1 => (0..CLIENTS).prop_map(Event::Release),
        4 => times.prop_map(|millis| Event::Pass(Duration::from_millis(millis))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_comes_a_stack_sends_no_more_than_its_share_and_greets_on(
        is_ethernet in any::<bool>(),
        events in vec(events(), 1..40),
    ) {
        let mut world = World::new(is_ethernet);
        for event in &events {
            world.happen(event);
        }
        world.is_whole();
    }
}
