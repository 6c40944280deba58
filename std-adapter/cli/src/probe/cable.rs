//! `--wire` and what belongs to it, as it stands on the command line.

use std::path::PathBuf;

use greet_wire::smoltcp::wire::{EthernetAddress, IpCidr};
use greet_wire::{Impairment, Place};

/// Who is on which cable, and what it does.
#[derive(clap::Args)]
#[command(next_help_heading = "As a host of its own on a cable (Linux)")]
pub struct WireArgs {
    /// Be a second host on this cable, with frames in its own hand: a network interface, `tap:NAME` for a
    /// TAP device, or `unix:OURS,PEER` for two UNIX datagram sockets, as QEMU has them
    ///
    /// Every check can be run then. An interface takes the capability `CAP_NET_RAW`, a TAP device that it is
    /// yours (`sudo ip tuntap add NAME mode tap user $USER`), sockets no right.
    #[arg(long = "wire", value_name = "CABLE", value_parser = clap::value_parser!(Place))]
    pub place: Option<Place>,

    /// The second host's address and its network, such as 192.168.1.99/24: one that nobody has
    /// [default: on a TAP device and between UNIX sockets, one that is free]
    #[arg(long = "wire-ip", value_name = "IP/PREFIX", requires = "place", value_parser = network)]
    pub ip: Option<IpCidr>,

    /// The second host's hardware address, or `own` for the network card's, as Wi-Fi needs it [default:
    /// one of its own]
    #[arg(long = "wire-mac", value_name = "MAC", requires = "place", value_parser = Hardware::parse)]
    pub mac: Option<Hardware>,

    /// Lose and delay frames on the way, both ways: `loss=5%,burst=1%x4,reorder=2%,hold=10ms,
    /// duplicate=1%,corrupt=1%,delay=20ms,jitter=5ms,rate=1M,queue=64k,seed=7`, or some of these
    ///
    /// With the same seed, the same frames of a check are lost.
    #[arg(long, value_name = "WHAT", requires = "place", value_parser = impairment)]
    pub impair: Option<Impairment>,

    /// Wait for what takes its time, minutes in all: for numbers of old connections, fragments and neighbors to
    /// be forgotten
    #[arg(long, requires = "place")]
    pub patient: bool,

    /// Keep what crossed the cable, for each check that didn't pass, in this folder: as a file for
    /// Wireshark, and as a picture
    #[arg(long, value_name = "DIR", requires = "place")]
    pub evidence: Option<PathBuf>,
}

/// A hardware address as it stands on the command line.
#[derive(Clone, Copy, Debug)]
pub enum Hardware {
    /// That of the network card.
    Card,
    This(EthernetAddress),
}

impl Hardware {
    fn parse(typed: &str) -> Result<Self, String> {
        if typed == "own" {
            return Ok(Self::Card);
        }
        let bytes = typed.split([':', '-']).map(|byte| match byte.len() {
            2 => u8::from_str_radix(byte, 16).ok(),
            _ => None,
        });
        let bytes = bytes.collect::<Option<Vec<_>>>();
        match bytes.map(<[u8; 6]>::try_from) {
            // All zeros are no host's: they stand where an address isn't known.
            Some(Ok(bytes)) if EthernetAddress(bytes).is_unicast() && bytes != [0; 6] => {
                Ok(Self::This(EthernetAddress(bytes)))
            }
            _ => {
                Err("write `own`, or one that isn't for many, such as 02:00:00:00:00:07".to_owned())
            }
        }
    }
}

/// A hardware address as most programs write it.
pub fn colons(address: EthernetAddress) -> String {
    address.to_string().replace('-', ":")
}

fn network(typed: &str) -> Result<IpCidr, String> {
    let network: Result<IpCidr, _> = typed.parse();
    network
        .ok()
        .filter(|network| network.address().is_unicast() && is_a_hosts(network))
        .ok_or_else(|| {
            "write an address and the bits of its network, such as 192.168.1.99/24".to_owned()
        })
}

/// Whether it is neither its network's own address nor its broadcast.
fn is_a_hosts(network: &IpCidr) -> bool {
    let IpCidr::Ipv4(network) = network else {
        return true;
    };
    let is_pair = network.prefix_len() > 30; // RFC 3021
    is_pair
        || network.address() != network.network().address()
            && Some(network.address()) != network.broadcast()
}

fn impairment(typed: &str) -> Result<Impairment, String> {
    typed
        .parse()
        .map_err(|error: greet_wire::BadImpairment| error.to_string())
}

impl WireArgs {
    pub fn is_wanted(&self) -> bool {
        self.place.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{Hardware, impairment, network};

    #[test]
    fn a_hardware_address_is_one_hosts() {
        for typed in ["02:00:00:00:00:07", "02-00-00-00-00-07", "own"] {
            assert!(Hardware::parse(typed).is_ok(), "{typed}");
        }
        for typed in [
            "",
            "02:00",
            "03:00:00:00:00:07",
            "2:0:0:0:0:7",
            "00:00:00:00:00:00",
            "x",
        ] {
            let error = Hardware::parse(typed).expect_err(typed);
            assert!(error.contains("02:00:00:00:00:07"), "{error}");
        }
    }

    #[test]
    fn an_address_has_its_network() {
        assert!(network("192.168.1.99/24").is_ok() && network("fd00::99/64").is_ok());
        for typed in [
            "192.168.1.99",
            "192.168.1.99/33",
            "255.255.255.255/8",
            "192.168.1.255/24",
            "192.168.1.0/24",
            "ff02::1/64",
            "",
        ] {
            let error = network(typed).expect_err(typed);
            assert!(error.contains("192.168.1.99/24"), "{error}");
        }
    }

    #[test]
    fn an_impairment_that_is_none_gets_its_sentence() {
        let error = impairment("loss=much").expect_err("no number");
        assert_eq!(error, "loss is a share from 0% to 100%, not `much`");
    }
}
