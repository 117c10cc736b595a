use std::fmt::Write;

use crate::lint::{Finding, Level};

/// How text is set.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// With colours of a terminal?
    pub colour: bool,
    /// With the SQL that mends each finding?
    pub sql: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Findings by rule: the rule with its reason once, then a line for each object.
pub fn text(findings: &[Finding], style: Style) -> String {
    let mut out = String::new();
    let mut last = "";
    for finding in findings {
        let rule = finding.rule;
        if rule.name != last {
            let (code, word) = match rule.level {
                Level::Error => ("1;31", "error"),
                Level::Warn => ("1;33", "warning"),
                Level::Info => ("1;34", "info"),
            };
            let gap = if last.is_empty() { "" } else { "\n" };
            let head = format!("{word}[{}]", rule.name);
            _ = writeln!(out, "{gap}{}: {}", style.paint(code, &head), style.paint("1", rule.title));
            _ = writeln!(out, "  {}", rule.why);
            _ = writeln!(out, "  {} {}", style.paint("32", "mend:"), rule.remedy);
            last = rule.name;
        }
        _ = writeln!(out, "  - {} {}", style.paint("36", &finding.object.path()), finding.detail);
        for line in finding.remedy_sql.iter().filter(|_| style.sql).flat_map(|sql| sql.lines()) {
            _ = writeln!(out, "      {}", style.paint("2", line));
        }
    }
    out
}
