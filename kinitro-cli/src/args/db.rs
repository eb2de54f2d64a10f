use crate::variables;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Create the database, without tables, if it does not exist.
    Create(DatabaseArguments),
    /// Create the tables, or migrate those of an older version. Data is kept.
    Init(DatabaseArguments),
    /// Show what is in the database.
    Status(DbStatusArguments),
    /// Delete the jobs of old cycles. Scores, weights and reports are kept.
    Prune(DbPruneArguments),
    /// Delete everything in the database.
    Reset(DbResetArguments),
}

#[derive(Debug, Args)]
pub(crate) struct DatabaseArguments {
    /// The database: `postgresql://USER:PASSWORD@HOST/NAME` or `sqlite:PATH` [default:
    /// kinitro/kinitro.db in $XDG_DATA_HOME or ~/.local/share]
    // Not parsed here: what does not parse would be repeated, password and all.
    #[arg(long, value_name = "URL", env = variables::KINITRO_DATABASE_URL.name, hide_env_values = true)]
    pub(crate) database_url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DbStatusArguments {
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DbPruneArguments {
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// How many of the latest finished cycles keep their jobs
    #[arg(long, value_name = "COUNT", default_value_t = 24)]
    pub(crate) keep_cycles: u32,
}

#[derive(Debug, Args)]
pub(crate) struct DbResetArguments {
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// Confirm that everything is to be deleted
    #[arg(long)]
    pub(crate) force: bool,
}
