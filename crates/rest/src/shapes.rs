//! Requests that came before: the same read with other values is neither parsed nor planned again.
//!
//! What is remembered depends on the catalog and the configuration, so it is kept beside them and goes with them.

use std::sync::Arc;

use http::{HeaderMap, Method};
use parking_lot::Mutex;

use crate::jwt::sieve::Sieve;
use crate::plan::ReadPlan;
use crate::request::ast::Value;
use crate::request::query::shape;
use crate::request::{ApiRequest, Parts};
use crate::run::Work;

/// How many shapes are remembered.
const MOST: usize = 2048;
/// Longer requests are not: memory is bounded by count and size.
const LONGEST_BYTES: usize = 4096;

/// Headers that decide over a read besides its URL.
const HEADERS: [&str; 5] = ["accept", "prefer", "accept-profile", "range", "content-type"];

/// A read, ready but for its values.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) request: ApiRequest,
    pub(crate) plan: ReadPlan,
    pub(crate) work: Work,
    pub(crate) warning: Option<String>,
}

/// The shapes of one catalog.
pub(crate) struct Shapes {
    known: Mutex<Sieve<Arc<Shape>>>,
}

/// What names the shape of a request, and what in it is not part of the shape.
pub(crate) struct Key {
    name: String,
    /// Which parameters of the query string have their values in `values`.
    pub(crate) slots: Vec<usize>,
    pub(crate) values: Vec<Value>,
}

impl Default for Shapes {
    fn default() -> Self {
        Self { known: Mutex::new(Sieve::new(MOST)) }
    }
}

impl Shapes {
    /// The shape, if it came before.
    pub(crate) fn find(&self, key: &Key) -> Option<Arc<Shape>> {
        self.known.lock().get(&key.name).cloned()
    }

    /// Remembers a shape.
    pub(crate) fn remember(&self, key: &Key, shape: Arc<Shape>) {
        self.known.lock().insert(&key.name, shape);
    }
}

/// The key of a read; none for what is not read from a relation, or too long to be remembered.
pub(crate) fn key(parts: &Parts<'_>) -> Option<Key> {
    let is_read = *parts.method == Method::GET || *parts.method == Method::HEAD;
    // A function's path can be written in other ways too (`/%72pc/f`): whoever uses the key must look at the plan.
    let is_relation = parts.path.len() > 1 && !parts.path.starts_with("/rpc/");
    if !is_read || !is_relation || parts.query.len() + parts.path.len() > LONGEST_BYTES {
        return None;
    }
    let (query, slots, values) = shape(parts.query)?;
    let mut name = String::with_capacity(parts.path.len() + query.len() + 64);
    name.push_str(parts.method.as_str());
    name.push_str(parts.path);
    name.push('?');
    name.push_str(&query);
    add_headers(&mut name, parts.headers)?;
    Some(Key { name, slots, values })
}

fn add_headers(name: &mut String, headers: &HeaderMap) -> Option<()> {
    for (number, header) in HEADERS.iter().enumerate() {
        for value in headers.get_all(*header) {
            name.push('\u{5}');
            name.push(char::from(b'0' + number as u8));
            name.push_str(value.to_str().ok()?);
        }
    }
    (name.len() <= 2 * LONGEST_BYTES).then_some(())
}
