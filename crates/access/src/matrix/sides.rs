//! Conditions with one side: what was only ever true, or only ever false, proves nothing of the rights that hang on it.

use std::collections::{BTreeMap, BTreeSet};

use pg::tokio_postgres::Client;

use super::plan::{self, Attempt, Row};
use super::report::OneSided;
use super::subject::{Atom, Source, Subject, bound, roles_of};
use crate::expr::{Expr as Condition, Kind as Node};
use crate::identities::Person;
use crate::schema::{Command, Policy};
use crate::spec::{Expr, Operation};
use crate::{Error, Schema};

/// Conditions that rows should make true for a person, and have not yet.
pub struct Missing {
    /// Place among the people.
    pub person: usize,
    /// The condition as it is asked.
    pub sql: String,
    /// Must it be a row that he has nothing to do with?
    pub of_others: bool,
}

/// What each condition needs beside a row: what is never true for a person, whatever the rows are, cannot be reached by rows.
#[derive(Debug, Default)]
pub struct Bounds {
    /// By place of the atom: the people for whom it can be true.
    open: BTreeMap<usize, BTreeSet<usize>>,
    facts: BTreeMap<usize, Facts>,
}

/// What a condition speaks of.
#[derive(Debug, Default, Clone, Copy)]
struct Facts {
    of_row: bool,
    of_person: bool,
    constant: bool,
}

impl Bounds {
    /// Asks the parts of policies that read no column of the row, as each person.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn ask(client: &Client, subject: &Subject, people: &[Person], triers: &[usize]) -> Result<Self, Error> {
        let mut bounds = Self::default();
        for (place, atom) in subject.atoms.iter().enumerate().filter(|(_, atom)| atom.source.policy().is_some()) {
            let whole = Condition::parse(&atom.sql);
            let facts = Facts {
                of_row: reads_row(&whole, subject),
                of_person: says_who(&atom.sql, &whole),
                constant: matches!(whole.bare().kind, Node::Boolean(_)),
            };
            bounds.facts.insert(place, facts);
            let free: Vec<String> = whole
                .conjuncts()
                .iter()
                .filter(|part| !reads_row(part, subject))
                .map(|part| part.text(&atom.sql))
                .map(|text| format!("coalesce((\n{}\n)::boolean, false)", bound(text)))
                .collect();
            let mut open = BTreeSet::new();
            for at in triers {
                if free.is_empty() {
                    open.insert(*at);
                    continue;
                }
                plan::be(client, &people[*at]).await?;
                // A part that cannot be asked alone binds nobody.
                let answer = client.query_one(&format!("select {}", free.join(" and ")), &[]).await;
                if answer.map_or(true, |row| row.get(0)) {
                    open.insert(*at);
                }
            }
            bounds.open.insert(place, open);
        }
        Ok(bounds)
    }

    fn is_open(&self, atom: usize, person: usize) -> bool {
        self.open.get(&atom).is_none_or(|open| open.contains(&person))
    }

    fn facts(&self, atom: usize) -> Facts {
        self.facts.get(&atom).copied().unwrap_or_default()
    }

    /// Can it be true for anybody?
    fn is_dead(&self, atom: usize) -> bool {
        self.open.get(&atom).is_some_and(BTreeSet::is_empty)
    }
}

/// Does a condition read columns of the row? In sub-selects these are written with the relation's name.
fn reads_row(condition: &Condition, subject: &Subject) -> bool {
    let relation = &subject.relation;
    condition.any(&|node| match &node.kind {
        Node::Column { relation: of, name } => {
            of.as_ref().is_none_or(|of| *of == relation.name) && relation.column(name).is_some()
        }
        _ => false,
    })
}

/// Conditions that are never true for a person, though rows could make them so: words, rights, and policies that bind him.
pub fn missing(
    schema: &Schema,
    subject: &Subject,
    people: &[Person],
    at: usize,
    rows: &[Row],
    bounds: &Bounds,
) -> Vec<Missing> {
    let person = &people[at];
    let about_him = |sql: &str| sql.contains("basalt.uid") || sql.contains("auth.uid");
    let mut wanted: Vec<Expr> = Vec::new();
    for atom in &subject.atoms {
        wanted.extend(match &atom.source {
            Source::Own => Some(Expr::Own),
            Source::Word(word) => Some(Expr::Word(word.clone())),
            Source::Where(sql) => Some(Expr::Where(sql.clone())),
            _ => None,
        });
    }
    let rights = subject.spec.rights_of(&person.kind);
    for right in rights.iter().flat_map(|rights| Operation::ROWS.map(|operation| rights.on(operation))) {
        if matches!(right.rows, Expr::And(..)) && !wanted.contains(&right.rows) {
            wanted.push(right.rows.clone());
        }
    }
    wanted.retain(|expr| !rows.iter().any(|row| subject.holds(expr, &row.truths)));
    let mut sql: Vec<String> = wanted.iter().map(|expr| subject.sql(expr)).collect();
    let mut of_others: Vec<String> = Vec::new();
    let roles = roles_of(schema, &person.role);
    for (place, atom) in policies(subject, &roles) {
        let seen = |side: bool| rows.iter().any(|row| row.truths[place] == side);
        if !bounds.is_open(place, at) {
            continue;
        }
        let facts = bounds.facts(place);
        // Best a row that the policy opens and the file does not.
        let operation = operation(subject, atom);
        let right = rights.map_or(Expr::None, |rights| rights.on(operation).rows.clone());
        let more = |row: &Row| row.truths[place] && !subject.holds(&right, &row.truths);
        // Of what says who asks, or says what the right says, there is none or it is there by now.
        let may_be_beyond =
            right != Expr::All && !facts.of_person && !is_part_of(&atom.sql, &right, subject) && !rows.iter().any(more);
        let beyond = format!("{} and not {}", subject.asked(atom), subject.sql(&right));
        if may_be_beyond {
            of_others.push(beyond);
        }
        if !seen(true) {
            sql.push(subject.asked(atom));
        } else if !rows.is_empty() && !seen(false) && !facts.constant && facts.of_row {
            sql.push(format!("not {}", subject.asked(atom)));
        }
    }
    sql.retain(|sql| person.uid.is_some() || !about_him(sql));
    let missing = |of_others: bool| move |sql: String| Missing { person: at, sql, of_others };
    of_others.into_iter().map(missing(true)).chain(sql.into_iter().map(missing(false))).collect()
}

/// Does a condition speak of who asks? A function of the project's may.
fn says_who(sql: &str, condition: &Condition) -> bool {
    let calls = |node: &Condition| matches!(node.kind, Node::Call { schema: Some(_), .. });
    ["auth.", "current_", "session_user"].iter().any(|word| sql.contains(word)) || condition.any(&calls)
}

/// Is a condition, word for word, one of those that are enough for the right?
fn is_part_of(sql: &str, right: &Expr, subject: &Subject) -> bool {
    let flat = |sql: &str| sql.chars().filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')')).collect::<String>();
    match right {
        Expr::Or(left, right) => is_part_of(sql, left, subject) || is_part_of(sql, right, subject),
        Expr::Word(word) => subject.spec.word(word).is_some_and(|known| flat(known).eq_ignore_ascii_case(&flat(sql))),
        Expr::Where(known) => flat(known).eq_ignore_ascii_case(&flat(sql)),
        _ => false,
    }
}

/// What a policy is for; of one for everything, reading.
fn operation(subject: &Subject, atom: &Atom) -> Operation {
    match atom.source.policy().map(|(number, _)| subject.relation.policies[number].command) {
        Some(Command::Insert) => Operation::Insert,
        Some(Command::Update) => Operation::Update,
        Some(Command::Delete) => Operation::Delete,
        _ => Operation::Select,
    }
}

/// The conditions of policies that bind somebody with these roles, who has the privilege at all. Of one that consists of several
/// things of which any is enough, these.
fn policies<'s>(subject: &'s Subject, roles: &'s [String]) -> impl Iterator<Item = (usize, &'s Atom)> {
    subject.atoms.iter().enumerate().filter(move |(_, atom)| {
        let Some((number, check)) = atom.source.policy() else { return false };
        let policy = &subject.relation.policies[number];
        let has_parts = !matches!(atom.source, Source::Part(..))
            && subject.atoms.iter().any(|other| other.source == Source::Part(number, check));
        let named = policy.roles.iter().any(|role| role == "public" || roles.contains(role));
        named && !has_parts && may_at_all(subject, policy, roles)
    })
}

fn may_at_all(subject: &Subject, policy: &Policy, roles: &[String]) -> bool {
    let word = match policy.command {
        Command::All => None,
        Command::Select => Some("SELECT"),
        Command::Insert => Some("INSERT"),
        Command::Update => Some("UPDATE"),
        Command::Delete => Some("DELETE"),
    };
    let columns = subject.relation.columns.iter().flat_map(|column| &column.grants);
    subject.relation.grants.iter().chain(columns).any(|grant| {
        word.is_none_or(|word| grant.privilege == word)
            && matches!(grant.privilege.as_str(), "SELECT" | "INSERT" | "UPDATE" | "DELETE")
            && (grant.grantee == "public" || roles.contains(&grant.grantee))
    })
}

/// Which words and policies were only ever true, or only ever false, for an identity that they could tell apart.
pub fn one_sided(
    schema: &Schema,
    subject: &Subject,
    person: &Person,
    attempt: &Attempt,
    bounds: &Bounds,
) -> Vec<OneSided> {
    let rows = || attempt.rows.iter().map(|row| &row.truths);
    let inserts = || attempt.inserts.iter().map(|insert| &insert.truths);
    let updates = || attempt.updates.iter().filter_map(|update| update.truths.as_ref());
    let mut found = Vec::new();
    let mut note = |condition: String, always: bool| {
        let (object, identity) = (subject.name.clone(), person.kind.clone());
        let one = OneSided { object, identity, condition, always };
        if !found.contains(&one) {
            found.push(one);
        }
    };
    for (at, atom) in subject.atoms.iter().enumerate() {
        let condition = match &atom.source {
            Source::Word(word) => word.clone(),
            Source::Own => "own".to_owned(),
            _ => continue,
        };
        let matters = Operation::ROWS.iter().any(|operation| {
            let rights = subject.spec.rights_of(&person.kind);
            rights.is_some_and(|rights| {
                let rows = &rights.on(*operation).rows;
                rows.words().contains(&condition.as_str()) || atom.source == Source::Own && rows.needs_owner()
            })
        });
        let ever = rows().chain(inserts()).any(|truths| truths[at]);
        let never = rows().chain(inserts()).any(|truths| !truths[at]);
        if matters && ever != never {
            note(condition, ever);
        }
    }
    let roles = roles_of(schema, &person.role);
    for (at, atom) in policies(subject, &roles) {
        let Some((number, check)) = atom.source.policy() else { continue };
        let policy = &subject.relation.policies[number];
        let (old, new, changed) = match (check, policy.command) {
            (false, Command::Insert) => continue,
            (false, _) => (true, false, false),
            (true, Command::Insert) => (false, true, false),
            (true, Command::Update) => (false, false, true),
            (true, _) => (false, true, true),
        };
        // Without a check of its own, USING decides on new rows, too.
        let new = new || !check && policy.check.is_none() && policy.command == Command::All;
        let truths = || {
            let new = inserts().filter(move |_| new);
            rows().filter(move |_| old).chain(new).chain(updates().filter(move |_| changed))
        };
        let facts = bounds.facts(at);
        let (ever, never) = (truths().any(|truths| truths[at]), truths().any(|truths| !truths[at]));
        if facts.constant || ever && (never || !facts.of_row) {
            continue;
        }
        // What he is decides, not the row: others are there for whom it can be true.
        if !ever && !bounds.is_open(at, attempt.person) && !bounds.is_dead(at) {
            continue;
        }
        let part = match atom.source {
            Source::Part(..) => format!(": {}", shortened(&atom.sql)),
            _ => String::new(),
        };
        let word = if check { "with check" } else { "using" };
        note(format!("policy {:?}, {word}{part}", policy.name), ever);
    }
    found
}

fn shortened(sql: &str) -> String {
    const LONG: usize = 100;
    let flat = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= LONG { flat } else { flat.chars().take(LONG - 1).chain(['…']).collect() }
}
