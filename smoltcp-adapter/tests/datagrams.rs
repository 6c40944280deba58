//! Datagrams: which are refused, lost or kept waiting, and that none is damaged.

mod support;

use std::net::{IpAddr, SocketAddr};
use std::task::Poll;

use greet_core::time::Instant;
use greet_core::transport::{Datagram, Datagrams, Local};
use greet_smoltcp::datagrams::Binding;
use greet_smoltcp::error::DatagramError;
use greet_smoltcp::loopback::Loopback;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, UdpBuffers};
use smoltcp::phy::{self, Device, DeviceCapabilities};
use smoltcp::time;
use smoltcp::wire::{IpAddress, IpCidr};
use support::{NOW, Path, Ring};

#[test]
fn a_datagram_that_can_never_be_sent_is_an_error() {
    for (path, headers) in Path::ALL.into_iter().zip([28, 48, 28 + 14, 48 + 14]) {
        let mut slots = SocketSlots::<3, 0>::new();
        let mut inbox = UdpBuffers::<4, 2_000, 0>::new();
        let mut large = UdpBuffers::<4, 0, 2_000>::new();
        let mut small = UdpBuffers::<4, 0, 100>::new();
        let mut stack = path.stack(&mut slots);
        let net = stack.net();
        let inbox = net.bind(&mut inbox, 8001).unwrap();
        let large = net.bind(&mut large, 0).unwrap();
        let small = net.bind(&mut small, 0).unwrap();
        let (to, bytes) = (path.port(8001), [7; 1_500]);
        let max = 1_514 - headers;
        let too_long = Poll::Ready(Err(DatagramError::TooLong { max }));
        assert_eq!(
            large
                .on(net)
                .send_to(&bytes[..=max.min(1_499)], to, Local::default()),
            too_long
        );
        let too_long = Poll::Ready(Err(DatagramError::TooLong { max: 100 }));
        assert_eq!(
            small.on(net).send_to(&bytes[..101], to, Local::default()),
            too_long
        );
        assert_eq!(
            small.on(net).send_to(&bytes[..100], to, Local::default()),
            Poll::Ready(Ok(()))
        );
        let nowhere = Poll::Ready(Err(DatagramError::Address));
        assert_eq!(
            small.on(net).send_to(b"", path.port(0), Local::default()),
            nowhere
        );
        // The longest one arrives whole.
        assert_eq!(
            large.on(net).send_to(&bytes[..max], to, Local::default()),
            Poll::Ready(Ok(()))
        );
        stack.poll(NOW, |_| Instant::NEVER);
        let mut lengths = Vec::new();
        while let Poll::Ready(Ok(Datagram { len, .. })) =
            inbox.on(stack.net()).receive_from(&mut [0; 10])
        {
            lengths.push(len);
        }
        lengths.sort_unstable();
        assert_eq!(
            lengths,
            [100, max],
            "{path:?}: also if the buffer has only 10 bytes"
        );
    }
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    for path in [Path::IP, Path::ALL[1]] {
        let mut slots = SocketSlots::<2, 0>::new();
        let mut inbox = UdpBuffers::<4, 100, 100>::new();
        let mut outbox = UdpBuffers::<4, 100, 100>::new();
        let second = match path.address {
            IpAddress::Ipv4(_) => IpAddress::v4(192, 0, 2, 3),
            IpAddress::Ipv6(_) => IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 3),
        };
        let mut stack = path.stack(&mut slots);
        let net = stack.net();
        net.add_address(IpCidr::new(second, 24)).unwrap();
        let inbox = net.bind(&mut inbox, 8001).unwrap();
        let outbox = net.bind(&mut outbox, 0).unwrap();
        for asked in [path.address, second] {
            let asked = SocketAddr::new(asked.into(), 8001);
            let sent = outbox
                .on(stack.net())
                .send_to(b"x", asked, Local::default());
            assert_eq!(sent, Poll::Ready(Ok(())));
            stack.poll(NOW, |_| Instant::NEVER);
            let answer = answer(&inbox, &outbox, &mut stack);
            assert_eq!(answer, (Some(asked.ip()), asked), "{path:?}");
        }
    }
}

/// Nobody could take an answer from a broadcast or multicast address for what it is.
#[test]
fn what_was_sent_to_many_is_answered_from_an_address_of_one() {
    let to_many = [
        (Path::IP, IpAddress::v4(255, 255, 255, 255)),
        (Path::IP, IpAddress::v4(192, 0, 2, 255)),
        (Path::ALL[1], IpAddress::v6(0xff02, 0, 0, 0, 0, 0, 0, 1)),
    ];
    for (path, many) in to_many {
        let mut slots = SocketSlots::<2, 0>::new();
        let mut inbox = UdpBuffers::<4, 100, 100>::new();
        let mut outbox = UdpBuffers::<4, 100, 100>::new();
        let mut stack = path.stack(&mut slots);
        let inbox = stack.net().bind(&mut inbox, 8001).unwrap();
        let outbox = stack.net().bind(&mut outbox, 0).unwrap();
        let asked = SocketAddr::new(many.into(), 8001);
        let sent = outbox
            .on(stack.net())
            .send_to(b"x", asked, Local::default());
        assert_eq!(sent, Poll::Ready(Ok(())), "{many}");
        stack.poll(NOW, |_| Instant::NEVER);
        let answer = answer(&inbox, &outbox, &mut stack);
        assert_eq!(answer, (None, path.port(8001)), "{many}");
    }
}

/// Answers what has come, by what came with it: the address that was asked, and the one from which
/// the answer came.
fn answer<D: Device>(
    inbox: &Binding,
    outbox: &Binding,
    stack: &mut Stack<'_, D>,
) -> (Option<IpAddr>, SocketAddr) {
    let Poll::Ready(Ok(Datagram { from, local, .. })) =
        inbox.on(stack.net()).receive_from(&mut [0; 1])
    else {
        panic!("nothing came");
    };
    let sent = inbox.on(stack.net()).send_to(b"y", from, local);
    assert_eq!(sent, Poll::Ready(Ok(())));
    stack.poll(NOW, |_| Instant::NEVER);
    let Poll::Ready(Ok(answer)) = outbox.on(stack.net()).receive_from(&mut [0; 1]) else {
        panic!("no answer to {from}");
    };
    (local.address, answer.from)
}

#[test]
fn corrupted_frames_never_reach_anybody() {
    let path = Path::IP;
    let mut slots = SocketSlots::<2, 0>::new();
    let mut inbox = UdpBuffers::<4, 2_000, 0>::new();
    let mut sender = UdpBuffers::<4, 0, 2_000>::new();
    let device = Flipping {
        ring: Ring::new(path.medium),
        bit: None,
    };
    let mut stack = path.stack_on(device, &mut slots);
    let inbox = stack.net().bind(&mut inbox, 8001).unwrap();
    let sender = stack.net().bind(&mut sender, 0).unwrap();
    let mut arrived = 0;
    // Every bit of a datagram of 100 bytes and of its headers, and none at last.
    for bit in (0..128 * 8).map(Some).chain([None]) {
        stack.device().bit = bit;
        let sent = sender
            .on(stack.net())
            .send_to(&[7; 100], path.port(8001), Local::default());
        assert_eq!(sent, Poll::Ready(Ok(())));
        stack.poll(NOW, |_| Instant::NEVER);
        let mut buffer = [0; 100];
        while inbox.on(stack.net()).receive_from(&mut buffer).is_ready() {
            arrived += 1;
            assert!(
                !matches!(bit, Some(160..)),
                "bit {bit:?} was flipped, and it arrived"
            );
        }
    }
    assert_eq!(arrived, 1, "the intact one");
}

#[test]
fn a_full_ring_makes_the_stack_wait_and_loses_nothing() {
    let path = Path::IP;
    let mut slots = SocketSlots::<2, 0>::new();
    let mut inbox = UdpBuffers::<32, 2_000, 0>::new();
    let mut sender = UdpBuffers::<32, 0, 2_000>::new();
    let mut stack = path.stack_on(Loopback::<2, 200>::new(path.medium), &mut slots);
    let inbox = stack.net().bind(&mut inbox, 8001).unwrap();
    let sender = stack.net().bind(&mut sender, 0).unwrap();
    for number in 0..32 {
        let sent = sender
            .on(stack.net())
            .send_to(&[number], path.port(8001), Local::default());
        assert_eq!(sent, Poll::Ready(Ok(())));
    }
    let sent = sender
        .on(stack.net())
        .send_to(&[32], path.port(8001), Local::default());
    assert_eq!(sent, Poll::Pending, "no slot is free");
    assert_eq!(stack.poll(NOW, |_| Instant::NEVER), Instant::NEVER);
    for number in 0..32 {
        let mut buffer = [0; 1];
        let received = inbox.on(stack.net()).receive_from(&mut buffer);
        assert!(matches!(received, Poll::Ready(Ok(Datagram { len: 1, .. }))));
        assert_eq!(buffer, [number], "in order");
    }
}

/// The loopback, with one bit of each frame flipped on its way.
struct Flipping {
    ring: Ring,
    bit: Option<usize>,
}

struct Flipped<'t>(<Ring as Device>::RxToken<'t>, Option<usize>);

impl phy::RxToken for Flipped<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        self.0.consume(|frame| {
            let mut frame = frame.to_vec();
            if let Some(bit) = self.1 {
                frame[bit / 8] ^= 1 << (bit % 8);
            }
            read(&frame)
        })
    }
}

impl Device for Flipping {
    type RxToken<'t> = Flipped<'t>;
    type TxToken<'t> = <Ring as Device>::TxToken<'t>;

    fn receive(&mut self, now: time::Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (frame, answer) = self.ring.receive(now)?;
        Some((Flipped(frame, self.bit), answer))
    }

    fn transmit(&mut self, now: time::Instant) -> Option<Self::TxToken<'_>> {
        self.ring.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.ring.capabilities()
    }
}
