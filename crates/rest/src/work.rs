//! Plans as work: which statements, on which connections, under which demands.

use catalog::{Catalog, Routine, Volatility};
use pg::exec::Lane;

use crate::config::RestConfig;
use crate::harmless;
use crate::plan::negotiate::Handler;
use crate::plan::node::{Condition, Embedded, Node};
use crate::plan::read::SOURCE;
use crate::plan::resolve::Resolver;
use crate::plan::{CallPlan, ReadPlan, WritePlan, stars};
use crate::request::ApiRequest;
use crate::request::ast::{Operation, Operator};
use crate::request::media::{MediaType, PlanOption};
use crate::request::preferences::Count;
use crate::run::{Demands, Work, Yields};
use crate::sql::call::Total;
use crate::sql::{Sql, call, direct, handler, read, write};

/// Reads up to so many rows are expected to be short.
const SHORT_ROWS: i128 = 1000;

/// The work of a read.
pub(crate) fn of_read(plan: &ReadPlan, request: &ApiRequest, catalog: &Catalog, config: &RestConfig) -> Work {
    let preferences = &request.preferences;
    let total = Total::of(preferences.counts_rows(), request.top_range, config.max_rows);
    // One more than the page, to see that it was surpassed.
    let counted_up_to = config.max_rows.filter(|_| preferences.count == Some(Count::Estimated)).map(|max| max + 1);
    let explained = is_plan(&plan.media);
    let by_row = writes_rows(plan);
    let yields = if by_row { Yields::Rows } else { Yields::Summary };
    let main = if by_row {
        let mut tree = plan.tree.clone();
        name_columns(&mut tree, catalog);
        let mut sql = Sql::default();
        read::select(&mut sql, &tree, read::For::Writer);
        sql
    } else {
        // The plan of a read is that of upstream's one statement, which counts, too.
        aggregated(plan, if explained { total } else { Total::None }, counted_up_to)
    };
    let leaves_traces = catalog.traces.of_read(&main.text);
    let count = (total == Total::All).then(|| {
        let mut sql = Sql::new("SELECT pg_catalog.count(*) FROM (");
        counted(&mut sql, plan, counted_up_to);
        sql.push(") pgrst_source_count");
        sql.into()
    });
    let planner_count = preferences.asks_planner().then(|| {
        let mut sql = Sql::new("EXPLAIN (FORMAT JSON) ");
        read::count(&mut sql, &plan.tree);
        sql.into()
    });
    let is_short = is_expected_short(plan, catalog);
    Work {
        main: explain(main, &plan.media).into(),
        yields,
        count: if explained { None } else { count },
        planner_count: if explained { None } else { planner_count },
        reads_response: catalog.writes_response && !explained,
        read_only: true,
        lane: if is_short { Lane::Short } else { Lane::Wide },
        tainted: leaves_traces,
        harmless: by_row && harmless::is_read(&plan.tree, catalog),
        demands: Demands { singular: is_singular(&plan.media), ..Demands::default() },
    }
}

/// The work of a write. `in_full`: with the statement that upstream would run, even where less would do.
pub(crate) fn of_write(plan: &WritePlan, request: &ApiRequest, catalog: &Catalog, in_full: bool) -> Work {
    let explained = is_plan(&plan.media);
    // A plan is shown of the statement that upstream would run. And what PostgreSQL says to that on relations with rules (that they
    // cannot be, within WITH) is part of the language.
    let has_rules = || catalog.table(&plan.relation).is_none_or(|table| table.has_rules);
    let direct = if in_full || explained || has_rules() { None } else { direct::statement(plan) };
    let yields = if direct.is_some() { Yields::Number } else { Yields::Summary };
    let sql = direct.unwrap_or_else(|| write::statement(plan, request.preferences.representation));
    let leaves_traces = catalog.traces.of_write(&sql.text);
    let is_put = plan.mutation == crate::request::Mutation::Replace;
    let limits = matches!(plan.mutation, crate::request::Mutation::Update | crate::request::Mutation::Delete);
    let demands = Demands {
        singular: !is_put && is_singular(&plan.media),
        put: is_put,
        max_affected: request.preferences.max_affected.filter(|_| limits && request.preferences.is_strict()),
    };
    Work {
        main: explain(sql, &plan.media).into(),
        yields,
        count: None,
        planner_count: None,
        reads_response: catalog.writes_response && !explained,
        read_only: false,
        lane: Lane::Wide,
        tainted: leaves_traces,
        harmless: yields == Yields::Number && harmless::is_insert(plan, catalog),
        demands: if explained { Demands::default() } else { demands },
    }
}

/// The work of a call.
pub(crate) fn of_call(plan: &CallPlan, request: &ApiRequest, catalog: &Catalog, config: &RestConfig) -> Work {
    let total = Total::of(request.preferences.counts_rows(), request.top_range, config.max_rows);
    let explained = is_plan(&plan.media);
    let demands = Demands {
        singular: is_singular(&plan.media),
        put: false,
        max_affected: request.preferences.max_affected.filter(|_| request.preferences.is_strict()),
    };
    let sql = call::statement(plan, total);
    let leaves_traces = leaves_traces(&plan.routine, &sql.text, catalog);
    Work {
        main: explain(sql, &plan.media).into(),
        yields: Yields::Summary,
        count: None,
        planner_count: None,
        reads_response: !explained && (catalog.writes_response || leaves_traces),
        read_only: plan.read_only,
        // What only reads can be begun anew, if it turns out to be long.
        lane: if plan.read_only && plan.routine.volatility != Volatility::Volatile { Lane::Short } else { Lane::Wide },
        tainted: leaves_traces,
        harmless: !explained && harmless::is_call(plan, catalog),
        demands: if explained { Demands::default() } else { demands },
    }
}

/// May a call do what the text of functions does not show, or leave something in the session?
fn leaves_traces(routine: &Routine, sql: &str, catalog: &Catalog) -> bool {
    routine.opaque || catalog.traces.of_write(sql)
}

fn is_plan(media: &MediaType) -> bool {
    matches!(media, MediaType::Plan { .. })
}

fn is_singular(media: &MediaType) -> bool {
    matches!(media, MediaType::Object { .. })
}

/// Our own writer makes plain JSON of plain rows; everything else is made by PostgreSQL.
fn writes_rows(plan: &ReadPlan) -> bool {
    let has_columns = !plan.tree.select.is_empty() || plan.tree.embedded.iter().any(shows_something);
    // A plan is shown of the statement that upstream would run, with its aggregate on top.
    has_columns
        && matches!(plan.handler, Handler::Json | Handler::Object { stripped: false })
        && matches!(plan.media, MediaType::Json | MediaType::Object { .. })
        && !read::is_aggregated(&plan.tree)
        && !spreads_unknown(&plan.tree)
}

fn shows_something(embedded: &Embedded) -> bool {
    match embedded {
        Embedded::Json { hidden, .. } => !hidden,
        Embedded::Spread { columns, .. } => !columns.is_empty(),
    }
}

/// A spread of `*` brings columns that are not known one by one.
fn spreads_unknown(node: &Node) -> bool {
    node.embedded.iter().any(|e| match e {
        Embedded::Spread { columns, .. } => columns.iter().any(|c| c.name == "*"),
        Embedded::Json { .. } => false,
    })
}

/// Puts columns in the place of `*` where the text of some of them is not enough.
fn name_columns(tree: &mut Node, catalog: &Catalog) {
    let resolver = Resolver::new(catalog, &tree.from);
    let select = std::mem::take(&mut tree.select);
    for item in select {
        let is_star = item.column.is_star() && item.aggregate.is_none();
        match is_star.then(|| stars::explicit_columns(resolver, &item)).flatten() {
            Some(columns) => tree.select.extend(columns),
            None => tree.select.push(item),
        }
    }
}

/// All rows as one body; one row of (total, rows, body).
fn aggregated(plan: &ReadPlan, total: Total, counted_up_to: Option<u64>) -> Sql {
    let mut sql = Sql::new("WITH ");
    sql.push(SOURCE).push(" AS (");
    read::select(&mut sql, &plan.tree, read::For::Rows);
    sql.push(")");
    if total == Total::All {
        sql.push(", pgrst_source_count AS (");
        counted(&mut sql, plan, counted_up_to);
        sql.push(")");
    }
    sql.push(" SELECT ").push(total.sql("pg_catalog.count(_postgrest_t)")).push(", pg_catalog.count(_postgrest_t), ");
    handler::body(&mut sql, &plan.handler, None);
    sql.push(" FROM (SELECT * FROM ").push(SOURCE).push(") _postgrest_t");
    sql
}

/// The rows to be counted.
fn counted(sql: &mut Sql, plan: &ReadPlan, up_to: Option<u64>) {
    read::count(sql, &plan.tree);
    if let Some(most) = up_to {
        sql.push(" LIMIT ").param(&most.to_string());
    }
}

/// The statement, or the request to explain it.
fn explain(statement: Sql, media: &MediaType) -> Sql {
    let MediaType::Plan { json, options, .. } = media else { return statement };
    let mut text = format!("EXPLAIN (FORMAT {}", if *json { "JSON" } else { "TEXT" });
    for option in options {
        text.push_str(", ");
        text.push_str(&PlanOption::name(*option).to_ascii_uppercase());
    }
    text.push_str(") ");
    text.push_str(&statement.text);
    Sql { text, params: statement.params }
}

/// Few rows by a limit, or one by a key.
fn is_expected_short(plan: &ReadPlan, catalog: &Catalog) -> bool {
    if plan.tree.range.limit().is_some_and(|limit| limit <= SHORT_ROWS) {
        return true;
    }
    let equal: Vec<&str> = plan.tree.filters.iter().filter_map(equal_column).collect();
    let identifies = |key: &Vec<String>| !key.is_empty() && key.iter().all(|c| equal.contains(&c.as_str()));
    catalog
        .table(&plan.relation)
        .is_some_and(|table| identifies(&table.primary_key) || table.unique_keys.iter().any(identifies))
}

fn equal_column(condition: &Condition) -> Option<&str> {
    match condition {
        Condition::Filter {
            column,
            negated: false,
            operation: Operation::Binary { operator: Operator::Equal, quantifier: None, .. },
        } if column.path.is_empty() => Some(&column.name),
        _ => None,
    }
}
