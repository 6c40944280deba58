//! `greet hello` and `greet send`: one name, one message; or a name for each line.

mod lines;

#[cfg(feature = "serial")]
pub use lines::{Input, print};

use std::io::{self, Read};

use anyhow::{Context, Result, bail};
use greet_std::core::error::TextError;
use greet_std::core::limits::MAX_TEXT;
use greet_std::core::request::RequestError;
use greet_std::core::text::Text;
use greet_std::{Client, Error};

use crate::args::{HelloArgs, SendArgs};
use crate::console;
use crate::count;

pub fn hello(args: &HelloArgs) -> Result<()> {
    if args.lines {
        return lines::run(args);
    }
    let name = argument_or_stdin(&args.name)?;
    let name = text(&name, "name")?;
    let addresses = args.to.resolve()?;
    let client = Client::new().timeout(args.timeout);
    let mut takes_fin = true;
    let mut greeted = client.greet(&*addresses, name);
    if let Err(error) = &greeted
        && !name.as_bytes().is_empty()
        && fin_may_have_cost_it(error)
        && let Ok(greeting) = client.half_close(false).greet(&*addresses, name)
    {
        (greeted, takes_fin) = (Ok(greeting), false);
    }
    let greeting = greeted.map_err(|error| args.to.unreached(&addresses, error))?;
    args.to.say_taken(&addresses, greeting.from());
    if !takes_fin {
        console::complain(format_args!(
            "greet: FIN behind the name may have cost the reply: {} answered when none was sent (a \
             stack or server that takes FIN for the end of the connection does so; `greet probe` tells)",
            greeting.from()
        ));
    }
    console::print(format!("Received: {greeting}\n").as_bytes())
}

/// Whether a server that takes FIN for the end of the connection would have done this.
fn fin_may_have_cost_it(error: &Error) -> bool {
    matches!(
        error,
        Error::Request {
            cause: RequestError::CutShort { .. }
                | RequestError::Connection(_)
                | RequestError::TimedOut,
            ..
        }
    )
}

pub fn send(args: &SendArgs) -> Result<()> {
    if let Some(count) = args.count {
        return count::send(args, count);
    }
    let message = argument_or_stdin(&args.message)?;
    let message = text(&message, "message")?;
    let addresses = args.to.resolve()?;
    let taken = greet_std::send(&*addresses, message)
        .map_err(|error| args.to.unreached(&addresses, error))?;
    args.to.say_taken(&addresses, taken);
    Ok(())
}

/// `-` stands for what comes on stdin; no more of it is read than shows that it is too long.
pub fn argument_or_stdin(argument: &str) -> Result<Vec<u8>> {
    if argument != "-" {
        return Ok(argument.as_bytes().to_vec());
    }
    let mut bytes = Vec::new();
    let limit = MAX_TEXT as u64 + 1;
    io::stdin()
        .lock()
        .take(limit)
        .read_to_end(&mut bytes)
        .context("can't read stdin")?;
    Ok(bytes)
}

fn text<'a>(bytes: &'a [u8], what: &str) -> Result<Text<'a>> {
    match Text::from_bytes(bytes) {
        Ok(text) => Ok(text),
        Err(error @ TextError::TooLong) => {
            bail!("the {what} is {error}: shorten it; nothing was sent")
        }
        Err(error) => bail!("the {what} is {error}: convert it to UTF-8; nothing was sent"),
    }
}
