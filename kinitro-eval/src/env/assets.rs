use std::error::Error;

/// What is wrong with the files that a family of environments needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssetsErrorKind {
    /// It is not known where to look for them.
    NoFolder,
    /// They are not there.
    Missing,
    /// They cannot be read.
    Unreadable,
    /// Their content is not what it should be.
    Damaged,
    /// They belong to another version of the family.
    OtherVersion,
}

/// The files that a family of environments needs are missing or cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct AssetsError {
    family: String,
    kind: AssetsErrorKind,
    problem: String,
    hint: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl AssetsError {
    /// An error of a family's files. `problem` says in a phrase what is wrong.
    pub fn new(family: &str, kind: AssetsErrorKind, problem: impl Into<String>) -> Self {
        Self { family: family.to_owned(), kind, problem: problem.into(), hint: None, source: None }
    }

    /// Adds what the user can do about it, for families whose files the program cannot fetch.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Adds the error that caused this one. `problem` should mention it too.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// The name of the family.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// What is wrong.
    pub const fn kind(&self) -> AssetsErrorKind {
        self.kind
    }

    /// What the family says the user can do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}
