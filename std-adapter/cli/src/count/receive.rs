//! The receiver's side: tells the runs of several senders apart, and answers the end of each with what
//! became of it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use greet_std::Screening;

use super::message::{Message, write_totals};
use super::tally::Tally;
use super::totals::Totals;

/// So many runs are known at once. Where one more begins, that is forgotten which has been silent longest.
const MOST: usize = 64;

/// What there is to say of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub from: SocketAddr,
    /// The number that the sender gave it.
    pub run: u64,
    /// `None`: it begins.
    pub totals: Option<Totals>,
}

/// How much was counted in all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    pub runs: u64,
    pub messages: u64,
}

/// Counts what comes to one receiver. Its clones are one.
#[derive(Clone, Debug)]
pub struct Counter {
    start: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    runs: Vec<Run>,
    counted: Counted,
}

#[derive(Debug)]
struct Run {
    from: SocketAddr,
    number: u64,
    tally: Tally,
    /// When something of it came last.
    last: Duration,
    /// It has ended, and this was answered.
    totals: Option<Totals>,
}

impl Counter {
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            state: Arc::default(),
        }
    }

    /// Looks at a datagram. What belongs to a run is taken.
    pub fn screen(
        &self,
        datagram: &[u8],
        from: SocketAddr,
        report: impl FnMut(Event),
    ) -> Screening {
        let now = self.start.elapsed();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.screen(datagram, from, now, report)
    }

    /// Reports the runs whose end hasn't come, and says how much was counted.
    pub fn finish(&self, mut report: impl FnMut(Event)) -> Counted {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for run in state.runs.drain(..).filter(|run| run.totals.is_none()) {
            report(run.unfinished());
        }
        state.counted
    }
}

impl State {
    fn screen(
        &mut self,
        datagram: &[u8],
        from: SocketAddr,
        now: Duration,
        mut report: impl FnMut(Event),
    ) -> Screening {
        match Message::read(datagram) {
            Some(Message::Numbered {
                run,
                number,
                micros,
            }) => {
                let run = self.run(from, run, now, &mut report);
                // What comes after the end that was answered counts as lost there, and so here.
                if run.totals.is_none() {
                    run.tally.take(number, micros, datagram.len(), now);
                    self.counted.messages += 1;
                }
                Screening::Taken
            }
            Some(Message::End { run: number, sent }) => {
                let run = self.run(from, number, now, &mut report);
                let totals = run.totals.unwrap_or_else(|| {
                    let totals = run.tally.totals(Some(sent));
                    run.totals = Some(totals);
                    report(Event {
                        from,
                        run: number,
                        totals: run.totals,
                    });
                    totals
                });
                Screening::Answered(write_totals(number, &totals).into_bytes())
            }
            None => {
                // A sender that counts sends nothing else.
                let begun = self.runs.iter_mut().rev();
                let mut begun = begun.filter(|run| run.from == from && run.totals.is_none());
                match begun.next() {
                    Some(run) => {
                        run.tally.wrong += 1;
                        run.last = now;
                        Screening::Taken
                    }
                    None => Screening::Passed,
                }
            }
        }
    }

    /// The run, which may begin.
    fn run(
        &mut self,
        from: SocketAddr,
        number: u64,
        now: Duration,
        report: &mut impl FnMut(Event),
    ) -> &mut Run {
        let known = self
            .runs
            .iter()
            .position(|run| (run.from, run.number) == (from, number));
        let at = known.unwrap_or_else(|| {
            self.make_room(report);
            report(Event {
                from,
                run: number,
                totals: None,
            });
            self.counted.runs += 1;
            self.runs.push(Run {
                from,
                number,
                tally: Tally::new(),
                last: now,
                totals: None,
            });
            self.runs.len() - 1
        });
        let run = &mut self.runs[at];
        run.last = now;
        run
    }

    fn make_room(&mut self, report: &mut impl FnMut(Event)) {
        if self.runs.len() < MOST {
            return;
        }
        let silent = (0..self.runs.len()).min_by_key(|at| {
            let run = &self.runs[*at];
            (run.totals.is_none(), run.last)
        });
        if let Some(at) = silent {
            let run = self.runs.remove(at);
            if run.totals.is_none() {
                report(run.unfinished());
            }
        }
    }
}

impl Run {
    fn unfinished(&self) -> Event {
        Event {
            from: self.from,
            run: self.number,
            totals: Some(self.tally.totals(None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{LEAST, read_totals};
    use super::*;

    struct Case {
        state: State,
        events: Vec<Event>,
        now: Duration,
    }

    fn source(port: u16) -> SocketAddr {
        ([192, 0, 2, 7], port).into()
    }

    fn numbered(run: u64, number: u32) -> Vec<u8> {
        let micros = u64::from(number) * 1_000;
        Message::Numbered {
            run,
            number,
            micros,
        }
        .write(LEAST)
        .into_bytes()
    }

    impl Case {
        fn new() -> Self {
            Self {
                state: State::default(),
                events: Vec::new(),
                now: Duration::ZERO,
            }
        }

        fn datagram(&mut self, from: SocketAddr, datagram: &[u8]) -> Screening {
            self.now += Duration::from_millis(1);
            let events = &mut self.events;
            self.state
                .screen(datagram, from, self.now, |event| events.push(event))
        }

        fn end(&mut self, from: SocketAddr, run: u64, sent: u32) -> Totals {
            let end = Message::End { run, sent }.write(0);
            let Screening::Answered(answer) = self.datagram(from, end.as_bytes()) else {
                panic!("an end without an answer");
            };
            read_totals(run, &answer).expect("totals")
        }
    }

    #[test]
    fn senders_and_runs_are_counted_apart() {
        let mut case = Case::new();
        for number in 0..10 {
            case.datagram(source(1), &numbered(7, number));
            if number % 2 == 0 {
                case.datagram(source(2), &numbered(7, number));
            }
            case.datagram(source(1), &numbered(8, number));
        }
        assert_eq!(case.end(source(1), 7, 10).received, 10);
        let half = case.end(source(2), 7, 10);
        assert_eq!((half.received, half.lost()), (5, 5));
        // The sender was started again: its first run has no end, and doesn't get one.
        assert_eq!(case.end(source(1), 8, 10).received, 10);
        assert_eq!(case.events.len(), 6, "three begin and end");
        assert_eq!(case.state.counted.messages, 25);
    }

    #[test]
    fn an_end_is_answered_again_with_the_same_whatever_comes_behind_it() {
        let mut case = Case::new();
        case.datagram(source(1), &numbered(7, 0));
        let first = case.end(source(1), 7, 2);
        assert_eq!((first.received, first.lost()), (1, 1));
        assert_eq!(case.datagram(source(1), &numbered(7, 1)), Screening::Taken);
        assert_eq!(case.end(source(1), 7, 2), first);
        assert_eq!(case.events.len(), 2, "it is reported once");
        // All was lost but the end.
        let nothing = case.end(source(1), 8, 2);
        assert_eq!((nothing.received, nothing.lost()), (0, 2));
    }

    #[test]
    fn what_was_changed_on_the_way_is_counted_and_what_is_none_passes() {
        let mut case = Case::new();
        assert_eq!(case.datagram(source(1), b"Hello, UDP!"), Screening::Passed);
        case.datagram(source(1), &numbered(7, 0));
        let mut wrong = numbered(7, 1);
        *wrong.last_mut().expect("a byte") ^= 1;
        assert_eq!(case.datagram(source(1), &wrong), Screening::Taken);
        wrong[0] = 0xff; // no text any more
        assert_eq!(case.datagram(source(1), &wrong), Screening::Taken);
        assert_eq!(case.datagram(source(2), &wrong), Screening::Passed);
        let totals = case.end(source(1), 7, 3);
        assert_eq!((totals.received, totals.wrong, totals.lost()), (1, 2, 2));
        assert_eq!(case.datagram(source(1), b"Hello, UDP!"), Screening::Passed);
    }

    #[test]
    fn so_many_runs_are_known_and_the_one_that_ended_goes_first() {
        let mut case = Case::new();
        for run in 0..MOST as u64 {
            case.datagram(source(1), &numbered(run, 0));
        }
        case.end(source(1), 5, 1);
        case.events.clear();
        case.datagram(source(1), &numbered(1_000, 0));
        assert_eq!(
            case.events.len(),
            1,
            "the one that ended is forgotten in silence"
        );
        case.datagram(source(1), &numbered(1_001, 0));
        let given_up = case.events[1];
        assert_eq!(given_up.run, 0, "it has been silent longest");
        let totals = given_up.totals.expect("what came of it");
        assert_eq!(
            (totals.is_whole, totals.sent, totals.received),
            (false, 1, 1)
        );
        assert_eq!(case.state.runs.len(), MOST);
    }
}
