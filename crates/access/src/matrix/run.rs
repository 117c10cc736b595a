//! Preparation and probes, object by object.

use std::collections::BTreeMap;

use pg::Target;
use pg::tokio_postgres::Client;

use super::caller::{Caller, PATIENCE};
use super::draft::Stock;
use super::functions::{self, Group};
use super::hints::Hints;
use super::judge::{Finding, Judgement, judge};
use super::plan::{self, Attempt};
use super::report::{Cell, Difference, OneSided, Report, Unproven, Untried};
use super::sides::{self, Bounds, Missing};
use super::subject::{Subject, roles_of};
use super::{Options, always, conditions, evidence, fixtures, hints, infer, learn, probe as tries, roles, views};
use crate::identities::{self, NEWCOMER, Person};
use crate::rows::{Generator, Plan as Filling, Rows, Users};
use crate::schema::is_platform;
use crate::spec::{Kind, Object, Operation, Spec};
use crate::{Error, Schema};

/// Rows of each table that are there before drafts are made.
const BASIS: u64 = 6;
/// How often rows are steered to conditions that were never true.
const STEERINGS: usize = 2;

/// A shadow database with people and rows, and all that is to be tried on it.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(super) people: Vec<Person>,
    pub(super) plans: Vec<Plan>,
    pub(super) groups: Vec<Group>,
    pub(super) spec: Option<Spec>,
    pub(super) untried: Vec<Untried>,
    pub(super) conditions: Vec<OneSided>,
    pub(super) unproven: Vec<Unproven>,
    pub(super) options: Options,
}

/// One object, and what each identity tries on it.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) subject: Subject,
    pub(super) attempts: Vec<Attempt>,
}

impl Prepared {
    /// Everybody who has a row in `auth.users`, and `anon` and `service`.
    pub fn people(&self) -> &[Person] {
        &self.people
    }
}

/// Makes people and rows (they are committed), and works out what to try.
///
/// # Errors
/// The connection is lost, or `access.toml` says what cannot be asked.
pub async fn prepare(
    shadow: &Target,
    schema: &Schema,
    spec: Option<&Spec>,
    options: &Options,
) -> Result<Prepared, Error> {
    let mut client = open(shadow).await?;
    client.batch_execute(include_str!("server.sql")).await?;
    let mut people = identities::people(spec, schema);
    identities::wish(&mut people, &hints::metadata(schema));
    let people = people;
    let mut untried: Vec<Untried> = Vec::new();
    for why in identities::sign_up(&client, schema, spec, &people).await? {
        untried.push(Untried::new("auth.users", "sign-up", why));
    }
    untried.extend(roles::unused(schema, &people));
    // First whatever the general filler makes of checks over many columns: drafts borrow from it.
    let owners = people.iter().filter(|person| person.is_active()).filter_map(|person| person.uid.clone()).collect();
    let basis = Filling { users: Users::Existing(owners), role: None, ..Filling::new(Rows::Each(BASIS)) };
    Generator::new(schema, options.seed).fill(&mut client, &basis).await?;
    let mut stock = Stock::new(schema, &people, Hints::read(schema, spec), options.seed);
    untried.extend(fixtures::fill(&client, schema, spec, &people, &mut stock).await?);
    identities::become_kinds(&client, schema, spec, &people).await?;
    if let Some(sql) = &options.fixtures {
        // The project's own takes the time that it takes.
        client.batch_execute("set statement_timeout = '120s'").await?;
        client.batch_execute(sql).await?;
        patience(&client).await?;
    }
    for relation in fixtures::in_order(schema) {
        stock.load(&client, relation).await?;
    }
    let mut subjects = subjects(schema, spec, &options.exposed);
    for subject in &mut subjects {
        conditions::checked(&client, subject).await?;
        if subject.kind == Kind::Bucket {
            fixtures::fill_bucket(&client, subject, &people, &mut stock).await?;
        }
    }
    let triers: Vec<usize> = (0..people.len()).filter(|at| people[*at].nth == 0).collect();
    for _ in 0..STEERINGS {
        steer(&client, schema, spec, &mut subjects, &people, &triers, &mut stock, &mut untried).await?;
    }
    for subject in &mut subjects {
        fixtures::make_room(&client, schema, subject, &people, &triers, &mut stock, &mut untried).await?;
    }
    untried.extend(fixtures::refresh(&client, schema).await?);
    let mut plans = Vec::new();
    let mut conditions = Vec::new();
    let mut unproven = Vec::new();
    for mut subject in subjects {
        let mut attempts = Vec::new();
        let (bounds, triers) = who_tries(&client, schema, &mut subject, &people, &triers).await?;
        for at in &triers {
            if subject.kind == Kind::View {
                attempts.push(Attempt { person: *at, ..Attempt::default() });
                continue;
            }
            // What he who has done nothing cannot try, another of his kind can.
            let mut aside = Vec::new();
            let untried = if people[*at].nth == 0 { &mut untried } else { &mut aside };
            attempts.push(plan::attempt(&client, schema, &mut subject, &people, *at, &mut stock, untried).await?);
        }
        for attempt in attempts.iter().filter(|attempt| people[attempt.person].nth == 0 && subject.kind != Kind::View) {
            let person = &people[attempt.person];
            let of_kind = |other: &&Attempt| people[other.person].kind == person.kind;
            let others = attempts.iter().filter(of_kind).filter(|other| other.person != attempt.person);
            let of_kind: Vec<&Attempt> = std::iter::once(attempt).chain(others).collect();
            conditions.extend(sides::one_sided(schema, &subject, person, &of_kind, &bounds));
        }
        if subject.kind != Kind::View {
            unproven.extend(sides::unproven(schema, &subject, &people, &attempts));
        }
        plans.push(Plan { subject, attempts });
    }
    let groups = functions::groups(schema, spec, &options.exposed);
    Ok(Prepared { people, plans, groups, spec: spec.cloned(), untried, conditions, unproven, options: options.clone() })
}

async fn open(shadow: &Target) -> Result<Client, Error> {
    let client = shadow.connect().await?;
    client
        .batch_execute(
            "set standard_conforming_strings = on; set lock_timeout = '10s'; \
             set search_path = public, extensions; set client_min_messages = warning",
        )
        .await?;
    patience(&client).await?;
    Ok(client)
}

/// A trigger that never ends is no reason never to end.
async fn patience(client: &Client) -> Result<(), Error> {
    Ok(client.batch_execute(&format!("set statement_timeout = '{PATIENCE}'")).await?)
}

async fn steer(
    client: &Client,
    schema: &Schema,
    spec: Option<&Spec>,
    subjects: &mut [Subject],
    people: &[Person],
    triers: &[usize],
    stock: &mut Stock<'_>,
    untried: &mut Vec<Untried>,
) -> Result<(), Error> {
    for subject in subjects.iter_mut().filter(|subject| subject.kind != Kind::View) {
        let (bounds, triers) = who_tries(client, schema, subject, people, triers).await?;
        let mut rows = Vec::new();
        for at in &triers {
            rows.push(conditions::calm_rows(client, subject, &people[*at], untried).await?);
        }
        let of_each = triers.iter().zip(&rows);
        let missing: Vec<Missing> =
            of_each.flat_map(|(at, rows)| sides::missing(schema, subject, people, *at, rows, &bounds)).collect();
        fixtures::reach(client, schema, spec, subject, people, &missing, stock).await?;
    }
    Ok(())
}

/// Who tries at this object: one of each kind, and who has done nothing yet where that opens something to him.
async fn who_tries(
    client: &Client,
    schema: &Schema,
    subject: &mut Subject,
    people: &[Person],
    triers: &[usize],
) -> Result<(Bounds, Vec<usize>), Error> {
    let mut triers = triers.to_vec();
    let newcomer = people.iter().position(|person| person.nth == NEWCOMER);
    let all: Vec<usize> = triers.iter().copied().chain(newcomer).collect();
    let bounds = Bounds::ask(client, schema, subject, people, &all).await?;
    if let Some(newcomer) = newcomer.filter(|_| subject.kind != Kind::View) {
        let like_him = triers.iter().copied().find(|at| people[*at].kind == people[newcomer].kind);
        let who = (newcomer, &people[newcomer]);
        if like_him.is_some_and(|other| bounds.opens_more(schema, subject, who, other)) {
            triers.push(newcomer);
        }
    }
    Ok((bounds, triers))
}

/// Everything that can be tried: what the API shows, what the file names, and buckets.
fn subjects(schema: &Schema, spec: Option<&Spec>, exposed: &[String]) -> Vec<Subject> {
    let mut subjects = Vec::new();
    for relation in
        schema.relations.iter().filter(|relation| relation.extension.is_none() && !relation.columns.is_empty())
    {
        let name = format!("{}.{}", relation.schema, relation.name);
        let kind = if relation.is_table() { Kind::Table } else { Kind::View };
        let said = spec.and_then(|spec| spec.object(kind, &name));
        let shown = exposed.contains(&relation.schema) && !is_platform(&relation.schema);
        if said.is_none() && !shown {
            continue;
        }
        let object = said.cloned().unwrap_or_else(|| {
            let owner = infer::owner(schema, relation, 2);
            Object { owner, line: usize::from(spec.is_some()), ..Object::new(kind, &name) }
        });
        subjects.push(Subject::new(schema, relation, object));
    }
    if let Some(objects) = schema.relation("storage", "objects") {
        for bucket in &schema.buckets {
            let said = spec.and_then(|spec| spec.object(Kind::Bucket, &bucket.id)).cloned();
            // What is not said is not public.
            let object = said.unwrap_or_else(|| Object {
                public: bucket.public && spec.is_none(),
                line: usize::from(spec.is_some()),
                ..Object::new(Kind::Bucket, &bucket.id)
            });
            subjects.push(Subject::new(schema, objects, object));
        }
    }
    subjects
}

/// Tries everything, or what `only` names (`schema.name`, a bucket's id). `schema` is the database as it is now.
///
/// # Errors
/// The connection is lost.
pub async fn probe(
    shadow: &Target,
    schema: &Schema,
    prepared: &Prepared,
    only: Option<&[String]>,
) -> Result<Report, Error> {
    let client = open(shadow).await?;
    let caller = Caller::login(shadow, &prepared.options).await?;
    let mut work = Work { client, caller, schema, prepared, report: Report::default() };
    let wanted = |name: &String| only.is_none_or(|only| only.contains(name));
    for plan in prepared.plans.iter().filter(|plan| wanted(&plan.subject.name)) {
        work.plan(plan).await?;
    }
    if only.is_none() || prepared.groups.iter().any(|group| wanted(&group.name)) {
        work.functions(only).await?;
    }
    let mut report = work.report;
    report.untried.extend(prepared.untried.iter().cloned());
    report.untried.sort();
    report.untried.dedup();
    report.conditions.extend(prepared.conditions.iter().filter(|condition| wanted(&condition.object)).cloned());
    report.unproven.extend(prepared.unproven.iter().filter(|one| wanted(&one.object)).cloned());
    report.differences.sort_by(|a, b| (&a.verdict, &a.object).cmp(&(&b.verdict, &b.object)));
    report.look_behind(schema);
    Ok(report)
}

struct Work<'w> {
    client: Client,
    caller: Caller,
    schema: &'w Schema,
    prepared: &'w Prepared,
    report: Report,
}

impl Work<'_> {
    async fn plan(&mut self, plan: &Plan) -> Result<(), Error> {
        // The database may have other policies than when the rows were made.
        let mut subject = plan.subject.clone();
        let now = self.schema.relation(&subject.relation.schema, &subject.relation.name);
        if let Some(now) = now {
            subject.relation.clone_from(now);
        }
        let has_file = self.prepared.spec.is_some();
        if has_file {
            self.publicity(&subject);
        }
        for attempt in &plan.attempts {
            let person = &self.prepared.people[attempt.person];
            let (judgement, probes) = if subject.kind == Kind::View {
                views::try_view(&self.client, &self.caller, &mut subject, person, has_file).await?
            } else {
                let seen = tries::probe(&self.caller, &plan.subject, person, attempt).await?;
                let always = |operation| always::open(self.schema, &subject, person, operation);
                let judgement = judge(&plan.subject, person, attempt, &seen, has_file, &always);
                let columns = learn::Columns::of(&plan.subject, &seen);
                let infers = !has_file || !judgement.findings.is_empty();
                let peers = if infers { self.peers(plan, attempt).await? } else { Vec::new() };
                let cells =
                    learn::cells(self.schema, &plan.subject, person, &judgement, Some(&columns), &peers, seen.probes);
                self.cells(cells);
                (judgement, seen.probes)
            };
            if subject.kind == Kind::View {
                self.cells(learn::cells(self.schema, &subject, person, &judgement, None, &[], probes));
            }
            self.report.probes += probes;
            self.differences(&subject, person, &judgement).await?;
            if person.nth == 0 {
                self.report.untried.extend(judgement.untried);
            }
        }
        Ok(())
    }

    /// What holds of the rows for everybody of his kind, and of the new rows for him.
    async fn peers(&self, plan: &Plan, attempt: &Attempt) -> Result<Vec<Vec<bool>>, Error> {
        let kind = &self.prepared.people[attempt.person].kind;
        let mut subject = plan.subject.clone();
        let mut peers: Vec<Vec<bool>> = attempt.inserts.iter().map(|insert| insert.truths.clone()).collect();
        for person in self.prepared.people.iter().filter(|person| person.kind == *kind) {
            let rows = conditions::calm_rows(&self.client, &mut subject, person, &mut Vec::new()).await?;
            peers.extend(rows.into_iter().map(|row| row.truths));
        }
        Ok(peers)
    }

    /// Several of one kind amount to one cell: the one that disagrees.
    fn cells(&mut self, cells: Vec<Cell>) {
        for cell in cells {
            let same = |known: &&mut Cell| {
                (known.kind, &known.object, &known.identity, known.operation)
                    == (cell.kind, &cell.object, &cell.identity, cell.operation)
            };
            match self.report.cells.iter_mut().rev().find(same) {
                Some(known) if known.agrees && !cell.agrees => *known = cell,
                Some(_) => {}
                None => self.report.cells.push(cell),
            }
        }
    }

    /// A public bucket is read by URL, past all policies.
    fn publicity(&mut self, subject: &Subject) {
        let Some(bucket) = subject.bucket().and_then(|id| self.schema.buckets.iter().find(|bucket| bucket.id == id))
        else {
            return;
        };
        if bucket.public == subject.spec.public {
            return;
        }
        let word = |public: bool| if public { "public = true" } else { "not public" };
        self.report.differences.push(Difference {
            verdict: if bucket.public { super::report::Verdict::Leak } else { super::report::Verdict::Refused },
            kind: Kind::Bucket,
            object: subject.name.clone(),
            identity: "anon".to_owned(),
            operation: Operation::Select,
            column: None,
            row: None,
            expected: word(subject.spec.public).to_owned(),
            seen: format!(
                "the bucket is {}",
                if bucket.public { "public: everybody reads its files by URL" } else { "not public" }
            ),
            because: vec![format!("storage.buckets.public of {:?}", bucket.id)],
            times: 1,
            behind: None,
            counterexample: None,
        });
    }

    /// Findings of one kind become one difference, with the reason and the example of the first.
    async fn differences(&mut self, subject: &Subject, person: &Person, judgement: &Judgement) -> Result<(), Error> {
        let mut kinds: BTreeMap<(Operation, Option<usize>, super::report::Verdict), (usize, &Finding)> =
            BTreeMap::new();
        for finding in &judgement.findings {
            kinds.entry((finding.operation, finding.column, finding.verdict)).or_insert((0, finding)).0 += 1;
        }
        for (times, finding) in kinds.into_values() {
            // Of several of one kind the first shows it.
            let column = finding.column.map(|at| &subject.relation.columns[at].name);
            let same = |known: &&mut Difference| {
                (&known.object, &known.identity, known.operation, known.column.as_ref(), known.verdict)
                    == (&subject.name, &person.kind, finding.operation, column, finding.verdict)
            };
            if let Some(known) = self.report.differences.iter_mut().find(same) {
                known.times += times;
                continue;
            }
            let because = evidence::because(&self.client, self.schema, subject, person, finding).await?;
            self.report.differences.push(Difference {
                verdict: finding.verdict,
                kind: subject.kind,
                object: subject.name.clone(),
                identity: person.kind.clone(),
                operation: finding.operation,
                column: finding.column.map(|at| subject.relation.columns[at].name.clone()),
                row: finding.key.as_ref().map(|key| subject.row(key)),
                expected: finding.expected.clone(),
                seen: finding.seen.clone(),
                because,
                times,
                behind: None,
                counterexample: Some(evidence::counterexample(Some(subject), person, finding)),
            });
        }
        Ok(())
    }

    async fn functions(&mut self, only: Option<&[String]>) -> Result<(), Error> {
        for person in self.prepared.people.iter().filter(|person| person.nth == 0) {
            let callable = functions::callable(&self.caller, person, &self.prepared.groups).await?;
            let roles = roles_of(self.schema, &person.role);
            for group in &self.prepared.groups {
                if only.is_some_and(|only| !only.contains(&group.name)) {
                    continue;
                }
                self.report.probes += group.overloads.len();
                let findings = self
                    .prepared
                    .spec
                    .as_ref()
                    .map_or_else(Vec::new, |spec| functions::judge(group, spec, person, &callable));
                let may = group.overloads.iter().all(|function| callable.contains(&function.oid));
                self.report.cells.push(learn::function_cell(
                    &group.name,
                    person,
                    may,
                    findings.is_empty(),
                    group.overloads.len(),
                ));
                for finding in findings {
                    // The live schema names the grants as they are now.
                    let now =
                        functions::groups(self.schema, self.prepared.spec.as_ref(), &self.prepared.options.exposed);
                    let because = now
                        .iter()
                        .find(|now| now.name == group.name)
                        .map_or_else(Vec::new, |now| functions::grants(now, &roles));
                    self.report.differences.push(Difference {
                        verdict: finding.verdict,
                        kind: Kind::Function,
                        object: group.name.clone(),
                        identity: person.kind.clone(),
                        operation: Operation::Execute,
                        column: None,
                        row: None,
                        expected: finding.expected.clone(),
                        seen: finding.seen.clone(),
                        because,
                        times: 1,
                        behind: None,
                        counterexample: Some(evidence::counterexample(None, person, &finding)),
                    });
                }
            }
        }
        Ok(())
    }
}
