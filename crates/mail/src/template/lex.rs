//! From text to pieces: literal text and the tokens of each action.

/// A line and what is wrong there.
pub(super) type Mistake = (usize, String);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    /// Its line, and what stands between the braces.
    Action(usize, Vec<Token>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// `if`, `range`, `printf`, `true`, …
    Word(String),
    /// `.` or `.Data.name`; empty for the dot alone. The flag: a space or an opening bracket precedes it.
    Field(Vec<String>, bool),
    /// `$`, `$x`; fields follow as [`Token::Field`].
    Variable(String),
    Text(String),
    Number(f64),
    Open,
    Close,
    Pipe,
    Comma,
    Declare,
    Assign,
}

pub(super) fn pieces(source: &str) -> Result<Vec<Piece>, Mistake> {
    let mut pieces = Vec::new();
    let mut rest = source;
    let mut line = 1;
    let mut trim_left = false;
    while !rest.is_empty() {
        let Some(start) = rest.find("{{") else {
            push_text(&mut pieces, rest, trim_left, false);
            break;
        };
        let (text, action) = (&rest[..start], &rest[start + 2..]);
        let marked = action.starts_with('-') && action[1..].starts_with([' ', '\t', '\r', '\n']);
        push_text(&mut pieces, text, trim_left, marked);
        line += text.matches('\n').count();
        let action = if marked { &action[1..] } else { action };
        let (tokens, used, trims) = action_tokens(action, line)?;
        trim_left = trims;
        if let Some(tokens) = tokens {
            pieces.push(Piece::Action(line, tokens));
        }
        line += action[..used].matches('\n').count();
        rest = &action[used..];
    }
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str, trim_left: bool, trim_right: bool) {
    let space = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let text = if trim_left { text.trim_start_matches(space) } else { text };
    let text = if trim_right { text.trim_end_matches(space) } else { text };
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// The tokens up to `}}` (`None` for a comment), how many bytes were read, and whether the text behind is trimmed.
fn action_tokens(source: &str, line: usize) -> Result<(Option<Vec<Token>>, usize, bool), Mistake> {
    let open = || (line, "an action {{ is not closed by }}".to_owned());
    let body = source.trim_start();
    if body.starts_with("/*") {
        let at = source.len() - body.len();
        let end = body.find("*/").ok_or_else(|| (line, "a comment is not closed by */".to_owned()))?;
        let after = &body[end + 2..];
        let (used, trims) = if after.starts_with("}}") {
            (2, false)
        } else {
            let trimmed = after.trim_start();
            if trimmed.len() == after.len() || !trimmed.starts_with("-}}") {
                return Err((line, "a comment ends with */}} or */ -}}".to_owned()));
            }
            (after.len() - trimmed.len() + 3, true)
        };
        return Ok((None, at + end + 2 + used, trims));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut spaced = true;
    loop {
        let rest = &source[at..];
        let Some(c) = rest.chars().next() else { return Err(open()) };
        if rest.starts_with("}}") {
            return Ok((Some(tokens), at + 2, false));
        }
        if spaced && rest.starts_with("-}}") {
            return Ok((Some(tokens), at + 3, true));
        }
        if c.is_whitespace() {
            spaced = true;
            at += c.len_utf8();
            continue;
        }
        let (token, used) = token(rest, spaced).map_err(|message| (line, message))?;
        spaced = matches!(token, Token::Open | Token::Pipe | Token::Comma);
        tokens.push(token);
        at += used;
    }
}

fn token(rest: &str, spaced: bool) -> Result<(Token, usize), String> {
    for (mark, token) in [
        (":=", Token::Declare),
        ("=", Token::Assign),
        ("(", Token::Open),
        (")", Token::Close),
        ("|", Token::Pipe),
        (",", Token::Comma),
    ] {
        if rest.starts_with(mark) {
            return Ok((token, mark.len()));
        }
    }
    match rest.as_bytes()[0] {
        b'"' => quoted(rest),
        b'`' => {
            let end = rest[1..].find('`').ok_or("a ` is not closed")?;
            Ok((Token::Text(rest[1..=end].to_owned()), end + 2))
        }
        b'\'' => {
            let (token, used) = quoted_until(rest, '\'')?;
            match token.chars().next() {
                Some(c) if token.chars().count() == 1 => Ok((Token::Number(f64::from(u32::from(c))), used)),
                _ => Err("a character in '' is one character; texts stand in \"\"".into()),
            }
        }
        b'.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
            let mut fields = Vec::new();
            let mut used = 0;
            while rest[used..].starts_with('.') {
                let name: String = rest[used + 1..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if name.is_empty() {
                    if used == 0 && !rest[1..].starts_with('.') {
                        return Ok((Token::Field(fields, spaced), 1));
                    }
                    return Err("a name is missing after a dot".into());
                }
                used += 1 + name.len();
                fields.push(name);
            }
            Ok((Token::Field(fields, spaced), used))
        }
        b'$' => {
            let name: String = rest[1..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let used = 1 + name.len();
            Ok((Token::Variable(name), used))
        }
        c if c.is_ascii_digit() || matches!(c, b'-' | b'+' | b'.') => {
            let text: String =
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_')).collect();
            let number = number(&text).ok_or_else(|| format!("{text} is not a number"))?;
            Ok((Token::Number(number), text.len()))
        }
        _ => {
            let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if word.is_empty() {
                let c = rest.chars().next().unwrap_or(' ');
                return Err(format!("unexpected {c:?} in an action"));
            }
            let used = word.len();
            Ok((Token::Word(word), used))
        }
    }
}

fn number(text: &str) -> Option<f64> {
    let plain = text.replace('_', "");
    if let Some(hex) = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        return i64::from_str_radix(hex, 16).ok().map(|n| n as f64);
    }
    plain.parse().ok().filter(|n: &f64| n.is_finite())
}

fn quoted(rest: &str) -> Result<(Token, usize), String> {
    let (text, used) = quoted_until(rest, '"')?;
    Ok((Token::Text(text), used))
}

/// Go's escapes in a quoted text.
fn quoted_until(rest: &str, quote: char) -> Result<(String, usize), String> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((out, at + 1)),
            '\n' => break,
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(c @ ('\\' | '"' | '\'')) => out.push(c),
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).map(|(_, c)| c).collect();
                    let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    out.push(code.ok_or("\\u needs four hexadecimal digits")?);
                }
                Some('x') => {
                    let digits: String = chars.by_ref().take(2).map(|(_, c)| c).collect();
                    let code = u8::from_str_radix(&digits, 16).map_err(|_| "\\x needs two hexadecimal digits")?;
                    out.push(char::from(code));
                }
                _ => return Err("unknown escape in a quoted text".into()),
            },
            c => out.push(c),
        }
    }
    Err(format!("a quoted text is not closed by {quote}"))
}
