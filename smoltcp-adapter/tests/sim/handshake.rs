//! This crate's own listener at a handshake that the network disturbs.

use std::cell::Cell;

use core::time::Duration;
use greet_smoltcp::sim::{Boot, Host, Link, Network, Probability, Stack};
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};

use crate::plain::{RECEIVER, SENDER, address, cidr, ms};

/// A client whose SYN was answered, but got no answer, repeats the SYN. It must not take a second
/// socket, whose answer would have another sequence number.
#[test]
fn a_repeated_syn_takes_no_second_socket() {
    let mut slots = SocketSlots::<3, 0>::new();
    let mut buffers = TcpBuffers::<3, 1024, 1031>::new();
    let listening = Cell::new(0);
    let state = Cell::new(State::Closed);
    let mut memory = Some((&mut slots, &mut buffers));
    let mut network = Network::new(1);
    let server = network.add(Host::new("server", cidr(RECEIVER))).unwrap();
    let client = network.add(Host::new("client", cidr(SENDER))).unwrap();
    let deaf = Link::new().loss(Probability::ALWAYS);
    let link = network
        .link_with(client, server, Link::new(), deaf)
        .unwrap();
    network.boot_program(server, |boot: Boot| {
        let (slots, buffers) = memory.take().unwrap();
        let config = boot.config();
        let mut stack =
            greet_smoltcp::stack::Stack::new(boot.card, config, &boot.addresses, slots).unwrap();
        let listener = stack.net().listen(buffers, 8000).unwrap();
        let listening = &listening;
        move |now| {
            let next = stack.poll(now, |_| None);
            listening.set(stack.net().listening(&listener));
            next
        }
    });
    // The first gives up, so that an earlier socket listens when the second repeats its SYN.
    network.boot(client, |stack: &mut Stack| {
        let [first, second] = [50_000, 50_001].map(|port| {
            let buffer = || SocketBuffer::new(vec![0; 64]);
            let handle = stack.sockets.add(Socket::new(buffer(), buffer()));
            let Stack {
                interface, sockets, ..
            } = stack;
            let socket = sockets.get_mut::<Socket<'_>>(handle);
            socket
                .connect(interface.context(), (address(RECEIVER), 8000), port)
                .unwrap();
            handle
        });
        let state = &state;
        move |stack: &mut Stack, now: Duration| {
            if now >= ms(500) {
                stack.sockets.get_mut::<Socket<'_>>(first).abort();
            }
            state.set(stack.sockets.get_mut::<Socket<'_>>(second).state());
            (now < ms(500)).then_some(ms(500))
        }
    });
    network.run_until(ms(400));
    assert_eq!(listening.get(), 1, "two of three are at their handshakes");
    network.at(ms(1500), move |network| network.change(link, &Link::new()));
    network.run_until(ms(2500));
    assert_eq!(listening.get(), 2, "the second took another socket");
    network.run_until(ms(4000));
    assert_eq!(state.get(), State::Established);
}
