//! The side of a run in the namespaces of its own, as their first process: lays the cable, starts the
//! server, and probes it. All of it is gone when this process ends.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cable::{FAR, Kind, NEAR, OFFLOADS, plug_in};
use crate::place::{FRAMES, Place, SOCKETS, WIRE};
use crate::probe::Tier;
use crate::run::Run;

/// How long a server may take until it listens: an emulated board boots.
const PATIENCE: Duration = Duration::from_mins(1);

/// The groups of checks with raw frames that are about no TCP: what is broken of a cable shows in them, and soon.
const NO_TCP: &str = "{arp,eth,icmp,icmp6,ndp,out,udp,udp6}/*";

pub fn grade(run: &Run<'_>, place: &Place) -> Result<()> {
    let turn = Arc::new(AtomicU32::new(0));
    let mut server = start(run, place, &turn)?;
    let tcp = SocketAddr::from((run.stack.address, 8000));
    wait_for(&mut server, tcp).with_context(|| {
        let words = std::fs::read_to_string(place.report(run, "log")).unwrap_or_default();
        format!("{} doesn't listen\n{words}", run.name())
    })?;
    let capture = place.capture.as_ref().map(|folder| {
        let file = folder.join(format!("{}.pcap", run.name()));
        capture(&file).with_context(|| format!("can't capture into {}", file.display()))
    });
    let mut capture = capture.transpose()?;
    for tier in run.tiers() {
        // What is broken begins anew: no tier meets what another one has used up.
        turn.fetch_add(1, Ordering::Relaxed);
        let Some(host) = run.second_host().filter(|_| tier != Tier::Sockets) else {
            probe(run, place, tier, &[])?;
            continue;
        };
        let folder = place.capture.as_ref().map(|folder| folder.join(run.name()));
        let mut options = vec!["--wire", NEAR, "--wire-ip", &host];
        options.extend(run.is_patient.then_some("--patient"));
        if let (Some(broken), Tier::Frames) = (run.broken, tier) {
            options.extend(["--only", NO_TCP]);
            let also = broken.also.iter();
            options.extend(also.flat_map(|checks| ["--only", checks]));
        }
        if let Some(folder) = &folder {
            options.extend([
                "--evidence",
                folder.to_str().context("its name is no text")?,
            ]);
        }
        probe(run, place, tier, &options)?;
    }
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
fn start(run: &Run<'_>, place: &Place, turn: &Arc<AtomicU32>) -> Result<Child> {
    let Run { stack, broken, .. } = *run;
    let log = File::create(place.report(run, "log"))?;
    let is_elsewhere = stack.cable == Kind::Veth;
    let mut shell = if is_elsewhere {
        elsewhere(run, place)
    } else {
        stack.cable.lay(0, broken, turn)?;
        plug_in(stack.near)?;
        place.shell(stack, &stack.serve)
    };
    shell
        .env("INTERFACE", stack.cable.server_interface(broken))
        .env("ADDRESS", stack.address.to_string())
        .env("EVERY", every_address(run))
        .env("NETMASK", "255.255.255.0")
        .env(
            "BROKEN",
            broken.and_then(|b| b.server.as_deref()).unwrap_or_default(),
        )
        .stdin(Stdio::piped())
        .stderr(log.try_clone()?);
    if is_elsewhere {
        shell.stdout(Stdio::piped());
    } else {
        shell.stdout(log);
    }
    let mut server = shell.spawn().context("can't start the server")?;
    if is_elsewhere {
        let mut words = BufReader::new(server.stdout.take().context("a pipe")?);
        words.read_line(&mut String::new())?;
        stack.cable.lay(server.id(), broken, turn)?;
        writeln!(server.stdin.as_ref().context("a pipe")?)?;
        words.read_line(&mut String::new())?;
        plug_in(stack.near)?;
        // What it says from now on is nobody's business, but must be read.
        std::thread::spawn(move || std::io::copy(&mut words, &mut std::io::sink()));
    }
    Ok(server)
}

/// Where a server listens: at all addresses, if it serves over IPv6 and this system has that.
fn every_address(run: &Run<'_>) -> String {
    if has_ip6(run) && Path::new("/proc/sys/net/ipv6").exists() {
        "[::]".to_owned()
    } else {
        run.stack.address.to_string()
    }
}

/// Whether a server's end of the cable may have IPv6. What a broken one does to frames, IPv4 shows.
fn has_ip6(run: &Run<'_>) -> bool {
    run.stack.ip6 && run.broken.is_none()
}

/// The server in a namespace of its own. It says a line when that is there, waits for one, and says
/// another when its end of the cable is up.
fn elsewhere(run: &Run<'_>, place: &Place) -> Command {
    let (stack, offloads) = (run.stack, if run.broken.is_none() { OFFLOADS } else { "" });
    // The address on the link is there at once, or there is none.
    let ip6 = if has_ip6(run) {
        "echo 0 > accept_dad"
    } else {
        "echo 1 > disable_ipv6"
    };
    let script = format!(
        "echo; read -r _; [ ! -d /proc/sys/net/ipv6 ] || (cd /proc/sys/net/ipv6/conf/{FAR}; {ip6}); \
         [ -z \"{offloads}\" ] || ethtool -K {FAR} {offloads} > /dev/null; \
         ip link set lo up; ip address add {}/24 dev {FAR}; ip link set {FAR} up; \
         echo; exec sh -ec \"$0\"",
        stack.address
    );
    let inner = place.shell(stack, &script);
    let mut shell = Command::new("unshare");
    shell.args(["--net", "--"]).arg(inner.get_program());
    shell.args(inner.get_args()).arg(&stack.serve);
    shell.current_dir(&stack.folder);
    for (key, value) in inner.get_envs() {
        shell.env(key, value.unwrap_or_default());
    }
    shell
}

fn wait_for(server: &mut Child, address: SocketAddr) -> Result<()> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = server.try_wait()? {
            bail!("the server ended: {status}");
        }
        match TcpStream::connect_timeout(&address, Duration::from_secs(2)) {
            Ok(connection) => {
                // Its place shall be free again. How well it is served is the probe's business.
                let _ = end(connection);
                return Ok(());
            }
            Err(error) if Instant::now() > give_up => bail!("{address}: {error}"),
            Err(_) => sleep(Duration::from_millis(50)),
        }
    }
}

/// Lets the server close a connection.
fn end(connection: TcpStream) -> std::io::Result<u64> {
    connection.set_read_timeout(Some(Duration::from_secs(2)))?;
    connection.shutdown(Shutdown::Write)?;
    std::io::copy(&mut connection.take(4096), &mut std::io::sink())
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

fn probe(run: &Run<'_>, place: &Place, tier: Tier, options: &[&str]) -> Result<()> {
    let report = match tier {
        Tier::Sockets => SOCKETS,
        Tier::Wire => WIRE,
        Tier::Frames => FRAMES,
    };
    let (stack, path) = (run.stack, place.report(run, report));
    let file = File::create(&path).with_context(|| format!("can't write {}", path.display()))?;
    let at = |port: u16| format!("{}:{port}", stack.address);
    let mut greet = Command::new(&place.greet);
    greet.args(["probe", "--json", "--timeout", &stack.timeout]);
    if tier == Tier::Frames {
        greet.arg(stack.address.to_string());
    } else {
        greet.args([&at(8000), "--udp", &at(8001)]);
    }
    if stack.lines && tier != Tier::Frames {
        greet.args(["--lines", &at(8002)]);
    }
    let greet = greet.args(options).stdout(file).stderr(Stdio::piped());
    let output = greet.output().context("can't run greet")?;
    // Crosses are what the ledger is for. Another status says that nothing was graded.
    if !matches!(output.status.code(), Some(0 | 1)) {
        bail!("greet probe: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
