//! The reference page of the environment variables, made from their table and the definitions of
//! the flags, and kept in `docs/VARIABLES.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use crate::args::Arguments;
use crate::variables::{self, ALL, Own, Variable};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/VARIABLES.md");

const HEAD: &str = "\
# Environment variables

Made from the program's own definitions by `make docs`; do not edit.

A flag overrides its variable, and a variable overrides the default. Flags are explained in
[CLI.md](CLI.md). Secrets have no flag, or are better given by variable: other users of the machine can
see the arguments of a process. The program never prints their values.
";

/// The sections of the page, and what the names of their variables begin with.
const SECTIONS: [(&str, &str); 5] = [
    ("The API", "KINITRO_API_"),
    ("The scheduler", "KINITRO_SCHEDULER_"),
    ("Executors", "KINITRO_EXECUTOR_"),
    ("Validators", "KINITRO_VALIDATOR_"),
    ("Several commands", ""),
];

const UNSUPPORTED: &str = "
## Not supported yet

`kinitro executor` reads these variables, so that configurations written for other versions can be kept,
but this version has neither containers nor verification. `KINITRO_EXECUTOR_EVAL_MODE=docker` or
`basilica` and `KINITRO_EXECUTOR_VERIFICATION_ENABLED=true` end it with exit code 2; the others have no
effect.
";

/// A flag that takes its value from a variable, and a command that has it.
struct Flag {
    arg: Arg,
    command: String,
}

/// All flags with a variable, by its name.
fn flags() -> BTreeMap<String, Vec<Flag>> {
    let mut program = Arguments::command();
    program.build();
    let mut flags = BTreeMap::new();
    collect(&program, &mut flags);
    flags
}

fn collect(command: &Command, flags: &mut BTreeMap<String, Vec<Flag>>) {
    for arg in command.get_arguments() {
        if let Some(name) = arg.get_env() {
            let name = name.to_str().unwrap().to_owned();
            let command = command.get_bin_name().unwrap_or_default();
            let command = command.trim_start_matches("kinitro ").to_owned();
            flags.entry(name).or_default().push(Flag { arg: arg.clone(), command });
        }
    }
    command.get_subcommands().for_each(|inner| collect(inner, flags));
}

/// A line of the page.
struct Row {
    name: &'static str,
    flag: String,
    commands: String,
    default: String,
    meaning: String,
    is_hidden: bool,
}

impl Row {
    fn new(variable: &Variable, flags: &BTreeMap<String, Vec<Flag>>) -> Self {
        let secret = if variable.secret { " (secret)" } else { "" };
        let name = variable.name;
        if let Some(Own { commands, meaning, default }) = variable.own {
            return Self {
                name,
                flag: "-".to_owned(),
                commands: listed(commands),
                default: default.to_owned(),
                meaning: format!("{meaning}{secret}"),
                is_hidden: false,
            };
        }
        let [Flag { arg, .. }, ..] = &flags[name][..] else { unreachable!() };
        let help = arg.get_help().unwrap().to_string().replace('\n', " ");
        let (meaning, said) = match help.split_once(" [default: ") {
            Some((meaning, said)) => (meaning.to_owned(), said.strip_suffix(']')),
            None => (help.clone(), None),
        };
        let values = arg.get_default_values().iter();
        let values: Vec<_> = values.map(|value| format!("`{}`", value.display())).collect();
        let default = match said {
            Some(said) => said.to_owned(),
            None if !values.is_empty() => values.join(", "),
            None if matches!(arg.get_action(), ArgAction::SetTrue) => "`false`".to_owned(),
            None => "none".to_owned(),
        };
        let commands: Vec<_> = flags[name].iter().map(|flag| &*flag.command).collect();
        Self {
            name,
            flag: format!("`--{}`", arg.get_long().unwrap()),
            commands: listed(&commands),
            default,
            meaning: format!("{meaning}{secret}"),
            is_hidden: arg.is_hide_set(),
        }
    }
}

fn listed(commands: &[&str]) -> String {
    if commands.is_empty() {
        return "several".to_owned();
    }
    let commands = commands.iter().map(|command| format!("`{command}`"));
    commands.collect::<Vec<_>>().join(", ")
}

fn page() -> String {
    let flags = flags();
    let mut rows: Vec<Row> = ALL.iter().map(|variable| Row::new(variable, &flags)).collect();
    let mut page = HEAD.to_owned();
    for (title, prefix) in SECTIONS {
        let (own, others) =
            rows.into_iter().partition(|row| row.name.starts_with(prefix) && !row.is_hidden);
        rows = others;
        let _ = writeln!(page, "\n## {title}\n");
        table(&mut page, &own);
    }
    page.push_str(UNSUPPORTED);
    page.push('\n');
    table(&mut page, &rows);
    page
}

fn table(page: &mut String, rows: &[Row]) {
    page.push_str("| variable | flag | read by | default | meaning |\n|---|---|---|---|---|\n");
    for Row { name, flag, commands, default, meaning, .. } in rows {
        let cells = [flag, commands, default, meaning].map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(page, "| `{name}` | {} |", cells.join(" | "));
    }
}

#[test]
fn the_page_is_up_to_date() {
    if std::env::var_os("KINITRO_UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, page()).unwrap();
    }
    let committed = std::fs::read_to_string(Path::new(PAGE)).unwrap_or_default();
    assert_eq!(committed, page(), "docs/VARIABLES.md is out of date: run `make docs`");
}

#[test]
fn the_table_has_what_flags_read_and_nothing_else() {
    let of_flags: BTreeSet<String> = flags().into_keys().collect();
    let of_table = ALL.iter().filter(|variable| variable.own.is_none());
    let of_table: BTreeSet<String> = of_table.map(|variable| variable.name.to_owned()).collect();
    assert_eq!(of_flags, of_table);
    let names: BTreeSet<_> = ALL.iter().map(|variable| variable.name).collect();
    assert_eq!(names.len(), ALL.len(), "a name is there twice");
}

#[test]
fn commands_that_read_a_variable_exist() {
    let mut program = Arguments::command();
    program.build();
    for variable in ALL {
        for command in variable.own.iter().flat_map(|own| own.commands) {
            let found = command
                .split(' ')
                .try_fold(&program, |command, name| command.find_subcommand(name));
            assert!(found.is_some(), "{}: there is no command `{command}`", variable.name);
        }
    }
}

#[test]
fn a_secret_is_not_shown_in_help() {
    for (name, flags) in flags() {
        let secret = ALL.iter().any(|variable| variable.name == name && variable.secret);
        for Flag { arg, command } in flags {
            assert!(!secret || arg.is_hide_env_values_set(), "{command} shows {name}");
        }
    }
}

/// Every name that looks like one of ours in a string of the libraries or the program is in the
/// table, and every variable without a flag is read somewhere.
#[test]
fn nothing_else_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for package in ["kinitro-core", "kinitro-chain", "kinitro-eval", "kinitro-cli"] {
        sources(&root.join(package).join("src"), &mut files);
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/variables.rs");
    let mut quoted = BTreeSet::new();
    let mut by_constant = String::new();
    for file in files.into_iter().filter(|file| *file != root.join("kinitro-cli/src/variables.rs"))
    {
        assert_ne!(file, own);
        let text = std::fs::read_to_string(&file).unwrap();
        let name = |part: &&str| {
            let ours = ["KINITRO_", "BT_", "XDG_", "HOME"].iter().any(|own| part.starts_with(own));
            ours && !part.ends_with('_')
                && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        };
        quoted.extend(text.split('"').filter(name).map(str::to_owned));
        by_constant.push_str(&text);
    }
    // Those are read by tests only; the first tells them to write the reference pages.
    quoted.retain(|name| name != "KINITRO_UPDATE_DOCS" && !name.starts_with("KINITRO_TEST_"));
    for name in &quoted {
        assert!(ALL.iter().any(|variable| variable.name == name), "{name} is not in the table");
    }
    for variable in ALL.iter().filter(|variable| variable.own.is_some()) {
        let constant = format!("variables::{}", variable.name);
        let is_read = quoted.contains(variable.name) || by_constant.contains(&constant);
        assert!(is_read, "nothing reads {}", variable.name);
    }
    assert_eq!(
        variables::KINITRO_METAWORLD_ASSETS.name,
        kinitro_eval::env::metaworld::assets::FOLDER_VARIABLE
    );
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
