//! How long a client waits for an answer over UDP before it goes on to its next message.
//!
//! The answer still counts until its timeout: so one lost datagram doesn't stall a client for all
//! of that time.

use std::time::Duration;

/// Learns from the answers that come.
#[derive(Default)]
pub struct Patience {
    /// How long answers take, smoothed.
    usual: Option<Duration>,
}

impl Patience {
    /// Nobody goes on earlier: a server is a process that must wait for its processor.
    const LEAST: Duration = Duration::from_millis(10);

    /// With no answer at all, silence doubles the wait up to this.
    const SILENT: Duration = Duration::from_millis(100);

    /// An answer took so long.
    pub fn heard(&mut self, took: Duration) {
        // An eighth, as RFC 6298 smooths.
        self.usual = Some(match self.usual {
            Some(usual) => usual / 8 * 7 + took / 8,
            None => took,
        });
    }

    /// How long to wait after so many messages in a row without an answer.
    pub fn wait(&self, silences: u32) -> Duration {
        let Some(usual) = self.usual else {
            return Self::SILENT;
        };
        let wait = usual.saturating_mul(4).max(Self::LEAST);
        let doubled = wait.saturating_mul(1 << silences.min(4));
        doubled.min(wait.max(Self::SILENT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_answers_and_grows_with_silence() {
        let ms = Duration::from_millis;
        let mut patience = Patience::default();
        assert_eq!(patience.wait(0), ms(100));
        patience.heard(ms(1));
        assert_eq!(
            [0, 1, 3, 4, u32::MAX].map(|silences| patience.wait(silences)),
            [ms(10), ms(20), ms(80), ms(100), ms(100)]
        );
        for _ in 0..100 {
            patience.heard(ms(400));
        }
        // A slow link: silence says nothing before four times the usual.
        assert!((ms(1500)..=ms(1600)).contains(&patience.wait(0)));
        assert_eq!(patience.wait(0), patience.wait(9));
    }

    #[test]
    fn no_time_overflows() {
        let mut patience = Patience::default();
        patience.heard(Duration::MAX);
        patience.heard(Duration::MAX);
        assert!(patience.wait(9) > Duration::from_secs(1 << 60));
    }
}
