//! Valid, lifelike, reproducible rows for any schema.
//!
//! [`Generator::value`] makes one value for one column, [`Generator::fill`] whole tables in the order of their keys. Conditions are read
//! (`expression`, `facts`) and aimed at; each row is judged by them before it is sent; PostgreSQL has the last word, and what it refuses is
//! reported in its words. The same seed makes the same rows: there is no clock, times are relative to a fixed day.
//!
//!     Generator::fill → fill   order → users → table by table → cycles closed
//!       order         which table first
//!       table         a row: unique keys choose combinations, keys choose rows, rules make up the rest
//!       rules         checks and domains → facts → values (by type) and lifelike (by name)
//!       insert        COPY in batches; what is refused is left out and counted

mod complete;
mod day;
mod expression;
mod facts;
mod fill;
mod insert;
mod json;
mod keys;
mod knots;
mod lifelike;
mod links;
mod literal;
mod moments;
mod order;
mod pattern;
mod plan;
mod random;
mod rules;
mod shape;
mod solve;
mod table;
mod texts;
mod unique;
mod update;
mod users;
mod values;

pub use literal::Literal;
pub use plan::{Filled, FilledTable, Plan, Rows, Users};

use pg::tokio_postgres::Client;

use crate::schema::{Column, Relation};
use crate::{Error, Schema};
use random::Random;
use rules::Rules;

/// How often another value is looked for.
const TRIES: u64 = 40;

/// Makes values and rows for one schema.
#[derive(Debug)]
pub struct Generator<'s> {
    schema: &'s Schema,
    seed: u64,
    random: Random,
}

impl<'s> Generator<'s> {
    /// A generator whose output depends on the schema and the seed alone.
    pub fn new(schema: &'s Schema, seed: u64) -> Self {
        Self { schema, seed, random: Random::new(seed, "values") }
    }

    /// A value that type, domain and single-column checks allow; never NULL. Keys are not looked at. `None`: no value of the type is
    /// known, or the column is generated.
    pub fn value(&mut self, relation: &Relation, column: &Column) -> Option<Literal> {
        if column.generated.is_some() {
            return None;
        }
        let rules = Rules::new(self.schema, relation, day::TODAY);
        let text = rules.single(column, 0, day::TODAY, &mut self.random)?;
        Some(Literal { text, type_sql: column.type_sql.clone() })
    }

    /// As [`Self::value`], but not `current` (as PostgreSQL prints it). `None` also where there is no other.
    pub fn another_value(&mut self, relation: &Relation, column: &Column, current: Option<&str>) -> Option<Literal> {
        if column.generated.is_some() {
            return None;
        }
        let rules = Rules::new(self.schema, relation, day::TODAY);
        let at = relation.columns.iter().position(|c| c.number == column.number)?;
        let seen = |text: Option<&str>| values::as_value(&rules.shapes[at], text);
        let before = seen(current);
        for distinct in 0..TRIES {
            let text = rules.single(column, distinct, day::TODAY, &mut self.random)?;
            let same = match (&before, seen(Some(&text))) {
                (Some(before), Some(now)) => expression::same(before, &now),
                _ => false,
            };
            if current != Some(text.as_str()) && !same {
                return Some(Literal { text, type_sql: column.type_sql.clone() });
            }
        }
        None
    }

    /// Fills tables. `client` must not be in a transaction, and may become `plan.role`.
    ///
    /// # Errors
    /// The connection is lost, or the role is refused. What PostgreSQL does not take is told in [`FilledTable::reasons`].
    pub async fn fill(&self, client: &mut Client, plan: &Plan) -> Result<Filled, Error> {
        fill::fill(client, self.schema, self.seed, plan).await
    }
}
