//! Addresses on the command line, for every command alike: what is none is refused with a sentence,
//! and of a host with several addresses each is tried (rows 11 and 16 of what real use broke).

mod process;

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::Command;

use greet_std::core::text::Text;
use greet_std::send;
use process::{PATIENCE, Process};

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// What it said on stderr, and its exit status.
fn greet(arguments: &[&str]) -> (Vec<String>, Option<i32>) {
    let (_, errors, status) = Process::start(Command::new(GREET).args(arguments)).end();
    (errors, status.code())
}

/// Where nobody listens: a socket that takes messages of one peer alone, so that nobody else gets its port.
fn nobody() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.connect("127.0.0.1:1").expect("an address");
    socket
}

fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("it is bound")
}

#[test]
fn row_11_a_message_goes_to_the_first_address_that_does_not_refuse_it() {
    let receiver = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    receiver.set_read_timeout(Some(PATIENCE)).expect("a bound");
    let here = receiver.local_addr().expect("it is bound");
    let message = Text::new("Hello, UDP!").expect("a text");
    let nobody = nobody();
    let taken = send(&[address(&nobody), here][..], message).expect("the second listens");
    assert_eq!(taken, here);
    let len = receiver.recv(&mut [0; 64]).expect("the message");
    assert_eq!(len, 11);
}

/// Linux says at once that a port of this machine is closed.
#[cfg(target_os = "linux")]
#[test]
fn row_11_a_message_that_nobody_takes_is_an_error() {
    let nobody = nobody();
    let error = send(address(&nobody), Text::default()).expect_err("nobody is there");
    assert!(matches!(error, greet_std::Error::Send { .. }), "{error:?}");
    let (errors, status) = greet(&["send", "--to", &address(&nobody).to_string()]);
    assert_eq!(status, Some(1));
    assert!(
        errors[0].contains("is a receiver running there?"),
        "{errors:?}"
    );
}

/// A host that is both 127.0.0.1 and 127.0.0.2, with a server at one of them: whichever the system
/// names first, one of the two runs needs the second.
#[cfg(target_os = "linux")] // its namespaces, and all of 127.0.0.0/8
#[test]
fn row_11_every_command_tries_every_address() {
    let mounts = ["-rm", "mount", "--bind", "/etc/hosts", "/etc/hosts"];
    if !process::needs("unshare", Command::new("unshare").args(mounts)) {
        return;
    }
    let hosts = std::env::temp_dir().join(format!("greet-hosts-{}", std::process::id()));
    std::fs::write(&hosts, "127.0.0.1 both\n127.0.0.2 both\n").expect("a folder for it");
    let resolves = format!("mount --bind {} /etc/hosts && exec \"$@\"", hosts.display());
    for ip in ["127.0.0.1", "127.0.0.2"] {
        let server = Process::start(Command::new(GREET).args([
            "serve",
            &format!("--tcp={ip}:0"),
            &format!("--udp={ip}:0"),
            "--reply",
            "--quiet",
        ]));
        let tcp = format!("both:{}", server.tcp_port());
        let udp = format!("both:{}", server.udp_port());
        for (arguments, taken) in [
            (&["hello", "--to", &tcp][..], &tcp),
            (&["send", "--to", &udp], &udp),
            (
                &[
                    "probe",
                    &tcp,
                    "--udp",
                    &udp,
                    "--only=tcp/world",
                    "--only=udp/ada",
                ],
                &udp,
            ),
            (&["bench", &tcp, "-n3"], &tcp),
            (&["bench", &udp, "--udp", "-n3"], &udp),
        ] {
            let mut command = Command::new("unshare");
            command.args(["-rm", "sh", "-c", &resolves, "sh", GREET]);
            let (lines, errors, status) = Process::start(command.args(arguments)).end();
            assert!(status.success(), "{arguments:?}: {lines:?} {errors:?}");
            let said = format!("greet: {taken} is {}", taken.replace("both", ip));
            assert!(errors.contains(&said), "{arguments:?}: {errors:?}");
        }
    }
    std::fs::remove_file(&hosts).expect("it is ours");
}

#[cfg(target_os = "linux")] // whose loopback is `lo`
#[test]
fn row_11_a_zone_may_be_the_name_of_an_interface() {
    let (errors, status) = greet(&["hello", "--to", "[fe80::1%nowhere]:8000"]);
    assert_eq!(status, Some(1));
    assert!(errors[0].contains("has no interface nowhere"), "{errors:?}");
    // Whether an IPv6 address of loopback is there or not, the name is one.
    let (errors, _) = greet(&["hello", "--to", "[::1%lo]:9", "--timeout=1s"]);
    assert!(errors[0].contains("can't connect to [::1"), "{errors:?}");
}

#[test]
fn row_16_what_is_no_address_is_quoted_and_exits_with_2() {
    for (address, sentence) in [
        ("127.0.0.1", "it has no port"),
        (":8000", "0.0.0.0:8000 for all its addresses"),
        ("localhost:http", "a number up to 65535"),
        ("127.0.0.1:65536", "a number up to 65535"),
        ("::1:8000", "stands in brackets, such as [::1]:8000"),
        ("[fe80::1%]:8000", "no address of IPv6 in the brackets"),
    ] {
        for command in [
            &["serve", "--tcp", address][..],
            &["serve", "--udp", address],
            &["hello", "--to", address],
            &["send", "--to", address],
            &["probe", address],
            &["probe", "--udp", address],
            &["bench", address],
        ] {
            let (errors, status) = greet(command);
            assert_eq!(status, Some(2), "{command:?}: {errors:?}");
            assert!(errors[0].contains(&format!("'{address}'")), "{errors:?}");
            assert!(errors[0].contains(sentence), "{errors:?}");
        }
    }
    for command in [&["hello", "--to"], &["send", "--to"], &["probe", "--udp"]] {
        let (errors, status) = greet(&[&command[..], &["127.0.0.1:0"]].concat());
        assert_eq!(status, Some(2), "{command:?}: {errors:?}");
        assert!(errors[0].contains("nobody is at port 0"), "{errors:?}");
    }
}

/// A label of 64 characters fits into no question of DNS (RFC 1035, 2.3.4), so none leaves this machine.
#[test]
fn row_16_a_host_that_is_not_found_is_named_and_exits_with_1() {
    let address = &*format!("{}:8000", "x".repeat(64));
    for command in [
        &["serve", "--tcp", address][..],
        &["hello", "--to", address],
        &["send", "--to", address],
        &["probe", address],
        &["bench", address],
    ] {
        let (errors, status) = greet(command);
        assert_eq!((errors.len(), status), (1, Some(1)), "{errors:?}");
        assert!(
            errors[0].contains(&format!("can't find the host of {address}")),
            "{errors:?}"
        );
    }
}

#[test]
fn row_16_a_number_that_will_not_do_is_quoted_with_what_would() {
    for (command, most) in [
        (&["probe", "--clients"][..], "65535"),
        (&["probe", "--rounds"], "65535"),
        (&["bench", "--clients"], ""),
        (&["bench", "--number"], ""),
        (&["bench", "--rate"], "4294967295"),
        (&["serve", "--workers"], ""),
        (&["serve", "--max-connections"], ""),
        (&["serve", "--reply", "--reply-limit"], "65535"),
    ] {
        for number in ["0", "-1", "many"] {
            let (errors, status) = greet(&[command, &[number][..]].concat());
            assert_eq!(status, Some(2), "{command:?}: {errors:?}");
            if number == "-1" {
                continue; // looks like an option
            }
            let start = format!(
                "error: invalid value '{number}' for '{}",
                command.last().expect("one")
            );
            assert!(errors[0].starts_with(&start), "{errors:?}");
            let sentence = format!("write a whole number from 1 to {most}");
            assert!(errors[0].contains(&sentence), "{errors:?}");
        }
    }
}

#[test]
fn row_13_no_time_is_refused_by_every_command_and_a_long_one_is_not() {
    for command in [
        &["hello", "--timeout"][..],
        &["probe", "--timeout"],
        &["bench", "--timeout"],
        &["bench", "--duration"],
        &["serve", "--deadline"],
    ] {
        let (errors, status) = greet(&[command, &["0s"][..]].concat());
        assert_eq!(status, Some(2), "{command:?}: {errors:?}");
        assert!(
            errors[0].contains("it must be more than nothing"),
            "{errors:?}"
        );
    }
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = server.local_addr().expect("it is bound").to_string();
    drop(server);
    for command in [
        &["hello", "--to", &address][..],
        &["probe", &address],
        &["bench", "-n3", &address],
    ] {
        let (errors, status) = greet(&[command, &["--timeout=400000000000y"][..]].concat());
        assert_eq!(status, Some(1), "{command:?}: {errors:?}");
        assert!(!errors[0].contains("panicked"), "{errors:?}");
        assert!(
            errors[0].contains("is a server running there?"),
            "{errors:?}"
        );
    }
}

/// Without a port nobody knows a server; with `--wire` the board alone is asked.
#[test]
fn a_board_without_a_port_is_for_a_cable() {
    for board in ["192.0.2.7", "[2001:db8::7]"] {
        let (errors, status) = greet(&["probe", board]);
        assert!(
            errors.concat().contains("is graded with --wire"),
            "{errors:?}"
        );
        assert_eq!(status, Some(2));
    }
}
