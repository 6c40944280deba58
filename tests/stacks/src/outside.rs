//! The side of a run that stays outside: builds a server, opens a namespace for it, and compares what is
//! said there with the ledger.

use std::env;
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use crate::cable::Kind;
use crate::namespace::{limit, unshared};
use crate::needs;
use crate::place::{FRAMES, Place, SOCKETS, WIRE};
use crate::probe::{Graded, Tier};
use crate::run::Run;
use crate::stack::{Stack, home};

/// What a run came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    Skipped(String),
    /// It couldn't be built, started or graded.
    Broken(String),
    /// With what wasn't known before.
    Graded {
        counts: String,
        surprises: Vec<String>,
        /// What a report says on what was broken.
        said: Vec<String>,
    },
}

impl Outcome {
    pub fn is_expected(&self) -> bool {
        match self {
            Self::Skipped(_) => true,
            Self::Broken(_) => false,
            Self::Graded { surprises, .. } => surprises.is_empty(),
        }
    }
}

/// Sees to it that a stack can be graded here.
pub fn prepare(stack: &Stack, place: &Place) -> Result<(), Outcome> {
    let cable = match stack.cable {
        Kind::Veth => "ethtool",
        Kind::Tap | Kind::Tun => "tap",
    };
    let own = stack.needs.iter().map(String::as_str);
    let tcpdump = place.capture.as_ref().map(|_| "tcpdump");
    let all = ["ip", "unshare"]
        .into_iter()
        .chain([cable])
        .chain(tcpdump)
        .chain(own);
    if let Some(need) = needs::missing(all) {
        let why = format!("{need} is missing on this machine, or not permitted");
        return Err(if needs::is_required(need) {
            Outcome::Broken(why)
        } else {
            Outcome::Skipped(why)
        });
    }
    let Some(build) = &stack.build else {
        return Ok(());
    };
    let output = place.shell(stack, build).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr);
            Err(Outcome::Broken(format!("can't be built:\n{words}")))
        }
        Err(error) => Err(Outcome::Broken(format!("can't be built: {error}"))),
    }
}

/// Grades it, and compares: the first finding alone if it was broken.
pub fn grade(run: &Run<'_>, place: &Place) -> Outcome {
    match graded(run, place) {
        Err(error) => Outcome::Broken(format!("{error:#}")),
        Ok(tiers) => {
            let (mut counts, mut surprises, mut said) = (String::new(), Vec::new(), Vec::new());
            for (tier, graded) in &tiers {
                let comma = if counts.is_empty() { "" } else { "; " };
                let how = match tier {
                    Tier::Sockets => "",
                    Tier::Wire => "with raw packets ",
                    Tier::Frames => "with raw frames ",
                };
                let _ = write!(counts, "{comma}{how}{graded}"); // a string takes everything
                match run.broken {
                    None => {
                        let stack = run.stack;
                        let ledger = stack.ledger.in_run(run.is_patient);
                        said.extend(ledger.undecided(*tier, graded));
                        surprises.extend(ledger.surprises(*tier, graded));
                        surprises.extend(stack.places.and_then(|places| graded.miscounts(places)));
                    }
                    Some(broken) => {
                        let ledger = run.stack.ledger.in_run(run.is_patient);
                        let missed = match tier {
                            Tier::Frames | Tier::Wire => {
                                let is_known = |id: &str| ledger.knows(*tier, id);
                                graded.missed(broken.first_by_frames(), is_known)
                            }
                            Tier::Sockets => broken
                                .first()
                                .and_then(|first| graded.missed(first, |_| false)),
                        };
                        surprises.extend(missed);
                        said.extend(graded.said());
                    }
                }
            }
            Outcome::Graded {
                counts,
                surprises,
                said,
            }
        }
    }
}

fn graded(run: &Run<'_>, place: &Place) -> Result<Vec<(Tier, Graded)>> {
    let mut inside = unshared(run.is_patient);
    inside.arg(env::current_exe()?);
    inside.args(["--inside", &run.stack.name]);
    inside.args(["--time", &run.time.to_string()]);
    inside.env("GREET", &place.greet).current_dir(home());
    if let Some(broken) = run.broken {
        inside.args(["--broken", &broken.name]);
    }
    if let Some(folder) = &place.capture {
        inside.arg("--capture").arg(folder);
    }
    if let Some(tier) = run.tier {
        inside.args(["--tier", tier.name()]);
    }
    if run.is_patient {
        inside.arg("--patient");
    }
    for report in [SOCKETS, WIRE, FRAMES] {
        let _ = std::fs::remove_file(place.report(run, report)); // there may be none
    }
    let output = inside.output().context("can't run unshare")?;
    if output.status.code().is_none() {
        let limit = limit(run.is_patient);
        bail!("it was killed, as whatever takes more than {limit} s is");
    }
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{}: {}",
            output.status,
            words.trim().trim_start_matches("stacks: ")
        );
    }
    let mut tiers = Vec::new();
    let reports = [
        (Tier::Sockets, SOCKETS),
        (Tier::Wire, WIRE),
        (Tier::Frames, FRAMES),
    ];
    for (tier, report) in reports {
        let path = place.report(run, report);
        if path.exists() {
            let lines = std::fs::read_to_string(&path)?;
            let graded = Graded::read(&lines).with_context(|| format!("in {}", path.display()))?;
            tiers.push((tier, graded));
        }
    }
    if tiers.is_empty() {
        bail!("nothing was graded");
    }
    Ok(tiers)
}
