//! The grammar of filters and of `and=`/`or=`.

use super::ast::{Filter, Logic, Operation, Operator, Quantifier, Search, Truth, Value};
use super::names::{comma, delimiter, field, field_name, identifier, in_parentheses, lexeme, quoted_value};
use super::parsec::{
    Input, Reply, attempt, char, choice, either, label, many, map, none_of, not_followed_by, nothing, optional, pure,
    separated1, sequence, string,
};

const DEPTH_LIMIT: usize = 64;

/// Operators with one value and no `any`/`all`.
const SIMPLE: [(&str, Operator); 9] = [
    ("neq", Operator::NotEqual),
    ("cs", Operator::Contains),
    ("cd", Operator::Contained),
    ("ov", Operator::Overlap),
    ("sl", Operator::StrictlyLeft),
    ("sr", Operator::StrictlyRight),
    ("nxr", Operator::NotExtendsRight),
    ("nxl", Operator::NotExtendsLeft),
    ("adj", Operator::Adjacent),
];

/// Operators that take `any` and `all`; `gte` stands before `gt`, which begins it.
const QUANTIFIED: [(&str, Operator); 9] = [
    ("eq", Operator::Equal),
    ("gte", Operator::GreaterEqual),
    ("gt", Operator::Greater),
    ("lte", Operator::LessEqual),
    ("lt", Operator::Less),
    ("like", Operator::Like),
    ("ilike", Operator::ILike),
    ("match", Operator::Match),
    ("imatch", Operator::IMatch),
];

const SEARCHES: [(&str, Search); 4] =
    [("fts", Search::Full), ("plfts", Search::Plain), ("phfts", Search::Phrase), ("wfts", Search::Web)];

const TRUTHS: [(&str, Truth); 5] = [
    ("null", Truth::Null),
    ("not_null", Truth::NotNull),
    ("true", Truth::True),
    ("false", Truth::False),
    ("unknown", Truth::Unknown),
];

/// What stands after `column=`: `not.eq.5`. The value goes to the end.
pub(crate) fn expression(input: &mut Input<'_>) -> Reply<(bool, Operation)> {
    expression_of(input, &|i| map(many(i, |i| none_of(i, "")), |c| c.into_iter().collect()))
}

fn expression_of(input: &mut Input<'_>, value: &dyn Fn(&mut Input<'_>) -> Reply<String>) -> Reply<(bool, Operation)> {
    sequence(input, |s| {
        let negated = s.then(|i| either(i, |i| attempt(i, not_dot), |i| pure(i, false)))?;
        let operation = s.then(|i| operation(i, value))?;
        Some((negated, operation))
    })
}

fn not_dot(input: &mut Input<'_>) -> Reply<bool> {
    map(word_dot(input, "not"), |()| true)
}

fn word_dot(input: &mut Input<'_>, word: &str) -> Reply<()> {
    sequence(input, |s| {
        s.then(|i| string(i, word))?;
        s.then(delimiter)?;
        Some(())
    })
}

fn operation(input: &mut Input<'_>, value: &dyn Fn(&mut Input<'_>) -> Reply<String>) -> Reply<Operation> {
    let any = |i: &mut Input<'_>| {
        choice(
            i,
            &[
                &in_list,
                &is,
                &|i| is_distinct(i, value),
                &|i| attempt(i, |i| search(i, value)),
                &|i| attempt(i, |i| simple(i, value)),
                &|i| attempt(i, |i| quantified(i, value)),
            ],
        )
    };
    label(input, any, "operator (eq, gt, ...)")
}

fn in_list(input: &mut Input<'_>) -> Reply<Operation> {
    sequence(input, |s| {
        s.then(|i| attempt(i, |i| word_dot(i, "in")))?;
        let items = s.then(list)?;
        Some(Operation::In(items))
    })
}

fn list(input: &mut Input<'_>) -> Reply<Vec<String>> {
    sequence(input, |s| {
        s.then(|i| lexeme(i, |i| char(i, '(')))?;
        let items = s.then(|i| separated1(i, |i| quoted_or_until(i, ",)"), |i| char(i, ',')))?;
        s.then(|i| lexeme(i, |i| char(i, ')')))?;
        Some(items)
    })
}

/// `"quoted"` if the quote ends the element, else everything up to one of these characters.
fn quoted_or_until(input: &mut Input<'_>, ends: &str) -> Reply<String> {
    either(input, |i| attempt(i, |i| whole_quoted(i, ends)), |i| until(i, ends))
}

fn whole_quoted(input: &mut Input<'_>, ends: &str) -> Reply<String> {
    sequence(input, |s| {
        let value = s.then(quoted_value)?;
        s.then(|i| not_followed_by(i, |i| none_of(i, ends)))?;
        Some(value)
    })
}

fn until(input: &mut Input<'_>, ends: &str) -> Reply<String> {
    map(many(input, |i| none_of(i, ends)), |chars| chars.into_iter().collect())
}

fn is(input: &mut Input<'_>) -> Reply<Operation> {
    sequence(input, |s| {
        s.then(|i| attempt(i, |i| word_dot(i, "is")))?;
        let truth = s.then(|i| label(i, truth, "isVal: (null, not_null, true, false, unknown)"))?;
        Some(Operation::Is(truth))
    })
}

fn truth(input: &mut Input<'_>) -> Reply<Truth> {
    first_of(input, &TRUTHS, |i, word| {
        attempt(i, |i| {
            sequence(i, |s| {
                for c in word.chars() {
                    s.then(|i| either(i, |i| char(i, c), |i| char(i, c.to_ascii_uppercase())))?;
                }
                Some(())
            })
        })
    })
}

fn is_distinct(input: &mut Input<'_>, value: &dyn Fn(&mut Input<'_>) -> Reply<String>) -> Reply<Operation> {
    sequence(input, |s| {
        s.then(|i| attempt(i, |i| word_dot(i, "isdistinct")))?;
        let text = s.then(value)?;
        Some(Operation::IsDistinct(Value::new(text)))
    })
}

fn search(input: &mut Input<'_>, value: &dyn Fn(&mut Input<'_>) -> Reply<String>) -> Reply<Operation> {
    sequence(input, |s| {
        let kind = s.then(|i| first_of(i, &SEARCHES, |i, word| attempt(i, |i| string(i, word))))?;
        let language = s.then(|i| optional(i, |i| attempt(i, |i| in_parentheses(i, identifier))))?;
        s.then(delimiter)?;
        let text = s.then(value)?;
        Some(Operation::Search { kind, language, value: Value::new(text) })
    })
}

fn simple(input: &mut Input<'_>, value: &dyn Fn(&mut Input<'_>) -> Reply<String>) -> Reply<Operation> {
    sequence(input, |s| {
        let operator = s.then(|i| operator_of(i, &SIMPLE))?;
        s.then(delimiter)?;
        let text = s.then(value)?;
        Some(Operation::Binary { operator, quantifier: None, value: Value::new(text) })
    })
}

fn quantified(input: &mut Input<'_>, value: &dyn Fn(&mut Input<'_>) -> Reply<String>) -> Reply<Operation> {
    sequence(input, |s| {
        let operator = s.then(|i| operator_of(i, &QUANTIFIED))?;
        let quantifier = s.then(|i| optional(i, |i| attempt(i, |i| in_parentheses(i, quantifier))))?;
        s.then(delimiter)?;
        let text = s.then(value)?;
        Some(Operation::Binary { operator, quantifier, value: Value::new(text) })
    })
}

fn quantifier(input: &mut Input<'_>) -> Reply<Quantifier> {
    either(
        input,
        |i| attempt(i, |i| map(string(i, "any"), |()| Quantifier::Any)),
        |i| map(string(i, "all"), |()| Quantifier::All),
    )
}

fn operator_of(input: &mut Input<'_>, table: &[(&str, Operator)]) -> Reply<Operator> {
    first_of(input, table, |i, word| attempt(i, |i| string(i, word)))
}

/// The first word of a table that fits.
fn first_of<T: Copy>(
    input: &mut Input<'_>,
    table: &[(&str, T)],
    word_parser: impl Fn(&mut Input<'_>, &str) -> Reply<()> + Copy,
) -> Reply<T> {
    match table {
        [] => nothing(input),
        [(word, value), rest @ ..] => {
            either(input, |i| map(word_parser(i, word), |()| *value), |i| first_of(i, rest, word_parser))
        }
    }
}

/// `and(…)`, `not.or(…)` or a filter.
pub(crate) fn logic(input: &mut Input<'_>) -> Reply<Logic> {
    logic_at(input, 0)
}

fn logic_at(input: &mut Input<'_>, depth: usize) -> Reply<Logic> {
    if depth > DEPTH_LIMIT {
        return nothing(input);
    }
    either(input, |i| attempt(i, |i| map(logic_filter(i), Logic::Filter)), |i| group(i, depth))
}

fn group(input: &mut Input<'_>, depth: usize) -> Reply<Logic> {
    sequence(input, |s| {
        let negated = s.then(|i| {
            label(i, |i| either(i, |i| attempt(i, not_dot), |i| pure(i, false)), "negation operator (not)")
        })?;
        let any = s.then(|i| label(i, and_or, "logic operator (and, or)"))?;
        s.then(|i| lexeme(i, |i| char(i, '(')))?;
        let members = s.then(|i| separated1(i, |i| logic_at(i, depth + 1), comma))?;
        s.then(|i| lexeme(i, |i| char(i, ')')))?;
        Some(Logic::Group { negated, any, members })
    })
}

fn and_or(input: &mut Input<'_>) -> Reply<bool> {
    either(input, |i| attempt(i, |i| map(string(i, "and"), |()| false)), |i| map(string(i, "or"), |()| true))
}

fn logic_filter(input: &mut Input<'_>) -> Reply<Filter> {
    sequence(input, |s| {
        let field = s.then(field)?;
        s.then(delimiter)?;
        let (negated, operation) = s.then(|i| expression_of(i, &logic_value))?;
        Some(Filter { field, negated, operation })
    })
}

fn logic_value(input: &mut Input<'_>) -> Reply<String> {
    choice(input, &[&|i| attempt(i, |i| whole_quoted(i, ",)")), &|i| attempt(i, array), &|i| until(i, ",)")])
}

/// `{…}` of PostgreSQL, which may hold commas.
fn array(input: &mut Input<'_>) -> Reply<String> {
    sequence(input, |s| {
        s.then(|i| string(i, "{"))?;
        let inner: String = s.then(|i| until(i, "{}"))?;
        s.then(|i| string(i, "}"))?;
        Some(format!("{{{inner}}}"))
    })
}

/// `clients.not.or`: the path to an embed, and the operator with its negation.
pub(crate) fn logic_path(input: &mut Input<'_>) -> Reply<(Vec<String>, String)> {
    sequence(input, |s| {
        let mut names = s.then(|i| separated1(i, field_name, delimiter))?;
        let negated = names.iter().any(|n| n == "not");
        let operator = names.pop()?;
        names.retain(|n| n != "not");
        Some((names, if negated { format!("not.{operator}") } else { operator }))
    })
}

#[cfg(test)]
mod tests {
    use super::super::parsec::parse;
    use super::*;

    fn error_of<T: std::fmt::Debug>(text: &str, parser: impl FnOnce(&mut Input<'_>) -> Reply<T>) -> String {
        let chars: Vec<char> = text.chars().collect();
        let error = parse(&chars, parser).unwrap_err();
        format!("{} {}", error.place(&chars), error.details())
    }

    #[test]
    fn an_unknown_operator_is_named_at_its_start() {
        let expecting = "expecting operator (eq, gt, ...)";
        assert_eq!(
            error_of("noop.0", expression),
            r#"(line 1, column 1) unexpected "o" expecting "not" or operator (eq, gt, ...)"#
        );
        assert_eq!(error_of("fts().value", expression), format!(r#"(line 1, column 5) unexpected ")" {expecting}"#));
        assert_eq!(error_of("eq().value", expression), format!(r#"(line 1, column 4) unexpected ")" {expecting}"#));
        assert_eq!(error_of("in().value", expression), format!(r#"(line 1, column 3) unexpected "(" {expecting}"#));
    }

    #[test]
    fn a_logic_tree_says_where_it_stopped() {
        assert_eq!(
            error_of("or()", logic),
            r#"(line 1, column 4) unexpected ")" expecting field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)"#
        );
        assert_eq!(error_of("or(id.in.1,2,id.eq.3)", logic), r#"(line 1, column 10) unexpected "1" expecting "(""#);
        assert_eq!(error_of("or)(", logic), r#"(line 1, column 3) unexpected ")" expecting "(""#);
        assert_eq!(
            error_of("or(id.eq.1,not.xor(id.eq.2,id.eq.3))", logic),
            r#"(line 1, column 16) unexpected "x" expecting logic operator (and, or)"#
        );
    }

    #[test]
    fn values_keep_what_their_place_allows() {
        let chars: Vec<char> = r#"in.(a,"b,c","d\"e",)"#.chars().collect();
        let (_, operation) = parse(&chars, expression).unwrap();
        assert_eq!(operation, Operation::In(vec!["a".into(), "b,c".into(), "d\"e".into(), String::new()]));
    }
}
