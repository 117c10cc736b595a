//! `basalt db dump`

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, bail};
use pg::{Address, Target};

use crate::commands::target::Where;
use crate::progress::Progress;

/// Schemas of the platform: they come with Basalt, not with a dump.
const PLATFORM: &str = "information_schema|pg_*|_analytics|_basalt|_realtime|_supavisor|auth|cron|dbdev|etl|extensions|graphql|\
    graphql_public|net|pgbouncer|pgmq|pgsodium|pgsodium_masks|pgtle|realtime|repack|storage|supabase_functions|\
    supabase_migrations|tiger|tiger_data|timescaledb_*|topology|vault";
/// With data, users and files are the project's; the platform's own bookkeeping is not.
const PLATFORM_DATA: &str = "information_schema|pg_*|_analytics|_basalt|_realtime|_supavisor|cron|dbdev|etl|extensions|graphql|\
    graphql_public|net|pgbouncer|pgsodium|pgsodium_masks|pgtle|realtime|repack|supabase_functions|supabase_migrations|tiger|\
    tiger_data|timescaledb_*|topology|vault";

/// Print the schema as SQL; the data or the roles with a flag. Uses pg_dump of the PostgreSQL that runs the project.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Where,
    /// Write into this file.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Data without the schema.
    #[arg(long, conflicts_with = "role_only")]
    data_only: bool,
    /// Roles without the schema.
    #[arg(long)]
    role_only: bool,
    /// Only these schemas.
    #[arg(short, long, value_name = "NAME", value_delimiter = ',')]
    schema: Vec<String>,
    /// Leave these tables out (`schema.table`).
    #[arg(short = 'x', long, value_name = "TABLE", value_delimiter = ',')]
    exclude: Vec<String>,
    /// Data as COPY instead of INSERT.
    #[arg(long)]
    use_copy: bool,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let progress = Progress::start();
    let plan = args.target.plan(&progress)?;
    let open = args.target.open(&plan, &progress).await?;
    progress.step("Dumping the database");
    let result = dump(&args, &open.admin).await;
    let text = open.finish(result).await?;
    progress.done();
    match &args.file {
        Some(file) => {
            std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
            eprintln!("Dumped into {}.", file.display());
        }
        None => print!("{text}"),
    }
    Ok(())
}

async fn dump(args: &Args, target: &Target) -> anyhow::Result<String> {
    let client = target.connect().await?;
    let version: i32 = client
        .query_one("select current_setting('server_version_num')::int", &[])
        .await
        .map_err(pg::Error::from)?
        .get(0);
    let major = u32::try_from(version / 10_000)?;
    let tool = if args.role_only { "pg_dumpall" } else { "pg_dump" };
    let path = std::env::var_os("PATH");
    let found = pgserver::find::all(path.as_deref(), Some(major)).await;
    let Some(program) = found.iter().filter(|i| i.major >= major).map(|i| i.bin.join(tool)).find(|p| p.is_file())
    else {
        bail!(
            "no {tool} of PostgreSQL {major} or later on this machine: install its client (Debian: apt install postgresql-client-{major}, Homebrew: brew install postgresql@{major})"
        );
    };
    let mut command = tokio::process::Command::new(&program);
    match &target.address {
        Address::Socket(folder) => command.arg("--host").arg(folder),
        Address::Tcp { host, .. } => command.arg("--host").arg(host),
    };
    command.args(["--port", &target.port.to_string(), "--username", &target.user, "--no-password"]);
    command.env("PGPASSWORD", target.password.expose()).args(arguments(args));
    if args.role_only {
        command.args(["--database", &target.database]);
    } else {
        command.arg(&target.database);
    }
    let output =
        command.stdin(Stdio::null()).output().await.with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!("{tool} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(tidy(&String::from_utf8(output.stdout).context("the dump is not UTF-8")?, args))
}

fn arguments(args: &Args) -> Vec<String> {
    let mut given: Vec<String> = Vec::new();
    if args.role_only {
        given.extend(
            ["--roles-only", "--quote-all-identifiers", "--no-role-passwords", "--no-comments"].map(str::to_owned),
        );
        return given;
    }
    given.push("--quote-all-identifiers".to_owned());
    if args.data_only {
        given.push("--data-only".to_owned());
        if !args.use_copy {
            given.extend(["--column-inserts".to_owned(), "--rows-per-insert=100000".to_owned()]);
        }
        for table in ["auth.schema_migrations", "storage.migrations", "supabase_functions.migrations", "pgmq.meta"] {
            given.push(format!("--exclude-table={table}"));
        }
    } else {
        given.extend(["--schema-only", "--no-subscriptions"].map(str::to_owned));
    }
    if args.schema.is_empty() {
        let platform = if args.data_only { PLATFORM_DATA } else { PLATFORM };
        given.push(format!("--exclude-schema={platform}"));
        if !args.data_only {
            given.push("--extension=*".to_owned());
        }
    } else {
        given.extend(args.schema.iter().map(|schema| format!("--schema={schema}")));
    }
    given.extend(args.exclude.iter().map(|table| format!("--exclude-table={table}")));
    given
}

/// A privilege on something of the platform or of an extension, which comes with the platform, or that its owner gave to `postgres`, who
/// cannot give it to himself.
fn is_grant_of_platform(line: &str) -> bool {
    let Some(on) =
        line.strip_prefix("GRANT ").or_else(|| line.strip_prefix("REVOKE ")).and_then(|l| l.split_once(" ON "))
    else {
        return false;
    };
    // `FUNCTION "schema"."name"(…) TO …`
    let schema = on.1.split('"').nth(1).unwrap_or_default();
    PLATFORM.split('|').any(|name| name == schema) || line.ends_with(" TO \"postgres\" WITH GRANT OPTION;")
}

/// What lets a dump be run again in another project: existing schemas and extensions are no error, roles of the platform are left out.
fn tidy(text: &str, args: &Args) -> String {
    const ROLES: &[&str] = crate::commands::platform_schema::ROLES;
    let mut out = String::with_capacity(text.len());
    if args.data_only {
        out.push_str("SET session_replication_role = replica;\n\n");
    }
    let asked = !args.schema.is_empty();
    for line in text.lines() {
        let role = line
            .strip_prefix("CREATE ROLE \"")
            .or_else(|| line.strip_prefix("ALTER ROLE \""))
            .and_then(|r| r.split('"').next());
        let foreign = (!asked && is_grant_of_platform(line))
            || line.starts_with("\\restrict")
            || line.starts_with("\\unrestrict")
            || line.starts_with("ALTER DEFAULT PRIVILEGES FOR ROLE \"supabase_admin\"")
            || line.starts_with("COMMENT ON EXTENSION")
            || role.is_some_and(|role| args.role_only && ROLES.contains(&role))
            || (args.role_only && line.starts_with("GRANT \"") && line.contains("GRANTED BY"));
        if foreign {
            continue;
        }
        let line = line
            .strip_prefix("CREATE SCHEMA \"")
            .map_or_else(|| line.to_owned(), |rest| format!("CREATE SCHEMA IF NOT EXISTS \"{rest}"));
        out.push_str(&line);
        out.push('\n');
    }
    if args.data_only {
        out.push_str("\nRESET ALL;\n");
    }
    out
}
