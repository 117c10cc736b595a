//! A text under facts: as its column's name suggests, of the length, the pattern and the case that are asked.

use super::facts::Fact;
use super::lifelike::{self, Subject};
use super::pattern;
use super::random::Random;
use super::values::{Wanted, allowed};

/// How often a text or pattern is tried before it is given out as it is.
const TRIES: usize = 12;

/// A text.
pub fn text(wanted: &Wanted<'_>, most: Option<usize>, subject: &mut Subject, random: &mut Random) -> String {
    let (least, most) = lengths(wanted, most.unwrap_or(usize::MAX));
    let mut patterns: Vec<(&str, &regex::Regex)> = Vec::new();
    for fact in wanted.facts {
        if let Fact::Matches(pattern) = fact
            && let Some(regex) = &pattern.regex
        {
            patterns.push((&pattern.source, regex));
        }
    }
    let mut last = String::new();
    for attempt in 0..TRIES {
        let base = match (attempt, patterns.first()) {
            // A length that is given to the letter is that of a code.
            (_, None) if least == most => random.hex(least.min(1 << 12)),
            (0, _) | (_, None) => styled(wanted, subject, random),
            (1, _) => lifelike::slug(&last),
            (2, _) => lifelike::slug(&last).replace('-', "_"),
            (6.., Some((source, _))) if least > 0 || most < usize::MAX => {
                pattern::matching_of_length(source, least, most, random).unwrap_or_default()
            }
            (_, Some((source, _))) => from_pattern(source, wanted, subject, random),
        };
        // A pattern's own text is neither cut nor marked: it would no longer match.
        let by_pattern = attempt > 2 && !patterns.is_empty();
        let mut text = if by_pattern { base } else { fitted(base, least, most, wanted.distinct, random) };
        for fact in wanted.facts {
            match fact {
                Fact::Lower => text = text.to_lowercase(),
                Fact::Upper => text = text.to_uppercase(),
                Fact::Like(pattern) if !by_pattern => text = like(pattern, &text, least, most, random),
                Fact::From(low) => {
                    let room = most.saturating_sub(low.chars().count());
                    text = low.chars().chain(text.chars().take(room)).collect();
                }
                Fact::UpTo(high) if text > *high => {
                    // The same start, and no more: what follows could be sorted after it.
                    let from = wanted.facts.iter().any(|fact| matches!(fact, Fact::From(_)));
                    text = if from { text } else { high.clone() };
                }
                _ => {}
            }
        }
        let length = text.chars().count();
        if length >= least
            && length <= most
            && allowed(wanted, &text)
            && patterns.iter().all(|(_, regex)| regex.is_match(&text))
        {
            return text;
        }
        last = text;
    }
    last
}

/// How many characters, bytes or items there are to be: from, to.
pub fn lengths(wanted: &Wanted<'_>, mut most: usize) -> (usize, usize) {
    let mut least = 0;
    for fact in wanted.facts {
        match fact {
            Fact::MinLength(length) => least = least.max(*length),
            Fact::MaxLength(length) => most = most.min(*length),
            Fact::Length(length) => (least, most) = (least.max(*length), most.min(*length)),
            _ => {}
        }
    }
    (least, most)
}

/// A text as its column's name suggests, or another kind of it.
fn styled(wanted: &Wanted<'_>, subject: &mut Subject, random: &mut Random) -> String {
    let text = lifelike::text(wanted.table, wanted.column, subject, random);
    let word = || lifelike::slug(&text).split('-').next().unwrap_or_default().to_owned();
    match wanted.style {
        1 => lifelike::slug(&text),
        2 => lifelike::slug(&text).replace('-', "_"),
        3 => word(),
        4 => word().to_uppercase(),
        5 => text.to_uppercase(),
        6 => random.hex(8),
        7 => random.between(10_000_000, 99_999_999).to_string(),
        8 => text.chars().filter(|c| c.is_alphabetic()).collect(),
        9 => format!("{}@example.com", word()),
        10 => format!("https://www.example.com/{}", word()),
        11 => random.uuid(),
        12 => lifelike::slug(&text).split('-').map(lifelike::capitalised).collect::<Vec<_>>().join(" "),
        _ => text,
    }
}

/// A text of the pattern; where that leaves the end open, life goes on.
fn from_pattern(source: &str, wanted: &Wanted<'_>, subject: &mut Subject, random: &mut Random) -> String {
    let mut text = pattern::matching(source, random).unwrap_or_default();
    if pattern::open_ended(source) {
        text.push_str(&lifelike::slug(&lifelike::text(wanted.table, wanted.column, subject, random)));
        if wanted.distinct > 0 {
            text.push_str(&format!("-{}", random.hex(6)));
        }
    }
    text
}

/// Cut or filled to the length that is asked, with a mark of its own where it must be unlike all others.
fn fitted(mut text: String, least: usize, most: usize, distinct: u64, random: &mut Random) -> String {
    let mark = if distinct == 0 { String::new() } else { random.between(2, 999 + 20 * distinct as i64).to_string() };
    let room = most.saturating_sub(mark.len());
    if text.chars().count() > room {
        text = text.chars().take(room).collect::<String>().trim_end().to_owned();
        if room > 3 {
            text = text.trim_end_matches('-').to_owned();
        }
    }
    if !mark.is_empty() {
        // Before the part of an address that must stay as it is.
        match text.split_once('@') {
            Some((person, host)) => text = format!("{person}{mark}@{host}"),
            None => {
                let hyphen = text.contains('-') && !text.contains(' ') && text.chars().count() + mark.len() < most;
                text.push_str(if hyphen { "-" } else { "" });
                text.push_str(&mark.chars().take(most).collect::<String>());
            }
        }
    }
    while text.chars().count() < least {
        text.push_str(&random.hex((least - text.chars().count()).min(8)));
    }
    text
}

/// `%` becomes the text, `_` a letter.
fn like(pattern: &str, text: &str, least: usize, most: usize, random: &mut Random) -> String {
    let fixed = pattern.replace("\\%", "x").replace("\\_", "x").chars().filter(|c| *c != '%').count();
    let room = 12.min(most.saturating_sub(fixed)).max(1).max(least.saturating_sub(fixed)).min(1 << 12);
    let mut plain: String = text.chars().filter(char::is_ascii_alphanumeric).take(room).collect();
    if plain.len() + fixed < least {
        plain.push_str(&random.hex(least - fixed - plain.len()));
    }
    let mut first = true;
    let mut made = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' if first => {
                made.push_str(&plain);
                first = false;
            }
            // The text is there already; nothing more is asked.
            '%' => {}
            '_' => made.push('a'),
            '\\' => made.extend(chars.next()),
            c => made.push(c),
        }
    }
    made
}
