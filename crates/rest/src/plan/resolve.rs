//! Names of the request, resolved to columns of the catalog.

use catalog::{Catalog, QualifiedName, Table};

use super::node::{Column, Condition, OrderBy, SelectColumn};
use crate::request::ast::{Field, Filter, Logic, Operation, OrderTerm, SelectField};

/// What values look like on the way out and in.
const JSON: &str = "json";
const TEXT: &str = "text";

/// Resolves names against one relation.
#[derive(Clone, Copy)]
pub(crate) struct Resolver<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) table: Option<&'a Table>,
}

impl<'a> Resolver<'a> {
    /// For the relation of this name, which need not be known.
    pub(crate) fn new(catalog: &'a Catalog, relation: &QualifiedName) -> Self {
        Self { catalog, table: catalog.table(relation) }
    }

    /// A column as it stands.
    pub(crate) fn column(&self, name: &str) -> Column {
        let Some(known) = self.table.and_then(|t| t.columns.get(name)) else { return Column::unknown(name) };
        Column {
            name: known.name.clone(),
            nominal_type: known.nominal_type.clone(),
            default: known.default.clone(),
            plain: known.plain,
            ..Column::default()
        }
    }

    fn field(&self, field: &Field) -> Column {
        let mut column = self.column(&field.name);
        column.path = field.path.clone();
        column.wrap_for_path = !matches!(column.nominal_type.as_str(), "json" | "jsonb");
        column
    }

    fn transformed(&self, mut column: Column, source: &str, target: &str) -> Column {
        if let Some(representation) = self.catalog.representation(source, target) {
            column.transform = Some(representation.function.clone());
        }
        column
    }

    /// A column to return: shown by its domain's representation, if that has one.
    pub(crate) fn output(&self, column: Column) -> Column {
        let source = column.nominal_type.clone();
        self.transformed(column, &source, JSON)
    }

    /// Has any column a representation, so that `*` does not do?
    pub(crate) fn has_representations(&self) -> bool {
        self.table
            .is_some_and(|t| t.columns.values().any(|c| self.catalog.representation(&c.nominal_type, JSON).is_some()))
    }

    /// A column to write, with the conversion from JSON.
    pub(crate) fn input(&self, column: Column) -> Column {
        let target = column.nominal_type.clone();
        self.transformed(column, JSON, &target)
    }

    /// An item of the select list.
    pub(crate) fn select(&self, item: &SelectField) -> SelectColumn {
        SelectColumn {
            column: self.output(self.field(&item.field)),
            alias: item.alias.clone(),
            cast: item.cast.clone(),
            aggregate: item.aggregate,
            aggregate_cast: item.aggregate_cast.clone(),
        }
    }

    /// A filter.
    pub(crate) fn filter(&self, filter: &Filter) -> Condition {
        let mut column = self.field(&filter.field);
        if let Operation::Search { language, .. } = &filter.operation
            && self.base_type(&filter.field.name) != Some("tsvector")
            && !column.nominal_type.is_empty()
        {
            column.to_tsvector = Some(language.clone());
        }
        let target = column.nominal_type.clone();
        Condition::Filter {
            column: self.transformed(column, TEXT, &target),
            negated: filter.negated,
            operation: filter.operation.clone(),
        }
    }

    fn base_type(&self, name: &str) -> Option<&str> {
        self.table.and_then(|t| t.columns.get(name)).map(|c| c.base_type.as_str())
    }

    /// A tree of filters.
    pub(crate) fn logic(&self, logic: &Logic) -> Condition {
        match logic {
            Logic::Filter(filter) => self.filter(filter),
            Logic::Group { negated, any, members } => Condition::Group {
                negated: *negated,
                any: *any,
                members: members.iter().map(|m| self.logic(m)).collect(),
            },
        }
    }

    /// A term of `order=`; one by an embed is completed when the embeds are known.
    pub(crate) fn order(&self, term: &OrderTerm) -> OrderBy {
        let column = match &term.relation {
            None => self.field(&term.field),
            Some(_) => {
                Column { path: term.field.path.clone(), wrap_for_path: false, ..Column::unknown(&term.field.name) }
            }
        };
        OrderBy { relation: term.relation.clone(), column, descending: term.descending, nulls_first: term.nulls_first }
    }
}
