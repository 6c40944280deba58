//! Every error is a sentence that says what to do.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use greet_core::request::RequestError;
use greet_core::text::Text;
use greet_std::{Error, Receiver, Server, send};

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8000))
}

fn os(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

#[test]
fn each_kind_of_error() {
    let address = address();
    let cause = || io::Error::other("It is Sunday");
    for (error, sentence) in [
        (
            Error::Listen {
                address,
                cause: cause(),
            },
            "can't listen on 127.0.0.1:8000: it is Sunday",
        ),
        (
            Error::Resolve { cause: cause() },
            "can't find the address: it is Sunday",
        ),
        (
            Error::NoAddress,
            "the name has no address; check how it is spelt",
        ),
        (
            Error::Setup {
                what: "a server",
                cause: cause(),
            },
            "can't set up a server: it is Sunday",
        ),
        (
            Error::Connect {
                address,
                cause: cause(),
            },
            "can't connect to 127.0.0.1:8000: it is Sunday",
        ),
        (
            Error::Refused {
                address,
                sentence: "name is bad\u{7}".to_owned(),
            },
            "127.0.0.1:8000 refused: name is bad\\u{7}",
        ),
        (
            Error::Request {
                address,
                cause: RequestError::TimedOut,
                reply: b"Hel\x1b".to_vec(),
            },
            "no greeting from 127.0.0.1:8000: no whole reply in time (it sent \"Hel\\u{1b}\")",
        ),
        (
            Error::Send {
                address,
                cause: cause(),
            },
            "can't send to 127.0.0.1:8000: it is Sunday",
        ),
    ] {
        assert_eq!(error.to_string(), sentence);
    }
}

/// What is said beside the system's own words, whatever the system calls it.
#[test]
fn advice_for_what_happens_often() {
    use io::ErrorKind::{
        AddrInUse, AddrNotAvailable, ConnectionRefused, PermissionDenied, TimedOut,
    };
    let address = address();
    let listen = |kind: io::ErrorKind| {
        Error::Listen {
            address,
            cause: kind.into(),
        }
        .to_string()
    };
    let connect = |kind: io::ErrorKind| {
        Error::Connect {
            address,
            cause: kind.into(),
        }
        .to_string()
    };
    for (sentence, advice) in [
        (
            listen(AddrInUse),
            "(is another server running? Choose another port, or port 0 for a free one)",
        ),
        (
            listen(AddrNotAvailable),
            "(this machine has no such address)",
        ),
        (
            listen(PermissionDenied),
            "(does the system, a sandbox or a policy keep this port?)",
        ),
        (
            Error::Listen {
                address: SocketAddr::new(address.ip(), 1023),
                cause: PermissionDenied.into(),
            }
            .to_string(),
            "(ports below 1024 are for the administrator)",
        ),
        (connect(ConnectionRefused), "(is a server running there?)"),
        (
            connect(TimedOut),
            "(is the machine up, and no firewall between?)",
        ),
    ] {
        assert!(sentence.ends_with(advice), "{sentence}");
    }
}

#[test]
fn the_systems_number_is_left_out() {
    let error = Error::Connect {
        address: address(),
        cause: os(111),
    };
    assert!(!error.to_string().contains("os error"), "{error}");
}

#[test]
fn an_address_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound");
    let error = Server::bind(address).expect_err("it is taken");
    let start = format!("can't listen on {address}: ");
    assert!(error.to_string().starts_with(&start), "{error}");
    assert!(
        error.to_string().contains("is another server running?"),
        "{error}"
    );

    let taken = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound");
    let error = Receiver::bind(address).expect_err("it is taken");
    assert!(
        error.to_string().contains("is another server running?"),
        "{error}"
    );
}

#[test]
fn an_address_that_is_none() {
    let error = Server::bind("127.0.0.1").expect_err("no port");
    assert_eq!(
        error.to_string(),
        "can't find the address: invalid socket address \
         (it is HOST:PORT, such as 127.0.0.1:8000, localhost:8000 or [::1]:8000)"
    );
    let error = Server::bind(&[][..]).expect_err("no address");
    assert!(matches!(error, Error::NoAddress));
    let error = send("nowhere", Text::default()).expect_err("no port");
    assert!(matches!(error, Error::Resolve { .. }), "{error}");
}

/// The first that the system grants is taken.
#[test]
fn a_server_listens_on_the_first_free_address() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken
        .local_addr()
        .map(|address| (address, taken))
        .expect("it is bound");
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(&[taken.0, free][..]).expect("the second is free");
    assert_ne!(server.local_addr(), taken.0);
}
