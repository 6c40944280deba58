//! The exchange through the adapter: core's server with four places, and one core client at a time.

use core::net::SocketAddr;
use core::task::Poll;

use greet_core::client::Client;
use greet_core::limits::Limits;
use greet_core::request::Request;
use greet_core::server::Server;
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use smoltcp::iface::Config;
use smoltcp::phy::Medium;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::{Device, NAME, REPLY};

pub(crate) fn run(greetings: u64) {
    let mut slots = SocketSlots::<5, 0>::new();
    let mut places = TcpBuffers::<4, 1024, 1031>::new();
    let mut outgoing = TcpBuffers::<1, 1031, 1024>::new();
    let address = IpAddress::v4(127, 0, 0, 1);
    let mut stack = Stack::new(
        Device::new(Medium::Ip),
        Config::new(HardwareAddress::Ip),
        &[IpCidr::new(address, 8)],
        &mut slots,
    )
    .expect("a stack");
    let listener = stack.net().listen(&mut places, 8000).expect("a listener");
    stack.net().add_clients(&mut outgoing).expect("a client");
    let mut server = Server::<_, 4>::new(Limits::DEFAULT);
    let peer = SocketAddr::new(address.into(), 8000);
    let name = Text::new(NAME).expect("short");

    for greeting in 0..greetings {
        // A microsecond each, as time that stands still would be a special case.
        let now = Instant::from_micros(greeting);
        let connection = stack.net().connect(peer).expect("a free socket");
        let mut client = Client::new(Request::new(name, now + Request::TIMEOUT));
        let mut greeted = false;
        let mut connection = Some(connection);
        stack.poll(now, |net| {
            let next = server.poll(&mut listener.on(net), now, |_| ());
            if let Some(open) = &connection
                && let Poll::Ready(_) = client.poll(&mut open.on(net), now)
            {
                let request = client.machine();
                greeted = request.answer().is_some_and(|answer| answer.is_ok());
                assert_eq!(request.reply(), REPLY);
                if let Some(done) = connection.take() {
                    done.release(net);
                }
            }
            next
        });
        assert!(greeted, "greeting {greeting}");
    }
    assert_eq!(server.tally().greeted, greetings);
}
