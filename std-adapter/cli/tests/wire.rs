//! `greet probe --wire` over cables of Linux: veth pairs and TAP devices, in network namespaces of their own.

#![cfg(all(target_os = "linux", feature = "wire"))]

mod cable;
mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cable::{TAP, VETH, on};
use process::{Process, needs};

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// What it printed on stdout and stderr, and its exit status.
fn ended(command: &mut Command) -> (Vec<String>, Vec<String>, Option<i32>) {
    let (lines, errors, status) = Process::start(command).end();
    (lines, errors, status.code())
}

/// A folder of this test's own, which is gone when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("greet-wire-{name}-{}", std::process::id()));
        // Of a run that was killed.
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const ALL: &str = "--timeout 30s --rounds 100";

/// How often the kernel of this network has sent RST.
const RESETS: &str = "awk '/^Tcp: [0-9]/ { print \"RST \" $15 }' /proc/net/snmp";

#[test]
fn every_check_passes_over_a_veth_pair_and_the_kernel_keeps_out() {
    let script = format!(
        "$GREET probe 10.9.0.1:8000 --lines 10.9.0.1:8002 --udp 10.9.0.1:8001 \
            --wire ta --wire-ip 10.9.0.99/24 {ALL}
         $GREET probe [fd00:9::1]:8000 --udp [fd00:9::1]:8001 --wire ta --wire-ip fd00:9::99/64 {ALL} \
            --only tcp --only udp --only crowd/half-open
         {RESETS}
         $GREET probe 10.9.0.1:8000 --wire ta --wire-ip 10.9.0.2/24 --wire-mac own --only tcp/world \
            --timeout 1s >/dev/null 2>&1 || echo as it should
         {RESETS}"
    );
    let Some(mut shell) = on(VETH, "--settle=200ms --deadline=8s", &script) else {
        return;
    };
    let (lines, errors, status) = ended(&mut shell);
    assert_eq!(status, Some(0), "{lines:#?} {errors:#?}");
    let passed = lines.iter().filter(|line| line.contains(": passed "));
    let passed: Vec<_> = passed.collect();
    assert_eq!(passed.len(), 2, "{lines:#?}");
    assert!(
        passed.iter().all(|line| line.contains(", failed 0, ")),
        "{passed:#?}"
    );
    // Some use addresses that they weren't given, which they may not beside others; some take minutes,
    // one is for small windows, and one of UDP is IPv4's alone.
    let skipped = lines.iter().filter(|line| line.starts_with("  - "));
    let is_known = |line: &String| {
        line.contains("whose addresses it would use")
            || line.ends_with("it takes minutes")
            || line.ends_with("its window is larger than what is read of one client")
            || line.ends_with("named by an address of IPv6")
    };
    let others = skipped.filter(|line| !is_known(line));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new());
    let resets: Vec<_> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("RST "))
        .collect();
    // With the kernel's own addresses it takes part, and is seen to.
    assert_eq!(resets[0], "0", "{lines:#?}");
    assert_ne!(resets[1], "0", "{lines:#?}");
    assert!(
        lines.iter().any(|line| line.contains("came without sums")),
        "{lines:#?}"
    );
}

#[test]
fn an_address_is_chosen_on_a_tap_device() {
    let script = format!(
        "$GREET probe 10.8.0.1:8000 --udp 10.8.0.1:8001 --wire tap:tap0 {ALL} \
            --only '{{first,read,close,tcp,crowd,reset,udp}}'
         $GREET probe [fd00:8::1]:8000 --wire tap:tap0 --only tcp --only crowd {ALL}"
    );
    let Some(mut shell) = on(TAP, "--settle=200ms --deadline=8s", &script) else {
        return;
    };
    let (lines, errors, status) = ended(&mut shell);
    assert_eq!(status, Some(0), "{lines:#?} {errors:#?}");
    let hosts: Vec<_> = errors
        .iter()
        .filter_map(|line| line.strip_prefix("greet: a host of its own on tap:tap0: "))
        .collect();
    assert!(
        hosts[0].starts_with("10.8.0.") && hosts[0].contains("/24, 02:"),
        "{hosts:?}"
    );
    assert!(
        hosts[1].starts_with("fd00:8::") && hosts[1].contains("/64, 02:"),
        "{hosts:?}"
    );
    let whole = |line: &String| line.ends_with(", failed 0, skipped 0");
    assert!(lines.iter().any(whole), "{lines:#?}");
}

/// A server that grants more time than it should, so that a check fails.
const PATIENT: &str = "--deadline=1h";
const LATE: &str =
    "--seed 9 --wire ta --wire-ip 10.9.0.99/24 --deadline 1s --timeout 1s --only crowd/late";

#[test]
fn a_cross_has_its_evidence_and_the_command_that_repeats_it() {
    let folder = Folder::new("cross");
    let path = folder.0.display();
    let script = format!(
        "PATH=$(dirname $GREET):$PATH
         export PATH
         greet probe 10.9.0.1:8000 {LATE} --strict --evidence {path} --impair delay=1ms,seed=5 || echo failed
         again=$(grep '^greet probe' {path}/crowd-late.txt)
         rm -r {path}
         eval \"$again\" 2>&1 || echo failed again"
    );
    let Some(mut shell) = on(VETH, PATIENT, &script) else {
        return;
    };
    let (lines, errors, _) = ended(&mut shell);
    let has = |part: &str| lines.iter().any(|line| line.contains(part));
    let again = "greet probe 10.9.0.1:8000 --wire ta --wire-ip 10.9.0.99/24 --impair delay=1ms,seed=5 \
                 --seed 9 --timeout 1s --deadline 1s --strict --only crowd/late";
    let said = format!("        again: {again}");
    let repeated = lines.iter().filter(|line| **line == said).count();
    assert_eq!(repeated, 2, "{lines:#?} {errors:#?}");
    assert!(
        has("the verdict: nothing came after this in time"),
        "{lines:#?}"
    );
    assert!(has("|---- SYN seq=0 "), "{lines:#?}");
    assert!(has("Note: the link was impaired with seed 5"), "{lines:#?}");
    assert_eq!(
        lines.iter().filter(|line| line.contains("✗ late")).count(),
        2,
        "{lines:#?}"
    );
    assert!(has("failed again"), "{lines:#?}");
}

#[test]
fn files_have_the_frames_of_this_host_alone() {
    let folder = Folder::new("files");
    let path = folder.0.display();
    // Others speak on the cable meanwhile.
    let script = format!(
        "ping -q -i 0.2 10.9.0.1 >/dev/null 2>&1 &
         $GREET probe 10.9.0.1:8000 {LATE} --evidence {path} || echo failed"
    );
    let Some(mut shell) = on(VETH, PATIENT, &script) else {
        return;
    };
    let (lines, errors, _) = ended(&mut shell);
    let kept = |ending: &str| folder.0.join(format!("crowd-late.{ending}"));
    let files = format!(
        "        evidence: {}, {}, {}",
        kept("pcapng").display(),
        kept("txt").display(),
        kept("svg").display()
    );
    assert!(lines.contains(&files), "{lines:#?} {errors:#?}");
    let svg = fs::read_to_string(kept("svg")).expect("a picture");
    assert!(svg.starts_with("<svg ") && svg.contains("nothing came after this in time"));
    check_capture(&kept("pcapng"));
}

/// On a disk with room for one page not all is kept; and on a full one nothing is begun.
#[test]
fn a_full_disk_has_no_half_files_and_is_told() {
    let folder = Folder::new("full");
    let path = folder.0.display();
    let script = format!(
        "mkdir {path}
         mount -t tmpfs -o size=8k none {path}
         head -c 4096 /dev/zero >{path}/other
         $GREET probe 10.9.0.1:8000 {LATE} --only first/half-close --evidence {path} || echo status $?
         echo there: $(ls {path}/crowd*)
         echo empty: $(find {path} -size 0)
         rm -f {path}/crowd*
         head -c 8192 /dev/zero >{path}/other
         $GREET probe 10.9.0.1:8000 {LATE} --evidence {path} || echo status $?
         echo left: $(ls -A {path})
         umount {path}"
    );
    let Some(mut shell) = on(VETH, PATIENT, &script) else {
        return;
    };
    let (lines, errors, _) = ended(&mut shell);
    let after = |begin: &str| -> &str {
        let found = lines
            .iter()
            .find_map(|line| line.trim().strip_prefix(begin));
        found
            .unwrap_or_else(|| panic!("{begin}: {lines:#?} {errors:#?}"))
            .trim()
    };
    let full = "No space left on device (os error 28)";
    let (missing, why) = after("evidence isn't kept:")
        .rsplit_once(": ")
        .expect("a reason");
    assert_eq!(why, full);
    let kept = lines
        .iter()
        .find_map(|line| line.trim().strip_prefix("evidence: "));
    let sorted = |files: &str| {
        let mut files: Vec<_> = files
            .split([',', ' '])
            .filter(|file| !file.is_empty())
            .collect();
        files.sort_unstable();
        files.join(" ")
    };
    assert_eq!(sorted(after("there:")), sorted(kept.unwrap_or_default()));
    let all = ["pcapng", "svg", "txt"].map(|ending| format!("{path}/crowd-late.{ending}"));
    assert_eq!(
        sorted(&[missing, kept.unwrap_or_default()].join(" ")),
        all.join(" ")
    );
    assert_eq!((after("empty:"), after("left:")), ("", "other"));
    assert!(
        lines.iter().any(|line| line.contains("passed 1, failed 1")),
        "{lines:#?}"
    );
    assert_eq!(
        lines.iter().filter(|line| *line == "status 1").count(),
        2,
        "{lines:#?}"
    );
    let said = [
        format!("evidence of 1 check couldn't be kept in {path}: {full}"),
        format!("greet: can't keep evidence in {path}: {full}"),
    ];
    for sentence in said {
        assert!(
            errors.iter().any(|line| line.ends_with(&sentence)),
            "{sentence}: {errors:#?}"
        );
    }
}

/// What tshark reads in a file of ours.
fn check_capture(file: &Path) {
    if !needs("tshark", Command::new("tshark").arg("--version")) {
        return;
    }
    let read = |fields: &[&str]| {
        let fields = fields.iter().flat_map(|field| ["-e", *field]);
        let output = Command::new("tshark")
            .args(["-n", "-r"])
            .arg(file)
            .args(["-T", "fields"])
            .args(fields)
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let all = read(&[
        "ip.src",
        "ip.dst",
        "arp.src.proto_ipv4",
        "arp.dst.proto_ipv4",
    ]);
    assert!(all.lines().count() > 3, "{all}");
    assert!(all.lines().all(|line| line.contains("10.9.0.99")), "{all}");
    let marked = read(&["frame.comment"]);
    assert!(
        marked.contains("the verdict: nothing came after this in time"),
        "{marked}"
    );
    // It was written today, not in 1970.
    let time = read(&["frame.time_epoch"]);
    let first = time.lines().next().and_then(|line| line.split('.').next());
    let first: u64 = first.and_then(|text| text.parse().ok()).expect("a time");
    assert!(first > 1_700_000_000, "{time}");
}

#[test]
fn ctrl_c_keeps_what_the_running_check_has_seen() {
    let folder = Folder::new("interrupted");
    let path = folder.0.display();
    let script = format!(
        "$GREET probe 10.9.0.1:8000 --wire ta --wire-ip 10.9.0.99/24 --only crowd/late \
            --evidence {path} >{path}.out 2>&1 &
         probe=$!
         until grep -q 10.9.0.99 {path}.out 2>/dev/null; do :; done
         sleep 1
         kill -TERM $probe
         status=0
         wait $probe || status=$?
         cat {path}.out
         rm {path}.out
         echo status $status"
    );
    let Some(mut shell) = on(VETH, PATIENT, &script) else {
        return;
    };
    let (lines, errors, _) = ended(&mut shell);
    assert!(
        lines.iter().any(|line| line == "status 143"),
        "{lines:#?} {errors:#?}"
    );
    let text = fs::read_to_string(folder.0.join("crowd-late.txt")).expect("it was kept");
    assert!(
        text.contains("interrupted") && text.contains("|---- SYN seq=0 "),
        "{text}"
    );
    assert!(folder.0.join("crowd-late.pcapng").exists());
    let summary = lines.iter().find(|line| line.contains(": passed "));
    assert!(
        summary.is_some_and(|line| line.ends_with("passed 0, failed 0, skipped 1")),
        "{lines:#?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.contains("interrupted: the other checks weren't run")),
        "{lines:#?}"
    );
}

#[test]
fn what_can_not_be_is_said_before_anything_is_sent() {
    for (options, sentence, code) in [
        (
            "--wire nope --wire-ip 10.9.0.99/24",
            "this machine has no network interface nope",
            1,
        ),
        ("--wire lo --wire-ip 127.0.0.9/8", "lo is no Ethernet", 1),
        ("--wire ta", "--wire-ip 10.9.0.99/24", 2),
        ("--wire-ip 10.9.0.99/24", "--wire <CABLE>", 2),
        (
            "--wire ta --wire-ip 10.9.0.99",
            "write an address and the bits of its network",
            2,
        ),
        (
            "--wire ta --wire-ip 10.9.0.99/24 --impair loss=x",
            "loss is a share from 0% to 100%",
            2,
        ),
        (
            "--wire ta --wire-ip 10.9.0.99/24 --evidence /proc/nope",
            "can't keep evidence in /proc/nope",
            1,
        ),
        ("--wire unix:a", "write two paths", 2),
    ] {
        let command = format!("{GREET} probe 10.9.0.1:8000 {options}");
        let (lines, errors, status) = ended(Command::new("sh").args(["-c", &command]));
        assert!(lines.is_empty(), "{options}: {lines:?}");
        assert!(errors.concat().contains(sentence), "{options}: {errors:?}");
        assert_eq!(status, Some(code), "{options}: {errors:?}");
    }
}

#[test]
fn without_the_right_to_it_a_cable_says_how_to_grant_it() {
    let script = "setpriv --bounding-set=-net_raw --inh-caps=-net_raw \
                  $GREET probe 10.9.0.1:8000 --wire ta --wire-ip 10.9.0.99/24";
    let Some(mut shell) = on(VETH, "", script) else {
        return;
    };
    let (_, errors, status) = ended(&mut shell);
    let sentence = format!("`sudo setcap cap_net_raw+ep {GREET}`");
    assert!(errors.concat().contains(&sentence), "{errors:?}");
    assert_eq!(status, Some(1));
}

/// What helps a network interface helps no TAP device.
#[test]
fn each_tap_device_that_can_not_be_opened_says_what_helps_it() {
    let folder = Folder::new("tap");
    let said = folder.0.display();
    let probe = "setpriv --bounding-set=-all --inh-caps=-all $GREET probe 10.8.0.1:8000 --wire";
    let script = format!(
        "ip tuntap add others mode tap user 12345
         {probe} tap:others || true
         {probe} tap:nobodys || true
         $GREET probe 10.8.0.1:8000 --wire tap:tap0 --wire-ip 10.8.0.9/24 --only crowd/late >/dev/null 2>{said} &
         until grep -q 10.8.0.9 {said} 2>/dev/null; do :; done
         rm {said}
         {probe} tap:tap0 || true
         kill $!
         mount -t tmpfs none /dev/net
         {probe} tap:tap0 || true
         touch /dev/net/tun
         chmod 0 /dev/net/tun
         {probe} tap:tap0 || true"
    );
    let Some(mut shell) = on(TAP, PATIENT, &script) else {
        return;
    };
    let (_, errors, _) = ended(&mut shell);
    let begins = [
        "greet: make it yours with `sudo ip tuntap del others mode tap && sudo ip tuntap add others mode tap \
         user $USER`: others needs to be a TAP device of this user's: ",
        "greet: make it yours with `sudo ip tuntap add nobodys mode tap user $USER`: ",
        "greet: tap0 is taken: another program has it open: ",
        "greet: this system has no /dev/net/tun, so tap0 can't be opened (`sudo modprobe tun`; ",
        "greet: grant it with `sudo chmod a+rw /dev/net/tun`; ",
    ];
    assert_eq!(errors.len(), begins.len(), "{errors:#?}");
    for (error, begin) in errors.iter().zip(begins) {
        assert!(
            error.starts_with(begin),
            "{error}\nbegins not with\n{begin}"
        );
    }
}

/// ICMP says so, and no stack hands it on to whoever asks over UDP but by its own sockets.
#[test]
fn a_closed_udp_port_is_told_over_ipv4_and_ipv6() {
    let script = "$GREET probe 10.9.0.1:8000 --udp 10.9.0.1:9 --wire ta --wire-ip 10.9.0.99/24 --only first || true
         $GREET probe [fd00:9::1]:8000 --udp [fd00:9::1]:9 --wire ta --wire-ip fd00:9::99/64 --only first || true";
    let Some(mut shell) = on(VETH, "", script) else {
        return;
    };
    let (lines, errors, _) = ended(&mut shell);
    let told = lines
        .iter()
        .filter(|line| line.ends_with("nobody listens at that UDP port (is it the receiver's?)"));
    assert_eq!(told.count(), 2, "{lines:#?} {errors:#?}");
}

/// A server on another network is nobody's neighbor.
#[test]
fn a_server_elsewhere_is_refused() {
    let script = "$GREET probe 10.77.0.1:8000 --wire ta --wire-ip 10.9.0.99/24";
    let Some(mut shell) = on(VETH, "", script) else {
        return;
    };
    let (_, errors, status) = ended(&mut shell);
    let sentence = "10.77.0.1 isn't on the network of 10.9.0.99/24";
    assert!(errors.concat().contains(sentence), "{errors:?}");
    assert_eq!(status, Some(1));
}
