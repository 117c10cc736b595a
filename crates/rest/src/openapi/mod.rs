//! The root document: Swagger 2.0 of what is exposed.

use catalog::Catalog;
use pg::exec::Step;

use crate::config::RestConfig;
use crate::error::Error;

/// What the database is asked about a schema.
pub(crate) fn questions(_schema: &str) -> Vec<Step> {
    Vec::new()
}

/// The document.
pub(crate) fn document(
    _catalog: &Catalog,
    _config: &RestConfig,
    _schema: &str,
    _answers: &[Option<String>],
) -> Result<Vec<u8>, Error> {
    Ok(b"{}".to_vec())
}
