//! From what was seen to words: the simplest right that explains every observation.

use super::judge::Observation;
use super::paths::about;
use super::subject::{Source, Subject, roles_of};
use crate::Schema;
use crate::identities::Person;
use crate::mutants::follows;
use crate::schema::{Policy, Relation};
use crate::spec::{Expr, Operation, Owner};

/// What a candidate says of a row's truths.
type Says<'s> = Box<dyn Fn(&[bool]) -> bool + 's>;

/// What a right is inferred from.
#[derive(Clone, Copy)]
pub struct Evidence<'e> {
    /// One row under the operation, each.
    pub seen: &'e [&'e Observation],
    /// How many rows a statement without a `WHERE` reached, and what holds of each row.
    pub blind: Option<(usize, &'e [Vec<bool>])>,
    /// Rows and what such a statement would have made of them, which it did not fail on: had he been let at the old row, so the new one.
    pub passed: &'e [(Vec<bool>, Vec<bool>)],
    /// What holds of rows for everybody of his kind: words that part from the policies there say something else than they do.
    pub peers: &'e [Vec<bool>],
}

/// The rows that a right is to, and what they may become; `None` where no words and no policy explain what was seen.
pub fn right(
    schema: &Schema,
    subject: &Subject,
    person: &Person,
    operation: Operation,
    evidence: Evidence<'_>,
) -> Option<(Expr, Option<Expr>)> {
    let reached = evidence.blind.is_some_and(|(count, _)| count > 0);
    if evidence.seen.is_empty() && !reached {
        return None;
    }
    let all = explained(schema, subject, person, operation, evidence);
    if all.is_some() || evidence.blind.is_none() {
        return all;
    }
    // More was reached than row by row: what was refused of rows that he does not see was not refused at all.
    let open: Vec<&Observation> = evidence.seen.iter().copied().filter(|observation| !observation.hidden).collect();
    explained(schema, subject, person, operation, Evidence { seen: &open, ..evidence })
}

fn explained(
    schema: &Schema,
    subject: &Subject,
    person: &Person,
    operation: Operation,
    Evidence { seen, blind, passed, peers }: Evidence<'_>,
) -> Option<(Expr, Option<Expr>)> {
    let fits = |before: &Says<'_>, after: &Says<'_>| {
        seen.iter().all(|observation| {
            let holds = |truths: &Option<Vec<bool>>, says: &Says<'_>| truths.as_ref().is_none_or(|truths| says(truths));
            observation.allowed == (holds(&observation.before, before) && holds(&observation.after, after))
        }) && blind.is_none_or(|(count, rows)| rows.iter().filter(|truths| before(truths.as_slice())).count() >= count)
            && passed.iter().all(|(old, new)| !before(old) || after(new))
    };
    let policies = from_policies(schema, subject, person, operation);
    let decides = policies.iter().find(|(before, after)| fits(&before.says, &after.says));
    // Rows that were tried are few: a word that the policies do not mean may fit them by chance, and would be a right that nobody has.
    let same = |word: &Says<'_>, policy: &Says<'_>| peers.iter().all(|truths| word(truths) == policy(truths));
    let means = |before: &Says<'_>, after: &Says<'_>| {
        fits(before, after) && decides.is_none_or(|(old, new)| same(before, &old.says) && same(after, &new.says))
    };
    let words: Vec<(Expr, Says<'_>)> =
        candidates(subject).into_iter().map(|expr| (expr.clone(), word(subject, expr))).collect();
    if let Some((expr, _)) = words.iter().find(|(_, says)| means(says, says)) {
        return Some((expr.clone(), None));
    }
    if let Some((before, after)) = decides.filter(|(before, after)| before.sql == after.sql) {
        return Some((before.expr(), Some(after.expr()).filter(|after| *after != before.expr())));
    }
    if operation != Operation::Update {
        return None;
    }
    let few = words.len().min(40);
    for (before, holds) in &words[..few] {
        if let Some((after, _)) = words[..few].iter().find(|(_, becomes)| means(holds, becomes)) {
            return Some((before.clone(), Some(after.clone())));
        }
    }
    decides.map(|(before, after)| (before.expr(), Some(after.expr())))
}

fn word(subject: &Subject, expr: Expr) -> Says<'_> {
    Box::new(move |truths| subject.holds(&expr, truths))
}

/// Simple ones first.
fn candidates(subject: &Subject) -> Vec<Expr> {
    let mut simple = Vec::new();
    if subject.spec.owner.is_some() {
        simple.push(Expr::Own);
    }
    simple.extend(subject.spec.words.iter().map(|(word, _)| Expr::Word(word.clone())));
    let mut all = vec![Expr::None, Expr::All];
    all.extend(simple.iter().cloned());
    let pairs = |join: fn(Box<Expr>, Box<Expr>) -> Expr| {
        let pair = |(at, left): (usize, &Expr)| {
            simple[at + 1..]
                .iter()
                .map(|right| join(Box::new(left.clone()), Box::new(right.clone())))
                .collect::<Vec<_>>()
        };
        simple.iter().enumerate().flat_map(pair).collect::<Vec<_>>()
    };
    let (either, both) = (pairs(Expr::Or), pairs(Expr::And));
    let triples: Vec<Expr> = either
        .iter()
        .flat_map(|pair| simple.iter().map(|third| Expr::Or(Box::new(pair.clone()), Box::new(third.clone()))))
        .chain(
            both.iter()
                .flat_map(|pair| simple.iter().map(|third| Expr::And(Box::new(pair.clone()), Box::new(third.clone())))),
        )
        .take(200)
        .collect();
    all.extend(either);
    all.extend(both);
    if subject.spec.owner.is_some() {
        all.push(Expr::Others);
    }
    all.extend(triples);
    let guesses = subject.atoms.iter().filter(|atom| atom.source == Source::Guess);
    all.extend(guesses.map(|atom| Expr::Where(atom.sql.clone())));
    all
}

/// Policies as one condition.
struct Condition<'s> {
    sql: String,
    says: Says<'s>,
}

impl Condition<'_> {
    fn expr(&self) -> Expr {
        if self.sql == TRUE { Expr::All } else { Expr::Where(self.sql.clone()) }
    }
}

const TRUE: &str = "true";

/// What the policies that decide say of the row, and of what it becomes; as PostgreSQL holds them first. None where he is not subject
/// to policies.
fn from_policies<'s>(
    schema: &Schema,
    subject: &'s Subject,
    person: &Person,
    operation: Operation,
) -> Vec<(Condition<'s>, Condition<'s>)> {
    let bypasses = schema.role(&person.role).is_some_and(|role| role.bypass_rls || role.superuser);
    if bypasses || !subject.relation.rls {
        return Vec::new();
    }
    let roles = roles_of(schema, &person.role);
    let using = combined(subject, operation, &roles, |policy| policy.using.as_ref(), Source::Using);
    let checks = |policy: &'s Policy| policy.check.as_ref().or(policy.using.as_ref());
    let check = combined(subject, operation, &roles, checks, |n| {
        if subject.relation.policies[n].check.is_some() { Source::Check(n) } else { Source::Using(n) }
    });
    let read = combined(subject, Operation::Select, &roles, |policy| policy.using.as_ref(), Source::Using);
    let pairs: Vec<[Vec<&Combined>; 2]> = match operation {
        Operation::Insert => vec![[vec![&check], vec![&check]]],
        // A statement with a WHERE reads the old row and must be able to read the new one.
        Operation::Update => vec![
            [vec![&using, &read], vec![&check, &read]],
            [vec![&using], vec![&check, &read]],
            [vec![&using, &read], vec![&check]],
            [vec![&using], vec![&check]],
            [vec![&using, &read], vec![&using, &read]],
            [vec![&using], vec![&using]],
        ],
        Operation::Delete => vec![[vec![&using, &read], vec![&using, &read]], [vec![&using], vec![&using]]],
        Operation::Select | Operation::Execute => vec![[vec![&using], vec![&using]]],
    };
    let whole = |parts: Vec<&Combined>| -> Option<Condition<'s>> {
        let mut different: Vec<String> = Vec::new();
        let table = &subject.relation.name;
        for part in &parts {
            let sql = part.sql()?;
            if sql != TRUE && !different.iter().any(|known| follows(known, &sql, table)) {
                different.push(sql);
            }
        }
        let sql = match different.len() {
            0 => TRUE.to_owned(),
            1 => different.concat(),
            _ => format!("({})", different.join(") and (")),
        };
        let parts: Vec<Combined> = parts.into_iter().cloned().collect();
        Some(Condition { sql, says: Box::new(move |truths| parts.iter().all(|part| part.holds(truths))) })
    };
    pairs.into_iter().filter_map(|[before, after]| Some((whole(before)?, whole(after)?))).collect()
}

/// Permissive conditions (any), restrictive ones (each): SQL and place among the atoms.
#[derive(Debug, Clone, Default)]
struct Combined {
    any: Vec<(String, Option<usize>)>,
    each: Vec<(String, Option<usize>)>,
}

fn combined<'s>(
    subject: &'s Subject,
    operation: Operation,
    roles: &[String],
    sql: impl Fn(&'s Policy) -> Option<&'s String>,
    source: impl Fn(usize) -> Source,
) -> Combined {
    let mut combined = Combined::default();
    for (n, policy) in subject.relation.policies.iter().enumerate() {
        if !subject.policies(operation, roles).any(|(known, _)| known == n) {
            continue;
        }
        let Some(text) = sql(policy).filter(|text| about(text, subject.bucket())) else { continue };
        let wanted = source(n);
        let place = subject.atoms.iter().position(|atom| atom.source == wanted);
        let text = text.replace("( SELECT auth.uid() AS uid)", "$uid").replace("auth.uid()", "$uid");
        if policy.permissive { combined.any.push((text, place)) } else { combined.each.push((text, place)) }
    }
    combined
}

impl Combined {
    /// `None` where a condition could not be asked.
    fn sql(&self) -> Option<String> {
        if self.any.is_empty() || self.any.iter().chain(&self.each).any(|(_, place)| place.is_none()) {
            return None;
        }
        let any: Vec<&str> = self.any.iter().map(|(sql, _)| sql.as_str()).collect();
        let each: Vec<&str> = self.each.iter().map(|(sql, _)| sql.as_str()).collect();
        let any = any.join(" or ");
        Some(if each.is_empty() { any } else { format!("({any}) and {}", each.join(" and ")) })
    }

    fn holds(&self, truths: &[bool]) -> bool {
        let holds =
            |(_, place): &(String, Option<usize>)| place.and_then(|place| truths.get(place)).copied().unwrap_or(false);
        self.any.iter().any(holds) && self.each.iter().all(holds)
    }
}

/// Whose row it is, where nobody has said so: a key to `auth.users`, here or in the table that a key points to.
pub fn owner(schema: &Schema, relation: &Relation, depth: usize) -> Option<Owner> {
    let person = |key: &&crate::schema::ForeignKey| {
        let target = schema.relation(&key.target_schema, &key.target_table);
        let users = (key.target_schema.as_str(), key.target_table.as_str()) == ("auth", "users");
        key.columns.len() == 1 && (users || target.is_some_and(about_people))
    };
    let mut keys: Vec<_> = relation.foreign_keys.iter().filter(person).collect();
    const NAMES: &[&str] = &["id", "user_id", "owner_id", "author_id", "created_by"];
    keys.sort_by_key(|key| NAMES.iter().position(|name| *name == key.columns[0]).unwrap_or(NAMES.len()));
    if let Some(key) = keys.first() {
        return Some(Owner { column: key.columns[0].clone(), steps: Vec::new() });
    }
    if depth == 0 {
        return None;
    }
    if !relation.is_table() {
        // Of a view: as of the tables that it reads, where it shows the same column.
        let read = schema.relations.iter().filter(|of| relation.reads.contains(&of.oid) && of.oid != relation.oid);
        return read
            .filter_map(|of| owner(schema, of, depth - 1).map(|owner| (of, owner)))
            .find(|(of, owner)| {
                let kind = |relation: &Relation| relation.column(&owner.column).map(|column| column.base_type.clone());
                kind(relation).is_some_and(|here| Some(here) == kind(of))
            })
            .map(|(_, owner)| owner);
    }
    relation.foreign_keys.iter().filter(|key| key.columns.len() == 1 && key.target != relation.oid).find_map(|key| {
        let target = schema.relation(&key.target_schema, &key.target_table)?;
        let inner = owner(schema, target, depth - 1)?;
        let mut steps = vec![(target.schema.clone(), target.name.clone(), inner.column)];
        steps.extend(inner.steps);
        Some(Owner { column: key.columns[0].clone(), steps })
    })
}

/// A table with a row for each user, under his id.
fn about_people(relation: &Relation) -> bool {
    let users =
        |key: &crate::schema::ForeignKey| (key.target_schema.as_str(), key.target_table.as_str()) == ("auth", "users");
    relation.foreign_keys.iter().any(|key| users(key) && relation.primary_key() == key.columns)
}
