//! Conditions as PostgreSQL prints them.

use super::*;

/// A short form of the tree, for comparison.
fn show(expr: &Expr) -> String {
    let all = |parts: &[Expr]| parts.iter().map(show).collect::<Vec<_>>().join(" ");
    match &expr.kind {
        Kind::And(parts) => format!("(and {})", all(parts)),
        Kind::Or(parts) => format!("(or {})", all(parts)),
        Kind::Not(inner) => format!("(not {})", show(inner)),
        Kind::Binary { operator, left, right } => format!("({operator} {} {})", show(left), show(right)),
        Kind::Quantified { operator, every, left, right } => {
            format!("({operator} {} {} {})", if *every { "all" } else { "any" }, show(left), show(right))
        }
        Kind::Is { expression, test } => format!("(is {} {test})", show(expression)),
        Kind::Column { relation, name } => relation.iter().chain([name]).cloned().collect::<Vec<_>>().join("."),
        Kind::Literal(Some(value)) => format!("'{value}'"),
        Kind::Literal(None) => "null".to_owned(),
        Kind::Boolean(value) => value.to_string(),
        Kind::Cast { expression, type_name } => format!("{}::{type_name}", show(expression)),
        Kind::Call { schema, name, arguments } => {
            format!("{}{name}({})", schema.iter().map(|s| format!("{s}.")).collect::<String>(), all(arguments))
        }
        Kind::Case { operand, whens, otherwise } => {
            let whens: Vec<String> =
                whens.iter().map(|(when, then)| format!("({} {})", show(when), show(then))).collect();
            let part = |part: &Option<Box<Expr>>| part.as_ref().map_or_else(|| "-".to_owned(), |part| show(part));
            format!("(case {} {} {})", part(operand), whens.join(" "), part(otherwise))
        }
        Kind::Select(select) => format!("[{}]", show_select(select)),
        Kind::Exists(select) => format!("(exists [{}])", show_select(select)),
        Kind::Other(parts) => format!("{{{}}}", all(parts)),
    }
}

fn show_select(select: &Select) -> String {
    let all = |parts: &[Expr]| parts.iter().map(show).collect::<Vec<_>>().join(" ");
    let from: Vec<_> = select
        .from
        .iter()
        .map(|source| match &source.expression {
            Some(expression) => format!("{} {}", show(expression), source.handle()),
            None => format!("{}.{} {}", source.schema.as_deref().unwrap_or("?"), source.name, source.handle()),
        })
        .collect();
    let mut text = all(&select.outputs);
    if !from.is_empty() {
        text += &format!(" from {}", from.join(", "));
    }
    if !select.conditions.is_empty() {
        text += &format!(" where {}", all(&select.conditions));
    }
    if !select.others.is_empty() {
        text += &format!(" then {}", all(&select.others));
    }
    select.selects.iter().for_each(|inner| text += &format!(" with [{}]", show_select(inner)));
    text
}

fn check(sql: &str, expected: &str) {
    assert_eq!(show(&Expr::parse(sql)), expected, "{sql}");
}

#[test]
fn what_policies_say() {
    check("true", "true");
    check("(id = ( SELECT auth.uid() AS uid))", "(= id [auth.uid()])");
    check("(published OR (a = 1) OR (b AND (NOT c)))", "(or published (= a '1') (and b (not c)))");
    check("(id IN ( SELECT private.mine() AS mine))", "(= any id [private.mine()])");
    check(
        "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
        "(= any status::text {'a'::character varying 'b'::character varying}::text[])",
    );
    check(
        "((storage.foldername(name))[1] = (( SELECT auth.uid() AS uid))::text)",
        "(= {storage.foldername(name) '1'} [auth.uid()]::text)",
    );
    check(
        "(((auth.jwt() -> 'app_metadata'::text) ->> 'role'::text) = 'x'::text)",
        "(= (->> (-> auth.jwt() 'app_metadata'::text) 'role'::text) 'x'::text)",
    );
    check("(a IS NOT DISTINCT FROM b)", "(is not distinct from a b)");
    check("((a IS NULL) AND (b IS NOT TRUE))", "(and (is a null) (is b not true))");
    check("(a OPERATOR(extensions.&&) '{}'::integer[])", "(&& a '{}'::integer[])");
    check("(x COLLATE pg_catalog.\"C\" ~~ '%a'::text)", "(~~ x '%a'::text)");
    check("CASE WHEN a THEN (b > 1) ELSE false END", "(case - (a (> b '1')) false)");
    check("(\"Größe\".\"a b\" >= (- 1))", "(>= Größe.a b {'1'})");
    check("(auth.uid() IS NULL OR true)", "(or (is auth.uid() null) true)");
    check("(NOT (id IN ( SELECT 1)))", "(not (= any id ['1']))");
    check("(CURRENT_USER = 'x'::name)", "(= current_user() 'x'::name)");
    check("(at > (now() - '1 day'::interval))", "(> at (- now() '1 day'::interval))");
    check("EXTRACT(epoch FROM at)", "EXTRACT(epoch at)".to_lowercase().as_str());
}

#[test]
fn sub_selects() {
    check(
        "(EXISTS ( SELECT 1\n   FROM public.courses c\n  WHERE ((c.id = sessions.course_id) AND c.published)))",
        "(exists ['1' from public.courses c where (and (= c.id sessions.course_id) c.published)])",
    );
    check(
        "(EXISTS ( SELECT\n   FROM (public.a\n     JOIN public.b x ON ((x.id = a.id)))\n  WHERE true))",
        "(exists [ from public.a a, public.b x where (= x.id a.id) true])",
    );
    check(
        "(id IN ( SELECT a.id FROM ( SELECT b.id FROM public.b) a UNION SELECT c.id FROM public.c ORDER BY 1 LIMIT 2))",
        "(= any id [a.id from [b.id from public.b b] a with [c.id from public.c c then '1' '2']])",
    );
    check("(1 IN ( SELECT s.s FROM generate_series(1, 2) s(s)))", "(= any '1' [s.s from generate_series('1' '2') s])");
}

#[test]
fn parts_know_their_place() {
    let sql = "((owner = auth.uid()) AND (a > 1))";
    let expr = Expr::parse(sql);
    assert_eq!(expr.text(sql), sql);
    let parts: Vec<_> = expr.conjuncts().iter().map(|part| part.text(sql)).collect();
    assert_eq!(parts, ["(owner = auth.uid())", "(a > 1)"]);
    let mut calls = Vec::new();
    expr.walk(&mut |node| {
        if matches!(node.kind, Kind::Call { .. }) {
            calls.push(node.text(sql));
        }
    });
    assert_eq!(calls, ["auth.uid()"]);
}

#[test]
fn ways_to_hold() {
    let ways = |sql: &str| -> Vec<String> {
        let expr = Expr::parse(sql);
        expr.branches().iter().map(|way| way.iter().map(|part| part.text(sql)).collect::<Vec<_>>().join("+")).collect()
    };
    assert_eq!(ways("a"), ["a"]);
    assert_eq!(ways("((a AND b) OR c)"), ["a+b", "c"]);
    assert_eq!(ways("((a OR b) AND (c OR d))"), ["a+c", "a+d", "b+c", "b+d"]);
    let many = vec!["(a OR b)"; 30].join(" AND ");
    assert!(ways(&many).len() <= 1000);
}

#[test]
fn nonsense_ends() {
    for sql in [
        "",
        "(",
        ")",
        "a b c",
        "((((",
        "case",
        "select",
        "( SELECT",
        "a::",
        "a.",
        "not",
        "in (",
        "'",
        "exists (",
        "x is",
        "a operator(",
        "$",
        "( WITH x AS (",
    ] {
        Expr::parse(sql);
        Select::parse(sql);
    }
    let deep = "(".repeat(20_000) + &")".repeat(20_000);
    Expr::parse(&deep);
    let long = format!("(a{})", " or a".repeat(20_000));
    assert_eq!(Expr::parse(&long).disjuncts().len(), 20_001);
}

#[test]
fn cases_keep_their_ways() {
    check("CASE WHEN (a = 'z'::text) THEN true ELSE (b = c) END", "(case - ((= a 'z'::text) true) (= b c))");
    check("CASE kind WHEN 'a' THEN x WHEN 'b' THEN y END", "(case kind ('a' x) ('b' y) -)");
    check("CASE WHEN a THEN b ELSE c END AND d", "(and (case - (a b) c) d)");
}
