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
