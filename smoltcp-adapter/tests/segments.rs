//! Which bytes may be all that a client has sent at once: fewer than a segment of this connection
//! carries, whichever side keeps them small.

mod support;

use greet_core::limits::Limits;
use greet_core::server::Server;
use greet_core::time::Instant;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use smoltcp::phy::Medium;
use smoltcp::wire::IpAddress;
use smoltcp::wire::TcpControl::{None as Nothing, Psh, Rst, Syn};
use support::peer::{Peer, Tap};
use support::{NOW, Path};

/// The settle time of the default limits, and then some.
const SETTLED: Instant = Instant::from_millis(1_100);

/// Whether a name of so many bytes that came at once is taken for whole at once; else it is after
/// it has settled. `waits`: its client had to wait in the backlog first.
fn is_taken_at_once<const WINDOW: usize>(
    path: Path,
    mtu: usize,
    mss: u16,
    len: usize,
    waits: bool,
) -> bool {
    let tap = Tap {
        mtu,
        ..Tap::default()
    };
    let mut slots = SocketSlots::<1, 1>::new();
    let mut places = TcpBuffers::<1, WINDOW, 1031>::new();
    let mut stack = path.stack_on(tap, &mut slots);
    let listener = stack.net().listen(&mut places, 8000).expect("room");
    let mut server = Server::<_, 1>::new(Limits::DEFAULT);
    let peer = |port| {
        let mut peer = Peer::new(port);
        if path.address == Path::V6 {
            let address = IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 2);
            peer.addresses = [address, Path::V6];
        }
        peer
    };
    let mut greeted = 0;
    let mut poll = |stack: &mut greet_smoltcp::stack::Stack<'_, Tap>, now| {
        stack.poll(now, |net| server.poll(&mut listener.on(net), now, |_| ()));
        greeted = server.tally().greeted;
        greeted
    };
    let (mut first, mut client) = (peer(1_000), peer(2_000));
    if waits {
        first.mss = 1_460;
        first.send(stack.device(), Syn, &[]);
        poll(&mut stack, NOW);
        first.take(stack.device());
    }
    client.mss = mss;
    client.send(stack.device(), Syn, &[]);
    poll(&mut stack, NOW);
    if waits {
        first.send(stack.device(), Rst, &[]);
        poll(&mut stack, NOW);
    }
    assert_eq!(client.take(stack.device()).len(), 1, "SYN and ACK");
    client.send(stack.device(), Nothing, &[]);
    poll(&mut stack, NOW);
    client.send(stack.device(), Psh, &vec![b'x'; len]);
    let at_once = poll(&mut stack, NOW);
    assert_eq!(poll(&mut stack, SETTLED), 1, "greeted at last");
    at_once == 1
}

const V4: Path = Path::IP;
const V6: Path = Path {
    medium: Medium::Ip,
    address: Path::V6,
};

/// A segment carries so many bytes.
fn assert_segment(path: Path, mtu: usize, mss: u16, expected: usize) {
    for waits in [false, true] {
        let what = format!("MTU {mtu}, MSS {mss}, {path:?}, waits: {waits}");
        assert!(
            is_taken_at_once::<2048>(path, mtu, mss, expected - 1, waits),
            "{what}"
        );
        assert!(
            !is_taken_at_once::<2048>(path, mtu, mss, expected, waits),
            "{what}"
        );
    }
}

#[test]
fn by_default_a_segment_may_carry_no_more_than_536_bytes() {
    for path in [V4, V6] {
        assert_segment(path, 1_500, 1_460, 536);
        assert_segment(path, 1_500, 536, 536);
    }
}

#[test]
fn a_client_that_announces_smaller_segments_sends_smaller_ones() {
    for path in [V4, V6] {
        assert_segment(path, 1_500, 535, 535);
        assert_segment(path, 1_500, 300, 300);
    }
}

/// What we announce is the MTU without the headers of IP and TCP.
#[test]
fn a_device_with_a_small_mtu_gets_smaller_segments() {
    assert_segment(V4, 576, 1_460, 536);
    assert_segment(V4, 575, 1_460, 535);
    assert_segment(V6, 596, 1_460, 536);
    assert_segment(V6, 400, 1_460, 340);
    assert_segment(V4, 400, 1_460, 360);
    assert_segment(V4, 400, 100, 100);
}

/// Linux fills at most half of a window of more than 536 bytes with one segment, and one of fewer whole.
#[test]
fn a_window_that_a_sender_fills_in_pieces_is_a_segment_no_longer_than_a_piece() {
    fn assert_piece<const WINDOW: usize>(expected: usize) {
        for (len, is_whole) in [(expected - 1, true), (expected, false)] {
            let at_once = is_taken_at_once::<WINDOW>(V4, 1_500, 1_460, len, false);
            assert_eq!(at_once, is_whole, "{len} bytes into a window of {WINDOW}");
        }
    }
    assert_piece::<1072>(536);
    assert_piece::<1071>(535);
    assert_piece::<1025>(512);
    assert_piece::<600>(300);
    assert_piece::<536>(536);
    assert_piece::<500>(500);
}
