//! Where the columns of a view come from, read from the stored query tree of the view.
//!
//! PostgreSQL keeps, for every entry of a query's target list, the table and column that it was taken from unchanged
//! (`resorigtbl`, `resorigcol`). Only these four fields of the outermost query are of interest; all else is skipped by counting
//! braces, so the format may grow without harm.

/// A column of a view that is a plain column of another relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Number of the column in the view.
    pub(crate) view_column: i32,
    /// OID of the relation that it comes from.
    pub(crate) relation: u32,
    /// Number of the column there.
    pub(crate) column: i32,
}

/// Reads `pg_rewrite.ev_action` as text.
pub(crate) fn origins(node_tree: &str) -> Vec<Origin> {
    let mut scanner = Scanner { tokens: Tokens { rest: node_tree }, braces: 0, found: Vec::new() };
    scanner.run();
    scanner.found
}

struct Scanner<'a> {
    tokens: Tokens<'a>,
    braces: usize,
    found: Vec<Origin>,
}

impl Scanner<'_> {
    fn run(&mut self) {
        while let Some(token) = self.tokens.next() {
            match token {
                "{" => self.braces += 1,
                "}" => self.braces = self.braces.saturating_sub(1),
                ":targetList" if self.braces == 1 => {
                    self.target_list();
                    return;
                }
                _ => {}
            }
        }
    }

    /// Entries `{TARGETENTRY :expr {…} :resno 1 … :resorigtbl 16384 :resorigcol 1 :resjunk false}` up to the closing parenthesis.
    fn target_list(&mut self) {
        let (mut parens, mut depth) = (0_usize, 0_usize);
        let (mut number, mut relation, mut column) = (0, 0, 0);
        while let Some(token) = self.tokens.next() {
            match token {
                "(" if depth == 0 => parens += 1,
                ")" if depth == 0 => {
                    parens = parens.saturating_sub(1);
                    if parens == 0 {
                        return;
                    }
                }
                "<>" if parens == 0 => return,
                "{" => {
                    depth += 1;
                    if depth == 1 {
                        (number, relation, column) = (0, 0, 0);
                    }
                }
                "}" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 && relation != 0 {
                        self.found.push(Origin { view_column: number, relation, column });
                    }
                }
                ":resno" if depth == 1 => number = self.tokens.number(),
                ":resorigtbl" if depth == 1 => relation = self.tokens.number(),
                ":resorigcol" if depth == 1 => column = self.tokens.number(),
                _ => {}
            }
        }
    }
}

/// Words, braces and parentheses; a backslash takes the meaning from the character after it.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.rest = self.rest.trim_start();
        let mut end = self.rest.len();
        let mut escaped = false;
        for (at, c) in self.rest.char_indices() {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if matches!(c, '{' | '}' | '(' | ')') {
                end = if at == 0 { 1 } else { at };
                break;
            } else if c.is_whitespace() {
                end = at;
                break;
            }
        }
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }

    fn number<N: std::str::FromStr + Default>(&mut self) -> N {
        self.next().and_then(|t| t.parse().ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_outer_target_list_counts() {
        let tree = r"({QUERY :commandType 1 :rtable ({RTE :subquery {QUERY :targetList ({TARGETENTRY :resno 9 :resorigtbl 9 :resorigcol 9})}})
            :targetList ({TARGETENTRY :expr {VAR :resno 7} :resno 1 :resname odd\ \{name\) :ressortgroupref 0 :resorigtbl 16400 :resorigcol 2 :resjunk false}
                         {TARGETENTRY :expr {OPEXPR :args ({VAR} {CONST})} :resno 2 :resname sum :resorigtbl 0 :resorigcol 0 :resjunk false})
            :returningList ({TARGETENTRY :resno 3 :resorigtbl 5 :resorigcol 5})})";
        assert_eq!(origins(tree), [Origin { view_column: 1, relation: 16400, column: 2 }]);
        assert_eq!(origins("({QUERY :targetList <> :x ({TARGETENTRY :resno 1 :resorigtbl 5 :resorigcol 5})})"), []);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"[\{\}\(\) :a-zA-Z0-9\\é]{0,200}") {
            origins(&text);
            origins(&format!("({{QUERY :targetList {text}"));
        }
    }
}
