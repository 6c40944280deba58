//! What a link shall do to frames, as a line of text: `loss=5%,delay=20ms,seed=7`.
//!
//! The link itself is `smoltcp-sim`'s. With one seed the same frames are lost each time, by their numbers.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use smoltcp_sim::{Bursts, Link, Probability};

/// What happens to frames on their way, in both directions alike.
///
/// ```
/// use greet_wire::Impairment;
///
/// let rough: Impairment = "loss=5%,reorder=2%,delay=20ms,jitter=5ms,rate=1M,seed=7".parse()?;
/// assert_eq!(rough.seed, Some(7));
/// assert!("loss=much".parse::<Impairment>().is_err());
/// # Ok::<(), greet_wire::BadImpairment>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Impairment {
    /// The link.
    pub link: Link,
    /// Which frames it hits; `None`: others each time.
    pub seed: Option<u64>,
    /// As it was written, without the seed.
    written: Vec<String>,
    /// Frames come late or not at all.
    is_untimely: bool,
}

/// What a line should have said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadImpairment(String);

const KEYS: &str =
    "loss, burst, reorder, hold, duplicate, corrupt, delay, jitter, rate, queue, seed";

impl Impairment {
    /// Whether segments may arrive otherwise than they were sent: later, or not at all.
    pub fn is_untimely(&self) -> bool {
        self.is_untimely
    }
}

impl FromStr for Impairment {
    type Err = BadImpairment;

    fn from_str(text: &str) -> Result<Self, BadImpairment> {
        let mut all = Self::default();
        let mut reordering = Probability::NEVER;
        let mut held = Duration::from_millis(10);
        let mut known = Vec::new();
        for part in text.split(',').map(str::trim) {
            let Some((key, value)) = part.split_once('=') else {
                return Err(bad(format!(
                    "`{part}` says nothing: write what and how much, such as loss=5%"
                )));
            };
            if known.contains(&key) {
                return Err(bad(format!("{key} is said twice")));
            }
            known.push(key);
            let link = all.link.clone();
            all.link = match key {
                "loss" => link.loss(share(key, value)?),
                "burst" => link.bursts(bursts(value)?),
                "duplicate" => link.duplication(share(key, value)?),
                "corrupt" => link.corruption(share(key, value)?),
                "delay" => link.latency(span(key, value)?),
                "jitter" => link.jitter(span(key, value)?),
                "rate" => link.rate(amount(key, value)?),
                "queue" => link.queue(amount(key, value)?),
                "reorder" => {
                    reordering = share(key, value)?;
                    link
                }
                "hold" => {
                    held = span(key, value)?;
                    link
                }
                "seed" => {
                    let seed = value.parse();
                    let seed =
                        seed.map_err(|_| bad(format!("a seed is a number, not `{value}`")))?;
                    all.seed = Some(seed);
                    continue;
                }
                _ => return Err(bad(format!("there is no {key}: there are {KEYS}"))),
            };
            all.is_untimely = true;
            all.written.push(part.to_owned());
        }
        if held.is_zero() {
            return Err(bad(
                "what is held for no time is overtaken by nobody".to_owned()
            ));
        }
        all.link = all.link.reordering(reordering, held);
        Ok(all)
    }
}

fn bad(sentence: String) -> BadImpairment {
    BadImpairment(sentence)
}

/// `5%` or `0.25%`, to a millionth.
fn share(key: &str, value: &str) -> Result<Probability, BadImpairment> {
    let parts = value.strip_suffix('%').and_then(|number| {
        let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || rest.len() > 4 || !is_number(whole) || !is_number(rest) {
            return None;
        }
        let parts = format!("{whole}{rest:0<4}").parse::<u32>().ok()?;
        (parts <= 1_000_000).then_some(parts)
    });
    let parts =
        parts.ok_or_else(|| bad(format!("{key} is a share from 0% to 100%, not `{value}`")))?;
    Ok(Probability::parts_per_million(parts))
}

/// `1%x5`: with each frame a burst begins by that chance, and takes five frames on the average.
fn bursts(value: &str) -> Result<Bursts, BadImpairment> {
    let wrong = || {
        bad(format!(
            "burst is how often one begins and how many frames it takes, such as 1%x5, not `{value}`"
        ))
    };
    let (begin, length) = value.split_once('x').ok_or_else(wrong)?;
    let begin = share("burst", begin).map_err(|_| wrong())?;
    let length: u32 = length.parse().map_err(|_| wrong())?;
    let end = 1_000_000_u32.checked_div(length).ok_or_else(wrong)?;
    Ok(Bursts::new(
        begin,
        Probability::parts_per_million(end.max(1)),
    ))
}

/// `20ms`, `1s` or `500us`.
fn span(key: &str, value: &str) -> Result<Duration, BadImpairment> {
    /// Longer than anything here takes.
    const MOST: Duration = Duration::from_hours(1);
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let span = number.parse::<u64>().ok().and_then(|number| match unit {
        "us" | "µs" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        _ => None,
    });
    span.filter(|span| *span <= MOST).ok_or_else(|| {
        bad(format!(
            "{key} is a time up to an hour, such as 20ms, not `{value}`"
        ))
    })
}

/// `1M`, `64k` or `300`, and not 0.
fn amount(key: &str, value: &str) -> Result<u64, BadImpairment> {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let times: Option<u64> = match unit {
        "" => Some(1),
        "k" => Some(1_000),
        "M" => Some(1_000_000),
        "G" => Some(1_000_000_000),
        _ => None,
    };
    let amount = times.and_then(|times| number.parse::<u64>().ok()?.checked_mul(times));
    amount.filter(|amount| *amount > 0).ok_or_else(|| {
        let what = if key == "rate" {
            "bits in a second"
        } else {
            "bytes"
        };
        bad(format!(
            "{key} is a number of {what}, such as 64k or 1M, not `{value}`"
        ))
    })
}

/// As it is written, the seed included.
impl fmt::Display for Impairment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written.join(","))?;
        if let Some(seed) = self.seed {
            let comma = if self.written.is_empty() { "" } else { "," };
            write!(f, "{comma}seed={seed}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_meant() {
        let text = "loss=0.25%,burst=1%x4,reorder=2%,hold=15ms,duplicate=1%,corrupt=100%,delay=20ms,\
                    jitter=500us,rate=1M,queue=64k,seed=7";
        let all: Impairment = text.parse().expect("it is right");
        assert_eq!(all.to_string(), text);
        let link = format!("{:?}", all.link);
        for part in [
            "latency: 20ms",
            "jitter: 500µs",
            "loss: Probability { parts: 2500 }",
            "begin: Probability { parts: 10000 }, end: Probability { parts: 250000 }",
            "duplication: Probability { parts: 10000 }",
            "reordering: Probability { parts: 20000 }",
            "held: 15ms",
            "corruption: Probability { parts: 1000000 }",
            "rate: Some(1000000)",
            "queue: 64000",
        ] {
            assert!(link.contains(part), "{part} isn't in {link}");
        }
        assert!(all.is_untimely());
        let seed: Impairment = "seed=1".parse().expect("it is right");
        assert!(!seed.is_untimely());
    }

    #[test]
    fn what_is_wrong_gets_a_sentence() {
        for (text, sentence) in [
            ("", "`` says nothing"),
            ("loss", "`loss` says nothing"),
            ("lose=5%", "there is no lose: there are loss, burst"),
            ("loss=5", "loss is a share from 0% to 100%, not `5`"),
            ("loss=101%", "not `101%`"),
            ("loss=-1%", "not `-1%`"),
            ("loss=.5%", "not `.5%`"),
            ("loss=0.00001%", "not `0.00001%`"),
            ("loss=99999999999%", "not `99999999999%`"),
            ("burst=1%", "such as 1%x5"),
            ("burst=1%x0", "such as 1%x5"),
            ("delay=20", "such as 20ms, not `20`"),
            ("delay=2h", "not `2h`"),
            ("delay=4000s", "up to an hour"),
            ("rate=0", "bits in a second"),
            ("rate=99999999999999999999", "bits in a second"),
            ("rate=99999999999G", "bits in a second"),
            ("queue=1T", "number of bytes"),
            ("hold=0ms", "overtaken by nobody"),
            ("seed=x", "a seed is a number, not `x`"),
            ("loss=1%,loss=2%", "loss is said twice"),
        ] {
            let error = text.parse::<Impairment>().expect_err(text).to_string();
            assert!(error.contains(sentence), "{text}: {error}");
        }
    }
}
