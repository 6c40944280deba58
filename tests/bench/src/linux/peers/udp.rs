//! A receiver of messages as it is written first: a default socket, and `println!` for each.

use std::io;
use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use super::{announce, wait_for_end};

pub(super) fn println() -> anyhow::Result<()> {
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
    let mut buffer = [0; 1024];
    loop {
        let (len, from) = socket.recv_from(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&buffer[..len]);
        println!("Received message: {text} from {from}");
    }
}
