//! What can be done about an error of this machine's own, where its kind tells. Errors of a peer have
//! no place here.

use std::io;

/// What an operator can do where connections can't be accepted.
pub fn on_accept(error: &io::Error) -> &'static str {
    match lack(error) {
        Some(Lack::Files) => "raise the limit with `ulimit -n`, or lower --max-connections",
        Some(Lack::FilesOfMachine) => {
            "this machine has too many files open: close some, or raise fs.file-max"
        }
        Some(Lack::Memory) => "this machine lacks memory: lower --max-connections",
        None => on_refusal(error),
    }
}

/// What an operator can do where datagrams can't be received.
pub fn on_receive(error: &io::Error) -> &'static str {
    match lack(error) {
        Some(Lack::Memory) => "this machine lacks memory",
        _ => on_refusal(error),
    }
}

fn on_refusal(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "does a firewall, a sandbox or a policy forbid it?",
        io::ErrorKind::Unsupported => "does a sandbox or an old system leave it out?",
        _ => "it is tried again",
    }
}

/// What this process or machine has too few of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    Files,
    FilesOfMachine,
    Memory,
}

fn lack(error: &io::Error) -> Option<Lack> {
    /// On every Unix, which the standard library has no stable names for.
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    const ENOBUFS: i32 = if cfg!(target_os = "linux") { 105 } else { 55 };
    match error.raw_os_error() {
        Some(EMFILE) if cfg!(unix) => Some(Lack::Files),
        Some(ENFILE) if cfg!(unix) => Some(Lack::FilesOfMachine),
        Some(ENOBUFS) if cfg!(unix) => Some(Lack::Memory),
        _ if error.kind() == io::ErrorKind::OutOfMemory => Some(Lack::Memory),
        _ => None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn only_a_lack_of_files_advises_ulimit() {
        let advice = |errno: Errno| on_accept(&errno.into());
        assert!(advice(Errno::MFILE).contains("`ulimit -n`"));
        assert!(advice(Errno::NFILE).contains("fs.file-max"));
        for errno in [Errno::NOBUFS, Errno::NOMEM] {
            assert!(advice(errno).contains("lacks memory"), "{errno:?}");
        }
        for errno in [Errno::ACCESS, Errno::PERM] {
            assert!(advice(errno).contains("firewall"), "{errno:?}");
        }
        for errno in [Errno::NOSYS, Errno::OPNOTSUPP] {
            assert!(advice(errno).contains("sandbox"), "{errno:?}");
        }
        assert_eq!(advice(Errno::BADF), "it is tried again");
    }
}
