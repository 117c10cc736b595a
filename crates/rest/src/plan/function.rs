//! Which function a call means, and with which arguments.

use std::collections::BTreeSet;

use catalog::{Catalog, Parameter, QualifiedName, Routine};

use crate::error::Error;
use crate::fuzzy;
use crate::request::media::MediaType;

/// Names of tables and functions are only suggested when they are this close: a hint must not list what exists.
const NEAR: f64 = 0.75;

/// Finds the one function that takes exactly these arguments, or the body as its only parameter.
pub(crate) fn find<'c>(
    catalog: &'c Catalog,
    name: &QualifiedName,
    arguments: &BTreeSet<String>,
    content: &MediaType,
    by_post: bool,
) -> Result<&'c Routine, Error> {
    let overloads = catalog.routines.get(name).map_or(&[][..], Vec::as_slice);
    let body_is_argument = by_post && matches!(content, MediaType::OctetStream | MediaType::Text | MediaType::Xml);
    let by_name: Vec<&Routine> = overloads.iter().filter(|r| takes_named(r, arguments, body_is_argument)).collect();
    let candidates = if by_name.is_empty() {
        overloads.iter().filter(|r| by_post && takes_body(r, content)).collect()
    } else {
        by_name
    };
    match candidates.as_slice() {
        [one] => Ok(one),
        [] => Err(unknown(catalog, name, arguments, content, by_post, overloads)),
        many => Err(Error::AmbiguousFunction(many.iter().map(|r| signature(r)).collect::<Vec<_>>().join(", "))),
    }
}

/// All required parameters are given, and nothing that is no parameter.
fn takes_named(routine: &Routine, arguments: &BTreeSet<String>, body_is_argument: bool) -> bool {
    if routine.parameters.is_empty() {
        return arguments.is_empty() && !body_is_argument;
    }
    let is_parameter = |name: &String| routine.parameters.iter().any(|p| p.name == *name);
    routine.parameters.iter().filter(|p| p.required).all(|p| arguments.contains(&p.name))
        && arguments.iter().all(is_parameter)
}

fn takes_body(routine: &Routine, content: &MediaType) -> bool {
    let [Parameter { name, type_name, .. }] = routine.parameters.as_slice() else { return false };
    name.is_empty()
        && matches!(
            (content, type_name.as_str()),
            (MediaType::Json, "json" | "jsonb")
                | (MediaType::Text, "text")
                | (MediaType::Xml, "xml")
                | (MediaType::OctetStream, "bytea")
        )
}

fn signature(routine: &Routine) -> String {
    let parameters: Vec<String> = routine.parameters.iter().map(|p| format!("{} => {}", p.name, p.type_name)).collect();
    format!("{}.{}({})", routine.schema, routine.name, parameters.join(", "))
}

fn unknown(
    catalog: &Catalog,
    name: &QualifiedName,
    arguments: &BTreeSet<String>,
    content: &MediaType,
    by_post: bool,
    overloads: &[Routine],
) -> Error {
    let function = format!("{}.{}", name.schema, name.name);
    let list = arguments.iter().cloned().collect::<Vec<_>>().join(", ");
    let only_body = match content {
        MediaType::Text if by_post => Some("text"),
        MediaType::Xml if by_post => Some("xml"),
        MediaType::OctetStream if by_post => Some("bytea"),
        _ => None,
    };
    let called = match only_body {
        Some(_) => String::new(),
        None if arguments.is_empty() => " without parameters".to_owned(),
        None => format!("({list})"),
    };
    let with = if arguments.is_empty() {
        " without parameters".to_owned()
    } else {
        format!(" with parameter{} {list}", if arguments.len() > 1 { "s" } else { "" })
    };
    let searched = match only_body {
        Some(type_name) => format!(" with a single unnamed {type_name} parameter"),
        None if by_post && *content == MediaType::Json => {
            format!("{with} or with a single unnamed json/jsonb parameter")
        }
        None => with,
    };
    Error::NoFunction {
        message: format!("Could not find the function {function}{called} in the schema cache"),
        details: format!(
            "Searched for the function {function}{searched}, but no matches were found in the schema cache."
        ),
        hint: if only_body.is_some() { None } else { nearest(catalog, name, arguments, overloads) },
    }
}

fn nearest(
    catalog: &Catalog,
    name: &QualifiedName,
    arguments: &BTreeSet<String>,
    overloads: &[Routine],
) -> Option<String> {
    let meant = if overloads.is_empty() {
        let mut names: Vec<&str> =
            catalog.routines.keys().filter(|k| k.schema == name.schema).map(|k| k.name.as_str()).collect();
        names.sort_unstable();
        fuzzy::nearest(names.into_iter(), &name.name, Some(NEAR))?.to_owned()
    } else {
        let sorted = |mut names: Vec<&str>| {
            names.sort_unstable();
            format!("({})", names.join(", "))
        };
        let signatures: Vec<String> =
            overloads.iter().map(|r| sorted(r.parameters.iter().map(|p| p.name.as_str()).collect())).collect();
        let wanted = sorted(arguments.iter().map(String::as_str).collect());
        format!("{}{}", name.name, fuzzy::nearest(signatures.iter().map(String::as_str), &wanted, None)?)
    };
    Some(format!("Perhaps you meant to call the function {}.{meant}", name.schema))
}

/// PGRST205, with the nearest name, unless there are too many to compare.
pub(crate) fn unknown_table(catalog: &Catalog, name: &QualifiedName) -> Error {
    const MANY: usize = 500;
    let mut names: Vec<&str> =
        catalog.tables.keys().filter(|k| k.schema == name.schema).map(|k| k.name.as_str()).collect();
    names.sort_unstable();
    let nearest = (names.len() < MANY).then(|| fuzzy::nearest(names.into_iter(), &name.name, Some(NEAR))).flatten();
    Error::NoTable {
        table: format!("{}.{}", name.schema, name.name),
        hint: nearest.map(|found| format!("Perhaps you meant the table '{}.{found}'", name.schema)),
    }
}
