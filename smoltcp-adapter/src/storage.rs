//! The memory that a user reserves: slots for sockets, and buffers for what they carry.
//!
//! All of it is `const` to make, and zeros at first, so that a `static` can hold it at no cost in
//! flash, and nothing else in this crate needs memory of its own. Only sizes live here, no
//! behaviour.

use core::fmt;
use core::mem::ManuallyDrop;

use smoltcp::iface::SocketStorage;
use smoltcp::socket::udp;
use syn_backlog::queue::Place;

use crate::entry::SocketEntry;

/// Room for `SOCKETS` sockets of all kinds, and for `BACKLOG` clients that wait for one.
///
/// smoltcp has no backlog: whoever connects while no socket listens is reset. This one keeps such
/// clients' first segments (136 bytes each) and hands them to the next socket that listens. With
/// `BACKLOG` 0 they are ignored instead, and come back by retransmission after a second or more.
///
/// ```
/// use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
///
/// // Eight TCP sockets and one for UDP; sixteen more clients may wait.
/// let mut slots = SocketSlots::<9, 16>::new();
/// let mut places = TcpBuffers::<8, 1025, 1031>::new();
/// let mut messages = UdpBuffers::<16, 4096, 1024>::new();
/// # let _ = (&mut slots, &mut places, &mut messages);
/// ```
pub struct SocketSlots<'a, const SOCKETS: usize, const BACKLOG: usize> {
    /// Filled when it is used: an empty slot of smoltcp's isn't zeros. Never dropped, as it is
    /// borrowed for its own lifetime; nothing in it owns anything.
    pub(crate) sockets: ManuallyDrop<heapless::Vec<SocketStorage<'a>, SOCKETS>>,
    pub(crate) entries: [SocketEntry; SOCKETS],
    pub(crate) waiting: [Place; BACKLOG],
}

/// The buffers of `N` TCP sockets: `RX` bytes to receive and `TX` bytes to send for each.
///
/// The receive buffer is the window that a peer sees. A server that greets is at its best with
/// room for a whole name and one byte (1025 bytes), and a whole reply (1031 bytes). Without that
/// byte, the rest of a name that is too long comes a round trip later, which may be too late to
/// refuse it. A smaller `TX` means more segments. With an `RX` below
/// [`DEFAULT_MSS`](greet_core::limits::DEFAULT_MSS) the window splits names that would have come in
/// one segment, and the name of a client who doesn't half-close may be taken to end there.
pub struct TcpBuffers<const N: usize, const RX: usize, const TX: usize> {
    pub(crate) receive: [[u8; RX]; N],
    pub(crate) send: [[u8; TX]; N],
}

/// The buffers of one UDP socket: `SLOTS` datagrams each way, `RX` and `TX` bytes of them in all.
///
/// A datagram that finds no slot or too few bytes is lost, and no one hears of it. One longer than
/// `RX` never arrives: with `RX` of the MTU or more, all arrive, and too long ones are reported.
pub struct UdpBuffers<const SLOTS: usize, const RX: usize, const TX: usize> {
    /// Filled when it is used: an empty slot of smoltcp's isn't zeros.
    receive_slots: heapless::Vec<udp::PacketMetadata, SLOTS>,
    receive: [u8; RX],
    send_slots: heapless::Vec<udp::PacketMetadata, SLOTS>,
    send: [u8; TX],
}

impl<const SOCKETS: usize, const BACKLOG: usize> SocketSlots<'_, SOCKETS, BACKLOG> {
    /// Room with nothing in it.
    pub const fn new() -> Self {
        Self {
            sockets: ManuallyDrop::new(heapless::Vec::new()),
            entries: [const { SocketEntry::UNMANAGED }; SOCKETS],
            waiting: [const { Place::EMPTY }; BACKLOG],
        }
    }
}

impl<const N: usize, const RX: usize, const TX: usize> TcpBuffers<N, RX, TX> {
    /// Empty buffers.
    pub const fn new() -> Self {
        Self {
            receive: [[0; RX]; N],
            send: [[0; TX]; N],
        }
    }
}

impl<const SLOTS: usize, const RX: usize, const TX: usize> UdpBuffers<SLOTS, RX, TX> {
    /// Empty buffers.
    pub const fn new() -> Self {
        Self {
            receive_slots: heapless::Vec::new(),
            receive: [0; RX],
            send_slots: heapless::Vec::new(),
            send: [0; TX],
        }
    }

    /// The socket on these buffers, unbound.
    pub(crate) fn socket(&mut self) -> udp::Socket<'_> {
        udp::Socket::new(
            udp::PacketBuffer::new(
                filled(self.receive_slots.as_mut_view()),
                &mut self.receive[..],
            ),
            udp::PacketBuffer::new(filled(self.send_slots.as_mut_view()), &mut self.send[..]),
        )
    }
}

/// All of `slots`, empty as far as they haven't been used.
#[inline(never)]
pub(crate) fn filled<T: Empty>(slots: &mut heapless::VecView<T>) -> &mut [T] {
    while slots.push(T::EMPTY).is_ok() {}
    slots
}

/// What smoltcp calls an empty slot.
pub(crate) trait Empty: Sized {
    const EMPTY: Self;
}

impl Empty for SocketStorage<'_> {
    const EMPTY: Self = Self::EMPTY;
}

impl Empty for udp::PacketMetadata {
    const EMPTY: Self = Self::EMPTY;
}

impl<const SOCKETS: usize, const BACKLOG: usize> Default for SocketSlots<'_, SOCKETS, BACKLOG> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize, const RX: usize, const TX: usize> Default for TcpBuffers<N, RX, TX> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const SLOTS: usize, const RX: usize, const TX: usize> Default for UdpBuffers<SLOTS, RX, TX> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const SOCKETS: usize, const BACKLOG: usize> fmt::Debug for SocketSlots<'_, SOCKETS, BACKLOG> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketSlots")
            .field("sockets", &SOCKETS)
            .field("backlog", &BACKLOG)
            .finish_non_exhaustive()
    }
}

impl<const N: usize, const RX: usize, const TX: usize> fmt::Debug for TcpBuffers<N, RX, TX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpBuffers")
            .field("sockets", &N)
            .field("rx", &RX)
            .field("tx", &TX)
            .finish_non_exhaustive()
    }
}

impl<const SLOTS: usize, const RX: usize, const TX: usize> fmt::Debug
    for UdpBuffers<SLOTS, RX, TX>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpBuffers")
            .field("slots", &SLOTS)
            .field("rx", &RX)
            .field("tx", &TX)
            .finish_non_exhaustive()
    }
}
