//! What a trace is turned into: a file for Wireshark, and ladders.

use core::time::Duration;
use std::cell::Cell;
use std::io::Write;
use std::process::{Command, Stdio};

use smoltcp::phy::Medium;
use smoltcp::time::Instant;
use smoltcp::wire::{IpProtocol, Ipv4Packet, TcpPacket, TcpSeqNumber};
use smoltcp_sim::{End, Ladder, Link, Loss, Network, Packet, Probability, Segment, Tap, Trace};

use crate::plain::{RECEIVER, SENDER, ask, at, echo, ms, pair};

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
    // A heading with two life lines, an arrow for each packet, and six in the legend.
    let lines = svg.matches("<line ").count();
    assert_eq!(lines, trace.packets().count() + 2 + 6);
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

/// A segment of which some was sent before is one, be the first one lost or only late; what the
/// network copied is none.
#[test]
fn retransmissions_are_marked_and_copies_are_not() {
    let trace = eventful();
    let ladder = Ladder::new(&trace, &trace.flows()[0]).to_string();
    let mut seen = Vec::new();
    let mut marked = 0;
    for (packet, line) in trace.packets().zip(ladder.lines().skip(1)) {
        let segment = Segment::read(trace.medium(), packet.sent_bytes).unwrap();
        let tcp = segment.tcp.unwrap();
        let takes_up = !segment.payload.is_empty() || tcp.syn || tcp.fin;
        let is_again = takes_up && !packet.is_copy && seen.contains(&(packet.from, tcp.seq));
        assert_eq!(
            line.contains("retransmission"),
            is_again,
            "{line}\n{ladder}"
        );
        if takes_up {
            seen.push((packet.from, tcp.seq));
        }
        marked += usize::from(is_again);
    }
    assert!(marked > 1, "{ladder}");
}

/// However much a packet says, and wherever it is lost, its words end before the arrow does, and
/// the life lines stay straight.
#[test]
fn words_and_arrows_keep_apart() {
    let mut trace = Trace::new(Medium::Ip);
    let [from, to] = ["a", "b"].map(|name| trace.add_host(name));
    for (number, end) in [
        End::Lost(Loss::Cut),
        End::UnderWay,
        End::Delivered {
            at: Instant::ZERO,
            overtaken: false,
        },
    ]
    .into_iter()
    .enumerate()
    {
        let number = u32::try_from(number).unwrap();
        let frame = long_segment(4_000_000_000 + number * 100);
        let mut packet = Packet::new(from, to, Instant::ZERO, &frame);
        packet.end = end;
        trace.push(&packet);
    }
    let ladder = Ladder::new(&trace, &trace.flows()[0]);
    let text = ladder.to_string();
    let mut right = Vec::new();
    for line in text.lines().skip(1) {
        let arrow = line.split('|').nth(1).unwrap();
        let words_end = arrow.rfind("\"...").unwrap() + 4;
        let rest = &arrow[words_end..];
        assert!(rest.starts_with(" --"), "{text}");
        right.push(line.rfind('|').unwrap());
    }
    right.dedup();
    assert_eq!(right.len(), 1, "{text}");
    // In the picture, the cross stands behind the words, at seven a letter.
    let svg = ladder.svg();
    let words = svg
        .lines()
        .find(|line| line.contains("...</text>"))
        .unwrap();
    let letters = words
        .split('>')
        .nth(1)
        .unwrap()
        .trim_end_matches("</text")
        .len()
        - "&quot;".len();
    let cross = svg
        .split("d=\"M")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    assert!(cross.parse::<usize>().unwrap() > letters * 6 + 14, "{svg}");
}

/// A picture is as wide as the longest remark beside it, on either side.
#[test]
fn a_remark_is_within_the_picture() {
    const LONG: &str = "a remark of many words, as somebody has who wants to explain something";
    let [narrow, left, right] = [None, Some(0), Some(1)].map(|remarked| {
        let mut trace = Trace::new(Medium::Ip);
        let (one, other) = (trace.add_host("one"), trace.add_host("other"));
        let (there, back) = (long_segment(7), long_segment(7 + 102));
        trace.push(&Packet::new(one, other, at(1), &there));
        let mut answer = back;
        let mut ip = Ipv4Packet::new_unchecked(&mut answer);
        ip.set_src_addr(RECEIVER.into());
        ip.set_dst_addr(SENDER.into());
        let mut tcp = TcpPacket::new_unchecked(ip.payload_mut());
        tcp.set_src_port(50_001);
        tcp.set_dst_port(50_000);
        trace.push(&Packet::new(other, one, at(2), &answer));
        if let Some(packet) = remarked {
            trace.remark(packet, LONG);
        }
        let svg = Ladder::new(&trace, &trace.flows()[0]).svg();
        let view = svg.split('"').skip_while(|part| !part.contains("viewBox"));
        let view: Vec<i32> = view
            .take(2)
            .flat_map(|part| part.split(' '))
            .filter_map(|number| number.parse().ok())
            .collect();
        assert_eq!(svg.contains(LONG), remarked.is_some(), "{svg}");
        (view[0], view[0] + view[2])
    });
    let room = i32::try_from(LONG.len()).unwrap() * 6;
    assert!(
        left.0 <= narrow.0 - room / 2 && left.1 == narrow.1,
        "{left:?}"
    );
    assert!(
        right.1 >= narrow.1 + room / 2 && right.0 == narrow.0,
        "{right:?}"
    );
}

/// A segment with a payload that can't be shown as it is.
fn long_segment(seq: u32) -> Vec<u8> {
    let payload = [0xff; 100];
    let mut frame = vec![0; 140];
    let mut ip = Ipv4Packet::new_unchecked(&mut frame);
    ip.set_version(4);
    ip.set_header_len(20);
    ip.set_total_len(140);
    ip.set_next_header(IpProtocol::Tcp);
    ip.set_src_addr(SENDER.into());
    ip.set_dst_addr(RECEIVER.into());
    let mut tcp = TcpPacket::new_unchecked(ip.payload_mut());
    tcp.set_src_port(50_000);
    tcp.set_dst_port(50_001);
    tcp.set_header_len(20);
    tcp.set_seq_number(TcpSeqNumber(seq.cast_signed()));
    tcp.set_ack_number(TcpSeqNumber(-7));
    tcp.set_ack(true);
    tcp.set_fin(true);
    tcp.payload_mut().copy_from_slice(&payload);
    frame
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
