//! One object under test: its rows, their keys, and the conditions that may hold of them.

use pg::ident;

use super::paths::{Way, about, ways};
use super::unfold::unfold;
use crate::Schema;
use crate::expr::Expr as Condition;
use crate::schema::{Command, Policy, Relation};
use crate::spec::{Expr, Kind, Object, Operation, Owner};
use crate::sql::literal;

/// `$uid` in conditions: set for each identity before they are asked.
const UID: &str = "(nullif(pg_catalog.current_setting('basalt.uid', true), '')::pg_catalog.uuid)";

/// A table, a view, or the rows of one bucket.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What it is.
    pub kind: Kind,
    /// `schema.name`, or the bucket's id.
    pub name: String,
    /// The relation that holds the rows.
    pub relation: Relation,
    /// What the file says; of a new object, nothing.
    pub spec: Object,
    /// Key columns; without a key, the row's place is its key.
    pub key: Vec<String>,
    /// What may hold of a row: `own` first, then words, `where`s of the file, policies.
    pub atoms: Vec<Atom>,
    /// Of a bucket: what its conditions say of paths.
    pub ways: Vec<Way>,
    /// Functions that policies call and nobody can look into: the policy's number, and which one and why.
    pub closed: Vec<(usize, String)>,
}

/// One condition over a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    /// Where it comes from.
    pub source: Source,
    /// SQL over the row.
    pub sql: String,
    /// Does it fail for some row? Then it is asked so that it fails for that row alone.
    pub guarded: bool,
    /// With the functions that it calls opened, as far as they can be: what rows are made from.
    pub opened: String,
    /// For people.
    pub said: String,
}

impl Atom {
    /// One that is not known to fail.
    pub fn new(source: Source, sql: &str) -> Self {
        Self { source, sql: sql.to_owned(), guarded: false, opened: sql.to_owned(), said: sql.to_owned() }
    }
}

/// Where a condition comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// The owner.
    Own,
    /// A word.
    Word(String),
    /// `where` of a right.
    Where(String),
    /// `USING` of the policy of this number.
    Using(usize),
    /// `WITH CHECK` of the policy of this number.
    Check(usize),
    /// One of several ways of which any is enough for the policy of this number: of `WITH CHECK`, or of `USING`.
    Part(usize, bool),
    /// What might be said of a row, where nothing else fits.
    Guess,
}

impl Source {
    /// The policy's number, and whether its check is meant.
    pub const fn policy(&self) -> Option<(usize, bool)> {
        match self {
            Self::Using(n) => Some((*n, false)),
            Self::Check(n) => Some((*n, true)),
            Self::Part(n, check) => Some((*n, *check)),
            _ => None,
        }
    }
}

impl Subject {
    /// Puts one together; `object` is what the file says.
    pub fn new(schema: &Schema, relation: &Relation, object: Object) -> Self {
        // Rows of a view have no place of their own: all that they say is their key.
        let whole = object.kind == Kind::View;
        let key =
            if whole { relation.columns.iter().map(|column| column.name.clone()).collect() } else { key_of(relation) };
        let mut atoms = Vec::new();
        if let Some(owner) = &object.owner {
            atoms.push(Atom::new(Source::Own, &own_sql(owner, relation, schema)));
        }
        for (word, sql) in &object.words {
            atoms.push(Atom::new(Source::Word(word.clone()), sql));
        }
        for (_, rights) in &object.rights {
            for operation in Operation::ROWS {
                let right = rights.on(operation);
                for sql in [Some(&right.rows), right.after.as_ref()].into_iter().flatten().filter_map(Expr::condition) {
                    let atom = Atom::new(Source::Where(sql.to_owned()), sql);
                    if !atoms.contains(&atom) {
                        atoms.push(atom);
                    }
                }
            }
        }
        // Policies of other buckets never hold here.
        let bucket = (object.kind == Kind::Bucket).then_some(object.name.as_str());
        let is_here = |policy: &Policy| policy.using.iter().chain(&policy.check).any(|sql| about(sql, bucket));
        let mut closed = Vec::new();
        for (n, policy) in relation.policies.iter().enumerate().filter(|(_, policy)| is_here(policy)) {
            let mut turned = Vec::new();
            for (sql, check) in [(&policy.using, false), (&policy.check, true)] {
                let Some(sql) = sql else { continue };
                let mut atom = Atom::new(if check { Source::Check(n) } else { Source::Using(n) }, sql);
                if let Some(bucket) = bucket {
                    // What says the path is read from the text.
                    let parts = parts(sql).into_iter().filter(|part| about(part, Some(bucket)));
                    turned.extend(parts.map(|part| Atom::new(Source::Part(n, check), &part)));
                    atoms.push(atom);
                    continue;
                }
                let unfolded = unfold(schema, sql);
                closed.extend(unfolded.closed.into_iter().map(|why| (n, why)));
                match unfolded.ways.as_slice() {
                    [] => {}
                    [one] => atom.opened.clone_from(&one.sql),
                    ways => {
                        let part = |way: &super::unfold::Way| Atom {
                            said: way.said.clone(),
                            ..Atom::new(Source::Part(n, check), &way.sql)
                        };
                        turned.extend(ways.iter().map(part));
                    }
                }
                atoms.push(atom);
            }
            atoms.append(&mut turned);
        }
        if whole {
            atoms.extend(guesses(schema, relation).iter().map(|sql| Atom::new(Source::Guess, sql)));
        }
        let ways = bucket.map(|bucket| ways(atoms.iter().map(|atom| atom.sql.as_str()), bucket)).unwrap_or_default();
        let (kind, name) = (object.kind, object.name.clone());
        Self { kind, name, relation: relation.clone(), spec: object, key, atoms, ways, closed }
    }

    /// The relation, quoted.
    pub fn table(&self) -> String {
        self.relation.sql()
    }

    /// ` where bucket_id = …` of a bucket, else nothing.
    pub fn filter(&self) -> String {
        self.bucket().map_or_else(String::new, |bucket| format!(" where bucket_id = {}", literal(bucket)))
    }

    /// The bucket's id.
    pub fn bucket(&self) -> Option<&str> {
        (self.kind == Kind::Bucket).then_some(self.name.as_str())
    }

    /// `array[…]` of the key as text.
    pub fn key_sql(&self) -> String {
        let columns: Vec<String> = match self.key.is_empty() {
            true => ["tableoid", "ctid"].iter().map(|column| format!("{column}::text")).collect(),
            false => self.key.iter().map(|column| format!("{}::text", ident(column))).collect(),
        };
        format!("array[{}]", columns.join(", "))
    }

    /// The condition that finds the row of this key, with the column's own type.
    pub fn at(&self, key: &[Option<String>]) -> String {
        if self.key.is_empty() {
            let place = key.get(1).cloned().flatten().unwrap_or_default();
            return format!("ctid = {}::pg_catalog.tid", literal(&place));
        }
        let parts: Vec<String> = self
            .key
            .iter()
            .zip(key)
            .map(|(column, value)| {
                let type_sql = self.relation.column(column).map_or("text", |column| column.type_sql.as_str());
                match value {
                    Some(value) => format!("{} = {}", ident(column), crate::sql::typed(Some(value), type_sql)),
                    None => format!("{} is null", ident(column)),
                }
            })
            .collect();
        parts.join(" and ")
    }

    /// For people: `id=…`.
    pub fn row(&self, key: &[Option<String>]) -> String {
        if self.key.is_empty() {
            return "a row without a key".to_owned();
        }
        let parts = self.key.iter().zip(key).map(|(c, v)| format!("{c}={}", v.as_deref().unwrap_or("null")));
        parts.collect::<Vec<_>>().join(", ")
    }

    /// `array[…]` of all conditions, none of them null.
    pub fn atoms_sql(&self) -> String {
        let parts: Vec<String> = self.atoms.iter().map(|atom| self.asked(atom)).collect();
        format!("array[{}]::boolean[]", parts.join(", "))
    }

    /// One condition of the row at hand, never null.
    pub fn asked(&self, atom: &Atom) -> String {
        if !atom.guarded {
            return truth(&atom.sql);
        }
        let name = ident(&self.relation.name);
        let question = format!("select {} from (select ($1).*) as {name}", truth(&atom.sql));
        format!("_basalt_matrix.holds({}, {name}.*)", literal(&question))
    }

    /// Does the right hold of a row of which this is known?
    pub fn holds(&self, expr: &Expr, truths: &[bool]) -> bool {
        let atom = |wanted: &Source| {
            let place = self.atoms.iter().position(|atom| atom.source == *wanted);
            place.and_then(|place| truths.get(place)).copied().unwrap_or(false)
        };
        match expr {
            Expr::None => false,
            Expr::All => true,
            Expr::Own => atom(&Source::Own),
            Expr::Others => !atom(&Source::Own),
            Expr::Word(word) => atom(&Source::Word(word.clone())),
            Expr::Where(sql) => {
                let is_it = |atom: &Atom| match &atom.source {
                    Source::Where(_) | Source::Guess => atom.sql == *sql,
                    _ => false,
                };
                let place = self.atoms.iter().position(is_it);
                place.and_then(|place| truths.get(place)).copied().unwrap_or(false)
            }
            Expr::And(left, right) => self.holds(left, truths) && self.holds(right, truths),
            Expr::Or(left, right) => self.holds(left, truths) || self.holds(right, truths),
        }
    }

    /// The right as one condition.
    pub fn sql(&self, expr: &Expr) -> String {
        let atom = |wanted: &Source| {
            let found = self.atoms.iter().find(|atom| atom.source == *wanted);
            found.map_or_else(|| "false".to_owned(), |atom| self.asked(atom))
        };
        match expr {
            Expr::None => "false".to_owned(),
            Expr::All => "true".to_owned(),
            Expr::Own => atom(&Source::Own),
            Expr::Others => format!("not {}", atom(&Source::Own)),
            Expr::Word(word) => atom(&Source::Word(word.clone())),
            Expr::Where(sql) => atom(&Source::Where(sql.clone())),
            Expr::And(left, right) => format!("({} and {})", self.sql(left), self.sql(right)),
            Expr::Or(left, right) => format!("({} or {})", self.sql(left), self.sql(right)),
        }
    }

    /// Policies that decide on an operation of a role, with their numbers. `roles` are the role and those that it inherits.
    pub fn policies<'s>(
        &'s self,
        operation: Operation,
        roles: &'s [String],
    ) -> impl Iterator<Item = (usize, &'s Policy)> {
        self.relation.policies.iter().enumerate().filter(move |(_, policy)| applies(policy, operation, roles))
    }
}

/// What is enough for a policy's condition, where it is more than one thing.
pub fn parts(sql: &str) -> Vec<String> {
    let whole = Condition::parse(sql);
    match whole.disjuncts() {
        [_] => Vec::new(),
        parts => parts.iter().map(|part| part.text(sql).to_owned()).collect(),
    }
}

/// What may hold of a view's rows: that a column is his id, and what policies of its tables say, where the view has those columns.
fn guesses(schema: &Schema, view: &Relation) -> Vec<String> {
    let mut guesses: Vec<String> = Vec::new();
    for column in view.columns.iter().filter(|column| column.base_type == "uuid") {
        guesses.push(format!("{} = $uid", ident(&column.name)));
    }
    for table in schema.relations.iter().filter(|table| view.reads.contains(&table.oid)) {
        let reads = |policy: &&Policy| policy.permissive && matches!(policy.command, Command::All | Command::Select);
        let sql = table.policies.iter().filter(reads).filter_map(|policy| policy.using.as_ref());
        let each: Vec<String> = sql.map(|sql| sql.replace("( SELECT auth.uid() AS uid)", "$uid")).collect();
        if each.len() > 1 {
            guesses.push(each.join(" or "));
        }
        guesses.extend(each);
    }
    guesses.dedup();
    guesses.truncate(12);
    guesses
}

/// `coalesce(…, false)`, with `$uid` bound.
pub fn truth(sql: &str) -> String {
    // On lines of its own: a condition may end in a comment.
    format!("coalesce((\n{}\n)::boolean, false)", bound(sql))
}

/// The condition with `$uid` bound.
pub fn bound(sql: &str) -> String {
    sql.replace("$uid", UID)
}

fn applies(policy: &Policy, operation: Operation, roles: &[String]) -> bool {
    let command = match operation {
        Operation::Insert => Command::Insert,
        Operation::Update => Command::Update,
        Operation::Delete => Command::Delete,
        Operation::Select | Operation::Execute => Command::Select,
    };
    let named = |role: &String| role == "public" || roles.contains(role);
    (policy.command == Command::All || policy.command == command) && policy.roles.iter().any(named)
}

/// The primary key, or a unique key that is never null.
fn key_of(relation: &Relation) -> Vec<String> {
    let primary = relation.primary_key();
    if !primary.is_empty() {
        return primary.to_vec();
    }
    let never_null = |name: &String| relation.column(name).is_some_and(|column| column.not_null);
    let unique = relation.indexes.iter().find(|index| {
        index.unique
            && index.valid
            && index.predicate.is_none()
            && !index.columns.is_empty()
            && index.columns.iter().all(never_null)
    });
    unique.map(|index| index.columns.clone()).unwrap_or_default()
}

/// `own` as SQL.
pub fn own_sql(owner: &Owner, relation: &Relation, schema: &Schema) -> String {
    let mut here = relation;
    let mut column = format!("{}.{}", ident(&relation.name), ident(&owner.column));
    let mut last = owner.column.as_str();
    let (mut open, mut close) = (String::new(), String::new());
    for (n, (of, table, next)) in owner.steps.iter().enumerate() {
        let target = schema.relation(of, table);
        let key = here
            .foreign_keys
            .iter()
            .filter(|key| key.target_schema == *of && key.target_table == *table)
            .find_map(|key| {
                key.columns.iter().position(|name| name == last).map(|place| key.target_columns[place].clone())
            })
            .or_else(|| target.and_then(|target| target.primary_key().first().cloned()))
            .unwrap_or_else(|| "id".to_owned());
        open += &format!(
            "exists (select 1 from {} o{n} where o{n}.{} = {column} and ",
            pg::qualified(of, table),
            ident(&key)
        );
        close.push(')');
        column = format!("o{n}.{}", ident(next));
        last = next;
        if let Some(target) = target {
            here = target;
        }
    }
    format!("{open}{column}::text = $uid::text{close}")
}

/// What each identity's role stands for in policies: itself and the roles that it inherits from.
pub fn roles_of(schema: &Schema, role: &str) -> Vec<String> {
    let mut roles = vec![role.to_owned()];
    let mut at = 0;
    while at < roles.len() {
        let more = schema.role(&roles[at]).map_or(&[][..], |role| &role.member_of);
        for name in more {
            if !roles.contains(name) {
                roles.push(name.clone());
            }
        }
        at += 1;
    }
    roles
}
