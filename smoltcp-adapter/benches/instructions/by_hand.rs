//! The exchange by hand: a server's four places and one client at a time, straight on smoltcp's
//! sockets, with the same rules (UTF-8, at most 1024 bytes, one reply, then FIN).

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::Medium;
use smoltcp::socket::tcp::{self, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::{Device, NAME, REPLY};

const PORT: u16 = 8000;

pub(crate) fn run(greetings: u64) {
    let mut device = Device::new(Medium::Ip);
    let address = IpAddress::v4(127, 0, 0, 1);
    let mut interface =
        Interface::new(Config::new(HardwareAddress::Ip), &mut device, Instant::ZERO);
    interface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(address, 8)).expect("room");
    });

    let mut server_buffers = [([0; 1024], [0; 1031]); 4];
    let mut client_buffers = ([0; 1031], [0; 1024]);
    let mut storage = [const { SocketStorage::EMPTY }; 5];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let mut places = [SocketHandle::default(); 4];
    for (place, (receive, send)) in places.iter_mut().zip(&mut server_buffers) {
        *place = sockets.add(socket(receive, send));
        listen(sockets.get_mut(*place));
    }
    let client = sockets.add(socket(&mut client_buffers.0, &mut client_buffers.1));

    let mut port = 49_152;
    for greeting in 0..greetings {
        let now = Instant::from_micros(greeting.cast_signed());
        port = if port == u16::MAX { 49_152 } else { port + 1 };
        sockets
            .get_mut::<tcp::Socket<'_>>(client)
            .connect(interface.context(), (address, PORT), port)
            .expect("a free socket");
        let mut asked = false;
        let mut reply = [0; 1032];
        let mut received = 0;
        loop {
            interface.poll(now, &mut device, &mut sockets);
            for place in places {
                serve(sockets.get_mut(place));
            }
            let socket = sockets.get_mut::<tcp::Socket<'_>>(client);
            if !asked && socket.can_send() {
                socket.send_slice(NAME.as_bytes()).expect("open");
                socket.close();
                asked = true;
            }
            if socket.can_recv() {
                received += socket.recv_slice(&mut reply[received..]).expect("open");
            }
            if asked && !socket.may_recv() {
                break;
            }
        }
        assert_eq!(&reply[..received], REPLY, "greeting {greeting}");
        // The last acknowledgments.
        interface.poll(now, &mut device, &mut sockets);
        for place in places {
            serve(sockets.get_mut(place));
        }
    }
}

fn socket<'a>(receive: &'a mut [u8], send: &'a mut [u8]) -> tcp::Socket<'a> {
    let mut socket = tcp::Socket::new(
        tcp::SocketBuffer::new(receive),
        tcp::SocketBuffer::new(send),
    );
    socket.set_ack_delay(None);
    socket.set_nagle_enabled(false);
    socket
}

fn listen(socket: &mut tcp::Socket<'_>) {
    socket.listen(PORT).expect("a closed socket");
}

/// One place: takes a name that has come whole, answers, and listens again when all is over.
fn serve(socket: &mut tcp::Socket<'_>) {
    if socket.can_recv() {
        let mut buffer = [0; 7 + 1025];
        buffer[..7].copy_from_slice(b"Hello, ");
        let len = socket.recv_slice(&mut buffer[7..]).expect("open");
        let reply = if len > 1024 {
            &b"Error: name is longer than 1024 bytes\n"[..]
        } else if core::str::from_utf8(&buffer[7..7 + len]).is_err() {
            b"Error: name is not UTF-8\n"
        } else {
            &buffer[..7 + len]
        };
        socket.send_slice(reply).expect("open");
        socket.close();
    } else if matches!(socket.state(), State::Closed | State::TimeWait) {
        listen(socket);
    }
}
