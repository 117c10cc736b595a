//! `basalt migration down`

use crate::commands::db::take_back;
use crate::commands::target::Where;

/// Take the newest migrations back by their scripts in supabase/rollback.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 1)]
    last: usize,
    #[command(flatten)]
    target: Where,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    take_back(&args.target, args.last).await
}
