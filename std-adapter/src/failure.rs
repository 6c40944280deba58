//! What an error of a system call speaks of, and so when the call may be made again. Whoever takes
//! connections or datagrams asks here; no loop of its own may repeat a call that failed.
//!
//! | error | of accept | of a receive on UDP | the next try |
//! |---|---|---|---|
//! | `ECONNABORTED`, `ECONNRESET`, `ENOTCONN`, `ETIMEDOUT` | the connection is gone already | Windows: nobody was there for an answer of ours | at once |
//! | `ECONNREFUSED`, `EHOSTDOWN`, `EHOSTUNREACH`, `ENETDOWN`, `ENETUNREACH`, `ENONET`, `ENOPROTOOPT`, `EPROTO` | pending on the new connection (accept(2), *Error handling*) | an ICMP message about a datagram that was sent earlier | at once |
//! | `EPERM` | a firewall forbids this connection (accept(2)) | the system forbids it | at once; after a pause |
//! | `EINTR` | a signal | a signal | at once |
//! | `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM` | this process or machine lacks something | the same | after a pause |
//! | all else, such as `EACCES` or `ENOSYS` | a sandbox or a policy forbids it | the same | after a pause |
//!
//! That an error is a peer's is a guess: where it comes back at once again and again, it is the
//! system's. So after [`IN_A_ROW`] of them there is a pause as well. Nothing is final: a policy may be
//! lifted, and who runs the server is told.

use std::io;
use std::task::Poll;
use std::time::Duration;

use greet_core::time::Instant;

/// So many errors in a row may be peers' doing, each with its connection or datagram gone.
pub(crate) const IN_A_ROW: u32 = 64;

/// Whether an error of accept speaks of one connection alone.
pub(crate) fn is_about_connection(error: &io::Error) -> bool {
    #[cfg(target_os = "linux")]
    let is_firewall = rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::PERM);
    #[cfg(not(target_os = "linux"))]
    let is_firewall = false;
    is_firewall || is_about_peer(error)
}

/// Whether an error of a receive on a UDP socket speaks of a datagram that was sent earlier.
pub(crate) fn is_about_datagram(error: &io::Error) -> bool {
    is_about_peer(error)
}

/// Whether an error says that this process or machine has all the files open that it may.
pub(crate) fn is_lack_of_files(error: &io::Error) -> bool {
    use rustix::io::Errno;
    #[cfg(unix)]
    const LACKS: &[Errno] = &[Errno::MFILE, Errno::NFILE];
    #[cfg(not(unix))]
    const LACKS: &[Errno] = &[Errno::MFILE];
    error
        .raw_os_error()
        .is_some_and(|number| LACKS.contains(&Errno::from_raw_os_error(number)))
}

/// What can be done where this process or machine has all the files open that it may.
#[cfg(all(unix, not(target_os = "espidf")))]
pub(crate) fn lack_of_files(error: &io::Error) -> Option<String> {
    use rustix::io::Errno;
    use rustix::process::{Resource, getrlimit};
    let errno = Errno::from_raw_os_error(error.raw_os_error()?);
    if errno == Errno::NFILE {
        return Some(" (close some on this machine, or raise fs.file-max)".to_owned());
    }
    let most = match getrlimit(Resource::Nofile).current {
        Some(most) => format!("this process may have {most}"),
        None => "this process may have no more".to_owned(),
    };
    (errno == Errno::MFILE).then(|| format!(" ({most}: raise the limit with `ulimit -n`)"))
}

/// What can be done where this process has all the sockets open that it may.
#[cfg(not(all(unix, not(target_os = "espidf"))))]
pub(crate) fn lack_of_files(error: &io::Error) -> Option<String> {
    is_lack_of_files(error).then(|| " (close other programs that hold sockets)".to_owned())
}

fn is_about_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted,
        NetworkDown, NetworkUnreachable, NotConnected, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
            | NotConnected
            | TimedOut
    ) || has_no_kind(error)
}

/// Those of them that the standard library has no name for.
#[cfg(target_os = "linux")]
fn has_no_kind(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let pending = [
        Errno::PROTO,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::NONET,
    ];
    Errno::from_io_error(error).is_some_and(|errno| pending.contains(&errno))
}

#[cfg(not(target_os = "linux"))]
fn has_no_kind(_: &io::Error) -> bool {
    false
}

/// Makes a call that doesn't block, again if a signal interrupted it. `Pending`: it would block.
pub(crate) fn poll<T>(call: impl FnMut() -> io::Result<T>) -> Poll<io::Result<T>> {
    poll_past(|error| error.kind() == io::ErrorKind::Interrupted, call)
}

/// Makes a call that doesn't block, again where it failed of something else than what it asks for: at
/// most [`IN_A_ROW`] times.
pub(crate) fn poll_past<T>(
    is_of_another: impl Fn(&io::Error) -> bool,
    mut call: impl FnMut() -> io::Result<T>,
) -> Poll<io::Result<T>> {
    let mut passed = 0;
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) if passed < IN_A_ROW && is_of_another(&error) => passed += 1,
            done => return Poll::Ready(done),
        }
    }
}

/// Tells the first of failures that follow each other from the others, so that each episode is
/// reported once.
#[derive(Default)]
pub(crate) struct Episode {
    last: Option<Instant>,
}

impl Episode {
    /// So long there must be no failure, before the next one is news. Otherwise a server at its limit
    /// would report each client who takes the last descriptor.
    const END: Duration = Duration::from_secs(1);

    /// Notes a failure. Whether it is the first of its episode.
    pub(crate) fn begins(&mut self, now: Instant) -> bool {
        let last = self.last.replace(now);
        last.is_none_or(|last| now.since(last) >= Self::END)
    }

    /// It isn't over: who failed has waited until now.
    pub(crate) fn goes_on(&mut self, now: Instant) {
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_call_that_fails_of_others_without_end_fails() {
        for (kind, calls) in [
            (ErrorKind::ConnectionReset, IN_A_ROW + 1),
            (ErrorKind::Interrupted, IN_A_ROW + 1),
            (ErrorKind::OutOfMemory, 1),
        ] {
            let mut made = 0;
            let result: Poll<io::Result<()>> = poll_past(is_about_datagram, || {
                made += 1;
                Err(kind.into())
            });
            assert!(matches!(result, Poll::Ready(Err(error)) if error.kind() == kind));
            assert_eq!(made, calls, "{kind}");
        }
        let mut made = 0;
        let interrupted: Poll<io::Result<()>> = poll(|| {
            made += 1;
            Err(ErrorKind::Interrupted.into())
        });
        assert!(interrupted.is_ready());
        assert_eq!(made, IN_A_ROW + 1);
    }

    #[test]
    fn what_is_there_is_taken_past_the_errors_of_others() {
        let mut results = (0..IN_A_ROW)
            .map(|_| Err(Error::from(ErrorKind::ConnectionAborted)))
            .chain([Ok(7), Err(ErrorKind::WouldBlock.into())]);
        let mut next = || {
            poll_past(is_about_connection, || {
                results.next().expect("not asked too often")
            })
        };
        assert!(matches!(next(), Poll::Ready(Ok(7))));
        assert!(next().is_pending());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_table_holds() {
        use rustix::io::Errno;
        let about = |errno: Errno| {
            let error = Error::from(errno);
            (is_about_connection(&error), is_about_datagram(&error))
        };
        for errno in [
            Errno::CONNABORTED,
            Errno::CONNREFUSED,
            Errno::CONNRESET,
            Errno::HOSTDOWN,
            Errno::HOSTUNREACH,
            Errno::INTR,
            Errno::NETDOWN,
            Errno::NETUNREACH,
            Errno::NONET,
            Errno::NOPROTOOPT,
            Errno::NOTCONN,
            Errno::PROTO,
            Errno::TIMEDOUT,
        ] {
            assert_eq!(about(errno), (true, true), "{errno:?}");
        }
        assert_eq!(about(Errno::PERM), (true, false));
        for errno in [
            Errno::ACCESS,
            Errno::BADF,
            Errno::INVAL,
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOBUFS,
            Errno::NOMEM,
            Errno::NOSYS,
            Errno::NOTSOCK,
            Errno::OPNOTSUPP,
        ] {
            assert_eq!(about(errno), (false, false), "{errno:?}");
        }
    }

    #[test]
    fn an_episode_is_news_once() {
        let mut episode = Episode::default();
        let millis = Instant::from_millis;
        assert!(episode.begins(millis(0)));
        for at in [0, 100, 1_099, 2_000] {
            assert!(!episode.begins(millis(at)), "{at}");
        }
        assert!(episode.begins(millis(3_000)));
    }
}
