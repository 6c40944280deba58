//! A ladder as SVG: slanted arrows, as long under way as they are steep.
//!
//! Time runs down, but not evenly: a long silence takes little more room than a short one.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::time::Duration;

use smoltcp::time::Instant;

use super::{Ladder, Look, Step, millis};

const WIDTH: i32 = 1160;
const LEFT: i32 = 290;
const RIGHT: i32 = WIDTH - LEFT;
const TOP: i32 = 64;
/// Room for a time in the margin.
const TIME: i32 = 84;
/// How wide a letter is, more or less.
const LETTER: i32 = 7;
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
        let [left, right] = self.overhang();
        let (width, edge) = (left + WIDTH + right, -left);
        push(
            &mut svg,
            format_args!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="{edge} 0 {width} {height}" font-family="Helvetica, Arial, sans-serif" font-size="12">"#
            ),
        );
        push(
            &mut svg,
            format_args!(r#"<rect x="{edge}" width="{width}" height="{height}" fill="white"/>"#),
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

    /// How far remarks reach beyond the usual width, to the left and to the right.
    fn overhang(&self) -> [i32; 2] {
        let longest = |on_the_left: bool| {
            let remarks = self.steps.iter().map(|step| {
                if step.rightwards == on_the_left {
                    step.remark_on_sending().chars().count()
                } else {
                    step.remark_on_arrival().len()
                }
            });
            let letters = i32::try_from(remarks.max().unwrap_or(0)).unwrap_or(0);
            (TIME + 20 + letters.saturating_mul(LETTER) - LEFT).max(0)
        };
        [true, false].map(longest)
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
        let (colour, dashes) = self.look().stroke();
        let Span { start, end } = span;
        let (from, tip) = self.reach();
        push(
            svg,
            format_args!(
                r#"<line x1="{from}" y1="{start}" x2="{tip}" y2="{end}" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dashes}"/>"#
            ),
        );
        // Each time has a row of its own, and so have the remarks beside it.
        let sending = self.remark_on_sending();
        margin(svg, self.rightwards, start, self.sent, &sending, colour);
        if let Some(arrival) = self.arrival() {
            let remark = self.remark_on_arrival();
            margin(svg, !self.rightwards, end, arrival, remark, colour);
        }
    }

    /// The head of the arrow, and what it says. Both are drawn along it: as if it were level, and
    /// then turned about its tail.
    fn draw_words(&self, svg: &mut String, span: Span) {
        let look = self.look();
        let (colour, _) = look.stroke();
        let Span { start, end } = span;
        let (from, tip) = self.reach();
        let slope = Slope::of(tip - from, end - start);
        let (anchor, side) = if self.rightwards {
            ("start", 1)
        } else {
            ("end", -1)
        };
        let Slope { cosine, sine, .. } = slope;
        push(
            svg,
            format_args!(
                r#"<g transform="matrix({} {} {} {} {from} {start})" fill="{colour}">"#,
                Thousandths(cosine),
                Thousandths(sine),
                Thousandths(-sine),
                Thousandths(cosine),
            ),
        );
        // White around the letters, so that arrows that cross keep away from them.
        push(
            svg,
            format_args!(
                r#"<text x="{}" y="-6" text-anchor="{anchor}" stroke="white" stroke-width="4" stroke-linejoin="round" paint-order="stroke">{}</text>"#,
                side * 14,
                escape(&self.words)
            ),
        );
        let head = side * slope.length;
        match look {
            Look::Lost => push(
                svg,
                format_args!(
                    r#"<path d="M{} -6l12 12m0 -12l-12 12" stroke="{colour}" stroke-width="2.5"/></g>"#,
                    head - 6
                ),
            ),
            Look::UnderWay => push(svg, format_args!("</g>")),
            _ => push(
                svg,
                format_args!(r#"<path d="M{head} 0l{} -4.5v9z"/></g>"#, side * -10),
            ),
        }
    }

    /// From where to where the arrow goes, across. What never arrives gets two thirds of the way,
    /// or more, to have room for its words.
    fn reach(&self) -> (i32, i32) {
        let (from, to) = if self.rightwards {
            (LEFT, RIGHT)
        } else {
            (RIGHT, LEFT)
        };
        match self.look() {
            Look::Lost | Look::UnderWay => {
                let words = i32::try_from(self.words.chars().count()).unwrap_or(0) * LETTER;
                let run = (words + 40).max((RIGHT - LEFT) * 2 / 3);
                (
                    from,
                    from + (to - from).signum() * run.min(RIGHT - LEFT - 20),
                )
            }
            _ => (from, to),
        }
    }
}

/// How an arrow leans, in thousandths, and how long it is.
struct Slope {
    cosine: i64,
    sine: i64,
    length: i32,
}

impl Slope {
    /// Of an arrow that goes so far across and down. One that goes to the left leans the other way.
    fn of(across: i32, down: i32) -> Self {
        let (run, fall) = (i64::from(across.abs()), i64::from(down));
        let thousandths = ((run * run + fall * fall) * 1_000_000).isqrt().max(1);
        Self {
            cosine: run * 1_000_000 / thousandths,
            sine: fall * 1_000_000 / thousandths * i64::from(across.signum()),
            length: i32::try_from((thousandths + 500) / 1000).unwrap_or(i32::MAX),
        }
    }
}

/// A number of thousandths, written with a point.
struct Thousandths(i64);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let number = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:03}", number / 1000, number % 1000)
    }
}

impl Look {
    /// Colour and dashes. The colours differ for colour-blind eyes as well (Okabe and Ito, 2008).
    fn stroke(self) -> (&'static str, &'static str) {
        match self {
            Self::Fine => ("#222222", "none"),
            Self::Again => ("#7b3294", "none"),
            Self::Late => ("#0072b2", "10 3"),
            Self::Copy => ("#777777", "2 3"),
            Self::Corrupt => ("#b86b00", "6 4"),
            Self::Lost => ("#d00000", "none"),
            Self::UnderWay => ("#777777", "1 5"),
        }
    }
}

/// A time beside the left or the right life line, and a remark beside it.
fn margin(svg: &mut String, on_the_left: bool, y: i32, time: Instant, remark: &str, colour: &str) {
    let (x, away, anchor) = if on_the_left {
        (LEFT - 10, -1, "end")
    } else {
        (RIGHT + 10, 1, "start")
    };
    let y = y + 4;
    push(
        svg,
        format_args!(
            r##"<text x="{x}" y="{y}" text-anchor="{anchor}" fill="#555" font-size="11">{}</text>"##,
            millis(time)
        ),
    );
    if !remark.is_empty() {
        push(
            svg,
            format_args!(
                r#"<text x="{}" y="{y}" text-anchor="{anchor}" fill="{colour}" font-size="11" font-weight="bold">{}</text>"#,
                x + away * TIME,
                escape(remark)
            ),
        );
    }
}

fn legend(svg: &mut String, y: i32) {
    let looks = [
        (Look::Fine, "arrives"),
        (Look::Again, "retransmission"),
        (Look::Lost, "lost"),
        (Look::Corrupt, "corrupt"),
        (Look::Late, "late"),
        (Look::Copy, "copy"),
    ];
    let mut x = LEFT - 60;
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
        x += 50 + i32::try_from(word.len()).unwrap_or(0) * LETTER + 24;
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
