//! What Linux's TCP saw of a connection (`TCP_INFO`, tcp(7); `struct tcp_info` of linux/tcp.h).
//!
//! No library hands it out safely, so nix's macro makes the call, as it does for other options.

use core::time::Duration;
use std::fs;
use std::os::fd::AsFd;

use greet_core::probe::LinkCounters;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::GetStruct;
use nix::{getsockopt_impl, libc};

use super::{Told, mss};

/// What is read of it, in words of 32 bits: up to `tcpi_snd_wnd`, which Linux 5.4 added.
const WORDS: usize = 58;

#[derive(Clone, Copy)]
struct Info;

getsockopt_impl!(
    Info,
    libc::IPPROTO_TCP,
    libc::TCP_INFO,
    [u32; WORDS],
    GetStruct<[u32; WORDS]>
);

/// Whether this Linux has all that is read here. An older one fills less, for which nix's getter has no
/// answer.
pub(in super::super) fn is_told() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease");
    release.is_ok_and(|release| is_new_enough(&release))
}

fn is_new_enough(release: &str) -> bool {
    let mut numbers = release
        .split(['.', '-'])
        .map(|n| n.trim().parse::<u32>().ok());
    let version = (numbers.next().flatten(), numbers.next().flatten());
    version >= (Some(5), Some(4))
}

/// What a socket tells. Call this only if [`is_told`].
pub(in super::super) fn of(socket: &impl AsFd) -> Option<Told> {
    let info = getsockopt(socket, Info).ok()?;
    Some(read(&info))
}

// Where it stands, by words.
const STATE: usize = 0;
const OPTIONS: usize = 1;
const SND_MSS: usize = 4;
const RTT: usize = 17;
const RTT_VARIATION: usize = 18;
const TOTAL_RETRANS: usize = 25;
const SEGS_OUT: usize = 34;
const SEGS_IN: usize = 35;
const DSACK_DUPS: usize = 54;
const REORD_SEEN: usize = 55;
const RCV_OOOPACK: usize = 56;
const SND_WND: usize = 57;

// `tcpi_state`. Of the first and the last of these, a close sends FIN, or RST.
const ESTABLISHED: u8 = 1;
const SYN_SENT: u8 = 2;
const CLOSE: u8 = 7;
const CLOSE_WAIT: u8 = 8;

/// `tcpi_options`: each segment has a time stamp (RFC 7323).
const TIMESTAMPS: u8 = 1;

fn read(info: &[u32; WORDS]) -> Told {
    let [state, ..] = info[STATE].to_ne_bytes();
    let [_, options, ..] = info[OPTIONS].to_ne_bytes();
    let last = u32::from(matches!(state, ESTABLISHED | CLOSE_WAIT));
    let mut seen = LinkCounters::default();
    seen.sent = info[SEGS_OUT].saturating_add(last);
    seen.sent_again = info[TOTAL_RETRANS];
    seen.needless = info[DSACK_DUPS];
    seen.received = info[SEGS_IN];
    seen.out_of_order = info[RCV_OOOPACK];
    seen.overtaken = info[REORD_SEEN];
    seen.window = Some(info[SND_WND]).filter(|window| *window > 0);
    let micros = |word: usize| Duration::from_micros(info[word].into());
    seen.rtt = (info[RTT] > 0).then(|| (micros(RTT), micros(RTT_VARIATION)));
    let has_stamps = options & TIMESTAMPS != 0;
    seen.mss = mss(info[SND_MSS], has_stamps, seen.window, state == SYN_SENT);
    Told {
        seen,
        is_closed: state == CLOSE,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_release_says_whether_all_is_there() {
        for (release, told) in [
            ("5.4.0-42-generic\n", true),
            ("6.18.44", true),
            ("10.0", true),
            ("5.3.18", false),
            ("4.19.0", false),
            ("", false),
        ] {
            assert_eq!(is_new_enough(release), told, "{release}");
        }
    }

    #[test]
    fn a_connection_is_told() {
        assert!(is_told(), "CI has a Linux that tells");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut here =
            TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        let (mut there, _) = listener.accept().expect("a client");
        here.write_all(b"Ada").expect("it is open");
        here.shutdown(Shutdown::Write).expect("it is open");
        let mut name = String::new();
        there.read_to_string(&mut name).expect("it was sent");
        let told = of(&here).expect("a socket of TCP");
        assert!(!told.is_closed);
        assert!(told.seen.sent >= 4 && told.seen.received >= 1, "{told:?}");
        assert_eq!(told.seen.sent_again, 0);
        // Loopback has an MTU of 65536 bytes.
        assert!(told.seen.mss.is_some_and(|mss| mss > 1460), "{told:?}");
        assert!(
            told.seen.window.is_some_and(|window| window > 1460),
            "{told:?}"
        );
        drop(there);
        let mut rest = Vec::new();
        here.read_to_end(&mut rest).expect("FIN");
        // What FIN is acknowledged by leaves at once.
        assert!(of(&here).expect("a socket").is_closed);
    }
}
