//! Other runs than the usual one: with patience, over IPv6, of a stack without echoes, and again and again. In
//! virtual time.

use std::time::Duration;

use greet_breakages::way::Way;
use greet_responder::bytes::on_link;
use greet_responder::desk::{Desk, HOST, TESTER};
use greet_responder::fault::Fault;
use greet_responder::host::Host;
use greet_wire::smoltcp::wire::{IpCidr, Ipv4Address, Ipv6Address, Ipv6Cidr};
use greet_wire::{Bench, RawEvent, Setup, Symptom, Traffic, Verdict, grade_raw, soak_raw};

fn desk(fault: Option<Fault>, from: Option<&str>) -> Desk {
    let from = from.map_or_else(Way::faultless, |fault| {
        Way::new(fault.parse().expect("a fault"), 1)
    });
    Desk::new(Host::new(HOST.0, HOST.1, fault), Way::faultless(), from)
}

fn over_ip4() -> Setup {
    let own = IpCidr::new(Ipv4Address::from(TESTER.1).into(), 24);
    let mut setup = Setup::new(TESTER.0, own, Ipv4Address::from(HOST.1).into());
    (setup.is_alone, setup.is_physical) = (true, true);
    setup.walk = Duration::from_secs(1);
    setup
}

fn over_ip6() -> Setup {
    let own = Ipv6Cidr::new(Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x99), 64);
    let board = Ipv6Address::from(on_link(HOST.0));
    let mut setup = Setup::new(TESTER.0, own.into(), board.into());
    (setup.is_alone, setup.is_physical) = (true, true);
    setup.walk = Duration::from_secs(1);
    setup
}

/// Every check that was picked, and what it came to.
type Verdicts = Vec<(&'static str, Verdict)>;

fn graded(
    setup: Setup,
    fault: Option<Fault>,
    from: Option<&str>,
    only: fn(&str) -> bool,
) -> (Verdicts, Vec<Symptom>) {
    graded_at(&mut desk(fault, from), setup, only)
}

fn graded_at(desk: &mut Desk, setup: Setup, only: fn(&str) -> bool) -> (Verdicts, Vec<Symptom>) {
    let mut bench = Bench::new(desk, setup).expect("a desk works");
    let mut verdicts = Vec::new();
    grade_raw(&mut bench, |check| only(check.id), &mut |event| {
        if let RawEvent::Ended { check, verdict, .. } = event {
            verdicts.push((check.id, verdict.clone()));
        }
    })
    .expect("a desk works");
    (verdicts, bench.symptoms().to_vec())
}

fn of<'a>(verdicts: &'a Verdicts, id: &str) -> &'a Verdict {
    let found = verdicts.iter().find(|(known, _)| *known == id);
    &found.expect("it ran").1
}

#[test]
fn patience_finds_a_host_that_falls_asleep() {
    let mut setup = over_ip4();
    setup.is_patient = true;
    let only = |id: &str| id.starts_with("arp/");
    let (verdicts, symptoms) = graded(setup.clone(), Some(Fault::ArpSleeps), None, only);
    let said = "once nothing came for a minute: no answer, three times";
    assert_eq!(
        *of(&verdicts, "arp/request"),
        Verdict::Failed(said.to_owned())
    );
    assert_eq!(symptoms, [Symptom::ArpSleeps]);
    let (verdicts, _) = graded(setup, None, None, only);
    assert!(
        verdicts
            .iter()
            .all(|(_, verdict)| *verdict == Verdict::Passed),
        "{verdicts:?}"
    );
}

/// Whatever has to do with frames, and not with a version of IP.
fn is_of_frames(id: &str) -> bool {
    let of = |group: &&str| id.starts_with(*group);
    ["eth/", "ndp/", "out/"].iter().any(of) || id == "icmp/echo"
}

#[test]
fn a_host_without_a_fault_passes_over_ip6_all_of_frames() {
    let (verdicts, symptoms) = graded(over_ip6(), None, None, |_| true);
    assert_eq!(symptoms, []);
    let of_frames = || verdicts.iter().filter(|(id, _)| is_of_frames(id));
    for (id, verdict) in of_frames() {
        assert_eq!(*verdict, Verdict::Passed, "{id}");
    }
    assert!(of_frames().count() > 20, "{verdicts:?}");
    let lacks = Verdict::Skipped("the board was named by an address of IPv6");
    assert_eq!(*of(&verdicts, "arp/request"), lacks);
}

/// Of what comes in, and how a connection ends.
#[test]
fn a_receiver_is_graded_over_ip6_as_well() {
    let of_receivers = |id: &str| {
        let groups = [
            "rx/",
            "ack/",
            "seq/",
            "urg/",
            "fin/",
            "timewait/",
            "keepalive/",
        ];
        groups.iter().any(|group| id.starts_with(group))
    };
    let (verdicts, _) = graded(over_ip6(), None, None, of_receivers);
    for (id, verdict) in &verdicts {
        let takes_minutes = ["fin/wait2", "timewait/length"].contains(id);
        let is_right = match verdict {
            Verdict::Passed => !takes_minutes,
            Verdict::Skipped(why) => takes_minutes && *why == "it takes minutes",
            _ => false,
        };
        assert!(is_right, "{id}: {verdict:?}");
    }
    assert!(verdicts.len() > 20, "{verdicts:?}");
    for (fault, id) in [
        (Fault::OverlapNewWins, "rx/overlap"),
        (Fault::AckUnsentTaken, "ack/unsent"),
        (Fault::SeqWrapBroken, "seq/wrap"),
        (Fault::UrgentLost, "urg/in-band"),
        (Fault::CrossedFinLost, "fin/crossed"),
        (Fault::TimewaitAcksRst, "timewait/rst"),
    ] {
        let (verdicts, _) = graded(over_ip6(), Some(fault), None, of_receivers);
        let verdict = of(&verdicts, id);
        assert!(matches!(verdict, Verdict::Failed(_)), "{id}: {verdict:?}");
    }
}

/// What is of another form over IPv6: who nobody can be, who all are, sums, errors, the bits of ECN.
#[test]
fn handshakes_are_graded_over_ip6_as_well() {
    let of_handshakes = |id: &str| {
        let groups = ["syn/", "mss/", "tcp/", "rst/", "bcast/", "src/"];
        groups.iter().any(|group| id.starts_with(group))
    };
    let mut setup = over_ip6();
    setup.lines = Some(8002);
    let (verdicts, _) = graded(setup.clone(), None, None, of_handshakes);
    for (id, verdict) in &verdicts {
        // A greeting is shorter than the default segment of IPv6; and minutes are for a patient run.
        let is_left_out = ["mss/default", "syn/gives-up"].contains(id);
        let is_right = match verdict {
            Verdict::Passed => !is_left_out,
            Verdict::Skipped(_) => is_left_out,
            _ => false,
        };
        assert!(is_right, "{id}: {verdict:?}");
    }
    assert!(verdicts.len() > 15, "{verdicts:?}");
    for (fault, ids) in [
        (Fault::MssTooLong, &["syn/fields"][..]),
        (Fault::EctOnSynack, &["syn/ecn"]),
        (Fault::MssIgnored, &["mss/default-ip6", "mss/obeyed"]),
        (Fault::TcpUnchecked, &["tcp/checksum"]),
        (Fault::ClosedPortIcmp, &["rst/closed-port"]),
        (Fault::BroadcastSynAnswered, &["bcast/syn"]),
        (Fault::MartianAnswered, &["src/martian"]),
        (Fault::DiesOfLand, &["src/land"]),
    ] {
        let (verdicts, _) = graded(setup.clone(), Some(fault), None, of_handshakes);
        let is_cross =
            |verdict: &Verdict| matches!(verdict, Verdict::Failed(_) | Verdict::Worse(_));
        let crosses: Vec<_> = verdicts
            .iter()
            .filter(|(_, verdict)| is_cross(verdict))
            .map(|(id, _)| *id)
            .collect();
        assert_eq!(crosses, ids, "{fault}");
    }
}

/// Of what goes out; and its errors are others there.
#[test]
fn a_sender_is_graded_over_ip6_as_well() {
    let of_senders = |id: &str| {
        let groups = ["rto/", "cwnd/", "fast/", "window/"];
        groups.iter().any(|group| id.starts_with(group)) || id == "icmp/soft" || id == "icmp/hard"
    };
    let (verdicts, _) = graded(over_ip6(), None, None, of_senders);
    let tried = || {
        let all = verdicts.iter();
        all.filter(|(_, verdict)| !matches!(verdict, Verdict::Skipped(_)))
    };
    for (id, verdict) in tried() {
        assert_eq!(*verdict, Verdict::Passed, "{id}");
    }
    // What takes minutes, and what lines mode is for, isn't tried.
    assert!(tried().count() > 13, "{verdicts:?}");
    for (fault, id) in [
        (Fault::SoftErrorAborts, "icmp/soft"),
        (Fault::HardErrorAborts, "icmp/hard"),
        (Fault::CwndIgnored, "rto/collapse"),
    ] {
        let (verdicts, _) = graded(over_ip6(), Some(fault), None, of_senders);
        let verdict = of(&verdicts, id);
        assert!(matches!(verdict, Verdict::Failed(_)), "{id}: {verdict:?}");
    }
}

#[test]
fn a_driver_is_named_over_ip6_as_well() {
    for (fault, from, is_it) in [
        (
            None,
            Some("drop-every=50"),
            (|s| {
                matches!(
                    s,
                    Symptom::Loss {
                        period: Some(50),
                        ..
                    }
                )
            }) as fn(&Symptom) -> bool,
        ),
        (None, Some("lose-longer=1000"), |s| {
            matches!(s, Symptom::LongLost { passes: 1000, .. })
        }),
        (None, Some("stick-every=10"), |s| {
            matches!(s, Symptom::Stuck { .. })
        }),
        (Some(Fault::SumsZero), None, |s| {
            matches!(s, Symptom::Sums { of: "ICMPv6", .. })
        }),
        (Some(Fault::TagsLeft), None, |s| {
            matches!(s, Symptom::Tagged { vlan: 7 })
        }),
        (Some(Fault::MulticastLost), None, |s| {
            // Nobody finds it but by its own hardware address, of which nothing is known.
            matches!(s, Symptom::Dead)
        }),
        (Some(Fault::NoEcho), None, |s| *s == Symptom::NoEcho),
    ] {
        let (verdicts, symptoms) = graded(over_ip6(), fault, from, |_| true);
        let is_named = symptoms.first().is_some_and(is_it);
        assert!(is_named, "{fault:?} {from:?}: {symptoms:?} {verdicts:?}");
    }
}

/// A stack may be built without them.
#[test]
fn without_echoes_the_rest_is_graded() {
    let (verdicts, symptoms) = graded(over_ip4(), Some(Fault::NoEcho), None, |_| true);
    assert_eq!(symptoms, [Symptom::NoEcho]);
    for id in [
        "udp/closed",
        "udp/closed-checksum",
        "icmp/no-error-for",
        "icmp/unknown",
        "ip4/length",
        "eth/priority",
        "eth/llc",
        "arp/flood",
        "ndp/hop-limit",
    ] {
        assert_eq!(*of(&verdicts, id), Verdict::Passed, "{id}");
    }
    let lacks = Verdict::Skipped("it answers no echo");
    assert_eq!(*of(&verdicts, "eth/ring"), lacks);
}

/// A check that fills all places waits until they are free again: it would accuse the server otherwise.
#[test]
fn a_server_isnt_accused_of_places_whose_resets_are_lost() {
    let host = Host::new(HOST.0, HOST.1, None).holding(48);
    let way = Way::new("lose-resets=1".parse().expect("a fault"), 1);
    let mut desk = Desk::new(host, way, Way::faultless());
    let (verdicts, symptoms) = graded_at(&mut desk, over_ip4(), |id| id == "syn/half-open");
    assert_eq!(verdicts, [("syn/half-open", Verdict::Passed)]);
    assert_eq!(symptoms, []);
}

/// Silence shows nothing of a host that is silent anyway.
#[test]
fn a_host_that_sends_no_errors_isnt_praised_for_that() {
    let (verdicts, _) = graded(over_ip4(), Some(Fault::NoUnreachable), None, |_| true);
    assert!(
        matches!(of(&verdicts, "udp/closed-checksum"), Verdict::Skipped(_)),
        "{verdicts:?}"
    );
}

/// What a soak came to: the checks in their order, how the last one ended, and what crossed.
struct Soaked {
    ran: Vec<&'static str>,
    last: Verdict,
    traffic: Traffic,
    symptoms: Vec<Symptom>,
    frames: usize,
}

/// As long as nothing fails, and as many checks at most.
fn soaked(seed: u64, from: Option<&str>, most: usize) -> Soaked {
    let mut desk = desk(None, from);
    let mut bench = Bench::new(&mut desk, over_ip4()).expect("a desk works");
    let (mut ran, mut last) = (Vec::new(), Verdict::Passed);
    let mut traffic = Traffic::default();
    let so_far = std::cell::RefCell::new((&mut ran, &mut last, &mut traffic));
    soak_raw(
        &mut bench,
        seed,
        |check| check.id.starts_with("arp/") || check.id.starts_with("ndp/"),
        &mut || {
            let (ran, last, _) = &*so_far.borrow();
            ran.len() < most && !matches!(last, Verdict::Failed(_))
        },
        &mut |event| {
            if let RawEvent::Ended {
                check,
                verdict,
                traffic: crossed,
                ..
            } = event
            {
                let (ran, last, traffic) = &mut *so_far.borrow_mut();
                ran.push(check.id);
                **last = verdict.clone();
                **traffic = crossed;
            }
        },
    )
    .expect("a desk works");
    let symptoms = bench.symptoms().to_vec();
    let frames = bench.recording().lines(usize::MAX).len();
    Soaked {
        ran,
        last,
        traffic,
        symptoms,
        frames,
    }
}

#[test]
fn a_soak_finds_what_goes_wrong_late_and_comes_again_by_its_seed() {
    let first = soaked(7, Some("arp-answers=3000"), usize::MAX);
    assert!(matches!(first.last, Verdict::Failed(_)), "{:?}", first.last);
    assert!(first.ran.len() > 10, "{:?}", first.ran);
    assert!(
        matches!(first.symptoms[..], [Symptom::ArpStops { after: 3000.. }]),
        "{:?}",
        first.symptoms
    );
    let again = soaked(7, Some("arp-answers=3000"), usize::MAX);
    assert_eq!(again.ran, first.ran);
    assert_eq!(again.traffic, first.traffic);
    let other = soaked(8, Some("arp-answers=3000"), usize::MAX);
    assert_ne!(other.ran, first.ran);
}

#[test]
fn a_soak_keeps_the_last_minute_alone() {
    let long = soaked(3, None, 1500);
    assert_eq!((long.ran.len(), long.last), (1500, Verdict::Passed));
    assert_eq!(long.symptoms, []);
    let all = usize::try_from(long.traffic.sent + long.traffic.received).expect("it fits");
    // More than of any one check, and less than of all.
    assert!(
        (1500..all / 2).contains(&long.frames),
        "{} of {all}",
        long.frames
    );
}

#[test]
fn what_crosses_is_counted() {
    let mut desk = desk(None, Some("drop-every=50"));
    let mut bench = Bench::new(&mut desk, over_ip4()).expect("a desk works");
    let only = |id: &str| id == "eth/once" || id == "eth/ring";
    let (mut crossed, mut took) = (Traffic::default(), 0);
    grade_raw(&mut bench, |check| only(check.id), &mut |event| {
        if let RawEvent::Ended {
            traffic, took: all, ..
        } = event
        {
            crossed = traffic;
            took += all.len();
        }
    })
    .expect("a desk works");
    assert_eq!((crossed.echoes, crossed.lost), (300, 6));
    assert_eq!((crossed.twice, crossed.wrong_sums), (0, 0));
    let answered = crossed.echoes - crossed.lost + crossed.at_once - crossed.lost_at_once;
    assert_eq!(took as u64, answered);
    assert!(crossed.sent > crossed.received && crossed.received > 290);
    assert!(desk.elapsed() < Duration::from_mins(1));
}

/// What is shown of one check, in so many lines at most.
fn shown(from: &str, id: &str) -> Vec<String> {
    let mut desk = desk(None, Some(from));
    let mut bench = Bench::new(&mut desk, over_ip4()).expect("a desk works");
    let mut shown = Vec::new();
    grade_raw(&mut bench, |check| check.id == id, &mut |event| {
        if let RawEvent::Ended { recording, .. } = event {
            shown = recording.lines(12);
            let mut capture = Vec::new();
            let evidence = recording.evidence();
            evidence.write_pcapng(&mut capture).expect("a vector");
            for line in shown.iter().filter_map(|line| line.split_once("<- ")) {
                let mut parts = capture.windows(line.1.len());
                assert!(parts.any(|part| part == line.1.as_bytes()), "{}", line.1);
            }
        }
    })
    .expect("a desk works");
    shown
}

/// However many frames came behind them.
#[test]
fn the_frames_that_made_a_verdict_are_shown_and_marked() {
    for (fault, id, words) in [
        ("drop-every=50", "eth/one-by-one", "never answered"),
        ("duplicate-every=10", "eth/once", "this answer comes again"),
        (
            "stick-every=10",
            "eth/prompt",
            "it came only once the next echo was sent",
        ),
        (
            "swap-every=10",
            "eth/in-order",
            "that of a later echo came before",
        ),
        ("corrupt-every=50", "eth/every-length", "wrong from byte "),
        ("wrong-sum-every=7", "out/checksums", "a sum of it is wrong"),
        ("ttl=1", "out/ttl", "its hop limit is wrong"),
    ] {
        let lines = shown(fault, id);
        let marked = lines
            .iter()
            .filter(|line| line.contains(&format!("<- {words}")));
        assert!(marked.count() >= 1, "{fault}: {lines:#?}");
        // Twelve frames, what is between them, and those of before.
        assert!(lines.len() <= 12 + 5 + 3, "{fault}: {lines:#?}");
    }
}

/// Where nothing else is marked it is what was looked at last.
#[test]
fn what_was_looked_at_last_is_marked() {
    let lines = shown("arp-answers=1", "arp/unicast");
    let marked: Vec<_> = lines.iter().filter(|line| line.contains("<- ")).collect();
    let [one] = marked[..] else {
        panic!("{lines:#?}");
    };
    assert!(one.contains("> ARP: who has 10.0.0.1?"), "{one}");
    assert!(
        one.ends_with("nothing that was due came after this"),
        "{one}"
    );
}
