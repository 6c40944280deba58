//! `greet probe` and servers whose replies are right to the byte, and end otherwise than they must.

#![cfg(target_os = "linux")] // others don't hand over what came before RST

mod process;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;
use std::{io, mem};

use greet_std::Server;
use greet_std::core::exchange::Exchange;
use greet_std::core::limits::Limits;
use greet_std::core::lines::Lines;
use process::Process;
use serde_json::Value;
use socket2::SockRef;

/// What a connection ends with.
#[derive(Clone, Copy)]
enum End {
    Fin,
    Reset,
    /// Nothing.
    None,
}

/// Somebody in front of a server who passes on all bytes, and ends connections in this way, until the test
/// ends.
fn in_front_of(server: SocketAddr, end: End) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || pass_on(&client, server, end));
        }
    });
    address
}

fn pass_on(client: &TcpStream, server: SocketAddr, end: End) -> io::Result<()> {
    let (mut from_client, mut to_client) = (client.try_clone()?, client.try_clone()?);
    let mut from_server = TcpStream::connect(server)?;
    let mut to_server = from_server.try_clone()?;
    let inward = thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
        // What comes behind a refusal is nobody's, and left unread it would be answered with RST.
        io::copy(&mut from_client, &mut io::sink())
    });
    io::copy(&mut from_server, &mut to_client)?;
    match end {
        End::Fin => client.shutdown(Shutdown::Write)?,
        End::Reset => {
            SockRef::from(client).set_linger(Some(Duration::ZERO))?;
            // The other copies of the socket are closed first.
            client.shutdown(Shutdown::Read)?;
        }
        // No more than a few hundred in a test.
        End::None => mem::forget(client.try_clone()?),
    }
    drop(to_client);
    let _ = inward.join();
    Ok(())
}

/// Somebody in front of a server who reads until FIN, as a script does, before it passes on what came.
fn until_fin(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || answer_after_fin(client, server));
        }
    });
    address
}

fn answer_after_fin(mut client: TcpStream, server: SocketAddr) -> io::Result<()> {
    let (mut name, mut reply) = (Vec::new(), Vec::new());
    client.read_to_end(&mut name)?;
    let mut to_server = TcpStream::connect(server)?;
    to_server.write_all(&name)?;
    to_server.shutdown(Shutdown::Write)?;
    to_server.read_to_end(&mut reply)?;
    client.write_all(&reply)
}

/// A server of each mode, patient where a busy machine may be slow.
fn servers() -> (SocketAddr, SocketAddr) {
    let limits = Limits::DEFAULT.with_settle(Duration::from_millis(200));
    let name = Server::<Exchange>::serving(limits).bind("127.0.0.1:0");
    let lines = Server::<Lines>::serving(Limits::DEFAULT).bind("127.0.0.1:0");
    let (name, lines) = (name.expect("a free port"), lines.expect("a free port"));
    let addresses = (name.local_addr(), lines.local_addr());
    thread::spawn(move || name.run(|_| {}));
    thread::spawn(move || lines.run(|_| {}));
    addresses
}

/// The findings of a run with these groups, and how many checks failed and passed.
fn graded(asked: &[&str], groups: &[&str]) -> (Vec<Value>, Value) {
    let only = groups.iter().map(|group| format!("--only={group}"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_greet"));
    command
        .args(["probe", "--json", "--quick"])
        .args(asked)
        .args(only);
    let (lines, errors, _) = Process::start(&mut command).end();
    let objects = lines.iter().map(|line| serde_json::from_str(line));
    let objects: Result<Vec<Value>, _> = objects.collect();
    let objects = objects.expect("an object a line");
    let of = |event: &'static str| objects.iter().filter(move |one| one["event"] == event);
    let summary = of("summary").next_back();
    let summary = summary.unwrap_or_else(|| panic!("{lines:#?} {errors:?}"));
    (of("finding").cloned().collect(), summary.clone())
}

#[test]
fn a_right_reply_with_a_wrong_end_is_one_finding_with_one_cross() {
    let (server, _) = servers();
    for (end, id) in [
        (End::Reset, Some("server/resets")),
        (End::None, Some("server/no-fin")),
        (End::Fin, None),
    ] {
        let address = in_front_of(server, end).to_string();
        let groups = ["first", "close", "tcp", "crowd/at-once", "read"];
        let (findings, summary) = graded(&[&address], &groups);
        assert_eq!(findings.len(), usize::from(id.is_some()), "{findings:#?}");
        for finding in &findings {
            assert_eq!(finding["id"], id.unwrap_or_default());
            assert_eq!(finding["checks"], serde_json::json!(["tcp/world"]));
        }
        assert_eq!(summary["failed"], findings.len(), "{summary:#}");
        assert!(summary["passed"].as_u64() > Some(35), "{summary:#}");
    }
}

#[test]
fn so_it_is_in_lines_mode() {
    let (_, server) = servers();
    for (end, id) in [
        (End::Reset, Some("server/resets")),
        (End::None, Some("server/no-fin")),
        (End::Fin, None),
    ] {
        let address = in_front_of(server, end).to_string();
        let (findings, summary) = graded(&["--lines", &address], &["lines"]);
        assert_eq!(findings.len(), usize::from(id.is_some()), "{findings:#?}");
        for finding in &findings {
            assert_eq!(finding["id"], id.unwrap_or_default());
            assert_eq!(finding["checks"], serde_json::json!(["lines/nothing"]));
            let what = finding["what"].as_str().unwrap_or_default();
            assert!(
                what.starts_with("in lines mode its replies are right"),
                "{what}"
            );
        }
        assert_eq!(summary["failed"], findings.len(), "{summary:#}");
        assert!(summary["passed"].as_u64() > Some(20), "{summary:#}");
    }
}

#[test]
fn a_server_that_waits_for_fin_is_one_finding() {
    let (server, _) = servers();
    let address = until_fin(server).to_string();
    let groups = ["first", "close", "tcp/world*", "tcp/full*", "crowd/at-once"];
    let (findings, summary) = graded(&["--timeout=1s", &address], &groups);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    for finding in &findings {
        assert_eq!(finding["id"], "server/never-ends");
        assert_eq!(finding["checks"], serde_json::json!(["tcp/world"]));
    }
    assert_eq!(summary["failed"], 1, "{summary:#}");
    assert!(summary["passed"].as_u64() > Some(5), "{summary:#}");
}
