//! What Linux counts for a whole network namespace: every connection on this machine, the probe's among them.
//!
//! It alone knows of what never came to a socket: packets with wrong checksums, fragments without the others.

use std::fs::File;
use std::io::{Read as _, Seek as _};

/// The counters at one time, or what they grew by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// `Tcp: OutSegs` and `RetransSegs`.
    pub sent: u64,
    pub sent_again: u64,
    /// `InCsumErrors` of TCP, UDP and ICMP.
    pub wrong_sums: u64,
    /// `Ip: ReasmFails`.
    pub not_put_together: u64,
    /// `Udp: RcvbufErrors`: datagrams for which this machine had no room.
    pub no_room: u64,
    /// `Tcp: AttemptFails` and `EstabResets`.
    pub attempts_failed: u64,
    pub resets: u64,
    /// `TcpExt: TCPSynRetrans`.
    pub syns_again: u64,
    /// `TcpExt: DelayedACKLost`: segments with nothing but what had come before.
    pub received_again: u64,
    /// `TcpExt: TCPOFOQueue`: segments with a gap before them.
    pub out_of_order: u64,
    /// `TcpExt: TCPAbortOnTimeout`: connections given up as nothing was answered any more.
    pub given_up: u64,
}

/// The files that have them, of the namespace in which they were opened.
#[derive(Debug)]
pub struct Files {
    snmp: File,
    /// It is missing where there is no TCP.
    netstat: Option<File>,
    text: String,
}

impl Files {
    /// `None`: this system doesn't count here.
    pub fn open() -> Option<Self> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        Some(Self {
            snmp: File::open("/proc/net/snmp").ok()?,
            netstat: File::open("/proc/net/netstat").ok(),
            text: String::new(),
        })
    }

    /// All of them.
    pub fn read(&mut self) -> Option<Machine> {
        reread(&mut self.snmp, &mut self.text)?;
        let mut machine = Machine::default();
        machine.add_snmp(&self.text)?;
        if let Some(netstat) = &mut self.netstat {
            reread(netstat, &mut self.text)?;
            machine.add_netstat(&self.text);
        }
        Some(machine)
    }

    /// How many checksums were wrong so far, without the rest.
    pub fn wrong_sums(&mut self) -> Option<u64> {
        reread(&mut self.snmp, &mut self.text)?;
        Some(wrong_sums(&self.text))
    }
}

fn reread(file: &mut File, text: &mut String) -> Option<()> {
    text.clear();
    file.rewind().ok()?;
    file.read_to_string(text).ok().map(drop)
}

/// One counter of lines in pairs, names and values (proc(5), `/proc/net/snmp`).
fn value(text: &str, protocol: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(protocol));
    let (names, values) = (lines.next()?, lines.next()?);
    let mut pairs = names.split_whitespace().zip(values.split_whitespace());
    pairs.find(|(one, _)| *one == name)?.1.parse().ok()
}

fn wrong_sums(snmp: &str) -> u64 {
    ["Tcp:", "Udp:", "Icmp:"]
        .iter()
        .filter_map(|protocol| value(snmp, protocol, "InCsumErrors"))
        .sum()
}

impl Machine {
    fn add_snmp(&mut self, text: &str) -> Option<()> {
        self.sent = value(text, "Tcp:", "OutSegs")?;
        self.sent_again = value(text, "Tcp:", "RetransSegs")?;
        self.attempts_failed = value(text, "Tcp:", "AttemptFails").unwrap_or_default();
        self.resets = value(text, "Tcp:", "EstabResets").unwrap_or_default();
        self.wrong_sums = wrong_sums(text);
        self.not_put_together = value(text, "Ip:", "ReasmFails").unwrap_or_default();
        self.no_room = value(text, "Udp:", "RcvbufErrors").unwrap_or_default();
        Some(())
    }

    fn add_netstat(&mut self, text: &str) {
        let value = |name| value(text, "TcpExt:", name).unwrap_or_default();
        self.syns_again = value("TCPSynRetrans");
        self.received_again = value("DelayedACKLost");
        self.out_of_order = value("TCPOFOQueue");
        self.given_up = value("TCPAbortOnTimeout");
    }

    /// What was counted since an earlier time.
    pub fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent.wrapping_sub(before.sent),
            sent_again: self.sent_again.wrapping_sub(before.sent_again),
            wrong_sums: self.wrong_sums.wrapping_sub(before.wrong_sums),
            not_put_together: self.not_put_together.wrapping_sub(before.not_put_together),
            no_room: self.no_room.wrapping_sub(before.no_room),
            attempts_failed: self.attempts_failed.wrapping_sub(before.attempts_failed),
            resets: self.resets.wrapping_sub(before.resets),
            syns_again: self.syns_again.wrapping_sub(before.syns_again),
            received_again: self.received_again.wrapping_sub(before.received_again),
            out_of_order: self.out_of_order.wrapping_sub(before.out_of_order),
            given_up: self.given_up.wrapping_sub(before.given_up),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNMP: &str = "\
Ip: Forwarding ReasmFails FragOKs
Ip: 2 5 0
Icmp: InMsgs InCsumErrors
Icmp: 1 2
Tcp: RtoAlgorithm AttemptFails EstabResets OutSegs RetransSegs InCsumErrors
Tcp: 1 6 7 1000 10 3
Udp: InDatagrams RcvbufErrors InCsumErrors
Udp: 7 9 1
";
    const NETSTAT: &str = "\
TcpExt: DelayedACKLost TCPSynRetrans TCPOFOQueue TCPAbortOnTimeout
TcpExt: 4 11 12 13
";

    #[test]
    fn what_linux_writes_is_read() {
        let mut machine = Machine::default();
        machine.add_snmp(SNMP).expect("the counters");
        machine.add_netstat(NETSTAT);
        let expected = Machine {
            sent: 1000,
            sent_again: 10,
            wrong_sums: 6,
            not_put_together: 5,
            no_room: 9,
            attempts_failed: 6,
            resets: 7,
            syns_again: 11,
            received_again: 4,
            out_of_order: 12,
            given_up: 13,
        };
        assert_eq!(machine, expected);
        assert_eq!(machine.since(machine), Machine::default());
        assert_eq!(machine.since(Machine::default()), expected);
    }

    #[test]
    fn counters_that_are_missing_are_no_link_without_faults() {
        let mut machine = Machine::default();
        assert!(machine.add_snmp("Tcp: OutSegs\nTcp: 1\n").is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_counts() {
        let mut files = Files::open().expect("Linux has them");
        let machine = files.read().expect("the counters");
        let later = files.wrong_sums().expect("the counters");
        assert!(later >= machine.wrong_sums);
    }
}
