//! The command that runs something again, as a shell takes it: one check alone, or all of a soak in its order.

use std::borrow::Cow;
use std::time::Duration;

#[cfg(all(target_os = "linux", feature = "wire"))]
use greet_wire::{Impairment, Own, Place};

#[cfg(all(target_os = "linux", feature = "wire"))]
use super::cable::{Hardware, WireArgs, colons};
use crate::args::ProbeArgs;

/// This program, as it was called.
fn program() -> String {
    let program = std::env::args().next();
    program.unwrap_or_else(|| "greet".to_owned())
}

/// The command of this run with one check, up to that check: with the addresses and the seed that were found
/// meanwhile, and without what only says how a report looks and where it goes. `cable` are the words of
/// [`cable`].
#[cfg(all(target_os = "linux", feature = "wire"))]
pub fn check(args: &ProbeArgs, cable: &[String], chance: u64) -> String {
    joined(&words(program(), args, cable, chance)) + " --only "
}

/// The same with all checks of the run, as a soak has them.
pub fn soak(args: &ProbeArgs, cable: &[String], chance: u64) -> String {
    let mut words = words(program(), args, cable, chance);
    if let Some(time) = args.soak {
        words.extend(["--soak".to_owned(), shown(time)]);
    }
    for only in &args.only {
        words.extend(["--only".to_owned(), only.glob().to_owned()]);
    }
    joined(&words)
}

/// The words that say which cable it is.
#[cfg(all(target_os = "linux", feature = "wire"))]
pub fn cable(args: &ProbeArgs, place: &Place, own: Own, impairment: &Impairment) -> Vec<String> {
    let WireArgs {
        place: _,
        ip,
        mac,
        impair: _,
        patient,
        evidence: _,
    } = &args.wire;
    let mut words = Vec::new();
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    add("--wire", place.to_string());
    add("--wire-ip", own.address.to_string());
    match mac {
        Some(Hardware::Card) => add("--wire-mac", "own".to_owned()),
        Some(Hardware::This(address)) => add("--wire-mac", colons(*address)),
        // It would follow from the address that was typed.
        None if ip.is_none() => add("--wire-mac", colons(own.hardware)),
        None => {}
    }
    if impairment.is_untimely() {
        add("--impair", impairment.to_string());
    }
    if *patient {
        words.push("--patient".to_owned());
    }
    words
}

fn words(program: String, args: &ProbeArgs, cable: &[String], chance: u64) -> Vec<String> {
    // Each is named, so that none is forgotten.
    let ProbeArgs {
        server,
        lines,
        udp,
        clients,
        rounds,
        timeout,
        deadline,
        thorough,
        quick,
        seed: _,
        soak: _,
        strict,
        #[cfg(all(target_os = "linux", feature = "wire"))]
            wire: _,
        only: _,
        brief: _,
        json: _,
        junit: _,
        list: _,
        compare: _,
        #[cfg(feature = "serial")]
        serial,
    } = args;
    let mut words = vec![program, "probe".to_owned()];
    if let Some(server) = server {
        words.push(server.to_string());
    }
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    if let Some(lines) = lines {
        add("--lines", lines.to_string());
    }
    if let Some(udp) = udp {
        add("--udp", udp.to_string());
    }
    words.extend_from_slice(cable);
    #[cfg(feature = "serial")]
    words.extend(serial.words());
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    if let Some(clients) = clients {
        add("--clients", clients.to_string());
    }
    if let Some(rounds) = rounds {
        add("--rounds", rounds.to_string());
    }
    add("--seed", chance.to_string());
    add("--timeout", shown(*timeout));
    add("--deadline", shown(*deadline));
    let flags = [
        (quick, "--quick"),
        (thorough, "--thorough"),
        (strict, "--strict"),
    ];
    let said = flags.into_iter().filter(|(is_said, _)| **is_said);
    words.extend(said.map(|(_, flag)| flag.to_owned()));
    words
}

fn joined(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// As it may be typed.
fn shown(time: Duration) -> String {
    let words = humantime::format_duration(time).to_string();
    words.replace(' ', "")
}

/// A word as a POSIX shell takes it: in single quotes, in which nothing but another one is special. That is
/// all of quoting; a crate for it would be longer than this.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''")).into()
    }
}

#[cfg(all(test, target_os = "linux", feature = "wire"))]
mod tests {
    use std::process::Command;

    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command as Subcommand};

    fn probe(words: &[&str]) -> Box<ProbeArgs> {
        let args = Args::try_parse_from(words).expect("they are right");
        match args.command {
            Subcommand::Probe(args) => args,
            _ => panic!("{words:?}"),
        }
    }

    fn again(args: &ProbeArgs, impairment: &str) -> String {
        let own = Own {
            hardware: "02-00-00-00-00-07".parse().expect("a hardware address"),
            address: "10.0.0.99/24".parse().expect("a network"),
        };
        let place = args.wire.place.as_ref().expect("a cable");
        let impairment = impairment.parse().expect("it is right");
        let words = words(
            "a program/greet".to_owned(),
            args,
            &cable(args, place, own, &impairment),
            11,
        );
        joined(&words) + " --only first/half-close"
    }

    #[test]
    fn a_shell_gives_each_word_as_it_was() {
        for word in [
            "a b",
            "",
            "it's",
            "$HOME",
            "`ls`",
            "[::1]:8000",
            "\\",
            "\"*\"",
            "ä\n",
        ] {
            let script = format!("printf %s {}", quoted(word));
            let output = Command::new("sh").args(["-c", &script]).output();
            let output = output.expect("a shell");
            assert_eq!(String::from_utf8(output.stdout).as_deref(), Ok(word));
        }
        assert_eq!(quoted("loss=5%,seed=7"), "loss=5%,seed=7");
    }

    #[test]
    fn what_a_run_was_asked_is_asked_again() {
        let args = probe(&[
            "greet",
            "probe",
            "--brief",
            "--wire",
            "tap:it's",
            "--impair",
            "loss=5%",
            "--strict",
            "--thorough",
            "--patient",
            "--clients",
            "2",
            "--rounds",
            "9",
            "--timeout",
            "1m30s",
            "--deadline",
            "0s",
            "--only",
            "crowd",
            "--lines",
            "[fe80::1%eth0]:8002",
            "--udp",
            "board:8001",
            "board:8000",
            "--junit",
            "file",
            "--evidence",
            "folder",
        ]);
        let command = again(&args, "loss=5%,seed=7");
        assert_eq!(
            command,
            "'a program/greet' probe board:8000 --lines '[fe80::1%eth0]:8002' --udp board:8001 \
             --wire 'tap:it'\\''s' --wire-ip 10.0.0.99/24 --wire-mac 02:00:00:00:00:07 \
             --impair loss=5%,seed=7 --patient --clients 2 --rounds 9 --seed 11 --timeout 1m30s --deadline 0s --thorough --strict \
             --only first/half-close"
        );
        // It says the same of itself.
        let output = Command::new("sh")
            .args(["-c", &format!("printf '%s\\n' {command}")])
            .output()
            .expect("a shell");
        let text = String::from_utf8(output.stdout).expect("text");
        let words: Vec<_> = text.lines().collect();
        assert_eq!(again(&probe(&words), "loss=5%,seed=7"), command);
    }

    #[test]
    fn a_hardware_address_that_was_typed_stays() {
        for (typed, again_it_is) in [
            (&["--wire-mac", "own"][..], "--wire-mac own"),
            (
                &["--wire-mac", "02-00-00-00-00-08"],
                "--wire-mac 02:00:00:00:00:08",
            ),
            (
                &["--wire-ip", "10.0.0.99/24"],
                "--wire-ip 10.0.0.99/24 --seed",
            ),
        ] {
            let words = [&["greet", "probe", "board:8000", "--wire", "eth0"], typed].concat();
            let command = again(&probe(&words), "seed=7");
            assert!(command.contains(again_it_is), "{command}");
        }
    }
}
