//! What an application keeps between polls: numbers of sockets, and nothing else.
//!
//! [`Net`](crate::net::Net) gives them out. What is done with one is in the room of its view:
//! [`stream`](crate::stream), [`listener`](crate::listener), [`datagrams`](crate::datagrams).

/// A connection between polls.
///
/// It occupies a socket until it is [released](Self::release); merely dropped, it keeps the socket
/// for ever.
#[must_use = "a connection that is dropped keeps its socket: release it"]
#[derive(Debug, PartialEq, Eq)]
pub struct Connection {
    pub(crate) slot: usize,
}

/// The listening sockets of one port; [`Net::listen`](crate::net::Net::listen) makes it.
///
/// Clients who have connected wait in their sockets until they are accepted, in the order in which
/// they came. So sockets beyond the places of a server are its backlog.
#[derive(Debug)]
pub struct Listener {
    /// Its place among the listeners.
    pub(crate) index: usize,
}

/// A bound UDP socket between polls; [`Net::bind`](crate::net::Net::bind) makes it.
#[derive(Debug)]
pub struct Binding {
    pub(crate) slot: usize,
    pub(crate) port: u16,
}

/// The sockets of one call of [`Net::add_clients`](crate::net::Net::add_clients).
#[derive(Debug)]
pub struct Clients {
    pub(crate) first: usize,
    pub(crate) count: usize,
}
