//! May these migrations be applied? What `access.toml` closes must stay closed.
//!
//! The database that is asked about is the shadow, on which the migrations have been replayed. A right that is missing is no reason to
//! refuse: nobody reads or writes what he must not. A leak is, and so is a policy that cannot be evaluated.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::Schema;
use crate::expr::tokens;
use crate::matrix::{Difference, Report, Unproven, Verdict, groups, one_sided};
use crate::schema::is_platform;

/// The reasons to refuse, leaks first.
pub fn reasons(report: &Report) -> Vec<&Difference> {
    let mut found: Vec<&Difference> =
        report.differences.iter().filter(|difference| difference.verdict != Verdict::Refused).collect();
    found.sort_by_key(|difference| difference.verdict);
    found
}

/// The reasons for people: who could do what, what lets him, and a statement that shows it. Of many columns of one object it is shown once.
pub fn render(reasons: &[&Difference]) -> String {
    let mut text = String::new();
    for group in groups(reasons.iter().copied()) {
        let reason = group.first;
        let word = if reason.verdict == Verdict::Leak { "leak" } else { "broken" };
        let (operation, kind) = (reason.operation.word(), reason.kind.word());
        let (object, who) = (&reason.object, group.identities.join(", "));
        for one in &group.all {
            let column = one.column.as_ref().map(|column| format!(" of column {column}")).unwrap_or_default();
            let _ = writeln!(text, "  {word}: {who}: {operation}{column} on {kind} {object}: {}", one.seen);
        }
        let _ = writeln!(text, "    access.toml says: {}", reason.expected);
        for because in &reason.because {
            let _ = writeln!(text, "    because: {because}");
        }
        for view in group.views() {
            let _ = writeln!(text, "    and so on view {view}");
        }
        if let Some(counterexample) = &reason.counterexample {
            let _ = writeln!(text, "    to see it on a copy of this schema:");
            for line in counterexample.sql.lines() {
                let _ = writeln!(text, "      {line}");
            }
        }
    }
    text
}

/// Policies that a migration makes or changes, and that were never true for anybody: nobody knows whom they will let in. What
/// `access.toml` names under `not_proven` is known. `sql`: the text of the migrations; a policy is theirs if they name it, or a function
/// that it calls.
pub fn never_true<'r>(report: &'r Report, schema: &Schema, sql: &str) -> Vec<&'r Unproven> {
    let words = words(sql);
    let policy = |one: &Unproven| {
        let tables = schema.relations.iter().filter(|table| {
            format!("{}.{}", table.schema, table.name) == one.object
                // Files of a bucket.
                || (table.schema == "storage" && table.name == "objects") && !one.object.contains('.')
        });
        tables.flat_map(|table| &table.policies).find(|policy| policy.name == one.policy)
    };
    let is_theirs = |one: &&Unproven| {
        let calls = policy(one).map_or(&[][..], |policy| &policy.calls);
        let called =
            schema.functions.iter().filter(|function| calls.contains(&function.oid) && !is_platform(&function.schema));
        words.contains(&one.policy) || called.into_iter().any(|function| words.contains(&function.name))
    };
    report.unproven.iter().filter(|one| one.never_true && !one.acknowledged).filter(is_theirs).collect()
}

/// All names and texts of SQL, those inside of bodies and `DO` blocks too.
fn words(sql: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for token in tokens(sql) {
        found.extend(token.name());
        let text = token.string();
        if token.text.starts_with('$') {
            found.append(&mut text.as_deref().map(words).unwrap_or_default());
        }
        found.extend(text);
    }
    found
}

/// What is not proven, for people: the first of what could not be tried. `None` where all was.
pub fn gaps(report: &Report) -> Option<String> {
    const SHOWN: usize = 8;
    const LONGEST: usize = 160;
    let cut = |text: &str| match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    };
    let mut lines = Vec::new();
    for untried in report.untried.iter().take(SHOWN) {
        let why = untried.why.lines().next().unwrap_or_default();
        lines.push(format!("  {}, {}: {}", untried.object, untried.what, cut(why)));
    }
    let known = report.unproven.iter().filter(|one| !one.acknowledged).map(|one| one.to_string());
    let conditions: Vec<String> = known.chain(one_sided(&report.one_sided())).collect();
    lines.extend(conditions.iter().take(SHOWN).map(|line| format!("  {}", cut(line))));
    let more = report.untried.len().saturating_sub(SHOWN) + conditions.len().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    if lines.is_empty() {
        return None;
    }
    lines.insert(0, "no leak was found, but not all could be tried (`basalt db test` lists all of it):".to_owned());
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{Counterexample, OneSided, Untried};
    use crate::spec::{Kind, Operation};

    fn difference(verdict: Verdict, identity: &str) -> Difference {
        Difference {
            verdict,
            kind: Kind::Table,
            object: "public.notes".to_owned(),
            identity: identity.to_owned(),
            operation: Operation::Update,
            column: Some("rank".to_owned()),
            row: Some("id=1".to_owned()),
            expected: "none".to_owned(),
            seen: "1 row".to_owned(),
            because: vec!["policy \"own\"".to_owned()],
            times: 1,
            behind: None,
            counterexample: Some(Counterexample {
                sql: "begin;\nrollback;".to_owned(),
                curl: String::new(),
                js: String::new(),
            }),
        }
    }

    #[test]
    fn leaks_and_broken_policies_refuse_and_missing_rights_do_not() {
        let report = Report {
            differences: vec![
                difference(Verdict::Broken, "anon"),
                difference(Verdict::Refused, "admin"),
                difference(Verdict::Leak, "user"),
            ],
            ..Report::default()
        };
        let found = reasons(&report);
        let who: Vec<&str> = found.iter().map(|difference| difference.identity.as_str()).collect();
        assert_eq!(who, ["user", "anon"]);
        let text = render(&found);
        assert!(text.starts_with("  leak: user: update of column rank on table public.notes: 1 row\n"), "{text}");
        assert!(text.contains("    because: policy \"own\"\n") && text.contains("      rollback;\n"), "{text}");
        assert!(reasons(&Report::default()).is_empty());
    }

    #[test]
    fn what_could_not_be_tried_is_named_in_a_few_lines() {
        assert_eq!(gaps(&Report::default()), None);
        let why = || format!("{}\nDETAIL: …", "x".repeat(500));
        let untried = |number| Untried::cell(&format!("public.t{number}"), Operation::Insert, "user", why());
        let one = OneSided {
            object: "public.t".to_owned(),
            identity: "user".to_owned(),
            condition: "open".to_owned(),
            always: true,
        };
        let report = Report { untried: (0..10).map(untried).collect(), conditions: vec![one], ..Report::default() };
        let text = gaps(&report).unwrap();
        assert!(text.contains("\n  public.t7, insert as user: xxx") && !text.contains("public.t8"), "{text}");
        assert!(text.contains("  public.t, user: open was always true\n") && text.ends_with("  and 2 more"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
    }
}
