//! tokio's sockets on loopback, in real time, and a wait that ends as the waker is woken.

use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use greet_async_examples::desktop::{Clock, Messages, Port, Socket};
use greet_contract::{Lack, Peers, Target, World};
use greet_core::asynch::embedded_io_async::ErrorKind;
use greet_core::asynch::{Polled, Timer};
use greet_core::time::Instant;
use socket2::{Domain, Protocol, Type};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::{Builder, EnterGuard, Runtime};

use crate::peers::SocketPeers;

pub(crate) struct TokioWorld {
    port: Port,
    messages: Messages,
    clock: Clock,
    peers: SocketPeers,
    woken: Arc<Woken>,
    waker: Waker,
    /// Calls are made outside of any task; a new socket asks for the runtime that is entered.
    _entered: EnterGuard<'static>,
    runtime: &'static Runtime,
}

/// Whether anything has woken the adapter's side, and who waits for that.
#[derive(Default)]
struct Woken {
    since: AtomicBool,
    waits: Mutex<Option<Waker>>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.since.store(true, Ordering::SeqCst);
        if let Some(waker) = self.waits.lock().expect("nobody panics").take() {
            waker.wake();
        }
    }
}

impl TokioWorld {
    pub(crate) fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime: &'static Runtime = Box::leak(Box::new(runtime.expect("a runtime")));
        let entered = runtime.enter();
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = runtime.block_on(bound).expect("a port");
        let bound = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0));
        let socket = runtime.block_on(bound).expect("a port");
        let tcp = listener.local_addr().expect("it listens");
        let udp = socket.local_addr().expect("it is bound").port();
        let woken = Arc::<Woken>::default();
        Self {
            port: Port::new(listener),
            messages: Messages::new(socket),
            clock: Clock::start(),
            peers: SocketPeers::new(tcp, udp).expect("sockets"),
            waker: Arc::clone(&woken).into(),
            woken,
            _entered: entered,
            runtime,
        }
    }
}

impl World for TokioWorld {
    type Handle = Socket;
    type Listener<'a> = Polled<'a, &'a mut Port>;
    type Datagrams<'a> = Polled<'a, &'a mut Messages>;

    fn now(&mut self) -> Instant {
        self.clock.now()
    }

    /// No more than the wakers say.
    fn wait(&mut self, until: Instant) {
        let woken = &self.woken;
        let news = poll_fn(|context| {
            *woken.waits.lock().expect("nobody panics") = Some(context.waker().clone());
            if woken.since.swap(false, Ordering::SeqCst) {
                return Poll::Ready(());
            }
            Poll::Pending
        });
        let left = until.since(self.clock.now());
        self.runtime
            .block_on(async { _ = tokio::time::timeout(left, news).await });
    }

    fn pass(&mut self, until: Instant) {
        let left = until.since(self.clock.now());
        let little = left.min(Duration::from_millis(1));
        self.runtime.block_on(tokio::time::sleep(little));
    }

    fn listener(&mut self) -> Self::Listener<'_> {
        Polled::new(&mut self.port, &self.waker)
    }

    fn datagrams(&mut self) -> Self::Datagrams<'_> {
        Polled::new(&mut self.messages, &self.waker)
    }

    fn connect(&mut self, to: Target) -> Result<Socket, ErrorKind> {
        let mut address = self.peers.listening();
        if to == Target::Nobody {
            address.set_port(1);
        }
        let kind = |error: std::io::Error| ErrorKind::from(error.kind());
        let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP));
        let socket = socket.map_err(kind)?;
        socket.set_nonblocking(true).map_err(kind)?;
        // It is under way, which is an error here.
        let _ = socket.connect(&address.into());
        let stream = TcpStream::from_std(socket.into()).map_err(kind)?;
        Socket::new(stream).map_err(kind)
    }

    fn places(&self) -> usize {
        3
    }

    fn peers(&mut self) -> &mut dyn Peers {
        &mut self.peers
    }

    fn lacks(&self, what: Lack) -> Option<&'static str> {
        match what {
            Lack::Places => Some("places are the system's"),
            Lack::HalfOpen => Some("handshakes are the system's"),
            Lack::Vanish => Some("there is no cable to cut"),
            Lack::TwoAddresses => Some("tokio doesn't tell which address was asked"),
            _ => None,
        }
    }
}
