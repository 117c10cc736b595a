use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn data() -> Value {
    json!({
        "SiteURL": "https://app.example.org", "ConfirmationURL": "https://api.example.org/verify?token=abc&type=signup",
        "Token": "123456", "Email": "o'neil+tag@example.org", "RedirectTo": "https://app.example.org/a b?x=1",
        "Data": {"name": "Ada <b>", "roles": ["admin", "editor"], "n": 3, "price": 2.5, "vip": true, "odd name": "x"},
    })
}

fn html(source: &str) -> String {
    Template::html("t", source).unwrap().render(&data()).unwrap()
}

fn text(source: &str) -> String {
    Template::text("t", source).unwrap().render(&data()).unwrap()
}

#[test]
fn fields_pipes_and_functions() {
    for (source, expect) in [
        ("{{ .Token }} is your code", "123456 is your code"),
        ("{{.Data.name}}|{{ .Data.missing }}|{{ .No.such.thing }}", "Ada <b>||"),
        ("{{ index .Data \"odd name\" }}", "x"),
        ("{{ index .Data.roles 1 }}", "editor"),
        ("{{ (index .Data \"roles\") | len }}", "2"),
        (
            "{{ printf \"%s has %d of %05.1f%%, %q\" .Data.name .Data.n .Data.price .Token }}",
            "Ada <b> has 3 of 002.5%, \"123456\"",
        ),
        ("{{ .Data.n }} {{ .Data.price }} {{ .Data.vip }} {{ .Data.roles }}", "3 2.5 true [admin editor]"),
        ("{{ slice .Token 0 3 }}-{{ slice .Token 3 }}", "123-456"),
        ("{{ .Email | urlquery }}", "o%27neil%2btag%40example.org"),
        ("{{ \"a<b\" | html }} {{ print 1 2 \"x\" }} {{ `raw` }} {{ 'a' }}", "a&lt;b 1 2x raw 97"),
        ("{{ and .Data.vip .Token }} {{ or .Data.missing \"anon\" }} {{ not .Data.vip }}", "123456 anon false"),
        (
            "{{ eq .Data.n 3 }} {{ ne .Token \"1\" }} {{ lt 1 2 }} {{ ge 2 3 }} {{ eq .Token \"a\" \"123456\" }}",
            "true true true false true",
        ),
        ("{{ $.Token }} {{ $x := .Data.name }}{{ $x }}{{ $x = \"y\" }}{{ $x }}", "123456 Ada <b>y"),
        ("{{/* a comment */}}a{{- /* another */ -}} b", "ab"),
        ("a {{- \" b \" -}} c", "a b c"),
    ] {
        assert_eq!(text(source), expect, "{source}");
    }
}

#[test]
fn branches_and_loops() {
    for (source, expect) in [
        ("{{ if .Data.vip }}yes{{ else }}no{{ end }}", "yes"),
        ("{{ if .Data.missing }}a{{ else if eq .Data.n 3 }}b{{ else }}c{{ end }}", "b"),
        ("{{ with .Data }}{{ .name }}{{ $.Token }}{{ end }}", "Ada <b>123456"),
        ("{{ with .Data.missing }}x{{ else }}nobody{{ end }}", "nobody"),
        ("{{ range .Data.roles }}[{{ . }}]{{ end }}", "[admin][editor]"),
        ("{{ range $i, $r := .Data.roles }}{{ $i }}={{ $r }};{{ end }}", "0=admin;1=editor;"),
        ("{{ range .Data.missing }}x{{ else }}none{{ end }}", "none"),
        ("{{ range $k, $v := .Data }}{{ if eq $k \"name\" }}{{ break }}{{ end }}{{ $k }},{{ end }}", "n,"),
        ("{{ range .Data.roles }}{{ if eq . \"admin\" }}{{ continue }}{{ end }}{{ . }}{{ end }}", "editor"),
        ("{{ define \"sig\" }}-- {{ . }}{{ end }}{{ template \"sig\" .Token }}", "-- 123456"),
        ("{{ $n := 0 }}{{ range .Data.roles }}{{ $n = len . }}{{ end }}{{ $n }}", "6"),
        ("{{ block \"b\" .Data }}{{ .n }}{{ end }}", "3"),
    ] {
        assert_eq!(text(source), expect, "{source}");
    }
}

#[test]
fn a_value_is_escaped_for_its_place() {
    for (source, expect) in [
        ("<p>{{ .Data.name }}</p>", "<p>Ada &lt;b&gt;</p>"),
        ("<p title=\"{{ .Data.name }}\">", "<p title=\"Ada &lt;b&gt;\">"),
        ("<p title={{ .Data.name }}>", "<p title=Ada&#32;&#60;b&#62;>"),
        (
            "<a href=\"{{ .ConfirmationURL }}\">",
            "<a href=\"https://api.example.org/verify?token=abc&amp;type=signup\">",
        ),
        (
            "<a href='{{ .SiteURL }}/x?email={{ .Email }}&n={{ .Data.n }}'>",
            "<a href='https://app.example.org/x?email=o%27neil%2btag%40example.org&n=3'>",
        ),
        ("<a href=\"{{ .RedirectTo }}\">", "<a href=\"https://app.example.org/a%20b?x=1\">"),
        ("<a href=\"{{ \"javascript:alert(1)\" }}\">", "<a href=\"#ZgotmplZ\">"),
        ("<a href=\"{{ \"com.example.app://login\" }}\">", "<a href=\"com.example.app://login\">"),
        ("<p style=\"color: {{ \"red;x:expression(1)\" }}\">", "<p style=\"color: ZgotmplZ\">"),
        (
            "<style>p { color: {{ \"#ff0000\" }} }</style>{{ .Data.name }}",
            "<style>p { color: #ff0000 }</style>Ada &lt;b&gt;",
        ),
        ("<script>var x = {{ .Data.name }};</script>", "<script>var x =  \"Ada \\u003cb\\u003e\" ;</script>"),
        (
            "<script>var x = \"{{ .Data.name }}\";</script>{{ \"<\" }}",
            "<script>var x = \"Ada \\u003Cb\\u003E\";</script>&lt;",
        ),
        ("<title>{{ .Data.name }}</title>", "<title>Ada &lt;b&gt;</title>"),
        ("<!-- {{ .Data.name }} --><i>{{ .Token }}", "<!--  --><i>123456"),
        ("<!--[if mso]><p><![endif]-->{{ \"<\" }}", "<!--[if mso]><p><![endif]-->&lt;"),
        ("<p {{ \"onclick\" }}=\"x\">", "<p ZgotmplZ=\"x\">"),
        ("{{ .Data.name | html }}", "Ada &lt;b&gt;"),
        ("<a href=\"/x?e={{ .Email | urlquery }}\">", "<a href=\"/x?e=o%27neil%2btag%40example.org\">"),
        ("a < b {{ \"<\" }}", "a < b &lt;"),
    ] {
        assert_eq!(html(source), expect, "{source}");
    }
}

#[test]
fn mistakes_are_named_with_their_line() {
    for (source, line, part) in [
        ("a\n{{ .X", 2, "not closed"),
        ("{{ if .X }}\na", 1, "{{if}} is not closed"),
        ("a\n\n{{ end }}", 3, "without an open block"),
        ("{{ else }}", 1, "without an open block"),
        ("{{ if .X }}{{ else }}{{ else }}{{ end }}", 1, "a second else"),
        ("{{ nothing .X }}", 1, "there is no function"),
        ("{{ $y }}", 1, "was not declared"),
        ("{{ }}", 1, "empty"),
        ("{{ .X | }}", 1, "missing"),
        ("{{ .X | .Y }}", 1, "after | comes a function"),
        ("{{ .X .Y }}", 1, "only a function takes arguments"),
        ("{{ not }}", 1, "at least 1"),
        ("{{ (.X }}", 1, "bracket is not closed"),
        ("{{ .X) }}", 1, "not opened"),
        ("{{ \"abc }}", 1, "not closed"),
        ("\n{{ template \"x\" }}", 2, "no template"),
        ("{{ break }}", 1, "outside of a range"),
        ("{{/* x }}", 1, "comment"),
    ] {
        let error = Template::html("welcome", source).unwrap_err();
        assert_eq!(error.line, line, "{source}: {error}");
        assert!(error.message.contains(part), "{source}: {error}");
    }
    let late = Template::text("t", "\n{{ index .Data.roles 9 }}").unwrap().render(&data()).unwrap_err();
    assert_eq!((late.line, late.message.contains("out of range")), (2, true));
    let endless = Template::text("t", "{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}").unwrap();
    assert!(endless.render(&data()).unwrap_err().message.contains("without end"));
}

proptest! {
    /// Any source: parsed or refused, and what is parsed renders or fails, without a panic.
    #[test]
    fn any_source_has_an_answer(source in "(\\{\\{[-a-z .$\"|()=:,0-9]{0,12}\\}\\}|[<>a-z\"'= /\n-]{0,6}|\\PC{0,3}){0,8}") {
        if let Ok(template) = Template::html("p", &source) {
            let _ = template.render(&data());
        }
    }

    /// Text without an action comes out as it went in.
    #[test]
    fn literal_text_stays(source in "[^{]{0,200}") {
        prop_assert_eq!(Template::html("p", &source).unwrap().render(&Value::Null).unwrap(), source);
    }

    /// No value can open a tag, end an attribute, or start a script.
    #[test]
    fn a_value_never_leaves_its_place(value in "\\PC{0,40}") {
        let data = json!({ "v": value });
        let out = |source: &str| Template::html("p", source).unwrap().render(&data).unwrap();
        let text = out("<p>{{ .v }}</p>");
        prop_assert!(!text[3..text.len() - 4].contains(['<', '>', '"', '\'']));
        let quoted = out("<p title=\"{{ .v }}\">");
        prop_assert_eq!(quoted.matches('"').count(), 2);
        let bare = out("<p title={{ .v }}>");
        prop_assert!(!bare[9..bare.len() - 1].contains([' ', '\t', '\n', '>', '<', '"', '\'']));
        let url = out("<a href=\"{{ .v }}\">").to_ascii_lowercase();
        prop_assert!(!url.contains("javascript:") && !url.contains("data:") && !url.contains("vbscript:"));
        let script = out("<script>f(\"{{ .v }}\")</script>");
        prop_assert_eq!((script.matches('"').count(), script.matches("</").count()), (2, 1));
    }
}
