//! What is said of those who answered: a line for each as it comes, and what to type next; or JSON.

use std::net::SocketAddr;
use std::time::Duration;

use greet_std::core::limits::TCP_PORT;
use serde_json::{Value, json};

use super::book::{Book, Found, Place, is_of_link};
use super::interfaces::Interface;
use super::question::Answer;
use crate::latency::{micros, shown};
use crate::terminal::Screen;

/// Who prints, and what it needs to know.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    pub screen: Screen,
    pub interfaces: &'a [Interface],
    /// At which port all were asked.
    pub port: u16,
}

/// In fewer columns a table has no room.
const TABLE: usize = 80;

/// What is below something.
const INDENT: &str = "  ";

impl Report<'_> {
    /// The line above the others.
    pub fn head(self) -> String {
        if self.screen.width < TABLE {
            return String::new();
        }
        line(["ADDRESS", "INTERFACE", "HARDWARE", "ROUND TRIP"], "ANSWER")
    }

    /// An address that answered.
    pub fn row(self, book: &Book, at: usize) -> String {
        let found = &book.found[at];
        let address = found.from.ip().to_string();
        let interface = self.name(found.interface);
        let mac = found.mac.map(|mac| mac.to_string()).unwrap_or_default();
        let took = found.round_trip.map(shown).unwrap_or_default();
        let said = self.said(book, at);
        if self.screen.width < TABLE {
            let mut known = vec![format!("on {interface}"), mac, took, said];
            known.retain(|part| !part.is_empty());
            let known = format!("{INDENT}{}", known.join(", "));
            return format!("{address}\n{}", self.screen.paragraph(&known, INDENT));
        }
        let line = line([&address, interface, &mac, &took], &said);
        self.screen.paragraph(line.trim_end(), INDENT)
    }

    /// What it said, and what is to be known of it.
    fn said(self, book: &Book, at: usize) -> String {
        let found = &book.found[at];
        let mut said = vec![match &found.answer {
            Answer::Greeting => "greeting".to_owned(),
            Answer::Refusal(text) => format!("refusal: {text}"),
            Answer::Other(text) => format!("no greeting: \"{text}\""),
        }];
        if found.from.port() != self.port {
            said.push(format!("from port {}", found.from.port()));
        }
        match (found.place, book.same_as(at)) {
            (Place::ThisMachine, _) => said.push("this machine".to_owned()),
            (_, Some(other)) => said.push(format!("also {}", book.found[other].from.ip())),
            (Place::Elsewhere, None) => said.push("of another network".to_owned()),
            (Place::Near, None) => {}
        }
        said.join(", ")
    }

    /// The same for programs.
    pub fn json(self, book: &Book, at: usize) -> String {
        let found = &book.found[at];
        let (answer, text) = match &found.answer {
            Answer::Greeting => ("greeting", None),
            Answer::Refusal(text) => ("refusal", Some(text)),
            Answer::Other(text) => ("other", Some(text)),
        };
        let place = match found.place {
            Place::ThisMachine => "this_machine",
            Place::Near => "near",
            Place::Elsewhere => "elsewhere",
        };
        let same_as = book
            .same_as(at)
            .map(|other| self.typed(&book.found[other], None));
        let object = json!({
            "event": "found",
            "address": self.typed(found, None),
            "port": found.from.port(),
            "interface": self.name(found.interface),
            "place": place,
            "hardware": found.mac.map(|mac| mac.to_string()),
            "round_trip_us": found.round_trip.map(micros),
            "answer": answer,
            "text": text,
            "same_as": same_as,
            "next": self.next(found),
        });
        format!("{object}\n")
    }

    /// The last line for programs.
    pub fn json_summary(self, book: &Book, questions: usize, took: Duration) -> String {
        let names: Vec<_> = self
            .interfaces
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        let object: Value = json!({
            "event": "find",
            "boards": book.boards().len(),
            "addresses": book.found.len(),
            "this_machine": !book.own().is_empty(),
            "duplicates": book.duplicates,
            "interfaces": names,
            "questions": questions,
            "seconds": took.as_secs_f64(),
        });
        format!("{object}\n")
    }

    /// How many there are, and what to type next. Nothing if nobody answered.
    pub fn summary(self, book: &Book) -> String {
        if book.found.is_empty() {
            return String::new();
        }
        let (boards, own) = (book.boards(), book.own());
        let addresses = book.found.len() - own.len();
        let mut parts = Vec::new();
        if addresses > 0 {
            parts.push(match (boards.len(), book.tells_boards_apart()) {
                (boards, true) if boards == addresses => count(boards, "board", "boards"),
                (boards, true) => format!(
                    "{} at {addresses} addresses",
                    count(boards, "board", "boards")
                ),
                (_, false) => count(addresses, "address", "addresses"),
            });
        }
        if !own.is_empty() {
            parts.push("this machine".to_owned());
        }
        let next: Vec<_> = boards
            .iter()
            .chain(Some(&own))
            .filter_map(|board| self.next(book.best(board)?))
            .collect();
        let mut text = format!("Found {}.", parts.join(", and "));
        text += match next.len() {
            0 => "",
            1 => " To grade it:",
            _ => " To grade one:",
        };
        let mut text = self.screen.paragraph(&text, INDENT);
        for line in next {
            // To be copied: in one piece, whatever the width.
            text.extend([INDENT, &line, "\n"]);
        }
        for note in self.notes(book, &boards) {
            text += &self.screen.paragraph(&note, INDENT);
        }
        text
    }

    fn notes(self, book: &Book, boards: &[Vec<usize>]) -> Vec<String> {
        let mut notes = Vec::new();
        for found in boards.iter().filter_map(|board| book.best(board)) {
            if found.place == Place::Elsewhere && !found.is_reached {
                let (ip, interface) = (found.from.ip(), self.name(found.interface));
                notes.push(format!(
                    "{ip} is of another network, and didn't answer when asked alone: give {interface} an \
                     address of that network first."
                ));
            }
        }
        if book.duplicates > 0 {
            notes.push(format!(
                "{} came more than once: two boards may have one address, or the network repeats \
                 datagrams.",
                count(
                    usize::try_from(book.duplicates).unwrap_or(usize::MAX),
                    "answer",
                    "answers"
                )
            ));
        }
        if book.more > 0 {
            notes.push(format!(
                "{} answers of still other addresses were left out.",
                book.more
            ));
        }
        notes
    }

    /// The command that grades it. Nothing for who doesn't greet, or can't be reached.
    fn next(self, found: &Found) -> Option<String> {
        let is_far = found.place == Place::Elsewhere && !found.is_reached;
        (found.answer == Answer::Greeting && !is_far).then(|| {
            let (tcp, udp) = (
                self.typed(found, Some(TCP_PORT)),
                self.typed(found, Some(found.from.port())),
            );
            format!("greet probe {tcp} --udp {udp}")
        })
    }

    /// The address as it is typed, with its interface where it says nothing without.
    fn typed(self, found: &Found, port: Option<u16>) -> String {
        let ip = found.from.ip();
        let host = if is_of_link(ip) {
            let number = found.interface.to_string();
            // Only Unix knows them by their names there.
            let zone = if cfg!(unix) {
                self.name(found.interface)
            } else {
                &number
            };
            format!("{ip}%{zone}")
        } else {
            ip.to_string()
        };
        match (port, found.from) {
            (None, _) => host,
            (Some(port), SocketAddr::V4(_)) => format!("{host}:{port}"),
            (Some(port), SocketAddr::V6(_)) => format!("[{host}]:{port}"),
        }
    }

    fn name(&self, index: u32) -> &str {
        let known = self.interfaces.iter().find(|one| one.index == index);
        known.map_or("", |one| &one.name)
    }
}

fn line([address, interface, mac, took]: [&str; 4], said: &str) -> String {
    format!("{address:<25} {interface:<9} {mac:<17} {took:>10}  {said}\n")
}

fn count(n: usize, one: &str, many: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    }
}
