//! Makes `cargo test` compile and run the code in the README, and holds what several examples
//! share: [`kv`], a protocol of their own, and [`moments`].
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod kv;
pub mod moments;
