//! `--wire`: the probe as a host of its own on a cable, and what crossed the cable as evidence.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Error, Result, anyhow};
use greet_std::core::probe::{About, Cause, End, Failure, Verdict};
use greet_wire::smoltcp::wire::{EthernetAddress, IpCidr};
use greet_wire::{Frames, Host, Impairment, Mark, Own, Place, Recording, Task};

use super::asked::Asked;
use super::cable::Hardware;
use super::{Entry, Evidence, Outcome, Witness};
use crate::args::{ProbeArgs, wrong};
use crate::console;
use crate::signals;

/// Opens the cable, and puts a host on it.
pub fn open(args: &ProbeArgs, asked: Asked) -> Result<(Host<Box<dyn Frames>>, Cable)> {
    let server = asked.any().context("nobody was named who could be asked")?;
    let wire = &args.wire;
    let place = wire.place.as_ref().context("no cable was named")?;
    let folder = wire.evidence.as_deref().map(made).transpose()?;
    if wire.ip.is_none() && !place.has_two_ends() {
        return Err(wrong(&format!(
            "others may be on {place}: say which address is free there, and its network, such as \
             --wire-ip {}",
            beside(server)
        )));
    }
    if let Some(own) = wire.ip
        && IpAddr::from(own.address()) == server
    {
        return Err(wrong(&format!(
            "{server} is the server's own address: --wire-ip takes one beside it that is free, such as {}",
            beside(server)
        )));
    }
    let mut frames = place.open().map_err(|error| match error {
        greet_wire::Error::NotAllowed { .. } => {
            let program = std::env::current_exe();
            let program = program.map_or("greet".to_owned(), |path| path.display().to_string());
            anyhow!(error).context(format!(
                "grant it once with `sudo setcap cap_net_raw+ep {program}`, or run this as root"
            ))
        }
        error => anyhow!(error),
    })?;
    let hardware = match wire.mac {
        Some(Hardware::This(address)) => address,
        Some(Hardware::Card) => {
            let card = frames.hardware().map(EthernetAddress);
            card.with_context(|| {
                format!("{place} has no network card whose address could be used")
            })?
        }
        None => own_hardware(place, wire.ip),
    };
    let address = match wire.ip {
        Some(address) => address,
        None => greet_wire::choose(&mut frames, hardware, server)?,
    };
    let chance = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let chance = chance.unwrap_or_default().as_nanos();
    let chance = u64::try_from(chance & u128::from(u64::MAX)).unwrap_or_default();
    let mut impairment = wire.impair.clone().unwrap_or_default();
    if impairment.is_untimely() {
        // Small enough to be typed.
        impairment.seed.get_or_insert(chance / 1000 % 1_000_000);
    }
    let seed = impairment.seed.filter(|_| impairment.is_untimely());
    let again = again(args, place, address, &impairment);
    let mut task = Task::new(Own { hardware, address }, asked.name);
    task.lines = asked.lines;
    task.udp = asked.udp;
    task.slots = usize::from(args.clients.get()) + 1;
    task.impairment = impairment;
    task.chance = chance;
    task.interrupted = || signals::noted().is_some();
    let host = Host::new(frames, task)?;
    greet_wire::give_up_privileges().context("can't give up privileges")?;
    console::complain(format_args!(
        "greet: a host of its own on {place}: {address}, {}",
        colons(hardware)
    ));
    let cable = Cable {
        place: place.clone(),
        recording: host.recording(),
        folder,
        again,
        seed,
    };
    Ok((host, cable))
}

/// The same hardware address in each run, as boards keep them for a while. It is nobody else's: locally
/// administered.
fn own_hardware(place: &Place, address: Option<IpCidr>) -> EthernetAddress {
    let mut hasher = DefaultHasher::new();
    (
        place.to_string(),
        address.map(|address| address.to_string()),
    )
        .hash(&mut hasher);
    let mut bytes = [0; 6];
    bytes.copy_from_slice(&hasher.finish().to_be_bytes()[..6]);
    bytes[0] = 0x02;
    EthernetAddress(bytes)
}

/// As most programs write it.
fn colons(address: EthernetAddress) -> String {
    address.to_string().replace('-', ":")
}

/// How an address on the server's network looks.
fn beside(server: IpAddr) -> String {
    match server {
        IpAddr::V4(server) => {
            let [a, b, c, _] = server.octets();
            format!("{a}.{b}.{c}.99/24")
        }
        IpAddr::V6(server) => {
            let [a, b, c, d, ..] = server.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::99/64")
        }
    }
}

/// The folder for evidence, in which something can be written.
fn made(folder: &Path) -> Result<PathBuf> {
    let trial = folder.join(".greet");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&trial, [0; 4096]))
        .and_then(|()| fs::remove_file(&trial))
        .with_context(|| format!("can't keep evidence in {}", folder.display()))?;
    Ok(folder.to_owned())
}

/// The command that runs one check again, up to the check.
fn again(args: &ProbeArgs, place: &Place, address: IpCidr, impairment: &Impairment) -> String {
    let mut words = vec!["greet probe".to_owned()];
    words.extend(args.server.as_ref().map(ToString::to_string));
    words.extend(args.lines.as_ref().map(|lines| format!("--lines {lines}")));
    words.extend(args.udp.as_ref().map(|udp| format!("--udp {udp}")));
    words.push(format!("--wire {place} --wire-ip {address}"));
    match args.wire.mac {
        Some(Hardware::Card) => words.push("--wire-mac own".to_owned()),
        Some(Hardware::This(address)) => words.push(format!("--wire-mac {}", colons(address))),
        None => {}
    }
    if impairment.is_untimely() {
        words.push(format!("--impair {impairment}"));
    }
    let time = |time| {
        humantime::format_duration(time)
            .to_string()
            .replace(' ', "")
    };
    words.push(format!(
        "--clients {} --rounds {} --timeout {} --deadline {}",
        args.clients,
        args.rounds,
        time(args.timeout),
        time(args.deadline)
    ));
    words.push("--only ".to_owned());
    words.join(" ")
}

/// What watches the cable while checks run.
pub struct Cable {
    place: Place,
    recording: Recording<Box<dyn Frames>>,
    folder: Option<PathBuf>,
    /// The command that runs a check alone, up to the check.
    again: String,
    /// The seed of what the link does, if it does anything.
    seed: Option<u64>,
}

/// So many lines of a ladder are shown at most.
const SHOWN: usize = 24;

impl Witness for Cable {
    fn began(&mut self, check: &'static About) {
        self.recording.begin(check.id);
    }

    fn ended(&mut self, entry: &Entry, verdict: &Verdict) -> Evidence {
        let is_cut = self.excuse().is_some();
        if matches!(entry.result, Outcome::Passed | Outcome::Skipped) && !is_cut {
            return Evidence::default();
        }
        let mut seen = self.recording.take();
        if seen.is_empty() {
            return Evidence::default();
        }
        let (mark, words) = mark_of(verdict);
        let _ = seen.mark(mark, words) || seen.mark(Mark::Last, words);
        let mut evidence = Evidence {
            again: format!("{}{}", self.again, entry.check.id),
            ..Evidence::default()
        };
        let ladder = seen.ladder();
        let text = ladder.as_ref().map(ToString::to_string).unwrap_or_default();
        evidence.lines.extend(shown(&text));
        if let Some(folder) = &self.folder {
            let name = entry.check.id.replace('/', "-");
            let mut keep = |ending: &str, bytes: &[u8]| {
                let path = folder.join(format!("{name}.{ending}"));
                match fs::write(&path, bytes) {
                    Ok(()) => evidence.files.push(path),
                    Err(error) => {
                        console::complain(format_args!(
                            "greet: can't write {}: {error}",
                            path.display()
                        ));
                    }
                }
            };
            let mut file = Vec::new();
            // A vector takes everything.
            let _ = seen.write_pcapng(&mut file);
            keep("pcapng", &file);
            if let Some(ladder) = ladder {
                keep("svg", ladder.svg().as_bytes());
            }
            let report = format!(
                "{}: {}\n{}\n{}\n\n{text}\n{}\n",
                entry.check.id,
                entry.check.sentence,
                entry.why,
                entry.details.join("\n"),
                evidence.again
            );
            keep("txt", report.as_bytes());
            let files = evidence.files.iter().map(|file| file.display().to_string());
            let files = files.collect::<Vec<_>>().join(", ");
            evidence.lines.push(format!("evidence: {files}"));
        }
        evidence.lines.push(format!("again: {}", evidence.again));
        evidence
    }

    fn notes(&self) -> Vec<String> {
        let Self { place, seed, .. } = self;
        let seen = self.recording.notes();
        let impaired = seed.map(|seed| {
            format!("the link was impaired with seed {seed}: what failed may be the link's fault")
        });
        let unsummed = (seen.unsummed > 0).then(|| {
            format!(
                "{} frames came without sums, which this machine leaves to a card: whether the server's \
                 sums are right, nobody saw (`ethtool -K NAME tx off` for the interface at the other end)",
                seen.unsummed
            )
        });
        let vlan = seen.vlan.map(|vlan| {
            format!(
                "frames of VLAN {vlan} came for this host, and were thrown away (make an interface for it: \
                 `ip link add link {place} name {place}.{vlan} type vlan id {vlan}`)"
            )
        });
        let rival = seen.rival.map(|rival| {
            format!(
                "{} has this host's address as well: take another one",
                colons(rival)
            )
        });
        [impaired, unsummed, vlan, rival]
            .into_iter()
            .flatten()
            .collect()
    }

    fn failure(&mut self) -> Option<Error> {
        if let Some(failure) = self.recording.failure() {
            return Some(anyhow!(failure));
        }
        signals::noted().map(|_| anyhow!("interrupted: the other checks weren't run"))
    }

    fn excuse(&self) -> Option<&'static str> {
        if signals::noted().is_some() {
            Some("interrupted")
        } else {
            self.recording.has_failed().then_some("the cable failed")
        }
    }
}

/// At which frame a verdict fell, and why.
fn mark_of(verdict: &Verdict) -> (Mark, &'static str) {
    let cause = match verdict {
        Verdict::Failed(Failure { cause, .. }) => cause,
        Verdict::Skipped(_) => return (Mark::Last, "it was cut short after this"),
        _ => return (Mark::Last, "the verdict fell after this"),
    };
    match cause {
        Cause::Unreachable
        | Cause::Lost { .. }
        | Cause::Slow { .. }
        | Cause::Reply {
            end: End::Silence, ..
        } => (Mark::Last, "the verdict: nothing came after this in time"),
        Cause::Refused(_) => (Mark::Answer, "the verdict: refused"),
        _ => (Mark::Answer, "the verdict: this isn't what was due"),
    }
}

/// The end of a ladder, with its heading.
fn shown(ladder: &str) -> Vec<String> {
    let lines: Vec<_> = ladder.lines().map(str::to_owned).collect();
    let Some((heading, steps)) = lines.split_first() else {
        return Vec::new();
    };
    let hidden = steps.len().saturating_sub(SHOWN);
    let mut shown = vec![heading.clone()];
    if hidden > 0 {
        shown.push(format!("({hidden} before)"));
    }
    shown.extend_from_slice(&steps[hidden..]);
    shown
}
