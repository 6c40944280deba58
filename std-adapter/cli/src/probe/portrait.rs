//! What the stack is like, in numbers and words that are neither right nor wrong: a part of the report.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// One line of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its name for programs.
    pub key: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it is, for people.
    pub words: String,
    /// The same for programs: a number, several, or a word.
    pub value: Value,
}

#[cfg(all(target_os = "linux", feature = "wire"))]
impl Figure {
    /// The figures that checks with raw frames have found.
    pub fn all_of(bench: &greet_wire::Bench<'_>) -> Vec<Self> {
        let figures = bench.portrait().map(|(feature, is)| Self {
            key: feature.key(),
            name: feature.name(),
            words: is.to_string(),
            value: value(is),
        });
        figures.collect()
    }
}

/// A time is in milliseconds, with three places behind the point.
#[cfg(all(target_os = "linux", feature = "wire"))]
fn value(is: greet_wire::Trait) -> Value {
    use greet_wire::Trait;
    let rounded = |number: f64| (number * 1000.0).round() / 1000.0;
    match is {
        Trait::Time(time) => rounded(time.as_secs_f64() * 1000.0).into(),
        Trait::Count(number) | Trait::Bytes(number) => number.into(),
        Trait::Counts(numbers) => numbers.to_vec().into(),
        Trait::Factor(factor) => rounded(factor).into(),
        other => other.to_string().into(),
    }
}

/// The paragraph of a report: a line for each.
pub fn paragraph(figures: &[Figure]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    let width = figures.iter().map(|figure| figure.name.len()).max();
    let width = width.unwrap_or_default();
    let mut text = "\nThe stack:\n".to_owned();
    for figure in figures {
        // A string takes everything.
        let _ = writeln!(text, "  {:width$}  {}", figure.name, figure.words);
    }
    text
}

/// The line for programs.
pub fn json_line(figures: &[Figure]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    let stack = figures.iter();
    let stack: Map<_, _> = stack
        .map(|figure| (figure.key.to_owned(), figure.value.clone()))
        .collect();
    format!("{}\n", json!({ "event": "portrait", "stack": stack }))
}
