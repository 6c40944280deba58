//! A ladder as SVG: slanted arrows, as long under way as they are steep.
//!
//! Time runs down, but not evenly: a long silence takes little more room than a short one.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::time::Duration;

use smoltcp::time::Instant;

use super::{Ladder, Look, Step, millis};

const WIDTH: i32 = 960;
const LEFT: i32 = 200;
const RIGHT: i32 = WIDTH - LEFT;
const TOP: i32 = 64;
/// The least distance between two events.
const ROW: i32 = 22;

/// Something that happens at one end of an arrow.
#[derive(Clone, Copy)]
struct Happening {
    at: Instant,
    step: usize,
    is_arrival: bool,
}

/// From where to where an arrow goes.
#[derive(Clone, Copy, Default)]
struct Span {
    start: i32,
    end: i32,
}

impl Ladder {
    /// The picture, as the text of an SVG file.
    pub fn svg(&self) -> String {
        let (spans, silences, bottom) = self.lay_out();
        let mut svg = String::new();
        let height = bottom + 60;
        push(
            &mut svg,
            format_args!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="Helvetica, Arial, sans-serif" font-size="12">"#
            ),
        );
        push(
            &mut svg,
            format_args!(r#"<rect width="{WIDTH}" height="{height}" fill="white"/>"#),
        );
        for (x, label) in [(LEFT, &self.left), (RIGHT, &self.right)] {
            push(
                &mut svg,
                format_args!(
                    r##"<text x="{x}" y="36" text-anchor="middle" font-size="14" font-weight="bold">{}</text><line x1="{x}" y1="48" x2="{x}" y2="{}" stroke="#555" stroke-width="2"/>"##,
                    escape(label),
                    bottom + 10
                ),
            );
        }
        for (y, silence) in silences {
            push(
                &mut svg,
                format_args!(
                    r##"<text x="{}" y="{y}" text-anchor="middle" fill="#777" font-style="italic">{} of silence</text>"##,
                    WIDTH / 2,
                    millis(Instant::ZERO + silence.into())
                ),
            );
        }
        for (step, span) in self.steps.iter().zip(&spans) {
            step.draw_line(&mut svg, *span);
        }
        for (step, span) in self.steps.iter().zip(&spans) {
            step.draw_words(&mut svg, *span);
        }
        legend(&mut svg, bottom + 40);
        push(&mut svg, format_args!("</svg>"));
        svg
    }

    /// Where each arrow goes; where long silences are; and how far down it all reaches.
    fn lay_out(&self) -> (Vec<Span>, Vec<(i32, Duration)>, i32) {
        let mut happenings = Vec::new();
        for (step, packet) in self.steps.iter().enumerate() {
            happenings.push(Happening {
                at: packet.sent,
                step,
                is_arrival: false,
            });
            if let Some(at) = packet.arrival() {
                happenings.push(Happening {
                    at,
                    step,
                    is_arrival: true,
                });
            }
        }
        // Of what happens at the same time, arrivals come first, unless nothing was sent yet.
        happenings.sort_by_key(|happening| (happening.at, !happening.is_arrival, happening.step));
        let mut spans: Vec<Span> = self.steps.iter().map(|_| Span::default()).collect();
        let mut silences = Vec::new();
        let mut y = TOP;
        let mut last = None;
        let mut under_way = 0_i32;
        for Happening {
            at,
            step,
            is_arrival,
        } in happenings
        {
            if let Some(last) = last {
                let passed = Duration::from(at - last);
                let gap = ROW + 2 * logarithm(passed);
                if under_way == 0 && passed >= Duration::from_millis(100) {
                    silences.push((y + gap / 2 + 10, passed));
                    y += 12;
                }
                y += gap;
            }
            last = Some(at);
            let Some(span) = spans.get_mut(step) else {
                continue;
            };
            if is_arrival {
                under_way -= 1;
                span.end = y;
            } else {
                under_way += i32::from(self.steps.get(step).is_some_and(|s| s.arrival().is_some()));
                *span = Span {
                    start: y,
                    end: y + ROW,
                };
            }
        }
        // What never arrives looks as if it would have taken as long as the one before it.
        let mut falls = [2 * ROW; 2];
        for (step, span) in self.steps.iter().zip(&mut spans) {
            let fall = &mut falls[usize::from(step.rightwards)];
            if step.arrival().is_some() {
                *fall = (span.end - span.start).min(4 * ROW);
            } else {
                span.end = span.start + *fall * 2 / 3;
            }
        }
        (spans, silences, y + 2 * ROW)
    }
}

impl Step {
    fn draw_line(&self, svg: &mut String, span: Span) {
        let look = self.look();
        let (colour, dashes) = look.stroke();
        let Span { start, end } = span;
        let (from, tip) = self.reach();
        push(
            svg,
            format_args!(
                r#"<line x1="{from}" y1="{start}" x2="{tip}" y2="{end}" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dashes}"/>"#
            ),
        );
        time(svg, self.rightwards, start, self.sent);
        if let Some(arrival) = self.arrival() {
            time(svg, !self.rightwards, end, arrival);
        }
    }

    /// The head of the arrow, and what it says. Both are drawn along it: as if it were level, and
    /// then turned about its tail.
    fn draw_words(&self, svg: &mut String, span: Span) {
        let look = self.look();
        let (colour, _) = look.stroke();
        let Span { start, end } = span;
        let (from, tip) = self.reach();
        let run = f64::from((tip - from).abs());
        let turn = f64::from(end - start).atan2(run).to_degrees();
        let length = f64::from(end - start).hypot(run);
        let (turn, anchor, side) = if self.rightwards {
            (turn, "start", 1.0)
        } else {
            (-turn, "end", -1.0)
        };
        let (head, label) = (side * length, side * 14.0);
        push(
            svg,
            format_args!(
                r#"<g transform="translate({from} {start}) rotate({turn:.1})" fill="{colour}">"#
            ),
        );
        match look {
            Look::Lost => push(
                svg,
                format_args!(
                    r#"<path d="M{:.1} -6l12 12m0 -12l-12 12" stroke="{colour}" stroke-width="2.5"/>"#,
                    head - 6.0
                ),
            ),
            Look::UnderWay => {}
            _ => push(
                svg,
                format_args!(r#"<path d="M{head:.1} 0l{:.1} -4.5v9z"/>"#, side * -10.0),
            ),
        }
        let remark = match self.remark() {
            "" => String::new(),
            remark => format!(r#" <tspan font-weight="bold">{}</tspan>"#, escape(remark)),
        };
        // White around the letters, so that arrows that cross don't hide them.
        push(
            svg,
            format_args!(
                r#"<text x="{label:.1}" y="-4" text-anchor="{anchor}" stroke="white" stroke-width="3" paint-order="stroke">{}{remark}</text></g>"#,
                escape(&self.words)
            ),
        );
    }

    /// From where to where the arrow goes, across. What never arrives gets two thirds of the way.
    fn reach(&self) -> (i32, i32) {
        let (from, to) = if self.rightwards {
            (LEFT, RIGHT)
        } else {
            (RIGHT, LEFT)
        };
        match self.look() {
            Look::Lost | Look::UnderWay => (from, from + (to - from) * 2 / 3),
            _ => (from, to),
        }
    }
}

impl Look {
    /// Colour and dashes. The colours differ for colour-blind eyes as well (Okabe and Ito, 2008).
    fn stroke(self) -> (&'static str, &'static str) {
        match self {
            Self::Fine => ("#222222", "none"),
            Self::Late => ("#0072b2", "10 3"),
            Self::Copy => ("#777777", "2 3"),
            Self::Corrupt => ("#b86b00", "6 4"),
            Self::Lost => ("#d00000", "none"),
            Self::UnderWay => ("#777777", "1 5"),
        }
    }
}

/// A time beside the left or the right life line.
fn time(svg: &mut String, on_the_left: bool, y: i32, time: Instant) {
    let (x, anchor) = if on_the_left {
        (LEFT - 10, "end")
    } else {
        (RIGHT + 10, "start")
    };
    push(
        svg,
        format_args!(
            r##"<text x="{x}" y="{}" text-anchor="{anchor}" fill="#555" font-size="11">{}</text>"##,
            y + 4,
            millis(time)
        ),
    );
}

fn legend(svg: &mut String, y: i32) {
    let looks = [
        (Look::Fine, "arrives"),
        (Look::Lost, "lost"),
        (Look::Corrupt, "corrupt"),
        (Look::Late, "late"),
        (Look::Copy, "copy"),
    ];
    let mut x = LEFT;
    for (look, word) in looks {
        let (colour, dashes) = look.stroke();
        push(
            svg,
            format_args!(
                r#"<line x1="{x}" y1="{}" x2="{}" y2="{}" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dashes}"/><text x="{}" y="{y}" fill="{colour}">{word}</text>"#,
                y - 4,
                x + 36,
                y - 4,
                x + 42
            ),
        );
        x += 115;
    }
}

/// How many times the microseconds of this time can be halved.
fn logarithm(time: Duration) -> i32 {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    micros
        .checked_ilog2()
        .and_then(|log| i32::try_from(log).ok())
        .unwrap_or(0)
}

fn push(svg: &mut String, element: core::fmt::Arguments<'_>) {
    // Writing to a string can't fail.
    let _ = svg.write_fmt(element);
    svg.push('\n');
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
