//! Plain Python programs against ours in all four roles: the program `greet`, and the library.
//!
//! The programs in `peers` use nothing but `socket`. Without a `python3` on the PATH these
//! tests skip and say so; where `GREET_REQUIRE` names `python`, they fail instead.

mod process;

use std::net::SocketAddr;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use greet_std::Client;
use greet_std::core::exchange::Outcome;
use greet_std::core::receiver;
use greet_std::core::server;
use greet_std::core::text::Text;
use process::{PATIENCE, Process, has_python, port_in, run};

const ANY_PORT: &str = "127.0.0.1:0";

#[test]
fn a_python_client_is_greeted_by_the_program() {
    if !has_python() {
        return;
    }
    let server = Process::start(greet().args(["serve", "--tcp", ANY_PORT]));
    let port = server.tcp_port();
    for name in ["World", "世界", "a\tb"] {
        let received = run(python("tcp_client.py", port).arg(name));
        assert_eq!(received, [format!("Received: Hello, {name}")]);
        port_in(&server.line(), "Connection from 127.0.0.1:", "");
    }
}

#[test]
fn a_python_server_greets_the_program() {
    if !has_python() {
        return;
    }
    let server = Process::start(&mut python("tcp_server.py", 0));
    let port = server.tcp_port();
    let longest = "x".repeat(1024);
    for name in ["World", "世界", &longest] {
        let address = format!("127.0.0.1:{port}");
        let received = run(greet().args(["hello", name, "--to", &address]));
        assert_eq!(received, [format!("Received: Hello, {name}")]);
        port_in(&server.line(), "Connection from 127.0.0.1:", "");
    }
}

#[test]
fn a_python_message_reaches_the_program() {
    if !has_python() {
        return;
    }
    let receiver = Process::start(greet().args(["serve", "--udp", ANY_PORT]));
    let port = receiver.udp_port();
    for (message, shown) in [
        ("Hello, UDP!", "Hello, UDP!"),
        ("two\nlines", "two\\nlines"),
    ] {
        run(python("udp_client.py", port).arg(message));
        let start = format!("Received message: {shown} from 127.0.0.1:");
        port_in(&receiver.line(), &start, "");
    }
}

#[test]
fn the_programs_message_reaches_python() {
    if !has_python() {
        return;
    }
    let receiver = Process::start(&mut python("udp_server.py", 0));
    let port = receiver.udp_port();
    for message in ["Hello, UDP!", "世界"] {
        let address = format!("127.0.0.1:{port}");
        run(greet().args(["send", message, "--to", &address]));
        let start = format!("Received message: {message} from 127.0.0.1:");
        port_in(&receiver.line(), &start, "");
    }
}

#[test]
fn a_python_client_is_greeted_by_the_library() {
    if !has_python() {
        return;
    }
    let server = greet_std::Server::bind(ANY_PORT).expect("a free port");
    let (port, handle) = (server.local_addr().port(), server.handle());
    let (names, greeted) = mpsc::channel();
    let running = thread::spawn(move || {
        server.run(|event| {
            if let server::Event::Ended {
                outcome: Outcome::Greeted,
                machine,
                ..
            } = event
            {
                let name = machine.name().map(|name| name.as_str().to_owned());
                names.send(name).expect("the test waits for it");
            }
        })
    });
    let received = run(&mut python("tcp_client.py", port));
    assert_eq!(received, ["Received: Hello, World"]);
    assert_eq!(greeted.recv_timeout(PATIENCE), Ok(Some("World".into())));
    handle.stop();
    let tally = running.join().expect("no panic").expect("it served");
    assert_eq!((tally.greeted, tally.total()), (1, 1));
}

#[test]
fn a_python_server_greets_the_library() {
    if !has_python() {
        return;
    }
    let server = Process::start(&mut python("tcp_server.py", 0));
    let port = server.tcp_port();
    let name = Text::new("World").expect("short");
    let greeting = Client::new()
        .timeout(PATIENCE)
        .greet(("127.0.0.1", port), name)
        .expect("a greeting");
    assert_eq!(greeting.as_str(), "Hello, World");
}

#[test]
fn a_python_message_reaches_the_library() {
    if !has_python() {
        return;
    }
    let receiver = greet_std::Receiver::bind(ANY_PORT).expect("a free port");
    let (port, handle) = (receiver.local_addr().port(), receiver.handle());
    let (came, texts) = mpsc::channel();
    let running = thread::spawn(move || {
        receiver.run(|event| {
            if let receiver::Event::Message { text, .. } = event {
                came.send(text.as_str().to_owned())
                    .expect("the test waits for it");
            }
        })
    });
    run(&mut python("udp_client.py", port));
    assert_eq!(texts.recv_timeout(PATIENCE).as_deref(), Ok("Hello, UDP!"));
    handle.stop();
    let tally = running.join().expect("no panic").expect("it received");
    assert_eq!(tally.messages, 1);
}

#[test]
fn the_librarys_message_reaches_python() {
    if !has_python() {
        return;
    }
    let receiver = Process::start(&mut python("udp_server.py", 0));
    let port = receiver.udp_port();
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    greet_std::send(to, Text::new("Hello, UDP!").expect("short")).expect("it leaves");
    port_in(
        &receiver.line(),
        "Received message: Hello, UDP! from 127.0.0.1:",
        "",
    );
}

fn greet() -> Command {
    Command::new(env!("CARGO_BIN_EXE_greet"))
}

fn python(script: &str, port: u16) -> Command {
    let peers = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers");
    let mut command = Command::new("python3");
    command
        .arg(format!("{peers}/{script}"))
        .args(["127.0.0.1", &port.to_string()])
        .env("PYTHONUTF8", "1");
    command
}
