//! Views: what is seen is judged row by row, since a view may show each identity something else.

use pg::ident;
use pg::tokio_postgres::Client;

use super::caller::{Caller, Outcome, TOO_LONG};
use super::conditions;
use super::judge::{Finding, Judgement, Observation};
use super::plan::{self, Key};
use super::report::{Untried, Verdict};
use super::says::words;
use super::subject::Subject;
use crate::Error;
use crate::identities::Person;
use crate::spec::{Expr, Operation, Right};

/// Tries one view as one identity.
///
/// # Errors
/// The connection is lost.
pub async fn try_view(
    client: &Client,
    caller: &Caller,
    subject: &mut Subject,
    person: &Person,
    has_file: bool,
) -> Result<(Judgement, usize), Error> {
    let mut judgement = Judgement::default();
    let expected = conditions::calm_rows(client, subject, person, &mut judgement.untried).await?;
    caller.begin(person).await?;
    let seen = Viewer { caller, subject }.look().await;
    caller.rollback().await?;
    let seen = seen?;
    let shown = match &seen.rows {
        Ok(rows) => truths_of(client, subject, person, rows).await?,
        Err(_) => Vec::new(),
    };
    let subject: &Subject = subject;
    let note = |why: String| Untried::cell(&subject.name, Operation::Select, &person.kind, why);
    let rights = subject.spec.rights_of(&person.kind).cloned().unwrap_or_default();
    let right = &rights.select;
    let find = |verdict, column, said: String, statement| Finding {
        verdict,
        operation: Operation::Select,
        column,
        key: None,
        expected: right.to_string(),
        seen: said,
        statement,
    };
    let all = format!("select * from {}", subject.table());
    let wanted = expected.iter().filter(|row| subject.holds(&right.rows, &row.truths)).count();
    match &seen.rows {
        Err(failure) if failure.code == "42501" => {
            if wanted > 0 {
                judgement.findings.push(find(Verdict::Refused, None, words(failure), all));
            }
            for row in &expected {
                judgement.observations.push((Operation::Select, observation(&row.truths, false)));
            }
        }
        Err(failure) => {
            if right.rows != Expr::None && failure.code != TOO_LONG {
                judgement.findings.push(find(Verdict::Broken, None, words(failure), all));
            } else {
                judgement.untried.push(note(words(failure)));
            }
        }
        Ok(rows) => {
            if rows.is_empty() && expected.is_empty() && !seen.columns.is_empty() {
                judgement.untried.push(note("the view shows no row".to_owned()));
            }
            for ((key, _), truths) in rows.iter().zip(&shown) {
                judgement.observations.push((Operation::Select, observation(truths, true)));
                if !subject.holds(&right.rows, truths) {
                    let shown: Vec<&str> = key.iter().take(4).map(|value| value.as_deref().unwrap_or("null")).collect();
                    let said = format!("sees the row ({}, …)", shown.join(", "));
                    judgement.findings.push(find(Verdict::Leak, None, said, all.clone()));
                }
            }
            if seen.columns.len() == subject.relation.columns.len() {
                for row in &expected {
                    let sees = rows.iter().any(|(key, _)| *key == row.key);
                    if !sees {
                        judgement.observations.push((Operation::Select, observation(&row.truths, false)));
                        if subject.holds(&right.rows, &row.truths) {
                            judgement.findings.push(find(
                                Verdict::Refused,
                                None,
                                "does not see a row of the view".into(),
                                all.clone(),
                            ));
                        }
                    }
                }
            }
            for (at, column) in subject.relation.columns.iter().enumerate() {
                let (may, said) = (seen.columns.contains(&at), right.names(&column.name));
                if may != said && wanted > 0 && !rows.is_empty() {
                    let verdict = if may { Verdict::Leak } else { Verdict::Refused };
                    let what = if may { "reads the column" } else { "may not read the column" };
                    let statement = format!("select {} from {}", ident(&column.name), subject.table());
                    judgement.findings.push(find(verdict, Some(at), what.to_owned(), statement));
                }
            }
        }
    }
    for (operation, statement, outcome) in &seen.writes {
        judge_write(&mut judgement, *operation, rights.on(*operation), statement, outcome);
        if let Outcome::Failed(failure) = outcome
            && (failure.code == TOO_LONG || failure.code.starts_with("22"))
        {
            judgement.untried.push(Untried::cell(&subject.name, *operation, &person.kind, words(failure)));
        }
    }
    if !has_file {
        judgement.findings.clear();
    }
    Ok((judgement, seen.probes))
}

fn judge_write(judgement: &mut Judgement, operation: Operation, right: &Right, statement: &str, outcome: &Outcome) {
    let (allowed, said) = match outcome {
        Outcome::Touched(0) | Outcome::TakenBack => (false, "no row is touched".to_owned()),
        Outcome::Touched(_) => (true, "is done".to_owned()),
        Outcome::Failed(failure) => (failure.code.starts_with("23") && failure.function.is_none(), words(failure)),
    };
    judgement.observations.push((operation, observation(&[], allowed)));
    if allowed != (right.rows != Expr::None) {
        let verdict = if allowed { Verdict::Leak } else { Verdict::Refused };
        let (expected, statement) = (right.to_string(), statement.to_owned());
        judgement.findings.push(Finding {
            verdict,
            operation,
            column: None,
            key: None,
            expected,
            seen: said,
            statement,
        });
    }
}

fn observation(truths: &[bool], allowed: bool) -> Observation {
    Observation { before: Some(truths.to_vec()), after: None, allowed, column: None, hidden: false }
}

/// What a person sees of a view: columns, rows with their JSON, and what came of writing.
struct Looked {
    columns: Vec<usize>,
    rows: Result<Vec<(Key, String)>, super::caller::Failure>,
    writes: Vec<(Operation, String, Outcome)>,
    probes: usize,
}

struct Viewer<'v> {
    caller: &'v Caller,
    subject: &'v Subject,
}

impl Viewer<'_> {
    async fn look(&self) -> Result<Looked, Error> {
        let view = self.subject.table();
        let columns = &self.subject.relation.columns;
        let each: Vec<String> =
            columns.iter().map(|c| format!("select {} from {view} where false", ident(&c.name))).collect();
        let outcomes = self.caller.try_all(&each).await?;
        let readable: Vec<usize> = (0..columns.len()).filter(|at| !outcomes[*at].is_denied()).collect();
        let names: Vec<String> = match readable.is_empty() {
            true => columns.iter().map(|c| ident(&c.name)).collect(),
            false => readable.iter().map(|at| ident(&columns[*at].name)).collect(),
        };
        let texts: Vec<String> = names.iter().map(|name| format!("{name}::text")).collect();
        let list = names.join(", ");
        let sql = format!(
            "select array[{}]::text[], to_jsonb(seen)::text from (select {list} from {view} limit 2000) seen",
            texts.join(", ")
        );
        let rows = self.caller.read(&sql).await?;
        let rows = rows.map(|rows| rows.iter().map(|row| (row.get(0), row.get(1))).collect());
        let writes = self.write().await?;
        Ok(Looked { columns: readable, rows, probes: each.len() + 1 + writes.len(), writes })
    }

    /// Each operation for real, where a privilege is there at all.
    async fn write(&self) -> Result<Vec<(Operation, String, Outcome)>, Error> {
        let view = self.subject.table();
        let mut tries = vec![(Operation::Delete, format!("delete from {view}"))];
        for column in &self.subject.relation.columns {
            let name = ident(&column.name);
            tries.push((Operation::Update, format!("update {view} set {name} = {name}")));
            tries.push((Operation::Insert, format!("insert into {view} ({name}) select {name} from {view} limit 1")));
        }
        let statements: Vec<String> = tries.iter().map(|(_, statement)| statement.clone()).collect();
        let outcomes = self.caller.try_all(&statements).await?;
        let all: Vec<_> = tries
            .into_iter()
            .zip(outcomes)
            .map(|((operation, statement), outcome)| (operation, statement, outcome))
            .collect();
        // One that succeeds says it all; else the first.
        let mut best = Vec::new();
        for operation in [Operation::Insert, Operation::Update, Operation::Delete] {
            let of: Vec<_> = all.iter().filter(|(which, _, _)| *which == operation).collect();
            let good = of.iter().find(|(_, _, outcome)| matches!(outcome, Outcome::Touched(n) if *n > 0));
            best.extend(good.or(of.first()).map(|found| (*found).clone()));
        }
        Ok(best)
    }
}

/// What holds of rows as they were seen.
async fn truths_of(
    client: &Client,
    subject: &mut Subject,
    person: &Person,
    rows: &[(Key, String)],
) -> Result<Vec<Vec<bool>>, Error> {
    plan::be(client, person).await?;
    match ask(client, subject, rows).await {
        Err(Error::Database(pg::Error::Server(_))) => {
            subject.atoms.iter_mut().for_each(|atom| atom.guarded = true);
            ask(client, subject, rows).await
        }
        answer => answer,
    }
}

async fn ask(client: &Client, subject: &Subject, rows: &[(Key, String)]) -> Result<Vec<Vec<bool>>, Error> {
    let sql = format!(
        "select {} from unnest($1::text[]) with ordinality given(row_, place_) \
         cross join lateral jsonb_populate_record(null::{}, given.row_::jsonb) as {} order by given.place_",
        subject.atoms_sql(),
        subject.table(),
        ident(&subject.relation.name),
    );
    let json: Vec<&str> = rows.iter().map(|(_, json)| json.as_str()).collect();
    Ok(client.query(&sql, &[&json]).await?.iter().map(|row| row.get(0)).collect())
}
