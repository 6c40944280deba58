//! Who is asked: the addresses of one server, each for what it does there.

use std::net::SocketAddr;

use anyhow::{Error, Result};
use greet_std::core::probe::Mode;
use greet_std::{Error as StdError, SocketStack};

use crate::address::Address;
use crate::args::ProbeArgs;

/// Who is asked if nobody is named.
const USUAL: &str = "127.0.0.1:8000";

/// Where a server is, in each mode that it has.
#[derive(Clone, Copy)]
pub struct Asked {
    pub name: Option<SocketAddr>,
    pub lines: Option<SocketAddr>,
    pub udp: Option<SocketAddr>,
}

/// The address by which a report knows the server, as it was typed.
pub fn typed(args: &ProbeArgs) -> String {
    let typed = args.server.as_ref().or(args.lines.as_ref());
    typed.map_or_else(|| USUAL.to_owned(), Address::to_string)
}

impl Asked {
    /// Finds the addresses.
    pub fn find(args: &ProbeArgs) -> Result<Self> {
        let over_tcp = |address: &Address| address.over_tcp(args.timeout);
        let usual = match &args.lines {
            None => Some(Address::to_reach(USUAL).map_err(Error::msg)?),
            Some(_) => None,
        };
        let name = args.server.as_ref().or(usual.as_ref());
        Ok(Self {
            name: name.map(over_tcp).transpose()?,
            lines: args.lines.as_ref().map(over_tcp).transpose()?,
            udp: args.udp.as_ref().map(Address::over_udp).transpose()?,
        })
    }

    /// Sockets to ask all of them, so many at once.
    pub fn stack(self, slots: usize) -> Result<SocketStack, StdError> {
        let stack = SocketStack::new(self.name, self.udp, slots)?;
        Ok(match self.lines {
            Some(lines) => stack.with_lines(lines),
            None => stack,
        })
    }

    /// Where it is in one mode; the address by which a report knows it for a mode that it lacks.
    pub fn address(self, mode: Option<Mode>) -> String {
        let address = match mode {
            Some(Mode::Lines) => self.lines.or(self.name),
            _ => self.name.or(self.lines),
        };
        address.map_or_else(String::new, |address| address.to_string())
    }

    /// The host that is asked.
    #[cfg(all(target_os = "linux", feature = "wire"))]
    pub fn any(self) -> Option<std::net::IpAddr> {
        self.name.or(self.lines).or(self.udp).map(|any| any.ip())
    }

    /// Where it is in lines mode, if that was given.
    pub fn lines_shown(self) -> Option<String> {
        self.lines.map(|address| address.to_string())
    }
}
