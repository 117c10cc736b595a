//! From pieces to a tree.

use std::collections::HashMap;

use super::functions;
use super::lex::{Mistake, Piece, Token, pieces};

/// Blocks in blocks; deeper ones are a mistake or an attack.
const MAX_DEPTH: usize = 64;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(String),
    Print(usize, Pipe),
    If(usize, Pipe, Vec<Self>, Vec<Self>),
    With(usize, Pipe, Vec<Self>, Vec<Self>),
    Range(usize, Pipe, Vec<Self>, Vec<Self>),
    Template(usize, String, Option<Pipe>),
    Break,
    Continue,
}

/// Commands, the value of each handed to the next, perhaps kept in variables.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pipe {
    /// `$x`, or `$i, $x` in a range.
    pub variables: Vec<String>,
    pub declares: bool,
    pub commands: Vec<Vec<Operand>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Function(String),
    Field(Vec<String>),
    Variable(String, Vec<String>),
    Text(String),
    Number(f64),
    Bool(bool),
    Nil,
    Pipe(Box<Pipe>, Vec<String>),
}

type Defined = HashMap<String, Vec<Node>>;

pub(super) fn parse(source: &str) -> Result<(Vec<Node>, Defined), Mistake> {
    let pieces = pieces(source)?;
    let mut parser =
        Parser { pieces: pieces.into_iter(), defined: Defined::new(), scopes: vec![Vec::new()], loops: 0, depth: 0 };
    let (body, end) = parser.block()?;
    if let Some((line, word)) = end.opened() {
        return Err((line, format!("{{{{{word}}}}} without an open block")));
    }
    let defined = parser.defined;
    check_templates(&body, &defined)?;
    for body in defined.values() {
        check_templates(body, &defined)?;
    }
    Ok((body, defined))
}

/// How a block ended.
enum End {
    Source,
    Closed(usize),
    /// What follows `else`: nothing, or the `if` or `with` of a chain.
    Else(usize, Vec<Token>),
}

impl End {
    fn opened(&self) -> Option<(usize, &'static str)> {
        match self {
            Self::Source => None,
            Self::Closed(line) => Some((*line, "end")),
            Self::Else(line, _) => Some((*line, "else")),
        }
    }
}

struct Parser {
    pieces: std::vec::IntoIter<Piece>,
    defined: Defined,
    /// Variables that are known, by block.
    scopes: Vec<Vec<String>>,
    loops: usize,
    depth: usize,
}

impl Parser {
    fn block(&mut self) -> Result<(Vec<Node>, End), Mistake> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let (line, tokens) = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(line, tokens) => (line, tokens),
            };
            let word = match tokens.first() {
                Some(Token::Word(word)) => word.clone(),
                None => return Err((line, "an action is empty".into())),
                _ => String::new(),
            };
            let rest = tokens.get(1..).unwrap_or_default();
            match word.as_str() {
                "if" | "with" | "range" => nodes.push(self.branch(line, &word, rest)?),
                "end" if rest.is_empty() => return Ok((nodes, End::Closed(line))),
                "else" => return Ok((nodes, End::Else(line, rest.to_vec()))),
                "define" | "block" | "template" => nodes.extend(self.named(line, &word, rest)?),
                "break" | "continue" if rest.is_empty() => {
                    if self.loops == 0 {
                        return Err((line, format!("{word} stands outside of a range")));
                    }
                    nodes.push(if word == "break" { Node::Break } else { Node::Continue });
                }
                _ => nodes.push(Node::Print(line, self.pipe(line, &tokens, false)?)),
            }
        }
        Ok((nodes, End::Source))
    }

    fn branch(&mut self, line: usize, word: &str, tokens: &[Token]) -> Result<Node, Mistake> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err((line, format!("more than {MAX_DEPTH} blocks stand in each other")));
        }
        self.scopes.push(Vec::new());
        let pipe = self.pipe(line, tokens, word == "range")?;
        self.loops += usize::from(word == "range");
        let (body, end) = self.block()?;
        self.loops -= usize::from(word == "range");
        let otherwise = match end {
            End::Closed(_) => Vec::new(),
            End::Source => return Err((line, format!("{{{{{word}}}}} is not closed by {{{{end}}}}"))),
            End::Else(at, rest) if rest.is_empty() => match self.block()? {
                (nodes, End::Closed(_)) => nodes,
                (_, End::Else(line, _)) => return Err((line, "a second else".into())),
                (_, End::Source) => return Err((at, "{{else}} is not closed by {{end}}".into())),
            },
            End::Else(at, rest) => match rest.first() {
                // `{{else if x}}`: the chain shares one end.
                Some(Token::Word(next)) if next == word && word != "range" => {
                    vec![self.branch(at, word, &rest[1..])?]
                }
                _ => return Err((at, "after else comes nothing, or the word that opened the block".into())),
            },
        };
        self.scopes.pop();
        self.depth -= 1;
        Ok(match word {
            "if" => Node::If(line, pipe, body, otherwise),
            "with" => Node::With(line, pipe, body, otherwise),
            _ => Node::Range(line, pipe, body, otherwise),
        })
    }

    /// `define`, `block` and `template`.
    fn named(&mut self, line: usize, word: &str, tokens: &[Token]) -> Result<Option<Node>, Mistake> {
        let Some(Token::Text(name)) = tokens.first() else {
            return Err((line, format!("{word} needs a name in quotes")));
        };
        let rest = &tokens[1..];
        if word == "define" && !rest.is_empty() {
            return Err((line, "define takes a name and nothing else".into()));
        }
        let data = if rest.is_empty() { None } else { Some(self.pipe(line, rest, false)?) };
        if word == "template" {
            return Ok(Some(Node::Template(line, name.clone(), data)));
        }
        let scopes = std::mem::replace(&mut self.scopes, vec![Vec::new()]);
        let loops = std::mem::take(&mut self.loops);
        let (body, end) = self.block()?;
        (self.scopes, self.loops) = (scopes, loops);
        if !matches!(end, End::Closed(_)) {
            return Err((line, format!("{{{{{word}}}}} is not closed by {{{{end}}}}")));
        }
        self.defined.insert(name.clone(), body);
        Ok((word == "block").then(|| Node::Template(line, name.clone(), data)))
    }

    fn pipe(&mut self, line: usize, tokens: &[Token], in_range: bool) -> Result<Pipe, Mistake> {
        let mut tokens = tokens;
        let mut variables = Vec::new();
        let mut declares = false;
        match tokens {
            [Token::Variable(a), Token::Comma, Token::Variable(b), Token::Declare, rest @ ..] if in_range => {
                (variables, declares, tokens) = (vec![a.clone(), b.clone()], true, rest);
            }
            [Token::Variable(a), mark @ (Token::Declare | Token::Assign), rest @ ..] => {
                (variables, declares, tokens) = (vec![a.clone()], *mark == Token::Declare, rest);
            }
            _ => {}
        }
        let mut at = 0;
        let commands = self.commands(line, tokens, &mut at, 0)?;
        if at < tokens.len() {
            return Err((line, "a bracket is closed that was not opened".into()));
        }
        for name in &variables {
            if name.is_empty() {
                return Err((line, "$ cannot be set".into()));
            }
            if declares {
                if let Some(scope) = self.scopes.last_mut() {
                    scope.push(name.clone());
                }
            } else if !self.knows(name) {
                return Err((line, format!("the variable ${name} was not declared")));
            }
        }
        Ok(Pipe { variables, declares, commands })
    }

    fn knows(&self, name: &str) -> bool {
        name.is_empty() || self.scopes.iter().flatten().any(|known| known == name)
    }

    fn commands(
        &self,
        line: usize,
        tokens: &[Token],
        at: &mut usize,
        depth: usize,
    ) -> Result<Vec<Vec<Operand>>, Mistake> {
        if depth > MAX_DEPTH {
            return Err((line, "too many brackets".into()));
        }
        let mut commands = vec![Vec::new()];
        while let Some(token) = tokens.get(*at) {
            if *token == Token::Close {
                break;
            }
            *at += 1;
            let operand = match token {
                Token::Pipe => {
                    if commands.last().is_some_and(Vec::is_empty) {
                        return Err((line, "a command is missing before |".into()));
                    }
                    commands.push(Vec::new());
                    continue;
                }
                Token::Word(word) => match word.as_str() {
                    "true" => Operand::Bool(true),
                    "false" => Operand::Bool(false),
                    "nil" => Operand::Nil,
                    name if functions::exists(name) => Operand::Function(name.to_owned()),
                    other => return Err((line, format!("there is no function {other:?}"))),
                },
                Token::Field(fields, _) => Operand::Field(fields.clone()),
                Token::Variable(name) if self.knows(name) => Operand::Variable(name.clone(), chain(tokens, at)),
                Token::Variable(name) => return Err((line, format!("the variable ${name} was not declared"))),
                Token::Text(text) => Operand::Text(text.clone()),
                Token::Number(number) => Operand::Number(*number),
                Token::Open => {
                    let inner = self.commands(line, tokens, at, depth + 1)?;
                    if tokens.get(*at) != Some(&Token::Close) {
                        return Err((line, "a bracket is not closed".into()));
                    }
                    *at += 1;
                    let pipe = Pipe { variables: Vec::new(), declares: false, commands: inner };
                    Operand::Pipe(Box::new(pipe), chain(tokens, at))
                }
                Token::Close | Token::Comma | Token::Declare | Token::Assign => {
                    return Err((line, "a comma or an assignment stands where a value was expected".into()));
                }
            };
            if let Some(command) = commands.last_mut() {
                command.push(operand);
            }
        }
        check_commands(line, &commands)?;
        Ok(commands)
    }
}

/// The fields directly behind a variable or a bracket: `$x.a.b`.
fn chain(tokens: &[Token], at: &mut usize) -> Vec<String> {
    match tokens.get(*at) {
        Some(Token::Field(fields, false)) if !fields.is_empty() => {
            *at += 1;
            fields.clone()
        }
        _ => Vec::new(),
    }
}

fn check_commands(line: usize, commands: &[Vec<Operand>]) -> Result<(), Mistake> {
    for (place, command) in commands.iter().enumerate() {
        match command.as_slice() {
            [] => return Err((line, "a value is missing".into())),
            [Operand::Function(name), arguments @ ..] => {
                let count = arguments.len() + usize::from(place > 0);
                functions::check_count(name, count).map_err(|message| (line, message))?;
            }
            [_] if place == 0 => {}
            [_, ..] if place == 0 => return Err((line, "only a function takes arguments".into())),
            _ => return Err((line, "after | comes a function".into())),
        }
    }
    Ok(())
}

fn check_templates(nodes: &[Node], defined: &Defined) -> Result<(), Mistake> {
    for node in nodes {
        match node {
            Node::Template(line, name, _) if !defined.contains_key(name) => {
                return Err((*line, format!("no template {name:?} is defined")));
            }
            Node::If(_, _, a, b) | Node::With(_, _, a, b) | Node::Range(_, _, a, b) => {
                check_templates(a, defined)?;
                check_templates(b, defined)?;
            }
            _ => {}
        }
    }
    Ok(())
}
