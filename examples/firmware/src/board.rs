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

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SCB, SYST};
#[cfg(feature = "handlers")]
use cortex_m_rt::exception;
use cortex_m_semihosting::debug;
use greet_core::time::Instant;
use lan9118::{Buffers, Lan9118, Mmio};
use static_cell::ConstStaticCell;

mod serial;

pub use serial::SerialPort;

/// The driver of the network chip, a [`smoltcp::phy::Device`].
pub type Ethernet = Lan9118<'static, Mmio>;

/// The address in a network where nobody gives out addresses, and the length of its prefix: those
/// of QEMU's user network.
pub const ADDRESS: ([u8; 4], u8) = ([10, 0, 2, 15], 24);
/// The way out of that network.
pub const GATEWAY: [u8; 4] = [10, 0, 2, 2];

/// The TCP and the UDP port.
pub const PORTS: (u16, u16) = (8000, 8001);
/// The TCP port in lines mode.
pub const LINES_PORT: u16 = 8002;

/// Processor, `SysTick` and timer all count at 25 MHz.
const TICKS_PER_MICROSECOND: u32 = 25;
/// `SysTick` has 24 bits.
const LONGEST_SLEEP: Duration = Duration::from_millis(600);

static FRAMES: ConstStaticCell<Buffers> = ConstStaticCell::new(Buffers::new());

const ETHERNET: usize = 0x4020_0000;
const ETHERNET_INTERRUPT: Interrupt = Interrupt(13);
/// The second UART's receiver.
const SERIAL_INTERRUPT: Interrupt = Interrupt(2);

/// The board, switched on.
pub struct Board {
    /// The serial line.
    pub uart: Uart,
    clock: Clock,
    alarm: SYST,
}

impl Board {
    /// Switches the board on. `None` the second time.
    ///
    /// # Errors
    ///
    /// The network chip doesn't answer as it should.
    pub fn take() -> Option<Result<(Self, Ethernet), lan9118::Error>> {
        let cortex = cortex_m::Peripherals::take()?;
        let mut alarm = cortex.SYST;
        alarm.set_clock_source(SystClkSource::Core);
        alarm.enable_interrupt();
        let board = Self {
            uart: Uart::start(),
            clock: Clock::start(),
            alarm,
        };
        // SAFETY: on this board the chip is mapped here, with wait states. `Peripherals::take` has
        // succeeded, and does so once: there is no other.
        let registers = unsafe { Mmio::new(ETHERNET) };
        // The chip's EEPROM has its address.
        Some(
            Lan9118::new(registers, FRAMES.take(), None).map(|mut ethernet| {
                ethernet.enable_interrupts();
                (board, ethernet)
            }),
        )
    }

    /// The time since [`take`](Self::take). Look at it every 171 seconds at least;
    /// [`sleep`](Self::sleep) ends well before that.
    pub fn now(&mut self) -> Instant {
        self.clock.now()
    }

    /// A number that is hard to guess, for sequence numbers and ports. This board has no source of
    /// randomness: how long its parts took to start is all there is.
    pub fn seed(&mut self) -> u64 {
        u64::from(self.clock.counter.read())
    }

    /// Forgets the interrupts that have come. Call it before looking at what they may be about:
    /// what happens from here on ends the next [`sleep`](Self::sleep).
    pub fn acknowledge(&mut self, ethernet: &mut Ethernet) {
        ethernet.acknowledge();
        NVIC::unpend(ETHERNET_INTERRUPT);
    }

    /// Stops the processor until a frame comes, until this time at the latest, or earlier for no
    /// reason.
    #[inline(never)]
    pub fn sleep(&mut self, until: Instant) {
        self.sleep_until(ETHERNET_INTERRUPT, until);
    }

    /// The same until a byte comes on the second UART.
    pub fn sleep_until_byte(&mut self, until: Instant) {
        self.sleep_until(SERIAL_INTERRUPT, until);
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "most images have one of these")]
    fn sleep_until(&mut self, interrupt: Interrupt, until: Instant) {
        if !self.set_alarm(until) {
            return;
        }
        // With interrupts disabled, one that is already pending still ends `wfi`: none is slept
        // through, whenever it comes.
        cortex_m::interrupt::disable();
        // SAFETY: no critical section relies on this interrupt being masked.
        unsafe { NVIC::unmask(interrupt) };
        cortex_m::asm::wfi();
        // SAFETY: they were enabled above; this is not called in a critical section.
        unsafe { cortex_m::interrupt::enable() };
        self.alarm.disable_counter();
    }

    /// Has `SysTick` come at this time, or earlier: it doesn't count far. `false`: it is that late.
    #[inline]
    pub fn set_alarm(&mut self, at: Instant) -> bool {
        let pause = at.since(self.now()).min(LONGEST_SLEEP);
        let Ok(micros @ 1..) = u32::try_from(pause.as_micros()) else {
            return false;
        };
        self.alarm.set_reload(micros * TICKS_PER_MICROSECOND);
        self.alarm.clear_current();
        SCB::clear_pendst();
        self.alarm.enable_counter();
        true
    }
}

/// Lets the network chip's interrupt come again, for those who have an executor to wake.
pub fn expect_frames() {
    NVIC::unpend(ETHERNET_INTERRUPT);
    // SAFETY: no critical section relies on this interrupt being masked.
    unsafe { NVIC::unmask(ETHERNET_INTERRUPT) };
}

/// Has an interrupt not come again before it is let: until the chip was asked what there is to do, it
/// stays raised.
pub fn mask(number: i16) {
    if let Ok(number) = u16::try_from(number) {
        NVIC::mask(Interrupt(number));
    }
}

/// A peripheral's register.
#[derive(Clone, Copy)]
struct Register(*mut u32);

// SAFETY: a register is at the same address from everywhere, and has one owner at a time.
unsafe impl Send for Register {}

impl Register {
    /// # Safety
    ///
    /// It is the address of a register that reaches no memory, and nobody else relies on it.
    const unsafe fn at(address: usize) -> Self {
        Self(core::ptr::with_exposed_provenance_mut(address))
    }

    fn read(self) -> u32 {
        // SAFETY: a register, by the promise made to `at`.
        unsafe { self.0.read_volatile() }
    }

    fn write(self, value: u32) {
        // SAFETY: as above.
        unsafe { self.0.write_volatile(value) }
    }
}

/// The time since boot: the first half of a CMSDK dual timer, counting down for ever.
struct Clock {
    counter: Register,
    last: u32,
    ticks: u64,
}

impl Clock {
    const BASE: usize = 0x4000_2000;
    /// Enabled, 32 bits wide, free-running.
    const RUN: u32 = (1 << 7) | (1 << 1);

    fn start() -> Self {
        // SAFETY: registers of this board's dual timer, which only this type uses.
        let (counter, control) = unsafe {
            (
                Register::at(Self::BASE + 0x4),
                Register::at(Self::BASE + 0x8),
            )
        };
        control.write(Self::RUN);
        Self {
            last: counter.read(),
            counter,
            ticks: 0,
        }
    }

    fn now(&mut self) -> Instant {
        let counter = self.counter.read();
        self.ticks += u64::from(self.last.wrapping_sub(counter));
        self.last = counter;
        Instant::from_micros(self.ticks / u64::from(TICKS_PER_MICROSECOND))
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
/// what there is to do.
#[cfg(feature = "handlers")]
#[exception]
unsafe fn DefaultHandler(number: i16) {
    mask(number);
}

/// The end of a pause.
#[cfg(feature = "handlers")]
#[exception]
fn SysTick() {}

/// The serial line: a CMSDK UART, of which only the transmitter is used.
pub struct Uart {
    byte: Register,
    state: Register,
}

impl Uart {
    const BASE: usize = 0x4000_4000;
    const BAUD: u32 = 115_200;
    /// In its state: the transmitter has no room.
    const FULL: u32 = 1 << 0;
    /// In its control: the transmitter is on.
    const TRANSMIT: u32 = 1 << 0;

    fn start() -> Self {
        Self::at(Self::BASE, Self::TRANSMIT)
    }

    /// One of the board's UARTs, by its address.
    #[inline]
    fn at(base: usize, start: u32) -> Self {
        // SAFETY: registers of a UART of this board. Two values of this type may mix their output,
        // but do no harm.
        let [byte, state, control, divider] = unsafe {
            [
                Register::at(base),
                Register::at(base + 0x4),
                Register::at(base + 0x8),
                Register::at(base + 0x10),
            ]
        };
        divider.write(TICKS_PER_MICROSECOND * 1_000_000 / Self::BAUD);
        control.write(start);
        Self { byte, state }
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.state.read() & Self::FULL == 0
    }

    /// Sends a byte, if the transmitter has room for it.
    pub fn send(&mut self, byte: u8) -> bool {
        let room = self.has_room();
        if room {
            self.byte.write(byte.into());
        }
        room
    }
}

/// Waits for the line: for panics and for the time before there is a console.
impl Write for Uart {
    #[inline(never)]
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
    end(format_args!("\r\nERROR {why}\r\n"))
}

#[inline(never)]
fn end(line: fmt::Arguments<'_>) -> ! {
    cortex_m::interrupt::disable();
    let _ = Uart::start().write_fmt(line);
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
