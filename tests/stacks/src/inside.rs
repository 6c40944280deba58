//! The side of a run in the namespaces of its own, as their first process: lays the cable, starts the
//! server, and probes it. All of it is gone when this process ends.

use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cable::{FAR, Kind, NEAR};
use crate::place::{Place, SOCKETS};
use crate::stack::Stack;

/// How long a server may take until it listens: an emulated board boots.
const PATIENCE: Duration = Duration::from_mins(1);

pub fn grade(stack: &Stack, place: &Place) -> Result<()> {
    let mut server = start(stack, place)?;
    let tcp = SocketAddr::from((stack.address, 8000));
    wait_for(&mut server, tcp).with_context(|| {
        let log = place.report(stack, "log");
        let words = std::fs::read_to_string(log).unwrap_or_default();
        format!("{} doesn't listen\n{words}", stack.name)
    })?;
    let capture = place.capture.as_ref().map(|folder| {
        let file = folder.join(format!("{}.pcap", stack.name));
        capture(&file).with_context(|| format!("can't capture into {}", file.display()))
    });
    let mut capture = capture.transpose()?;
    probe(stack, place, SOCKETS, &[])?;
    // With raw packets as well, as soon as this probe has them and the cable carries Ethernet:
    // `&["--wire", NEAR]`, from the address after ours.
    if let Some(tcpdump) = &mut capture {
        // It writes what it has.
        Command::new("kill")
            .arg(tcpdump.id().to_string())
            .status()?;
        tcpdump.wait()?;
    }
    Ok(())
}

/// Starts the server at the far end of a cable.
fn start(stack: &Stack, place: &Place) -> Result<Child> {
    let log = File::create(place.report(stack, "log"))?;
    let mut shell = place.shell(stack, &stack.serve);
    if stack.cable == Kind::Veth {
        // In a namespace of its own; it goes on once the cable is there.
        let script = format!(
            "echo; read -r _; ip link set lo up; ip address add {}/24 dev {FAR}; ip link set {FAR} up; exec sh -ec \"$0\"",
            stack.address
        );
        let inner = place.shell(stack, &script);
        shell = Command::new("unshare");
        shell
            .args(["--net", "--"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .arg(&stack.serve);
        shell.current_dir(&stack.folder);
        shell.envs(
            inner
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        );
    } else {
        stack.cable.lay(stack.near, 0)?;
    }
    shell
        .env("INTERFACE", stack.cable.server_interface())
        .env("ADDRESS", stack.address.to_string())
        .env("NETMASK", "255.255.255.0")
        .stdin(Stdio::piped())
        .stderr(log.try_clone()?);
    if stack.cable == Kind::Veth {
        shell.stdout(Stdio::piped());
    } else {
        shell.stdout(log);
    }
    let mut server = shell.spawn().context("can't start the server")?;
    if stack.cable == Kind::Veth {
        let mut words = BufReader::new(server.stdout.take().context("a pipe")?);
        words.read_line(&mut String::new())?;
        stack.cable.lay(stack.near, server.id())?;
        writeln!(server.stdin.as_ref().context("a pipe")?)?;
        // What it says from now on is nobody's business, but must be read.
        std::thread::spawn(move || std::io::copy(&mut words, &mut std::io::sink()));
    }
    Ok(server)
}

fn wait_for(server: &mut Child, address: SocketAddr) -> Result<()> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = server.try_wait()? {
            bail!("the server ended: {status}");
        }
        match TcpStream::connect_timeout(&address, Duration::from_secs(2)) {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > give_up => bail!("{address}: {error}"),
            Err(_) => sleep(Duration::from_millis(50)),
        }
    }
}

/// Captures what passes the cable from now on.
fn capture(file: &Path) -> Result<Child> {
    let tcpdump = Command::new("tcpdump")
        .args(["--immediate-mode", "-U", "-Z", "root", "-i", NEAR, "-w"])
        .arg(file)
        .stderr(Stdio::piped())
        .spawn();
    let mut tcpdump = tcpdump.context("can't run tcpdump")?;
    // It says that it listens.
    let mut words = BufReader::new(tcpdump.stderr.take().context("a pipe")?);
    words.read_line(&mut String::new())?;
    std::thread::spawn(move || std::io::copy(&mut words, &mut std::io::sink()));
    Ok(tcpdump)
}

fn probe(stack: &Stack, place: &Place, report: &str, options: &[&str]) -> Result<()> {
    let path = place.report(stack, report);
    let file = File::create(&path).with_context(|| format!("can't write {}", path.display()))?;
    let output = Command::new(&place.greet)
        .args(["probe", &format!("{}:8000", stack.address), "--json"])
        .args(["--udp", &format!("{}:8001", stack.address)])
        .args(["--clients", &stack.places.to_string()])
        .args(["--timeout", &stack.timeout])
        .args(options)
        .stdout(file)
        .stderr(Stdio::piped())
        .output()
        .context("can't run greet")?;
    // Crosses are what the ledger is for. Another status says that nothing was graded.
    if !matches!(output.status.code(), Some(0 | 1)) {
        bail!("greet probe: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
