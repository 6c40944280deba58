//! What a server says about a serial line.

use greet_std::core::error::Refusal;
use serde_json::json as object;

use super::{Style, Target, Wording, json, line};

impl Wording {
    pub fn listening_on_serial(self, (port, baud): (&str, u32)) {
        match self.style {
            Style::Sentences => line(
                Target::Out,
                format_args!("Lines server is listening on serial port {port} at {baud} baud..."),
            ),
            Style::Json => json(&object!({
                "event": "listening", "protocol": "serial", "port": port, "baud": baud,
            })),
        }
    }

    /// So many lines were refused since this was said last, the last of them for this reason.
    pub fn refused_on_serial(self, port: &str, lines: u32, why: Refusal) {
        match (self.style, lines) {
            (Style::Json, _) => json(&object!({
                "event": "refused", "protocol": "serial", "port": port, "lines": lines,
                "why": why.to_string(),
            })),
            (Style::Sentences, 1) => line(Target::Err, format_args!("Refused {port}: {why}")),
            (Style::Sentences, _) => line(
                Target::Err,
                format_args!("Refused {lines} lines on {port}, the last of them: {why}"),
            ),
        }
    }

    pub fn abandoned_on_serial(self, port: &str) {
        let why = "its replies weren't taken in time, and are thrown away";
        match self.style {
            Style::Json => json(&object!({
                "event": "abandoned", "protocol": "serial", "port": port, "why": why,
            })),
            Style::Sentences => line(Target::Err, format_args!("Abandoned by {port}: {why}")),
        }
    }
}
