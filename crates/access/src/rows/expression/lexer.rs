//! Words of a condition.

/// One word.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// An identifier or keyword, as written; quoted ones are marked.
    Word { text: String, quoted: bool },
    /// `'…'`.
    Text(String),
    /// A number.
    Number(f64),
    /// Operators, brackets, `,`, `.`, `::`.
    Symbol(String),
}

/// Cuts text into words; `None` for what no condition holds.
pub fn tokens(text: &str) -> Option<Vec<Token>> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        if c.is_whitespace() {
            at += 1;
        } else if c == '\'' || (matches!(c, 'E' | 'e') && next == Some('\'')) {
            let escapes = c != '\'';
            let (string, end) = string(&chars, at + 1 + usize::from(escapes), escapes)?;
            found.push(Token::Text(string));
            at = end;
        } else if matches!(c, 'B' | 'X') && next == Some('\'') {
            let (string, end) = string(&chars, at + 2, false)?;
            found.push(Token::Text(string));
            at = end;
        } else if c == '"' {
            let (name, end) = quoted(&chars, at + 1)?;
            found.push(Token::Word { text: name, quoted: true });
            at = end;
        } else if c.is_ascii_digit() || (c == '.' && next.is_some_and(|n| n.is_ascii_digit())) {
            let end = chars[at..]
                .iter()
                .position(|c| !(c.is_ascii_alphanumeric() || *c == '.'))
                .map_or(chars.len(), |n| at + n);
            found.push(Token::Number(chars[at..end].iter().collect::<String>().parse().ok()?));
            at = end;
        } else if c.is_alphabetic() || c == '_' {
            let end = chars[at..]
                .iter()
                .position(|c| !(c.is_alphanumeric() || *c == '_' || *c == '$'))
                .map_or(chars.len(), |n| at + n);
            found.push(Token::Word { text: chars[at..end].iter().collect(), quoted: false });
            at = end;
        } else if c == ':' && next == Some(':') {
            found.push(Token::Symbol("::".to_owned()));
            at += 2;
        } else if "()[],.:".contains(c) {
            found.push(Token::Symbol(c.to_string()));
            at += 1;
        } else if is_operator(c) {
            let end = chars[at..].iter().position(|c| !is_operator(*c)).map_or(chars.len(), |n| at + n);
            found.push(Token::Symbol(chars[at..end].iter().collect()));
            at = end;
        } else {
            return None;
        }
    }
    Some(found)
}

fn is_operator(c: char) -> bool {
    "+-*/<>=~!@#%^&|`?".contains(c)
}

fn string(chars: &[char], mut at: usize, escapes: bool) -> Option<(String, usize)> {
    let mut text = String::new();
    loop {
        match *chars.get(at)? {
            '\'' if chars.get(at + 1) == Some(&'\'') => {
                text.push('\'');
                at += 2;
            }
            '\'' => return Some((text, at + 1)),
            '\\' if escapes => {
                text.push(match *chars.get(at + 1)? {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    other => other,
                });
                at += 2;
            }
            c => {
                text.push(c);
                at += 1;
            }
        }
    }
}

fn quoted(chars: &[char], mut at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    loop {
        match *chars.get(at)? {
            '"' if chars.get(at + 1) == Some(&'"') => {
                text.push('"');
                at += 2;
            }
            '"' => return Some((text, at + 1)),
            c => {
                text.push(c);
                at += 1;
            }
        }
    }
}
