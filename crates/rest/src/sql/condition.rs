//! WHERE, ORDER BY, LIMIT, and the columns in them.

use catalog::QualifiedName;

use super::{Sql, array_literal};
use crate::plan::node::{Column, Condition, JoinCondition, OrderBy, SelectColumn};
use crate::request::ast::{Aggregate, JsonOperand, JsonStep, Operation, Operator, Quantifier, Search, Truth, Value};
use crate::request::ranges::Range;

/// A column with its steps into JSON.
pub(crate) fn field(sql: &mut Sql, table: &QualifiedName, column: &Column) {
    match &column.to_tsvector {
        Some(language) => {
            sql.push("to_tsvector(");
            search_language(sql, language.as_deref());
            plain_field(sql, table, column);
            sql.push(")");
        }
        None => plain_field(sql, table, column),
    }
}

fn plain_field(sql: &mut Sql, table: &QualifiedName, column: &Column) {
    if column.whole_row {
        sql.ident(&table.name);
    } else if column.wrap_for_path && !column.path.is_empty() {
        sql.push("to_jsonb(").column(table, &column.name).push(")");
    } else {
        sql.column(table, &column.name);
    }
    path(sql, &column.path);
}

fn path(sql: &mut Sql, steps: &[JsonStep]) {
    for step in steps {
        sql.push(if step.as_text { "->>" } else { "->" });
        match &step.to {
            JsonOperand::Key(key) => sql.param(key),
            JsonOperand::Index(index) => sql.param(index).push("::int"),
        };
    }
}

/// An item of the select list, with `wrap` around what is shown.
pub(crate) fn select_item(sql: &mut Sql, table: &QualifiedName, item: &SelectColumn, wrap: Option<&str>) {
    if let Some(function) = wrap {
        sql.push(function).push("(");
    }
    aggregated(sql, item.aggregate, item.aggregate_cast.as_deref(), |sql| {
        cast(sql, item.cast.as_deref(), |sql| match &item.column.transform {
            Some(function) => {
                sql.push(function).push("(");
                field(sql, table, &item.column);
                sql.push(")");
            }
            None => field(sql, table, &item.column),
        });
    });
    if wrap.is_some() {
        sql.push(")");
    }
    match &item.alias {
        Some(alias) => {
            sql.push(" AS ").ident(alias);
        }
        None if wrap.is_some() => {
            let name = item.aggregate.map_or(item.column.name.as_str(), |a| a.name());
            sql.push(" AS ").ident(name);
        }
        None => {}
    }
}

/// `sum(…)` with its cast.
pub(crate) fn aggregated(
    sql: &mut Sql,
    aggregate: Option<Aggregate>,
    aggregate_cast: Option<&str>,
    inner: impl FnOnce(&mut Sql),
) {
    let Some(aggregate) = aggregate else { return inner(sql) };
    cast(sql, aggregate_cast, |sql| {
        sql.push(aggregate.name()).push("(");
        inner(sql);
        sql.push(")");
    });
}

/// The type is letters, digits, blanks, `_` and `$` only (its grammar); quoted, `"int"` would not be known.
fn cast(sql: &mut Sql, to: Option<&str>, inner: impl FnOnce(&mut Sql)) {
    let Some(to) = to else { return inner(sql) };
    sql.push("CAST(");
    inner(sql);
    sql.push(" AS ").push(to).push(")");
}

/// A filter or a group of them. `exists` says how to ask whether an embed has rows.
pub(crate) fn condition(
    sql: &mut Sql,
    table: &QualifiedName,
    condition_: &Condition,
    exists: &dyn Fn(&mut Sql, &str, bool),
) {
    match condition_ {
        Condition::Group { negated, any, members } => {
            sql.push(if *negated { "NOT (" } else { "(" });
            sql.list(if *any { " OR " } else { " AND " }, members, |sql, m| condition(sql, table, m, exists));
            sql.push(")");
        }
        Condition::Filter { column, negated, operation: operation_ } => {
            if *negated {
                sql.push("NOT ");
            }
            field(sql, table, column);
            operation(sql, column, operation_);
        }
        Condition::Embed { subselect, exists: wanted } => exists(sql, subselect, *wanted),
    }
}

/// In a read the embed is joined, so its subselect says whether it has rows.
pub(crate) fn joined_exists(sql: &mut Sql, subselect: &str, wanted: bool) {
    sql.ident(subselect).push(if wanted { " IS DISTINCT FROM NULL" } else { " IS NOT DISTINCT FROM NULL" });
}

/// Conditions joined by AND.
pub(crate) fn conditions(sql: &mut Sql, table: &QualifiedName, all: &[Condition]) {
    sql.list(" AND ", all, |sql, c| condition(sql, table, c, &joined_exists));
}

fn operation(sql: &mut Sql, column: &Column, operation: &Operation) {
    match operation {
        Operation::Binary { operator, quantifier, value } => {
            sql.push(" ").push(operator_text(*operator)).push(" ");
            if let Some(quantifier) = quantifier {
                sql.push(if *quantifier == Quantifier::Any { "ANY(" } else { "ALL(" });
            }
            binary_value(sql, column, *operator, value);
            if quantifier.is_some() {
                sql.push(")");
            }
        }
        // What is only an empty element is an empty list.
        Operation::In(items) if items.len() == 1 && items[0].is_empty() => {
            sql.push(" = ANY('{}')");
        }
        Operation::In(items) => {
            let literal = array_literal(items.iter().map(String::as_str));
            match &column.transform {
                Some(function) => {
                    sql.push(" = ANY((SELECT ").push(function).push("(unnest(").param(&literal).push("::text[]))))");
                }
                None => {
                    sql.push(" = ANY(").param(&literal).push(")");
                }
            }
        }
        // IS takes no parameter.
        Operation::Is(truth) => {
            sql.push(match truth {
                Truth::Null => " IS NULL",
                Truth::NotNull => " IS NOT NULL",
                Truth::True => " IS TRUE",
                Truth::False => " IS FALSE",
                Truth::Unknown => " IS UNKNOWN",
            });
        }
        Operation::IsDistinct(value) => {
            sql.push(" IS DISTINCT FROM ").value(value, false);
        }
        Operation::Search { kind, language, value } => {
            sql.push(match kind {
                Search::Full => " @@ to_tsquery(",
                Search::Plain => " @@ plainto_tsquery(",
                Search::Phrase => " @@ phraseto_tsquery(",
                Search::Web => " @@ websearch_to_tsquery(",
            });
            search_language(sql, language.as_deref());
            sql.value(value, false).push(")");
        }
    }
}

fn binary_value(sql: &mut Sql, column: &Column, operator: Operator, value: &Value) {
    match (&column.transform, operator) {
        (_, Operator::Like | Operator::ILike) => {
            sql.value(value, true);
        }
        (Some(function), _) => {
            sql.push(function).push("(").value(value, false).push(")");
        }
        (None, _) => {
            sql.value(value, false);
        }
    }
}

fn search_language(sql: &mut Sql, language: Option<&str>) {
    if let Some(language) = language {
        sql.param(language).push(", ");
    }
}

fn operator_text(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "=",
        Operator::NotEqual => "<>",
        Operator::Greater => ">",
        Operator::GreaterEqual => ">=",
        Operator::Less => "<",
        Operator::LessEqual => "<=",
        Operator::Like => "like",
        Operator::ILike => "ilike",
        Operator::Match => "~",
        Operator::IMatch => "~*",
        Operator::Contains => "@>",
        Operator::Contained => "<@",
        Operator::Overlap => "&&",
        Operator::StrictlyLeft => "<<",
        Operator::StrictlyRight => ">>",
        Operator::NotExtendsRight => "&<",
        Operator::NotExtendsLeft => "&>",
        Operator::Adjacent => "-|-",
    }
}

/// `a.x = b.y`
pub(crate) fn join_condition(sql: &mut Sql, join: &JoinCondition) {
    sql.column(&join.left.0, &join.left.1).push(" = ").column(&join.right.0, &join.right.1);
}

/// ORDER BY, if there is something to order by.
pub(crate) fn order(sql: &mut Sql, table: &QualifiedName, terms: &[OrderBy]) {
    if terms.is_empty() {
        return;
    }
    sql.push(" ORDER BY ").list(", ", terms, |sql, term| {
        match &term.relation {
            Some(subselect) => field(sql, &QualifiedName::local(subselect), &term.column),
            None => field(sql, table, &term.column),
        }
        match term.descending {
            Some(true) => {
                sql.push(" DESC");
            }
            Some(false) => {
                sql.push(" ASC");
            }
            None => {}
        }
        match term.nulls_first {
            Some(true) => {
                sql.push(" NULLS FIRST");
            }
            Some(false) => {
                sql.push(" NULLS LAST");
            }
            None => {}
        }
    });
}

/// LIMIT and OFFSET, if not all rows are asked for.
///
/// The limit is a number in the text: with a parameter in its place PostgreSQL cannot tell that few rows will be fetched, and plans the
/// statement anew each time. There are few limits and many offsets, so those are parameters.
pub(crate) fn limit(sql: &mut Sql, range: Range) {
    if range == Range::ALL {
        return;
    }
    match range.limit().map(u64::try_from) {
        Some(Ok(limit)) if limit <= i64::MAX.unsigned_abs() => {
            sql.push(" LIMIT ").push(itoa::Buffer::new().format(limit));
        }
        // PostgreSQL has words for what is beyond its numbers.
        Some(_) => {
            sql.push(" LIMIT ").param(&range.limit().unwrap_or_default().to_string());
        }
        None => {}
    }
    if range.lower != 0 {
        sql.push(" OFFSET ").param(&range.lower.to_string());
    }
}
