//! Changes of a condition's text that leave the rest as it is.

use std::ops::Range;

/// Puts texts in place of ranges of bytes; ranges that overlap an earlier one are passed over.
pub fn replaced(source: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| range.start);
    let mut text = String::with_capacity(source.len() + 32);
    let mut at = 0;
    for (range, new) in edits {
        if range.start < at {
            continue;
        }
        text += source.get(at..range.start).unwrap_or_default();
        text += &new;
        at = range.end;
    }
    text + source.get(at..).unwrap_or_default()
}
