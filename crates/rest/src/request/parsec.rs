//! A small parser with Parsec's way of reporting: where it stopped, what it saw, what it expected.
//!
//! Clients read these texts (`unexpected "x" expecting letter, digit or end of input`), so positions and the merging of
//! expectations must be those of Parsec: an alternative that fails without consuming adds its expectations to the next one's, the
//! furthest failure wins, and a label stands for all that a parser would have expected at its first character.

/// Result of one parser: whether it took input, its value, and what else it would have taken where it stopped.
pub(crate) struct Reply<T> {
    consumed: bool,
    value: Option<T>,
    error: Failure,
}

/// What went wrong, or what else was possible, at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    position: usize,
    messages: Vec<Message>,
}

/// The order of variants is the order in which a text names them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Message {
    /// A token that did not fit; empty for the end.
    Saw(String),
    /// Something that must not follow.
    Forbidden(String),
    /// Something that would have fit.
    Expected(String),
}

impl Message {
    const fn rank(&self) -> u8 {
        match self {
            Self::Saw(_) => 0,
            Self::Forbidden(_) => 1,
            Self::Expected(_) => 2,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Saw(s) | Self::Forbidden(s) | Self::Expected(s) => s,
        }
    }
}

impl Failure {
    const fn unknown(position: usize) -> Self {
        Self { position, messages: Vec::new() }
    }

    /// The further one wins; at the same place both count.
    fn merge(mut self, other: Self) -> Self {
        if other.messages.is_empty() && !self.messages.is_empty() {
            return self;
        }
        if self.messages.is_empty() && !other.messages.is_empty() {
            return other;
        }
        match self.position.cmp(&other.position) {
            std::cmp::Ordering::Less => other,
            std::cmp::Ordering::Greater => self,
            std::cmp::Ordering::Equal => {
                self.messages.extend(other.messages);
                self
            }
        }
    }

    fn labelled(mut self, label: &str) -> Self {
        self.messages.retain(|m| !matches!(m, Message::Expected(_)));
        self.messages.insert(0, Message::Expected(label.to_owned()));
        self
    }

    /// `unexpected "o" expecting "not" or operator (eq, gt, ...)`, in one line.
    pub(crate) fn details(&self) -> String {
        let mut messages = self.messages.clone();
        messages.sort_by_key(Message::rank);
        let of = |rank: u8| messages.iter().filter(move |m| m.rank() == rank).map(Message::text);
        let mut parts = Vec::new();
        if of(1).next().is_none()
            && let Some(first) = of(0).next()
        {
            parts.push(format!("unexpected {}", if first.is_empty() { "end of input" } else { first }));
        }
        for (rank, word) in [(1, "unexpected"), (2, "expecting")] {
            if let Some(list) = one_of(of(rank)) {
                parts.push(format!("{word} {list}"));
            }
        }
        if parts.is_empty() { "unknown parse error".to_owned() } else { parts.join(" ").replace('\n', " ") }
    }

    /// `(line 1, column 4)`; a tab advances to the next multiple of eight.
    pub(crate) fn place(&self, input: &[char]) -> String {
        let (mut line, mut column) = (1, 1);
        for c in input.iter().take(self.position) {
            match c {
                '\n' => (line, column) = (line + 1, 1),
                '\t' => column += 8 - (column - 1) % 8,
                _ => column += 1,
            }
        }
        format!("(line {line}, column {column})")
    }
}

/// `a, b or c`, each once.
fn one_of<'a>(items: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut unique: Vec<&str> = Vec::new();
    for item in items.filter(|i| !i.is_empty()) {
        if !unique.contains(&item) {
            unique.push(item);
        }
    }
    let last = unique.pop()?;
    Some(if unique.is_empty() { last.to_owned() } else { format!("{} or {last}", unique.join(", ")) })
}

/// The text and how far it has been read.
pub(crate) struct Input<'a> {
    chars: &'a [char],
    at: usize,
}

/// Runs a parser from the start; it need not take everything.
pub(crate) fn parse<T>(text: &[char], parser: impl FnOnce(&mut Input<'_>) -> Reply<T>) -> Result<T, Failure> {
    let mut input = Input { chars: text, at: 0 };
    let reply = parser(&mut input);
    reply.value.ok_or(reply.error)
}

impl Input<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }
}

/// Parsers in sequence: `steps` runs them by [`Sequence::then`] and may stop at any with `?`.
pub(crate) fn sequence<T>(input: &mut Input<'_>, steps: impl FnOnce(&mut Sequence<'_, '_>) -> Option<T>) -> Reply<T> {
    let start = input.at;
    let mut sequence = Sequence { input, consumed: false, error: Failure::unknown(start) };
    let value = steps(&mut sequence);
    Reply { consumed: sequence.consumed, value, error: sequence.error }
}

/// A sequence under way.
pub(crate) struct Sequence<'i, 'a> {
    input: &'i mut Input<'a>,
    consumed: bool,
    error: Failure,
}

impl Sequence<'_, '_> {
    /// Runs the next parser.
    pub(crate) fn then<T>(&mut self, parser: impl FnOnce(&mut Input<'_>) -> Reply<T>) -> Option<T> {
        let reply = parser(self.input);
        if reply.consumed {
            self.consumed = true;
            self.error = reply.error;
        } else {
            let before = std::mem::replace(&mut self.error, Failure::unknown(0));
            self.error = before.merge(reply.error);
        }
        reply.value
    }
}

/// Succeeds with a value and takes nothing.
pub(crate) fn pure<T>(input: &Input<'_>, value: T) -> Reply<T> {
    Reply { consumed: false, value: Some(value), error: Failure::unknown(input.at) }
}

/// Fails without a word.
pub(crate) fn nothing<T>(input: &Input<'_>) -> Reply<T> {
    Reply { consumed: false, value: None, error: Failure::unknown(input.at) }
}

/// The first that succeeds; one that took input and failed ends the search.
pub(crate) fn either<T>(
    input: &mut Input<'_>,
    first: impl FnOnce(&mut Input<'_>) -> Reply<T>,
    second: impl FnOnce(&mut Input<'_>) -> Reply<T>,
) -> Reply<T> {
    let start = input.at;
    let reply = first(input);
    if reply.consumed || reply.value.is_some() {
        return reply;
    }
    input.at = start;
    let other = second(input);
    if other.consumed { other } else { Reply { error: reply.error.merge(other.error), ..other } }
}

/// A parser to choose among others.
pub(crate) type Alternative<'p, T> = &'p dyn Fn(&mut Input<'_>) -> Reply<T>;

/// The first of a list that succeeds.
pub(crate) fn choice<T>(input: &mut Input<'_>, parsers: &[Alternative<'_, T>]) -> Reply<T> {
    match parsers {
        [] => nothing(input),
        [last] => last(input),
        [first, rest @ ..] => either(input, first, |i| choice(i, rest)),
    }
}

/// A failure takes nothing, but remembers how far it came.
pub(crate) fn attempt<T>(input: &mut Input<'_>, parser: impl FnOnce(&mut Input<'_>) -> Reply<T>) -> Reply<T> {
    let start = input.at;
    let reply = parser(input);
    if reply.value.is_some() {
        return reply;
    }
    input.at = start;
    Reply { consumed: false, ..reply }
}

/// Looks without taking.
pub(crate) fn look_ahead<T>(input: &mut Input<'_>, parser: impl FnOnce(&mut Input<'_>) -> Reply<T>) -> Reply<T> {
    let start = input.at;
    let reply = parser(input);
    if reply.value.is_none() {
        return reply;
    }
    input.at = start;
    Reply { consumed: false, value: reply.value, error: Failure::unknown(start) }
}

/// Names what a parser is about.
pub(crate) fn label<T>(input: &mut Input<'_>, parser: impl FnOnce(&mut Input<'_>) -> Reply<T>, name: &str) -> Reply<T> {
    let reply = parser(input);
    if reply.consumed || (reply.value.is_some() && reply.error.messages.is_empty()) {
        return reply;
    }
    Reply { error: reply.error.labelled(name), ..reply }
}

/// As often as it goes.
pub(crate) fn many<T>(input: &mut Input<'_>, parser: impl Fn(&mut Input<'_>) -> Reply<T>) -> Reply<Vec<T>> {
    let mut values = Vec::new();
    loop {
        let start = input.at;
        let reply = parser(input);
        match reply.value {
            // A parser that takes nothing would go on for ever.
            Some(value) if reply.consumed => values.push(value),
            None if reply.consumed => return Reply { consumed: true, value: None, error: reply.error },
            _ => {
                input.at = start;
                return Reply { consumed: !values.is_empty(), value: Some(values), error: reply.error };
            }
        }
    }
}

/// Once at least.
pub(crate) fn many1<T>(input: &mut Input<'_>, parser: impl Fn(&mut Input<'_>) -> Reply<T>) -> Reply<Vec<T>> {
    sequence(input, |s| {
        let first = s.then(&parser)?;
        let mut values = s.then(|i| many(i, &parser))?;
        values.insert(0, first);
        Some(values)
    })
}

/// A list with something in between.
pub(crate) fn separated1<T, S>(
    input: &mut Input<'_>,
    parser: impl Fn(&mut Input<'_>) -> Reply<T>,
    separator: impl Fn(&mut Input<'_>) -> Reply<S>,
) -> Reply<Vec<T>> {
    sequence(input, |s| {
        let first = s.then(&parser)?;
        let mut values = s.then(|i| {
            many(i, |i| {
                sequence(i, |s| {
                    s.then(&separator)?;
                    s.then(&parser)
                })
            })
        })?;
        values.insert(0, first);
        Some(values)
    })
}

/// Such a list, or none.
pub(crate) fn separated<T, S>(
    input: &mut Input<'_>,
    parser: impl Fn(&mut Input<'_>) -> Reply<T>,
    separator: impl Fn(&mut Input<'_>) -> Reply<S>,
) -> Reply<Vec<T>> {
    either(input, |i| separated1(i, &parser, &separator), |i| pure(i, Vec::new()))
}

/// Perhaps.
pub(crate) fn optional<T>(input: &mut Input<'_>, parser: impl FnOnce(&mut Input<'_>) -> Reply<T>) -> Reply<Option<T>> {
    either(
        input,
        |i| {
            let reply = parser(i);
            Reply { consumed: reply.consumed, value: reply.value.map(Some), error: reply.error }
        },
        |i| pure(i, None),
    )
}

/// Changes the value.
pub(crate) fn map<T, U>(reply: Reply<T>, change: impl FnOnce(T) -> U) -> Reply<U> {
    Reply { consumed: reply.consumed, value: reply.value.map(change), error: reply.error }
}

/// One character of a kind, without a name.
pub(crate) fn satisfy(input: &mut Input<'_>, test: impl Fn(char) -> bool) -> Reply<char> {
    let at = input.at;
    match input.peek() {
        Some(c) if test(c) => {
            input.at += 1;
            Reply { consumed: true, value: Some(c), error: Failure::unknown(input.at) }
        }
        seen => {
            let seen = seen.map(|c| quoted(&c.to_string())).unwrap_or_default();
            let error = Failure { position: at, messages: vec![Message::Saw(seen)] };
            Reply { consumed: false, value: None, error }
        }
    }
}

/// This character.
pub(crate) fn char(input: &mut Input<'_>, wanted: char) -> Reply<char> {
    label(input, |i| satisfy(i, |c| c == wanted), &quoted(&wanted.to_string()))
}

/// One of these characters, without a name.
pub(crate) fn one_of_chars(input: &mut Input<'_>, set: &str) -> Reply<char> {
    satisfy(input, |c| set.contains(c))
}

/// None of these characters, without a name.
pub(crate) fn none_of(input: &mut Input<'_>, set: &str) -> Reply<char> {
    satisfy(input, |c| !set.contains(c))
}

/// A letter of any script.
pub(crate) fn letter(input: &mut Input<'_>) -> Reply<char> {
    label(input, |i| satisfy(i, char::is_alphabetic), "letter")
}

/// `0` to `9`.
pub(crate) fn digit(input: &mut Input<'_>) -> Reply<char> {
    label(input, |i| satisfy(i, |c| c.is_ascii_digit()), "digit")
}

/// This word. A failure after its first character has taken input, but is reported at its start.
pub(crate) fn string(input: &mut Input<'_>, word: &str) -> Reply<()> {
    let start = input.at;
    for (n, wanted) in word.chars().enumerate() {
        let seen = input.chars.get(start + n).copied();
        if seen != Some(wanted) {
            let saw = seen.map(|c| quoted(&c.to_string())).unwrap_or_default();
            let messages = vec![Message::Saw(saw), Message::Expected(quoted(word))];
            return Reply { consumed: n > 0, value: None, error: Failure { position: start, messages } };
        }
    }
    input.at = start + word.chars().count();
    Reply { consumed: true, value: Some(()), error: Failure::unknown(input.at) }
}

/// The end of the text.
pub(crate) fn end(input: &mut Input<'_>) -> Reply<()> {
    label(
        input,
        |i| match i.peek() {
            None => pure(i, ()),
            Some(c) => forbidden(i, c),
        },
        "end of input",
    )
}

/// A character that such a parser takes must not follow.
pub(crate) fn not_followed_by(input: &mut Input<'_>, parser: impl FnOnce(&mut Input<'_>) -> Reply<char>) -> Reply<()> {
    let start = input.at;
    let reply = parser(input);
    input.at = start;
    match reply.value {
        // What would have been refused is still told, if what comes next fails at the same place.
        None => Reply { consumed: false, value: Some(()), error: reply.error },
        Some(c) => {
            // The complaint is made after the character was taken, and seen from there.
            let error = Failure { position: start + 1, messages: vec![Message::Forbidden(shown_char(c))] };
            Reply { consumed: false, value: None, error }
        }
    }
}

fn forbidden<T>(input: &Input<'_>, c: char) -> Reply<T> {
    let error = Failure { position: input.at, messages: vec![Message::Forbidden(shown_char(c))] };
    Reply { consumed: false, value: None, error }
}

/// As Haskell's `show` prints a string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut last = None;
    for c in text.chars() {
        // What would be taken for more of the escape before is set apart.
        if last.is_some_and(|last| (is_numbered(last) && c.is_ascii_digit()) || (last == '\u{e}' && c == 'H')) {
            out.push_str("\\&");
        }
        match c {
            '"' => out.push_str("\\\""),
            c => escape(&mut out, c),
        }
        last = Some(c);
    }
    out.push('"');
    out
}

const fn is_numbered(c: char) -> bool {
    !c.is_ascii()
}

/// What Haskell calls the control characters.
const CONTROLS: [&str; 32] = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "a", "b", "t", "n", "v", "f", "r", "SO", "SI", "DLE", "DC1",
    "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
];

/// As Haskell's `show` prints a character.
fn shown_char(c: char) -> String {
    let mut out = String::from("'");
    match c {
        '\'' => out.push_str("\\'"),
        c => escape(&mut out, c),
    }
    out.push('\'');
    out
}

fn escape(out: &mut String, c: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        ' '..='~' => out.push(c),
        '\u{7f}' => out.push_str("\\DEL"),
        c => match CONTROLS.get(c as usize) {
            Some(name) => out.extend(["\\", name]),
            None => out.push_str(&format!("\\{}", u32::from(c))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shown_as_haskell_shows_them() {
        assert_eq!(quoted("a\"b\\c'"), r#""a\"b\\c'""#);
        assert_eq!(quoted("\u{e9}1\u{e9}x"), r#""\233\&1\233x""#);
        assert_eq!(quoted("\0\n\t\u{7}\u{1b}\u{7f}\u{e}H\u{e}I"), r#""\NUL\n\t\a\ESC\DEL\SO\&H\SOI""#);
        assert_eq!(shown_char('\''), r"'\''");
        assert_eq!(shown_char('"'), r#"'"'"#);
    }
}
