use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Make the database, without tables, unless it is there.
    Create(DatabaseArguments),
    /// Make the tables, or bring those of an older version up to date. What is there is kept.
    Init(DatabaseArguments),
    /// Say what is in the database.
    Status(DbStatusArguments),
    /// Delete the tasks of old cycles. Their scores, weights and reports are kept.
    Prune(DbPruneArguments),
    /// Delete everything in the database.
    Reset(DbResetArguments),
}

#[derive(Debug, Args)]
pub(crate) struct DatabaseArguments {
    /// The database: `postgresql://USER:PASSWORD@HOST/NAME` or `sqlite:PATH` [default: the file
    /// kinitro/kinitro.db in $XDG_DATA_HOME, ~/.local/share]
    // Not parsed here: what does not parse would be repeated, password and all.
    #[arg(long, value_name = "URL", env = "KINITRO_DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DbStatusArguments {
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DbPruneArguments {
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// How many of the newest cycles that are over keep their tasks
    #[arg(long, value_name = "COUNT", default_value_t = 24)]
    pub(crate) keep_cycles: u32,
}

#[derive(Debug, Args)]
pub(crate) struct DbResetArguments {
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// Yes, delete everything
    #[arg(long)]
    pub(crate) force: bool,
}
