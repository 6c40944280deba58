//! Makes `cargo test` compile and run the code in the README. Nothing else enters.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
