//! This machine's own lack of ports is named before the server that wouldn't take a port twice.

#![cfg(target_os = "linux")] // its namespaces

mod process;

use std::process::Command;

use process::{Process, has_python, needs};

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// Greets, and resets who comes from the port of an earlier client, as a stack may that holds it in TIME-WAIT.
const SERVER: &str = r#"
import socket, struct
known = set()
listener = socket.create_server(("10.9.0.1", 8000))
print("listening", flush=True)
while True:
    client, (_, port) = listener.accept()
    if port in known:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        known.add(port)
        client.sendall(b"Hello, " + client.recv(64))
    client.close()
"#;

#[test]
fn a_machine_with_fewer_ports_than_connections_is_named_first() {
    let trial = ["-rn", "ip", "link", "set", "lo", "up"];
    if !needs("unshare", Command::new("unshare").args(trial)) || !has_python() {
        return;
    }
    let script = format!(
        "ip link set lo up
         ip address add 10.9.0.1/32 dev lo
         echo '40000 40049' > /proc/sys/net/ipv4/ip_local_port_range
         exec 3< <(python3 -c '{SERVER}' & echo $!)
         read -r server <&3
         read -r _ <&3
         {GREET} probe 10.9.0.1:8000 --only crowd/in-a-row --rounds 100 --timeout 1s --deadline 1s --json
         kill $server"
    );
    let unshare = ["-rn", "bash", "-c", &script];
    let (lines, errors, _) = Process::start(Command::new("unshare").args(unshare)).end();
    let objects = lines
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an object a line"));
    let mut findings = objects.filter(|object| object["event"] == "finding");
    let first = findings.next().unwrap_or_default();
    assert_eq!(first["id"], "tester/few-ports", "{lines:#?} {errors:?}");
    assert_eq!(first["whose"], "tester");
    assert_eq!(first["checks"][0], "crowd/in-a-row");
}
