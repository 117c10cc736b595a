//! `basalt auth …`

mod test_mail;

use clap::Subcommand;

/// Try out what the auth service is configured with.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send one letter now, and show what the SMTP server says.
    TestMail(test_mail::Args),
}

/// Runs one of them.
pub async fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::TestMail(args) => test_mail::run(args).await,
    }
}
