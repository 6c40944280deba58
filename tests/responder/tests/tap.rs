//! The same over a TAP device, with the program as people run it: a host without a fault gets no finding,
//! and faults get theirs. In a network namespace of its own, which is gone with the run.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use greet_wire::RAW_CASES;

/// The program, if it was built: `cargo build -p greet`.
fn greet() -> Option<PathBuf> {
    let responder = Path::new(env!("CARGO_BIN_EXE_responder"));
    let greet = responder.with_file_name("greet");
    greet.exists().then_some(greet)
}

/// Whether something that is missing is a failure: `GREET_REQUIRE=greet,tap,unshare`.
fn is_required(what: &str) -> bool {
    let required = std::env::var("GREET_REQUIRE").unwrap_or_default();
    required.split(',').any(|one| one == what)
}

/// How the host is asked: its address, and the tester's.
type Ends = [&'static str; 2];

const IP4: Ends = ["10.9.0.1", "10.9.0.99/24"];
const IP6: Ends = ["fe80::ff:fe00:1", "fe80::99/64"];

/// What the program says of a host with this fault, an object a line.
fn said([host, own]: Ends, fault: &str, options: &str) -> Option<String> {
    let Some(greet) = greet() else {
        assert!(!is_required("greet"), "build the program first");
        eprintln!("skipped: greet isn't built");
        return None;
    };
    let began = Instant::now();
    let script = format!(
        "ip link set lo up && ip tuntap add dev tap0 mode tap && ip link set tap0 up || exit 77
         {} tap0 10.9.0.1 {fault} & host=$!
         {} probe {host} --wire tap0 --wire-ip {own} --json {options}; status=$?
         kill $host
         exit $status",
        env!("CARGO_BIN_EXE_responder"),
        greet.display()
    );
    let output = Command::new("unshare")
        .args(["--net", "--map-root-user", "sh", "-c", &script])
        .output();
    let Some(output) = output.ok().filter(|output| {
        let code = output.status.code();
        code.is_some_and(|code| code != 77) && !output.stdout.is_empty()
    }) else {
        assert!(!is_required("tap"), "no TAP device in a namespace");
        eprintln!("skipped: no TAP device in a namespace");
        return None;
    };
    println!("{host} {fault} {options}: {:.1?}", began.elapsed());
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains("\"event\":\"summary\""), "{text}");
    Some(text)
}

/// The ids of the findings, in their order.
fn findings(text: &str) -> Vec<&str> {
    let lines = text
        .lines()
        .filter(|line| line.contains("\"event\":\"finding\""));
    let id = |line| {
        let (_, rest) = str::split_once(line, "\"id\":\"")?;
        Some(rest.split_once('"')?.0)
    };
    lines.filter_map(id).collect()
}

#[test]
fn a_host_without_a_fault_gets_no_finding() {
    let cases = RAW_CASES.iter().flat_map(|cases| cases.iter());
    let groups: BTreeSet<_> = cases
        .filter_map(|case| case.about.id.split('/').next())
        .collect();
    let groups: Vec<_> = groups.into_iter().collect();
    let some = groups.chunks(groups.len().div_ceil(AT_ONCE));
    let over_ip4 = some.map(|groups| (IP4, format!("{{{},}}/*", groups.join(","))));
    std::thread::scope(|scope| {
        for (ends, only) in over_ip4.chain([(IP6, FRAMES.to_owned())]) {
            scope.spawn(move || {
                if let Some(text) = said(ends, "", &format!("--only '{only}'")) {
                    assert!(findings(&text).is_empty(), "{text}");
                }
            });
        }
    });
}

#[test]
fn a_soak_keeps_the_last_minute_and_says_how_it_comes_again() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("soak");
    let options = format!(
        "--soak 1h --seed 7 --only arp --only eth/once --evidence '{}'",
        folder.display()
    );
    let Some(text) = said(IP4, "from:arp-answers=200", &options) else {
        return;
    };
    assert_eq!(findings(&text), ["wire/arp-stops"], "{text}");
    let has = |part: &str| text.contains(part);
    assert!(has(" frames: all of them come again with "), "{text}");
    assert!(has(
        "--seed 7 --timeout 5s --deadline 10s --soak 1h --only arp --only eth/once"
    ));
    assert!(has("\"event\":\"frames\""), "{text}");
    let kept = std::fs::read_dir(&folder).expect("it was made");
    let captures = kept.filter_map(|entry| {
        let path = entry.expect("a file").path();
        let is_capture = path.extension().is_some_and(|ending| ending == "pcapng");
        is_capture.then(|| std::fs::metadata(path).expect("it is there").len())
    });
    // Of more than one check, each of which sends a few dozen frames of ARP.
    assert!(captures.max().is_some_and(|len| len > 40_000), "{text}");
    std::fs::remove_dir_all(folder).expect("it is ours");
}

/// All that is no matter of TCP.
const FRAMES: &str = "{arp,icmp,eth,ip4,ndp,udp,out}/*";

/// So many at once: each has a namespace of its own, and mostly waits.
const AT_ONCE: usize = 8;

/// What is wrong, the checks that are to find it, and how it is called first. Which comes first of all checks,
/// and which way, is held in virtual time.
const ROWS: &[(Ends, &str, &str, &str)] = &[
    // Those that take long come first.
    (IP4, "dies-of-length", "ip4/length", "wire/died"),
    (
        IP4,
        "to:stale-every=10",
        "eth/every-length",
        "wire/bytes-change-caught",
    ),
    (
        IP4,
        "to:lose-longer=1000",
        "eth/every-length",
        "wire/long-lost",
    ),
    (IP4, "to:drop-every=50", "eth/one-by-one", "wire/loss"),
    (IP4, "from:drop-every=50", "eth/one-by-one", "wire/loss"),
    // It is emptied every 100 µs, in which a slow machine sends no more than a few frames.
    (IP4, "to:ring=2", "eth/ring", "wire/ring"),
    (
        IP4,
        "from:stale-mended-every=10",
        "eth/every-length",
        "wire/bytes-change",
    ),
    (IP4, "to:stick-every=10", "eth/prompt", "wire/stuck"),
    (
        IP4,
        "from:duplicate-every=10",
        "eth/once",
        "wire/duplicates",
    ),
    (IP4, "from:swap-every=10", "eth/in-order", "wire/swaps"),
    (
        IP4,
        "from:wrong-sum-odd=1",
        "{out/*,eth/every-length}",
        "wire/sums",
    ),
    (IP4, "from:arp-answers=3", "arp", "wire/arp-stops"),
    (IP4, "no-echo", FRAMES, "wire/no-echo"),
    (IP4, "no-echo", "udp", "wire/no-echo"),
    (IP4, "sums-zero", "{out/*,eth/once}", "wire/sums"),
    (IP4, "trailer-taken", "eth/padding-in", "wire/trailer-taken"),
    (IP4, "multicast-lost", "ndp", "wire/multicast-lost"),
    (IP4, "to:lose-multicast=1", "ndp", "wire/multicast-lost"),
    (IP4, "mixed-lost", "eth/burst", "wire/mixed-lost"),
    (IP4, "wrong-length", "out", "wire/wrong-length"),
    (IP4, "tags-left", "out/tags", "wire/tagged"),
    (IP4, "pad-leaks", "out/padding", "wire/pad-leaks"),
    (IP4, "later-and-later", "eth/steady", "wire/slower"),
    (IP4, "probe-ignored", "arp", "arp/probe"),
    (IP6, "to:drop-every=50", "eth/one-by-one", "wire/loss"),
    (
        IP6,
        "from:duplicate-every=10",
        "eth/once",
        "wire/duplicates",
    ),
    (IP6, "no-echo", "ndp", "wire/no-echo"),
];

#[test]
fn faults_are_named_first() {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = ROWS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (ends, fault, only, id) = row;
                    let Some(text) = said(*ends, fault, &format!("--only '{only}'")) else {
                        return;
                    };
                    let findings = findings(&text);
                    if findings.first() != Some(id) {
                        let said = format!("{} {fault}: not {id} first, but {findings:?}", ends[0]);
                        wrong.lock().expect("no thread panics").push(said);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no thread panics");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
