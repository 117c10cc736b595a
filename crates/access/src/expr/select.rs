//! Sub-selects.

use super::parse::Parser;
use super::{Expr, Kind, Select, Source};

impl Parser<'_> {
    /// The first `SELECT` of a statement.
    pub(super) fn statement(mut self) -> Option<Select> {
        while self.at < self.tokens.len() && !(self.next_is("select") || self.next_is("with")) {
            self.at += 1;
        }
        (self.at < self.tokens.len()).then(|| self.select())
    }

    /// From `SELECT`, `WITH` or `VALUES` up to the parenthesis that closes it, which is not taken.
    pub(super) fn select(&mut self) -> Select {
        let mut select = Select::default();
        if self.take("with") {
            self.common_tables(&mut select);
        }
        // (SELECT …) UNION …
        if self.take_symbol("(") {
            let inner = self.select();
            self.list(")");
            select.selects.push(inner);
            self.others(&mut select);
            return select;
        }
        if !(self.take("select") || self.take("values")) {
            return select;
        }
        self.take("all");
        if self.take("distinct") && self.take("on") && self.take_symbol("(") {
            select.others = self.list(")");
        }
        self.outputs(&mut select);
        if self.take("from") {
            self.sources(&mut select);
        }
        if self.take("where") {
            let condition = self.expression(0);
            select.conditions.push(condition);
        }
        self.others(&mut select);
        select
    }

    fn common_tables(&mut self, select: &mut Select) {
        self.take("recursive");
        while self.at < self.tokens.len() && !self.next_is("select") {
            self.at += 1;
            let opens = self.tokens.get(self.at - 1).is_some_and(|token| token.is_symbol("("));
            if opens && (self.next_is("select") || self.next_is("with")) {
                let inner = self.select();
                self.list(")");
                select.selects.push(inner);
            }
        }
    }

    fn outputs(&mut self, select: &mut Select) {
        while self.at < self.tokens.len() && !self.next_is_symbol(")") && !self.next_is_symbol(";") {
            if self.take("as") {
                self.at += 1;
            } else if self.take_symbol("*") || self.take_symbol(",") {
            } else if self.at_stop() {
                return;
            } else {
                let output = self.expression(0);
                select.outputs.push(output);
            }
        }
    }

    /// The list after `FROM`, with its joins.
    fn sources(&mut self, select: &mut Select) {
        while self.at < self.tokens.len() {
            if self.take("on") {
                let condition = self.expression(0);
                select.conditions.push(condition);
            } else if self.take("using") {
                if self.take_symbol("(") {
                    self.list(")");
                }
            } else if self.take_symbol(",")
                || ["join", "left", "right", "full", "inner", "outer", "cross", "natural", "lateral", "only", "as"]
                    .iter()
                    .any(|word| self.take(word))
            {
            } else if self.next_is_symbol(")") || self.next_is_symbol(";") || self.at_stop() {
                return;
            } else {
                self.source(select);
            }
        }
    }

    fn source(&mut self, select: &mut Select) {
        if self.next_is_symbol("(") {
            let next = self.tokens.get(self.at + 1);
            if !next.is_some_and(|token| token.is("select") || token.is("with") || token.is("values")) {
                // Parentheses around a join.
                self.at += 1;
                self.sources(select);
                self.take_symbol(")");
                return;
            }
        }
        // A name, a call or a sub-select: expressions know how to read all of them.
        let expression = self.expression(10);
        let (schema, name, expression) = match expression.kind {
            Kind::Column { relation, name } => (relation, name, None),
            kind => (None, String::new(), Some(Expr { kind, ..expression })),
        };
        self.take("as");
        let is_alias =
            !self.at_stop() && !["tablesample", "outer", "lateral", "set"].iter().any(|word| self.next_is(word));
        let alias = self.peek().filter(|_| is_alias).and_then(super::Token::name);
        self.at += usize::from(alias.is_some());
        // Names of columns.
        if alias.is_some() && self.take_symbol("(") {
            self.list(")");
        }
        select.from.push(Source { schema, name, alias, expression });
    }

    /// `GROUP BY` and all that comes after it.
    fn others(&mut self, select: &mut Select) {
        while self.at < self.tokens.len() && !self.next_is_symbol(")") && !self.next_is_symbol(";") {
            if self.take("union") || self.take("intersect") || self.take("except") {
                self.take("all");
                self.take("distinct");
                let next = self.select();
                select.selects.push(next);
            } else if self.at_stop() || self.next_is_symbol(",") || self.next_is("by") {
                self.at += 1;
            } else {
                let other = self.expression(0);
                select.others.push(other);
            }
        }
    }
}
