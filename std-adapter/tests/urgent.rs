//! Urgent data, which means nothing to the protocol: its bytes are in their place in the stream, as the others are
//! (RFC 6093, section 6).

#![cfg(target_os = "linux")]

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use common::{Running, connect, greeting, patient, read_all};
use greet_core::limits::Limits;
use greet_core::lines::Lines;
use greet_core::text::Text;
use greet_std::{Client, Server};
use socket2::SockRef;

const EACH: usize = 200;

/// Three sends, of which the second is urgent.
fn send(to: &mut TcpStream, [before, urgent, behind]: [&[u8]; 3]) {
    to.set_nodelay(true).expect("an option of TCP");
    to.write_all(before).expect("room");
    let sent = SockRef::from(&*to).send_out_of_band(urgent);
    assert_eq!(sent.expect("room"), urgent.len());
    to.write_all(behind).expect("room");
}

#[test]
fn it_is_a_part_of_the_name() {
    let mut server = Running::start(patient());
    for index in 0..EACH {
        let mut client = connect(server.address);
        // Each piece ends within a character, so that none is the end of the name.
        send(&mut client, [b"\xf0\x9f", b"\x8c", b"\x8d"]);
        if index % 2 == 0 {
            client.shutdown(Shutdown::Write).expect("a connection");
        }
        let reply = read_all(&mut client).expect("no reset before the end");
        assert_eq!(reply, greeting("🌍".as_bytes()));
    }
    assert_eq!(server.stop().greeted, EACH as u64);
}

#[test]
fn it_is_a_part_of_its_line() {
    let server = Server::<Lines>::serving(Limits::DEFAULT).bind("127.0.0.1:0");
    let server = server.expect("a server");
    let (address, handle) = (server.local_addr(), server.handle());
    let running = thread::spawn(move || server.run(|_event| {}));
    let mut client = connect(address);
    let mut replies = [0; b"Hello, Ada\nHello, Grace\n".len()];
    for _ in 0..EACH {
        send(&mut client, [b"Ada\nGr", b"a", b"ce\n"]);
        client.read_exact(&mut replies).expect("both replies");
        assert_eq!(&replies, b"Hello, Ada\nHello, Grace\n");
    }
    handle.stop();
    running.join().expect("it doesn't panic").expect("it ran");
}

#[test]
fn it_is_a_part_of_the_reply() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let serving = thread::spawn(move || {
        let (mut server, _) = listener.accept().expect("a client");
        server
            .read_to_end(&mut Vec::new())
            .expect("a name, and FIN");
        send(&mut server, [b"Hello, Wo", b"r", b"ld"]);
    });
    let name = Text::new("World").expect("a name");
    let greeting = Client::new().greet(address, name).expect("a greeting");
    assert_eq!(greeting.to_string(), "Hello, World");
    serving.join().expect("it doesn't panic");
}
