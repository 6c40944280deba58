//! `--wire`: the probe as a host of its own on a cable, and what crossed the cable as evidence.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::time::SystemTime;

use anyhow::{Context, Error, Result, anyhow};
use greet_std::core::probe::{About, Cause, End, Failure, Verdict};
use greet_wire::smoltcp::wire::{EthernetAddress, IpCidr};
use greet_wire::{Frames, Host, Impairment, Mark, Own, Place, Recording, Right, Task};
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};

use super::again;
use super::asked::Asked;
use super::cable::{Hardware, colons};
use super::kept::{Folder, Kept};
use super::{Entry, Evidence, Outcome, Witness, hard};
use crate::args::{ProbeArgs, wrong};
use crate::console;
use crate::signals;

/// A cable that is open, and who is at its end.
pub struct Plugged {
    pub frames: Box<dyn Frames>,
    pub own: Own,
    pub place: Place,
    pub folder: Option<Folder>,
    /// The command that runs a check alone, up to the check.
    pub again: String,
    /// The command that runs a soak again.
    pub soak_again: String,
    pub impairment: Impairment,
    pub board: IpAddr,
    /// Where on it a server is, if that was said.
    pub port: Option<u16>,
    /// Where it has lines mode.
    pub lines: Option<u16>,
    /// Where a receiver is, if that was said.
    pub udp_port: Option<u16>,
    /// Another number for each run.
    pub chance: u64,
}

/// Opens the cable.
pub fn plug(args: &ProbeArgs, asked: Asked, seed_of_run: u64) -> Result<Plugged> {
    let server = asked.any().context("nobody was named who could be asked")?;
    let wire = &args.wire;
    let place = wire.place.as_ref().context("no cable was named")?;
    let folder = wire.evidence.as_deref().map(Folder::open).transpose()?;
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
        greet_wire::Error::NotAllowed { right, .. } => anyhow!(error).context(advice(place, right)),
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
    let own = Own { hardware, address };
    if let Some(nothing) = unplugged(place) {
        console::complain(format_args!("greet: {nothing}"));
    }
    greet_wire::give_up_privileges().context("can't give up privileges")?;
    console::complain(format_args!(
        "greet: a host of its own on {place}: {address}, {}",
        colons(hardware)
    ));
    let cable = again::cable(args, place, own, &impairment);
    Ok(Plugged {
        again: again::check(args, &cable, seed_of_run),
        soak_again: again::soak(args, &cable, seed_of_run),
        frames,
        own,
        place: place.clone(),
        folder,
        impairment,
        board: server,
        port: asked.name.map(|name| name.port()),
        lines: asked.lines.map(|lines| lines.port()),
        udp_port: asked.udp.map(|udp| udp.port()),
        chance,
    })
}

/// What there is to say of an interface with nothing at its other end.
fn unplugged(place: &Place) -> Option<String> {
    let Place::Interface(name) = place else {
        return None;
    };
    let mut all = getifaddrs().ok()?;
    let known = all.find(|one| one.interface_name == *name)?;
    (!known.flags.contains(InterfaceFlags::IFF_RUNNING)).then(|| {
        format!(
            "{name} is down, or nothing is at its other end: what is sent there gets nowhere (to be the other \
             end of a TAP device, say --wire tap:{name})"
        )
    })
}

impl Plugged {
    /// Puts a whole host on the cable.
    pub fn host(self, args: &ProbeArgs, asked: Asked) -> Result<(Host<Box<dyn Frames>>, Cable)> {
        let Self {
            frames,
            own,
            place,
            folder,
            again,
            impairment,
            chance,
            ..
        } = self;
        let seed = impairment.seed.filter(|_| impairment.is_untimely());
        let mut task = Task::new(own, asked.name);
        task.lines = asked.lines;
        task.udp = asked.udp;
        task.slots = hard::slots_on_a_cable(args);
        task.impairment = impairment;
        task.chance = chance;
        task.interrupted = || signals::noted().is_some();
        let host = Host::new(frames, task)?;
        let cable = Cable {
            place,
            recording: host.recording(),
            folder,
            again,
            seed,
        };
        Ok((host, cable))
    }
}

/// How a right is granted that a cable needs.
fn advice(place: &Place, right: Right) -> String {
    match (right, place) {
        (Right::RawPackets, _) => {
            let program = std::env::current_exe();
            let program = program.map_or("greet".to_owned(), |path| path.display().to_string());
            format!(
                "grant it once with `sudo setcap cap_net_raw+ep {program}`, or run this as root"
            )
        }
        (Right::OwnTap, Place::Tap(name)) => {
            let delete = if if_nametoindex(name.as_str()).is_ok() {
                format!("sudo ip tuntap del {name} mode tap && ")
            } else {
                String::new()
            };
            format!("make it yours with `{delete}sudo ip tuntap add {name} mode tap user $USER`")
        }
        (Right::TunDevice, _) => {
            "grant it with `sudo chmod a+rw /dev/net/tun`; in a container, start that with \
             `--device /dev/net/tun`"
                .to_owned()
        }
        _ => "choose a path in a folder of yours".to_owned(),
    }
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

/// What watches the cable while checks run.
pub struct Cable {
    place: Place,
    recording: Recording<Box<dyn Frames>>,
    folder: Option<Folder>,
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
        if let Some(folder) = &mut self.folder {
            let mut capture = Vec::new();
            // A vector takes everything.
            let _ = seen.write_pcapng(&mut capture);
            let picture = ladder.map(|ladder| ladder.svg());
            let report = format!(
                "{}: {}\n{}\n{}\n\n{text}\n{}\n",
                entry.check.id,
                entry.check.sentence,
                entry.why,
                entry.details.join("\n"),
                evidence.again
            );
            let mut files = vec![("pcapng", &capture[..]), ("txt", report.as_bytes())];
            files.extend(picture.iter().map(|picture| ("svg", picture.as_bytes())));
            let Kept { files, unkept } = folder.keep(&entry.check.id.replace('/', "-"), &files);
            if !files.is_empty() {
                let shown = files.iter().map(|file| file.display().to_string());
                let shown = shown.collect::<Vec<_>>().join(", ");
                evidence.lines.push(format!("evidence: {shown}"));
            }
            let lost = unkept
                .iter()
                .map(|why| format!("evidence isn't kept: {why}"));
            evidence.lines.extend(lost);
            (evidence.files, evidence.unkept) = (files, unkept);
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

    fn unkept(&self) -> Option<String> {
        self.folder.as_ref()?.unkept()
    }

    fn is_impaired(&self) -> bool {
        self.seed.is_some()
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
