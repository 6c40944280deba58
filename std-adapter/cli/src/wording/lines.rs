//! What a server in lines mode says about its clients.

use std::io;

use super::{Style, Target, Wording, abandoned, accept_failed, canonical, json, line};
use greet_std::core::lines::{End, Lines, Outcome};
use greet_std::core::server::Event;

impl Wording {
    /// As of a client of one greeting. How many greetings each had is for programs.
    pub fn client_of_lines(self, event: Event<'_, Lines, io::Error>) {
        match (self.style, event) {
            (Style::Sentences, Event::Connected { peer }) if !self.quiet => line(
                Target::Out,
                format_args!("Connection from {}", canonical(*peer)),
            ),
            (Style::Json, Event::Connected { peer }) if !self.quiet => {
                json(&json!({
                    "event": "connected", "protocol": "lines", "peer": canonical(*peer),
                }));
            }
            (_, Event::Ended { peer, outcome, .. }) => {
                self.end_of_lines(&canonical(*peer).to_string(), outcome);
            }
            (Style::Sentences, Event::AcceptFailed { error }) => {
                line(Target::Err, format_args!("{}", accept_failed(error)));
            }
            (Style::Json, Event::AcceptFailed { error }) => {
                json(&json!({"event": "accept_failed", "why": accept_failed(error)}));
            }
            _ => {}
        }
    }

    fn end_of_lines(self, peer: &str, Outcome { greeted, end, .. }: Outcome) {
        let (event, sentence, why) = match end {
            End::Refused(why) => ("refused", "Refused", why.to_string()),
            End::Abandoned(why) => ("abandoned", abandoned(why), why.to_string()),
            _ if self.quiet => return,
            End::Idle => ("finished", "", "idle".to_owned()),
            End::Stopped => ("finished", "", "stop".to_owned()),
            _ => ("finished", "", "fin".to_owned()),
        };
        match self.style {
            Style::Json => json(&json!({
                "event": event, "protocol": "lines", "peer": peer, "greeted": greeted, "why": why,
            })),
            Style::Sentences if sentence.is_empty() => {}
            Style::Sentences => line(Target::Err, format_args!("{sentence} {peer}: {why}")),
        }
    }
}
