//! The databases that one worker changes.

use access::matrix::{self, Prepared};
use access::{Schema, Spec};

use crate::project::shadow::{Scratch, Shadow, Template};
use crate::project::{Plan, pgtap, proof};

/// A database for the tests and one for the matrix; what there is nothing to ask of is not made.
pub struct Bench {
    /// With seeds and pgTAP.
    pub tests: Option<Scratch>,
    /// With the matrix's people and rows, or as the migrations leave it.
    pub matrix: Scratch,
    tests_from: Option<Template>,
}

impl Bench {
    /// The first one, with all that the matrix needs in it.
    pub async fn first(
        plan: &Plan,
        shadow: &mut Shadow<'_>,
        migrated: &Template,
        has_tests: bool,
        spec: Option<&Spec>,
    ) -> anyhow::Result<(Self, Schema, Option<Prepared>)> {
        let tests_from = if has_tests { Some(pgtap::template(shadow, migrated).await?) } else { None };
        let tests = match &tests_from {
            Some(template) => Some(shadow.copy(template).await?),
            None => None,
        };
        let matrix = shadow.copy(migrated).await?;
        let schema = Schema::read(&matrix.admin.connect().await?).await?;
        let prepared = match spec {
            Some(spec) => Some(matrix::prepare(&matrix.admin, &schema, Some(spec), &proof::options(plan)?).await?),
            None => None,
        };
        Ok((Self { tests, matrix, tests_from }, schema, prepared))
    }

    /// A twin. Whoever is in this one is sent away.
    pub async fn another(&self, shadow: &mut Shadow<'_>) -> anyhow::Result<Self> {
        let tests = match &self.tests_from {
            Some(template) => Some(shadow.copy(template).await?),
            None => None,
        };
        Ok(Self { tests, matrix: shadow.copy_of(&self.matrix).await?, tests_from: self.tests_from.clone() })
    }

    /// Drops them.
    pub async fn discard(self, shadow: &Shadow<'_>) -> anyhow::Result<()> {
        for scratch in self.tests.into_iter().chain([self.matrix]) {
            shadow.discard(scratch).await?;
        }
        Ok(())
    }
}
