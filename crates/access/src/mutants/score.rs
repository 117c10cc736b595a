//! How awake the tests are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::Mutant;

/// Who noticed a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The access matrix.
    Matrix,
    /// The project's pgTAP tests.
    Tests,
    /// The linter.
    Lint,
}

/// Was a change noticed?
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Noticed {
    /// Yes, and this is what was said.
    By {
        /// By whom.
        by: By,
        /// In a line.
        saying: String,
    },
    /// No: what it changes is not tested.
    Nobody,
    /// It changes nothing, for this reason.
    Equivalent(String),
    /// It was not tried, for this reason.
    Untried(String),
}

/// A change and what came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The change.
    pub mutant: Mutant,
    /// What came of it.
    pub noticed: Noticed,
}

/// The sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Score {
    /// Changes that were noticed.
    pub noticed: usize,
    /// Changes that were tried and change something.
    pub of: usize,
    /// Changes that change nothing.
    pub equivalent: usize,
    /// Changes that were not tried.
    pub untried: usize,
}

impl Score {
    /// Counts.
    pub fn of(outcomes: &[Outcome]) -> Self {
        let mut score = Self::default();
        for outcome in outcomes {
            match &outcome.noticed {
                Noticed::By { .. } => {
                    score.noticed += 1;
                    score.of += 1;
                }
                Noticed::Nobody => score.of += 1,
                Noticed::Equivalent(_) => score.equivalent += 1,
                Noticed::Untried(_) => score.untried += 1,
            }
        }
        score
    }

    /// Noticed changes in a hundred; 100 where there was none to notice.
    pub fn percent(&self) -> usize {
        (self.noticed * 100).checked_div(self.of).unwrap_or(100)
    }
}

/// The sum, the changes that nobody noticed with what to test, and those that change nothing.
pub fn render(outcomes: &[Outcome], took: Duration) -> String {
    let score = Score::of(outcomes);
    let mut text = format!(
        "{} of {} changes of policies and grants noticed ({} %), {:.0} s\n",
        score.noticed,
        score.of,
        score.percent(),
        took.as_secs_f64()
    );
    let mut by: BTreeMap<By, usize> = BTreeMap::new();
    for outcome in outcomes {
        if let Noticed::By { by: who, .. } = &outcome.noticed {
            *by.entry(*who).or_default() += 1;
        }
    }
    for (who, count) in by {
        let name = match who {
            By::Matrix => "access matrix",
            By::Tests => "pgTAP tests",
            By::Lint => "linter",
        };
        let _ = writeln!(text, "  {count:4} by the {name}");
    }
    let nobody: Vec<&Mutant> =
        outcomes.iter().filter(|outcome| outcome.noticed == Noticed::Nobody).map(|outcome| &outcome.mutant).collect();
    if !nobody.is_empty() {
        text.push_str("\nNobody noticed:\n");
    }
    for mutant in nobody {
        let _ = writeln!(text, "  {}\n    {}", mutant.title(), advice(mutant));
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for outcome in outcomes {
        if let Noticed::Equivalent(reason) | Noticed::Untried(reason) = &outcome.noticed {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    if !reasons.is_empty() {
        let _ = writeln!(
            text,
            "\nNot counted: {} that change nothing, {} that were not tried:",
            score.equivalent, score.untried
        );
        for (reason, count) in reasons {
            let _ = writeln!(text, "  {count:4} {reason}");
        }
    }
    text
}

/// How to test what is not tested.
fn advice(mutant: &Mutant) -> String {
    match &mutant.condition {
        Some(condition) if mutant.change.contains("the opposite") => {
            format!("untested: {condition}. Try a row for which it is true and one for which it is false")
        }
        Some(condition) => {
            format!(
                "untested: {condition}. Try a row for which it alone is false, and expect that it stays out of reach"
            )
        }
        None if mutant.change.contains("granted") => "expect that the role cannot use this column".to_owned(),
        None if mutant.change.contains("revoked") => "expect that the role can do this where it should".to_owned(),
        None => "expect what this alone lets in, or keeps out".to_owned(),
    }
}
