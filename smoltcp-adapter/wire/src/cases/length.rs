//! Frames of every length: which pass, which are cut or lost, and which bytes come back wrong.

use crate::bench::craft::{ETHERNET, SHORTEST};
use crate::bench::period::period;
use crate::bench::series::{Pace, Series, Wrong};
use crate::bench::{Bench, Direction, Done, Said, Stop, Symptom, Verdict};

/// What short echoes carry.
pub(super) const SHORT: usize = 18;

/// How long a frame is whose echo carries so many bytes.
pub(super) fn frame_len(bench: &Bench<'_>, len: usize) -> usize {
    (ETHERNET + headers(bench) + len).max(SHORTEST)
}

/// IP's and ICMP's.
pub(super) fn headers(bench: &Bench<'_>) -> usize {
    if bench.ends().to.is_ipv4() { 28 } else { 48 }
}

/// Of so many lengths one is tried: where each answer comes later than the one before, all would take minutes.
pub(super) fn step(bench: &Bench<'_>) -> usize {
    if bench.is_slower() { 16 } else { 1 }
}

pub(super) fn every_length(bench: &mut Bench<'_>) -> Done {
    let most = bench.frames.mtu().min(1500).saturating_sub(headers(bench));
    let (mut series, mut lost) = (Vec::new(), Vec::new());
    let upward: Vec<usize> = (0..=most).step_by(step(bench)).collect();
    for lens in upward.chunks(64) {
        let part = bench.series(lens, Pace::SINGLE)?;
        part.mark_lost(bench);
        let gone = part.lost().len() == lens.len();
        lost.extend(part.lost().iter().filter_map(|place| lens.get(*place)));
        series.push(part);
        if gone {
            break;
        }
    }
    if let Some(verdict) = spoilt(bench, &series)? {
        return Ok(verdict);
    }
    // Those of the end that are never answered.
    if let Some(fails) = boundary(bench, &lost, most)? {
        let way = way_of_long(bench)?;
        let passes = frame_len(bench, fails.saturating_sub(1));
        let fails = frame_len(bench, fails);
        if fails > passes {
            bench.found(Symptom::LongLost { way, passes, fails });
        }
        return Ok(Verdict::Failed(format!(
            "frames of {passes} bytes are answered, of {fails} aren't"
        )));
    }
    let mut shuffled = upward;
    for place in (1..shuffled.len()).rev() {
        let other = usize::try_from(bench.random() % (place as u64 + 1)).unwrap_or_default();
        shuffled.swap(place, other);
    }
    let part = bench.series(&shuffled, Pace::SINGLE)?;
    part.mark_lost(bench);
    lost.extend(part.lost().iter().filter_map(|place| shuffled.get(*place)));
    series.push(part);
    if let Some(verdict) = spoilt(bench, &series)? {
        return Ok(verdict);
    }
    // What was lost by chance comes the next time.
    lost.sort_unstable();
    lost.dedup();
    for len in lost.iter().copied().take(64) {
        let mut is_answered = false;
        for _ in 0..3 {
            let again = bench.series(&[len], Pace::SINGLE)?;
            is_answered = again.lost().is_empty();
            if is_answered {
                break;
            }
        }
        if !is_answered {
            let len = frame_len(bench, len);
            return Ok(Verdict::Failed(format!(
                "a frame of {len} bytes is never answered, longer ones are"
            )));
        }
    }
    match lost.first() {
        Some(shortest) if lost.len() >= 8 => caught(bench, *shortest),
        _ => Ok(Verdict::Passed),
    }
}

/// Bytes or lengths that came back wrong.
fn spoilt(bench: &mut Bench<'_>, series: &[Series]) -> Result<Option<Verdict>, Stop> {
    const LINE: usize = 32;
    let Some((shot, wrong)) = series.iter().find_map(Series::wrong) else {
        return Ok(None);
    };
    let len = frame_len(bench, shot.len);
    for series in series {
        series.mark_wrong(bench);
    }
    Ok(match wrong {
        Wrong::Length(came) => {
            let symptom = if takes_trailers(bench)? {
                Symptom::TrailerTaken
            } else {
                Symptom::WrongLength
            };
            bench.found(symptom);
            Some(Verdict::Failed(format!(
                "an echo of {} bytes comes back with {came}",
                shot.len
            )))
        }
        Wrong::Bytes { first, count } => {
            // Bytes may be the right ones by chance, so all that is wrong has to be inside a line.
            let is_aligned = series.iter().flat_map(|series| &series.shots).all(|shot| {
                shot.answers.iter().all(|answer| match answer.wrong {
                    Some(Wrong::Bytes { first, count }) => {
                        count > LINE / 4 && first % LINE + count <= LINE
                    }
                    _ => true,
                })
            });
            let (line, whole) = if is_aligned {
                (first / LINE * LINE, LINE)
            } else {
                (first, count)
            };
            bench.found(Symptom::Spoilt {
                first: line,
                count: whole,
                is_aligned,
            });
            Some(Verdict::Failed(format!(
                "a frame of {len} bytes comes back wrong from byte {first} on ({} modulo 4, {} modulo 32, {} \
                 modulo 64), {count} bytes of it",
                first % 4,
                first % 32,
                first % 64
            )))
        }
    })
}

/// Whether a short echo with much behind it comes back long.
fn takes_trailers(bench: &mut Bench<'_>) -> Result<bool, Stop> {
    let (mut frame, wanted) = bench.ping(b"abc");
    frame.resize(4 * SHORTEST, 0x55);
    let answer = bench.ask(&frame, |heard| heard.is_reply_to(wanted))?;
    Ok(answer.is_some_and(
        |answer| matches!(answer.said, Said::Echo { data, .. } if data.len() > SHORTEST),
    ))
}

/// From which length on nothing is answered, if there is such.
fn boundary(bench: &mut Bench<'_>, lost: &[usize], most: usize) -> Result<Option<usize>, Stop> {
    if lost.len() < 16 {
        return Ok(None);
    }
    let is_answered = |bench: &mut Bench<'_>, len| {
        for _ in 0..3 {
            let again = bench.series(&[len], Pace::SINGLE)?;
            if again.lost().is_empty() {
                return Ok::<_, Stop>(true);
            }
        }
        Ok(false)
    };
    if is_answered(bench, most)? {
        return Ok(None);
    }
    // The longest that passes is below, and the shortest that doesn't is above.
    let (mut passes, mut fails) = (0, most);
    while fails - passes > 1 {
        let middle = passes.midpoint(fails);
        if is_answered(bench, middle)? {
            passes = middle;
        } else {
            fails = middle;
        }
    }
    Ok(Some(fails))
}

/// Which way long frames are lost: a short packet in a long frame is answered by a short one.
fn way_of_long(bench: &mut Bench<'_>) -> Result<Option<Direction>, Stop> {
    let (mut frame, wanted) = bench.ping(b"a short packet");
    frame.resize(ETHERNET + bench.frames.mtu().min(1500), 0);
    let answer = bench.ask(&frame, |heard| heard.is_reply_to(wanted))?;
    Ok(Some(match answer {
        Some(_) => Direction::Out,
        None => Direction::In,
    }))
}

/// Losses of frames that carry much, and of others none.
fn caught(bench: &mut Bench<'_>, shortest: usize) -> Done {
    const MANY: usize = 300;
    let long = 1400.min(bench.frames.mtu().saturating_sub(headers(bench)));
    let longs = bench.series(&[long; MANY], Pace::SINGLE)?.lost();
    let shorts = bench.series(&[SHORT; MANY], Pace::SINGLE)?.lost();
    if longs.len() < 5 || shorts.len() * 5 > longs.len() || shortest <= SHORT {
        return Ok(Verdict::Passed);
    }
    let period = period(&longs);
    let shortest = frame_len(bench, shortest);
    bench.found(Symptom::SpoiltAndCaught { period, shortest });
    Ok(Verdict::Failed(format!(
        "{} of {MANY} long frames were lost, and {} of {MANY} short ones",
        longs.len(),
        shorts.len()
    )))
}
