//! Which errors of the system speak of this machine, or of the way to the server that is probed, and not
//! of the server.

use std::io;

use greet_core::probe::StackError;

const FILES: &str = "this machine lacks files (raise the limit with `ulimit -n`)";
const PORTS: &str = "this machine lacks ports (wait a minute for those of earlier connections)";
const MEMORY: &str = "this machine lacks memory";
const LEAVE: &str = "this machine doesn't let it out (is there a firewall or a sandbox?)";

/// What the system says where no way leads to the server, and what can be done.
pub(super) fn no_route(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::HostUnreachable => Some(
            "no such host in reach (is it on, is the address right, and does it answer ARP, or \
             neighbor discovery?)",
        ),
        io::ErrorKind::NetworkUnreachable => Some(
            "this machine has no route there (is the address right, and has an interface one of \
             that network?)",
        ),
        io::ErrorKind::NetworkDown => {
            Some("the interface that leads there is down (is the cable in?)")
        }
        _ => None,
    }
}

/// Whether the server refuses what couldn't be begun, or this machine lacks something for it.
pub(super) fn classify(error: &io::Error) -> StackError {
    use io::ErrorKind::{AddrInUse, AddrNotAvailable, OutOfMemory, PermissionDenied};
    let lack = match error.kind() {
        // `connect` and `bind` where the system chooses the port.
        AddrNotAvailable | AddrInUse => Some(PORTS),
        OutOfMemory => Some(MEMORY),
        PermissionDenied => Some(LEAVE),
        _ => error.raw_os_error().and_then(without_kind),
    };
    match (lack, no_route(error.kind())) {
        (Some(lack), _) => StackError::Lacks(lack),
        (None, Some(sentence)) => StackError::NoRoute(sentence),
        (None, None) => StackError::Refused(error.kind().into()),
    }
}

/// Those that the standard library has no stable name for.
#[cfg(unix)]
fn without_kind(code: i32) -> Option<&'static str> {
    use rustix::io::Errno;
    match Errno::from_raw_os_error(code) {
        Errno::MFILE | Errno::NFILE => Some(FILES),
        Errno::NOBUFS => Some(MEMORY),
        _ => None,
    }
}

/// Those that the standard library has no stable name for.
#[cfg(windows)]
fn without_kind(code: i32) -> Option<&'static str> {
    match code {
        10024 => Some(FILES),  // WSAEMFILE
        10055 => Some(MEMORY), // WSAENOBUFS
        _ => None,
    }
}

#[cfg(not(any(unix, windows)))]
fn without_kind(_code: i32) -> Option<&'static str> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Error;

    use greet_core::probe::StackError;
    use rustix::io::Errno;

    use super::classify;

    #[test]
    fn row_10_what_this_machine_lacks_is_told_from_a_refusal() {
        for (errno, lack) in [
            (Errno::MFILE, "lacks files"),
            (Errno::NFILE, "lacks files"),
            (Errno::ADDRNOTAVAIL, "lacks ports"),
            (Errno::ADDRINUSE, "lacks ports"),
            (Errno::NOBUFS, "lacks memory"),
            (Errno::NOMEM, "lacks memory"),
            (Errno::PERM, "firewall"),
        ] {
            let error = classify(&Error::from(errno));
            assert!(
                matches!(error, StackError::Lacks(sentence) if sentence.contains(lack)),
                "{errno}"
            );
        }
        for errno in [Errno::HOSTUNREACH, Errno::NETUNREACH, Errno::NETDOWN] {
            let error = classify(&Error::from(errno));
            assert!(matches!(error, StackError::NoRoute(_)), "{errno}");
        }
        for errno in [Errno::CONNREFUSED, Errno::CONNRESET] {
            let error = classify(&Error::from(errno));
            assert!(matches!(error, StackError::Refused(_)), "{errno}");
        }
    }
}
