//! The address from a DHCP server, for networks that have one: the feature `dhcp`.

use firmware::console::Console;
use firmware::network;
use greet_smoltcp::net::Net;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::dhcpv4::{Event, Socket};
use smoltcp::wire::IpCidr;

/// A socket that asks.
pub(crate) fn socket() -> Socket<'static> {
    Socket::new()
}

/// Follows what the server says. Returns whether there is an address now that wasn't there before.
pub(crate) fn poll<const LINES: usize>(
    net: &mut Net<'_>,
    handle: SocketHandle,
    console: &mut Console<LINES>,
) -> bool {
    let Some(event) = net.get::<Socket<'_>>(handle).and_then(Socket::poll) else {
        return false;
    };
    match event {
        Event::Configured(lease) => {
            let (address, router) = (lease.address, lease.router);
            net.interface().update_ip_addrs(|addresses| {
                addresses.clear();
                // It was cleared.
                let _ = addresses.push(IpCidr::Ipv4(address));
            });
            if let Some(router) = router {
                network::route(net.interface(), router);
            }
            console.line(format_args!("Address {address}"));
            true
        }
        Event::Deconfigured => {
            let mut had_one = false;
            net.interface().update_ip_addrs(|addresses| {
                had_one = !addresses.is_empty();
                addresses.clear();
            });
            if had_one {
                console.line(format_args!("Address lost"));
            }
            false
        }
    }
}
