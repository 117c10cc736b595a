//! The source of a function as one `SELECT`: of plpgsql as far as it decides by `IF`, assigns, and returns.

use std::collections::BTreeMap;

use crate::Schema;
use crate::expr::{Expr, Kind, Select, Token, TokenKind, tokens};
use crate::schema::Function;

/// A longer body is no condition.
const LONGEST: usize = 6000;
/// A condition that doubles with each `IF` ends here.
const LARGEST: usize = 12_000;

/// What the function answers, as `select …` over its parameters.
///
/// # Errors
/// Why it cannot be told, for people.
pub fn select(function: &Function) -> Result<String, String> {
    if function.body.len() > LONGEST {
        return Err("its source is long".to_owned());
    }
    match function.language.as_str() {
        "sql" => sql(&function.body),
        "plpgsql" => plpgsql(&function.body).map(|value| format!("select {value}")),
        other => Err(format!("it is written in {other}")),
    }
}

fn sql(body: &str) -> Result<String, String> {
    let all = tokens(body);
    let starts = |at: usize, word: &str| all.get(at).is_some_and(|token| token.is(word));
    // As PostgreSQL prints a body that it has parsed.
    let (from, to) = match (starts(0, "begin"), starts(0, "return")) {
        (true, _) => (all.get(1).map_or(0, |token| token.span.end), body.rfind(['E', 'e']).unwrap_or(0)),
        (_, true) => return Ok(format!("select {}", body[all[0].span.end..].trim().trim_end_matches(';'))),
        _ => (0, body.len()),
    };
    let text = body.get(from..to).unwrap_or_default().trim().trim_end_matches(';').trim();
    if tokens(text).iter().any(|token| token.is_symbol(";")) {
        return Err("it is more than one statement".to_owned());
    }
    if !tokens(text).first().is_some_and(|token| token.is("select")) {
        return Err("it does not begin with SELECT".to_owned());
    }
    Ok(text.to_owned())
}

/// The text with parameters replaced by what `bound` says for the parameter of this place, or for a field of it.
pub fn bind(schema: &Schema, function: &Function, text: &str, bound: &dyn Fn(usize, Option<&str>) -> String) -> String {
    let Some(parsed) = Select::parse(text) else { return text.to_owned() };
    let place = |name: &str| function.argument_names.iter().position(|known| known == name && !name.is_empty());
    let read: Vec<_> = parsed
        .all()
        .into_iter()
        .flat_map(|select| &select.from)
        .filter_map(|source| {
            let of = source.schema.as_deref();
            schema.relations.iter().find(|known| known.name == source.name && of.is_none_or(|of| known.schema == of))
        })
        .collect();
    // In SQL a column comes before a parameter of the same name; in plpgsql both at once are an error.
    let is_column =
        |name: &str| function.language == "sql" && read.iter().any(|relation| relation.column(name).is_some());
    let mut found: BTreeMap<usize, (usize, String)> = BTreeMap::new();
    for select in parsed.all() {
        for expression in select.expressions() {
            expression.walk(&mut |node: &Expr| {
                let Kind::Column { relation, name } = &node.kind else { return };
                let by = match relation {
                    None if !is_column(name) => place(name).map(|at| bound(at, None)),
                    Some(of) if *of == function.name => place(name).map(|at| bound(at, None)),
                    Some(of) => place(of).map(|at| bound(at, Some(name))),
                    None => None,
                };
                if let Some(by) = by {
                    found.insert(node.start, (node.end, by));
                }
            });
        }
    }
    let all = tokens(text);
    for (n, token) in all.iter().enumerate().filter(|(_, token)| token.kind == TokenKind::Number) {
        let Some(at) = token.text.strip_prefix('$').and_then(|number| number.parse::<usize>().ok()) else { continue };
        let field = all.get(n + 1).filter(|next| next.is_symbol(".")).and_then(|_| all.get(n + 2));
        let (end, by) = match field.and_then(|field| field.name().map(|name| (field.span.end, name))) {
            Some((end, name)) => (end, bound(at.saturating_sub(1), Some(&name))),
            None => (token.span.end, bound(at.saturating_sub(1), None)),
        };
        found.insert(token.span.start, (end, by));
    }
    replaced(text, &found)
}

fn replaced(text: &str, found: &BTreeMap<usize, (usize, String)>) -> String {
    let (mut out, mut at) = (String::new(), 0);
    for (start, (end, by)) in found {
        if *start >= at {
            out += &text[at..*start];
            out += by;
            at = *end;
        }
    }
    out + &text[at..]
}

/// What a body returns, as one expression.
fn plpgsql(body: &str) -> Result<String, String> {
    let all = tokens(body);
    let begin = all.iter().position(|token| token.is("begin")).ok_or("it has no BEGIN")?;
    let mut reader = Reader { body, tokens: &all, at: 0, known: Vec::new() };
    let mut variables = reader.declared(begin);
    reader.at = begin + 1;
    let statements = reader.block(&["end"])?;
    reader.known = variables.keys().cloned().collect();
    answer(&statements, &mut variables)?.ok_or_else(|| "it may end without RETURN".to_owned())
}

/// A statement that is understood.
#[derive(Debug, Clone)]
enum Statement {
    Return(String),
    /// Ends it with an error: nothing is let in.
    Raise,
    Assign(String, String),
    /// A whole row: what stands behind `SELECT`.
    Row(String, String),
    If(Vec<(String, Vec<Statement>)>, Vec<Statement>),
}

struct Reader<'r> {
    body: &'r str,
    tokens: &'r [Token<'r>],
    at: usize,
    known: Vec<String>,
}

impl Reader<'_> {
    /// Variables, with what they are at first.
    fn declared(&self, begin: usize) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut at = usize::from(self.tokens.first().is_some_and(|token| token.is("declare")));
        while at < begin {
            let end = (at..begin).find(|at| self.tokens[*at].is_symbol(";")).unwrap_or(begin);
            if let Some(name) = self.tokens[at].name() {
                let sets = |token: &Token<'_>| token.is("default") || token.is_symbol(":=") || token.is_symbol("=");
                let value = (at..end).find(|at| sets(&self.tokens[*at])).map(|at| self.text(at + 1, end));
                found.insert(name, value.unwrap_or_else(|| "null".to_owned()));
            }
            at = end + 1;
        }
        found
    }

    fn text(&self, from: usize, to: usize) -> String {
        let start = self.tokens.get(from).map_or(0, |token| token.span.start);
        let end = to.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(start, |token| token.span.end);
        self.body.get(start..end).unwrap_or_default().to_owned()
    }

    fn is(&self, word: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|token| token.is(word))
    }

    /// Up to a word or symbol outside of parentheses and CASE, which is passed.
    fn until(&mut self, stop: &str) -> Result<String, String> {
        let from = self.at;
        let (mut depth, mut cases) = (0_usize, 0_usize);
        while let Some(token) = self.tokens.get(self.at) {
            if depth == 0 && cases == 0 && (token.is(stop) || token.is_symbol(stop)) {
                self.at += 1;
                return Ok(self.text(from, self.at - 1));
            }
            match token.text {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ if token.is("case") => cases += 1,
                _ if token.is("end") => cases = cases.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
        Err(format!("no {stop} was found in it"))
    }

    /// Statements up to one of these words, which stays.
    fn block(&mut self, ends: &[&str]) -> Result<Vec<Statement>, String> {
        let mut found = Vec::new();
        while !ends.iter().any(|word| self.is(word)) {
            let Some(first) = self.tokens.get(self.at) else { return Err("it ends early".to_owned()) };
            let second = self.tokens.get(self.at + 1);
            if first.is("return") && !second.is_some_and(|next| next.is("query") || next.is("next")) {
                self.at += 1;
                found.push(Statement::Return(self.until(";")?));
            } else if first.is("if") {
                found.push(self.decides()?);
            } else if first.is("raise") {
                let only_told = ["notice", "warning", "info", "debug", "log"];
                let told = second.is_some_and(|next| only_told.iter().any(|word| next.is(word)));
                self.until(";")?;
                found.extend((!told).then_some(Statement::Raise));
            } else if first.is("perform") {
                self.at += 1;
                let text = format!("select {}", self.until(";")?);
                let sides = super::clauses::clauses(&text).unwrap_or_default();
                match sides.as_slice() {
                    [one] if one.from.is_some() && !one.grouped => {
                        found.push(Statement::Assign("found".to_owned(), format!("exists ({text})")));
                    }
                    _ => return Err("it performs something".to_owned()),
                }
            } else if first.is("null") {
                self.until(";")?;
            } else if first.is("select") {
                found.extend(self.select_into()?);
            } else if second.is_some_and(|next| next.is_symbol(":=") || next.is_symbol("=")) {
                let name = first.name().unwrap_or_default();
                self.at += 2;
                found.push(Statement::Assign(name, self.until(";")?));
            } else {
                return Err(format!("it says {}", first.text.to_uppercase()));
            }
        }
        Ok(found)
    }

    fn decides(&mut self) -> Result<Statement, String> {
        let (mut ways, mut otherwise) = (Vec::new(), Vec::new());
        while self.is("if") || self.is("elsif") || self.is("elseif") {
            self.at += 1;
            let condition = self.until("then")?;
            ways.push((condition, self.block(&["elsif", "elseif", "else", "end"])?));
        }
        if self.is("else") {
            self.at += 1;
            otherwise = self.block(&["end"])?;
        }
        self.until(";")?;
        Ok(Statement::If(ways, otherwise))
    }

    /// `select a, b into x, y from …`, and the like with `into` at its end.
    fn select_into(&mut self) -> Result<Vec<Statement>, String> {
        let from = self.at;
        let text = self.until(";")?;
        let all = &self.tokens[from..self.at - 1];
        let into = all.iter().position(|token| token.is("into")).ok_or("it selects without INTO")?;
        let mut at = into + 1 + usize::from(all.get(into + 1).is_some_and(|token| token.is("strict")));
        let mut names = Vec::new();
        while let Some(name) = all.get(at).and_then(Token::name) {
            names.push(name);
            at += 1;
            if !all.get(at).is_some_and(|token| token.is_symbol(",")) {
                break;
            }
            at += 1;
        }
        let first = all.first().map_or(0, |token| token.span.start);
        let cut = |token: &Token<'_>| token.span.start - first;
        let end = all.get(at).map_or(text.len(), cut);
        let plain =
            format!("{}{}", text.get(..cut(&all[into])).unwrap_or_default(), text.get(end..).unwrap_or_default());
        let sides = super::clauses::clauses(&plain).unwrap_or_default();
        let [one] = sides.as_slice() else { return Err("it selects by UNION or WITH".to_owned()) };
        let rest = one.from.as_ref().map_or_else(String::new, |from| format!(" from {from}"));
        let rest = rest + &one.condition.as_ref().map_or_else(String::new, |condition| format!(" where {condition}"));
        let there = one.from.as_ref().map_or_else(|| "true".to_owned(), |_| format!("exists (select 1{rest})"));
        let mut found = vec![Statement::Assign("found".to_owned(), there)];
        let value = |output: &String| format!("(select {output}{rest})");
        match names.as_slice() {
            [row] if one.outputs.len() != 1 && one.from.is_some() => found.push(Statement::Row(row.clone(), rest)),
            names if one.outputs.len() == names.len() => {
                let assign = |(name, output): (&String, &String)| Statement::Assign(name.clone(), value(output));
                found.extend(names.iter().zip(&one.outputs).map(assign));
            }
            _ => return Err("it selects more than it takes".to_owned()),
        }
        Ok(found)
    }
}

/// What these statements return, `None` where they run through.
fn answer(statements: &[Statement], variables: &mut BTreeMap<String, String>) -> Result<Option<String>, String> {
    for (at, statement) in statements.iter().enumerate() {
        match statement {
            Statement::Return(value) => return Ok(Some(with(value, variables)?)),
            Statement::Raise => return Ok(Some("null".to_owned())),
            Statement::Row(name, rest) => {
                let rest = with(rest, variables)?;
                variables.insert(format!("{name}."), rest);
            }
            Statement::Assign(name, value) => {
                let value = with(value, variables)?;
                variables.insert(name.clone(), value);
            }
            Statement::If(ways, otherwise) => {
                let rest = &statements[at + 1..];
                let mut text = String::from("case");
                for (condition, then) in ways {
                    let condition = with(condition, variables)?;
                    let then = [then.as_slice(), rest].concat();
                    let value = answer(&then, &mut variables.clone())?.ok_or("it may end without RETURN")?;
                    text += &format!(" when {condition} then {value}");
                }
                let otherwise = [otherwise.as_slice(), rest].concat();
                let value = answer(&otherwise, &mut variables.clone())?.ok_or("it may end without RETURN")?;
                text += &format!(" else {value} end");
                return if text.len() > LARGEST { Err("it decides too often".to_owned()) } else { Ok(Some(text)) };
            }
        }
    }
    Ok(None)
}

/// The expression, with variables replaced by what they are.
fn with(sql: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let all = tokens(sql);
    let mut found = BTreeMap::new();
    for (at, token) in all.iter().enumerate() {
        let Some(name) = token.name() else { continue };
        let point = |at: Option<usize>| at.and_then(|at| all.get(at)).is_some_and(|token| token.is_symbol("."));
        if point(at.checked_sub(1)) {
            continue;
        }
        if point(Some(at + 1)) {
            let field = all.get(at + 2).filter(|field| field.name().is_some());
            if let (Some(rest), Some(field)) = (variables.get(&format!("{name}.")), field) {
                found.insert(token.span.start, (field.span.end, format!("(select {}{rest})", field.text)));
            }
            continue;
        }
        if name == "found" && !variables.contains_key("found") {
            return Err("it asks FOUND".to_owned());
        }
        if let Some(value) = variables.get(&name) {
            found.insert(token.span.start, (token.span.end, format!("({value})")));
        }
    }
    let text = replaced(sql, &found);
    if text.len() > LARGEST { Err("it decides too often".to_owned()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_becomes_what_it_returns() {
        let of = |body: &str| plpgsql(body).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        assert_eq!(of("begin return a = b; end"), Ok("a = b".to_owned()));
        assert_eq!(
            of("begin if a then return true; elsif b then return false; end if; return c; end;"),
            Ok("case when a then true when b then false else c end".to_owned())
        );
        assert_eq!(
            of(
                "declare r text; n int := 2; begin select role into strict r from t where id = k; r := lower(r); return r = 'x' and n > 1; end"
            ),
            Ok("(lower(((select role from t where id = k)))) = 'x' and (2) > 1".to_owned())
        );
        assert_eq!(
            of("begin return case when a then b else c end; end"),
            Ok("case when a then b else c end".to_owned())
        );
        assert_eq!(of("begin perform f(); return true; end"), Err("it performs something".to_owned()));
        assert_eq!(
            of("begin if u is null then raise exception 'no'; end if; perform 1 from t where a = b; return found; end"),
            Ok("case when u is null then null else (exists (select 1 from t where a = b)) end".to_owned())
        );
        assert_eq!(
            of(
                "declare r record; begin select * into r from t where id = d; if not found then return false; end if; return r.k = 'z' or r.o = u; end"
            ),
            Ok("case when not (exists (select 1 from t where id = d)) then false \
                else (select k from t where id = d) = 'z' or (select o from t where id = d) = u end"
                .to_owned())
        );
        assert_eq!(
            of("begin if not found then return true; end if; return false; end"),
            Err("it asks FOUND".to_owned())
        );
        assert_eq!(sql(" select 1; "), Ok("select 1".to_owned()));
        assert_eq!(sql("BEGIN ATOMIC\n SELECT a FROM t;\nEND"), Ok("SELECT a FROM t".to_owned()));
        assert_eq!(sql("RETURN (a = b)"), Ok("select (a = b)".to_owned()));
        assert!(sql("insert into t values (1)").is_err() && sql("select 1; select 2").is_err());
    }
}
