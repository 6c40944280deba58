//! What a trace is turned into: a file for Wireshark, and ladders.

use core::time::Duration;
use std::cell::Cell;
use std::io::Write;
use std::process::{Command, Stdio};

use smoltcp_sim::{End, Ladder, Link, Network, Probability, Tap, Trace};

use crate::plain::{ask, at, echo, ms, pair};

/// A TCP exchange over a link that spoils some packets in every way.
fn exchange(seed: u64) -> Trace {
    let done = Cell::new(0);
    let mut network = Network::new(seed);
    network.record();
    let link = Link::new()
        .latency(ms(20))
        .loss(Probability::percent(15))
        .duplication(Probability::percent(10))
        .reordering(Probability::percent(15), ms(30))
        .corruption(Probability::percent(10));
    let (sender, receiver, _) = pair(&mut network, link);
    network.boot(sender, ask(b"Are you there, dear echo?", &done));
    network.boot(receiver, echo);
    network.run_for(Duration::from_secs(30));
    network.trace().unwrap().clone()
}

/// A seed whose exchange has a lost, a corrupt, a late packet and a copy.
fn eventful() -> Trace {
    let has_all = |trace: &Trace| {
        let any = |what: fn(&smoltcp_sim::Packet<'_>) -> bool| trace.packets().any(|p| what(&p));
        any(|packet| matches!(packet.end, End::Lost(_)))
            && any(|packet| packet.is_corrupt)
            && any(|packet| packet.is_copy)
            && any(|packet| {
                matches!(
                    packet.end,
                    End::Delivered {
                        overtaken: true,
                        ..
                    }
                )
            })
    };
    (0..1000)
        .map(exchange)
        .find(has_all)
        .expect("an eventful seed")
}

#[test]
fn a_ladder_shows_each_packet_and_its_fate() {
    let trace = eventful();
    let flows = trace.flows();
    assert_eq!(flows.len(), 1);
    let ladder = Ladder::new(&trace, &flows[0]);
    let text = ladder.to_string();
    assert_eq!(text.lines().count(), trace.packets().count() + 1);
    let svg = ladder.svg();
    for word in [
        "SYN seq=0",
        "SYN ACK seq=0 ack=1",
        "lost by chance",
        "corrupt",
        "late",
        "copy",
    ] {
        assert!(text.contains(word), "no {word:?} in\n{text}");
        assert!(svg.contains(word), "no {word:?} in\n{svg}");
    }
    // A heading with two life lines, an arrow for each packet, and five in the legend.
    let lines = svg.matches("<line ").count();
    assert_eq!(lines, trace.packets().count() + 2 + 5);
    assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
}

#[test]
fn a_ladder_looks_as_it_should() {
    let done = Cell::new(0);
    let mut network = Network::new(5);
    network.record();
    let (sender, receiver, link) = pair(&mut network, Link::new().latency(ms(20)));
    network.boot(sender, ask(b"ping", &done));
    network.boot(receiver, echo);
    network.cut(link);
    network.at(at(500), move |network| network.mend(link));
    network.run_for(Duration::from_secs(30));
    let trace = network.trace().unwrap();
    let text = Ladder::new(trace, &trace.flows()[0]).to_string();
    assert_eq!(text, include_str!("ladder.txt"), "\n{text}");
}

/// Blocks of a pcapng file: kind and body.
fn blocks(file: &[u8]) -> Vec<(u32, &[u8])> {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let len = word(at + 4) as usize;
        assert_eq!(len % 4, 0);
        assert_eq!(
            word(at + len - 4) as usize,
            len,
            "the two lengths of a block"
        );
        blocks.push((word(at), &file[at + 8..at + len - 4]));
        at += len;
    }
    blocks
}

#[test]
fn a_capture_is_a_good_pcapng_file() {
    let trace = eventful();
    let mut file = Vec::new();
    trace.write_pcapng(Tap::Senders, &mut file).unwrap();
    let blocks = blocks(&file);
    let kinds: Vec<_> = blocks.iter().map(|block| block.0).collect();
    assert_eq!(
        kinds[..3],
        [0x0a0d_0d0a, 1, 1],
        "a section and two interfaces"
    );
    assert!(kinds[3..].iter().all(|kind| *kind == 6));
    let sent: Vec<_> = trace.packets().filter(|packet| !packet.is_copy).collect();
    assert_eq!(kinds.len() - 3, sent.len());
    for (packet, (_, body)) in sent.iter().zip(&blocks[3..]) {
        let len = packet.bytes.len();
        assert_eq!(&body[20..20 + len], packet.sent_bytes);
        let micros = i64::from(u32::from_le_bytes(body[4..8].try_into().unwrap())) << 32
            | i64::from(u32::from_le_bytes(body[8..12].try_into().unwrap()));
        assert_eq!(micros, packet.sent.total_micros());
    }
}

/// What Wireshark says of the file, where it is installed.
#[test]
fn wireshark_reads_a_capture() {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: tshark is not installed");
        return;
    }
    let trace = eventful();
    let mut file = Vec::new();
    trace.write_pcapng(Tap::Senders, &mut file).unwrap();
    let mut tshark = Command::new("tshark")
        .args(["-r", "-", "-o", "tcp.check_checksum:TRUE", "-T", "fields"])
        .args(["-e", "frame.interface_name", "-e", "tcp.checksum.status"])
        .args(["-e", "_ws.expert.message", "-e", "frame.comment"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    tshark.stdin.take().unwrap().write_all(&file).unwrap();
    let output = tshark.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let shown = String::from_utf8(output.stdout).unwrap();
    let sent = trace.packets().filter(|packet| !packet.is_copy).count();
    assert_eq!(shown.lines().count(), sent, "{shown}");
    assert!(
        shown.lines().all(|line| line.contains("\t1\t")),
        "a checksum: {shown}"
    );
    assert!(shown.starts_with("sender\t"), "{shown}");
    assert!(shown.contains("lost by chance"), "{shown}");
    assert!(!shown.contains("Malformed"), "{shown}");
}
