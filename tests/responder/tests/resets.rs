//! What a check leaves open is reset piece by piece: a small board takes few frames at once, and would lose what
//! comes with others. In virtual time.

use std::time::Duration;

use greet_breakages::way::Way;
use greet_core::time::Instant;
use greet_responder::desk::{Desk, HOST, TESTER};
use greet_responder::host::Host;
use greet_wire::smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpCidr, IpProtocol, Ipv4Address, Ipv4Packet, TcpPacket,
};
use greet_wire::{Bench, Error, Frames, RawEvent, Seen, Setup, Verdict, grade_raw};

/// A cable, and when resets went into it.
struct Watched {
    cable: Desk,
    resets: Vec<Instant>,
}

impl Frames for Watched {
    fn now(&mut self) -> Instant {
        self.cable.now()
    }

    fn wait(&mut self, until: Instant) -> Result<(), Error> {
        self.cable.wait(until)
    }

    fn send(&mut self, frame: &[u8]) -> Result<bool, Error> {
        if is_reset(frame) {
            self.resets.push(self.cable.now());
        }
        self.cable.send(frame)
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Option<Seen>, Error> {
        self.cable.receive(into)
    }

    fn mtu(&self) -> usize {
        self.cable.mtu()
    }

    fn name(&self) -> &str {
        self.cable.name()
    }
}

fn is_reset(frame: &[u8]) -> bool {
    let frame = EthernetFrame::new_checked(frame).expect("a frame");
    if frame.ethertype() != EthernetProtocol::Ipv4 {
        return false;
    }
    let packet = Ipv4Packet::new_checked(frame.payload()).expect("a packet");
    packet.next_header() == IpProtocol::Tcp
        && TcpPacket::new_checked(packet.payload()).is_ok_and(|segment| segment.rst())
}

#[test]
fn resets_of_many_connections_go_five_milliseconds_apart() {
    const APART: Duration = Duration::from_millis(5);
    const MANY: usize = 48;
    let host = Host::new(HOST.0, HOST.1, None).holding(MANY);
    let mut watched = Watched {
        cable: Desk::new(host, Way::faultless(), Way::faultless()),
        resets: Vec::new(),
    };
    let own = IpCidr::new(Ipv4Address::from(TESTER.1).into(), 24);
    let setup = Setup::new(TESTER.0, own, Ipv4Address::from(HOST.1).into());
    let mut bench = Bench::new(&mut watched, setup).expect("a desk works");
    let mut verdicts = Vec::new();
    grade_raw(
        &mut bench,
        |check| check.id == "syn/half-open",
        &mut |event| {
            if let RawEvent::Ended { verdict, .. } = event {
                verdicts.push(verdict.clone());
            }
        },
    )
    .expect("a desk works");
    assert_eq!(verdicts, [Verdict::Passed]);
    let resets = &watched.resets;
    assert!(resets.len() >= MANY, "{} resets", resets.len());
    let closest = resets.windows(2).map(|pair| pair[1].since(pair[0])).min();
    assert_eq!(closest, Some(APART));
}
