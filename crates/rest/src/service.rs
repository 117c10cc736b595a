//! The service: one request from bytes to bytes.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::body::Body;
use bytes::Bytes;
use catalog::Catalog;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CONTENT_LENGTH, HeaderMap, HeaderName, VARY, WARNING};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use pg::exec::{Access, Batch, End, Executor, Isolation, Lane, Step};

use crate::config::{POSTGREST_VERSION, RestConfig};
use crate::context::{Context, settings};
use crate::error::Error;
use crate::jwt::{Authenticator, Caller};
use crate::plan::{self, Plan, Schema, node};
use crate::request::ast::Value;
use crate::request::preferences::Transaction;
use crate::request::{self, ApiRequest, Parts};
use crate::response::{self, Answer};
use crate::run::{self, Circumstances, Work, Yields};
use crate::shapes::{self, Shape, Shapes};
use crate::timing::Timing;
use crate::{cors, openapi, work};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// PostgREST's language for one database.
pub struct Rest {
    state: ArcSwap<State>,
    executor: Executor,
}

/// What a request sees from its beginning to its end, whatever is reloaded meanwhile.
#[derive(Clone)]
struct State {
    config: Arc<RestConfig>,
    authenticator: Arc<Authenticator>,
    schema: Option<Arc<Schema>>,
    /// What was planned under this configuration and schema.
    shapes: Arc<Shapes>,
}

impl Rest {
    /// A service without a catalog: it answers 503 until one is set or [`Rest::reload`] has succeeded.
    pub fn new(config: RestConfig, executor: Executor, authenticator: Arc<Authenticator>) -> Self {
        let state = State { config: Arc::new(config), authenticator, schema: None, shapes: Arc::default() };
        Self { state: ArcSwap::from_pointee(state), executor }
    }

    /// Reads the schema anew and says what was found. Requests under way keep the old one; if this fails, so do those to come.
    ///
    /// # Errors
    /// What PostgreSQL said, or an answer that cannot be read.
    pub async fn reload(&self) -> Result<String, Error> {
        let options = {
            let state = self.state.load();
            catalog::Options {
                schemas: state.config.schemas.clone(),
                extra_search_path: state.config.extra_search_path.clone(),
            }
        };
        let catalog = load(&self.executor, &options).await?;
        let summary = catalog.summary();
        self.executor.invalidate();
        self.use_catalog(Arc::new(catalog));
        Ok(summary)
    }

    /// Takes a catalog for the requests to come.
    pub fn use_catalog(&self, catalog: Arc<Catalog>) {
        let schema = Arc::new(Schema::new(catalog));
        self.state.rcu(|old| State { schema: Some(Arc::clone(&schema)), shapes: Arc::default(), ..State::clone(old) });
    }

    /// Takes another configuration for the requests to come; reload the schema if what is exposed changed.
    pub fn reconfigure(&self, config: RestConfig, authenticator: &Arc<Authenticator>) {
        let config = Arc::new(config);
        self.state.rcu(|old| State {
            config: Arc::clone(&config),
            authenticator: Arc::clone(authenticator),
            schema: old.schema.clone(),
            shapes: Arc::default(),
        });
    }

    /// Has a schema been read?
    pub fn is_ready(&self) -> bool {
        self.state.load().schema.is_some()
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<RestConfig> {
        Arc::clone(&self.state.load().config)
    }

    /// Answers a request whose path has lost our prefix.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let state = self.state.load_full();
        let (head, body) = request.into_parts();
        let config = &state.config;
        let mut response = match cors::preflight(&head.method, &head.headers, config) {
            Some(answer) => to_http(answer),
            None => {
                let mut timing = Timing::start(config.server_timing_enabled);
                let mut answer = match self.walk(&state, &head, body, &mut timing).await {
                    Ok(answer) => to_http(answer),
                    Err(error) => error_to_http(&error, &head.method, config),
                };
                if let Some(statement) = timing.statement {
                    answer.extensions_mut().insert(Statement(statement));
                }
                with_headers(answer, cors::simple(&head.method, &head.headers, config))
            }
        };
        if let Some(name) = &config.server_trace_header {
            let value = head.headers.get(name.as_str()).cloned().unwrap_or_else(|| HeaderValue::from_static(""));
            if let Ok(name) = HeaderName::try_from(name.as_str()) {
                response.headers_mut().insert(name, value);
            }
        }
        // SQL may choose a status whose answers end with their head: a length or a body would be taken for the next answer's.
        if matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            response.headers_mut().remove(CONTENT_LENGTH);
            *response.body_mut() = Full::default();
        }
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert("retry-after", HeaderValue::from_static("1"));
        }
        if let Ok(server) = HeaderValue::from_str(&config.server_header) {
            response.headers_mut().insert("server", server);
        }
        response
    }

    /// The whole walk: who → what → plan → statements → answer.
    async fn walk<B>(
        &self,
        state: &State,
        head: &http::request::Parts,
        body: B,
        timing: &mut Timing,
    ) -> Result<Answer, Error>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let config = &state.config;
        let authorization = head.headers.get("authorization").map(HeaderValue::as_bytes);
        let caller = state.authenticator.authenticate(authorization)?;
        timing.done("jwt");
        let schema = state.schema.as_ref().ok_or(Error::NoCatalog)?;
        let body = read_body(body, config.max_body_bytes).await?;
        let parts = Parts {
            method: &head.method,
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default().as_bytes(),
            headers: &head.headers,
        };
        let key = shapes::key(&parts);
        if let Some(known) = key.as_ref().and_then(|key| state.shapes.find(key)) {
            timing.done("parse");
            timing.done("plan");
            let values = key.map(|key| key.values).unwrap_or_default();
            let once = Once { rest: self, config, schema, caller: &caller, parts: &parts, request: &known.request };
            let answer = once.read(&known.plan, &known.work, &values, timing).await?;
            return Ok(finished(answer, known.warning.clone(), timing, config));
        }
        let slots = key.as_ref().map_or(&[][..], |key| &key.slots);
        let request = request::parse(&parts, &body, config, slots)?;
        timing.done("parse");
        let plan = plan::plan(&request, schema, config)?;
        timing.done("plan");
        let warning = legacy_warning(&plan, config);
        if let (Plan::Read(plan), Some(key)) = (&plan, &key) {
            let work = work::of_read(plan, &request, &schema.catalog, config);
            let shape = Shape { request, plan: plan.clone(), work, warning };
            let shape = Arc::new(shape);
            state.shapes.remember(key, Arc::clone(&shape));
            let once = Once { rest: self, config, schema, caller: &caller, parts: &parts, request: &shape.request };
            let answer = once.read(&shape.plan, &shape.work, &key.values, timing).await?;
            return Ok(finished(answer, shape.warning.clone(), timing, config));
        }
        // What is no read after all must have its values in it.
        let (request, plan) = if slots.is_empty() {
            (request, plan)
        } else {
            let request = request::parse(&parts, &body, config, &[])?;
            let plan = plan::plan(&request, schema, config)?;
            (request, plan)
        };
        let once = Once { rest: self, config, schema, caller: &caller, parts: &parts, request: &request };
        let answer = once.answer(&plan, timing).await?;
        Ok(finished(answer, warning, timing, config))
    }
}

/// Headers of every answer.
fn finished(mut answer: Answer, warning: Option<String>, timing: &mut Timing, config: &RestConfig) -> Answer {
    timing.done("response");
    if config.server_timing_enabled {
        answer = answer.header(SERVER_TIMING, timing.header());
    }
    if let Some(warning) = warning {
        answer = answer.header(WARNING, warning);
    }
    if !answer.headers.contains_key(VARY) {
        answer.headers.insert(VARY, HeaderValue::from_static("Accept, Prefer, Range"));
    }
    answer
}

/// A planned request on its way through the database.
struct Once<'a> {
    rest: &'a Rest,
    config: &'a RestConfig,
    schema: &'a Schema,
    caller: &'a Caller,
    parts: &'a Parts<'a>,
    request: &'a ApiRequest,
}

impl Once<'_> {
    async fn answer(&self, plan: &Plan, timing: &mut Timing) -> Result<Answer, Error> {
        let Self { config, request, .. } = *self;
        let catalog = &self.schema.catalog;
        match plan {
            Plan::Read(read) => {
                let work = work::of_read(read, request, catalog, config);
                self.read(read, &work, &[], timing).await
            }
            Plan::Write(write) => {
                let mut work = work::of_write(write, request, catalog, false);
                let mut outcome = self.run(&work, None, &[], timing).await;
                if work.yields == Yields::Number && outcome.as_ref().is_err_and(Error::is_of_parameter) {
                    // PostgreSQL reads parameters before it asks who may write, and JSON after that: who may not shall hear so.
                    work = work::of_write(write, request, catalog, true);
                    outcome = self.run(&work, None, &[], timing).await;
                }
                response::of_write(write, request, &outcome?, work.yields)
            }
            Plan::Call(call) => {
                let work = work::of_call(call, request, catalog, config);
                let outcome = self.run(&work, Some(&call.routine), &[], timing).await?;
                response::of_call(call, request, &outcome, config)
            }
            Plan::Describe { headers_only } => self.describe(*headers_only, timing).await,
            Plan::RelationInfo(relation) => {
                timing.done("transaction");
                let table = catalog.table(relation).ok_or_else(|| plan::function::unknown_table(catalog, relation))?;
                Ok(info(&allowed_on(table)))
            }
            Plan::FunctionInfo { volatile } => {
                timing.done("transaction");
                Ok(info(if *volatile { "OPTIONS,POST" } else { "OPTIONS,GET,HEAD,POST" }))
            }
            Plan::SchemaInfo => {
                timing.done("transaction");
                Ok(info("OPTIONS,GET,HEAD"))
            }
        }
    }

    /// A read, whose plan may be older than the request.
    async fn read(
        &self,
        plan: &plan::ReadPlan,
        work: &Work,
        values: &[Value],
        timing: &mut Timing,
    ) -> Result<Answer, Error> {
        let outcome = self.run(work, None, values, timing).await?;
        let canonical = request::query::canonical(self.parts.query);
        response::of_read(plan, self.request, &outcome, work.yields, &canonical, self.config).await
    }

    async fn run(
        &self,
        work: &Work,
        routine: Option<&catalog::Routine>,
        values: &[Value],
        timing: &mut Timing,
    ) -> Result<run::Outcome, Error> {
        let circumstances = Circumstances {
            settings: self.settings(routine, work.tainted),
            values,
            isolation: self.isolation(routine, work.read_only),
            rolls_back: self.rolls_back(),
        };
        timing.statement = self.config.log_query.then(|| work.main.text());
        let outcome = run::run(&self.rest.executor, work, self.config, circumstances).await;
        timing.done("transaction");
        outcome.map_err(|error| error.into_error(self.is_somebody()))
    }

    /// `obscure`: the work may look at more than the text of functions shows.
    fn settings(&self, routine: Option<&catalog::Routine>, obscure: bool) -> crate::context::Settings {
        settings(&Context {
            config: self.config,
            catalog: &self.schema.catalog,
            caller: self.caller,
            parts: self.parts,
            schema: &self.request.schema,
            timezone: self.request.preferences.timezone.as_deref(),
            routine,
            full: self.config.pre_request.is_some()
                || self.schema.catalog.reads_request
                || (obscure && routine.is_some()),
        })
    }

    /// Of the function, else of the role. What is set for the login role counts for nothing, as in PostgREST, which names the level in
    /// every `BEGIN`; none is needed where it is the server's own.
    fn isolation(&self, routine: Option<&catalog::Routine>, read_only: bool) -> Option<Isolation> {
        let catalog = &self.schema.catalog;
        let is_other = catalog.other_isolation || (catalog.begins_read_only && !read_only);
        self.named_isolation(routine).or(is_other.then_some(Isolation::ReadCommitted))
    }

    fn named_isolation(&self, routine: Option<&catalog::Routine>) -> Option<Isolation> {
        let role = String::from_utf8_lossy(&self.caller.role);
        let roles = self.config.role_settings.then_some(&self.schema.catalog.roles);
        let of_role = || roles?.get(role.as_ref()).and_then(|r| r.isolation.as_deref());
        let level = routine.and_then(|r| r.isolation.as_deref()).or_else(of_role)?;
        Some(match level.trim_matches('"') {
            "serializable" => Isolation::Serializable,
            "repeatable read" => Isolation::RepeatableRead,
            _ => Isolation::ReadCommitted,
        })
    }

    /// Has the caller another role than those without a token? Then what he may not do is forbidden, not unauthorized.
    fn is_somebody(&self) -> bool {
        self.config.anon_role.as_ref().is_none_or(|anon| anon.as_bytes() != self.caller.role.as_ref())
    }

    fn rolls_back(&self) -> bool {
        match self.request.preferences.transaction {
            Some(Transaction::Rollback) => true,
            Some(Transaction::Commit) => false,
            None => self.config.tx_end.rolls_back(),
        }
    }

    /// The root document.
    async fn describe(&self, headers_only: bool, timing: &mut Timing) -> Result<Answer, Error> {
        let schema = &self.request.schema;
        let mut steps: Vec<Step> = Vec::new();
        if let Some(function) = &self.config.pre_request {
            steps.push(Step::new(format!("select {}()", function.sql()), Vec::new()));
        }
        let first = steps.len();
        steps.extend(openapi::questions(schema));
        let batch = Batch {
            settings: self.settings(None, false),
            access: Access::ReadOnly,
            isolation: self.isolation(None, true),
            steps,
            end: End::Commit,
            lane: Lane::Wide,
            prepared: self.config.prepared_statements,
            tainted: self.config.pre_request.is_some(),
            harmless: false,
        };
        let results = self.rest.executor.run(batch).await;
        timing.done("transaction");
        let results = results.map_err(|error| Error::Database { error, authenticated: self.is_somebody() })?;
        let answers: Vec<Option<String>> = results.iter().skip(first).map(|r| run::text(r, 0)).collect();
        let body = openapi::document(&self.schema.catalog, self.config, schema, &answers)?;
        let answer = Answer::new(StatusCode::OK).content_type(&request::media::MediaType::OpenApi, self.request);
        Ok(if headers_only { answer.without_length() } else { answer.body(body) })
    }
}

/// Reads the catalog through the executor.
async fn load(executor: &Executor, options: &catalog::Options) -> Result<Catalog, Error> {
    let queries = catalog::queries(options);
    let count = queries.len();
    let steps = queries
        .into_iter()
        .map(|query| Step::new(query.sql, query.params.into_iter().map(|p| Some(p.into())).collect()))
        .collect();
    let batch = Batch {
        settings: vec![("search_path".into(), Bytes::new())],
        access: Access::ReadOnly,
        isolation: Some(Isolation::RepeatableRead),
        steps,
        end: End::Commit,
        lane: Lane::Wide,
        prepared: false,
        tainted: false,
        harmless: false,
    };
    let results = executor.run(batch).await.map_err(|error| Error::Database { error, authenticated: true })?;
    let answers: Vec<String> = results.iter().take(count).filter_map(|r| run::text(r, 0)).collect();
    catalog::assemble(options, &answers).map_err(|e| Error::Internal(e.to_string()))
}

async fn read_body<B>(body: B, limit: usize) -> Result<Bytes, Error>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    match Box::pin(Limited::new(body, limit).collect()).await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if is_too_long(error.as_ref()) => Err(Error::BodyTooLarge),
        Err(error) if service::TooSlow::is_reason(error.as_ref()) => Err(Error::BodyTooSlow),
        Err(_) => Err(Error::InvalidBody("The body could not be read".to_owned())),
    }
}

/// The listener's own limit comes wrapped.
fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<http_body_util::LengthLimitError>() || error.source().is_some_and(is_too_long)
}

fn info(allow: &str) -> Answer {
    Answer::new(StatusCode::OK).header(ACCESS_CONTROL_ALLOW_ORIGIN, "*").header(ALLOW, allow.to_owned())
}

fn allowed_on(table: &catalog::Table) -> String {
    let mut methods = vec!["OPTIONS", "GET", "HEAD"];
    if table.insertable {
        methods.push("POST");
    }
    if table.insertable && table.updatable && !table.primary_key.is_empty() {
        methods.push("PUT");
    }
    if table.updatable {
        methods.push("PATCH");
    }
    if table.deletable {
        methods.push("DELETE");
    }
    methods.join(",")
}

/// A filter named an embed by its relation although it has an alias: this will stop to work.
fn legacy_warning(plan: &Plan, config: &RestConfig) -> Option<String> {
    if !config.legacy_target_names {
        return None;
    }
    let tree = match plan {
        Plan::Read(plan) => &plan.tree,
        Plan::Write(plan) => &plan.tree,
        Plan::Call(plan) => &plan.tree,
        _ => return None,
    };
    let mut renames = Vec::new();
    node::walk(tree, &mut |node| {
        if let (true, Some(alias)) = (node.legacy_name_used, &node.given_alias) {
            renames.push(format!("`{}` to `{alias}`", node.name));
        }
    });
    (!renames.is_empty()).then(|| {
        format!(
            "299 PostgRESTv{POSTGREST_VERSION} \"Embedded resource was referenced by relation name even though it has an \
             alias. This is deprecated and will stop working in a future release. Update {} in query string filters, \
             orders or limits.\"",
            renames.join(", ")
        )
    })
}

fn with_headers(mut response: Response<Full<Bytes>>, headers: HeaderMap) -> Response<Full<Bytes>> {
    response.headers_mut().extend(headers);
    response
}

fn to_http(answer: Answer) -> Response<Full<Bytes>> {
    let length = answer.with_length.then_some(answer.body.len());
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

/// Headers of the answer; one that HTTP cannot carry is left out.
fn add_headers(response: &mut Response<Full<Bytes>>, headers: Vec<(String, String)>) {
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_bytes(value.as_bytes()))
        {
            response.headers_mut().append(name, value);
        }
    }
}

fn error_to_http(error: &Error, method: &Method, config: &RestConfig) -> Response<Full<Bytes>> {
    if let Error::Internal(why) = error {
        tracing::error!(target: "rest", why, "a request failed by our own fault");
    }
    if let Error::Database { error: pg::Error::Unexpected(why), .. } = error {
        tracing::error!(target: "rest", why, "PostgreSQL answered in an unexpected way");
    }
    let shown = error.shown();
    let body = shown.body(config.minimal_errors);
    let length = body.len();
    let body = if method == Method::HEAD { Bytes::new() } else { body.into() };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = shown.status;
    if let Some(reason) = shown.reason {
        response.extensions_mut().insert(Reason(reason));
    }
    let mut headers = vec![
        ("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned()),
        ("Content-Length".to_owned(), length.to_string()),
        ("Proxy-Status".to_owned(), format!("PostgREST; error={}", shown.code)),
    ];
    headers.extend(shown.headers);
    add_headers(&mut response, headers);
    response
}

/// The main statement of a request, where `log-query` asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Statement(pub(crate) Arc<str>);

/// Words for the status line, where SQL gave some (`RAISE SQLSTATE 'PT402'`); a server may show them.
#[derive(Debug, Clone)]
pub struct Reason(pub String);

impl service::Service for Rest {
    fn name(&self) -> &'static str {
        "rest"
    }

    fn call(self: Arc<Self>, request: Request<Body>) -> service::Answer {
        Box::pin(async move { self.answer(request).await.map(Body::new) })
    }
}

impl crate::server::Application for Rest {
    fn configure(&self, config: &crate::server::Config, authenticator: Arc<Authenticator>) {
        self.reconfigure(config.rest(), &authenticator);
    }

    fn set_catalog(&self, catalog: Arc<Catalog>) {
        self.use_catalog(catalog);
    }

    async fn answer(&self, request: Request<service::Paced<hyper::body::Incoming>>) -> Response<Full<Bytes>> {
        Self::answer(self, request).await
    }
}
