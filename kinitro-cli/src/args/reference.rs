//! The reference page of the command line, made from the definitions and kept in `docs/CLI.md`.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Command, CommandFactory as _};

use super::Arguments;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CLI.md");

const HEAD: &str = "\
# Command line

Made from the program's own definitions by `make docs`; do not edit.

Data goes to standard output, everything else to standard error. Progress is shown on a terminal
only. Every command that reports has `--json`.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | the job failed, or its answer is no |
| 2 | what was asked for makes no sense |
| 3 | this machine lacks something: model files, a graphics driver, space on the disk, a database |
| 130 | stopped by a signal; what was done is kept |

| environment variable | meaning |
|---|---|
| `KINITRO_METAWORLD_ASSETS` | the folder of the MetaWorld model files, in place of the one below |
| `KINITRO_API_API_KEY` | the key that executors must show to `kinitro api` |
| `KINITRO_DATABASE_URL` | the database of the backend, in place of the one below |
| `XDG_DATA_HOME` | the model files are in `$XDG_DATA_HOME/kinitro/assets` and the database is `$XDG_DATA_HOME/kinitro/kinitro.db`, unsent results of executors in `$XDG_DATA_HOME/kinitro/executor`, `~/.local/share` unless it is set |
| `KINITRO_SCHEDULER_BACKEND_PRIVATE_KEY` | the private key that opens sealed endpoints, 64 hex characters, in place of its file |
| `KINITRO_EXECUTOR_API_KEY` | the key that `kinitro executor` shows the API |
| `BT_WALLET_PASSWORD` | the password of an encrypted key, which is asked for on the terminal otherwise |
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut program = Arguments::command().term_width(96);
    program.build();
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        section(&mut page, command);
    }
    page
}

fn section(page: &mut String, command: &Command) {
    let inner: Vec<_> =
        command.get_subcommands().filter(|inner| inner.get_name() != "help").collect();
    if inner.is_empty() {
        let name = command.get_bin_name().unwrap_or_default();
        let help = command.clone().render_long_help().to_string();
        let help: Vec<_> = help.lines().map(str::trim_end).collect();
        let _ = write!(page, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    }
    inner.into_iter().for_each(|command| section(page, command));
}

#[test]
fn the_reference_is_up_to_date() {
    if std::env::var_os("KINITRO_UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, page()).unwrap();
    }
    let committed = std::fs::read_to_string(Path::new(PAGE)).unwrap_or_default();
    assert_eq!(committed, page(), "docs/CLI.md is out of date: run `make docs`");
}

#[test]
fn the_definitions_are_sound() {
    Arguments::command().debug_assert();
}
