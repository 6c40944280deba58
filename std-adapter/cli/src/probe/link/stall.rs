//! Whether frames stay in a driver until the next one comes or leaves: greetings that stood still went on at once
//! when another client's frame was sent, and not without one.
//!
//! Chance chose which were left alone, so whatever else makes greetings late, a busy board or segments sent
//! again, does it to both alike. How likely that looks like a stall is Fisher's exact test.

use greet_std::core::probe::Fact;

/// How many greetings stood still, and went on at once: nudged by another frame, and left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoodStill {
    pub nudged: u16,
    pub came: u16,
    pub left: u16,
    pub came_alone: u16,
}

/// Of links on which a frame of somebody else changes nothing, at most this part is said to stall.
const CERTAIN: f64 = 1e-3;

impl StoodStill {
    pub fn of(fact: &Fact) -> Option<Self> {
        match *fact {
            Fact::Nudged {
                nudged,
                came,
                left,
                came_alone,
            } => Some(Self {
                nudged,
                came,
                left,
                came_alone,
            }),
            _ => None,
        }
    }

    pub fn is_stall(self) -> bool {
        self.by_chance() < CERTAIN
    }

    /// How likely so many of those who went on are among the nudged, or more, if it is all the same to them: the
    /// tail of the hypergeometric distribution.
    fn by_chance(self) -> f64 {
        let Self {
            nudged,
            came,
            left,
            came_alone,
        } = self;
        let all_came = came.saturating_add(came_alone);
        let most = all_came.min(nudged);
        let ways = |came| choose(nudged, came) * choose(left, all_came - came);
        let tail: f64 = (came..=most).map(ways).sum();
        tail / choose(nudged.saturating_add(left), all_came)
    }
}

/// In how many ways so many of all can be chosen.
fn choose(all: u16, number: u16) -> f64 {
    if number > all {
        return 0.0;
    }
    let factor = |turn| f64::from(all - turn) / f64::from(number - turn);
    (0..number).map(factor).product()
}

// The simulated lab stays in the repository.
#[cfg(all(test, in_repository))]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use greet_std::core::probe::{About, Event, Plan, run};
    use greet_tests::lab::{SimulatedLab, Subject};
    use smoltcp_sim::{Counters, Link, Probability, Rule};

    use super::super::chance::Chance;
    use super::*;

    /// So many greetings stood still, of which one of each four was left alone.
    fn row(chance: &mut Chance, number: u16, nudged: u32, alone: u32) -> StoodStill {
        let mut row = StoodStill {
            nudged: 0,
            came: 0,
            left: 0,
            came_alone: 0,
        };
        let mut one = 0;
        for turn in 0..u32::from(number) {
            if turn % 4 == 0 {
                one = chance.below(4);
            }
            let (all, came, percent) = if turn % 4 == one {
                (&mut row.left, &mut row.came_alone, alone)
            } else {
                (&mut row.nudged, &mut row.came, nudged)
            };
            *all += 1;
            *came += u16::from(chance.below(100) < percent);
        }
        row
    }

    #[test]
    fn chance_stalls_no_more_often_than_is_stated() {
        const LINKS: u32 = 10_000;
        for percent in [0, 2, 10, 50, 90] {
            let mut chance = Chance(percent.into());
            let stalls = |_| u32::from(row(&mut chance, 24, percent, percent).is_stall());
            let wrong: u32 = (0..LINKS).map(stalls).sum();
            let stated = f64::from(LINKS) * CERTAIN;
            assert!(f64::from(wrong) <= stated, "{wrong} at {percent} %");
        }
    }

    #[test]
    fn stalls_are_told_also_where_some_greetings_are_late_by_themselves() {
        for (nudged, alone, most) in [(100, 0, 1000), (95, 2, 900), (90, 10, 600)] {
            let mut chance = Chance(nudged.into());
            let stalls = |_| u32::from(row(&mut chance, 24, nudged, alone).is_stall());
            let right: u32 = (0..1000).map(stalls).sum();
            assert!(right >= most, "{right} of 1000 at {nudged} and {alone} %");
        }
    }

    #[test]
    fn a_few_tell_nothing() {
        let of = |nudged, came, left, came_alone| StoodStill {
            nudged,
            came,
            left,
            came_alone,
        };
        for few in [
            of(0, 0, 0, 0),
            of(3, 3, 1, 0),
            of(9, 9, 0, 0),
            of(9, 9, 3, 1),
            of(18, 0, 6, 0),
            of(18, 0, 6, 6),
        ] {
            assert!(!few.is_stall(), "{few:?}: {}", few.by_chance());
        }
        assert!(of(18, 17, 6, 0).is_stall());
        let of_four = of(2, 2, 2, 0).by_chance();
        assert!((of_four - 1.0 / 6.0).abs() < 1e-9, "{of_four}");
    }

    /// What stood still of greetings in a row over a simulated link, with a fault by plan.
    fn over(seed: u64, link: Link, rule: Option<Rule>) -> (Option<StoodStill>, Counters) {
        let link = link.latency(Duration::from_micros(500));
        let mut lab = SimulatedLab::new(seed, Subject::GOOD, link, 1500);
        if let Some(rule) = rule {
            lab = lab.with_rule(rule);
        }
        let plan = Plan {
            seed,
            ..Plan::DEFAULT
        };
        let in_a_row = |check: &About| check.id == "crowd/in-a-row";
        let mut found = None;
        run(&mut lab, &plan, &mut [0; 1100], in_a_row, &mut |event| {
            if let Event::Found { fact } = event {
                found = StoodStill::of(&fact).or(found);
            }
        });
        (found, lab.counters())
    }

    #[test]
    fn a_frame_that_waits_for_the_next_one_is_a_stall() {
        let [server, probe] = [1, 2].map(|host| Ipv4Addr::new(10, 0, 0, host));
        for seed in 1..=8 {
            for rule in [Rule::stick().to(server), Rule::stick().to(probe)] {
                let name = format!("{rule:?}");
                let (row, _) = over(seed, Link::new(), Some(rule.skip(seed).every(10)));
                let row = row.expect("some stood still");
                assert!(row.is_stall(), "seed {seed}, {name}: {row:?}");
            }
        }
    }

    #[test]
    fn what_is_lost_is_no_stall() {
        let mut told = 0;
        for percent in [1, 2, 5, 10] {
            for seed in 1..=8 {
                let link = Link::new().loss(Probability::percent(percent));
                let (row, counters) = over(seed, link, None);
                assert!(counters.lost > 0);
                // Without a reply in time, a row ends before its end.
                let Some(row) = row else { continue };
                assert!(!row.is_stall(), "seed {seed}, {percent} %: {row:?}");
                told += u32::from(row.nudged > 0 && row.left > 0);
            }
        }
        assert!(told >= 24, "{told} rows of 32 told");
    }

    #[test]
    fn a_link_without_a_fault_has_no_stall() {
        for seed in 1..=8 {
            let (row, counters) = over(seed, Link::new(), None);
            assert_eq!((row, counters.dropped()), (None, 0), "seed {seed}");
        }
    }
}
