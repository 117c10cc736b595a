//! Outcomes in the words of `pg_prove`, which scripts and people know how to read.

use std::fmt::Write as _;
use std::time::Duration;

use super::parse::{Directive, Outcome};

/// A line per file, what failed, a summary, and `Result: PASS` or `Result: FAIL`.
pub fn render(files: &[(String, Outcome)], took: Duration) -> String {
    let mut text = String::new();
    let width = files.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, outcome) in files {
        let dots = ".".repeat(width - name.chars().count() + 2);
        let _ = writeln!(text, "{name} {dots} {}", verdict(outcome));
        for test in outcome.tests.iter().filter(|test| test.failed()) {
            let _ = writeln!(text, "# Failed test {}: {:?}", test.number, test.name);
            let said = |remark: &&String| !remark.starts_with("Failed test") && !remark.starts_with("Looks like");
            for remark in test.remarks.iter().filter(said) {
                let _ = writeln!(text, "# {remark}");
            }
        }
    }
    let failed: Vec<_> = files.iter().filter(|(_, outcome)| !outcome.passed()).collect();
    if failed.is_empty() && !files.is_empty() {
        text.push_str("All tests successful.\n");
    } else if !failed.is_empty() {
        text.push_str("\nTest Summary Report\n-------------------\n");
        for (name, outcome) in &failed {
            summary(&mut text, name, outcome);
        }
    }
    let tests: usize = files.iter().map(|(_, outcome)| outcome.tests.len()).sum();
    let _ = writeln!(text, "Files={}, Tests={tests}, {:.1} wallclock secs", files.len(), took.as_secs_f64());
    let result = match (files.is_empty(), failed.is_empty()) {
        (true, _) => "NOTESTS",
        (false, true) => "PASS",
        (false, false) => "FAIL",
    };
    let _ = writeln!(text, "Result: {result}");
    text
}

fn verdict(outcome: &Outcome) -> String {
    let (ran, failed) = (outcome.tests.len(), outcome.failures());
    if let Some(reason) = &outcome.skipped
        && outcome.passed()
    {
        return format!("skipped: {reason}");
    }
    if outcome.passed() {
        return "ok".to_owned();
    }
    match failed {
        0 if ran == 0 => "No subtests run".to_owned(),
        0 => format!("All {ran} subtests passed, but the file did not end well"),
        _ => format!("Failed {failed}/{ran} subtests"),
    }
}

fn summary(text: &mut String, name: &str, outcome: &Outcome) {
    let _ = writeln!(text, "{name} (Tests: {} Failed: {})", outcome.tests.len(), outcome.failures());
    let numbers: Vec<String> =
        outcome.tests.iter().filter(|test| test.failed()).map(|test| test.number.to_string()).collect();
    if !numbers.is_empty() {
        let plural = if numbers.len() == 1 { "" } else { "s" };
        let _ = writeln!(text, "  Failed test{plural}:  {}", numbers.join(", "));
    }
    let done: Vec<String> = outcome
        .tests
        .iter()
        .filter(|test| test.ok && matches!(test.directive, Some(Directive::Todo(_))))
        .map(|test| test.number.to_string())
        .collect();
    if !done.is_empty() {
        let _ = writeln!(text, "  TODO passed:   {}", done.join(", "));
    }
    for problem in outcome.problems() {
        let _ = writeln!(text, "  {problem}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_like_that_of_pg_prove() {
        let good = Outcome::parse(["1..1", "ok 1 - a"]);
        let mut bad = Outcome::parse(["1..3", "ok 1 - b", "not ok 2 - c", "# Failed test 2: \"c\"", "#   have: 1"]);
        bad.died = Some("line 7: relation \"x\" does not exist".to_owned());
        let pass = render(&[("a.sql".to_owned(), good.clone())], Duration::from_millis(1234));
        assert_eq!(pass, "a.sql .. ok\nAll tests successful.\nFiles=1, Tests=1, 1.2 wallclock secs\nResult: PASS\n");
        let fail = render(&[("a.sql".to_owned(), good), ("bad.sql".to_owned(), bad)], Duration::ZERO);
        assert_eq!(
            fail,
            "a.sql .... ok\nbad.sql .. Failed 1/2 subtests\n# Failed test 2: \"c\"\n#   have: 1\n\n\
             Test Summary Report\n-------------------\nbad.sql (Tests: 2 Failed: 1)\n  Failed test:  2\n  \
             line 7: relation \"x\" does not exist\nFiles=2, Tests=3, 0.0 wallclock secs\nResult: FAIL\n"
        );
        assert!(render(&[], Duration::ZERO).ends_with("Result: NOTESTS\n"));
    }
}
