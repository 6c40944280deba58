//! What went wrong with a greeting: in words, and whether the server has any part in it.

use std::io;

/// What this machine ran out of, which says nothing about the server. `None`: another error.
pub fn lack(error: &io::Error) -> Option<&'static str> {
    /// EMFILE and ENFILE on every Unix, WSAEMFILE on Windows, for which the standard library has no
    /// stable name.
    const FILES: &[i32] = if cfg!(unix) { &[24, 23] } else { &[10024] };
    /// ENOBUFS: of Linux, of the BSDs and macOS, of Windows.
    const BUFFERS: i32 = if cfg!(windows) {
        10055
    } else if cfg!(target_os = "linux") {
        105
    } else {
        55
    };
    match (error.kind(), error.raw_os_error()) {
        // `connect` says the one, `bind` of a port that the system chooses the other.
        (io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse, _) => Some(
            "no port is free on this machine (wait a minute for those of earlier connections, or \
             ask for fewer with --rate)",
        ),
        (_, Some(code)) if FILES.contains(&code) => Some(
            "too many files are open on this machine (raise the limit with `ulimit -n`, or ask for \
             fewer clients with -c)",
        ),
        (io::ErrorKind::OutOfMemory, _) | (_, Some(BUFFERS)) => {
            Some("this machine is short of memory (ask for fewer clients with -c)")
        }
        _ => None,
    }
}

/// What went wrong, and what to do.
pub fn sentence(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "connection refused (is a server running there?)".to_owned()
        }
        io::ErrorKind::ConnectionReset => "the server reset the connection".to_owned(),
        io::ErrorKind::TimedOut => "no whole reply in time".to_owned(),
        _ => lack(error).map_or_else(|| error.to_string(), str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::{lack, sentence};

    #[test]
    fn no_free_port_is_a_sentence_that_says_what_to_do() {
        for kind in [ErrorKind::AddrNotAvailable, ErrorKind::AddrInUse] {
            let sentence = sentence(&Error::from(kind));
            assert!(sentence.starts_with("no port is free on this machine"));
            assert!(sentence.contains("--rate"));
        }
    }

    #[test]
    fn what_this_machine_lacks_is_not_the_servers_fault() {
        for kind in [ErrorKind::AddrNotAvailable, ErrorKind::OutOfMemory] {
            assert!(lack(&Error::from(kind)).is_some(), "{kind}");
        }
        #[cfg(unix)]
        for code in [23, 24] {
            assert!(lack(&Error::from_raw_os_error(code)).is_some(), "{code}");
        }
        for kind in [
            ErrorKind::ConnectionRefused,
            ErrorKind::ConnectionReset,
            ErrorKind::TimedOut,
            ErrorKind::Other,
        ] {
            assert_eq!(lack(&Error::from(kind)), None, "{kind}");
        }
    }
}
