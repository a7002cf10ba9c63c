//! Names from strangers as text in an SVG.

/// The first letters of the first and the last word, as the page writes them.
pub(super) fn initials(name: &str) -> String {
    let mut letters = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = letters.next();
    first.into_iter().chain(letters.next_back()).flat_map(char::to_uppercase).collect()
}

pub(super) fn clipped(text: &str, most: usize) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// About how wide a text is, in hundredths of its height: enough for a plate behind it.
pub(super) fn hundredths(text: &str) -> u32 {
    let wide = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | '\'' | '’' | '|' | '!' => 32,
        ' ' | 'f' | 'r' | 't' | '-' | '(' | ')' => 40,
        'm' | 'w' | 'M' | 'W' | '…' => 98,
        c if c.is_uppercase() => 72,
        // Letters of East Asia and pictures fill a square.
        c if c >= '\u{1100}' => 105,
        _ => 63,
    };
    text.chars().map(wide).sum()
}

/// For XML; names come from strangers.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&quot;"),
            // Not allowed in XML at all.
            c if c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&c) => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_strangers_stay_text() {
        assert_eq!(escaped("<b>&'\"\u{1}"), "&lt;b&gt;&amp;&#39;&quot;");
        assert_eq!(clipped("abcdef", 4), "abc…");
        assert_eq!(initials("élodie  marie curie"), "ÉC");
        assert_eq!(initials("ann"), "A");
        assert_eq!(initials("😀"), "");
    }
}
