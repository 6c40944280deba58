//! The examples, run as a newcomer runs them: servers first, then clients.

#[path = "../../std-adapter/cli/tests/process/mod.rs"]
mod process;

use std::path::PathBuf;
use std::process::Command;

use process::{Process, port_in, run};

#[test]
fn the_tcp_client_is_greeted_by_the_tcp_server() {
    let server = Process::start(example("tcp_server").arg("127.0.0.1:0"));
    let port = server.tcp_port();
    let received = run(example("tcp_client").arg(format!("127.0.0.1:{port}")));
    assert_eq!(received, ["Received: Hello, World"]);
    port_in(&server.line(), "Connection from 127.0.0.1:", "");
}

#[test]
fn a_server_on_the_standard_library_alone_greets_as_well() {
    let server = Process::start(example("plain_std").arg("127.0.0.1:0"));
    let port = server.tcp_port();
    for _ in 0..20 {
        let received = run(example("tcp_client").arg(format!("127.0.0.1:{port}")));
        assert_eq!(received, ["Received: Hello, World"]);
    }
    port_in(&server.line(), "Connection from 127.0.0.1:", "");
    assert!(server.line().ends_with(": Greeted"));
}

#[test]
fn the_udp_senders_message_reaches_the_udp_receiver() {
    let receiver = Process::start(example("udp_receiver").arg("127.0.0.1:0"));
    let port = receiver.udp_port();
    run(example("udp_sender").arg(format!("127.0.0.1:{port}")));
    port_in(
        &receiver.line(),
        "Received message: Hello, UDP! from 127.0.0.1:",
        "",
    );
}

#[test]
fn the_store_answers_alike_over_all_networks() {
    let replies = "OK, = Earth, OK, NONE";
    let everywhere = ["sockets", "loopback", "losses"].map(|over| format!("{over}: {replies}"));
    assert_eq!(run(&mut example("kv_everywhere")), everywhere);
}

#[test]
fn a_greeting_comes_through_a_network_that_loses_packets() {
    let said = run(example("lossy_greeting").args(["9", "25"]));
    let lost = said.iter().filter(|line| line.contains("lost by chance"));
    assert_eq!(lost.count(), 2, "{said:#?}");
    assert_eq!(
        said.last().map(String::as_str),
        Some("Received: Hello, World")
    );
}

#[test]
fn a_name_over_a_serial_line_ends_when_it_has_settled() {
    let said = run(&mut example("serial_line"));
    assert_eq!(
        said,
        ["after 435µs: \"\"", "after 20.435ms: \"Hello, World\""]
    );
}

#[test]
fn a_program_grades_a_server() {
    let server = Process::start(example("tcp_server").arg("127.0.0.1:0"));
    let address = format!("127.0.0.1:{}", server.tcp_port());
    let said = run(example("grade").arg(address));
    let [verdict] = said.as_slice() else {
        panic!("{said:#?}");
    };
    assert!(verdict.ends_with(", failed 0"), "{verdict}");
}

/// An example, which cargo builds beside the tests but names to nobody.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).expect("it lies in deps");
    let program: PathBuf = profile
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "{} isn't built; `cargo build --examples` does it",
        program.display()
    );
    Command::new(program)
}
