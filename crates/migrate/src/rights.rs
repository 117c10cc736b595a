//! What may run with more rights than `postgres` has: the statements that supautils allows on the hosted platform.
//!
//! A statement is allowed by its whole text, token by token, so that nothing rides along. What changes roles is allowed word by word:
//! an option that is not known here is refused by PostgreSQL as it is for everybody.

use pg::ident;

use crate::lexer::{Token, tokens};

/// Roles that applications set parameters of, and that `postgres` does not own.
const SHARED_ROLES: &[&str] = &["anon", "authenticated", "authenticator", "service_role", "postgres"];
/// Memberships that a new role may be created with.
const GIVEN_AWAY: &[&str] = &["anon", "authenticated", "service_role"];
/// Names that are no names, and roles of the platform.
const NOT_THEIRS: &[&str] =
    &["current_user", "session_user", "current_role", "user", "public", "all", "none", "dashboard_user", "pgbouncer"];
/// Options of a role that need no superuser's judgement.
const ROLE_OPTIONS: &[&str] = &[
    "with",
    "login",
    "nologin",
    "inherit",
    "noinherit",
    "createdb",
    "nocreatedb",
    "createrole",
    "nocreaterole",
    "nosuperuser",
    "bypassrls",
    "nobypassrls",
    "replication",
    "noreplication",
    "encrypted",
];
/// Settings that load code, or run it at the start of a session.
const CODE_SETTINGS: &[&str] =
    &["session_preload_libraries", "local_preload_libraries", "shared_preload_libraries", "dynamic_library_path"];
/// Schemas for whose future objects of the superuser default privileges may be set.
const OPEN_SCHEMAS: &[&str] = &[
    "public",
    "extensions",
    "graphql",
    "graphql_public",
    "storage",
    "realtime",
    "cron",
    "net",
    "pgmq",
    "supabase_functions",
];
/// Our own event triggers keep the project's in check.
const OUR_EVENT_TRIGGERS: &str = "basalt_";

/// What may run with more rights for this statement, in order: itself, and what goes with it. Empty: it runs as it is.
pub(crate) fn elevated(sql: &str) -> Vec<String> {
    let tokens = tokens(sql);
    if !is_allowed(&tokens) {
        return Vec::new();
    }
    let adopted = match tokens.as_slice() {
        [Token::Word(create), Token::Word(kind), name, ..] if create == "create" && is_role(kind) => name.name(),
        _ => None,
    };
    // From PostgreSQL 16 on the creator of a role has its administration; here the creator is the superuser, and `postgres` meant.
    let adopt = adopted.map(|role| format!("grant {} to postgres with admin option", ident(role)));
    std::iter::once(sql.to_owned()).chain(adopt).collect()
}

fn is_allowed(tokens: &[Token]) -> bool {
    let words: Vec<&str> = tokens.iter().map(|token| token.word().unwrap_or_default()).collect();
    let has = |wanted: &str| words.contains(&wanted);
    let pair = |a: &str, b: &str| words.windows(2).any(|pair| pair == [a, b]);
    match words.as_slice() {
        ["create" | "drop", "event", "trigger", ..] => !touches_our_trigger(&tokens[3..]),
        ["alter", "event", "trigger", _, "enable" | "disable"] => !touches_our_trigger(&tokens[3..]),
        ["alter", "event", "trigger", _, "rename", "to", _] => !touches_our_trigger(&tokens[3..]),
        ["comment", "on", "extension", ..] | ["comment", "on", "event", "trigger", ..] => true,
        ["alter", "extension", _, "update", ..] | ["alter", "extension", _, "set", "schema", _] => true,
        ["drop", "extension", ..] | ["drop", "publication", ..] => true,
        ["create" | "alter", "publication", ..] => pair("all", "tables") || pair("tables", "in"),
        ["create", kind, _, options @ ..] if is_role(kind) => {
            is_their_role(&tokens[2]) && needs_superuser(options) && are_role_options(&tokens[3..], options)
        }
        ["alter", kind, _, rest @ ..] if is_role(kind) => {
            let name = tokens[2].name().unwrap_or_default();
            match rest {
                ["set" | "reset", setting, ..] | ["in", "database", _, "set" | "reset", setting, ..] => {
                    SHARED_ROLES.contains(&name) && !CODE_SETTINGS.contains(setting) && !is_of_a_language(setting)
                }
                // Also what takes these options away is a superuser's, before PostgreSQL 16.
                _ => {
                    let takes_away =
                        rest.iter().any(|word| matches!(*word, "nosuperuser" | "nobypassrls" | "noreplication"));
                    is_their_role(&tokens[2])
                        && (needs_superuser(rest) || takes_away)
                        && are_role_options(&tokens[3..], rest)
                }
            }
        }
        // A validator of the project would run with our rights over the options.
        ["create" | "alter", "foreign", "data", "wrapper", ..] => !has("options") && !has("owner"),
        ["drop", "foreign", "data", "wrapper", ..] => true,
        // An application's own settings, which no library reads.
        ["alter", "database", _, "set" | "reset", ..] => is_of_the_application(&tokens[4..]),
        ["alter", "default", "privileges", "for", "role" | "user", _, "in", "schema", rest @ ..]
            if tokens[5].name() == Some("supabase_admin") =>
        {
            let schemas = rest.iter().zip(&tokens[8..]).take_while(|(word, _)| !matches!(**word, "grant" | "revoke"));
            let mut names = schemas.filter(|(_, token)| **token != Token::Symbol(',')).map(|(_, token)| token.name());
            names.all(|name| name.is_some_and(|name| OPEN_SCHEMAS.contains(&name)))
        }
        _ => false,
    }
}

fn is_role(kind: &str) -> bool {
    matches!(kind, "role" | "user")
}

fn is_their_role(token: &Token) -> bool {
    let postgres_or_new = |name: &str| {
        name == "postgres"
            || !(SHARED_ROLES.contains(&name) || name.starts_with("supabase_") || name.starts_with("pg_"))
    };
    token.name().is_some_and(|name| !NOT_THEIRS.contains(&name) && postgres_or_new(name))
}

fn needs_superuser(words: &[&str]) -> bool {
    words.iter().any(|word| matches!(*word, "bypassrls" | "replication"))
}

/// Nothing but options that are known to give no more than they say.
fn are_role_options(tokens: &[Token], words: &[&str]) -> bool {
    let mut at = 0;
    while at < tokens.len() {
        let step = match (&words[at..], &tokens[at..]) {
            ([option, ..], _) if ROLE_OPTIONS.contains(option) => 1,
            (["password", "null", ..], _) | (["password", ..], [_, Token::Text, ..]) => 2,
            (["connection", "limit", limit, ..], _)
                if limit.bytes().all(|b| b.is_ascii_digit()) && !limit.is_empty() =>
            {
                3
            }
            (["connection", "limit", ..], [_, _, Token::Symbol('-'), Token::Word(_), ..]) => 4,
            (["valid", "until", ..], [_, _, Token::Text, ..]) => 3,
            (["in", "role" | "group", _, ..], [_, _, role, ..])
                if role.name().is_some_and(|name| GIVEN_AWAY.contains(&name)) =>
            {
                3
            }
            ([_, _, ..], [Token::Symbol(','), role, ..])
                if role.name().is_some_and(|name| GIVEN_AWAY.contains(&name)) && words[..at].contains(&"in") =>
            {
                2
            }
            _ => return false,
        };
        at += step;
    }
    true
}

/// `app.settings.jwt_secret`, quoted or not.
fn is_of_the_application(setting: &[Token]) -> bool {
    match setting {
        [Token::Word(word), Token::Symbol('.'), ..] => word == "app",
        [Token::Name(name), ..] => name == "app" || name.starts_with("app."),
        _ => false,
    }
}

/// `plperl.on_init` and its like run code.
fn is_of_a_language(setting: &str) -> bool {
    setting.starts_with("pl") && setting != "plan_filter"
}

fn touches_our_trigger(names: &[Token]) -> bool {
    names.iter().filter_map(Token::name).any(|name| name.starts_with(OUR_EVENT_TRIGGERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hosted_projects_write_is_allowed() {
        for sql in [
            "create event trigger e on ddl_command_end execute function f()",
            "alter event trigger e disable",
            "drop event trigger if exists e",
            "create publication p for all tables",
            "alter publication p add tables in schema public",
            "alter role x bypassrls",
            "alter role x with nobypassrls",
            "alter role x nosuperuser",
            "alter role authenticator set plan_filter.statement_cost_limit = 10000",
            "create role r with login password 'x' bypassrls",
            "CREATE ROLE \"reporting\" WITH LOGIN NOINHERIT REPLICATION CONNECTION LIMIT -1 VALID UNTIL 'infinity' in role anon, authenticated",
            "alter role authenticator set pgrst.db_schemas = 'a'",
            "alter role anon in database postgres set statement_timeout to '5s'",
            "comment on extension pgcrypto is 'x'",
            "alter extension pg_net update",
            "alter default privileges for role supabase_admin in schema public, \"storage\" grant all on tables to postgres",
            "alter default privileges for role \"supabase_admin\" in schema \"public\" grant all on tables to \"anon\"",
            "create foreign data wrapper w handler h validator v",
            "alter database postgres set \"app.jwt_secret\" to 'x'",
            "alter database postgres set app.settings.url = 'x'",
        ] {
            assert!(!elevated(sql).is_empty(), "{sql}");
        }
    }

    #[test]
    fn nothing_rides_along() {
        let padding = (0..80).map(|n| format!("r{n}")).collect::<Vec<_>>().join(", ");
        for sql in [
            "create role r superuser bypassrls",
            "create role r bypassrls \"superuser\"",
            "create role r bypassrls U&\"s\\0075peruser\"",
            &format!("create role r bypassrls role {padding} superuser"),
            "create role r bypassrls in role supabase_admin",
            "create role r bypassrls in role anon, supabase_admin",
            "create role r bypassrls, authenticated",
            "alter role supabase_admin password 'x' replication",
            "alter role \"supabase_admin\" bypassrls",
            "alter role current_user bypassrls password 'x'",
            "alter role session_user bypassrls",
            "alter role postgres superuser",
            "alter role authenticator bypassrls",
            "alter role postgres set session_preload_libraries = 'x'",
            "alter role postgres set plperl.on_plperl_init = 'x'",
            "create role r nobypassrls",
            "create foreign data wrapper w validator v options (a 'b')",
            "alter foreign data wrapper w options (add a 'b')",
            "alter event trigger e enable always",
            "alter event trigger e owner to postgres",
            "drop event trigger basalt_event_functions",
            "drop event trigger if exists e, \"basalt_event_functions\"",
            "alter event trigger basalt_event_functions disable",
            "alter default privileges for role supabase_admin grant all on tables to postgres",
            "alter default privileges for role supabase_admin in schema public, _basalt grant all on tables to postgres",
            "alter extension pgcrypto add table vault.secrets",
            "alter system set x = 1",
            "alter database postgres set session_preload_libraries = 'x'",
            "alter database postgres set plperl.on_init = 'x'",
            "alter database postgres set \"plperl.on_init\" = 'x'",
            "alter database postgres owner to app",
            "create publication p for table t",
            "select 'create event trigger'",
            "create table event (trigger int)",
            "create extension vector",
        ] {
            assert!(elevated(sql).is_empty(), "{sql}");
        }
    }

    #[test]
    fn a_role_made_by_the_superuser_is_given_to_postgres() {
        assert_eq!(elevated("create role \"My Role\" bypassrls")[1], "grant \"My Role\" to postgres with admin option");
        assert_eq!(elevated("create user app bypassrls")[1], "grant \"app\" to postgres with admin option");
        assert_eq!(elevated("alter role app bypassrls").len(), 1);
    }
}
