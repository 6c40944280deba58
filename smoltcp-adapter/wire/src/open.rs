//! Which cable, as a word of the command line: `eth0`, `tap:tap0`, `unix:ours.sock,peer.sock`.

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

use crate::error::Error;
use crate::frames::Frames;

/// A cable that isn't open yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A network interface of Linux.
    Interface(String),
    /// A TAP device of Linux.
    Tap(String),
    /// A pair of UNIX datagram sockets: ours, and the peer's.
    Datagrams(PathBuf, PathBuf),
}

impl Place {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// Why it can't be opened; on another system than it is made for, too.
    pub fn open(&self) -> Result<Box<dyn Frames>, Error> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Interface(name) => Ok(Box::new(crate::Interface::open(name)?)),
            #[cfg(target_os = "linux")]
            Self::Tap(name) => Ok(Box::new(crate::Tap::open(name)?)),
            #[cfg(unix)]
            Self::Datagrams(ours, peer) => Ok(Box::new(crate::Datagrams::bind(ours, peer)?)),
            #[allow(unreachable_patterns, reason = "reached on other systems")]
            other => Err(Error::Open {
                name: other.to_string(),
                cause: std::io::ErrorKind::Unsupported.into(),
            }),
        }
    }

    /// Whether nobody is on it but the server: an address can be chosen there without asking anybody.
    pub fn has_two_ends(&self) -> bool {
        !matches!(self, Self::Interface(_))
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("tap", name)) if !name.is_empty() => Ok(Self::Tap(name.to_owned())),
            Some(("unix", paths)) => match paths.split_once(',') {
                Some((ours, peer)) if !ours.is_empty() && !peer.is_empty() => {
                    Ok(Self::Datagrams(ours.into(), peer.into()))
                }
                _ => Err("write two paths, such as unix:ours.sock,peer.sock".to_owned()),
            },
            None if !text.is_empty() => Ok(Self::Interface(text.to_owned())),
            _ => Err("write an interface, tap:NAME, or unix:OURS,PEER".to_owned()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(name) => f.write_str(name),
            Self::Tap(name) => write!(f, "tap:{name}"),
            Self::Datagrams(ours, peer) => write!(f, "unix:{},{}", ours.display(), peer.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_names_a_cable() {
        for word in ["eth0", "tap:tap0", "unix:a.sock,b.sock"] {
            let place: Place = word.parse().expect(word);
            assert_eq!(place.to_string(), word);
        }
        for word in ["", "tap:", "unix:a", "unix:a,", "unix:,b", "udp:1"] {
            let error = word.parse::<Place>().expect_err(word);
            assert!(error.starts_with("write "), "{error}");
        }
    }
}
