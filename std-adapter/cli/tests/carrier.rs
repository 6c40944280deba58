//! `greet probe --wire` on an interface with nothing at its other end: that is said first.

#![cfg(all(target_os = "linux", feature = "wire"))]

mod process;

use std::process::Command;

use process::{Process, contained, needs};

const GREET: &str = env!("CARGO_BIN_EXE_greet");

#[test]
fn an_interface_without_a_carrier_is_said() {
    if !needs("ip", Command::new("ip").arg("-Version")) {
        return;
    }
    let script = "
        ip tuntap add tap0 mode tap
        ip address add 10.8.0.1/24 dev tap0
        ip link set tap0 up
        exec \"$0\" probe 10.8.0.1 --wire \"$1\" --wire-ip 10.8.0.99/24 --only arp/request";
    let said = |cable| {
        let with = ["--net", "--mount-proc"];
        let mut shell = contained(&with, &["sh", "-ec", script, GREET, cable])?;
        let (_, errors, _) = Process::start(&mut shell).end();
        Some(
            errors
                .iter()
                .any(|line| line.contains("say --wire tap:tap0")),
        )
    };
    if let (Some(of_interface), Some(of_tap)) = (said("tap0"), said("tap:tap0")) {
        assert!(of_interface);
        assert!(!of_tap);
    }
}
