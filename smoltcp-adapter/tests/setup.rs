//! Slots, addresses and ports: what doesn't fit is an error, and no port is given out twice.

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::task::Poll;

use greet_core::server::Event;
use greet_core::transport::{Datagrams, Local};
use greet_smoltcp::error::{ConnectError, DatagramError, SetupError};
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use smoltcp::iface::Config;
use smoltcp::phy::Medium;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};
use support::{Exercise, NOW, Path, Ring, leak};

#[test]
fn what_doesnt_fit_is_an_error_and_no_panic() {
    let refuse = |config: Config, addresses: &[IpCidr]| {
        let mut slots = SocketSlots::<1, 0>::new();
        let device = Ring::new(Medium::Ip);
        Stack::new(device, config, addresses, &mut slots).err()
    };
    let ethernet = HardwareAddress::Ethernet(EthernetAddress([2, 0, 0, 0, 0, 1]));
    let wrong = refuse(Config::new(ethernet), &[]);
    assert_eq!(wrong, Some(SetupError::HardwareAddress));
    let address = |last| IpCidr::new(IpAddress::v4(192, 0, 2, last), 24);
    let broadcast = IpCidr::new(IpAddress::v4(255, 255, 255, 255), 32);
    let wrong = refuse(Path::IP.config(), &[broadcast]);
    assert_eq!(wrong, Some(SetupError::Address));
    let many: Vec<IpCidr> = (1..20).map(address).collect();
    let wrong = refuse(Path::IP.config(), &many);
    assert_eq!(wrong, Some(SetupError::TooManyAddresses));

    let mut slots = SocketSlots::<2, 0>::new();
    let mut buffers: [_; 4] = std::array::from_fn(|_| TcpBuffers::<1, 64, 64>::new());
    let [first, second, third, fourth] = &mut buffers;
    let mut three = TcpBuffers::<3, 64, 64>::new();
    let mut udp = UdpBuffers::<1, 64, 64>::new();
    let mut stack = Path::IP.stack(&mut slots);
    let net = stack.net();
    assert_eq!(net.listen(&mut three, 8000).err(), Some(SetupError::NoSlot));
    assert_eq!(net.listen(first, 0).err(), Some(SetupError::PortZero));
    net.listen(second, 8000).unwrap();
    assert_eq!(net.listen(third, 8000).err(), Some(SetupError::PortInUse));
    net.listen(fourth, 8001).unwrap();
    assert_eq!(net.bind(&mut udp, 8001).err(), Some(SetupError::NoSlot));
}

#[test]
fn an_address_of_a_version_that_we_have_none_of_is_an_error() {
    let mut slots = SocketSlots::<2, 0>::new();
    let mut buffers = UdpBuffers::<1, 64, 64>::new();
    let mut outgoing = TcpBuffers::<1, 64, 64>::new();
    let device = Ring::new(Medium::Ip);
    let mut stack = Stack::new(device, Path::IP.config(), &[], &mut slots).unwrap();
    let net = stack.net();
    net.add_clients(&mut outgoing).unwrap();
    let socket = net.bind(&mut buffers, 0).unwrap();
    let peer = SocketAddr::from(([192, 0, 2, 9], 9));
    let nowhere = Poll::Ready(Err(DatagramError::Address));
    assert_eq!(
        socket.on(net).send_to(b"x", peer, Local::default()),
        nowhere
    );
    assert_eq!(net.connect(peer), Err(ConnectError::Address));
    assert_eq!(net.idle(), 1);
}

#[test]
fn ephemeral_ports_are_never_in_use() {
    let Exercise {
        path,
        mut stack,
        listener,
        mut server,
        ..
    } = Exercise::<8, 4>::new(Path::IP);
    let mut ports = Vec::new();
    let mut connections = Vec::new();
    let mut connect = |stack: &mut Stack<'_, Ring>, ports: &mut Vec<u16>| {
        connections.push(stack.net().connect(path.port(8000)).unwrap());
        stack.poll(NOW, |net| {
            server.poll(&mut listener.on(net), NOW, |event| {
                if let Event::Connected { peer } = event {
                    ports.push(peer.port());
                }
            })
        });
    };
    connect(&mut stack, &mut ports);
    let first = ports[0];
    assert!(first >= 49_152);
    // Whatever listens has its port, and so has a connection.
    stack
        .net()
        .listen(leak(TcpBuffers::<1, 64, 64>::new()), first + 1)
        .unwrap();
    for _ in 0..3 {
        connect(&mut stack, &mut ports);
    }
    assert_eq!(ports, [first, first + 2, first + 3, first + 4]);
    let none = stack.net().connect(path.port(8000));
    assert_eq!(none, Err(ConnectError::NoSocket));
}

#[test]
fn ephemeral_ports_depend_on_the_seed() {
    let port = |seed| {
        let mut slots = SocketSlots::<1, 0>::new();
        let mut buffers = UdpBuffers::<1, 64, 64>::new();
        let mut config = Path::IP.config();
        config.random_seed = seed;
        let device = Ring::new(Medium::Ip);
        let mut stack = Stack::new(device, config, &[], &mut slots).unwrap();
        stack.net().bind(&mut buffers, 0).unwrap().port()
    };
    let ports: BTreeSet<u16> = (0..100).map(port).collect();
    assert!(ports.len() > 90, "{} of 100", ports.len());
}
