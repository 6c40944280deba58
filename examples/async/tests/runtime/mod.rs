//! tokio for a test: one thread, half a minute at most, and sockets of this machine.

#![allow(dead_code, reason = "each test uses what it needs")]

use std::net::SocketAddr;
use std::time::Duration;

use greet_async_examples::desktop::Socket;
use tokio::net::TcpListener;

pub(crate) const ANY: &str = "127.0.0.1:0";
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// Runs a future on one thread; nothing here takes long.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let done = tokio::time::timeout(LONG, future).await;
        done.expect("not within half a minute")
    })
}

/// A listener, and its address.
pub(crate) async fn listening() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(ANY).await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

/// A client that knows nothing of all this, and the server's side of its connection.
pub(crate) async fn connected() -> (std::net::TcpStream, Socket) {
    let (listener, address) = listening().await;
    let client = std::net::TcpStream::connect(address).expect("a server");
    let (stream, _) = listener.accept().await.expect("a client");
    (client, Socket::new(stream).expect("a socket"))
}
