//! Validation of user-visible text: names of tenants, users, API keys and files, and parts of e-mail addresses.
//!
//! Every script is accepted. Text is normalised to NFC, so that two texts that look alike do not differ only in their
//! encoding. An invisible character is refused unless it changes the text around it. For example, an override of the
//! writing direction makes `exe.txt` look like another name, and a zero-width space allows a second `admin`. The
//! character properties are those of Unicode. The rules for joiners extend those of RFC 5892, appendix A, to emoji and
//! to Arabic abbreviations.

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{self, CanonicalCombiningClass, GeneralCategory, JoiningType},
};

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
const BLACK_FLAG: char = '\u{1f3f4}';
const CANCEL_TAG: char = '\u{e007f}';
/// A symbol that looks like a space.
const BLANK_BRAILLE: char = '\u{2800}';

/// Normalises a text to NFC.
pub fn nfc(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned()
}

/// Normalises a text to NFKC.
pub fn nfkc(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfkc().normalize(text).into_owned()
}

/// Normalises a single-line text to NFC.
///
/// # Errors
/// Returns the problem as a phrase that follows the field's name.
pub fn visible(text: &str) -> Result<String, String> {
    let text = nfc(text);
    let chars: Vec<char> = text.chars().collect();
    match (0..chars.len()).find_map(|index| refusal(&chars, index)) {
        Some(refusal) => Err(refusal.to_owned()),
        None => Ok(text),
    }
}

/// Normalises a name: a text of 1 to `longest` characters after leading and trailing space is removed.
///
/// # Errors
/// Returns the problem as a phrase that follows the field's name.
pub fn name(text: &str, longest: usize) -> Result<String, String> {
    let name = visible(text.trim())?;
    if !(1..=longest).contains(&name.chars().count()) {
        Err(format!("must have 1 to {longest} characters"))
    } else if name.chars().next().is_some_and(is_mark) {
        Err("must not begin with a combining mark".to_owned())
    } else {
        Ok(name)
    }
}

/// Returns whether a character of visible text can be part of a word in some script: a letter, a digit, a mark on one
/// of them, or a joiner between them.
pub fn is_word_char(char: char) -> bool {
    let is_joiner = matches!(char, ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER);
    char.is_alphanumeric() || is_mark(char) || is_joiner
}

/// Returns whether a character combines with the preceding one.
pub fn is_mark(char: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    matches!(category(char), NonspacingMark | SpacingMark | EnclosingMark)
}

fn category(char: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(char)
}

/// Returns the reason to refuse the character at `index`, if there is one.
fn refusal(chars: &[char], index: usize) -> Option<&'static str> {
    const INVISIBLE: Option<&str> = Some("must not contain invisible characters");
    let char = chars[index];
    if char.is_ascii_graphic() || char == ' ' {
        return None;
    }
    let is_ignorable = CodePointSetData::new::<props::DefaultIgnorableCodePoint>().contains(char);
    match category(char) {
        GeneralCategory::Control
        | GeneralCategory::LineSeparator
        | GeneralCategory::ParagraphSeparator => Some("must not contain control characters"),
        _ if CodePointSetData::new::<props::BidiControl>().contains(char) => {
            Some("must not contain characters that change the writing direction")
        }
        _ if CodePointSetData::new::<props::NoncharacterCodePoint>().contains(char) => INVISIBLE,
        GeneralCategory::Format if !is_ignorable && !is_visible_format(char) => INVISIBLE,
        _ if char == BLANK_BRAILLE => INVISIBLE,
        _ if is_ignorable && !changes_neighbours(chars, index) => INVISIBLE,
        _ => None,
    }
}

/// Returns whether a format character is visible: signs around digits or words in Arabic, Syriac and Kaithi, and signs
/// that arrange Egyptian hieroglyphs.
fn is_visible_format(char: char) -> bool {
    CodePointSetData::new::<props::PrependedConcatenationMark>().contains(char)
        || matches!(char, '\u{13430}'..='\u{1343f}')
}

/// Returns whether an invisible character has a visible effect at its position.
fn changes_neighbours(chars: &[char], index: usize) -> bool {
    let previous = index.checked_sub(1).map(|index| chars[index]);
    let is_previous = |property: fn(char) -> bool| previous.is_some_and(property);
    match chars[index] {
        ZERO_WIDTH_NON_JOINER => {
            is_previous(is_virama)
                || (joins_next(&chars[..index]) && joins_previous(&chars[index + 1..]))
        }
        ZERO_WIDTH_JOINER => {
            is_previous(is_virama)
                || is_between_emoji(&chars[..index], chars.get(index + 1))
                || (joins_next(&chars[..index]) != joins_previous(&chars[index + 1..]))
        }
        // Text style and emoji style.
        '\u{fe0e}' | '\u{fe0f}' => is_previous(is_emoji),
        // Variants of ideographs, such as those in Japanese family names.
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => is_previous(is_ideograph),
        // Variants of Mongolian letters, and the Mongolian vowel separator.
        '\u{180b}'..='\u{180f}' => is_previous(is_mongolian),
        '\u{e0020}'..='\u{e007f}' => is_in_flag(chars, index),
        _ => false,
    }
}

fn is_virama(char: char) -> bool {
    CodePointMapData::<CanonicalCombiningClass>::new().get(char) == CanonicalCombiningClass::Virama
}

fn is_emoji(char: char) -> bool {
    CodePointSetData::new::<props::Emoji>().contains(char)
}

fn is_ideograph(char: char) -> bool {
    CodePointSetData::new::<props::Ideographic>().contains(char)
}

fn is_mongolian(char: char) -> bool {
    matches!(char, '\u{1820}'..='\u{18aa}')
}

fn joining_type(char: char) -> JoiningType {
    CodePointMapData::<JoiningType>::new().get(char)
}

/// Returns whether the last letter of `before` joins the following letter.
fn joins_next(before: &[char]) -> bool {
    let mut types = before.iter().rev().map(|char| joining_type(*char));
    let last = types.find(|joining| *joining != JoiningType::Transparent);
    matches!(last, Some(JoiningType::DualJoining | JoiningType::LeftJoining))
}

/// Returns whether the first letter of `after` joins the preceding letter.
fn joins_previous(after: &[char]) -> bool {
    let mut types = after.iter().map(|char| joining_type(*char));
    let first = types.find(|joining| *joining != JoiningType::Transparent);
    matches!(first, Some(JoiningType::DualJoining | JoiningType::RightJoining))
}

/// Returns whether a joiner combines two emoji into one. The first may have a style or a skin tone.
fn is_between_emoji(before: &[char], next: Option<&char>) -> bool {
    let is_pictograph =
        |char: char| CodePointSetData::new::<props::ExtendedPictographic>().contains(char);
    let is_modifier = |char: char| {
        char == '\u{fe0f}' || CodePointSetData::new::<props::EmojiModifier>().contains(char)
    };
    let first = before.iter().rev().find(|char| !is_modifier(**char));
    first.is_some_and(|char| is_pictograph(*char)) && next.is_some_and(|char| is_pictograph(*char))
}

/// Returns whether a tag is part of the flag of a region: a black flag, tags, and a cancel tag (Unicode Technical
/// Standard 51, section 1.4.9).
fn is_in_flag(chars: &[char], index: usize) -> bool {
    let is_tag = |char: &&char| ('\u{e0020}'..CANCEL_TAG).contains(*char);
    let before = chars[..index].iter().rev().find(|char| !is_tag(char));
    let after = chars[index..].iter().find(|char| !is_tag(char));
    before == Some(&BLACK_FLAG) && after == Some(&CANCEL_TAG)
}

/// Shortens a name that the caller chose and removes control characters, so that a response can contain it.
pub(crate) fn printable(name: &str) -> String {
    name.chars().filter(|char| !char.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_is_visible() {
        for text in [
            "Zoë Łukasiewicz",
            "محمد الفاتح",
            "می\u{200c}خواهم",
            "۱۳۷۰ ه\u{200d}.ش",
            "नरेन्द्र मोदी",
            "क्\u{200d}ष",
            "क्\u{200c}ष",
            "ശ്രീ",
            "සිංහල ශ්\u{200d}රී",
            "ไข่เจียว",
            "ភាសាខ្មែរ",
            "မြန်မာ",
            "葛\u{e0100}城",
            "김철수",
            "👩\u{200d}👩\u{200d}👧",
            "👩🏽\u{200d}💻",
            "🏳\u{fe0f}\u{200d}🌈",
            "❤\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "ᠮᠣᠩᠭᠣᠯ\u{180b}",
            "\u{600}١٢",
        ] {
            assert_eq!(visible(text), Ok(nfc(text)), "{text:?}");
        }
    }

    #[test]
    fn decomposed_text_is_composed() {
        assert_eq!(visible("Cafe\u{301}").as_deref(), Ok("Caf\u{e9}"));
        assert_eq!(visible("\u{1112}\u{1161}\u{11ab}").as_deref(), Ok("한"));
    }

    // S30
    #[test]
    fn unseen_characters_are_refused() {
        for char in [
            '\0',
            '\n',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2064}',
            '\u{2066}',
            '\u{2069}',
            '\u{206f}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{fffe}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{e0100}',
            '\u{10ffff}',
        ] {
            for text in [format!("ad{char}min"), format!("{char}admin"), format!("admin{char}")] {
                assert!(visible(&text).is_err(), "{text:?}");
            }
        }
    }

    #[test]
    fn joiners_without_effect_are_refused() {
        for text in [
            "م\u{200d}ح",
            "\u{200d}👩",
            "👩\u{200d}",
            "👩\u{200d}a",
            "👩\u{200d}\u{200d}👩",
            "د\u{200c}د",
            "ab\u{200c}",
            "क\u{200d}",
            "❤\u{fe0f}\u{fe0f}",
            "🏴\u{e0067}",
            "a\u{e0067}\u{e007f}",
        ] {
            assert!(visible(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(name(" \u{3000}Acme  Ltd ", 10).as_deref(), Ok("Acme  Ltd"));
        for text in ["", " ", "\u{301}a", "abcdefghijk"] {
            assert!(name(text, 10).is_err(), "{text:?}");
        }
        assert!(name("e\u{301}".repeat(10).as_str(), 10).is_ok());
    }
}
