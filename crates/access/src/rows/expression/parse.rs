//! From words to a tree: precedence climbing, since PostgreSQL prints brackets where they matter.

use super::eval::Value;
use super::lexer::{Token, tokens};
use super::{Expr, Pattern};

/// How deep brackets may nest before we give up.
const DEPTH: usize = 200;

/// Reads a condition; `None` where it holds something unknown.
pub fn parse(text: &str) -> Option<Expr> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let expr = parser.expression(0)?;
    (parser.at == parser.tokens.len()).then_some(expr)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek_word(&self) -> Option<&str> {
        match self.tokens.get(self.at)? {
            Token::Word { text, quoted: false } => Some(text),
            _ => None,
        }
    }

    fn peek_symbol(&self) -> Option<&str> {
        match self.tokens.get(self.at)? {
            Token::Symbol(text) => Some(text),
            _ => None,
        }
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = self.peek_word().is_some_and(|w| w.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.peek_symbol() == Some(symbol);
        self.at += usize::from(found);
        found
    }

    /// `lowest`: 1 OR, 2 AND, 3 NOT, 4 IS, 5 comparison, 6 other operators, 7 + -, 8 * / %.
    fn expression(&mut self, lowest: u8) -> Option<Expr> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let mut left = if self.keyword("NOT") { Expr::Not(Box::new(self.expression(3)?)) } else { self.primary()? };
        while let Some(next) = self.infix(&left, lowest)? {
            left = next;
        }
        self.depth -= 1;
        Some(left)
    }

    /// `Some(None)` where nothing follows that binds as tightly as asked.
    fn infix(&mut self, left: &Expr, lowest: u8) -> Option<Option<Expr>> {
        if let Some(word) = self.peek_word().map(str::to_ascii_uppercase) {
            let level = match word.as_str() {
                "OR" => 1,
                "AND" => 2,
                "IS" => 4,
                "COLLATE" => 9,
                _ => return Some(None),
            };
            if level < lowest {
                return Some(None);
            }
            self.at += 1;
            return Some(Some(match word.as_str() {
                "OR" => join(left.clone(), self.expression(2)?, false),
                "AND" => join(left.clone(), self.expression(3)?, true),
                "COLLATE" => {
                    self.name()?;
                    left.clone()
                }
                _ => self.is(left.clone())?,
            }));
        }
        let Some(operator) = self.peek_symbol().map(str::to_owned) else { return Some(None) };
        let level = match operator.as_str() {
            ")" | "]" | "," | ":" | "(" | "[" | "." | "::" => return Some(None),
            "=" | "<" | ">" | "<=" | ">=" | "<>" => 5,
            "+" | "-" => 7,
            "*" | "/" | "%" => 8,
            _ => 6,
        };
        if level < lowest {
            return Some(None);
        }
        self.at += 1;
        for (word, any) in [("ANY", true), ("ALL", false)] {
            if self.peek_word() == Some(word) {
                self.at += 1;
                let right = Box::new(self.primary()?);
                let left = Box::new(left.clone());
                return Some(Some(if any {
                    Expr::Any(operator, left, right)
                } else {
                    Expr::All(operator, left, right)
                }));
            }
        }
        let right = self.expression(level + 1)?;
        Some(Some(binary(operator, left.clone(), right)))
    }

    fn is(&mut self, left: Expr) -> Option<Expr> {
        let negated = self.keyword("NOT");
        let expr = if self.keyword("NULL") {
            Expr::IsNull(Box::new(left))
        } else if self.keyword("TRUE") {
            Expr::Is(Box::new(left), true)
        } else if self.keyword("FALSE") {
            Expr::Is(Box::new(left), false)
        } else if self.keyword("DISTINCT") && self.keyword("FROM") {
            Expr::Distinct(Box::new(left), Box::new(self.expression(5)?))
        } else {
            return None;
        };
        Some(if negated { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn primary(&mut self) -> Option<Expr> {
        let mut expr = self.atom()?;
        while self.symbol("::") {
            let name = self.type_name()?;
            expr = Expr::Cast(Box::new(expr), name);
        }
        Some(expr)
    }

    fn atom(&mut self) -> Option<Expr> {
        let token = self.tokens.get(self.at)?.clone();
        match token {
            Token::Text(text) => {
                self.at += 1;
                Some(Expr::Constant(Value::Text(text)))
            }
            Token::Number(number) => {
                self.at += 1;
                Some(Expr::Constant(Value::Number(number)))
            }
            Token::Symbol(symbol) => {
                self.at += 1;
                match symbol.as_str() {
                    "(" => {
                        let inner = self.expression(0)?;
                        self.symbol(")").then_some(inner)
                    }
                    "-" => {
                        let zero = Box::new(Expr::Constant(Value::Number(0.0)));
                        Some(Expr::Binary("-".to_owned(), zero, Box::new(self.primary()?)))
                    }
                    _ => None,
                }
            }
            Token::Word { text, quoted } => {
                let upper = if quoted { String::new() } else { text.to_ascii_uppercase() };
                match upper.as_str() {
                    "TRUE" | "FALSE" => {
                        self.at += 1;
                        Some(Expr::Constant(Value::Bool(upper == "TRUE")))
                    }
                    "NULL" => {
                        self.at += 1;
                        Some(Expr::Constant(Value::Null))
                    }
                    "CASE" => self.case(),
                    "ARRAY" => {
                        self.at += 1;
                        self.symbol("[").then_some(())?;
                        Some(Expr::Array(self.list("]")?))
                    }
                    "CURRENT_TIMESTAMP" | "CURRENT_DATE" | "LOCALTIMESTAMP" => {
                        self.at += 1;
                        let now = Expr::Call("now".to_owned(), Vec::new());
                        Some(if upper == "CURRENT_DATE" { Expr::Cast(Box::new(now), "date".to_owned()) } else { now })
                    }
                    "ROW" | "SELECT" | "EXISTS" | "INTERVAL" => None,
                    // Their arguments are no list.
                    "EXTRACT" | "TRIM" | "POSITION" | "SUBSTRING"
                        if self.tokens.get(self.at + 1) == Some(&Token::Symbol("(".to_owned())) =>
                    {
                        self.at += 2;
                        let call = self.wordy(&upper)?;
                        self.symbol(")").then_some(call)
                    }
                    _ => {
                        let name = self.name()?;
                        if self.symbol("(") {
                            Some(Expr::Call(name.to_lowercase(), self.list(")")?))
                        } else {
                            Some(Expr::Column(name))
                        }
                    }
                }
            }
        }
    }

    /// A call with words between its arguments, up to its closing bracket.
    fn wordy(&mut self, name: &str) -> Option<Expr> {
        let call = |name: &str, arguments: Vec<Expr>| Some(Expr::Call(name.to_owned(), arguments));
        match name {
            "EXTRACT" => {
                let field = self.name()?.to_lowercase();
                self.keyword("FROM").then_some(())?;
                call("extract", vec![Expr::Constant(Value::Text(field)), self.expression(0)?])
            }
            "TRIM" => {
                let sides = [("BOTH", "btrim"), ("LEADING", "ltrim"), ("TRAILING", "rtrim")];
                let side = sides.into_iter().find(|(word, _)| self.keyword(word)).map_or("btrim", |(_, name)| name);
                if self.keyword("FROM") {
                    return call(side, vec![self.expression(0)?]);
                }
                let first = self.expression(0)?;
                match self.keyword("FROM") {
                    true => call(side, vec![self.expression(0)?, first]),
                    false => call(side, vec![first]),
                }
            }
            "POSITION" => {
                let part = self.expression(0)?;
                self.keyword("IN").then_some(())?;
                call("position", vec![self.expression(0)?, part])
            }
            _ => {
                let mut arguments = vec![self.expression(0)?];
                while self.symbol(",") || self.keyword("FROM") || self.keyword("FOR") {
                    arguments.push(self.expression(0)?);
                }
                call("substring", arguments)
            }
        }
    }

    /// The last part of a dotted name.
    fn name(&mut self) -> Option<String> {
        loop {
            let Token::Word { text, .. } = self.tokens.get(self.at)?.clone() else { return None };
            self.at += 1;
            if !self.symbol(".") {
                return Some(text);
            }
        }
    }

    fn list(&mut self, end: &str) -> Option<Vec<Expr>> {
        let mut items = Vec::new();
        if self.symbol(end) {
            return Some(items);
        }
        loop {
            items.push(self.expression(0)?);
            if self.symbol(end) {
                return Some(items);
            }
            self.symbol(",").then_some(())?;
        }
    }

    fn case(&mut self) -> Option<Expr> {
        self.at += 1;
        let subject = if self.peek_word() == Some("WHEN") { None } else { Some(self.expression(0)?) };
        let mut arms = Vec::new();
        while self.keyword("WHEN") {
            let condition = self.expression(0)?;
            self.keyword("THEN").then_some(())?;
            let condition = match &subject {
                Some(subject) => Expr::Binary("=".to_owned(), Box::new(subject.clone()), Box::new(condition)),
                None => condition,
            };
            arms.push((condition, self.expression(0)?));
        }
        let otherwise = if self.keyword("ELSE") { self.expression(0)? } else { Expr::Constant(Value::Null) };
        self.keyword("END").then_some(Expr::Case(arms, Box::new(otherwise)))
    }

    fn type_name(&mut self) -> Option<String> {
        let mut name = self.name()?;
        // The second words of types that have one.
        while let Some(word) = self.peek_word() {
            if !matches!(word, "varying" | "precision" | "with" | "without" | "time" | "zone") {
                break;
            }
            name = format!("{name} {word}");
            self.at += 1;
        }
        if self.symbol("(") {
            self.list(")")?;
            // `timestamp(3) with time zone`
            while self.peek_word().is_some_and(|word| matches!(word, "with" | "without" | "time" | "zone")) {
                self.at += 1;
            }
        }
        while self.symbol("[") {
            self.symbol("]").then_some(())?;
            name.push_str("[]");
        }
        Some(name)
    }
}

fn join(left: Expr, right: Expr, and: bool) -> Expr {
    let mut parts = Vec::new();
    for side in [left, right] {
        match side {
            Expr::And(inner) if and => parts.extend(inner),
            Expr::Or(inner) if !and => parts.extend(inner),
            other => parts.push(other),
        }
    }
    if and { Expr::And(parts) } else { Expr::Or(parts) }
}

fn binary(operator: String, left: Expr, right: Expr) -> Expr {
    if let "~" | "~*" | "!~" | "!~*" = operator.as_str()
        && let Some(Value::Text(source)) = right.constant(0)
    {
        let pattern = Pattern::new(rust_dialect(&source, operator.ends_with('*')));
        let matches = Expr::Matches(Box::new(left), Box::new(pattern));
        return if operator.starts_with('!') { Expr::Not(Box::new(matches)) } else { matches };
    }
    Expr::Binary(operator, Box::new(left), Box::new(right))
}

/// PostgreSQL's word boundaries and flags, in Rust's spelling; the rest is the same for what checks use.
fn rust_dialect(source: &str, case_insensitive: bool) -> String {
    let text = source.replace("\\m", "\\b").replace("\\M", "\\b").replace("\\y", "\\b");
    if case_insensitive { format!("(?i){text}") } else { text }
}
