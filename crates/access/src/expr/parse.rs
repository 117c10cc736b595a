//! Precedence climbing over [`tokens`].

use super::token::{Token, TokenKind, tokens};
use super::{Expr, Kind};

/// Deeper than any policy, shallower than the stack.
const DEEPEST: usize = 200;

/// Words that end an expression of a sub-select, or of `CASE`.
const STOPS: &[&str] = &[
    "from",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "offset",
    "fetch",
    "for",
    "union",
    "intersect",
    "except",
    "window",
    "as",
    "on",
    "join",
    "left",
    "right",
    "full",
    "inner",
    "cross",
    "natural",
    "using",
    "when",
    "then",
    "else",
    "end",
    "asc",
    "desc",
    "nulls",
];

/// Reads one text.
pub struct Parser<'a> {
    pub(super) tokens: Vec<Token<'a>>,
    pub(super) at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    pub fn new(sql: &'a str) -> Self {
        Self { tokens: tokens(sql), at: 0, depth: 0 }
    }

    /// The whole text; what is left over becomes part of an [`Kind::Other`].
    pub fn whole(mut self) -> Expr {
        let mut parts = Vec::new();
        while self.at < self.tokens.len() {
            parts.push(self.expression(0));
        }
        match parts.len() {
            1 => parts.remove(0),
            _ => Expr { start: 0, end: self.tokens.last().map_or(0, |token| token.span.end), kind: Kind::Other(parts) },
        }
    }

    pub(super) fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.at)
    }

    pub(super) fn next_is(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.is(word))
    }

    pub(super) fn next_is_symbol(&self, symbol: &str) -> bool {
        self.peek().is_some_and(|token| token.is_symbol(symbol))
    }

    pub(super) fn take(&mut self, word: &str) -> bool {
        let found = self.next_is(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.next_is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    /// First byte of the next token.
    fn here(&self) -> usize {
        self.peek().or(self.tokens.last()).map_or(0, |token| token.span.start)
    }

    /// The byte after the last token that was taken.
    fn end(&self) -> usize {
        self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, |token| token.span.end)
    }

    fn node(&self, start: usize, kind: Kind) -> Expr {
        Expr { kind, start, end: self.end() }
    }

    /// An expression whose operators bind at least as close as `least`. Takes a token at least.
    pub(super) fn expression(&mut self, least: u8) -> Expr {
        let start = self.here();
        if self.depth >= DEEPEST {
            // Only a text made to harm is this deep: the rest is not understood, but taken.
            self.at = self.tokens.len();
            return self.node(start, Kind::Other(Vec::new()));
        }
        self.depth += 1;
        let mut left = self.prefix();
        while let Some((binding, operator)) = self.operator().filter(|(binding, _)| *binding >= least) {
            left = self.infix(left, binding, operator);
        }
        self.depth -= 1;
        left
    }

    fn prefix(&mut self) -> Expr {
        let start = self.here();
        if self.take("not") {
            let inner = self.expression(3);
            return self.node(start, Kind::Not(Box::new(inner)));
        }
        let is_sign = self.peek().is_some_and(|t| t.kind == TokenKind::Symbol && "+-~@!|".contains(&t.text[..1]));
        if is_sign {
            self.at += 1;
            let inner = self.expression(10);
            return self.node(start, Kind::Other(vec![inner]));
        }
        let primary = self.primary();
        self.postfix(primary)
    }

    /// The operator that comes next: how close it binds, and its name.
    fn operator(&self) -> Option<(u8, String)> {
        let token = self.peek()?;
        if token.kind == TokenKind::Symbol {
            return match token.text {
                "(" | ")" | "[" | "]" | "," | "." | ";" | "::" | ":" => None,
                "=" | "<" | ">" | "<=" | ">=" | "<>" | "!=" => Some((5, token.text.replace("!=", "<>"))),
                "+" | "-" => Some((8, token.text.to_owned())),
                "*" | "/" | "%" | "^" => Some((9, token.text.to_owned())),
                other => Some((7, other.to_owned())),
            };
        }
        if token.kind != TokenKind::Word {
            return None;
        }
        let word = token.text.to_lowercase();
        match word.as_str() {
            "or" => Some((1, word)),
            "and" => Some((2, word)),
            "is" => Some((4, word)),
            "in" | "like" | "ilike" | "similar" | "between" | "operator" => Some((6, word)),
            "at" => Some((9, word)),
            "not" => Some((6, word)),
            _ => None,
        }
    }

    fn infix(&mut self, left: Expr, binding: u8, operator: String) -> Expr {
        let start = left.start;
        self.at += 1;
        match operator.as_str() {
            "and" | "or" => {
                let right = self.expression(binding + 1);
                let flatten = |side: Expr| match side.kind {
                    Kind::And(parts) if operator == "and" => parts,
                    Kind::Or(parts) if operator == "or" => parts,
                    kind => vec![Expr { kind, ..side }],
                };
                let mut parts = flatten(left);
                parts.extend(flatten(right));
                self.node(start, if operator == "and" { Kind::And(parts) } else { Kind::Or(parts) })
            }
            "is" => self.is(left),
            "not" => {
                // a NOT IN (…), NOT LIKE, NOT BETWEEN
                let Some((binding, operator)) = self.operator() else { return left };
                let inner = self.infix(left, binding, operator);
                self.node(start, Kind::Not(Box::new(inner)))
            }
            "in" => {
                let right = self.primary();
                self.node(
                    start,
                    Kind::Quantified {
                        operator: "=".to_owned(),
                        every: false,
                        left: Box::new(left),
                        right: Box::new(right),
                    },
                )
            }
            "between" => {
                let low = self.expression(7);
                self.take("and");
                let high = self.expression(7);
                self.node(start, Kind::Other(vec![left, low, high]))
            }
            "operator" => {
                // OPERATOR(schema.=)
                let mut name = String::new();
                while let Some(token) = self.peek() {
                    let (closes, text) = (token.is_symbol(")"), token.text.to_owned());
                    self.at += 1;
                    if closes {
                        break;
                    }
                    name = text;
                }
                self.compare(left, binding, name)
            }
            "similar" | "at" => {
                // SIMILAR TO, AT TIME ZONE
                while self.take("to") || self.take("time") || self.take("zone") {}
                self.compare(left, binding, operator)
            }
            _ => self.compare(left, binding, operator),
        }
    }

    fn compare(&mut self, left: Expr, binding: u8, operator: String) -> Expr {
        let start = left.start;
        let every = self.next_is("all");
        let quantified = every || self.next_is("any") || self.next_is("some");
        if quantified && self.tokens.get(self.at + 1).is_some_and(|token| token.is_symbol("(")) {
            self.at += 1;
            let right = self.primary();
            return self
                .node(start, Kind::Quantified { operator, every, left: Box::new(left), right: Box::new(right) });
        }
        let right = self.expression(binding + 1);
        self.node(start, Kind::Binary { operator, left: Box::new(left), right: Box::new(right) })
    }

    fn is(&mut self, left: Expr) -> Expr {
        let start = left.start;
        let mut words = Vec::new();
        while words.len() < 3 {
            let word =
                ["not", "null", "true", "false", "unknown", "distinct", "from", "document", "json", "normalized"]
                    .into_iter()
                    .find(|word| self.next_is(word));
            let Some(word) = word else { break };
            self.at += 1;
            words.push(word);
            if !matches!(word, "not" | "distinct") {
                break;
            }
        }
        if words.last() == Some(&"from") {
            let operator = format!("is {}", words.join(" "));
            return self.compare(left, 5, operator);
        }
        self.node(start, Kind::Is { expression: Box::new(left), test: words.join(" ") })
    }

    /// `::type`, `[subscript]`, `.field`, `COLLATE`, `OVER (…)`.
    fn postfix(&mut self, mut inner: Expr) -> Expr {
        let start = inner.start;
        loop {
            if self.take_symbol("::") {
                let type_name = self.type_name();
                inner = self.node(start, Kind::Cast { expression: Box::new(inner), type_name });
            } else if self.take_symbol("[") {
                let mut parts = vec![inner];
                parts.extend(self.list("]"));
                inner = self.node(start, Kind::Other(parts));
            } else if self.take_symbol(".") {
                self.at += 1;
                inner = self.node(start, Kind::Other(vec![inner]));
            } else if self.take("collate") {
                while self.peek().is_some_and(|token| token.name().is_some()) {
                    self.at += 1;
                    if !self.take_symbol(".") {
                        break;
                    }
                }
            } else if self.take("over") || self.take("filter") {
                let mut parts = vec![inner];
                if self.take_symbol("(") {
                    parts.extend(self.list(")"));
                }
                inner = self.node(start, Kind::Other(parts));
            } else {
                return inner;
            }
        }
    }

    fn type_name(&mut self) -> String {
        let first = self.at;
        self.at += 1;
        while self.take_symbol(".") {
            self.at += 1;
        }
        loop {
            if self.next_is_symbol("(") || self.next_is_symbol("[") {
                let close = if self.next_is_symbol("(") { ")" } else { "]" };
                self.at += 1;
                while self.at < self.tokens.len() && !self.take_symbol(close) {
                    self.at += 1;
                }
            } else if !["varying", "precision", "with", "without", "time", "zone"].iter().any(|word| self.take(word)) {
                break;
            }
        }
        self.tokens.get(first..self.at.min(self.tokens.len())).unwrap_or_default().iter().map(|t| t.text).fold(
            String::new(),
            |mut name, text| {
                let joins = name.ends_with(['.', '(', '[']) || text.starts_with(['.', '(', ')', '[', ']', ',']);
                if !name.is_empty() && !joins {
                    name.push(' ');
                }
                name + text
            },
        )
    }

    fn primary(&mut self) -> Expr {
        let start = self.here();
        let Some(token) = self.peek().cloned() else { return self.node(start, Kind::Other(Vec::new())) };
        self.at += 1;
        match token.kind {
            TokenKind::String => self.node(start, Kind::Literal(token.string())),
            TokenKind::Number => self.node(start, Kind::Literal(Some(token.text.to_owned()))),
            TokenKind::Symbol if token.text == "(" => self.parenthesis(start),
            TokenKind::Symbol => self.node(start, Kind::Other(Vec::new())),
            TokenKind::Word => match token.text.to_lowercase().as_str() {
                "true" => self.node(start, Kind::Boolean(true)),
                "false" => self.node(start, Kind::Boolean(false)),
                "null" => self.node(start, Kind::Literal(None)),
                "exists" if self.take_symbol("(") => {
                    let select = self.select();
                    self.list(")");
                    self.node(start, Kind::Exists(Box::new(select)))
                }
                "array" if self.take_symbol("[") => {
                    let parts = self.list("]");
                    self.node(start, Kind::Other(parts))
                }
                "row" if self.take_symbol("(") => {
                    let parts = self.list(")");
                    self.node(start, Kind::Other(parts))
                }
                "case" => self.case(start),
                _ => self.name(start, &token),
            },
            TokenKind::Quoted => self.name(start, &token),
        }
    }

    fn parenthesis(&mut self, start: usize) -> Expr {
        if self.next_is("select") || self.next_is("with") || self.next_is("values") {
            let select = self.select();
            self.list(")");
            return self.node(start, Kind::Select(Box::new(select)));
        }
        let mut parts = self.list(")");
        if parts.len() == 1 {
            let inner = parts.remove(0);
            return self.node(start, inner.kind);
        }
        self.node(start, Kind::Other(parts))
    }

    fn case(&mut self, start: usize) -> Expr {
        let operand = (!self.next_is("when")).then(|| Box::new(self.expression(0)));
        let (mut whens, mut otherwise) = (Vec::new(), None);
        while self.at < self.tokens.len() && !self.take("end") {
            if self.take("when") {
                let when = self.expression(0);
                self.take("then");
                let then = self.expression(0);
                whens.push((when, then));
            } else if self.take("else") {
                otherwise = Some(Box::new(self.expression(0)));
            } else {
                // Not CASE as it is known: the rest is passed over.
                self.at += 1;
            }
        }
        self.node(start, Kind::Case { operand, whens, otherwise })
    }

    /// A column, or a call.
    fn name(&mut self, start: usize, first: &Token<'a>) -> Expr {
        let mut names: Vec<String> = first.name().into_iter().collect();
        while self.next_is_symbol(".") {
            let Some(name) = self.tokens.get(self.at + 1).and_then(Token::name) else { break };
            self.at += 2;
            names.push(name);
        }
        let name = names.pop().unwrap_or_default();
        if self.take_symbol("(") {
            let arguments = self.list(")");
            return self.node(start, Kind::Call { schema: names.pop(), name, arguments });
        }
        const CALLS_WITHOUT_PARENTHESES: &[&str] =
            &["current_user", "session_user", "current_role", "current_date", "current_timestamp", "localtimestamp"];
        if names.is_empty() && CALLS_WITHOUT_PARENTHESES.contains(&name.as_str()) && first.kind == TokenKind::Word {
            return self.node(start, Kind::Call { schema: None, name, arguments: Vec::new() });
        }
        self.node(start, Kind::Column { relation: names.pop(), name })
    }

    /// Expressions up to a closing symbol, which is taken; words between them (`DISTINCT`, `ORDER BY`, `FROM`) are passed over.
    pub(super) fn list(&mut self, close: &str) -> Vec<Expr> {
        let mut parts = Vec::new();
        while self.at < self.tokens.len() && !self.take_symbol(close) {
            let passes = self.next_is_symbol(",")
                || self.next_is_symbol(":")
                || self.at_stop()
                || ["distinct", "all", "variadic", "by", "partition"].iter().any(|word| self.next_is(word));
            if passes {
                self.at += 1;
            } else {
                parts.push(self.expression(0));
            }
        }
        parts
    }

    pub(super) fn at_stop(&self) -> bool {
        self.peek().is_some_and(|token| STOPS.iter().any(|stop| token.is(stop)))
    }
}
