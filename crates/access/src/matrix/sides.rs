//! Conditions with one side: what was only ever true, or only ever false, proves nothing of the rights that hang on it.

use std::collections::{BTreeMap, BTreeSet};

use pg::tokio_postgres::Client;

use super::plan::{self, Attempt, Row};
use super::report::{OneSided, Unproven};
use super::subject::{Atom, Source, Subject, bound, roles_of};
use crate::expr::{Expr as Condition, Kind as Node};
use crate::identities::{NEWCOMER, Person};
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
    /// What rows are made from: the condition with its functions opened. Empty where it says nothing of use.
    pub opened: String,
    /// There may well be none: only a few rows that the condition leads to are tried.
    pub few: bool,
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
    pub async fn ask(
        client: &Client,
        schema: &Schema,
        subject: &Subject,
        people: &[Person],
        triers: &[usize],
    ) -> Result<Self, Error> {
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
                .filter(|part| !reads_row(part, subject) && !is_of_rows(part, &atom.sql))
                .map(|part| part.text(&atom.sql))
                .map(|text| format!("coalesce((\n{}\n)::boolean, false)", bound(text)))
                .collect();
            let mut open = BTreeSet::new();
            let policy = atom.source.policy().map(|(number, _)| &subject.relation.policies[number]);
            for at in triers {
                if !policy.is_some_and(|policy| binds(policy, &roles_of(schema, &people[*at].role))) {
                    continue;
                }
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

    /// Can somebody take a way that another cannot, as who has done nothing yet?
    pub fn opens_more(&self, schema: &Schema, subject: &Subject, person: (usize, &Person), than: usize) -> bool {
        let roles = roles_of(schema, &person.1.role);
        policies(subject, &roles).any(|(place, _)| self.is_open(place, person.0) && !self.is_open(place, than))
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

/// Does it ask for rows elsewhere, and nothing of who asks? Rows can be made.
fn is_of_rows(part: &Condition, sql: &str) -> bool {
    part.selects().iter().any(|select| !select.from.is_empty()) && !says_who(part.text(sql), part)
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
    let mut found: Vec<Missing> = Vec::new();
    for expr in &wanted {
        let sql = subject.sql(expr);
        let opened = match expr {
            Expr::Word(word) => subject.spec.word(word).map(bound),
            Expr::Where(sql) => Some(bound(sql)),
            _ => None,
        };
        found.push(Missing { person: at, sql, of_others: false, opened: opened.unwrap_or_default(), few: false });
    }
    let mut of_others: Vec<Missing> = Vec::new();
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
        // Of what says what the right says there is none.
        let may_be_beyond = right != Expr::All && !is_part_of(&atom.sql, &right, subject);
        if may_be_beyond && !rows.iter().any(more) {
            let sql = format!("{} and not {}", subject.asked(atom), subject.sql(&right));
            let (opened, few) = (atom.opened.clone(), facts.of_person);
            of_others.push(Missing { person: at, sql, of_others: true, opened, few });
        }
        // And one that the file lets him change: what it becomes is beyond.
        let changes = matches!(atom.source.policy(), Some((_, true))) && operation == Operation::Update;
        if changes && may_be_beyond && right != Expr::None {
            let both = |row: &Row| row.truths[place] && subject.holds(&right, &row.truths);
            if !rows.iter().any(both) {
                let sql = format!("{} and {}", subject.asked(atom), subject.sql(&right));
                let (opened, few) = (atom.opened.clone(), facts.of_person);
                found.push(Missing { person: at, sql, of_others: false, opened, few });
            }
        }
        let one = |sql: String, opened: String| Missing { person: at, sql, of_others: false, opened, few: false };
        if !seen(true) {
            found.push(one(subject.asked(atom), atom.opened.clone()));
        } else if !rows.is_empty() && !seen(false) && !facts.constant && facts.of_row {
            found.push(one(format!("not {}", subject.asked(atom)), format!("not ({})", atom.opened)));
        }
    }
    found.retain(|missing| person.uid.is_some() || !about_him(&missing.sql));
    // Who has done nothing is to have no rows of his own.
    if person.nth == NEWCOMER {
        found.clear();
    }
    of_others.into_iter().chain(found).collect()
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
        Expr::Own => is_own(sql, subject),
        _ => false,
    }
}

/// Does a condition say that the owner's column is his id, and nothing else?
fn is_own(sql: &str, subject: &Subject) -> bool {
    let Some(owner) = subject.spec.owner.as_ref().filter(|owner| owner.steps.is_empty()) else { return false };
    let whole = Condition::parse(sql);
    let Node::Binary { operator, left, right } = &whole.bare().kind else { return false };
    let is_column = |side: &Condition| matches!(&side.bare().kind, Node::Column { name, .. } if *name == owner.column);
    let is_he = |side: &Condition| matches!(&side.bare().kind, Node::Call { schema: Some(schema), name, .. } if schema == "auth" && name == "uid");
    operator == "=" && (is_column(left) && is_he(right) || is_column(right) && is_he(left))
}

/// Ways of policies for one operation that hold of a row for somebody, by place of the atom.
pub fn ways<'s>(
    schema: &'s Schema,
    subject: &'s Subject,
    person: &Person,
    wanted: Operation,
    check: bool,
) -> Vec<usize> {
    let roles = roles_of(schema, &person.role);
    let decides = |atom: &Atom| {
        atom.source.policy().is_some_and(|(number, of_check)| {
            let policy = &subject.relation.policies[number];
            let is_for = policy.command == Command::All || operation(subject, atom) == wanted;
            policy.permissive && is_for && (of_check == check || check && policy.check.is_none())
        })
    };
    policies(subject, &roles).filter(|(_, atom)| decides(atom)).map(|(place, _)| place).collect()
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
        binds(policy, roles) && !has_parts && may_at_all(subject, policy, roles)
    })
}

fn binds(policy: &Policy, roles: &[String]) -> bool {
    policy.roles.iter().any(|role| role == "public" || roles.contains(role))
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
    attempts: &[&Attempt],
    bounds: &Bounds,
) -> Vec<OneSided> {
    let rows = || attempts.iter().flat_map(|attempt| &attempt.rows).map(|row| &row.truths);
    let inserts = || attempts.iter().flat_map(|attempt| &attempt.inserts).map(|insert| &insert.truths);
    let Some(place) = attempts.first().map(|attempt| attempt.person) else { return Vec::new() };
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
        let Some(truths) = truths(subject, atom, attempts) else { continue };
        let truths = || truths.iter();
        let facts = bounds.facts(at);
        let (ever, never) = (truths().any(|truths| truths[at]), truths().any(|truths| !truths[at]));
        if facts.constant || ever && (never || !facts.of_row) {
            continue;
        }
        // What he is decides, not the row: others are there for whom it can be true.
        if !ever && !bounds.is_open(at, place) && !bounds.is_dead(at) {
            continue;
        }
        note(told(subject, atom), ever);
    }
    found
}

/// The policy, and which of its conditions.
fn told(subject: &Subject, atom: &Atom) -> String {
    let Some((number, check)) = atom.source.policy() else { return String::new() };
    let part = match atom.source {
        Source::Part(..) => format!(": {}", shortened(&atom.said)),
        _ => String::new(),
    };
    let word = if check { "with check" } else { "using" };
    format!("policy {:?}, {word}{part}", subject.relation.policies[number].name)
}

/// What was seen of a policy's condition, where it decides; `None` where it decides nothing.
fn truths<'a>(subject: &Subject, atom: &Atom, attempts: &[&'a Attempt]) -> Option<Vec<&'a Vec<bool>>> {
    let (number, check) = atom.source.policy()?;
    let policy = &subject.relation.policies[number];
    let (old, new, changed) = match (check, policy.command) {
        (false, Command::Insert) => return None,
        (false, _) => (true, false, false),
        (true, Command::Insert) => (false, true, false),
        (true, Command::Update) => (false, false, true),
        (true, _) => (false, true, true),
    };
    // Without a check of its own, USING decides on new rows, too.
    let new = new || !check && policy.check.is_none() && policy.command == Command::All;
    let mut found = Vec::new();
    for attempt in attempts {
        found.extend(attempt.rows.iter().map(|row| &row.truths).filter(|_| old));
        found.extend(attempt.inserts.iter().map(|insert| &insert.truths).filter(|_| new));
        found.extend(attempt.updates.iter().filter_map(|update| update.truths.as_ref()).filter(|_| changed));
    }
    Some(found)
}

/// Permissive policies, or ways through them, that nobody was ever seen to take; and those of which it is not known what they do.
pub fn unproven(schema: &Schema, subject: &Subject, people: &[Person], attempts: &[Attempt]) -> Vec<Unproven> {
    let mut found = Vec::new();
    let acknowledged = |policy: &Policy| subject.spec.not_proven.contains(&policy.name);
    for atom in &subject.atoms {
        let Some((number, _)) = atom.source.policy() else { continue };
        let policy = &subject.relation.policies[number];
        let may_take = |attempt: &&Attempt| {
            let roles = roles_of(schema, &people[attempt.person].role);
            policies(subject, &roles).any(|(_, known)| known == atom)
        };
        let tried: Vec<&Attempt> = attempts.iter().filter(may_take).collect();
        let is_false = matches!(Condition::parse(&atom.sql).bare().kind, Node::Boolean(false));
        if !policy.permissive || tried.is_empty() || is_false {
            continue;
        }
        let Some(at) = subject.atoms.iter().position(|known| known == atom) else { continue };
        let Some(truths) = truths(subject, atom, &tried) else { continue };
        if !truths.iter().any(|truths| truths[at]) {
            found.push(Unproven {
                object: subject.name.clone(),
                policy: policy.name.clone(),
                condition: told(subject, atom),
                why: "was never true for anybody".to_owned(),
                never_true: true,
                acknowledged: acknowledged(policy),
            });
        }
    }
    for (number, why) in &subject.closed {
        let policy = &subject.relation.policies[*number];
        let one = Unproven {
            object: subject.name.clone(),
            policy: policy.name.clone(),
            condition: format!("policy {:?}", policy.name),
            why: format!("asks what cannot be looked into: {why}"),
            never_true: false,
            acknowledged: acknowledged(policy),
        };
        if policy.permissive && !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

fn shortened(sql: &str) -> String {
    const LONG: usize = 160;
    let flat = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= LONG { flat } else { flat.chars().take(LONG - 1).chain(['…']).collect() }
}
