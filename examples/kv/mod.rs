//! A protocol that isn't greeting: a key-value store for many clients, over TCP.
//!
//! A client sends lines, as many as it likes without waiting, and gets a line for each, in order:
//!
//! | request | reply |
//! |---|---|
//! | `SET key value` | `OK` |
//! | `GET key` | `= value`, or `NONE` |
//! | `DEL key` | `OK`, or `NONE` |
//! | anything else | `ERROR`, and why |
//!
//! A line has 128 bytes at most, its line feed included. Bytes after the last line feed are no
//! request, as some may be missing. The connection ends with the client's FIN, or once it has asked
//! nothing and taken no reply for a minute.

//!
//! | file | what lives there |
//! |---|---|
//! | [`session`] | the server's side, a machine and a service |
//! | [`batch`] | the client's side, a machine |
//! | [`store`] | what all clients share, and what a line asks of it |
//! | [`over`] | the same machines over sockets, over a loopback, and across a simulated network |

pub mod batch;
pub mod over;
pub mod session;
pub mod store;
