//! A request against the catalog: what exactly will be read, written or called.

mod aggregates;
pub(crate) mod function;
pub(crate) mod negotiate;
pub(crate) mod node;
pub(crate) mod read;
mod relate;
pub(crate) mod resolve;
pub(crate) mod stars;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{Catalog, QualifiedName, Routine, Volatility};

use crate::config::RestConfig;
use crate::error::Error;
use crate::request::ast::{Operation, Operator};
use crate::request::media::MediaType;
use crate::request::preferences::{Missing, Representation, Resolution};
use crate::request::{Action, ApiRequest, CallMethod, Mutation, Payload};
use negotiate::{Chosen, Handler, Handlers};
use node::{Column, Condition, Node};
use read::Kind;
use resolve::Resolver;

/// The catalog and what was made of it for planning.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) handlers: Handlers,
}

impl Schema {
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        Self { handlers: Handlers::new(&catalog), catalog }
    }
}

/// What to do, resolved.
#[derive(Debug)]
pub(crate) enum Plan {
    Read(ReadPlan),
    Write(WritePlan),
    Call(CallPlan),
    Describe { headers_only: bool },
    RelationInfo(QualifiedName),
    FunctionInfo { volatile: bool },
    SchemaInfo,
}

/// Rows of a relation.
#[derive(Debug, Clone)]
pub(crate) struct ReadPlan {
    pub(crate) tree: Node,
    pub(crate) relation: QualifiedName,
    pub(crate) handler: Handler,
    pub(crate) media: MediaType,
    pub(crate) headers_only: bool,
}

/// Rows written, and what is returned of them.
#[derive(Debug, Clone)]
pub(crate) struct WritePlan {
    pub(crate) tree: Node,
    pub(crate) relation: QualifiedName,
    pub(crate) mutation: Mutation,
    /// What the body gives values to.
    pub(crate) columns: Vec<Column>,
    pub(crate) body: Bytes,
    pub(crate) filters: Vec<Condition>,
    pub(crate) returning: Vec<String>,
    pub(crate) primary_key: Vec<String>,
    pub(crate) on_conflict: Option<(Resolution, Vec<String>)>,
    pub(crate) with_defaults: bool,
    pub(crate) handler: Handler,
    pub(crate) media: MediaType,
}

/// A function called.
#[derive(Debug, Clone)]
pub(crate) struct CallPlan {
    pub(crate) tree: Node,
    pub(crate) routine: Routine,
    pub(crate) method: CallMethod,
    pub(crate) arguments: Arguments,
    /// What of the rows is needed.
    pub(crate) returning: Vec<String>,
    pub(crate) filter_columns: Vec<String>,
    pub(crate) read_only: bool,
    pub(crate) handler: Handler,
    pub(crate) media: MediaType,
}

/// Where a function's arguments come from.
#[derive(Debug, Clone)]
pub(crate) enum Arguments {
    /// `a=1&b=2`
    Named(Vec<(String, String)>),
    /// A JSON object's values, for these parameters.
    Object(Bytes, Vec<String>),
    /// The body, whole, with its type.
    Body(Bytes, String),
    /// None.
    Nothing,
}

/// Plans a request.
pub(crate) fn plan(request: &ApiRequest, schema: &Schema, config: &RestConfig) -> Result<Plan, Error> {
    match &request.action {
        Action::Read { relation, headers_only } => {
            plan_read(request, relation, *headers_only, schema, config).map(Plan::Read)
        }
        Action::Write { relation, mutation } => {
            plan_write(request, relation, *mutation, schema, config).map(Plan::Write)
        }
        Action::Call { function, method } => plan_call(request, function, *method, schema, config).map(Plan::Call),
        Action::Describe { headers_only } => {
            let known = [MediaType::OpenApi, MediaType::Json, MediaType::Any];
            if request.accept.iter().any(|m| known.contains(m)) {
                Ok(Plan::Describe { headers_only: *headers_only })
            } else {
                Err(Error::UnacceptableMedia(request.accept.iter().map(MediaType::text).collect()))
            }
        }
        Action::RelationInfo(relation) => Ok(Plan::RelationInfo(relation.clone())),
        Action::FunctionInfo(function) => {
            let plan = plan_call(request, function, CallMethod::Head, schema, config)?;
            Ok(Plan::FunctionInfo { volatile: plan.routine.volatility == Volatility::Volatile })
        }
        Action::SchemaInfo => Ok(Plan::SchemaInfo),
    }
}

fn plan_read(
    request: &ApiRequest,
    relation: &QualifiedName,
    headers_only: bool,
    schema: &Schema,
    config: &RestConfig,
) -> Result<ReadPlan, Error> {
    known_table(relation, schema)?;
    let tree = read::tree(relation, Kind::Read, &request.query, request.top_range, &schema.catalog, config)?;
    let (handler, media) = choose(request, relation, &tree, schema, config)?;
    refuse_invalid_preferences(request)?;
    let handler = if headers_only { Handler::None } else { handler };
    Ok(ReadPlan { tree, relation: relation.clone(), handler, media, headers_only })
}

fn plan_write(
    request: &ApiRequest,
    relation: &QualifiedName,
    mutation: Mutation,
    schema: &Schema,
    config: &RestConfig,
) -> Result<WritePlan, Error> {
    let table = known_table(relation, schema)?;
    let tree = read::tree(relation, Kind::Write, &request.query, request.top_range, &schema.catalog, config)?;
    let resolver = Resolver::new(&schema.catalog, relation);
    let primary_key = table.primary_key.clone();
    if mutation == Mutation::Replace && !identifies_by_key(request, &primary_key) {
        return Err(Error::InvalidPutFilters);
    }
    let columns = match mutation {
        Mutation::Delete => Vec::new(),
        _ => written_columns(request, resolver, &table.name)?,
    };
    refuse_invalid_preferences(request)?;
    let representation = request.preferences.representation;
    let returning = match representation {
        None | Some(Representation::None) => Vec::new(),
        Some(_) => read::needed_columns(&tree, &primary_key),
    };
    let (handler, media) = choose(request, relation, &tree, schema, config)?;
    let conflict_columns = request.query.on_conflict.clone().unwrap_or_else(|| primary_key.clone());
    let on_conflict = match mutation {
        Mutation::Insert => request.preferences.resolution.map(|r| (r, conflict_columns)),
        Mutation::Replace => Some((Resolution::Merge, primary_key.clone())),
        Mutation::Update | Mutation::Delete => None,
    };
    let filters = match mutation {
        Mutation::Insert => Vec::new(),
        _ => root_conditions(request, resolver),
    };
    Ok(WritePlan {
        tree,
        relation: relation.clone(),
        mutation,
        columns,
        body: match &request.payload {
            Some(Payload::Json(body)) => body.clone(),
            _ => Bytes::new(),
        },
        filters,
        returning,
        primary_key,
        on_conflict,
        with_defaults: mutation != Mutation::Replace && request.preferences.missing == Some(Missing::Defaults),
        handler: if representation == Some(Representation::Full) { handler } else { Handler::None },
        media,
    })
}

/// PUT says which row by `eq` on every column of the key, and by nothing else.
fn identifies_by_key(request: &ApiRequest, primary_key: &[String]) -> bool {
    let keys: BTreeSet<String> = primary_key.iter().cloned().collect();
    request.query.logic.is_empty()
        && !keys.is_empty()
        && request.query.filter_keys == keys
        && request.query.filters.iter().filter(|(path, _)| path.is_empty()).all(|(_, filter)| {
            !filter.negated
                && matches!(filter.operation, Operation::Binary { operator: Operator::Equal, quantifier: None, .. })
        })
}

fn written_columns(request: &ApiRequest, resolver: Resolver<'_>, table: &str) -> Result<Vec<Column>, Error> {
    request
        .columns
        .iter()
        .map(|name| {
            let column = resolver.column(name);
            if column.nominal_type.is_empty() {
                return Err(Error::NoColumn { relation: table.to_owned(), column: name.clone() });
            }
            Ok(resolver.input(column))
        })
        .collect()
}

fn root_conditions(request: &ApiRequest, resolver: Resolver<'_>) -> Vec<Condition> {
    let filters = request.query.filters.iter().filter(|(path, _)| path.is_empty());
    let logic = request.query.logic.iter();
    filters.map(|(_, f)| resolver.filter(f)).chain(logic.map(|(_, l)| resolver.logic(l))).collect()
}

fn plan_call(
    request: &ApiRequest,
    function: &QualifiedName,
    method: CallMethod,
    schema: &Schema,
    config: &RestConfig,
) -> Result<CallPlan, Error> {
    let by_post = method == CallMethod::Post;
    let names = if by_post {
        request.columns.clone()
    } else {
        request.query.arguments.iter().map(|(name, _)| name.clone()).collect()
    };
    let routine = function::find(&schema.catalog, function, &names, &request.content_type, by_post)?;
    // A function that returns rows of a relation can embed what that relation can.
    let relation = QualifiedName::new(&routine.schema, routine.relation_name().unwrap_or(&routine.name));
    let tree = read::tree(&relation, Kind::Call, &request.query, request.top_range, &schema.catalog, config)?;
    let (handler, media) = choose(request, &relation, &tree, schema, config)?;
    refuse_invalid_preferences(request)?;
    if request.preferences.is_strict() && request.preferences.max_affected.is_some() && routine.returns_single() {
        return Err(Error::MaxAffectedOnSingle);
    }
    Ok(CallPlan {
        returning: read::needed_columns(&tree, &[]),
        filter_columns: read::filter_columns(&tree),
        arguments: arguments(request, routine, by_post),
        read_only: !by_post || routine.volatility != Volatility::Volatile,
        handler: if method == CallMethod::Head { Handler::None } else { handler },
        routine: routine.clone(),
        tree,
        method,
        media,
    })
}

fn arguments(request: &ApiRequest, routine: &Routine, by_post: bool) -> Arguments {
    let body = match &request.payload {
        Some(Payload::Json(body) | Payload::Raw(body)) => body.clone(),
        Some(Payload::Form(_)) | None => Bytes::new(),
    };
    if let [only] = routine.parameters.as_slice()
        && only.name.is_empty()
    {
        // What came in the query string, or as a form, goes to it as JSON.
        let body = match &request.payload {
            Some(Payload::Form(fields)) if by_post => as_object(fields),
            _ if !by_post => as_object(&request.query.arguments),
            _ => body,
        };
        return Arguments::Body(body, only.type_name.clone());
    }
    let given = |names: &BTreeSet<String>| -> Vec<String> {
        routine.parameters.iter().filter(|p| names.contains(&p.name)).map(|p| p.name.clone()).collect()
    };
    match &request.payload {
        Some(Payload::Form(fields)) if by_post => Arguments::Named(fields.clone()),
        _ if !by_post => Arguments::Named(request.query.arguments.clone()),
        _ => {
            let names = given(&request.columns);
            if names.is_empty() { Arguments::Nothing } else { Arguments::Object(body, names) }
        }
    }
}

/// `{"a": "1"}`; of a repeated name the last value counts.
fn as_object(fields: &[(String, String)]) -> Bytes {
    let object: serde_json::Map<_, _> =
        fields.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    serde_json::Value::Object(object).to_string().into()
}

fn known_table<'s>(relation: &QualifiedName, schema: &'s Schema) -> Result<&'s catalog::Table, Error> {
    schema.catalog.table(relation).ok_or_else(|| function::unknown_table(&schema.catalog, relation))
}

fn choose(
    request: &ApiRequest,
    relation: &QualifiedName,
    tree: &Node,
    schema: &Schema,
    config: &RestConfig,
) -> Result<Chosen, Error> {
    schema.handlers.choose(&request.accept, relation, read::is_default_select(tree), config.plan_enabled)
}

fn refuse_invalid_preferences(request: &ApiRequest) -> Result<(), Error> {
    let preferences = &request.preferences;
    if preferences.is_strict() && !preferences.invalid.is_empty() {
        return Err(Error::InvalidPreferences(preferences.invalid.clone()));
    }
    Ok(())
}
