//! Checks with raw frames, before any server is asked: they grade a driver.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Result, anyhow};
use greet_std::core::probe::{About, Level};
use greet_wire::{
    Bench, BenchRecording, Cause, RawEvent, Setup, Stop, Symptom, Traffic, Verdict, Wants,
    grade_raw, soak_raw,
};

use super::checks;
use super::findings::{ASK_AGAIN, Finding, Spoils};
use super::kept::Folder;
use super::link::Frames;
use super::portrait::Figure;
use super::soak::{Counted, Soak};
use super::wire::Plugged;
use super::{Entry, Evidence, Graded, Outcome, Progress, lock};
use crate::args::ProbeArgs;
use crate::console;
use crate::signals;

/// So many frames are shown under a cross.
const SHOWN: usize = 12;

/// Runs those that were picked, of a soak again and again where no server is asked after them. Whether the board
/// answers; where none was picked, nobody has asked.
pub fn grade(
    plugged: &mut Plugged,
    args: &ProbeArgs,
    picked: &impl Fn(&About) -> bool,
    asks_server: bool,
    progress: &Mutex<Progress>,
) -> Result<bool> {
    if !checks::raw().any(picked) {
        return Ok(true);
    }
    if plugged.impairment.is_untimely() {
        let note = "checks with raw frames weren't run, as the link is impaired on purpose";
        lock(progress).graded.notes.push(note.to_owned());
        return Ok(true);
    }
    let setup = setup(plugged, args);
    let ports = (setup.port, setup.udp_port);
    let soak = args.soak.filter(|_| !asks_server);
    if let Some(time) = soak {
        let mut progress = lock(progress);
        let seed = progress.graded.seed;
        progress.graded.soak = Some(Soak::new(time, seed, Counted::Frames));
    }
    let (folder, again) = (&mut plugged.folder, &plugged.again);
    let mut bench = Bench::new(&mut plugged.frames, setup).map_err(told)?;
    let mut crosses: Vec<Finding> = Vec::new();
    let mut report = |event: RawEvent<'_>| {
        let mut progress = lock(progress);
        let Progress {
            graded,
            tree,
            printed,
            ..
        } = &mut *progress;
        let line = match event {
            RawEvent::Started { check } => {
                let tree = tree.as_mut().filter(|_| soak.is_none());
                tree.map(|tree| tree.started(check))
            }
            RawEvent::Ended {
                check,
                verdict,
                lacks,
                meaning,
                recording,
                traffic,
                took,
                ..
            } => {
                let mut entry = entry(check, verdict, args.strict);
                entry.why = lacking(lacks, ports).unwrap_or(entry.why);
                if is_cross(verdict) {
                    // What a soak doesn't stop for may come again and again.
                    if soak.is_none() || entry.result == Outcome::Failed {
                        entry.evidence = evidence(&entry, recording, folder.as_mut(), again);
                    }
                    crosses.retain(|known| known.id != check.id);
                    crosses.push(cross(&entry, meaning));
                }
                count(graded, traffic, took, soak.is_some());
                graded.keep(entry, tree.as_mut())
            }
            _ => None,
        };
        let told = match &mut graded.soak {
            Some(going) if soak.is_some() => going.told(tree.as_ref()),
            _ => None,
        };
        for line in line.into_iter().chain(told) {
            if printed.is_ok() {
                *printed = console::print(line.as_bytes());
            }
        }
    };
    let done = if soak.is_some() {
        let goes_on = &mut || {
            let Progress {
                graded, printed, ..
            } = &*lock(progress);
            let is_well = |entry: &Entry| entry.result != Outcome::Failed;
            graded.goes_on() && printed.is_ok() && graded.entries.iter().all(is_well)
        };
        let seed = lock(progress).graded.seed;
        soak_raw(&mut bench, seed, picked, goes_on, &mut report)
    } else {
        grade_raw(&mut bench, picked, &mut report)
    };
    let mut progress = lock(progress);
    let graded = &mut progress.graded;
    graded.figures = Figure::all_of(&bench);
    graded.seen.raw = findings(&bench, crosses, graded);
    graded.summary = graded.count();
    if let Some(folder) = &plugged.folder {
        graded.unkept = folder.unkept();
    }
    if soak.is_some() {
        note_soak(graded);
    }
    std::mem::replace(&mut progress.printed, Ok(()))?;
    console::is_read()?;
    done.map_err(|stop| match stop {
        Stop::Interrupted if soak.is_some() => anyhow!("interrupted"),
        stop => told(stop),
    })?;
    Ok(bench.is_there())
}

/// What a soak came to, and how it comes again if something failed.
fn note_soak(graded: &mut Graded) {
    let line = graded.soak.as_ref().map(Soak::line);
    let again = (graded.summary.failed > 0).then(|| graded.comes_again());
    graded.notes.extend(line.into_iter().chain(again));
}

/// Who asks, and whom.
fn setup(plugged: &Plugged, args: &ProbeArgs) -> Setup {
    let mut setup = Setup::new(plugged.own.hardware, plugged.own.address, plugged.board);
    setup.is_alone = plugged.place.has_two_ends();
    setup.is_physical = plugged.frames.is_physical();
    setup.is_thorough = args.thorough;
    setup.is_patient = args.wire.patient;
    setup.port = plugged.port.unwrap_or(setup.port);
    setup.lines = plugged.lines;
    setup.udp_port = plugged.udp_port.unwrap_or(setup.udp_port);
    setup.deadline = args.deadline;
    setup.chance = plugged.chance;
    setup.interrupted = || signals::noted().is_some() || console::is_unread();
    setup
}

/// Keeps what crossed the cable until the end of a check.
fn count(graded: &mut Graded, traffic: Traffic, took: &[Duration], soaks: bool) {
    for took in took {
        graded.echoes.record(*took);
    }
    let before = graded.frames;
    let echoes = &graded.echoes;
    let frames = Frames {
        sent: traffic.sent,
        received: traffic.received,
        echoes: traffic.echoes,
        lost: traffic.lost,
        at_once: traffic.at_once,
        lost_at_once: traffic.lost_at_once,
        twice: traffic.twice,
        wrong_sums: traffic.wrong_sums,
        round_trip: (echoes.count() > 0).then(|| echoes.percentile(50.0)),
    };
    graded.frames = frames;
    if let Some(soak) = graded.soak.as_mut().filter(|_| soaks) {
        let (asked, lost) = (frames.echoes - before.echoes, frames.lost - before.lost);
        soak.crossed(took, asked, lost, frames.sent + frames.received);
    }
}

/// Why nothing more is checked.
fn told(stop: Stop) -> anyhow::Error {
    match stop {
        Stop::Interrupted => anyhow!("interrupted: the other checks weren't run"),
        Stop::Cable(error) => anyhow!(error),
        other => anyhow!(other),
    }
}

fn entry(check: &'static About, verdict: &Verdict, strict: bool) -> Entry {
    let (result, why) = match verdict {
        Verdict::Failed(why) => {
            let result = match check.level {
                Level::Must => Outcome::Failed,
                Level::Should if strict => Outcome::Failed,
                Level::Should => Outcome::Worse,
                Level::May => Outcome::Noted,
            };
            (result, why.clone())
        }
        Verdict::Worse(why) if strict => (Outcome::Failed, why.clone()),
        Verdict::Worse(why) => (Outcome::Worse, why.clone()),
        Verdict::Noted(why) => (Outcome::Noted, why.clone()),
        Verdict::Inconclusive(why) => (Outcome::Inconclusive, why.clone()),
        Verdict::Skipped(why) => (Outcome::Skipped, (*why).to_owned()),
        _ => (Outcome::Passed, String::new()),
    };
    Entry {
        check,
        result,
        of: None,
        why,
        details: Vec::new(),
        evidence: Evidence::default(),
    }
}

/// Whether it may be somebody's fault. What held, and has something to know, is none.
fn is_cross(verdict: &Verdict) -> bool {
    use Verdict::{Failed, Inconclusive, Worse};
    matches!(verdict, Failed(_) | Worse(_) | Inconclusive(_))
}

/// What isn't there that a check needs, and where it was looked for.
fn lacking(wants: Option<Wants>, (tcp, udp): (u16, u16)) -> Option<String> {
    match wants? {
        Wants::Server => Some(format!("it needs a greet server on TCP {tcp}")),
        Wants::Datagrams => Some(format!("it needs a receiver that answers on UDP {udp}")),
        _ => None,
    }
}

/// What crossed the cable in a check that didn't pass.
fn evidence(
    entry: &Entry,
    recording: &BenchRecording,
    folder: Option<&mut Folder>,
    again: &str,
) -> Evidence {
    let mut evidence = Evidence {
        frames: recording.lines(SHOWN),
        again: format!("{again}{}", entry.check.id),
        ..Evidence::default()
    };
    if let Some(folder) = folder {
        let mut capture = Vec::new();
        // A vector takes everything.
        let _ = recording.evidence().write_pcapng(&mut capture);
        let report = format!(
            "{}: {}\n{}\n\n{}\n\n{}\n",
            entry.check.id,
            entry.check.sentence,
            entry.why,
            recording.lines(usize::MAX).join("\n"),
            evidence.again
        );
        let name = entry.check.id.replace('/', "-");
        let picture = recording.ladder().map(|ladder| ladder.svg());
        let mut files = vec![("pcapng", &capture[..]), ("txt", report.as_bytes())];
        files.extend(picture.iter().map(|picture| ("svg", picture.as_bytes())));
        let kept = folder.keep(&name, &files);
        if !kept.files.is_empty() {
            let shown = kept.files.iter().map(|file| file.display().to_string());
            let shown = shown.collect::<Vec<_>>().join(", ");
            evidence.lines.push(format!("evidence: {shown}"));
        }
        let lost = kept.unkept.iter();
        let lost = lost.map(|why| format!("evidence isn't kept: {why}"));
        evidence.lines.extend(lost);
        (evidence.files, evidence.unkept) = (kept.files, kept.unkept);
    }
    evidence.lines.push(format!("again: {}", evidence.again));
    evidence
}

/// What a cross means that nothing else explains.
fn cross(entry: &Entry, meaning: &str) -> Finding {
    Finding {
        id: entry.check.id,
        whose: entry.check.whose,
        result: entry.result,
        what: format!("{} ({})", meaning, entry.why),
        look: format!("{}, and the frames of the check", entry.check.source),
        checks: vec![entry.check.id],
        spoils: Spoils::Nothing,
    }
}

/// What is wrong, each with the crosses that follow from it, and then the crosses that nothing explains.
fn findings(bench: &Bench<'_>, mut crosses: Vec<Finding>, graded: &Graded) -> Vec<Finding> {
    let ids: Vec<_> = crosses.iter().map(|cross| cross.id).collect();
    let causes = bench.causes(&ids);
    let has = |cause: &Cause, id| cause.shown_by.contains(&id) || cause.may_follow.contains(&id);
    crosses.retain(|cross| !causes.iter().any(|cause| has(cause, cross.id)));
    let mut found: Vec<_> = causes.iter().map(|cause| of(cause, graded)).collect();
    if bench.symptoms().is_empty() {
        let about = |id| checks::raw().find(|check| check.id == id);
        for cross in &mut crosses {
            if about(cross.id).is_some_and(is_of_stack) {
                cross.look.insert_str(0, "the stack, not the driver: ");
            }
        }
    }
    // Whoever fails a MUST looks there first.
    let order = [Outcome::Failed, Outcome::Worse, Outcome::Noted];
    crosses.sort_by_key(|cross| {
        order
            .iter()
            .position(|one| *one == cross.result)
            .unwrap_or(3)
    });
    found.extend(crosses);
    found
}

/// Whether a check asks what no driver decides that lets frames through.
fn is_of_stack(check: &About) -> bool {
    /// Of these a driver may be the cause, where everything else passes.
    const DRIVERS: [&str; 4] = [
        "arp/request",
        "arp/unicast",
        "icmp/echo",
        "ndp/solicited-node",
    ];
    let id = check.id;
    let is_of_frames = id.starts_with("eth/") || id.starts_with("out/");
    // What leaves sums to the MAC is a driver; what harms may.
    let is_open = id.contains("checksum") || check.source.starts_with("liveness");
    !is_of_frames && !is_open && !DRIVERS.contains(&id)
}

fn of(cause: &Cause, graded: &Graded) -> Finding {
    let symptom = &cause.symptom;
    let mut checks = cause.shown_by.clone();
    checks.extend(&cause.may_follow);
    let is = |wanted| {
        let mut all = graded.entries.iter();
        all.any(|entry| entry.result == wanted && checks.contains(&entry.check.id))
    };
    let worst = [Outcome::Failed, Outcome::Worse, Outcome::Noted];
    let result = worst.into_iter().find(|result| is(*result));
    let mut look = symptom.look().to_owned();
    if !cause.may_follow.is_empty() {
        look.push_str(ASK_AGAIN);
    }
    Finding {
        id: symptom.id(),
        whose: symptom.whose(),
        result: result.unwrap_or(match symptom {
            // Nobody has asked for them.
            Symptom::NoEcho => Outcome::Noted,
            _ => Outcome::Worse,
        }),
        what: symptom.to_string(),
        look,
        checks,
        spoils: if symptom.changes_bytes() {
            Spoils::Bytes
        } else if symptom.spoils_talks() {
            Spoils::Delivery
        } else {
            Spoils::Nothing
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_held_is_noted_and_nobodys_fault() {
        let check = checks::raw().find(|check| check.level == Level::Must);
        let check = check.expect("there is one");
        for (verdict, result, is_fault) in [
            (Verdict::Noted("so".to_owned()), Outcome::Noted, false),
            (Verdict::Passed, Outcome::Passed, false),
            (Verdict::Worse("so".to_owned()), Outcome::Worse, true),
            (Verdict::Failed("so".to_owned()), Outcome::Failed, true),
        ] {
            let entry = entry(check, &verdict, false);
            assert_eq!((entry.result, is_cross(&verdict)), (result, is_fault));
        }
    }

    #[test]
    fn a_driver_isnt_blamed_for_what_only_a_stack_decides() {
        let is = |id| {
            let check = checks::raw().find(|check| check.id == id);
            is_of_stack(check.expect("there is one"))
        };
        for id in ["arp/probe", "icmp/no-error-for", "ndp/dad", "ip4/ttl"] {
            assert!(is(id), "{id}");
        }
        for id in [
            "eth/ring",
            "out/padding",
            "arp/request",
            "arp/again",
            "ip4/checksum",
        ] {
            assert!(!is(id), "{id}");
        }
    }
}
