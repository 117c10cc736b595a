//! The changes of one condition: each part of an AND or OR left out, each part turned round, the whole opened.

use crate::expr::{Expr, Kind, Select};

/// A changed condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// For people: `without …`, `the opposite of …`, `true`.
    pub what: String,
    /// The part that was changed.
    pub part: String,
    /// What was left out, if it was one of the conditions that must all hold.
    pub dropped: Option<Dropped>,
    /// The whole condition, changed.
    pub sql: String,
}

/// A condition that was joined by AND and is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dropped {
    /// The sub-select that asks it; `None` in the condition itself.
    pub select: Option<Select>,
    /// What must hold beside it. Empty under a NOT.
    pub siblings: Vec<Expr>,
}

/// All changes of `text`, each once.
pub(super) fn changes(text: &str) -> Vec<Change> {
    let whole = Expr::parse(text);
    let mut found = Found { text, changes: Vec::new() };
    if !matches!(whole.kind, Kind::Boolean(true)) {
        found.add("true instead of", &whole, "true", None);
    }
    found.part(&whole, Place { select: None, positive: true });
    found.changes
}

struct Found<'t> {
    text: &'t str,
    changes: Vec<Change>,
}

/// Where a part stands.
#[derive(Clone, Copy)]
struct Place<'e> {
    /// In this sub-select.
    select: Option<&'e Select>,
    /// Not under a NOT.
    positive: bool,
}

impl Place<'_> {
    fn dropped(self, siblings: Vec<Expr>) -> Dropped {
        Dropped { select: self.select.cloned(), siblings: if self.positive { siblings } else { Vec::new() } }
    }
}

impl Found<'_> {
    fn add(&mut self, what: &str, part: &Expr, by: &str, dropped: Option<Dropped>) {
        let (Some(before), Some(after)) = (self.text.get(..part.start), self.text.get(part.end..)) else { return };
        let sql = format!("{before}{by}{after}");
        if sql == self.text || self.changes.iter().any(|change| change.sql == sql) {
            return;
        }
        let part = plain(part.text(self.text));
        self.changes.push(Change { what: format!("{what} {part}"), part, dropped, sql });
    }

    /// Inner sub-selects are seen with the outermost one.
    fn part(&mut self, part: &Expr, place: Place<'_>) {
        match &part.kind {
            Kind::And(parts) => {
                for (at, inner) in parts.iter().enumerate() {
                    let siblings = [&parts[..at], &parts[at + 1..]].concat();
                    self.add("without", inner, "true", Some(place.dropped(siblings)));
                    self.part(inner, place);
                }
            }
            Kind::Or(parts) => {
                for inner in parts {
                    self.add("without", inner, "false", None);
                    self.part(inner, place);
                }
            }
            Kind::Not(inner) => {
                let positive = format!("({})", inner.text(self.text));
                self.add("the opposite of", part, &positive, None);
                self.part(inner, Place { positive: false, ..place });
            }
            Kind::Boolean(_) => {}
            _ => {
                let negative = format!("(NOT ({}))", part.text(self.text));
                self.add("the opposite of", part, &negative, None);
                if place.select.is_some() {
                    return;
                }
                for select in part.selects() {
                    let inside = Place { select: Some(select), ..place };
                    for condition in &select.conditions {
                        self.add("without", condition, "true", Some(inside.dropped(Vec::new())));
                        self.part(condition, inside);
                    }
                }
            }
        }
    }
}

/// In one line, without the parentheses around it.
pub(super) fn plain(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    crate::expr::unwrapped(&line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<String> = changes(text).into_iter().map(|change| change.sql).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn each_part_goes_once_and_turns_once() {
        check("true", &[]);
        check("open", &["true", "(NOT (open))"]);
        check(
            "((a = b) AND c)",
            &["true", "(true AND c)", "((NOT ((a = b))) AND c)", "((a = b) AND true)", "((a = b) AND (NOT (c)))"],
        );
        check(
            "((a = b) OR (NOT c))",
            &[
                "true",
                "(false OR (NOT c))",
                "((NOT ((a = b))) OR (NOT c))",
                "((a = b) OR false)",
                "((a = b) OR (c))",
                "((a = b) OR (NOT (NOT (c))))",
            ],
        );
    }

    #[test]
    fn conditions_of_sub_selects_change_too() {
        let text = "(EXISTS ( SELECT 1\n   FROM a\n  WHERE ((a.id = t.id) AND a.ok)))";
        let found = changes(text);
        let what: Vec<&str> = found.iter().map(|change| change.what.as_str()).collect();
        assert_eq!(
            what[2..],
            [
                "without (a.id = t.id) AND a.ok",
                "without a.id = t.id",
                "the opposite of a.id = t.id",
                "without a.ok",
                "the opposite of a.ok"
            ]
        );
        assert!(found[3].sql.contains("WHERE (true AND a.ok)"), "{}", found[3].sql);
    }
}
