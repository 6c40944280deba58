#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod checksum;
pub mod host;
pub mod queue;
pub mod segment;
pub mod time;
