//! The grammar of `select=` and `order=`.

use super::ast::{Aggregate, Embed, Field, Join, OrderTerm, SelectField, SelectItem};
use super::names::{cast, comma, delimiter, field, field_name, in_parentheses, lexeme};
use super::parsec::{
    Input, Reply, attempt, char, choice, either, end, look_ahead, map, not_followed_by, nothing, optional, separated,
    separated1, sequence, string,
};

/// Deeper than any sensible request, and far from the end of the stack.
const DEPTH_LIMIT: usize = 64;

/// All of `select=`.
pub(crate) fn forest(input: &mut Input<'_>) -> Reply<Vec<SelectItem>> {
    forest_at(input, 0)
}

fn forest_at(input: &mut Input<'_>, depth: usize) -> Reply<Vec<SelectItem>> {
    separated(input, |i| item(i, depth), comma)
}

fn item(input: &mut Input<'_>, depth: usize) -> Reply<SelectItem> {
    if depth > DEPTH_LIMIT {
        return nothing(input);
    }
    let with_items = |i: &mut Input<'_>, head: &dyn Fn(&mut Input<'_>) -> Reply<Embed>| {
        sequence(i, |s| {
            let mut embed = s.then(|i| attempt(i, head))?;
            embed.items = s.then(|i| in_parentheses(i, |i| forest_at(i, depth + 1)))?;
            Some(SelectItem::Embed(embed))
        })
    };
    choice(
        input,
        &[&|i| with_items(i, &spread_head), &|i| with_items(i, &embed_head), &|i| {
            map(select_field(i), SelectItem::Field)
        }],
    )
}

fn embed_head(input: &mut Input<'_>) -> Reply<Embed> {
    lexeme(input, |i| {
        sequence(i, |s| {
            let alias = s.then(alias)?;
            let relation = s.then(field_name)?;
            if relation == "count" {
                return s.then(|i| nothing(i));
            }
            let (hint, join) = s.then(embed_parameters)?;
            s.then(|i| attempt(i, |i| look_ahead(i, |i| string(i, "("))))?;
            Some(Embed { relation, alias, hint, join, spread: false, items: Vec::new() })
        })
    })
}

fn spread_head(input: &mut Input<'_>) -> Reply<Embed> {
    lexeme(input, |i| {
        sequence(i, |s| {
            s.then(|i| string(i, "..."))?;
            let relation = s.then(field_name)?;
            let (hint, join) = s.then(embed_parameters)?;
            s.then(|i| attempt(i, |i| look_ahead(i, |i| string(i, "("))))?;
            Some(Embed { relation, alias: None, hint, join, spread: true, items: Vec::new() })
        })
    })
}

enum Parameter {
    Hint(String),
    Join(Join),
}

/// `!hint` and `!inner` or `!left`, in any order; the first of a kind counts.
fn embed_parameters(input: &mut Input<'_>) -> Reply<(Option<String>, Option<Join>)> {
    sequence(input, |s| {
        let given = [s.then(|i| optional(i, embed_parameter))?, s.then(|i| optional(i, embed_parameter))?];
        let (mut hint, mut join) = (None, None);
        for parameter in given.into_iter().flatten() {
            match parameter {
                Parameter::Hint(name) => hint = hint.or(Some(name)),
                Parameter::Join(kind) => join = join.or(Some(kind)),
            }
        }
        Some((hint, join))
    })
}

fn embed_parameter(input: &mut Input<'_>) -> Reply<Parameter> {
    sequence(input, |s| {
        s.then(|i| char(i, '!'))?;
        s.then(|i| {
            choice(
                i,
                &[
                    &|i| attempt(i, |i| map(string(i, "left"), |()| Parameter::Join(Join::Left))),
                    &|i| attempt(i, |i| map(string(i, "inner"), |()| Parameter::Join(Join::Inner))),
                    &|i| attempt(i, |i| map(field_name(i), Parameter::Hint)),
                ],
            )
        })
    })
}

/// Perhaps `name:`, but not the first half of a cast.
fn alias(input: &mut Input<'_>) -> Reply<Option<String>> {
    optional(input, |i| {
        attempt(i, |i| {
            sequence(i, |s| {
                let name = s.then(field_name)?;
                s.then(|i| char(i, ':'))?;
                s.then(|i| not_followed_by(i, |i| char(i, ':')))?;
                Some(name)
            })
        })
    })
}

fn select_field(input: &mut Input<'_>) -> Reply<SelectField> {
    lexeme(input, |i| choice(i, &[&|i| attempt(i, star), &|i| attempt(i, count_of_rows), &column]))
}

fn star(input: &mut Input<'_>) -> Reply<SelectField> {
    sequence(input, |s| {
        s.then(|i| string(i, "*"))?;
        s.then(item_end)?;
        Some(whole_row())
    })
}

fn whole_row() -> SelectField {
    SelectField {
        field: Field { name: "*".to_owned(), path: Vec::new() },
        alias: None,
        cast: None,
        aggregate: None,
        aggregate_cast: None,
    }
}

fn count_of_rows(input: &mut Input<'_>) -> Reply<SelectField> {
    sequence(input, |s| {
        let alias = s.then(alias)?;
        s.then(|i| string(i, "count()"))?;
        let aggregate_cast = s.then(cast)?;
        s.then(item_end)?;
        Some(SelectField { alias, aggregate: Some(Aggregate::Count), aggregate_cast, ..whole_row() })
    })
}

fn column(input: &mut Input<'_>) -> Reply<SelectField> {
    sequence(input, |s| {
        let alias = s.then(alias)?;
        let field = s.then(field)?;
        let before = s.then(cast)?;
        let aggregate = s.then(|i| optional(i, |i| attempt(i, aggregate)))?;
        let aggregate_cast = s.then(cast)?;
        s.then(item_end)?;
        Some(SelectField { field, alias, cast: before, aggregate, aggregate_cast })
    })
}

fn aggregate(input: &mut Input<'_>) -> Reply<Aggregate> {
    sequence(input, |s| {
        s.then(|i| char(i, '.'))?;
        let function = s.then(|i| {
            choice(
                i,
                &[
                    &|i| map(string(i, "sum"), |()| Aggregate::Sum),
                    &|i| map(string(i, "avg"), |()| Aggregate::Avg),
                    &|i| map(string(i, "count"), |()| Aggregate::Count),
                    &|i| attempt(i, |i| map(string(i, "max"), |()| Aggregate::Max)),
                    &|i| attempt(i, |i| map(string(i, "min"), |()| Aggregate::Min)),
                ],
            )
        })?;
        s.then(|i| string(i, "()"))?;
        Some(function)
    })
}

fn item_end(input: &mut Input<'_>) -> Reply<()> {
    choice(
        input,
        &[
            &|i| attempt(i, |i| look_ahead(i, |i| string(i, ")"))),
            &|i| attempt(i, |i| look_ahead(i, |i| string(i, ","))),
            &|i| attempt(i, end),
        ],
    )
}

/// All of `order=`.
pub(crate) fn order(input: &mut Input<'_>) -> Reply<Vec<OrderTerm>> {
    separated1(input, |i| lexeme(i, |i| either(i, |i| attempt(i, related_term), plain_term)), |i| char(i, ','))
}

fn plain_term(input: &mut Input<'_>) -> Reply<OrderTerm> {
    sequence(input, |s| {
        let field = s.then(field)?;
        let descending = s.then(|i| optional(i, direction))?;
        let nulls_first = s.then(nulls_and_end)?;
        Some(OrderTerm { relation: None, field, descending, nulls_first })
    })
}

fn related_term(input: &mut Input<'_>) -> Reply<OrderTerm> {
    sequence(input, |s| {
        let relation = s.then(field_name)?;
        let field = s.then(|i| in_parentheses(i, field))?;
        let descending = s.then(|i| optional(i, direction))?;
        let nulls_first = s.then(nulls_and_end)?;
        Some(OrderTerm { relation: Some(relation), field, descending, nulls_first })
    })
}

fn direction(input: &mut Input<'_>) -> Reply<bool> {
    either(
        input,
        |i| attempt(i, |i| map(after_dot(i, "asc"), |()| false)),
        |i| attempt(i, |i| map(after_dot(i, "desc"), |()| true)),
    )
}

fn nulls_and_end(input: &mut Input<'_>) -> Reply<Option<bool>> {
    either(
        input,
        |i| {
            sequence(i, |s| {
                let nulls = s.then(|i| optional(i, nulls))?;
                s.then(term_end)?;
                Some(nulls)
            })
        },
        |i| map(term_end(i), |()| None),
    )
}

fn nulls(input: &mut Input<'_>) -> Reply<bool> {
    either(
        input,
        |i| attempt(i, |i| map(after_dot(i, "nullsfirst"), |()| true)),
        |i| attempt(i, |i| map(after_dot(i, "nullslast"), |()| false)),
    )
}

fn after_dot(input: &mut Input<'_>, word: &str) -> Reply<()> {
    sequence(input, |s| {
        s.then(delimiter)?;
        s.then(|i| string(i, word))
    })
}

fn term_end(input: &mut Input<'_>) -> Reply<()> {
    either(input, |i| attempt(i, |i| look_ahead(i, |i| map(char(i, ','), |_| ()))), |i| attempt(i, end))
}

/// What stands for an absent `select=`.
pub(crate) fn everything() -> Vec<SelectItem> {
    vec![SelectItem::Field(whole_row())]
}

#[cfg(test)]
mod tests {
    use super::super::parsec::{Failure, parse};
    use super::*;

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    fn failure<T: std::fmt::Debug>(text: &str, result: Result<T, Failure>) -> String {
        let error = result.unwrap_err();
        format!("{} {}", error.place(&chars(text)), error.details())
    }

    fn select_error(text: &str) -> String {
        failure(text, parse(&chars(text), forest))
    }

    fn order_error(text: &str) -> String {
        failure(text, parse(&chars(text), order))
    }

    #[test]
    fn a_select_says_where_it_stopped() {
        assert_eq!(
            select_error("id,clients(name[])"),
            r#"(line 1, column 16) unexpected '[' expecting letter, digit, "-", "->>", "->", "::", ".", ")", "," or end of input"#
        );
        assert_eq!(
            select_error("data->>-78xy"),
            r#"(line 1, column 11) unexpected 'x' expecting digit, "->", "::", ".", "," or end of input"#
        );
        assert_eq!(select_error("name::"), "(line 1, column 7) unexpected end of input expecting letter or digit");
    }

    #[test]
    fn an_order_says_where_it_stopped() {
        assert_eq!(
            order_error("clients(name,id)"),
            r#"(line 1, column 8) unexpected '(' expecting letter, digit, "-", "->>", "->", delimiter (.), "," or end of input"#
        );
        assert_eq!(
            order_error("id.ac"),
            r#"(line 1, column 4) unexpected "c" expecting "asc", "desc", "nullsfirst" or "nullslast""#
        );
        assert_eq!(
            order_error("id.descc"),
            r#"(line 1, column 8) unexpected 'c' expecting delimiter (.), "," or end of input"#
        );
        assert_eq!(
            order_error("id.nullslasttt"),
            r#"(line 1, column 13) unexpected 't' expecting "," or end of input"#
        );
        assert_eq!(
            order_error("id.asc.nlsfst"),
            r#"(line 1, column 8) unexpected "l" expecting "nullsfirst" or "nullslast""#
        );
    }

    #[test]
    fn embeds_nest_and_take_their_parameters_in_any_order() {
        let items = parse(&chars("id,who:clients!inner!fk(name::text),...b(count())"), forest).unwrap();
        let SelectItem::Embed(embed) = &items[1] else { panic!("{items:?}") };
        assert_eq!((embed.alias.as_deref(), embed.hint.as_deref()), (Some("who"), Some("fk")));
        assert_eq!(embed.join, Some(Join::Inner));
        assert!(matches!(&items[2], SelectItem::Embed(e) if e.spread && e.items.len() == 1));
    }
}
