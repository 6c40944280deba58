//! `greet hello --lines`: every line of stdin is a name, and every reply is printed as it comes.
//!
//! One thread reads stdin, as that may block for ever; this one carries lines and replies.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read as _};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use greet_std::core::error::TextError;
use greet_std::core::limits::MAX_TEXT;
use greet_std::core::pipeline::{End, Outcome, Pipeline, QueueError};
use greet_std::core::request::RequestError;
use greet_std::core::text::{Text, shown};
use greet_std::{Client, Ongoing, Waker};

use crate::args::HelloArgs;
use crate::console;

/// So many lines are read ahead.
const AHEAD: usize = 64;

/// Greets every line of stdin.
///
/// # Errors
///
/// A line was refused, or can't be sent; those before it are greeted. Or there is no such server.
pub fn run(args: &HelloArgs) -> Result<()> {
    let addresses = args.to.resolve()?;
    let client = Client::new().timeout(args.timeout);
    let connect = || {
        client
            .start(&*addresses, Pipeline::new(args.timeout))
            .map_err(|error| args.to.unreached(&addresses, error))
    };
    let mut conversation = connect()?;
    args.to.say_taken(&addresses, conversation.server());
    let mut input = Input::of_stdin(Some(conversation.waker()?))?;
    let mut greeted = 0;
    loop {
        let outcome = converse(&mut conversation, &mut input)?;
        let server = conversation.server();
        let line = greeted + outcome.line();
        greeted += outcome.answered;
        match outcome.end {
            // A server waits for the next name no longer than its deadline; somebody at a terminal may
            // take longer.
            End::Closed if input.wait() => {
                conversation = connect()?;
                input.wakes(conversation.waker()?);
            }
            End::Answered | End::Closed => return input.conclude(greeted),
            End::Refused => {
                let sentence = conversation.machine().refusal().unwrap_or_default();
                bail!("{server} refused line {line}: {}", shown(sentence));
            }
            End::Failed(error) if conversation.machine().in_flight() == 0 => bail!(
                "every line was greeted up to line {greeted}, but then {server} didn't close the \
                 connection as it should: {error}"
            ),
            End::Failed(error) => return Err(failure(server, line, error)),
            _ => unreachable!("a pipeline ends in no other way"),
        }
    }
}

fn failure(server: SocketAddr, line: u64, why: RequestError) -> anyhow::Error {
    anyhow!(
        "no greeting for line {line} from {server}: {why} (does it take lines, as \
         `greet serve --lines` does?)"
    )
}

/// Carries lines and replies until the conversation has ended.
fn converse(conversation: &mut Ongoing<Pipeline>, input: &mut Input) -> Result<Outcome> {
    loop {
        if input.feed(conversation.machine_mut()) {
            conversation.machine_mut().end_names();
        }
        let outcome = conversation.turn()?;
        print(conversation.machine_mut())?;
        if let Some(outcome) = outcome {
            return Ok(outcome);
        }
    }
}

/// Prints what has come.
pub fn print(pipeline: &mut Pipeline) -> Result<()> {
    let mut text = String::new();
    while let Some(reply) = pipeline.next_reply() {
        // It is its name, byte for byte, which is text.
        let reply = String::from_utf8_lossy(reply);
        let _ = writeln!(text, "Received: {}", shown(&reply)); // a string takes everything
    }
    console::print(text.as_bytes())
}

/// Names to be sent: lines of stdin, from the thread that reads them.
pub struct Input {
    lines: Receiver<Line>,
    /// The conversation that the thread wakes.
    waker: Arc<Mutex<Option<Waker>>>,
    /// FIN ends the last name; else a line feed does.
    has_fin: bool,
    /// One for which there was no room yet.
    next: Option<Line>,
    /// Why nothing more can be sent.
    fault: Option<anyhow::Error>,
}

/// What the thread has read.
enum Line {
    /// A line, without its line feed.
    Whole(Vec<u8>),
    /// What stands behind the last line feed.
    Last(Vec<u8>),
    /// Nothing more, for this reason.
    Fault(io::Error),
}

impl Input {
    /// Every line of stdin. Each wakes a conversation, if one is given.
    ///
    /// # Errors
    ///
    /// The system has no more threads.
    pub fn of_stdin(waker: Option<Waker>) -> Result<Self> {
        let (sender, lines) = sync_channel(AHEAD);
        let waker = Arc::new(Mutex::new(waker));
        let wake = {
            let waker = Arc::clone(&waker);
            move || {
                let waker = waker.lock().unwrap_or_else(PoisonError::into_inner);
                waker.iter().for_each(Waker::wake);
            }
        };
        let read = move || {
            read_lines(&mut io::stdin().lock(), |line| {
                let is_wanted = sender.send(line).is_ok();
                wake();
                is_wanted
            });
            drop(sender);
            wake();
        };
        thread::Builder::new()
            .name("greet-stdin".to_owned())
            .spawn(read)
            .context("can't read stdin")?;
        Ok(Self {
            lines,
            waker,
            has_fin: true,
            next: None,
            fault: None,
        })
    }

    /// One name alone.
    #[cfg(feature = "serial")]
    pub fn of_name(name: &[u8]) -> Self {
        Self {
            lines: sync_channel(0).1,
            waker: Arc::default(),
            has_fin: true,
            next: Some(Line::Whole(name.to_vec())),
            fault: None,
        }
    }

    /// No FIN will follow the last.
    #[cfg(feature = "serial")]
    #[must_use]
    pub fn without_fin(mut self) -> Self {
        self.has_fin = false;
        self
    }

    /// Wakes another conversation from now on.
    fn wakes(&self, waker: Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }

    /// Gives a pipeline as many names as are there and it takes, and says whether there are no more.
    pub fn feed(&mut self, pipeline: &mut Pipeline) -> bool {
        while pipeline.takes_names() && self.fault.is_none() {
            let line = match self.next.take().map_or_else(|| self.lines.try_recv(), Ok) {
                Ok(line) => line,
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => return true,
            };
            match queue(pipeline, &line, self.has_fin) {
                Ok(()) => {}
                Err(Unsent::NotNow) => {
                    self.next = Some(line);
                    return false;
                }
                Err(Unsent::Never(fault)) => self.fault = Some(fault),
            }
        }
        true
    }

    /// Waits for a line, and says whether there is one.
    fn wait(&mut self) -> bool {
        if self.fault.is_none() && self.next.is_none() {
            self.next = self.lines.recv().ok();
        }
        self.next.is_some()
    }

    /// Success only if every line could be sent.
    ///
    /// # Errors
    ///
    /// Why one couldn't.
    pub fn conclude(self, sent: u64) -> Result<()> {
        match self.fault {
            None => Ok(()),
            Some(fault) => Err(fault.context(format!("line {} can't be sent", sent + 1))),
        }
    }
}

/// Why a line isn't sent.
enum Unsent {
    NotNow,
    Never(anyhow::Error),
}

fn queue(pipeline: &mut Pipeline, line: &Line, has_fin: bool) -> Result<(), Unsent> {
    let (Line::Whole(bytes) | Line::Last(bytes)) = line else {
        let Line::Fault(error) = line else {
            return Ok(());
        };
        return Err(Unsent::Never(anyhow!("can't read stdin: {error}")));
    };
    let name = Text::from_bytes(bytes).map_err(|error| Unsent::Never(advice(error)))?;
    let queued = match line {
        Line::Last(_) if has_fin => pipeline.queue_last(name),
        _ => pipeline.queue(name),
    };
    match queued {
        Ok(()) => Ok(()),
        Err(QueueError::Full) => Err(Unsent::NotNow),
        Err(QueueError::TooLong) => Err(Unsent::Never(advice(TextError::TooLong))),
        Err(error) => Err(Unsent::Never(error.into())),
    }
}

fn advice(error: TextError) -> anyhow::Error {
    match error {
        TextError::TooLong => anyhow!(
            "it is longer than 1024 bytes, its line feed included: shorten it; what comes before \
             it was greeted"
        ),
        error => anyhow!("it is {error}: convert it to UTF-8; what comes before it was greeted"),
    }
}

/// Hands over each line of `input` until that is at its end, or nobody wants more. Of a line that is
/// too long, no more is read than shows it.
fn read_lines(input: &mut impl BufRead, mut hand_over: impl FnMut(Line) -> bool) {
    loop {
        let mut bytes = Vec::new();
        let read = input
            .take(MAX_TEXT as u64 + 1)
            .read_until(b'\n', &mut bytes);
        let line = match read {
            Ok(0) => return,
            Ok(_) if bytes.last() == Some(&b'\n') => {
                bytes.pop();
                Line::Whole(bytes)
            }
            Ok(_) => Line::Last(bytes),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Line::Fault(error),
        };
        let is_whole = matches!(line, Line::Whole(_));
        if !hand_over(line) || !is_whole {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, read_lines};

    fn lines(mut input: &[u8]) -> Vec<(bool, usize)> {
        let mut lines = Vec::new();
        read_lines(&mut input, |line| {
            lines.push(match line {
                Line::Whole(bytes) => (true, bytes.len()),
                Line::Last(bytes) => (false, bytes.len()),
                Line::Fault(_) => unreachable!("a slice has no faults"),
            });
            true
        });
        lines
    }

    #[test]
    fn a_line_ends_at_its_line_feed_and_the_last_at_the_end() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\n"), [(true, 0)]);
        assert_eq!(lines(b"ab\nc"), [(true, 2), (false, 1)]);
        assert_eq!(lines(b"ab\n\n"), [(true, 2), (true, 0)]);
    }

    #[test]
    fn no_more_is_read_than_shows_that_a_line_is_too_long() {
        let long = [b'x'; 5000];
        assert_eq!(lines(&long[..1024]), [(false, 1024)]);
        assert_eq!(lines(&long), [(false, 1025)]);
        assert_eq!(
            lines(&[&long[..1023], b"\n", &long].concat()),
            [(true, 1023), (false, 1025)]
        );
    }
}
