//! What `{:?}` shows of machines and events: what a reader wants to know, not a kilobyte of buffer,
//! and nothing that drives a terminal.

use core::net::SocketAddr;

use greet_core::error::{Refusal, TextError};
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::machine::Machine;
use greet_core::request::Request;
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_core::{receiver, server};

const NOW: Instant = Instant::START;

fn greeted(name: &str) -> Exchange {
    let mut exchange = Exchange::new(NOW, Limits::DEFAULT);
    exchange.space()[..name.len()].copy_from_slice(name.as_bytes());
    exchange.received(name.len(), NOW);
    exchange.received_fin(NOW);
    exchange
}

#[test]
fn events_are_shown_without_buffers_and_drive_no_terminal() {
    let peer = SocketAddr::from(([127, 0, 0, 1], 49152));
    let name = "a\x1b[31m\u{202e}b";
    let exchange = greeted(name);
    let request = Request::new(Text::new(name).expect("short"), Instant::NEVER);
    let shown = r#"Text("a\u{1b}[31m\u{202e}b")"#;
    let greeted: server::Event<'_> = server::Event::Ended {
        peer: &peer,
        outcome: Outcome::Greeted,
        machine: &exchange,
    };
    assert_eq!(
        format!("{greeted:?}"),
        format!(
            "Ended {{ peer: 127.0.0.1:49152, outcome: Greeted, \
             machine: Exchange {{ want: Write, name: Some({shown}), .. }} }}"
        )
    );
    assert_eq!(
        format!("{request:?}"),
        format!("Request {{ name: {shown}, want: Both, .. }}")
    );
    let refused: receiver::Event<'_> = receiver::Event::Refused {
        from: peer,
        why: Refusal::Message(TextError::TooLong),
    };
    assert_eq!(
        format!("{refused:?}"),
        "Refused { from: 127.0.0.1:49152, why: Message(TooLong) }"
    );
}

#[test]
fn a_server_is_shown_by_what_it_has_done() {
    let server = server::Server::<(), 2>::new(Limits::DEFAULT);
    let shown = format!("{server:?}");
    assert!(
        shown.starts_with("Server { clients: 0, tally: Tally { greeted: 0, "),
        "{shown}"
    );
}
