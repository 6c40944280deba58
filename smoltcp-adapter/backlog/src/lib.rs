#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

#[cfg(not(any(feature = "ipv4", feature = "ipv6")))]
compile_error!("without the features `ipv4` and `ipv6` there is no SYN to keep: turn one on");

mod checksum;
pub mod host;
pub mod queue;
pub mod segment;
pub mod time;
