//! What the user can do about an error. Libraries say what is wrong; only the program knows its own
//! flags and commands, so the words for them are here, in one file for each area.

mod chain;
mod core;
mod eval;
mod services;
mod storage;

use std::borrow::Cow;

pub(crate) use services::of_scheduler;

/// A line of help, printed after `hint:`.
pub(crate) type Hint = Option<Cow<'static, str>>;

/// An error that a user may be able to do something about.
pub(crate) trait Hinted {
    /// What to do about it, if anything can be said.
    fn hint(&self) -> Hint;
}

/// A hint that is always the same.
fn fixed(hint: &'static str) -> Hint {
    Some(Cow::Borrowed(hint))
}

/// A hint of a library, which speaks of the world and not of flags.
fn from_library(hint: Option<&str>) -> Hint {
    hint.map(|hint| Cow::Owned(hint.to_owned()))
}
