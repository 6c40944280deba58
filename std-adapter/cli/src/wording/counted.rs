//! What a receiver says about the runs that it counts.

use super::{Style, Target, Wording, canonical, json, line};
use crate::count::Event;

impl Wording {
    /// A run begins, or has ended.
    pub fn counted(self, event: Event) {
        let from = canonical(event.from);
        let run = format!("{:016x}", event.run);
        match (self.style, event.totals) {
            (_, None) if self.quiet => {}
            (Style::Sentences, None) => {
                line(Target::Out, format_args!("Counting messages from {from}"));
            }
            (Style::Sentences, Some(totals)) => {
                line(Target::Out, format_args!("Counted from {from}: {totals}"));
            }
            (Style::Json, None) => {
                json(&json!({"event": "counting", "from": from, "run": run}));
            }
            (Style::Json, Some(totals)) => {
                let mut event = json!({"event": "counted", "from": from, "run": run});
                totals.extend(&mut event);
                json(&event);
            }
        }
    }
}
