//! What a server says about its clients: as sentences, or as JSON, one object a line.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use greet_std::core::text::is_unsafe;
use greet_std::core::{receiver, server};
use humantime::format_rfc3339_millis;
use serde_json::{Value, json};

use crate::console::{Console, Target};

/// How events are shown.
#[derive(Clone, Copy)]
pub enum Style {
    Sentences,
    Json,
}

/// Which of the two listens.
#[derive(Clone, Copy)]
pub enum Listening {
    Tcp(SocketAddr),
    Udp(SocketAddr),
}

/// Prints events in one style.
#[derive(Clone, Copy)]
pub struct Wording<'a> {
    pub console: &'a Console,
    pub style: Style,
    /// Leaves out what happens to clients who do everything right.
    pub quiet: bool,
    /// Whether messages are answered: only then the summary speaks of it.
    pub replies: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Default)]
pub struct Summary {
    pub greetings: Option<server::Tally>,
    pub messages: Option<receiver::Tally>,
}

impl Wording<'_> {
    pub fn listening(&self, listening: Listening) {
        match (self.style, listening) {
            (Style::Sentences, Listening::Tcp(address)) => {
                self.line(
                    Target::Out,
                    format_args!("Server is listening on port {}...", address.port()),
                );
            }
            (Style::Sentences, Listening::Udp(address)) => self.line(
                Target::Out,
                format_args!("Receiver is listening on UDP port {}...", address.port()),
            ),
            (Style::Json, Listening::Tcp(address)) => {
                self.json(&json!({"event": "listening", "protocol": "tcp", "address": address}));
            }
            (Style::Json, Listening::Udp(address)) => {
                self.json(&json!({"event": "listening", "protocol": "udp", "address": address}));
            }
        }
    }

    pub fn client(&self, event: server::Event<'_, io::Error>) {
        use server::Event::{Abandoned, AcceptFailed, Connected, Greeted, Refused};
        match (self.style, event) {
            (_, Connected { .. } | Greeted { .. }) if self.quiet => {}
            (Style::Sentences, Connected { peer }) => {
                self.line(
                    Target::Out,
                    format_args!("Connection from {}", canonical(*peer)),
                );
            }
            (Style::Sentences, Refused { peer, why }) => {
                self.line(
                    Target::Err,
                    format_args!("Refused {}: {why}", canonical(*peer)),
                );
            }
            (Style::Sentences, Abandoned { peer, why }) => {
                self.line(
                    Target::Err,
                    format_args!("Abandoned by {}: {why}", canonical(*peer)),
                );
            }
            (Style::Sentences, AcceptFailed { error }) => {
                self.line(Target::Err, format_args!("{}", accept_failed(error)));
            }
            (Style::Json, Connected { peer }) => {
                self.json(&json!({"event": "connected", "peer": canonical(*peer)}));
            }
            (Style::Json, Greeted { peer, exchange }) => {
                let name = exchange.name().unwrap_or_default();
                self.json(
                    &json!({"event": "greeted", "peer": canonical(*peer), "name": name.as_str()}),
                );
            }
            (Style::Json, Refused { peer, why }) => {
                self.json(
                    &json!({"event": "refused", "peer": canonical(*peer), "why": why.to_string()}),
                );
            }
            (Style::Json, Abandoned { peer, why }) => {
                self.json(
                    &json!({"event": "abandoned", "peer": canonical(*peer), "why": why.to_string()}),
                );
            }
            (Style::Json, AcceptFailed { error }) => {
                self.json(&json!({"event": "accept_failed", "why": accept_failed(error)}));
            }
            _ => {}
        }
    }

    pub fn message(&self, event: receiver::Event<'_, io::Error>) {
        use receiver::Event::{Failed, Message, Refused};
        match (self.style, event) {
            (_, Message { .. }) if self.quiet => {}
            (Style::Sentences, Message { from, text }) => {
                self.line(
                    Target::Out,
                    format_args!("Received message: {text} from {}", canonical(from)),
                );
            }
            (Style::Sentences, Refused { from, why }) => {
                self.line(
                    Target::Err,
                    format_args!("Refused {}: {why}", canonical(from)),
                );
            }
            (Style::Sentences, Failed { error }) => {
                self.line(Target::Err, format_args!("Can't receive for now: {error}"));
            }
            (Style::Json, Message { from, text }) => {
                self.json(
                    &json!({"event": "message", "from": canonical(from), "text": text.as_str()}),
                );
            }
            (Style::Json, Refused { from, why }) => {
                self.json(
                    &json!({"event": "refused", "from": canonical(from), "why": why.to_string()}),
                );
            }
            (Style::Json, Failed { error }) => {
                self.json(&json!({"event": "receive_failed", "why": error.to_string()}));
            }
            _ => {}
        }
    }

    pub fn summary(&self, summary: Summary) {
        match self.style {
            Style::Json => self.json(&summary.to_json(self.replies)),
            Style::Sentences => {
                self.line(
                    Target::Out,
                    format_args!("{}", summary.to_sentence(self.replies)),
                );
            }
        }
    }

    fn line(&self, target: Target, line: std::fmt::Arguments<'_>) {
        self.console.print(target, |lines| {
            // A vector takes everything.
            let _ = writeln!(lines, "{line}");
        });
    }

    /// With the time. JSON escapes line feeds and the like by itself; the other characters that a terminal would
    /// obey may be escaped in it as well.
    fn json(&self, event: &Value) {
        let mut event = event.clone();
        event["time"] = format_rfc3339_millis(SystemTime::now()).to_string().into();
        let mut line = String::new();
        for c in event.to_string().chars() {
            if is_unsafe(c) {
                let _ = write!(line, "\\u{:04x}", u32::from(c));
            } else {
                line.push(c);
            }
        }
        self.line(Target::Out, format_args!("{line}"));
    }
}

impl Summary {
    fn to_json(self, replies: bool) -> Value {
        let mut object = json!({"event": "summary"});
        if let Some(tally) = self.greetings {
            object["greeted"] = tally.greeted.into();
            object["refused"] = json!({
                "too_long": tally.too_long, "not_utf8": tally.not_utf8, "late": tally.late,
            });
            object["abandoned"] = tally.abandoned.into();
        }
        if let Some(tally) = self.messages {
            object["messages"] = tally.messages.into();
            object["messages_refused"] =
                json!({"too_long": tally.too_long, "not_utf8": tally.not_utf8});
            if replies {
                object["replies"] = tally.replies.into();
                object["replies_withheld"] =
                    json!({"over_the_limit": tally.limited, "not_sent": tally.unsent});
            }
        }
        object
    }

    fn to_sentence(self, replies: bool) -> String {
        let mut parts = Vec::new();
        if let Some(tally) = self.greetings {
            parts.push(format!("greeted {}", tally.greeted));
            parts.push(format!(
                "refused {} (too long {}, not UTF-8 {}, late {})",
                tally.refused(),
                tally.too_long,
                tally.not_utf8,
                tally.late
            ));
            parts.push(format!("abandoned {}", tally.abandoned));
        }
        if let Some(tally) = self.messages {
            parts.push(format!("messages {}", tally.messages));
            parts.push(format!(
                "messages refused {} (too long {}, not UTF-8 {})",
                tally.too_long + tally.not_utf8,
                tally.too_long,
                tally.not_utf8
            ));
            if replies {
                parts.push(format!(
                    "replies {}, replies withheld {} (over the limit {}, not sent {})",
                    tally.replies,
                    tally.limited + tally.unsent,
                    tally.limited,
                    tally.unsent
                ));
            }
        }
        format!("Summary: {}", parts.join(", "))
    }
}

/// Over a socket for both versions of IP, an address of IPv4 comes mapped into IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address, // with its scope
    }
}

fn accept_failed(error: &io::Error) -> String {
    format!(
        "Can't accept more connections for now: {error} (clients wait; raise the limit with \
         `ulimit -n`, or lower --max-connections)"
    )
}
