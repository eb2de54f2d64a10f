//! Libraries do not speak of flags and commands of the program: somebody else's program that uses them
//! has neither. What a user can do about an error is a kind there, and words in `kinitro-cli`.

use std::fs;
use std::path::{Path, PathBuf};

use kinitro_tests::{kinitro, workspace};

const LIBRARIES: [&str; 3] = ["kinitro-core/src", "kinitro-eval/src", "kinitro-chain/src"];

#[test]
fn no_string_of_a_library_names_a_flag_or_a_command() {
    let commands = commands();
    assert!(commands.iter().any(|name| name == "eval"), "{commands:?}");
    let mut found = Vec::new();
    for library in LIBRARIES {
        for file in sources(&workspace().join(library)) {
            let name = file.strip_prefix(workspace()).unwrap().display();
            for (line, string) in strings(&fs::read_to_string(&file).unwrap()) {
                if speaks_of_the_program(&string, &commands) {
                    found.push(format!("{name}:{line}: {string:?}"));
                }
            }
        }
    }
    assert!(found.is_empty(), "libraries name flags or commands:\n{}", found.join("\n"));
}

/// The subcommands of the program, as its help lists them.
fn commands() -> Vec<String> {
    let help = kinitro("--help").run().with_code(0).stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.trim().is_empty());
    listed.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn speaks_of_the_program(string: &str, commands: &[String]) -> bool {
    let has_flag = string.match_indices("--").any(|(at, _)| {
        let before = string[..at].chars().next_back();
        let after = string[at + 2..].chars().next();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '-')
            && after.is_some_and(|c| c.is_ascii_lowercase())
    });
    let has_command = string.match_indices("kinitro ").any(|(at, program)| {
        let rest = &string[at + program.len()..];
        let is_name = |c: char| c.is_ascii_lowercase() || c == '-';
        let word = rest.split(|c| !is_name(c)).next().unwrap_or_default();
        commands.iter().any(|command| command == word)
    });
    has_flag || has_command
}

/// The string literals of a Rust file, each with its line, without those of comments, of attributes
/// that only tests see, and of modules for tests.
fn strings(source: &str) -> Vec<(usize, String)> {
    let scanner = Scanner { rest: source, line: 1 };
    let mut strings = Vec::new();
    let mut depth = 0_usize;
    // From the attribute on until the item that it belongs to ends.
    let mut test_item: Option<usize> = None;
    for token in scanner {
        match token {
            Token::String(line, text) if test_item.is_none() => strings.push((line, text)),
            Token::String(..) => {}
            Token::TestOnly => test_item = test_item.or(Some(depth)),
            Token::Open => depth += 1,
            Token::Close => {
                depth = depth.saturating_sub(1);
                test_item = test_item.filter(|outer| depth > *outer);
            }
            Token::Semicolon => test_item = test_item.filter(|outer| depth > *outer),
        }
    }
    strings
}

enum Token {
    String(usize, String),
    /// `#[cfg(test)]`
    TestOnly,
    Open,
    Close,
    Semicolon,
}

/// Reads what matters here of Rust: strings, braces and what must not be taken for them.
struct Scanner<'a> {
    rest: &'a str,
    line: usize,
}

impl Scanner<'_> {
    fn advance(&mut self, bytes: usize) {
        self.line += self.rest[..bytes].matches('\n').count();
        self.rest = &self.rest[bytes..];
    }

    /// Goes past the next place where that is, or to the end.
    fn past(&mut self, what: &str) {
        let end = self.rest.find(what).map_or(self.rest.len(), |at| at + what.len());
        self.advance(end);
    }

    fn comment(&mut self) {
        let mut depth = 0_usize;
        while !self.rest.is_empty() {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.advance(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.advance(2);
                if depth == 0 {
                    return;
                }
            } else {
                self.advance(self.rest.chars().next().map_or(0, char::len_utf8));
            }
        }
    }

    /// A string from its opening quote on.
    fn string(&mut self) -> Token {
        let line = self.line;
        let mut text = String::new();
        let mut characters = self.rest[1..].char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.advance(1 + at + 1);
                    break;
                }
                '\\' => match characters.next() {
                    // A line that goes on: without the indentation of the next.
                    Some((_, '\n')) => {
                        let indentation = characters.as_str();
                        let spaces = indentation.len() - indentation.trim_start().len();
                        for _ in 0..spaces {
                            characters.next();
                        }
                    }
                    // `\u{...}`: no letter of a flag.
                    Some((_, 'u')) => {
                        characters.by_ref().find(|(_, character)| *character == '}');
                        text.push('\u{fffd}');
                    }
                    Some((_, 'n' | 'r' | 't')) => text.push(' '),
                    Some((_, escaped)) => text.push(escaped),
                    None => {}
                },
                other => text.push(other),
            }
        }
        Token::String(line, text)
    }

    /// `r"..."` or `r#"..."#`, if that is what is here.
    fn raw_string(&mut self) -> Option<Token> {
        let line = self.line;
        let after = self.rest.strip_prefix('r')?;
        let hashes = after.len() - after.trim_start_matches('#').len();
        let body = after[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = body.find(&end)?;
        let text = body[..length].to_owned();
        self.advance(1 + hashes + 1 + length + end.len());
        Some(Token::String(line, text))
    }

    /// Goes past a character literal. A lifetime is left to be read as a word.
    fn character(&mut self) {
        let after = &self.rest[1..];
        if after.starts_with('\\') {
            self.advance(3);
            self.past("'");
        } else {
            let literal = after.chars().next().filter(|c| after[c.len_utf8()..].starts_with('\''));
            self.advance(literal.map_or(1, |c| c.len_utf8() + 2));
        }
    }
}

impl Iterator for Scanner<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let mut after_word = false;
        loop {
            let first = self.rest.chars().next()?;
            if self.rest.starts_with("//") {
                self.past("\n");
            } else if self.rest.starts_with("/*") {
                self.comment();
            } else if self.rest.starts_with("#[cfg(test)]") {
                self.advance("#[cfg(test)]".len());
                return Some(Token::TestOnly);
            } else if first == '"' {
                return Some(self.string());
            } else if first == '\'' {
                self.character();
            } else if let Some(token) = (!after_word).then(|| self.raw_string()).flatten() {
                return Some(token);
            } else {
                self.advance(first.len_utf8());
                match first {
                    '{' => return Some(Token::Open),
                    '}' => return Some(Token::Close),
                    ';' => return Some(Token::Semicolon),
                    _ => {}
                }
            }
            after_word = first.is_alphanumeric() || first == '_';
        }
    }
}

#[test]
fn strings_are_found_where_they_are() {
    let source = r##"
        // "a comment --out"
        /* "another /* one */ --out" */
        /// ```"doc --out"```
        const U: &str = "--\u{1f600}";
        const A: &str = "one \"quoted\" \
                         two";
        const B: &str = r#"raw "--out""#;
        const C: (char, char, &'static str) = ('"', '\'', b"bytes");
        #[cfg(test)]
        use std::{fmt, fs};
        fn f() { g("{"); }
        #[cfg(test)]
        mod tests { fn g() { h("in a test") } }
        fn after() { g("after") }
    "##;
    let found: Vec<_> = strings(source).into_iter().map(|(_, string)| string).collect();
    assert_eq!(found, ["--\u{fffd}", "one \"quoted\" two", "raw \"--out\"", "bytes", "{", "after"]);
    assert_eq!(strings(source)[2].0, 8);
}

#[test]
fn flags_and_commands_are_told_from_other_words() {
    let commands = ["eval".to_owned(), "env".to_owned()];
    for (string, speaks) in [
        ("choose another --out folder", true),
        ("--out is missing", true),
        ("`--out`", true),
        ("run `kinitro env fetch`", true),
        ("a -- b, ----, a--b, --A", false),
        ("kinitro endpoint v2", false),
        ("kinitro evaluates", false),
        ("of kinitro, env", false),
    ] {
        assert_eq!(speaks_of_the_program(string, &commands), speaks, "{string}");
    }
}
