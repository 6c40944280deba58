//! Cases and transports as named tests, and the table that says which case ran over which.
//!
//! Called by `conformance.rs`, which plugs the transports in.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::testbed::Testbed;
use crate::vectors::{Case, Message};
use crate::{runner, vectors};

/// All cases over all transports that were plugged in.
pub struct Matrix {
    one: Vec<Case>,
    messages: Vec<Message>,
    rows: Vec<String>,
    columns: Vec<String>,
    trials: Vec<Trial>,
    results: Arc<Mutex<Results>>,
}

/// By case and transport: whether it passed.
type Results = BTreeMap<(String, String), bool>;

impl Matrix {
    /// The cases of `vectors/`, and no transport yet.
    pub fn load() -> Self {
        let one = vectors::Tcp::load().one;
        let messages = vectors::Udp::load().messages;
        let rows = one.iter().map(|case| format!("tcp::{}", case.name));
        let shown = messages.iter().map(|case| format!("udp::{}", case.name));
        let replies = messages.iter().map(|case| format!("reply::{}", case.name));
        Self {
            rows: rows.chain(shown).chain(replies).collect(),
            one,
            messages,
            columns: Vec::new(),
            trials: Vec::new(),
            results: Arc::default(),
        }
    }

    /// Plugs a transport in: every case over TCP and UDP becomes a test with a testbed of its own,
    /// which `testbed` makes.
    pub fn transport<T: Testbed>(
        &mut self,
        name: &str,
        testbed: impl Fn() -> T + Clone + Send + 'static,
    ) {
        self.greetings(name, {
            let testbed = testbed.clone();
            move |case| runner::one(case, &mut testbed())
        });
        self.messages("udp", name, {
            let testbed = testbed.clone();
            move |case| runner::message(case, &mut testbed())
        });
        self.messages("reply", name, move |case| {
            runner::reply(case, &mut testbed())
        });
    }

    /// Plugs in a way to run the cases over TCP.
    pub fn greetings(
        &mut self,
        name: &str,
        run: impl Fn(&Case) -> Result<(), String> + Clone + Send + 'static,
    ) {
        self.column(name);
        for case in self.one.clone() {
            let run = run.clone();
            let row = format!("tcp::{}", case.name);
            self.trial(name, row, move || run(&case));
        }
    }

    /// Plugs in a way to run the cases over UDP: as messages alone, or with their replies.
    fn messages(
        &mut self,
        group: &str,
        name: &str,
        run: impl Fn(&Message) -> Result<(), String> + Clone + Send + 'static,
    ) {
        self.column(name);
        for case in self.messages.clone() {
            let run = run.clone();
            let row = format!("{group}::{}", case.name);
            self.trial(name, row, move || run(&case));
        }
    }

    /// Runs the tests that the command line asks for, and prints the table.
    pub fn run(self) -> ExitCode {
        let arguments = Arguments::from_args();
        let conclusion = libtest_mimic::run(&arguments, self.trials);
        if !arguments.list {
            let results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
            println!("{}", table(&self.rows, &self.columns, &results));
        }
        conclusion.exit_code()
    }

    fn column(&mut self, name: &str) {
        if !self.columns.iter().any(|column| column == name) {
            self.columns.push(name.to_owned());
        }
    }

    fn trial(
        &mut self,
        column: &str,
        row: String,
        run: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) {
        let results = Arc::clone(&self.results);
        let cell = (row, column.to_owned());
        let name = format!("{column}::{}", cell.0);
        self.trials.push(Trial::test(name, move || {
            let note = |passed| {
                let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                results.insert(cell.clone(), passed);
            };
            note(false); // stands, if the case panics
            let result = run();
            note(result.is_ok());
            result.map_err(Failed::from)
        }));
    }
}

fn table(rows: &[String], columns: &[String], results: &Results) -> String {
    let width = rows.iter().map(String::len).max().unwrap_or_default();
    let mut text = format!("{:width$}", "case");
    for column in columns {
        let _ = write!(text, "  {column}");
    }
    for row in rows {
        let _ = write!(text, "\n{row:width$}");
        for column in columns {
            let cell = match results.get(&(row.clone(), column.clone())) {
                Some(true) => "ok",
                Some(false) => "FAILED",
                None => "-",
            };
            let _ = write!(text, "  {cell:column$}", column = column.len());
        }
    }
    text + "\n(-: not run)\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_passed_from_failed_and_from_not_run() {
        let names = |names: [&str; 3]| names.map(str::to_owned);
        let cell = |row: &str, column: &str| (row.to_owned(), column.to_owned());
        let results = BTreeMap::from([(cell("b", "y"), true), (cell("c", "x"), false)]);
        let text = table(&names(["a", "b", "c"]), &names(["x", "y", "z"]), &results);
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(rows[0], ["case", "x", "y", "z"]);
        assert_eq!(rows[1], ["a", "-", "-", "-"]);
        assert_eq!(rows[2], ["b", "-", "ok", "-"]);
        assert_eq!(rows[3], ["c", "FAILED", "-", "-"]);
    }
}
