//! The link to the server, as this side's own TCP saw it while the checks ran.
//!
//! The stack from which the checks run tells of its connections, and Linux of its network namespace. A row
//! of greetings is what losses are judged by: any other check may have segments sent again over a faultless
//! link, as it takes all places or doesn't read.

use std::time::Duration;

use greet_std::core::limits::DEFAULT_MSS;
use greet_std::core::probe::{Fact, LinkCounters};

#[cfg(test)]
mod chance;
mod frames;
mod machine;
mod period;
mod report;
mod stall;
#[cfg(test)]
mod tests;

use super::findings::Every;
pub use frames::Frames;
use machine::{Files, Machine};
use period::Place;
pub use report::{LinkReport, grouped, share};
use stall::StoodStill;

/// What is seen of the link while checks run.
#[derive(Debug)]
pub struct Link {
    counts: Counts,
    files: Option<Files>,
    before: Option<Machine>,
    seen: Option<LinkCounters>,
    greetings: Vec<Greeting>,
    /// Those of them that stood still.
    stood_still: Option<StoodStill>,
    /// How many sums were wrong so far.
    wrong_sums: u64,
}

/// One of many greetings in a row.
#[derive(Clone, Copy, Debug)]
struct Greeting {
    took: Duration,
    seen: LinkCounters,
    wrong_sums: u64,
    /// How many segments went each way, up to its end.
    sent: u32,
    received: u32,
}

/// Whose counters a run looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Those of this machine's sockets: the namespace has more to tell.
    Sockets,
    /// Those of a stack of its own.
    #[cfg(any(test, all(target_os = "linux", feature = "wire")))]
    OwnStack,
}

impl Link {
    /// Begins.
    pub fn watch(counts: Counts) -> Self {
        let mut files = match counts {
            Counts::Sockets => Files::open(),
            #[cfg(any(test, all(target_os = "linux", feature = "wire")))]
            Counts::OwnStack => None,
        };
        let before = files.as_mut().and_then(Files::read);
        Self {
            counts,
            files,
            before,
            seen: None,
            greetings: Vec::new(),
            stood_still: None,
            wrong_sums: before.map_or(0, |before| before.wrong_sums),
        }
    }

    /// Whether it is what a stack of its own has counted.
    pub fn is_of_own_stack(&self) -> bool {
        self.counts != Counts::Sockets
    }

    /// Notes what was seen since this was called last; of one greeting in a row alone, if that is what it was.
    pub fn note(&mut self, seen: &LinkCounters, greeting: Option<Duration>) {
        let total = self.seen.get_or_insert_default();
        total.add(seen);
        let Some(took) = greeting else {
            self.excuse(seen.needless);
            return;
        };
        let mut wrong_sums = seen.wrong_sums.into();
        if let Some(all) = self.files.as_mut().and_then(Files::wrong_sums) {
            wrong_sums = all.saturating_sub(self.wrong_sums);
            self.wrong_sums = all;
        }
        self.greetings.push(Greeting {
            took,
            seen: *seen,
            wrong_sums,
            sent: total.sent,
            received: total.received,
        });
    }

    /// So many segments of the last greetings had arrived, as the peer says once they are over.
    fn excuse(&mut self, needless: u32) {
        /// Whose sockets may still be closing.
        const RECENT: usize = 8;
        let mut left = needless;
        for one in self.greetings.iter_mut().rev().take(RECENT) {
            let seen = &mut one.seen;
            let excused = seen.sent_again.saturating_sub(seen.needless).min(left);
            seen.needless += excused;
            left -= excused;
        }
    }

    /// Takes what a check has measured of it.
    pub fn found(&mut self, fact: &Fact) {
        self.stood_still = StoodStill::of(fact).or(self.stood_still);
    }

    /// What it comes to.
    pub fn report(&self) -> LinkReport {
        let now = self.files.as_ref().and_then(|_| Files::open()?.read());
        let machine = now.zip(self.before).map(|(now, then)| now.since(then));
        let mut seen = self.seen;
        if let Some(LinkCounters { mss, window, .. }) = &mut seen {
            // Linux fills half of a small window at most, whatever the MSS.
            let is_half = |mss: u16| window.is_some_and(|all| all / 2 == u32::from(mss));
            *mss = mss.filter(|mss| usize::from(*mss) >= DEFAULT_MSS || !is_half(*mss));
        }
        if let (Some(seen), Some(machine)) = (&mut seen, machine) {
            // No socket says so of itself.
            seen.received_again = u32::try_from(machine.received_again).unwrap_or(u32::MAX);
        }
        let wrong_sums = match (machine, seen) {
            (Some(machine), _) => machine.wrong_sums,
            (None, Some(seen)) => seen.wrong_sums.into(),
            (None, None) => 0,
        };
        let patience = self.patience();
        // What was sent again though it had arrived, and made nobody late, is the doing of a busy machine.
        let is_missed =
            |one: &&Greeting| one.seen.sent_again > one.seen.needless || one.took > patience;
        let missed: Vec<&Greeting> = self.greetings.iter().filter(is_missed).collect();
        let late = missed.iter().filter(|one| one.seen.sent_again == 0);
        // Linux sends the last of several segments again after 10 ms (RFC 8985, section 7), on a busy machine in vain,
        // and not every peer says so. What is lost takes 200 ms or more.
        let is_sure = |one: &&&Greeting| self.counts != Counts::Sockets || one.took > patience;
        let stalls = self.stood_still.filter(|row| row.is_stall());
        let (of_odd, right_odd) =
            seen.map_or((0, 0), |seen| (seen.wrong_sums_odd, seen.right_sums_odd));
        LinkReport {
            seen,
            machine,
            greetings: len(self.greetings.len()),
            disturbed: len(missed.iter().filter(is_sure).count()),
            late: len(late.count()),
            // Of what is held back, nobody knows which way it was.
            period: period(&missed).filter(|_| stalls.is_none()),
            stalls,
            wrong_sums,
            wrong_sums_period: self.wrong_sums_period(),
            only_odd_sums: of_odd > 1 && u64::from(of_odd) == wrong_sums && right_odd == 0,
            rtt: self.rtt(),
        }
    }

    /// So long a greeting takes at most in which nothing is missed.
    fn patience(&self) -> Duration {
        /// No system sends again before this.
        const LEAST: Duration = Duration::from_millis(150);
        let median = median(self.greetings.iter().map(|one| one.took));
        median.map_or(Duration::MAX, |median| {
            (median + LEAST).max(median.saturating_mul(3))
        })
    }

    fn wrong_sums_period(&self) -> Option<u32> {
        let wrong = self.greetings.iter().filter(|one| one.wrong_sums > 0);
        from_server(&wrong.collect::<Vec<_>>())
    }

    fn rtt(&self) -> Option<(Duration, Duration)> {
        let times = || self.greetings.iter().filter_map(|one| one.seen.rtt);
        let of_greetings = median(times().map(|(rtt, _)| rtt)).zip(median(times().map(|(_, v)| v)));
        of_greetings.or(self.seen?.rtt)
    }
}

impl Greeting {
    /// Whether the server had all that was sent: it was its answer that was missed, or a part of it.
    fn server_had_it(&self) -> bool {
        let LinkCounters {
            sent_again,
            needless,
            out_of_order,
            ..
        } = self.seen;
        sent_again == 0 || needless > 0 || out_of_order > 0
    }
}

/// The period with which something is lost on one way. Both ways go about as many segments: which one it
/// is, those tell that came late though nothing was sent again for them, or with a gap.
fn period(missed: &[&Greeting]) -> Option<Every> {
    let had = missed.iter().filter(|one| one.server_had_it()).count();
    if had * 10 > missed.len() {
        return from_server(missed).map(|number| Every {
            number,
            to_server: false,
        });
    }
    let places = missed.iter().map(|one| Place {
        end: one.sent,
        width: one.seen.sent,
    });
    period::find(&places.collect::<Vec<_>>()).map(|found| Every {
        number: found.every,
        to_server: true,
    })
}

/// The period of what didn't come. That is in no counter, so what came between is one less.
fn from_server(missed: &[&Greeting]) -> Option<u32> {
    let places = missed.iter().map(|one| Place {
        end: one.received,
        width: one.seen.received,
    });
    period::find(&places.collect::<Vec<_>>()).map(|found| found.every + 1)
}

fn median(times: impl Iterator<Item = Duration>) -> Option<Duration> {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

fn len(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
