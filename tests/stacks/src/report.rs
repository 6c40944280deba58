//! What is said of each run, to people.

use std::fmt::Write as _;
use std::time::Duration;

use crate::outside::Outcome;
use crate::run::Run;

/// The lines of one run.
pub fn section(run: &Run<'_>, outcome: &Outcome, took: Duration) -> String {
    let mut text = String::new(); // which takes everything
    let name = &run.stack.name;
    if let Some(broken) = run.broken {
        let _ = writeln!(text, "{} over {name}", broken.name);
        let _ = writeln!(text, "    should: {}", broken.should);
        if let Some(why) = &broken.unseen {
            let _ = writeln!(text, "    unseen: {why}");
        }
    }
    let _ = match outcome {
        Outcome::Skipped(why) => writeln!(text, "- {name}: skipped: {why}"),
        Outcome::Broken(why) => writeln!(text, "✗ {name}: {why}"),
        Outcome::Graded {
            counts, surprises, ..
        } => {
            let mark = if surprises.is_empty() { '✓' } else { '✗' };
            writeln!(text, "{mark} {name}: {counts}, in {} s", took.as_secs())
        }
    };
    if let Outcome::Graded {
        surprises, said, ..
    } = outcome
    {
        for line in surprises.iter().chain(said) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}
