//! `HOST:PORT` as it stands on the command line, and the addresses that it stands for.
//!
//! Every command takes its addresses here. What is no address is refused while the command line is
//! read; whether a host is known, and who answers there, is found when a command asks.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Error, Result, ensure};
use greet_std::core::text::Text;
use greet_std::{Client, send};

use crate::console;

/// `HOST:PORT`, well formed.
#[derive(Clone, Debug)]
pub struct Address {
    typed: String,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Known(SocketAddr),
    /// An address on a link, which an interface of this machine names: `[fe80::1%eth0]:8000`.
    OnLink {
        ip: Ipv6Addr,
        zone: String,
        port: u16,
    },
    Named {
        host: String,
        port: u16,
    },
}

impl Address {
    /// Reads where to listen.
    pub fn to_listen(typed: &str) -> Result<Self, String> {
        let (host, port) = typed
            .rsplit_once(':')
            .ok_or("it has no port: write HOST:PORT, such as 127.0.0.1:8000")?;
        if host.is_empty() {
            return Err(format!(
                "it has no host: write 127.0.0.1:{port} for this machine alone, or 0.0.0.0:{port} \
                 for all its addresses"
            ));
        }
        let port = port
            .parse()
            .map_err(|_| "behind the last colon stands the port, a number up to 65535")?;
        let place = if let Ok(address) = typed.parse() {
            Place::Known(address)
        } else if let Some(inside) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            on_link(inside, port).ok_or("there is no address of IPv6 in the brackets")?
        } else if host.contains(':') {
            return Err("an address of IPv6 stands in brackets, such as [::1]:8000".to_owned());
        } else {
            Place::Named {
                host: host.to_owned(),
                port,
            }
        };
        Ok(Self {
            typed: typed.to_owned(),
            place,
        })
    }

    /// Reads whom to reach, who has a port.
    pub fn to_reach(typed: &str) -> Result<Self, String> {
        let address = Self::to_listen(typed)?;
        let port = match address.place {
            Place::Known(address) => address.port(),
            Place::OnLink { port, .. } | Place::Named { port, .. } => port,
        };
        if port == 0 {
            return Err("nobody is at port 0: write the one on which the other listens".to_owned());
        }
        Ok(address)
    }

    /// Reads whom to probe: an IP address alone is a host of which no port is known. On which link it is, the
    /// cable says.
    pub fn to_probe(typed: &str) -> Result<Self, String> {
        let inside = typed.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        let inside = inside.unwrap_or(typed);
        let address = inside
            .split_once('%')
            .map_or(inside, |(address, _)| address);
        let alone: Option<IpAddr> = address.parse().ok();
        match alone {
            Some(ip) => Ok(Self {
                typed: typed.to_owned(),
                place: Place::Known(SocketAddr::new(ip, 0)),
            }),
            None => Self::to_reach(typed),
        }
    }

    /// The host, if no port is known.
    pub fn alone(&self) -> Option<IpAddr> {
        match self.place {
            Place::Known(address) if address.port() == 0 => Some(address.ip()),
            _ => None,
        }
    }

    /// Every address that it stands for, at least one, in the order in which the system tries them.
    pub fn resolve(&self) -> Result<Vec<SocketAddr>> {
        let found: Vec<_> = match &self.place {
            Place::Known(address) => vec![*address],
            Place::OnLink { ip, zone, port } => {
                let scope = interface(zone)
                    .with_context(|| format!("{self}: this machine has no interface {zone}"))?;
                vec![SocketAddrV6::new(*ip, *port, 0, scope).into()]
            }
            Place::Named { host, port } => (host.as_str(), *port)
                .to_socket_addrs()
                .with_context(|| format!("can't find the host of {self} (is it spelt right?)"))?
                .collect(),
        };
        ensure!(!found.is_empty(), "the host of {self} has no address");
        Ok(found)
    }

    /// The address at which somebody takes connections. A host with one address isn't asked.
    ///
    /// The question is a whole greeting, as a weak server doesn't bear less.
    pub fn over_tcp(&self, timeout: Duration) -> Result<SocketAddr> {
        use greet_std::Error::{Refused, Request};
        let addresses = self.resolve()?;
        if let [only] = addresses[..] {
            return Ok(only);
        }
        let taken = match Client::new()
            .timeout(timeout)
            .greet(&*addresses, Text::default())
        {
            Ok(greeting) => greeting.from(),
            // It isn't what it should be, and that is what the caller looks at.
            Err(Refused { address, .. } | Request { address, .. }) => address,
            Err(error) => return Err(self.unreached(&addresses, error)),
        };
        self.say_taken(&addresses, taken);
        Ok(taken)
    }

    /// The address at which nobody refuses messages over UDP. A host with one address isn't asked.
    pub fn over_udp(&self) -> Result<SocketAddr> {
        let addresses = self.resolve()?;
        if let [only] = addresses[..] {
            return Ok(only);
        }
        let taken = send(&*addresses, Text::default())
            .map_err(|error| self.unreached(&addresses, error))?;
        self.say_taken(&addresses, taken);
        Ok(taken)
    }

    /// Says which of several addresses it is.
    pub fn say_taken(&self, all: &[SocketAddr], taken: SocketAddr) {
        if all.len() > 1 {
            console::complain(format_args!("greet: {self} is {taken}"));
        }
    }

    /// Says of which host none of several addresses will do.
    pub fn unreached(&self, all: &[SocketAddr], error: greet_std::Error) -> Error {
        let error = Error::new(error);
        match all.len() {
            1 => error,
            n => error.context(format!(
                "none of the {n} addresses of {self} will do; the last"
            )),
        }
    }
}

impl From<(Ipv4Addr, u16)> for Address {
    fn from(address: (Ipv4Addr, u16)) -> Self {
        let address = SocketAddr::from(address);
        Self {
            typed: address.to_string(),
            place: Place::Known(address),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

/// `fe80::1%eth0`.
fn on_link(inside: &str, port: u16) -> Option<Place> {
    let (ip, zone) = inside.split_once('%')?;
    Some(Place::OnLink {
        ip: ip.parse().ok()?,
        zone: Some(zone).filter(|zone| !zone.is_empty())?.to_owned(),
        port,
    })
}

#[cfg(unix)]
fn interface(zone: &str) -> Result<u32> {
    Ok(nix::net::if_::if_nametoindex(zone)?)
}

#[cfg(not(unix))]
fn interface(_zone: &str) -> Result<u32> {
    anyhow::bail!("interfaces have numbers here, such as %3")
}
