//! What is kept of frames: each check's own, with the mark at which its verdict fell; and that a seed does the
//! same again.

mod support;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::probe::{Dial, Event, Mode, Plan, ProbeStack as _, Verdict, run};
use greet_core::time::Instant;
use greet_smoltcp::Server;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use greet_wire::smoltcp::wire::EthernetAddress;
use greet_wire::smoltcp_sim::{self, End, Link, Network, Segment};
use greet_wire::{Evidence, Frames, Host, Mark, Own, Recorded, Simulated, Task};
use support::{Desk, settle, shakes_hands};

/// A server, and a host that grades it over a link that does this to frames.
fn graded(impairment: &str, limits: Limits) -> Host<Simulated<'static>> {
    let mut network = Network::ethernet(1);
    let [board, port] =
        [("board", "10.0.0.1/24"), ("port", "10.0.0.2/24")].map(|(name, address)| {
            let host = smoltcp_sim::Host::new(name, address.parse().expect("an address"));
            network.add(host).expect("two addresses")
        });
    network.link(board, port, Link::new()).expect("one link");
    network.boot_program(board, move |boot| {
        let slots = Box::leak(Box::new(SocketSlots::<5, 8>::new()));
        let places = Box::leak(Box::new(TcpBuffers::<4, 1025, 1031>::new()));
        let config = boot.config();
        let mut stack = Stack::new(boot.card, config, &boot.addresses, slots).expect("they fit");
        let listener = stack.net().listen(places, 8000).expect("room");
        let mut server = Server::<4>::new(limits);
        move |now: greet_wire::smoltcp::time::Instant| {
            let now = Instant::from_micros(now.total_micros().unsigned_abs());
            let next = stack.poll(now, |net| server.poll(&mut listener.on(net), now, |_| ()));
            let next = i64::try_from(next.as_micros()).ok()?;
            Some(greet_wire::smoltcp::time::Instant::from_micros(next))
        }
    });
    let cable = Simulated::new(network, port);
    let own = Own {
        hardware: EthernetAddress(cable.hardware().expect("a card")),
        address: "10.0.0.99/24".parse().expect("an address"),
    };
    let mut task = Task::new(own, SocketAddr::from(([10, 0, 0, 1], 8000)));
    task.impairment = impairment.parse().expect("it is right");
    Host::new(cable, task).expect("it is on the board's network")
}

/// The evidence of each check that was picked, and its verdict.
fn kept(host: &mut Host<Simulated<'static>>, only: &str) -> Vec<(&'static str, Verdict, Evidence)> {
    let recording = host.recording();
    let mut kept = Vec::new();
    let plan = Plan {
        rounds: 20,
        timeout: Duration::from_mins(1),
        ..Plan::DEFAULT
    };
    let picks = |check: &greet_core::probe::About| check.id.starts_with(only);
    run(
        host,
        &plan,
        &mut [0; 1100],
        picks,
        &mut |event| match event {
            Event::Started { check } => recording.begin(check.id),
            Event::Ended { check, verdict, .. } => kept.push((check.id, verdict, recording.take())),
            _ => {}
        },
    );
    kept
}

/// Of each frame of a check whether the link lost it: of those that came, and of those that the host sent.
fn lost(evidence: &Evidence) -> [Vec<bool>; 2] {
    let mut lost = [Vec::new(), Vec::new()];
    let tester = evidence.trace().packets().next().map(|first| first.from);
    for packet in evidence.trace().packets().filter(|packet| !packet.is_copy) {
        let is_sent = Some(packet.from) == tester;
        lost[usize::from(is_sent)].push(matches!(packet.end, End::Lost(_)));
    }
    lost
}

const ROUGH: &str = "loss=10%,duplicate=3%,reorder=3%,corrupt=2%,delay=10ms,jitter=2ms,seed=7";

#[test]
fn a_seed_loses_the_same_frames_again() {
    let of = |text, only| -> Vec<_> {
        let kept = kept(&mut graded(text, Limits::DEFAULT), only);
        kept.iter()
            .map(|(id, _, evidence)| (*id, lost(evidence)))
            .collect()
    };
    let once = of(ROUGH, "tcp/");
    let losses = once.iter().flat_map(|(_, lost)| lost.iter().flatten());
    let losses = losses.filter(|is_lost| **is_lost).count();
    assert!(losses > 20, "{losses} frames were lost");
    assert_eq!(once, of(ROUGH, "tcp/"));
    let other = ROUGH.replace("seed=7", "seed=8");
    assert_ne!(once, of(&other, "tcp/"));
    // Alone it has the same link as among others, for as many frames as both send.
    // One that needs a link without losses is skipped.
    for (id, among_others) in once.iter().filter(|(_, lost)| !lost[0].is_empty()) {
        let alone = of(ROUGH, id);
        for (here, there) in among_others.iter().zip(&alone[0].1) {
            let both = here.len().min(there.len());
            assert!(both > 2, "{id}");
            assert_eq!(here[..both], there[..both], "{id}");
        }
    }
}

/// A server that waits too long for the rest of a name.
fn failing() -> (Verdict, Evidence) {
    let slow = Limits::DEFAULT.with_deadline(Duration::from_mins(5));
    let mut all = kept(&mut graded("delay=1ms,seed=1", slow), "crowd/late");
    let (id, verdict, evidence) = all.pop().expect("it ran");
    assert!(matches!(verdict, Verdict::Failed(_)), "{id}: {verdict:?}");
    (verdict, evidence)
}

#[test]
fn the_frame_is_marked_at_which_the_verdict_fell() {
    let (_, mut evidence) = failing();
    assert!(evidence.mark(Mark::Last, "nothing came after this"));
    let ladder = evidence.ladder().expect("a connection").to_string();
    let marked: Vec<_> = ladder
        .lines()
        .filter(|line| line.contains("nothing came after this"))
        .collect();
    // Of a connection on which nothing was said, the handshake's last; what closed it comes later.
    assert!(
        marked.len() == 1 && marked[0].contains("|---- ACK seq=1 ack=1 -"),
        "{ladder}"
    );
    assert!(
        ladder.contains("       0.000 ms |---- SYN seq=0"),
        "{ladder}"
    );
    let svg = evidence.ladder().expect("a connection").svg();
    assert!(svg.contains("nothing came after this"), "{svg}");
    // Beside that one somebody was greeted, who has heard more.
    assert!(evidence.mark(Mark::Answer, "this came last"));
    let ladder = evidence.ladder().expect("a connection").to_string();
    let last = ladder.lines().find(|line| line.contains("this came last"));
    assert!(
        last.is_some_and(|line| line.contains("FIN ACK")),
        "{ladder}"
    );
}

#[test]
fn a_file_has_every_frame_and_the_mark() {
    let (_, mut evidence) = failing();
    evidence.mark(Mark::Last, "nothing came after this");
    let mut file = Vec::new();
    evidence
        .write_pcapng(&mut file)
        .expect("a vector takes everything");
    let mut read = Recorded::read("the file", &file).expect("it is a capture");
    let mut room = vec![0; 2000];
    let mut frames = Vec::new();
    for _ in 0..1000 {
        if let Some(seen) = read.receive(&mut room).expect("a file never fails") {
            frames.push(room[..seen.len].to_vec());
        }
        read.wait(Instant::NEVER).expect("a file never fails");
    }
    let mut sent: Vec<_> = evidence
        .trace()
        .packets()
        .map(|p| p.sent_bytes.to_vec())
        .collect();
    // A file has them by time.
    sent.sort();
    frames.sort();
    assert!(frames.len() > 3);
    assert_eq!(frames, sent);
    let segments = frames
        .iter()
        .filter_map(|frame| Segment::read(greet_wire::smoltcp::phy::Medium::Ethernet, frame));
    assert!(segments.count() > 3);

    // What others read in it.
    if !has_tshark() {
        return;
    }
    let mut tshark = Command::new("tshark")
        .args(["-n", "-r", "-", "-Y", "frame.comment"])
        .args(["-T", "fields", "-e", "tcp.flags.syn", "-e", "frame.comment"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut input = tshark.stdin.take().expect("it is piped");
    input.write_all(&file).expect("it reads");
    drop(input);
    let output = tshark.wait_with_output().expect("it ran");
    let text = String::from_utf8(output.stdout).expect("text");
    let is_marked = |line: &str| {
        let fields: Vec<_> = line.split('\t').collect();
        matches!(fields[..], ["0" | "False", "nothing came after this"])
    };
    assert_eq!(
        text.lines().filter(|line| is_marked(line)).count(),
        1,
        "{text}"
    );
}

/// While it is at work, frames come that it takes only after it has sent some more.
#[test]
fn each_frame_has_the_time_at_which_it_was_sent_or_came() {
    let desk = Desk::default();
    desk.0.borrow_mut().answer = Some(Box::new(shakes_hands));
    let mut host = desk.host();
    let recording = host.recording();
    host.connect(0, Mode::Name, Dial::Plain).expect("a socket");
    settle(&mut host, 10);
    recording.take();
    {
        let mut lying = desk.0.borrow_mut();
        lying.sent_at.clear();
        lying.pace = 1000;
    }
    for slot in [1, 2, 3] {
        let connected = host.connect(slot, Mode::Name, Dial::Plain);
        connected.expect("a socket");
    }
    settle(&mut host, 20);
    let evidence = recording.take();
    let frames: Vec<_> = evidence.trace().packets().collect();
    let tester = frames[0].from;
    let at = |is_testers: bool| -> Vec<_> {
        let frames = frames.iter().filter(|p| (p.from == tester) == is_testers);
        frames.map(|frame| frame.sent.total_micros()).collect()
    };
    let given: Vec<i64> = desk
        .0
        .borrow()
        .sent_at
        .iter()
        .map(|at| at.cast_signed())
        .collect();
    assert_eq!(at(true), given);
    assert_eq!(given.len(), 6, "SYN and ACK of three connections");
    // Each SYN is answered in the moment in which it is sent, before the next one.
    assert_eq!(at(false), given[..3]);
    let from: Vec<_> = frames.iter().map(|frame| frame.from == tester).collect();
    assert_eq!(from[..6], [true, false, true, false, true, false]);
    assert!(frames.is_sorted_by_key(|frame| frame.sent));
}

#[test]
fn nothing_is_answered_before_it_came() {
    let desk = Desk::default();
    desk.0.borrow_mut().answer = Some(Box::new(shakes_hands));
    desk.0.borrow_mut().late = 500;
    let mut host = desk.host();
    host.connect(0, Mode::Name, Dial::Plain).expect("a socket");
    settle(&mut host, 10);
    let evidence = host.recording().take();
    let frames: Vec<_> = evidence.trace().packets().collect();
    let from: Vec<_> = frames
        .iter()
        .map(|frame| frame.from == frames[0].from)
        .collect();
    assert_eq!(
        from,
        [true, false, true, false, true],
        "ARP, its answer, SYN, SYN-ACK, ACK"
    );
    for frame in &frames {
        let End::Delivered { at, .. } = frame.end else {
            panic!("{frame:?}");
        };
        assert!(at >= frame.sent, "{frame:?}");
    }
}

/// Whether there is tshark; says so if not. `GREET_REQUIRE=tshark` makes that a failure.
fn has_tshark() -> bool {
    let trial = Command::new("tshark")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    let is_there = trial.is_ok_and(|status| status.success());
    let required = std::env::var("GREET_REQUIRE").unwrap_or_default();
    assert!(
        is_there || !required.split(',').any(|name| name == "tshark"),
        "GREET_REQUIRE names tshark, which doesn't run"
    );
    if !is_there {
        let name = thread::current();
        let name = name.name().unwrap_or_default();
        let _ = writeln!(
            std::io::stderr(),
            "{name}: no look by tshark, which doesn't run"
        );
    }
    is_there
}
