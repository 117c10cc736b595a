//! The ways in which a condition can be true, each as a condition of its own: what stands inside of functions, `CASE`, `coalesce` and
//! sub-selects is one way as good as what stands after an `OR`.
//!
//! A call becomes the body with its arguments beside it, so that no name of the body takes the place of one outside:
//! `exists (select 1 from (select (id) as "p1") as "_b1" where …"_b1"."p1"…)`. PostgreSQL is asked whether each way can be asked at all.

mod against;
mod body;
mod calls;
pub mod clauses;

use crate::Schema;
use crate::expr::{Expr, Kind as Node, Select, tokens};
use against::Against;
use clauses::{Clauses, aggregates, clauses};

/// Ways of one condition; what would be more stays together.
const MOST: usize = 24;
/// How deep functions are followed into those that they call.
const DEEP: usize = 4;

/// One way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// A condition over the row.
    pub sql: String,
    /// The same for people.
    pub said: String,
}

/// A condition, unfolded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unfolded {
    /// Of which any makes it true.
    pub ways: Vec<Way>,
    /// Calls that are given something of the row and cannot be looked into, each with the reason.
    pub closed: Vec<String>,
}

/// Unfolds a condition, as PostgreSQL prints it.
pub fn unfold(schema: &Schema, sql: &str) -> Unfolded {
    let mut unfolder = Unfolder { schema, closed: Vec::new(), count: 0 };
    let whole = Expr::parse(sql);
    let ways = unfolder.ways(&whole, sql, None, 0);
    let mut closed = unfolder.closed;
    closed.sort();
    closed.dedup();
    Unfolded { ways, closed }
}

struct Unfolder<'u> {
    schema: &'u Schema,
    closed: Vec<String>,
    /// Calls that were opened.
    count: usize,
}

/// May the value be one of several?
fn turns(value: &Expr) -> bool {
    matches!(value.bare().kind, Node::Case { .. } | Node::Call { .. })
}

fn leaf(sql: &str) -> Vec<Way> {
    vec![Way { sql: sql.to_owned(), said: plainly(sql) }]
}

/// For people: in one line, without what makes it quick (`( SELECT auth.uid() AS uid)`).
fn plainly(sql: &str) -> String {
    let mut said = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    while let Some(start) = said.find("( SELECT ") {
        let rest = &said[start + 9..];
        let Some((value, name)) = rest.split_once(" AS ") else { break };
        let Some((name, after)) = name.split_once(')') else { break };
        if value.contains(" FROM ") || name.contains(' ') {
            break;
        }
        said = format!("{}{value}{after}", &said[..start]);
    }
    said
}

/// Each of one with each of the other; one piece where that is too many.
fn both(left: Vec<Way>, right: Vec<Way>, whole: &dyn Fn() -> Vec<Way>) -> Vec<Way> {
    if left.len() * right.len() > MOST {
        return whole();
    }
    let join = |left: &Way, right: &Way| Way {
        sql: format!("({}) and ({})", left.sql, right.sql),
        said: format!("{} and {}", left.said, right.said),
    };
    left.iter().flat_map(|left| right.iter().map(move |right| join(left, right))).collect()
}

impl<'u> Unfolder<'u> {
    /// The ways in which a condition is true; or in which a value stands the comparison.
    fn ways(&mut self, expr: &Expr, src: &str, against: Option<&Against>, deep: usize) -> Vec<Way> {
        let text = expr.text(src);
        let whole = || leaf(&against.map_or_else(|| text.to_owned(), |against| against.sql(text)));
        let bare = expr.bare();
        match &bare.kind {
            Node::Case { operand, whens, otherwise } => {
                let found = self.cases((operand.as_deref(), whens, otherwise.as_deref()), src, against, deep);
                return if found.len() > MOST { whole() } else { found };
            }
            Node::Call { schema: None, name, arguments } if name == "coalesce" => {
                let mut found = Vec::new();
                let mut nulls: Vec<String> = Vec::new();
                for argument in arguments {
                    let empty: Vec<Way> = nulls.iter().flat_map(|null| leaf(null)).collect();
                    for way in self.ways(argument, src, against, deep) {
                        let sql = empty.iter().map(|way| &way.sql).chain([&way.sql]).map(|sql| format!("({sql})"));
                        let said = empty.iter().map(|way| way.said.clone()).chain([way.said.clone()]);
                        found.push(Way {
                            sql: sql.collect::<Vec<_>>().join(" and "),
                            said: said.collect::<Vec<_>>().join(" and "),
                        });
                    }
                    nulls.push(format!("({}) is null", argument.text(src)));
                }
                return if found.len() > MOST { whole() } else { found };
            }
            Node::Call { .. } => {
                if let Some(found) = self.call(bare, src, against, deep) {
                    return if found.len() > MOST { whole() } else { found };
                }
                return whole();
            }
            _ => {}
        }
        if let Some(against) = against {
            return if against.fails(bare) { Vec::new() } else { whole() };
        }
        match &bare.kind {
            Node::Boolean(false) | Node::Literal(None) => Vec::new(),
            Node::And(parts) => {
                let mut found = vec![];
                for (at, part) in parts.iter().enumerate() {
                    let more = self.ways(part, src, None, deep);
                    found = match at {
                        0 => more,
                        _ => both(found, more, &whole),
                    };
                    if found.len() == 1 && found[0].sql == text {
                        break;
                    }
                }
                found
            }
            Node::Or(parts) => {
                let found: Vec<Way> = parts.iter().flat_map(|part| self.ways(part, src, None, deep)).collect();
                if found.len() > MOST { parts.iter().flat_map(|part| leaf(part.text(src))).collect() } else { found }
            }
            Node::Not(inner) => self.falses(inner, src, deep),
            Node::Is { expression, test } if test == "true" => self.ways(expression, src, None, deep),
            Node::Is { expression, test } if test.ends_with("null") && turns(expression) => {
                let against = Against { operator: format!("is {test}"), other: String::new(), value_first: true };
                self.ways(expression, src, Some(&against), deep)
            }
            Node::Quantified { operator, every: false, left, right } if turns(left) && operator == "=" => {
                let other = right.text(src).to_owned();
                let against = Against { operator: "= any".to_owned(), other, value_first: true };
                let found = match right.bare().kind {
                    Node::Other(_) => self.ways(left, src, Some(&against), deep),
                    _ => Vec::new(),
                };
                let all =
                    found.iter().all(|way| way.sql.contains("\"_b") || matches!(left.bare().kind, Node::Case { .. }));
                if all && !found.is_empty() { found } else { whole() }
            }
            Node::Binary { operator, left, right } => {
                let compares = matches!(operator.as_str(), "=" | "<>" | "<" | ">" | "<=" | ">=" | "~~" | "like");
                for (value, other, value_first) in [(left, right, true), (right, left, false)] {
                    if compares && turns(value) {
                        let other = other.text(src).to_owned();
                        let against = Against { operator: operator.clone(), other, value_first };
                        let found = self.ways(value, src, Some(&against), deep);
                        let turned = match &value.bare().kind {
                            Node::Case { .. } => true,
                            Node::Call { schema: None, name, .. } => name == "coalesce",
                            _ => found.first().is_some_and(|way| way.sql.contains("\"_b")),
                        };
                        if found.len() > 1 || turned && !found.is_empty() {
                            return found;
                        }
                    }
                }
                whole()
            }
            Node::Exists(_) => self.exists(text, deep).unwrap_or_else(whole),
            Node::Select(_) => {
                let sides = clauses(text).unwrap_or_default();
                match sides.as_slice() {
                    [one] => self.answers(one, None, deep).unwrap_or_else(whole),
                    _ => whole(),
                }
            }
            Node::Quantified { operator, every: false, left, right } => {
                self.one_of(operator, left.text(src), right.text(src), deep).unwrap_or_else(whole)
            }
            _ => whole(),
        }
    }

    /// The ways in which a condition is false.
    fn falses(&mut self, expr: &Expr, src: &str, deep: usize) -> Vec<Way> {
        let text = expr.text(src);
        match &expr.bare().kind {
            Node::And(parts) => parts.iter().flat_map(|part| self.falses(part, src, deep)).collect(),
            Node::Or(parts) => {
                let mut found = vec![];
                for (at, part) in parts.iter().enumerate() {
                    let more = self.falses(part, src, deep);
                    found = if at == 0 { more } else { both(found, more, &|| leaf(&format!("not ({text})"))) };
                }
                found
            }
            Node::Not(inner) => self.ways(inner, src, None, deep),
            Node::Boolean(true) => Vec::new(),
            Node::Case { .. } | Node::Call { schema: Some(_), .. } => {
                let against = Against { operator: "=".to_owned(), other: "false".to_owned(), value_first: true };
                self.ways(expr, src, Some(&against), deep)
            }
            _ => leaf(&format!("not ({text})")),
        }
    }

    /// Each `THEN`, where what stands before it does not hold.
    fn cases(
        &mut self,
        (operand, whens, otherwise): (Option<&Expr>, &[(Expr, Expr)], Option<&Expr>),
        src: &str,
        against: Option<&Against>,
        deep: usize,
    ) -> Vec<Way> {
        let (mut found, mut before) = (Vec::new(), Vec::<String>::new());
        let asked = |when: &Expr| match operand {
            Some(operand) => format!("({}) = ({})", operand.text(src), when.text(src)),
            None => when.text(src).to_owned(),
        };
        for (when, then) in whens {
            let condition = asked(when);
            for way in self.ways(then, src, against, deep) {
                for asked in self.ways(&Expr::parse(&condition), &condition, None, deep) {
                    found.push(joined(&before, &[asked, way.clone()]));
                }
            }
            before.push(format!("({condition}) is not true"));
        }
        for way in otherwise.into_iter().flat_map(|otherwise| self.ways(otherwise, src, against, deep)) {
            found.push(joined(&before, &[way]));
        }
        found
    }

    fn exists(&mut self, text: &str, deep: usize) -> Option<Vec<Way>> {
        let sides = clauses(text)?;
        let mut found = Vec::new();
        for side in &sides {
            let from = side.from.as_ref().filter(|_| !side.grouped)?;
            for (from, opened) in self.sources(from, deep) {
                let ways = match &side.condition {
                    Some(sql) => self.ways(&Expr::parse(sql), sql, None, deep),
                    None if sides.len() == 1 && !opened => return Some(leaf(text)),
                    None => leaf("true"),
                };
                found.extend(ways.into_iter().map(|way| Way {
                    sql: format!("exists (select 1 from {from} where {})", way.sql),
                    said: format!("exists (select 1 from {from} where {})", way.said),
                }));
            }
        }
        Some(found).filter(|found| found.len() <= MOST)
    }

    /// What stands behind `FROM`: a function without arguments that answers many rows is its own `SELECT`s, one at a time. Was one opened?
    fn sources(&mut self, from: &str, deep: usize) -> Vec<(String, bool)> {
        const HEAD: &str = "select 1 from ";
        let text = format!("{HEAD}{from}");
        let whole = vec![(from.to_owned(), false)];
        let Some(parsed) = Select::parse(&text).filter(|_| deep < DEEP) else { return whole };
        let calls = parsed.from.iter().filter_map(|source| source.expression.as_ref());
        for call in calls.filter(|call| matches!(call.kind, Node::Call { .. })) {
            let Some((sides, _)) = self.set_of(call, call.text(&text)) else { continue };
            let mut found = Vec::new();
            for side in sides {
                let rest = side.from.as_ref().map_or_else(String::new, |from| format!(" from {from}"));
                let outputs = side.outputs.join(", ");
                let ways = match side.condition.as_ref().filter(|_| !side.grouped) {
                    Some(sql) => self.ways(&Expr::parse(sql), sql, None, deep + 1),
                    None => Vec::new(),
                };
                let inside = |inner: &str| format!("{}({inner}){}", &text[HEAD.len()..call.start], &text[call.end..]);
                if ways.is_empty() {
                    found.push((inside(&side.text), true));
                }
                let inner = |way: &Way| inside(&format!("select {outputs}{rest} where {}", way.sql));
                found.extend(ways.iter().map(|way| (inner(way), true)));
            }
            return found;
        }
        whole
    }

    /// `left = any (select …)`.
    fn one_of(&mut self, operator: &str, left: &str, right: &str, deep: usize) -> Option<Vec<Way>> {
        // ARRAY(SELECT …)
        let list = right.trim_start_matches('(').trim_start();
        let list = list.get(..5).filter(|word| word.eq_ignore_ascii_case("array")).map(|_| list[5..].trim_start());
        let right = match list.filter(|list| list.starts_with('(')) {
            Some(list) => balanced(list),
            None => right,
        };
        let mut sides = Vec::new();
        for side in clauses(right)? {
            let froms = side.from.as_ref().map(|from| self.sources(from, deep)).unwrap_or_default();
            match froms.as_slice() {
                [] | [(_, false)] => sides.push(side),
                many => sides.extend(many.iter().map(|(from, _)| Clauses {
                    text: format!(
                        "select {} from {from}{}",
                        side.outputs.join(", "),
                        side.condition.as_ref().map_or_else(String::new, |sql| format!(" where {sql}"))
                    ),
                    from: Some(from.clone()),
                    ..side.clone()
                })),
            }
        }
        let mut found = Vec::new();
        for side in sides {
            let (side, of) = match self.set(&side) {
                Some((inner, call)) => (inner, Some(call)),
                None => (vec![side], None),
            };
            for side in side {
                let [output] = side.outputs.as_slice() else { return None };
                let rest = side.from.as_ref().map_or_else(String::new, |from| format!(" from {from}"));
                let whole = || vec![Way { sql: "true".to_owned(), said: String::new() }];
                let ways = side.condition.as_ref().filter(|_| !side.grouped && deep < DEEP);
                let ways = ways.map_or_else(whole, |sql| self.ways(&Expr::parse(sql), sql, None, deep + 1));
                for way in ways {
                    let asked =
                        |condition: &str| format!("{left} {operator} any (select {output}{rest} where {condition})");
                    let (sql, mut said) = match way.said.is_empty() {
                        true => (
                            format!("{left} {operator} any ({})", side.text),
                            format!("{left} {operator} any ({})", side.text),
                        ),
                        false => (asked(&way.sql), asked(&way.said)),
                    };
                    said = plainly(&said);
                    if let Some(call) = &of {
                        said = format!("{call}: {said}");
                    }
                    found.push(Way { sql, said });
                }
            }
        }
        Some(found).filter(|found| found.len() <= MOST)
    }

    /// What a `SELECT` answers, held against something.
    fn answers(&mut self, side: &Clauses, against: Option<&Against>, deep: usize) -> Option<Vec<Way>> {
        let [output] = side.outputs.as_slice() else { return None };
        let Some(from) = &side.from else {
            if side.condition.is_some() || side.grouped {
                return None;
            }
            return Some(self.ways(&Expr::parse(output), output, against, deep));
        };
        if let Some(ways) = self.any_of(side, output, from, against, deep) {
            return Some(ways);
        }
        if side.grouped || aggregates(output) {
            let text = format!("({})", side.text);
            return Some(leaf(&against.map_or(text.clone(), |against| against.sql(&text))));
        }
        let value = self.ways(&Expr::parse(output), output, against, deep);
        let ways = match &side.condition {
            Some(sql) => {
                let conditions = self.ways(&Expr::parse(sql), sql, None, deep);
                both(conditions, value, &|| {
                    leaf(&format!(
                        "({sql}) and ({})",
                        against.map_or_else(|| output.clone(), |against| against.sql(output))
                    ))
                })
            }
            None => value,
        };
        let inside = |way: Way| Way {
            sql: format!("exists (select 1 from {from} where {})", way.sql),
            said: format!("exists (select 1 from {from} where {})", way.said),
        };
        Some(ways.into_iter().map(inside).collect())
    }

    /// An answer over many rows that is true as soon as one of them is there: `bool_or(…)`, `count(*) > 0`.
    fn any_of(
        &mut self,
        side: &Clauses,
        output: &str,
        from: &str,
        against: Option<&Against>,
        deep: usize,
    ) -> Option<Vec<Way>> {
        if side.grouped || against.is_some() {
            return None;
        }
        let whole = Expr::parse(output);
        let mut value = whole.bare();
        if let Node::Call { schema: None, name, arguments } = &value.kind
            && name == "coalesce"
            && matches!(arguments.get(1).map(|other| &other.bare().kind), Some(Node::Boolean(false)))
        {
            value = arguments[0].bare();
        }
        let counts =
            |side: &Expr| matches!(&side.bare().kind, Node::Call { schema: None, name, .. } if name == "count");
        let number = |side: &Expr| match &side.bare().kind {
            Node::Literal(Some(text)) => text.parse::<u32>().ok(),
            _ => None,
        };
        let asked = match &value.kind {
            Node::Call { schema: None, name, arguments } if name == "bool_or" => {
                arguments.first()?.text(output).to_owned()
            }
            Node::Binary { operator, left, right } if counts(left) => match (operator.as_str(), number(right)?) {
                (">" | "<>", 0) | (">=", 1) => "true".to_owned(),
                _ => return None,
            },
            _ => return None,
        };
        let condition = side.condition.as_ref().map_or_else(|| asked.clone(), |sql| format!("({sql}) and ({asked})"));
        let ways = self.ways(&Expr::parse(&condition), &condition, None, deep);
        let inside = |way: Way| Way {
            sql: format!("exists (select 1 from {from} where {})", way.sql),
            said: format!("exists (select 1 from {from} where {})", way.said),
        };
        Some(ways.into_iter().map(inside).collect())
    }
}

/// From a parenthesis to the one that closes it.
fn balanced(text: &str) -> &str {
    let mut depth = 0_usize;
    for token in tokens(text) {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return &text[..token.span.end];
        }
    }
    text
}

fn joined(before: &[String], ways: &[Way]) -> Way {
    let parts: Vec<Way> = before.iter().flat_map(|sql| leaf(sql)).chain(ways.iter().cloned()).collect();
    // What is true anyway says nothing.
    let says = |way: &&Way| !matches!(Expr::parse(&way.sql).bare().kind, Node::Boolean(true));
    let said: Vec<&Way> = parts.iter().filter(says).collect();
    if said.is_empty() {
        return leaf("true").remove(0);
    }
    Way {
        sql: said.iter().map(|way| format!("({})", way.sql)).collect::<Vec<_>>().join(" and "),
        said: said.iter().map(|way| way.said.clone()).collect::<Vec<_>>().join(" and "),
    }
}

#[cfg(test)]
mod tests;
