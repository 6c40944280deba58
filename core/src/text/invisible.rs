//! Which characters that nobody can see stay where they stand: those that a script or an emoji needs.
//! [`shown`](super::shown) asks, character by character.
//!
//! Two texts that look the same are the same, or nearly so: what can't be seen is only kept where it
//! changes what can. That is where UAX #31 (section 2.3.1) lets joiners into a name, where UTS #51
//! builds an emoji, and where UTS #37 and the Mongolian script choose the form of a letter.
//!
//! The tables are ranges that include what is still unassigned there. Tests hold them against Unicode's
//! own, character by character.

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
const MONGOLIAN_VOWEL_SEPARATOR: char = '\u{180e}';
const EMOJI_FORM: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
const BLACK_FLAG: char = '\u{1f3f4}';
const CANCEL_TAG: char = '\u{e007f}';

/// Whether a character between these two texts is invisible, and nothing there needs it. So is what is
/// no character, and stands for nothing.
pub(super) fn is_idle(before: &str, c: char, after: &str) -> bool {
    is_ignorable(c) && !is_needed(before, c, after) || is_no_character(c)
}

fn is_no_character(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

/// `Default_Ignorable_Code_Point`: what a font that doesn't know it shows as nothing.
fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'                    // soft hyphen
        | '\u{34f}'                 // combining grapheme joiner
        | '\u{61c}'                 // Arabic letter mark
        | '\u{115f}'..='\u{1160}'   // Hangul fillers
        | '\u{17b4}'..='\u{17b5}'   // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'   // Mongolian variation selectors and vowel separator
        | '\u{200b}'..='\u{200f}'   // zero-width space, joiners, direction marks
        | '\u{202a}'..='\u{202e}'   // embeddings and overrides
        | '\u{2060}'..='\u{206f}'   // word joiner, invisible operators, isolates
        | '\u{3164}'                // Hangul filler
        | '\u{fe00}'..='\u{fe0f}'   // variation selectors
        | '\u{feff}'                // byte order mark
        | '\u{ffa0}'                // half-width Hangul filler
        | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' // shorthand format controls
        | '\u{1d173}'..='\u{1d17a}' // musical format controls
        | '\u{e0000}'..='\u{e0fff}' // tags, and variation selectors of ideographs
    )
}

fn is_needed(before: &str, c: char, after: &str) -> bool {
    let (last, next) = (before.chars().next_back(), after.chars().next());
    let follows = |of: fn(char) -> bool| last.is_some_and(of);
    let precedes = |of: fn(char) -> bool| next.is_some_and(of);
    match c {
        ZERO_WIDTH_JOINER => follows(joins) || ends_in_emoji(before) && precedes(is_pictographic),
        ZERO_WIDTH_NON_JOINER => follows(joins) && precedes(joins),
        MONGOLIAN_VOWEL_SEPARATOR => follows(is_mongolian) && precedes(is_mongolian),
        '\u{180b}'..='\u{180f}' => follows(is_mongolian),
        '\u{fe0e}' | EMOJI_FORM if follows(is_pictographic) => true,
        EMOJI_FORM if follows(has_keycap) => next == Some(KEYCAP),
        '\u{fe00}'..=EMOJI_FORM => follows(has_forms),
        '\u{e0100}'..='\u{e01ef}' => follows(is_ideograph),
        _ => is_in_flag(before, c, after),
    }
}

/// A pictograph, or one with its form or the tone of a skin: what an emoji of several is joined from.
fn ends_in_emoji(text: &str) -> bool {
    let is_added = |c| matches!(c, EMOJI_FORM | '\u{1f3fb}'..='\u{1f3ff}');
    let mut chars = text.chars();
    match chars.next_back() {
        Some(c) if is_added(c) => chars.next_back().is_some_and(is_pictographic),
        Some(c) => is_pictographic(c),
        None => false,
    }
}

/// Inside of the flag of a part of a country: a black flag, 3 to 6 tags for its code, and the end.
fn is_in_flag(before: &str, c: char, after: &str) -> bool {
    let is_tag = |c| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let flag = before.trim_end_matches(is_tag);
    let rest = after.trim_start_matches(is_tag);
    // Four bytes each.
    let tags = (before.len() - flag.len() + after.len() - rest.len()) / 4;
    let (tags, is_ended) = if c == CANCEL_TAG {
        ((before.len() - flag.len()) / 4, true)
    } else {
        (tags + 1, is_tag(c) && rest.starts_with(CANCEL_TAG))
    };
    is_ended && flag.ends_with(BLACK_FLAG) && (3..=6).contains(&tags)
}

/// Letters and marks of the scripts whose letters join, or stack under a virama: those that joiners are
/// for.
fn joins(c: char) -> bool {
    matches!(
        c,
        '\u{600}'..='\u{604}'       // Arabic, Syriac, N'Ko, Mandaic, ...
        | '\u{606}'..='\u{61b}'
        | '\u{61d}'..='\u{dff}'     // ... and the scripts of India, to Sinhala
        | '\u{f00}'..='\u{109f}'    // Tibetan, Myanmar
        | '\u{1700}'..='\u{17b3}'   // of the Philippines, Khmer
        | '\u{17b6}'..='\u{180a}'   // Mongolian
        | '\u{1810}'..='\u{18af}'
        | '\u{1900}'..='\u{1c7f}'   // Limbu, Tai Tham, Balinese, Sundanese, Batak, Lepcha, ...
        | '\u{1cd0}'..='\u{1cff}'   // Vedic
        | '\u{a800}'..='\u{a8ff}'   // Syloti Nagri, Phags-pa, Saurashtra, Devanagari
        | '\u{a930}'..='\u{a95f}' | '\u{a980}'..='\u{aaff}'   // Rejang, Javanese, Cham, Myanmar, Meetei Mayek
        | '\u{abc0}'..='\u{abff}'
        | '\u{fb50}'..='\u{fdcf}'   // forms of Arabic
        | '\u{fdf0}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefc}'
        | '\u{10a00}'..='\u{10aff}' // Kharoshthi, Manichaean
        | '\u{10b80}'..='\u{10baf}' // Psalter Pahlavi
        | '\u{10d00}'..='\u{10d8f}' // Hanifi Rohingya, Garay
        | '\u{10ec0}'..='\u{11fff}' // Arabic, Sogdian, Chorasmian, Brahmi and its children
        | '\u{16100}'..='\u{1613f}' // Gurung Khema
        | '\u{16d40}'..='\u{16d7f}' // Kirat Rai
        | '\u{1e900}'..='\u{1e95f}' // Adlam
    )
}

fn is_mongolian(c: char) -> bool {
    matches!(c, '\u{1800}'..='\u{180a}' | '\u{1810}'..='\u{18af}' | '\u{11660}'..='\u{1167f}')
}

fn is_ideograph(c: char) -> bool {
    matches!(
        c,
        '\u{2e80}'..='\u{2fdf}'
        | '\u{3005}'
        | '\u{3007}'
        | '\u{3021}'..='\u{3029}'
        | '\u{3038}'..='\u{303b}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{16fe2}'..='\u{16fff}'
        | '\u{20000}'..='\u{3fffd}'
    )
}

/// Whose forms are chosen by the variation selectors that have no other use.
fn has_forms(c: char) -> bool {
    is_ideograph(c)
        || matches!(
            c,
            '\u{1000}'..='\u{109f}' | '\u{aa60}'..='\u{aa7f}' // Myanmar
            | '\u{3001}'..='\u{3002}' | '\u{ff01}'..='\u{ff1f}' // punctuation beside ideographs
            | '\u{a840}'..='\u{a877}' // Phags-pa
            | '\u{10ac0}'..='\u{10aff}' // Manichaean
        )
}

const fn has_keycap(c: char) -> bool {
    matches!(c, '#' | '*' | '0'..='9')
}

/// `Extended_Pictographic`: what an emoji is built from.
#[rustfmt::skip] // one range a line would fill two screens
fn is_pictographic(c: char) -> bool {
    matches!(
        c,
          '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2194}'..='\u{2199}' | '\u{21a9}'..='\u{21aa}' | '\u{231a}'..='\u{231b}'
        | '\u{2328}' | '\u{23cf}' | '\u{23e9}'..='\u{23f3}' | '\u{23f8}'..='\u{23fa}'
        | '\u{24c2}' | '\u{25aa}'..='\u{25ab}' | '\u{25b6}' | '\u{25c0}'
        | '\u{25fb}'..='\u{25fe}' | '\u{2600}'..='\u{2604}' | '\u{260e}' | '\u{2611}'
        | '\u{2614}'..='\u{2615}' | '\u{2618}' | '\u{261d}' | '\u{2620}'
        | '\u{2622}'..='\u{2623}' | '\u{2626}' | '\u{262a}' | '\u{262e}'..='\u{262f}'
        | '\u{2638}'..='\u{263a}' | '\u{2640}' | '\u{2642}' | '\u{2648}'..='\u{2653}'
        | '\u{265f}'..='\u{2660}' | '\u{2663}' | '\u{2665}'..='\u{2666}' | '\u{2668}'
        | '\u{267b}' | '\u{267e}'..='\u{267f}' | '\u{2692}'..='\u{2697}' | '\u{2699}'
        | '\u{269b}'..='\u{269c}' | '\u{26a0}'..='\u{26a1}' | '\u{26a7}'
        | '\u{26aa}'..='\u{26ab}' | '\u{26b0}'..='\u{26b1}' | '\u{26bd}'..='\u{26be}'
        | '\u{26c4}'..='\u{26c5}' | '\u{26c8}' | '\u{26ce}'..='\u{26cf}' | '\u{26d1}'
        | '\u{26d3}'..='\u{26d4}' | '\u{26e9}'..='\u{26ea}' | '\u{26f0}'..='\u{26f5}'
        | '\u{26f7}'..='\u{26fa}' | '\u{26fd}' | '\u{2702}' | '\u{2705}'
        | '\u{2708}'..='\u{270d}' | '\u{270f}' | '\u{2712}' | '\u{2714}' | '\u{2716}'
        | '\u{271d}' | '\u{2721}' | '\u{2728}' | '\u{2733}'..='\u{2734}' | '\u{2744}'
        | '\u{2747}' | '\u{274c}' | '\u{274e}' | '\u{2753}'..='\u{2755}' | '\u{2757}'
        | '\u{2763}'..='\u{2764}' | '\u{2795}'..='\u{2797}' | '\u{27a1}' | '\u{27b0}'
        | '\u{27bf}' | '\u{2934}'..='\u{2935}' | '\u{2b05}'..='\u{2b07}'
        | '\u{2b1b}'..='\u{2b1c}' | '\u{2b50}' | '\u{2b55}' | '\u{3030}' | '\u{303d}'
        | '\u{3297}' | '\u{3299}' | '\u{1f004}' | '\u{1f02c}'..='\u{1f02f}'
        | '\u{1f094}'..='\u{1f09f}' | '\u{1f0af}'..='\u{1f0b0}' | '\u{1f0c0}'
        | '\u{1f0cf}'..='\u{1f0d0}' | '\u{1f0f6}'..='\u{1f0ff}' | '\u{1f170}'..='\u{1f171}'
        | '\u{1f17e}'..='\u{1f17f}' | '\u{1f18e}' | '\u{1f191}'..='\u{1f19a}'
        | '\u{1f1af}'..='\u{1f1e5}' | '\u{1f201}'..='\u{1f20f}' | '\u{1f21a}' | '\u{1f22f}'
        | '\u{1f232}'..='\u{1f23a}' | '\u{1f23c}'..='\u{1f23f}' | '\u{1f249}'..='\u{1f25f}'
        | '\u{1f266}'..='\u{1f321}' | '\u{1f324}'..='\u{1f393}' | '\u{1f396}'..='\u{1f397}'
        | '\u{1f399}'..='\u{1f39b}' | '\u{1f39e}'..='\u{1f3f0}' | '\u{1f3f3}'..='\u{1f3f5}'
        | '\u{1f3f7}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1f4fd}' | '\u{1f4ff}'..='\u{1f53d}'
        | '\u{1f549}'..='\u{1f54e}' | '\u{1f550}'..='\u{1f567}' | '\u{1f56f}'..='\u{1f570}'
        | '\u{1f573}'..='\u{1f57a}' | '\u{1f587}' | '\u{1f58a}'..='\u{1f58d}' | '\u{1f590}'
        | '\u{1f595}'..='\u{1f596}' | '\u{1f5a4}'..='\u{1f5a5}' | '\u{1f5a8}'
        | '\u{1f5b1}'..='\u{1f5b2}' | '\u{1f5bc}' | '\u{1f5c2}'..='\u{1f5c4}'
        | '\u{1f5d1}'..='\u{1f5d3}' | '\u{1f5dc}'..='\u{1f5de}' | '\u{1f5e1}' | '\u{1f5e3}'
        | '\u{1f5e8}' | '\u{1f5ef}' | '\u{1f5f3}' | '\u{1f5fa}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6c5}' | '\u{1f6cb}'..='\u{1f6d2}' | '\u{1f6d5}'..='\u{1f6e5}'
        | '\u{1f6e9}' | '\u{1f6eb}'..='\u{1f6f0}' | '\u{1f6f3}'..='\u{1f6ff}'
        | '\u{1f7dc}'..='\u{1f7f0}' | '\u{1f80c}'..='\u{1f80f}' | '\u{1f848}'..='\u{1f84f}'
        | '\u{1f85a}'..='\u{1f85f}' | '\u{1f888}'..='\u{1f88f}' | '\u{1f8ae}'..='\u{1f8af}'
        | '\u{1f8bc}'..='\u{1f8bf}' | '\u{1f8c2}'..='\u{1f8cf}' | '\u{1f8d9}'..='\u{1f8ff}'
        | '\u{1f90c}'..='\u{1f93a}' | '\u{1f93c}'..='\u{1f945}' | '\u{1f947}'..='\u{1f9ff}'
        | '\u{1fa58}'..='\u{1fa5f}' | '\u{1fa6e}'..='\u{1faff}' | '\u{1fc00}'..='\u{1fffd}'
    )
}

#[cfg(test)]
mod tests {
    use icu_properties::props::{
        DefaultIgnorableCodePoint, ExtendedPictographic, IndicSyllabicCategory, JoiningType, Script,
    };
    use icu_properties::{CodePointMapData, CodePointSetData};
    use std::format;
    use std::string::{String, ToString};

    use super::super::shown;
    use super::*;

    fn all() -> impl Iterator<Item = char> {
        '\0'..=char::MAX
    }

    #[test]
    fn the_tables_are_those_of_unicode() {
        let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        let pictographic = CodePointSetData::new::<ExtendedPictographic>();
        for c in all() {
            assert_eq!(is_ignorable(c), ignorable.contains(c), "{c:?} is ignorable");
            assert_eq!(
                is_pictographic(c),
                pictographic.contains(c),
                "{c:?} is a pictograph"
            );
        }
    }

    #[test]
    fn every_script_that_joins_may_join_and_no_other() {
        let joining = CodePointMapData::<JoiningType>::new();
        let syllabic = CodePointMapData::<IndicSyllabicCategory>::new();
        let scripts = CodePointMapData::<Script>::new();
        for c in all().filter(|&c| !is_ignorable(c)) {
            let has_joined_forms = matches!(
                joining.get(c),
                JoiningType::DualJoining | JoiningType::RightJoining | JoiningType::LeftJoining
            );
            let stacks = matches!(
                syllabic.get(c),
                IndicSyllabicCategory::Virama | IndicSyllabicCategory::InvisibleStacker
            );
            if has_joined_forms || stacks {
                assert!(joins(c), "{c:?}");
            }
            let script = scripts.get(c);
            if [
                Script::Latin,
                Script::Greek,
                Script::Cyrillic,
                Script::Armenian,
                Script::Georgian,
                Script::Hebrew,
                Script::Han,
                Script::Hiragana,
                Script::Katakana,
                Script::Hangul,
                Script::Bopomofo,
                Script::Ethiopic,
                Script::Thai,
                Script::Cherokee,
            ]
            .contains(&script)
            {
                assert!(!joins(c), "{c:?}");
            }
            assert!(script != Script::Han || is_ideograph(c), "{c:?}");
            assert!(script != Script::Mongolian || is_mongolian(c), "{c:?}");
        }
    }

    #[test]
    fn every_emoji_stays_as_it_is() {
        let mut sequences = 0;
        for emoji in emojis::iter() {
            let tones = emoji.skin_tones().into_iter().flatten();
            for emoji in tones.chain([emoji]) {
                assert_eq!(shown(emoji.as_str()).to_string(), emoji.as_str());
                let between = format!("a{}b", emoji.as_str());
                assert_eq!(shown(&between).to_string(), between);
                sequences += usize::from(emoji.as_str().chars().any(is_ignorable));
            }
        }
        assert!(sequences > 1_000, "they were there: {sequences}");
    }

    #[test]
    fn what_a_script_needs_stays() {
        for text in [
            "می\u{200c}خواهم",          // Persian
            "क्\u{200d}ष",               // Devanagari, a half form
            "क्\u{200c}ष",               // ... and none
            "अवन्\u{200d}",              // at the end of a word
            "ශ\u{dca}\u{200d}ර\u{dd3}", // Sinhala
            "র\u{200d}\u{9cd}য",        // Bengali
            "ᠨᠠᠢᠮ\u{180e}ᠠ",            // Mongolian, a separated vowel
            "ᠠ\u{180b}ᠨ\u{180d}",       // ... and chosen forms
            "葛\u{e0100}城市",          // an ideograph's form
            "神\u{fe00}",
        ] {
            assert_eq!(shown(text).to_string(), text);
        }
    }

    #[test]
    fn what_nobody_sees_is_escaped_elsewhere() {
        for c in all().filter(|&c| is_ignorable(c)) {
            for (before, after) in [("", ""), ("a", "b"), ("я", "я"), (" ", "1"), ("א", "א")] {
                let expected = format!("{before}\\u{{{:x}}}{after}", u32::from(c));
                assert_eq!(shown(&format!("{before}{c}{after}")).to_string(), expected);
            }
        }
        for (text, expected) in [
            ("soft\u{ad}hyphen", "soft\\u{ad}hyphen"),
            ("\u{feff}mark", "\\u{feff}mark"),
            ("a\u{e0041}", "a\\u{e0041}"),
            ("A\u{180e}B", "A\\u{180e}B"),
            // One is enough.
            ("می\u{200c}\u{200c}خواهم", "می\\u{200c}\\u{200c}خواهم"),
            ("क्\u{200d}\u{200d}ष", "क्\u{200d}\\u{200d}ष"),
            ("葛\u{e0100}\u{e0101}", "葛\u{e0100}\\u{e0101}"),
            // At an end it parts nothing.
            ("علی\u{200c}", "علی\\u{200c}"),
            // An emoji is no excuse.
            ("👩\u{200d}a", "👩\\u{200d}a"),
            ("👩\u{200b}👩", "👩\\u{200b}👩"),
            ("👩\u{e0100}", "👩\\u{e0100}"),
            ("1\u{fe0f}", "1\\u{fe0f}"),
            // Neither is a flag: too long, without an end, without a flag.
            ("🏴\u{e0067}\u{e007f}", "🏴\\u{e0067}\\u{e007f}"),
            (
                "🏴\u{e0067}\u{e0062}\u{e0065}",
                "🏴\\u{e0067}\\u{e0062}\\u{e0065}",
            ),
            (
                "x\u{e0067}\u{e0062}\u{e0065}\u{e007f}",
                "x\\u{e0067}\\u{e0062}\\u{e0065}\\u{e007f}",
            ),
        ] {
            assert_eq!(shown(text).to_string(), expected);
        }
        let long = format!("🏴{}\u{e007f}", "\u{e0061}".repeat(7));
        let escaped = format!("🏴{}\\u{{e007f}}", "\\u{e0061}".repeat(7));
        assert_eq!(shown(&long).to_string(), escaped);
    }

    #[test]
    fn what_is_no_character_is_escaped() {
        let mut count = 0;
        for c in all()
            .filter(|&c| matches!(u32::from(c), 0xfdd0..=0xfdef) || u32::from(c) & 0xfffe == 0xfffe)
        {
            let expected = format!("\\u{{{:x}}}", u32::from(c));
            assert_eq!(shown(&String::from(c)).to_string(), expected);
            count += 1;
        }
        assert_eq!(count, 66);
    }
}
