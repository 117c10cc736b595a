use super::*;

fn schema(functions: &[(&str, &str, &[&str], &str)]) -> Schema {
    let function = |(name, language, arguments, body): &(&str, &str, &[&str], &str)| {
        let types = vec!["uuid"; arguments.len()];
        let json = serde_json::json!({
            "oid": 1, "schema": "public", "name": name, "arguments": "", "argument_types": types, "argument_names": arguments,
            "defaults": 0, "result": "boolean", "kind": "function", "language": language, "security_definer": true,
            "volatility": "stable", "leakproof": false, "settings": [], "owner": "postgres", "extension": null, "body": body,
            "grants": [],
        });
        serde_json::from_value(json).unwrap_or_else(|error| panic!("{error}"))
    };
    Schema {
        server_version: 150_000,
        relations: Vec::new(),
        functions: functions.iter().map(function).collect(),
        types: Vec::new(),
        roles: Vec::new(),
        namespaces: Vec::new(),
        extensions: Vec::new(),
        buckets: Vec::new(),
    }
}

fn check(sql: &str, expected: &[&str]) {
    let found = unfold(&schema(&[]), sql);
    assert_eq!(found.ways.iter().map(|way| way.sql.as_str()).collect::<Vec<_>>(), expected, "{sql}");
}

#[test]
fn ways_of_plain_conditions() {
    check("a = 1", &["a = 1"]);
    check("((a = 1) OR (b AND (c OR d)))", &["(a = 1)", "(b) and (c)", "(b) and (d)"]);
    check("NOT (a OR (b AND c))", &["(not (a)) and (not (b))", "(not (a)) and (not (c))"]);
    check(
        "CASE WHEN (kind = 'z'::text) THEN true ELSE (o = auth.uid()) END",
        &["((kind = 'z'::text))", "(((kind = 'z'::text)) is not true) and ((o = auth.uid()))"],
    );
    check("CASE k WHEN 'a' THEN false ELSE x END", &["(((k) = ('a')) is not true) and (x)"]);
    check("(auth.uid() = COALESCE(a, b))", &["((auth.uid()) = (a))", "((a) is null) and ((auth.uid()) = (b))"]);
    check("(COALESCE((s ->> 'x'::text), 'no'::text) = 'yes'::text)", &["(((s ->> 'x'::text)) = ('yes'::text))"]);
    check(
        "(EXISTS ( SELECT 1 FROM public.m WHERE ((m.a = b) OR m.c)))",
        &["exists (select 1 from public.m where (m.a = b))", "exists (select 1 from public.m where m.c)"],
    );
    check("(a IN ( SELECT x FROM t WHERE y))", &["a = any (select x from t where y)"]);
}

#[test]
fn functions_are_opened_and_what_cannot_be_is_named() {
    let schema = schema(&[
        ("can_see", "sql", &[""], "select is_public or owner = auth.uid() from public.docs where id = $1"),
        ("may", "plpgsql", &["o"], "begin if o = auth.uid() then return true; end if; return public.can_see(o); end"),
        ("looks", "plpgsql", &["o"], "begin perform 1; return true; end"),
    ]);
    let ways = |sql: &str| unfold(&schema, sql).ways.into_iter().map(|way| way.sql).collect::<Vec<_>>();
    let inside = |condition: &str| {
        format!(
            "exists (select 1 from (select (id) as \"p1\") as \"_b1\" where exists (select 1 from public.docs where (id = \"_b1\".\"p1\") and ({condition})))"
        )
    };
    assert_eq!(ways("public.can_see(id)"), [inside("is_public"), inside("owner = auth.uid()")]);
    assert_eq!(
        unfold(&schema, "public.can_see(id)").ways[0].said,
        "can_see: exists (select 1 from public.docs where id = id and is_public)"
    );
    assert_eq!(ways("public.may(owner_id)").len(), 3);
    let closed = unfold(&schema, "(public.looks(id) OR (id = auth.uid()))");
    assert_eq!(closed.closed, ["public.looks: it performs something"]);
    assert_eq!(closed.ways.len(), 2);
    // What is given nothing of the row decides on the person alone.
    assert_eq!(unfold(&schema, "public.looks(auth.uid())").closed, [""; 0]);
}
