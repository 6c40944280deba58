//! What this machine's own TCP saw of the link while the checks ran.
//!
//! Linux counts it for a whole network namespace, so traffic beside the probe's counts as well. Other
//! systems don't tell here: nothing is said there.

use std::fs;

/// The counters at one time.
#[derive(Clone, Copy, Default)]
struct Counters {
    sent: u64,
    sent_again: u64,
    wrong_sums: u64,
    not_put_together: u64,
}

/// A link that is watched.
pub struct Link(Option<Counters>);

impl Link {
    /// Begins.
    pub fn watch() -> Self {
        Self(Counters::now())
    }

    /// What was bad about it since, as a sentence.
    pub fn fault(&self) -> Option<String> {
        Counters::now()?.since(self.0?).fault()
    }
}

impl Counters {
    fn now() -> Option<Self> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        Self::read(&fs::read_to_string("/proc/net/snmp").ok()?)
    }

    /// Reads lines in pairs, names and values (proc(5), `/proc/net/snmp`).
    fn read(text: &str) -> Option<Self> {
        let value = |protocol: &str, name: &str| {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix(protocol));
            let (names, values) = (lines.next()?, lines.next()?);
            let mut pairs = names.split_whitespace().zip(values.split_whitespace());
            pairs.find(|(one, _)| *one == name)?.1.parse::<u64>().ok()
        };
        Some(Self {
            sent: value("Tcp:", "OutSegs")?,
            sent_again: value("Tcp:", "RetransSegs")?,
            wrong_sums: value("Tcp:", "InCsumErrors")? + value("Udp:", "InCsumErrors")?,
            not_put_together: value("Ip:", "ReasmFails")?,
        })
    }

    fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent.wrapping_sub(before.sent),
            sent_again: self.sent_again.wrapping_sub(before.sent_again),
            wrong_sums: self.wrong_sums.wrapping_sub(before.wrong_sums),
            not_put_together: self.not_put_together.wrapping_sub(before.not_put_together),
        }
    }

    /// Some segments are sent again on any network, and by checks that stop reading.
    fn fault(self) -> Option<String> {
        /// From so many of a thousand on, a cross may be the link's.
        const MANY: u64 = 5;
        let all = self.sent.saturating_add(self.sent_again).max(1);
        let mut parts = Vec::new();
        if self.sent_again >= 3 && self.sent_again.saturating_mul(1000) / all >= MANY {
            let tenths = self.sent_again.saturating_mul(1000) / all;
            parts.push(format!(
                "{} of {all} segments were sent again ({}.{} %)",
                self.sent_again,
                tenths / 10,
                tenths % 10
            ));
        }
        if self.wrong_sums > 0 {
            let many = if self.wrong_sums == 1 { "" } else { "s" };
            parts.push(format!("{} checksum{many} wrong", self.wrong_sums));
        }
        if self.not_put_together > 0 {
            parts.push(format!(
                "fragments were missing {} times",
                self.not_put_together
            ));
        }
        (!parts.is_empty()).then(|| {
            format!(
                "the link, as this machine counted it for all its connections: {} (it may explain \
                 crosses: grade on a better one, or look at the driver)",
                parts.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Counters;

    const BEFORE: &str = "\
Ip: Forwarding ReasmFails FragOKs
Ip: 2 5 0
Icmp: InMsgs
Icmp: 1
Tcp: RtoAlgorithm OutSegs RetransSegs InCsumErrors
Tcp: 1 1000 10 0
Udp: InDatagrams InCsumErrors
Udp: 7 1
";

    fn fault(after: &str) -> Option<String> {
        let read = |text| Counters::read(text).expect("the counters");
        read(after).since(read(BEFORE)).fault()
    }

    #[test]
    fn what_is_bad_is_said_and_nothing_else() {
        assert_eq!(fault(BEFORE), None);
        let few = BEFORE.replace("1 1000 10 0", "1 10000 14 0");
        assert_eq!(fault(&few), None);
        let lossy = BEFORE.replace("1 1000 10 0", "1 10223 127 0");
        let said = fault(&lossy).expect("a fault");
        assert!(
            said.contains(": 117 of 9340 segments were sent again (1.2 %) ("),
            "{said}"
        );
        let corrupt = BEFORE.replace("1 1000 10 0", "1 2000 10 2");
        let said = fault(&corrupt).expect("a fault");
        assert!(said.contains(": 2 checksums wrong ("), "{said}");
        let cut = BEFORE.replace("2 5 0", "2 6 0").replace("7 1", "7 2");
        let said = fault(&cut).expect("a fault");
        assert!(
            said.contains(": 1 checksum wrong, fragments were missing 1 times ("),
            "{said}"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_counts() {
        assert!(Counters::now().is_some());
    }

    #[test]
    fn counters_that_are_missing_are_no_link_without_faults() {
        assert!(Counters::read("Tcp: OutSegs\nTcp: 1\n").is_none());
    }
}
