//! What can be done to frames, by name and number: `drop-every=50`.

use std::fmt;
use std::str::FromStr;

use anyhow::{Error, anyhow};

/// A fault and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is done.
    pub kind: Kind,
    /// To which frames, or how much; each kind says it.
    pub n: u32,
}

/// What is done to frames. *Every Nth* counts those frames alone that it could be done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Every Nth is lost.
    DropEvery,
    /// Each is lost with a chance of N percent.
    Lose,
    /// Every Nth comes twice.
    DuplicateEvery,
    /// Every Nth comes after the one behind it, or 20 ms later if there is none.
    SwapEvery,
    /// Every Nth stays where it is until another comes.
    StickEvery,
    /// All take N milliseconds.
    Delay,
    /// Longer ones are cut to N bytes, the Ethernet header included.
    Truncate,
    /// N bytes follow each that is short enough for them: no frame gets longer than 1514 bytes.
    Trail,
    /// Those of more than N bytes are lost, the Ethernet header included.
    LoseLonger,
    /// In every Nth a byte of its data is another one, and the checksums fit.
    CorruptEvery,
    /// Every Nth checksum of TCP, UDP and ICMP is wrong.
    WrongSumEvery,
    /// Every Nth checksum over data of an odd length is wrong.
    WrongSumOdd,
    /// Only N ARP replies pass.
    ArpAnswers,
    /// A receive ring: of the frames that come within 100 µs, those after the Nth are lost.
    Ring,
    /// In every Nth one line of the cache, 32 bytes, is that of the frame before; the checksums are as
    /// they came, as where software looks at them.
    StaleEvery,
    /// The same, but the checksums fit, as where the chip looked at them before.
    StaleMendedEvery,
    /// All have a time to live of N.
    Ttl,
    /// Every Nth RST is lost.
    LoseResets,
    /// Every Nth fragment of an IP packet is lost.
    LoseFragments,
    /// Each takes N microseconds longer than the one before.
    Later,
    /// Every Nth checksum of TCP, UDP and ICMP is zero.
    ZeroSumEvery,
    /// Those of more than N bytes are filled up to 60, as a MAC does it, and shorter ones aren't.
    PadLonger,
    /// IP packets say that they are N bytes longer than they are.
    Lengthen,
    /// All have a tag of VLAN N.
    Tag,
    /// What stands behind every Nth packet in its frame becomes its data.
    TakeTrailer,
    /// In every Nth 32 bytes at any place of its data are another frame's, and the checksums fit.
    StaleAnywhereEvery,
    /// Every Nth to a group of IPv6 is lost.
    LoseMulticast,
}

impl Kind {
    /// All of them, with their names.
    pub const ALL: [(&str, Self); 27] = [
        ("drop-every", Self::DropEvery),
        ("lose", Self::Lose),
        ("duplicate-every", Self::DuplicateEvery),
        ("swap-every", Self::SwapEvery),
        ("stick-every", Self::StickEvery),
        ("delay", Self::Delay),
        ("truncate", Self::Truncate),
        ("trail", Self::Trail),
        ("lose-longer", Self::LoseLonger),
        ("corrupt-every", Self::CorruptEvery),
        ("wrong-sum-every", Self::WrongSumEvery),
        ("wrong-sum-odd", Self::WrongSumOdd),
        ("arp-answers", Self::ArpAnswers),
        ("ring", Self::Ring),
        ("stale-every", Self::StaleEvery),
        ("stale-mended-every", Self::StaleMendedEvery),
        ("ttl", Self::Ttl),
        ("lose-resets", Self::LoseResets),
        ("lose-fragments", Self::LoseFragments),
        ("later", Self::Later),
        ("zero-sum-every", Self::ZeroSumEvery),
        ("pad-longer", Self::PadLonger),
        ("lengthen", Self::Lengthen),
        ("tag", Self::Tag),
        ("take-trailer", Self::TakeTrailer),
        ("stale-anywhere-every", Self::StaleAnywhereEvery),
        ("lose-multicast", Self::LoseMulticast),
    ];

    /// Whether a number of 0 says something.
    fn takes_zero(self) -> bool {
        matches!(
            self,
            Self::Lose | Self::Delay | Self::ArpAnswers | Self::Ring | Self::Ttl
        )
    }
}

impl FromStr for Fault {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || anyhow!("{text} is no fault: they are written as drop-every=50");
        let (name, n) = text.split_once('=').ok_or_else(wrong)?;
        let known = Kind::ALL.into_iter().find(|(known, _)| *known == name);
        let kind = known.ok_or_else(wrong)?.1;
        let n = n.parse().map_err(|_| wrong())?;
        if n == 0 && !kind.takes_zero() {
            return Err(wrong());
        }
        Ok(Self { kind, n })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Kind::ALL.into_iter().find(|(_, kind)| *kind == self.kind);
        write!(f, "{}={}", known.map_or("?", |(name, _)| name), self.n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_as_it_is_written() {
        for (_, kind) in Kind::ALL {
            let fault = Fault { kind, n: 7 };
            let again: Fault = fault.to_string().parse().expect("a fault");
            assert_eq!(again, fault);
        }
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for text in [
            "",
            "drop-every",
            "drop-every=",
            "drop-every=0",
            "drop=5",
            "lose=-1",
        ] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }
}
