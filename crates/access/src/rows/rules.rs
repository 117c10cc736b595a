//! What one table asks of its rows, prepared once.

use super::day::DAY;
use super::expression::{Expr, Value, eval, parse};
use super::facts::{Distance, Fact, ways};
use super::insert::unmet;
use super::lifelike::Subject;
use super::moments::{self, Pair};
use super::random::Random;
use super::shape::{Kind, Shape};
use super::solve;
use super::values::{Wanted, as_value, make};
use crate::Schema;
use crate::schema::{Column, Relation};

/// How many kinds of value are tried for a column before it is left to the row as it is.
const STYLES: u64 = 14;

/// A column of a row in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// To be made up.
    Free,
    /// As PostgreSQL reads it; `None` is NULL.
    Value(Option<String>),
    /// Left to the column's default.
    Default,
}

impl Cell {
    /// Its text, where it has one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Value(Some(text)) => Some(text),
            _ => None,
        }
    }
}

/// The rules of one table. Indexes are places in [`Relation::columns`].
#[derive(Debug)]
pub struct Rules<'s> {
    /// The table.
    pub relation: &'s Relation,
    /// Types of its columns.
    pub shapes: Vec<Shape>,
    checks: Vec<Rule>,
    pairs: Vec<Pair>,
    /// Times and ranges that must not overlap those of other rows.
    slots: Vec<usize>,
    /// Columns that a check sees together with others.
    entangled: Vec<bool>,
    /// For each column the checks that see nothing else.
    alone: Vec<Vec<usize>>,
}

/// A condition, read.
#[derive(Debug)]
struct Rule {
    name: String,
    expr: Option<Expr>,
    /// The column that `VALUE` stands for, in a domain's check.
    value: Option<usize>,
    ways: Vec<Vec<(usize, Fact)>>,
    /// Sides of equations between columns: `total = price * quantity`.
    equations: Vec<(Expr, Expr)>,
    /// The one column that it concerns, if it is one.
    only: Option<usize>,
}

impl<'s> Rules<'s> {
    /// Reads a table's checks; `today` is what `now()` means, in seconds since 1970.
    pub fn new(schema: &Schema, relation: &'s Relation, today: i64) -> Self {
        let shapes: Vec<_> = relation.columns.iter().map(|column| Shape::of(schema, &column.type_sql)).collect();
        let place = |name: &str| relation.columns.iter().position(|column| column.name == name);
        let mut checks = Vec::new();
        let mut entangled = vec![false; shapes.len()];
        for check in &relation.checks {
            checks.push(Rule::new(&check.name, &check.expression, None, today, &place));
            for column in check.columns.iter().filter(|_| check.columns.len() > 1).filter_map(|name| place(name)) {
                entangled[column] = true;
            }
        }
        for (at, shape) in shapes.iter().enumerate() {
            for check in &shape.checks {
                checks.push(Rule::new(&relation.columns[at].type_sql, check, Some(at), today, &|_| Some(at)));
            }
        }
        // A row must fit into one of the partitions; one that takes all the rest asks nothing.
        let partitions = leaves(schema, relation.oid);
        if !partitions.is_empty() {
            let any = partitions.iter().map(|text| format!("({text})")).collect::<Vec<_>>().join(" OR ");
            checks.push(Rule::new("partitions", &any, None, today, &place));
        }
        let mut pairs = Vec::new();
        let date = |at: usize| matches!(shapes[at].kind, Kind::Date);
        for check in &checks {
            for (at, fact) in check.ways.iter().flatten() {
                pairs.extend(pair_of(*at, fact, &place, &date));
            }
            for (low, high) in check.expr.iter().flat_map(ends_of_ranges) {
                if let (Some(low), Some(high)) = (place(low), place(high)) {
                    pairs.push(Pair::new(low, high));
                }
            }
        }
        let mut pairs = merged(pairs);
        pairs.extend(moments::pairs(&relation.columns, &shapes));
        let timed = |at: &usize| matches!(shapes[*at].kind, Kind::Timestamp | Kind::Date | Kind::Range(_));
        let overlaps = relation.exclusions.iter().filter(|exclusion| exclusion.definition.contains("&&"));
        let slots = overlaps
            .flat_map(|exclusion| exclusion.columns.iter().filter_map(|name| place(name)))
            .filter(timed)
            .collect();
        let mut alone = vec![Vec::new(); shapes.len()];
        for (n, check) in checks.iter().enumerate() {
            if let Some(at) = check.only {
                alone[at].push(n);
            }
        }
        Self { relation, shapes, checks, pairs, slots, entangled, alone }
    }

    /// Does PostgreSQL refuse NULL here?
    pub fn required(&self, at: usize) -> bool {
        self.relation.columns[at].not_null
    }

    /// The values that a column may have, where they are few.
    pub fn labels(&self, at: usize) -> Option<Vec<String>> {
        let single = self.checks.iter().filter(|check| check.ways.len() == 1).flat_map(|check| &check.ways[0]);
        let listed = single.filter(|(column, _)| *column == at).find_map(|(_, fact)| match fact {
            Fact::OneOf(values) => Some(values.clone()),
            _ => None,
        });
        listed.or_else(|| self.shapes[at].labels())
    }

    /// Makes up what is free in `cells`. `ordinal` is the row's number in its table, `distinct` how often it was tried before.
    ///
    /// # Errors
    /// The name of a check that it breaks, or of a column whose type is not known.
    pub fn fill(
        &self,
        cells: &mut [Cell],
        ordinal: u64,
        distinct: u64,
        today: i64,
        random: &mut Random,
    ) -> Result<(), String> {
        let facts = self.facts(random);
        let mut subject = Subject::default();
        let free: Vec<bool> = cells.iter().map(|cell| *cell == Cell::Free).collect();
        for at in (0..cells.len()).filter(|at| free[*at]) {
            if self.is_null(at, &facts[at], random) {
                cells[at] = Cell::Value(None);
                continue;
            }
            cells[at] = Cell::Value(self.one(at, &facts[at], distinct, today, &mut subject, random));
            if cells[at] == Cell::Value(None) && self.required(at) {
                let column = &self.relation.columns[at];
                return Err(format!("no value is known for column \"{}\" of type {}", column.name, column.type_sql));
            }
        }
        for pair in self.pairs.iter().filter(|pair| free[pair.low] || free[pair.high]) {
            self.put_in_order(*pair, cells, &free, &facts, today, random);
        }
        for (left, right) in self.checks.iter().flat_map(|check| &check.equations) {
            solve::solve(self, left, right, cells, &free, today);
        }
        moments::take_slots(&self.slots, &self.shapes, cells, &free, ordinal, today);
        match self.broken(cells, today) {
            Some(name) => Err(unmet(name)),
            None => Ok(()),
        }
    }

    /// A value for one column, apart from any row.
    pub fn single(&self, column: &Column, distinct: u64, today: i64, random: &mut Random) -> Option<String> {
        let at = self.relation.columns.iter().position(|c| c.number == column.number)?;
        let facts = self.facts(random);
        self.one(at, &facts[at], distinct, today, &mut Subject::default(), random)
    }

    /// Does a partial index or another condition over the row hold? `None`: not known.
    pub fn holds(&self, condition: &Expr, cells: &[Cell], today: i64) -> Option<bool> {
        match eval(condition, today, &|name| self.value_of(name, None, cells))? {
            Value::Bool(value) => Some(value),
            Value::Null => Some(false),
            _ => None,
        }
    }

    fn one(
        &self,
        at: usize,
        facts: &[&Fact],
        distinct: u64,
        today: i64,
        subject: &mut Subject,
        random: &mut Random,
    ) -> Option<String> {
        let column = &self.relation.columns[at];
        let shape = &self.shapes[at];
        let mut made = None;
        for style in 0..STYLES {
            let wanted =
                Wanted { table: &self.relation.name, column: &column.name, shape, facts, today, distinct, style };
            let text = make(&wanted, subject, random)?;
            let good = self.alone[at].iter().all(|check| self.checks[*check].takes(shape, &text, today));
            made = Some(text);
            if good {
                break;
            }
        }
        made
    }

    /// One way to satisfy each check, as facts of columns.
    fn facts(&self, random: &mut Random) -> Vec<Vec<&Fact>> {
        let mut facts = vec![Vec::new(); self.shapes.len()];
        for check in &self.checks {
            if let Some(way) = check.ways.get(random.below(check.ways.len())) {
                for (column, fact) in way {
                    facts[*column].push(fact);
                }
            }
        }
        facts
    }

    fn is_null(&self, at: usize, facts: &[&Fact], random: &mut Random) -> bool {
        if self.required(at) {
            return false;
        }
        for fact in facts {
            if let Fact::Null(null) = fact {
                return *null;
            }
        }
        if matches!(self.shapes[at].kind, Kind::Unknown) {
            return true;
        }
        let name = self.relation.columns[at].name.to_lowercase();
        let seldom =
            ["delete", "archive", "ban", "cancel", "error", "fail", "revoke", "remove", "refund", "blocked", "suspend"];
        let column = &self.relation.columns[at];
        let percent = if column.default.as_deref().is_some_and(|default| !default.starts_with("NULL")) {
            // A default says that there is usually a value.
            2
        } else if seldom.iter().any(|part| name.contains(part)) {
            85
        } else if self.entangled[at] {
            40
        } else if name.ends_with("_at") {
            30
        } else {
            12
        };
        random.percent(percent)
    }

    /// Moves one of two columns so that the one is above the other, and as far as is asked.
    fn put_in_order(
        &self,
        pair: Pair,
        cells: &mut [Cell],
        free: &[bool],
        facts: &[Vec<&Fact>],
        today: i64,
        random: &mut Random,
    ) {
        let value = |at: usize| as_value(&self.shapes[at], cells[at].text());
        let number = |at: usize| value(at).and_then(|value| value.number());
        let (Some(low), Some(high)) = (number(pair.low), number(pair.high)) else { return };
        let ordered =
            (low < high || (pair.equal && low == high)) && high - low >= pair.least && high - low <= pair.most;
        if moments::is_time(&self.shapes[pair.low]) {
            if !ordered || pair.near {
                moments::put_in_order(pair, (low, high), &self.relation.columns, &self.shapes, cells, free, random);
            }
        } else if !ordered {
            // Without a least or greatest distance, the other bound says nothing.
            let bounds;
            let at = if free[pair.low] {
                bounds = [Fact::Max(high - pair.least, pair.equal), Fact::Min(high - pair.most, true)];
                pair.low
            } else {
                bounds = [Fact::Min(low + pair.least, pair.equal), Fact::Max(low + pair.most, true)];
                pair.high
            };
            let facts: Vec<&Fact> = facts[at].iter().copied().chain(&bounds).collect();
            cells[at] = Cell::Value(self.one(at, &facts, 0, today, &mut Subject::default(), random));
        }
    }

    /// A check that the row breaks for certain.
    fn broken(&self, cells: &[Cell], today: i64) -> Option<&str> {
        let breaks = |check: &&Rule| {
            let Some(expr) = &check.expr else { return false };
            eval(expr, today, &|name| self.value_of(name, check.value, cells)) == Some(Value::Bool(false))
        };
        self.checks.iter().find(breaks).map(|check| check.name.as_str())
    }

    /// A column's value as conditions see it.
    pub fn value_of(&self, name: &str, value: Option<usize>, cells: &[Cell]) -> Option<Value> {
        let at = match value {
            Some(at) => at,
            None => self.relation.columns.iter().position(|column| column.name == name)?,
        };
        match &cells[at] {
            Cell::Value(text) => as_value(&self.shapes[at], text.as_deref()),
            _ => None,
        }
    }
}

impl Rule {
    fn new(name: &str, text: &str, value: Option<usize>, today: i64, place: &dyn Fn(&str) -> Option<usize>) -> Self {
        let expr = parse(text);
        let known = |(column, fact): (String, Fact)| place(&column).map(|at| (at, fact));
        let ways = expr.as_ref().map_or_else(Vec::new, |expr| {
            ways(expr, today).into_iter().map(|way| way.into_iter().filter_map(known).collect()).collect()
        });
        let equations = expr.as_ref().map_or_else(Vec::new, solve::equations);
        let only = value.or_else(|| {
            let columns = expr.as_ref()?.columns();
            let mut columns = columns.into_iter();
            columns.next().filter(|_| columns.next().is_none()).and_then(place)
        });
        Self { name: name.to_owned(), expr, value, ways, equations, only }
    }

    /// May its one column be this?
    fn takes(&self, shape: &Shape, text: &str, today: i64) -> bool {
        let Some(expr) = &self.expr else { return true };
        eval(expr, today, &|_| as_value(shape, Some(text))) != Some(Value::Bool(false))
    }
}

/// Two columns of which a fact says that one is above the other.
fn pair_of(
    at: usize,
    fact: &Fact,
    place: &dyn Fn(&str) -> Option<usize>,
    date: &dyn Fn(usize) -> bool,
) -> Option<Pair> {
    match fact {
        Fact::Before(high, equal) => Some(Pair { equal: *equal, ..Pair::new(at, place(high)?) }),
        Fact::Above(Distance { low, by, span, most }) => {
            // The difference of two dates is a number of days.
            let by = if !span && date(at) { by * DAY as f64 } else { *by };
            let pair = Pair { equal: true, ..Pair::new(place(low)?, at) };
            Some(if *most { Pair { most: by, ..pair } } else { Pair { least: by, ..pair } })
        }
        _ => None,
    }
}

/// All that is asked of the same two columns in one.
fn merged(pairs: Vec<Pair>) -> Vec<Pair> {
    let mut found: Vec<Pair> = Vec::new();
    for pair in pairs {
        match found.iter_mut().find(|known| (known.low, known.high) == (pair.low, pair.high)) {
            Some(known) => {
                known.equal &= pair.equal;
                known.least = known.least.max(pair.least);
                known.most = known.most.min(pair.most);
            }
            None => found.push(pair),
        }
    }
    found
}

/// The columns in `tstzrange(starts, ends)`: the one must not be above the other.
fn ends_of_ranges(expr: &Expr) -> Vec<(&str, &str)> {
    let own = match expr {
        Expr::Call(name, arguments) if name.ends_with("range") => match arguments.as_slice() {
            [low, high, ..] => low.column().zip(high.column()),
            _ => None,
        },
        _ => None,
    };
    own.into_iter().chain(expr.parts().into_iter().flat_map(ends_of_ranges)).collect()
}

/// What the partitions of a table hold, down to those that store rows.
fn leaves(schema: &Schema, parent: u32) -> Vec<String> {
    let mut found = Vec::new();
    for child in schema.relations.iter().filter(|relation| relation.partition_of == Some(parent)) {
        let below = leaves(schema, child.oid);
        match &child.partition_constraint {
            _ if !below.is_empty() => found.extend(below),
            // The default partition is described by what the others do not hold.
            Some(constraint) if !constraint.starts_with("(NOT ") => found.push(constraint.clone()),
            _ => {}
        }
    }
    found
}
