//! The function that resolves a recursion, and the policy that calls it.

use std::collections::BTreeSet;

use super::{Facts, reading_parts};
use crate::expr::{Expr, Kind, Select};
use crate::lint::PolicyFacts;
use crate::lint::caller::own_columns;
use crate::lint::rewrite::replaced;

/// SQL: a SECURITY DEFINER function for each sub-select of the policy that reads something, and the policy with calls of them.
pub fn resolved(facts: &Facts<'_>, policy: &PolicyFacts<'_>) -> Option<String> {
    let mut helpers = Helpers { facts, policy, made: Vec::new() };
    let using = policy.using.as_ref().map(|clause| helpers.rewrite(clause.sql, &clause.expr));
    let check = policy.check.as_ref().map(|clause| helpers.rewrite(clause.sql, &clause.expr));
    if helpers.made.is_empty() {
        return None;
    }
    let mut sql =
        String::from("create schema if not exists private;\ngrant usage on schema private to anon, authenticated;\n");
    for (_, definition) in &helpers.made {
        sql += definition;
    }
    Some(sql + &policy.alter(using.as_deref(), check.as_deref()))
}

struct Helpers<'f, 'a> {
    facts: &'f Facts<'a>,
    policy: &'f PolicyFacts<'a>,
    /// The text of a sub-select, and its function.
    made: Vec<(String, String)>,
}

impl Helpers<'_, '_> {
    fn rewrite(&mut self, sql: &str, expr: &Expr) -> String {
        let edits =
            reading_parts(expr).into_iter().filter_map(|part| Some((part.start..part.end, self.call(sql, part)?)));
        replaced(sql, edits.collect())
    }

    /// What stands in place of a sub-select: a call, within a sub-select of its own where it needs nothing of the row.
    fn call(&mut self, sql: &str, part: &Expr) -> Option<String> {
        let table = self.policy.table;
        let (select, left) = match &part.kind {
            Kind::Exists(select) | Kind::Select(select) => (&**select, None),
            Kind::Quantified { left, right, operator, every: false } if operator == "=" => match &right.kind {
                Kind::Select(select) => (&**select, Some(&**left)),
                _ => return None,
            },
            _ => return None,
        };
        // Of IN, only the sub-select becomes a function; what stands before it stays.
        let inner = match (&part.kind, left) {
            (Kind::Quantified { right, .. }, Some(_)) => &**right,
            _ => part,
        };
        let outer: BTreeSet<String> = own_columns(inner, table);
        let body = with_parameters(sql, inner, &table.name, &outer);
        let result = match &part.kind {
            Kind::Exists(_) => "boolean".to_owned(),
            _ => self.type_of(select)?,
        };
        let name = self.name_of(&body, left.is_some(), &result, &outer)?;
        let arguments: Vec<_> = outer.iter().map(|column| pg::ident(column)).collect();
        let call = format!("{name}({})", arguments.join(", "));
        Some(match left {
            Some(left) => format!("({} in (select {call}))", left.text(sql)),
            None if outer.is_empty() => format!("(select {call})"),
            None => call,
        })
    }

    /// The function for a body: one that is there, or a new one.
    fn name_of(&mut self, body: &str, set: bool, result: &str, outer: &BTreeSet<String>) -> Option<String> {
        let number = match self.made.iter().position(|(made, _)| made == body) {
            Some(number) => number,
            None => self.made.len(),
        };
        let table = self.policy.table;
        let plain = |name: &str| name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect::<String>();
        let short: String =
            format!("{}_{}", plain(&table.name), plain(&self.policy.policy.name)).chars().take(40).collect();
        let name = pg::qualified("private", &format!("{}_{}", short.to_lowercase(), number + 1));
        if number == self.made.len() {
            let columns = outer.iter().map(|column| table.column(column));
            let parameters: Option<Vec<_>> =
                columns.map(|column| column.map(|c| format!("{} {}", parameter(&c.name), c.type_sql))).collect();
            let (parameters, set) = (parameters?.join(", "), if set { "setof " } else { "" });
            let definition = format!(
                "create function {name}({parameters}) returns {set}{result}\n  language sql stable security definer set search_path = '' as \
                 $helper$ {body} $helper$;\nrevoke execute on function {name} from public;\ngrant execute on function {name} to anon, \
                 authenticated;\n"
            );
            self.made.push((body.to_owned(), definition));
        }
        Some(name)
    }

    /// Type of what a sub-select answers: of a column of what it reads, or of the literal.
    fn type_of(&self, select: &Select) -> Option<String> {
        let output = select.outputs.first()?;
        match &output.kind {
            Kind::Column { relation, name } => {
                let source =
                    select.from.iter().find(|s| relation.as_ref().is_none_or(|relation| s.handle() == relation))?;
                let schema = source.schema.as_deref()?;
                Some(self.facts.schema.relation(schema, &source.name)?.column(name)?.type_sql.clone())
            }
            Kind::Cast { type_name, .. } => Some(type_name.clone()),
            Kind::Boolean(_) | Kind::Exists(_) => Some("boolean".to_owned()),
            Kind::Call { schema: None, name, .. } if name == "count" => Some("bigint".to_owned()),
            _ => None,
        }
    }
}

fn parameter(column: &str) -> String {
    pg::ident(&format!("row_{column}"))
}

/// The text of a sub-select as a statement, with parameters for the columns of the policy's own row.
fn with_parameters(sql: &str, part: &Expr, table: &str, outer: &BTreeSet<String>) -> String {
    let mut edits = Vec::new();
    part.walk(&mut |node| {
        if let Kind::Column { relation: Some(relation), name } = &node.kind
            && relation == table
            && outer.contains(name)
        {
            edits.push((node.start - part.start..node.end - part.start, parameter(name)));
        }
    });
    let text = replaced(part.text(sql), edits);
    match part.kind {
        Kind::Exists(_) => format!("select {text}"),
        // ( SELECT … ) without its parentheses.
        _ => {
            let text = text.trim();
            text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text).trim().to_owned()
        }
    }
}
