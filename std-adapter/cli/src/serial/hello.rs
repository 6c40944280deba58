//! `greet hello --serial`: one name, or a name for each line of stdin, over a serial line.

use std::time;

use anyhow::{Result, anyhow, bail};
use greet_std::core::drive::drive;
use greet_std::core::machine::Machine as _;
use greet_std::core::pipeline::{End, Pipeline};
use greet_std::core::text::shown;
use greet_std::core::time::Instant;

use super::begin::Begin;
use crate::args::HelloArgs;
use crate::hello::{Input, argument_or_stdin, print};

/// Greets what is asked for.
///
/// # Errors
///
/// A name was refused, can't be sent, or nobody answers; those before it are greeted.
pub fn hello(args: &HelloArgs) -> Result<()> {
    let Some(mut port) = args.serial.open()? else {
        bail!("no serial port was named");
    };
    let mut input = if args.lines {
        Input::of_stdin(None)?
    } else {
        Input::of_name(&argument_or_stdin(&args.name)?)
    }
    .without_fin();
    let start = time::Instant::now();
    let clock = || Instant::at(start.elapsed());
    Begin::run(&mut port, args.timeout, clock)?;
    let mut pipeline = Box::new(Pipeline::<4096>::new(args.timeout));
    loop {
        let is_over = input.feed(&mut pipeline);
        let now = clock();
        let more = drive(&mut *pipeline, &mut port, now);
        print(&mut pipeline)?;
        let answered = pipeline.answered();
        let name = port.name();
        match pipeline.outcome().map(|outcome| outcome.end) {
            // No FIN says that all is answered, and none has to.
            None if is_over && pipeline.in_flight() == 0 => return input.conclude(answered),
            None if more => {}
            None => port.wait(pipeline.want().reads(), pipeline.due(), now),
            Some(End::Refused) => {
                let sentence = pipeline.refusal().unwrap_or_default();
                bail!("{name} refused line {}: {}", answered + 1, shown(sentence));
            }
            Some(End::Failed(_)) if port.is_gone() => return Err(port.gone()),
            Some(End::Failed(error)) => {
                return Err(anyhow!(
                    "no greeting for line {} on {name}: {error} (does it lose bytes? --flow-control, or \
                     a lower --baud at both ends, may help)",
                    answered + 1
                ));
            }
            Some(_) => return Err(port.gone()),
        }
    }
}
