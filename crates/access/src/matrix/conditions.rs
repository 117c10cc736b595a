//! Conditions that cannot be asked: at all, of some row, or in time. None of them ends the run.

use pg::tokio_postgres::Client;

use super::caller::{PATIENCE, TOO_LONG};
use super::plan::{MOST_READ, Row, be, rows};
use super::report::Untried;
use super::subject::{Atom, Source, Subject, parts, truth};
use crate::Error;
use crate::identities::Person;

/// Asks whether each condition can be asked at all; policies that cannot are left out, words that cannot are errors.
///
/// # Errors
/// The condition's name and PostgreSQL's words.
pub async fn checked(client: &Client, subject: &mut Subject) -> Result<(), Error> {
    let mut bad = Vec::new();
    let mut not_unfolded: Vec<(usize, bool)> = Vec::new();
    for (at, atom) in subject.atoms.iter().enumerate() {
        let sql = format!("select {} from {} where false", truth(&atom.sql), subject.table());
        if let Err(error) = client.batch_execute(&sql).await {
            if let Source::Part(number, check) = atom.source {
                not_unfolded.push((number, check));
                continue;
            }
            if !is_said(&atom.source) {
                bad.push(at);
                continue;
            }
            let message = format!("{}, {}: {}", subject.name, named(subject, &atom.source), pg::Error::from(error));
            return Err(Error::Spec(crate::spec::Error { line: subject.spec.line, message }));
        }
    }
    for at in bad.into_iter().rev() {
        subject.atoms.remove(at);
    }
    not_unfolded.dedup();
    for (number, check) in not_unfolded {
        plainly(client, subject, number, check).await?;
    }
    Ok(())
}

/// A policy whose ways were not understood as PostgreSQL does: what stands between its `OR`s is asked, and the rest named.
async fn plainly(client: &Client, subject: &mut Subject, number: usize, check: bool) -> Result<(), Error> {
    subject.atoms.retain(|atom| atom.source != Source::Part(number, check));
    let policy = &subject.relation.policies[number];
    let sql = if check { policy.check.clone() } else { policy.using.clone() }.unwrap_or_default();
    let mut atoms = Vec::new();
    for part in parts(&sql) {
        let asked = format!("select {} from {} where false", truth(&part), subject.table());
        if client.batch_execute(&asked).await.is_err() {
            atoms.clear();
            break;
        }
        atoms.push(Atom::new(Source::Part(number, check), &part));
    }
    subject.atoms.append(&mut atoms);
    subject.closed.push((number, "a function whose text means something else where the policy stands".to_owned()));
    Ok(())
}

/// Does the condition come from the file?
const fn is_said(source: &Source) -> bool {
    matches!(source, Source::Own | Source::Word(_) | Source::Where(_))
}

/// A condition for people.
fn named(subject: &Subject, source: &Source) -> String {
    match source {
        Source::Own => "owner".to_owned(),
        Source::Word(word) => format!("word {word:?}"),
        Source::Where(sql) => format!("where {sql}"),
        Source::Using(n) | Source::Check(n) | Source::Part(n, _) => {
            format!("policy {:?}", subject.relation.policies[*n].name)
        }
        Source::Guess => "a guess".to_owned(),
    }
}

/// [`rows`], also where a condition fails for some row (there it is taken for false) or takes too long (then it is false everywhere), and
/// where the rows themselves cannot be read. What failed is told.
///
/// # Errors
/// The connection is lost, or a word of the file takes too long.
pub async fn calm_rows(
    client: &Client,
    subject: &mut Subject,
    person: &Person,
    untried: &mut Vec<Untried>,
) -> Result<Vec<Row>, Error> {
    loop {
        match rows(client, subject, person).await {
            Err(Error::Database(pg::Error::Server(error))) => {
                if !settle(client, subject, person, untried).await? {
                    note(untried, Untried::new(&subject.name, "rows", told(&error.code, &error.message)));
                    return Ok(Vec::new());
                }
            }
            other => return other,
        }
    }
}

/// Finds the conditions that fail. Was there one?
async fn settle(
    client: &Client,
    subject: &mut Subject,
    person: &Person,
    untried: &mut Vec<Untried>,
) -> Result<bool, Error> {
    be(client, person).await?;
    let (mut slow, mut found) = (Vec::new(), false);
    for at in 0..subject.atoms.len() {
        let atom = &subject.atoms[at];
        let sql =
            format!("select {} from {}{} limit {MOST_READ}", subject.asked(atom), subject.table(), subject.filter());
        let error = match client.query(&sql, &[]).await.map_err(pg::Error::from) {
            Ok(_) => continue,
            Err(pg::Error::Server(error)) => error,
            Err(other) => return Err(other.into()),
        };
        let what = named(subject, &atom.source);
        if error.code == TOO_LONG || atom.guarded {
            if is_said(&atom.source) {
                let message = format!("{}, {what}: {}", subject.name, told(&error.code, &error.message));
                return Err(Error::Spec(crate::spec::Error { line: subject.spec.line, message }));
            }
            slow.push(at);
        } else {
            subject.atoms[at].guarded = true;
        }
        found = true;
        note(
            untried,
            Untried::new(&subject.name, &what, format!("fails for some row: {}", told(&error.code, &error.message))),
        );
    }
    // Their places stay: others have been counted by them.
    for at in slow {
        let atom = &mut subject.atoms[at];
        (atom.sql, atom.guarded) = ("false".to_owned(), false);
    }
    Ok(found)
}

/// Adds it once.
pub fn note(untried: &mut Vec<Untried>, what: Untried) {
    if !untried.contains(&what) {
        untried.push(what);
    }
}

/// PostgreSQL's words and its code.
pub fn told(code: &str, message: &str) -> String {
    match code {
        TOO_LONG => format!("took longer than {} (SQLSTATE {code})", PATIENCE),
        _ => format!("{message} (SQLSTATE {code})"),
    }
}
