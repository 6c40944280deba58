//! embassy-net's backlog over each version of IP and each kind of link: who comes while no socket listens
//! waits, and isn't reset.

use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use embassy_backlog::greet::{Clock, Port, Socket};
use embassy_backlog::{Backlog, Buffers, Listener};
use embassy_futures::select::{Either, select};
use embassy_futures::{block_on, yield_now};
use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, Ipv4Cidr, Ipv6Cidr, Runner, Stack, StackResources};
use embassy_net::{StaticConfigV4, StaticConfigV6};
use futures::future::{join_all, join4};
use greet_async_examples::cable::cable;
use greet_async_examples::virtual_time::Time;
use greet_core::asynch::{Timer, converse, serve};
use greet_core::limits::Limits;
use greet_core::request::{Answer, Request};
use greet_core::server::{Event, Server};
use greet_core::text::Text;

/// So many clients come at once, to so many sockets.
const CLIENTS: usize = 6;
const SOCKETS: usize = 2;

const V4: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
];
const V6: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2)),
];

fn config(address: IpAddr) -> Config {
    match address {
        IpAddr::V4(address) => Config::ipv4_static(StaticConfigV4 {
            address: Ipv4Cidr::new(address, 24),
            gateway: None,
            dns_servers: <_>::default(),
        }),
        IpAddr::V6(address) => Config::ipv6_static(StaticConfigV6 {
            address: Ipv6Cidr::new(address, 64),
            gateway: None,
            dns_servers: <_>::default(),
        }),
    }
}

fn stack<D: embassy_net_driver::Driver + 'static>(
    driver: D,
    address: IpAddr,
    seed: u64,
) -> (Stack<'static>, Runner<'static, D>) {
    let resources = Box::leak(Box::new(StackResources::<8>::new()));
    embassy_net::new(driver, config(address), resources, seed)
}

async fn greet(stack: Stack<'_>, server: IpAddr, number: usize) {
    let (mut incoming, mut outgoing) = ([0; 1031], [0; 1024]);
    let mut socket = Socket(TcpSocket::new(stack, &mut incoming, &mut outgoing));
    let connected = socket.0.connect((server, 8000)).await;
    connected.expect("nobody is refused");
    let name = format!("client {number}");
    let name = Text::new(&name).expect("short");
    // Whoever waits does so for one who closes.
    let mut request = Request::new(name, Clock.now() + Duration::from_mins(1));
    let outcome = converse(&mut request, &mut socket, &Clock).await;
    assert_eq!(request.answer(), Some(Ok(Answer::Greeted)), "{outcome:?}");
}

/// Greets all clients, and returns from where the server saw them come.
fn greeted_over(addresses: [IpAddr; 2], is_ethernet: bool) -> Vec<IpAddr> {
    let time = Time::begin();
    let [ours, theirs] = addresses;
    let (mut near, mut far) = cable();
    if is_ethernet {
        near = near.with_ethernet([2, 0, 0, 0, 0, 1]);
        far = far.with_ethernet([2, 0, 0, 0, 0, 2]);
    }
    let backlog: &'static Backlog<8> = Box::leak(Box::new(Backlog::new()));
    let (home, mut near) = stack(backlog.before(near), ours, 1);
    let (away, mut far) = stack(far, theirs, 2);
    let buffers = Box::leak(Box::new(Buffers::<SOCKETS, 1025, 1031>::new()));
    let mut port = Port(Listener::new(home, backlog, 8000, buffers));
    let mut server = Server::<Socket<'static>, SOCKETS>::new(Limits::DEFAULT);
    let mut seen = Vec::new();
    let serving = serve(&mut server, &mut port, &Clock, |event| {
        if let Event::Connected { peer } = event {
            seen.push(peer.ip());
        }
    });
    let clients = join_all((0..CLIENTS).map(|number| greet(away, ours, number)));
    let time_passes = async {
        loop {
            time.go_to(Clock.now() + Duration::from_micros(100));
            assert!(Clock.now() < greet_core::time::Instant::at(Duration::from_mins(2)));
            yield_now().await;
        }
    };
    let all = join4(near.run(), far.run(), serving, time_passes);
    let ended = block_on(select(all, clients));
    assert!(matches!(ended, Either::Second(_)), "the others never end");
    seen
}

#[test]
fn nobody_is_refused_over_any_link() {
    for addresses in [V4, V6] {
        for is_ethernet in [false, true] {
            let seen = greeted_over(addresses, is_ethernet);
            assert_eq!(seen, [addresses[1]; CLIENTS], "Ethernet: {is_ethernet}");
        }
    }
}
