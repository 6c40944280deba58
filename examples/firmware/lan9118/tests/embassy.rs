//! The chip as embassy-net's driver, against the model: frames come and go, and who waits is woken.

#![cfg(feature = "embassy")]

mod model;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Wake, Waker};

use embassy_net_driver::{Driver, HardwareAddress, RxToken, TxToken};
use embassy_sync::waitqueue::AtomicWaker;
use lan9118::{Buffers, Card, Lan9118};
use model::{Chip, EEPROM_ADDRESS};

/// How often a task was woken.
#[derive(Default)]
struct Task(AtomicU32);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn card(chip: &Chip, waker: &'static AtomicWaker) -> Card<'static, Chip> {
    let buffers = Box::leak(Box::new(Buffers::new()));
    let mut device = Lan9118::new(chip.clone(), buffers, None).expect("the model behaves");
    device.enable_interrupts();
    Card::new(device, waker, || ())
}

fn receive(card: &mut Card<'static, Chip>, context: &mut Context<'_>) -> Option<Vec<u8>> {
    let (frame, _) = card.receive(context)?;
    Some(frame.consume(|frame| frame.to_vec()))
}

#[test]
fn who_waits_for_a_frame_is_woken_by_the_next() {
    static WAKER: AtomicWaker = AtomicWaker::new();
    let chip = Chip::default();
    let mut card = card(&chip, &WAKER);
    let task = Arc::new(Task::default());
    let waker = Waker::from(Arc::clone(&task));
    let mut context = Context::from_waker(&waker);
    assert_eq!(
        card.hardware_address(),
        HardwareAddress::Ethernet(EEPROM_ADDRESS)
    );

    chip.deliver(&[1; 60], 0);
    chip.deliver(&[2; 60], 0);
    assert_eq!(receive(&mut card, &mut context), Some(vec![1; 60]));
    assert_eq!(receive(&mut card, &mut context), Some(vec![2; 60]));
    assert_eq!(receive(&mut card, &mut context), None);
    assert!(!chip.interrupt(), "nothing is left that would raise it");

    chip.deliver(&[3; 60], 0);
    assert!(chip.interrupt());
    WAKER.wake(); // as the board's handler does
    assert_eq!(task.0.load(Ordering::Relaxed), 1);
    assert_eq!(receive(&mut card, &mut context), Some(vec![3; 60]));
}

#[test]
fn frames_leave_and_who_waits_for_room_is_woken() {
    static WAKER: AtomicWaker = AtomicWaker::new();
    let chip = Chip::default();
    let mut card = card(&chip, &WAKER);
    let task = Arc::new(Task::default());
    let waker = Waker::from(Arc::clone(&task));
    let mut context = Context::from_waker(&waker);
    let token = card.transmit(&mut context).expect("room");
    token.consume(60, |space| space.fill(7));
    assert_eq!(chip.sent(), [vec![7; 60]]);

    chip.leave_room(1525);
    assert!(card.transmit(&mut context).is_none());
    WAKER.wake();
    assert_eq!(task.0.load(Ordering::Relaxed), 1);
    chip.leave_room(1526);
    assert!(card.transmit(&mut context).is_some());
}
