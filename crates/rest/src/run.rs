//! A plan as one transaction: its steps, how it ends, and what came of it. Here is the only wait of a request.

use std::sync::Arc;

use bytes::Bytes;
use pg::exec::{Access, Batch, End, Executor, Isolation, Lane, Step, StepResult, Verdict};

use crate::config::RestConfig;
use crate::context::Settings;
use crate::error::Error;
use crate::request::ast::Value;
use crate::sql::{Param, Sql};

/// A statement whose text and fixed parameters are ready.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    sql: Arc<str>,
    params: Vec<ReadyParam>,
}

#[derive(Debug, Clone)]
enum ReadyParam {
    Fixed(Option<Bytes>),
    Slot { number: u16, pattern: bool },
}

impl From<Sql> for Ready {
    fn from(sql: Sql) -> Self {
        let params = sql
            .params
            .into_iter()
            .map(|param| match param {
                Param::Given(value) => ReadyParam::Fixed(value),
                Param::Slot { number, pattern } => ReadyParam::Slot { number, pattern },
            })
            .collect();
        Self { sql: sql.text.into(), params }
    }
}

impl Ready {
    /// Its text.
    pub(crate) fn text(&self) -> Arc<str> {
        Arc::clone(&self.sql)
    }

    /// The step with the values of this request.
    fn step(&self, values: &[Value]) -> Step {
        let params = self
            .params
            .iter()
            .map(|param| match param {
                ReadyParam::Fixed(value) => value.clone(),
                ReadyParam::Slot { number, pattern } => {
                    let text = values.get(usize::from(*number)).map_or("", |v| crate::sql::until_nul(&v.text));
                    Some(if *pattern { text.replace('*', "%").into() } else { Bytes::copy_from_slice(text.as_bytes()) })
                }
            })
            .collect();
        Step { sql: Arc::clone(&self.sql), params }
    }
}

/// What a transaction must come to, or be rolled back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Demands {
    /// Exactly one row: a single object was asked for.
    pub(crate) singular: bool,
    /// Exactly one row: PUT.
    pub(crate) put: bool,
    /// At most so many rows.
    pub(crate) max_affected: Option<i64>,
}

impl Demands {
    fn are_any(self) -> bool {
        self != Self::default()
    }

    /// What is violated by this number of rows.
    fn violation(self, rows: u64) -> Option<Error> {
        if self.put && rows != 1 {
            return Some(Error::PutKeyMismatch);
        }
        if self.singular && rows != 1 {
            return Some(Error::NotSingular(rows));
        }
        match self.max_affected {
            Some(most) if i64::try_from(rows).is_ok_and(|rows| rows > most) => Some(Error::MaxAffected(rows)),
            _ => None,
        }
    }
}

/// What the main statement gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Yields {
    /// The rows of the answer.
    Rows,
    /// One row that sums them up, with their number in its second column.
    Summary,
    /// Only how many were written.
    Number,
}

/// The statements of a plan, independent of who asks and with which values.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) main: Ready,
    pub(crate) yields: Yields,
    pub(crate) count: Option<Ready>,
    pub(crate) planner_count: Option<Ready>,
    pub(crate) reads_response: bool,
    pub(crate) read_only: bool,
    pub(crate) lane: Lane,
    /// User code may leave state in the session.
    pub(crate) tainted: bool,
    /// No code is run that might change the session: see [`crate::harmless`].
    pub(crate) harmless: bool,
    pub(crate) demands: Demands,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) main: StepResult,
    pub(crate) count: Option<i64>,
    pub(crate) planner_count: Option<i64>,
    pub(crate) response_headers: Option<Bytes>,
    pub(crate) response_status: Option<String>,
}

/// How this request's transaction differs from others of the same work.
#[derive(Debug)]
pub(crate) struct Circumstances<'a> {
    pub(crate) settings: Settings,
    pub(crate) values: &'a [Value],
    pub(crate) isolation: Option<Isolation>,
    pub(crate) rolls_back: bool,
}

const RESPONSE: &str = "select nullif(current_setting('response.headers', true), ''), \
     nullif(current_setting('response.status', true), '')";

/// Runs the work.
pub(crate) async fn run(
    executor: &Executor,
    work: &Work,
    config: &RestConfig,
    circumstances: Circumstances<'_>,
) -> Result<Outcome, RunError> {
    let Circumstances { settings, values, isolation, rolls_back } = circumstances;
    let mut steps = Vec::with_capacity(5);
    if let Some(function) = &config.pre_request {
        steps.push(Step::new(format!("select {}()", function.sql()), Vec::new()));
    }
    let main = steps.len();
    steps.push(work.main.step(values));
    let mut further = |ready: &Option<Ready>| {
        ready.as_ref().map(|ready| {
            steps.push(ready.step(values));
            steps.len() - 1
        })
    };
    let (count, planner_count) = (further(&work.count), further(&work.planner_count));
    let response = work.reads_response.then(|| {
        steps.push(Step::new(RESPONSE, Vec::new()));
        steps.len() - 1
    });
    let (yields, demands) = (work.yields, work.demands);
    let batch = Batch {
        settings,
        access: if work.read_only { Access::ReadOnly } else { Access::ReadWrite },
        isolation,
        steps,
        end: match (demands.are_any(), rolls_back) {
            (false, false) => End::Commit,
            (false, true) => End::Rollback,
            (true, _) => End::Judge(Box::new(move |results| {
                let rows = results.get(main).map_or(0, |result| rows_of(result, yields));
                match (demands.violation(rows), rolls_back) {
                    (Some(_), _) => Verdict::Rollback,
                    (None, true) => Verdict::DryRun,
                    (None, false) => Verdict::Commit,
                }
            })),
        },
        lane: work.lane,
        prepared: config.prepared_statements,
        tainted: work.tainted || config.pre_request.is_some(),
        harmless: work.harmless && config.pre_request.is_none(),
    };
    let results = executor.run(batch).await.map_err(RunError::Database)?;
    let result = |index: usize| results.get(index).cloned().ok_or(RunError::Answers);
    let main = result(main)?;
    if let Some(error) = demands.violation(rows_of(&main, yields)) {
        return Err(RunError::Refused(error));
    }
    let number = |index: Option<usize>| -> Result<Option<i64>, RunError> {
        Ok(index.map(&result).transpose()?.and_then(|r| text(&r, 0)?.parse().ok()))
    };
    let planned = planner_count.map(&result).transpose()?.and_then(|r| planned_rows(&text(&r, 0)?));
    let response = response.map(&result).transpose()?;
    Ok(Outcome {
        count: number(count)?,
        planner_count: planned,
        response_headers: response.as_ref().and_then(|r| r.rows.value(0)).map(Bytes::copy_from_slice),
        response_status: response.as_ref().and_then(|r| text(r, 1)),
        main,
    })
}

/// Why there is no outcome.
#[derive(Debug)]
pub(crate) enum RunError {
    Database(pg::Error),
    Refused(Error),
    /// The executor returned fewer results than steps.
    Answers,
}

impl RunError {
    /// As a client sees it.
    pub(crate) fn into_error(self, authenticated: bool) -> Error {
        match self {
            Self::Database(error) => Error::Database { error, authenticated },
            Self::Refused(error) => error,
            Self::Answers => Error::Internal("the executor returned fewer results than steps".to_owned()),
        }
    }
}

/// Where a statement of one row has the number of rows.
const ROWS_COLUMN: usize = 1;

/// How many rows the answer has.
pub(crate) fn rows_of(result: &StepResult, yields: Yields) -> u64 {
    match yields {
        Yields::Rows => result.rows.len() as u64,
        Yields::Summary => text(result, ROWS_COLUMN).and_then(|n| n.parse().ok()).unwrap_or(0),
        Yields::Number => result.affected,
    }
}

/// A field of a result of one row.
pub(crate) fn text(result: &StepResult, column: usize) -> Option<String> {
    result.rows.value(column).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn planned_rows(explained: &str) -> Option<i64> {
    let plan: serde_json::Value = serde_json::from_str(explained).ok()?;
    plan.get(0)?.get("Plan")?.get("Plan Rows")?.as_i64()
}
