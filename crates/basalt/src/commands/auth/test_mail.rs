//! `basalt auth test-mail TO`

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use auth::{GoTrueEnv, Mailing};
use base::Secret;
use config::Env;
use mail::{Letters, Smtp};
use serde_json::{Map, Value, json};

use crate::commands::serve::variables;

/// Send one letter now, and show what the SMTP server says.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  basalt auth test-mail me@example.com                      by [auth.email.smtp] of this project\n  \
    basalt auth test-mail me@example.com --kind recovery      with the template of another letter\n  \
    basalt auth test-mail me@example.com --config auth.env    by the GOTRUE_SMTP_* variables of `serve auth`"
)]
pub struct Args {
    /// An address that you can read.
    #[arg(value_name = "ADDRESS")]
    to: String,
    /// Which letter, by its name in `[auth.email.template.<name>]`.
    #[arg(long, value_name = "NAME", default_value = "confirmation")]
    kind: String,
    /// The project's folder.
    #[arg(long, value_name = "DIR", default_value = ".")]
    workdir: PathBuf,
    /// A file of `GOTRUE_*=…` lines in place of a project.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    if !mail::KINDS.iter().any(|(kind, ..)| *kind == args.kind) {
        let kinds: Vec<&str> = mail::KINDS.iter().map(|(kind, ..)| *kind).collect();
        bail!("there is no letter of kind {:?}; the kinds are {}", args.kind, kinds.join(", "));
    }
    let (mailing, site_url) = settings(&args)?;
    let Some(smtp) = mailing.smtp else {
        bail!(
            "no SMTP server is configured: set [auth.email.smtp] in supabase/config.toml (or GOTRUE_SMTP_HOST)\n  \
             without one, letters of a project in development go to its inbox: basalt status shows the URL"
        );
    };
    let letters = Letters::new(&mailing.templates)?;
    if letters.has_remote() {
        letters.fetch(&jobs::net::client()?).await;
    }
    let letter = letters.fill(&args.kind, &sample(&args.to, &site_url))?;
    let user = if smtp.user.is_empty() { "nobody".to_owned() } else { smtp.user.clone() };
    eprintln!("Server   {}:{} as {user}", smtp.host, smtp.port);
    eprintln!("From     {} <{}>", smtp.sender_name, smtp.admin_email);
    eprintln!("To       {}", args.to);
    eprintln!("Subject  {}", letter.subject);
    let password = smtp.password.clone();
    match Smtp::new(smtp)?.send(crypto::random::uuid(), &args.to, &letter).await {
        Ok(answer) => println!("{}", without(&password, &answer)),
        Err(error) => bail!("{}", without(&password, &error.to_string())),
    }
    Ok(())
}

fn settings(args: &Args) -> anyhow::Result<(Mailing, String)> {
    if args.config.is_some() {
        let env = GoTrueEnv::read(&variables(args.config.as_ref())?)?;
        return Ok((env.mailing, env.config.site_url));
    }
    let folder = std::path::absolute(&args.workdir)?;
    let folder = config::find_project(&folder).context("there is no supabase/config.toml here or above")?;
    let env = Env::from_iter(std::env::vars()).with_files(&folder)?;
    let loaded = config::load(&folder, &env)?;
    let mailing = Mailing::from_project(&loaded.config.auth, &loaded.paths.supabase);
    Ok((mailing, loaded.config.auth.site_url))
}

/// What a template may name, with values that are good for nothing.
fn sample(to: &str, site_url: &str) -> Map<String, Value> {
    let values = json!({
        "SiteURL": site_url, "ConfirmationURL": format!("{site_url}/#this-is-a-test"), "Token": "123456",
        "TokenHash": "this-is-a-test", "Email": to, "NewEmail": to, "SendingTo": to, "RedirectTo": site_url,
        "Data": {}, "OldEmail": to, "Phone": "", "OldPhone": "", "Provider": "test", "FactorType": "totp",
    });
    match values {
        Value::Object(values) => values,
        _ => Map::new(),
    }
}

/// A server may repeat what it was told.
fn without(password: &Secret, text: &str) -> String {
    let hidden = password.expose();
    if hidden.is_empty() { text.to_owned() } else { text.replace(hidden.as_str(), "(the password)") }
}
