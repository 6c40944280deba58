//! A serial port: how one is named on the command line and opened, and what is said where it can't be.

use std::num::NonZeroU32;
use std::path::Path;

use anyhow::{Error, Result, anyhow};
use clap::ValueEnum;
use serialport::{DataBits, ErrorKind, FlowControl, Parity, SerialPortType, StopBits};

use super::port::Port;
use crate::values::number;

/// A serial line, and how it is set.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Serial line")]
pub struct SerialArgs {
    /// Lines over this serial port instead, such as /dev/ttyUSB0 or COM3
    #[arg(long, value_name = "PORT")]
    pub serial: Option<String>,

    /// Bits in a second
    #[arg(long, value_name = "N", default_value = "115200", requires = "serial", value_parser = number::<NonZeroU32>)]
    pub baud: NonZeroU32,

    /// Data bits; UTF-8 needs 8, and 7 carry ASCII alone
    #[arg(long, value_name = "N", default_value = "8", requires = "serial", value_parser = clap::value_parser!(u8).range(7..=8))]
    pub data_bits: u8,

    /// The parity bit
    #[arg(long, value_name = "KIND", default_value = "none", requires = "serial")]
    pub parity: ParityBit,

    /// Stop bits
    #[arg(long, value_name = "N", default_value = "1", requires = "serial", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub stop_bits: u8,

    /// What keeps a sender waiting: nothing, RTS and CTS, or XON and XOFF
    #[arg(long, value_name = "KIND", default_value = "none", requires = "serial")]
    pub flow_control: Flow,
}

/// A parity bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ParityBit {
    None,
    Even,
    Odd,
}

/// What keeps a sender waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Flow {
    None,
    Hardware,
    Software,
}

impl SerialArgs {
    /// The same as they may be typed.
    pub fn words(&self) -> Vec<String> {
        let Self {
            serial,
            baud,
            data_bits,
            parity,
            stop_bits,
            flow_control,
        } = self;
        let Some(port) = serial else {
            return Vec::new();
        };
        let name = |value: Option<clap::builder::PossibleValue>| {
            value.map_or_else(String::new, |value| value.get_name().to_owned())
        };
        let words = [
            ("--serial", port.clone()),
            ("--baud", baud.to_string()),
            ("--data-bits", data_bits.to_string()),
            ("--parity", name(parity.to_possible_value())),
            ("--stop-bits", stop_bits.to_string()),
            ("--flow-control", name(flow_control.to_possible_value())),
        ];
        let words = words.map(|(option, value)| [option.to_owned(), value]);
        words.into_iter().flatten().collect()
    }

    /// Opens the port, if one was named.
    pub(super) fn open(&self) -> Result<Option<Port>> {
        let Some(name) = &self.serial else {
            return Ok(None);
        };
        let opened = serialport::new(name, self.baud.get())
            .data_bits(match self.data_bits {
                7 => DataBits::Seven,
                _ => DataBits::Eight,
            })
            .parity(match self.parity {
                ParityBit::None => Parity::None,
                ParityBit::Even => Parity::Even,
                ParityBit::Odd => Parity::Odd,
            })
            .stop_bits(match self.stop_bits {
                2 => StopBits::Two,
                _ => StopBits::One,
            })
            .flow_control(match self.flow_control {
                Flow::None => FlowControl::None,
                Flow::Hardware => FlowControl::Hardware,
                Flow::Software => FlowControl::Software,
            })
            .open();
        match opened {
            Ok(inner) => Ok(Some(Port::new(inner, name))),
            Err(error) => Err(unopened(name, &error)),
        }
    }
}

/// Why a port can't be opened, and what to do.
fn unopened(name: &str, error: &serialport::Error) -> Error {
    use std::io::ErrorKind::{NotFound, PermissionDenied};
    match error.kind() {
        ErrorKind::Io(NotFound) => anyhow!("there is no serial port {name} ({})", known()),
        ErrorKind::Io(PermissionDenied) => anyhow!(
            "this user may not use {name} (who is in the group that owns it may, dialout on most systems: \
             `sudo usermod -aG dialout $USER`, and log in again)"
        ),
        // So it says on Unix where somebody else has it; elsewhere, also where there is none.
        ErrorKind::NoDevice if cfg!(unix) => anyhow!(
            "{name} is in use: {error} (is a terminal, a monitor or another greet open on it?)"
        ),
        _ => anyhow!(
            "can't open {name} as a serial port: {error} (is it one? {})",
            known()
        ),
    }
}

/// The ports that this machine has.
fn known() -> String {
    // Without that folder the list ends the program.
    let can_list = !cfg!(target_os = "linux") || Path::new("/sys/class/tty").is_dir();
    let ports = if can_list {
        serialport::available_ports().unwrap_or_default()
    } else {
        Vec::new()
    };
    if ports.is_empty() {
        return "this machine shows none: is the cable in?".to_owned();
    }
    let names = ports.into_iter().map(|port| match port.port_type {
        SerialPortType::UsbPort(usb) => match usb.product {
            Some(product) => format!("{} {product}", port.port_name),
            None => format!("{} on USB", port.port_name),
        },
        _ => port.port_name,
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    format!("this machine has {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use std::io;

    use serialport::{Error, ErrorKind};

    use super::unopened;

    #[test]
    fn each_error_says_what_to_do() {
        for (kind, advice) in [
            (
                ErrorKind::Io(io::ErrorKind::NotFound),
                "there is no serial port /dev/x (this machine ",
            ),
            (ErrorKind::Io(io::ErrorKind::PermissionDenied), "dialout"),
            (ErrorKind::Unknown, "is it one?"),
        ] {
            let error = unopened("/dev/x", &Error::new(kind, "because")).to_string();
            assert!(error.contains(advice), "{error}");
        }
        #[cfg(unix)]
        {
            let error = Error::new(ErrorKind::NoDevice, "Device or resource busy");
            let error = unopened("/dev/x", &error).to_string();
            assert!(error.starts_with("/dev/x is in use: "), "{error}");
        }
    }
}
