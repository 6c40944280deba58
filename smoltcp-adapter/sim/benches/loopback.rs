//! Exchanges a second across a clean simulated link, as a ratio to smoltcp's bare loopback.
//!
//! The sockets are worked by the same two functions in both, so that the difference is what the
//! simulation costs. `cargo bench -p smoltcp-sim`

use core::time::Duration;
use std::cell::Cell;
use std::time::Instant as WallClock;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Loopback, Medium};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use smoltcp_sim::{Host, Link, Network, Stack};

const PORT: u16 = 8000;
const ROUNDS: usize = 7;
const EXCHANGES: u32 = 100_000;

fn main() {
    let mut ratios = Vec::new();
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let bare = rate(|| bare_loopback(EXCHANGES));
        let still = rate(|| simulated(EXCHANGES, Duration::ZERO));
        let distant = rate(|| simulated(EXCHANGES, Duration::from_millis(10)));
        ratios.push((still / bare, distant / bare));
        rates.push((bare, still, distant));
    }
    let median = |pick: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = ratios.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (bare, still, distant) = rates[ROUNDS / 2];
    println!("exchanges a second, one after the other     rate   ratio");
    println!("smoltcp's bare loopback               {bare:>10.0}    1.00");
    println!(
        "simulated link, no latency            {still:>10.0}    {:.2}",
        median(|r| r.0)
    );
    println!(
        "simulated link, 10 ms each way        {distant:>10.0}    {:.2}",
        median(|r| r.1)
    );
    println!(
        "speed-up at 10 ms each way: {:.0} s of virtual time in a second",
        distant * 0.04
    );
}

fn rate(work: impl FnOnce() -> u32) -> f64 {
    let start = WallClock::now();
    let exchanges = work();
    f64::from(exchanges) / start.elapsed().as_secs_f64()
}

fn socket() -> Socket<'static> {
    let mut socket = Socket::new(
        SocketBuffer::new(vec![0; 1100]),
        SocketBuffer::new(vec![0; 1100]),
    );
    socket.set_nagle_enabled(false);
    socket.set_ack_delay(None);
    socket
}

fn serve(sockets: &mut SocketSet<'_>, handle: SocketHandle) {
    let socket = sockets.get_mut::<Socket<'_>>(handle);
    if !socket.is_open() {
        socket.listen(PORT).expect("listen");
    } else if socket.can_recv() {
        let mut name = [0; 16];
        let len = socket.recv_slice(&mut name).expect("receive");
        socket.send_slice(&name[..len]).expect("send");
        socket.close();
    }
}

/// Returns true when an answer has come.
fn ask(
    interface: &mut Interface,
    sockets: &mut SocketSet<'_>,
    handle: SocketHandle,
    server: IpAddress,
    port: &mut u16,
) -> bool {
    let socket = sockets.get_mut::<Socket<'_>>(handle);
    if socket.can_recv() {
        let mut reply = [0; 32];
        let len = socket.recv_slice(&mut reply).expect("receive");
        assert_eq!(&reply[..len], b"World");
        return true;
    }
    if !socket.is_open() {
        *port = if *port == u16::MAX { 49152 } else { *port + 1 };
        socket
            .connect(interface.context(), (server, PORT), *port)
            .expect("connect");
    } else if socket.state() == State::Established {
        socket.send_slice(b"World").expect("send");
        socket.close();
    }
    false
}

fn bare_loopback(exchanges: u32) -> u32 {
    let mut device = Loopback::new(Medium::Ip);
    let mut interface =
        Interface::new(Config::new(HardwareAddress::Ip), &mut device, Instant::ZERO);
    let address = IpAddress::v4(127, 0, 0, 1);
    interface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(address, 8)).expect("room");
    });
    let mut sockets = SocketSet::new(Vec::new());
    let server = sockets.add(socket());
    let client = sockets.add(socket());
    let mut port = 49152;
    let mut done = 0;
    while done < exchanges {
        interface.poll(Instant::ZERO, &mut device, &mut sockets);
        serve(&mut sockets, server);
        done += u32::from(ask(
            &mut interface,
            &mut sockets,
            client,
            address,
            &mut port,
        ));
    }
    done
}

fn simulated(exchanges: u32, latency: Duration) -> u32 {
    let done = Cell::new(0);
    let mut network = Network::new(1);
    let server = network
        .add(Host::new("server", "10.0.0.1/24".parse().expect("address")))
        .expect("host");
    let client = network
        .add(Host::new("client", "10.0.0.2/24".parse().expect("address")))
        .expect("host");
    network
        .link(server, client, Link::new().latency(latency))
        .expect("link");
    network.boot(server, |stack: &mut Stack| {
        let handle = stack.sockets.add(socket());
        move |stack: &mut Stack, _: Instant| {
            serve(&mut stack.sockets, handle);
            None
        }
    });
    network.boot(client, |stack: &mut Stack| {
        let handle = stack.sockets.add(socket());
        let mut port = 49152;
        let done = &done;
        move |stack: &mut Stack, _: Instant| {
            let Stack {
                interface, sockets, ..
            } = stack;
            if ask(
                interface,
                sockets,
                handle,
                IpAddress::v4(10, 0, 0, 1),
                &mut port,
            ) {
                done.set(done.get() + 1);
            }
            None
        }
    });
    assert!(network.run_while(Duration::MAX, || done.get() < exchanges));
    done.get()
}
