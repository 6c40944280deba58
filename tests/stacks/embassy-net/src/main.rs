//! A greet server and a responder on embassy-net, as its users write them: a task with a socket for each
//! client, and no heap but the executor's and the TAP device's.

use std::net::Ipv4Addr;

use embassy_executor::{Executor, Spawner};
use embassy_net::tcp::{Error, State, TcpSocket};
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{Config, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_net_tuntap::TunTapDevice;
use embassy_time::{Duration, Instant, with_deadline, with_timeout};
use embedded_io_async::Write;
use static_cell::StaticCell;

/// One listens for each of 8 clients, and for those who come while another's last segments are still on
/// their way: whoever finds none that listens is reset.
const SOCKETS: usize = 12;
const LIMIT: usize = 1024;
const GREETING: &[u8] = b"Hello, ";
const DEADLINE: Duration = Duration::from_secs(10);
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a name must be quiet that may have come in more than one segment.
const SETTLE: Duration = Duration::from_millis(20);
/// The default MSS: less is one segment.
const SEGMENT: usize = 536;

type Reply = heapless::Vec<u8, { GREETING.len() + LIMIT }>;

fn main() {
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    EXECUTOR.init(Executor::new()).run(start);
}

fn start(spawner: Spawner) {
    static RESOURCES: StaticCell<StackResources<{ SOCKETS + 1 }>> = StaticCell::new();
    let mut arguments = std::env::args().skip(1);
    let interface = arguments.next().expect("which interface?");
    let address: Ipv4Addr = arguments
        .next()
        .and_then(|a| a.parse().ok())
        .expect("which address?");
    let device = TunTapDevice::new(&interface).expect("a TAP device");
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(address, 24),
        gateway: None,
        dns_servers: heapless::Vec::new(),
    });
    let seed = u64::from(std::process::id());
    let (stack, runner) =
        embassy_net::new(device, config, RESOURCES.init(StackResources::new()), seed);
    spawner.spawn(run(runner).expect("one of them"));
    spawner.spawn(respond(stack).expect("one of them"));
    for _ in 0..SOCKETS {
        spawner.spawn(serve(stack).expect("as many as there may be"));
    }
}

#[embassy_executor::task]
async fn run(mut runner: Runner<'static, TunTapDevice>) -> ! {
    runner.run().await
}

#[embassy_executor::task(pool_size = SOCKETS)]
async fn serve(stack: Stack<'static>) -> ! {
    // Linux sends segments of up to half the window: with less room it cuts a name below 536 bytes.
    let (mut received, mut sent) = ([0; 2 * LIMIT], [0; GREETING.len() + LIMIT]);
    let mut socket = TcpSocket::new(stack, &mut received, &mut sent);
    socket.set_nagle_enabled(false);
    loop {
        // A handshake that nobody completes gives its socket back, and so does a client who has vanished.
        socket.set_timeout(Some(HANDSHAKE));
        if socket.accept(8000).await.is_ok() {
            socket.set_timeout(Some(DEADLINE * 2));
            // Whatever goes wrong is this client's alone.
            let _ = greet(&mut socket).await;
        }
        // Who has said goodbye needs no RST. A socket in TIME-WAIT can listen again.
        if !matches!(socket.state(), State::TimeWait | State::Closed) {
            socket.abort();
            let _ = socket.flush().await;
        }
    }
}

async fn greet(socket: &mut TcpSocket<'_>) -> Result<(), Error> {
    let deadline = Instant::now() + DEADLINE;
    let mut name = [0; LIMIT + 1];
    let reply = match with_deadline(deadline, read_name(socket, &mut name)).await {
        Ok(len) => reply(&name[..len?], "name"),
        Err(_) => sentence(format_args!(
            "Error: no name within {} s\n",
            DEADLINE.as_secs()
        )),
    };
    socket.write_all(&reply).await?;
    socket.close();
    // The reply must arrive, and FIN: a socket that is used again forgets both. Closing with unread bytes
    // would reset the connection, and the reply with it.
    let _ = with_timeout(Duration::from_secs(1), drain(socket)).await;
    with_deadline(Instant::now() + DEADLINE, socket.flush())
        .await
        .unwrap_or(Ok(()))
}

/// How many bytes the name has; one more than the limit if it is longer.
async fn read_name(socket: &mut TcpSocket<'_>, name: &mut [u8; LIMIT + 1]) -> Result<usize, Error> {
    let mut len = 0;
    loop {
        let is_cut = std::str::from_utf8(&name[..len]).is_err_and(|e| e.error_len().is_none());
        if len > 0 && !is_cut && !socket.can_recv() && socket.may_recv() {
            if len < SEGMENT {
                return Ok(len);
            }
            let more = socket.wait_read_ready();
            if with_timeout(SETTLE, more).await.is_err() {
                return Ok(len);
            }
        }
        match socket.read(&mut name[len..]).await? {
            0 => return Ok(len), // FIN
            n => len += n,
        }
        if len > LIMIT {
            return Ok(len);
        }
    }
}

async fn drain(socket: &mut TcpSocket<'_>) -> Result<(), Error> {
    let (mut scratch, mut left) = ([0; 256], 65_536_usize);
    while left > 0 {
        match socket.read(&mut scratch).await? {
            0 => break,
            n => left = left.saturating_sub(n),
        }
    }
    Ok(())
}

#[embassy_executor::task]
async fn respond(stack: Stack<'static>) -> ! {
    let (mut received, mut sent) = ([0; 16_384], [0; 4096]);
    let (mut waiting, mut leaving) = ([PacketMetadata::EMPTY; 64], [PacketMetadata::EMPTY; 16]);
    let mut socket = UdpSocket::new(stack, &mut waiting, &mut received, &mut leaving, &mut sent);
    socket.bind(8001).expect("a free port");
    let mut message = [0; 8192];
    loop {
        let Ok((len, from)) = socket.recv_from(&mut message).await else {
            continue; // longer than any message
        };
        let message = &message[..len];
        let is_answer = message.starts_with(GREETING) || message.starts_with(b"Error: ");
        let reply = reply(message, "message");
        // An answer to an answer would go on for ever.
        if from.endpoint.port != 0 && !(is_answer && reply.starts_with(GREETING)) {
            let _ = socket.send_to(&reply, from).await;
        }
    }
}

fn reply(text: &[u8], what: &str) -> Reply {
    match std::str::from_utf8(text) {
        _ if text.len() > LIMIT => {
            sentence(format_args!("Error: {what} is longer than {LIMIT} bytes\n"))
        }
        Err(error) => sentence(format_args!(
            "Error: {what} is not UTF-8 at byte {}\n",
            error.valid_up_to()
        )),
        Ok(_) => [GREETING, text]
            .iter()
            .flat_map(|part| part.iter().copied())
            .collect(),
    }
}

fn sentence(words: core::fmt::Arguments<'_>) -> Reply {
    let mut reply = Reply::new();
    let _ = core::fmt::Write::write_fmt(&mut reply, words); // it fits
    reply
}
