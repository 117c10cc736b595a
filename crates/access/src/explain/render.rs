//! An explanation for people.

use std::fmt::Write as _;

use super::answer::{Applies, Condition, Explanation, Security, Seen, Truth};

/// Grants, policies with their conditions, and the verdict, from top to bottom.
pub fn render(explanation: &Explanation) -> String {
    let e = explanation;
    let mut text = String::new();
    let who = if e.caller == e.role { e.role.clone() } else { format!("{} ({})", e.caller, e.role) };
    let _ = writeln!(text, "{} of {} {}, as {who}", e.action.word(), e.table, e.key.join(", "));
    let _ = writeln!(text, "claims: {}", e.claims);
    if !e.row_exists {
        let _ = writeln!(text, "\nThe row does not exist.");
        return text;
    }
    text.push_str("\nGrants\n");
    let schema = e.table.split('.').next().unwrap_or_default();
    let _ = writeln!(text, "  {} usage of schema {schema}", mark(e.grants.schema));
    let privilege = match (e.grants.whole, e.grants.columns.as_slice()) {
        (true, _) => format!("  yes   {} of every column", e.action.word()),
        (false, []) => format!("  no    {}", e.action.word()),
        (false, columns) => format!("  yes   {} of {}", e.action.word(), columns.join(", ")),
    };
    let _ = writeln!(text, "{privilege}");
    policies(&mut text, e);
    if let Some(seen) = &e.seen {
        let said = match seen {
            Seen::Yes => "the row comes back".to_owned(),
            Seen::No => "the row does not come back".to_owned(),
            Seen::Refused(message) => format!("refused: {message}"),
        };
        let _ = writeln!(text, "\nTried: SELECT as {}: {said}", e.role);
    }
    let _ = writeln!(text, "\n{}: {}.", if e.verdict.allowed { "Allowed" } else { "Not allowed" }, e.verdict.because);
    text
}

fn policies(text: &mut String, e: &Explanation) {
    match e.security {
        Security::On => {}
        Security::Off => text.push_str("\nRow-level security is OFF on this table.\n"),
        Security::Bypassed => {
            let _ = writeln!(text, "\nRow-level security does not bind {}.", e.role);
        }
        Security::ViewOfInvoker => text.push_str("\nA view with security_invoker: the tables below it decide.\n"),
        Security::ViewOfOwner => text.push_str("\nA view that reads with the rights of its owner.\n"),
    }
    if e.policies.is_empty() {
        if e.security == Security::On {
            let _ = writeln!(text, "\nNo policy is for {}.", e.action.word());
        }
        return;
    }
    text.push_str("\nPolicies\n");
    for policy in &e.policies {
        let kind = if policy.permissive { "" } else { ", restrictive" };
        let mark = match &policy.applies {
            Applies::No(why) => {
                let _ = writeln!(text, "  -     \"{}\" (for {}{kind}): {why}", policy.name, policy.command);
                continue;
            }
            Applies::Yes => "",
            Applies::ToSee => ", needed to find the row",
        };
        let _ = writeln!(text, "  \"{}\" (for {}{kind}{mark})", policy.name, policy.command);
        for (word, condition) in [("using", &policy.using), ("with check", &policy.check)] {
            if let Some(condition) = condition {
                let _ = writeln!(text, "    {word}");
                tree(text, condition, 3);
            }
        }
    }
}

fn tree(text: &mut String, condition: &Condition, depth: usize) {
    let indent = "  ".repeat(depth);
    let truth = match &condition.truth {
        Truth::True => "true ",
        Truth::False => "false",
        Truth::Null => "null ",
        Truth::Fails(_) => "fails",
    };
    if condition.parts.is_empty() {
        let line = condition.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(text, "{indent}{truth} {line}");
        if let Truth::Fails(message) = &condition.truth {
            let _ = writeln!(text, "{indent}      {message}");
        }
        return;
    }
    let join = match condition.joined_by {
        "and" => "all of",
        "or" => "one of",
        _ => "not",
    };
    let _ = writeln!(text, "{indent}{truth} {join}");
    for part in &condition.parts {
        tree(text, part, depth + 1);
    }
}

fn mark(yes: bool) -> &'static str {
    if yes { "yes  " } else { "no   " }
}
