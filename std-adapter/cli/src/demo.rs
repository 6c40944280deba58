//! `greet demo`: both sides on one machine, and every byte looked at.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use greet_std::core::limits::MAX_TEXT;
use greet_std::core::receiver;
use greet_std::core::text::{Text, shown};
use greet_std::{Client, Receiver, Server};

use crate::console;

/// A free port of loopback.
const ANY_PORT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// How long anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Clients that greet at once.
const NAMES: [&str; 7] = ["Ada", "Grace", "世界", "Zoë", "👩‍👩‍👧‍👦", "two\nlines", ""];

pub fn run() -> Result<()> {
    let server = Server::bind(ANY_PORT)?;
    let receiver = Receiver::bind(ANY_PORT)?;
    let (tcp, stop_tcp) = (server.local_addr(), server.handle());
    let (udp, stop_udp) = (receiver.local_addr(), receiver.handle());
    say(&format!("Server is listening on port {}...", tcp.port()))?;
    say(&format!(
        "Receiver is listening on UDP port {}...",
        udp.port()
    ))?;

    let (report, reports) = mpsc::channel();
    let (greetings, datagrams, bytes) = thread::scope(|scope| {
        let server = scope.spawn(|| server.run(|_| {}));
        let receiver = scope.spawn(|| {
            receiver.run(|event| {
                let line = match event {
                    receiver::Event::Message { text, .. } => text.as_str().to_owned(),
                    receiver::Event::Refused { why, .. } => format!("refused: {why}"),
                    _ => return,
                };
                // Nobody waits for more once the demo has failed.
                let _ = report.send(line);
            })
        });
        let bytes = show(tcp, udp, &reports);
        stop_tcp.stop();
        stop_udp.stop();
        let greetings = server
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let datagrams = receiver
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        anyhow::Ok((greetings?, datagrams?, bytes?))
    })?;

    let (greeted, refused) = (NAMES.len() as u64 + 3, 1);
    ensure!(
        (greetings.greeted, greetings.refused(), greetings.abandoned) == (greeted, refused, 0),
        "the server counted {greetings:?}, not {greeted} greetings and {refused} refusal"
    );
    ensure!(
        (datagrams.messages, datagrams.too_long) == (2, 1),
        "the receiver counted {datagrams:?}, not 2 messages and 1 that was too long"
    );
    say(&format!(
        "\nAll {bytes} bytes were right: {} greetings, {} refusal, {} messages, {} message refused.",
        greetings.greeted,
        greetings.refused(),
        datagrams.messages,
        datagrams.too_long
    ))
}

/// Plays all scenes, and returns how many bytes were compared.
fn show(tcp: SocketAddr, udp: SocketAddr, reports: &mpsc::Receiver<String>) -> Result<usize> {
    let mut bytes = 0;

    say("\nTCP: a name, and FIN")?;
    bytes += scene(greet(tcp, "World")?)?;

    say(&format!(
        "\nTCP: {} clients at once, beside one that says nothing",
        NAMES.len()
    ))?;
    let silent = TcpStream::connect(tcp).context("can't connect")?;
    let at_once = thread::scope(|scope| {
        let clients = NAMES.map(|name| scope.spawn(move || greet(tcp, name)));
        clients.map(|client| {
            client
                .join()
                .unwrap_or_else(|p| std::panic::resume_unwind(p))
        })
    });
    for client in at_once {
        bytes += scene(client?)?;
    }

    say("\nTCP: the longest name, 1024 bytes: its reply has 1031")?;
    bytes += scene(greet(tcp, &"a".repeat(MAX_TEXT))?)?;

    say("\nTCP: bytes that are no text, refused and answered all the same")?;
    let junk = TcpStream::connect(tcp).context("can't connect")?;
    bytes += scene(raw(
        junk,
        b"\xff\xfe",
        "Error: name is not UTF-8 at byte 0\n",
    )?)?;

    say("\nTCP: the silent client sends FIN after all: that is the empty name")?;
    bytes += scene(raw(silent, b"", "Hello, ")?)?;

    say("\nUDP: messages, which can't drive your terminal")?;
    for message in ["Hello, UDP!", "red: \u{1b}[31m"] {
        greet_std::send(udp, Text::new(message)?)?;
        bytes += scene(Scene::message(message.as_bytes(), message, reports)?)?;
    }

    say("\nUDP: a datagram that is too long, reported and not cut")?;
    let long = [b'a'; MAX_TEXT + 1];
    std::net::UdpSocket::bind(ANY_PORT)
        .and_then(|socket| socket.send_to(&long, udp))
        .context("can't send a long datagram")?;
    bytes += scene(Scene::message(
        &long,
        "refused: message is longer than 1024 bytes",
        reports,
    )?)?;
    Ok(bytes)
}

/// What was sent, what came of it, and what should have.
struct Scene {
    /// How it came: back to the client, or to be shown by the receiver.
    way: &'static str,
    sent: Vec<u8>,
    came: Vec<u8>,
    expected: Vec<u8>,
}

impl Scene {
    /// Waits for the receiver to report what was sent.
    fn message(sent: &[u8], expected: &str, reports: &mpsc::Receiver<String>) -> Result<Self> {
        let came = reports
            .recv_timeout(PATIENCE)
            .context("the message didn't arrive")?;
        Ok(Self {
            way: "shows",
            sent: sent.to_vec(),
            came: came.into_bytes(),
            expected: expected.into(),
        })
    }
}

fn greet(server: SocketAddr, name: &str) -> Result<Scene> {
    let greeting = Client::new()
        .timeout(PATIENCE)
        .greet(server, Text::new(name)?)?;
    Ok(Scene {
        way: "<-",
        sent: name.into(),
        came: greeting.as_str().into(),
        expected: format!("Hello, {name}").into_bytes(),
    })
}

/// What a client that isn't ours sends over its own connection, and what comes back.
fn raw(mut client: TcpStream, sent: &[u8], expected: &str) -> Result<Scene> {
    let mut came = Vec::new();
    let mut talk = || -> io::Result<()> {
        client.set_read_timeout(Some(PATIENCE))?;
        client.write_all(sent)?;
        client.shutdown(Shutdown::Write)?;
        client.read_to_end(&mut came)?;
        Ok(())
    };
    talk().context("a client lost its connection")?;
    Ok(Scene {
        way: "<-",
        sent: sent.to_vec(),
        came,
        expected: expected.into(),
    })
}

/// Shows a scene, and returns how many bytes it had if all were right.
fn scene(scene: Scene) -> Result<usize> {
    let Scene {
        way,
        sent,
        came,
        expected,
    } = scene;
    say(&format!(
        "  {:<5} {:>4} bytes  {}",
        "->",
        sent.len(),
        excerpt(&sent)
    ))?;
    say(&format!(
        "  {:<5} {:>4} bytes  {}",
        way,
        came.len(),
        excerpt(&came)
    ))?;
    ensure!(
        came == expected,
        "what came differs: expected {} bytes, {}",
        expected.len(),
        excerpt(&expected)
    );
    Ok(sent.len() + came.len())
}

/// The start of some bytes, safe to show.
fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() > SHOWN => {
            let start: String = text.chars().take(SHOWN).collect();
            format!("\"{}...\"", shown(&start))
        }
        Ok(text) => format!("\"{}\"", shown(text)),
        Err(_) => format!("{bytes:02x?}"),
    }
}

fn say(line: &str) -> Result<()> {
    console::print(format!("{line}\n").as_bytes())
}
