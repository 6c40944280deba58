//! The driver against a model of the chip: no chip is needed, and every register access is seen.

mod model;

use lan9118::registers::{
    AUTO_NEGOTIATION, BYTE_TEST, FDPX, FULL_10, FULL_100, HALF_10, HALF_100, ID_REV, INT_EN,
    INT_STS, IRQ_CFG, LINK_STATUS, MCPAS, Mac, PHY_INT, PMT_CTRL, Phy, RSFL, RXEN, TDFA, TX_CFG,
    TX_ON, TXEN,
};
use lan9118::{Buffers, Error, Lan9118, Link};
use model::{Chip, EEPROM_ADDRESS};
use smoltcp::phy::{Device, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

fn device(chip: &Chip) -> Lan9118<'static, Chip> {
    start(chip, None).expect("the model behaves")
}

fn start(chip: &Chip, address: Option<[u8; 6]>) -> Result<Lan9118<'static, Chip>, Error> {
    let buffers = Box::leak(Box::new(Buffers::new()));
    Lan9118::new(chip.clone(), buffers, address)
}

fn receive(device: &mut Lan9118<'static, Chip>) -> Option<Vec<u8>> {
    let (frame, _) = device.receive(Instant::ZERO)?;
    Some(frame.consume(<[u8]>::to_vec))
}

fn frame(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + len).to_le_bytes()[0]).collect()
}

#[test]
fn it_starts_the_chip_with_the_address_of_its_eeprom() {
    let chip = Chip::default();
    let device = device(&chip);
    assert_eq!(device.address(), EEPROM_ADDRESS);
    assert_eq!(chip.resets(), 1);
    assert_eq!(chip.mac(Mac::Cr), FDPX | MCPAS | TXEN | RXEN);
    assert_eq!(chip.register(TX_CFG), TX_ON);
    assert_eq!(chip.phy(Phy::Bcr), AUTO_NEGOTIATION);
    assert_eq!(chip.register(INT_EN), 0, "no interrupt before it is wanted");
}

#[test]
fn it_starts_the_chip_with_the_address_that_it_is_given() {
    let chip = Chip::default();
    let address = [2, 0, 0, 0xaa, 0xbb, 0xcc];
    let device = start(&chip, Some(address)).unwrap();
    assert_eq!(device.address(), address);
    assert_eq!(chip.mac(Mac::AddrL), 0xaa00_0002);
    assert_eq!(chip.mac(Mac::AddrH), 0xccbb);
}

#[test]
fn it_says_what_is_wrong_with_the_chip() {
    let fault = |register, value| {
        let chip = Chip::default();
        chip.set(register, value);
        start(&chip, None).err()
    };
    assert_eq!(
        fault(BYTE_TEST, 0x4321_8765),
        Some(Error::NotThere {
            byte_test: 0x4321_8765
        })
    );
    assert_eq!(
        fault(ID_REV, 0x0115_0001),
        Some(Error::OtherChip {
            id_rev: 0x0115_0001
        })
    );
    assert_eq!(fault(PMT_CTRL, 0), Some(Error::NotReady));
}

#[test]
fn frames_of_every_length_come_in_byte_for_byte() {
    let chip = Chip::default();
    let mut device = device(&chip);
    for len in 14..=1514 {
        chip.deliver(&frame(len), 0);
        assert_eq!(receive(&mut device), Some(frame(len)), "{len} bytes");
        assert_eq!(receive(&mut device), None);
    }
    assert_eq!(device.losses().bad, 0);
}

#[test]
fn bad_frames_are_passed_over_as_a_whole() {
    let chip = Chip::default();
    let mut device = device(&chip);
    chip.deliver(&frame(60), 1 << 15); // any error
    chip.deliver(&frame(13), 0); // no whole header
    chip.deliver(&[], 0);
    chip.deliver(&frame(1515), 0);
    chip.deliver(&frame(2047), 0);
    chip.deliver(&frame(61), 0);
    assert_eq!(receive(&mut device), Some(frame(61)));
    assert_eq!(receive(&mut device), None);
    assert_eq!(device.losses().bad, 5);
}

#[test]
fn frames_of_every_length_leave_byte_for_byte() {
    let chip = Chip::default();
    let mut device = device(&chip);
    assert_eq!(device.capabilities().medium, Medium::Ethernet);
    let longest = device.capabilities().max_transmission_unit;
    for len in 1..=longest {
        let token = device.transmit(Instant::ZERO).expect("there is room");
        token.consume(len, |space| space.copy_from_slice(&frame(len)));
        assert_eq!(chip.sent(), [frame(len)], "{len} bytes");
        assert!(
            chip.waiting_statuses() <= 1,
            "the chip stops when nobody reads its statuses"
        );
    }
}

#[test]
fn a_frame_that_the_chip_could_not_send_is_counted() {
    let chip = Chip::default();
    let mut device = device(&chip);
    chip.fail_next_transmission();
    for _ in 0..2 {
        let token = device.transmit(Instant::ZERO).unwrap();
        token.consume(60, |_| ());
    }
    assert_eq!(device.losses().unsent, 1);
}

#[test]
fn without_room_to_send_frames_wait_and_an_interrupt_is_asked_for() {
    let chip = Chip::default();
    let mut device = device(&chip);
    device.enable_interrupts();
    assert_eq!(chip.register(INT_EN), RSFL | PHY_INT);

    chip.deliver(&frame(60), 0);
    chip.leave_room(1525);
    assert!(device.transmit(Instant::ZERO).is_none());
    assert!(receive(&mut device).is_none());
    assert_eq!(chip.register(INT_EN), RSFL | PHY_INT | TDFA);

    chip.leave_room(1526);
    device.acknowledge();
    assert_eq!(chip.register(INT_EN), RSFL | PHY_INT);
    assert_eq!(receive(&mut device), Some(frame(60)));
}

#[test]
fn an_acknowledged_interrupt_falls_and_the_next_frame_raises_it() {
    let chip = Chip::default();
    let mut device = device(&chip);
    device.enable_interrupts();
    assert_eq!(chip.register(IRQ_CFG), 0x111);
    chip.deliver(&frame(60), 0);
    assert!(chip.interrupt());
    device.acknowledge();
    assert!(!chip.interrupt());
    chip.deliver(&frame(60), 0);
    assert!(chip.interrupt(), "though the first is still there");
}

#[test]
fn the_duplex_follows_the_link() {
    let chip = Chip::default();
    let mut device = device(&chip);
    device.enable_interrupts();
    for (partner, expected) in [
        (FULL_100 | HALF_100 | FULL_10 | HALF_10, Link::FullDuplex),
        (HALF_100 | FULL_10, Link::HalfDuplex),
        (FULL_10 | HALF_10, Link::FullDuplex),
        (HALF_10, Link::HalfDuplex),
    ] {
        chip.set_phy(Phy::Anlpar, partner);
        chip.set(INT_STS, PHY_INT);
        device.acknowledge();
        assert_eq!(device.link(), Ok(expected), "{partner:#x}");
        let duplex = chip.mac(Mac::Cr) & FDPX != 0;
        assert_eq!(duplex, expected == Link::FullDuplex, "{partner:#x}");
        assert!(!chip.interrupt());
    }
    chip.set_phy(Phy::Bsr, 0x7809 & !LINK_STATUS);
    assert_eq!(device.link(), Ok(Link::Down));
}

#[test]
fn a_phy_that_hangs_is_no_reason_to() {
    let chip = Chip::default();
    chip.hang_phy();
    assert_eq!(
        start(&chip, None).err(),
        Some(Error::NotReady),
        "and it returns"
    );
}
