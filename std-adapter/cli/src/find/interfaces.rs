//! The interfaces of this machine that are up, and whom to ask on each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use anyhow::{Context, Result, bail};
use getifaddrs::{Address, InterfaceFlags, getifaddrs};

/// All nodes of a link (RFC 4291, section 2.7.1).
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// An interface that is up.
#[derive(Clone, Debug)]
pub struct Interface {
    pub name: String,
    /// The number that the system gives it.
    pub index: u32,
    pub flags: InterfaceFlags,
    pub networks: Vec<Network>,
}

/// An address of ours, and the network to which it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub address: IpAddr,
    pub mask: IpAddr,
    /// The other end, where there are but two.
    pub peer: Option<IpAddr>,
}

/// From where one socket asks, and whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub from: SocketAddr,
    pub to: Vec<SocketAddr>,
}

/// Those that are up and have an address: all, or the one of this name.
pub fn up(name: Option<&str>) -> Result<Vec<Interface>> {
    let (mut up, mut down) = (Vec::<Interface>::new(), Vec::new());
    for known in getifaddrs().context("can't list this machine's interfaces")? {
        let Some(index) = known.index else {
            continue; // it is gone again
        };
        if !known.flags.contains(InterfaceFlags::UP) {
            down.push(known.name);
            continue;
        }
        let at = up.iter().position(|one| one.index == index);
        let at = at.unwrap_or_else(|| {
            up.push(Interface {
                name: known.name,
                index,
                flags: known.flags,
                networks: Vec::new(),
            });
            up.len() - 1
        });
        up[at].networks.extend(network(&known.address, known.flags));
    }
    up.retain(|one| !one.networks.is_empty());
    let Some(name) = name else {
        if up.is_empty() {
            bail!("no interface of this machine is up and has an address: is a cable in?");
        }
        return Ok(up);
    };
    let names: Vec<_> = up.iter().map(|one| one.name.clone()).collect();
    up.retain(|one| one.name == name);
    if up.is_empty() {
        if down.iter().any(|down| down == name) {
            bail!("{name} is down: `ip link set {name} up`, or whatever turns it on here");
        }
        let names = match names.len() {
            0 => "none".to_owned(),
            _ => names.join(", "),
        };
        bail!("no interface {name} is up and has an address here; those that are: {names}");
    }
    Ok(up)
}

fn network(address: &Address, flags: InterfaceFlags) -> Option<Network> {
    let (address, mask, other) = match address {
        Address::V4(known) => (
            known.address.into(),
            known.netmask.unwrap_or(Ipv4Addr::BROADCAST).into(),
            known.associated_address.map(IpAddr::V4),
        ),
        Address::V6(known) => (
            known.address.into(),
            known
                .netmask
                .unwrap_or(Ipv6Addr::from_bits(u128::MAX))
                .into(),
            known.associated_address.map(IpAddr::V6),
        ),
        Address::Mac(_) => return None,
    };
    let peer = other.filter(|other| {
        flags.contains(InterfaceFlags::POINTTOPOINT) && *other != address && !other.is_unspecified()
    });
    Some(Network {
        address,
        mask,
        peer,
    })
}

impl Interface {
    /// Whom to ask at this port, each from an address of ours: everybody there by broadcast and by
    /// multicast, the other end of a line, and on the loopback this machine itself, where a server
    /// that listens at one address hears no broadcast.
    pub fn ways(&self, port: u16) -> Vec<Way> {
        let mut ways: Vec<_> = self
            .networks
            .iter()
            .filter_map(|network| self.over_ipv4(network, port))
            .collect();
        ways.extend(self.over_ipv6(port));
        ways
    }

    fn over_ipv4(&self, network: &Network, port: u16) -> Option<Way> {
        let (IpAddr::V4(address), IpAddr::V4(mask)) = (network.address, network.mask) else {
            return None;
        };
        let is_loopback = self.flags.contains(InterfaceFlags::LOOPBACK);
        let mut to = Vec::new();
        if is_loopback {
            to.push(address);
        }
        if let Some(IpAddr::V4(peer)) = network.peer {
            to.push(peer);
        } else {
            if !is_loopback {
                to.push(Ipv4Addr::BROADCAST);
            }
            // A network of two addresses or one has none (RFC 3021).
            if mask.to_bits().count_ones() < 31 {
                to.push(Ipv4Addr::from_bits(address.to_bits() | !mask.to_bits()));
            }
        }
        Some(Way {
            from: (address, 0).into(),
            to: to.into_iter().map(|to| (to, port).into()).collect(),
        })
    }

    /// From whichever address the system chooses: one that is new can't be bound yet (RFC 4862).
    fn over_ipv6(&self, port: u16) -> Option<Way> {
        let on_link = |address| SocketAddrV6::new(address, port, 0, self.index).into();
        let v6 = |address: IpAddr| match address {
            IpAddr::V6(address) => Some(address),
            IpAddr::V4(_) => None,
        };
        let mut own = self
            .networks
            .iter()
            .filter_map(|one| v6(one.address))
            .peekable();
        own.peek()?;
        let to: Vec<_> = if self.flags.contains(InterfaceFlags::LOOPBACK) {
            own.map(|address| (address, port).into()).collect()
        } else if self.flags.contains(InterfaceFlags::MULTICAST) {
            vec![on_link(ALL_NODES)]
        } else {
            let peers = self.networks.iter().filter_map(|one| v6(one.peer?));
            peers.map(on_link).collect()
        };
        let from = (Ipv6Addr::UNSPECIFIED, 0).into();
        Some(Way { from, to }).filter(|way| !way.to.is_empty())
    }

    /// Whether an address belongs to a network of this interface.
    pub fn reaches(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(address) || network.peer == Some(address))
    }

    /// Whether it is an address of this interface.
    pub fn has(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.address == address)
            || self.flags.contains(InterfaceFlags::LOOPBACK) && address.is_loopback()
    }
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, self.mask, address) {
            (IpAddr::V4(own), IpAddr::V4(mask), IpAddr::V4(address)) => {
                own & mask == address & mask
            }
            (IpAddr::V6(own), IpAddr::V6(mask), IpAddr::V6(address)) => {
                own & mask == address & mask
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(flags: InterfaceFlags, networks: &[(&str, &str)]) -> Interface {
        let ip = |text: &str| text.parse().expect("an address");
        Interface {
            name: "eth7".to_owned(),
            index: 7,
            flags,
            networks: networks
                .iter()
                .map(|(address, mask)| Network {
                    address: ip(address),
                    mask: ip(mask),
                    peer: None,
                })
                .collect(),
        }
    }

    fn asked(interface: &Interface) -> Vec<(String, Vec<String>)> {
        let shown = |way: &Way| {
            let to = way.to.iter().map(ToString::to_string).collect();
            (way.from.to_string(), to)
        };
        interface.ways(8001).iter().map(shown).collect()
    }

    const LINK: InterfaceFlags = InterfaceFlags::BROADCAST.union(InterfaceFlags::MULTICAST);

    #[test]
    fn everybody_is_asked_by_broadcast_and_by_multicast() {
        let eth = interface(
            LINK,
            &[
                ("192.0.2.9", "255.255.255.0"),
                ("10.1.2.3", "255.255.240.0"),
                ("2001:db8::9", "ffff:ffff:ffff:ffff::"),
                ("fe80::9", "ffff:ffff:ffff:ffff::"),
            ],
        );
        let expected = [
            (
                "192.0.2.9:0",
                &["255.255.255.255:8001", "192.0.2.255:8001"][..],
            ),
            ("10.1.2.3:0", &["255.255.255.255:8001", "10.1.15.255:8001"]),
            ("[::]:0", &["[ff02::1%7]:8001"]),
        ];
        let expected = expected.map(|(from, to)| {
            let to = to.iter().map(ToString::to_string).collect();
            (from.to_owned(), to)
        });
        assert_eq!(asked(&eth), expected);
        for (address, is_near) in [
            ("192.0.2.7", true),
            ("10.1.14.1", true),
            ("10.1.16.1", false),
            ("2001:db8::7", true),
            ("2001:db8:1::7", false),
            ("fe80::7", true),
        ] {
            let near = eth.reaches(address.parse().expect("an address"));
            assert_eq!(near, is_near, "{address}");
        }
    }

    #[test]
    fn a_line_between_two_has_no_broadcast_of_its_network() {
        let eth = interface(LINK, &[("192.0.2.8", "255.255.255.254")]);
        assert_eq!(asked(&eth)[0].1, ["255.255.255.255:8001"]);
        let mut line = interface(
            InterfaceFlags::POINTTOPOINT,
            &[("192.0.2.8", "255.255.255.255")],
        );
        let peer = "198.51.100.1".parse().ok();
        line.networks[0].peer = peer;
        assert_eq!(asked(&line)[0].1, ["198.51.100.1:8001"]);
        assert!(peer.is_some_and(|peer| line.reaches(peer)));
    }

    #[test]
    fn this_machine_is_asked_by_its_addresses() {
        let all = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        let lo = interface(
            InterfaceFlags::LOOPBACK,
            &[("127.0.0.1", "255.0.0.0"), ("::1", all)],
        );
        let expected = [
            (
                "127.0.0.1:0",
                vec!["127.0.0.1:8001", "127.255.255.255:8001"],
            ),
            ("[::]:0", vec!["[::1]:8001"]),
        ];
        let expected = expected.map(|(from, to)| {
            let to = to.into_iter().map(str::to_owned).collect();
            (from.to_owned(), to)
        });
        assert_eq!(asked(&lo), expected);
    }
}
