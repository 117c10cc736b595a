//! `basalt db explain-access`

use std::process::ExitCode;

use access::explain::{self, Action, Question};
use anyhow::Context;
use clap::ValueEnum;
use serde_json::Value;

use crate::commands::target::Where;
use crate::progress::Progress;

/// Say why a user may see or change a row, or what stops him: grants, policies, each condition on that row.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basalt db explain-access courses 7 --as anon\n  \
    basalt db explain-access public.enrollments course_id=7,student_id=… --as mia@example.com --for update\n\n\
    Nothing is changed: the database is read in a transaction that is rolled back.")]
pub struct Args {
    /// The table or view; without a schema: of public.
    table: String,
    /// The row: its primary key (`7`, or `7,de` for two columns), or `column=value,…`.
    key: String,
    /// Who: anon, service, a role, or a user by e-mail address, phone number or id.
    #[arg(long = "as", value_name = "WHO")]
    who: String,
    /// To do what.
    #[arg(long = "for", value_name = "ACTION", value_enum, default_value_t = What::Select)]
    what: What,
    /// Claims to add to the token, or to put in place of those in it, as a JSON object.
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Output::Pretty)]
    output: Output,
    #[command(flatten)]
    target: Where,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    Select,
    Insert,
    Update,
    Delete,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    Pretty,
    Json,
}

/// 0: allowed; 1: not allowed; 2: the question cannot be answered.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let claims: Option<Value> = match &args.claims {
        Some(text) => Some(serde_json::from_str(text).context("--claims is not JSON")?),
        None => None,
    };
    anyhow::ensure!(claims.as_ref().is_none_or(Value::is_object), "--claims is not a JSON object");
    let progress = Progress::start();
    let plan = args.target.plan(&progress)?;
    let open = args.target.open(&plan, &progress).await?;
    let work = async {
        let client = open.admin.connect().await?;
        let question = Question {
            table: &args.table,
            key: &args.key,
            caller: &args.who,
            claims: claims.as_ref(),
            action: match args.what {
                What::Select => Action::Select,
                What::Insert => Action::Insert,
                What::Update => Action::Update,
                What::Delete => Action::Delete,
            },
        };
        anyhow::Ok(explain::explain(&client, &question).await?)
    };
    let result = work.await;
    let explanation = open.finish(result).await?;
    progress.done();
    match args.output {
        Output::Pretty => print!("{}", explain::render(&explanation)),
        Output::Json => println!("{}", serde_json::to_string_pretty(&explanation)?),
    }
    Ok(if explanation.verdict.allowed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
