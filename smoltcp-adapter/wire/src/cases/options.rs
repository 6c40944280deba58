//! Options: the longest segment, the window's scale, and options that nobody knows.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::flags::{ACK, PSH, SYN};
use crate::bench::{
    Bench, Body, Client, Done, Feature, HALF, Stop, Trait, Verdict, Wants, letters,
};

use super::case;

pub(super) static CASES: [Case<Body>; 6] = [
    case(
        "mss/default",
        Level::Must,
        "RFC 9293, 3.7.1 (MUST-15)",
        "Who announces no MSS gets no segment of more than 536 bytes",
        &[Wants::Server, Wants::V4],
        default,
        "frames that small hosts, or tunnels, have no room for",
    ),
    case(
        "mss/default-ip6",
        Level::Must,
        "RFC 9293, 3.7.1 (MUST-15)",
        "Who announces no MSS over IPv6 gets no segment of more than 1220 bytes",
        &[Wants::Server, Wants::Lines, Wants::V6],
        default6,
        "packets of more than 1280 bytes, which a link need not carry, and no router on the way cuts",
    ),
    case(
        "mss/obeyed",
        Level::Must,
        "RFC 9293, 3.7.1 (MUST-16)",
        "No segment is longer than the MSS that was announced",
        &[Wants::Server],
        obeyed,
        "what is announced in a SYN isn't read, or is written over",
    ),
    case(
        "wscale/honoured",
        Level::Must,
        "RFC 7323, 2.2; 2.3",
        "Windows are scaled where both offered it, by 14 bits at most, and nowhere else",
        &[Wants::Server],
        scale,
        "one side takes the other's window for much less, or much more, than it is",
    ),
    case(
        "opt/unknown",
        Level::Must,
        "RFC 9293, 3.1 (MUST-5, MUST-6)",
        "An option that nobody knows is skipped, in a SYN and with text",
        &[Wants::Server],
        unknown,
        "clients with a newer stack aren't understood",
    ),
    case(
        "opt/unaligned",
        Level::Must,
        "RFC 9293, 3.2 (MUST-64)",
        "An option is read wherever it begins",
        &[Wants::Server],
        unaligned,
        "options are looked for where one's own stack puts them",
    ),
];

/// The longest segment, as an option.
pub(super) const fn mss(bytes: u16) -> [u8; 4] {
    let [high, low] = bytes.to_be_bytes();
    [2, 4, high, low]
}

/// A client with these options.
pub(super) fn with(bench: &mut Bench<'_>, options: &[u8]) -> Client {
    let mut client = bench.client();
    client.options = options.to_vec();
    client
}

/// Says a long name; what is wrong with its greeting.
fn greeted(bench: &mut Bench<'_>, client: &mut Client) -> Result<Option<String>, Stop> {
    if !bench.held(client, 1023)? {
        return Ok(Some("a name isn't acknowledged, four times".to_owned()));
    }
    Ok(bench.finish(client)?.against())
}

fn default(bench: &mut Bench<'_>) -> Done {
    /// 576 less the headers, without options.
    const MOST: usize = 536;
    let mut client = with(bench, &[]);
    if let Some(what) = greeted(bench, &mut client)? {
        return Ok(Verdict::Failed(what));
    }
    let most = u64::try_from(client.most).unwrap_or(u64::MAX);
    bench.portray(Feature::MssDefault, Trait::Bytes(most));
    Ok(Verdict::unless(
        (client.most > MOST).then(|| format!("{} bytes come in one", client.most)),
    ))
}

fn default6(bench: &mut Bench<'_>) -> Done {
    /// 1280 less the headers, without options.
    const MOST: usize = 1220;
    /// So long the answers have to gather.
    const GATHER: Duration = Duration::from_millis(200);
    bench.over_ip6(true);
    let mut client = with(bench, &[]);
    client.acknowledges = false;
    let window = client.window;
    // A window that is closed at first: what waits for it to open goes as soon as that does.
    let Some(mut reply) = bench.asked_by_lines(client, 0, 0)? else {
        return Ok(Verdict::Skipped("its lines aren't served over IPv6"));
    };
    bench.parts(&mut reply, GATHER)?;
    reply.client.window = window;
    let (due, before) = (reply.client.due, reply.high);
    bench.acknowledge(&mut reply, due)?;
    bench.settle(&mut reply)?;
    let at_once = usize::try_from(reply.high.wrapping_sub(before)).unwrap_or_default();
    let most = reply.client.most;
    if let Some(what) = bench.conclude(&mut [reply])?.against() {
        return Ok(Verdict::Inconclusive(what));
    }
    Ok(if most > MOST {
        Verdict::Failed(format!("{most} bytes come in one"))
    } else if at_once > MOST {
        Verdict::Passed
    } else {
        Verdict::Skipped("it sends no more than 1220 bytes at once, whatever was announced")
    })
}

fn obeyed(bench: &mut Bench<'_>) -> Done {
    /// No stack has to send less: some are right to think that who wants it means harm.
    const LEAST: usize = 216;
    let mut noted = None;
    for most in [537, 256, 128] {
        let mut client = with(bench, &mss(most));
        if let Some(what) = greeted(bench, &mut client)? {
            return Ok(Verdict::Failed(format!("MSS {most}: {what}")));
        }
        let said = format!("MSS {most}, and {} bytes come in one", client.most);
        if client.most > usize::from(most).max(LEAST) {
            return Ok(Verdict::Failed(said));
        }
        if client.most <= most.into() {
            bench.portray(Feature::MssLeast, Trait::Bytes(most.into()));
        } else {
            noted = Some(said);
        }
    }
    Ok(noted.map_or(Verdict::Passed, Verdict::Noted))
}

fn scale(bench: &mut Bench<'_>) -> Done {
    const SCALE: u8 = 3;
    let mut client = bench.client();
    let syn = client.syn();
    client.next = syn.end();
    let Some(answer) = bench.elicit(&mut client, &syn, |answer| answer.has(SYN))? else {
        return Ok(Verdict::Failed(
            "no answer to a SYN, three times".to_owned(),
        ));
    };
    bench.abort(&mut client)?;
    if answer.option(SCALE).is_some() {
        return Ok(Verdict::Failed(
            "it scales its window for who didn't offer to scale".to_owned(),
        ));
    }
    // Both windows are worth more than a greeting, if they are scaled.
    for (shift, window) in [(7, 16), (15, 1)] {
        let options = [&mss(536)[..], &[1, SCALE, 3, shift]].concat();
        let mut client = with(bench, &options);
        let syn = client.syn();
        client.next = syn.end();
        let Some(answer) = bench.elicit(&mut client, &syn, |answer| answer.has(SYN))? else {
            return Ok(Verdict::Failed(format!(
                "no answer to a SYN with a scale of {shift}"
            )));
        };
        if answer.option(SCALE).is_some() {
            client.window = window;
        }
        bench.transmit(&client.segment(ACK, b""))?;
        bench.half_said(&mut client, 500)?;
        if let Some(what) = bench.finish(&mut client)?.against() {
            return Ok(Verdict::Failed(format!("with a scale of {shift}: {what}")));
        }
        if client.most <= window.into() {
            return Ok(Verdict::Failed(format!(
                "a window of {window}, to be shifted by {shift}, is taken for one of {window} bytes"
            )));
        }
    }
    Ok(Verdict::Passed)
}

/// A greeting beyond an MSS of 256 that stands among other options; and text with options, if there are some.
fn among(bench: &mut Bench<'_>, syn: &[u8], beside_text: &[u8]) -> Done {
    const MOST: usize = 256;
    let mut client = with(bench, syn);
    if !bench.open(&mut client)? {
        return Ok(Verdict::Failed(
            "no answer to such a SYN, four times".to_owned(),
        ));
    }
    let len = client.longest().min(300).saturating_sub(HALF.len());
    let text = [&letters(0, len), HALF].concat();
    let piece = client.segment(ACK | PSH, &text);
    let piece = piece.options(beside_text);
    let behind = piece.end();
    client.next = behind;
    client.said.clone_from(&piece.text);
    if !bench.until(&mut client, &piece, |client| client.acked == behind)? {
        return Ok(Verdict::Failed(
            "text beside such an option isn't acknowledged, four times".to_owned(),
        ));
    }
    if let Some(what) = bench.finish(&mut client)?.against() {
        return Ok(Verdict::Failed(what));
    }
    Ok(Verdict::unless((client.most > MOST).then(|| {
        format!(
            "the MSS of {MOST} among them isn't seen: {} bytes come in one segment",
            client.most
        )
    })))
}

fn unknown(bench: &mut Bench<'_>) -> Done {
    // For experiments (RFC 4727, section 7): nobody knows this one.
    const NOBODYS: [u8; 4] = [253, 4, 0xaa, 0x55];
    among(bench, &[NOBODYS, mss(256)].concat(), &NOBODYS)
}

fn unaligned(bench: &mut Bench<'_>) -> Done {
    among(bench, &[&[1][..], &mss(256), &[1, 1, 1]].concat(), &[])
}
