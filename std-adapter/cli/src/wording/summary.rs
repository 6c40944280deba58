//! How a run ended, in a sentence or an object.

use greet_std::core::{exchange, lines, receiver};
use serde_json::{Value, json};

use crate::count::Counted;

/// How a run ended.
#[derive(Clone, Copy, Default)]
pub struct Summary {
    pub greetings: Option<exchange::Tally>,
    pub lines: Option<lines::Tally>,
    pub serial: Option<lines::Tally>,
    pub messages: Option<receiver::Tally>,
    pub counted: Option<Counted>,
}

impl Summary {
    pub(super) fn to_json(self, replies: bool, unshown: u64) -> Value {
        let mut object = json!({"event": "summary"});
        if let Some(tally) = self.greetings {
            object["greeted"] = tally.greeted.into();
            object["refused"] = json!({
                "too_long": tally.too_long, "not_utf8": tally.not_utf8, "late": tally.late,
            });
            object["abandoned"] = tally.abandoned.into();
        }
        if let Some(tally) = self.lines {
            object["lines"] = json!({
                "greeted": tally.greeted, "finished": tally.finished, "refused": tally.refused,
                "abandoned": tally.abandoned,
            });
        }
        if let Some(tally) = self.serial {
            object["serial"] = json!({
                "greeted": tally.greeted, "refused": tally.refused, "abandoned": tally.abandoned,
            });
        }
        if let Some(tally) = self.messages {
            object["messages"] = tally.messages.into();
            object["messages_refused"] =
                json!({"too_long": tally.too_long, "not_utf8": tally.not_utf8});
            object["lost"] = tally.lost.into();
            if replies {
                object["replies"] = tally.replies.into();
                object["replies_withheld"] =
                    json!({"over_the_limit": tally.limited, "not_sent": tally.unsent});
            }
        }
        if let Some(counted) = self.counted {
            object["counted"] = json!({"messages": counted.messages, "runs": counted.runs});
        }
        if unshown > 0 {
            object["lines_not_shown"] = unshown.into();
        }
        object
    }

    pub(super) fn to_sentence(self, replies: bool, unshown: u64) -> String {
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
        if let Some(tally) = self.lines {
            parts.push(format!(
                "lines greeted {}, connections with lines {} (finished {}, refused {}, abandoned {})",
                tally.greeted,
                tally.finished + tally.refused + tally.abandoned,
                tally.finished,
                tally.refused,
                tally.abandoned
            ));
        }
        if let Some(tally) = self.serial {
            parts.push(format!(
                "lines on the serial port greeted {}, refused {}, abandoned {}",
                tally.greeted, tally.refused, tally.abandoned
            ));
        }
        if let Some(tally) = self.messages {
            parts.push(format!("messages {}", tally.messages));
            parts.push(format!(
                "messages refused {} (too long {}, not UTF-8 {})",
                tally.too_long + tally.not_utf8,
                tally.too_long,
                tally.not_utf8
            ));
            if tally.lost > 0 {
                parts.push(format!(
                    "lost {} (the socket had no room for them)",
                    tally.lost
                ));
            }
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
        if let Some(Counted { messages, runs }) = self.counted {
            let many = if runs == 1 { "" } else { "s" };
            parts.push(format!("counted {messages} in {runs} run{many}"));
        }
        if unshown > 0 {
            parts.push(format!("lines not shown {unshown}"));
        }
        format!("Summary: {}", parts.join(", "))
    }
}
