//! Receivers of messages that show each on a file: greet's, and one as it is written first.

use std::fs::File;
use std::io::{self, BufWriter, LineWriter, Write};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use greet_core::receiver::Event;
use greet_std::Receiver;

use super::{announce, wait_for_end};

pub(super) fn greet(file: &PathBuf) -> anyhow::Result<()> {
    let receiver = Receiver::bind("127.0.0.1:0")?;
    announce(receiver.local_addr())?;
    let handle = receiver.handle();
    thread::spawn(move || {
        wait_for_end();
        handle.stop();
    });
    let mut out = BufWriter::new(File::create(file)?);
    let mut failed = Ok(());
    receiver.run(|event| {
        if let Event::Message { from, text } = event {
            let shown = writeln!(out, "Received message: {text} from {from}");
            failed = std::mem::replace(&mut failed, Ok(())).and(shown);
        }
    })?;
    failed?;
    out.flush()?;
    Ok(())
}

/// A file behind `LineWriter` is what `println!` has behind it.
pub(super) fn println(file: &PathBuf) -> anyhow::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let address = socket.local_addr()?;
    announce(address)?;
    thread::spawn(move || -> io::Result<()> {
        wait_for_end();
        let wake = UdpSocket::bind("127.0.0.1:0")?;
        loop {
            // An empty message to itself ends it, after all that came before. The socket may be full.
            wake.send_to(&[], address)?;
            thread::sleep(Duration::from_millis(10));
        }
    });
    let mut out = LineWriter::new(File::create(file)?);
    let mut buffer = [0; 1024];
    loop {
        let (len, from) = socket.recv_from(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&buffer[..len]);
        writeln!(out, "Received message: {text} from {from}")?;
    }
}
