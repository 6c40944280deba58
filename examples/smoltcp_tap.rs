//! A TCP server and a UDP receiver with an IP stack of their own, on a TAP device of Linux: this
//! program is a second host on a cable to yours.
//!
//! ```text
//! sudo ip tuntap add name tap0 mode tap user $USER
//! sudo ip address add 192.168.69.100/24 dev tap0
//! sudo ip link set tap0 up
//! cargo run --example smoltcp_tap
//! cargo run --example tcp_client 192.168.69.1:8000
//! ```

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    on_tap::run(&std::env::args().nth(1).unwrap_or("tap0".to_owned()))
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("TAP devices are Linux's; try the example smoltcp_loopback");
}

#[cfg(target_os = "linux")]
mod on_tap {
    use std::error::Error;
    use std::os::fd::AsRawFd;
    use std::time;

    use greet_core::limits::{Limits, TCP_PORT, UDP_PORT};
    use greet_core::receiver::{self, Receiver};
    use greet_core::server::{self, Server};
    use greet_core::time::Instant;
    use greet_smoltcp::stack::Stack;
    use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
    use smoltcp::iface::Config;
    use smoltcp::phy::{Medium, TunTapInterface, wait};
    use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};

    pub(super) fn run(name: &str) -> Result<(), Box<dyn Error>> {
        let device = TunTapInterface::new(name, Medium::Ethernet).map_err(|error| {
            format!("can't open {name}: {error} (the top of this example says how to make it)")
        })?;
        let fd = device.as_raw_fd();

        let mut slots = SocketSlots::<9, 32>::new();
        let mut places = TcpBuffers::<8, 1025, 1031>::new();
        let mut messages = UdpBuffers::<16, 16_384, 0>::new();
        let mut config = Config::new(HardwareAddress::Ethernet(EthernetAddress([
            2, 0, 0, 0, 0, 1,
        ])));
        // Another one at each start, as ports and sequence numbers follow from it.
        config.random_seed = u64::from(std::process::id());
        let address = IpCidr::new(IpAddress::v4(192, 168, 69, 1), 24);
        let mut stack = Stack::new(device, config, &[address], &mut slots)?;
        let listener = stack.net().listen(&mut places, TCP_PORT)?;
        let inbox = stack.net().bind(&mut messages, UDP_PORT)?;
        let mut server = Server::<_, 8>::new(Limits::DEFAULT);
        let mut receiver = Receiver::new();
        println!("Server is listening on port {TCP_PORT}...");

        let start = time::Instant::now();
        loop {
            let now = Instant::at(start.elapsed());
            let next = stack.poll(now, |net| {
                let a = server.poll(&mut listener.on(net), now, |event| {
                    if let server::Event::Connected { peer } = event {
                        println!("Connection from {peer}");
                    }
                });
                let b = receiver.poll(&mut inbox.on(net), now, |event| {
                    if let receiver::Event::Message { from, text } = event {
                        println!("Received message: {text} from {from}");
                    }
                });
                a.min(b)
            });
            // Sleeps until a frame comes, or until the stack asks to be called.
            let pause = next.wait(Instant::at(start.elapsed()));
            wait(fd, pause.map(Into::into))?;
        }
    }
}
