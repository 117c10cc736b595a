//! Grammar, errors with their lines, and the way back.

use super::*;

const SMALL: &str = r#"# Ours.
version = 1
[identities]
admin = { role = "authenticated", profile = { "public.profiles.role" = "admin" }, claims = { aal = "aal2" } }

[tables."public.posts"]
owner   = "author_id"
words   = { published = "published" } # the editor's flag
user    = { select = "own or published and others", update = "own: title, \"Größe, cm\"" }
admin   = { select = "where $uid::text <> '' and kind = 'a:b': id, title" }
service = { select = "all" }

[functions."public.search"]
anon = "execute"

[buckets.pictures]
public = true
words  = { mine = "name like $uid || '/%'" }
user   = { insert = "mine" }
"#;

#[test]
fn all_parts_are_read() {
    let spec = Spec::parse(SMALL).unwrap();
    assert_eq!(spec.identities[0].profile[0].column, "role");
    assert_eq!(spec.identities[0].claims["aal"], "aal2");
    let posts = spec.object(Kind::Table, "public.posts").unwrap();
    assert_eq!(posts.line, 6);
    let user = posts.entry("user").unwrap();
    assert_eq!(user.select.rows.to_string(), "own or published and others");
    assert_eq!(user.update.columns.as_deref().unwrap(), ["title", "Größe, cm"]);
    assert_eq!(user.delete.rows, Expr::None);
    let admin = &posts.entry("admin").unwrap().select;
    assert_eq!(admin.rows, Expr::Where("$uid::text <> '' and kind = 'a:b'".into()));
    assert_eq!(admin.columns.as_deref().unwrap(), ["id", "title"]);
    assert!(spec.object(Kind::Function, "public.search").unwrap().rights_of("anon").unwrap().execute);
    assert!(spec.object(Kind::Function, "public.search").unwrap().rights_of("user").is_none());
    let bucket = spec.object(Kind::Bucket, "pictures").unwrap();
    assert!(bucket.public && bucket.rights_of("admin") == bucket.entry("user"));
}

#[test]
fn wrong_texts_name_the_line() {
    let check = |old: &str, new: &str, line: usize, part: &str| {
        let error = Spec::parse(&SMALL.replacen(old, new, 1)).unwrap_err();
        assert!(error.line == line && error.message.contains(part), "{new}: {error}");
    };
    check("version = 1", "version = 2", 2, "version");
    check("claims", "claim", 4, "claim");
    check("admin = {", "anon = {", 4, "built in");
    check("own or published", "own or publishd", 9, "publishd");
    check("user    = {", "usr     = {", 9, "usr");
    check("select = \"own or", "selct = \"own or", 9, "selct");
    check("owner   = \"author_id\"\n", "", 8, "no owner");
    check("\"own: title", "\"own and: title", 9, "missing");
    check("anon = \"execute\"", "anon = \"call\"", 14, "execute");
    check("public = true", "public = 1", 17, "true or false");
    check("[buckets", "[bucket", 16, "bucket");
    check("version = 1", "version = ", 2, "");
}

#[test]
fn what_did_not_change_is_written_as_it_stood() {
    let mut spec = Spec::parse(SMALL).unwrap();
    assert_eq!(spec.to_toml(), SMALL);
    for object in &mut spec.objects {
        if object.kind == Kind::Table {
            object.rights[0].1.delete = Right::to(Expr::Own);
        }
    }
    let written = spec.to_toml();
    let changed: Vec<_> = written.lines().filter(|line| !SMALL.lines().any(|old| old == *line)).collect();
    assert_eq!(changed.len(), 1, "{written}");
    assert_eq!(Spec::parse(&written).unwrap().objects, spec.objects);
}

#[test]
fn a_new_file_reads_back() {
    let mut object = Object::new(Kind::Table, "public.notes");
    object.owner = Some(Owner::parse("book -> public.books.writer").unwrap());
    let own = Right { columns: Some(vec!["body".into(), "Ü".into(), "a b".into()]), ..Right::to(Expr::Own) };
    object.rights.push(("user".into(), Rights { select: Right::to(Expr::All), update: own, ..Rights::default() }));
    let mut spec = Spec::new();
    spec.objects.push(object);
    let text = spec.to_toml();
    let read = Spec::parse(&text).unwrap();
    assert_eq!(read.objects[0].rights, spec.objects[0].rights, "{text}");
    assert_eq!(read.objects[0].owner, spec.objects[0].owner);
}

#[test]
fn the_blueprints_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../blueprints");
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let text = std::fs::read_to_string(entry.join("access.toml")).unwrap();
        let spec = Spec::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", entry.display()));
        assert_eq!(spec.to_toml(), text);
    }
}
