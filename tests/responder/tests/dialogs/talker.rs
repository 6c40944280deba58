//! Who talks to the host: frames by hand, a clock, and what is said in lines.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use greet_responder::bytes::{at, frame, on_link, pseudo, sum, word};
use greet_responder::desk::{HOST, TESTER};
use greet_responder::fault::Fault;
use greet_responder::host::{Answer, Host};

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;
pub const URG: u8 = 32;

pub const MS: Duration = Duration::from_millis(1);
pub const SECOND: Duration = Duration::from_secs(1);

/// The first number of the tester's segments, which a dialog may change.
pub const ISN: u32 = 0x1000_0000;

/// A segment to send, as the fields stand in it; numbers count from both sides' first ones.
#[derive(Clone, Debug)]
pub struct Says {
    pub to: u16,
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub urgent: u16,
    pub options: Vec<u8>,
    pub text: Vec<u8>,
    /// Words of the header, if it isn't what it should be.
    pub offset: Option<u8>,
    pub reserved: u8,
    /// What is wrong with the sum.
    pub sum: u16,
}

pub fn says(flags: u8, seq: u32, ack: u32, text: &[u8]) -> Says {
    Says {
        to: 8000,
        flags,
        seq,
        ack,
        window: 65_000,
        urgent: 0,
        options: Vec::new(),
        text: text.to_vec(),
        offset: None,
        reserved: 0,
        sum: 0,
    }
}

pub struct Talker {
    host: Host,
    pub now: Duration,
    pub own: IpAddr,
    pub board: IpAddr,
    pub port: u16,
    /// The first numbers of this side and of the host.
    pub isn: u32,
    theirs: u32,
    /// What is expected of it next, from its first number.
    pub heard: u32,
    /// What came and went, in words.
    pub lines: Vec<String>,
    /// What came, and when.
    pub frames: Vec<(Duration, Vec<u8>)>,
}

impl Talker {
    pub fn new(fault: Option<Fault>) -> Self {
        let mut talker = Self {
            host: Host::new(HOST.0, HOST.1, fault),
            now: SECOND,
            own: TESTER.1.into(),
            board: HOST.1.into(),
            port: 50_000,
            isn: ISN,
            theirs: 0,
            heard: 0,
            lines: Vec::new(),
            frames: Vec::new(),
        };
        let arp = [
            &[0, 1, 8, 0, 6, 4, 0, 1][..],
            &TESTER.0.0,
            &TESTER.1,
            &[0; 6],
            &HOST.1,
        ]
        .concat();
        talker
            .host
            .receive(&frame([0xff; 6], TESTER.0.0, 0x806, &arp), SECOND);
        talker
    }

    /// From now on over IPv6.
    pub fn take_v6(&mut self) {
        self.own = on_link(TESTER.0.0).into();
        self.board = on_link(HOST.0).into();
    }

    fn line(&mut self, text: &str) {
        let millis = self.now.saturating_sub(SECOND).as_secs_f64() * 1000.0;
        self.lines.push(format!("{millis:>12.1} {text}"));
    }

    /// Sends a frame.
    pub fn put(&mut self, what: &str, bytes: &[u8]) {
        self.line(&format!("> {what}"));
        let answers = self.host.receive(bytes, self.now);
        self.hear(answers);
    }

    /// A packet of the host's network, to the host.
    pub fn packet(&mut self, protocol: u8, what: &str, body: &[u8]) {
        let packet = ip(self.own, self.board, protocol, body);
        self.put_packet(what, &packet);
    }

    pub fn put_packet(&mut self, what: &str, packet: &[u8]) {
        let kind = if packet[0] >> 4 == 4 { 0x800 } else { 0x86dd };
        let bytes = frame(HOST.0, TESTER.0.0, kind, packet);
        self.put(what, &bytes);
    }

    /// Sends a segment.
    pub fn say(&mut self, says: &Says) {
        let bytes = self.segment(says);
        let what = described(&bytes, self.isn, self.theirs);
        self.packet(6, &what, &bytes);
    }

    /// A segment and its sum.
    pub fn segment(&self, says: &Says) -> Vec<u8> {
        let has_ack = says.flags & ACK != 0;
        let ack = if has_ack || says.flags & RST != 0 && says.ack != 0 {
            self.theirs.wrapping_add(says.ack)
        } else {
            0
        };
        let mut options = says.options.clone();
        options.resize(options.len().next_multiple_of(4), 0);
        let words = u8::try_from(5 + options.len() / 4).expect("few");
        let words = says.offset.unwrap_or(words);
        let mut bytes = [
            &self.port.to_be_bytes()[..],
            &says.to.to_be_bytes(),
            &self.isn.wrapping_add(says.seq).to_be_bytes(),
            &ack.to_be_bytes(),
            &[words << 4 | says.reserved, says.flags],
            &says.window.to_be_bytes(),
            &[0, 0],
            &says.urgent.to_be_bytes(),
            &options,
            &says.text,
        ]
        .concat();
        let right = sum(&[&pseudo(self.own, self.board, 6, bytes.len()), &bytes]) ^ says.sum;
        bytes[16..18].copy_from_slice(&right.to_be_bytes());
        bytes
    }

    /// Lets time pass.
    pub fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.host.due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let answers = self.host.expire(self.now);
            self.hear(answers);
        }
        self.now = end;
    }

    fn hear(&mut self, answers: Vec<Answer>) {
        for (at, bytes) in answers {
            if let Some(segment) = tcp(&bytes) {
                let seq = u32::from_be_bytes(self::at(segment, 4));
                if segment[13] & SYN != 0 {
                    (self.theirs, self.heard) = (seq, 0);
                }
                let offset = usize::from(segment[12] >> 4) * 4;
                let len = segment.len() - offset + usize::from(segment[13] & (SYN | FIN) != 0);
                if seq == self.theirs.wrapping_add(self.heard) {
                    self.heard += u32::try_from(len).expect("a segment");
                }
            }
            let text = seen(&bytes, self.theirs, self.isn);
            self.line(&format!("                                    < {text}"));
            self.frames.push((at, bytes));
        }
    }

    /// A handshake, with these options in its SYN.
    pub fn connect(&mut self, window: u16, options: &[u8]) {
        let mut syn = says(SYN, 0, 0, b"");
        syn.options = options.to_vec();
        syn.window = window;
        self.say(&syn);
        self.wait(MS);
        let mut ack = says(ACK, 1, 1, b"");
        ack.window = window;
        self.say(&ack);
        self.wait(MS);
    }

    /// The next connection is another one.
    pub fn renew(&mut self) {
        self.port += 1;
        (self.theirs, self.heard) = (0, 0);
    }
}

/// The segment in a frame, if there is one.
fn tcp(bytes: &[u8]) -> Option<&[u8]> {
    let (protocol, start, len) = match word(bytes, 12) {
        0x800 => (
            bytes.get(23)?,
            34,
            usize::from(word(bytes, 16)).saturating_sub(20),
        ),
        0x86dd => (bytes.get(20)?, 54, usize::from(word(bytes, 18))),
        _ => return None,
    };
    let segment = bytes.get(start..(start + len).min(bytes.len()))?;
    (*protocol == 6)
        .then_some(segment)
        .filter(|segment| segment.len() >= 20)
}

/// A packet with its header.
pub fn ip(from: IpAddr, to: IpAddr, protocol: u8, body: &[u8]) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => ip4(from, to, protocol, (7, 0), &[], body),
        (IpAddr::V6(from), IpAddr::V6(to)) => ip6(from, to, protocol, body),
        _ => panic!("one version"),
    }
}

/// One of IPv4, with its number, its place among fragments, and options.
pub fn ip4(
    from: Ipv4Addr,
    to: Ipv4Addr,
    protocol: u8,
    (id, place): (u16, u16),
    options: &[u8],
    body: &[u8],
) -> Vec<u8> {
    let len = u16::try_from(20 + options.len() + body.len()).expect("a packet");
    let words = 0x45 + u8::try_from(options.len() / 4).expect("few");
    let mut header = [
        &[words, 0][..],
        &len.to_be_bytes(),
        &id.to_be_bytes(),
        &place.to_be_bytes(),
        &[64, protocol, 0, 0],
        &from.octets(),
        &to.octets(),
        options,
    ]
    .concat();
    let right = sum(&[&header]);
    header[10..12].copy_from_slice(&right.to_be_bytes());
    [&header[..], body].concat()
}

/// One of IPv6.
pub fn ip6(from: Ipv6Addr, to: Ipv6Addr, next: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).expect("a packet").to_be_bytes();
    [
        &[0x60, 0, 0, 0][..],
        &len,
        &[next, 255],
        &from.octets(),
        &to.octets(),
        body,
    ]
    .concat()
}

/// A segment in words: its numbers from the first of its side, or as RST has them.
fn described(segment: &[u8], from: u32, to: u32) -> String {
    let flags = segment[13];
    let names = [
        (SYN, "SYN "),
        (FIN, "FIN "),
        (RST, "RST "),
        (8, "PSH "),
        (ACK, "ACK "),
        (URG, "URG "),
        (0x40, "ECE "),
        (0x80, "CWR "),
    ];
    let mut text: String = names
        .iter()
        .filter(|(bit, _)| flags & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    let offset = (usize::from(segment[12] >> 4) * 4).clamp(20, segment.len());
    let relative = |at, first: u32| {
        let number = u32::from_be_bytes(self::at(segment, at)).wrapping_sub(first);
        if number > 1 << 24 && number < 0xff << 24 {
            "far".to_owned()
        } else {
            number.cast_signed().to_string()
        }
    };
    text += "seq=";
    text += &relative(4, from);
    if flags & ACK != 0 {
        text += " ack=";
        text += &relative(8, to);
    }
    let _ = write!(text, " win={}", word(segment, 14));
    if offset > 20 {
        let _ = write!(text, " options={:02x?}", &segment[20..offset]);
    }
    if segment.len() > offset {
        let shown = String::from_utf8_lossy(&segment[offset..]);
        let shown: String = shown.chars().take(16).collect();
        let _ = write!(text, " len={} {shown:?}", segment.len() - offset);
    }
    text
}

/// A frame of the host's in words.
fn seen(bytes: &[u8], theirs: u32, own: u32) -> String {
    let kind = word(bytes, 12);
    let (protocol, ends, body, place) = match kind {
        0x800 => {
            let end = (14 + usize::from(word(bytes, 16))).min(bytes.len());
            let place = word(bytes, 20);
            let ends = IpAddr::from(at::<4>(bytes, 30));
            (bytes[23], ends, &bytes[34..end], place)
        }
        0x86dd => {
            let end = (54 + usize::from(word(bytes, 18))).min(bytes.len());
            let ends = IpAddr::from(at::<16>(bytes, 38));
            (bytes[20], ends, &bytes[54..end], 0x4000)
        }
        0x806 => return format!("ARP {:?}", &bytes[14..42]),
        _ => return format!("{bytes:02x?}"),
    };
    let cut = match place {
        0x4000 => String::new(),
        0 => " may be cut".to_owned(),
        place => format!(" fragment {place:#x}"),
    };
    let text = match protocol {
        6 => described(body, theirs, own),
        1 | 58 => format!("ICMP {} {} of {} bytes", body[0], body[1], body.len()),
        17 => format!("UDP {:?}", String::from_utf8_lossy(&body[8..])),
        44 => format!("fragment {:02x?} of {} bytes", &body[..4], body.len()),
        _ => format!("protocol {protocol}"),
    };
    let is_tester = [TESTER.1.into(), IpAddr::from(on_link(TESTER.0.0))].contains(&ends);
    let whom = if is_tester {
        String::new()
    } else {
        format!(" to {ends}")
    };
    format!("{text}{cut}{whom}")
}
