//! The link in front of a device: each fault reaches the frames of both directions, time is the
//! poll's, and what is under way says when it is due.

use core::time::Duration;
use std::collections::VecDeque;

use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{
    ChecksumCapabilities, Device, DeviceCapabilities, Loopback, Medium, RxToken, TxToken,
};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};
use smoltcp_sim::{
    Bursts, End, FaultKind, Impaired, Ladder, Link, Probability, Rule, Segment, shrink,
};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(millis: i64) -> Instant {
    Instant::from_millis(millis)
}

/// A device whose frames go out to nowhere and come from a list.
#[derive(Default)]
struct Pipe {
    sent: Vec<(Instant, Vec<u8>)>,
    coming: VecDeque<Vec<u8>>,
    is_full: bool,
}

struct Came(Vec<u8>);

struct Goes<'a>(&'a mut Pipe, Instant);

impl RxToken for Came {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl TxToken for Goes<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        self.0.sent.push((self.1, frame));
        result
    }
}

impl Device for Pipe {
    type RxToken<'a> = Came;
    type TxToken<'a> = Goes<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Came, Goes<'_>)> {
        let frame = self.coming.pop_front()?;
        Some((Came(frame), Goes(self, now)))
    }

    fn transmit(&mut self, now: Instant) -> Option<Goes<'_>> {
        (!self.is_full).then_some(Goes(self, now))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

/// Sends a frame of 40 bytes that has this number.
fn send(device: &mut Impaired<Pipe>, now: Instant, number: u16) -> bool {
    let Some(token) = device.transmit(now) else {
        return false;
    };
    token.consume(40, |frame| {
        frame[..2].copy_from_slice(&number.to_be_bytes());
    });
    true
}

fn number(frame: &[u8]) -> u16 {
    u16::from_be_bytes([frame[0], frame[1]])
}

/// Takes what has come.
fn receive(device: &mut Impaired<Pipe>, now: Instant) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some((token, _)) = device.receive(now) {
        frames.push(token.consume(<[u8]>::to_vec));
    }
    frames
}

/// Which of many frames left the device, one each millisecond.
fn sent_over(link: Link) -> (Impaired<Pipe>, Vec<(Instant, u16)>) {
    let mut device = Impaired::new(Pipe::default(), 7).outgoing(link);
    for n in 0..2000 {
        assert!(send(&mut device, at(i64::from(n)), n));
    }
    while let Some(due) = device.poll_at() {
        assert!(receive(&mut device, due).is_empty());
    }
    let sent = device.get_ref().sent.iter();
    let sent = sent.map(|(at, frame)| (*at, number(frame))).collect();
    (device, sent)
}

#[test]
fn a_link_that_does_nothing_is_not_there() {
    let (_, sent) = sent_over(Link::new());
    let same: Vec<_> = (0..2000).map(|n| (at(i64::from(n)), n)).collect();
    assert_eq!(sent, same);
    let mut device = Impaired::new(Pipe::default(), 1);
    device.get_mut().coming.extend([vec![1; 9], vec![2; 9]]);
    assert_eq!(receive(&mut device, at(0)), [vec![1; 9], vec![2; 9]]);
    assert_eq!(device.poll_at(), None);
}

#[test]
fn each_fault_happens_to_what_is_sent() {
    let (device, sent) = sent_over(Link::new().loss(Probability::percent(10)));
    assert!((150..250).contains(&device.counters().lost));
    assert_eq!(sent.len() as u64, device.counters().delivered);

    let bursts = Bursts::new(Probability::percent(1), Probability::percent(20));
    let (device, _) = sent_over(Link::new().bursts(bursts));
    assert!((50..200).contains(&device.counters().lost_in_bursts));

    let (_, sent) = sent_over(Link::new().latency(ms(300)));
    assert!(
        sent.iter()
            .all(|(time, n)| *time == at(i64::from(*n) + 300))
    );

    let (_, sent) = sent_over(Link::new().jitter(ms(20)));
    assert!(sent.iter().any(|(time, n)| *time > at(i64::from(*n) + 10)));
    assert!(sent.is_sorted_by_key(|(_, n)| *n));

    let (device, sent) = sent_over(Link::new().duplication(Probability::percent(10)));
    assert_eq!(sent.len() as u64, 2000 + device.counters().duplicated);
    assert!(device.counters().duplicated > 150);

    let (device, sent) = sent_over(Link::new().reordering(Probability::percent(10), ms(5)));
    assert!(!sent.is_sorted_by_key(|(_, n)| *n));
    assert!(device.counters().reordered > 150);

    let (device, sent) = sent_over(Link::new().corruption(Probability::percent(10)));
    let frames = device.get_ref().sent.iter().zip(&sent);
    let wrong = frames.filter(|((_, frame), _)| {
        let ones: u32 = frame[2..].iter().map(|byte| byte.count_ones()).sum();
        ones > 0
    });
    assert!(wrong.count() > 100);
    assert!(device.counters().corrupted > 150);

    // 40 bytes in 2 ms, and two of them may wait.
    let (device, _) = sent_over(Link::new().rate(160_000).queue(80));
    assert!((900..1100).contains(&device.counters().queue_full));

    let (device, _) = sent_over(Link::new().mtu(39));
    assert_eq!(device.counters().oversize, 2000);
}

#[test]
fn what_comes_is_late_by_its_own_plan() {
    let mut device = Impaired::new(Pipe::default(), 1)
        .outgoing(Link::new().loss(Probability::ALWAYS))
        .incoming(Link::new().latency(ms(30)));
    device.get_mut().coming.push_back(vec![1; 9]);
    assert!(receive(&mut device, at(5)).is_empty());
    assert_eq!(device.poll_at(), Some(at(35)));
    assert!(receive(&mut device, at(34)).is_empty());
    assert_eq!(receive(&mut device, at(35)), [vec![1; 9]]);
    assert!(send(&mut device, at(36), 1));
    assert!(device.get_ref().sent.is_empty());
}

#[test]
fn a_device_without_room_loses_nothing() {
    let mut device = Impaired::new(Pipe::default(), 1).capacity(3);
    device.get_mut().is_full = true;
    assert!((0..3).all(|n| send(&mut device, at(0), n)));
    assert!(!send(&mut device, at(0), 3), "no room for more");
    assert_eq!(device.poll_at(), Some(at(0)), "as soon as there is room");
    device.get_mut().coming.push_back(vec![1; 9]);
    assert!(receive(&mut device, at(1)).is_empty(), "it stays below");
    device.get_mut().is_full = false;
    assert_eq!(receive(&mut device, at(2)).len(), 1);
    assert_eq!(device.get_ref().sent.len(), 3);
    assert_eq!(device.poll_at(), None);
}

#[test]
fn a_cut_loses_what_is_under_way() {
    let mut device = Impaired::new(Pipe::default(), 1).outgoing(Link::new().latency(ms(10)));
    assert!(send(&mut device, at(0), 0));
    device.cut();
    assert!(send(&mut device, at(1), 1));
    device.mend();
    assert!(send(&mut device, at(2), 2));
    receive(&mut device, at(100));
    let sent = &device.get_ref().sent;
    assert_eq!(sent.len(), 1);
    assert_eq!(number(&sent[0].1), 2);
    assert_eq!(device.counters().cut, 2);
}

/// One stack on a loopback behind the link talks to itself. Gives when it was done.
fn converse(device: &mut Impaired<Loopback>, start: Instant) -> Option<Instant> {
    let address = IpAddress::v4(127, 0, 0, 1);
    let mut now = start;
    let hardware = match device.capabilities().medium {
        Medium::Ip => HardwareAddress::Ip,
        Medium::Ethernet => EthernetAddress([2, 0, 0, 0, 0, 1]).into(),
    };
    let mut interface = Interface::new(Config::new(hardware), device, now);
    interface.update_ip_addrs(|own| own.push(IpCidr::new(address, 8)).unwrap());
    let mut sockets = SocketSet::new(vec![]);
    let buffer = || SocketBuffer::new(vec![0; 4096]);
    let [server, client] = [(); 2].map(|()| sockets.add(Socket::new(buffer(), buffer())));
    sockets.get_mut::<Socket<'_>>(server).listen(80).unwrap();
    let socket = sockets.get_mut::<Socket<'_>>(client);
    socket
        .connect(interface.context(), (address, 80), 50_000)
        .unwrap();
    let mut heard = Vec::new();
    let mut is_sent = false;
    while now < start + Duration::from_mins(10).into() {
        interface.poll(now, device, &mut sockets);
        let socket = sockets.get_mut::<Socket<'_>>(client);
        if socket.may_send() && !is_sent {
            is_sent = true;
            assert_eq!(socket.send_slice(&[0x55; 3000]), Ok(3000));
            socket.close();
        }
        let socket = sockets.get_mut::<Socket<'_>>(server);
        while socket.can_recv() {
            heard.extend(socket.recv(|bytes| (bytes.len(), bytes.to_vec())).unwrap());
        }
        if heard.len() == 3000 {
            assert!(heard.iter().all(|byte| *byte == 0x55), "corrupt");
            return Some(now);
        }
        let due = [interface.poll_at(now, &sockets), device.poll_at()];
        now = due.into_iter().flatten().min()?.max(now);
    }
    None
}

fn rough() -> Link {
    Link::new()
        .latency(ms(20))
        .jitter(ms(5))
        .loss(Probability::percent(15))
        .duplication(Probability::percent(10))
        .reordering(Probability::percent(10), ms(30))
        .corruption(Probability::percent(10))
}

fn loopback(seed: u64) -> Impaired<Loopback> {
    loopback_of(Medium::Ip, seed)
}

fn loopback_of(medium: Medium, seed: u64) -> Impaired<Loopback> {
    Impaired::new(Loopback::new(medium), seed)
        .outgoing(rough())
        .checksums(ChecksumCapabilities::default())
}

/// What is due goes through the device in one poll, or a loopback would keep it until the next.
#[test]
fn what_is_due_goes_through_a_loopback_in_one_poll() {
    let mut device =
        Impaired::new(Loopback::new(Medium::Ip), 1).outgoing(Link::new().latency(ms(10)));
    assert!(converse(&mut device, Instant::ZERO) < Some(at(100)));
}

/// Wherever time begins: a simulation's zero, or the microseconds since 1970.
#[test]
fn tcp_gets_through_at_any_time() {
    for start in [Instant::ZERO, Instant::from_secs(1_800_000_000)] {
        let mut faults = 0;
        for seed in 0..20 {
            let mut device = loopback(seed);
            assert!(converse(&mut device, start).is_some(), "seed {seed}");
            faults += device.counters().dropped() + device.counters().corrupted;
        }
        assert!(faults > 20, "{faults} faults");
    }
}

/// Addresses are asked for across the link too, and rules find segments behind the longer header.
#[test]
fn ethernet_is_impaired_as_well() {
    for seed in 0..10 {
        let mut device = loopback_of(Medium::Ethernet, seed);
        device.add_rule(Rule::drop().syn_ack().nth(1));
        assert!(
            converse(&mut device, Instant::ZERO).is_some(),
            "seed {seed}"
        );
        assert_eq!(device.counters().lost_by_rules, 1, "seed {seed}");
    }
}

#[test]
fn the_same_seed_does_the_same() {
    let of = |seed| {
        let mut device = loopback(seed);
        let done = converse(&mut device, Instant::ZERO);
        (done, device.counters())
    };
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

/// What a seed does to frames doesn't depend on those before.
#[test]
fn a_seed_that_begins_anew_knows_no_frames() {
    let link = Link::new()
        .loss(Probability::percent(10))
        .bursts(Bursts::new(
            Probability::percent(2),
            Probability::percent(20),
        ));
    let lost_after = |before: u16| {
        let mut device = Impaired::new(Pipe::default(), 1).outgoing(link.clone());
        (0..before).for_each(|n| assert!(send(&mut device, at(0), n)));
        device.reseed(7);
        device.get_mut().sent.clear();
        (0..500).for_each(|n| assert!(send(&mut device, at(1), n)));
        let sent = device.get_ref().sent.iter();
        sent.map(|(_, frame)| number(frame)).collect::<Vec<_>>()
    };
    let alone = lost_after(0);
    assert!(alone.len() < 480, "{} arrived", alone.len());
    assert_eq!(lost_after(1), alone);
    assert_eq!(lost_after(333), alone);
}

/// A trace that is taken piece by piece has every frame once, and remarks stay with theirs.
#[test]
fn a_trace_is_taken_piece_by_piece() {
    let mut device = Impaired::new(Pipe::default(), 1).outgoing(Link::new().latency(ms(10)));
    assert!(device.take_trace().is_none(), "nothing is recorded yet");
    device.record("stack", "peer");
    for n in 0..3 {
        assert!(send(&mut device, at(i64::from(n)), n));
    }
    let mut first = device.take_trace().expect("it is recorded");
    first.remark(1, "look here");
    for n in 3..5 {
        assert!(send(&mut device, at(i64::from(n)), n));
    }
    receive(&mut device, at(100));
    let second = device.take_trace().expect("it is recorded");
    let of = |trace: &smoltcp_sim::Trace| {
        let ends = |packet: smoltcp_sim::Packet<'_>| {
            (
                number(packet.bytes),
                matches!(packet.end, End::Delivered { .. }),
            )
        };
        trace.packets().map(ends).collect::<Vec<_>>()
    };
    // What was under way when it was taken stays so there.
    assert_eq!(of(&first), [(0, false), (1, false), (2, false)]);
    assert_eq!(of(&second), [(3, true), (4, true)]);
    assert_eq!((first.remark_on(1), second.remark_on(1)), ("look here", ""));
}

#[test]
fn a_rule_hits_one_segment_and_the_ladder_shows_it() {
    let mut device =
        Impaired::new(Loopback::new(Medium::Ip), 1).outgoing(Link::new().latency(ms(1)));
    device.record("stack", "loopback");
    device.add_rule(Rule::drop().syn().nth(1));
    assert!(converse(&mut device, Instant::ZERO) > Some(at(1000)));
    assert_eq!(device.counters().lost_by_rules, 1);
    let trace = device.trace().unwrap();
    let first = trace.packets().next().unwrap();
    assert!(matches!(first.end, End::Lost(_)));
    assert!(Segment::read(Medium::Ip, first.bytes).unwrap().is_syn());
    let ladder = Ladder::new(trace, &trace.flows()[0]).to_string();
    assert!(ladder.contains("lost by a rule"), "{ladder}");
}

/// A conversation that takes long does so for the loss of its SYN alone.
#[test]
fn a_slow_seed_shrinks_to_the_loss_that_made_it_slow() {
    let run = |seed, only: Option<&[_]>| {
        let mut device = loopback(seed);
        device.record("stack", "loopback");
        if let Some(faults) = only {
            device.only_faults(faults);
        }
        let done = converse(&mut device, Instant::ZERO);
        let passed = done.is_some_and(|done| done < at(1000));
        (passed, device.faults())
    };
    let is_first_lost = |faults: &[smoltcp_sim::Fault]| {
        let lost = |fault: &smoltcp_sim::Fault| fault.kind == FaultKind::Loss && fault.packet == 0;
        faults.iter().any(lost)
    };
    let seed = (0..100)
        .find(|seed| is_first_lost(&run(*seed, None).1))
        .unwrap();
    let (passed, happened) = run(seed, None);
    assert!(!passed);
    let fewest = shrink(&happened, |faults| run(seed, Some(faults)).0).unwrap();
    assert_eq!(fewest.len(), 1, "{fewest:?}");
}

/// It may be moved to the thread that polls it.
#[test]
fn it_is_as_send_as_its_device() {
    fn is_send<T: Send>() {}
    is_send::<Impaired<Loopback>>();
}
