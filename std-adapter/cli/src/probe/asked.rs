//! Who is asked: the addresses of one server, each for what it does there.

use std::net::{IpAddr, SocketAddr};

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
    /// A host of which no server is known.
    pub board: Option<IpAddr>,
}

/// The address by which a report knows the server, as it was typed.
pub fn typed(args: &ProbeArgs) -> String {
    #[cfg(feature = "serial")]
    if let Some(port) = &args.serial.serial {
        return port.clone();
    }
    let typed = args.server.as_ref().or(args.lines.as_ref());
    typed.map_or_else(|| USUAL.to_owned(), Address::to_string)
}

impl Asked {
    /// Finds the addresses.
    pub fn find(args: &ProbeArgs) -> Result<Self> {
        let over_tcp = |address: &Address| address.over_tcp(args.timeout);
        let board = args.server.as_ref().and_then(Address::alone);
        let server = args.server.as_ref().filter(|_| board.is_none());
        let usual = match (board, &args.lines) {
            (None, None) => Some(Address::to_reach(USUAL).map_err(Error::msg)?),
            _ => None,
        };
        let name = server.or(usual.as_ref());
        Ok(Self {
            board,
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
        let address = address.map(|address| address.to_string());
        let board = || self.board.map(|board| board.to_string());
        address.or_else(board).unwrap_or_default()
    }

    /// Whether a server is known.
    #[cfg(all(target_os = "linux", feature = "wire"))]
    pub fn has_server(self) -> bool {
        self.name.or(self.lines).is_some()
    }

    /// The host that is asked.
    #[cfg(all(target_os = "linux", feature = "wire"))]
    pub fn any(self) -> Option<IpAddr> {
        let server = self.name.or(self.lines).or(self.udp);
        server.map(|any| any.ip()).or(self.board)
    }

    /// Where it is in lines mode, if that was given.
    pub fn lines_shown(self) -> Option<String> {
        self.lines.map(|address| address.to_string())
    }
}
