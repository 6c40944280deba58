//! A source port of its own for every connection of a run.
//!
//! Systems choose ports as they like, and soon choose one again. A server may still hold its earlier
//! connection in TIME-WAIT, and needn't open another over it (RFC 9293, section 3.6.1: MAY). So here
//! ports are taken in a circle, each once; then again from other addresses, where there are any.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use socket2::Socket;

/// A circle begins where the clock says, which goes round it in so many milliseconds: longer than
/// TIME-WAIT (4 minutes, RFC 9293, section 3.4.2). So a run meets no port of the one before, unless
/// that one was faster than the clock.
const ROUND: u128 = 256_000;

/// Which sources connections come from.
#[derive(Debug)]
pub(super) struct Ports {
    first: u16,
    count: u16,
    /// Where the circle begins, and how many were taken of it since.
    begin: u16,
    taken: u16,
    /// How often all were taken, each time from another address of loopback.
    laps: u8,
    used_up: bool,
}

impl Ports {
    /// Those that this system has for its clients.
    pub(super) fn of_this_system() -> Self {
        let (first, last) = range();
        let count = last.saturating_sub(first).saturating_add(1);
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = since.map_or(0, |since| since.as_millis());
        let begin = since % ROUND * u128::from(count) / ROUND;
        Self::from(first, count, u16::try_from(begin).unwrap_or(0))
    }

    const fn from(first: u16, count: u16, begin: u16) -> Self {
        Self {
            first,
            count,
            begin,
            taken: 0,
            laps: 0,
            used_up: false,
        }
    }

    /// Whether there were too few: some were used again.
    pub(super) fn used_up(&self) -> bool {
        self.used_up
    }

    /// Binds a socket to the next, for a connection to this server.
    pub(super) fn bind(&mut self, socket: &Socket, server: SocketAddr) -> io::Result<()> {
        let mut last = io::ErrorKind::AddrInUse.into();
        for _ in 0..=self.count {
            let source = self.take(server);
            match socket.bind(&source.into()) {
                Ok(()) => return Ok(()),
                // Only Linux has all of 127.0.0.0/8.
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => self.begin_again(),
                // Somebody has it, or the system keeps it for somebody.
                Err(error) if is_taken(&error) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    fn take(&mut self, server: SocketAddr) -> SocketAddr {
        loop {
            if self.taken == self.count {
                self.taken = 0;
                self.laps = self.laps.saturating_add(1);
            }
            let at = (u32::from(self.begin) + u32::from(self.taken)) % u32::from(self.count);
            self.taken += 1;
            let port = self.first + u16::try_from(at).unwrap_or(0);
            // From there a socket may connect to itself.
            if port != server.port() || self.count == 1 {
                return SocketAddr::new(self.address(server.ip()), port);
            }
        }
    }

    fn address(&mut self, server: IpAddr) -> IpAddr {
        /// 127.0.0.254 is the last.
        const MOST: u8 = 253;
        match (server, self.laps) {
            (IpAddr::V4(server), laps @ 1..=MOST) if server.is_loopback() && !self.used_up => {
                Ipv4Addr::new(127, 0, 0, laps + 1).into()
            }
            (server, laps) => {
                self.used_up |= laps > 0;
                match server {
                    IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                }
            }
        }
    }

    fn begin_again(&mut self) {
        self.used_up = true;
        self.taken = 0;
    }
}

/// Windows says `PermissionDenied` of ports that it keeps.
fn is_taken(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrInUse, PermissionDenied};
    matches!(error.kind(), AddrInUse | PermissionDenied)
}

/// The first and the last port that clients of this system have: what its administrator says, or
/// the dynamic ones (RFC 6335, section 6).
fn range() -> (u16, u16) {
    let said = if cfg!(target_os = "linux") {
        std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()
    } else {
        None
    };
    said.and_then(|said| {
        let mut bounds = said.split_whitespace().map(|bound| bound.parse().ok());
        let (first, last) = (bounds.next()??, bounds.next()??);
        (0 < first && first <= last).then_some((first, last))
    })
    .unwrap_or((49_152, u16::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn sources(ports: &mut Ports, server: &str, count: usize) -> Vec<SocketAddr> {
        let server = server.parse().expect("an address");
        (0..count).map(|_| ports.take(server)).collect()
    }

    #[test]
    fn each_is_taken_once_before_any_is_taken_again() {
        let mut ports = Ports::from(40_000, 4, 3);
        let once = sources(&mut ports, "192.0.2.1:8000", 4);
        let once: Vec<_> = once.iter().map(SocketAddr::port).collect();
        assert_eq!(once, [40_003, 40_000, 40_001, 40_002]);
        assert!(!ports.used_up());
        let again = sources(&mut ports, "192.0.2.1:8000", 1);
        assert_eq!(again[0].port(), 40_003);
        assert!(ports.used_up());
    }

    #[test]
    fn a_loopback_has_more_addresses() {
        const SERVER: &str = "127.0.0.1:40000"; // its own port isn't taken
        let mut ports = Ports::from(40_000, 4, 3);
        let once = sources(&mut ports, SERVER, 3 * 254);
        assert!(once.iter().all(|source| source.port() != 40_000));
        let distinct: BTreeSet<_> = once.iter().collect();
        assert_eq!(distinct.len(), 3 * 254);
        assert!(!ports.used_up());
        let again = sources(&mut ports, SERVER, 9);
        assert!(ports.used_up());
        assert!(
            again.iter().all(|source| distinct.contains(source)),
            "{again:?}"
        );
    }

    #[test]
    fn the_range_of_this_system_is_one() {
        let (first, last) = range();
        assert!(0 < first && first <= last);
    }
}
