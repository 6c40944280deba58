//! A network interface of Linux, through a packet socket (packet(7)).
//!
//! The system adds to each frame when it came, whether its sums are there, and which VLAN tag it took out
//! of it.

use core::time::Duration;
use std::fs;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use greet_core::time::Instant;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SetSockOpt as _, SockFlag,
    SockProtocol, SockType, bind, recvmsg, send, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeSpec;

use crate::clock::Clock;
use crate::error::{Error, Right};
use crate::frames::{Frames, Seen};

/// All frames of a network interface.
#[derive(Debug)]
pub struct Interface {
    name: String,
    socket: OwnedFd,
    index: usize,
    hardware: [u8; 6],
    mtu: usize,
    clock: Clock,
    /// Room for what the system adds to a frame.
    beside: Vec<u8>,
}

/// What is known of a frame beside it: `struct tpacket_auxdata`.
type Auxiliary = [u8; 20];

const SUMS_NOT_READY: u32 = 1 << 3;
const VLAN_VALID: u32 = 1 << 4;

const ETHERNET: u16 = 1;

/// A frame that this machine sends itself.
const OUTGOING: u8 = 4;

mod options {
    //! Socket options that nix has no type for. Its macro makes one of each; what is unsafe in that is nix's.
    #![allow(missing_docs, reason = "the macro's types are private")]
    #![allow(missing_debug_implementations, reason = "the macro derives it")]

    use nix::{setsockopt_impl, sockopt_impl};

    sockopt_impl!(
        Auxiliary,
        SetOnly,
        libc::SOL_PACKET,
        libc::PACKET_AUXDATA,
        bool
    );
    sockopt_impl!(
        Membership,
        SetOnly,
        libc::SOL_PACKET,
        libc::PACKET_ADD_MEMBERSHIP,
        libc::packet_mreq
    );
}

impl Interface {
    /// Opens the interface of this name, which has to be up.
    ///
    /// It takes the capability `CAP_NET_RAW`.
    ///
    /// # Errors
    ///
    /// [`Error::NoInterface`], [`Error::NoEthernet`], [`Error::NotAllowed`] or [`Error::Open`].
    pub fn open(name: &str) -> Result<Self, Error> {
        let open = |errno: Errno| Error::open(name, Right::RawPackets, errno.into());
        let mut known = getifaddrs().map_err(open)?.filter_map(|known| {
            let link = *known.address?.as_link_addr()?;
            (known.interface_name == name).then_some((link, known.flags))
        });
        let Some((link, flags)) = known.next() else {
            let name = name.to_owned();
            return Err(Error::NoInterface { name });
        };
        let hardware = link.addr().filter(|_| link.hatype() == ETHERNET);
        let Some(hardware) = hardware else {
            let name = name.to_owned();
            return Err(Error::NoEthernet { name });
        };
        if !flags.contains(InterfaceFlags::IFF_UP) {
            return Err(open(Errno::ENETDOWN));
        }
        // Of all protocols from the start: an address of protocol 0 keeps the socket's own.
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::EthAll,
        )
        .map_err(open)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).map_err(open)?;
        options::Auxiliary.set(&socket, &true).map_err(open)?;
        // So that a burst isn't lost here; where it isn't granted, the default must do.
        let _ = setsockopt(&socket, sockopt::RcvBuf, &(4 << 20));
        bind(socket.as_raw_fd(), &link).map_err(open)?;
        let mut interface = Self {
            name: name.to_owned(),
            socket,
            index: link.ifindex(),
            hardware,
            mtu: mtu(name),
            clock: Clock::start(),
            beside: cmsg_space!(TimeSpec, Auxiliary),
        };
        // What came from other interfaces before it was bound to this one.
        let mut room = vec![0; 64];
        while interface.receive(&mut room)?.is_some() {}
        Ok(interface)
    }

    fn broken(&self, errno: Errno) -> Error {
        Error::broken(&self.name, errno.into())
    }
}

impl Frames for Interface {
    fn now(&mut self) -> Instant {
        self.clock.now()
    }

    fn wait(&mut self, until: Instant) -> Result<(), Error> {
        let waited = self.clock.wait(self.socket.as_fd(), until);
        waited.map_err(|cause| Error::broken(&self.name, cause))
    }

    fn send(&mut self, frame: &[u8]) -> Result<bool, Error> {
        match send(self.socket.as_raw_fd(), frame, MsgFlags::MSG_DONTWAIT) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::EINTR) => Ok(false),
            Err(errno) => Err(self.broken(errno)),
        }
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Option<Seen>, Error> {
        loop {
            let descriptor = self.socket.as_raw_fd();
            let mut room = [IoSliceMut::new(into)];
            let received = recvmsg::<LinkAddr>(
                descriptor,
                &mut room,
                Some(&mut self.beside),
                MsgFlags::MSG_DONTWAIT,
            );
            let message = match received {
                Ok(message) => message,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(self.broken(errno)),
            };
            if message
                .address
                .is_some_and(|from| from.pkttype() == OUTGOING || from.ifindex() != self.index)
            {
                continue;
            }
            let mut seen = Seen::new(message.bytes, self.clock.now());
            for beside in message.cmsgs().into_iter().flatten() {
                match beside {
                    ControlMessageOwned::ScmTimestampns(stamp) => {
                        seen.time = self.clock.noted(Duration::from(stamp));
                    }
                    ControlMessageOwned::Unknown(other) => note(&other.data_bytes, &mut seen),
                    _ => {}
                }
            }
            return Ok(Some(seen));
        }
    }

    fn mtu(&self) -> usize {
        self.mtu
    }

    fn name(&self) -> &str {
        &self.name
    }

    /// Until the socket is closed.
    fn listen_for(&mut self, hardware: [u8; 6]) -> Result<(), Error> {
        if hardware == self.hardware {
            return Ok(());
        }
        let is_for_many = hardware.first().is_some_and(|first| first & 1 == 1);
        let kind = if is_for_many {
            libc::PACKET_MR_MULTICAST
        } else {
            libc::PACKET_MR_UNICAST
        };
        let mut address = [0; 8];
        for (place, byte) in address.iter_mut().zip(hardware) {
            *place = byte;
        }
        let membership = libc::packet_mreq {
            mr_ifindex: i32::try_from(self.index).unwrap_or_default(),
            mr_type: u16::try_from(kind).unwrap_or_default(),
            mr_alen: 6,
            mr_address: address,
        };
        options::Membership
            .set(&self.socket, &membership)
            .map_err(|errno| Error::open(&self.name, Right::RawPackets, errno.into()))
    }

    fn hardware(&self) -> Option<[u8; 6]> {
        Some(self.hardware)
    }

    /// Virtual interfaces have no device behind them.
    fn is_physical(&self) -> bool {
        Path::new("/sys/class/net")
            .join(&self.name)
            .join("device")
            .exists()
    }

    fn origin(&self) -> Duration {
        self.clock.origin()
    }
}

/// Reads what the system says beside a frame.
fn note(auxiliary: &[u8], seen: &mut Seen) {
    let Some((status, rest)) = auxiliary.split_first_chunk() else {
        return;
    };
    let status = u32::from_ne_bytes(*status);
    seen.is_unsummed = status & SUMS_NOT_READY != 0;
    // Behind two lengths and two offsets.
    let tag = rest.get(12..).and_then(<[u8]>::first_chunk);
    if let Some(tag) = tag.filter(|_| status & VLAN_VALID != 0) {
        seen.vlan = Some(u16::from_ne_bytes(*tag) & 0x0fff);
    }
}

/// What the system says, or Ethernet's own where it is silent.
fn mtu(name: &str) -> usize {
    const ETHERNET: usize = 1500;
    let said: io::Result<String> = fs::read_to_string(format!("/sys/class/net/{name}/mtu"));
    said.ok()
        .and_then(|said| said.trim().parse().ok())
        .unwrap_or(ETHERNET)
}
