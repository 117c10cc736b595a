//! SQL text into words, numbers, strings and operators, each with its place.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or a plain identifier.
    Word,
    /// An identifier in double quotes.
    Quoted,
    /// A number or a parameter (`$1`).
    Number,
    /// A string literal of any form.
    String,
    /// One of `( ) [ ] , . ;`, or a run of operator characters, or `::`.
    Symbol,
}

/// A piece of SQL; white space and comments are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// As written.
    pub text: &'a str,
    /// Bytes of the source that it covers.
    pub span: Range<usize>,
}

impl Token<'_> {
    /// Is it this keyword (given in lower case)?
    pub fn is(&self, keyword: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Is it this symbol?
    pub fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text == symbol
    }

    /// The name, where it is an identifier: folded to lower case, or without its quotes.
    pub fn name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_lowercase()),
            TokenKind::Quoted => {
                let inner = self.text.strip_prefix('"').unwrap_or(self.text);
                Some(inner.strip_suffix('"').unwrap_or(inner).replace("\"\"", "\""))
            }
            _ => None,
        }
    }

    /// The value of a string literal, with doubled quotes undone. Escapes of `E'…'` are left as they are.
    pub fn string(&self) -> Option<String> {
        if self.kind != TokenKind::String {
            return None;
        }
        if let Some(rest) = self.text.strip_prefix('$') {
            let tag = rest.find('$')? + 2;
            return self.text.get(tag..self.text.len().saturating_sub(tag)).map(str::to_owned);
        }
        let open = self.text.find('\'')?;
        let inner = self.text.get(open + 1..)?;
        Some(inner.strip_suffix('\'').unwrap_or(inner).replace("''", "'"))
    }
}

/// Splits SQL. Text that ends within a string or comment gives what there is.
pub fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let (kind, length) = if first.is_whitespace() {
            (None, first.len_utf8())
        } else if rest.starts_with("--") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (None, comment(rest))
        } else {
            let (kind, length) = token(rest, first);
            (Some(kind), length)
        };
        if let Some(kind) = kind {
            found.push(Token { kind, text: &rest[..length], span: at..at + length });
        }
        at += length;
    }
    found
}

fn token(rest: &str, first: char) -> (TokenKind, usize) {
    match first {
        '"' => (TokenKind::Quoted, delimited(rest, 0, '"', false)),
        '\'' => (TokenKind::String, delimited(rest, 0, '\'', false)),
        'e' | 'E' if rest[1..].starts_with('\'') => (TokenKind::String, delimited(rest, 1, '\'', true)),
        'b' | 'B' | 'x' | 'X' | 'n' | 'N' if rest[1..].starts_with('\'') => {
            (TokenKind::String, delimited(rest, 1, '\'', false))
        }
        '$' => dollar(rest),
        c if c.is_ascii_digit() => {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'));
            (TokenKind::Number, end.unwrap_or(rest.len()))
        }
        c if c.is_alphabetic() || c == '_' => {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
            (TokenKind::Word, end.unwrap_or(rest.len()))
        }
        ':' => (TokenKind::Symbol, if rest.starts_with("::") || rest.starts_with(":=") { 2 } else { 1 }),
        c if is_operator(c) => {
            let end = rest.char_indices().find(|(at, c)| {
                !is_operator(*c) || *at > 0 && (rest[*at..].starts_with("--") || rest[*at..].starts_with("/*"))
            });
            (TokenKind::Symbol, end.map_or(rest.len(), |(at, _)| at))
        }
        c => (TokenKind::Symbol, c.len_utf8()),
    }
}

fn is_operator(c: char) -> bool {
    "+-*/<>=~!@#%^&|`?".contains(c)
}

/// Length of a quoted piece that opens at `open`; a doubled quote is part of it.
fn delimited(rest: &str, open: usize, quote: char, backslash: bool) -> usize {
    let mut chars = rest.char_indices().skip_while(|(at, _)| *at <= open).peekable();
    while let Some((at, c)) = chars.next() {
        if backslash && c == '\\' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                _ => return at + 1,
            }
        }
    }
    rest.len()
}

/// `$1`, or a string in dollar quotes.
fn dollar(rest: &str) -> (TokenKind, usize) {
    let tag = rest[1..].find(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(rest.len(), |at| at + 1);
    if rest[tag..].starts_with('$') {
        let delimiter = &rest[..=tag];
        let body = &rest[delimiter.len()..];
        let end = body.find(delimiter).map_or(rest.len(), |at| at + 2 * delimiter.len());
        return (TokenKind::String, end);
    }
    (TokenKind::Number, tag.max(1))
}

/// Length of a comment, which may hold comments.
fn comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &[&str]) {
        let found: Vec<_> = tokens(sql).iter().map(|token| token.text).collect();
        assert_eq!(found, expected, "{sql}");
    }

    #[test]
    fn pieces_have_their_bounds() {
        check("a.\"b\"\"c\"::text", &["a", ".", "\"b\"\"c\"", "::", "text"]);
        check("'it''s' || E'a\\'b' -- no\n+ /* x /* y */ */ 1.5", &["'it''s'", "||", "E'a\\'b'", "+", "1.5"]);
        check(
            "(x ->> 'a'::text) <> $tag$ ' $ $tag$",
            &["(", "x", "->>", "'a'", "::", "text", ")", "<>", "$tag$ ' $ $tag$"],
        );
        check("größe>=$1 and 'open", &["größe", ">=", "$1", "and", "'open"]);
        check("a@>-1", &["a", "@>-", "1"]);
        check("$", &["$"]);
        assert_eq!(tokens("$q$it's$q$")[0].string().as_deref(), Some("it's"));
        assert_eq!(tokens("\"A\"\"b\"")[0].name().as_deref(), Some("A\"b"));
    }
}
