//! A stack as its folder describes it: `stack.toml` says how it is built and started, `known.toml` what
//! is known of it.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::cable::Kind;
use crate::ledger::Ledger;

#[derive(Clone, Debug)]
pub struct Stack {
    pub name: String,
    pub folder: PathBuf,
    pub about: String,
    pub build: Option<String>,
    pub serve: String,
    pub cable: Kind,
    pub needs: Vec<String>,
    /// How many clients it serves at once, which must be found out; `None`: there are more than the
    /// probe tries.
    pub places: Option<u16>,
    pub address: Ipv4Addr,
    pub near: Ipv4Addr,
    pub timeout: String,
    pub breaks_itself: bool,
    pub lines: bool,
    pub ip6: bool,
    pub ledger: Ledger,
}

/// `stack.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// What it is, in a line.
    about: String,
    /// A shell command that builds the server, in its folder; nothing need be built if there is none.
    build: Option<String>,
    /// A shell command that serves until it is killed, in its folder.
    serve: String,
    /// What its server is at the far end of.
    cable: Kind,
    /// The programs that these commands need, beyond a shell and cargo.
    #[serde(default)]
    needs: Vec<String>,
    /// So many clients are served at once.
    places: Option<u16>,
    /// The server's address.
    #[serde(default = "far")]
    address: Ipv4Addr,
    /// The prober's, in the same network of 24 bits.
    #[serde(default = "near")]
    near: Ipv4Addr,
    /// How long an answer may take.
    #[serde(default = "timeout")]
    timeout: String,
    /// Whether the server takes `$BROKEN`, what it is to break of itself.
    #[serde(default)]
    breaks_itself: bool,
    /// Whether it serves lines, at port 8002.
    #[serde(default)]
    lines: bool,
    /// Whether it serves over IPv6 as well, at `$EVERY` address.
    #[serde(default)]
    ip6: bool,
}

fn far() -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, 2)
}

fn near() -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, 1)
}

fn timeout() -> String {
    "5s".to_owned()
}

/// Where the folders are.
pub fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Stack {
    /// All that there are, by name.
    pub fn all() -> Result<Vec<Self>> {
        let common = read(&home().join("known.toml"))?;
        let mut all = Vec::new();
        for entry in home().read_dir().context("can't list the stacks")? {
            let folder = entry.context("can't list the stacks")?.path();
            if folder.join("stack.toml").exists() {
                all.push(Self::at(folder, &common)?);
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    fn at(folder: PathBuf, common: &Ledger) -> Result<Self> {
        let name = folder.file_name().unwrap_or_default();
        let described: Description = read(&folder.join("stack.toml"))?;
        let own: Ledger = read(&folder.join("known.toml"))?;
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            about: described.about,
            build: described.build,
            serve: described.serve,
            cable: described.cable,
            needs: described.needs,
            places: described.places,
            address: described.address,
            near: described.near,
            timeout: described.timeout,
            breaks_itself: described.breaks_itself,
            lines: described.lines,
            ip6: described.ip6,
            ledger: common.with(own),
            folder,
        })
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path);
    text.map_err(anyhow::Error::from)
        .and_then(|text| Ok(toml::from_str(&text)?))
        .with_context(|| format!("can't read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_describes_a_stack_and_what_is_known_of_it() {
        let all = Stack::all().expect("all can be read");
        assert!(all.iter().any(|stack| stack.name == "linux"), "{all:?}");
        for stack in &all {
            assert_ne!(stack.address, stack.near, "{}", stack.name);
            assert!(stack.ledger.is_explained(), "{}", stack.name);
        }
    }
}
