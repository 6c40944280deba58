//! Which senders a UDP socket takes for itself: a responder must never answer those.

mod support;

use std::net::SocketAddr;

use greet_core::transport::Datagrams;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, UdpBuffers};
use smoltcp::wire::IpCidr;
use support::{Path, Ring};

#[test]
fn only_its_own_address_and_port_are_its_own() {
    for path in Path::ALL {
        let mut slots = SocketSlots::<1, 0>::new();
        let mut buffers = UdpBuffers::<1, 64, 64>::new();
        let address = IpCidr::new(path.address, 8);
        let ring = Ring::new(path.medium);
        let mut stack = Stack::new(ring, path.config(), &[address], &mut slots).expect("it fits");
        let net = stack.net();
        let binding = net.bind(&mut buffers, 8001).expect("a free port");
        let socket = binding.on(net);

        let own = SocketAddr::new(path.address.into(), 8001);
        assert!(socket.is_own(own), "{own}");
        for other in [
            SocketAddr::new(path.address.into(), 8002),
            "198.51.100.7:8001".parse().expect("an address"),
            "[2001:db8::7]:8001".parse().expect("an address"),
        ] {
            assert!(!socket.is_own(other), "{other} on {own}");
        }
        if let SocketAddr::V4(v4) = own {
            let mapped = SocketAddr::new(v4.ip().to_ipv6_mapped().into(), 8001);
            assert!(socket.is_own(mapped), "{mapped}");
        }
    }
}
