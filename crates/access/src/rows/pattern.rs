//! Text that matches a regular expression.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::random::Random;

/// A text that `source` matches; `None` where it cannot be read. Anchors are taken to hold: nothing is added at the ends.
pub fn matching(source: &str, random: &mut Random) -> Option<String> {
    let hir = regex_syntax::parse(source).ok()?;
    let mut text = String::new();
    write(&hir, random, &mut text);
    Some(text)
}

/// The same with `least` to `most` characters, as far as its repetitions reach: the first that can takes what is missing.
pub fn matching_of_length(source: &str, least: usize, most: usize, random: &mut Random) -> Option<String> {
    let hir = regex_syntax::parse(source).ok()?;
    let shortest = hir.properties().minimum_len().unwrap_or(0);
    let (least, most) = (least.max(shortest), most.max(shortest).min(least.max(shortest) + 12));
    let wanted = random.between(least as i64, most.max(least) as i64) as usize;
    let mut text = String::new();
    stretch(&hir, &mut (wanted - shortest), random, &mut text);
    Some(text)
}

fn stretch(hir: &Hir, spare: &mut usize, random: &mut Random, text: &mut String) {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            let each = repetition.sub.properties().minimum_len().unwrap_or(1).max(1);
            let most = repetition.max.unwrap_or(u32::MAX).saturating_sub(repetition.min) as usize;
            let more = (*spare / each).min(most);
            *spare -= more * each;
            for _ in 0..repetition.min as usize + more {
                stretch(&repetition.sub, &mut 0, random, text);
            }
        }
        HirKind::Capture(capture) => stretch(&capture.sub, spare, random, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| stretch(part, spare, random, text)),
        HirKind::Alternation(parts) => {
            let at = random.below(parts.len());
            stretch(&parts[at], spare, random, text);
        }
        _ => write(hir, random, text),
    }
}

/// Is nothing asked of the text's end?
pub fn open_ended(source: &str) -> bool {
    !source.ends_with('$')
}

fn write(hir: &Hir, random: &mut Random, text: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.extend(member(class, random)),
        HirKind::Repetition(repetition) => {
            let least = repetition.min;
            let most = repetition.max.unwrap_or(least.saturating_add(8)).min(least.saturating_add(12));
            for _ in 0..random.between(i64::from(least), i64::from(most)) {
                write(&repetition.sub, random, text);
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, random, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| write(part, random, text)),
        HirKind::Alternation(parts) => {
            let at = random.below(parts.len());
            write(&parts[at], random, text);
        }
    }
}

/// A letter or digit of the class where it has one, so that the text looks like one that a person wrote.
fn member(class: &Class, random: &mut Random) -> Option<char> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
        Class::Bytes(class) => class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect(),
    };
    let plain = |(low, high): (u32, u32)| {
        let parts = [('a', 'z'), ('0', '9'), ('A', 'Z')].map(|(a, b)| (low.max(a.into()), high.min(b.into())));
        parts.into_iter().filter(|(low, high)| low <= high)
    };
    // Lower case first: `.` and `[^@]` are full of stranger things.
    let nice: Vec<(u32, u32)> = ranges.iter().copied().flat_map(plain).collect();
    let from = if nice.is_empty() { &ranges } else { &nice };
    let (low, high) =
        if from.len() > 1 && random.percent(70) { from[0] } else { *from.get(random.below(from.len()))? };
    char::from_u32(random.between(low.into(), high.into()) as u32)
}
