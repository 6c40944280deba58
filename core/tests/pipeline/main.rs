//! A client that pipelines: by rules, one after the other, and by chance, against a reference of a few lines.

mod chance;
mod rules;

use core::time::Duration;

use greet_core::machine::Machine;
use greet_core::pipeline::Pipeline;
use greet_core::text::Text;
use greet_core::time::Instant;

pub(crate) const START: Instant = Instant::from_millis(50_000);
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn text(name: &str) -> Text<'_> {
    Text::new(name).expect("short")
}

/// All that it has to send leaves.
pub(crate) fn leave<const N: usize>(pipeline: &mut Pipeline<N>, now: Instant) -> Vec<u8> {
    let mut sent = Vec::new();
    loop {
        let piece = pipeline.transmit().to_vec();
        let fin = pipeline.want().writes() && pipeline.fin_follows();
        pipeline.transmitted(piece.len(), now);
        sent.extend_from_slice(&piece);
        if fin {
            pipeline.finished(now);
        }
        if fin || piece.is_empty() {
            return sent;
        }
    }
}

/// As many of these bytes as there is space for come.
pub(crate) fn come<const N: usize>(
    pipeline: &mut Pipeline<N>,
    bytes: &[u8],
    now: Instant,
) -> usize {
    let space = pipeline.space();
    let n = space.len().min(bytes.len());
    space[..n].copy_from_slice(&bytes[..n]);
    pipeline.received(n, now);
    n
}
