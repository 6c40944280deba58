//! No peer can make a stack send without end: frames leave because frames came, because the
//! application has something to send, or because a timer that doubles its pauses says so.

mod support;

use std::task::Poll;
use std::time::Duration;

use greet_core::time::Instant;
use greet_core::transport::{Datagrams, Local, Stream};
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use smoltcp::phy::{Device, DeviceCapabilities};
use smoltcp::time;
use smoltcp::wire::TcpControl::{Fin, None as Nothing, Psh, Syn};
use smoltcp::wire::{Ipv4Packet, TcpPacket};
use support::host::Host;
use support::peer::{Given, PEER, Peer, Taken, Tap};
use support::{NOW, Path, SECOND};

/// In FIN-WAIT-2 smoltcp 0.14 never rewinds the timer that probes a closed window.
#[test]
fn four_frames_that_leave_a_window_closed_in_fin_wait_2_cost_less_than_twenty() {
    let mut host = Host::new::<0>();
    let mut peer = Peer::new(10_000);
    host.send(&mut peer, Syn, &[]);
    host.taken(&mut peer);
    host.send(&mut peer, Psh, b"World");
    host.taken(&mut peer);
    peer.window = 0;
    let end = peer.ack.expect("a reply and FIN came");
    peer.ack = Some(end - 8);
    host.send(&mut peer, Nothing, &[]);
    peer.ack = Some(end);
    host.send(&mut peer, Nothing, &[]);
    let sent = 3 + pass(&mut host, Instant::at(60 * SECOND));
    assert!(sent < 20, "{sent} frames");
    host.is_whole();
}

/// The same from the other side. The server may still answer, so the connection is not ended: it
/// is asked less and less often.
#[test]
fn a_client_in_fin_wait_2_behind_a_closed_window_sends_few_frames_and_still_gets_its_reply() {
    let mut slots = SocketSlots::<1, 0>::new();
    let mut outgoing = TcpBuffers::<1, 64, 64>::new();
    let mut stack = Path::IP.stack_on(Tap::default(), &mut slots);
    stack.net().add_clients(&mut outgoing).expect("room");
    let server = (PEER, 9).into();
    let connection = stack.net().connect(server).expect("a socket");
    let mut now = Instant::START;
    stack.poll(now, |_| Instant::NEVER);

    let mut peer = Peer::new(9);
    let frame = stack.device().outgoing.first().expect("SYN");
    let ip = Ipv4Packet::new_checked(&frame[..]).expect("IPv4");
    peer.to = TcpPacket::new_checked(ip.payload())
        .expect("TCP")
        .src_port();
    peer.take(stack.device());
    peer.send(stack.device(), Syn, &[]);
    stack.poll(now, |net| {
        let mut stream = connection.on(net);
        if stream.send(b"World").is_ready() {
            assert_eq!(stream.finish(), Poll::Ready(Ok(())));
        }
        Instant::NEVER
    });
    peer.take(stack.device());
    peer.window = 0;
    let end = peer.ack.expect("a name and FIN came");
    for ack in [end - 3, end] {
        peer.ack = Some(ack);
        peer.send(stack.device(), Nothing, &[]);
        stack.poll(now, |_| Instant::NEVER);
    }
    let mut sent = 0;
    let end = Instant::at(5 * SECOND);
    loop {
        let next = stack.poll(now, |_| Instant::NEVER);
        if next >= end {
            break;
        }
        sent += std::mem::take(&mut stack.device().outgoing).len();
        assert!(sent < 20, "{sent} frames by {now:?}");
        now = next;
    }

    peer.window = 64;
    peer.send(stack.device(), Fin, b"Hello, World");
    let mut reply = [0; 64];
    let mut read = 0;
    stack.poll(end, |net| {
        if let Poll::Ready(Ok(n @ 1..)) = connection.on(net).receive(&mut reply) {
            read = n;
        }
        Instant::NEVER
    });
    assert_eq!(&reply[..read], b"Hello, World");
    connection.release(stack.net());
}

/// A sender with more segments than turns is as fast as TCP's slow start: a frame that comes lets
/// out the next ones at once.
#[test]
fn a_reply_of_many_small_segments_takes_a_few_round_trips() {
    const ROUND_TRIP: Duration = Duration::from_millis(100);
    let mut host = Host::new::<0>();
    let mut peer = Peer::new(10_000);
    peer.mss = 48;
    host.send(&mut peer, Syn, &[]);
    host.taken(&mut peer);
    host.send(&mut peer, Fin, &[b'x'; 1_024]);
    let (mut reply, mut heard) = (0, host.now);
    loop {
        let next = host.poll();
        for segment in peer.take(host.stack.device()) {
            reply += segment.payload.len();
        }
        if reply == 1_031 {
            break;
        }
        let answer = heard + ROUND_TRIP;
        if next < answer {
            host.now = next;
        } else {
            host.now = answer;
            heard = answer;
            peer.send(host.stack.device(), Nothing, &[]);
        }
    }
    assert!(host.now < Instant::at(2 * ROUND_TRIP), "{:?}", host.now);
}

/// Datagrams are the application's: nobody answers them, and none is held back.
#[test]
fn datagrams_leave_as_fast_as_the_device_takes_them() {
    let mut slots = SocketSlots::<1, 0>::new();
    let mut buffers = UdpBuffers::<32, 64, 64>::new();
    let mut stack = Path::IP.stack_on(Tap::default(), &mut slots);
    let binding = stack.net().bind(&mut buffers, 0).expect("room");
    let to = (PEER, 9).into();
    let mut given = 0;
    for _ in 0..1_000 {
        let next = stack.poll(NOW, |net| {
            while given < 500
                && binding
                    .on(net)
                    .send_to(b"x", to, Local::default())
                    .is_ready()
            {
                given += 1;
            }
            Instant::NEVER
        });
        if next == Instant::NEVER {
            break;
        }
        assert_eq!(next, NOW, "after {given}");
    }
    assert_eq!(stack.device().outgoing.len(), 500);
}

/// Eight sockets that could send for ever, and a device on which a frame comes between any two turns.
#[test]
fn at_most_four_frames_leave_for_each_that_came_and_two_for_each_socket() {
    const SOCKETS: usize = 8;
    let mut slots = SocketSlots::<SOCKETS, 0>::new();
    let mut buffers: [_; SOCKETS] = std::array::from_fn(|_| UdpBuffers::<99, 0, 99>::new());
    let mut stack = Path::IP.stack_on(Drip::default(), &mut slots);
    let to = (PEER, 9).into();
    for buffers in &mut buffers {
        let binding = stack.net().bind(buffers, 0).expect("room");
        while binding
            .on(stack.net())
            .send_to(b"x", to, Local::default())
            .is_ready()
        {}
    }
    let mut sent = 0;
    while sent < 99 * SOCKETS {
        stack.device().came = 0;
        stack.poll(NOW, |_| Instant::NEVER);
        let came = stack.device().came;
        let left = std::mem::take(&mut stack.device().tap.outgoing).len();
        assert!(left > 0, "nothing leaves any more");
        assert!(
            left <= 4 * came + 2 * SOCKETS,
            "{left} frames left for {came}"
        );
        sent += left;
    }
}

/// A device that gives one frame whenever it is asked for some.
#[derive(Default)]
struct Drip {
    tap: Tap,
    came: usize,
    dry: bool,
}

impl Device for Drip {
    type RxToken<'t> = Taken;
    type TxToken<'t> = Given<'t>;

    fn receive(&mut self, now: time::Instant) -> Option<(Taken, Given<'_>)> {
        self.dry = !self.dry;
        if self.dry {
            return None;
        }
        self.came += 1;
        self.tap.incoming.push_back(b"noise".to_vec());
        self.tap.receive(now)
    }

    fn transmit(&mut self, now: time::Instant) -> Option<Given<'_>> {
        self.tap.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.tap.capabilities()
    }
}

/// Polls whenever the stack asks for it, up to `until`, and says how many frames left.
fn pass(host: &mut Host, until: Instant) -> usize {
    let mut sent = 0;
    loop {
        let next = host.poll();
        sent += std::mem::take(&mut host.stack.device().outgoing).len();
        assert!(sent < 1_000, "it is still sending at {:?}", host.now);
        if next > until {
            return sent;
        }
        host.now = next;
    }
}
