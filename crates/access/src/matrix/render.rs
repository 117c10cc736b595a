//! The matrix for people: a table per object, then what disagrees.

use super::groups::{Group, groups};
use super::report::{Cell, OneSided, Report, Verdict};
use crate::spec::{Kind, Operation};

/// Tables first; what matters stands last, where a terminal leaves it.
pub fn render(report: &Report, with_tables: bool) -> String {
    let mut text = String::new();
    if with_tables {
        tables(&report.cells, &mut text);
    }
    text += &unseen(report);
    for group in groups(&report.differences) {
        one(&group, &mut text);
    }
    text += &match report.differences.len() {
        0 => format!(
            "Access: {} cells, {} statements tried, all as access.toml says.\n",
            report.cells.len(),
            report.probes
        ),
        n => {
            let leaks = report.leaks().count();
            format!(
                "Access: {n} differences from access.toml, {leaks} of them leaks ({} statements tried).\n",
                report.probes
            )
        }
    };
    text
}

/// What was not seen, and so is not proven: nothing where all was.
pub fn unseen(report: &Report) -> String {
    let mut text = String::new();
    if !report.untried.is_empty() {
        text += "Not tried, or proves nothing:\n";
        for untried in &report.untried {
            text += &format!("  {}, {}: {}\n", untried.object, untried.what, untried.why);
        }
        text.push('\n');
    }
    let conditions = report.one_sided();
    if !conditions.is_empty() {
        text +=
            "Conditions of which only one side was seen (rows in supabase/tests/fixtures.sql can show the other):\n";
        for line in one_sided(&conditions) {
            text += &format!("  {line}\n");
        }
        text.push('\n');
    }
    if !report.unproven.is_empty() {
        text += "Not proven: whom these policies let in was not seen. Show it by rows in supabase/tests/fixtures.sql or by claims of \
                 an identity; or name the policy in access.toml under not_proven:\n";
        for one in &report.unproven {
            text += &format!("  {one}\n");
        }
        text.push('\n');
    }
    text
}

/// A line for each condition of which one side was seen, with all for whom.
pub(crate) fn one_sided(conditions: &[OneSided]) -> Vec<String> {
    let line = |(one, who): (&OneSided, String)| {
        let side = if one.always { "true" } else { "false" };
        format!("{}, {who}: {} was always {side}", one.object, one.condition)
    };
    together(conditions).into_iter().map(line).collect()
}

/// Conditions that are the same for several, with all of them.
fn together(conditions: &[OneSided]) -> Vec<(&OneSided, String)> {
    let mut found: Vec<(&OneSided, String)> = Vec::new();
    for one in conditions {
        let same = |(known, _): &&mut (&OneSided, String)| {
            known.object == one.object && known.condition == one.condition && known.always == one.always
        };
        match found.iter_mut().find(same) {
            Some((_, who)) => *who += &format!(", {}", one.identity),
            None => found.push((one, one.identity.clone())),
        }
    }
    found
}

fn tables(cells: &[Cell], text: &mut String) {
    let mut at = 0;
    while let Some(first) = cells.get(at) {
        let same = |cell: &&Cell| cell.kind == first.kind && cell.object == first.object;
        let of: Vec<&Cell> = cells[at..].iter().take_while(same).collect();
        at += of.len();
        if first.kind == Kind::Function {
            continue;
        }
        let mut identities: Vec<&str> = Vec::new();
        for cell in &of {
            if !identities.contains(&cell.identity.as_str()) {
                identities.push(&cell.identity);
            }
        }
        let mut lines = vec![vec![String::new()]];
        lines[0].extend(Operation::ROWS.iter().map(|operation| operation.word().to_owned()));
        for identity in identities {
            let mut line = vec![identity.to_owned()];
            for operation in Operation::ROWS {
                line.push(
                    of.iter()
                        .find(|cell| cell.identity == identity && cell.operation == operation)
                        .map_or_else(String::new, |cell| shown(cell)),
                );
            }
            lines.push(line);
        }
        *text += &format!("{} {}\n", first.kind.word(), first.object);
        grid(&lines, text);
    }
    let functions: Vec<&Cell> = cells.iter().filter(|cell| cell.kind == Kind::Function).collect();
    if functions.is_empty() {
        return;
    }
    *text += "functions\n";
    let mut names: Vec<&str> = functions.iter().map(|cell| cell.object.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let line = |name: &str| {
        let who = functions.iter().filter(|cell| cell.object == name && (cell.right == "execute" || !cell.agrees));
        let who = who.map(|cell| format!("{}{}", cell.identity, if cell.agrees { "" } else { " !" }));
        let who = who.collect::<Vec<_>>().join(", ");
        vec![name.to_owned(), if who.is_empty() { "nobody".to_owned() } else { who }]
    };
    grid(&names.iter().map(|name| line(name)).collect::<Vec<_>>(), text);
}

fn shown(cell: &Cell) -> String {
    const LONG: usize = 40;
    if cell.right == "none" {
        return if cell.agrees { "–".to_owned() } else { "– !".to_owned() };
    }
    let mut right = cell.right.clone();
    if right.chars().count() > LONG {
        right = right.chars().take(LONG - 1).chain(['…']).collect();
    }
    if let Some(columns) = &cell.columns {
        right += &match columns.as_slice() {
            [one] => format!(": {one}"),
            more => format!(": {} columns", more.len()),
        };
    }
    if cell.agrees { right } else { right + " !" }
}

fn grid(lines: &[Vec<String>], text: &mut String) {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |at: usize| lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for line in lines {
        let cells =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())));
        *text += format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end();
        text.push('\n');
    }
    text.push('\n');
}

fn one(group: &Group<'_>, text: &mut String) {
    let difference = group.first;
    let word = match difference.verdict {
        Verdict::Leak => "LEAK",
        Verdict::Broken => "BROKEN",
        Verdict::Refused => "REFUSED",
    };
    *text += &format!("{word} {}: {}\n", difference.object, group.what());
    *text += &format!("  access.toml  {}\n", difference.expected);
    let mut seen = difference.seen.clone();
    if let Some(row) = &difference.row {
        seen += &format!(" ({row})");
    }
    if group.times > 1 {
        seen += &format!(", and {} more like it", group.times - 1);
    }
    *text += &format!("  seen         {seen}\n");
    for (at, reason) in difference.because.iter().enumerate() {
        *text += &format!("  {}{reason}\n", if at == 0 { "because      " } else { "             " });
    }
    let views = group.views();
    if !views.is_empty() {
        let count = match views.len() {
            1 => "a view that shows".to_owned(),
            n => format!("{n} views that show"),
        };
        *text += &format!("  and so       through {count} it with the rights of whoever asks:\n");
        views.iter().for_each(|view| *text += &format!("               {view}\n"));
    }
    if let Some(example) = difference.counterexample.as_ref().filter(|_| difference.verdict != Verdict::Refused) {
        *text += "  see it, on the shadow database or any with such a row:\n";
        for part in [&example.sql, &example.curl, &example.js] {
            part.lines().for_each(|line| *text += &format!("    {line}\n"));
            text.push('\n');
        }
    } else {
        text.push('\n');
    }
}
