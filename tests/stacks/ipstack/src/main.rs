//! A greet server and a responder on ipstack, as its users write them: a task for each connection and
//! for each flow of messages. Every address behind the TUN device is the server's.

use std::error::Error;
use std::time::Duration;

use ipstack::{IpStack, IpStackConfig, IpStackStream, TcpConfig, TcpOptions};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

const LIMIT: usize = 1024;
const DEADLINE: Duration = Duration::from_secs(10);
/// How long a name must be quiet that may have come in more than one segment.
const SETTLE: Duration = Duration::from_millis(20);
/// The default MSS: less is one segment.
const SEGMENT: usize = 536;
const MTU: u16 = 1500;

// Its streams block while they are dropped, so there must be another thread.
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let interface = std::env::args().nth(1).ok_or("which interface?")?;
    let mut device = tun::Configuration::default();
    device.tun_name(interface).mtu(MTU);
    let mut tcp = TcpConfig::default();
    tcp.options = Some(vec![TcpOptions::MaximumSegmentSize(MTU - 40)]);
    let mut config = IpStackConfig::default();
    config.mtu(MTU)?.with_tcp_config(tcp);
    let mut stack = IpStack::new(config, tun::create_as_async(&device)?);
    // What is local to a proxy is the client; its peer is whom that one asked.
    loop {
        match stack.accept().await? {
            IpStackStream::Tcp(stream) if stream.peer_addr().port() == 8000 => {
                tokio::spawn(serve(stream));
            }
            IpStackStream::Udp(flow)
                if flow.peer_addr().port() == 8001 && flow.local_addr().port() != 0 =>
            {
                tokio::spawn(respond(flow));
            }
            _ => {}
        }
    }
}

/// One greeting; whatever goes wrong is its client's alone.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let deadline = Instant::now() + DEADLINE;
    let reply = match timeout_at(deadline, name(&mut stream)).await {
        Ok(name) => reply(&name?, "name"),
        Err(_) => format!("Error: no name within {} s\n", DEADLINE.as_secs()).into_bytes(),
    };
    stream.write_all(&reply).await?;
    let _ = timeout(Duration::from_secs(1), close(&mut stream)).await;
    Ok(())
}

/// The name, with one byte more than the limit if it is longer.
async fn name(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut name = vec![0; LIMIT + 1];
    let mut len = 0;
    loop {
        let is_cut = std::str::from_utf8(&name[..len]).is_err_and(|e| e.error_len().is_none());
        let quiet = match len {
            _ if len == 0 || is_cut => Duration::MAX,
            ..SEGMENT => Duration::ZERO,
            _ => SETTLE,
        };
        let read = timeout(quiet, stream.read(&mut name[len..])).await;
        len += match read {
            Ok(Ok(n)) if n > 0 => n,
            Ok(Err(error)) => return Err(error),
            // FIN, or nothing more is waiting.
            Ok(Ok(_)) | Err(_) => break,
        };
        if len > LIMIT {
            break;
        }
    }
    name.truncate(len);
    Ok(name)
}

/// Ends our side, and reads to the end of the other.
///
/// FIN is sent by a `shutdown` that is polled once everything is acknowledged, and no ACK wakes one up. So
/// it is asked again and again, until it says that both sides are closed.
async fn close(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> std::io::Result<()> {
    let (mut scratch, mut left) = ([0; 2048], 65_536_usize);
    let pause = Duration::from_millis(1);
    while left > 0 && timeout(pause, stream.shutdown()).await.is_err() {
        if let Ok(read) = timeout(pause, stream.read(&mut scratch)).await {
            left = left.saturating_sub(read?);
        }
    }
    Ok(())
}

/// Answers the messages of one sender.
async fn respond(mut flow: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut message = vec![0; 65_536];
    loop {
        let len = flow.read(&mut message).await?;
        let message = &message[..len];
        let is_answer = message.starts_with(b"Hello, ") || message.starts_with(b"Error: ");
        // An answer to an answer would go on for ever.
        let reply = reply(message, "message");
        if !(is_answer && reply.starts_with(b"Hello, ")) {
            flow.write_all(&reply).await?;
        }
    }
}

fn reply(text: &[u8], what: &str) -> Vec<u8> {
    match std::str::from_utf8(text) {
        _ if text.len() > LIMIT => format!("Error: {what} is longer than {LIMIT} bytes\n").into(),
        Err(error) => format!(
            "Error: {what} is not UTF-8 at byte {}\n",
            error.valid_up_to()
        )
        .into(),
        Ok(text) => format!("Hello, {text}").into(),
    }
}
