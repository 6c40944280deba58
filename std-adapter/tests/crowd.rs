//! A thousand clients at once, of every kind: each honest one is greeted byte for byte, and the
//! tally has each of the thousand once.

mod common;

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use common::{Running, Seen, connect, deadline, greeting, needs_descriptors, read_all, reset};

const CLIENTS: usize = 1000;

/// What a client does. A hundred of each, and the honest kinds in turn.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Silent,
    Resetting,
    NotUtf8,
    TooLong,
    Quiet,
    Fin,
    Longest,
    Split,
}

impl Kind {
    fn of(index: usize) -> Self {
        match index % 10 {
            0 => Self::Silent,
            1 => Self::Resetting,
            2 if index % 20 < 10 => Self::NotUtf8,
            2 => Self::TooLong,
            3 | 4 => Self::Quiet,
            5 | 6 => Self::Fin,
            7 => Self::Longest,
            _ => Self::Split,
        }
    }
}

#[test]
fn a_thousand_clients_at_once() {
    if !needs_descriptors(4096) {
        return;
    }
    // Long enough for the honest on a busy machine, and the silent end by it.
    let mut server = Running::start(deadline(Duration::from_secs(5)));
    let name = |index: usize| format!("client {index}, 世界").into_bytes();

    // The silent come first, and stay.
    let mut order: Vec<usize> = (0..CLIENTS).collect();
    order.sort_by_key(|index| index % 10);
    let mut clients: Vec<(usize, TcpStream)> = Vec::new();
    for index in order {
        let mut client = connect(server.address);
        let sent = match Kind::of(index) {
            Kind::Silent => Ok(()),
            Kind::Resetting => {
                // Half of them inside a character.
                let sent = client.write_all(if index % 20 < 10 { b"" } else { b"\xe4" });
                reset(client);
                sent.expect("room");
                continue;
            }
            Kind::NotUtf8 => client.write_all(b"abc\xff and more"),
            Kind::TooLong => client.write_all(&[b'a'; 3000]),
            Kind::Quiet => client.write_all(&name(index)),
            Kind::Fin => client
                .write_all(&name(index))
                .and_then(|()| client.shutdown(Shutdown::Write)),
            Kind::Longest => client
                .write_all(&[b'x'; 1024])
                .and_then(|()| client.shutdown(Shutdown::Write)),
            // Inside a character: no quiet ends the name here.
            Kind::Split => client.write_all(b"\xe4\xb8"),
        };
        sent.expect("room");
        clients.push((index, client));
    }
    for (index, client) in &mut clients {
        if let Kind::Split = Kind::of(*index) {
            client.write_all(b"\x96").expect("room");
        }
    }
    clients.reverse(); // the silent are looked at last
    for (index, mut client) in clients {
        let reply = read_all(&mut client).unwrap_or_else(|error| {
            panic!("client {index}, {:?}: {error}", Kind::of(index));
        });
        let expected = match Kind::of(index) {
            Kind::Silent => b"Error: no name within 5 s\n".to_vec(),
            Kind::NotUtf8 => b"Error: name is not UTF-8 at byte 3\n".to_vec(),
            Kind::TooLong => b"Error: name is longer than 1024 bytes\n".to_vec(),
            Kind::Quiet | Kind::Fin => greeting(&name(index)),
            Kind::Longest => greeting(&[b'x'; 1024]),
            Kind::Split => greeting("世".as_bytes()),
            Kind::Resetting => unreachable!("gone"),
        };
        assert!(reply == expected, "client {index}: {:?}", Kind::of(index));
    }

    let tally = server.stop();
    assert_eq!(tally.greeted, 700);
    assert_eq!(tally.late, 100);
    assert_eq!(tally.too_long, 50);
    assert_eq!(tally.not_utf8, 50);
    assert_eq!(tally.abandoned, 100);
    assert_eq!(tally.total(), CLIENTS as u64);
    let reported = server.count(|seen| matches!(seen, Seen::Connected(_)));
    assert_eq!(reported, CLIENTS);
    assert_eq!(server.count(|seen| seen.ended().is_some()), CLIENTS);
}
