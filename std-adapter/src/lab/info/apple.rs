//! What macOS tells (`TCP_CONNECTION_INFO`; `struct tcp_connection_info` of its netinet/tcp.h).
//!
//! The struct is read as words: libc declares its bit field as seventeen words more than it has. Only segments with
//! text are counted, so the loss of a SYN or FIN doesn't show, nor what was sent again in vain.

use core::time::Duration;

use greet_core::probe::LinkCounters;
#[cfg(target_vendor = "apple")]
use nix::{getsockopt_impl, libc, sys::socket::getsockopt, sys::socket::sockopt::GetStruct};

use super::{Told, mss};

/// All of it, in words of 32 bits.
const WORDS: usize = 28;

#[cfg(target_vendor = "apple")]
#[derive(Clone, Copy)]
struct Info;

#[cfg(target_vendor = "apple")]
getsockopt_impl!(
    Info,
    libc::IPPROTO_TCP,
    libc::TCP_CONNECTION_INFO,
    [u32; WORDS],
    GetStruct<[u32; WORDS]>
);

/// Each macOS does that Rust has a standard library for.
#[cfg(target_vendor = "apple")]
pub(in super::super) fn is_told() -> bool {
    true
}

/// What a socket tells: nothing once it was reset.
#[cfg(target_vendor = "apple")]
pub(in super::super) fn of(socket: &impl std::os::fd::AsFd) -> Option<Told> {
    let info = getsockopt(socket, Info).ok()?;
    Some(read(&info))
}

// Where it stands, by words. Counters have two.
const STATE: usize = 0;
const OPTIONS: usize = 1;
const MAX_SEG: usize = 4;
const SND_WND: usize = 7;
const SRTT: usize = 11;
const RTT_VAR: usize = 12;
const TX_PACKETS: usize = 14;
const RX_PACKETS: usize = 20;
const RX_OUT_OF_ORDER_BYTES: usize = 24;
const TX_RETRANSMIT_PACKETS: usize = 26;

// `tcpi_state` (netinet/tcp_fsm.h).
const CLOSED: u8 = 0;
const SYN_SENT: u8 = 2;
const TIME_WAIT: u8 = 10;

/// `tcpi_options`: each segment has a time stamp (RFC 7323).
const TIMESTAMPS: u32 = 1;

fn read(info: &[u32; WORDS]) -> Told {
    let [state, ..] = info[STATE].to_ne_bytes();
    let count = |word: usize| {
        let mut bytes = [0; 8];
        let (first, second) = bytes.split_at_mut(4);
        first.copy_from_slice(&info[word].to_ne_bytes());
        second.copy_from_slice(&info[word + 1].to_ne_bytes());
        u32::try_from(u64::from_ne_bytes(bytes)).unwrap_or(u32::MAX)
    };
    let mut seen = LinkCounters::default();
    seen.sent = count(TX_PACKETS);
    seen.sent_again = count(TX_RETRANSMIT_PACKETS);
    seen.received = count(RX_PACKETS);
    seen.window = Some(info[SND_WND]).filter(|window| *window > 0);
    let millis = |word: usize| Duration::from_millis(info[word].into());
    seen.rtt = (info[SRTT] > 0).then(|| (millis(SRTT), millis(RTT_VAR)));
    let has_stamps = info[OPTIONS] & TIMESTAMPS != 0;
    seen.mss = mss(info[MAX_SEG], has_stamps, seen.window, state == SYN_SENT);
    // It counts bytes: as many segments, if each was full.
    seen.out_of_order = count(RX_OUT_OF_ORDER_BYTES).div_ceil(info[MAX_SEG].max(1));
    Told {
        seen,
        is_closed: matches!(state, CLOSED | TIME_WAIT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTABLISHED: u8 = 4;

    #[test]
    fn words_are_read_where_they_stand() {
        let mut info = [0; WORDS];
        let mut put = |word: usize, bytes: &[u8]| {
            for (word, bytes) in (word..).zip(bytes.chunks(4)) {
                info[word] = u32::from_ne_bytes(bytes.try_into().expect("whole words"));
            }
        };
        put(STATE, &[ESTABLISHED, 6, 6, 0]);
        put(OPTIONS, &TIMESTAMPS.to_ne_bytes());
        put(MAX_SEG, &1448_u32.to_ne_bytes());
        put(SND_WND, &65_160_u32.to_ne_bytes());
        put(SRTT, &12_u32.to_ne_bytes());
        put(RTT_VAR, &3_u32.to_ne_bytes());
        put(TX_PACKETS, &9_u64.to_ne_bytes());
        put(RX_PACKETS, &8_u64.to_ne_bytes());
        put(RX_OUT_OF_ORDER_BYTES, &1500_u64.to_ne_bytes());
        put(TX_RETRANSMIT_PACKETS, &(1_u64 << 40).to_ne_bytes());
        let Told { seen, is_closed } = read(&info);
        assert!(!is_closed);
        assert_eq!((seen.sent, seen.received), (9, 8));
        assert_eq!((seen.sent_again, seen.out_of_order), (u32::MAX, 2));
        assert_eq!((seen.mss, seen.window), (Some(1460), Some(65_160)));
        let millis = Duration::from_millis;
        assert_eq!(seen.rtt, Some((millis(12), millis(3))));

        info[STATE] = u32::from_ne_bytes([TIME_WAIT, 6, 6, 0]);
        assert!(read(&info).is_closed);
        info[STATE] = u32::from_ne_bytes([SYN_SENT, 0, 0, 0]);
        assert_eq!(read(&info).seen.mss, None);
    }
}
