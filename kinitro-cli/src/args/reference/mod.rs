//! The reference page of the command line, made from the definitions and kept in `docs/CLI.md`.

mod environment;

use std::fmt::Write as _;
use std::path::Path;

use clap::{Command, CommandFactory as _};

use super::Arguments;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CLI.md");

const HEAD: &str = "\
# Command line

Made from the program's own definitions by `make docs`; do not edit.

Data goes to standard output, everything else to standard error. Progress bars appear only on a
terminal. Every command that reports something has `--json`.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | the job failed, or the answer is no |
| 2 | the arguments or settings are wrong |
| 3 | this machine lacks something: model files, a graphics driver, disk space, a database |
| 130 | stopped by a signal; finished work is kept |

Environment variables are in [VARIABLES.md](VARIABLES.md).
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
