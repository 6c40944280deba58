//! The faults that chance dealt, one by one, and how to find the few that matter.

use alloc::vec::Vec;
use core::fmt;

/// What a link did to one packet by chance.
///
/// It names the packet by its number on its wire: with the same seed and the same application, the
/// same fault befalls that number in every run. Which packet has that number may change when other
/// faults are left out, as the application then sends others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault {
    /// On which wire: two for each link in the order in which they were added, there and back.
    pub wire: usize,
    /// Which packet of that wire, counted from 0.
    pub packet: u64,
    /// What happened to it.
    pub kind: FaultKind,
}

/// The kinds of [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// It was lost, for itself.
    Loss,
    /// It was lost in a burst.
    BurstLoss,
    /// It was held back.
    Reordering,
    /// It came twice.
    Duplication,
    /// One of its bits was flipped.
    Corruption,
}

/// Finds the fewest of these faults with which a run still fails.
///
/// `passes` runs with the faults that it is given and no others
/// ([`Network::only_faults`](crate::Network::only_faults)) and says whether all was well. The result
/// is minimal in that a run passes as soon as any one of its faults is left out (delta debugging:
/// Zeller and Hildebrandt, *Simplifying and Isolating Failure-Inducing Input*, 2002). For `n` faults
/// of which few matter it takes few times `log n` runs. If the run passes with all faults, they are
/// not to blame, and `None` comes back: or the run that failed wasn't
/// [recorded](crate::Network::record), and `happened` is empty.
///
/// Fewest means of one seed: another may need fewer still. And whatever doesn't pass counts as the
/// failure, so `passes` should ask for one symptom alone; with two, the result may show the other.
///
/// ```
/// use smoltcp_sim::{Fault, FaultKind, shrink};
///
/// let lost = |packet| Fault { wire: 0, packet, kind: FaultKind::Loss };
/// let happened: Vec<Fault> = (0..100).map(lost).collect();
///
/// // A program that fails when it loses packets 7 and 50.
/// let passes = |faults: &[Fault]| !(faults.contains(&lost(7)) && faults.contains(&lost(50)));
///
/// assert_eq!(shrink(&happened, passes), Some(vec![lost(7), lost(50)]));
/// ```
pub fn shrink(happened: &[Fault], mut passes: impl FnMut(&[Fault]) -> bool) -> Option<Vec<Fault>> {
    let mut faults = happened.to_vec();
    if passes(&faults) {
        return None;
    }
    if faults.is_empty() || !passes(&[]) {
        return Some(Vec::new());
    }
    let mut parts = 2;
    while faults.len() > 1 {
        let size = faults.len().div_ceil(parts);
        let part = faults.chunks(size).find(|part| !passes(part));
        if let Some(part) = part.map(<[Fault]>::to_vec) {
            faults = part;
            parts = 2;
            continue;
        }
        let rest = complements(&faults, size).find(|rest| !passes(rest));
        if let Some(rest) = rest {
            faults = rest;
            parts = (parts - 1).max(2);
        } else if size == 1 {
            break;
        } else {
            parts = (parts * 2).min(faults.len());
        }
    }
    Some(faults)
}

/// All but one part, for each of the parts.
fn complements(faults: &[Fault], size: usize) -> impl Iterator<Item = Vec<Fault>> {
    (0..faults.len()).step_by(size).map(move |start| {
        let is_outside = |index: &usize| !(start..start + size).contains(index);
        let kept = faults.iter().enumerate();
        kept.filter(|(index, _)| is_outside(index))
            .map(|(_, fault)| *fault)
            .collect()
    })
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let happened = match self.kind {
            FaultKind::Loss => "lost",
            FaultKind::BurstLoss => "lost in a burst",
            FaultKind::Reordering => "held back",
            FaultKind::Duplication => "duplicated",
            FaultKind::Corruption => "corrupted",
        };
        write!(
            f,
            "packet {} of wire {}: {happened}",
            self.packet, self.wire
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(packet: u64) -> Fault {
        Fault {
            wire: 1,
            packet,
            kind: FaultKind::Corruption,
        }
    }

    #[test]
    fn what_is_left_is_what_matters_wherever_it_stands() {
        let happened: Vec<_> = (0..61).map(fault).collect();
        for culprits in [&[0][..], &[60], &[3, 4], &[0, 30, 60], &[1, 2, 3, 4, 5, 59]] {
            let culprits: Vec<_> = culprits.iter().copied().map(fault).collect();
            let mut runs = 0;
            let shrunk = shrink(&happened, |faults| {
                runs += 1;
                !culprits.iter().all(|culprit| faults.contains(culprit))
            });
            assert_eq!(shrunk, Some(culprits));
            assert!(runs < 200, "{runs} runs");
        }
    }

    /// Either of two is enough: one of them is left.
    #[test]
    fn of_two_that_are_each_enough_one_is_left() {
        let happened: Vec<_> = (0..10).map(fault).collect();
        let passes = |faults: &[Fault]| !faults.contains(&fault(2)) && !faults.contains(&fault(8));
        assert_eq!(
            shrink(&happened, passes).map(|faults| faults.len()),
            Some(1)
        );
    }

    #[test]
    fn faults_that_are_not_to_blame_are_not_blamed() {
        let happened: Vec<_> = (0..10).map(fault).collect();
        assert_eq!(shrink(&happened, |_| true), None);
        assert_eq!(shrink(&happened, |_| false), Some(Vec::new()));
        assert_eq!(shrink(&[], |_| false), Some(Vec::new()));
    }
}
