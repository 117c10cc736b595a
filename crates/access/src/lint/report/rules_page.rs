use std::fmt::Write;

use crate::lint::{Level, rules};

/// The page of the reference that lists all rules, in Markdown.
pub fn rules_page() -> String {
    let mut page = String::from(
        "# Rules of `basalt db lint`\n\nMade from the table of rules in `crates/access/src/lint/rules.rs`; a test keeps it equal. \
         Codes below 1000 are those of Supabase's advisor.\n\n| code | rule | level | about |\n|---|---|---|---|\n",
    );
    let mut all: Vec<_> = rules::ALL.iter().collect();
    all.sort_by_key(|rule| rule.code);
    for rule in &all {
        let category = rule.category.as_str().to_lowercase();
        _ = writeln!(page, "| {} | [`{}`](#{}) | {} | {category} |", rule.code, rule.name, rule.name, word(rule.level));
    }
    for rule in all {
        _ = write!(page, "\n## {}\n\n{}. {}\n\n{}\n", rule.name, rule.title, rule.why, rule.remedy);
    }
    page
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warn => "warning",
        Level::Error => "error",
    }
}
