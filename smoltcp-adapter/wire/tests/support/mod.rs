//! Both ends of a cable in memory, in virtual time: what the host sends is looked at, what comes to it is
//! made by hand.

#![allow(dead_code, reason = "each test uses what it needs")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use greet_core::probe::ProbeStack as _;
use greet_core::time::Instant;
use greet_wire::smoltcp::phy::{ChecksumCapabilities, Medium};
use greet_wire::smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpCidr, IpEndpoint, IpProtocol, IpRepr, Ipv4Address, TcpControl, TcpPacket,
    TcpRepr, TcpSeqNumber,
};
use greet_wire::smoltcp_sim::Segment;
use greet_wire::{Error, Frames, Host, Own, Seen, Task};

pub const HOST: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 99]);
pub const BOARD: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
pub const HOST_IP: Ipv4Address = Ipv4Address::new(10, 0, 0, 99);
pub const BOARD_IP: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);

/// What is on the cable.
#[derive(Default)]
pub struct Lying {
    pub now: u64,
    /// What comes to the host.
    pub coming: VecDeque<(Seen, Vec<u8>)>,
    /// What the host has sent.
    pub sent: Vec<Vec<u8>>,
    /// When it has sent each frame, in microseconds.
    pub sent_at: Vec<u64>,
    /// How long it takes to send one.
    pub pace: u64,
    /// How long whoever looks for one waits until it comes.
    pub late: u64,
    /// The cable is pulled.
    pub is_pulled: bool,
    /// For which hardware addresses frames are let through.
    pub heard: Vec<[u8; 6]>,
    /// Answers frames as they are sent.
    pub answer: Option<Answer>,
}

pub type Answer = Box<dyn FnMut(&[u8]) -> Vec<Vec<u8>>>;

/// The host's end.
#[derive(Clone, Default)]
pub struct Desk(pub Rc<RefCell<Lying>>);

impl Desk {
    /// Lets a frame come.
    pub fn comes(&self, frame: Vec<u8>) {
        self.comes_as(frame, |_| ());
    }

    /// Lets a frame come, with what the system says of it.
    pub fn comes_as(&self, frame: Vec<u8>, note: impl Fn(&mut Seen)) {
        let mut lying = self.0.borrow_mut();
        let mut seen = Seen::new(frame.len(), Instant::from_micros(lying.now));
        note(&mut seen);
        lying.coming.push_back((seen, frame));
    }

    /// What the host has sent since this was called last.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.0.borrow_mut().sent)
    }

    /// A host on it, for a board at the other end.
    pub fn host(&self) -> Host<Self> {
        let own = Own {
            hardware: HOST,
            address: IpCidr::new(HOST_IP.into(), 24),
        };
        let server = SocketAddr::new(IpAddr::V4(BOARD_IP), 8000);
        Host::new(self.clone(), Task::new(own, server)).expect("it is on the board's network")
    }
}

/// Lets the host do what there is to do, for so many milliseconds.
pub fn settle(host: &mut Host<Desk>, millis: u64) {
    let until = Instant::from_micros(host.now().as_micros() + millis * 1000);
    while host.now() < until {
        host.wait(until);
    }
}

impl Frames for Desk {
    fn now(&mut self) -> Instant {
        Instant::from_micros(self.0.borrow().now)
    }

    fn wait(&mut self, until: Instant) -> Result<(), Error> {
        let mut lying = self.0.borrow_mut();
        if lying.coming.is_empty() {
            lying.now = lying.now.max(until.as_micros());
        }
        Ok(())
    }

    fn send(&mut self, frame: &[u8]) -> Result<bool, Error> {
        let answer = self.0.borrow_mut().answer.take();
        if let Some(mut answer) = answer {
            for frame in answer(frame) {
                self.comes(frame);
            }
            self.0.borrow_mut().answer = Some(answer);
        }
        let mut lying = self.0.borrow_mut();
        lying.sent.push(frame.to_vec());
        let now = lying.now;
        lying.sent_at.push(now);
        lying.now += lying.pace;
        Ok(true)
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Option<Seen>, Error> {
        let mut lying = self.0.borrow_mut();
        if lying.is_pulled {
            return Err(Error::Broken {
                name: "desk".to_owned(),
                cause: std::io::ErrorKind::NetworkDown.into(),
            });
        }
        let Some((mut seen, frame)) = lying.coming.pop_front() else {
            return Ok(None);
        };
        if lying.late > 0 {
            lying.now += lying.late;
            seen.time = Instant::from_micros(lying.now);
        }
        into[..frame.len()].copy_from_slice(&frame);
        Ok(Some(seen))
    }

    fn mtu(&self) -> usize {
        1500
    }

    fn name(&self) -> &'static str {
        "desk"
    }

    fn listen_for(&mut self, hardware: [u8; 6]) -> Result<(), Error> {
        self.0.borrow_mut().heard.push(hardware);
        Ok(())
    }
}

/// An Ethernet frame.
pub fn framed(
    from: EthernetAddress,
    to: EthernetAddress,
    ethertype: EthernetProtocol,
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = vec![0; 14 + payload.len()];
    let header = EthernetRepr {
        src_addr: from,
        dst_addr: to,
        ethertype,
    };
    header.emit(&mut EthernetFrame::new_unchecked(&mut frame));
    frame[14..].copy_from_slice(payload);
    frame
}

/// "Who has this address?", from somebody who has that one; or the answer to it.
pub fn arp(
    operation: ArpOperation,
    (from, from_ip): (EthernetAddress, Ipv4Address),
    (to, to_ip): (EthernetAddress, Ipv4Address),
) -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: from,
        source_protocol_addr: from_ip,
        target_hardware_addr: to,
        target_protocol_addr: to_ip,
    };
    let mut payload = vec![0; arp.buffer_len()];
    arp.emit(&mut ArpPacket::new_unchecked(&mut payload));
    framed(from, to, EthernetProtocol::Arp, &payload)
}

/// Answers ARP for the board.
pub fn answers_arp(frame: &[u8]) -> Option<Vec<u8>> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let asked = ArpPacket::new_checked(frame.payload()).ok()?;
    let is_asked = frame.ethertype() == EthernetProtocol::Arp
        && asked.operation() == ArpOperation::Request
        && asked.target_protocol_addr() == BOARD_IP.octets();
    is_asked.then(|| {
        arp(
            ArpOperation::Reply,
            (BOARD, BOARD_IP),
            (frame.src_addr(), HOST_IP),
        )
    })
}

/// A board that answers ARP, and SYN with SYN-ACK.
pub fn shakes_hands(frame: &[u8]) -> Vec<Vec<u8>> {
    if let Some(answer) = answers_arp(frame) {
        return vec![answer];
    }
    match Segment::read(Medium::Ethernet, frame) {
        Some(syn) if syn.is_syn() => {
            let seq = syn.tcp.map_or(0, |tcp| tcp.seq.0.cast_unsigned());
            let says = Says {
                control: TcpControl::Syn,
                seq: 1000,
                ack: Some(seq.wrapping_add(1)),
                payload: b"",
            };
            vec![segment(syn.from.port, &says)]
        }
        _ => Vec::new(),
    }
}

/// What a segment has beside its ends.
pub struct Says<'a> {
    pub control: TcpControl,
    pub seq: u32,
    pub ack: Option<u32>,
    pub payload: &'a [u8],
}

/// A segment from the board's port 8000 to one of the host's.
pub fn segment(to_port: u16, says: &Says<'_>) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port: 8000,
        dst_port: to_port,
        control: says.control,
        seq_number: TcpSeqNumber(says.seq.cast_signed()),
        ack_number: says.ack.map(|ack| TcpSeqNumber(ack.cast_signed())),
        window_len: 4096,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: says.payload,
    };
    let ends = (
        IpEndpoint::new(BOARD_IP.into(), 8000),
        IpEndpoint::new(HOST_IP.into(), to_port),
    );
    let sums = ChecksumCapabilities::default();
    let (from, to) = (ends.0.addr, ends.1.addr);
    let ip = IpRepr::new(from, to, IpProtocol::Tcp, tcp.buffer_len(), 64);
    let mut packet = vec![0; ip.buffer_len()];
    ip.emit(&mut packet, &sums);
    let mut room = TcpPacket::new_unchecked(&mut packet[20..]);
    tcp.emit(&mut room, &from, &to, &sums);
    framed(BOARD, HOST, EthernetProtocol::Ipv4, &packet)
}
