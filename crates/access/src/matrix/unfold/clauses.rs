//! A `SELECT` taken apart as text: what it answers, reads and asks, so that another condition can be put into it.

use crate::expr::{Expr, Select, Token, tokens};

/// One `SELECT`; of a `UNION`, one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clauses {
    /// Its whole text, without parentheses around it.
    pub text: String,
    /// What it answers.
    pub outputs: Vec<String>,
    /// Behind `FROM`.
    pub from: Option<String>,
    /// Behind `WHERE`.
    pub condition: Option<String>,
    /// Does it group, or is a row more than one row of what it reads?
    pub grouped: bool,
}

/// The sides of a `UNION`, mostly one. `None`: something else than plain `SELECT`s.
pub fn clauses(sql: &str) -> Option<Vec<Clauses>> {
    let inner = bare(sql)?;
    let all = tokens(inner);
    let mut sides = Vec::new();
    let (mut depth, mut from) = (0_usize, 0);
    for (at, token) in all.iter().enumerate() {
        depth = deeper(depth, token);
        if depth > 0 {
            continue;
        }
        if token.is("intersect") || token.is("except") || token.is("with") || token.is("values") {
            return None;
        }
        if token.is("union") {
            sides.push(&inner[from..token.span.start]);
            let all_of = all.get(at + 1).filter(|next| next.is("all") || next.is("distinct"));
            from = all_of.unwrap_or(token).span.end;
        }
    }
    sides.push(&inner[from..]);
    sides.into_iter().map(one).collect()
}

/// Without `EXISTS` before it, parentheses around it and a `;` behind.
fn bare(sql: &str) -> Option<&str> {
    let mut sql = sql.trim();
    let first = tokens(sql).into_iter().next()?;
    if first.is("exists") {
        sql = sql[first.span.end..].trim();
    }
    sql = sql.trim_end_matches(';').trim();
    loop {
        let all = tokens(sql);
        let (first, last) = (all.first()?, all.last()?);
        if !(first.is_symbol("(") && last.is_symbol(")")) {
            return Some(sql);
        }
        let mut depth = 0_usize;
        let closes = all.iter().position(|token| {
            depth = deeper(depth, token);
            depth == 0
        });
        if closes? + 1 != all.len() {
            return Some(sql);
        }
        sql = sql[first.span.end..last.span.start].trim();
    }
}

fn deeper(depth: usize, token: &Token<'_>) -> usize {
    match token.text {
        "(" | "[" => depth + 1,
        ")" | "]" => depth.saturating_sub(1),
        _ => depth,
    }
}

fn one(side: &str) -> Option<Clauses> {
    let text = bare(side)?;
    let all = tokens(text);
    if !all.first()?.is("select") {
        return None;
    }
    let (mut depth, mut from, mut condition, mut end) = (0_usize, None, None, text.len());
    let mut grouped = false;
    for (at, token) in all.iter().enumerate() {
        depth = deeper(depth, token);
        if depth > 0 {
            continue;
        }
        let before = at.checked_sub(1).and_then(|at| all.get(at));
        let is_distinct_from = before.is_some_and(|before| before.is("distinct"));
        if token.is("from") && from.is_none() && !is_distinct_from {
            from = Some(token.span.clone());
        } else if token.is("where") && condition.is_none() {
            condition = Some(token.span.clone());
        } else if ["group", "having", "window", "order", "limit", "offset", "fetch", "for"]
            .iter()
            .any(|word| token.is(word))
            && end == text.len()
        {
            end = token.span.start;
            grouped |= ["group", "having", "window"].iter().any(|word| token.is(word));
        } else if token.is("having") || token.is("window") || token.is("into") {
            grouped = true;
        }
    }
    let part = |from: usize, to: usize| Some(text.get(from..to)?.trim().to_owned()).filter(|part| !part.is_empty());
    let parsed = Select::parse(text)?;
    Some(Clauses {
        outputs: parsed.outputs.iter().map(|output| output.text(text).to_owned()).collect(),
        from: from.and_then(|from| part(from.end, condition.as_ref().map_or(end, |condition| condition.start))),
        condition: condition.and_then(|condition| part(condition.end, end)),
        grouped,
        text: text.to_owned(),
    })
}

/// Does an answer stand for many rows?
pub fn aggregates(output: &str) -> bool {
    const NAMES: &[&str] = &[
        "count",
        "sum",
        "min",
        "max",
        "avg",
        "bool_or",
        "bool_and",
        "every",
        "array_agg",
        "string_agg",
        "jsonb_agg",
        "json_agg",
    ];
    Expr::parse(output).any(&|node| match &node.kind {
        crate::expr::Kind::Call { name, .. } => NAMES.contains(&name.as_str()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_select_falls_into_its_clauses() {
        let of = |sql: &str| {
            let sides = clauses(sql).unwrap_or_else(|| panic!("{sql}"));
            let show = |side: &Clauses| {
                let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
                format!("{} | {} | {}", side.outputs.join(", "), part(&side.from), part(&side.condition))
            };
            sides.iter().map(show).collect::<Vec<_>>().join(" ; ")
        };
        assert_eq!(of("EXISTS ( SELECT 1 FROM a.b m WHERE (m.x = y))"), "1 | a.b m | (m.x = y)");
        assert_eq!(
            of("select is_open or (o = 1) from t where id = $1 order by 1 limit 1;"),
            "is_open or (o = 1) | t | id = $1"
        );
        assert_eq!(of("(select a from t union all (select b from u where c))"), "a | t | - ; b | u | c");
        assert_eq!(
            of("select a is distinct from b, extract(year from c) as y"),
            "a is distinct from b, extract(year from c) | - | -"
        );
        assert_eq!(clauses("with x as (select 1) select * from x"), None);
        assert_eq!(clauses("select a from t except select b from u"), None);
        assert!(clauses("select a from t group by a").unwrap_or_default()[0].grouped);
    }
}
