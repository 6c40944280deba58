//! The lab of a second host on a cable, in virtual time: `greet-wire`'s own host and frames on one end of a
//! simulated network of Ethernet, the server on the other.
//!
//! What spoils the link is the second host's own impairment, as on a real cable: the network's is clean.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::SocketSlots;
use greet_wire::{Frames as _, Host, Impairment, Own, Simulated, Task};
use smoltcp::wire::{EthernetAddress, IpCidr};
use smoltcp_sim::{Link, Network};

use super::leak;
use super::subject::{LINES_PORT, PLACES, SOCKETS, Subject, TCP_PORT, UDP_PORT};
use crate::moments;

/// Frames so long that the longest datagram needs no fragments, which smoltcp puts together only if it is
/// told to.
const JUMBO: usize = 9000;

/// A second host that grades this subject over IPv4 or IPv6.
///
/// # Panics
///
/// The simulation refuses its plan, which doesn't depend on the seed.
pub fn wired(subject: Subject, is_v6: bool, impairment: Impairment) -> Host<Simulated<'static>> {
    let address = |host: u16| -> IpCidr {
        let text = if is_v6 {
            format!("fd00::{host}/64")
        } else {
            format!("10.0.0.{host}/24")
        };
        text.parse().expect("an address")
    };
    let mut network = Network::ethernet(1);
    let [board, port] = [("board", 1), ("port", 2)].map(|(name, host)| {
        let host = smoltcp_sim::Host::new(name, address(host)).mtu(JUMBO);
        network.add(host).expect("two addresses")
    });
    let link = Link::new().latency(Duration::from_micros(100));
    network.link(board, port, link).expect("one link");
    network.boot_program(board, move |boot| {
        let config = boot.config();
        let slots = leak(SocketSlots::<SOCKETS, 8>::new());
        let mut stack = Stack::new(boot.card, config, &boot.addresses, slots).expect("they fit");
        let mut server = subject.start(stack.net());
        move |now| {
            let now = moments::core(now);
            let next = stack.poll(now, |net| server.poll(net, now));
            moments::simulated(next)
        }
    });
    let cable = Simulated::new(network, port);
    let own = Own {
        hardware: EthernetAddress(cable.hardware().expect("a card")),
        // Not the port's: whoever speaks through it says who it is.
        address: address(99),
    };
    let server: IpAddr = address(1).address().into();
    let at = |port| SocketAddr::new(server, port);
    let mut task = Task::new(own, at(TCP_PORT));
    task.lines = Some(at(LINES_PORT));
    task.udp = Some(at(UDP_PORT));
    task.slots = PLACES + 1;
    task.impairment = impairment;
    Host::new(cable, task).expect("it is on the board's network")
}
