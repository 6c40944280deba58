//! What the host does, frame by frame: dialogs with it are written down in `dialogs.txt`, which is read where
//! it changes, and each fault that no check fails of yet changes at least one of them.
//!
//! `GREET_WRITE_PAGES=1 cargo test -p greet-responder --test dialogs` writes them anew.

mod chance;
mod ends;
mod handshakes;
mod packets;
mod receiving;
mod sending;
#[expect(dead_code, reason = "which fault has a row is all that is asked")]
#[path = "../table/mod.rs"]
mod table;
mod talker;

use std::fmt::Write as _;
use std::path::Path;

use greet_responder::fault::Fault;
use talker::Talker;

/// One dialog: its name, and what the tester does.
type Dialog = (&'static str, fn(&mut Talker));

const WRITTEN: &str = include_str!("dialogs.txt");

fn dialogs() -> impl Iterator<Item = Dialog> {
    [
        handshakes::DIALOGS,
        receiving::DIALOGS,
        sending::DIALOGS,
        ends::DIALOGS,
        packets::DIALOGS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

fn held((_, dialog): Dialog, fault: Option<Fault>) -> Talker {
    let mut talker = Talker::new(fault);
    dialog(&mut talker);
    talker
}

#[test]
fn dialogs_are_what_is_written() {
    let mut page = String::new();
    for dialog in dialogs() {
        let lines = held(dialog, None).lines.join("\n");
        write!(page, "{}\n\n{lines}\n\n", dialog.0).expect("memory");
    }
    if std::env::var_os("GREET_WRITE_PAGES").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogs/dialogs.txt");
        std::fs::write(path, page).expect("the page is written");
        return;
    }
    let first = page
        .lines()
        .zip(WRITTEN.lines())
        .find(|(is, was)| is != was);
    assert_eq!(first, None);
    assert_eq!(page.len(), WRITTEN.len());
}

#[test]
fn each_fault_shows() {
    let faultless: Vec<_> = dialogs().map(|dialog| held(dialog, None).frames).collect();
    let mut unseen = Vec::new();
    for (name, fault) in Fault::ALL {
        let shows = dialogs()
            .zip(&faultless)
            .filter(|(dialog, frames)| held(*dialog, Some(fault)).frames != **frames)
            .map(|((name, _), _)| name);
        let shows: Vec<_> = shows.collect();
        println!("{name}: {}", shows.join(", "));
        let is_proved = table::all().any(|row| row.host == Some(fault));
        if shows.is_empty() && !is_proved {
            unseen.push(name);
        }
    }
    assert!(unseen.is_empty(), "{unseen:?}");
}
