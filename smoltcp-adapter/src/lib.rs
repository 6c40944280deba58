//! The greet protocol over smoltcp.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "sim")]
extern crate std;

#[cfg(feature = "sim")]
pub mod sim;
