//! Text of tenants and users in a message. Names are validated when they are stored; a message does not rely on it.

/// Returns a text as one line without control characters and without characters that change the writing direction.
/// Nothing in it begins another header or makes a name look like another one.
pub fn single_line(text: &str) -> String {
    let replaced: String = text
        .chars()
        .filter(|char| !is_direction(*char))
        .map(|char| if is_break(char) { ' ' } else { char })
        .collect();
    replaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Escapes a text for HTML, as content or in a quoted attribute.
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn is_break(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}' | '\u{2029}')
}

/// Returns whether a character has the Unicode property `Bidi_Control`.
fn is_direction(char: char) -> bool {
    matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_begins_a_header() {
        for text in
            ["A\r\nBcc: eve@example.com", "A\nBcc: eve@example.com", "A\rBcc: eve@example.com"]
        {
            assert_eq!(single_line(text), "A Bcc: eve@example.com");
        }
        for separator in ['\0', '\u{b}', '\u{c}', '\u{7f}', '\u{85}', '\u{2028}', '\u{2029}'] {
            assert_eq!(single_line(&format!("A{separator}B")), "A B", "{separator:?}");
        }
    }

    #[test]
    fn direction_stays() {
        for char in
            ['\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}']
        {
            assert_eq!(single_line(&format!("gpj{char}exe")), "gpjexe", "{char:?}");
        }
        assert_eq!(single_line("עברית und Größe"), "עברית und Größe");
    }

    #[test]
    fn html_has_no_markup_of_a_text() {
        assert_eq!(
            html("<img src=\"x\" onerror='a()'>&amp;"),
            "&lt;img src=&quot;x&quot; onerror=&#39;a()&#39;&gt;&amp;amp;"
        );
    }
}
