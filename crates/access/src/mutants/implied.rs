//! Conditions that follow from other ones: whoever leaves them out, or opens a column on which they hang, changes nothing.

use super::equivalent::{binds, bound};
use crate::Schema;
use crate::expr::{Expr, Kind, Select, tokens};
use crate::schema::{Column, Policy, Relation};

/// A condition of a sub-select on one table, of which row-level security shows the caller no other rows anyway. `whole` is all of the
/// clause.
pub(super) fn by_visibility(
    schema: &Schema,
    policy: &Policy,
    whole: &str,
    part: &str,
    select: &Select,
) -> Option<String> {
    // There a row may be missing, of which nothing holds.
    if ["LEFT JOIN", "RIGHT JOIN", "FULL JOIN"].iter().any(|outer| whole.contains(outer)) {
        return None;
    }
    let condition = Expr::parse(part);
    let handle = only_handle(&condition)?;
    let source = select.from.iter().find(|source| source.handle() == handle && source.expression.is_none())?;
    let table = schema.relation(source.schema.as_deref()?, &source.name).filter(|table| table.rls)?;
    let condition = Text { of: &condition, source: part, handle: &handle };
    let roles = bound(schema, policy);
    let shown = |role: &&str| {
        table.owner != **role
            && table.policies.iter().filter(|shows| binds(schema, shows, role, "SELECT")).all(|shows| {
                let using = shows.using.as_deref().unwrap_or("true");
                implies(Text { of: &Expr::parse(using), source: using, handle: &table.name }, condition)
            })
    };
    roles
        .iter()
        .all(shown)
        .then(|| format!("row-level security of {}.{} shows no other rows", table.schema, table.name))
}

/// `x is not null` beside a condition that is not true where `x` is null.
pub(super) fn by_neighbour(part: &str, siblings: &[Expr]) -> Option<String> {
    let condition = Expr::parse(part);
    let Kind::Is { expression, test } = &condition.kind else { return None };
    let Kind::Column { name, .. } = &expression.kind else { return None };
    (test == "not null" && siblings.iter().any(|sibling| needs(sibling, name)))
        .then(|| format!("what stands beside it is not true where {name} is null"))
}

/// A column that each policy ties to one value, which a new row has by default and an old one has already.
pub(super) fn pinned(
    schema: &Schema,
    table: &Relation,
    column: &Column,
    role: &str,
    privilege: &str,
) -> Option<String> {
    if !table.rls {
        return None;
    }
    let policies: Vec<&Policy> =
        table.policies.iter().filter(|policy| binds(schema, policy, role, privilege)).collect();
    if policies.is_empty() {
        return Some(format!("no policy lets {role} {} any row", privilege.to_lowercase()));
    }
    let mut values = Vec::new();
    for policy in policies {
        let using = policy.using.as_deref();
        values.push(tied(policy.check.as_deref().or(using)?, &column.name)?);
        if privilege == "UPDATE" {
            values.push(tied(using?, &column.name)?);
        }
    }
    if privilege == "INSERT" {
        values.push(value_of(&Expr::parse(column.default.as_deref()?))?);
    }
    values.dedup();
    let said = format!("every policy asks that {} is {}", column.name, values[0]);
    (values.len() == 1).then_some(said)
}

/// The value that a condition asks of a column.
fn tied(condition: &str, column: &str) -> Option<String> {
    let is_column = |expr: &Expr| matches!(&expr.kind, Kind::Column { name, .. } if name == column);
    Expr::parse(condition).conjuncts().iter().find_map(|part| match &part.kind {
        Kind::Binary { operator, left, right } if operator == "=" && is_column(left) => value_of(right),
        Kind::Binary { operator, left, right } if operator == "=" && is_column(right) => value_of(left),
        _ => None,
    })
}

/// The caller: the same for all rows of a statement.
fn value_of(expr: &Expr) -> Option<String> {
    match &expr.bare().kind {
        Kind::Call { schema: Some(schema), name, arguments } if schema == "auth" && arguments.is_empty() => {
            Some(format!("{schema}.{name}()"))
        }
        _ => None,
    }
}

/// Is it not true where the column is null?
fn needs(expr: &Expr, column: &str) -> bool {
    let is_column = |expr: &Expr| matches!(&expr.bare().kind, Kind::Column { name, .. } if name == column);
    match &expr.kind {
        Kind::And(parts) => parts.iter().any(|part| needs(part, column)),
        Kind::Or(parts) => parts.iter().all(|part| needs(part, column)),
        Kind::Binary { operator, left, right } => {
            ["=", "<>", "<", ">", "<=", ">="].contains(&operator.as_str()) && (is_column(left) || is_column(right))
        }
        Kind::Quantified { operator, every: false, left, .. } => operator == "=" && is_column(left),
        Kind::Exists(select) => select.selects.is_empty() && select.conditions.iter().any(|part| needs(part, column)),
        _ => false,
    }
}

/// The one relation whose columns are asked about; `None` where there are more, or where other rows decide.
fn only_handle(condition: &Expr) -> Option<String> {
    let mut handles = Vec::new();
    let mut plain = true;
    condition.walk(&mut |node| match &node.kind {
        Kind::Column { relation: Some(relation), .. } => handles.push(relation.clone()),
        Kind::Column { relation: None, .. } | Kind::Exists(_) => plain = false,
        Kind::Select(select) => plain &= select.from.is_empty(),
        _ => {}
    });
    handles.dedup();
    if plain && handles.len() == 1 { handles.pop() } else { None }
}

/// A condition, the text that it is a part of, and what its columns are qualified by.
#[derive(Clone, Copy)]
struct Text<'t> {
    of: &'t Expr,
    source: &'t str,
    handle: &'t str,
}

impl<'t> Text<'t> {
    fn part(self, of: &'t Expr) -> Self {
        Self { of, ..self }
    }

    /// Word by word, unqualified and without outer parentheses.
    fn words(self) -> Vec<String> {
        let text = crate::expr::unwrapped(self.of.text(self.source));
        let all = tokens(text);
        let qualifies = |at: usize| {
            all.get(at).and_then(|token| token.name()).is_some_and(|name| name == self.handle)
                && all.get(at + 1).is_some_and(|next| next.is_symbol("."))
        };
        let dropped = |at: usize| qualifies(at) || at > 0 && qualifies(at - 1);
        (0..all.len()).filter(|at| !dropped(*at)).map(|at| all[at].text.to_owned()).collect()
    }
}

/// Does a condition on a table follow from another one? By their words alone: `false` means that it is not known.
pub fn follows(first: &str, second: &str, table: &str) -> bool {
    let (one, other) = (Expr::parse(first), Expr::parse(second));
    implies(Text { of: &one, source: first, handle: table }, Text { of: &other, source: second, handle: table })
}

/// Does the second follow from the first? By their words alone: `false` means that it is not known.
fn implies(first: Text<'_>, second: Text<'_>) -> bool {
    if matches!(second.of.kind, Kind::Boolean(true)) || first.words() == second.words() {
        return true;
    }
    let any_of = |parts: &[Expr]| parts.iter().any(|part| implies(first, second.part(part)));
    match (&first.of.kind, &second.of.kind) {
        (Kind::Or(ways), _) => ways.iter().all(|way| implies(first.part(way), second)),
        (_, Kind::And(parts)) => parts.iter().all(|part| implies(first, second.part(part))),
        (Kind::And(parts), Kind::Or(ways)) => {
            any_of(ways) || parts.iter().any(|part| implies(first.part(part), second))
        }
        (_, Kind::Or(ways)) => any_of(ways),
        (Kind::And(parts), _) => parts.iter().any(|part| implies(first.part(part), second)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_by_words() {
        let check = |first: &str, second: &str, expected: bool| {
            let (a, b) = (Expr::parse(first), Expr::parse(second));
            let first_text = Text { of: &a, source: first, handle: "projects" };
            let second_text = Text { of: &b, source: second, handle: "p" };
            assert_eq!(implies(first_text, second_text), expected, "{first} → {second}");
        };
        check("(status = 'published'::text)", "p.status = 'published'::text", true);
        check("((a = 1) AND open)", "p.open", true);
        check("((a = 1) OR open)", "p.open", false);
        check("((a = 1) OR open)", "(p.open OR (p.a = 1) OR p.b)", true);
        check("((projects.a = 1) AND open)", "(p.open AND (p.a = 1))", true);
        check("(b AND (a OR c))", "(p.a OR p.c)", true);
        check("open", "p.closed", false);
    }

    #[test]
    fn nulls_are_kept_out_by_neighbours() {
        let check = |sibling: &str, expected: bool| {
            assert_eq!(by_neighbour("x IS NOT NULL", &[Expr::parse(sibling)]).is_some(), expected, "{sibling}");
        };
        check("(EXISTS ( SELECT 1\n   FROM public.p\n  WHERE ((p.id = notes.x) AND p.ok)))", true);
        check("(x = 1)", true);
        check("((x = 1) OR y)", false);
        check("(x IS NULL)", false);
        check("(COALESCE(x, 1) = 1)", false);
    }
}
