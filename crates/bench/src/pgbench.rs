//! The other side: pgbench with the same statements, prepared and pipelined in one implicit transaction.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::process::Command;

use crate::database::{Cluster, USER};

/// The script of a case: the caller's identity and the statements in one flush.
pub fn script(random: &str, statements: &str) -> String {
    let claims = claims().replace('\'', "''");
    format!(
        "{random}\n\\startpipeline\nselect set_config('role','authenticated',true), \
         set_config('request.jwt.claims','{claims}',true);\n{statements}\n\\endpipeline\n"
    )
}

/// The claims that the token of the other side holds: 420 bytes, as Supabase makes them.
pub fn claims() -> String {
    serde_json::json!({
        "aud": "authenticated", "exp": 4_102_444_800_i64, "iat": 1_760_000_000, "iss": "http://127.0.0.1:54321/auth/v1", "sub": USER,
        "email": "student@example.org", "phone": "", "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {"name": "A Student"}, "role": "authenticated", "aal": "aal1",
        "amr": [{"method": "password", "timestamp": 1_760_000_000}], "session_id": "11111111-2222-4333-8444-555555555555", "is_anonymous": false
    })
    .to_string()
    // pgbench would take `:false` for one of its variables.
    .replace(":false", ": false")
}

/// Transactions per second with the best of several numbers of connections.
pub async fn best_of(cluster: &Cluster, script: &str, connections: &[usize], time: Duration) -> anyhow::Result<f64> {
    let mut best: f64 = 0.0;
    for count in connections {
        best = best.max(run(cluster, script, *count, time).await?);
    }
    Ok(best)
}

async fn run(cluster: &Cluster, script: &str, connections: usize, time: Duration) -> anyhow::Result<f64> {
    run_as(cluster, &cluster.words("authenticator"), &[], script, connections, time).await
}

/// Transactions per second of a script, on the database and by the user that libpq's words name, with further options of pgbench.
pub async fn run_as(
    cluster: &Cluster,
    words: &str,
    options: &[&str],
    script: &str,
    connections: usize,
    time: Duration,
) -> anyhow::Result<f64> {
    let file = cluster.folder().join("pgbench.sql");
    std::fs::write(&file, script)?;
    let output = Command::new(cluster.program("pgbench"))
        .args(["-n", "-M", "prepared", "-j", "1", "-c", &connections.to_string()])
        .args(options)
        .args(["-T", &time.as_secs().max(1).to_string(), "-f"])
        .arg(&file)
        .arg(words)
        .stdin(Stdio::null())
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "pgbench: {text}{}", String::from_utf8_lossy(&output.stderr));
    let tps = text.lines().find_map(|line| line.strip_prefix("tps = "));
    tps.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).with_context(|| format!("pgbench said: {text}"))
}
