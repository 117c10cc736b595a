//! Text of conditions for people.

/// Without the parentheses around all of it.
pub fn unwrapped(text: &str) -> &str {
    let text = text.trim();
    let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else { return text };
    let mut depth = 0_i32;
    let closes_early = inner.chars().any(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth < 0
    });
    let select = inner.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
    if closes_early || select { text } else { unwrapped(inner) }
}
