//! Every case of the protocol over every transport, each a test of its own.
//!
//! `cargo test -p greet-tests --test conformance` runs them and ends with a table; a name, or a
//! part of one, picks some: `cargo test -p greet-tests --test conformance -- tcp::split`.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::process::ExitCode;

use greet_core::limits::DEFAULT_MSS;
use greet_tests::loopback::OnSmoltcp;
use greet_tests::matrix::Matrix;
use greet_tests::memory::bench::Memory;
use greet_tests::memory::{Cut, Wire};
use greet_tests::runner;
use greet_tests::sockets::{Polled, Sockets};
use greet_tests::vectors::{Case, Piece, Reply, joined};

fn main() -> ExitCode {
    let mut matrix = Matrix::load();
    matrix.transport("memory", Memory::<false>::default);
    matrix.transport("takes-all", Memory::<true>::default);
    matrix.greetings("cut-anywhere", cut_anywhere);
    matrix.greetings("bytewise", bytewise);
    matrix.greetings("narrow", narrow);
    matrix.greetings("segments", segments::<false>);
    matrix.greetings("segments-takes-all", segments::<true>);
    for (name, testbed) in OnSmoltcp::ALL {
        matrix.transport(name, move || testbed);
    }
    matrix.greetings("smoltcp-loopback", |case| {
        let mut testbed = OnSmoltcp::ITS_OWN;
        runner::one(case, &mut testbed)
    });

    matrix.transport("std", || Sockets(Ipv4Addr::LOCALHOST.into()));
    matrix.transport("std-polled", || Polled(Ipv4Addr::LOCALHOST.into()));
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(_) => matrix.transport("std-ipv6", || Sockets(Ipv6Addr::LOCALHOST.into())),
        Err(error) => println!("std-ipv6 is left out: no IPv6 on loopback: {error}"),
    }
    matrix.run()
}

/// One cut at every place in turn, with more waiting behind it: `receive` hands over less than
/// there is, and nothing is quiet. The reply is the same, wherever the cut is.
fn cut_anywhere(case: &Case) -> Result<(), String> {
    for at in 1..joined(&case.send).len() {
        let wire = Wire {
            cut: Cut::At(at),
            ..Wire::default()
        };
        runner::one(case, &mut Memory::<false> { wire })
            .map_err(|e| format!("cut at {at}: {e}"))?;
    }
    Ok(())
}

/// One byte in each call of `receive`, and a reply that leaves whole, or a few bytes at a time.
fn bytewise(case: &Case) -> Result<(), String> {
    for down in [1 << 20, 1, 7] {
        let wire = Wire {
            cut: Cut::Every(1),
            down,
            ..Wire::default()
        };
        runner::one(case, &mut Memory::<false> { wire })
            .map_err(|e| format!("room for {down} bytes: {e}"))?;
    }
    Ok(())
}

/// A reply that leaves in many pieces, as the client has little room for it.
fn narrow(case: &Case) -> Result<(), String> {
    for down in [1, 2, 7, 8, 255, 1030] {
        let wire = Wire {
            down,
            ..Wire::default()
        };
        let failed = |e| format!("room for {down} bytes: {e}");
        runner::one(case, &mut Memory::<false> { wire }).map_err(failed)?;
        runner::one(case, &mut Memory::<true> { wire }).map_err(failed)?;
    }
    Ok(())
}

/// Two segments, cut at every place in turn, and quiet between them. Where the protocol takes the
/// first for a whole name, that is greeted; everywhere else the quiet changes nothing.
fn segments<const TAKES_ALL: bool>(case: &Case) -> Result<(), String> {
    let bytes = joined(&case.send);
    for at in 1..bytes.len() {
        let [first, second] = [&bytes[..at], &bytes[at..]].map(|b| Piece::Hex { hex: b.to_vec() });
        let whole = at < DEFAULT_MSS && str::from_utf8(&bytes[..at]).is_ok();
        let cut = if whole {
            Case {
                reply: Reply::Greeting(vec![first.clone()]),
                send: vec![first],
                fin: false,
                ..case.clone()
            }
        } else {
            Case {
                send: vec![first, second],
                gap_ms: case.gap_ms.max(1),
                ..case.clone()
            }
        };
        runner::one(&cut, &mut Memory::<TAKES_ALL>::default())
            .map_err(|e| format!("segments of {at} and {} bytes: {e}", bytes.len() - at))?;
    }
    Ok(())
}
