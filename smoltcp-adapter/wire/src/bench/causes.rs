//! What is to be mended, and which crosses follow from it.

use super::{Bench, Symptom, Wants};
use crate::cases::RAW_CASES;

/// Something to mend.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Cause {
    /// What is wrong.
    pub symptom: Symptom,
    /// The crosses that have shown it, and those that follow from it.
    pub shown_by: Vec<&'static str>,
    /// Those that may follow from it, and tell nothing until it is mended.
    pub may_follow: Vec<&'static str>,
}

impl Bench<'_> {
    /// What was found to be wrong, what is to be mended first before the rest, each with its part of the checks
    /// that didn't pass. What is left of those, none of it explains.
    pub fn causes(&self, crosses: &[&'static str]) -> Vec<Cause> {
        let mut open = crosses.to_vec();
        let mut causes: Vec<Cause> = Vec::new();
        for symptom in self.symptoms() {
            let is_behind = |cause: &Cause| self.is_behind(*symptom, cause.symptom);
            if causes.iter().any(is_behind) {
                continue;
            }
            // Who looks for the board finds something as well, whatever the check.
            let found_by = self.found_by(*symptom);
            let mut shown_by: Vec<_> = found_by.filter(|id| crosses.contains(id)).collect();
            open.retain(|id| !shown_by.contains(id));
            let explained = open.extract_if(.., |id| symptom.explains().contains(id));
            shown_by.extend(explained);
            let may_follow = open.extract_if(.., |id| symptom.spoils_talks() && is_of_talks(id));
            let may_follow = may_follow.collect();
            causes.push(Cause {
                symptom: *symptom,
                shown_by,
                may_follow,
            });
        }
        causes
    }

    /// Whether there is no more to one than another that was found.
    fn is_behind(&self, symptom: Symptom, other: Symptom) -> bool {
        let is_unserved = matches!(symptom, Symptom::NotServed { .. });
        let mut found_by = self.found_by(symptom);
        is_unserved && other.spoils_talks() || found_by.all(|id| other.explains().contains(&id))
    }
}

impl Symptom {
    /// The checks that fail because of it, beside those that have found it.
    fn explains(&self) -> &'static [&'static str] {
        match self {
            Self::ArpStops { .. } | Self::ArpSleeps | Self::BroadcastLost => &[
                "arp/request",
                "arp/unicast",
                "arp/probe",
                "arp/again",
                "arp/gratuitous",
            ],
            Self::WrongLength => &[
                "icmp/echo",
                "icmp6/echo",
                "eth/every-length",
                "icmp6/every-length",
                "eth/padding-in",
                "udp/closed",
                "out/lengths",
                "out/checksums",
            ],
            Self::TrailerTaken => &[
                "icmp/truncated",
                "eth/every-length",
                "eth/padding-in",
                "udp/length",
                "udp/padding-in",
            ],
            // What comes behind a short packet makes its frame long.
            Self::LongLost { .. } => &["eth/padding-in"],
            // Without ICMP there are no errors, either.
            Self::NoEcho => &["icmp/echo", "icmp6/echo", "udp/closed"],
            Self::Ring { .. } | Self::MixedLost { .. } => {
                &["eth/one-by-one", "eth/ring", "eth/burst"]
            }
            // Whoever waits until an answer is late enough takes it for none.
            Self::Slower { .. } => &["eth/one-by-one", "eth/prompt", "eth/ring", "eth/burst"],
            _ => &[],
        }
    }

    /// Whether it loses, changes, doubles, swaps or delays frames, so that what comes of a talk is none of the
    /// talkers' fault.
    pub fn spoils_talks(&self) -> bool {
        matches!(
            self,
            Self::WrongLength
                | Self::Sums { .. }
                | Self::LongLost { .. }
                | Self::Spoilt { .. }
                | Self::SpoiltAndCaught { .. }
                | Self::TrailerTaken
                | Self::Stuck { .. }
                | Self::Loss { .. }
                | Self::Ring { .. }
                | Self::MixedLost { .. }
                | Self::Duplicated { .. }
                | Self::Swapped { .. }
                | Self::Slower { .. }
        )
    }

    /// Whether what arrives may have other bytes than what was sent, and right sums.
    pub fn changes_bytes(&self) -> bool {
        matches!(
            self,
            Self::WrongLength | Self::Spoilt { .. } | Self::TrailerTaken
        )
    }
}

/// Whether a check talks with a server or a receiver, and looks at more than the header of an answer.
fn is_of_talks(id: &str) -> bool {
    /// What these look at is chosen by the stack, and no fault of frames makes it worse.
    const OF_HEADERS: [&str; 2] = ["isn/varies", "isn/clock"];
    const TALKERS: [Wants; 3] = [Wants::Server, Wants::Datagrams, Wants::Lines];
    let mut cases = RAW_CASES.iter().copied().flatten();
    let case = cases.find(|case| case.about.id == id);
    let talks = case.is_some_and(|case| case.body.wants.iter().any(|want| TALKERS.contains(want)));
    talks && !OF_HEADERS.contains(&id)
}
