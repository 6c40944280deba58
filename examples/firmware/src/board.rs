//! The board: everything that is not the same on the next one.
//!
//! This one is Arm's MPS2 with the AN385 image (a Cortex-M3 at 25 MHz and a LAN9118), which QEMU
//! emulates as `mps2-an385`. A port replaces this file and `memory.x`; the images use nothing of a
//! board but what is public here. No protocol and no network stack may enter.

#![expect(
    unsafe_code,
    reason = "registers and interrupts; each use says why it is sound"
)]

use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::time::Duration;

use cortex_m::interrupt::{self, InterruptNumber};
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SCB, SYST};
use cortex_m_rt::exception;
use cortex_m_semihosting::debug;
use lan9118::{Lan9118, Mmio};

/// The driver of the network chip, a [`smoltcp::phy::Device`].
pub type Ethernet = Lan9118<Mmio>;

/// The address in a network where nobody gives out addresses, and the length of its prefix: those
/// of QEMU's user network.
pub const ADDRESS: ([u8; 4], u8) = ([10, 0, 2, 15], 24);
/// The way out of that network.
pub const GATEWAY: [u8; 4] = [10, 0, 2, 2];

/// Processor, `SysTick` and `FREE_RUN` all count at 25 MHz.
const TICKS_PER_MICROSECOND: u32 = 25;
/// `SysTick` has 24 bits.
const LONGEST_SLEEP: Duration = Duration::from_millis(600);

const ETHERNET: usize = 0x4020_0000;
const ETHERNET_INTERRUPT: Interrupt = Interrupt(13);
const UART: usize = 0x4000_4000;

/// The board, switched on.
pub struct Board {
    /// The network chip. Borrow it for as long as frames are moved.
    pub ethernet: Ethernet,
    /// The serial line.
    pub uart: Uart,
    systick: SYST,
    /// `FREE_RUN` at the last look, and how often it had counted by then.
    counter: u32,
    ticks: u64,
}

impl Board {
    /// Switches the board on. `None` the second time.
    ///
    /// # Errors
    ///
    /// The network chip doesn't answer as it should.
    pub fn take() -> Option<Result<Self, lan9118::Error>> {
        let mut cortex = cortex_m::Peripherals::take()?;
        let uart = Uart::start();
        // SAFETY: on this board the chip is mapped here, with wait states, and `take` has returned
        // something for the first time, so that there is no other.
        let registers = unsafe { Mmio::new(ETHERNET) };
        // This board's chip has an EEPROM with its address.
        let mut ethernet = match Lan9118::new(registers, None) {
            Ok(ethernet) => ethernet,
            Err(error) => return Some(Err(error)),
        };
        ethernet.enable_interrupts();
        cortex.SYST.set_clock_source(SystClkSource::Core);
        cortex.SYST.enable_interrupt();
        Some(Ok(Self {
            counter: ethernet.free_run(),
            ethernet,
            uart,
            systick: cortex.SYST,
            ticks: 0,
        }))
    }

    /// The time since [`take`](Self::take). Look at it every 171 seconds at least;
    /// [`sleep`](Self::sleep) ends well before that.
    pub fn now(&mut self) -> Duration {
        let counter = self.ethernet.free_run();
        self.ticks += u64::from(counter.wrapping_sub(self.counter));
        self.counter = counter;
        Duration::from_micros(self.ticks / u64::from(TICKS_PER_MICROSECOND))
    }

    /// Forgets the interrupts that have come. Call it before looking at what they may be about:
    /// what happens from here on ends the next [`sleep`](Self::sleep).
    pub fn acknowledge(&mut self) {
        self.ethernet.acknowledge();
        NVIC::unpend(ETHERNET_INTERRUPT);
    }

    /// Stops the processor until a frame comes, until this time at the latest, or earlier for no
    /// reason.
    pub fn sleep(&mut self, until: Option<Duration>) {
        let now = self.now();
        let pause = until
            .map_or(LONGEST_SLEEP, |until| until.saturating_sub(now))
            .min(LONGEST_SLEEP);
        let Ok(micros @ 1..) = u32::try_from(pause.as_micros()) else {
            return;
        };
        self.systick.set_reload(micros * TICKS_PER_MICROSECOND);
        self.systick.clear_current();
        SCB::clear_pendst();
        self.systick.enable_counter();
        // With interrupts disabled, one that is already pending still ends `wfi`: none is slept
        // through, whenever it comes.
        interrupt::disable();
        // SAFETY: no critical section relies on this interrupt being masked.
        unsafe { NVIC::unmask(ETHERNET_INTERRUPT) };
        cortex_m::asm::wfi();
        // SAFETY: they were enabled above; this is not called in a critical section.
        unsafe { interrupt::enable() };
        self.systick.disable_counter();
    }
}

/// An interrupt's number on this chip.
#[derive(Clone, Copy)]
struct Interrupt(u16);

// SAFETY: the number is this interrupt's own, and doesn't change.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self.0
    }
}

/// All interrupts of the chip. They have done their work by ending `wfi`; the loop asks the chip
/// what there is to do. Until then one that stays raised mustn't come again.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    if let Ok(number) = u16::try_from(number) {
        NVIC::mask(Interrupt(number));
    }
}

/// The end of a pause.
#[exception]
fn SysTick() {}

/// The serial line: a CMSDK UART, of which only the transmitter is used.
pub struct Uart(());

impl Uart {
    const DATA: usize = UART;
    const STATE: usize = UART + 0x4;
    const CTRL: usize = UART + 0x8;
    const BAUDDIV: usize = UART + 0x10;
    const FULL: u32 = 1;
    const TRANSMIT: u32 = 1;
    const BAUD: u32 = 115_200;

    fn start() -> Self {
        Self::store(
            Self::BAUDDIV,
            TICKS_PER_MICROSECOND * 1_000_000 / Self::BAUD,
        );
        Self::store(Self::CTRL, Self::TRANSMIT);
        Self(())
    }

    /// Sends a byte, if the transmitter has room for it.
    pub fn send(&mut self, byte: u8) -> bool {
        // SAFETY: one of the registers of this board's first UART; reading it has no effect.
        let full = unsafe { (Self::STATE as *const u32).read_volatile() } & Self::FULL != 0;
        if !full {
            Self::store(Self::DATA, byte.into());
        }
        !full
    }

    fn store(register: usize, value: u32) {
        // SAFETY: called with the registers of this board's first UART alone, which reaches no
        // memory.
        unsafe { (register as *mut u32).write_volatile(value) }
    }
}

/// Waits for the line: for panics and for the time before there is a console.
impl Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            while !self.send(byte) {}
        }
        Ok(())
    }
}

/// Says on the serial line why there is no going on, and ends with a failure: of QEMU, or in the
/// debugger. A board without either would reset here.
pub fn fail(why: impl fmt::Display) -> ! {
    interrupt::disable();
    let _ = write!(Uart::start(), "\r\nERROR {why}\r\n");
    exit(debug::EXIT_FAILURE)
}

/// Ends QEMU: successfully, or not.
pub fn exit(status: debug::ExitStatus) -> ! {
    loop {
        debug::exit(status);
    }
}

#[panic_handler]
fn panicked(panic: &PanicInfo<'_>) -> ! {
    fail(panic)
}
