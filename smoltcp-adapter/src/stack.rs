//! One smoltcp stack with all that runs on it, driven by a single `poll`.
//!
//! [`Stack`] owns the device and decides how often frames come in, the application runs, and frames
//! go out, until nothing moves. The protocol never enters, and no socket is touched here.

use core::fmt;

use greet_core::time::Instant;
use smoltcp::iface::Config;
use smoltcp::phy::{Device, Medium};
use smoltcp::wire::{HardwareAddress, IpCidr};

use crate::error::SetupError;
use crate::fate::After;
use crate::net::{FRAMES, Net};
use crate::storage::SocketSlots;
use crate::time::{NEVER, instant, moment};

/// So often the application runs in one poll at most, that a flood leaves time for other work.
const ROUNDS: usize = 64;

/// A device and all sockets on it.
///
/// ```
/// use greet_core::limits::Limits;
/// use greet_core::time::Instant;
/// use greet_smoltcp::Server;
/// use greet_smoltcp::loopback::Loopback;
/// use greet_smoltcp::stack::Stack;
/// use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
/// use smoltcp::iface::Config;
/// use smoltcp::phy::Medium;
/// use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
///
/// let mut slots = SocketSlots::<4, 8>::new();
/// let mut places = TcpBuffers::<4, 1025, 1031>::new();
///
/// let device = Loopback::<4, 1500>::new(Medium::Ip);
/// let addresses = [IpCidr::new(IpAddress::v4(127, 0, 0, 1), 8)];
/// let mut stack = Stack::new(device, Config::new(HardwareAddress::Ip), &addresses, &mut slots)?;
/// let listener = stack.net().listen(&mut places, 8000)?;
/// let mut server = Server::<4>::new(Limits::DEFAULT);
///
/// // In a loop, with the time since the program's start:
/// let now = Instant::START;
/// let next = stack.poll(now, |net| server.poll(&mut listener.on(net), now, |_event| ()));
/// assert_eq!(next, Instant::NEVER); // nothing to do until a frame comes
/// # Ok::<(), greet_smoltcp::error::SetupError>(())
/// ```
pub struct Stack<'a, D> {
    device: D,
    net: Net<'a>,
}

impl<'a, D: Device> Stack<'a, D> {
    /// Puts a stack with these addresses on `device`.
    ///
    /// `config` should have a random seed that differs from one boot to the next: sequence numbers
    /// and ports depend on it.
    ///
    /// # Errors
    ///
    /// An address doesn't fit: [`SetupError::HardwareAddress`], [`SetupError::Address`],
    /// [`SetupError::TooManyAddresses`].
    pub fn new<const SOCKETS: usize, const BACKLOG: usize>(
        mut device: D,
        config: Config,
        addresses: &[IpCidr],
        storage: &'a mut SocketSlots<'a, SOCKETS, BACKLOG>,
    ) -> Result<Self, SetupError> {
        if !fits(config.hardware_addr, device.capabilities().medium) {
            return Err(SetupError::HardwareAddress);
        }
        let mut net = Net::new(config, &mut device, storage);
        for address in addresses {
            net.add_address(*address)?;
        }
        Ok(Self { device, net })
    }

    /// Does everything that can be done at `now`, and returns when to call again at the latest.
    ///
    /// Frames come in, `application` runs, frames go out, until nothing moves. `application` polls
    /// whatever uses the sockets (core's server, receiver and clients, or others), and returns when
    /// *it* has to run again at the latest; it may be called several times, or just once.
    ///
    /// Call it again when the device has a frame, too. [`NEVER`](Instant::NEVER): only then.
    /// The time returned is `now` if there was more work than one call may do.
    pub fn poll(
        &mut self,
        now: Instant,
        mut application: impl FnMut(&mut Net<'a>) -> Instant,
    ) -> Instant {
        let Self { device, net } = self;
        let again = now;
        let now = instant(now);
        net.begin(now);
        let mut next = NEVER;
        let mut moved = true;
        let mut stuck = false;
        for _ in 0..ROUNDS {
            let came = net.ingress(device);
            if came > 0 || moved {
                next = instant(application(net));
            }
            moved = net.egress(device) || next <= now || came == FRAMES;
            if net.held() {
                return moment(next.min(net.rest()));
            }
            if moved && !net.closing() {
                continue;
            }
            moved |= net.scan(After::Egress);
            if moved {
                stuck = false;
            } else if net.clients_ready() && !stuck {
                stuck = true; // unless the device takes the answer to one in the next round
            } else {
                return moment(next.min(net.timeout(stuck)));
            }
        }
        again
    }

    /// The sockets, for setting up.
    pub fn net(&mut self) -> &mut Net<'a> {
        &mut self.net
    }

    /// The device.
    pub fn device(&mut self) -> &mut D {
        &mut self.device
    }
}

/// Whether smoltcp takes the hardware address on this medium; it would panic otherwise.
fn fits(address: HardwareAddress, medium: Medium) -> bool {
    match (address, medium) {
        #[cfg(feature = "medium-ethernet")]
        (HardwareAddress::Ethernet(address), Medium::Ethernet) => address.is_unicast(),
        #[cfg(feature = "medium-ip")]
        (HardwareAddress::Ip, Medium::Ip) => true,
        #[allow(unreachable_patterns, reason = "reached when there are more media")]
        _ => false,
    }
}

impl<D> fmt::Debug for Stack<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("net", &self.net)
            .finish_non_exhaustive()
    }
}
