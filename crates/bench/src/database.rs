//! A PostgreSQL of its own, with the school that everything is measured on.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use pg::Target;

/// A server that stops when it is dropped.
pub struct Cluster {
    folder: PathBuf,
    bin: PathBuf,
}

/// The user on whose rows everything is measured.
pub const USER: &str = "00000000-0000-4000-8000-000000000001";

/// 50,000 courses of 10 columns (about 410 bytes of JSON each), 540,000 enrollments of which 40,000 are the user's, 20 on each of 2,000
/// courses; row-level security on all, with the policies that Supabase documents.
const SCHEMA: &str = "
    create role authenticator noinherit login; create role anon; create role authenticated; grant anon, authenticated to authenticator;
    create schema auth; grant usage on schema auth to anon, authenticated;
    create function auth.uid() returns uuid language sql stable as $$
        select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
            (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'))::uuid $$;
    create table courses(id bigint primary key, public_id uuid not null, owner_id uuid not null, category_id bigint not null,
        title text not null, description text not null, price numeric(10,2) not null, published boolean not null,
        created_at timestamptz not null, metadata jsonb not null);
    insert into courses select n, md5('p' || n)::uuid, case when n % 25 = 0 then '00000000-0000-4000-8000-000000000001'::uuid
        else md5('o' || n % 997)::uuid end, n % 50, 'Course number ' || n || ' on things worth knowing',
        repeat('What you will learn here. ', 5), (n % 500)::numeric / 3 + 1, n % 5 <> 0, timestamptz '2026-01-01' + n * interval '1 minute',
        jsonb_build_object('level', n % 3, 'tags', jsonb_build_array('a' || n % 7, 'b')) from generate_series(1, 50000) n;
    create index on courses(category_id, created_at desc); create index on courses(owner_id);
    create table enrollments(id bigint generated always as identity primary key, course_id bigint not null references courses,
        user_id uuid not null, progress int not null, note text not null, enrolled_at timestamptz not null default now());
    insert into enrollments(course_id, user_id, progress, note) select n % 50000 + 1, md5('u' || n % 4999)::uuid, n % 101, 'note ' || n
        from generate_series(1, 500000) n;
    insert into enrollments(course_id, user_id, progress, note) select c, '00000000-0000-4000-8000-000000000001', k, 'mine ' || k
        from generate_series(1, 2000) c, generate_series(1, 20) k;
    create index on enrollments(course_id, user_id);
    create table notes(id bigint generated always as identity primary key, user_id uuid not null, course_id bigint not null,
        body text not null, created_at timestamptz not null default now());
    create index on notes(user_id);
    alter table courses enable row level security; alter table enrollments enable row level security; alter table notes enable row level security;
    create policy read on courses for select to authenticated using (published or owner_id = (select auth.uid()));
    create policy own on enrollments to authenticated using (user_id = (select auth.uid()));
    create policy own on notes to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
    create function add_them(a int, b int) returns int language sql immutable as 'select a + b';
    grant select on courses, enrollments to authenticated; grant select, insert on notes to authenticated;";

impl Cluster {
    /// Starts a server with the school in it.
    pub fn start() -> anyhow::Result<Self> {
        Self::with(SCHEMA)
    }

    /// Starts a server with durable writes and enough memory for all data, and fills it.
    pub fn with(schema: &str) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("bench").tempdir()?.keep();
        let cluster = Self { bin: bin()?, folder };
        run(Command::new("chown").arg("postgres").arg(&cluster.folder))?;
        run(cluster
            .server_command("initdb")
            .args(["-A", "trust", "-U", "postgres", "--no-locale", "-E", "UTF8", "-D"])
            .arg(cluster.data()))?;
        let options = format!(
            "-k {} -c listen_addresses= -c shared_buffers=512MB -c jit=off -c max_connections=200 -c max_wal_size=4GB \
             -c checkpoint_timeout=30min -c autovacuum=off",
            cluster.folder.display()
        );
        let log = cluster.folder.join("data/log");
        run(cluster
            .server_command("pg_ctl")
            .arg("-D")
            .arg(cluster.data())
            .arg("-l")
            .arg(log)
            .args(["-o", &options, "-w", "start"]))?;
        cluster.psql(schema)?;
        cluster.psql("vacuum analyze")?;
        Ok(cluster)
    }

    /// Reached as this login role.
    pub fn target(&self, user: &str) -> anyhow::Result<Target> {
        Target::parse(&self.words(user)).map_err(anyhow::Error::msg)
    }

    /// The same as words of libpq.
    pub fn words(&self, user: &str) -> String {
        format!("host={} port=5432 user={user} dbname=postgres", self.folder.display())
    }

    /// Runs SQL as the superuser.
    pub fn psql(&self, sql: &str) -> anyhow::Result<()> {
        self.psql_at(&self.words("postgres"), sql)
    }

    /// The same on the database and by the user that libpq's words name.
    pub fn psql_at(&self, words: &str, sql: &str) -> anyhow::Result<()> {
        run(Command::new(self.bin.join("psql")).args(["-Xq", "-v", "ON_ERROR_STOP=1", "-d", words, "-c", sql]))
    }

    /// Runs SQL as the superuser and returns what it printed: one value, or nothing.
    pub fn ask(&self, sql: &str) -> anyhow::Result<String> {
        let mut command = Command::new(self.bin.join("psql"));
        command.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", &self.words("postgres"), "-c", sql]);
        let output = command.stdin(Stdio::null()).output()?;
        ensure!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Stops the server, cutting all connections, and starts it again with the same options.
    pub fn restart(&self) -> anyhow::Result<()> {
        let mut command = self.server_command("pg_ctl");
        command.arg("-D").arg(self.data()).arg("-l").arg(self.folder.join("data/log"));
        run(command.args(["-m", "fast", "-w", "restart"]))
    }

    /// A program of this PostgreSQL.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// A folder for scripts and configuration.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process that all others descend from.
    pub fn postmaster(&self) -> anyhow::Result<u32> {
        let pid = std::fs::read_to_string(self.data().join("postmaster.pid"))?;
        pid.lines().next().and_then(|line| line.parse().ok()).context("postmaster.pid")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// PostgreSQL refuses to run as root: then it runs as `postgres`.
    fn server_command(&self, program: &str) -> Command {
        let root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
        let program = self.bin.join(program);
        if !root {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = run(self.server_command("pg_ctl").arg("-D").arg(self.data()).args(["-m", "immediate", "-w", "stop"]));
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn bin() -> anyhow::Result<PathBuf> {
    let mut found: Vec<PathBuf> = glob::glob("/usr/lib/postgresql/*/bin/pgbench")?.flatten().collect();
    found.sort();
    found.pop().and_then(|p| p.parent().map(Path::to_owned)).context("pgbench is not installed (postgresql-contrib)")
}
