//! Prints a [`Model`] as TypeScript.

use std::fmt::Write as _;

use super::model::{Column, Function, Model, Relation, Type};

/// How deep domains of domains and arrays of them are followed.
const DEEPEST: usize = 16;

pub(crate) fn print(model: &Model) -> String {
    let mut out = String::from(
        "export type Json =\n  | string\n  | number\n  | boolean\n  | null\n  | { [key: string]: Json | undefined }\n  | Json[]\n\n\
         export type Database = {\n",
    );
    for schema in &model.schemas {
        print_schema(&mut out, model, schema);
    }
    out.push_str("}\n\n");
    out.push_str(include_str!("helpers.ts"));
    print_constants(&mut out, model);
    out
}

fn print_schema(out: &mut String, model: &Model, schema: &str) {
    let _ = writeln!(out, "  {}: {{", key(schema));
    for (title, views) in [("Tables", false), ("Views", true)] {
        let relations: Vec<&Relation> =
            model.relations.iter().filter(|r| r.schema == schema && r.is_view == views).collect();
        block(out, title, &relations, |out, relation| print_relation(out, model, relation));
    }
    print_functions(out, model, schema);
    let types: Vec<&Type> = {
        let mut types: Vec<&Type> = model.types.values().filter(|t| t.schema == schema).collect();
        types.sort_by(|a, b| a.name.cmp(&b.name));
        types
    };
    let enums: Vec<&Type> = types.iter().copied().filter(|t| t.kind == "e").collect();
    block(out, "Enums", &enums, |out, t| {
        let _ = writeln!(out, "      {}: {}", key(&t.name), union(&t.labels));
    });
    let composites: Vec<&Type> = types.into_iter().filter(|t| t.composite).collect();
    block(out, "CompositeTypes", &composites, |out, t| {
        let _ = writeln!(out, "      {}: {{", key(&t.name));
        for attribute in &t.attributes {
            let _ = writeln!(out, "        {}: {} | null", key(&attribute.name), type_of(model, attribute.type_id, 0));
        }
        out.push_str("      }\n");
    });
    out.push_str("  }\n");
}

fn block<T>(out: &mut String, title: &str, items: &[T], print: impl Fn(&mut String, &T)) {
    let _ = writeln!(out, "    {title}: {{");
    if items.is_empty() {
        out.push_str("      [_ in never]: never\n");
    }
    for item in items {
        print(out, item);
    }
    out.push_str("    }\n");
}

fn print_relation(out: &mut String, model: &Model, relation: &Relation) {
    let _ = writeln!(out, "      {}: {{", key(&relation.name));
    out.push_str("        Row: {\n");
    for column in &relation.columns {
        let _ = writeln!(out, "          {}: {}", key(&column.name), column_type(model, relation, column));
    }
    let computed: Vec<&Function> = model.computed(relation).collect();
    for function in &computed {
        let _ = writeln!(out, "          {}: {} | null", key(&function.name), returned(model, function, 10));
    }
    out.push_str("        }\n");
    let names: Vec<String> = computed.iter().map(|f| f.name.clone()).collect();
    let _ =
        writeln!(out, "        ComputedFields: {}", if names.is_empty() { "never".to_owned() } else { union(&names) });
    if relation.writable {
        print_written(out, model, relation, "Insert", |column| {
            relation.is_view || !column.not_null || column.has_default || !column.identity.is_empty()
        });
        print_written(out, model, relation, "Update", |_| true);
    }
    print_relationships(out, model, relation);
    out.push_str("      }\n");
}

fn print_written(
    out: &mut String,
    model: &Model,
    relation: &Relation,
    title: &str,
    optional: impl Fn(&Column) -> bool,
) {
    let _ = writeln!(out, "        {title}: {{");
    for column in &relation.columns {
        let mark = if optional(column) { "?" } else { "" };
        let written = if column.generated || column.identity == "a" {
            "never".to_owned()
        } else {
            column_type(model, relation, column)
        };
        let _ = writeln!(out, "          {}{mark}: {written}", key(&column.name));
    }
    out.push_str("        }\n");
}

fn print_relationships(out: &mut String, model: &Model, relation: &Relation) {
    let references = model.references.get(&(relation.schema.clone(), relation.name.clone()));
    let Some(references) = references.filter(|list| !list.is_empty()) else {
        out.push_str("        Relationships: []\n");
        return;
    };
    out.push_str("        Relationships: [\n");
    for reference in references {
        let side = |pick: fn(&(String, String)) -> &String| {
            reference.columns.iter().map(|pair| quote(pick(pair))).collect::<Vec<_>>().join(", ")
        };
        let _ = write!(
            out,
            "          {{\n            foreignKeyName: {}\n            columns: [{}]\n            isOneToOne: {}\n            \
             referencedRelation: {}\n            referencedColumns: [{}]\n          }},\n",
            quote(&reference.name),
            side(|pair| &pair.0),
            reference.one_to_one,
            quote(&reference.target),
            side(|pair| &pair.1),
        );
    }
    out.push_str("        ]\n");
}

fn print_functions(out: &mut String, model: &Model, schema: &str) {
    let callable: Vec<&Function> =
        model.functions.iter().filter(|f| f.schema == schema && is_callable(model, f)).collect();
    let mut names: Vec<&str> = callable.iter().map(|f| f.name.as_str()).collect();
    names.dedup();
    block(out, "Functions", &names, |out, name| {
        let same: Vec<&Function> = callable.iter().copied().filter(|f| f.name == *name).collect();
        let _ = write!(out, "      {}:", key(name));
        for function in &same {
            let lead = if same.len() > 1 { "\n        | " } else { " " };
            let _ = write!(
                out,
                "{lead}{{ Args: {}; Returns: {}",
                arguments(model, function),
                result(model, function, &same)
            );
            if let Some(options) = setof_options(model, function) {
                let _ = write!(out, "; SetofOptions: {options}");
            }
            out.push_str(" }");
        }
        out.push('\n');
    });
}

/// Requests name arguments; a function with an unnamed one can be reached only as a computed field, or with one JSON body.
fn is_callable(model: &Model, function: &Function) -> bool {
    match function.inputs().as_slice() {
        [(only, _)] if only.name.is_empty() => {
            let named = |t: &Type| matches!(t.name.as_str(), "json" | "jsonb" | "text" | "xml" | "bytea");
            model.types.get(&only.type_id).is_some_and(named) || model.relation_of_row(only.type_id).is_some()
        }
        inputs => inputs.iter().all(|(argument, _)| !argument.name.is_empty()),
    }
}

fn arguments(model: &Model, function: &Function) -> String {
    let mut inputs = function.inputs();
    if inputs.is_empty() {
        return "Record<PropertyKey, never>".to_owned();
    }
    inputs.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    let fields: Vec<String> = inputs
        .iter()
        .map(|(argument, optional)| {
            let name = if argument.name.is_empty() { "\"\"".to_owned() } else { key(&argument.name) };
            format!("{name}{}: {}", if *optional { "?" } else { "" }, type_of(model, argument.type_id, 0))
        })
        .collect();
    format!("{{ {} }}", fields.join("; "))
}

/// What a call gives, or the sentence on why it cannot be made.
fn result(model: &Model, function: &Function, overloads: &[&Function]) -> String {
    let names = |f: &Function| {
        let mut names: Vec<String> = f.inputs().iter().map(|(a, _)| a.name.clone()).collect();
        names.sort();
        names
    };
    let twins: Vec<&&Function> = overloads.iter().filter(|other| names(other) == names(function)).collect();
    if twins.len() > 1 {
        let signature = |f: &Function| {
            let inputs = f.inputs();
            let args = inputs.iter().map(|(a, _)| format!("{} => {}", a.name, type_name(model, a.type_id)));
            format!("{}.{}({})", f.schema, f.name, args.collect::<Vec<_>>().join(", "))
        };
        let list: Vec<String> = twins.iter().map(|f| signature(f)).collect();
        return format!(
            "{{ error: true }} & {}",
            quote(&format!(
                "Ambiguous call: {} take arguments of the same names; rename one of them.",
                list.join(" and ")
            ))
        );
    }
    returned(model, function, 8)
}

fn returned(model: &Model, function: &Function, indent: usize) -> String {
    let array = if function.is_set && !function.one_row { "[]" } else { "" };
    let columns: Vec<(String, String)> = function
        .arguments
        .iter()
        .filter(|a| a.mode == "t")
        .map(|a| (a.name.clone(), type_of(model, a.type_id, 0)))
        .collect();
    if !columns.is_empty() {
        return format!("{}[]", object(&columns, indent));
    }
    if let Some(relation) = model.relation_of_row(function.returns) {
        let columns: Vec<(String, String)> =
            relation.columns.iter().map(|c| (c.name.clone(), column_type(model, relation, c))).collect();
        return format!("{}{array}", object(&columns, indent));
    }
    let of = type_of(model, function.returns, 0);
    if function.is_set { format!("{of}[]") } else { of }
}

fn setof_options(model: &Model, function: &Function) -> Option<String> {
    let relation = model.relation_of_row(function.returns)?;
    let from = match function.inputs().as_slice() {
        [(only, _)] => model.relation_of_row(only.type_id).map_or("*", |r| r.name.as_str()),
        _ => "*",
    };
    Some(format!(
        "{{ from: {}; to: {}; isOneToOne: {}; isSetofReturn: {} }}",
        quote(from),
        quote(&relation.name),
        !function.is_set || function.one_row,
        function.is_set
    ))
}

fn object(columns: &[(String, String)], indent: usize) -> String {
    let blanks = " ".repeat(indent);
    let lines: String = columns.iter().map(|(name, of)| format!("{blanks}  {}: {of}\n", key(name))).collect();
    format!("{{\n{lines}{blanks}}}")
}

/// A column of a view may always be null: what its query does to nulls is not known.
fn column_type(model: &Model, relation: &Relation, column: &Column) -> String {
    let of = type_of(model, column.type_id, 0);
    if column.not_null && !relation.is_view { of } else { format!("{of} | null") }
}

fn type_name(model: &Model, type_id: i64) -> &str {
    model.types.get(&type_id).map_or("unknown", |t| t.name.as_str())
}

fn type_of(model: &Model, type_id: i64, depth: usize) -> String {
    let Some(t) = model.types.get(&type_id).filter(|_| depth < DEEPEST) else { return "unknown".to_owned() };
    if t.element != 0 {
        let element = type_of(model, t.element, depth + 1);
        return if element.contains(" | ") || element.contains(" & ") {
            format!("({element})[]")
        } else {
            format!("{element}[]")
        };
    }
    if t.base != 0 {
        return type_of(model, t.base, depth + 1);
    }
    let place = |group: &str| format!("Database[{}][\"{group}\"][{}]", quote(&t.schema), quote(&t.name));
    match t.kind.as_str() {
        "e" if model.is_described(&t.schema) => return place("Enums"),
        "e" => return union(&t.labels),
        _ if t.composite && model.is_described(&t.schema) => return place("CompositeTypes"),
        _ => {}
    }
    if let Some(relation) = model.relation_of_row(type_id) {
        if !model.is_described(&relation.schema) {
            return "Record<string, unknown>".to_owned();
        }
        let row = format!("{}[\"Row\"]", place(if relation.is_view { "Views" } else { "Tables" }));
        return row;
    }
    builtin(&t.name).to_owned()
}

/// How JSON shows a type.
fn builtin(name: &str) -> &'static str {
    match name {
        "bool" => "boolean",
        "int2" | "int4" | "int8" | "float4" | "float8" | "numeric" => "number",
        "bytea" | "bpchar" | "varchar" | "date" | "text" | "citext" | "time" | "timetz" | "timestamp"
        | "timestamptz" | "uuid" | "vector" => "string",
        "json" | "jsonb" => "Json",
        "void" => "undefined",
        "record" => "Record<string, unknown>",
        _ => "unknown",
    }
}

fn union(labels: &[String]) -> String {
    if labels.is_empty() { "never".to_owned() } else { labels.iter().map(|l| quote(l)).collect::<Vec<_>>().join(" | ") }
}

/// A JSON string is a TypeScript string.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The name of a property: bare where it can be.
fn key(name: &str) -> String {
    let mut chars = name.chars();
    let bare = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == '$')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
    if bare { name.to_owned() } else { quote(name) }
}

fn print_constants(out: &mut String, model: &Model) {
    out.push_str("\nexport const Constants = {\n");
    for schema in &model.schemas {
        let mut enums: Vec<&Type> = model.types.values().filter(|t| t.schema == *schema && t.kind == "e").collect();
        enums.sort_by(|a, b| a.name.cmp(&b.name));
        let _ = writeln!(out, "  {}: {{", key(schema));
        if enums.is_empty() {
            out.push_str("    Enums: {},\n");
        } else {
            out.push_str("    Enums: {\n");
            for t in enums {
                let labels: Vec<String> = t.labels.iter().map(|l| quote(l)).collect();
                let _ = writeln!(out, "      {}: [{}],", key(&t.name), labels.join(", "));
            }
            out.push_str("    },\n");
        }
        out.push_str("  },\n");
    }
    out.push_str("} as const\n");
}
