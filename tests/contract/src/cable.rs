//! A cable in memory, for two stacks that send frames or packets: no stack's types.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// One end of a cable.
#[derive(Clone, Debug)]
pub struct CableEnd {
    comes: Queue,
    goes: Queue,
    is_cut: Rc<Cell<bool>>,
}

type Queue = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// A cable, by its two ends. What one end sends, the other can receive at once.
pub fn cable() -> (CableEnd, CableEnd) {
    let (there, back) = (Queue::default(), Queue::default());
    let is_cut = Rc::default();
    let end = |comes: &Queue, goes: &Queue| CableEnd {
        comes: Rc::clone(comes),
        goes: Rc::clone(goes),
        is_cut: Rc::clone(&is_cut),
    };
    (end(&back, &there), end(&there, &back))
}

impl CableEnd {
    /// Sends a frame; over a cable that is cut, nowhere.
    pub fn send(&self, frame: Vec<u8>) {
        if !self.is_cut.get() {
            self.goes.borrow_mut().push_back(frame);
        }
    }

    /// Takes the next frame.
    pub fn receive(&self) -> Option<Vec<u8>> {
        self.comes.borrow_mut().pop_front()
    }

    /// Puts a frame that was received behind those that wait.
    pub fn push_back(&self, frame: Vec<u8>) {
        self.comes.borrow_mut().push_back(frame);
    }

    /// How many frames wait to be received.
    pub fn waiting(&self) -> usize {
        self.comes.borrow().len()
    }

    /// Cuts the cable, or mends it. What is on it arrives.
    pub fn set_cut(&self, cut: bool) {
        self.is_cut.set(cut);
    }
}
