//! What is known of smoltcp 0.14, in a simulated network: each check with raw frames that it doesn't pass,
//! and why.

mod by_hand;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::probe::Level;
use greet_core::time::Instant;
use greet_smoltcp::Server;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use greet_wire::smoltcp::time::Instant as Then;
use greet_wire::smoltcp::wire::EthernetAddress;
use greet_wire::smoltcp_sim::{Boot, Host, HostId, Link, Network};
use greet_wire::{
    Bench, Body, Frames as _, RAW_CASES, RawEvent, Setup, Simulated, Symptom, Verdict, Wants,
    grade_raw,
};

/// How a check came out, as a word.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed(_) => "failed",
        Verdict::Worse(_) => "worse",
        Verdict::Noted(_) => "noted",
        Verdict::Inconclusive(_) => "inconclusive",
        _ => "skipped",
    }
}

/// What came of the checks that `only` picks and that weren't passed, and what was found.
fn graded(
    boot: fn(&mut Network<'static>, HostId),
    only: fn(&Body) -> bool,
) -> (BTreeMap<&'static str, &'static str>, Vec<Symptom>) {
    let mut network = Network::ethernet(7);
    let host = Host::new("board", "10.0.0.1/24".parse().expect("an address"));
    // The one that follows from its hardware address.
    let board = network.add(host.address("fe80::ff:fe00:0/64".parse().expect("an address")));
    let board = board.expect("its own address");
    let port = network.add(Host::new(
        "port",
        "10.0.0.99/24".parse().expect("an address"),
    ));
    let port = port.expect("its own address");
    network.link(board, port, Link::new()).expect("one link");
    boot(&mut network, board);
    let mut cable = Simulated::new(network, port);
    let hardware = EthernetAddress(cable.hardware().expect("a card"));
    let own = "10.0.0.99/24".parse().expect("an address");
    let mut setup = Setup::new(hardware, own, "10.0.0.1".parse().expect("an address"));
    setup.is_alone = true;
    setup.walk = Duration::from_secs(1);
    let mut bench = Bench::new(&mut cable, setup).expect("it works");
    let picked: BTreeMap<_, _> = RAW_CASES
        .iter()
        .copied()
        .flatten()
        .map(|case| (case.about.id, only(&case.body)))
        .collect();
    let mut came = BTreeMap::new();
    grade_raw(&mut bench, |about| picked[about.id], &mut |event| {
        if let RawEvent::Ended {
            check,
            verdict,
            recording,
            ..
        } = event
            && *verdict != Verdict::Passed
        {
            println!("{}: {verdict:?}", check.id);
            for line in recording.lines(usize::MAX) {
                println!("    {line}");
            }
            came.insert(check.id, word(verdict));
        }
    })
    .expect("it works");
    (came, bench.symptoms().to_vec())
}

fn by_segments(body: &Body) -> bool {
    body.wants.contains(&Wants::Server)
}

#[test]
fn what_smoltcp_fails_is_known() {
    let bare = |network: &mut Network<'static>, board| {
        network.boot(board, |_stack| |_stack: &mut _, _now| None);
    };
    let (came, symptoms) = graded(bare, |body| !by_segments(body));
    assert_eq!(symptoms, []);
    let known = BTreeMap::from([
        // Who is no neighbor of an address of its own isn't listened to.
        ("arp/gratuitous", "failed"),
        ("arp/moved", "skipped"),
        // A sender of 0.0.0.0 isn't unicast, so the request is dropped (RFC 5227, 2.5 wants an answer).
        ("arp/probe", "failed"),
        // What a socket sends waits for its neighbor; what the interface answers by itself is lost.
        ("arp/queue", "failed"),
        // It knows no VLANs.
        ("eth/priority", "failed"),
        // It answers echoes to everybody, which it may.
        ("icmp/broadcast-echo", "failed"),
        // A datagram for it alone in a broadcast frame: how that was addressed isn't known where errors are made
        // (RFC 1122, 3.2.2). Over IPv6 a datagram to a group gets an error as well (RFC 4443, 2.4).
        ("icmp/no-error-for", "failed"),
        ("icmp6/no-error-for", "failed"),
        // Nothing limits errors, which is a fault over IPv6 alone.
        ("icmp/rate", "failed"),
        ("icmp6/rate", "failed"),
        // Nobody listens.
        ("udp/checksum-bad", "skipped"),
        ("udp/checksum-zero", "skipped"),
        ("udp/checksum-out", "skipped"),
        ("udp/length", "skipped"),
        ("udp/port-zero", "skipped"),
        ("udp/padding-in", "skipped"),
        ("udp/every-length", "skipped"),
        // It is built without putting fragments together here.
        ("ip4/fragments", "worse"),
        ("ip4/frag-key", "skipped"),
        ("ip4/frag-overlap", "skipped"),
        ("ip4/frag-length", "skipped"),
        ("ip4/frag-recovers", "skipped"),
        ("ip4/frag-expiry", "skipped"),
        ("ip6/fragments", "worse"),
        ("ip6/frag-overlap", "skipped"),
        ("ip6/frag-recovers", "skipped"),
        ("ip6/frag-expiry", "skipped"),
        // Options for the destination are taken for a header that nobody knows.
        ("ip6/ext", "failed"),
        // Nobody listens to it, and packets go on being as long as the link allows.
        ("ip6/too-big", "failed"),
        // What comes from no address is dropped, so whoever looks whether an address is free takes it (RFC 4861,
        // 7.2.4).
        ("ndp/dad", "failed"),
        // As in arp/queue.
        ("ndp/queue", "failed"),
        // Nothing fills frames up here.
        ("out/padding", "noted"),
        // A sum of zero is taken for none over IPv6, too, which needs one (RFC 8200, 8.1).
        ("udp6/checksum-zero", "failed"),
    ]);
    assert_eq!(came, known);
}

/// A server with as many places as a small board has.
fn serve(network: &mut Network<'static>, board: HostId) {
    network.boot_program(board, |boot: Boot| {
        let slots = Box::leak(Box::new(SocketSlots::<9, 16>::new()));
        let places = Box::leak(Box::new(TcpBuffers::<8, 1025, 1031>::new()));
        let config = boot.config();
        let mut stack = Stack::new(boot.card, config, &boot.addresses, slots).expect("they fit");
        let listener = stack.net().listen(places, 8000).expect("room");
        let mut server = Server::<8>::new(Limits::DEFAULT);
        move |now: Then| {
            let now = Instant::from_micros(now.total_micros().unsigned_abs());
            let next = stack.poll(now, |net| server.poll(&mut listener.on(net), now, |_| ()));
            Some(Then::from_micros(i64::try_from(next.as_micros()).ok()?))
        }
    });
}

#[test]
fn what_smoltcp_fails_of_tcp_is_known() {
    let (mut came, symptoms) = graded(serve, by_segments);
    assert_eq!(symptoms, []);
    // Its initial numbers are left to chance, and so is whether a later one is larger.
    came.remove("isn/clock");
    let known = BTreeMap::from([
        // What is queued counts as sent, so its acknowledgment takes bytes that nobody has
        // (reports/ack-of-what-was-never-sent.md).
        ("ack/unsent", "failed"),
        // Its window is shorter than a full segment.
        ("ack/every-second", "skipped"),
        // There is a congestion window with the features `socket-tcp-reno` and `socket-tcp-cubic` alone.
        ("cwnd/initial", "failed"),
        ("rto/collapse", "failed"),
        // What a router says of a connection reaches ICMP sockets alone, and no packet may be taken apart.
        ("frag/needed", "failed"),
        // In LAST-ACK an acknowledgment that tells of a window counts as a duplicate (reports/window-in-last-ack.md).
        ("window/zero", "worse"),
        // Its README says that it sends into windows of any size (reports/silly-windows.md).
        ("window/sws-send", "failed"),
        // Putting fragments together is a feature that isn't turned on here; over IPv6 there is none.
        ("ip4/frag-tcp", "worse"),
        ("ip6/frag-tcp", "worse"),
        // Minutes are for a patient run.
        ("fin/wait2", "skipped"),
        ("rto/gives-up", "skipped"),
        ("syn/gives-up", "skipped"),
        // It has no lines here.
        ("mss/default-ip6", "skipped"),
        ("window/sws-recv", "skipped"),
        ("zwp/answered", "skipped"),
        // Its reset acknowledges a SYN alone: text or FIN without ACK get one of number 0 that acknowledges nothing,
        // which their sender has to ignore.
        ("rst/closed-port", "worse"),
        // A reset anywhere in the window counts, which RFC 9293, 3.5.3, lets it do.
        ("rst/in-window", "failed"),
        // A SYN on a connection is dropped in silence: a client that was restarted waits until the server's deadline
        // ends its last one (reports/syn-on-a-connection.md).
        ("syn/established", "failed"),
        ("syn/reboot", "failed"),
        ("timewait/length", "skipped"),
        // It has timestamps for whoever asks its sockets for them.
        ("ts/echo", "skipped"),
        ("ts/paws", "skipped"),
    ]);
    assert_eq!(came, known);
}

/// Crosses, and what is worse than it should be.
fn faults(boot: fn(&mut Network<'static>, HostId)) -> BTreeSet<&'static str> {
    let counts = |id| {
        let mut all = RAW_CASES.iter().copied().flatten();
        all.any(|case| case.about.id == id && case.about.level != Level::May)
    };
    let (came, _) = graded(boot, by_segments);
    let all = came.into_iter().filter(|(id, word)| {
        let is_fault = matches!(*word, "failed" | "worse");
        is_fault && counts(*id)
    });
    all.map(|(id, _)| id).collect()
}

#[test]
fn with_the_adapter_fewer_fail_than_without() {
    let (with, without) = (faults(serve), faults(by_hand::serve));
    // A socket that listens takes the SYN of another's connection if it stands before that in the list: a handshake
    // begins twice, and who was restarted gets a second connection.
    let mended = BTreeSet::from(["bcast/syn", "syn/again"]);
    assert_eq!(&without - &with, mended);
    assert_eq!(&with - &without, BTreeSet::from(["syn/reboot"]));
    // As the README says.
    assert_eq!((with.len(), without.len()), (12, 13));
}
