//! What is asked, and what the answers mean.
//!
//! A question is a message like any other: `greet-find`, a number that this run alone has, and the
//! question's own. A greeting repeats it, so each is known for the answer to one question.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use greet_std::core::limits::{GREETING, REFUSAL};
use greet_std::core::text::shown;

use crate::token::token;

/// The questions of a run.
#[derive(Debug)]
pub struct Questions {
    token: u64,
    asked: Vec<Asked>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    /// By which of the sockets.
    socket: usize,
    to: SocketAddr,
    at: Instant,
}

/// A datagram that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub answer: Answer,
    /// Which question it answers; only a greeting tells.
    pub question: Option<usize>,
    pub round_trip: Option<Duration>,
}

/// What somebody answered; the best first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Our question behind `Hello, `.
    Greeting,
    /// A refusal, safe to show.
    Refusal(String),
    /// Anything else, safe to show.
    Other(String),
}

/// Of what is no greeting, so many characters are shown.
const SHOWN: usize = 60;

impl Questions {
    pub fn new() -> Self {
        Self {
            token: token(),
            asked: Vec::new(),
        }
    }

    /// The next question, which goes out now.
    pub fn next(&mut self, socket: usize, to: SocketAddr) -> String {
        let at = Instant::now();
        self.asked.push(Asked { socket, to, at });
        self.words(self.asked.len() - 1)
    }

    /// The last one didn't leave.
    pub fn take_back(&mut self) {
        self.asked.pop();
    }

    pub fn count(&self) -> usize {
        self.asked.len()
    }

    /// Reads what came to a socket.
    pub fn read(&self, socket: usize, datagram: &[u8], now: Instant) -> Heard {
        let text = String::from_utf8_lossy(datagram);
        let repeated = text.strip_prefix(GREETING).unwrap_or_default();
        let number = repeated.rsplit(' ').next().and_then(|n| n.parse().ok());
        let number = number.filter(|number| self.words(*number) == repeated);
        let asked = number.and_then(|number| self.asked.get(number));
        if let Some(asked) = asked
            && asked.socket == socket
        {
            return Heard {
                answer: Answer::Greeting,
                question: number,
                round_trip: Some(now.saturating_duration_since(asked.at)),
            };
        }
        let (mut short, mut rest) = (String::new(), text.trim_end_matches('\n').chars());
        short.extend(rest.by_ref().take(SHOWN));
        let more = if rest.next().is_some() { "..." } else { "" };
        let short = format!("{}{more}", shown(&short));
        Heard {
            answer: if text.starts_with(REFUSAL) {
                Answer::Refusal(short)
            } else {
                Answer::Other(short)
            },
            question: None,
            round_trip: None,
        }
    }

    /// Whom a question asked.
    pub fn asked(&self, question: usize) -> Option<SocketAddr> {
        self.asked.get(question).map(|asked| asked.to)
    }

    fn words(&self, number: usize) -> String {
        format!("greet-find {:016x} {number}", self.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to() -> SocketAddr {
        "192.0.2.255:8001".parse().expect("an address")
    }

    #[test]
    fn a_greeting_of_a_question_is_its_answer_and_nothing_else_is() {
        let mut questions = Questions::new();
        let first = questions.next(0, to());
        let second = questions.next(1, to());
        assert_ne!(first, second);
        assert!(first.len() < 64, "short enough for any board: {first}");
        let now = Instant::now();
        let read = |socket, text: String| questions.read(socket, text.as_bytes(), now);

        let heard = read(1, format!("Hello, {second}"));
        assert_eq!((heard.answer, heard.question), (Answer::Greeting, Some(1)));
        assert!(heard.round_trip.is_some());
        for (socket, other) in [
            (0, format!("Hello, {second}")), // another socket's
            (0, first.clone()),              // an echo
            (0, format!("hello, {first}")),
            (0, format!("Hello, {first}0")),
            (0, format!("Hello, {first} ")),
            (0, "Hello, greet-find 0 0".to_owned()),
            (0, String::new()),
        ] {
            let heard = read(socket, other.clone());
            assert!(matches!(heard.answer, Answer::Other(_)), "{other}");
            assert_eq!((heard.question, heard.round_trip), (None, None));
        }
        assert_eq!(
            Questions::new().read(0, first.as_bytes(), now).question,
            None
        );
    }

    #[test]
    fn what_else_is_said_is_shown_safely_and_in_short() {
        let questions = Questions::new();
        let answer = |bytes: &[u8]| questions.read(0, bytes, Instant::now()).answer;
        assert_eq!(
            answer(b"Error: message is not UTF-8 at byte 0\n"),
            Answer::Refusal("Error: message is not UTF-8 at byte 0".to_owned())
        );
        assert_eq!(
            answer(b"\x1b[2J\nHello\xff"),
            Answer::Other("\\u{1b}[2J\\nHello\u{fffd}".to_owned())
        );
        let long = "x".repeat(SHOWN + 1);
        let short = format!("{}...", "x".repeat(SHOWN));
        assert_eq!(answer(long.as_bytes()), Answer::Other(short));
    }
}
