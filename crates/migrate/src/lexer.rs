//! Cuts SQL into pieces by PostgreSQL's rules of quoting ("Lexical Structure"), without understanding it.

use std::ops::Range;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Blanks and line ends.
    Space,
    /// `-- …` or `/* … */`, nested.
    Comment,
    /// `'…'`, `E'…'`, `"…"`, `$tag$…$tag$`.
    Quoted,
    /// A keyword, name or number.
    Word,
    /// Any other single character.
    Symbol(char),
}

/// The pieces of `sql`, in order and without gaps.
pub(crate) struct Lexer<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    /// Starts at a byte offset.
    pub(crate) fn new(sql: &'a str, at: usize) -> Self {
        Self { sql, at }
    }

    fn end_of(&self) -> Option<(Piece, usize)> {
        let rest = &self.sql[self.at..];
        let first = rest.chars().next()?;
        let length = |pieces: &str| self.at + pieces.len();
        if first.is_whitespace() {
            let end = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
            return Some((Piece::Space, self.at + end));
        }
        if rest.starts_with("--") {
            return Some((Piece::Comment, self.at + rest.find('\n').unwrap_or(rest.len())));
        }
        if rest.starts_with("/*") {
            // One without an end is no comment but an error that PostgreSQL must see: all that follows would be left out.
            return Some(match block_comment(rest) {
                Some(length) => (Piece::Comment, self.at + length),
                None => (Piece::Quoted, self.sql.len()),
            });
        }
        if first == '\'' {
            return Some((Piece::Quoted, self.at + quoted(rest, '\'', false)));
        }
        if first == '"' {
            return Some((Piece::Quoted, self.at + quoted(rest, '"', false)));
        }
        if first == '$'
            && let Some(end) = dollar_quoted(rest)
        {
            return Some((Piece::Quoted, self.at + end));
        }
        if is_word_start(first) || first.is_ascii_digit() {
            let end = rest.find(|c: char| !is_word_start(c) && !c.is_ascii_digit() && c != '$').unwrap_or(rest.len());
            let word = &rest[..end];
            if word.eq_ignore_ascii_case("e") && rest[end..].starts_with('\'') {
                return Some((Piece::Quoted, length(word) + quoted(&rest[end..], '\'', true)));
            }
            return Some((Piece::Word, length(word)));
        }
        Some((Piece::Symbol(first), self.at + first.len_utf8()))
    }
}

impl Iterator for Lexer<'_> {
    type Item = (Piece, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let (piece, end) = self.end_of()?;
        let range = self.at..end;
        self.at = end;
        Some((piece, range))
    }
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// Length of a block comment, if it ends; comments nest.
fn block_comment(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0usize);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
    None
}

/// Length of a quoted text that starts with `quote`; a doubled quote is part of it, and so is an escaped one where escapes count.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return at + c.len_utf8();
            }
        }
    }
    text.len()
}

/// Length of a dollar-quoted text, or `None` where `$` starts something else.
fn dollar_quoted(text: &str) -> Option<usize> {
    let tag_end = 1 + text[1..].find('$')?;
    let tag = &text[1..tag_end];
    let named =
        tag.chars().next().is_none_or(is_word_start) && tag.chars().all(|c| is_word_start(c) || c.is_ascii_digit());
    if !named {
        return None;
    }
    let fence = &text[..=tag_end];
    let body = &text[fence.len()..];
    Some(body.find(fence).map_or(text.len(), |at| fence.len() + at + fence.len()))
}

/// The words of a statement outside of quotes and comments, in lower case.
pub(crate) fn words(sql: &str) -> impl Iterator<Item = String> {
    Lexer::new(sql, 0).filter(|(piece, _)| *piece == Piece::Word).map(|(_, range)| sql[range].to_ascii_lowercase())
}

/// A piece that means something, as PostgreSQL reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A keyword, name or number, in small letters.
    Word(String),
    /// A name in double quotes, without them.
    Name(String),
    /// A literal.
    Text,
    /// Anything else but `;`.
    Symbol(char),
}

impl Token {
    /// A word as it stands; nothing for what is quoted.
    pub(crate) fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }

    /// What it names, quoted or not.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Word(name) | Self::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// The tokens of a statement.
pub(crate) fn tokens(sql: &str) -> Vec<Token> {
    stream(sql).collect()
}

/// The first tokens of a statement: what a seed inserts may be long.
pub(crate) fn first_tokens(sql: &str, most: usize) -> Vec<Token> {
    stream(sql).take(most).collect()
}

fn stream(sql: &str) -> impl Iterator<Item = Token> {
    let token = move |(piece, range): (Piece, Range<usize>)| {
        let text = &sql[range];
        match piece {
            Piece::Space | Piece::Comment | Piece::Symbol(';') => None,
            Piece::Word => Some(Token::Word(text.to_ascii_lowercase())),
            Piece::Quoted => Some(match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(name) => Token::Name(name.replace("\"\"", "\"")),
                None => Token::Text,
            }),
            Piece::Symbol(symbol) => Some(Token::Symbol(symbol)),
        }
    };
    Lexer::new(sql, 0).filter_map(token)
}

/// SQL without comments, semicolons and the way blanks are set: two texts with the same result mean the same.
pub(crate) fn normalized(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    for (piece, range) in Lexer::new(sql, 0) {
        match piece {
            Piece::Space | Piece::Comment | Piece::Symbol(';') => {}
            // Pieces never touch in the result, so that blanks between them do not matter.
            Piece::Quoted | Piece::Word | Piece::Symbol(_) => {
                out.push_str(&sql[range]);
                out.push(' ');
            }
        }
    }
    out
}
