//! The honest client: whether a server of this protocol is there, and still is.

use core::time::Duration;

use super::client::AGAIN;
use super::{Bench, Greeting, Stop};

/// How much of a name is held open.
const HELD: usize = 10;

/// So long no answer comes to it.
const QUIET: Duration = Duration::from_millis(200);

impl Bench<'_> {
    /// What any client does: connects, says a name, with its end or without, and takes the greeting.
    fn greet(&mut self, name: &[u8], is_end: bool) -> Result<Greeting, Stop> {
        let mut client = self.client();
        if !self.open(&mut client)? {
            let what = if client.is_reset {
                "the connection is refused"
            } else {
                "nobody answers a SYN, four times"
            };
            self.forget(client.ports.0);
            return Ok(Greeting::Wrong(what.to_owned()));
        }
        self.say(&mut client, name, is_end)?;
        self.reply(&mut client)
    }

    /// Whether a server of this protocol is there. Whoever has none may not even refuse a connection.
    pub(crate) fn has_server(&mut self) -> Result<bool, Stop> {
        let mut client = self.client();
        for _ in 0..2 {
            self.transmit(&client.syn())?;
            let until = self.now() + AGAIN;
            if self.hear(&mut client, until)?.is_some() {
                if client.is_reset {
                    break;
                }
                self.abort(&mut client)?;
                return Ok(self.is_serving()? == Greeting::Right && self.holds_names()?);
            }
        }
        self.forget(client.ports.0);
        Ok(false)
    }

    /// Whether a name is held open by half a character, in one of three attempts. Where it isn't, the stack isn't
    /// blamed for it.
    fn holds_names(&mut self) -> Result<bool, Stop> {
        for _ in 0..3 {
            let Some(mut client) = self.hold(HELD)? else {
                continue;
            };
            self.listen(&mut client, QUIET)?;
            let is_quiet = client.text.is_empty() && !client.has_fin;
            if is_quiet && self.finish(&mut client)? == Greeting::Right {
                return Ok(true);
            }
            self.abort(&mut client)?;
        }
        Ok(false)
    }

    /// Whether an honest client is greeted, in one of three attempts. It ends its side with its name, as then the
    /// board keeps nothing of it afterwards; or after the reply, where that is of no use.
    pub(crate) fn is_serving(&mut self) -> Result<Greeting, Stop> {
        let mut greeting = Greeting::Right;
        for attempt in 0..3 {
            if attempt > 0 {
                self.pause(AGAIN)?;
            }
            let is_end = !self.ends_late && attempt == 0;
            greeting = self.greet("Grüße".as_bytes(), is_end)?;
            if greeting == Greeting::Right {
                self.ends_late |= !is_end && attempt > 0;
                break;
            }
        }
        Ok(greeting)
    }
}
