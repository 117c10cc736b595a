//! What the client asks, before anything is known of the schema.

pub(crate) mod ast;
mod csv;
mod filter;
pub(crate) mod media;
mod names;
mod parsec;
mod payload;
pub(crate) mod preferences;
pub(crate) mod query;
pub(crate) mod ranges;
mod select;

use std::collections::BTreeSet;

use bytes::Bytes;
use catalog::QualifiedName;
use http::{HeaderMap, Method};

use crate::config::{OpenApiMode, RestConfig};
use crate::error::Error;
use media::MediaType;
pub(crate) use payload::Payload;
use preferences::Preferences;
use query::Query;
use ranges::Range;

/// A request that was understood.
#[derive(Debug, Clone)]
pub(crate) struct ApiRequest {
    pub(crate) action: Action,
    pub(crate) query: Query,
    /// The rows asked for at the root, by header and parameters.
    pub(crate) top_range: Range,
    pub(crate) payload: Option<Payload>,
    /// What the payload, or `columns=`, gives values to.
    pub(crate) columns: BTreeSet<String>,
    pub(crate) preferences: Preferences,
    pub(crate) schema: String,
    /// `Content-Profile` goes into the answer.
    pub(crate) negotiated: bool,
    pub(crate) accept: Vec<MediaType>,
    pub(crate) content_type: MediaType,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Read { relation: QualifiedName, headers_only: bool },
    Write { relation: QualifiedName, mutation: Mutation },
    Call { function: QualifiedName, method: CallMethod },
    Describe { headers_only: bool },
    RelationInfo(QualifiedName),
    FunctionInfo(QualifiedName),
    SchemaInfo,
}

/// How rows change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutation {
    Insert,
    Update,
    /// PUT.
    Replace,
    Delete,
}

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallMethod {
    Get,
    Head,
    Post,
}

impl CallMethod {
    /// Are the arguments in the query string?
    pub(crate) fn reads(self) -> bool {
        self != Self::Post
    }
}

/// The parts of an HTTP request, with the body read.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) method: &'a Method,
    /// Without our prefix, still percent-encoded.
    pub(crate) path: &'a str,
    pub(crate) query: &'a [u8],
    pub(crate) headers: &'a HeaderMap,
}

enum Resource {
    Relation(String),
    Function(String),
    Root,
}

/// Understands a request. `slots`: see [`query::read`].
pub(crate) fn parse(
    parts: &Parts<'_>,
    body: &Bytes,
    config: &RestConfig,
    slots: &[usize],
) -> Result<ApiRequest, Error> {
    let preferences = Preferences::read(parts.headers, config.tx_end.allows_override());
    let resource = resource(parts.path, config)?;
    let (schema, negotiated) = schema(parts, config)?;
    let action = action(resource, &schema, parts.method)?;
    let is_call_by_query = matches!(&action, Action::Call { method, .. } if method.reads());
    let query = query::read(parts.query, is_call_by_query, slots).map_err(Error::QueryString)?;
    let top_range = top_range(parts, &query)?;
    let content_type = media::content_type(parts.headers);
    let (payload, columns) = read_payload(body, &content_type, &query, &action)?;
    Ok(ApiRequest {
        action,
        query,
        top_range,
        payload,
        columns,
        preferences,
        schema,
        negotiated,
        accept: media::accepted(parts.headers),
        content_type,
    })
}

fn resource(path: &str, config: &RestConfig) -> Result<Resource, Error> {
    let segments: Vec<String> = match path.strip_prefix('/').unwrap_or(path) {
        "" => Vec::new(),
        rest => {
            rest.split('/').map(|s| percent_encoding::percent_decode_str(s).decode_utf8_lossy().into_owned()).collect()
        }
    };
    match segments.as_slice() {
        [] if config.openapi_mode == OpenApiMode::Disabled => Err(Error::OpenApiDisabled),
        [] => Ok(config.root_spec.as_ref().map_or(Resource::Root, |f| Resource::Function(f.name.clone()))),
        [relation] => Ok(Resource::Relation(relation.clone())),
        [rpc, function] if rpc == "rpc" => Ok(Resource::Function(function.clone())),
        _ => Err(Error::InvalidPath),
    }
}

fn schema(parts: &Parts<'_>, config: &RestConfig) -> Result<(String, bool), Error> {
    let header = match *parts.method {
        Method::POST | Method::PATCH | Method::PUT | Method::DELETE => "content-profile",
        _ => "accept-profile",
    };
    match parts.headers.get(header) {
        Some(value) => {
            let name = String::from_utf8_lossy(value.as_bytes()).into_owned();
            if config.schemas.contains(&name) {
                Ok((name, true))
            } else {
                Err(Error::UnacceptableSchema { schema: name, exposed: config.schemas.clone() })
            }
        }
        None => Ok((config.schemas.first().cloned().unwrap_or_default(), config.schemas.len() != 1)),
    }
}

fn action(resource: Resource, schema: &str, method: &Method) -> Result<Action, Error> {
    let named = |name: String| QualifiedName::new(schema, name);
    let call = |name, method| Ok(Action::Call { function: named(name), method });
    let write = |name, mutation| Ok(Action::Write { relation: named(name), mutation });
    match (resource, method.as_str()) {
        (Resource::Function(name), "GET") => call(name, CallMethod::Get),
        (Resource::Function(name), "HEAD") => call(name, CallMethod::Head),
        (Resource::Function(name), "POST") => call(name, CallMethod::Post),
        (Resource::Function(name), "OPTIONS") => Ok(Action::FunctionInfo(named(name))),
        (Resource::Function(_), other) => Err(Error::InvalidRpcMethod(other.to_owned())),
        (Resource::Relation(name), "GET") => Ok(Action::Read { relation: named(name), headers_only: false }),
        (Resource::Relation(name), "HEAD") => Ok(Action::Read { relation: named(name), headers_only: true }),
        (Resource::Relation(name), "POST") => write(name, Mutation::Insert),
        (Resource::Relation(name), "PUT") => write(name, Mutation::Replace),
        (Resource::Relation(name), "PATCH") => write(name, Mutation::Update),
        (Resource::Relation(name), "DELETE") => write(name, Mutation::Delete),
        (Resource::Relation(name), "OPTIONS") => Ok(Action::RelationInfo(named(name))),
        (Resource::Root, "GET") => Ok(Action::Describe { headers_only: false }),
        (Resource::Root, "HEAD") => Ok(Action::Describe { headers_only: true }),
        (Resource::Root, "OPTIONS") => Ok(Action::SchemaInfo),
        (_, other) => Err(Error::UnsupportedMethod(other.to_owned())),
    }
}

fn top_range(parts: &Parts<'_>, query: &Query) -> Result<Range, Error> {
    // The Range header is for GET only (RFC 9110).
    let header = (parts.method == Method::GET).then(|| parts.headers.get("range")).flatten();
    let header = header.map_or(Range::ALL, |value| ranges::of_header(&String::from_utf8_lossy(value.as_bytes())));
    let range = ranges::top_level(header, query.root_range).map_err(Error::Range)?;
    if parts.method == Method::PUT && range != Range::ALL {
        return Err(Error::PutLimit);
    }
    Ok(range)
}

fn read_payload(
    body: &Bytes,
    content_type: &MediaType,
    query: &Query,
    action: &Action,
) -> Result<payload::WithKeys, Error> {
    let is_call = matches!(action, Action::Call { .. });
    let columns = match action {
        Action::Write { mutation: Mutation::Delete, .. } => return Ok((None, BTreeSet::new())),
        Action::Write { mutation: Mutation::Replace, .. } => None,
        Action::Write { .. } | Action::Call { method: CallMethod::Post, .. } => query.columns.as_ref(),
        _ => return Ok((None, BTreeSet::new())),
    };
    payload::read(body, content_type, columns, is_call).map_err(Error::InvalidBody)
}
