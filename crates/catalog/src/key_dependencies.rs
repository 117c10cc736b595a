//! Which keys of tables are visible through which views.

use ahash::{AHashMap, AHashSet};

use crate::QualifiedName;
use crate::view_origins::Origin;

/// What a key is to the table whose columns a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum KeyKind {
    /// Its primary key.
    Primary,
    /// A foreign key of it.
    Foreign,
    /// The columns that a foreign key of another table points to.
    Referenced,
}

/// A key of a table, as a list of column numbers.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) constraint: u32,
    pub(crate) kind: KeyKind,
    /// The table whose columns these are.
    pub(crate) table: u32,
    pub(crate) columns: Vec<i32>,
}

/// A view with the columns it takes from elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) id: u32,
    pub(crate) name: QualifiedName,
    pub(crate) exposed: bool,
    /// Names by column number.
    pub(crate) columns: AHashMap<i32, String>,
    pub(crate) origins: Vec<Origin>,
}

/// A key that a view shows whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyDependency {
    pub(crate) constraint: u32,
    pub(crate) kind: KeyKind,
    pub(crate) view: QualifiedName,
    /// For each column of the key, the view's columns that show it; a view may show one twice.
    pub(crate) columns: Vec<Vec<String>>,
}

/// Finds the keys that exposed views show, through any number of views in between.
pub(crate) fn key_dependencies(views: &[View], keys: &[Key]) -> Vec<KeyDependency> {
    let by_id: AHashMap<u32, &View> = views.iter().map(|v| (v.id, v)).collect();
    let mut by_table: AHashMap<u32, Vec<&Key>> = AHashMap::new();
    for key in keys {
        by_table.entry(key.table).or_default().push(key);
    }
    let mut found = Vec::new();
    for view in views.iter().filter(|v| v.exposed) {
        let shown = shown_columns(view, &by_id);
        let mut tables: Vec<u32> = shown.keys().map(|(table, _)| *table).collect();
        tables.sort_unstable();
        tables.dedup();
        for key in tables.iter().filter_map(|t| by_table.get(t)).flatten() {
            let columns: Option<Vec<Vec<String>>> =
                key.columns.iter().map(|c| shown.get(&(key.table, *c)).cloned()).collect();
            if let Some(columns) = columns {
                found.push(KeyDependency {
                    constraint: key.constraint,
                    kind: key.kind,
                    view: view.name.clone(),
                    columns,
                });
            }
        }
    }
    found
}

/// (relation, column) → the view's columns that show it, directly or through other views.
fn shown_columns(view: &View, by_id: &AHashMap<u32, &View>) -> AHashMap<(u32, i32), Vec<String>> {
    let mut shown: AHashMap<(u32, i32), Vec<String>> = AHashMap::new();
    for origin in &view.origins {
        let Some(name) = view.columns.get(&origin.view_column) else { continue };
        let (mut relation, mut column) = (origin.relation, origin.column);
        let mut seen = AHashSet::new();
        // A view that was replaced can refer to itself in a circle.
        while seen.insert(relation) {
            shown.entry((relation, column)).or_default().push(name.clone());
            let next = by_id.get(&relation).and_then(|inner| inner.origins.iter().find(|o| o.view_column == column));
            match next {
                Some(next) => (relation, column) = (next.relation, next.column),
                None => break,
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(id: u32, name: &str, columns: &[(i32, &str)], origins: &[(i32, u32, i32)]) -> View {
        View {
            id,
            name: QualifiedName::new("api", name),
            exposed: true,
            columns: columns.iter().map(|(n, c)| (*n, (*c).to_owned())).collect(),
            origins: origins
                .iter()
                .map(|(view_column, relation, column)| Origin {
                    view_column: *view_column,
                    relation: *relation,
                    column: *column,
                })
                .collect(),
        }
    }

    #[test]
    fn a_key_is_found_through_two_views_and_only_when_whole() {
        let views = [
            view(10, "inner", &[(1, "a"), (2, "b")], &[(1, 1, 1), (2, 1, 2)]),
            view(11, "outer", &[(1, "x"), (2, "y")], &[(1, 10, 1), (2, 10, 1)]),
        ];
        let whole = Key { constraint: 100, kind: KeyKind::Primary, table: 1, columns: vec![1] };
        let partial = Key { constraint: 101, kind: KeyKind::Foreign, table: 1, columns: vec![1, 2] };
        let found = key_dependencies(&views, &[whole, partial]);
        let outer: Vec<_> = found.iter().filter(|d| d.view.name == "outer").collect();
        assert_eq!(outer.len(), 1, "the composite key is not whole in `outer`");
        assert_eq!(outer[0].columns, [["x".to_owned(), "y".to_owned()]]);
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn a_circle_of_views_ends() {
        let views = [view(1, "a", &[(1, "x")], &[(1, 2, 1)]), view(2, "b", &[(1, "x")], &[(1, 1, 1)])];
        assert_eq!(key_dependencies(&views, &[]), []);
    }
}
