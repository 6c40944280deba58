//! What a server says about its clients: as sentences, or as JSON, one object a line.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use greet_std::core::embedded_io::ErrorKind;
use greet_std::core::error::Abandonment;
use greet_std::core::exchange::{Exchange, Outcome};
use greet_std::core::text::characters;
use greet_std::core::{receiver, server};
use humantime::format_rfc3339_millis;
use serde_json::{Value, json};

use crate::advice;
use crate::console::{self, Target, line};

mod counted;
mod lines;
#[cfg(feature = "serial")]
mod serial;
mod summary;

pub use summary::Summary;

/// How events are shown.
#[derive(Clone, Copy)]
pub enum Style {
    Sentences,
    Json,
}

/// Which of them listens.
#[derive(Clone, Copy)]
pub enum Listening {
    Tcp(SocketAddr),
    Lines(SocketAddr),
    Udp(SocketAddr),
}

/// Prints events in one style.
#[derive(Clone, Copy)]
pub struct Wording {
    pub style: Style,
    /// Leaves out what happens to clients who do everything right.
    pub quiet: bool,
    /// Whether messages are answered: only then the summary speaks of it.
    pub replies: bool,
}

impl Wording {
    pub fn listening(self, listening: Listening) {
        let (sentence, protocol, address) = match listening {
            Listening::Tcp(address) => ("Server is listening on port", "tcp", address),
            Listening::Lines(address) => ("Lines server is listening on port", "lines", address),
            Listening::Udp(address) => ("Receiver is listening on UDP port", "udp", address),
        };
        match self.style {
            Style::Sentences => {
                line(
                    Target::Out,
                    format_args!("{sentence} {}...", address.port()),
                );
            }
            Style::Json => {
                json(&json!({"event": "listening", "protocol": protocol, "address": address}));
            }
        }
    }

    pub fn client(self, event: server::Event<'_, Exchange, io::Error>) {
        use Outcome::{Abandoned, Greeted, Refused};
        use server::Event::{AcceptFailed, Connected, Ended};
        match (self.style, event) {
            (
                _,
                Connected { .. }
                | Ended {
                    outcome: Greeted, ..
                },
            ) if self.quiet => {}
            (Style::Sentences, Connected { peer }) => {
                line(
                    Target::Out,
                    format_args!("Connection from {}", canonical(*peer)),
                );
            }
            (
                Style::Sentences,
                Ended {
                    peer,
                    outcome: Refused(why),
                    ..
                },
            ) => {
                line(
                    Target::Err,
                    format_args!("Refused {}: {why}", canonical(*peer)),
                );
            }
            (
                Style::Sentences,
                Ended {
                    peer,
                    outcome: Abandoned(why),
                    ..
                },
            ) => {
                line(
                    Target::Err,
                    format_args!("{} {}: {why}", abandoned(why), canonical(*peer)),
                );
            }
            (Style::Sentences, AcceptFailed { error }) => {
                line(Target::Err, format_args!("{}", accept_failed(error)));
            }
            (Style::Json, Connected { peer }) => {
                json(&json!({"event": "connected", "peer": canonical(*peer)}));
            }
            (
                Style::Json,
                Ended {
                    peer,
                    outcome: Greeted,
                    machine,
                },
            ) => {
                let name = machine.name().unwrap_or_default();
                json(&json!({"event": "greeted", "peer": canonical(*peer), "name": name.as_str()}));
            }
            (
                Style::Json,
                Ended {
                    peer,
                    outcome: Refused(why),
                    ..
                },
            ) => {
                json(
                    &json!({"event": "refused", "peer": canonical(*peer), "why": why.to_string()}),
                );
            }
            (
                Style::Json,
                Ended {
                    peer,
                    outcome: Abandoned(why),
                    ..
                },
            ) => {
                json(
                    &json!({"event": "abandoned", "peer": canonical(*peer), "why": why.to_string()}),
                );
            }
            (Style::Json, AcceptFailed { error }) => {
                json(&json!({"event": "accept_failed", "why": accept_failed(error)}));
            }
            _ => {}
        }
    }

    pub fn message(self, event: receiver::Event<'_, io::Error>) {
        use receiver::Event::{Failed, Message, Refused};
        match (self.style, event) {
            (_, Message { .. }) if self.quiet => {}
            (Style::Sentences, Message { from, text }) => {
                line(
                    Target::Out,
                    format_args!("Received message: {text} from {}", canonical(from)),
                );
            }
            (Style::Sentences, Refused { from, why }) => {
                line(
                    Target::Err,
                    format_args!("Refused {}: {why}", canonical(from)),
                );
            }
            (Style::Sentences, Failed { error }) => {
                line(Target::Err, format_args!("{}", receive_failed(error)));
            }
            (Style::Json, Message { from, text }) => {
                json(&json!({"event": "message", "from": canonical(from), "text": text.as_str()}));
            }
            (Style::Json, Refused { from, why }) => {
                json(&json!({"event": "refused", "from": canonical(from), "why": why.to_string()}));
            }
            (Style::Json, Failed { error }) => {
                json(&json!({"event": "receive_failed", "why": receive_failed(error)}));
            }
            _ => {}
        }
    }

    pub fn summary(self, summary: Summary) {
        console::last_line(|unshown| match self.style {
            Style::Json => escaped(&summary.to_json(self.replies, unshown)),
            Style::Sentences => summary.to_sentence(self.replies, unshown),
        });
    }
}

fn json(event: &Value) {
    line(Target::Out, format_args!("{}", escaped(event)));
}

/// With the time. JSON escapes line feeds and the like by itself; the other characters that a terminal
/// would obey, or that nobody would see, may be escaped in it as well.
fn escaped(event: &Value) -> String {
    let mut event = event.clone();
    event["time"] = format_rfc3339_millis(SystemTime::now()).to_string().into();
    let mut line = String::new();
    for (c, is_safe) in characters(&event.to_string()) {
        if is_safe {
            line.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // A string takes everything.
                let _ = write!(line, "\\u{unit:04x}");
            }
        }
    }
    line
}

/// Over a socket for both versions of IP, an address of IPv4 comes mapped into IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address, // with its scope
    }
}

/// Whose doing an end without a reply was: a server that stops at once ends what is left.
fn abandoned(why: Abandonment) -> &'static str {
    match why {
        Abandonment::Connection(ErrorKind::ConnectionAborted) => "Gave up",
        _ => "Abandoned by",
    }
}

fn accept_failed(error: &io::Error) -> String {
    format!(
        "Can't accept connections for now: {error} (clients wait; {})",
        advice::on_accept(error)
    )
}

fn receive_failed(error: &io::Error) -> String {
    format!(
        "Can't receive for now: {error} ({})",
        advice::on_receive(error)
    )
}
